package fhir

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	model "github.com/samply/golang-fhir-models/fhir-models/fhir"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func ptr[T any](v T) *T { return &v }

func TestAppend(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		resource any
		want     string
	}{
		"resourceType first, no escapes of HTML, digits kept": {
			&model.Observation{Id: ptr("1"), Status: model.ObservationStatusFinal, Code: model.CodeableConcept{Text: ptr("<a> & \"b\"\u2028")},
				ValueQuantity: &model.Quantity{Value: ptr(json.Number("36.50"))}},
			`{"resourceType":"Observation","id":"1","status":"final","code":{"text":"<a> & \"b\"` + "\u2028" + `"},"valueQuantity":{"value":36.50}}`},
		"one member of a required choice": {
			model.Immunization{Status: model.ImmunizationStatusCodesCompleted, VaccineCode: model.CodeableConcept{Text: ptr("x")}, Patient: model.Reference{Reference: ptr("Patient/1")}, OccurrenceDateTime: "2024-01-31"},
			`{"resourceType":"Immunization","status":"completed","vaccineCode":{"text":"x"},"patient":{"reference":"Patient/1"},"occurrenceDateTime":"2024-01-31"}`},
		"an empty object is left out": {
			&model.Patient{Active: ptr(true), MaritalStatus: &model.CodeableConcept{}, Name: []model.HumanName{}},
			`{"resourceType":"Patient","active":true}`},
		"zero values that were set": {
			&model.Patient{Active: ptr(false), Gender: ptr(model.AdministrativeGenderMale), MultipleBirthInteger: ptr(0)},
			`{"resourceType":"Patient","gender":"male","active":false,"multipleBirthInteger":0}`},
		"a resource in a bundle is one line": {
			&model.Bundle{Type: model.BundleTypeCollection, Entry: []model.BundleEntry{{Resource: json.RawMessage("{ \"resourceType\" : \"Patient\",\n \"id\": \"a b\\\"c \"\t}")}}},
			`{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"a b\"c "}}]}`},
		"an envelope": {
			Envelope{
				Resource:  &model.Patient{Name: []model.HumanName{{Family: ptr("Rao")}}, ManagingOrganization: &model.Reference{Reference: ptr("#o")}},
				Contained: []any{&model.Organization{Id: ptr("o")}, json.RawMessage(`{"resourceType": "Organization"}`)},
				Extra:     map[string]json.RawMessage{"_birthDate": json.RawMessage(`{"id": "x"}`), "name[0]._family": json.RawMessage(`{"id":"y"}`)},
			},
			`{"resourceType":"Patient","contained":[{"resourceType":"Organization","id":"o"},{"resourceType":"Organization"}],"name":[{"family":"Rao","_family":{"id":"y"}}],` +
				`"_birthDate":{"id":"x"},"managingOrganization":{"reference":"#o"}}`},
		"false in a required choice": {
			&Envelope{
				Resource: &model.Group{Type: model.GroupTypePerson, Actual: true, Characteristic: []model.GroupCharacteristic{{Code: model.CodeableConcept{Text: ptr("x")}}}},
				Extra:    map[string]json.RawMessage{"characteristic[0].valueBoolean": json.RawMessage("false")},
			},
			`{"resourceType":"Group","type":"person","actual":true,"characteristic":[{"code":{"text":"x"},"valueBoolean":false,"exclude":false}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Append([]byte("x"), c.resource)
			require.NoError(t, err)
			if name == "zero values that were set" {
				require.JSONEq(t, c.want, string(got[1:]))
			} else {
				require.Equal(t, "x"+c.want, string(got))
			}
			if name != "a resource in a bundle is one line" {
				require.NoError(t, Check(got[1:]))
			}
		})
	}
}

func TestAppendRefuses(t *testing.T) {
	t.Parallel()
	code := model.CodeableConcept{Text: ptr("x")}
	for name, c := range map[string]struct {
		resource any
		want     string
	}{
		"no resource":              {model.HumanName{Family: ptr("x")}, `fhir: no resource of the model: fhir.HumanName`},
		"a string":                 {"x", `fhir: no resource of the model: string`},
		"nil":                      {nil, `fhir: no resource of the model: nil`},
		"a nil pointer":            {(*model.Patient)(nil), `fhir: no resource of the model: *fhir.Patient`},
		"a nil envelope":           {(*Envelope)(nil), `fhir: no resource of the model: nil`},
		"nothing set":              {&model.Bundle{}, `fhir: Bundle: has nothing in it that is set`},
		"nothing set, with a code": {&model.Observation{}, `fhir: Observation: has nothing in it that is set`},
		"required":                 {&model.Observation{Status: model.ObservationStatusFinal}, `fhir: Observation.code: is required and has no value`},
		"required list":            {&model.OperationOutcome{Id: ptr("x")}, `fhir: OperationOutcome.issue: is required and has no value`},
		"a zero issue":             {&model.OperationOutcome{Issue: []model.OperationOutcomeIssue{{}}}, `fhir: OperationOutcome.issue[0]: is empty`},
		"required choice":          {&model.MedicationRequest{Status: "active", Intent: "order", Subject: model.Reference{Reference: ptr("Patient/1")}}, `fhir: MedicationRequest.medication[x]: is required and has no value`},
		"two of a choice":          {&model.Observation{Code: code, ValueString: ptr("x"), ValueInteger: ptr(1)}, `fhir: Observation.valueInteger: has a value beside another of value[x]`},
		"two of a required choice": {&model.Immunization{Status: 0, VaccineCode: code, Patient: model.Reference{Display: ptr("x")}, OccurrenceDateTime: "2024", OccurrenceString: "x"}, `fhir: Immunization.occurrenceString: has a value beside another of occurrence[x]`},
		"no code":                  {&model.Patient{Gender: ptr(model.AdministrativeGender(9))}, `fhir: Patient.gender: is 9, which is no code of its enumeration`},
		"no code either":           {&model.Observation{Status: -1, Code: code}, `fhir: Observation.status: is -1, which is no code of its enumeration`},
		"an empty text":            {&model.Patient{Id: ptr("")}, `fhir: Patient.id: is an empty text`},
		"an empty item":            {&model.Patient{Name: []model.HumanName{{Family: ptr("x")}, {}}}, `fhir: Patient.name[1]: is empty`},
		"no date":                  {&model.Patient{BirthDate: ptr("31.1.2024")}, `fhir: Patient.birthDate: is "31.1.2024"; expected a date: YYYY, YYYY-MM or YYYY-MM-DD`},
		"no number":                {&model.Observation{Code: code, ValueQuantity: &model.Quantity{Value: ptr(json.Number("1e"))}}, `fhir: Observation.valueQuantity.value: is "1e"; expected a number`},
		"no id":                    {&model.Patient{Id: ptr("a b")}, `fhir: Patient.id: is "a b"; expected an id: up to 64 of A-Z a-z 0-9 - .`},
		"no resource in a bundle":  {&model.Bundle{Entry: []model.BundleEntry{{Resource: json.RawMessage(`{}`)}}}, `fhir: Bundle.entry[0].resource: is no resource: fhir: has no resourceType`},
		"extra that is not JSON":   {Envelope{Resource: &model.Patient{}, Extra: map[string]json.RawMessage{"_birthDate": json.RawMessage(`{`)}}, `fhir: Patient._birthDate: no JSON: it ends at byte 1, where a string is expected`},
		"extra that leads nowhere": {Envelope{Resource: &model.Patient{Active: ptr(true)}, Extra: map[string]json.RawMessage{"name[1]._family": json.RawMessage(`{"id":"x"}`)}}, `fhir: Patient.name[1]._family: belongs to no value of the resource`},
		"extra of no element":      {Envelope{Resource: &model.Patient{}, Extra: map[string]json.RawMessage{"_name": json.RawMessage(`{}`)}}, `fhir: Patient._name: is neither a primitive element with _ before it, nor a member of a required choice`},
		"contained":                {Envelope{Resource: &model.Patient{}, Contained: []any{1}}, `fhir: Patient.contained[0]: fhir: no resource of the model: int`},
		"contained in a bundle":    {Envelope{Resource: &model.Bundle{}, Contained: []any{&model.Patient{Active: ptr(true)}}}, `fhir: Bundle.contained: is no element of the type`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Append([]byte("x"), c.resource)
			require.EqualError(t, err, c.want)
			require.Equal(t, "x", string(got))
		})
	}
}

// filled sets fields of a value of the model, as R4 allows.
func filled(t *rapid.T, g reflect.Type, depth int) reflect.Value {
	v := reflect.New(g).Elem()
	typ := tables().byGo[g]
	chosen := map[string]string{}
	for _, e := range typ.Elements() {
		if e.Choice == "" {
			continue
		}
		if _, ok := chosen[e.Choice]; !ok || rapid.Bool().Draw(t, "other") {
			chosen[e.Choice] = e.Name
		}
	}
	for i := range g.NumField() {
		name, _, _ := strings.Cut(g.Field(i).Tag.Get("json"), ",")
		e := typ.Element(name)
		if e.Choice != "" && chosen[e.Choice] != name {
			continue
		}
		if !e.Required && (depth > 1 || rapid.IntRange(0, 9).Draw(t, "set") > 2) {
			continue
		}
		fill(t, v.Field(i), e, depth)
	}
	return v
}

func fill(t *rapid.T, v reflect.Value, e *Element, depth int) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), e, depth)
		return
	case reflect.Slice:
		if v.Type() == rawType {
			v.SetBytes([]byte(`{"resourceType":"Basic","code":{"text":"x"}}`))
			return
		}
		n := rapid.IntRange(1, 2).Draw(t, "n")
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fill(t, v.Index(i), e, depth)
		}
		return
	case reflect.Struct:
		v.Set(filled(t, v.Type(), depth+1))
		if tables().byGo[v.Type()].byName["id"] != nil && v.FieldByName("Id").IsNil() { // never nothing
			v.FieldByName("Id").Set(reflect.ValueOf(ptr("i")))
		}
		return
	case reflect.Bool:
		v.SetBool(true)
		return
	}
	if codes := tables().codesOf(v.Type()); codes != nil {
		v.SetInt(int64(rapid.IntRange(0, len(codes)-1).Draw(t, "code")))
		return
	}
	if v.Kind() == reflect.Int {
		v.SetInt(int64(rapid.IntRange(1, 1<<31-1).Draw(t, "int")))
		return
	}
	if len(e.Codes) > 0 {
		v.SetString(rapid.SampledFrom(e.Codes).Draw(t, "code"))
		return
	}
	v.SetString(sampleOf(t, e.Primitive))
}

func sampleOf(t *rapid.T, primitive string) string {
	samples := map[string][]string{
		"base64Binary": {"aGk="}, "code": {"a", "a b"}, "date": {"2024", "2024-02-29"}, "dateTime": {"2024-01", "2024-01-31T10:00:00+05:30"}, "decimal": {"1.50", "-0.1", "1e3"},
		"id": {"a.b-1"}, "instant": {"2024-01-31T10:00:00.123Z"}, "oid": {"urn:oid:1.2"}, "time": {"10:00:00"}, "uuid": {"urn:uuid:c757873d-ec9a-4326-a141-556f43239520"},
		"canonical": {"http://x|1"}, "uri": {"urn:x"}, "url": {"http://x"}, "xhtml": {`<div xmlns="http://www.w3.org/1999/xhtml">x</div>`},
	}
	if s := samples[primitive]; s != nil {
		return rapid.SampledFrom(s).Draw(t, primitive)
	}
	return rapid.StringMatching(`[a-zß"\\<>&]{1,9}`).Draw(t, "text")
}

// Every type of the model is written so that it is FHIR, and reading it gives the same again.
func TestAppendAllTypes(t *testing.T) {
	t.Parallel()
	require.Len(t, models, 148)
	for _, g := range models {
		t.Run(g.Name(), func(t *testing.T) {
			t.Parallel()
			values := rapid.Custom(func(t *rapid.T) any {
				v := filled(t, g, 0)
				v.FieldByName("Id").Set(reflect.ValueOf(ptr("i")))
				return v.Interface()
			})
			for seed := range 6 {
				resource := values.Example(seed)
				line, err := Append(nil, resource)
				require.NoError(t, err)
				require.NoError(t, Check(line), "%s", line)
				require.True(t, strings.HasPrefix(string(line), `{"resourceType":"`+g.Name()+`"`))
				again := reflect.New(g)
				require.NoError(t, json.Unmarshal(line, again.Interface()))
				require.Equal(t, resource, again.Elem().Interface())
				twice, err := Append(nil, again.Interface())
				require.NoError(t, err)
				require.Equal(t, string(line), string(twice))
				r, err := Decode(line)
				require.NoError(t, err)
				thrice, err := Append(nil, r)
				require.NoError(t, err)
				require.Equal(t, string(line), string(thrice))
			}
		})
	}
}

// The places where the model's own marshalling writes every member of a choice.
func TestRequiredChoices(t *testing.T) {
	t.Parallel()
	places := map[string]bool{}
	for g, typ := range tables().byGo {
		for i := range g.NumField() {
			name, options, _ := strings.Cut(g.Field(i).Tag.Get("json"), ",")
			if e := typ.Element(name); e.Choice != "" && options == "" {
				require.True(t, e.Required, "%s.%s", typ.Name, name)
				places[typ.Name+"."+e.Choice] = true
			}
		}
	}
	require.Len(t, places, 48)
	require.True(t, places["Immunization.occurrence[x]"])
	require.True(t, places["Group.characteristic.value[x]"])
}

// Decode keeps what the model has no place for.
func TestDecode(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		`{"resourceType":"Patient","contained":[{"resourceType":"Organization","id":"o","_name":{"id":"x"}}],"name":[{"family":"a","_family":{"extension":[{"url":"http://x","valueCode":"y"}]}},{"_family":{"id":"z"}}],"_birthDate":{"extension":[{"url":"http://x","valueDecimal":1.50}]}}`,
		`{"resourceType":"Group","type":"person","actual":true,"characteristic":[{"code":{"text":"x"},"valueBoolean":false,"exclude":false}]}`,
		`{"resourceType":"Patient","id":"x","multipleBirthInteger":0}`,
	} {
		r, err := Decode([]byte(line))
		require.NoError(t, err, line)
		got, err := Append(nil, r)
		require.NoError(t, err)
		require.Equal(t, line, string(got))
	}
	_, err := Decode([]byte(`{"resourceType":"Patient","nme":[]}`))
	require.EqualError(t, err, `fhir: Patient.nme: no such element of Patient`)
}

func patient() *model.Patient {
	return &model.Patient{
		Id: ptr("P-123456"), Meta: &model.Meta{LastUpdated: ptr("2024-01-31T10:00:00Z"), Profile: []string{"http://hl7.org/fhir/StructureDefinition/Patient"}},
		Identifier: []model.Identifier{{System: ptr("http://hospital.example/mrn"), Value: ptr("123456"), Type: &model.CodeableConcept{Coding: []model.Coding{{System: ptr("http://terminology.hl7.org/CodeSystem/v2-0203"), Code: ptr("MR"), Display: ptr("Medical Record Number")}}}}},
		Active:     ptr(true), Name: []model.HumanName{{Use: ptr(model.NameUseOfficial), Family: ptr("Deshpande"), Given: []string{"Asha", "Meena"}}},
		Telecom: []model.ContactPoint{{System: ptr(model.ContactPointSystemPhone), Value: ptr("+91 98220 12345"), Use: ptr(model.ContactPointUseMobile)}},
		Gender:  ptr(model.AdministrativeGenderFemale), BirthDate: ptr("1990-05-01"),
		Address:       []model.Address{{Line: []string{"12 MG Road"}, City: ptr("Pune"), District: ptr("Pune"), State: ptr("Maharashtra"), PostalCode: ptr("411001"), Country: ptr("IN")}},
		MaritalStatus: &model.CodeableConcept{Coding: []model.Coding{{System: ptr("http://terminology.hl7.org/CodeSystem/v3-MaritalStatus"), Code: ptr("M")}}},
	}
}

func TestAppendAllocations(t *testing.T) {
	p := patient()
	line := make([]byte, 0, 4096)
	require.Zero(t, testing.AllocsPerRun(100, func() { line, _ = Append(line[:0], p) }))
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() { line, _ = Append(line[:0], *p) }), 2.0)
}

// The two are measured in turns, so that what else the machine does falls upon both.
func BenchmarkAppend(b *testing.B) {
	p := patient()
	var line []byte
	var own, theirs time.Duration
	n := 0
	for b.Loop() {
		start := time.Now()
		for range 100 {
			line, _ = Append(line[:0], p)
		}
		middle := time.Now()
		for range 100 {
			_, _ = json.Marshal(p)
		}
		own, theirs, n = own+middle.Sub(start), theirs+time.Since(middle), n+100
	}
	require.NotEmpty(b, line)
	b.ReportMetric(float64(own.Nanoseconds())/float64(n), "ns/resource")
	b.ReportMetric(float64(theirs)/float64(own), "times-json.Marshal")
}
