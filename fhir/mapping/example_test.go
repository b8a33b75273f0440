package mapping_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/digit-health/dhr/fhir/mapping"
	"github.com/digit-health/dhr/record"
)

const schemaText = `{"properties": {"id": {"type": "keyword"}, "name": {"type": "keyword"}, "sex": {"type": "keyword"}, "born": {"type": "date", "format": "yyyy-MM-dd"}}}`

const mappingText = `
codes:
  gender: {M: male, F: female}
mappings:
  - name: patients
    index: patients
    type: Patient
    resource:
      id: "{id}"
      name: [{text: "{name}"}]
      gender: {$value: "{sex}", $map: gender}
      birthDate: "{born}"
    search:
      gender: {type: token, field: sex, map: gender}
      birthdate: {type: date, field: born}
`

// Records become resources, or it is said why not.
func Example() {
	schema, err := record.ParseSchema("patients", []byte(schemaText))
	if err != nil {
		log.Fatal(err)
	}
	set, err := mapping.Parse("patients.yaml", []byte(mappingText))
	if err != nil {
		log.Fatal(err)
	}
	x, err := set.Mappings()[0].Bind(schema)
	if err != nil {
		log.Fatal(err)
	}
	columns, err := schema.Project(x.Fields()...)
	if err != nil {
		log.Fatal(err)
	}
	const records = `{"id": "7", "name": "Asha Rao", "sex": "F", "born": "1990-05-01"}
{"id": "8", "sex": "?"}`
	var line []byte
	for r, err := range record.ReadNDJSON(strings.NewReader(records), "patients.ndjson", columns) {
		if err != nil {
			log.Fatal(err)
		}
		line, err = x.Append(line[:0], r)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(string(line))
	}
	// Output:
	// {"resourceType":"Patient","id":"7","name":[{"text":"Asha Rao"}],"gender":"female","birthDate":"1990-05-01"}
	// mapping: record "2" cannot be mapped: Patient.gender: found "?", for which the code map has no code
}

// A _typeFilter becomes a condition in JQL.
func ExampleMapper_Search() {
	schema, err := record.ParseSchema("patients", []byte(schemaText))
	if err != nil {
		log.Fatal(err)
	}
	set, err := mapping.Parse("patients.yaml", []byte(mappingText))
	if err != nil {
		log.Fatal(err)
	}
	x, err := set.Mappings()[0].Bind(schema)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(x.Search("gender=female&birthdate=lt1990"))
	fmt.Println(x.Search("general-practitioner.name=x"))
	// Output:
	// sex = F AND born < 1990-01-01 <nil>
	//  mapping: search parameter "general-practitioner.name" with "x": chained parameters are not supported; ask for the reference itself
}

// All mistakes of a file are told at once, each with its place.
func ExampleParse() {
	_, err := mapping.Parse("patients.yaml", []byte(strings.ReplaceAll(mappingText, "name: [{text", "namee: [{text")+"      id: {type: token, feild: id}\n"))
	fmt.Println(err)
	// Output:
	// patients.yaml:10:7: patients.resource.namee: no such element of Patient; did you mean "name"?
	// patients.yaml:16:7: patients.search.id: expected either field or is
	// patients.yaml:16:25: patients.search.id.feild: unknown key; did you mean "field"?; expected one of clock, default, field, from, is, map, system, target, type, zone
}
