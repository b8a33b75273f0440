package sqlsearch_test

import (
	"context"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/bench/visits"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/exact"
)

// What SQL answers of the visits is what package exact makes of the documents.
func TestAggregateVisits(t *testing.T) {
	t.Parallel()
	const n = 6000
	d := open(t, filepath.Join(t.TempDir(), "visits.sqlite"), nil)
	require.NoError(t, visits.Store(t.Context(), d, "visits", n))
	checkVisits(t, d, n)
}

func TestAggregateVisitsOfPostgres(t *testing.T) {
	t.Parallel()
	const n = 6000
	d, _ := filled(t, "dhr_aggregate", n)
	checkVisits(t, d, n)
}

func checkVisits(t *testing.T, d search.Driver, n int) {
	schemas, err := d.Schemas(t.Context(), "visits")
	require.NoError(t, err)
	s := schemas[0]
	questions := visitQuestions(t, s)
	tables, err := d.Aggregate(t.Context(), questions)
	require.NoError(t, err)
	for i, q := range questions {
		docs, failed := visits.Documents(s, n)
		want := exact.NewAggregator(q)
		for doc := range docs {
			if matches(q.Plan, doc.Record) {
				require.NoError(t, want.Add(doc.Record))
			}
		}
		require.NoError(t, failed())
		require.Equal(t, shown(want.Table()), shown(tables[i]), "question %d", i)
	}
}

// matches reports whether a visit matches one of the plans of visitQuestions.
func matches(p *plan.Plan, r *record.Record) bool {
	terms, ok := p.Where.(plan.Terms)
	return !ok || r.Lookup("district")[0].Text() == terms.Values[0].Text()
}

func visitQuestions(t *testing.T, s *record.Schema) (list []*search.Aggregation) {
	all := planOf(t, s, "")
	some := &plan.Plan{Schema: s, Where: plan.NewTerms(s.Field("district"), record.StringValue("Pune")), Order: all.Order}
	zone, err := time.LoadLocation("America/New_York")
	require.NoError(t, err)
	f := s.Field
	metrics := []search.Metric{
		{Op: "count", Field: f("medication")}, {Op: "sum", Field: f("dosage")}, {Op: "avg", Field: f("age")}, {Op: "min", Field: f("visit_date")},
		{Op: "max", Field: f("followup_date")}, {Op: "cardinality", Field: f("patient_id")}, {Op: "percentile", Field: f("age"), Percent: 90},
		{Op: "cardinality", Field: f("symptoms")}, {Op: "count", Field: f("symptoms")},
	}
	for _, p := range []*plan.Plan{all, some} {
		for _, groups := range [][]search.Group{
			{}, {{Field: f("district")}}, {{Field: f("medication"), Missing: true}}, {{Field: f("symptoms")}}, {{Field: f("symptoms"), Missing: true}},
			{{Field: f("followup_date"), Calendar: &search.Calendar{Unit: "month", Zone: zone}}},
			{{Field: f("visit_date"), Calendar: &search.Calendar{Unit: "week", WeekStart: time.Monday}, Missing: true}},
			{{Field: f("age"), Width: 7.5}}, {{Field: f("patient_id"), Prefix: "p00"}}, {{Field: f("symptoms"), Prefix: "S"}}, {{Field: f("medication"), Prefix: "PAR", Missing: true}},
			{{Field: f("gender")}, {Field: f("symptoms"), Missing: true}}, {{Field: f("symptoms")}, {Field: f("symptoms"), Prefix: "f"}},
			{{Field: f("gender")}, {Field: f("visit_date"), Calendar: &search.Calendar{Unit: "quarter"}}},
		} {
			list = append(list, &search.Aggregation{Plan: p, Groups: groups}, &search.Aggregation{Plan: p, Groups: groups, Metrics: metrics})
			if len(groups) == 1 {
				list = append(list,
					&search.Aggregation{Plan: p, Groups: groups, Largest: true, Limit: 3},
					&search.Aggregation{Plan: p, Groups: groups, Metrics: metrics[:3], Largest: true, Limit: 2},
					&search.Aggregation{Plan: p, Groups: groups, Limit: 2})
			}
		}
		list = append(list, &search.Aggregation{Plan: p, Groups: []search.Group{{Field: f("district")}}, After: []record.Value{record.StringValue("Nagpur")}, Limit: 5},
			&search.Aggregation{Plan: p, Groups: []search.Group{{Field: f("patient_id")}}, Largest: true, Limit: 10})
	}
	return list
}

// A question with more buckets than can be held is refused, and one in pages is not.
func TestTooManyBuckets(t *testing.T) {
	t.Parallel()
	d := open(t, filepath.Join(t.TempDir(), "many.sqlite"), nil)
	s := parsedSchema(t, "many", `{"properties": {"k": {"type": "long"}}}`)
	require.NoError(t, d.Create(t.Context(), s))
	columns, err := s.ProjectAll()
	require.NoError(t, err)
	_, err = d.Load(t.Context(), s, func(yield func(*search.Document) bool) {
		decoder := record.NewDecoder(columns)
		doc := search.Document{Record: &record.Record{Index: "many"}}
		for i := range exact.MaxBuckets + 1 {
			doc.Record.ID = record.IntValue(int64(i)).Text()
			doc.Place++
			if decoder.Decode([]byte(`{"k": `+doc.Record.ID+`}`), doc.Record) != nil || !yield(&doc) {
				return
			}
		}
	}, func(r search.Refusal) { t.Error(r) })
	require.NoError(t, err)
	q := &search.Aggregation{Plan: planOf(t, s, ""), Groups: []search.Group{{Field: s.Field("k")}}}
	_, err = d.Aggregate(t.Context(), []*search.Aggregation{q})
	require.ErrorIs(t, err, search.ErrTooManyBuckets)
	q.Limit = 10
	tables, err := d.Aggregate(t.Context(), []*search.Aggregation{q})
	require.NoError(t, err)
	require.Len(t, tables[0].Buckets, 10)
	require.True(t, tables[0].More)
	q.Largest = true // all alike: the least keys
	tables, err = d.Aggregate(t.Context(), []*search.Aggregation{q})
	require.NoError(t, err)
	require.Len(t, tables[0].Buckets, 10)
	require.Equal(t, record.IntValue(9), tables[0].Buckets[9].Keys[0])
	require.EqualValues(t, exact.MaxBuckets+1-10, tables[0].Others)
	q.Limit, q.Largest, q.Groups[0].Width = 0, false, 1000
	tables, err = d.Aggregate(t.Context(), []*search.Aggregation{q})
	require.NoError(t, err)
	require.Len(t, tables[0].Buckets, exact.MaxBuckets/1000+1)
}

// All questions of one call see the same records, whoever stores others meanwhile; and if one of them fails, so does the call.
func TestAggregateAtOneMoment(t *testing.T) {
	t.Parallel()
	s := schema(t, "clinic", `{"properties": {"age": {"type": "integer"}}}`)
	d := open(t, filepath.Join(t.TempDir(), "records.sqlite"), nil)
	require.NoError(t, d.Create(t.Context(), s))
	loaded := make(chan error, 1)
	var batches []iter.Seq[*search.Document]
	for i := range 60 {
		batches = append(batches, documents(t, s, fmt.Sprintf(`{"_id": "r%d", "_source": {"age": %d}}`, i, i%7)))
	}
	go func() {
		for _, docs := range batches {
			_, err := d.Load(t.Context(), s, docs, func(search.Refusal) {})
			if err != nil {
				loaded <- err
				return
			}
		}
		close(loaded)
	}()
	questions := make([]*search.Aggregation, 9)
	for i := range questions {
		questions[i] = &search.Aggregation{Plan: everything(s)}
	}
	for last, done := int64(0), false; !done; {
		select {
		case err := <-loaded:
			require.NoError(t, err)
			done = true
		default:
		}
		tables, err := d.Aggregate(t.Context(), questions)
		require.NoError(t, err)
		require.GreaterOrEqual(t, tables[0].Total, last)
		last = tables[0].Total
		for _, table := range tables {
			require.Equal(t, last, table.Total)
		}
	}
	unknown := schema(t, "unknown", `{"properties": {"age": {"type": "integer"}}}`)
	_, err := d.Aggregate(t.Context(), append(slices.Clone(questions), &search.Aggregation{Plan: everything(unknown)}))
	require.ErrorIs(t, err, search.ErrUnknownIndex)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = d.Aggregate(ctx, questions)
	require.ErrorIs(t, err, context.Canceled)
}
