package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/fhir/fhirtest"
	"github.com/digit-health/dhr/server/api"
)

// lenient asks that what is not supported is ignored.
var lenient = []string{"Prefer", "respond-async, handling=lenient"}

// K1, K3, K5: a kick-off, in all forms that it may have.
func TestFHIRKickOff(t *testing.T) {
	t.Parallel()
	c := openClinic(t, func(c *clinic) { c.idle = true })
	for _, level := range []string{"", "Patient/", "Group/d1/"} {
		for name, x := range map[string]struct {
			method, query string
			body          any
			header        []string
		}{
			"K1 GET":                        {method: http.MethodGet},
			"K1 POST":                       {method: http.MethodPost, body: m{"resourceType": "Parameters", "parameter": []m{{"name": "_type", "valueString": "Patient"}}}},
			"K1 POST without a body":        {method: http.MethodPost},
			"K1 POST as application/json":   {method: http.MethodPost, body: m{"resourceType": "Parameters"}, header: []string{"Content-Type", "application/json"}},
			"K2 a list":                     {method: http.MethodGet, query: "?_type=Patient,Observation"},
			"K2 repeated":                   {method: http.MethodGet, query: "?_type=Patient&_type=Observation"},
			"K2 repeated in a POST":         {method: http.MethodPost, body: m{"resourceType": "Parameters", "parameter": []m{{"name": "_type", "valueString": "Patient"}, {"name": "_type", "valueString": "Observation"}}}},
			"K3 without Accept":             {method: http.MethodGet, header: []string{"Accept", ""}},
			"K3 without Prefer":             {method: http.MethodGet, header: []string{"Prefer", ""}},
			"K3 Prefer as a list":           {method: http.MethodGet, header: []string{"Prefer", "handling=lenient, respond-async"}},
			"K6 fhir+ndjson":                {method: http.MethodGet, query: "?_outputFormat=application%2Ffhir%2Bndjson"},
			"K6 fhir+ndjson, a plus":        {method: http.MethodGet, query: "?_outputFormat=application/fhir+ndjson"},
			"K6 application/ndjson":         {method: http.MethodGet, query: "?_outputFormat=application/ndjson"},
			"K6 ndjson":                     {method: http.MethodGet, query: "?_outputFormat=ndjson"},
			"K6 _since":                     {method: http.MethodGet, query: "?_since=2026-01-01T00:00:00Z"},
			"K6 _since with a plus":         {method: http.MethodGet, query: "?_since=2026-01-01T00:00:00+05:30"},
			"K6 _since to come":             {method: http.MethodGet, query: "?_since=2126-01-01T00:00:00Z"},
			"K6 _until":                     {method: http.MethodGet, query: "?_until=2026-12-01T00:00:00Z"},
			"K6 _elements":                  {method: http.MethodGet, query: "?_elements=Patient.name,id"},
			"K6 _typeFilter":                {method: http.MethodGet, query: "?_typeFilter=" + url.QueryEscape("Observation?status=final")},
			"K6 allowPartialManifests":      {method: http.MethodGet, query: "?allowPartialManifests=true"},
			"K6 sizes":                      {method: http.MethodPost, body: m{"resourceType": "Parameters", "parameter": []m{{"name": "_maximumFileSize", "valuePositiveInt": 1 << 20}}}},
			"K7 unknown, lenient":           {method: http.MethodGet, query: "?_unknown=1", header: lenient},
			"K7 unknown type, lenient":      {method: http.MethodGet, query: "?_type=Patient,Nothing", header: lenient},
			"K7 unsupported value, lenient": {method: http.MethodGet, query: "?_outputFormat=text/csv", header: lenient},
		} {
			t.Run(name+" "+level, func(t *testing.T) {
				t.Parallel()
				got := c.ask("", x.method, "/fhir/r4/"+level+"$export"+x.query, x.body, append([]string{"Accept", "application/fhir+json", "Prefer", "respond-async"}, x.header...)...)
				require.Equal(t, http.StatusAccepted, got.status, string(got.body))
				require.Regexp(t, `^http://127\.0\.0\.1:\d+/fhir/r4/\$export-status/[0-9a-z]+$`, got.header.Get("Content-Location"))
				require.Equal(t, "OperationOutcome", got.json["resourceType"])
				require.Empty(t, got.header.Get("Preference-Applied"))
			})
		}
	}
}

// K1 to K9: what is refused, with an OperationOutcome that names the parameter and what to do instead.
func TestFHIRRefusals(t *testing.T) {
	t.Parallel()
	c := openClinic(t, func(c *clinic) { c.idle = true })
	params := func(p ...m) m { return m{"resourceType": "Parameters", "parameter": p} }
	for name, x := range map[string]struct {
		path   string
		body   any
		header []string
		status int
		code   string
		says   []string
	}{
		"K1 another method":            {path: "PUT $export", status: 405, code: "not-supported", says: []string{"GET", "POST"}},
		"K1 another level":             {path: "Observation/$export", status: 404, code: "not-found"},
		"K1 another operation":         {path: "$import", status: 404, code: "not-found"},
		"K1 no Parameters":             {path: "$export", body: m{"resourceType": "Patient"}, status: 400, code: "invalid", says: []string{"Parameters"}},
		"K1 no JSON":                   {path: "$export", body: "{", status: 400, code: "invalid"},
		"K1 two meanings":              {path: "$export", body: `{"resourceType":"Parameters","resourceType":"Parameters"}`, status: 400, code: "invalid"},
		"K1 parameters in the URL":     {path: "$export?_type=Patient", body: params(), status: 400, code: "invalid", says: []string{"body"}},
		"K1 a form":                    {path: "$export", body: "_type=Patient", header: []string{"Content-Type", "application/x-www-form-urlencoded"}, status: 415, code: "not-supported"},
		"K1 too much":                  {path: "$export", body: strings.Repeat(" ", 5<<20), status: 413, code: "too-long"},
		"K3 XML":                       {path: "$export", header: []string{"Accept", "application/fhir+xml"}, status: 406, code: "not-supported", says: []string{"application/fhir+json"}},
		"K6 _outputFormat":             {path: "$export?_outputFormat=text/csv", status: 400, code: "not-supported", says: []string{"_outputFormat", "application/fhir+ndjson"}},
		"K6 _outputFormat twice":       {path: "$export?_outputFormat=ndjson&_outputFormat=ndjson", status: 400, code: "value", says: []string{"_outputFormat", "once"}},
		"K6 _since":                    {path: "$export?_since=yesterday", status: 400, code: "value", says: []string{"_since", "2026-01-31T10:15:30Z"}},
		"K6 _since empty":              {path: "$export?_since=", status: 400, code: "value", says: []string{"_since"}},
		"K6 _since, lenient":           {path: "$export?_since=2026", header: lenient, status: 400, code: "value", says: []string{"_since"}},
		"K6 _until":                    {path: "$export?_since=2026-01-01T00:00:00Z&_until=2025-01-01T00:00:00Z", status: 400, code: "value", says: []string{"_until"}},
		"K6 _type":                     {path: "$export?_type=Patient,Obsevation", status: 400, code: "not-supported", says: []string{"_type", "Observation"}},
		"K6 _type of no compartment":   {path: "Patient/$export?_type=Location", status: 400, code: "not-supported", says: []string{"_type", "Location"}},
		"K6 _type of nothing, lenient": {path: "$export?_type=Nothing", header: lenient, status: 400, code: "not-supported", says: []string{"_type"}},
		"K6 _elements":                 {path: "$export?_elements=Patient.name.text", status: 400, code: "value", says: []string{"_elements"}},
		"K6 patient in a GET":          {path: "Patient/$export?patient=Patient/P01", status: 400, code: "invalid", says: []string{"patient", "POST"}},
		"K6 patient of the system":     {path: "$export", body: params(m{"name": "patient", "valueReference": m{"reference": "Patient/P01"}}), status: 400, code: "invalid", says: []string{"patient", "Patient/$export"}},
		"K6 patient that is none":      {path: "Patient/$export", body: params(m{"name": "patient", "valueReference": m{"reference": "Group/P01"}}), status: 400, code: "value", says: []string{"patient", "Patient/123"}},
		"K6 patient that is not there": {path: "Patient/$export", body: params(m{"name": "patient", "valueReference": m{"reference": "Patient/P99"}}), status: 400, code: "not-found", says: []string{"P99"}},
		"K6 patient of no group":       {path: "Group/few/$export", body: params(m{"name": "patient", "valueReference": m{"reference": "Patient/P07"}}), status: 400, code: "not-found", says: []string{"P07"}},
		"K6 patient without a value":   {path: "Patient/$export", body: params(m{"name": "patient"}), status: 400, code: "invalid", says: []string{"patient"}},
		"K6 includeAssociatedData":     {path: "$export?includeAssociatedData=_mine", status: 400, code: "not-supported", says: []string{"includeAssociatedData", "LatestProvenanceResources"}},
		"K6 _typeFilter":               {path: "$export?_typeFilter=" + url.QueryEscape("Patient?nothing=1"), status: 400, says: []string{"_typeFilter", "nothing"}},
		"K6 _typeFilter with a chain":  {path: "$export?_typeFilter=" + url.QueryEscape("Observation?subject.name=x"), status: 400, says: []string{"_typeFilter"}},
		"K6 _typeFilter that sorts":    {path: "$export?_typeFilter=" + url.QueryEscape("Patient?_sort=_id"), status: 400, says: []string{"_typeFilter", "_sort"}},
		"K6 organizeOutputBy":          {path: "$export?organizeOutputBy=Location", status: 400, code: "not-supported", says: []string{"organizeOutputBy", "Patient"}},
		"K6 allowPartialManifests":     {path: "$export?allowPartialManifests=maybe", status: 400, code: "value", says: []string{"allowPartialManifests", "true"}},
		"K6 small _maximumFileSize":    {path: "$export?_maximumFileSize=1000", status: 400, code: "value", says: []string{"_maximumFileSize", "65536"}},
		"K6 _maximumFileSize":          {path: "$export?_maximumFileSize=-1", status: 400, code: "value", says: []string{"_maximumFileSize"}},
		"K7 unknown":                   {path: "$export?_typo=Patient", status: 400, code: "not-supported", says: []string{"_typo", "_type"}},
		"K8 unknown group":             {path: "Group/nothing/$export", status: 404, code: "not-found", says: []string{"nothing"}},
		"K9 a group of others":         {path: "Group/secret/$export", status: 404, code: "not-found"},
		"S unknown export":             {path: "$export-status/nothing", status: 404, code: "not-found"},
		"D1 unknown export":            {path: "DELETE $export-status/nothing", status: 404, code: "not-found"},
		"F unknown file":               {path: "$export-file/nothing/Patient-1.ndjson", status: 404, code: "not-found"},
		"C1 unknown operation":         {path: "OperationDefinition/import", status: 404, code: "not-found"},
		"C1 XML":                       {path: "metadata", header: []string{"Accept", "application/fhir+xml"}, status: 406, code: "not-supported"},
		"C2 a search of groups":        {path: "Group?name=x", status: 400, code: "invalid", says: []string{"name"}},
		"bad percent":                  {path: "$export?_type=%zz", status: 400, code: "invalid"},
		"a path that is none":          {path: "../r4/$export", status: 404},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			method, path := http.MethodGet, x.path
			if x.body != nil {
				method = http.MethodPost
			}
			if before, after, ok := strings.Cut(path, " "); ok {
				method, path = before, after
			}
			got := c.ask("", method, "/fhir/r4/"+path, x.body, append([]string{"Accept", "application/fhir+json"}, x.header...)...)
			require.Equal(t, x.status, got.status, string(got.body))
			text := c.outcome(got)
			for _, word := range x.says {
				require.Contains(t, text, word)
			}
			if x.code != "" {
				require.Equal(t, x.code, c.code(got), text)
			}
			require.Empty(t, got.header.Get("Content-Location"))
		})
	}
}

// K5, S2: too much at once, and too often.
func TestFHIRTooMuch(t *testing.T) {
	t.Parallel()
	c := openClinic(t, func(c *clinic) { c.idle, c.opts.Polls, c.config.Limits.PerUser = true, 1, 2 })
	c.kick("", "$export")
	status := c.kick("", "$export")
	got := c.ask("", http.MethodGet, "/fhir/r4/$export", nil)
	require.Equal(t, http.StatusTooManyRequests, got.status)
	require.Equal(t, "throttled", c.code(got))
	require.Regexp(t, `^\d+$`, got.header.Get("Retry-After"))

	t.Run("S2", func(t *testing.T) {
		for range 10 {
			require.Equal(t, http.StatusAccepted, c.ask("", http.MethodGet, status, nil).status)
		}
		got := c.ask("", http.MethodGet, status, nil)
		require.Equal(t, http.StatusTooManyRequests, got.status)
		require.Equal(t, "throttled", c.code(got))
		seconds, err := strconv.Atoi(got.header.Get("Retry-After"))
		require.NoError(t, err)
		require.Positive(t, seconds)
		c.add(time.Duration(seconds) * time.Second)
		require.Equal(t, http.StatusAccepted, c.ask("", http.MethodGet, status, nil).status)
	})
	// The place of one that is deleted is free at once.
	require.Equal(t, http.StatusAccepted, c.ask("", http.MethodDelete, status, nil).status)
	c.kick("", "$export")
}

// S1: what is said of an export while it is made.
func TestFHIRProgress(t *testing.T) {
	t.Parallel()
	c := openClinic(t, func(c *clinic) { c.idle = true })
	got := c.ask("", http.MethodGet, c.kick("", "$export"), nil, "Accept", "application/json")
	require.Equal(t, http.StatusAccepted, got.status)
	require.Empty(t, got.body)
	require.Less(t, len(got.header.Get("X-Progress")), 100)
	require.Regexp(t, `^0%`, got.header.Get("X-Progress"))
	seconds, err := strconv.Atoi(got.header.Get("Retry-After"))
	require.NoError(t, err, "seconds, not a date")
	require.Positive(t, seconds)
	require.Empty(t, got.header.Get("X-Export-Status"))
}

// K4: the status apart from that of the answer, only if it is asked for.
func TestFHIRSeparateStatus(t *testing.T) {
	t.Parallel()
	waiting := openClinic(t, func(c *clinic) { c.idle = true })
	begun := waiting.ask("", http.MethodGet, "/fhir/r4/$export", nil, "Prefer", "respond-async, separate-export-status")
	require.Equal(t, "respond-async, separate-export-status", begun.header.Get("Preference-Applied"))
	got := waiting.ask("", http.MethodGet, begun.header.Get("Content-Location"), nil)
	require.Equal(t, http.StatusOK, got.status)
	require.Equal(t, "202 Accepted", got.header.Get("X-Export-Status"))
	require.NotEmpty(t, got.header.Get("Retry-After"))

	c := openClinic(t, nil)
	status := c.kick("", "$export", "Prefer", "separate-export-status, respond-async")
	for {
		got = c.ask("", http.MethodGet, status, nil)
		require.Equal(t, http.StatusOK, got.status)
		if got.header.Get("X-Export-Status") != "202 Accepted" {
			break
		}
		require.NoError(t, quick(t.Context(), time.Second))
	}
	require.Equal(t, "200 OK", got.header.Get("X-Export-Status"))
	require.NotEmpty(t, list(t, got.json, "output"))
	require.Equal(t, http.StatusNotFound, c.ask("", http.MethodGet, "/fhir/r4/$export-status/nothing?separate-export-status=true", nil).status,
		"an export that is not there has no status")
}

// S4, S5, M1, M2, M3: the manifest of a completed export.
func TestFHIRManifest(t *testing.T) {
	t.Parallel()
	c := openClinic(t, func(c *clinic) { c.config.Retention = 2 * time.Hour })
	before := time.Now().Add(-time.Second)
	got := c.complete("", c.kick("", "$export?_type=Patient,Observation&_unknown=1", lenient...))
	require.Equal(t, "application/json", got.header.Get("Content-Type"), "S5")
	expires, err := http.ParseTime(got.header.Get("Expires"))
	require.NoError(t, err, "S5")
	require.WithinDuration(t, time.Now().Add(2*time.Hour), expires, time.Minute)
	at, err := time.Parse(time.RFC3339, got.json["transactionTime"].(string)) //nolint:forcetypeassert // a panic is as good
	require.NoError(t, err, "M1")
	require.True(t, at.After(before) && at.Before(time.Now().Add(time.Second)), "M1")
	require.Equal(t, c.url+"/fhir/r4/$export?_type=Patient,Observation&_unknown=1", got.json["request"], "M2")
	require.Equal(t, false, got.json["requiresAccessToken"], "M2")
	require.NotContains(t, got.json, "outputOrganizedBy", "M2: only if it was asked for")
	require.NotContains(t, got.json, "link")
	require.NotContains(t, got.json, "deleted", "M3: nothing is said of deletions without _since")
	require.Equal(t, "application/fhir+ndjson", got.json["outputFormat"])
	counts := map[string]int{}
	for _, item := range list(t, got.json, "output") {
		f := item.(map[string]any) //nolint:forcetypeassert // a panic is as good
		require.Regexp(t, `^http://127\.0\.0\.1:\d+/fhir/r4/\$export-file/\w+/[\w.-]+$`, f["url"], "M2")
		require.Positive(t, f["fileSize"])
		counts[fmt.Sprint(f["type"])] += int(f["count"].(float64)) //nolint:forcetypeassert // a panic is as good
	}
	require.Equal(t, map[string]int{"Patient": clinicPatients, "Observation": clinicPulses}, counts)
	require.Equal(t, got.json["error"], got.json["outcome"], "the keys of version 4 beside those of version 3")
	errs := list(t, got.json, "error")
	require.NotEmpty(t, errs, "S4")
	lines := ""
	for _, item := range errs {
		f := item.(map[string]any) //nolint:forcetypeassert // a panic is as good
		require.Equal(t, "OperationOutcome", f["type"], "S4")
		require.NotEmpty(t, f["countSeverity"])
		file := c.ask("", http.MethodGet, fmt.Sprint(f["url"]), nil)
		require.Equal(t, http.StatusOK, file.status)
		lines += string(file.body)
	}
	require.Contains(t, lines, "V05-0", "S4: a record that cannot be mapped is told with its id")
	require.Contains(t, lines, "_unknown", "K7: what was ignored is told")
}

// M2: nothing to export is a manifest with no output, and M3: deletions since then.
func TestFHIREmptyAndDeleted(t *testing.T) {
	t.Parallel()
	c := openClinic(t, nil)
	got := c.complete("", c.kick("", "Group/none/$export"))
	require.Equal(t, []any{}, got.json["output"], "M2")
	require.Equal(t, []any{}, got.json["error"], "M2")

	got = c.complete("", c.kick("", "$export?_type=Patient&_since="+url.QueryEscape(clinicBegins.Add(-time.Hour).Format(time.RFC3339))))
	gone := list(t, got.json, "deleted")
	require.NotEmpty(t, gone, "M3")
	text := ""
	for _, item := range gone {
		require.Equal(t, "Bundle", at(t, item, "type"))
		text += string(c.ask("", http.MethodGet, fmt.Sprint(at(t, item, "url")), nil).body)
	}
	for _, id := range []string{"P09", "P19", "P29"} {
		require.Contains(t, text, "Patient/"+id, "M3")
	}
	require.NotContains(t, text, "P01")
	got = c.complete("", c.kick("", "$export?_type=Patient&_since=2126-01-01T00:00:00Z"))
	require.Equal(t, []any{}, got.json["output"])
}

// D1: an export that was cancelled or deleted is not there, in every state. Expired ones neither.
func TestFHIRDelete(t *testing.T) {
	t.Parallel()
	waiting := openClinic(t, func(c *clinic) { c.idle = true })
	done := openClinic(t, nil)
	for name, c := range map[string]*clinic{"while it waits": waiting, "when it is completed": done} {
		t.Run("D1 "+name, func(t *testing.T) {
			status := c.kick("", "$export")
			files := []any{}
			if c == done {
				files = list(t, c.complete("", status).json, "output")
				require.NotEmpty(t, files)
			}
			gone := c.ask("", http.MethodDelete, status, nil)
			require.Equal(t, http.StatusAccepted, gone.status)
			require.Equal(t, "OperationOutcome", gone.json["resourceType"])
			for _, method := range []string{http.MethodGet, http.MethodDelete} {
				got := c.ask("", method, status, nil)
				require.Equal(t, http.StatusNotFound, got.status, method)
				require.Equal(t, "not-found", c.code(got))
			}
			for _, f := range files {
				require.Equal(t, http.StatusNotFound, c.ask("", http.MethodGet, fmt.Sprint(at(t, f, "url")), nil).status)
			}
		})
	}
	t.Run("expired", func(t *testing.T) {
		status := done.kick("", "$export")
		file := fmt.Sprint(at(t, list(t, done.complete("", status).json, "output")[0], "url"))
		done.add(25 * time.Hour)
		require.NoError(t, done.service.FHIR().Sweep(t.Context()))
		for _, at := range []string{status, file} {
			got := done.ask("", http.MethodGet, at, nil)
			require.Equal(t, http.StatusNotFound, got.status, at)
			require.Contains(t, done.outcome(got), "expired")
		}
	})
}

// S6: pages of a manifest.
func TestFHIRPages(t *testing.T) {
	t.Parallel()
	c := openClinic(t, func(c *clinic) { c.config.Limits.FileRecords, c.config.Limits.PageFiles = 5, 3 })
	f := c.client()
	got, err := f.Export(t.Context(), &fhirtest.Request{Params: url.Values{"allowPartialManifests": {"true"}}})
	require.NoError(t, err)
	require.Greater(t, len(got.Manifests), 2)
	require.Equal(t, map[string]int64{"Patient": clinicPatients, "Observation": clinicPulses, "Location": clinicPlaces}, got.Count)
	again, err := f.Finish(t.Context(), got.Status)
	require.NoError(t, err)
	require.Equal(t, got.Manifests, again.Manifests, "S6: a manifest does not change")
	require.Equal(t, http.StatusNotFound, c.ask("", http.MethodGet, got.Status+"?page=1000", nil).status)
	require.Equal(t, http.StatusNotFound, c.ask("", http.MethodGet, got.Status+"?page=x", nil).status)
	whole, err := f.Export(t.Context(), &fhirtest.Request{})
	require.NoError(t, err)
	require.Len(t, whole.Manifests, 1, "unasked there is one")
	require.Greater(t, whole.Files, int64(10))
}

// K6: blocks of patients.
func TestFHIROrganized(t *testing.T) {
	t.Parallel()
	c := openClinic(t, nil)
	got, err := c.client().Export(t.Context(), &fhirtest.Request{Level: fhirtest.Patient, Params: url.Values{"organizeOutputBy": {"Patient"}}})
	require.NoError(t, err)
	require.EqualValues(t, clinicPatients, got.Count["Patient"])
	require.NotZero(t, got.Count["Parameters"])
	require.Contains(t, string(got.Manifests[0]), `"outputOrganizedBy":"Patient"`)
	require.NotContains(t, string(got.Manifests[0]), `"type":"Patient"`, "then files have no type")
}

// URLs are those of a proxy in front, if it is believed or configured: of the status, of files and of what comes next.
func TestFHIRBehindProxies(t *testing.T) {
	t.Parallel()
	c := openClinic(t, func(c *clinic) { c.opts.PublicURL = "https://dhr.example.org/x" })
	got := c.ask("", http.MethodGet, "/fhir/r4/$export", nil)
	status := got.header.Get("Content-Location")
	require.True(t, strings.HasPrefix(status, "https://dhr.example.org/x/fhir/r4/$export-status/"), status)
	m := c.complete("", c.url+strings.TrimPrefix(status, "https://dhr.example.org/x"))
	require.Equal(t, "https://dhr.example.org/x/fhir/r4/$export", m.json["request"])
	require.Regexp(t, `^https://dhr\.example\.org/x/fhir/r4/\$export-file/`, at(t, list(t, m.json, "output")[0], "url"))
	require.Contains(t, string(c.ask("", http.MethodGet, "/fhir/r4/metadata", nil).body), `"url":"https://dhr.example.org/x/fhir/r4"`)
}

// What panics is told as an OperationOutcome, too; so is what a limit refuses.
func TestFHIRFaults(t *testing.T) {
	t.Parallel()
	c := openClinic(t, func(c *clinic) { c.opts.Limits = &api.Limits{PerPrincipal: 1, BurstOfPrincipal: 3, Concurrent: 4} })
	var last *answer
	for range 5 {
		last = c.ask("", http.MethodGet, "/fhir/r4/Group", nil)
	}
	require.Equal(t, http.StatusTooManyRequests, last.status)
	require.Equal(t, "throttled", c.code(last))
	require.NotEmpty(t, last.header.Get("Retry-After"))
}

// Who only looks begins no export.
func TestFHIRHead(t *testing.T) {
	t.Parallel()
	c := openClinic(t, nil)
	for _, level := range []string{"", "Patient/", "Group/d1/"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodHead, c.url+"/fhir/r4/"+level+"$export", nil)
		require.NoError(t, err)
		got, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		require.NoError(t, got.Body.Close())
		require.Equal(t, http.StatusMethodNotAllowed, got.StatusCode)
		require.Equal(t, "GET, POST", got.Header.Get("Allow"))
		require.Empty(t, got.Header.Get("Content-Location"))
	}
}
