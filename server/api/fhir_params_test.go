package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/fhir/bulk"
)

// K3, K4, K7: Prefer is a list, in one header or in many.
func TestPreferences(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		sent []string
		want preferred
	}{
		{nil, preferred{}},
		{[]string{"respond-async"}, preferred{async: true}},
		{[]string{"respond-async, handling=lenient"}, preferred{async: true, lenient: true}},
		{[]string{"respond-async", "handling=lenient"}, preferred{async: true, lenient: true}},
		{[]string{"Respond-Async,HANDLING=Lenient , separate-export-status"}, preferred{async: true, lenient: true, separate: true}},
		{[]string{"no-redirect"}, preferred{here: true}},
		{[]string{`handling="lenient"; a="b,c"`}, preferred{lenient: true}},
		{[]string{"handling=strict, handling=lenient"}, preferred{}},
		{[]string{"handling=lenient", "handling=strict"}, preferred{lenient: true}},
		{[]string{`foo="respond-async, handling=lenient"`}, preferred{}},
		{[]string{`foo="a\", handling=lenient"; x, wait=100`}, preferred{}},
		{[]string{"respond-asynchronously, handling=lenientish"}, preferred{}},
		{[]string{", ,;=,"}, preferred{}},
	} {
		require.Equal(t, c.want, preferences(c.sent), "%q", c.sent)
	}
}

// FuzzPrefer: no panic, and a preference that is put before all others counts.
func FuzzPrefer(f *testing.F) {
	for _, seed := range []string{"respond-async, handling=lenient", `a="b\"c", separate-export-status`, `"`, `\`, ";;,,==", "handling=lenient;x=y"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		preferences([]string{text})
		got := preferences([]string{"handling=lenient, respond-async", text})
		require.True(t, got.lenient && got.async, "%q", text)
	})
}

// K2, K6: what a query says, with the pluses that became spaces.
func TestParametersOfQueries(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]map[string][]string{
		"":             {},
		"_format=json": {},
		"_format=application/fhir+json&_pretty=true": {},
		"_format=xml":                                   {"_format": {"xml"}},
		"_outputFormat=application/fhir+ndjson":         {"_outputFormat": {"application/fhir+ndjson"}},
		"_outputFormat=application%2Ffhir%2Bndjson":     {"_outputFormat": {"application/fhir+ndjson"}},
		"_outputFormat=application%2Ffhir%20ndjson":     {"_outputFormat": {"application/fhir+ndjson"}},
		"_outputFormat=ndjson&_outputFormat=x":          {"_outputFormat": {"ndjson", "x"}},
		"_since=2026-01-01T00:00:00+05:30":              {"_since": {"2026-01-01T00:00:00+05:30"}},
		"_since=2026-01-01T00:00:00%2B05:30":            {"_since": {"2026-01-01T00:00:00+05:30"}},
		"_until=2026-01-01T00:00:00.123+0000":           {"_until": {"2026-01-01T00:00:00.123+0000"}},
		"_since=2026-01-01+05:30":                       {"_since": {"2026-01-01 05:30"}},
		"_type=Patient&_type=Observation,Encounter":     {"_type": {"Patient", "Observation,Encounter"}},
		"_typeFilter=Observation%3Fcode%3Da%26date%3Db": {"_typeFilter": {"Observation?code=a&date=b"}},
	} {
		got, err := fromQuery(raw)
		require.NoError(t, err, raw)
		require.Equal(t, want, got, raw)
	}
	_, err := fromQuery("_type=%zz")
	require.ErrorIs(t, err, bulk.ErrInvalid)
	_, err = fromQuery("_type=a;b")
	require.ErrorIs(t, err, bulk.ErrInvalid, "of which nobody knows whether it separates")
}

// K1, K2, K6: what a resource of type Parameters says.
func TestParametersOfResources(t *testing.T) {
	t.Parallel()
	got, err := fromResource([]byte(`{"resourceType":"Parameters","id":"x","parameter":[
		{"name":"_type","valueString":"Patient"}, {"name":"_type","valueCode":"Observation,Encounter"},
		{"name":"_since","valueInstant":"2026-01-01T00:00:00+00:00"}, {"name":"allowPartialManifests","valueBoolean":true},
		{"name":"_maximumFileSize","valuePositiveInt":9007199254740993}, {"name":"includeAssociatedData","valueCoding":{"code":"LatestProvenanceResources"}},
		{"name":"patient","valueReference":{"reference":"Patient/a"}}, {"name":"patient","valueReference":{"reference":"Patient/b"}}]}`))
	require.NoError(t, err)
	require.Equal(t, map[string][]string{
		"_type": {"Patient", "Observation,Encounter"}, "_since": {"2026-01-01T00:00:00+00:00"}, "allowPartialManifests": {"true"},
		"_maximumFileSize": {"9007199254740993"}, "includeAssociatedData": {"LatestProvenanceResources"}, "patient": {"Patient/a", "Patient/b"},
	}, got)
	for _, none := range []string{"", `{"resourceType":"Parameters"}`, `{"resourceType":"Parameters","parameter":[]}`} {
		got, err = fromResource([]byte(none))
		require.NoError(t, err)
		require.Empty(t, got)
	}
	for body, says := range map[string]string{
		`[]`:               "no resource of type Parameters",
		`{"parameter":{}}`: "no resource of type Parameters",
		`{"parameter":[{"name":"_type","valueString":"Patient"}]}`:                                         "resourceType",
		`{"resourceType":"Patient"}`:                                                                       `"Patient"; expected Parameters`,
		`{"resourceType":"Parameters","parameter":[{"valueString":"Patient"}]}`:                            "no name",
		`{"resourceType":"Parameters","parameter":[{"name":"_type"}]}`:                                     "_type: it has no value",
		`{"resourceType":"Parameters","parameter":[{"name":"_type","valueString":""}]}`:                    "_type: its valueString is none",
		`{"resourceType":"Parameters","parameter":[{"name":"_type","valueString":null}]}`:                  "_type: its valueString is none",
		`{"resourceType":"Parameters","parameter":[{"name":"_type","valueString":["a"]}]}`:                 "_type: its valueString is none",
		`{"resourceType":"Parameters","parameter":[{"name":"_type","valueString":"a","valueCode":"b"}]}`:   "_type: it has the member",
		`{"resourceType":"Parameters","parameter":[{"name":"_type","part":[]}]}`:                           `"part"`,
		`{"resourceType":"Parameters","parameter":[{"name":"patient","valueReference":{"display":"x"}}]}`:  "patient: its valueReference is none",
		`{"resourceType":"Parameters","parameter":[{"name":"x","resource":{"resourceType":"Patient"}}]}`:   `"resource"`,
		`{"resourceType":"Parameters","parameter":[{"name":"allowPartialManifests","valueString":false}]}`: "none",
	} {
		_, err := fromResource([]byte(body))
		require.ErrorIs(t, err, bulk.ErrInvalid, body)
		require.ErrorContains(t, err, says, body)
	}
}

// FuzzParameters: no panic; what is accepted has names and values; and a value that is put in comes out.
func FuzzParameters(f *testing.F) {
	f.Add("_type=Patient", []byte(`{"resourceType":"Parameters","parameter":[{"name":"_type","valueString":"Patient"}]}`), "x")
	f.Add("_since=2026-01-01T00:00:00+05:30&_outputFormat=application/fhir+ndjson", []byte(`{"resourceType":"Parameters"}`), "a b")
	f.Add("%zz&;", []byte(`{"resourceType":"Parameters","parameter":[{"name":"p","valueReference":{"reference":1}}]}`), "é")
	f.Add("a=b=c&&=", []byte(`[`), "+")
	f.Fuzz(func(t *testing.T, raw string, body []byte, value string) {
		if got, err := fromQuery(raw); err != nil {
			require.ErrorIs(t, err, bulk.ErrInvalid)
		} else {
			for _, values := range got {
				require.NotEmpty(t, values)
			}
		}
		got, err := fromResource(body)
		if err != nil {
			require.ErrorIs(t, err, bulk.ErrInvalid)
		}
		for name, values := range got {
			require.NotEmpty(t, name)
			require.NotContains(t, values, "")
		}
		if !utf8.ValidString(value) || value == "" {
			return
		}
		text, err := json.Marshal(j{"resourceType": "Parameters", "parameter": []j{{"name": "_type", "valueString": value}}})
		require.NoError(t, err)
		got, err = fromResource(text)
		require.NoError(t, err)
		require.Equal(t, map[string][]string{"_type": {value}}, got)
		got, err = fromQuery(url.Values{"_type": {value}}.Encode())
		require.NoError(t, err)
		require.Equal(t, map[string][]string{"_type": {value}}, got)
	})
}

// F2: whether a client takes gzip.
func TestTakesGzip(t *testing.T) {
	t.Parallel()
	for sent, want := range map[string]bool{
		"": false, "gzip": true, "GZIP": true, "x-gzip": true, "gzip, deflate, br, identity": true, "identity": false, "br": false, "*": true,
		"gzip;q=0": false, "gzip;q=0.0, *": false, "identity, gzip;q=0.5": false, "identity;q=0.1, gzip;q=0.5": true, "gzip;q=x": false, "*;q=0": false, ";": false,
	} {
		require.Equal(t, want, takesGzip([]string{sent}), "%q", sent)
	}
	require.True(t, takesGzip([]string{"br", "gzip"}))
}

// URLs are absolute: as configured, as a believed proxy says, or as the request says.
func TestAbsoluteURLs(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for name, c := range map[string]struct {
		opts   Options
		base   string
		from   string
		header http.Header
		want   string
	}{
		"as asked":           {from: "192.0.2.1:1", want: "http://dhr.test/fhir/r4"},
		"under a path":       {from: "192.0.2.1:1", base: "/dhr", want: "http://dhr.test/dhr/fhir/r4"},
		"as configured":      {opts: Options{PublicURL: "https://a.example.org/x/", Proxies: proxies}, from: "10.1.1.1:1", header: http.Header{"X-Forwarded-Host": {"b"}}, want: "https://a.example.org/x/fhir/r4"},
		"as a proxy says":    {opts: Options{Proxies: proxies}, from: "10.1.1.1:1", header: http.Header{"X-Forwarded-Host": {"a.example.org:8443"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Prefix": {"/y/"}}, want: "https://a.example.org:8443/y/fhir/r4"},
		"as the last says":   {opts: Options{Proxies: proxies}, from: "10.1.1.1:1", header: http.Header{"X-Forwarded-Host": {"evil.example.org, a.example.org"}, "X-Forwarded-Proto": {"http", "https"}}, want: "https://a.example.org/fhir/r4"},
		"as anybody says":    {opts: Options{Proxies: proxies}, from: "192.0.2.1:1", header: http.Header{"X-Forwarded-Host": {"evil.example.org"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Prefix": {"/y"}}, want: "http://dhr.test/fhir/r4"},
		"what is no host":    {opts: Options{Proxies: proxies}, from: "10.1.1.1:1", header: http.Header{"X-Forwarded-Host": {"a/b@c"}, "X-Forwarded-Proto": {"ftp"}, "X-Forwarded-Prefix": {"//evil.example.org"}}, want: "http://dhr.test/fhir/r4"},
		"a gateway's prefix": {opts: Options{Proxies: proxies}, base: "/inner", from: "10.1.1.1:1", header: http.Header{"X-Forwarded-Prefix": {"/"}}, want: "http://dhr.test/fhir/r4"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.opts.Base = c.base
			a := &handler{opts: c.opts}
			r := httptest.NewRequest(http.MethodGet, "http://dhr.test/fhir/r4/metadata", nil)
			r.RemoteAddr = c.from
			for name, values := range c.header {
				r.Header[name] = values
			}
			require.Equal(t, c.want, a.fhirURL(r))
		})
	}
}

// K3: Accept may be absent, or anything that takes JSON.
func TestAccept(t *testing.T) {
	t.Parallel()
	for sent, want := range map[string]bool{
		"": true, "application/fhir+json": true, "application/json": true, "*/*": true, "application/*;q=0.1, text/html": true, "application/fhir+json; fhirVersion=4.0": true,
		"application/fhir+xml": false, "text/html": false, "application/json;q=0": false, "application/json;q=0.000, text/html": false,
	} {
		r := httptest.NewRequest(http.MethodGet, "/fhir/r4/metadata", nil)
		if sent != "" {
			r.Header.Set("Accept", sent)
		}
		require.Equal(t, want, acceptsJSON(t.Context(), r) == nil, "%q", sent)
	}
	r := httptest.NewRequest(http.MethodGet, "/fhir/r4/metadata", nil)
	r.Header["Accept"] = []string{"text/html", "application/json"}
	require.Nil(t, acceptsJSON(t.Context(), r))
	require.True(t, isFHIR("/fhir") && isFHIR("/fhir/r4/x") && !isFHIR("/fhirs") && !strings.HasPrefix(routeToken, "GET"))
}
