package mapping_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/fhir"
	"github.com/digit-health/dhr/fhir/mapping"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/jql/eval"
	"github.com/digit-health/dhr/record"
)

// clinic is an index with fields of every kind.
const clinic = `{"properties":{
	"patient_id":{"type":"keyword"},"visit_id":{"type":"keyword"},"names":{"type":"keyword"},"family_name":{"type":"keyword"},"given_name":{"type":"keyword"},
	"notes":{"type":"text","fields":{"keyword":{"type":"keyword"}}},"gender":{"type":"keyword"},"birth_date":{"type":"date","format":"yyyy-MM-dd||yyyy-MM||yyyy"},
	"date":{"type":"date"},"updated":{"type":"long"},"seconds":{"type":"long"},"age":{"type":"integer"},"weight":{"type":"double"},"temperature":{"type":"scaled_float","scaling_factor":100},
	"alive":{"type":"boolean"},"status":{"type":"keyword"},"diagnosis":{"type":"keyword"},"codes":{"type":"keyword"},"home":{"type":"geo_point"},
	"contacts":{"type":"nested","properties":{"name":{"type":"keyword"},"phone":{"type":"keyword"},"relation":{"type":"keyword"},"langs":{"type":"keyword"}}},
	"ids":{"properties":{"type":{"type":"keyword"},"value":{"type":"keyword"}}},
	"extra":{"properties":{"fields":{"type":"nested","properties":{"key":{"type":"keyword"},"value":{"type":"keyword"}}}}},
	"flat":{"type":"flattened"}
}}`

func schemaOf(t testing.TB, text string) *record.Schema {
	t.Helper()
	s, err := record.ParseSchema("clinic", []byte(text))
	require.NoError(t, err)
	return s
}

func bind(t testing.TB, text string) *mapping.Mapper {
	t.Helper()
	set, err := mapping.Parse("test.yaml", []byte(text))
	require.NoError(t, err)
	x, err := set.Mappings()[0].Bind(schemaOf(t, clinic))
	require.NoError(t, err)
	return x
}

// recordOf reads a document with the columns that a mapper needs.
func recordOf(t testing.TB, s *record.Schema, doc string, fields ...string) *record.Record {
	t.Helper()
	p, err := s.Project(fields...)
	require.NoError(t, err)
	r := &record.Record{ID: "r1", Index: "clinic"}
	require.NoError(t, record.NewDecoder(p).Decode([]byte(doc), r))
	return r
}

func mapped(t testing.TB, text, doc string) (string, error) {
	t.Helper()
	x := bind(t, text)
	before := "before"
	line, err := x.Append([]byte(before), recordOf(t, schemaOf(t, clinic), doc, x.Fields()...))
	if err != nil {
		require.Equal(t, before, string(line))
		return "", err
	}
	line = line[len(before):]
	require.NoError(t, fhir.Check(line), "%s", line)
	return string(line), nil
}

// resource wraps the elements of a resource into a mapping file.
func resource(typ, elements string) string {
	return "mappings:\n  - name: one\n    index: clinic\n    type: " + typ + "\n    resource:\n" + indent(elements, "      ")
}

func indent(text, by string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.Trim(text, "\n")) {
		b.WriteString(by + strings.TrimPrefix(line, "\t\t\t"))
	}
	return b.String() + "\n"
}

// The mapping file that docs/fhir-mapping.md begins with does what the page says.
func TestDocumentedFile(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/fhir-mapping.md")
	require.NoError(t, err)
	_, text, _ := strings.Cut(string(page), "```yaml\n")
	text, _, _ = strings.Cut(text, "```")
	set, err := mapping.Parse("docs.yaml", []byte(text))
	require.NoError(t, err)
	require.Len(t, set.Mappings(), 2)
	schema := schemaOf(t, `{"properties":{"patient_id":{"type":"keyword"},"family_name":{"type":"keyword"},"given_name":{"type":"keyword"},"gender":{"type":"keyword"},
		"birth_date":{"type":"date","format":"strict_date"},"status":{"type":"keyword"},"updated_at":{"type":"date"},"visit_id":{"type":"keyword"},"diagnosis":{"type":"keyword"},"date":{"type":"date"},
		"contacts":{"type":"nested","properties":{"relation":{"type":"keyword"},"name":{"type":"keyword"},"phone":{"type":"keyword"}}}}}`)
	docs := []string{
		`{"patient_id":"P-1","family_name":"Rao","given_name":"Asha","gender":"F","birth_date":"1990-05-01","updated_at":"2024-01-31T10:00:00Z","contacts":[{"relation":"mother","name":"Meena","phone":"12"},{"relation":"brother"}]}`,
		`{"patient_id":"P 1","visit_id":"V-7","diagnosis":"malaria","date":"2024-01-31T10:00:00Z"}`,
	}
	want := []string{
		`{"resourceType":"Patient","id":"P-1","meta":{"lastUpdated":"2024-01-31T15:30:00+05:30"},"identifier":[{"use":"official","system":"https://hospital.example/mrn","value":"P-1"}],` +
			`"name":[{"family":"Rao","given":["Asha"]}],"gender":"female","birthDate":"1990-05-01","contact":[{"relationship":[{"text":"mother"}],"name":{"text":"Meena"},"telecom":[{"system":"phone","value":"12"}]},` +
			`{"relationship":[{"text":"brother"}]}]}`,
		`{"resourceType":"Condition","id":"V-7-diagnosis","code":{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10","code":"B54","display":"Unspecified malaria"}],"text":"malaria"},` +
			`"subject":{"reference":"Patient/h-PLACE"},"recordedDate":"2024-01-31T15:30:00+05:30"}`,
	}
	want[1] = strings.ReplaceAll(want[1], "h-PLACE", mapping.ID("P 1"))
	for i, m := range set.Mappings() {
		x, err := m.Bind(schema)
		require.NoError(t, err)
		line, err := x.Append(nil, recordOf(t, schema, docs[i], x.Fields()...))
		require.NoError(t, err)
		require.Equal(t, want[i], string(line))
		require.NoError(t, fhir.Check(line))
		id, err := x.IDOf(recordOf(t, schema, docs[i], x.Fields()...))
		require.NoError(t, err)
		require.Contains(t, string(line), `"id":"`+id+`"`)
	}
	x, err := set.Mappings()[1].Bind(schema)
	require.NoError(t, err)
	require.Equal(t, mapping.ID("P 1"), x.PatientOf(recordOf(t, schema, docs[1], x.Fields()...)))
}

func TestValues(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ typ, elements, doc, want string }{
		"constants and templates": {"Patient", `
			active: true
			name: [{text: "{given_name} {family_name}"}]
			multipleBirthInteger: 2`, `{"given_name":"A \"B\"","family_name":"ß\n"}`,
			`{"resourceType":"Patient","id":"r1","active":true,"name":[{"text":"A \"B\" ß\n"}],"multipleBirthInteger":2}`},
		"what has no value is left out, with the constants around it": {"Patient", `
			id: "{patient_id}"
			active: "{alive}"
			identifier: [{use: official, system: http://x.example, value: "{visit_id}"}]
			name: [{family: "{family_name}", given: ["{given_name}", "{notes}"]}]
			communication: [{preferred: true, language: {text: "{status}"}}]
			maritalStatus: {text: "{status}"}`, `{"patient_id":"7","given_name":"","family_name":null}`,
			`{"resourceType":"Patient","id":"7"}`},
		"numbers keep their digits": {"Observation", `
			status: final
			code: {$code: 29463-7, $system: loinc, $display: Body weight, $text: "{notes}"}
			valueQuantity: {$quantity: "{weight}", $unit: kg}
			component:
			  - code: {text: t}
			    valueQuantity: {$quantity: "{temperature}", $unit: Cel, $text: degrees}`, `{"weight":3.50,"temperature":36.60}`,
			`{"resourceType":"Observation","id":"r1","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"29463-7","display":"Body weight"}]},` +
				`"valueQuantity":{"value":3.50,"unit":"kg","system":"http://unitsofmeasure.org","code":"kg"},` +
				`"component":[{"code":{"text":"t"},"valueQuantity":{"value":36.60,"unit":"degrees","system":"http://unitsofmeasure.org","code":"Cel"}}]}`},
		"dates": {"Patient", `
			birthDate: "{birth_date}"
			deceasedDateTime: {$value: "{date}", $zone: Asia/Kolkata}
			identifier:
			  - value: x
			    period: {start: "{date}", end: {$value: "{date}", $precision: month}}
			  - period: {start: {$value: "{updated}", $from: epoch_millis}, end: {$value: "{seconds}", $from: epoch_seconds, $zone: Africa/Lagos}}
			  - period: {start: {$value: "{date}", $clock: true, $zone: Africa/Lagos}}`, `{"birth_date":"1990-05","date":"2024-01-31T22:00:00.120Z","updated":1706738400120,"seconds":1706738400}`,
			`{"resourceType":"Patient","id":"r1","identifier":[{"value":"x","period":{"start":"2024-01-31T22:00:00.120Z","end":"2024-01"}},` +
				`{"period":{"start":"2024-01-31T22:00:00.120Z","end":"2024-01-31T23:00:00+01:00"}},{"period":{"start":"2024-01-31T22:00:00.120+01:00"}}],` +
				`"birthDate":"1990-05","deceasedDateTime":"2024-02-01T03:30:00.120+05:30"}`},
		"a date is the day in the zone": {"Patient", `birthDate: {$value: "{date}", $zone: Asia/Kolkata}`, `{"date":"2024-01-31T22:00:00Z"}`,
			`{"resourceType":"Patient","id":"r1","birthDate":"2024-02-01"}`},
		"a time that is written otherwise": {"Patient", `deceasedDateTime: "{date}"`, `{"date":"2024-01-31T10:00"}`,
			`{"resourceType":"Patient","id":"r1","deceasedDateTime":"2024-01-31T10:00:00Z"}`},
		"code maps": {"Patient", `
			gender: {$value: "{gender}", $map: {M: male, F: female, "*": other, "?": null}, $default: unknown}
			maritalStatus: {$code: "{status}", $map: {$system: "http://x.example/m", W: {code: w, display: Widow}}, $text: "{notes}"}`, `{"status":"W"}`,
			`{"resourceType":"Patient","id":"r1","gender":"unknown","maritalStatus":{"coding":[{"system":"http://x.example/m","code":"w","display":"Widow"}]}}`},
		"any other code": {"Patient", `gender: {$value: "{gender}", $map: {M: male, "*": other}}`, `{"gender":"x"}`, `{"resourceType":"Patient","id":"r1","gender":"other"}`},
		"a code that is none": {"Patient", `
			active: true
			gender: {$value: "{gender}", $map: {M: male, "?": null}}`, `{"gender":"?"}`, `{"resourceType":"Patient","id":"r1","active":true}`},
		"each object, and conditions on it": {"Patient", `
			contact:
			  - $each: contacts
			    $when: contacts.relation != stranger
			    name: {text: "{contacts.name} of {family_name}"}
			    telecom: [{$each: contacts.langs, $when: 'contacts.langs = hi', value: "{contacts.langs}"}, {$when: "alive = 'true'", value: "{contacts.phone}"}]`,
			`{"alive":true,"family_name":"Rao","contacts":[{"name":"A","relation":"mother","phone":"1","langs":["en","hi"]},{"name":"B","relation":"stranger"},{"name":"C","relation":"aunt"}]}`,
			`{"resourceType":"Patient","id":"r1","contact":[{"name":{"text":"A of Rao"},"telecom":[{"value":"hi"},{"value":"1"}]},{"name":{"text":"C of Rao"}}]}`},
		"each object that is not nested": {"Patient", `identifier: [{$each: ids, type: {text: "{ids.type}"}, value: "{ids.value}"}]`,
			`{"ids":[{"type":"A","value":"1"},{"value":"2"},{"type":"C"}]}`,
			`{"resourceType":"Patient","id":"r1","identifier":[{"type":{"text":"A"},"value":"1"},{"value":"2"},{"type":{"text":"C"}}]}`},
		"each value": {"Patient", `name: [{given: [{$each: names, $value: "{names}"}]}]`, `{"names":["A","","B"]}`, `{"resourceType":"Patient","id":"r1","name":[{"given":["A","B"]}]}`},
		"the value of a key in a list": {"Patient", `
			name: [{text: "{extra.fields[key=childName].value}"}]
			gender: "{extra.fields[key=gender].value}"`,
			`{"extra":{"fields":[{"key":"gender","value":"male"},{"key":"childName","value":"Asha"},{"key":"childName","value":"second"}]}}`,
			`{"resourceType":"Patient","id":"r1","name":[{"text":"Asha"}],"gender":"male"}`},
		"alternatives": {"Patient", `
			name: [{text: {$value: ["{given_name} {family_name}", "{family_name|notes}", nobody]}}]
			gender: "{missing?|gender}"
			maritalStatus: {text: "{missing.too?}"}`, `{"notes":"N","gender":"male"}`, `{"resourceType":"Patient","id":"r1","name":[{"text":"N"}],"gender":"male"}`},
		"pick and join": {"Patient", `
			name: [{text: {$value: "{names}", $join: ", "}, family: {$value: "{names}", $pick: last}, given: [{$value: "{names}", $pick: first}]}]`, `{"names":["A","B"]}`,
			`{"resourceType":"Patient","id":"r1","name":[{"text":"A, B","family":"B","given":["A"]}]}`},
		"references": {"Observation", `
			status: final
			code: {text: t}
			subject: {$reference: "Patient/{patient_id}", $display: "{family_name}"}
			performer: [{$reference: Organization/ministry}, {reference: "#p"}]
			encounter: {$reference: "Encounter/{visit_id}"}`, `{"patient_id":"a.b-1"}`,
			`{"resourceType":"Observation","id":"r1","status":"final","code":{"text":"t"},"subject":{"reference":"Patient/a.b-1"},"performer":[{"reference":"Organization/ministry"},{"reference":"#p"}]}`},
		"conditions": {"Patient", `
			active: {$value: true, $when: "alive = 'true'"}
			deceasedBoolean: {$value: true, $when: status = died AND date IS EMPTY}
			deceasedDateTime: {$value: "{date}", $when: status = died}
			maritalStatus: {$when: age >= 18, text: adult}`, `{"status":"died","date":"2024-01-01T00:00:00Z","age":18}`,
			`{"resourceType":"Patient","id":"r1","deceasedDateTime":"2024-01-01T00:00:00Z","maritalStatus":{"text":"adult"}}`},
		"extensions and contained": {"Patient", `
			contained: [{resourceType: Organization, id: o, name: "{notes}"}]
			managingOrganization: {reference: "#o"}
			_birthDate: {extension: [{url: http://hl7.org/fhir/StructureDefinition/data-absent-reason, valueCode: unknown}]}
			extension: [{url: http://x.example, valueInteger: "{age}"}]`, `{"notes":"N","age":3}`,
			`{"resourceType":"Patient","id":"r1","contained":[{"resourceType":"Organization","id":"o","name":"N"}],"extension":[{"url":"http://x.example","valueInteger":3}],` +
				`"_birthDate":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"unknown"}]},"managingOrganization":{"reference":"#o"}}`},
		"what is there because of the record": {"Patient", `
			maritalStatus: {text: {$value: adult, $when: age >= 18}}
			communication: [{$when: age >= 18, language: {text: x}}, {$when: age < 18, language: {text: y}}]
			contact: [{$each: names, name: {text: someone}}]
			name: [{use: official, text: {$value: "{family_name}", $default: nobody}}]`, `{"age":18,"names":["a","b"]}`,
			`{"resourceType":"Patient","id":"r1","name":[{"use":"official","text":"nobody"}],"maritalStatus":{"text":"adult"},` +
				`"contact":[{"name":{"text":"someone"}},{"name":{"text":"someone"}}],"communication":[{"language":{"text":"x"}}]}`},
		"an extension in the place of a value": {"Immunization", `
			status: completed
			vaccineCode: {text: x}
			patient: {display: x}
			occurrenceDateTime: "{date}"
			_occurrenceDateTime: {$when: date IS EMPTY, extension: [{url: http://hl7.org/fhir/StructureDefinition/data-absent-reason, valueCode: unknown}]}`, `{}`,
			`{"resourceType":"Immunization","id":"r1","status":"completed","vaccineCode":{"text":"x"},"patient":{"display":"x"},` +
				`"_occurrenceDateTime":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"unknown"}]}}`},
		"base64": {"DocumentReference", `
			status: current
			content: [{attachment: {contentType: text/plain, data: {$value: "{notes}", $encode: base64}}}]`, `{"notes":"hé"}`,
			`{"resourceType":"DocumentReference","id":"r1","status":"current","content":[{"attachment":{"contentType":"text/plain","data":"aMOp"}}]}`},
		"a point": {"Location", `
			position: {latitude: "{home.lat}", longitude: "{home.lon}"}`, `{"home":{"lat":18.520,"lon":73.8}}`,
			`{"resourceType":"Location","id":"r1","position":{"longitude":73.8,"latitude":18.520}}`},
		"a key of a flattened field": {"Patient", `name: [{text: "{flat.a}"}]`, `{"flat":{"a":"x"}}`, `{"resourceType":"Patient","id":"r1","name":[{"text":"x"}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := mapped(t, resource(c.typ, c.elements), c.doc)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

// Nothing that does not fit becomes a resource.
func TestUnmappable(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ typ, elements, doc, path, reason string }{
		"no id":                {"Patient", `id: "{patient_id}"`, `{}`, "Patient.id", "is required and has no value"},
		"no id, but others":    {"Patient", "id: \"{patient_id}\"\nactive: \"{alive}\"", `{"alive":true}`, "Patient.id", "is required and has no value"},
		"required is missing":  {"Observation", "status: final\ncode: {text: \"{notes}\"}", `{}`, "Observation.code", "is required and has no value"},
		"required further in":  {"Patient", `link: [{other: {$reference: "Patient/{patient_id}"}, type: {$value: "{status}"}}]`, `{"patient_id":"x"}`, "Patient.link.type", "is required and has no value"},
		"required choice":      {"Immunization", "status: completed\nvaccineCode: {text: x}\npatient: {$reference: \"Patient/{patient_id}\"}\noccurrenceDateTime: \"{date}\"", `{"patient_id":"x"}`, "Immunization.occurrence[x]", "is required and has no value"},
		"two of a choice":      {"Patient", "deceasedBoolean: \"{alive}\"\ndeceasedDateTime: {$value: \"{date}\", $when: status = died}", `{"alive":false,"status":"died","date":"2024-01-01"}`, "Patient.deceased[x]", "has more than one value, of which there may be one"},
		"several values":       {"Patient", `name: [{family: "{names}"}]`, `{"names":["a","b"]}`, "Patient.name.family", `the field "names" has 2 values, of which one is wanted`},
		"not in the map":       {"Patient", `gender: {$value: "{gender}", $map: {M: male}}`, `{"gender":"X"}`, "Patient.gender", `found "X", for which the code map has no code`},
		"not in the binding":   {"Patient", `gender: "{gender}"`, `{"gender":"M"}`, "Patient.gender", `found "M"; expected one of female, male, other, unknown`},
		"not a date":           {"Patient", `birthDate: "{notes}"`, `{"notes":"31.1.2024"}`, "Patient.birthDate", `found "31.1.2024"; expected a date: YYYY, YYYY-MM or YYYY-MM-DD`},
		"a day for an instant": {"Observation", "status: final\ncode: {text: t}\nissued: \"{date}\"", `{"date":"2024-01-31"}`, "Observation.issued", `found "2024-01-31"; expected a time of day`},
		"not a number":         {"Observation", "status: final\ncode: {text: t}\nvalueInteger: \"{notes}\"", `{"notes":"3x"}`, "Observation.valueInteger", `found "3x"; expected a whole number of 32 bits`},
		"too large":            {"Observation", "status: final\ncode: {text: t}\nvalueInteger: \"{updated}\"", `{"updated":4294967296}`, "Observation.valueInteger", `found "4294967296"; expected a whole number of 32 bits`},
		"not a truth":          {"Patient", `active: "{status}"`, `{"status":"yes"}`, "Patient.active", `found "yes"; expected true or false`},
		"not a code":           {"Observation", "status: final\ncode: {$code: \"{status}\"}", `{"status":" x"}`, "Observation.code.coding.code", `found " x"; expected a code, without blanks around or beside each other`},
		"control characters":   {"Patient", `name: [{text: "{notes}"}]`, `{"notes":"a\u0001b"}`, "Patient.name.text", `found "a\x01b"; expected text without control characters`},
		"not a reference":      {"Observation", "status: final\ncode: {text: t}\nsubject: {$reference: \"{notes}\"}", `{"notes":"Patients"}`, "Observation.subject.reference", `found "Patients"; expected Type/id`},
		"the wrong reference":  {"Observation", "status: final\ncode: {text: t}\nsubject: {$reference: \"{notes}\"}", `{"notes":"Account/1"}`, "Observation.subject.reference", "found a reference to Account; expected one to Device, Group, Location, Patient"},
		"a year that is none":  {"Patient", `deceasedDateTime: {$value: "{updated}", $from: epoch_seconds}`, `{"updated":253402300800}`, "Patient.deceasedDateTime", `found "253402300800", which is in no year from 1 to 9999`},
		"a point without":      {"Location", "position: {latitude: \"{home.lat}\", longitude: \"{home.lon}\"}", `{"home":"drm3btev3e86"}`, "position", `found "\"drm3btev3e86\""; expected a point with coordinates`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := mapped(t, resource(c.typ, c.elements), c.doc)
			var e *mapping.UnmappableError
			require.ErrorAs(t, err, &e)
			require.Equal(t, mapping.UnmappableError{ID: "r1", Path: c.path, Reason: c.reason}, *e)
		})
	}
}

// A record without the columns is a mistake of the program, not of the record.
func TestMissingColumns(t *testing.T) {
	t.Parallel()
	x := bind(t, resource("Patient", `name: [{family: "{family_name}"}]`))
	_, err := x.Append(nil, recordOf(t, schemaOf(t, clinic), `{}`, "age"))
	require.ErrorContains(t, err, `has no column "family_name"`)
	var e *mapping.UnmappableError
	require.NotErrorAs(t, err, &e)
}

// matches says whether a record of the clinic matches a condition.
func matches(t testing.TB, condition, doc string) bool {
	t.Helper()
	s := schemaOf(t, clinic)
	q, err := jql.Parse(condition, nil)
	require.NoError(t, err)
	res, err := jql.Resolve(t.Context(), q, []*record.Schema{s}, nil)
	require.NoError(t, err, condition)
	p, err := s.ProjectAll()
	require.NoError(t, err)
	m, err := eval.Compile(res.Plans[0], p)
	require.NoError(t, err)
	r := &record.Record{ID: "r1", Index: "clinic"}
	require.NoError(t, record.NewDecoder(p).Decode([]byte(doc), r))
	return m.Match(r)
}
