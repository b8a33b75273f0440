package sqlsearch_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/bench/visits"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

func BenchmarkAggregate(b *testing.B) {
	d, err := benchStore()
	require.NoError(b, err)
	s, err := visits.Schema("visits")
	require.NoError(b, err)
	all := planOf(b, s, "")
	some := &plan.Plan{Schema: s, Where: plan.NewTerms(s.Field("district"), record.StringValue("Nagpur")), Order: all.Order}
	month := &search.Calendar{Unit: "month"}
	for _, q := range []struct {
		name string
		a    search.Aggregation
	}{
		{"terms top 10 over all", search.Aggregation{Plan: all, Groups: []search.Group{{Field: s.Field("district")}}, Largest: true, Limit: 10}},
		{"terms top 10 of some", search.Aggregation{Plan: some, Groups: []search.Group{{Field: s.Field("medication")}}, Largest: true, Limit: 10}},
		{"terms top 10 of many", search.Aggregation{Plan: all, Groups: []search.Group{{Field: s.Field("patient_id")}}, Largest: true, Limit: 10}},
		{"several values", search.Aggregation{Plan: all, Groups: []search.Group{{Field: s.Field("symptoms")}}}},
		{"month over all", search.Aggregation{Plan: all, Groups: []search.Group{{Field: s.Field("visit_date"), Calendar: month}}}},
		{"month of some", search.Aggregation{Plan: some, Groups: []search.Group{{Field: s.Field("visit_date"), Calendar: month}}}},
		{"metrics", search.Aggregation{Plan: all, Groups: []search.Group{{Field: s.Field("gender")}}, Metrics: []search.Metric{
			{Op: "avg", Field: s.Field("age")}, {Op: "sum", Field: s.Field("dosage")}, {Op: "min", Field: s.Field("age")}, {Op: "max", Field: s.Field("age")}}}},
		{"cardinality", search.Aggregation{Plan: all, Metrics: []search.Metric{{Op: "cardinality", Field: s.Field("patient_id")}}}},
		{"suggest", search.Aggregation{Plan: all, Groups: []search.Group{{Field: s.Field("patient_id"), Prefix: "p00012"}}, Largest: true, Limit: 10}},
	} {
		ask := func() {
			_, err := d.Aggregate(b.Context(), []*search.Aggregation{&q.a})
			require.NoError(b, err)
		}
		ask()
		b.Run(q.name, func(b *testing.B) { measure(b, 1, "", ask) })
	}
}
