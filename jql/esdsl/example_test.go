package esdsl_test

import (
	"context"
	"fmt"
	"log"

	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/jql/esdsl"
	"github.com/digit-health/dhr/record"
)

// A query of the language becomes the query and the sort of a search request.
func Example() {
	schema, err := record.ParseSchema("visits", []byte(`{"mappings": {"properties": {
		"dhr_id": {"type": "keyword"}, "status": {"type": "keyword"}, "date": {"type": "date"}, "notes": {"type": "text"}
	}}}`))
	if err != nil {
		log.Fatal(err)
	}
	q, err := jql.Parse(`status != closed AND notes ~ fever ORDER BY "date" DESC`, nil)
	if err != nil {
		log.Fatal(err)
	}
	r, err := jql.Resolve(context.Background(), q, []*record.Schema{schema}, nil)
	if err != nil {
		log.Fatal(err)
	}
	c, err := esdsl.New(schema, nil)
	if err != nil {
		log.Fatal(err)
	}
	query, err := c.Query(r.Plans[0].Where)
	if err != nil {
		log.Fatal(err)
	}
	sort, err := c.Sort(r.Plans[0].Order)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n%s\n", query, sort)
	// Output:
	// {"bool":{"filter":[{"exists":{"field":"status"}},{"term":{"notes":"fever"}}],"must_not":[{"terms":{"status":["closed"]}}]}}
	// [{"date":{"order":"desc","mode":"max","missing":"_last","unmapped_type":"date","numeric_type":"date"}},{"dhr_id":{"order":"asc","unmapped_type":"keyword"}}]
}
