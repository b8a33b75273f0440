package api_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/server/api"
)

// Every request that is not well formed is answered by a problem document that says so.
func TestBadRequests(t *testing.T) {
	t.Parallel()
	s := start(t, &api.Options{MaxBody: 1 << 20, BodyTimeout: 200 * time.Millisecond})
	for name, c := range map[string]struct {
		method, path string
		body         any
		header       []string
		want         int
	}{
		"no such path":         {"GET", "/v1/nothing", nil, nil, 404},
		"no such path at all":  {"POST", "/wp-login.php", "x", nil, 404},
		"wrong method":         {"DELETE", "/v1/query", nil, nil, 405},
		"no method of HTTP":    {"BREW", "/v1/query", nil, nil, 405},
		"a path with dots":     {"GET", "/v1/../v1/me", nil, nil, 404},
		"an escaped path":      {"GET", "/v1/%2e%2e/me", nil, nil, 404},
		"a path of slashes":    {"GET", "//v1//me", nil, nil, 404},
		"no body":              {"POST", "/v1/query", nil, nil, 400},
		"an empty body":        {"POST", "/v1/query", "", nil, 400},
		"no JSON":              {"POST", "/v1/query", "jql=age", nil, 400},
		"half a body":          {"POST", "/v1/query", `{"jql": "age`, nil, 400},
		"two bodies":           {"POST", "/v1/query", `{"jql": ""} {}`, nil, 400},
		"a list":               {"POST", "/v1/query", `[]`, nil, 422},
		"null":                 {"POST", "/v1/query", `null`, nil, 422},
		"no jql":               {"POST", "/v1/query", `{}`, nil, 422},
		"an unknown member":    {"POST", "/v1/query", `{"jql": "", "max_result": 5}`, nil, 422},
		"jql is a number":      {"POST", "/v1/query", `{"jql": 5}`, nil, 422},
		"jql is null":          {"POST", "/v1/query", `{"jql": null}`, nil, 422},
		"a huge number":        {"POST", "/v1/query", `{"jql": "", "max_results": 1e400}`, nil, 400},
		"a great number":       {"POST", "/v1/query", `{"jql": "", "start_at": 9223372036854775808}`, nil, 422},
		"a fraction":           {"POST", "/v1/query", `{"jql": "", "max_results": 1.5}`, nil, 422},
		"a negative start":     {"POST", "/v1/query", `{"jql": "", "start_at": -1}`, nil, 422},
		"nothing asked for":    {"POST", "/v1/query", `{"jql": "", "max_results": 0}`, nil, 422},
		"too much asked for":   {"POST", "/v1/query", `{"jql": "", "max_results": 1001}`, nil, 422},
		"an unknown count":     {"POST", "/v1/query", `{"jql": "", "count": "about"}`, nil, 422},
		"an unknown zone":      {"POST", "/v1/query", `{"jql": "", "time_zone": "Mars/Olympus"}`, nil, 422},
		"the zone of a file":   {"POST", "/v1/query", `{"jql": "", "time_zone": "../../etc/passwd"}`, nil, 422},
		"no instant":           {"POST", "/v1/query", `{"jql": "", "as_of": "yesterday"}`, nil, 422},
		"an index of names":    {"POST", "/v1/query", `{"jql": "", "allowed_indexes": "visits"}`, nil, 422},
		"an unknown index":     {"POST", "/v1/query", `{"jql": "", "allowed_indexes": ["none"]}`, nil, 404},
		"an unknown field":     {"POST", "/v1/query", `{"jql": "", "fields": ["nme"]}`, nil, 422},
		"an unknown parameter": {"GET", "/v1/query?jql=&max=5", nil, nil, 422},
		"a parameter of text":  {"GET", "/v1/query?jql=&max_results=ten", nil, nil, 422},
		"another content type": {"POST", "/v1/query", `{"jql": ""}`, []string{"Content-Type", "text/plain"}, 415},
		"a form":               {"POST", "/v1/query", `jql=`, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415},
		"another encoding":     {"POST", "/v1/query", `{"jql": ""}`, []string{"Content-Type", "application/json; charset=utf-16"}, 415},
		"no UTF-8":             {"POST", "/v1/query", "{\"jql\": \"k = \xff\"}", nil, 400},
		"a long body":          {"POST", "/v1/query", `{"jql": "` + strings.Repeat("a", 2<<20) + `"}`, nil, 413},
		"a deep body":          {"POST", "/v1/query", `{"jql": ` + strings.Repeat("[", 100_000), nil, 400},
		"a deep query":         {"POST", "/v1/query", `{"jql": "` + strings.Repeat("(", 100_000) + `"}`, nil, 400},
		"an unknown target":    {"POST", "/v1/query/compile", `{"jql": "", "target": "oracle"}`, nil, 422},
		"an unknown dialect":   {"POST", "/v1/jql/parse", `{"queries": [""], "dialect": "sql"}`, nil, 422},
		"a negative cursor":    {"POST", "/v1/jql/complete", `{"jql": "", "cursor": -1}`, nil, 422},
		"no field for a value": {"GET", "/v1/jql/autocompletedata/suggestions", nil, nil, 422},
		"no such problem":      {"GET", "/problems/none", nil, nil, 404},
		"no such docs":         {"GET", "/docs/other.js", nil, nil, 404},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := *s
			s.t = t
			got := s.send("admin", c.method, c.path, c.body, c.header...)
			require.Equal(t, c.want, got.status, string(got.body))
			if c.want == http.StatusMethodNotAllowed {
				require.NotEmpty(t, got.header.Get("Allow"))
			}
		})
	}
}

// A body that does not come is not waited for.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	s := start(t, &api.Options{BodyTimeout: 50 * time.Millisecond})
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = fmt.Fprintf(c, "POST /v1/query HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer admin\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
	require.NoError(t, err)
	got, err := http.ReadResponse(bufio.NewReader(c), nil)
	require.NoError(t, err)
	defer got.Body.Close()
	require.Equal(t, http.StatusRequestTimeout, got.StatusCode)
}

// Who sends a body that is too long, or is refused, and reads the answer once it is sent, finds one.
func TestLongBodySentWhole(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	for line, want := range map[string]int{
		"POST /v1/query HTTP/1.1\r\nAuthorization: Bearer admin":   http.StatusRequestEntityTooLarge,
		"POST /v1/query HTTP/1.1\r\nAuthorization: Bearer unknown": http.StatusUnauthorized,
		"POST /v1/nothing HTTP/1.1":                                http.StatusNotFound,
	} {
		c, err := net.Dial("tcp", s.Listener.Addr().String())
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close() })
		require.NoError(t, c.SetDeadline(time.Now().Add(10*time.Second)))
		const length = 20 << 20
		_, err = fmt.Fprintf(c, "%s\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", line, length, strings.Repeat(" ", length))
		require.NoError(t, err, line)
		got, err := http.ReadResponse(bufio.NewReader(c), nil)
		require.NoError(t, err, line)
		require.NoError(t, got.Body.Close())
		require.Equal(t, want, got.StatusCode, line)
	}
}

// Nor is one of a request that is refused before its body is looked at, though the server reads what is left of it.
func TestSlowBodyOfRefused(t *testing.T) {
	t.Parallel()
	s := start(t, &api.Options{BodyTimeout: 50 * time.Millisecond})
	for line, want := range map[string]int{
		"POST /v1/query HTTP/1.1\r\nAuthorization: Bearer unknown":   http.StatusUnauthorized,
		"POST /v1/query?%zz HTTP/1.1\r\nAuthorization: Bearer admin": http.StatusBadRequest,
		"POST /v1/nothing HTTP/1.1":                                  http.StatusNotFound,
		"DELETE /v1/query HTTP/1.1":                                  http.StatusMethodNotAllowed,
	} {
		c, err := net.Dial("tcp", s.Listener.Addr().String())
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close() })
		require.NoError(t, c.SetDeadline(time.Now().Add(10*time.Second)))
		_, err = fmt.Fprintf(c, "%s\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{", line)
		require.NoError(t, err)
		got, err := http.ReadResponse(bufio.NewReader(c), nil)
		require.NoError(t, err, line)
		require.NoError(t, got.Body.Close())
		require.Equal(t, want, got.StatusCode, line)
	}
}

// A deadlined is an answer whose connection notes until when it may be read from.
type deadlined struct {
	*httptest.ResponseRecorder

	until time.Time
}

func (d *deadlined) SetReadDeadline(t time.Time) error {
	d.until = t
	return nil
}

// A question may take longer than its body: nothing that is left of the time for reading it ends the connection.
func TestSlowAnswer(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	for _, r := range []*http.Request{
		httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/query", strings.NewReader(`{"jql": ""}`)),
		httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/jql/complete", strings.NewReader(`{"jql": "", "cursor": 0}`)),
		httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/query?jql=", nil),
	} {
		r.Header.Set("Authorization", "Bearer admin")
		w := &deadlined{ResponseRecorder: httptest.NewRecorder()}
		s.Config.Handler.ServeHTTP(w, r)
		require.Equal(t, http.StatusOK, w.Code, w.Body.String())
		require.True(t, w.until.IsZero(), "%s %s: the connection is given up at %s", r.Method, r.URL, w.until)
	}
}

func TestService(t *testing.T) {
	t.Parallel()
	var down error
	s := start(t, &api.Options{Engine: "memory", Checks: []api.Check{
		{Name: "engine", Check: func(context.Context) error { return down }},
	}})
	require.JSONEq(t, `{"status": "ok", "checks": {}}`, string(s.send("", "GET", "/healthz", nil).body))
	require.JSONEq(t, `{"status": "ok", "checks": {"engine": "ok"}}`, string(s.send("", "GET", "/readyz", nil).body))
	down = errors.New("no connection to secret-host")
	r, err := http.Get(s.URL + "/readyz")
	require.NoError(t, err)
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusServiceUnavailable, r.StatusCode)
	require.JSONEq(t, `{"status": "unavailable", "checks": {"engine": "unavailable"}}`, string(body))

	require.Equal(t, http.StatusUnauthorized, s.send("", "GET", "/v1/capabilities", nil).status)
	got := s.send("analyst", "GET", "/v1/capabilities", nil)
	require.Equal(t, "test", got.json["version"])
	require.Equal(t, http.StatusNotFound, s.send("", "GET", "/metrics", nil).status)
	page := s.send("", "GET", "/docs", nil)
	require.Equal(t, http.StatusOK, page.status)
	require.Contains(t, page.header.Get("Content-Security-Policy"), "default-src 'none'")
	require.NotContains(t, string(page.body), "http://")
	require.NotContains(t, string(page.body), "https://")
	doc := s.send("", "GET", "/openapi.json", nil)
	require.Equal(t, "3.1.0", doc.json["openapi"])
	require.Equal(t, http.StatusOK, s.send("", "GET", "/problems/invalid-query", nil).status)
}

func TestLimits(t *testing.T) {
	t.Parallel()
	s := start(t, &api.Options{
		Now: func() time.Time { return now }, Address: func(r *http.Request) netip.Addr { return netip.MustParseAddr(r.Header.Get("X-From")) },
		Limits: &api.Limits{PerPrincipal: 1, BurstOfPrincipal: 2, PerAddress: 0.5, BurstOfAddress: 3},
	})
	for i := range 2 {
		got := s.send("analyst", "GET", "/v1/me", nil, "X-From", fmt.Sprintf("10.0.0.%d", i))
		require.Equal(t, http.StatusOK, got.status)
		require.Equal(t, "2", got.header.Get("RateLimit-Limit"))
		require.Equal(t, fmt.Sprint(1-i), got.header.Get("RateLimit-Remaining"))
	}
	got := s.send("analyst", "GET", "/v1/me", nil, "X-From", "10.0.0.3")
	require.Equal(t, http.StatusTooManyRequests, got.status)
	require.Equal(t, "1", got.header.Get("Retry-After"))
	require.Equal(t, http.StatusOK, s.send("admin", "GET", "/v1/me", nil, "X-From", "10.0.0.3").status)

	for range 3 { // guesses count, too
		require.Equal(t, http.StatusUnauthorized, s.send("guess", "GET", "/v1/me", nil, "X-From", "10.9.9.9").status)
	}
	got = s.send("guess", "GET", "/v1/me", nil, "X-From", "10.9.9.9")
	require.Equal(t, http.StatusTooManyRequests, got.status)
	require.Equal(t, "2", got.header.Get("Retry-After"))
	require.Equal(t, http.StatusOK, s.send("", "GET", "/healthz", nil, "X-From", "10.9.9.9").status)
}

func TestOrigins(t *testing.T) {
	t.Parallel()
	s := start(t, &api.Options{Origins: []string{"https://reports.example.org"}})
	got := s.send("", "OPTIONS", "/v1/query", nil, "Origin", "https://reports.example.org", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type")
	require.Equal(t, http.StatusNoContent, got.status)
	require.Equal(t, "https://reports.example.org", got.header.Get("Access-Control-Allow-Origin"))
	got = s.send("admin", "GET", "/v1/me", nil, "Origin", "https://evil.example.org")
	require.Empty(t, got.header.Get("Access-Control-Allow-Origin"))
}

// Answers are compressed for those who take it.
func TestCompression(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	for _, encoding := range []string{"gzip", "zstd"} {
		got := s.send("admin", "POST", "/v1/query", m{"jql": ""}, "Accept-Encoding", encoding, "Accept", "*/*")
		require.Equal(t, encoding, got.header.Get("Content-Encoding"))
	}
	require.Empty(t, s.send("admin", "POST", "/v1/query", m{"jql": ""}, "Accept-Encoding", "identity").header.Get("Content-Encoding"))
}

// The log has what an operator needs, and nothing that is personal.
func TestLog(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	registry := prometheus.NewRegistry()
	s := start(t, &api.Options{Logger: slog.New(slog.NewJSONHandler(&log, nil)), Metrics: registry})
	got := s.send("admin", "POST", "/v1/query", m{"jql": `name = "Name 7"`}, "X-Request-Id", "abc-1", "X-Correlation-Id", "from digit")
	require.Equal(t, "abc-1", got.header.Get("X-Request-Id"))
	s.send("admin", "GET", "/v1/indexes/P07", nil)
	s.send("", "GET", "/v1/me?name=Name", nil)
	metrics := string(s.send("", "GET", "/metrics", nil).body)
	s.Close()
	require.Contains(t, log.String(), `"route":"POST /v1/query","status":200`)
	require.Contains(t, log.String(), `"trace_id":"abc-1","query":"sha256:`)
	for _, personal := range []string{"Name", "P07", "from digit"} {
		require.NotContains(t, log.String(), personal)
	}
	require.Contains(t, metrics, `dhr_http_request_seconds_count{method="POST",route="POST /v1/query",status="200"} 1`)
	require.Contains(t, metrics, `route="GET /v1/indexes/{index}"`)
}

// A parameter that cannot be read is refused: left out, it would find more than was asked for.
func TestParametersThatCannotBeRead(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	for _, query := range []string{"jql=%zz", "jql=age+%3E+80&max_results=%", "%=1"} {
		got := s.send("analyst", "GET", "/v1/query?"+query, nil)
		require.Equal(t, 400, got.status, query)
		require.Equal(t, "malformed_request", got.json["code"])
	}
	got := s.send("analyst", "GET", "/v1/query?jql=age%3D80;max_results=1", nil)
	require.Equal(t, "invalid_query", got.json["code"], "a semicolon is a part of the question")
}

// Who guesses tokens is slowed down, though there are no limits, and the audit does not fill.
func TestGuesses(t *testing.T) {
	t.Parallel()
	noted := 0
	s := start(t, &api.Options{Now: func() time.Time { return now }, Refused: func(context.Context, netip.Addr, error) { noted++ }})
	for range 100 {
		require.Equal(t, http.StatusUnauthorized, s.send("guess", "GET", "/v1/me", nil).status)
	}
	got := s.send("guess", "GET", "/v1/me", nil)
	require.Equal(t, http.StatusTooManyRequests, got.status)
	require.Equal(t, "1", got.header.Get("Retry-After"))
	require.Equal(t, 100, noted)
	require.Equal(t, http.StatusOK, s.send("analyst", "GET", "/v1/me", nil).status, "who is known is let in")
}
