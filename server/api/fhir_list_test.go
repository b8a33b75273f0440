package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The list of exports of FHIR has one's own, for administrators those of the tenant, the newest first, page by page.
func TestFHIRList(t *testing.T) {
	t.Parallel()
	c := openClinic(t, func(c *clinic) { c.signIn, c.idle = true, true })
	made := []any{}
	for range 5 {
		c.add(time.Second)
		at := c.kick("exporter", "$export")
		made = append([]any{at[strings.LastIndex(at, "/")+1:]}, made...)
	}
	ids := func(user, query string) (ids []any, got *answer) {
		got = c.ask(user, http.MethodGet, "/v1/fhir-exports?"+query, nil)
		require.Equal(t, http.StatusOK, got.status, string(got.body))
		ids = []any{}
		for _, e := range list(t, got.json, "exports") {
			ids = append(ids, at(t, e, "id"))
		}
		require.Equal(t, got.json["is_last"] == false, got.json["next_page_token"] != nil)
		return ids, got
	}
	all, got := ids("exporter", "")
	require.Equal(t, made, all)
	require.EqualValues(t, 50, got.json["max_results"])
	all, got = ids("exporter", "start_at=1&max_results=2")
	require.Equal(t, made[1:3], all)
	token := got.json["next_page_token"].(string)
	all, got = ids("exporter", "max_results=2&page_token="+token)
	require.Equal(t, made[3:], all)
	require.Equal(t, true, got.json["is_last"])
	for query, want := range map[string]int{
		"start_at=4": 1, "start_at=10000": 0, "status=initiated": 5, "status=completed&status=failed": 0, "status=cancelled": 0, "user_id=exporter": 5,
	} {
		all, _ = ids("exporter", query)
		require.Len(t, all, want, query)
	}
	for query, want := range map[string]int{"": 0, "user_id=exporter": 5, "user_id=*": 5, "user_id=nobody": 0} {
		all, _ = ids("admin", query)
		require.Len(t, all, want, query)
	}
	all, _ = ids("foreign", "user_id=*")
	require.Empty(t, all)
	for query, want := range map[string]int{
		"user_id=admin": 403, "user_id=*": 403, "status=done": 422, "status=": 422, "user_id=": 422, "page_token=x": 400, "page_token=" + token + "x": 400,
		"start_at=10001": 422, "max_results=0": 422, "max_results=1001": 422, "level=system": 422, "page_token=eyJuYW1lIjoiXHUwMDAwIn0": 400,
	} {
		got := c.ask("exporter", http.MethodGet, "/v1/fhir-exports?"+query, nil)
		require.Equal(t, want, got.status, query)
		require.Equal(t, "application/problem+json", got.header.Get("Content-Type"), query)
	}
	require.Equal(t, 422, c.ask("admin", http.MethodGet, "/v1/fhir-exports?user_id="+strings.Repeat("%C3%BC", 150), nil).status, "a name has a length in bytes")
	require.Equal(t, 401, c.ask("", http.MethodGet, "/v1/fhir-exports", nil).status)

	require.Equal(t, http.StatusAccepted, c.ask("exporter", http.MethodDelete, "/fhir/r4/$export-status/"+made[2].(string), nil).status)
	all, _ = ids("exporter", "")
	require.Equal(t, append(append([]any{}, made[:2]...), made[3:]...), all)
}

// The list says what was asked for, and where the status is that has the files.
func TestFHIRListSays(t *testing.T) {
	t.Parallel()
	c := openClinic(t, func(c *clinic) { c.opts.Base = "/dhr" })
	status := c.kick("", "Group/d1/$export?_type=Patient,Observation&_since=2026-01-01T00:00:00Z&_elements=Patient.name&_typeFilter=Observation%3Fstatus%3Dfinal")
	m := c.complete("", status).json
	got := c.ask("", http.MethodGet, c.url+"/dhr/v1/fhir-exports", nil)
	require.Equal(t, http.StatusOK, got.status, string(got.body))
	e := at(t, list(t, got.json, "exports")[0]).(map[string]any)
	require.Equal(t, c.url+e["status_url"].(string), status)
	resources := 0.
	for _, f := range list(t, m, "output") {
		resources += at(t, f, "count").(float64)
	}
	for name, want := range map[string]any{
		"status": "completed", "level": "group", "group": "d1", "types": []any{"Patient", "Observation"}, "since": "2026-01-01T00:00:00Z",
		"elements": []any{"Patient.name"}, "filters": []any{"Observation?status=final"}, "progress": 100., "resources": resources, "user_id": "exporter", "deletions": 1., "unmappable": 0.,
	} {
		require.Equal(t, want, e[name], name)
	}
	for _, name := range []string{"until", "patients", "error"} {
		require.NotContains(t, e, name)
	}
	require.Positive(t, e["bytes"])
	require.Contains(t, e["doing"], "100% completed")

	offer := c.ask("", http.MethodGet, c.url+"/dhr/v1/capabilities", nil).json["fhir"]
	require.Equal(t, "/dhr/fhir/r4", at(t, offer, "base"))
	require.Equal(t, []any{m2("Location", false), m2("Observation", true), m2("Patient", true)}, at(t, offer, "types"))
	require.Equal(t, true, at(t, offer, "groups"))
}

func m2(name string, patients bool) map[string]any {
	return map[string]any{"type": name, "patients": patients}
}

// Without exports of FHIR there is no list of them, and the capabilities have none.
func TestNoFHIRList(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	require.Equal(t, http.StatusNotFound, s.send("admin", http.MethodGet, "/v1/fhir-exports", nil).status)
	got := s.send("admin", http.MethodGet, "/v1/capabilities", nil)
	require.NotContains(t, got.json, "fhir")
	require.Equal(t, false, got.json["queues"])
	require.NotContains(t, string(s.send("admin", http.MethodGet, "/openapi.json", nil).body), "fhir-exports")
}
