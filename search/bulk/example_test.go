package bulk_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"strings"

	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/bulk"
	"github.com/digit-health/dhr/search/memsearch"
)

// A file is loaded. What is no document of the schema is refused, and everything
// else is there.
func ExampleLoad() {
	const visits = `{"index": {"_id": "v1"}}
{"child": "Asha", "age": 3}
{"index": {"_id": "v2"}}
{"child": "Ravi", "age": "seven"}
{"delete": {"_id": "v1"}}
{"create": {"_id": "v3"}}
{"child": "Meena", "age": 2}
`
	schema, err := record.ParseSchema("visits", []byte(`{"properties": {"child": {"type": "keyword"}, "age": {"type": "integer"}}}`))
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	engine := memsearch.New()
	if err := engine.Create(ctx, schema); err != nil {
		log.Fatal(err)
	}
	opts := &bulk.Options{ // without it, files are opened from the disk
		Open: func(string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(visits)), nil },
	}
	report, err := bulk.Load(ctx, engine, schema, []string{"visits.ndjson"}, opts)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Read, "read,", report.Stored, "stored,", report.Refused, "refused")
	for _, r := range report.Refusals {
		fmt.Printf("%s:%d: %s: %s\n", r.File, r.Place, r.ID, r.Reason)
	}
	// Output:
	// 4 read, 2 stored, 2 refused
	// visits.ndjson:4: v2: column 26: age: "seven" is not a whole number
	// visits.ndjson:5: v1: the action delete is not done by a load
}

// Documents without an ID are known by what they say, and by how often they said it
// before in their file.
func ExampleReader() {
	schema, err := record.ParseSchema("visits", []byte(`{"properties": {"age": {"type": "integer"}}}`))
	if err != nil {
		log.Fatal(err)
	}
	r, err := bulk.NewReader(strings.NewReader("{\"age\":3}\n{\"age\":3}\n{\"age\":[]"), schema, nil)
	if err != nil {
		log.Fatal(err)
	}
	refuse := func(r search.Refusal) { fmt.Println("line", r.Place, r.Reason) }
	for doc := range r.All(refuse) {
		fmt.Println("line", doc.Place, doc.Record.ID)
	}
	if r.Close(); r.Err() != nil {
		log.Fatal(r.Err())
	}
	// Output:
	// line 1 e3c13d131f9f5889c88c7635869ca4e6
	// line 2 e3c13d131f9f5889c88c7635869ca4e6-2
	// line 3 column 10: the text ends where ',' or '}' is expected
}
