package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	got := s.send("analyst", http.MethodPost, "/v1/jql/parse", m{"dialect": "jira", "queries": []string{
		`summary ~ "a b" AND NOT (labels in (urgent, 5, now(-1)) OR x is EMPTY) AND status was not open AFTER -1d BY asha order by cf[5] desc, p`,
		``, `a = `,
	}})
	require.Equal(t, http.StatusOK, got.status, string(got.body))
	queries := list(t, got.json, "queries")
	require.JSONEq(t, `{"query": `+quoted(t, at(t, queries[0], "query"))+`, "structure": {"where": {"operator": "and", "clauses": [
		{"field": {"name": "summary", "encodedName": "summary"}, "operator": "~", "operand": {"value": "a b", "encodedValue": "\"a b\""}},
		{"operator": "not", "clauses": [{"operator": "or", "clauses": [
			{"field": {"name": "labels", "encodedName": "labels"}, "operator": "in", "operand": {"encodedOperand": "(urgent, 5, now(-1))", "values": [
				{"value": "urgent", "encodedValue": "urgent"}, {"value": "5", "encodedValue": "5"},
				{"function": "now", "arguments": ["-1"], "encodedOperand": "now(-1)"}]}},
			{"field": {"name": "x", "encodedName": "x"}, "operator": "is", "operand": {"keyword": "empty", "encodedOperand": "EMPTY"}}]}]},
		{"field": {"name": "status", "encodedName": "status"}, "operator": "was not", "operand": {"value": "open", "encodedValue": "open"},
			"predicates": [{"operator": "after", "operand": {"value": "-1d", "encodedValue": "-1d"}}, {"operator": "by", "operand": {"value": "asha", "encodedValue": "asha"}}]}]},
		"orderBy": {"fields": [{"field": {"name": "cf[5]", "encodedName": "cf[5]"}, "direction": "desc"}, {"field": {"name": "p", "encodedName": "p"}}]}}}`, quoted(t, queries[0]))
	require.JSONEq(t, `{"query": "", "structure": {}}`, quoted(t, queries[1]))
	require.NotEmpty(t, list(t, queries[2], "errors"))
	require.Nil(t, at(t, queries[2], "structure"))

	many := make([]string, 101)
	require.Equal(t, http.StatusUnprocessableEntity, s.send("analyst", http.MethodPost, "/v1/jql/parse", m{"queries": many}).status)
}

func TestVocabulary(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	got := s.send("analyst", http.MethodGet, "/v1/jql/autocompletedata?index=visits", nil)
	require.Equal(t, http.StatusOK, got.status, string(got.body))
	fields := map[any]any{}
	for _, f := range list(t, got.json, "fields") {
		fields[at(t, f, "value")] = f
	}
	require.NotContains(t, fields, "name", "it is hidden from analysts")
	require.JSONEq(t, `{"value": "age", "display_name": "Age in years", "type": "integer", "orderable": true, "searchable": true,
		"operators": ["=", "!=", ">", ">=", "<", "<=", "IN", "NOT IN", "IS", "IS NOT"], "aliases": [], "indexes": ["visits"]}`, quoted(t, fields["age"]))
	require.Contains(t, string(got.body), `"currentUser()"`)
	require.Len(t, list(t, got.json, "reserved_words"), 179)
	require.Equal(t, http.StatusNotFound, s.send("analyst", http.MethodGet, "/v1/jql/autocompletedata?index=none", nil).status)
}

func TestSuggestions(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	got := s.send("analyst", http.MethodGet, "/v1/jql/autocompletedata/suggestions?index=visits&field_name=district&field_value=pu", nil)
	require.JSONEq(t, `{"results": [{"value": "Pune", "display_name": "<b>Pu</b>ne", "count": 40}]}`, string(got.body))
	mine := s.send("patient", http.MethodGet, "/v1/jql/autocompletedata/suggestions?field_name=patient_id", nil)
	require.JSONEq(t, `{"results": [{"value": "P07", "display_name": "P07", "count": 6}]}`, string(mine.body))
	hidden := s.send("analyst", http.MethodGet, "/v1/jql/autocompletedata/suggestions?field_name=name", nil)
	require.Equal(t, http.StatusUnprocessableEntity, hidden.status)
	require.Equal(t, "unknown_field", hidden.json["code"])
}

func TestComplete(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	got := s.send("analyst", http.MethodPost, "/v1/jql/complete", m{"jql": `diagnosis ~ "மலேரியா" AND dis`, "cursor": 29})
	require.Equal(t, http.StatusOK, got.status, string(got.body))
	require.JSONEq(t, `{"text": "district", "kind": "field", "detail": "keyword", "replace": {"offset": 26, "length": 3}}`, quoted(t, list(t, got.json, "items")[0]))
	got = s.send("analyst", http.MethodPost, "/v1/jql/complete", m{"jql": `district = P`, "cursor": 12})
	require.Equal(t, "Pune", at(t, list(t, got.json, "items")[0], "text"))
	require.Equal(t, http.StatusUnprocessableEntity, s.send("analyst", http.MethodPost, "/v1/jql/complete", m{"jql": "a", "cursor": 2}).status)
}

func TestIndexes(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	require.JSONEq(t, `{"indexes": [{"name": "visits", "label": "Visits"}]}`, string(s.send("analyst", http.MethodGet, "/v1/indexes", nil).body))
	got := s.send("admin", http.MethodGet, "/v1/indexes/visits", nil)
	require.Contains(t, string(got.body), `{"path":"name","type":"text","kind":"text","label":"name","aliases":[],"personal":true,"searchable":true,"orderable":true,"operators":["=","!=","~","!~","IN","NOT IN","IS","IS NOT"]}`)
	for _, name := range []string{"none", "*", "v*", "..%2Fvisits", "%00"} {
		require.Equal(t, http.StatusNotFound, s.send("admin", http.MethodGet, "/v1/indexes/"+name, nil).status, name)
	}
}

func TestMe(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	require.JSONEq(t, `{"user": "analyst", "tenant": "pb", "roles": ["ANALYST"], "groups": ["district-12"], "permissions": ["view", "share"], "allowed_indexes": ["visits"]}`,
		string(s.send("analyst", http.MethodGet, "/v1/me", nil).body))
	require.JSONEq(t, `{"user": "nobody", "tenant": "pb", "roles": [], "groups": [], "permissions": [], "allowed_indexes": []}`,
		string(s.send("nobody", http.MethodGet, "/v1/me", nil).body))
}
