package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFilters(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	made := s.send("analyst", "POST", "/v1/filters", m{
		"name": " Children ", "description": "Small ones", "jql": "age < 5 ORDER BY age", "allowed_indexes": []string{"visits"}, "favourite": true,
		"share_permissions": []m{{"type": "user", "id": "exporter", "permission": "write"}, {"type": "public", "permission": "read"}},
	})
	require.Equal(t, http.StatusCreated, made.status, string(made.body))
	path, etag := made.header.Get("Location"), made.header.Get("ETag")
	require.True(t, strings.HasPrefix(path, "/v1/filters/"))
	require.Equal(t, `"1"`, etag)
	require.Equal(t, "Children", made.json["name"])
	require.Equal(t, true, made.json["favourite"])
	require.Equal(t, "analyst", made.json["owner"])

	got := s.send("exporter", "GET", path, nil)
	require.Equal(t, etag, got.header.Get("ETag"))
	require.Equal(t, "write", got.json["permission"])
	require.Equal(t, false, got.json["favourite"])
	records := s.send("patient", "GET", path+"/records?fields=age,patient_id&max_results=1", nil)
	require.Equal(t, http.StatusOK, records.status, string(records.body))
	require.EqualValues(t, 0, records.json["total"], "a share gives no data")
	require.EqualValues(t, 10, s.send("exporter", "GET", path+"/records", nil).json["total"])

	body := got.json // what was read can be sent back
	body["jql"] = "age < 3"
	require.Equal(t, http.StatusPreconditionRequired, s.send("exporter", "PUT", path, body).status)
	require.Equal(t, http.StatusPreconditionFailed, s.send("exporter", "PUT", path, body, "If-Match", `"7"`).status)
	require.Equal(t, http.StatusPreconditionFailed, s.send("exporter", "PUT", path, body, "If-Match", `W/"1"`).status)
	put := s.send("exporter", "PUT", path, body, "If-Match", etag)
	require.Equal(t, http.StatusOK, put.status, string(put.body))
	require.Equal(t, `"2"`, put.header.Get("ETag"))
	require.Equal(t, http.StatusPreconditionFailed, s.send("exporter", "PUT", path, body, "If-Match", etag).status)

	patch := s.send("analyst", "PATCH", path, `{"description": null, "name": "Infants"}`, "If-Match", `"2"`, "Content-Type", "application/merge-patch+json")
	require.Equal(t, http.StatusOK, patch.status, string(patch.body))
	require.Equal(t, "Infants", patch.json["name"])
	require.Empty(t, patch.json["description"])
	require.Equal(t, "age < 3", patch.json["jql"])

	require.Equal(t, http.StatusNoContent, s.send("exporter", "PUT", path+"/favourite", nil).status)
	for owner, want := range map[string]float64{"me": 0, "shared": 1, "favourite": 1, "all": 1} {
		require.Equal(t, want, s.send("exporter", "GET", "/v1/filters?owner="+owner, nil).json["total"], owner)
	}
	require.Equal(t, http.StatusNoContent, s.send("exporter", "DELETE", path+"/favourite", nil).status)

	shares := s.send("analyst", "PUT", path+"/permissions", m{"share_permissions": []m{{"type": "group", "id": "district-12", "permission": "admin"}}})
	require.Equal(t, http.StatusOK, shares.status, string(shares.body))
	require.Equal(t, http.StatusNotFound, s.send("exporter", "GET", path, nil).status)
	require.JSONEq(t, `{"share_permissions": [{"type": "group", "id": "district-12", "permission": "admin"}]}`, string(s.send("analyst", "GET", path+"/permissions", nil).body))
	copied := s.send("admin", "POST", path+"/copy", nil)
	require.Equal(t, http.StatusCreated, copied.status, string(copied.body))
	require.Equal(t, "Copy of Infants", copied.json["name"])
	require.Equal(t, "exporter", s.send("admin", "PUT", path+"/owner", m{"owner": "exporter"}).json["owner"])
	require.Equal(t, http.StatusNoContent, s.send("exporter", "DELETE", path, nil).status)
	require.Equal(t, http.StatusNotFound, s.send("exporter", "DELETE", path, nil).status)
}

func TestBadFilters(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	post := func(body any) *answer { return s.send("analyst", "POST", "/v1/filters", body) }
	require.Equal(t, http.StatusCreated, post(m{"name": "a", "jql": ""}).status)
	for name, c := range map[string]struct {
		body any
		want int
		code string
	}{
		"no name":          {m{"jql": ""}, 422, "invalid_request"},
		"an empty name":    {m{"name": "  ", "jql": ""}, 422, "invalid_request"},
		"a taken name":     {m{"name": "A", "jql": ""}, 409, "name_taken"},
		"a bad query":      {m{"name": "b", "jql": "age >"}, 400, "invalid_query"},
		"a hidden field":   {m{"name": "b", "jql": "name = x"}, 400, "invalid_query"},
		"an unknown index": {m{"name": "b", "jql": "", "allowed_indexes": []string{"none"}}, 404, "unknown_index"},
		"a bad share":      {m{"name": "b", "jql": "", "share_permissions": []m{{"type": "planet", "id": "x", "permission": "read"}}}, 422, "invalid_request"},
		"a bad permission": {m{"name": "b", "jql": "", "share_permissions": []m{{"type": "public", "permission": "owner"}}}, 422, "invalid_request"},
		"an odd member":    {m{"name": "b", "jql": "", "color": "red"}, 422, "invalid_request"},
	} {
		got := post(c.body)
		require.Equal(t, c.want, got.status, "%s: %s", name, got.body)
		require.Equal(t, c.code, got.json["code"], name)
		if c.code != "name_taken" && c.code != "unknown_index" {
			require.NotEmpty(t, got.json["errors"], name)
		}
	}
}
