package mapping_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/fhir/mapping"
	"github.com/digit-health/dhr/jql"
)

var update = flag.Bool("update", false, "write testdata anew")

// searched is a mapping with search parameters of every kind.
const searched = `
zone: Asia/Kolkata
systems: {own: "http://own.example"}
codes:
  outcome: {$system: own, cured: C, better: C, dead: {code: D, system: snomed}, "*": O}
  status: {open: preliminary, closed: final}
mappings:
  - name: one
    index: clinic
    type: Observation
    last_updated: {field: updated, from: epoch_millis}
    patient: "{patient_id}"
    resource:
      id: "{visit_id}-x"
      status: {$value: "{status}", $map: status, $default: unknown}
      code: {text: x}
    search:
      code: {type: token, field: diagnosis, map: outcome}
      status: {type: token, field: status, map: status, default: unknown}
      category: {type: token, is: [loinc|1-8, "plain"], system: own}
      value-concept: {type: token, field: [codes, names], system: icd10}
      combo-code: {type: token, field: alive}
      date: {type: date, field: date}
      born: {type: date, field: birth_date, zone: UTC}
      local: {type: date, field: date, clock: true}
      secs: {type: date, field: seconds, from: epoch_seconds}
      notes: {type: string, field: [notes, family_name]}
      subject: {type: reference, field: patient_id, target: Patient}
      performer: {type: reference, field: names}
`

// The corpus is the specification: a search, and the condition that it becomes or why it is refused.
func TestSearch(t *testing.T) {
	t.Parallel()
	const file = "testdata/search.txt"
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	x := bind(t, searched)
	var out strings.Builder
	n := 0
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "=> ") || strings.HasPrefix(line, "! ") {
			if !strings.HasPrefix(line, "=> ") && !strings.HasPrefix(line, "! ") {
				out.WriteString(line + "\n")
			}
			continue
		}
		n++
		condition, err := x.Search(line)
		out.WriteString(line + "\n")
		if err != nil {
			var e *mapping.SearchError
			require.ErrorAs(t, err, &e, line)
			out.WriteString("! " + err.Error() + "\n")
			continue
		}
		out.WriteString("=> " + condition + "\n")
		q, err := jql.Parse(condition, nil)
		require.NoError(t, err)
		require.Equal(t, condition, q.String(), "canonical")
	}
	require.Greater(t, n, 60)
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(out.String()), 0o644))
	}
	require.Equal(t, string(text), out.String())
}

// An index that holds seconds does not say when within one something was updated: the second of an instant belongs to both sides, so that who
// asks since the last export misses nothing.
func TestUpdatedInSeconds(t *testing.T) {
	t.Parallel()
	x := bind(t, strings.Replace(searched, "{field: updated, from: epoch_millis}", "{field: seconds, from: epoch_seconds}", 1))
	for search, want := range map[string]string{
		"_lastUpdated=gt2024-01-31T22:00:00.500Z": "seconds >= 1706738400",
		"_lastUpdated=gt2024-01-31T22:00:00.000Z": "seconds >= 1706738400",
		"_lastUpdated=ge2024-01-31T22:00:00.500Z": "seconds >= 1706738400",
		"_lastUpdated=le2024-01-31T22:00:00.500Z": "seconds < 1706738401",
		"_lastUpdated=lt2024-01-31T22:00:00.500Z": "seconds < 1706738401",
		"_lastUpdated=lt2024-01-31T22:00:00.000Z": "seconds < 1706738400",
		"_lastUpdated=gt2024-01-31T22:00:00Z":     "seconds >= 1706738401",
		"_lastUpdated=ge2024-01-31T22:00:00Z":     "seconds >= 1706738400",
		"_lastUpdated=ge2024-01-31T22:00Z":        "seconds >= 1706738400",
		"_lastUpdated=gt2024-01-31T22:00Z":        "seconds >= 1706738460",
		"secs=gt2024-01-31T22:00:00.500Z":         "seconds >= 1706738401",
	} {
		got, err := x.Search(search)
		require.NoError(t, err, search)
		require.Equal(t, want, got, search)
	}
}

// What is found is what FHIR says.
func TestSearchFinds(t *testing.T) {
	t.Parallel()
	x := bind(t, searched)
	for _, c := range []struct {
		search, doc string
		want        bool
	}{
		{"_id=V1-x", `{"visit_id":"V1"}`, true},
		{"_id=V1-x", `{"visit_id":"V2"}`, false},
		{"_id=V1", `{"visit_id":"V1"}`, false},
		{"code=C", `{"diagnosis":"better"}`, true},
		{"code=C", `{"diagnosis":"dead"}`, false},
		{"code=http://own.example|D", `{"diagnosis":"dead"}`, false},
		{"code=http://snomed.info/sct|D", `{"diagnosis":"dead"}`, true},
		{"code=O", `{"diagnosis":"whatever"}`, true},
		{"code=O", `{"diagnosis":"cured"}`, false},
		{"code=O", `{}`, false},
		{"code:not=O", `{"diagnosis":"whatever"}`, false},
		{"code:not=O", `{"diagnosis":"cured"}`, true},
		{"code:not=O", `{}`, true},
		{"code:not=C,D", `{"diagnosis":"dead"}`, false},
		{"code:not=C,D", `{"diagnosis":"x"}`, true},
		{"code:not=C,D", `{}`, true},
		{"status=unknown", `{}`, true},
		{"status=unknown", `{"status":"open"}`, false},
		{"status:not=unknown", `{}`, false},
		{"status:not=unknown", `{"status":"open"}`, true},
		{"status=final,unknown", `{"status":"closed"}`, true},
		{"category=http://loinc.org|1-8", `{}`, true},
		{"category=http://loinc.org|1-9", `{}`, false},
		{"category:not=http://loinc.org|1-9", `{}`, true},
		{"value-concept=A", `{"names":["B","A"]}`, true},
		{"value-concept:not=A", `{"names":["B","A"]}`, false},
		{"value-concept=http://hl7.org/fhir/sid/icd-10|", `{"codes":"x"}`, true},
		{"value-concept=http://loinc.org|A", `{"codes":"A"}`, false},
		{"value-concept:missing=true", `{"codes":"A"}`, false},
		{"value-concept:missing=true", `{}`, true},
		{"value-concept:missing=false", `{"names":"A"}`, true},
		{"combo-code=true", `{"alive":true}`, true},
		{"date=2024-01-31", `{"date":"2024-01-30T18:30:00Z"}`, true},
		{"date=2024-01-31", `{"date":"2024-01-30T18:29:59Z"}`, false},
		{"date=2024-01-31", `{"date":"2024-01-31T18:29:59.999Z"}`, true},
		{"date=2024-01-31", `{"date":"2024-01-31T18:30:00Z"}`, false},
		{"date=gt2024-01", `{"date":"2024-01-31T18:30:00Z"}`, true},
		{"date=le2024", `{"date":"2024-12-31T18:29:59Z"}`, true},
		{"date=le2024", `{"date":"2024-12-31T18:30:00Z"}`, false},
		{"date=ge2024-01-31T10:00:00.500Z", `{"date":"2024-01-31T10:00:00.499Z"}`, false},
		{"date=ge2024-01-31T10:00:00.500Z", `{"date":"2024-01-31T10:00:00.500Z"}`, true},
		{"date=lt2024-01-31T10:00:00Z", `{"date":"2024-01-31T09:59:59.999Z"}`, true},
		{"date=lt2024-01-31T10:00:00Z", `{"date":"2024-01-31T10:00:00Z"}`, false},
		{"date=ne2024-01-31", `{"date":"2024-02-01T10:00:00Z"}`, true},
		{"date=ne2024-01-31", `{}`, false},
		{"born=1990-05-01", `{"birth_date":"1990-05-01"}`, true},
		{"born=lt1990-05-01", `{"birth_date":"1990-04-30"}`, true},
		{"born=lt1990-05-01", `{"birth_date":"1990-05-01"}`, false},
		{"born=gt1990", `{"birth_date":"1991-01-01"}`, true},
		{"local=2024-01-31T10:00+05:30", `{"date":"2024-01-31T10:00:30Z"}`, true},
		{"secs=2024-01-31T22:00:00Z", `{"seconds":1706738400}`, true},
		{"secs=gt2024-01-31T22:00:00Z", `{"seconds":1706738400}`, false},
		{"_lastUpdated=ge2024-01-31T22:00:00.120Z", `{"updated":1706738400120}`, true},
		{"_lastUpdated=gt2024-01-31T22:00:00.120Z", `{"updated":1706738400120}`, false},
		{"notes=fev", `{"notes":"high Fever"}`, true},
		{"notes=ever", `{"notes":"high Fever"}`, false},
		{"notes=high fev", `{"notes":"high Fever"}`, true},
		{"notes=fever OR -x", `{"notes":"fever"}`, false},
		{"notes=Rao", `{"family_name":"Rao"}`, true},
		{"notes:exact=fever", `{"notes":"high fever"}`, false},
		{"notes:exact=high fever", `{"notes":"high fever"}`, true},
		{"subject=Patient/7", `{"patient_id":"7"}`, true},
		{"subject=7,8", `{"patient_id":"8"}`, true},
		{"subject:Patient=7", `{"patient_id":"7"}`, true},
		{"subject=Group/7", `{"patient_id":"7"}`, false},
		{"patient=7", `{"patient_id":"7"}`, true},
		{"performer=Group/7", `{"names":"Group/7"}`, true},
		{"subject=7&date=ge2024&code=C", `{"patient_id":"7","date":"2024-05-01T00:00:00Z","diagnosis":"cured"}`, true},
		{"subject=7&date=ge2024&code=C", `{"patient_id":"7","date":"2024-05-01T00:00:00Z","diagnosis":"dead"}`, false},
	} {
		condition, err := x.Search(c.search)
		require.NoError(t, err, c.search)
		require.Equal(t, c.want, matches(t, condition, c.doc), "%s of %s: %s", c.search, c.doc, condition)
	}
}

func TestOfPatients(t *testing.T) {
	t.Parallel()
	x := bind(t, searched)
	got, err := x.OfPatients("7", "8")
	require.NoError(t, err)
	require.Equal(t, `patient_id IN ("7", "8")`, got)
	got, err = x.OfPatients()
	require.NoError(t, err)
	require.False(t, matches(t, got, `{"patient_id":"7"}`))
	_, err = x.OfPatients(mapping.ID("a b"))
	var e *mapping.SearchError
	require.ErrorAs(t, err, &e)
	require.Contains(t, e.Reason, "hash")
	_, err = bind(t, resource("Organization", `name: x`)).OfPatients("7")
	require.ErrorAs(t, err, &e)
}

// Of an index that holds days, the day on which something was updated counts whole, so that nothing is missed.
func TestUpdatedOnDays(t *testing.T) {
	t.Parallel()
	x := bind(t, "mappings:\n  - name: one\n    index: clinic\n    type: Patient\n    last_updated: {field: birth_date, zone: Asia/Kolkata}\n    resource: {active: true}")
	got, err := x.Search("_lastUpdated=gt2024-01-31T22:00:00.000Z&_lastUpdated=le2024-02-01T22:00:00Z")
	require.NoError(t, err)
	require.Equal(t, "birth_date >= 2024-02-01 AND birth_date <= 2024-02-02", got)
	_, err = x.Search("_lastUpdated=2024-01-31T22:00:00.000Z")
	var e *mapping.SearchError
	require.ErrorAs(t, err, &e)
}
