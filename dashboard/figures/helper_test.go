package figures_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/dashboard"
	"github.com/digit-health/dhr/dashboard/figures"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/bulk"
	"github.com/digit-health/dhr/search/memsearch"
)

const visitsMapping = `{"mappings": {
	"_meta": {"dhr": {"label": "Visits", "labels": {"age": "Age", "temperature": "Temperature (°C)"}, "personal": ["name"], "key": "visit_id", "aliases": {"date": "at"}}},
	"properties": {
		"visit_id": {"type": "keyword"}, "name": {"type": "keyword"}, "age": {"type": "integer"}, "district": {"type": "keyword"},
		"at": {"type": "date"}, "day": {"type": "date", "format": "yyyy-MM-dd"}, "symptoms": {"type": "keyword"}, "cost": {"type": "double"},
		"temperature": {"type": "double"}, "severe": {"type": "boolean"}, "notes": {"type": "text"},
		"diagnosis": {"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 20}}},
		"tests": {"type": "nested", "properties": {"test": {"type": "keyword"}, "value": {"type": "double"}}}}}}`

// now is when everything is asked.
var now = time.Date(2026, 11, 27, 10, 0, 0, 0, time.UTC)

// visitLines are records of all sorts: several values, none, marks in texts, and dates on the edges of days.
func visitLines() []string {
	districts := []string{"Pune", "Thane", `Ka"no <b>`, "", "पुणे", "a\\b", "Pune ", "pune", "EMPTY"}
	var all []string
	for i := range 240 {
		d := map[string]any{"visit_id": fmt.Sprintf("V%03d", i), "name": fmt.Sprintf("Name %d", i), "age": i % 90}
		if i%11 != 0 {
			d["district"] = districts[i%len(districts)]
		}
		at := time.Date(2026, time.Month(1+i%10), 1+i%28, i%24, i%60, 0, 0, time.FixedZone("", 330*60))
		if i%13 != 0 {
			d["at"] = at.Format(time.RFC3339)
			d["day"] = []string{at.Format(time.DateOnly), at.AddDate(0, 2, 0).Format(time.DateOnly)}[:1+i%2]
		}
		d["symptoms"] = []string{"fever", "cough", "rash"}[:i%4]
		d["cost"] = float64(i) + 0.5
		d["severe"] = i%3 == 0
		d["diagnosis"] = strings.Repeat("long ", i%7) + "illness"
		d["tests"] = []map[string]any{{"test": "malaria", "value": i}, {"test": []string{"hb", "malaria"}[i%2], "value": 1}}
		if i%5 != 0 {
			d["temperature"] = 36 + float64(i%5)/2
		}
		text, err := json.Marshal(d)
		if err != nil {
			panic(err)
		}
		all = append(all, string(text))
	}
	return all
}

// An engine is memory that counts and fails as it is told.
type engine struct {
	*memsearch.Driver

	calls, questions atomic.Int64
	fail             func([]*search.Aggregation) error
}

func (e *engine) Aggregate(ctx context.Context, all []*search.Aggregation) ([]*search.Table, error) {
	e.calls.Add(1)
	e.questions.Add(int64(len(all)))
	if e.fail != nil {
		if err := e.fail(all); err != nil {
			return nil, err
		}
	}
	return e.Driver.Aggregate(ctx, all)
}

// A house is an index of visits, filters by their ids, and figures.
type house struct {
	t       *testing.T
	engine  *engine
	index   *search.Index
	filters map[string]*dashboard.Filter
	*figures.Figures
}

func load(t testing.TB, e *memsearch.Driver, index, mapping string, lines []string) {
	t.Helper()
	schema, err := record.ParseSchema(index, []byte(mapping))
	require.NoError(t, err)
	require.NoError(t, e.Create(t.Context(), schema))
	name := t.TempDir() + "/records.ndjson"
	require.NoError(t, os.WriteFile(name, []byte(strings.Join(lines, "\n")+"\n"), 0o600))
	report, err := bulk.Load(t.Context(), e, schema, []string{name}, nil)
	require.NoError(t, err)
	require.EqualValues(t, len(lines), report.Stored)
}

const testRoles = `{
	"ALL": {"permissions": ["view", "share", "admin"], "grants": [{"indexes": ["*"], "others": "visible"}]},
	"PUNE": {"permissions": ["view"], "grants": [{"indexes": ["*"], "rows": "district = Pune", "fields": [{"fields": ["name", "cost"], "show": "hidden"}], "others": "visible"}]},
	"PUNE2": {"permissions": ["view"], "grants": [{"indexes": ["*"], "rows": "district = Pune", "fields": [{"fields": ["name", "cost"], "show": "hidden"}], "others": "visible"}]},
	"MASKED": {"permissions": ["view"], "grants": [{"indexes": ["*"], "fields": [{"fields": ["visit_id", "name"], "show": "pseudonym"}], "others": "visible"}]}
}`

func newHouse(t *testing.T, opts *figures.Options) *house {
	t.Helper()
	h := &house{t: t, engine: &engine{Driver: memsearch.New()}, filters: map[string]*dashboard.Filter{}}
	load(t, h.engine.Driver, "visits", visitsMapping, visitLines())
	roles, err := access.ParseRoles([]byte(testRoles))
	require.NoError(t, err)
	policy, err := access.NewPolicy(roles, &access.Options{Key: []byte(strings.Repeat("s", 32))})
	require.NoError(t, err)
	h.index, err = search.New(h.engine, policy, &search.Options{Now: func() time.Time { return now }})
	require.NoError(t, err)
	if opts == nil {
		opts = &figures.Options{Keep: -1}
	}
	if opts.Now == nil {
		opts.Now = func() time.Time { return now }
	}
	h.Figures = figures.New(h.index, h.filter, opts)
	h.filters["all"] = &dashboard.Filter{ID: "all", AllowedIndexes: []string{"visits"}}
	return h
}

func (h *house) filter(_ context.Context, _ *access.Principal, id string) (*dashboard.Filter, error) {
	if f := h.filters[id]; f != nil {
		return f, nil
	}
	return nil, dashboard.ErrNotFound
}

// ask makes a filter of a text.
func (h *house) ask(jql string, indexes ...string) string {
	id := fmt.Sprint("f", len(h.filters))
	if len(indexes) == 0 {
		indexes = []string{"visits"}
	}
	h.filters[id] = &dashboard.Filter{ID: id, JQL: jql, AllowedIndexes: indexes}
	return id
}

var (
	boss = &access.Principal{User: "boss", Tenant: "pb", Roles: []string{"ALL"}}
	pune = &access.Principal{User: "pune", Tenant: "pb", Roles: []string{"PUNE"}}
)

// show computes one gadget.
func (h *house) show(who *access.Principal, kind, filter string, c dashboard.GadgetConfig) *figures.Data {
	h.t.Helper()
	g := &dashboard.Gadget{ID: "g", Type: kind, Title: "A title", FilterID: filter, Config: c}
	for d := range h.Data(h.t.Context(), who, []*dashboard.Gadget{g}, nil) {
		return d
	}
	h.t.Fatal("there is no data")
	return nil
}

// right computes one gadget that has no error, and holds that each of its queries finds as many records as it says.
func (h *house) right(who *access.Principal, kind, filter string, c dashboard.GadgetConfig) *figures.Data {
	h.t.Helper()
	d := h.show(who, kind, filter, c)
	require.Nil(h.t, d.Error, "%+v", d.Error)
	h.finds(who, d, d.Question.JQL, d.Total)
	for _, s := range d.Series {
		for _, p := range s.Points {
			require.True(h.t, p.JQL != "" || kind == "stat" && d.Question.JQL == "", "%s of %s", p.Label, s.Label)
			require.Equal(h.t, p.JQL == "", p.All)
			h.finds(who, d, p.JQL, p.Count)
		}
	}
	if d.Missing != nil && c.SplitBy == "" {
		h.finds(who, d, d.Missing.JQL, d.Missing.Count)
	}
	if d.Others != nil && d.Others.JQL != "" {
		h.finds(who, d, d.Others.JQL, d.Others.Count)
	}
	if d.Previous != nil {
		h.finds(who, d, d.Previous.JQL, d.Previous.Total)
		for _, p := range d.Previous.Points {
			h.finds(who, d, p.JQL, p.Count)
		}
	}
	return d
}

func (h *house) finds(who *access.Principal, d *figures.Data, jql string, want int64) {
	h.t.Helper()
	q := &search.Query{JQL: jql, Indexes: d.Question.Indexes}
	q.Options.Now = d.Question.AsOf
	zone, err := time.LoadLocation(d.Question.TimeZone)
	require.NoError(h.t, err)
	q.Options.Zone = zone
	got, _, err := h.index.Count(h.t.Context(), who, q, 0)
	require.NoError(h.t, err, jql)
	require.Equal(h.t, want, got, jql)
}

// line writes points in one line.
func line(points []figures.Point) string {
	var all []string
	for _, p := range points {
		all = append(all, fmt.Sprintf("%s=%v", p.Label, p.Value))
	}
	return strings.Join(all, " ")
}

// quoted writes a text as JSON.
func quoted(text string) string {
	out, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(out)
}
