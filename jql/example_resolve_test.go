package jql_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/record"
)

// Resolve gives a query its meaning: fields instead of names, instants instead of
// relative dates, and an order that is total.
func ExampleResolve() {
	visits, err := record.ParseSchema("visits", []byte(`{"mappings": {
		"_meta": {"dhr": {"aliases": {"district": "patient.district"}}},
		"properties": {
			"patient": {"properties": {"district": {"type": "text", "fields": {"keyword": {"type": "keyword"}}}}},
			"age": {"type": "integer"},
			"created": {"type": "date"}
		}
	}}`))
	if err != nil {
		log.Fatal(err)
	}
	q, err := jql.Parse("NOT age >= 5 AND District IN (Sokoto, Kano) AND created >= startOfDay() ORDER BY age DESC", nil)
	if err != nil {
		log.Fatal(err)
	}
	got, err := jql.Resolve(context.Background(), q, []*record.Schema{visits}, &jql.ResolveOptions{
		Now:  time.Date(2024, 3, 15, 10, 0, 0, 0, time.UTC),
		Zone: time.FixedZone("WAT", 60*60),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(got.Plans[0])
	// Output:
	// where
	//   and
	//     range age (*, 5)
	//     terms patient.district.keyword "Kano" "Sokoto"
	//     range created [2024-03-14T23:00:00Z, *)
	// order
	//   age desc
	//   _id asc
}
