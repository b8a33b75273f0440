package exact_test

import (
	"context"
	"fmt"
	"log"

	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/exact"
)

// An engine that cannot find words in texts finds the records that may match, and
// each of them is looked at.
func Example() {
	const visits = `{"_id": "v1", "_source": {"age": 3, "note": "fever since Monday"}}
{"_id": "v2", "_source": {"age": 70, "note": "fever"}}
{"_id": "v3", "_source": {"age": 4, "note": "cough"}}
`
	schema, err := record.ParseSchema("visits", []byte(`{"properties": {"age": {"type": "integer"}, "note": {"type": "text"}}}`))
	if err != nil {
		log.Fatal(err)
	}
	query, err := jql.Parse(`age < 5 AND note ~ fever`, nil)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	meaning, err := jql.Resolve(ctx, query, []*record.Schema{schema}, nil)
	if err != nil {
		log.Fatal(err)
	}
	p := meaning.Plans[0]
	can := func(leaf plan.Node) bool {
		_, text := leaf.(plan.Match)
		return !text
	}
	narrowed, exactly := exact.Narrow(p.Where, can, nil)
	fmt.Println("asked:", narrowed, exactly)

	columns, err := schema.Project("age")
	if err != nil {
		log.Fatal(err)
	}
	engine := lines(visits, nil) // reads the records that match a plan
	for r, err := range exact.Read(ctx, &search.Read{Plan: p, Columns: columns}, narrowed, engine) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(r.ID, r.Value(0).Text())
	}
	// Output:
	// asked: range age (*, 5) false
	// v1 3
}
