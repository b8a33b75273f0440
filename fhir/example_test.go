package fhir_test

import (
	"encoding/json"
	"fmt"

	model "github.com/samply/golang-fhir-models/fhir-models/fhir"

	"github.com/digit-health/dhr/fhir"
)

func ExampleAppend() {
	name, text, weight := "Patient/7", "Body weight", json.Number("3.50")
	line, err := fhir.Append(nil, &model.Observation{
		Status:        model.ObservationStatusFinal,
		Code:          model.CodeableConcept{Text: &text},
		Subject:       &model.Reference{Reference: &name},
		ValueQuantity: &model.Quantity{Value: &weight},
	})
	fmt.Println(string(line), err)

	_, err = fhir.Append(nil, &model.Observation{Status: model.ObservationStatusFinal})
	fmt.Println(err)
	// Output:
	// {"resourceType":"Observation","status":"final","code":{"text":"Body weight"},"subject":{"reference":"Patient/7"},"valueQuantity":{"value":3.50}} <nil>
	// fhir: Observation.code: is required and has no value
}

func ExampleCheck() {
	fmt.Println(fhir.Check([]byte(`{"resourceType":"Patient","name":[{"family":"Rao"}]}`)))
	fmt.Println(fhir.Check([]byte(`{"resourceType":"Patient","gender":"F"}`)))
	// Output:
	// <nil>
	// fhir: Patient.gender: found "F"; expected one of male, female, other, unknown
}

func ExampleTypeOf() {
	for _, name := range []string{"status", "effectiveDateTime", "component"} {
		e := fhir.TypeOf("Observation").Element(name)
		fmt.Printf("%s %q %t %t %q\n", e.Name, e.Primitive, e.Required, e.List, e.Choice)
	}
	// Output:
	// status "code" true false ""
	// effectiveDateTime "dateTime" false false "effective[x]"
	// component "" false true ""
}
