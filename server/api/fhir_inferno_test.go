package api_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/fhir/fhirtest"
)

// An infernoRow is what one of the tests of Inferno's bulk-data-test-kit asserts, by its id.
type infernoRow struct {
	id  string
	run func(t *testing.T, c *clinic, lvl, path string)
}

// infernoLevels are the levels and their paths, as Inferno calls them.
var infernoLevels = map[string]string{"system": "", "patient": "Patient/", "group": "Group/d1/"}

// bearer is a token of the client research.
func (c *clinic) bearer() string {
	c.t.Helper()
	token, err := c.client().Token(c.t.Context())
	require.NoError(c.t, err)
	return token
}

// tokenAnswer is the answer of the token endpoint to a form with changes.
func tokenAnswer(t *testing.T, c *clinic, change func(form url.Values)) *answer {
	t.Helper()
	assertion, err := must(clientKey()).Sign(fhirtest.Claims("research", c.url+"/auth/token", c.now()), nil)
	require.NoError(t, err)
	form := url.Values{
		"grant_type": {"client_credentials"}, "scope": {"system/*.rs"}, "client_assertion": {assertion},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	}
	change(form)
	return c.ask("", http.MethodPost, "/auth/token", form.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Accept", "application/json")
}

// infernoOnce are the rows of the server as a whole.
var infernoOnce = []infernoRow{
	{"smart_discovery_stu2", func(t *testing.T, c *clinic, _, _ string) {
		got := c.ask("", http.MethodGet, "/fhir/r4/.well-known/smart-configuration", nil, "Accept", "application/json")
		require.Equal(t, http.StatusOK, got.status)
		require.Contains(t, got.header.Get("Content-Type"), "application/json")
		require.Regexp(t, `^https?://`, got.json["token_endpoint"])
		require.Contains(t, got.json["token_endpoint_auth_methods_supported"], "private_key_jwt")
		require.Subset(t, got.json["token_endpoint_auth_signing_alg_values_supported"], []any{"RS384", "ES384"})
	}},
	{"smart_backend_services_invalid_grant_type", func(t *testing.T, c *clinic, _, _ string) {
		require.Equal(t, http.StatusBadRequest, tokenAnswer(t, c, func(f url.Values) { f.Set("grant_type", "not_a_grant_type") }).status)
	}},
	{"smart_backend_services_invalid_client_assertion", func(t *testing.T, c *clinic, _, _ string) {
		require.Equal(t, http.StatusBadRequest, tokenAnswer(t, c, func(f url.Values) { f.Set("client_assertion_type", "not_an_assertion_type") }).status)
	}},
	{"smart_backend_services_invalid_jwt", func(t *testing.T, c *clinic, _, _ string) {
		assertion, err := must(clientKey()).Sign(fhirtest.Claims("not_the_client", c.url+"/auth/token", c.now()), nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusBadRequest, tokenAnswer(t, c, func(f url.Values) { f.Set("client_assertion", assertion) }).status)
	}},
	{"smart_backend_services_auth_request_success", func(t *testing.T, c *clinic, _, _ string) {
		require.Equal(t, http.StatusOK, tokenAnswer(t, c, func(url.Values) {}).status)
	}},
	{"smart_backend_services_auth_response_body", func(t *testing.T, c *clinic, _, _ string) {
		got := tokenAnswer(t, c, func(url.Values) {})
		for _, member := range []string{"access_token", "token_type", "expires_in", "scope"} {
			require.NotEmpty(t, got.json[member], member)
		}
		require.True(t, strings.EqualFold("bearer", fmt.Sprint(got.json["token_type"])))
	}},
}

// infernoEach are the rows of each level.
var infernoEach = []infernoRow{
	{"bulk_data_{lvl}_export_operation_support", func(t *testing.T, c *clinic, lvl, _ string) {
		got := c.ask("", http.MethodGet, "/fhir/r4/metadata", nil, "Accept", "application/fhir+json")
		require.Equal(t, http.StatusOK, got.status)
		require.Contains(t, got.json["instantiates"], "http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data")
		rest := list(t, got.json, "rest")[0]
		if lvl == "system" {
			require.Equal(t, "export", at(t, list(t, rest, "operation")[0], "name"))
			return
		}
		for _, r := range list(t, rest, "resource") {
			if strings.EqualFold(fmt.Sprint(at(t, r, "type")), lvl) {
				require.Equal(t, "export", at(t, list(t, r, "operation")[0], "name"))
				require.Equal(t, "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/"+lvl+"-export", at(t, list(t, r, "operation")[0], "definition"))
				return
			}
		}
		require.Fail(t, "there is no such operation")
	}},
	{"bulk_data_{lvl}_no_auth_reject", func(t *testing.T, c *clinic, _, path string) {
		got := c.ask("", http.MethodGet, "/fhir/r4/"+path+"$export", nil, "Accept", "application/fhir+json", "Prefer", "respond-async")
		require.Equal(t, http.StatusUnauthorized, got.status)
	}},
	{"bulk_data_{lvl}_kick_off", func(t *testing.T, c *clinic, _, path string) {
		require.NotEmpty(t, c.kick(c.bearer(), path+"$export"))
	}},
	{"bulk_data_{lvl}_status_check", func(t *testing.T, c *clinic, _, path string) {
		token := c.bearer()
		got := c.complete(token, c.kick(token, path+"$export"))
		require.Contains(t, got.header.Get("Content-Type"), "application/json")
		for _, member := range []string{"transactionTime", "request", "requiresAccessToken", "output", "error"} {
			require.Contains(t, got.json, member)
		}
	}},
	{"bulk_data_{lvl}_output_check", func(t *testing.T, c *clinic, _, path string) {
		token := c.bearer()
		output := list(t, c.complete(token, c.kick(token, path+"$export")).json, "output")
		require.NotEmpty(t, output)
		for _, f := range output {
			require.NotEmpty(t, at(t, f, "type"))
			require.Regexp(t, `^https?://`, at(t, f, "url"))
		}
	}},
	{"bulk_data_{lvl}_ndjson_download", func(t *testing.T, c *clinic, _, path string) {
		token := c.bearer()
		m := c.complete(token, c.kick(token, path+"$export"))
		require.Equal(t, true, m.json["requiresAccessToken"])
		require.Equal(t, http.StatusUnauthorized, c.ask("", http.MethodGet, fmt.Sprint(at(t, list(t, m.json, "output")[0], "url")), nil).status)
	}},
	{"bulk_data_{lvl}_valid_resources", func(t *testing.T, c *clinic, _, path string) {
		token := c.bearer()
		for _, f := range list(t, c.complete(token, c.kick(token, path+"$export")).json, "output") {
			got := c.ask(token, http.MethodGet, fmt.Sprint(at(t, f, "url")), nil)
			require.Equal(t, http.StatusOK, got.status)
			require.True(t, strings.HasPrefix(got.header.Get("Content-Type"), "application/fhir+ndjson"))
			for line := range bytes.Lines(got.body) {
				var resource map[string]any
				require.NoError(t, json.Unmarshal(line, &resource))
				require.Equal(t, at(t, f, "type"), resource["resourceType"])
			}
		}
	}},
	{"bulk_data_{lvl}_multiple_patients", func(t *testing.T, c *clinic, _, path string) {
		got, err := c.client().Export(t.Context(), &fhirtest.Request{Level: path})
		require.NoError(t, err)
		require.GreaterOrEqual(t, len(got.IDs["Patient"]), 2)
	}},
	{"bulk_data_{lvl}_export_cancel", func(t *testing.T, c *clinic, _, path string) {
		token := c.bearer()
		require.Equal(t, http.StatusAccepted, c.ask(token, http.MethodDelete, c.kick(token, path+"$export"), nil).status)
	}},
	{"bulk_data_{lvl}_export_cancel_stu2", func(t *testing.T, c *clinic, _, path string) {
		token := c.bearer()
		status := c.kick(token, path+"$export")
		require.Equal(t, http.StatusAccepted, c.ask(token, http.MethodDelete, status, nil).status)
		got := c.ask(token, http.MethodGet, status, nil)
		require.Equal(t, http.StatusNotFound, got.status)
		require.Equal(t, "OperationOutcome", got.json["resourceType"])
	}},
	{"output_format_in_{lvl}_export_response", func(t *testing.T, c *clinic, _, path string) {
		token := c.bearer()
		for _, format := range []string{"application/fhir+ndjson", "application/ndjson", "ndjson"} { // one after the other, of which there may be one at a time
			status := c.kick(token, path+"$export?"+url.Values{"_outputFormat": {format}}.Encode())
			require.Equal(t, http.StatusAccepted, c.ask(token, http.MethodDelete, status, nil).status)
		}
	}},
	{"since_in_{lvl}_export_response", func(t *testing.T, c *clinic, _, path string) {
		token := c.bearer()
		status := c.kick(token, path+"$export?"+url.Values{"_since": {time.Now().Add(-time.Hour).Format(time.RFC3339)}}.Encode())
		require.Equal(t, http.StatusAccepted, c.ask(token, http.MethodDelete, status, nil).status)
	}},
	{"bulk_data_client", func(t *testing.T, c *clinic, _, path string) { // each type of request of the client suite
		got, err := c.client().Export(t.Context(), &fhirtest.Request{Level: path})
		require.NoError(t, err)
		require.Positive(t, got.Resources)
		gone, err := c.client().Delete(t.Context(), got.Status)
		require.NoError(t, err)
		require.Equal(t, http.StatusAccepted, gone.Status)
	}},
}

// TestInferno is the checklist of Inferno's bulk-data-test-kit: each row by its id, and where it is one of each level at each.
func TestInferno(t *testing.T) {
	t.Parallel()
	c := openClinic(t, func(c *clinic) { c.signIn = true })
	for _, row := range infernoOnce {
		t.Run(row.id, func(t *testing.T) {
			t.Parallel()
			row.run(t, c, "", "")
		})
	}
	for _, row := range infernoEach {
		for lvl, path := range infernoLevels {
			t.Run(strings.ReplaceAll(row.id, "{lvl}", lvl), func(t *testing.T) {
				t.Parallel()
				row.run(t, c, lvl, path)
			})
		}
	}
	// A server that has one export at a time frees its place at once.
	one := openClinic(t, func(c *clinic) { c.signIn, c.idle, c.config.Limits.PerUser = true, true, 1 })
	for lvl, path := range infernoLevels {
		for _, row := range infernoEach {
			if strings.HasSuffix(row.id, "_export_response") {
				t.Run("one at a time: "+strings.ReplaceAll(row.id, "{lvl}", lvl), func(t *testing.T) { row.run(t, one, lvl, path) })
			}
		}
	}
}

// The rows of Inferno about TLS (bulk_data_server_tls_version_stu2, bulk_file_server_tls_version, smart_backend_services_token_tls_version): FHIR, its files and
// the token endpoint are at one server, whose configuration is tested in package command; here it is that the handler needs nothing else to be behind TLS.
func TestInfernoTLS(t *testing.T) {
	t.Parallel()
	c := openClinic(t, nil)
	secure := httptest.NewUnstartedServer(c.Config.Handler)
	secure.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	secure.StartTLS()
	t.Cleanup(secure.Close)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, secure.URL+"/fhir/r4/$export", nil)
	require.NoError(t, err)
	got, err := secure.Client().Do(r)
	require.NoError(t, err)
	require.NoError(t, got.Body.Close())
	require.True(t, strings.HasPrefix(got.Header.Get("Content-Location"), secure.URL+"/"), got.Header.Get("Content-Location"))
	old := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}} //nolint:gosec // that it is refused is the test
	_, err = old.RoundTrip(r.Clone(t.Context()))                                                                                               //nolint:bodyclose // there is none
	require.Error(t, err)
}
