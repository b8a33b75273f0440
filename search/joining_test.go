package search_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/memsearch"
)

const readingsMapping = `{"mappings": {"_meta": {"dhr": {"case_insensitive": ["ward"]}}, "properties": {
	"district": {"type": "keyword"}, "age": {"type": "integer"}, "weight": {"type": "double"}, "date": {"type": "date"},
	"ward": {"type": "keyword"}, "marks": {"type": "long"}, "only": {"type": "integer"}}}}`

// The figures of several indexes are those of one index with all of their records.
func TestAggregateJoins(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	d := memsearch.New()
	var whole []string
	for i := range 150 {
		var fields []string
		add := func(chance float64, format string, args ...any) {
			if random.Float64() < chance {
				fields = append(fields, fmt.Sprintf(format, args...))
			}
		}
		add(0.9, `"district": %q`, districts[random.IntN(4)])
		add(0.8, `"age": %d`, random.IntN(40)-10)
		add(0.8, `"weight": %v`, float64(random.IntN(400))/4)
		add(0.9, `"date": "2024-%02d-%02dT10:00:00Z"`, random.IntN(12)+1, random.IntN(28)+1)
		add(0.8, `"ward": [%q, %q]`, []string{"North", "NORTH", "East", "ost"}[random.IntN(4)], []string{"a", "B", "b"}[random.IntN(3)])
		add(0.7, `"marks": [%d, %d]`, random.IntN(9), 100+random.IntN(9))
		add(0.5, `"only": %d`, random.IntN(5))
		doc := fmt.Sprintf(`{"_id": "r%d", "_source": {%s}}`, i, strings.Join(fields, ", "))
		whole = append(whole, doc)
	}
	seen := map[string]bool{}
	for i := range 4 { // the last is empty
		var own []string
		for _, doc := range whole {
			if !seen[doc] && (i == 2 || random.IntN(3) == 0) && i < 3 {
				seen[doc] = true
				own = append(own, doc)
			}
		}
		fill(t, d, fmt.Sprintf("part%d", i), readingsMapping, own)
	}
	fill(t, d, "whole", readingsMapping, whole)
	x, err := search.New(d, newPolicy(t), nil)
	require.NoError(t, err)
	var metrics []search.Metric
	for _, name := range []string{"age", "weight", "marks", "only"} {
		for _, op := range []string{"count", "values", "sum", "avg", "min", "max", "cardinality"} {
			metrics = append(metrics, search.Metric{Op: op, Name: name})
		}
		for _, percent := range []float64{0, 10, 50, 99.9, 100} {
			metrics = append(metrics, search.Metric{Op: "percentile", Name: name, Percent: percent})
		}
	}
	for _, name := range []string{"district", "ward", "date"} {
		metrics = append(metrics, search.Metric{Op: "cardinality", Name: name})
	}
	metrics = append(metrics, search.Metric{Op: "percentile", Name: "date", Percent: 50})
	for _, text := range []string{"", "only = 3", "age = 99"} {
		for _, groups := range [][]search.Group{nil, {{Name: "district"}}, {{Name: "district", Missing: true}}, {{Name: "ward"}}, {{Name: "age", Width: 10}},
			{{Name: "date", Calendar: &search.Calendar{Unit: "month"}, Missing: true}}} {
			for _, sort := range []string{"key", "count", "3", "6", "10"} {
				if groups == nil && sort != "key" && sort != "count" {
					continue
				}
				q := search.Question{Groups: groups, Metrics: metrics, SortBy: sort}
				if sort != "key" {
					q.Limit = 3
				}
				one, several := q, q
				one.Query, several.Query = *ask(text, "whole"), *ask(text, "part*")
				want, err := x.Aggregate(t.Context(), admin, &one)
				require.NoError(t, err)
				got, err := x.Aggregate(t.Context(), admin, &several)
				require.NoError(t, err)
				if want[0].Cut < 0 { // an engine that cuts does not count what it cuts
					want[0].Cut, got[0].Cut = 0, 0
				}
				require.Equal(t, shown(want[0]), shown(got[0]), "%q by %v sorted by %s", text, groups, sort)
			}
		}
	}
}

// Where the values cannot be counted exactly from buckets of records, there is no percentile.
func TestAggregateJoinsRefuses(t *testing.T) {
	t.Parallel()
	d := memsearch.New()
	fill(t, d, "one", readingsMapping, []string{`{"_id": "a", "_source": {"marks": [5, 5, 1], "age": 3}}`})
	fill(t, d, "two", readingsMapping, []string{`{"_id": "b", "_source": {"marks": [7], "age": 4}}`})
	x, err := search.New(d, newPolicy(t), nil)
	require.NoError(t, err)
	figure := func(op, name string) (string, error) {
		got, err := x.Aggregate(t.Context(), admin, &search.Question{Query: *ask(""), Metrics: []search.Metric{{Op: op, Name: name, Percent: 50}}})
		if err != nil {
			return "", err
		}
		return shown(got[0]), nil
	}
	_, err = figure("percentile", "marks")
	require.ErrorIs(t, err, search.ErrUnsupported)
	_, err = figure("percentile", "district")
	require.ErrorIs(t, err, search.ErrInvalid)
	for op, want := range map[string]string{"avg": "2 4.5; of 2", "cardinality": "2 3; of 2", "values": "2 4; of 2"} {
		got, err := figure(op, "marks")
		require.NoError(t, err)
		require.Equal(t, want, got, op)
	}
}
