package search_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/memsearch"
)

// shown prints an answer: keys, count and values of each bucket, and what was cut.
func shown(a *search.Answer) string {
	var b strings.Builder
	for _, bucket := range a.Buckets {
		for _, k := range bucket.Keys {
			b.WriteString(k.String() + " ")
		}
		fmt.Fprintf(&b, "%d", bucket.Count)
		for _, v := range bucket.Values {
			b.WriteString(" " + v.String())
		}
		b.WriteString("; ")
	}
	fmt.Fprintf(&b, "of %d", a.Total)
	if a.Cut != 0 {
		fmt.Fprintf(&b, ", without %d in %d", a.Others, a.Cut)
	}
	return b.String()
}

func TestAggregate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	kolkata, err := time.LoadLocation("Asia/Kolkata")
	require.NoError(t, err)
	zoned := *ask("age < 2", "visits")
	zoned.Options.Zone = kolkata
	by := func(names ...string) (groups []search.Group) {
		for _, n := range names {
			groups = append(groups, search.Group{Name: n})
		}
		return groups
	}
	for _, c := range []struct {
		name string
		who  *access.Principal
		q    search.Question
		want string
	}{
		{"all", admin, search.Question{Query: *ask("")}, `48; of 48`},
		{"by key", admin, search.Question{Query: *ask("", "visits"), Groups: by("district")},
			`"Kano" 10; "Madurai" 10; "Pune" 10; "Thane" 10; of 40`},
		{"by key, cut", admin, search.Question{Query: *ask("", "visits"), Groups: by("district"), Limit: 3},
			`"Kano" 10; "Madurai" 10; "Pune" 10; of 40, without 10 in 1`},
		{"the largest", admin, search.Question{Query: *ask("", "visits"), Groups: by("symptoms"), SortBy: "count", Limit: 1},
			`"fever" 40; of 40, without 10 in -1`},
		{"by a metric", admin, search.Question{Query: *ask("", "visits"), Groups: by("district"), Metrics: []search.Metric{{Op: "sum", Name: "age"}, {Op: "avg", Name: "age"}}, SortBy: "0", Limit: 2},
			`"Kano" 10 50 5; "Thane" 10 50 5; of 40, without 20 in 2`},
		{"two groups", admin, search.Question{Query: *ask("district IN (Pune, Kano)", "visits"), Groups: by("sex", "district")},
			`"female" "Pune" 10; "male" "Kano" 10; of 20`},
		{"two groups, the largest of the first", admin, search.Question{Query: *ask("", "visits"), Groups: by("symptoms", "sex"), SortBy: "count", Limit: 1},
			`"fever" "female" 20; "fever" "male" 20; of 40, without 10 in 1`},
		{"the zone of the query", admin, search.Question{Query: zoned, Groups: []search.Group{{Name: "date", Calendar: &search.Calendar{Unit: "quarter"}}}},
			`2023-12-31T18:30:00Z 2; 2024-06-30T18:30:00Z 3; 2024-09-30T18:30:00Z 3; of 8`},
		{"several indexes", admin, search.Question{Query: *ask(""), Groups: by("district"), Metrics: []search.Metric{{Op: "count"}, {Op: "max", Name: "age"}, {Op: "min", Name: "age"}, {Op: "sum", Name: "age"}}, SortBy: "count", Limit: 2},
			`"Kano" 12 12 27 1 100; "Madurai" 12 12 26 0 88; of 48, without 24 in 2`},
		{"a field that an index lacks", admin, search.Question{Query: *ask(""), Groups: by("role")}, `"nurse" 8; of 48`},
		{"missing there", admin, search.Question{Query: *ask(""), Groups: []search.Group{{Name: "role", Missing: true}}, Metrics: []search.Metric{{Op: "count", Name: "role"}}}, `"nurse" 8 8; null 40 0; of 48`},
		{"two groups, one missing", admin, search.Question{Query: *ask("district = Pune"), Groups: []search.Group{{Name: "role", Missing: true}, {Name: "district"}}, SortBy: "count"}, `null "Pune" 10; "nurse" "Pune" 2; of 12`},
		{"of an officer", officer, search.Question{Query: *ask(""), Groups: by("district"), Metrics: []search.Metric{{Op: "cardinality", Name: "patient.id"}}}, `"Pune" 10 7; of 10`},
	} {
		got, err := w.Aggregate(t.Context(), c.who, &c.q)
		require.NoError(t, err, c.name)
		require.Equal(t, c.want, shown(got[0]), c.name)
	}
	got, err := w.Aggregate(t.Context(), admin, &search.Question{Query: *ask("", "staff")}, &search.Question{Query: *ask("age > 3"), Groups: by("district")})
	require.NoError(t, err)
	require.Len(t, got, 2)
	none, err := w.Aggregate(t.Context(), admin)
	require.NoError(t, err)
	require.Empty(t, none)
}

func TestAggregateRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	group := func(name string) []search.Group { return []search.Group{{Name: name}} }
	metric := func(op, name string) []search.Metric { return []search.Metric{{Op: op, Name: name}} }
	for _, c := range []struct {
		name string
		who  *access.Principal
		q    *search.Question
		want error
	}{
		{"no question", admin, nil, search.ErrInvalid},
		{"three groups", admin, &search.Question{Groups: make([]search.Group, 3)}, search.ErrInvalid},
		{"a negative limit", admin, &search.Question{Groups: group("district"), Limit: -1}, search.ErrInvalid},
		{"sorted by nothing", admin, &search.Question{Groups: group("district"), SortBy: "age"}, search.ErrInvalid},
		{"sorted by a metric that is not there", admin, &search.Question{Groups: group("district"), SortBy: "0"}, search.ErrInvalid},
		{"unknown field", admin, &search.Question{Groups: group("distrikt")}, search.ErrUnknownField},
		{"a hidden field", officer, &search.Question{Groups: group("age")}, search.ErrUnknownField},
		{"a metric of a hidden field", officer, &search.Question{Metrics: metric("max", "age")}, search.ErrUnknownField},
		{"a masked field", officer, &search.Question{Groups: group("patient.name")}, search.ErrUnknownField},
		{"a metric without a field", admin, &search.Question{Metrics: metric("sum", "")}, search.ErrUnknownField},
		{"a sum of texts", admin, &search.Question{Metrics: metric("sum", "district")}, search.ErrInvalid},
		{"no such metric", admin, &search.Question{Metrics: metric("median", "age")}, search.ErrInvalid},
		{"what cannot be joined", admin, &search.Question{Groups: append(group("district"), group("gender")...), Metrics: metric("cardinality", "age")}, search.ErrUnsupported},
		{"an index not allowed", officer, &search.Question{Query: search.Query{Indexes: []string{"staff"}}}, search.ErrUnknownIndex},
	} {
		_, err := w.Aggregate(t.Context(), c.who, c.q)
		require.ErrorIs(t, err, c.want, c.name)
	}
	var complaints jql.ErrorList
	_, err := w.Aggregate(t.Context(), officer, &search.Question{}, &search.Question{Query: *ask("age = 1")})
	require.ErrorAs(t, err, &complaints)
}

func TestSuggest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	suggest := func(who *access.Principal, field, prefix string, limit int) string {
		buckets, err := w.Suggest(t.Context(), who, nil, field, prefix, limit)
		if err != nil {
			return err.Error()
		}
		return shown(&search.Answer{Buckets: buckets})
	}
	require.Equal(t, `"Kano" 12; "Madurai" 12; "Pune" 12; "Thane" 12; of 0`, suggest(admin, "district", "", 10))
	require.Equal(t, `"Kano" 12; of 0`, suggest(admin, "district", "kA", 10))
	require.Equal(t, `"Kano" 12; of 0`, suggest(admin, "district", "", 1))
	require.Equal(t, `"Asha 0" 6; of 0`, suggest(admin, "patient.name", "asha 0", 5))
	require.Equal(t, `"Pune" 10; of 0`, suggest(officer, "district", "", 10), "only what the officer may see")
	require.Contains(t, suggest(officer, "patient.name", "a", 5), "unknown field")
	require.Contains(t, suggest(admin, "age", "a", 5), "invalid")
	require.Contains(t, suggest(admin, "district", "a", 0), "invalid")
}

// A forgetful driver leaves out the last table.
type forgetful struct{ *memsearch.Driver }

func (d forgetful) Aggregate(ctx context.Context, questions []*search.Aggregation) ([]*search.Table, error) {
	tables, err := d.Driver.Aggregate(ctx, questions)
	return tables[:len(tables)-1], err
}

func TestTablesOfADriver(t *testing.T) {
	t.Parallel()
	x, err := search.New(forgetful{newWorld(t, nil).driver}, newPolicy(t), nil)
	require.NoError(t, err)
	_, err = x.Aggregate(t.Context(), admin, &search.Question{})
	require.ErrorIs(t, err, search.ErrBadAnswer)
	_, err = x.Suggest(t.Context(), admin, nil, "district", "", 5)
	require.ErrorIs(t, err, search.ErrBadAnswer)
	few, err := search.New(newWorld(t, nil).driver, newPolicy(t), &search.Options{MaxIndexes: 1})
	require.NoError(t, err)
	for _, names := range [][]string{nil, {"*"}, {"staff", "visits"}} {
		_, err = few.Suggest(t.Context(), admin, names, "district", "", 5)
		require.ErrorIs(t, err, search.ErrInvalid, "%v", names)
	}
}
