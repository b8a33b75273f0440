package figures_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/bench/visits"
	"github.com/digit-health/dhr/dashboard"
	"github.com/digit-health/dhr/dashboard/figures"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/sqlsearch"
)

// benched is how many visits the benches ask: as many as DHR_BENCH_VISITS says, or 20,000. The figures of issue 8:
//
//	DHR_BENCH_VISITS=1000000 go test ./dashboard/figures -run '^$' -bench . -benchtime 5x
func benched(b *testing.B) int {
	b.Helper()
	if n := os.Getenv("DHR_BENCH_VISITS"); n != "" {
		count, err := strconv.Atoi(n)
		require.NoError(b, err)
		return count
	}
	return 20_000
}

// morning is a dashboard of twelve gadgets, as a health officer has them.
func morning() []*dashboard.Gadget {
	half := 50.0
	var all []*dashboard.Gadget
	for _, g := range []struct {
		kind, filter string
		c            dashboard.GadgetConfig
	}{
		{"stat", "all", dashboard.GadgetConfig{}},
		{"stat", "malaria", dashboard.GadgetConfig{Metric: "cardinality", MetricField: "patient_id"}},
		{"stat", "year", dashboard.GadgetConfig{GroupBy: "visit_date", Interval: "month", Compare: "previous_period"}},
		{"pie-chart", "all", dashboard.GadgetConfig{GroupBy: "gender"}},
		{"pie-chart", "malaria", dashboard.GadgetConfig{GroupBy: "symptoms"}},
		{"bar-chart", "all", dashboard.GadgetConfig{GroupBy: "district"}},
		{"bar-chart", "children", dashboard.GadgetConfig{GroupBy: "medication", Limit: 15}},
		{"bar-chart", "all", dashboard.GadgetConfig{GroupBy: "district", Metric: "avg", MetricField: "age", Limit: 12}},
		{"line-chart", "all", dashboard.GadgetConfig{GroupBy: "visit_date", Interval: "month"}},
		{"line-chart", "malaria", dashboard.GadgetConfig{GroupBy: "visit_date", Interval: "month", SplitBy: "district"}},
		{"table", "children", dashboard.GadgetConfig{Columns: []string{"visit_id", "district", "age", "visit_date"}, Limit: 50}},
		{"table", "malaria", dashboard.GadgetConfig{GroupBy: "district", Metric: "percentile", MetricField: "age", Percentile: &half}},
	} {
		all = append(all, &dashboard.Gadget{ID: fmt.Sprint("g", len(all)), Type: g.kind, Title: g.kind, FilterID: g.filter, Config: g.c})
	}
	return all
}

var questions = map[string]string{
	"all": "", "malaria": "symptoms = fever", "children": "age < 5 ORDER BY visit_date DESC", "year": "visit_date >= 2024-01-01 AND visit_date < 2024-12-01",
}

// BenchmarkDashboard computes twelve gadgets of the embedded engine: cold, with nothing kept; warm, from what was kept; and the
// most expensive of them alone. gadgets-ratio is cold over that one.
func BenchmarkDashboard(b *testing.B) {
	ctx := b.Context()
	engine, err := sqlsearch.Open(ctx, b.TempDir()+"/visits.db", nil)
	require.NoError(b, err)
	defer func() { require.NoError(b, engine.Close()) }()
	require.NoError(b, visits.Store(ctx, engine, "visits", benched(b)))
	roles, err := access.ParseRoles([]byte(testRoles))
	require.NoError(b, err)
	policy, err := access.NewPolicy(roles, &access.Options{Key: make([]byte, 32)})
	require.NoError(b, err)
	index, err := search.New(engine, policy, nil)
	require.NoError(b, err)
	filter := func(_ context.Context, _ *access.Principal, id string) (*dashboard.Filter, error) {
		return &dashboard.Filter{ID: id, JQL: questions[id], AllowedIndexes: []string{"visits"}}, nil
	}
	gadgets := morning()
	show := func(b *testing.B, f *figures.Figures, some []*dashboard.Gadget) {
		for d := range f.Data(b.Context(), boss, some, nil) {
			if d.Error != nil {
				b.Fatal(d.GadgetID, d.Error.Message)
			}
		}
	}
	cold := figures.New(index, filter, &figures.Options{Keep: -1})
	begun := time.Now()
	show(b, cold, gadgets) // pages of the file, and columns, are in memory from now on
	b.Logf("after the load: %s", time.Since(begun))
	var dearest time.Duration
	one := gadgets[0]
	for _, g := range gadgets {
		begun := time.Now()
		show(b, cold, []*dashboard.Gadget{g})
		took := time.Since(begun)
		b.Logf("%s %s of %s: %s", g.ID, g.Type, g.FilterID, took)
		if took > dearest {
			dearest, one = took, g
		}
	}
	b.Run("cold", func(b *testing.B) {
		begun := time.Now()
		for range b.N {
			show(b, cold, gadgets)
		}
		b.ReportMetric(float64(time.Since(begun))/float64(b.N)/float64(dearest), "gadgets-ratio")
	})
	b.Run("the dearest alone", func(b *testing.B) {
		for range b.N {
			show(b, cold, []*dashboard.Gadget{one})
		}
	})
	warm := figures.New(index, filter, &figures.Options{Keep: time.Hour})
	show(b, warm, gadgets)
	b.Run("warm", func(b *testing.B) {
		for range b.N {
			show(b, warm, gadgets)
		}
	})
}
