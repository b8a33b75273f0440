package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/fhir/fhirtest"
)

// A1: discovery, at both places, JSON whatever is accepted, and open to all.
func TestFHIRDiscovery(t *testing.T) {
	t.Parallel()
	c := openClinic(t, func(c *clinic) { c.signIn = true })
	for _, at := range []string{"/fhir/r4/.well-known/smart-configuration", "/.well-known/smart-configuration"} {
		for _, accept := range []string{"", "application/json", "text/html", "application/fhir+xml"} {
			got := c.ask("", http.MethodGet, at, nil, "Accept", accept)
			require.Equal(t, http.StatusOK, got.status)
			require.Equal(t, "application/json", got.header.Get("Content-Type"))
			require.Equal(t, c.url+"/auth/token", got.json["token_endpoint"])
			require.Equal(t, []any{"client_credentials"}, got.json["grant_types_supported"])
			require.Equal(t, []any{"private_key_jwt"}, got.json["token_endpoint_auth_methods_supported"])
			require.Equal(t, []any{"RS384", "ES384"}, got.json["token_endpoint_auth_signing_alg_values_supported"])
			require.Equal(t, []any{"system/*.rs", "system/Patient.rs"}, got.json["scopes_supported"])
			require.Contains(t, got.json["capabilities"], "client-confidential-asymmetric")
		}
	}
	open := openClinic(t, nil)
	require.Equal(t, http.StatusNotFound, open.ask("", http.MethodGet, "/fhir/r4/.well-known/smart-configuration", nil).status, "nobody gives tokens")
	foreign := openClinic(t, func(c *clinic) { c.opts.TokenEndpoint = "https://id.example.org/token" })
	require.Equal(t, "https://id.example.org/token", foreign.ask("", http.MethodGet, "/.well-known/smart-configuration", nil).json["token_endpoint"])
}

// C1: the CapabilityStatement reflects what there is.
func TestFHIRCapabilities(t *testing.T) {
	t.Parallel()
	c := openClinic(t, func(c *clinic) { c.signIn = true })
	got := c.ask("", http.MethodGet, "/fhir/r4/metadata", nil, "Accept", "application/fhir+json")
	require.Equal(t, http.StatusOK, got.status)
	require.Equal(t, "application/fhir+json", got.header.Get("Content-Type"))
	require.Equal(t, "CapabilityStatement", got.json["resourceType"])
	require.Equal(t, "4.0.1", got.json["fhirVersion"])
	require.Equal(t, []any{"http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data"}, got.json["instantiates"])
	rest := list(t, got.json, "rest")[0]
	require.Equal(t, m{"name": "export", "definition": "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export"}, list(t, rest, "operation")[0])
	operations, params, types := map[string]any{}, map[string]int{}, []string{}
	for _, r := range list(t, rest, "resource") {
		of := fmt.Sprint(at(t, r, "type"))
		types = append(types, of)
		resource := r.(map[string]any) //nolint:forcetypeassert // a panic is as good
		if ops, ok := resource["operation"].([]any); ok {
			operations[of] = at(t, ops[0], "definition")
		}
		if all, ok := resource["searchParam"].([]any); ok {
			params[of] = len(all)
		}
	}
	require.Equal(t, []string{"Group", "Location", "Observation", "Patient"}, types)
	require.Equal(t, map[string]any{
		"Patient": "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/patient-export", "Group": "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/group-export",
	}, operations)
	require.Positive(t, params["Observation"])
	require.Contains(t, string(got.body), `"valueUri":"`+c.url+`/auth/token"`)
	for id, want := range map[string][3]any{"export": {true, false, false}, "patient-export": {false, true, false}, "group-export": {false, false, true}} {
		got := c.ask("", http.MethodGet, "/fhir/r4/OperationDefinition/"+id, nil)
		require.Equal(t, "OperationDefinition", got.json["resourceType"])
		require.Equal(t, want, [3]any{got.json["system"], got.json["type"], got.json["instance"]})
		require.NotEmpty(t, list(t, got.json, "parameter"))
	}
	require.Equal(t, http.StatusOK, c.ask("", http.MethodGet, "/fhir/r4/metadata?_format=json", nil).status)
}

// C2: groups are listed and read by who may export them.
func TestFHIRGroups(t *testing.T) {
	t.Parallel()
	c := openClinic(t, func(c *clinic) { c.signIn = true })
	got := c.ask("exporter", http.MethodGet, "/fhir/r4/Group", nil)
	require.Equal(t, "Bundle", got.json["resourceType"])
	require.EqualValues(t, 3, got.json["total"], "not those of others")
	require.EqualValues(t, 4, c.ask("admin", http.MethodGet, "/fhir/r4/Group", nil).json["total"])
	got = c.ask("exporter", http.MethodGet, "/fhir/r4/Group/d1", nil)
	require.Equal(t, "Group", got.json["resourceType"])
	require.Equal(t, []any{"person", true, "District 1"}, []any{got.json["type"], got.json["actual"], got.json["name"]})
	require.Len(t, list(t, got.json, "member"), int(got.json["quantity"].(float64))) //nolint:forcetypeassert // a panic is as good
	require.Contains(t, string(got.body), `"reference":"Patient/P01"`)
	require.NotContains(t, string(got.body), `Patient/P02`)
	require.NotContains(t, c.ask("exporter", http.MethodGet, "/fhir/r4/Group/none", nil).json, "member", "[] is no FHIR")
	require.Equal(t, http.StatusNotFound, c.ask("exporter", http.MethodGet, "/fhir/r4/Group/secret", nil).status)
	require.Equal(t, http.StatusForbidden, c.ask("nobody", http.MethodGet, "/fhir/r4/Group/d1", nil).status)
}

// A1: who has no token, or a bad one, is told how to get one.
func TestFHIRNeedsTokens(t *testing.T) {
	t.Parallel()
	c := openClinic(t, func(c *clinic) { c.signIn = true })
	status := c.kick("exporter", "$export?_type=Patient")
	file := fmt.Sprint(at(t, list(t, c.complete("exporter", status).json, "output")[0], "url"))
	for _, x := range []struct{ method, at string }{
		{"GET", "/fhir/r4/$export"}, {"POST", "/fhir/r4/$export"}, {"GET", "/fhir/r4/Patient/$export"}, {"GET", "/fhir/r4/Group/d1/$export"},
		{"GET", status}, {"DELETE", status}, {"GET", file}, {"GET", "/fhir/r4/Group"}, {"GET", "/fhir/r4/Group/d1"},
	} {
		for _, token := range []string{"", "stranger", "eyJhbGciOiJIUzI1NiJ9.e30.x"} {
			got := c.ask(token, x.method, x.at, nil)
			require.Equal(t, http.StatusUnauthorized, got.status, "%s %s", x.method, x.at)
			require.Equal(t, "login", c.code(got))
			require.Contains(t, got.header.Get("WWW-Authenticate"), "Bearer")
		}
	}
}

// A2, F3, K9: an export is there for who began it, and for administrators of the tenant.
func TestFHIRIsOnesOwn(t *testing.T) {
	t.Parallel()
	c := openClinic(t, func(c *clinic) { c.signIn = true })
	status := c.kick("exporter", "$export?_type=Patient")
	m := c.complete("exporter", status)
	require.Equal(t, true, m.json["requiresAccessToken"], "F3")
	file := fmt.Sprint(at(t, list(t, m.json, "output")[0], "url"))
	research, err := c.client().Token(t.Context())
	require.NoError(t, err)
	for _, who := range []string{"patient", "analyst", "nobody", "foreign", research} {
		for _, x := range [][2]string{{"GET", status}, {"DELETE", status}, {"GET", file}} {
			got := c.ask(who, x[0], x[1], nil)
			require.Contains(t, []int{http.StatusNotFound, http.StatusForbidden}, got.status, "%s %s of %s", x[0], x[1], who)
		}
	}
	require.Equal(t, http.StatusOK, c.ask("exporter", http.MethodGet, file, nil).status)
	require.Equal(t, http.StatusOK, c.ask("admin", http.MethodGet, status, nil).status)
}

// A2: a person who has the name of a client is not that client, and the client not that person.
func TestFHIRClientsAreNoUsers(t *testing.T) {
	t.Parallel()
	c := openClinic(t, func(c *clinic) { c.signIn = true })
	client, err := c.client().Token(t.Context())
	require.NoError(t, err)
	for owner, other := range map[string]string{client: "research", "research": client} {
		status := c.kick(owner, "$export?_type=Patient")
		file := fmt.Sprint(at(t, list(t, c.complete(owner, status).json, "output")[0], "url"))
		for _, x := range [][2]string{{"GET", status}, {"GET", file}, {"DELETE", status}} {
			require.Equal(t, http.StatusNotFound, c.ask(other, x[0], x[1], nil).status, "%s %s", x[0], x[1])
			require.Less(t, c.ask(owner, x[0], x[1], nil).status, 300, "%s %s", x[0], x[1])
		}
	}
}

// K8, K9: a patient gets what is its own, at the level of patients.
func TestFHIRPatientExports(t *testing.T) {
	t.Parallel()
	c := openClinic(t, func(c *clinic) { c.signIn = true })
	f := &fhirtest.Client{Base: c.url + "/fhir/r4", Bearer: "patient", Wait: quick}
	for _, post := range []bool{false, true} {
		got, err := f.Export(t.Context(), &fhirtest.Request{Level: fhirtest.Patient, Post: post})
		require.NoError(t, err)
		require.Equal(t, map[string]int64{"Patient": 1, "Observation": 2}, got.Count)
		require.Equal(t, map[string]bool{"P07": true}, got.IDs["Patient"])
	}
	_, err := f.Export(t.Context(), &fhirtest.Request{})
	require.Equal(t, http.StatusForbidden, refusal(t, err).Status, "not everything")
	_, err = f.Export(t.Context(), &fhirtest.Request{Level: fhirtest.Patient, Patients: []string{"P08"}})
	require.Equal(t, http.StatusBadRequest, refusal(t, err).Status, "not another patient")
	got, err := f.Export(t.Context(), &fhirtest.Request{Level: fhirtest.Patient, Patients: []string{"P07"}})
	require.NoError(t, err)
	require.EqualValues(t, 1, got.Count["Patient"])
	f.Bearer = "analyst"
	_, err = f.Export(t.Context(), &fhirtest.Request{Level: fhirtest.Patient})
	require.Equal(t, http.StatusForbidden, refusal(t, err).Status, "who may not export")
}

// A1, K9: a token is for the types of its scopes: at the kick-off, and for the status and the files of what was begun with another.
func TestFHIRScopes(t *testing.T) {
	t.Parallel()
	c := openClinic(t, func(c *clinic) { c.signIn = true })
	all, some := c.client(), c.client()
	some.Scope = "system/Patient.rs"
	got, err := some.Export(t.Context(), &fhirtest.Request{})
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"Patient": clinicPatients}, got.Count)
	for _, strict := range []bool{false, true} {
		_, err = some.Begin(t.Context(), &fhirtest.Request{Params: url.Values{"_type": {"Patient,Observation"}}, Strict: strict})
		refused := refusal(t, err)
		require.Equal(t, http.StatusForbidden, refused.Status, "scope errors fail at the kick-off")
		require.Contains(t, string(refused.Body), "Observation")
	}
	whole, err := all.Export(t.Context(), &fhirtest.Request{})
	require.NoError(t, err)
	require.Greater(t, len(whole.Count), 2)
	token, err := some.Token(t.Context())
	require.NoError(t, err)
	m := c.complete(must(all.Token(t.Context())), whole.Status)
	for _, at := range []string{whole.Status, fmt.Sprint(at(t, list(t, m.json, "output")[0], "url"))} {
		got := c.ask(token, http.MethodGet, at, nil)
		require.Equal(t, http.StatusForbidden, got.status)
		require.Contains(t, c.outcome(got), "system/")
	}
	// The members of a group are patients.
	narrow := c.client()
	narrow.Scope = "system/Observation.rs"
	members := c.ask(must(narrow.Token(t.Context())), http.MethodGet, "/fhir/r4/Group/d1", nil)
	require.Equal(t, http.StatusForbidden, members.status)
	require.Contains(t, c.outcome(members), "system/Group.rs")
	require.Equal(t, http.StatusOK, c.ask(token, http.MethodGet, "/fhir/r4/Group/d1", nil).status)
	// The other client may have patients alone, whatever it asks for.
	state := c.client()
	state.ID, state.Key = "state", must(rsaKey())
	got, err = state.Export(t.Context(), &fhirtest.Request{})
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"Patient": clinicPatients}, got.Count)
	state.Scope, state.Key = "system/Observation.rs", must(rsaKey())
	fresh := &fhirtest.Client{Base: state.Base, ID: "state", Key: must(rsaKey()), Scope: "system/Observation.rs", Now: c.now}
	_, err = fresh.Token(t.Context())
	require.Contains(t, string(refusal(t, err).Body), "invalid_scope")
}

// A1, K9: a token of another issuer with SMART scopes is for FHIR alone, and there for the types of its scopes.
func TestFHIRScopesOfOthers(t *testing.T) {
	t.Parallel()
	c := openClinic(t, func(c *clinic) { c.signIn = true })
	for who, want := range map[string]struct{ patients, all, elsewhere int }{
		"machine":  {http.StatusAccepted, http.StatusForbidden, http.StatusForbidden},
		"machines": {http.StatusAccepted, http.StatusAccepted, http.StatusForbidden},
		"writer":   {http.StatusForbidden, http.StatusForbidden, http.StatusForbidden},
		"app":      {http.StatusForbidden, http.StatusForbidden, http.StatusForbidden},
		"visitor":  {http.StatusForbidden, http.StatusForbidden, http.StatusOK},
		"admin":    {http.StatusAccepted, http.StatusAccepted, http.StatusOK},
	} {
		require.Equal(t, want.patients, c.ask(who, http.MethodGet, "/fhir/r4/$export?_type=Patient", nil).status, who)
		require.Equal(t, want.all, c.ask(who, http.MethodGet, "/fhir/r4/$export?_type=Patient,Observation", nil).status, who)
		for _, x := range []struct{ method, at, body string }{
			{"GET", "/v1/query?jql=district+%3D+D1", ""}, {"POST", "/v1/query", `{"jql": "district = D1"}`},
			{"GET", "/v1/me", ""}, {"GET", "/v1/indexes", ""}, {"GET", "/v1/filters", ""},
		} {
			var body any
			if x.body != "" {
				body = x.body
			}
			got := c.ask(who, x.method, x.at, body)
			require.Equal(t, want.elsewhere, got.status, "%s %s of %s: %s", x.method, x.at, who, got.body)
			if got.status == http.StatusForbidden {
				require.Contains(t, string(got.body), "/fhir/")
			}
		}
	}
}

// A1: POST /auth/token over HTTP.
func TestFHIRTokens(t *testing.T) {
	t.Parallel()
	c := openClinic(t, func(c *clinic) { c.signIn = true })
	assertion, err := must(clientKey()).Sign(fhirtest.Claims("research", c.url+"/auth/token", c.now()), nil)
	require.NoError(t, err)
	form := url.Values{
		"grant_type": {"client_credentials"}, "scope": {"system/*.read"}, "client_assertion": {assertion},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	}
	post := func(form url.Values, header ...string) *answer {
		return c.ask("", http.MethodPost, "/auth/token", form.Encode(), append([]string{"Content-Type", "application/x-www-form-urlencoded"}, header...)...)
	}
	got := post(form)
	require.Equal(t, http.StatusOK, got.status, string(got.body))
	require.Equal(t, "bearer", got.json["token_type"])
	require.EqualValues(t, 300, got.json["expires_in"])
	require.Equal(t, "system/*.read", got.json["scope"])
	require.Equal(t, "no-store", got.header.Get("Cache-Control"))
	require.NotContains(t, got.json, "refresh_token")
	token := fmt.Sprint(got.json["access_token"])
	require.Equal(t, http.StatusAccepted, c.ask(token, http.MethodGet, "/fhir/r4/$export", nil).status)
	require.Equal(t, http.StatusForbidden, c.ask(token, http.MethodGet, "/v1/me", nil).status, "it is good for FHIR alone")

	got = post(form)
	require.Equal(t, http.StatusBadRequest, got.status, "once")
	require.Equal(t, "invalid_client", got.json["error"])
	require.NotEmpty(t, got.json["error_description"])
	require.Equal(t, http.StatusUnsupportedMediaType, c.ask("", http.MethodPost, "/auth/token", m{}).status)
	require.Equal(t, http.StatusMethodNotAllowed, c.ask("", http.MethodGet, "/auth/token", nil).status)
	require.Equal(t, "invalid_request", post(url.Values{}).json["error"])
	require.Equal(t, http.StatusBadRequest, c.ask("", http.MethodPost, "/auth/token", "%zz", "Content-Type", "application/x-www-form-urlencoded").status)
	require.Equal(t, http.StatusNotFound, openClinic(t, nil).ask("", http.MethodPost, "/auth/token", "", "Content-Type", "application/x-www-form-urlencoded").status)

	c.add(5 * time.Minute)
	late := c.ask(token, http.MethodGet, "/fhir/r4/$export", nil)
	require.Equal(t, http.StatusUnauthorized, late.status)
	require.Contains(t, late.header.Get("WWW-Authenticate"), "expired")

	// Who guesses is slowed down.
	last := 0
	for range 200 {
		if last = post(url.Values{"grant_type": {"client_credentials"}}).status; last == http.StatusTooManyRequests {
			break
		}
	}
	require.Equal(t, http.StatusTooManyRequests, last)
}
