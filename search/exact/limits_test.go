package exact

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

func newSums(t *testing.T) (*record.Schema, func(docs ...string) []*record.Record) {
	t.Helper()
	s, err := record.ParseSchema("visits", []byte(`{"mappings":{"properties":{"n":{"type":"long"},"x":{"type":"double"},"tag":{"type":"keyword"},"date":{"type":"date"}}}}`))
	require.NoError(t, err)
	all, err := s.ProjectAll()
	require.NoError(t, err)
	return s, func(docs ...string) (records []*record.Record) {
		for r, err := range record.ReadNDJSON(strings.NewReader(strings.Join(docs, "\n")), "visits", all) {
			require.NoError(t, err)
			records = append(records, r.Clone())
		}
		return records
	}
}

func question(s *record.Schema, group string, metrics ...search.Metric) *search.Aggregation {
	a := &search.Aggregation{Plan: &plan.Plan{Schema: s, Where: plan.All{}}, Metrics: metrics}
	if group != "" {
		a.Groups = []search.Group{{Field: s.Field(group)}}
	}
	return a
}

// The different values that figures keep are bounded over all buckets, and those of buckets that were given up are free again.
func TestFiguresAreBounded(t *testing.T) {
	t.Parallel()
	s, read := newSums(t)
	var docs []string
	for i := range 300 {
		docs = append(docs, fmt.Sprintf(`{"tag":"t%03d","n":%d}`, 299-i, i))
	}
	for _, metric := range []search.Metric{{Op: "cardinality", Field: s.Field("n")}, {Op: "percentile", Field: s.Field("n"), Percent: 50}} {
		for _, c := range []struct {
			group       string
			limit, most int
			fits        bool
		}{{"", 0, 299, false}, {"", 0, 300, true}, {"tag", 0, 299, false}, {"tag", 0, 300, true}, {"tag", 5, 150, true}} {
			a := question(s, c.group, metric)
			a.Limit = c.limit
			g := NewAggregator(a)
			g.left.left = c.most
			var err error
			for _, r := range read(docs...) {
				if err = g.Add(r); err != nil {
					break
				}
			}
			if !c.fits {
				require.ErrorIs(t, err, search.ErrTooManyBuckets, "%s %v", metric.Op, c)
				continue
			}
			require.NoError(t, err, "%s %v", metric.Op, c)
			require.Equal(t, int64(300), g.Table().Total)
		}
	}
}

// Sums may go beyond all numbers on their way, and come back.
func TestGreatSums(t *testing.T) {
	t.Parallel()
	s, read := newSums(t)
	for _, c := range []struct{ values, sum, avg string }{
		{"1.7e308 1.7e308 -1.7e308", "1.7e+308", "5.666666666666667e+307"},
		{"-1.7e308 -1.7e308 1.7e308 1.7e308 0.25", "0.25", "0.05"},
		{"1 1.7e308 1.7e308 -1.7e308 -1.7e308", "1", "0.2"},
		{"1.7e308 1.7e308", "+Inf", "1.7e+308"},
	} {
		g := NewAggregator(question(s, "", search.Metric{Op: "sum", Field: s.Field("x")}, search.Metric{Op: "avg", Field: s.Field("x")}))
		for _, v := range strings.Fields(c.values) {
			require.NoError(t, g.Add(read(`{"x":` + v + `}`)[0]))
		}
		values := g.Table().Buckets[0].Values
		require.Equal(t, c.sum, fmt.Sprint(values[0].Float()), c.values)
		require.Equal(t, c.avg, fmt.Sprint(values[1].Float()), c.values)
	}
}

// A record with very many values takes no time that grows with their square.
func TestRecordOfManyValues(t *testing.T) {
	t.Parallel()
	s, read := newSums(t)
	var tags []string
	for i := range 200_000 {
		tags = append(tags, fmt.Sprintf(`"t%d"`, i%100_000))
	}
	g := NewAggregator(question(s, "tag"))
	require.NoError(t, g.Add(read(`{"tag":[` + strings.Join(tags, ",") + `]}`)[0]))
	table := g.Table()
	require.Len(t, table.Buckets, 100_000)
	for _, b := range table.Buckets {
		require.Equal(t, int64(1), b.Count)
	}
}
