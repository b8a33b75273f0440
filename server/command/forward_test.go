package command_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Processes with a role each share what is stored, and a gateway makes one server of them.
func TestServersOfOneRole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	visits(t, dir, 9)
	env := map[string]string{"DHR_SERVER_TRUSTED_PROXIES": "127.0.0.1"}
	query := serve(t, dir, env, "-roles", "query")
	filter := serve(t, dir, env, "-roles", "filter")
	configuration := serve(t, dir, env, "-roles", "configuration")
	g := serve(t, t.TempDir(), map[string]string{
		"DHR_GATEWAY_QUERY": query.url, "DHR_GATEWAY_FILTER": filter.url, "DHR_GATEWAY_CONFIGURATION": configuration.url, "DHR_SERVER_BASE_PATH": "/dhr",
	}, "-roles", "gateway")

	got, answer := g.ask("POST", "/v1/query", m{"jql": "age >= 3"})
	require.Equal(t, 200, got.StatusCode, answer)
	require.EqualValues(t, 6, answer["total"])
	got, answer = g.ask("POST", "/v1/filters", m{"name": "mine", "jql": "age >= 3"})
	require.Equal(t, 201, got.StatusCode, answer)
	got, answer = query.ask("GET", "/v1/filters", nil)
	require.Equal(t, 404, got.StatusCode, answer)
	_, answer = g.ask("GET", "/v1/capabilities", nil)
	require.Equal(t, []any{"gateway", "query", "filter", "configuration"}, answer["roles"])
	require.Equal(t, "sqlite", answer["engine"])
	got, answer = g.ask("GET", "/v1/audit", nil, "X-Forwarded-For", "203.0.113.7")
	require.Equal(t, 200, got.StatusCode, answer)
	entries, _ := answer["entries"].([]any)
	require.Len(t, entries, 3, "the query, and the filter before and after it was made")
	for _, e := range entries {
		entry, _ := e.(m)
		require.Equal(t, "127.0.0.1", entry["address"])
	}
	got, answer = g.ask("GET", "/readyz", nil)
	require.Equal(t, 200, got.StatusCode)
	require.Equal(t, m{"query": "ok", "filter": "ok", "configuration": "ok", "store": "ok"}, answer["checks"])

	filter.stop()
	got, answer = g.ask("GET", "/v1/filters", nil)
	require.Equal(t, 502, got.StatusCode)
	require.Equal(t, "bad_gateway", answer["code"])
	got, answer = g.ask("GET", "/readyz", nil)
	require.Equal(t, 503, got.StatusCode)
	require.Equal(t, m{"query": "ok", "filter": "unavailable", "configuration": "ok", "store": "ok"}, answer["checks"])
	got, _ = g.ask("GET", "/v1/query?jql=", nil)
	require.Equal(t, 200, got.StatusCode, "the others go on")
}
