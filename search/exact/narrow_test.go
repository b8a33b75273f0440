package exact_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/exact"
)

// drawNode draws a condition that is built as plans are.
func drawNode(t *rapid.T, s *record.Schema, depth int) plan.Node {
	kinds := []string{"terms", "range", "exists", "missing", "match"}
	if depth > 0 {
		kinds = append(kinds, "and", "or", "not", "and", "or", "not")
	}
	word := func() record.Value {
		return record.StringValue(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "word"))
	}
	switch rapid.SampledFrom(kinds).Draw(t, "node") {
	case "terms":
		return plan.NewTerms(s.Field("name"), word(), word())
	case "range":
		return plan.Range{Field: s.Field("age"), Lower: plan.Bound{Value: record.IntValue(rapid.Int64Range(0, 9).Draw(t, "age")), Inclusive: true}}
	case "exists":
		return plan.Exists{Field: s.Field("name")}
	case "missing":
		return plan.Missing{Field: s.Field("age")}
	case "match":
		return plan.Match{Field: s.Field("note"), Text: word().Text()}
	case "and":
		return plan.NewAnd(drawNode(t, s, depth-1), drawNode(t, s, depth-1), drawNode(t, s, depth-1))
	case "or":
		return plan.NewOr(drawNode(t, s, depth-1), drawNode(t, s, depth-1), drawNode(t, s, depth-1))
	default:
		return plan.NewNot(drawNode(t, s, depth-1))
	}
}

// Whatever an engine cannot do, the narrowed condition holds for every record for
// which the whole one holds, asks for nothing that the engine cannot, and is exact
// when it says so; and records that are read by it are those of the whole.
func TestNarrowProperty(t *testing.T) {
	t.Parallel()
	s := newSchema(t)
	columns, err := s.Project("name", "age", "note")
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		p := allOf(s)
		p.Where = drawNode(t, s, 3)
		missing := rapid.Uint8().Draw(t, "what the engine cannot do")
		can := func(n plan.Node) bool {
			switch n.(type) {
			case plan.Terms:
				return missing&1 == 0
			case plan.Range:
				return missing&2 == 0
			case plan.Exists, plan.Missing:
				return missing&4 == 0
			case plan.Match:
				return missing&8 == 0
			}
			require.Fail(t, "no leaf", "%T", n)
			return false
		}
		var instead func(plan.Node) plan.Node
		if missing&16 != 0 && missing&4 == 0 { // what matches a text has one
			instead = func(n plan.Node) plan.Node {
				if m, ok := n.(plan.Match); ok {
					return plan.Exists{Field: m.Field}
				}
				return nil
			}
		}
		narrowed, exactly := exact.Narrow(p.Where, can, instead)
		plan.Walk(narrowed, func(n plan.Node) bool {
			switch n.(type) {
			case plan.And, plan.Or, plan.Not, plan.All, plan.None:
			default:
				require.True(t, can(n), "%s", n)
			}
			return true
		})
		var docs strings.Builder
		for i := range 40 {
			fmt.Fprintf(&docs, `{"_id":"%02d","_source":{`, i)
			if i%4 > 0 {
				fmt.Fprintf(&docs, `"name":"%c",`, "abc"[i%3])
			}
			if i%5 > 0 {
				fmt.Fprintf(&docs, `"note":["%c","%c"],`, "abc"[i/3%3], "abc"[i/9%3])
			}
			if i%7 > 0 {
				fmt.Fprintf(&docs, `"age":%d,`, i%10)
			}
			fmt.Fprintf(&docs, "\"ok\":true}}\n")
		}
		all := idsOf(t, lines(docs.String(), nil)(t.Context(), &search.Read{Plan: p, Columns: columns}))
		wider := *p
		wider.Where = narrowed
		more := idsOf(t, lines(docs.String(), nil)(t.Context(), &search.Read{Plan: &wider, Columns: columns}))
		require.Subset(t, more, all)
		if exactly {
			require.Equal(t, all, more)
		}
		require.Equal(t, all, idsOf(t, exact.Read(t.Context(), &search.Read{Plan: p, Columns: columns}, narrowed, lines(docs.String(), nil))))
		n, err := exact.Count(t.Context(), p, 0, narrowed, lines(docs.String(), nil))
		require.NoError(t, err)
		require.EqualValues(t, len(all), n)
	})
}

func idsOf(t require.TestingT, records record.Stream) []string {
	ids := []string{}
	for r, err := range records {
		require.NoError(t, err)
		ids = append(ids, r.ID)
	}
	return ids
}

// A scan stands where the engine's scan stands, also behind records that were left out.
func TestScan(t *testing.T) {
	t.Parallel()
	s := newSchema(t)
	p := allOf(s)
	p.Where = plan.NewTerms(s.Field("name"), record.StringValue("a"))
	columns, err := s.Project("age")
	require.NoError(t, err)
	var docs strings.Builder
	for i := range 12 {
		fmt.Fprintf(&docs, `{"_id":"%02d","_source":{"name":"%c","age":%d}}`+"\n", i, "abc"[i%3], i)
	}
	scan := func(ctx context.Context, s *search.Scan) (record.Stream, func() string) {
		require.Equal(t, "all", s.Plan.Where.String())
		at := ""
		return func(yield func(*record.Record, error) bool) {
			for r, err := range lines(docs.String(), nil)(ctx, &search.Read{Plan: s.Plan, Columns: s.Columns}) {
				require.NoError(t, err)
				if at = r.ID; r.ID > s.From && !yield(r, nil) {
					return
				}
			}
		}, func() string { return at }
	}
	records, position := exact.Scan(t.Context(), &search.Scan{Plan: p, Columns: columns}, plan.All{}, scan)
	for r, err := range records {
		require.NoError(t, err)
		require.Same(t, columns, r.Projection())
		if r.ID == "03" {
			break
		}
	}
	require.Equal(t, "03", position())
	records, _ = exact.Scan(t.Context(), &search.Scan{Plan: p, Columns: columns, From: position()}, plan.All{}, scan)
	require.Equal(t, []string{"06", "09"}, idsOf(t, records))

	n, err := exact.Count(t.Context(), p, 0, plan.All{}, exact.ScanReader(scan))
	require.NoError(t, err)
	require.EqualValues(t, 4, n)
}

// What the plan needs and the index lacks is an error, not a record left out.
func TestUnknownField(t *testing.T) {
	t.Parallel()
	s := newSchema(t)
	other, err := record.ParseSchema("visits", []byte(`{"properties": {"age": {"type": "keyword"}, "name": {"type": "keyword"}}}`))
	require.NoError(t, err)
	p := allOf(s)
	p.Where = plan.Range{Field: s.Field("age"), Lower: plan.Bound{Value: record.IntValue(3)}}
	columns, err := other.Project("name", "age")
	require.NoError(t, err)
	read := func(context.Context, *search.Read) record.Stream { return nil }
	for _, err := range exact.Read(t.Context(), &search.Read{Plan: p, Columns: columns}, plan.All{}, read) {
		require.ErrorIs(t, err, search.ErrUnknownField)
	}
	scan := func(context.Context, *search.Scan) (record.Stream, func() string) { return nil, nil }
	records, position := exact.Scan(t.Context(), &search.Scan{Plan: p, Columns: columns, From: "7"}, plan.All{}, scan)
	for _, err := range records {
		require.ErrorIs(t, err, search.ErrUnknownField)
	}
	require.Equal(t, "7", position())
}

// An error of the engine is the answer, whatever came before it.
func TestErrors(t *testing.T) {
	t.Parallel()
	s := newSchema(t)
	p := allOf(s)
	p.Where = plan.NewTerms(s.Field("name"), record.StringValue("a"))
	down := errors.New("down")
	failing := func(ctx context.Context, r *search.Read) record.Stream {
		return func(yield func(*record.Record, error) bool) {
			for rec, err := range lines(`{"_id":"1","_source":{"name":"a"}}`, nil)(ctx, r) {
				if !yield(rec, err) {
					return
				}
			}
			yield(nil, down)
		}
	}
	columns, err := s.Project()
	require.NoError(t, err)
	seen := 0
	for r, err := range exact.Read(t.Context(), &search.Read{Plan: p, Columns: columns}, plan.All{}, failing) {
		if seen++; seen == 1 {
			require.Equal(t, "1", r.ID)
			continue
		}
		require.ErrorIs(t, err, down)
		require.Nil(t, r)
	}
	require.Equal(t, 2, seen)
	_, err = exact.Count(t.Context(), p, 0, plan.All{}, failing)
	require.ErrorIs(t, err, down)
	_, err = exact.Aggregate(t.Context(), &search.Aggregation{Plan: p}, plan.All{}, failing)
	require.ErrorIs(t, err, down)
	_, err = exact.Aggregate(t.Context(), &search.Aggregation{Plan: p, Limit: -1}, plan.All{}, failing)
	require.ErrorIs(t, err, search.ErrInvalid)
}

func TestManyBuckets(t *testing.T) {
	t.Parallel()
	s := newSchema(t)
	columns, err := s.Project("age", "name")
	require.NoError(t, err)
	fill := func(a *search.Aggregation, n int) (*search.Table, error) {
		g := exact.NewAggregator(a)
		var r record.Record
		for i := range n {
			r.Reset(columns)
			r.Append(0, record.IntValue(int64(i)*7919%int64(n)))
			if err := g.Add(&r); err != nil {
				return nil, err
			}
		}
		return g.Table(), nil
	}
	group := []search.Group{{Field: s.Field("age")}}
	_, err = fill(&search.Aggregation{Groups: group, Largest: true, Limit: 3}, exact.MaxBuckets+1)
	require.ErrorIs(t, err, search.ErrTooManyBuckets)

	n := exact.MaxBuckets + 1
	table, err := fill(&search.Aggregation{Groups: group, Limit: 3}, n)
	require.NoError(t, err)
	require.Equal(t, []string{"0 1", "1 1", "2 1"}, print(table))
	require.True(t, table.More)
	require.EqualValues(t, n, table.Total)
	table, err = fill(&search.Aggregation{Groups: group, Limit: 3, After: []record.Value{record.IntValue(int64(n) - 3)}}, n)
	require.NoError(t, err)
	require.Equal(t, []string{fmt.Sprint(n-2, " 1"), fmt.Sprint(n-1, " 1")}, print(table))
	require.False(t, table.More)
}
