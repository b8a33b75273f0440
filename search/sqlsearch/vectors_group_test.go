package sqlsearch_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/sqlsearch"
)

// vectorGroups returns questions about groups of a plan's records.
func vectorGroups(p *plan.Plan) (all []*search.Aggregation) {
	f := p.Schema.Field
	metrics := []search.Metric{
		{Op: "count"}, {Op: "count", Field: f("doses")}, {Op: "values", Field: f("doses")}, {Op: "sum", Field: f("doses")}, {Op: "avg", Field: f("age")}, {Op: "avg", Field: f("weight")},
		{Op: "min", Field: f("weight")}, {Op: "max", Field: f("doses")}, {Op: "max", Field: f("day")}, {Op: "cardinality", Field: f("signs")}, {Op: "cardinality", Field: f("age")},
		{Op: "cardinality", Field: f("sex")}, {Op: "percentile", Field: f("doses"), Percent: 60}, {Op: "count", Field: f("alive")},
		{Op: "percentile", Field: f("age"), Percent: 30}, {Op: "min", Field: f("age")}, {Op: "cardinality", Field: f("doses")}, {Op: "sum", Field: f("weight")},
	}
	bySQL := []search.Metric{{Op: "percentile", Field: f("weight"), Percent: 30}}
	month, week := &search.Calendar{Unit: "month"}, &search.Calendar{Unit: "week", WeekStart: time.Monday}
	for _, groups := range [][]search.Group{
		{}, {{Field: f("sex")}}, {{Field: f("sex"), Missing: true}}, {{Field: f("signs")}}, {{Field: f("signs"), Missing: true}}, {{Field: f("doses"), Missing: true}}, {{Field: f("alive")}},
		{{Field: f("day"), Calendar: month}}, {{Field: f("day"), Calendar: week, Missing: true}}, {{Field: f("age"), Width: 2.5, Missing: true}}, {{Field: f("weight")}}, {{Field: f("at")}},
		{{Field: f("signs")}, {Field: f("doses"), Missing: true}}, {{Field: f("day"), Calendar: month}, {Field: f("signs"), Missing: true}}, {{Field: f("sex"), Missing: true}, {Field: f("age")}},
		{{Field: f("at"), Calendar: &search.Calendar{Unit: "hour"}}}, {{Field: f("at"), Calendar: month, Missing: true}, {Field: f("alive")}},
	} {
		all = append(all, &search.Aggregation{Plan: p, Groups: groups}, &search.Aggregation{Plan: p, Groups: groups, Metrics: metrics})
		if len(groups) == 1 {
			all = append(all, &search.Aggregation{Plan: p, Groups: groups, Metrics: bySQL}, &search.Aggregation{Plan: p, Groups: groups, Largest: true, Limit: 3}, &search.Aggregation{Plan: p, Groups: groups, Metrics: metrics, Largest: true, Limit: 2},
				&search.Aggregation{Plan: p, Groups: groups, Metrics: metrics[:4], Limit: 2})
		}
	}
	return all
}

// sameTables requires that a store answers questions as another one does by SQL.
func sameTables(t *testing.T, sql, d *sqlsearch.SQLite, questions []*search.Aggregation, where string) {
	t.Helper()
	want, err := sql.Aggregate(t.Context(), questions)
	require.NoError(t, err)
	got, err := d.Aggregate(t.Context(), questions)
	require.NoError(t, err)
	for i, q := range questions {
		require.Equal(t, shown(want[i]), shown(got[i]), "%s: question %d: %s %+v %v", where, i, q.Plan, q.Groups, q.Metrics)
	}
}

// What groups of columns in memory count is what SQL counts, whatever has changed in between.
func TestGroupsAnswerAsSQL(t *testing.T) {
	t.Parallel()
	s := schema(t, "clinic", vectorMapping)
	random := rand.New(rand.NewPCG(7, 8)) //nolint:gosec // a fixed seed is wanted
	file := filepath.Join(t.TempDir(), "records.sqlite")
	d, sql := open(t, file, nil), open(t, file, &sqlsearch.Options{Columns: -1})
	require.NoError(t, d.Create(t.Context(), s))
	for round := range 3 {
		var lines []string
		for i := range 160 {
			lines = append(lines, vectorDocument(random, fmt.Sprintf("r%d", random.IntN(90)+90*round*(i%2))))
		}
		load(t, d, s, lines...)
		queries := append([]string{""}, vectorQueries[5*round:5*round+4]...)
		if testing.Short() {
			queries = queries[round : round+2]
		}
		for _, query := range queries {
			sameTables(t, sql, d, vectorGroups(parsed(t, s, query)), fmt.Sprint("round ", round))
		}
		require.Positive(t, d.InMemory())
	}
	require.Zero(t, sql.InMemory())
}

// What does not fit into memory, or has more groups than are counted side by side, SQL counts.
func TestGroupsBeyondMemory(t *testing.T) {
	t.Parallel()
	s := schema(t, "clinic", `{"properties": {"n": {"type": "long"}, "x": {"type": "double"}, "at": {"type": "date"}}}`)
	file := filepath.Join(t.TempDir(), "records.sqlite")
	d, sql := open(t, file, nil), open(t, file, &sqlsearch.Options{Columns: -1})
	small := open(t, file, &sqlsearch.Options{Columns: 100})
	require.NoError(t, d.Create(t.Context(), s))
	var lines []string
	for i := range 200 {
		lines = append(lines, fmt.Sprintf(`{"_id": "r%d", "_source": {"n": %d, "x": %v, "at": "%d-01-02T03:04:05.%03dZ"}}`, i, i*i*123456789, float64(i)/3, 1000+i*40, i))
	}
	load(t, d, s, lines...)
	f := s.Field
	var questions []*search.Aggregation
	for _, query := range []string{"", "n > 1000", "n >= 0"} {
		p := parsed(t, s, query)
		for _, groups := range [][]search.Group{{}, {{Field: f("n")}}, {{Field: f("x")}}, {{Field: f("n"), Width: 1e9}}, {{Field: f("at"), Calendar: &search.Calendar{Unit: "day"}}}, {{Field: f("n")}, {Field: f("x")}}} {
			questions = append(questions, &search.Aggregation{Plan: p, Groups: groups},
				&search.Aggregation{Plan: p, Groups: groups, Metrics: []search.Metric{{Op: "percentile", Field: f("n"), Percent: 50}, {Op: "cardinality", Field: f("x")}, {Op: "sum", Field: f("n")}}})
		}
	}
	sameTables(t, sql, d, questions, "as it is")
	sameTables(t, sql, small, questions, "without room")
	require.LessOrEqual(t, small.InMemory(), int64(100))
}

// Who comes while a part is read waits for it, as long as he wants to; and reads it himself if the other could not.
func TestPartsAreReadOnce(t *testing.T) {
	t.Parallel()
	part := sqlsearch.NewParts()
	began, failed, waited := make(chan struct{}), make(chan struct{}), make(chan error, 2)
	go func() {
		waited <- part(t.Context(), func() error {
			close(began)
			<-failed
			return context.Canceled
		})
	}()
	<-began
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, part(gone, func() error { t.Error("read by another"); return nil }), context.Canceled)
	read := 0
	go func() {
		waited <- part(t.Context(), func() error { read++; return nil })
	}()
	close(failed)
	require.ElementsMatch(t, []error{context.Canceled, nil}, []error{<-waited, <-waited})
	require.Equal(t, 1, read)
	require.NoError(t, part(t.Context(), func() error { t.Error("read twice"); return nil }))

	part = sqlsearch.NewParts()
	require.Panics(t, func() { _ = part(t.Context(), func() error { panic("a fault") }) })
	require.NoError(t, part(t.Context(), func() error { return nil }), "nobody waits for who is gone")
}

// Spans of calendars are those of SQL also where a zone left out a day, a day began twice, and a date far away stands for none.
func TestSpansAnswerAsSQL(t *testing.T) {
	t.Parallel()
	s := schema(t, "clinic", `{"properties": {"at": {"type": "date"}}}`)
	file := filepath.Join(t.TempDir(), "records.sqlite")
	d, sql := open(t, file, nil), open(t, file, &sqlsearch.Options{Columns: -1})
	require.NoError(t, d.Create(t.Context(), s))
	var lines []string
	put := func(format string, args ...any) {
		lines = append(lines, fmt.Sprintf(`{"_id": "r%d", "_source": {"at": "%s"}}`, len(lines), fmt.Sprintf(format, args...)))
	}
	for _, begin := range []string{"1993-08-01T02:00:00Z", "1994-12-20T02:00:00Z", "1999-10-20T02:38:30Z", "2011-12-10T02:00:00Z"} {
		at, err := time.Parse(time.RFC3339, begin)
		require.NoError(t, err)
		for i := range 130 {
			put("%s", at.Add(time.Duration(i)*5*time.Hour).Format(time.RFC3339))
		}
	}
	load(t, d, s, lines...)
	for round := range 2 {
		for _, name := range []string{"UTC", "Pacific/Apia", "Pacific/Kiritimati", "Pacific/Kwajalein", "America/St_Johns", "Asia/Kolkata"} {
			zone, err := time.LoadLocation(name)
			require.NoError(t, err)
			var questions []*search.Aggregation
			for _, unit := range []string{"hour", "day", "week", "month", "year"} {
				for first := range 7 {
					c := &search.Calendar{Unit: unit, Zone: zone, WeekStart: time.Weekday(first)}
					questions = append(questions, &search.Aggregation{Plan: parsed(t, s, ""), Groups: []search.Group{{Field: s.Field("at"), Calendar: c}}})
				}
			}
			sameTables(t, sql, d, questions, fmt.Sprint("round ", round, " in ", name))
		}
		lines = lines[:0]
		put("9999-12-31T23:59:59Z")
		put("0001-01-01T00:00:00Z")
		load(t, d, s, lines...)
	}
}

// Sums of whole numbers are as exact as SQLite's, and what takes too much memory on the way is left to SQL.
func TestSumsAnswerAsSQL(t *testing.T) {
	t.Parallel()
	s := schema(t, "clinic", `{"properties": {"n": {"type": "long"}, "u": {"type": "unsigned_long"}, "marks": {"type": "long"}}}`)
	file := filepath.Join(t.TempDir(), "records.sqlite")
	d, sql := open(t, file, nil), open(t, file, &sqlsearch.Options{Columns: -1})
	small := open(t, file, &sqlsearch.Options{Columns: 20_000})
	require.NoError(t, d.Create(t.Context(), s))
	random := rand.New(rand.NewPCG(11, 12)) //nolint:gosec // a fixed seed is wanted
	var lines []string
	for i := range 300 {
		lines = append(lines, fmt.Sprintf(`{"_id": "r%d", "_source": {"n": %d, "u": %d, "marks": [%d, %d, %d]}}`, i,
			(9_007_199_254_740_993+2*random.Int64N(3))*(1-2*random.Int64N(2)), uint64(1<<63)+random.Uint64N(99), random.Int64(), random.Int64(), random.Int64N(4)))
	}
	load(t, d, s, lines...)
	var questions []*search.Aggregation
	for _, query := range []string{"", "n > 0", "n < 0"} {
		for _, field := range []string{"n", "u", "marks"} {
			questions = append(questions, &search.Aggregation{Plan: parsed(t, s, query), Metrics: []search.Metric{{Op: "sum", Field: s.Field(field)}, {Op: "avg", Field: s.Field(field)}, {Op: "max", Field: s.Field(field)}}})
		}
	}
	sameTables(t, sql, d, questions, "as it is")
	sameTables(t, sql, small, questions, "without room")
	require.LessOrEqual(t, small.InMemory(), int64(20_000))
}
