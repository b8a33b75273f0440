package record_test

import (
	"errors"
	"fmt"
	"log"
	"strings"

	"github.com/digit-health/dhr/record"
)

const mapping = `{"mappings": {
	"properties": {"child": {"properties": {
		"name":   {"type": "text", "fields": {"keyword": {"type": "keyword"}}},
		"age":    {"type": "integer"},
		"weight": {"type": "scaled_float", "scaling_factor": 100},
		"born":   {"type": "date", "format": "yyyy-MM-dd"},
		"tags":   {"type": "keyword"}
	}}},
	"_meta": {"dhr": {
		"label":    "Visits",
		"labels":   {"child.weight": "Weight (kg)"},
		"aliases":  {"age": "child.age"},
		"personal": ["child.name", "child.born"]
	}}
}}`

func schema() *record.Schema {
	s, err := record.ParseSchema("visits", []byte(mapping))
	if err != nil {
		log.Fatal(err)
	}
	return s
}

func ExampleParseSchema() {
	for f := range schema().All() {
		fmt.Printf("%-18s %-6s %s personal=%t\n", f.Path, f.Kind, f.Type, f.Personal)
	}
	_, err := record.ParseSchema("visits", []byte(`{"properties": {"age": {"type": "integer"}}, "_meta": {"dhr": {"labels": {"aeg": "Age"}}}}`))
	fmt.Println(err)
	// Output:
	// child              object object personal=false
	// child.name         text   text personal=true
	// child.name.keyword string keyword personal=true
	// child.age          int    integer personal=false
	// child.weight       float  scaled_float personal=false
	// child.born         time   date personal=true
	// child.tags         string keyword personal=false
	// record: schema of "visits": _meta.dhr.labels.aeg: no such field "aeg"; did you mean "age"?
}

func ExampleSchema_Lookup() {
	s := schema()
	for _, name := range []string{"age", "CHILD.NAME", "weight (kg)", "wieght"} {
		if ff := s.Lookup(name); ff != nil {
			fmt.Println(name, "is", ff[0].Path)
		} else {
			fmt.Println(name, "may be", s.Nearest(name))
		}
	}
	fmt.Println(s.Field("child.name").Exact().Path)
	// Output:
	// age is child.age
	// CHILD.NAME is child.name
	// weight (kg) is child.weight
	// wieght may be child.weight
	// child.name.keyword
}

func ExampleField_Parse() {
	s := schema()
	v, _ := s.Field("child.weight").Parse("12.50")
	w, _ := s.Field("child.weight").Parse("12.504")
	fmt.Println(v.Equal(w), v.Text(), v.Float())

	day, _ := s.Field("child.born").Parse("2024-01-31")
	fmt.Println(day.Time(), s.Field("child.born").DateOnly())

	_, err := s.Field("child.age").Parse("three")
	var bad *record.ValueError
	fmt.Println(errors.As(err, &bad), err)
	// Output:
	// true 12.50 12.5
	// 2024-01-31 00:00:00 +0000 UTC true
	// true "three" is not a whole number
}

func ExampleValue() {
	v := record.IntValue(5).WithText("5.0")
	fmt.Println(v.Kind(), v.Int(), v.Text(), v)
	fmt.Println(v.Equal(record.IntValue(5)), v.Compare(record.IntValue(7)))
	fmt.Println(record.VersionValue("1.9").Compare(record.VersionValue("1.10")))
	// Output:
	// int 5 5.0 5
	// true -1
	// -1
}

func ExampleDecoder() {
	columns, err := schema().Project("_id", "child.name", "child.weight", "child.tags")
	if err != nil {
		log.Fatal(err)
	}
	d := record.NewDecoder(columns)
	r := record.Record{ID: "v-7"}
	if err := d.Decode([]byte(`{"child": {"name": "Asha", "weight": 12.50, "tags": ["malaria", "fever"]}}`), &r); err != nil {
		log.Fatal(err)
	}
	for i, f := range columns.Fields() {
		fmt.Println(f.Name(), r.Values(i))
	}
	fmt.Println(d.Decode([]byte(`{"child": {"weight": "heavy"}}`), &r))
	// Output:
	// _id ["v-7"]
	// child.name ["Asha"]
	// Weight (kg) [12.5]
	// child.tags ["malaria" "fever"]
	// record: document, offset 21: child.weight: "heavy" is not a number
}

func ExampleReadNDJSON() {
	columns, err := schema().Project("child.name", "child.age")
	if err != nil {
		log.Fatal(err)
	}
	const visits = `{"child": {"name": "Asha", "age": 3}}
{"_id": "v-8", "_source": {"child.name": "Ravi", "child.age": "7"}}
{"child": {"name": "Meena", "age": "four"}}
`
	for r, err := range record.ReadNDJSON(strings.NewReader(visits), "visits.ndjson", columns) {
		if err != nil {
			fmt.Println(err)
			break
		}
		fmt.Println(r.ID, r.Value(0).Text(), r.Value(1).Int())
	}
	// Output:
	// 1 Asha 3
	// v-8 Ravi 7
	// record: visits.ndjson:3:36: child.age: "four" is not a whole number (after 2 records)
}

func ExampleSchema_ProjectNested() {
	s, err := record.ParseSchema("visits", []byte(`{"properties": {"doses": {"type": "nested", "properties": {
		"drug": {"type": "keyword"}, "count": {"type": "integer"}}}}}`))
	if err != nil {
		log.Fatal(err)
	}
	outer, _ := s.Project("doses")
	inner, _ := s.ProjectNested("doses", "doses.drug", "doses.count")
	var visit, dose record.Record
	doc := `{"doses": [{"drug": "SP", "count": 2}, {"drug": "AQ", "count": 1}]}`
	if err := record.NewDecoder(outer).Decode([]byte(doc), &visit); err != nil {
		log.Fatal(err)
	}
	d := record.NewDecoder(inner)
	for _, v := range visit.Values(0) {
		if err := d.Decode([]byte(v.Text()), &dose); err != nil {
			log.Fatal(err)
		}
		fmt.Println(dose.Value(0).Text(), dose.Value(1).Int())
	}
	// Output:
	// SP 2
	// AQ 1
}

// A driver that reads no JSON fills a record itself, and keeps what it needs.
func ExampleRecord_Append() {
	columns, _ := schema().Project("child.age", "child.tags")
	var r record.Record
	r.ID = "7"
	r.Reset(columns)
	r.Append(0, record.IntValue(3))
	r.Append(1, record.StringValue("malaria"))
	r.Append(1, record.StringValue("fever"))
	kept := r.Clone()
	r.Reset(columns)
	fmt.Println(kept.ID, kept.Values(0), kept.Lookup("child.tags"), len(r.Values(0)))
	// Output: 7 [3] ["malaria" "fever"] 0
}
