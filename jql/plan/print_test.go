package plan_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

func TestNodeString(t *testing.T) {
	for _, s := range samples {
		t.Run(s.text, func(t *testing.T) {
			require.Equal(t, s.text, s.node.String())
		})
	}
}

func TestPlanString(t *testing.T) {
	during := plan.Window{From: january, To: february}
	p := &plan.Plan{
		Schema: schema,
		Where: plan.And{
			plan.Exists{Field: status},
			plan.Not{Node: plan.Terms{Field: status, Values: str("A", "B")}},
			span(age, num(18)[0], true, num(60)[0], false),
			plan.Match{Field: notes, Text: "high fever", Mode: plan.Phrase},
			plan.Or{
				plan.Was{Field: status, History: history, Held: *states("Done"), Window: during, By: []string{"ana"}},
				plan.Not{Node: plan.Or{
					plan.Terms{Field: age, Values: num(7)},
					span(age, num(90)[0], true, record.Value{}, false),
				}},
			},
		},
		Order: []plan.Sort{{Field: date, Desc: true}, {}, {Field: id}},
	}
	require.Equal(t, `where
  and
    exists Data.status
    not terms Data.status "A" "B"
    range age [18, 60)
    match notes phrase "high fever"
    or
      was Data.status "Done" during [2024-01-01T00:00:00Z, 2024-02-01T00:00:00Z) by "ana"
      not or
        terms age 7
        range age [90, *)
order
  date desc
  - asc
  _id asc`, p.String())
	require.Equal(t, "where\n  all\norder\n  _id asc", (&plan.Plan{Where: plan.All{}, Order: []plan.Sort{{Field: id}}}).String())
	require.Equal(t, "where\n  nothing", (&plan.Plan{}).String(), "a plan that breaks the rules prints too")
}

func TestModeString(t *testing.T) {
	require.Equal(t, "fuzzy", plan.Fuzzy.String())
	require.Equal(t, "mode(9)", plan.Mode(9).String())
}

func TestEqual(t *testing.T) {
	for i, a := range samples {
		for j, b := range samples {
			require.Equal(t, i == j, plan.Equal(a.node, b.node), "%s and %s", a.text, b.text)
		}
		require.False(t, plan.Equal(a.node, nil))
		require.False(t, plan.Equal(nil, a.node))
	}
	require.True(t, plan.Equal(nil, nil))
}

func TestEqualByMeaning(t *testing.T) {
	again := *age
	a := span(age, num(5)[0], true, record.Value{}, true)
	b := span(&again, num(5)[0].WithText("05"), true, record.Value{}, false)
	require.True(t, plan.Equal(a, b), "another copy of the field, another way of writing 5, the side of an open end")
	again.Kind = record.Float
	require.False(t, plan.Equal(a, b), "another kind")

	words := plan.Match{Field: notes, Text: "x"}
	edits := words
	edits.Edits = 2
	require.True(t, plan.Equal(words, edits), "edits count for a fuzzy match only")

}

// TestEqualHistories: two histories may share their entries, and then differ in the parts of them.
func TestEqualHistories(t *testing.T) {
	a, b := &record.Field{Path: "log.a"}, &record.Field{Path: "log.b"}
	one := record.History{Path: "log", Field: a, From: a, To: a, At: a, Author: a}
	equal := func(h record.History) bool {
		return plan.Equal(plan.Was{Field: status, History: &one}, plan.Was{Field: status, History: &h}) &&
			plan.Equal(plan.Changed{Field: status, History: &one}, plan.Changed{Field: status, History: &h})
	}
	same := one
	again := *a
	same.To, same.Fields = &again, []string{"x"}
	require.True(t, equal(same), "another copy of the part, and what else the history is of")
	for name, change := range map[string]func(h *record.History){
		"path": func(h *record.History) { h.Path = "changes" }, "field": func(h *record.History) { h.Field = b },
		"from": func(h *record.History) { h.From = b }, "to": func(h *record.History) { h.To = b },
		"at": func(h *record.History) { h.At = b }, "author": func(h *record.History) { h.Author = b },
		"no author": func(h *record.History) { h.Author = nil },
	} {
		other := one
		change(&other)
		require.False(t, equal(other), name)
	}
}

func TestPlanEqual(t *testing.T) {
	make := func(desc bool, n plan.Node) *plan.Plan {
		return &plan.Plan{Schema: &record.Schema{Index: "visits"}, Where: n, Order: []plan.Sort{{Field: date, Desc: desc}}}
	}
	p := make(true, plan.All{})
	var none *plan.Plan
	require.True(t, p.Equal(make(true, plan.All{})))
	require.False(t, p.Equal(make(false, plan.All{})))
	require.False(t, p.Equal(make(true, plan.None{})))
	require.False(t, p.Equal(none))
	require.True(t, none.Equal(nil))
	other := make(true, plan.All{})
	other.Schema.Index = "patients"
	require.False(t, p.Equal(other))
}

func TestWalk(t *testing.T) {
	n := plan.And{plan.Exists{Field: age}, plan.Or{plan.Not{Node: plan.Exists{Field: date}}, plan.Missing{Field: notes}}, plan.All{}}
	var seen []string
	plan.Walk(n, func(n plan.Node) bool {
		seen = append(seen, n.String())
		_, or := n.(plan.Or)
		return !or
	})
	require.Equal(t, []string{n.String(), "exists age", "or {not exists date; missing notes}", "all"}, seen)
	seen = nil
	plan.Walk(n, func(n plan.Node) bool { seen = append(seen, n.String()); return true })
	require.Equal(t, []string{"not exists date", "exists date", "missing notes", "all"}, seen[3:])
}

func TestFields(t *testing.T) {
	p := &plan.Plan{
		Schema: schema,
		Where: plan.And{
			plan.Terms{Field: age, Values: num(1)},
			plan.Or{plan.Exists{Field: notes}, plan.Match{Field: notes, Text: "x"}, plan.Missing{Field: sex}},
			plan.Not{Node: span(age, num(1)[0], true, num(2)[0], true)},
			plan.Terms{Field: id, Values: str("1")},
			plan.Was{Field: status, History: history},
			plan.Changed{Field: weight, History: history},
		},
		Order: []plan.Sort{{Field: date, Desc: true}, {Field: age}, {}, {Field: id}},
	}
	require.Equal(t, []*record.Field{age, notes, sex, status, date}, plan.Fields(p))
	require.Empty(t, plan.Fields(&plan.Plan{Where: plan.All{}, Order: []plan.Sort{{Field: id}}}))
}

func TestFieldsOfHistories(t *testing.T) {
	s, err := record.ParseSchema("visits", []byte(`{
		"_meta": {"dhr": {"aliases": {"state": "status"}, "history": {"path": "log", "fields": ["status"]}}},
		"properties": {
			"status": {"type": "text", "fields": {"keyword": {"type": "keyword"}}},
			"log": {"type": "nested", "properties": {"field": {"type": "keyword"}, "from": {"type": "keyword"},
				"to": {"type": "keyword"}, "at": {"type": "date"}}}}}`))
	require.NoError(t, err)
	f := s.Field("status.keyword")
	h := s.History(f)
	p := &plan.Plan{Schema: s, Where: plan.Changed{Field: f, History: h}}
	require.Equal(t, []*record.Field{s.Field("log")}, plan.Fields(p))
	p.Where = plan.Or{p.Where, plan.Was{Field: f, History: h}}
	require.Equal(t, []*record.Field{s.Field("log"), f}, plan.Fields(p))

	require.Equal(t, []string{"status.keyword", "status", "state"}, plan.HistoryNames(s, f))
	require.Equal(t, []string{"status", "state"}, plan.HistoryNames(s, s.Field("status")))
	require.Equal(t, []string{"age"}, plan.HistoryNames(schema, age))
}
