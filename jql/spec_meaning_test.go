package jql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/record"
)

// meaningSections compute the sections of the cases in testdata/meaning. Besides
// query and quoted (see [specCase]) a case may be given the section
//
//	with     in what circumstances the query is asked, line by line, see meaningWith
//
// A case without a computed section gets plan, and warnings if there are any, or
// refusal, from -update. A case with a plan and without warnings has none.
var meaningSections = map[string]func(*resolved) string{
	"plan":     (*resolved).plan,
	"warnings": (*resolved).warnings,
	"refusal":  (*resolved).refusal,
}

// meaningWith are the lines of a with section. What is not said is: index visits,
// UTC, the 15th of March 2024 at 10:00, by ana.
var meaningWith = map[string]func(t testing.TB, c *circumstances, value string){
	"index": func(t testing.TB, c *circumstances, value string) {
		c.schemas = nil
		for _, name := range strings.Fields(value) {
			c.schemas = append(c.schemas, cachedSchema(t, name))
		}
	},
	"zone": func(t testing.TB, c *circumstances, value string) { c.opts.Zone = zone(t, value) },
	"now": func(t testing.TB, c *circumstances, value string) {
		now, err := time.Parse(time.RFC3339Nano, value)
		require.NoError(t, err)
		c.opts.Now = now
	},
	"user":   func(_ testing.TB, c *circumstances, value string) { c.opts.User = value },
	"nobody": func(_ testing.TB, c *circumstances, _ string) { c.opts.User = "" },
	"week": func(t testing.TB, c *circumstances, value string) {
		days := map[string]time.Weekday{"sunday": time.Sunday, "monday": time.Monday, "saturday": time.Saturday}
		require.Contains(t, days, value)
		c.opts.WeekStart = days[value]
	},
	"jira": func(t testing.TB, c *circumstances, value string) {
		require.Equal(t, "dates", value)
		c.opts.JiraDates = true
	},
}

// Circumstances are in which a query of a case is asked.
type circumstances struct {
	schemas []*record.Schema
	opts    ResolveOptions
}

// usual returns the circumstances of a case that says nothing of them.
func usual(t testing.TB) *circumstances {
	one := func(v record.Value) func(context.Context, *Call) ([]record.Value, error) {
		return func(context.Context, *Call) ([]record.Value, error) { return []record.Value{v}, nil }
	}
	return &circumstances{
		schemas: []*record.Schema{cachedSchema(t, "visits")},
		opts: ResolveOptions{
			Now:     time.Date(2024, 3, 15, 10, 0, 0, 0, time.UTC),
			User:    "ana",
			Members: groups,
			Functions: map[string]Function{
				"district": {Call: one(record.StringValue("Kano"))},
				"myTeam": {List: true, Kinds: []record.Kind{record.String}, Call: func(context.Context, *Call) ([]record.Value, error) {
					return []record.Value{record.StringValue("ben"), record.StringValue("ana")}, nil
				}},
				"lastSync": {Kinds: dates, MaxArgs: -1, Call: one(record.TimeValue(time.Date(2024, 3, 1, 6, 30, 0, 0, time.UTC)))},
				"nowhere":  {Call: func(context.Context, *Call) ([]record.Value, error) { return nil, nil }},
				"broken":   {Call: func(context.Context, *Call) ([]record.Value, error) { return nil, errors.New("the directory is down") }},
			},
		},
	}
}

func groups(_ context.Context, group string) ([]string, error) {
	switch group {
	case "team":
		return []string{"ana", "ben"}, nil
	case "none":
		return nil, nil
	}
	return nil, errUnknownGroup(group)
}

var schemaCache sync.Map // of *record.Schema by name

func cachedSchema(t testing.TB, name string) *record.Schema {
	if s, ok := schemaCache.Load(name); ok {
		return s.(*record.Schema)
	}
	s, _ := schemaCache.LoadOrStore(name, schema(t, name))
	return s.(*record.Schema)
}

// A resolved case is a case with what Resolve makes of its query.
type resolved struct {
	*circumstances
	query      *Query
	resolution *Resolution
	errs       ErrorList
}

func (c *specCase) resolve(t testing.TB) *resolved {
	r := &resolved{circumstances: usual(t)}
	for _, line := range strings.Split(c.section("with"), "\n") {
		word, value, _ := strings.Cut(line, " ")
		if line != "" {
			require.Contains(t, meaningWith, word, "unknown circumstance")
			meaningWith[word](t, r.circumstances, value)
		}
	}
	var err error
	r.query, err = Parse(c.query(), nil)
	require.NoError(t, err, "the query of a meaning must parse")
	r.resolve(t)
	return r
}

func (r *resolved) resolve(t testing.TB) {
	resolution, err := Resolve(t.Context(), r.query, r.schemas, &r.opts)
	r.resolution = resolution
	if err != nil {
		require.Nil(t, resolution)
		require.ErrorAs(t, err, &r.errs)
	}
}

func (r *resolved) plan() string {
	if r.resolution == nil {
		return "none, the query is refused\n"
	}
	var b strings.Builder
	for _, p := range r.resolution.Plans {
		if len(r.resolution.Plans) > 1 {
			b.WriteString("index " + p.Schema.Index + "\n")
		}
		b.WriteString(p.String() + "\n")
	}
	return b.String()
}

func (r *resolved) warnings() string {
	if r.resolution == nil {
		return ""
	}
	return complaints(r.resolution.Warnings)
}

func (r *resolved) refusal() string { return complaints(r.errs) }

func complaints(list ErrorList) string {
	var b strings.Builder
	for _, e := range list {
		fmt.Fprintf(&b, "%s\ncode %s\n", e.Caret(), e.Code)
		if e.Suggestion != "" {
			b.WriteString("try " + inLine(e.Suggestion) + "\n")
		}
	}
	return b.String()
}

// TestMeaning checks every case of testdata/meaning/*.txtar.
func TestMeaning(t *testing.T) { runSpec(t, "testdata/meaning/*.txtar", (*specCase).checkMeaning) }

func (c *specCase) checkMeaning(t *testing.T) {
	r := c.resolve(t)
	if *update {
		given := func(s *specSection) bool { return slices.Contains([]string{"query", "quoted", "with"}, s.name) }
		c.sections = slices.DeleteFunc(c.sections, func(s *specSection) bool { return !given(s) })
		names := []string{"ast", "canonical", "plan"}
		switch {
		case r.resolution == nil:
			names[2] = "refusal"
		case len(r.resolution.Warnings) > 0:
			names = append(names, "warnings")
		}
		for _, name := range names {
			c.sections = append(c.sections, &specSection{name, c.meaningSection(name, r)})
		}
	}
	checked := map[string]bool{}
	for _, s := range c.sections {
		if slices.Contains([]string{"query", "quoted", "with"}, s.name) {
			continue
		}
		checked[s.name] = true
		require.Equal(t, s.text, c.meaningSection(s.name, r), "section %s of %q", s.name, c.query())
	}
	require.True(t, checked["ast"] && checked["canonical"], "the case does not show its tree; run with -update")
	require.True(t, checked["plan"] || checked["refusal"], "the case does not show its meaning; run with -update")
	require.True(t, checked["warnings"] || r.warnings() == "", "unexpected warnings:\n%s", r.warnings())
	r.requireCures(t)
	if r.resolution != nil {
		r.requireSane(t)
	}
}

// meaningSection computes a section of a case.
func (c *specCase) meaningSection(name string, r *resolved) string {
	if compute := meaningSections[name]; compute != nil {
		return compute(r)
	}
	return specSections[name](c)
}

// requireCures checks that each suggestion, put in its place, gives a query that is
// no longer complained of for the same reason.
func (r *resolved) requireCures(t testing.TB) {
	t.Helper()
	list := r.errs
	if r.resolution != nil {
		list = r.resolution.Warnings
	}
	for _, e := range list {
		if e.Suggestion == "" {
			continue
		}
		text := r.query.Text[:e.Span.Start] + e.Suggestion + r.query.Text[e.Span.End:]
		q, err := Parse(text, nil)
		require.NoError(t, err, "suggestion %q for %q", e.Suggestion, r.query.Text)
		cured := &resolved{circumstances: r.circumstances, query: q}
		cured.resolve(t)
		require.LessOrEqual(t, len(cured.errs), len(r.errs), "suggestion %q for %q", e.Suggestion, r.query.Text)
		if e.Code == "excludes_empty" && cured.resolution != nil {
			require.Contains(t, cured.plan(), "missing ", "suggestion %q for %q", e.Suggestion, r.query.Text)
		}
		left := cured.errs
		if cured.resolution != nil {
			left = append(left, cured.resolution.Warnings...)
		}
		for _, other := range left {
			same := other.Code == e.Code && other.Span.Start >= e.Span.Start && other.Span.End <= e.Span.Start+len(e.Suggestion)
			require.False(t, same, "suggestion %q for %q leads to %s", e.Suggestion, r.query.Text, other)
		}
	}
}
