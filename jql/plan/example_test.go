package plan_test

import (
	"fmt"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

func ExamplePlan_String() {
	status := &record.Field{Path: "Data.status", Kind: record.String}
	age := &record.Field{Path: "age", Kind: record.Int}
	id := &record.Field{Path: "_id", Kind: record.String}
	p := &plan.Plan{
		Where: plan.NewAnd(
			plan.NewOr(
				plan.NewTerms(status, record.StringValue("NEW")),
				plan.NewTerms(status, record.StringValue("DONE"))),
			plan.Range{Field: age, Lower: plan.Bound{Value: record.IntValue(18), Inclusive: true}}),
		Order: []plan.Sort{{Field: age, Desc: true}, {Field: id}},
	}
	fmt.Println(p)
	// Output:
	// where
	//   and
	//     terms Data.status "DONE" "NEW"
	//     range age [18, *)
	// order
	//   age desc
	//   _id asc
}
