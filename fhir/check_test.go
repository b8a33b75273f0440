package fhir

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, resource := range []string{
		`{"resourceType":"Patient"}`,
		` { "id" : "1", "resourceType" : "Patient", "name" : [ { "given" : [ "a\u00e9" ] } ], "_birthDate": {"id":"x"} } `,
		`{"resourceType":"Patient","contained":[{"resourceType":"Organization","id":"o"}],"deceasedDateTime":"2024","_deceasedDateTime":{"id":"x"}}`,
		`{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient"}}]}`,
		`{"resourceType":"Immunization","status":"completed","vaccineCode":{"text":"x"},"patient":{"display":"x"},"_occurrenceString":{"id":"x"}}`,
	} {
		require.NoError(t, Check([]byte(resource)), resource)
	}
	for resource, want := range map[string]string{
		``:                                       `fhir: no JSON: it ends at byte 0, where an object is expected`,
		`[]`:                                     `fhir: no JSON: found '[' at byte 0, where an object is expected`,
		`{"resourceType":"Patient"}x`:            `fhir: no JSON: found 'x' at byte 26, where the end is expected`,
		`{"resourceType":"Patient",}`:            `fhir: no JSON: found '}' at byte 26, where a string is expected`,
		`{"id":"1"}`:                             `fhir: found resourceType ""; expected a resource type of R4`,
		`{"resourceType":"HumanName"}`:           `fhir: found resourceType "HumanName"; expected a resource type of R4`,
		`{"resourceType":"Patient","nme":1}`:     `fhir: Patient.nme: no such element of Patient`,
		`{"resourceType":"Patient","name":[]}`:   `fhir: Patient.name: is [], without anything in it`,
		`{"resourceType":"Patient","name":{}}`:   `fhir: Patient.name: expected a list, since the element repeats`,
		`{"resourceType":"Patient","name":[{}]}`: `fhir: Patient.name[0]: is {}, without anything in it`,
		`{"resourceType":"Patient","maritalStatus":{}}`:                                      `fhir: Patient.maritalStatus: is {}, without anything in it`,
		`{"resourceType":"Patient","maritalStatus":"x"}`:                                     `fhir: Patient.maritalStatus: expected an object`,
		`{"resourceType":"Patient","gender":["male"]}`:                                       `fhir: Patient.gender: found a list; expected one value`,
		`{"resourceType":"Patient","gender":{"a":1}}`:                                        `fhir: Patient.gender: found an object; expected a code`,
		`{"resourceType":"Patient","gender":null}`:                                           `fhir: Patient.gender: found null; expected a string`,
		`{"resourceType":"Patient","active":null}`:                                           `fhir: Patient.active: found "null"; expected true or false`,
		`{"resourceType":"Patient","active":"true"}`:                                         `fhir: Patient.active: found a string; expected a boolean`,
		`{"resourceType":"Patient","id":""}`:                                                 `fhir: Patient.id: found ""; expected a text that is not empty`,
		`{"resourceType":"Patient","id":"a b"}`:                                              `fhir: Patient.id: found "a b"; expected an id: up to 64 of A-Z a-z 0-9 - .`,
		`{"resourceType":"Patient","gender":"m"}`:                                            `fhir: Patient.gender: found "m"; expected one of male, female, other, unknown`,
		`{"resourceType":"Patient","birthDate":"2024-02-30"}`:                                `fhir: Patient.birthDate: found "2024-02-30"; expected a date: YYYY, YYYY-MM or YYYY-MM-DD`,
		`{"resourceType":"Patient","id":"a","id":"b"}`:                                       `fhir: Patient: the key "id" stands twice`,
		`{"resourceType":"Patient","deceasedBoolean":true,"deceasedDateTime":"2024"}`:        `fhir: Patient: found deceasedBoolean and deceasedDateTime; expected one member of deceased[x]`,
		`{"resourceType":"Patient","_deceasedBoolean":{"id":"x"},"deceasedDateTime":"2024"}`: `fhir: Patient: found deceasedBoolean and deceasedDateTime; expected one member of deceased[x]`,
		`{"resourceType":"Observation","status":"final"}`:                                    `fhir: Observation: code is required and is missing`,
		`{"resourceType":"Patient","link":[{"type":"refer"}]}`:                               `fhir: Patient.link[0]: other is required and is missing`,
		`{"resourceType":"Immunization","status":"completed","vaccineCode":{"text":"x"},"patient":{"display":"x"},"occurrenceDateTime":"2024","occurrenceString":""}`: `fhir: Immunization.occurrenceString: found ""; expected a text that is not empty`,
		`{"resourceType":"Immunization","status":"completed","vaccineCode":{"text":"x"},"patient":{"display":"x"}}`:                                                   `fhir: Immunization: occurrence[x] is required and is missing`,
		`{"resourceType":"Patient","contained":[{"resourceType":"Organisation"}]}`:                                                                                    `fhir: Patient.contained[0]: found resourceType "Organisation"; expected a resource type of R4`,
		`{"resourceType":"Patient","_name":[{"id":"x"}]}`:                                                                                                             `fhir: Patient._name: no such element of Patient`,
		`{"resourceType":"Patient","id":"\ud800"}`:                                                                                                                    `fhir: Patient.id: found "` + "\ufffd" + `"; expected an id: up to 64 of A-Z a-z 0-9 - .`,
		"{\"resourceType\":\"Patient\",\"id\":\"\xff\"}":                                                                                                              `fhir: no JSON: a string that is no UTF-8 at byte 32`,
		`{"resourceType":"Patient","multipleBirthInteger":1.0}`:                                                                                                       `fhir: Patient.multipleBirthInteger: found "1.0"; expected a whole number of 32 bits`,
		`{"resourceType":"Patient","extension":` + strings.Repeat(`[{"url":"x","extension":`, 300):                                                                    `fhir: no JSON that is nested too deep`,
	} {
		err := Check([]byte(resource))
		var e *CheckError
		require.ErrorAs(t, err, &e, resource)
		require.EqualError(t, err, want, resource)
	}
}

func TestCheckPrimitive(t *testing.T) {
	t.Parallel()
	for primitive, c := range map[string]struct{ good, bad []string }{
		"base64Binary": {[]string{"aGk=", "YQ==", "YWJj"}, []string{"aGk", "a=k=", "a!==", ""}},
		"boolean":      {[]string{"true", "false"}, []string{"True", "1"}},
		"code":         {[]string{"a", "a b", "é"}, []string{" a", "a ", "a  b", "a\tb"}},
		"date":         {[]string{"2024", "2024-02", "2024-02-29", "0001-01-01"}, []string{"24", "2024-13", "2023-02-29", "2024-1-1", "2024-01-31T10:00:00Z", "0000", "2024-"}},
		"dateTime":     {[]string{"2024", "2024-01-31T10:00:00Z", "2024-01-31T10:00:00.5+14:00"}, []string{"2024-01-31T10:00Z", "2024-01-31T10:00:00", "2024-01-31T24:00:00Z", "2024-01-31T10:00:00+5:30", "2024-01-31T10:00:00.Z", "2024-01-31T10:00:00+15:00"}},
		"decimal":      {[]string{"0", "-1.50", "1e10", "0.0"}, []string{"01", "1.", ".5", "+1", "1e", "NaN", "-"}},
		"id":           {[]string{"a", "A-1.b", strings.Repeat("x", 64)}, []string{"a_b", strings.Repeat("x", 65), "é"}},
		"instant":      {[]string{"2024-01-31T10:00:00Z", "2024-01-31T10:00:60Z"}, []string{"2024-01-31", "2024-01-31T10:00:00"}},
		"integer":      {[]string{"0", "-2147483648", "2147483647"}, []string{"2147483648", "-2147483649", "-0", "01", "1.0"}},
		"positiveInt":  {[]string{"1"}, []string{"0", "-1"}},
		"unsignedInt":  {[]string{"0"}, []string{"-1"}},
		"string":       {[]string{"a", " a\n"}, []string{"a\x00", " ", "\xff"}},
		"time":         {[]string{"10:00:00", "23:59:59.123"}, []string{"10:00", "24:00:00", "10:60:00"}},
		"uri":          {[]string{"urn:x", "x"}, []string{"a b", "a\n"}},
		"oid":          {[]string{"urn:oid:1.2"}, []string{"1.2"}},
		"uuid":         {[]string{"urn:uuid:c757873d-ec9a-4326-a141-556f43239520"}, []string{"c757873d-ec9a-4326-a141-556f43239520"}},
	} {
		for _, text := range c.good {
			require.Empty(t, CheckPrimitive(primitive, text), "%s %q", primitive, text)
		}
		for _, text := range c.bad {
			require.NotEmpty(t, CheckPrimitive(primitive, text), "%s %q", primitive, text)
		}
	}
}

func TestSubset(t *testing.T) {
	t.Parallel()
	const tag = `{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}`
	for resource, want := range map[string]string{
		`{"resourceType":"Patient","id":"1","active":true,"name":[{"family":"x"}],"_birthDate":{"id":"x"},"birthDate":"2024"}`: `{"resourceType":"Patient","id":"1","meta":{"tag":[` + tag + `]},"_birthDate":{"id":"x"},"birthDate":"2024"}`,
		`{"resourceType":"Patient","birthDate":"2024"}`:                                          `{"meta":{"tag":[` + tag + `]},"resourceType":"Patient","birthDate":"2024"}`,
		`{"active":true, "meta":{"tag":[{"code":"x"} ],"source":"s"}, "resourceType":"Patient"}`: `{"meta":{"tag":[{"code":"x"},` + tag + `],"source":"s"},"resourceType":"Patient"}`,
		`{"meta":{"tag":[` + tag + `]},"resourceType":"Patient"}`:                                `{"meta":{"tag":[` + tag + `]},"resourceType":"Patient"}`,
		`{"meta":{},"resourceType":"Patient"}`:                                                   `{"meta":{"tag":[` + tag + `]},"resourceType":"Patient"}`,
	} {
		s, err := NewSubset("Patient", []string{"birthDate"})
		require.NoError(t, err)
		got, err := s.Append(nil, []byte(resource))
		require.NoError(t, err)
		require.Equal(t, want, string(got))
		require.True(t, json.Valid(got))
	}
	s, err := NewSubset("Observation", []string{"value", "effective[x]", "issued"})
	require.NoError(t, err)
	got, err := s.Append(nil, []byte(`{"resourceType":"Observation","id":"1","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/1"},"effectiveDateTime":"2024","valueString":"x"}`))
	require.NoError(t, err)
	want := `{"resourceType":"Observation","id":"1","meta":{"tag":[` + tag + `]},"status":"final","code":{"text":"x"},"effectiveDateTime":"2024","valueString":"x"}`
	require.Equal(t, want, string(got))
	for _, bad := range []string{``, `{`, `{"resourceType":"Patient"}`, `{}`, `{"resourceType":"Observation","id":}`} {
		got, err = s.Append([]byte("a"), []byte(bad))
		var e *CheckError
		require.ErrorAs(t, err, &e, bad)
		require.Equal(t, "a", string(got))
	}
	_, err = NewSubset("Pat", nil)
	require.EqualError(t, err, `fhir: no resource type "Pat"`)
}

func TestOutcome(t *testing.T) {
	t.Parallel()
	got, err := (&Outcome{[]Issue{{"error", "not-supported", `no "x"`, []string{"a", "b"}}, {"warning", "invalid", "", nil}}}).Append([]byte("a"))
	require.NoError(t, err)
	require.Equal(t, `a{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"not-supported","diagnostics":"no \"x\"","expression":["a","b"]},{"severity":"warning","code":"invalid"}]}`, string(got))
	require.NoError(t, Check(got[1:]))
	for _, bad := range []*Outcome{{}, {[]Issue{{"bad", "invalid", "", nil}}}, {[]Issue{{"error", "", "", nil}}}} {
		got, err = bad.Append([]byte("a"))
		var e *CheckError
		require.ErrorAs(t, err, &e)
		require.Equal(t, "a", string(got))
	}
}

// What Check takes, Decode and Append keep, but for the order of members.
func FuzzCheck(f *testing.F) {
	for _, text := range []string{`{"resourceType":"Patient","name":[{"family":"x","_family":{"id":"y"}}],"deceasedBoolean":false}`,
		`{"resourceType":"Group","type":"person","actual":true,"characteristic":[{"code":{"text":"x"},"valueBoolean":false,"exclude":false}]}`,
		`{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient", "id" : "a\"\\"}}]}`,
		`{"resourceType":"Observation","contained":[{"resourceType":"Patient"}],"status":"final","code":{"text":"\u0041"},"valueQuantity":{"value":1.50}}`, `{"a":[1,{"b":null}]}`,
		`{"resourceType":"Patient"}`, `{"resourceType":"Bundle","type":"document"}`, `{"resourceType":"OperationOutcome","issue":[{"severity":"fatal","code":"invalid"}]}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, resource []byte) {
		if err := Check(resource); err != nil {
			var e *CheckError
			require.ErrorAs(t, err, &e)
			return
		}
		require.True(t, json.Valid(resource))
		r, err := Decode(resource)
		require.NoError(t, err)
		line, err := Append(nil, r)
		require.NoError(t, err, "%s", resource)
		require.NoError(t, Check(line), "%s", line)
		require.JSONEq(t, string(resource), string(line))
	})
}
