package exact_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql/eval"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/exact"
)

const mapping = `{"mappings": {
	"properties": {
		"name":   {"type": "keyword"},
		"ward":   {"type": "keyword"},
		"age":    {"type": "integer"},
		"temp":   {"type": "double"},
		"at":     {"type": "date"},
		"day":    {"type": "date", "format": "yyyy-MM-dd"},
		"ok":     {"type": "boolean"},
		"from":   {"type": "ip"},
		"app":    {"type": "version"},
		"big":    {"type": "unsigned_long"},
		"note":   {"type": "text"}
	},
	"_meta": {"dhr": {"case_insensitive": ["ward"]}}
}}`

func newSchema(t require.TestingT) *record.Schema {
	s, err := record.ParseSchema("visits", []byte(mapping))
	require.NoError(t, err)
	return s
}

// allOf returns the plan of every record.
func allOf(s *record.Schema) *plan.Plan {
	return &plan.Plan{Schema: s, Where: plan.All{}, Order: []plan.Sort{{Field: s.Field("_id")}}}
}

// lines returns a reader of documents, one on each line, which are in the order
// that is asked for and of which it keeps what it was asked.
func lines(docs string, asked *[]*search.Read) exact.Reader {
	return func(_ context.Context, r *search.Read) record.Stream {
		if asked != nil {
			*asked = append(*asked, r)
		}
		return func(yield func(*record.Record, error) bool) {
			m, err := eval.Compile(r.Plan, r.Columns)
			if err != nil {
				yield(nil, err)
				return
			}
			for rec, err := range record.ReadNDJSON(strings.NewReader(docs), "", r.Columns) {
				if err != nil {
					yield(nil, err)
					return
				}
				if m.Match(rec) && !yield(rec, nil) {
					return
				}
			}
		}
	}
}

func TestNarrow(t *testing.T) {
	t.Parallel()
	s := newSchema(t)
	leaf := func(name string) plan.Node {
		return plan.Range{Field: s.Field("age"), Lower: plan.Bound{Value: record.IntValue(int64(name[0]))}}
	}
	a, b := leaf("a"), leaf("b")
	x := plan.Node(plan.Match{Field: s.Field("note"), Text: "x"})
	can := func(n plan.Node) bool { _, match := n.(plan.Match); return !match }
	for _, c := range []struct {
		name     string
		n        plan.Node
		want     plan.Node
		exact    bool
		instead  plan.Node
		withElse plan.Node // what Narrow returns if it has instead
	}{
		{name: "all", n: plan.All{}, want: plan.All{}, exact: true},
		{name: "none", n: plan.None{}, want: plan.None{}, exact: true},
		{name: "can", n: plan.And{a, plan.Not{Node: b}}, want: plan.And{a, plan.Not{Node: b}}, exact: true},
		{name: "leaf", n: x, want: plan.All{}, withElse: b},
		{name: "and", n: plan.And{a, x}, want: a, withElse: plan.And{a, b}},
		{name: "or", n: plan.Or{a, x}, want: plan.All{}, withElse: plan.Or{a, b}},
		{name: "not", n: plan.Not{Node: x}, want: plan.All{}, withElse: plan.All{}},
		{name: "and not", n: plan.And{a, plan.Not{Node: x}}, want: a, withElse: a},
		{name: "not or", n: plan.Not{Node: plan.Or{a, x}}, want: plan.Not{Node: a}, withElse: plan.Not{Node: a}},
		{name: "not and", n: plan.Not{Node: plan.And{a, x}}, want: plan.All{}, withElse: plan.All{}},
		{name: "twice not", n: plan.Not{Node: plan.And{a, plan.Not{Node: plan.And{b, x}}}}, want: plan.Not{Node: plan.And{a, plan.Not{Node: b}}},
			withElse: plan.Not{Node: plan.And{a, plan.Not{Node: b}}}},
		{name: "deep", n: plan.And{a, plan.Or{b, plan.And{leaf("c"), x}}}, want: plan.And{a, plan.Or{b, leaf("c")}},
			withElse: plan.And{a, plan.Or{b, plan.And{leaf("c"), b}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, exactly := exact.Narrow(c.n, can, nil)
			require.Equal(t, c.want.String(), got.String())
			require.Equal(t, c.exact, exactly)
			if c.withElse != nil {
				got, exactly = exact.Narrow(c.n, can, func(plan.Node) plan.Node { return b })
				require.Equal(t, c.withElse.String(), got.String())
				require.False(t, exactly)
			}
		})
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	s := newSchema(t)
	var docs strings.Builder
	for i := range 20 {
		fmt.Fprintf(&docs, `{"_id":"%02d","_source":{"age":%d,"name":"n%d","temp":36.50}}`+"\n", i, i, i)
	}
	p := allOf(s)
	p.Where = plan.NewAnd(
		plan.Range{Field: s.Field("age"), Lower: plan.Bound{Value: record.IntValue(3), Inclusive: true}},
		plan.Not{Node: plan.NewTerms(s.Field("name"), record.StringValue("n5"))})
	narrowed, exactly := exact.Narrow(p.Where, func(n plan.Node) bool { _, ok := n.(plan.Range); return ok }, nil)
	require.False(t, exactly)
	columns, err := s.Project("temp", "_id", "temp")
	require.NoError(t, err)
	ids := func(skip, limit int) (ids []string) {
		var asked []*search.Read
		r := &search.Read{Plan: p, Columns: columns, Skip: skip, Limit: limit, Source: true, After: []record.Value{record.StringValue("")}}
		for rec, err := range exact.Read(t.Context(), r, narrowed, lines(docs.String(), &asked)) {
			require.NoError(t, err)
			require.Same(t, columns, rec.Projection())
			require.Equal(t, "36.50", rec.Value(0).Text())
			require.Equal(t, "36.50", rec.Value(2).Text())
			require.Equal(t, rec.ID, rec.Value(1).Text())
			require.Contains(t, string(rec.Source()), `"age"`)
			ids = append(ids, rec.ID)
		}
		require.Len(t, asked, 1)
		require.Zero(t, asked[0].Skip+asked[0].Limit)
		require.Equal(t, r.After, asked[0].After)
		require.Equal(t, "range age [3, *)", asked[0].Plan.Where.String())
		return ids
	}
	all := ids(0, 0)
	require.Len(t, all, 16)
	require.Equal(t, "03 04 06 07", strings.Join(all[:4], " "))
	require.Equal(t, all[2:5], ids(2, 3))
	require.Equal(t, all[14:], ids(14, 3))
	require.Empty(t, ids(16, 3))

	n, err := exact.Count(t.Context(), p, 0, narrowed, lines(docs.String(), nil))
	require.NoError(t, err)
	require.EqualValues(t, 16, n)
	n, err = exact.Count(t.Context(), p, 5, narrowed, lines(docs.String(), nil))
	require.NoError(t, err)
	require.EqualValues(t, 5, n)
}

func TestAggregate(t *testing.T) {
	t.Parallel()
	s := newSchema(t)
	docs := `{"ward":["B","b","a"],"age":[30,30,50],"temp":0.1,"at":"2024-01-31T20:00:00Z","day":"2024-01-31"}
{"ward":"A","age":70,"temp":0.2,"at":"2024-02-29T20:00:00Z"}
{"age":10,"temp":0.7}
`
	f := s.Field
	count := func(groups []search.Group, metrics ...search.Metric) *search.Table {
		a := &search.Aggregation{Plan: allOf(s), Groups: groups, Metrics: metrics}
		require.NoError(t, a.Validate())
		table, err := exact.Aggregate(t.Context(), a, plan.All{}, lines(docs, nil))
		require.NoError(t, err)
		return table
	}
	require.Equal(t, []string{`"a" 2 [180 2 30]`, `"b" 1 [110 1 30]`, "null 1 [10 1 10]"}, print(count([]search.Group{{Field: f("ward"), Missing: true}},
		search.Metric{Op: "sum", Field: f("age")}, search.Metric{Op: "count", Field: f("age")}, search.Metric{Op: "min", Field: f("age")})))
	require.Equal(t, []string{"10 1", "30 1", "50 1", "70 1"}, print(count([]search.Group{{Field: f("age")}})))
	require.Equal(t, []string{"0 1", "25 1", "50 2"}, print(count([]search.Group{{Field: f("age"), Width: 25}})))
	require.Equal(t, []string{" 3 [1 4 30 50 0.3333333333333333]"}, print(count(nil, search.Metric{Op: "sum", Field: f("temp")},
		search.Metric{Op: "cardinality", Field: f("age")}, search.Metric{Op: "percentile", Field: f("age"), Percent: 60},
		search.Metric{Op: "percentile", Field: f("age"), Percent: 60.1}, search.Metric{Op: "avg", Field: f("temp")}))[:1])
}

// print returns each bucket on a line.
func print(t *search.Table) (lines []string) {
	for _, b := range t.Buckets {
		keys := make([]string, len(b.Keys))
		for i, k := range b.Keys {
			keys[i] = k.String()
		}
		line := fmt.Sprintf("%s %d", strings.Join(keys, " "), b.Count)
		if len(b.Values) > 0 {
			line += fmt.Sprintf(" %v", slices.Collect(func(yield func(string) bool) {
				for _, v := range b.Values {
					yield(v.String())
				}
			}))
		}
		lines = append(lines, line)
	}
	return lines
}

// A sum is the number nearest to the true one, whatever the order of the records and
// however little of it decides.
func TestSum(t *testing.T) {
	t.Parallel()
	s := newSchema(t)
	for name, c := range map[string]struct {
		temps []string
		want  string
	}{
		"half way, and the rest decides":  {[]string{"-0.5", "0.1", "1e-300"}, "-0.39999999999999997"},
		"half way, and the rest is below": {[]string{"-0.5", "0.1", "-1e-300"}, "-0.4"},
		"what is lost on the way":         {[]string{"1e16", "1", "-1e16"}, "1"},
		"ten tenths":                      {strings.Fields(strings.Repeat("0.1 ", 10)), "1"},
	} {
		slices.Sort(c.temps)
		for range 2 {
			slices.Reverse(c.temps)
			docs := ""
			for _, temp := range c.temps {
				docs += `{"temp":` + temp + "}\n"
			}
			a := &search.Aggregation{Plan: allOf(s), Metrics: []search.Metric{{Op: "sum", Field: s.Field("temp")}}}
			table, err := exact.Aggregate(t.Context(), a, plan.All{}, lines(docs, nil))
			require.NoError(t, err)
			require.Equal(t, c.want, table.Buckets[0].Values[0].String(), "%s: %v", name, c.temps)
		}
	}
}
