package esdsl_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql/esdsl"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

const benchMapping = `{"mappings":{"properties":{
	"status":{"type":"keyword"},"age":{"type":"integer"},"date":{"type":"date"},"notes":{"type":"text"},
	"visits":{"type":"nested","properties":{"drug":{"type":"keyword"}}}
}}}`

// A typical plan: four clauses, one of them negative, one of text.
func typical(tb testing.TB) (*esdsl.Compiler, *plan.Plan) {
	s, err := record.ParseSchema("visits", []byte(benchMapping))
	require.NoError(tb, err)
	c, err := esdsl.New(s, &esdsl.Options{SortByID: true})
	require.NoError(tb, err)
	value := func(path, text string) record.Value {
		v, err := s.Field(path).Parse(text)
		require.NoError(tb, err)
		return v
	}
	where := plan.NewAnd(
		plan.Exists{Field: s.Field("status")},
		plan.NewNot(plan.NewTerms(s.Field("status"), value("status", "DONE"))),
		plan.Range{Field: s.Field("date"), Lower: plan.Bound{Value: value("date", "2024-01-01"), Inclusive: true}},
		plan.Match{Field: s.Field("notes"), Text: "high fever"},
		plan.NewTerms(s.Field("visits.drug"), value("visits.drug", "ORS"), value("visits.drug", "Zinc")),
	)
	return c, &plan.Plan{Schema: s, Where: where, Order: []plan.Sort{{Field: s.Field("date"), Desc: true}, {Field: s.Field("_id")}}}
}

func BenchmarkQuery(b *testing.B) {
	c, p := typical(b)
	b.ReportAllocs()
	for b.Loop() {
		_, err := c.Query(p.Where)
		require.NoError(b, err)
	}
}

func BenchmarkSort(b *testing.B) {
	c, p := typical(b)
	b.ReportAllocs()
	for b.Loop() {
		_, err := c.Sort(p.Order)
		require.NoError(b, err)
	}
}
