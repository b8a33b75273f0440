package eval_test

import (
	"fmt"
	"log"
	"slices"
	"strings"

	"github.com/digit-health/dhr/jql/eval"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

const visits = `{"name": "Asha", "age": 3, "notes": "High fever, suspected malaria"}
{"name": "Ravi", "age": 41, "notes": "Malaria, treated"}
{"name": "Meena", "age": 1, "notes": ["Cough", "Malaria test: positive"]}
{"name": "Dev", "notes": "Malaria"}
`

// fields finds the fields of a plan, of which the projection must consist.
func fields(p *plan.Plan, more ...string) (paths []string) {
	for _, f := range plan.Fields(p) {
		paths = append(paths, f.Path)
	}
	return append(paths, more...)
}

func Example() {
	schema, err := record.ParseSchema("visits", []byte(`{"properties": {
		"name": {"type": "keyword"}, "age": {"type": "integer"}, "notes": {"type": "text"}}}`))
	if err != nil {
		log.Fatal(err)
	}
	// notes ~ "malaria" AND age < 5 ORDER BY age, as jql.Resolve would say it
	p := &plan.Plan{
		Schema: schema,
		Where: plan.NewAnd(
			plan.Match{Field: schema.Field("notes"), Mode: plan.Words, Text: "malaria"},
			plan.Range{Field: schema.Field("age"), Upper: plan.Bound{Value: record.IntValue(5)}}),
		Order: []plan.Sort{{Field: schema.Field("age")}, {Field: schema.Field("_id")}},
	}
	projection, err := schema.Project(fields(p, "name")...)
	if err != nil {
		log.Fatal(err)
	}
	matcher, err := eval.Compile(p, projection)
	if err != nil {
		log.Fatal(err)
	}
	order, err := eval.CompileOrder(p, projection)
	if err != nil {
		log.Fatal(err)
	}

	var found []*record.Record
	for r, err := range record.ReadNDJSON(strings.NewReader(visits), "visits.ndjson", projection) {
		if err != nil {
			log.Fatal(err)
		}
		if matcher.Match(r) {
			found = append(found, r.Clone())
		}
	}
	slices.SortFunc(found, order.Compare)
	for _, r := range found {
		fmt.Println(r.Lookup("name")[0].Text(), r.Lookup("age")[0].Text())
	}
	// Output:
	// Meena 1
	// Asha 3
}

func ExampleOrder_Compare() {
	schema, err := record.ParseSchema("visits", []byte(`{"properties": {"age": {"type": "integer"}}}`))
	if err != nil {
		log.Fatal(err)
	}
	projection, err := schema.Project("age")
	if err != nil {
		log.Fatal(err)
	}
	p := &plan.Plan{Schema: schema, Where: plan.All{},
		Order: []plan.Sort{{Field: schema.Field("age"), Desc: true}, {Field: schema.Field("_id")}}}
	order, err := eval.CompileOrder(p, projection)
	if err != nil {
		log.Fatal(err)
	}

	var records []*record.Record
	for i, ages := range [][]int64{{7}, {}, {1, 9}, {7}} {
		r := &record.Record{ID: fmt.Sprint("record-", i)}
		r.Reset(projection)
		for _, age := range ages {
			r.Append(0, record.IntValue(age))
		}
		records = append(records, r)
	}
	slices.SortFunc(records, order.Compare)
	for _, r := range records {
		fmt.Println(r.ID, r.Values(0))
	}
	// Output:
	// record-2 [1 9]
	// record-0 [7]
	// record-3 [7]
	// record-1 []
}
