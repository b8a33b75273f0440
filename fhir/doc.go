// Package fhir is the vocabulary of FHIR R4: which types there are and what they consist of, resources as JSON, and whether
// a text is one.
//
// # Resources
//
// [Append] writes the resources of the model, github.com/samply/golang-fhir-models, as they have to be: resourceType comes first, an
// element without a value is left out, also in the choices where the model itself would write every member; a code is one of
// its enumeration; decimals keep their digits; and the same resource is the same bytes, so that it has the same address in a store that
// goes by content.
//
//	family, weight := "Rao", json.Number("3.50")
//	line, err := fhir.Append(nil, &model.Patient{Name: []model.HumanName{{Family: &family}}})
//
// What the model has no place for, contained resources and the extensions of primitive values, stands in an [Envelope], which [Decode]
// makes of JSON.
//
// # Types
//
// [TypeOf] returns a resource type, data type or part of one with its elements: their types, whether they repeat or are
// required, to which choice they belong, which codes they are bound to. It is read off the model by reflection, with a table of
// what the model does not say: which of its strings are dates, and what a reference may lead to. Package mapping checks mapping
// files against it.
//
// # Checks
//
// [Check] finds what is wrong with the structure of a resource in JSON; [CheckPrimitive] does so for one value. They know nothing of
// profiles, terminology beyond required codes, or invariants.
package fhir
