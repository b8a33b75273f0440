package bulk

import (
	"errors"
	"net/url"
	"testing"
)

// Whatever stands in a query: it is understood, or there is a complaint about a parameter; lenient requests complain of no more.
func FuzzParameters(f *testing.F) {
	for _, text := range []string{
		"", "_type=Patient,Observation&_since=2026-01-01T00:00:00Z", "_typeFilter=Patient%3F_id%3D1,Observation%3Fcode%3Da,b", "_elements=id,Patient.name",
		"patient=Patient/1&patient=https://x/fhir/Patient/2", "_outputFormat=application/fhir+ndjson;charset=utf-8", "includeAssociatedData=LatestProvenanceResources",
		"organizeOutputBy=Patient&allowPartialManifests=true&_minimumFileSize=1&_maximumFileSize=2", "_since=0001-01-01T00:00:00%2B23:59", "x=%00&_type=%ff", "_typeFilter=,A%3F,,B%3F",
	} {
		f.Add(text)
	}
	limits := &Limits{Patients: 3}
	f.Fuzz(func(t *testing.T, text string) {
		values, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		for _, level := range []Level{SystemLevel, PatientLevel, GroupLevel} {
			r := &Request{Level: level, Group: "g", Parameters: values, Post: true, URL: "https://x/fhir/Patient/$export"}
			_, err := readParameters(r, limits)
			var wrong *ParameterError
			if err != nil && (!errors.As(err, &wrong) || wrong.Diagnostics == "" || wrong.Status < 400 || wrong.Status > 499) {
				t.Fatalf("%q: %v", text, err)
			}
			lenient := *r
			lenient.Lenient = true
			p, soft := readParameters(&lenient, limits)
			if err == nil && soft != nil {
				t.Fatalf("%q: only a lenient request is refused: %v", text, soft)
			}
			if soft == nil && err != nil && len(p.notes) == 0 {
				t.Fatalf("%q: ignored without a word: %v", text, err)
			}
		}
	})
}
