package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/server/api"
)

// What is there is not taken for what is not: these were found by .ci/contract.
func TestNothingIsTakenForAbsent(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	for name, c := range map[string]struct {
		method, path string
		body         any
		location     string
	}{
		"an empty instant":        {"GET", "/v1/query?jql=&as_of=", nil, "query.as_of"},
		"an empty number":         {"GET", "/v1/query?jql=&max_results=", nil, "query.max_results"},
		"an empty choice":         {"GET", "/v1/filters?owner=", nil, "query.owner"},
		"an empty action":         {"GET", "/v1/audit?action=", nil, "query.action"},
		"no zone":                 {"POST", "/v1/query", `{"jql": "", "time_zone": null}`, "body.time_zone"},
		"no indexes":              {"POST", "/v1/query", `{"jql": "", "allowed_indexes": null}`, "body.allowed_indexes"},
		"no index":                {"POST", "/v1/query", `{"jql": "", "allowed_indexes": [null]}`, "body.allowed_indexes[0]"},
		"no dialect":              {"POST", "/v1/query/validate", `{"jql": "", "dialect": null}`, "body.dialect"},
		"nobody to share with":    {"POST", "/v1/filters", `{"name": "n", "jql": "", "share_permissions": [{"type": "user", "permission": "read", "id": null}]}`, "body.share_permissions[0].id"},
		"a share without a type":  {"POST", "/v1/filters", `{"name": "n", "jql": "", "share_permissions": [{"type": "", "permission": "read"}]}`, "body.share_permissions[0].type"},
		"a share of everything":   {"POST", "/v1/filters", `{"name": "n", "jql": "", "share_permissions": [{"type": "public", "permission": "owner"}]}`, "body.share_permissions[0].permission"},
		"a name of line ends":     {"POST", "/v1/filters", `{"name": "\n", "jql": ""}`, "body.name"},
		"a cursor behind the end": {"POST", "/v1/jql/complete", `{"jql": "age", "cursor": 4}`, "body.cursor"},
		"a whole number, almost":  {"POST", "/v1/jql/complete", `{"jql": "age", "cursor": 1.0}`, "body.cursor"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := *s
			s.t = t
			got := s.send("admin", c.method, c.path, c.body)
			require.Equal(t, http.StatusUnprocessableEntity, got.status, string(got.body))
			complaints := list(t, got.json, "errors")
			require.Equal(t, c.location, at(t, complaints[0], "location"), string(got.body))
			require.NotRegexp(t, `Go |json:|struct`, string(got.body))
		})
	}
	require.Equal(t, http.StatusOK, s.send("admin", "GET", "/v1/query?jql=&page_token=", nil).status, "an empty text is a text")
}

// The page behind another is asked for by the same body, also if that began further on.
func TestTokenGoesWithTheStart(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	body := m{"jql": "ORDER BY visit_id", "start_at": 100, "max_results": 15}
	first := s.send("admin", "POST", "/v1/query", body)
	require.Equal(t, http.StatusOK, first.status)
	body["page_token"] = first.json["next_page_token"]
	second := s.send("admin", "POST", "/v1/query", body)
	require.Equal(t, http.StatusOK, second.status, string(second.body))
	records := list(t, second.json, "records")
	require.Len(t, records, 5)
	require.Equal(t, "V115", at(t, records[0], "id"))
	require.Equal(t, true, second.json["is_last"])
}

// The document asks for credentials where the server does, and for If-Match where it must be there.
func TestDocumentIsTrue(t *testing.T) {
	t.Parallel()
	closed := start(t, nil).send("", "GET", "/openapi.json", nil).json
	require.NotEmpty(t, closed["security"])
	open := start(t, &api.Options{NoSignIn: true}).send("", "GET", "/openapi.json", nil).json
	require.Empty(t, open["security"])
	require.NotContains(t, at(t, open, "components"), "securitySchemes")
	for method, needed := range map[string]bool{"put": true, "patch": true, "delete": false} {
		found := false
		for _, p := range list(t, at(t, open, "paths", "/v1/filters/{id}", method), "parameters") {
			if at(t, p, "name") == "If-Match" {
				required, _ := at(t, p, "required").(bool)
				require.Equal(t, needed, required, method)
				found = true
			}
		}
		require.True(t, found, method)
	}
	patch := at(t, open, "paths", "/v1/filters/{id}", "patch", "requestBody", "content")
	require.Contains(t, patch, "application/merge-patch+json")
	require.NotContains(t, patch, "application/octet-stream")
}

// A patch reaches the service as it was sent.
func TestPatchKeepsNumbers(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	made := s.send("admin", "POST", "/v1/filters", m{"name": "n", "jql": "age < 5", "description": "d"})
	require.Equal(t, http.StatusCreated, made.status, string(made.body))
	path, version := "/v1/filters/"+made.json["id"].(string), made.header.Get("ETag")
	patch := func(body string) *answer {
		return s.send("admin", "PATCH", path, body, "If-Match", version, "Content-Type", "application/merge-patch+json")
	}
	require.Equal(t, http.StatusUnprocessableEntity, patch(`{"version": 9007199254740993}`).status)
	require.Equal(t, http.StatusUnprocessableEntity, patch(`{"name": null}`).status)
	require.Equal(t, http.StatusUnprocessableEntity, patch(`{"nme": "n"}`).status)
	got := patch(`{"description": null, "version": 1}`)
	require.Equal(t, http.StatusOK, got.status, string(got.body))
	require.Empty(t, got.json["description"])
	require.Equal(t, "n", got.json["name"])
}
