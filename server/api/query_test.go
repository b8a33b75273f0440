package api_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

type m = map[string]any

func TestQuery(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	got := s.send("analyst", http.MethodPost, "/v1/query", m{
		"jql": `age < 5 AND diagnosis ~ malaria ORDER BY age DESC`, "allowed_indexes": []string{"visits"},
		"fields": []string{"age", "Age in years", "symptoms", "cost", "date"}, "max_results": 2,
	})
	require.Equal(t, http.StatusOK, got.status, string(got.body))
	require.JSONEq(t, `{"records": [
		{"id": "V004", "index": "visits", "fields": {"age": 4, "symptoms": ["fever", "cough0"], "cost": 4.50, "date": "2026-05-05"}},
		{"id": "V094", "index": "visits", "fields": {"age": 4, "symptoms": ["fever", "cough2"], "cost": 94.50, "date": "2026-11-11"}}],
		"total": 10, "total_is_exact": true, "start_at": 0, "max_results": 2, "is_last": false, "warnings": [],
		"as_of": "2026-11-27T10:00:00Z", "next_page_token": `+quoted(t, got.json["next_page_token"])+`}`, string(got.body))
	require.Contains(t, string(got.body), `"cost":4.50,`, "digits are kept")
}

func quoted(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return string(text)
}

func TestPages(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	seen := map[any]bool{}
	body := m{"jql": "ORDER BY district", "max_results": 50, "count": "none"}
	for range 3 {
		got := s.send("admin", http.MethodPost, "/v1/query", body)
		require.Equal(t, http.StatusOK, got.status, string(got.body))
		require.Nil(t, got.json["total"])
		for _, r := range list(t, got.json, "records") {
			require.False(t, seen[at(t, r, "id")])
			seen[at(t, r, "id")] = true
		}
		require.Equal(t, got.json["next_page_token"] == nil, got.json["is_last"])
		body["page_token"] = got.json["next_page_token"]
	}
	require.Len(t, seen, 120)
	require.Nil(t, body["page_token"])

	body = m{"jql": "", "max_results": 5}
	token := s.send("admin", http.MethodPost, "/v1/query", body).json["next_page_token"]
	for name, c := range map[string]struct {
		user string
		body m
	}{
		"another query": {"admin", m{"jql": "age > 3", "max_results": 5, "page_token": token}},
		"another user":  {"analyst", m{"jql": "", "max_results": 5, "page_token": token}},
		"none of ours":  {"admin", m{"jql": "", "max_results": 5, "page_token": "abc"}},
	} {
		got := s.send(c.user, http.MethodPost, "/v1/query", c.body)
		require.Equal(t, http.StatusBadRequest, got.status, name)
		require.Equal(t, "bad_page_token", got.json["code"], name)
	}
}

// The same question by GET has the same answer.
func TestQueryByGet(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	params := url.Values{
		"jql": {"district IN (Pune, Kano) AND date >= startOfMonth(-2M)"}, "allowed_indexes": {"visits"}, "fields": {"age,date", "district"},
		"max_results": {"7"}, "start_at": {"3"}, "time_zone": {"Asia/Kolkata"}, "as_of": {"2026-06-15T00:00:00Z"}, "count": {"capped"},
	}
	get := s.send("analyst", http.MethodGet, "/v1/query?"+params.Encode(), nil)
	require.Equal(t, http.StatusOK, get.status, string(get.body))
	post := s.send("analyst", http.MethodPost, "/v1/query", m{
		"jql": params.Get("jql"), "allowed_indexes": []string{"visits"}, "fields": []string{"age", "date", "district"},
		"max_results": 7, "start_at": 3, "time_zone": "Asia/Kolkata", "as_of": "2026-06-15T00:00:00Z", "count": "capped",
	})
	delete(get.json, "next_page_token")
	delete(post.json, "next_page_token")
	require.Equal(t, post.json, get.json)
	require.Equal(t, "2026-06-15T00:00:00Z", get.json["as_of"])
	require.NotEmpty(t, get.json["records"])
}

func TestWhoSeesWhat(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	all := func(user string) *answer { return s.send(user, http.MethodPost, "/v1/query", m{"jql": ""}) }
	require.EqualValues(t, 6, all("patient").json["total"])
	require.EqualValues(t, 120, all("admin").json["total"])
	require.Contains(t, string(all("admin").body), `"name":"Name 0"`)
	require.NotContains(t, string(all("analyst").body), `"name"`)
	require.Equal(t, http.StatusForbidden, all("nobody").status)
	got := all("")
	require.Equal(t, http.StatusUnauthorized, got.status)
	require.Equal(t, "Bearer", got.header.Get("WWW-Authenticate"))
	require.Equal(t, http.StatusUnauthorized, all("stranger").status)

	hidden := s.send("analyst", http.MethodPost, "/v1/query", m{"jql": `name = "Name 1"`})
	absent := s.send("analyst", http.MethodPost, "/v1/query", m{"jql": `nome = "Name 1"`})
	require.Equal(t, http.StatusBadRequest, hidden.status)
	require.Equal(t, at(t, list(t, absent.json, "errors")[0], "code"), at(t, list(t, hidden.json, "errors")[0], "code"))
}

func TestComplaints(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	got := s.send("analyst", http.MethodPost, "/v1/query", m{"jql": "age > 3 AND\n  distrct = Pune"})
	require.Equal(t, http.StatusBadRequest, got.status)
	require.Equal(t, "invalid_query", got.json["code"])
	require.JSONEq(t, `{"message": "unknown field \"distrct\" in index \"visits\"; did you mean \"district\"?", "code": "unknown_field", "offset": 14, "length": 7,
		"line": 2, "column": 3, "found": "distrct", "expected": ["a field"], "suggestion": "district"}`, quoted(t, list(t, got.json, "errors")[0]))

	valid := s.send("analyst", http.MethodPost, "/v1/query/validate", m{"jql": "age>3 and district=Pune"})
	require.JSONEq(t, `{"valid": true, "canonical": "age > 3 AND district = Pune", "errors": [], "warnings": []}`, string(valid.body))
	for _, query := range []string{"age >", "age > Pune", "nothing = 1", "age = 1 ORDER", "name = x"} {
		refused := s.send("analyst", http.MethodPost, "/v1/query", m{"jql": query})
		require.Contains(t, []int{http.StatusBadRequest, http.StatusUnprocessableEntity}, refused.status, query)
		invalid := s.send("analyst", http.MethodPost, "/v1/query/validate", m{"jql": query})
		require.Equal(t, http.StatusOK, invalid.status)
		require.Equal(t, false, invalid.json["valid"], query)
		require.Equal(t, refused.json["errors"], invalid.json["errors"], query)
		require.NotNil(t, at(t, list(t, refused.json, "errors")[0], "offset"), query)
	}
}

func TestCompile(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	got := s.send("patient", http.MethodPost, "/v1/query/compile", m{"jql": "age > 3", "target": "plan"})
	require.Equal(t, http.StatusOK, got.status, string(got.body))
	require.Equal(t, "plan", got.json["target"])
	require.NotContains(t, string(got.body), "P07", "what the roles add is not shown")
	require.Equal(t, "visits", at(t, list(t, got.json, "queries")[0], "index"))
	require.Equal(t, http.StatusUnprocessableEntity, s.send("patient", http.MethodPost, "/v1/query/compile", m{"jql": "age > 3", "target": "sqlite"}).status)
}

func TestWindow(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	got := s.send("admin", http.MethodPost, "/v1/query", m{"jql": "", "start_at": 9960, "max_results": 50})
	require.Equal(t, http.StatusBadRequest, got.status)
	require.Equal(t, "beyond_window", got.json["code"])
	require.Contains(t, got.json["detail"], "token")
	require.Equal(t, http.StatusOK, s.send("admin", http.MethodPost, "/v1/query", m{"jql": "", "start_at": 9950, "max_results": 50}).status)
}
