package mapping_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/fhir"
	"github.com/digit-health/dhr/fhir/mapping"
	"github.com/digit-health/dhr/record"
)

const (
	nativeMapping = `mappings:
  - name: observations
    index: clinic
    type: Observation
    native: true
    last_updated: meta.lastUpdated
    patient: "{subject.reference}"
    search:
      code: {type: token, field: code.coding.code}
      subject: {type: reference, field: subject.reference, target: Patient}
`
	nativeSchema = `{"properties":{"id":{"type":"keyword"},"meta":{"properties":{"lastUpdated":{"type":"date"}}},
		"subject":{"properties":{"reference":{"type":"keyword"}}},"code":{"properties":{"coding":{"properties":{"code":{"type":"keyword"}}}}}}}`
)

func native(t testing.TB, doc string, bases ...string) (*mapping.Mapper, *record.Record) {
	t.Helper()
	set, err := mapping.Parse("native.yaml", []byte(nativeMapping))
	require.NoError(t, err)
	s := schemaOf(t, nativeSchema)
	x, err := set.Mappings()[0].At(bases...).Bind(s)
	require.NoError(t, err)
	for r, err := range record.ReadNDJSON(strings.NewReader(strings.ReplaceAll(doc, "\n", " ")), "x", mustProject(t, s, x.Fields()...)) {
		require.NoError(t, err)
		r = r.Clone()
		r.ID = "r1"
		return x, r
	}
	require.Fail(t, "no record")
	return nil, nil
}

func mustProject(t testing.TB, s *record.Schema, fields ...string) *record.Projection {
	t.Helper()
	p, err := s.Project(fields...)
	require.NoError(t, err)
	return p
}

// A native resource is handed out byte for byte.
func TestNative(t *testing.T) {
	t.Parallel()
	const doc = `{"resourceType":"Observation","id":"7","meta":{"lastUpdated":"2024-01-31T10:00:00Z"}, "status":"final","code":{"coding":[{"code":"x"}]},"subject":{"reference":"http://x.example/fhir/Patient/9"},"x":1.50}`
	x, r := native(t, doc, "http://x.example/fhir")
	require.ElementsMatch(t, []string{"id", "subject.reference", "meta.lastUpdated"}, x.Fields())
	line, err := x.Append([]byte("a"), r)
	require.NoError(t, err)
	require.Equal(t, "a"+doc, string(line))
	id, err := x.IDOf(r)
	require.NoError(t, err)
	require.Equal(t, "7", id)
	require.Equal(t, "9", x.PatientOf(r))

	y, err := x.Elements("subject")
	require.NoError(t, err)
	line, err = y.Append(nil, r)
	require.NoError(t, err)
	want := `{"resourceType":"Observation","id":"7","meta":{"lastUpdated":"2024-01-31T10:00:00Z","tag":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}]},` +
		`"status":"final","code":{"coding":[{"code":"x"}]},"subject":{"reference":"http://x.example/fhir/Patient/9"}}`
	require.Equal(t, want, string(line))

	for search, want := range map[string]string{
		"code=x":            "code.coding.code = x",
		"subject=Patient/7": `subject.reference IN ("Patient/7", "http://x.example/fhir/Patient/7")`,
		"subject=7":         `subject.reference IN ("Patient/7", "http://x.example/fhir/Patient/7")`,
		"patient=7":         `subject.reference IN ("Patient/7", "7", "http://x.example/fhir/Patient/7")`,
		"patient=Patient/7": `subject.reference IN ("Patient/7", "7", "http://x.example/fhir/Patient/7")`,
		"patient=http://x.example/fhir/Patient/7": `subject.reference IN ("Patient/7", "7", "http://x.example/fhir/Patient/7")`,
		"_id=7":                  `id = "7"`,
		"_lastUpdated=ge2024-01": "meta.lastUpdated >= 2024-01-01T00:00:00Z",
	} {
		got, err := x.Search(search)
		require.NoError(t, err, search)
		require.Equal(t, want, got)
	}
	got, err := x.OfPatients("7", "8")
	require.NoError(t, err)
	require.Equal(t, `subject.reference IN ("Patient/7", "7", "http://x.example/fhir/Patient/7", "Patient/8", "8", "http://x.example/fhir/Patient/8")`, got)
	_, err = x.Search("patient=http://y.example/fhir/Patient/7")
	require.ErrorContains(t, err, "expected Type/id")
}

// A resource is in the compartment of the Patient that it refers to, not in that of one whose id something else has.
func TestNativePatients(t *testing.T) {
	t.Parallel()
	for reference, want := range map[string]string{
		"Patient/7": "7", "https://x.example/fhir/Patient/7": "7", "https://dhr.example/fhir/r4/Patient/7": "7", "7": "7",
		"Patient/7/_history/2": "elsewhere", "https://x.example/fhir/Patient/7/_history/2": "elsewhere", "https://y.example/fhir/Patient/7": "elsewhere",
		"http://x.example/fhir/Patient/7": "elsewhere", "https://x.example/fhir/other/Patient/7": "elsewhere",
		"Device/7": "", "Group/7": "", "https://x.example/fhir/Location/7/_history/1": "", "https://y.example/fhir/Location/7": "",
		"NotPatient/7": "", "/7": "", "": "", "Patient/": "", "https://x.example/fhir/7": "",
	} {
		x, r := native(t, `{"resourceType":"Observation","id":"1","subject":{"reference":"`+reference+`"}}`, "https://dhr.example/fhir/r4", "https://x.example/fhir/")
		require.Equal(t, want == "elsewhere", x.Elsewhere(r), reference)
		require.Equal(t, strings.TrimPrefix(want, "elsewhere"), x.PatientOf(r), reference)
	}
}

// Who is found by the condition for some patients is who is theirs by PatientOf, whatever engine is asked.
func TestEnginesAgreeOnPatients(t *testing.T) {
	t.Parallel()
	schema := schemaOf(t, nativeSchema)
	bases := []string{"https://dhr.example/fhir/r4", "https://x.example/fhir"}
	var docs strings.Builder
	for i, reference := range []string{
		"Patient/7", "7", bases[0] + "/Patient/7", bases[1] + "/Patient/7", "Patient/8", bases[1] + "/Patient/8", "https://y.example/fhir/Patient/7",
		"Patient/7/_history/1", "Device/7", bases[0] + "/Device/7", "Patient/77", "Patient/9",
	} {
		fmt.Fprintf(&docs, `{"_id":"r%02d","_source":{"resourceType":"Observation","id":"%d","subject":{"reference":%q}}}`+"\n", i, i, reference)
	}
	set, err := mapping.Parse("native.yaml", []byte(nativeMapping))
	require.NoError(t, err)
	for _, x := range []struct {
		bases []string
		want  []string
	}{{bases, []string{"r00", "r01", "r02", "r03", "r04", "r05"}}, {bases[:1], []string{"r00", "r01", "r02", "r04"}}, {nil, []string{"r00", "r01", "r04"}}} {
		m, err := set.Mappings()[0].At(x.bases...).Bind(schema)
		require.NoError(t, err)
		condition, err := m.OfPatients("7", "8")
		require.NoError(t, err)
		for name, engine := range engines(t, schema, docs.String()) {
			require.Equal(t, x.want, found(t, engine, m, condition, func(*record.Record) bool { return true }), name)
			require.Equal(t, x.want, found(t, engine, m, "", func(r *record.Record) bool { return m.PatientOf(r) == "7" || m.PatientOf(r) == "8" }), name)
		}
	}
}

func TestNativeUnmappable(t *testing.T) {
	t.Parallel()
	for doc, reason := range map[string]string{
		`{"resourceType":"Patient"}`: "found a resource of type Patient",
		`{"id":"7"}`:                 "fhir: has no resourceType",
		`{"resourceType":7}`:         "fhir: has no resourceType",
	} {
		x, r := native(t, doc)
		line, err := x.Append([]byte("a"), r)
		var e *mapping.UnmappableError
		require.ErrorAs(t, err, &e)
		require.Equal(t, reason, e.Reason)
		require.Equal(t, "a", string(line))
	}
	x, r := native(t, `{"resourceType":"Observation"}`)
	_, err := x.IDOf(r)
	require.EqualError(t, err, `mapping: record "r1" cannot be mapped: Observation.id: is required and has no value`)
	r.Reset(r.Projection()) // it loses its source
	_, err = x.Append(nil, r)
	require.ErrorContains(t, err, "has no source")
}

// Line breaks between the members go, so that a line is a resource.
func TestNativeLines(t *testing.T) {
	t.Parallel()
	x, _ := native(t, `{}`)
	r := &record.Record{ID: "r1"}
	require.NoError(t, record.NewDecoder(mustProject(t, schemaOf(t, nativeSchema), x.Fields()...)).Decode([]byte("{\"resourceType\":\r\n \"Observation\",\n\"valueString\":\"a\\nb\"}"), r))
	line, err := x.Append(nil, r)
	require.NoError(t, err)
	want := `{"resourceType": "Observation","valueString":"a\nb"}`
	require.Equal(t, want, string(line))
}

func TestElements(t *testing.T) {
	t.Parallel()
	x := bind(t, visits)
	r := recordOf(t, schemaOf(t, clinic), `{"visit_id":"V","patient_id":"P","given_name":"A","family_name":"R","date":"2024-01-31T10:00:00Z","weight":63.50,"diagnosis":"cured","updated":1706738400120}`, x.Fields()...)
	y, err := x.Elements("subject", "value")
	require.NoError(t, err)
	line, err := y.Append([]byte("a"), r)
	require.NoError(t, err)
	require.NoError(t, fhir.Check(line[1:]))
	require.Equal(t, `a{"resourceType":"Observation","id":"V-weight","meta":{"lastUpdated":"2024-02-01T03:30:00.120+05:30","tag":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}]},`+
		`"status":"final","code":{"coding":[{"system":"http://loinc.org","code":"29463-7","display":"Body weight"}]},"subject":{"reference":"Patient/P","display":"A R"},`+
		`"valueQuantity":{"value":63.50,"unit":"kg","system":"http://unitsofmeasure.org","code":"kg"}}`, string(line))
	_, err = x.Elements("subjct")
	require.EqualError(t, err, `fhir: no element "subjct" of Observation; did you mean "subject"?`)
}

// One mapper serves many goroutines.
func TestMapperConcurrently(t *testing.T) {
	t.Parallel()
	x := bind(t, visits)
	s := schemaOf(t, clinic)
	for range 8 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			r := recordOf(t, s, `{"visit_id":"V","patient_id":"P","weight":63.50,"diagnosis":"cured","updated":1706738400120}`, x.Fields()...)
			first, err := x.Append(nil, r)
			require.NoError(t, err)
			for range 200 {
				again, err := x.Append(nil, r)
				require.NoError(t, err)
				require.Equal(t, string(first), string(again))
			}
		})
	}
}
