package mapping_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/digit-health/dhr/fhir"
	"github.com/digit-health/dhr/fhir/mapping"
	"github.com/digit-health/dhr/record"
)

// everything is a mapping in which every directive stands, most of them where values may be missing, many or unfit.
const everything = `
zone: Africa/Lagos
codes:
  gender: {M: male, F: female, "?": null, "*": other}
  strict: {$system: loinc, a: {code: x, display: X}, b: y}
mappings:
  - name: one
    index: clinic
    type: Patient
    last_updated: {field: updated, from: epoch_millis}
    patient: "{patient_id}"
    where: age >= 0
    resource:
      id: "{patient_id}"
      meta: {profile: ["http://x.example/p"], source: "{visit_id}"}
      contained: [{resourceType: Organization, id: o, name: "{notes}"}]
      extension: [{url: "http://x.example", valueCodeableConcept: {$code: "{status}", $map: strict, $text: "{notes}"}}]
      identifier:
        - {use: official, system: "http://x.example", value: "{visit_id}", period: {start: "{date}", end: {$value: "{seconds}", $from: epoch_seconds}}}
        - {$each: ids, type: {text: "{ids.type}"}, value: "{ids.value}"}
      active: "{alive}"
      name:
        - {family: {$value: "{names}", $join: " "}, given: [{$each: names, $value: "{names}"}], text: {$value: ["{given_name} {family_name}", "{family_name}", nobody]}}
      telecom:
        - $each: contacts
          $when: contacts.relation != stranger
          system: phone
          value: "{contacts.phone}"
          use: {$value: "{contacts.relation}", $map: {m: home, "*": work}, $default: mobile}
      gender: {$value: "{gender}", $map: gender, $default: unknown}
      birthDate: {$value: "{birth_date}", $precision: month}
      deceasedBoolean: {$value: true, $when: status = died AND date IS EMPTY}
      deceasedDateTime: {$value: "{date}", $when: status = died}
      address: [{line: ["{extra.fields[key=line].value}"], extension: [{url: "http://x.example/q", valueQuantity: {$quantity: "{weight}", $unit: kg}}]}]
      multipleBirthInteger: {$value: "{age}", $when: age > 0}
      contact: [{$each: contacts, name: {text: "{contacts.name}", given: [{$each: contacts.langs, $value: "{contacts.langs}"}]}}]
      link: [{other: {$reference: "Patient/{flat.other}"}, type: {$value: "{flat.type}", $default: refer}}]
`

// document is a document of the clinic, with values of all kinds, or without.
func document(t *rapid.T) map[string]any {
	text := rapid.SampledFrom(append([]string{"", "M", "?", "m", "died", "stranger", "a b", "é\n", "x\u0001", "refer", "ß/..", strings.Repeat("long", 20)}, slices.Repeat([]string{"a", "b"}, 20)...))
	doc := map[string]any{}
	put := func(name string, value func() any) {
		switch rapid.IntRange(0, 39).Draw(t, name+" is there") {
		case 35, 36, 37, 38, 39:
		case 34:
			doc[name] = nil
		case 33:
			doc[name] = []any{value(), value()}
		default:
			doc[name] = value()
		}
	}
	word := func() any { return text.Draw(t, "text") }
	for _, name := range []string{"patient_id", "visit_id", "names", "family_name", "given_name", "notes", "gender", "status"} {
		put(name, word)
	}
	put("birth_date", func() any { return rapid.SampledFrom([]string{"1990", "1990-05", "1990-05-01"}).Draw(t, "date") })
	put("date", func() any {
		return rapid.SampledFrom([]string{"2024-01-31T10:00:00Z", "2024-01-31", "2024-01-31T10:00", "2024-01-31T10:00:00.5+05:30"}).Draw(t, "date")
	})
	put("updated", func() any { return rapid.Int64Range(-1<<45, 1<<45).Draw(t, "updated") })
	put("seconds", func() any { return rapid.Int64Range(-1<<35, 1<<37).Draw(t, "seconds") })
	put("age", func() any { return rapid.Int32Range(-1, 200).Draw(t, "age") })
	put("weight", func() any { return rapid.Float64().Draw(t, "weight") })
	put("alive", func() any { return rapid.Bool().Draw(t, "alive") })
	object := func(names ...string) func() any {
		return func() any {
			o := map[string]any{}
			for _, name := range names {
				if rapid.Bool().Draw(t, name) {
					o[name] = word()
				}
			}
			return o
		}
	}
	put("contacts", object("name", "phone", "relation", "langs"))
	put("ids", object("type", "value"))
	put("flat", object("other", "type"))
	if rapid.Bool().Draw(t, "extra") {
		doc["extra"] = map[string]any{"fields": []any{map[string]any{"key": "line", "value": word()}, map[string]any{"key": "other"}}}
	}
	return doc
}

// Whatever a record holds, it becomes a resource that is FHIR, the same each time, or is told to be none, and nothing is left behind.
func TestEveryRecord(t *testing.T) {
	t.Parallel()
	x := bind(t, everything)
	schema := schemaOf(t, clinic)
	columns := mustProject(t, schema, x.Fields()...)
	good := 0
	rapid.Check(t, func(t *rapid.T) {
		doc, err := json.Marshal(document(t))
		require.NoError(t, err)
		r := &record.Record{ID: "r1"}
		require.NoError(t, record.NewDecoder(columns).Decode(doc, r), "%s", doc)
		line, err := x.Append([]byte("a"), r)
		if err != nil {
			var e *mapping.UnmappableError
			require.ErrorAs(t, err, &e)
			require.NotEmpty(t, e.Path)
			require.Equal(t, "a", string(line))
			return
		}
		good++
		require.NoError(t, fhir.Check(line[1:]), "%s\n%s", doc, line)
		again, err := x.Append(nil, r)
		require.NoError(t, err)
		require.Equal(t, string(line[1:]), string(again))
		id, err := x.IDOf(r)
		require.NoError(t, err)
		require.Contains(t, string(line), `"id":"`+id+`"`)
		require.Equal(t, id, x.PatientOf(r))
	})
	require.Positive(t, good)
}
