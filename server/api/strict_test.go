package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Nothing of a request is lost in silence: a question without its condition would be another question.
func TestNothingOfARequestIsLost(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	for name, c := range map[string]struct {
		path   string
		status int
	}{
		"as it is":               {"/v1/query?jql=age%20%3D%205", 200},
		"bad percent-encoding":   {"/v1/query?jql=%zz", 400},
		"of a name":              {"/v1/query?%zz=1&jql=", 400},
		"twice":                  {"/v1/query?jql=age%3D5&jql=", 422},
		"twice, the same":        {"/v1/query?jql=&jql=", 422},
		"a list":                 {"/v1/query?jql=&fields=age&fields=district&allowed_indexes=visits&allowed_indexes=vis*", 200},
		"an unknown one":         {"/v1/query?JQL=age", 422},
		"an empty name":          {"/v1/query?jql=&allowed_indexes=", 422},
		"an empty one of many":   {"/v1/query?jql=&fields=&fields=age", 422},
		"bytes that are no text": {"/v1/query?jql=%ff", 400},
		"a semicolon":            {"/v1/query?jql=%22a;b%22%20%3D%201", 400}, // an unknown field
	} {
		got := s.send("admin", http.MethodGet, c.path, nil)
		require.Equal(t, c.status, got.status, "%s: %s", name, got.body)
	}
	for name, c := range map[string]struct {
		body   string
		status int
	}{
		"as it is":              {`{"jql":"age = 5"}`, 200},
		"a member twice":        {`{"jql":"age = 5","jql":""}`, 400},
		"in another case":       {`{"JQL":"age = 5"}`, 422},
		"in both cases":         {`{"jql":"age = 5","Jql":""}`, 422},
		"deep inside":           {`{"jql":"","fields":[{"a":1,"b":[],"a":2}]}`, 400},
		"values that are alike": {`{"jql":"jql = jql"}`, 400},
		"half a pair":           {`{"jql":"district = \"\ud800\""}`, 400},
		"the other half":        {`{"jql":"district = \"\ude00\ud83d\""}`, 400},
		"a pair":                {`{"jql":"district = \"\ud83d\ude00\""}`, 200},
		"an escaped backslash":  {`{"jql":"district = \"\\\\ud800\""}`, 200},
		"no JSON":               {`{"jql"`, 400},
		"more behind it":        {`{"jql":""} {}`, 400},
		"nested too deep":       {strings.Repeat(`{"a":`, 600_000), 400},
	} {
		got := s.send("admin", http.MethodPost, "/v1/query", c.body)
		require.Equal(t, c.status, got.status, "%s: %s", name, got.body)
	}
	got := s.send("admin", http.MethodPost, "/v1/query", `{"jql":"age = 5","jql":""}`)
	require.Contains(t, got.json["detail"], `the member "jql" stands there twice`)
	require.Equal(t, 415, s.send("admin", http.MethodPost, "/v1/query", `{"jql":""}`, "Content-Encoding", "gzip").status)
	require.Equal(t, 200, s.send("admin", http.MethodPost, "/v1/query", `{"jql":""}`, "Content-Encoding", "identity").status)
}

// Validation refuses what a query is refused for, and always answers.
func TestValidationIsAlwaysAnswered(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	for _, body := range []m{
		{"jql": "age > 3"}, {"jql": "age >"}, {"jql": "agee > 3"}, {"jql": "age > 3", "allowed_indexes": []string{"none"}},
		{"jql": "age > 3", "allowed_indexes": []string{"none", "visits"}}, {"jql": "name = x"}, {"jql": "ORDER BY diagnosis"},
		{"jql": "age in membersOf(none)"}, {"jql": "", "allowed_indexes": make([]string, 100)},
	} {
		valid := s.send("analyst", http.MethodPost, "/v1/query/validate", body)
		require.Equal(t, 200, valid.status, "%v: %s", body, valid.body)
		asked := s.send("analyst", http.MethodPost, "/v1/query", body)
		require.Equal(t, asked.status == 200, valid.json["valid"], "%v: %s", body, asked.body)
		require.Equal(t, asked.status == 200, len(list(t, valid.json, "errors")) == 0)
	}
	got := s.send("analyst", http.MethodPost, "/v1/query/validate", m{"jql": "age>3", "allowed_indexes": []string{"none"}})
	require.JSONEq(t, `{"valid":false,"canonical":"age > 3","errors":[{"message":"unknown index \"none\"","location":"body"}],"warnings":[]}`, string(got.body))
	got = s.send("analyst", http.MethodPost, "/v1/query", m{"jql": "age>3", "allowed_indexes": []string{"none"}})
	require.Equal(t, `unknown index "none"`, got.json["detail"])
}
