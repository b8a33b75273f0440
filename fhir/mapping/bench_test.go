package mapping_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/record"
)

// visits is a mapping as those that are shipped: some twenty elements, a code map, dates, references.
const visits = `
zone: Asia/Kolkata
codes:
  gender: {M: male, F: female, "*": unknown}
  outcome: {$system: snomed, cured: {code: "370996005", display: Patient condition resolved}, "*": {code: "74964007", display: Other}}
mappings:
  - name: one
    index: clinic
    type: Observation
    last_updated: {field: updated, from: epoch_millis}
    patient: "{patient_id}"
    resource:
      id: "{visit_id}-weight"
      identifier: [{system: http://own.example, value: "{visit_id}"}]
      status: final
      category: [{$code: vital-signs, $system: "http://terminology.hl7.org/CodeSystem/observation-category", $display: Vital signs}]
      code: {$code: 29463-7, $system: loinc, $display: Body weight}
      subject: {$reference: "Patient/{patient_id}", $display: "{given_name} {family_name}"}
      effectiveDateTime: "{date}"
      valueQuantity: {$quantity: "{weight}", $unit: kg}
      interpretation: [{$code: "{diagnosis}", $map: outcome, $text: "{diagnosis}"}]
      note: [{text: "{notes}"}]
`

func BenchmarkAppend(b *testing.B) {
	x := bind(b, visits)
	r := recordOf(b, schemaOf(b, clinic), `{"visit_id":"V-1234567","patient_id":"P-123456","given_name":"Asha","family_name":"Rao","date":"2024-01-31T10:00:00Z","weight":63.50,
		"diagnosis":"cured","notes":"walked in, left after an hour; comes back in two weeks","updated":1706738400120}`, x.Fields()...)
	var line []byte
	var err error
	b.ReportAllocs()
	for b.Loop() {
		line, err = x.Append(line[:0], r)
	}
	require.NoError(b, err)
	b.SetBytes(int64(len(line)))
}

// With records of columns of their own, as scans give them.
func BenchmarkAppendNested(b *testing.B) {
	x := bind(b, resource("Patient", `
			name: [{family: "{family_name}"}]
			contact: [{$each: contacts, name: {text: "{contacts.name}"}, telecom: [{system: phone, value: "{contacts.phone}"}]}]`))
	r := recordOf(b, schemaOf(b, clinic), `{"family_name":"Rao","contacts":[{"name":"A","phone":"1"},{"name":"B","phone":"2"}]}`, x.Fields()...)
	var line []byte
	b.ReportAllocs()
	for b.Loop() {
		line, _ = x.Append(line[:0], r)
	}
	require.NotEmpty(b, line)
	_ = record.Null
}
