package jql_test

import (
	"context"
	"fmt"
	"log"

	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/record"
)

// One query may ask several indexes. A clause on a field that one of them lacks
// matches nothing there, and a warning says so.
func ExampleResolve_severalIndexes() {
	var schemas []*record.Schema
	for _, index := range []struct{ name, properties string }{
		{"visits", `{"status": {"type": "keyword"}, "age": {"type": "integer"}}`},
		{"tasks", `{"status": {"type": "keyword"}}`},
	} {
		s, err := record.ParseSchema(index.name, []byte(`{"mappings": {"properties": `+index.properties+`}}`))
		if err != nil {
			log.Fatal(err)
		}
		schemas = append(schemas, s)
	}
	q, err := jql.Parse("status = open OR age < 5", nil)
	if err != nil {
		log.Fatal(err)
	}
	got, err := jql.Resolve(context.Background(), q, schemas, nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range got.Plans {
		fmt.Println(p.Schema.Index+":", p.Where)
	}
	fmt.Println(got.Warnings.Caret())
	// Output:
	// visits: or {terms status "open"; range age (*, 5)}
	// tasks: terms status "open"
	// 1:18: the field "age" does not exist in index "tasks"; this clause matches nothing there
	//  | status = open OR age < 5
	//  | .................^^^
}
