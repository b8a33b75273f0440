package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/auth"
	"github.com/digit-health/dhr/server/api"
)

// gateway starts a gateway to processes by their roles.
func gateway(t *testing.T, processes map[string]string, opts *api.Options) *server {
	t.Helper()
	if opts == nil {
		opts = &api.Options{}
	}
	opts.Authenticate, opts.Version, opts.Roles = auth.Func(authenticate), "test", []string{"gateway"}
	g := &api.Gateway{Processes: map[string]*url.URL{}}
	if opts.Gateway != nil {
		g.Timeout = opts.Gateway.Timeout
	}
	for role, at := range processes {
		u, err := url.Parse(at)
		require.NoError(t, err)
		g.Processes[role] = u
	}
	opts.Gateway = g
	h, err := api.New(nil, opts)
	require.NoError(t, err)
	if opts.Base != "" {
		h = http.StripPrefix(opts.Base, h)
	}
	s := &server{Server: httptest.NewServer(h), t: t}
	t.Cleanup(s.Close)
	return s
}

// Three processes with a role each answer through a gateway as one process with all of them does.
func TestGatewayIsTheWhole(t *testing.T) {
	t.Parallel()
	whole := start(t, nil)
	parts := map[string]string{}
	for _, role := range []string{"query", "filter", "configuration"} {
		parts[role] = start(t, &api.Options{Roles: []string{role}}).URL
	}
	g := gateway(t, parts, nil)
	for _, ask := range []struct {
		user, method, path string
		body               any
		status             int
	}{
		{"analyst", "GET", "/v1/query?jql=age+%3E+80&max_results=3", nil, 200},
		{"analyst", "POST", "/v1/query", m{"jql": "age > 80", "max_results": 3}, 200},
		{"patient", "POST", "/v1/query", m{"jql": "age > 3"}, 200},
		{"analyst", "POST", "/v1/query", m{"jql": "age >"}, 400},
		{"analyst", "POST", "/v1/query", `{"jql": `, 400},
		{"analyst", "POST", "/v1/query", m{"jql": "", "unknown": 1}, 422},
		{"analyst", "GET", "/v1/query?jql=%zz", nil, 400},
		{"analyst", "GET", "/v1/indexes", nil, 200},
		{"analyst", "GET", "/v1/indexes/no%2Fsuch", nil, 404},
		{"analyst", "GET", "/v1/me", nil, 200},
		{"patient", "GET", "/v1/me", nil, 200},
		{"analyst", "POST", "/v1/jql/parse", m{"queries": []string{"a = 1"}}, 200},
		{"analyst", "GET", "/v1/filters", nil, 200},
		{"nobody", "POST", "/v1/filters", m{"name": "n", "jql": ""}, 403},
		{"analyst", "GET", "/v1/filters/none", nil, 404},
		{"analyst", "PATCH", "/v1/filters", nil, 405},
		{"analyst", "GET", "/v1/none", nil, 404},
		{"", "GET", "/v1/query?jql=", nil, 401},
		{"stranger", "GET", "/v1/filters", nil, 401},
	} {
		t.Run(ask.user+" "+ask.method+" "+ask.path, func(t *testing.T) {
			got := g.send(ask.user, ask.method, ask.path, ask.body)
			want := whole.send(ask.user, ask.method, ask.path, ask.body)
			require.Equal(t, want.status, got.status, string(got.body))
			require.Equal(t, ask.status, got.status, string(got.body))
			for _, name := range []string{"trace_id", "next_page_token"} { // which are never the same
				require.Equal(t, want.json[name] == nil, got.json[name] == nil)
				delete(got.json, name)
				delete(want.json, name)
			}
			require.Equal(t, want.json, got.json)
			for _, name := range []string{"Content-Type", "Allow", "WWW-Authenticate", "Cache-Control", "X-Content-Type-Options"} {
				require.Equal(t, want.header.Values(name), got.header.Values(name), name)
			}
			require.Len(t, got.header.Values("X-Request-Id"), 1)
		})
	}

	all := g.send("analyst", "GET", "/v1/capabilities", nil)
	require.Equal(t, []any{"gateway", "query", "filter", "configuration"}, all.json["roles"])
	alone := whole.send("analyst", "GET", "/v1/capabilities", nil)
	delete(all.json, "roles")
	require.Equal(t, []any{"gateway", "query", "filter", "export", "fhir", "configuration"}, alone.json["roles"])
	delete(alone.json, "roles")
	require.Equal(t, alone.json, all.json)

	require.Equal(t, whole.send("", "GET", "/openapi.json", nil).json, g.send("", "GET", "/openapi.json", nil).json)
}

// A filter that is made through the gateway is found there, by the Location that is answered.
func TestGatewayLocations(t *testing.T) {
	t.Parallel()
	filters := start(t, &api.Options{Roles: []string{"filter"}, Base: "/inner"})
	inner := httptest.NewServer(http.StripPrefix("/inner", filters.Config.Handler))
	defer inner.Close()
	g := gateway(t, map[string]string{"filter": inner.URL + "/inner/"}, &api.Options{Base: "/outer"})
	made := g.send("analyst", "POST", "/outer/v1/filters", m{"name": "old", "jql": "age > 80"})
	require.Equal(t, 201, made.status, string(made.body))
	require.Regexp(t, `^/outer/v1/filters/[^/]+$`, made.header.Get("Location"))
	got := g.send("analyst", "GET", made.header.Get("Location"), nil)
	require.Equal(t, 200, got.status)
	require.Equal(t, "old", got.json["name"])
	require.NotEmpty(t, got.header.Get("ETag"))
	require.Equal(t, 428, g.send("analyst", "PUT", made.header.Get("Location"), m{"name": "new", "jql": ""}).status)
	require.Equal(t, 200, g.send("analyst", "PUT", made.header.Get("Location"), m{"name": "new", "jql": ""}, "If-Match", got.header.Get("ETag")).status)

	records := g.send("analyst", "GET", "/outer/v1/query?jql=", nil)
	require.Equal(t, 404, records.status, "no process has the role query")
}

// What another process is told of a request.
func TestGatewayHeaders(t *testing.T) {
	t.Parallel()
	seen := make(chan *http.Request, 1)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("X-Request-Id", "another")
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Cache-Control", "private")
		h.Set("Vary", "Accept")
		_, _ = io.WriteString(w, "{}")
	}))
	defer other.Close()
	client := netip.MustParseAddr("203.0.113.9")
	g := gateway(t, map[string]string{"query": other.URL}, &api.Options{
		Address: func(*http.Request) netip.Addr { return client }, Origins: []string{"https://dash.example.org"},
	})
	got := g.send("analyst", "GET", "/v1/query?jql=a%3D1%3Bb&&x=%5a", nil,
		"X-Forwarded-For", "198.51.100.1, 198.51.100.2", "Forwarded", "for=198.51.100.1", "X-Real-Ip", "198.51.100.3",
		"X-Request-Id", "mine", "traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"Origin", "https://dash.example.org", "Connection", "Upgrade, X-Secret", "Upgrade", "websocket", "X-Secret", "1")
	require.Equal(t, 200, got.status)
	r := <-seen
	require.Equal(t, "/v1/query?jql=a%3D1%3Bb&&x=%5a", r.RequestURI)
	require.Equal(t, []string{"203.0.113.9"}, r.Header.Values("X-Forwarded-For"))
	require.Equal(t, "http", r.Header.Get("X-Forwarded-Proto"))
	require.Equal(t, strings.TrimPrefix(g.URL, "http://"), r.Header.Get("X-Forwarded-Host"))
	require.Equal(t, strings.TrimPrefix(other.URL, "http://"), r.Host)
	require.Equal(t, "Bearer analyst", r.Header.Get("Authorization"))
	require.Equal(t, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", r.Header.Get("traceparent"))
	require.Equal(t, "mine", r.Header.Get("X-Request-Id"))
	require.Equal(t, "mine", r.Header.Get("X-Correlation-Id"))
	for _, name := range []string{"Forwarded", "Origin", "Upgrade", "Connection", "X-Secret"} {
		require.Empty(t, r.Header.Values(name), name)
	}
	require.Equal(t, []string{"mine"}, got.header.Values("X-Request-Id"))
	require.Equal(t, []string{"https://dash.example.org"}, got.header.Values("Access-Control-Allow-Origin"))
	require.Equal(t, []string{"private"}, got.header.Values("Cache-Control"), "the process knows better")
	require.Contains(t, got.header.Values("Vary"), "Accept")
	require.Contains(t, got.header.Values("Vary"), "Origin")
}

// The other process finds out who asks in the body as well, where that is the way.
func TestGatewayForwardsWhatIsForSignIn(t *testing.T) {
	t.Parallel()
	query := start(t, &api.Options{RequestInfo: true, Roles: []string{"query"}})
	bodies := make(chan string, 1)
	between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		bodies <- string(body)
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		query.Config.Handler.ServeHTTP(w, r)
	}))
	defer between.Close()
	g := gateway(t, map[string]string{"query": between.URL}, &api.Options{RequestInfo: true})
	body := `{"RequestInfo": {"authToken": "t"}, "jql": "age > 80"}`
	got := g.send("analyst", "POST", "/v1/query", body)
	require.Equal(t, 200, got.status, string(got.body))
	require.Equal(t, body, <-bodies)
	require.EqualValues(t, 9, got.json["total"])
}

// An answer goes to the client while it comes, and is given up with it.
func TestGatewayStreams(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: one\n\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		close(gone)
	}))
	defer other.Close()
	g := gateway(t, map[string]string{"query": other.URL}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, g.URL+"/v1/indexes", nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer analyst")
	got, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer got.Body.Close()
	line, err := bufio.NewReader(got.Body).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "data: one\n", line)
	cancel()
	<-gone
}

// Processes that fail are told of as problems, in as many words as a client may know.
func TestGatewayFaults(t *testing.T) {
	t.Parallel()
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(slow.Close)
	closed := httptest.NewServer(nil)
	closed.Close()
	upgrading := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "websocket")
		w.WriteHeader(http.StatusSwitchingProtocols)
	}))
	t.Cleanup(upgrading.Close)
	hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	t.Cleanup(hanging.Close)
	for name, test := range map[string]struct {
		at     string
		status int
		code   string
	}{
		"slow":      {slow.URL, 504, "gateway_timeout"},
		"closed":    {closed.URL, 502, "bad_gateway"},
		"upgrading": {upgrading.URL, 502, "bad_gateway"},
		"hanging":   {hanging.URL, 502, "bad_gateway"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := gateway(t, map[string]string{"query": test.at}, &api.Options{Gateway: &api.Gateway{Timeout: 100 * time.Millisecond}})
			for _, path := range []string{"/v1/query?jql=", "/v1/me", "/v1/capabilities"} {
				got := g.send("analyst", "GET", path, nil)
				require.Equal(t, test.status, got.status)
				require.Equal(t, test.code, got.json["code"])
				require.NotContains(t, string(got.body), strings.TrimPrefix(test.at, "http://"), "where the process is, is nobody's business")
			}
			require.Equal(t, 200, g.send("", "GET", "/problems/"+strings.ReplaceAll(test.code, "_", "-"), nil).status)
		})
	}
}

// An answer that is cut off is cut off for the client too, and noted as that.
func TestGatewayCutsOff(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, strings.Repeat(`{"records": [`, 1000))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	defer other.Close()
	lines := make(chan map[string]any, 1)
	g := gateway(t, map[string]string{"query": other.URL}, &api.Options{Logger: slog.New(slog.NewJSONHandler(writer(func(b []byte) {
		var line map[string]any
		if json.Unmarshal(b, &line) == nil && line["msg"] == "request" {
			lines <- line
		}
	}), nil))})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, g.URL+"/v1/indexes", nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer analyst")
	got, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer got.Body.Close()
	_, err = io.ReadAll(got.Body)
	require.Error(t, err)
	line := <-lines
	require.Equal(t, true, line["cut"])
	require.Equal(t, "GET /v1/indexes", line["route"])
}

type writer func([]byte)

func (w writer) Write(b []byte) (int, error) {
	w(b)
	return len(b), nil
}

// A gateway that forwards to itself says so, and does not do so for ever.
func TestGatewayLoop(t *testing.T) {
	t.Parallel()
	var h http.Handler
	self := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(w, r) }))
	defer self.Close()
	u, err := url.Parse(self.URL)
	require.NoError(t, err)
	h, err = api.New(nil, &api.Options{
		Authenticate: auth.Func(authenticate), Roles: []string{"gateway"}, Gateway: &api.Gateway{Processes: map[string]*url.URL{"query": u}},
	})
	require.NoError(t, err)
	s := &server{Server: self, t: t}
	got := s.send("analyst", "GET", "/v1/query?jql=", nil)
	require.Equal(t, 508, got.status)
	require.Equal(t, "loop_detected", got.json["code"])
}

func TestGatewayNeedsProcesses(t *testing.T) {
	t.Parallel()
	there := &url.URL{Scheme: "http", Host: "127.0.0.1:3001"}
	for name, opts := range map[string]*api.Options{
		"no service":      {},
		"no gateway":      {Roles: []string{"gateway"}},
		"no processes":    {Roles: []string{"gateway"}, Gateway: &api.Gateway{}},
		"a role of ours":  {Roles: []string{"gateway", "query"}, Gateway: &api.Gateway{Processes: map[string]*url.URL{"filter": there}}},
		"an unknown role": {Roles: []string{"gateway"}, Gateway: &api.Gateway{Processes: map[string]*url.URL{"queries": there}}},
		"itself":          {Roles: []string{"gateway"}, Gateway: &api.Gateway{Processes: map[string]*url.URL{"gateway": there}}},
		"no host":         {Roles: []string{"gateway"}, Gateway: &api.Gateway{Processes: map[string]*url.URL{"query": {Scheme: "http"}}}},
		"not the role":    {Roles: []string{"filter"}, Gateway: &api.Gateway{Processes: map[string]*url.URL{"query": there}}},
	} {
		_, err := api.New(nil, opts)
		require.Error(t, err, name)
	}
}

// A process with one role has its routes, those of the service, and no others.
func TestRoles(t *testing.T) {
	t.Parallel()
	paths := map[string]string{"query": "/v1/query?jql=", "filter": "/v1/filters", "configuration": "/v1/audit"}
	for role := range paths {
		s := start(t, &api.Options{Roles: []string{role}})
		for other, path := range paths {
			got := s.send("admin", "GET", path, nil)
			require.Equal(t, role == other, got.status == 200, "%s of %s: %d", path, role, got.status)
			if role != other {
				require.Equal(t, 404, got.status)
			}
		}
		require.Equal(t, []any{role}, s.send("admin", "GET", "/v1/capabilities", nil).json["roles"])
		require.Equal(t, 200, s.send("admin", "GET", "/v1/me", nil).status)
	}
}
