package mapping_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/fhir/mapping"
)

// Every mistake is told with its place, what was found and what is expected.
func TestMistakes(t *testing.T) {
	t.Parallel()
	head := "mappings:\n  - name: one\n    index: clinic\n    type: Patient\n"
	for name, c := range map[string]struct{ text, want string }{
		"empty":               {"", `m.yaml:1:1: found an empty file; expected mappings`},
		"no YAML":             {"a: b\nc: [", `m.yaml:2:1: is no YAML: did not find expected node content`},
		"two documents":       {"mappings: []\n---\na: b", `m.yaml:2:1: found a second document in the file; expected one`},
		"a list":              {"- a", `m.yaml:1:1: found a list; expected mappings`},
		"no mappings":         {"zone: UTC", `m.yaml:1:1: mappings: is missing; expected a list of mappings`},
		"none":                {"mappings: []", `m.yaml:1:11: mappings: found an empty list; expected a list of mappings`},
		"unknown key":         {"mapings: []\n" + head + "    native: true", `m.yaml:1:1: mapings: unknown key; did you mean "mappings"?; expected one of codes, mappings, systems, zone`},
		"zone":                {"zone: Mars/Olympus\n" + head + "    native: true", `m.yaml:1:7: zone: found "Mars/Olympus"; expected the name of a time zone such as Africa/Lagos`},
		"system":              {"systems: {x: loinc}\n" + head + "    native: true", `m.yaml:1:14: systems.x: found "loinc"; expected a URI such as http://loinc.org`},
		"code map":            {"codes: {x: {a: {cod: b}}}\n" + head + "    native: true", "m.yaml:1:16: codes.x.a.code: is missing\nm.yaml:1:17: codes.x.a.cod: unknown key; did you mean \"code\"?; expected one of code, display, system"},
		"merge":               {"codes: &c\n  <<: {a: b}\n" + head + "    native: true", `m.yaml:2:3: codes: keys cannot be merged with <<; write them out`},
		"twice":               {head + "    native: true\n    native: true", `m.yaml:6:5: mappings[0].native: the key stands twice`},
		"name":                {"mappings:\n  - name: a b\n    index: clinic\n    type: Patient\n    native: true", `m.yaml:2:11: mappings[0].name: found "a b"; expected letters, digits and -`},
		"name twice":          {head + "    native: true\n" + strings.TrimPrefix(head, "mappings:\n") + "    native: true", `m.yaml:6:11: one: the name stands for two mappings; expected one that is unique`},
		"missing keys":        {"mappings:\n  - where: a = b", "m.yaml:2:5: mappings[0].name: is missing\nm.yaml:2:5: mappings[0].index: is missing\nm.yaml:2:5: mappings[0].type: is missing"},
		"type":                {"mappings:\n  - name: a\n    index: b\n    type: Patiend\n    native: true", `m.yaml:4:11: a.type: found "Patiend"; expected a resource type of R4; did you mean "Patient"?`},
		"native and resource": {head + "    native: true\n    resource: {active: true}", `m.yaml:6:5: one.resource: stands beside native; expected one of them`},
		"neither":             {head, `m.yaml:2:5: one.resource: is missing; expected the elements of the resource, or native: true`},
		"where":               {head + "    native: true\n    where: a b", `m.yaml:6:12: one.where: found "a b", which is no JQL: `},
		"order":               {head + "    native: true\n    where: a = b ORDER BY c", `m.yaml:6:12: one.where: found "a = b ORDER BY c"; expected a condition without ORDER BY`},
		"last updated":        {head + "    native: true\n    last_updated: '{a}'", `m.yaml:6:19: one.last_updated: found "{a}"; expected the path of a field alone`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := mapping.Parse("m.yaml", []byte(c.text))
			var list mapping.Errors
			require.ErrorAs(t, err, &list)
			require.True(t, strings.HasPrefix(err.Error(), c.want), "%s", err)
			if !strings.HasSuffix(c.want, ": ") {
				require.Equal(t, c.want, err.Error())
			}
		})
	}
}

// The places of these are those in the resource, which begins in line 6.
func TestMistakesInResources(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ typ, elements, want string }{
		"unknown element":       {"Patient", `genders: male`, `6:7: one.resource.genders: no such element of Patient; did you mean "gender"?`},
		"a choice":              {"Patient", `deceased: true`, `6:7: one.resource.deceased: found a choice; expected the name of one of its members, such as deceasedBoolean`},
		"list":                  {"Patient", `name: {family: x}`, `6:13: one.resource.name: found keys with values; expected a list, since the element repeats`},
		"no list":               {"Patient", `gender: [male]`, `6:15: one.resource.gender: found a list; expected one value, since the element does not repeat`},
		"no object":             {"Patient", `maritalStatus: widow`, `6:22: one.resource.maritalStatus: found "widow"; expected the elements of CodeableConcept`},
		"no value":              {"Patient", `gender: {value: x}`, `6:15: one.resource.gender: found keys with values; expected a single value of type code, or {$value: …}`},
		"binding":               {"Patient", `gender: man`, `6:15: one.resource.gender: found "man"; expected one of female, male, other, unknown`},
		"binding of a default":  {"Patient", `gender: {$value: "{gender}", $default: mal}`, `6:46: one.resource.gender.$default: found "mal"; expected one of female, male, other, unknown; did you mean "male"?`},
		"binding of a map":      {"Patient", `gender: {$value: "{gender}", $map: {M: m}}`, `6:46: one.resource.gender.$map.M: found "m", for Patient.gender; expected one of female, male, other, unknown`},
		"no such map":           {"Patient", `gender: {$value: "{gender}", $map: sex}`, `6:42: one.resource.gender.$map: found "sex"; expected the name of a code map`},
		"boolean":               {"Patient", `active: "true"`, `6:15: one.resource.active: found "true"; expected true or false`},
		"number":                {"Patient", `multipleBirthInteger: two`, `6:29: one.resource.multipleBirthInteger: found "two"; expected a number`},
		"date":                  {"Patient", `birthDate: 1.2.1990`, `6:18: one.resource.birthDate: found "1.2.1990"; expected a date: YYYY, YYYY-MM or YYYY-MM-DD`},
		"required":              {"Immunization", `status: completed`, "6:7: one.resource: vaccineCode is required and is missing\nm.yaml:6:7: one.resource: patient is required and is missing\nm.yaml:6:7: one.resource: occurrence[x] is required and is missing"},
		"required further in":   {"Patient", `link: [{type: refer}]`, `6:14: one.resource.link[0]: other is required and is missing`},
		"two of a choice":       {"Patient", "deceasedBoolean: true\ndeceasedDateTime: 2024-01-01", `6:7: one.resource: found deceasedBoolean and deceasedDateTime; expected one member of deceased[x], or a $when for all but one`},
		"template":              {"Patient", `id: "{patient_id"`, `6:11: one.resource.id: found { in "{patient_id" without its }; a brace itself is written {{`},
		"closing brace":         {"Patient", `id: "patient}"`, `6:11: one.resource.id: found } in "patient}" without its {; a brace itself is written }}`},
		"field in a list":       {"Patient", `id: "{a[b].c}"`, `6:11: one.resource.id: found {a[b].c}; expected a field, or {list[member=value].member}`},
		"directive":             {"Patient", `gender: {$value: "{gender}", $deflt: male}`, `6:36: one.resource.gender.$deflt: unknown directive; did you mean "$default"?; expected one of $clock, $default, $encode, $from, $join, $map, $pick, $precision, $value, $when, $zone`},
		"directive of objects":  {"Patient", `maritalStatus: {$default: x, text: y}`, `6:23: one.resource.maritalStatus.$default: unknown directive; of an object it can be $when, of an item of a list also $each, and $code, $reference or $quantity of such types`},
		"each outside of lists": {"Patient", `maritalStatus: {$each: x, text: y}`, `6:23: one.resource.maritalStatus.$each: unknown directive; of an object it can be $when, of an item of a list also $each, and $code, $reference or $quantity of such types`},
		"when":                  {"Patient", `active: {$value: true, $when: a ==== b}`, `6:37: one.resource.active.$when: found "a ==== b", which is no JQL: `},
		"when of an id":         {"Patient", `id: {$value: "{_id}", $when: a = b}`, `6:36: one.resource.id.$when: an id has no $when, since a resource has always one`},
		"pick":                  {"Patient", `id: {$value: "{names}", $pick: any}`, `6:38: one.resource.id.$pick: found "any"; expected first or last`},
		"from":                  {"Patient", `birthDate: {$value: "{x}", $from: millis}`, `6:41: one.resource.birthDate.$from: found "millis"; expected one of epoch_millis, epoch_seconds`},
		"precision":             {"Patient", `birthDate: {$value: "{x}", $precision: hour}`, `6:46: one.resource.birthDate.$precision: found "hour"; expected one of day, milli, month, second, year`},
		"precision of instants": {"Observation", "status: final\ncode: {text: x}\nissued: {$value: \"{x}\", $precision: day}", `8:43: one.resource.issued.$precision: found "day" in an element of type instant; expected second or milli`},
		"zone elsewhere":        {"Patient", `gender: {$value: "{x}", $zone: UTC}`, `6:31: one.resource.gender.$zone: found in an element of type code; expected in one of type date, dateTime or instant`},
		"encode":                {"Patient", `gender: {$value: "{x}", $encode: base64}`, `6:40: one.resource.gender.$encode: found "base64" in an element of type code; expected base64 in one of type base64Binary`},
		"short form":            {"Patient", `maritalStatus: {$reference: x}`, `6:22: one.resource.maritalStatus.$reference: found in an element of type CodeableConcept; expected in one of type Reference`},
		"beside a short form":   {"Patient", `maritalStatus: {$code: x, display: y}`, `6:33: one.resource.maritalStatus.display: unknown beside $code; did you mean "$display"?; expected one of $code, $default, $display, $map, $pick, $system, $text, $when`},
		"text of a coding":      {"Encounter", "status: planned\nclass: {$code: AMB, $text: x}", `7:27: one.resource.class.$text: found in an element of type Coding; expected in a CodeableConcept`},
		"system":                {"Patient", `maritalStatus: {$code: x, $system: lionc}`, `6:42: one.resource.maritalStatus.$system: found "lionc"; expected a URI, or the name of a system: atc, cvx, icd10, icd11, loinc, rxnorm, snomed, ucum; did you mean "loinc"?`},
		"system of an element":  {"Patient", `identifier: [{system: mrn, value: x}]`, `6:29: one.resource.identifier[0].system: found "mrn"; expected a URI, or the name of a system: atc, cvx, icd10, icd11, loinc, rxnorm, snomed, ucum`},
		"unit":                  {"Observation", "status: final\ncode: {text: x}\nvalueQuantity: {$quantity: 1}", `8:22: one.resource.valueQuantity: $unit is missing; expected the code of a unit`},
		"reference":             {"Observation", "status: final\ncode: {text: x}\nsubject: {$reference: x}", `8:29: one.resource.subject.$reference: found "x"; expected Type/id, such as Patient/{patient_id}`},
		"reference to":          {"Observation", "status: final\ncode: {text: x}\nsubject: {$reference: \"Account/{x}\"}", `8:29: one.resource.subject.$reference: found a reference to Account; expected one to Device, Group, Location, Patient`},
		"reference to nothing":  {"Observation", "status: final\ncode: {text: x}\nsubject: {$reference: \"Patiend/{x}\"}", `8:29: one.resource.subject.$reference: found "Patiend"; expected a resource type of R4; did you mean "Patient"?`},
		"contained":             {"Patient", `contained: [{name: x}]`, `6:19: one.resource.contained[0].resourceType: found ""; expected a resource type of R4`},
		"extension of a list":   {"Patient", `name: [{_given: {id: x}}]`, `6:15: one.resource.name[0]._given: found "_given"; expected _ and the name of an element of HumanName that is primitive and does not repeat`},
		"narrative":             {"Patient", `text: {status: generated, div: "<div>{name}</div>"}`, `6:38: one.resource.text.div: found "<div>{name}</div>"; expected a constant, since a narrative is not mapped`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := mapping.Parse("m.yaml", []byte(resource(c.typ, c.elements)))
			require.Error(t, err)
			want := "m.yaml:" + c.want
			require.True(t, strings.HasPrefix(err.Error(), want), "%s", err)
			if !strings.HasSuffix(c.want, ": ") {
				require.Equal(t, want, err.Error())
			}
		})
	}
}

// What does not fit the index is told when the mapping is bound.
func TestMistakesOfFields(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ typ, elements, want string }{
		"unknown field":         {"Patient", `id: "{patientid}"`, `6:11: one.resource.id: unknown field "patientid" of index "clinic"; did you mean "patient_id"?`},
		"objects":               {"Patient", `id: "{contacts}"`, `6:11: one.resource.id: found "contacts", which holds objects; expected a field of values, or $each`},
		"flattened":             {"Patient", `id: "{flat}"`, `6:11: one.resource.id: found "flat", a field of type flattened; expected a field of single values`},
		"point":                 {"Patient", `id: "{home}"`, `6:11: one.resource.id: found "home", a field of type geo_point; expected a field of single values`},
		"date":                  {"Patient", `birthDate: "{alive}"`, `6:18: one.resource.birthDate: found "alive", a field of type boolean; expected one that can be a date`},
		"number of a date":      {"Patient", `birthDate: "{updated}"`, `6:18: one.resource.birthDate: found "updated", a field of numbers; expected dates, or $from: epoch_millis or epoch_seconds`},
		"instant":               {"Observation", "status: final\ncode: {text: x}\nissued: \"{birth_date}\"", `8:15: one.resource.issued: found "birth_date", a field of days; expected one with times of day, or $zone, in which the day begins`},
		"truth":                 {"Patient", `active: "{age}"`, `6:15: one.resource.active: found "age", a field of type integer; expected one that can be a boolean`},
		"each":                  {"Patient", `name: [{given: [{$each: naems, $value: x}]}]`, `6:31: one.resource.name[0].given[0].$each: unknown field "naems" of index "clinic"; did you mean "names"?`},
		"each of a flattened":   {"Patient", `name: [{given: [{$each: flat, $value: x}]}]`, `6:31: one.resource.name[0].given[0].$each: found "flat", a field of type flattened; expected a list of objects or of values`},
		"list that is none":     {"Patient", `id: "{names[a=b].c}"`, `6:11: one.resource.id: found "names", a field of type keyword; expected a list of objects`},
		"member":                {"Patient", `id: "{contacts[name=b].nam}"`, `6:11: one.resource.id: unknown field "contacts.nam" of index "clinic"; did you mean "contacts.name"?`},
		"condition":             {"Patient", `active: {$value: true, $when: agee > 3}`, `6:37: one.resource.active.$when: found "agee > 3", which does not fit index "clinic": `},
		"condition of a day":    {"Patient", `active: {$value: true, $when: date > -1w}`, `6:37: one.resource.active.$when: found "date > -1w", which depends on when it is asked, and by whom; expected a condition on the record alone`},
		"condition of a user":   {"Patient", `active: {$value: true, $when: names = currentUser()}`, `6:37: one.resource.active.$when: found "names = currentUser()", which depends on when it is asked, and by whom; expected a condition on the record alone`},
		"condition of two kind": {"Patient", `contact: [{$each: contacts, $when: contacts.name = x AND age > 3, name: {text: x}}]`, `6:42: one.resource.contact[0].$when: found "contacts.name = x AND age > 3", which asks about one value of $each: contacts, and about others; expected two conditions, one within the other`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set, err := mapping.Parse("m.yaml", []byte(resource(c.typ, c.elements)))
			require.NoError(t, err)
			_, err = set.Mappings()[0].Bind(schemaOf(t, clinic))
			var list mapping.Errors
			require.ErrorAs(t, err, &list)
			want := "m.yaml:" + c.want
			require.True(t, strings.HasPrefix(err.Error(), want), "%s", err)
			if !strings.HasSuffix(c.want, ": ") {
				require.Equal(t, want, err.Error())
			}
		})
	}
}

func TestJoin(t *testing.T) {
	t.Parallel()
	parse := func(file, name string) *mapping.Set {
		set, err := mapping.Parse(file, []byte("mappings:\n  - name: "+name+"\n    index: clinic\n    type: Patient\n    native: true"))
		require.NoError(t, err)
		return set
	}
	all, err := mapping.Join(parse("a.yaml", "a"), parse("b.yaml", "b"))
	require.NoError(t, err)
	require.Len(t, all.Mappings(), 2)
	_, err = mapping.Join(parse("a.yaml", "a"), parse("b.yaml", "a"))
	require.EqualError(t, err, `b.yaml:2:11: a: the name stands for another mapping in a.yaml, line 2; expected one that is unique`)
}
