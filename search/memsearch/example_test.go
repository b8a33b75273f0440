package memsearch_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"strings"

	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/bulk"
	"github.com/digit-health/dhr/search/memsearch"
)

// exampleMapping and exampleVisits are what the examples work on.
const (
	exampleMapping = `{"properties": {"child": {"properties": {"name": {"type": "keyword"}, "age": {"type": "integer"}}}, "ward": {"type": "keyword"}}}`

	exampleVisits = `{"_id": "v1", "_source": {"child": {"name": "Asha", "age": 3}, "ward": "North"}}
{"_id": "v2", "_source": {"child": {"name": "Ravi", "age": 7}, "ward": "South"}}
{"_id": "v3", "_source": {"child": {"name": "Meena", "age": 2}, "ward": "North"}}
`
)

// openExample returns an engine with the visits, and the schema of their index.
func openExample(ctx context.Context) (*memsearch.Driver, *record.Schema) {
	schema, err := record.ParseSchema("visits", []byte(exampleMapping))
	if err != nil {
		log.Fatal(err)
	}
	engine := memsearch.New()
	if err := engine.Create(ctx, schema); err != nil {
		log.Fatal(err)
	}
	opts := &bulk.Options{Open: func(string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(exampleVisits)), nil }}
	if _, err := bulk.Load(ctx, engine, schema, []string{"visits.ndjson"}, opts); err != nil {
		log.Fatal(err)
	}
	return engine, schema
}

// A driver takes a plan, which package jql makes of a query. Users hold a
// search.Index instead, which checks what they may see.
func Example() {
	ctx := context.Background()
	engine, schema := openExample(ctx)
	query, err := jql.Parse(`child.age < 5 ORDER BY child.age DESC`, nil)
	if err != nil {
		log.Fatal(err)
	}
	meaning, err := jql.Resolve(ctx, query, []*record.Schema{schema}, nil)
	if err != nil {
		log.Fatal(err)
	}
	columns, err := schema.Project("child.name", "child.age")
	if err != nil {
		log.Fatal(err)
	}
	for r, err := range engine.Read(ctx, &search.Read{Plan: meaning.Plans[0], Columns: columns, Limit: 10}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(r.ID, r.Value(0).Text(), r.Value(1).Text())
	}
	// Output:
	// v1 Asha 3
	// v3 Meena 2
}

// Records are counted by ward, and the ages measured.
func ExampleDriver_Aggregate() {
	ctx := context.Background()
	engine, schema := openExample(ctx)
	meaning, err := jql.Resolve(ctx, &jql.Query{}, []*record.Schema{schema}, nil)
	if err != nil {
		log.Fatal(err)
	}
	tables, err := engine.Aggregate(ctx, []*search.Aggregation{{
		Plan:    meaning.Plans[0],
		Groups:  []search.Group{{Field: schema.Field("ward")}},
		Metrics: []search.Metric{{Op: "avg", Field: schema.Field("child.age")}},
	}})
	if err != nil {
		log.Fatal(err)
	}
	for _, b := range tables[0].Buckets {
		fmt.Println(b.Keys[0].Text(), b.Count, b.Values[0].Text())
	}
	// Output:
	// North 2 2.5
	// South 1 7
}

// A snapshot does not see what happens after it was opened. A scan of it can be left and
// gone on with.
func ExampleDriver_Snapshot() {
	ctx := context.Background()
	engine, schema := openExample(ctx)
	meaning, err := jql.Resolve(ctx, &jql.Query{}, []*record.Schema{schema}, nil)
	if err != nil {
		log.Fatal(err)
	}
	columns, err := schema.Project("child.name")
	if err != nil {
		log.Fatal(err)
	}
	snapshot, err := engine.Snapshot(ctx, "visits", "")
	if err != nil {
		log.Fatal(err)
	}
	if err := engine.Drop(ctx, "visits"); err != nil {
		log.Fatal(err)
	}
	scan := &search.Scan{Plan: meaning.Plans[0], Columns: columns}
	records, position := snapshot.Scan(ctx, scan)
	for r, err := range records {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(r.ID, r.Value(0).Text())
		break
	}
	scan.From = position()
	records, _ = snapshot.Scan(ctx, scan)
	for r, err := range records {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("later:", r.ID, r.Value(0).Text())
	}
	if err := snapshot.Close(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// v1 Asha
	// later: v2 Ravi
	// later: v3 Meena
}
