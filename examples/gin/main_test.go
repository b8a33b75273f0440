package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr"
	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/sqldoc"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search/bulk"
	"github.com/digit-health/dhr/search/sqlsearch"
)

const mapping = `{
  "_meta": {"dhr": {"key": "visit_id", "personal": ["name"]}},
  "properties": {"visit_id": {"type": "keyword"}, "name": {"type": "keyword"}, "diagnosis": {"type": "text"}, "age": {"type": "integer"}}
}`

const visits = `{"visit_id": "V-1", "name": "Aisha Bello", "diagnosis": "Severe malaria", "age": 3}
{"visit_id": "V-2", "name": "Anita Yadav", "diagnosis": "Fracture", "age": 4}
`

// serve starts the service over two records, and returns its address.
func serve(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	engine, err := sqlsearch.Open(t.Context(), filepath.Join(dir, "records.db"), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, engine.Close()) })
	load(t, engine, filepath.Join(dir, "visits.ndjson"))
	saved, err := sqldoc.Open(t.Context(), filepath.Join(dir, "config.db"), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, saved.Close()) })
	roles, err := access.ParseRoles(access.DefaultRoles())
	require.NoError(t, err)
	policy, err := access.NewPolicy(roles, nil)
	require.NoError(t, err)
	service, err := dhr.New(t.Context(), dhr.Config{Engine: engine, Policy: policy, Store: docstore.New(saved)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, service.Close()) })
	handler, err := routes(service)
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func load(t *testing.T, engine *sqlsearch.SQLite, file string) {
	t.Helper()
	schema, err := record.ParseSchema("visits", []byte(mapping))
	require.NoError(t, err)
	require.NoError(t, engine.Create(t.Context(), schema))
	require.NoError(t, os.WriteFile(file, []byte(visits), 0o600))
	report, err := bulk.Load(t.Context(), engine, schema, []string{file}, nil)
	require.NoError(t, err)
	require.EqualValues(t, 2, report.Stored)
}

// A reply is what was answered, and at which path in the end.
type reply struct {
	status int
	header http.Header
	path   string
}

// ask sends a request of a user, and returns what is answered.
func ask(t *testing.T, user, method, url, body string) (reply, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	if user != "" {
		r.Header.Set("X-Demo-User", user)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return reply{answer.StatusCode, answer.Header, answer.Request.URL.Path}, string(text)
}

func TestAskedThroughThePrefix(t *testing.T) {
	t.Parallel()
	at := serve(t)
	answer, text := ask(t, "asha", http.MethodPost, at+prefix+"/v1/query", `{"jql": "diagnosis ~ malaria AND age < 5"}`)
	require.Equal(t, http.StatusOK, answer.status, text)
	var page struct {
		Total   int
		Records []struct {
			ID, Index string
			Fields    map[string]any
		}
	}
	require.NoError(t, json.Unmarshal([]byte(text), &page))
	require.Equal(t, 1, page.Total)
	require.Equal(t, "V-1", page.Records[0].ID)
	require.Equal(t, map[string]any{"visit_id": "V-1", "diagnosis": "Severe malaria", "age": 3.}, page.Records[0].Fields, "the name is personal")

	answer, text = ask(t, "asha", http.MethodGet, at+prefix+"/v1/me", "")
	require.Equal(t, http.StatusOK, answer.status, text)
	require.Contains(t, text, `"user":"asha"`)
}

// What DHR makes is found where its Location says, with the prefix, and the OpenAPI document names it.
func TestPlacesHaveThePrefix(t *testing.T) {
	t.Parallel()
	at := serve(t)
	answer, text := ask(t, "asha", http.MethodPost, at+prefix+"/v1/filters", `{"name": "Malaria", "jql": "diagnosis ~ malaria"}`)
	require.Equal(t, http.StatusCreated, answer.status, text)
	place := answer.header.Get("Location")
	require.True(t, strings.HasPrefix(place, prefix+"/v1/filters/"), place)
	answer, text = ask(t, "asha", http.MethodGet, at+place+"/records", "")
	require.Equal(t, http.StatusOK, answer.status, text)
	require.Contains(t, text, `"total":1`)

	answer, text = ask(t, "", http.MethodGet, at+prefix+"/openapi.json", "")
	require.Equal(t, http.StatusOK, answer.status)
	require.Contains(t, text, `"servers":[{"url":"`+prefix+`"}]`)
	answer, text = ask(t, "", http.MethodGet, at+prefix+"/", "") // the page
	require.Equal(t, http.StatusOK, answer.status, text)
	parts := regexp.MustCompile(`(?:src|href)="([^":]+\.(?:js|css))"`).FindAllStringSubmatch(text, -1)
	require.NotEmpty(t, parts, text)
	for _, part := range parts {
		there, err := url.Parse(prefix + "/")
		require.NoError(t, err)
		there, err = there.Parse(part[1])
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(there.Path, prefix+"/ui/"), there.Path)
		answer, _ = ask(t, "", http.MethodGet, at+there.Path, "")
		require.Equal(t, http.StatusOK, answer.status, there.Path)
	}
}

// Who is not signed in gets nothing but a problem document, and the service's own routes are not touched.
func TestRefused(t *testing.T) {
	t.Parallel()
	at := serve(t)
	for _, c := range []struct {
		user, method, path string
		want               int
	}{
		{"", http.MethodGet, prefix + "/v1/me", http.StatusUnauthorized},
		{"asha", http.MethodGet, prefix + "/v1/nothing", http.StatusNotFound},
		{"asha", http.MethodDelete, prefix + "/v1/me", http.StatusMethodNotAllowed},
		{"asha", http.MethodGet, "/v1/me", http.StatusNotFound},
		{"", http.MethodGet, "/ping", http.StatusOK},
	} {
		answer, text := ask(t, c.user, c.method, at+c.path, "")
		require.Equal(t, c.want, answer.status, "%s %s: %s", c.method, c.path, text)
		if c.want >= 400 && strings.HasPrefix(c.path, prefix) {
			require.Equal(t, "application/problem+json", answer.header.Get("Content-Type"), c.path)
		}
	}
}
