package command_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// A collector stands in for a real one, and keeps the spans that it is sent.
type collector struct {
	*httptest.Server

	mu    sync.Mutex
	spans []sentSpan
	text  strings.Builder
}

type sentSpan struct {
	TraceID, SpanID, ParentSpanID, Name string
	Kind                                int
	Attributes                          []struct {
		Key   string
		Value map[string]any
	}
	Status struct{ Code int }
	roles  string
}

func (s *sentSpan) attribute(key string) any {
	for _, a := range s.Attributes {
		if a.Key == key {
			for _, v := range a.Value {
				return v
			}
		}
	}
	return nil
}

func newCollector(t *testing.T) *collector {
	c := &collector{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var got struct {
			ResourceSpans []struct {
				Resource   struct{ Attributes json.RawMessage }
				ScopeSpans []struct{ Spans []sentSpan }
			}
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || json.Unmarshal(body, &got) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.text.Write(body)
		for _, resource := range got.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				for _, s := range scope.Spans {
					s.roles = string(resource.Resource.Attributes)
					c.spans = append(c.spans, s)
				}
			}
		}
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *collector) named(t *testing.T, name string) *sentSpan {
	t.Helper()
	var names []string
	for i, s := range c.spans {
		if s.Name == name {
			return &c.spans[i]
		}
		names = append(names, s.Name)
	}
	require.Fail(t, "there is no such span", "%s among %q", name, names)
	return nil
}

const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// One question makes one trace, from the client's span through the gateway and the process that answers to its
// engine and its store; and it says nothing of what was asked, nor of whom.
func TestTraceOfAQuestion(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	dir := t.TempDir()
	visits(t, dir, 5)
	env := map[string]string{"DHR_TRACING_ENDPOINT": c.URL, "DHR_AUTH_USER": "amara-the-user"}
	query := serve(t, dir, env, "-roles", "query")
	env["DHR_GATEWAY_QUERY"] = query.url
	g := serve(t, t.TempDir(), env, "-roles", "gateway")

	got, answer := g.ask("GET", "/v1/query?jql=district+%3D+%22Pune-secret%22", nil, "traceparent", parent, "X-Request-Id", "mine")
	require.Equal(t, 200, got.StatusCode, answer)
	require.Equal(t, "mine", got.Header.Get("X-Request-Id"))
	_, problem := g.ask("GET", "/v1/query?jql=district+%3D", nil, "traceparent", parent)
	require.Equal(t, "4bf92f3577b34da6a3ce929d0e0e4736", problem["trace_id"])
	_, own := g.ask("GET", "/v1/filters/secret-of-path", nil)
	require.Len(t, own["trace_id"], 32)
	_, _ = g.ask("GET", "/readyz", nil)
	g.stop()
	query.stop() // and what had not been sent is sent

	c.mu.Lock()
	defer c.mu.Unlock()
	text := c.text.String()
	for _, secret := range []string{"Pune-secret", "amara-the-user", "secret-of-path", "jql="} {
		require.NotContains(t, text, secret)
	}
	require.NotContains(t, text, "readyz", "who looks whether the server lives makes no traces")
	spans := map[string]*sentSpan{}
	for i := range c.spans {
		spans[c.spans[i].SpanID] = &c.spans[i]
	}
	read := c.named(t, "read visits")
	require.Equal(t, 3, read.Kind)
	require.Equal(t, "sqlite", read.attribute("db.system.name"))
	require.Equal(t, "visits", read.attribute("db.collection.name"))
	require.Equal(t, "0", read.attribute("db.response.returned_rows"))
	require.Equal(t, "4bf92f3577b34da6a3ce929d0e0e4736", read.TraceID)
	inner := spans[read.ParentSpanID]
	require.NotNil(t, inner)
	require.Equal(t, "GET /v1/query", inner.Name)
	require.Contains(t, inner.roles, `"query"`)
	require.Equal(t, "/v1/query", inner.attribute("http.route"))
	require.Equal(t, "GET", inner.attribute("http.request.method"))
	require.Equal(t, "200", inner.attribute("http.response.status_code"))
	outer := spans[inner.ParentSpanID]
	require.NotNil(t, outer)
	require.Contains(t, outer.roles, `"gateway"`)
	require.Equal(t, "00f067aa0ba902b7", outer.ParentSpanID)
	c.named(t, "put audit") // of the store

	require.Contains(t, g.errors.String(), `"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","request_id":"mine"`)
	require.Contains(t, query.errors.String(), `"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","request_id":"mine"`)
}

// None of the requests is traced if the configuration says so, and they have ids all the same.
func TestNoTraces(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	s := serve(t, t.TempDir(), map[string]string{"DHR_TRACING_ENDPOINT": c.URL, "DHR_TRACING_SAMPLE": "0"})
	got, _ := s.ask("GET", "/v1/capabilities", nil)
	require.Regexp(t, "^[0-9a-f]{32}$", got.Header.Get("X-Request-Id"))
	s.stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	require.Empty(t, c.spans)
}

// A collector that is not there holds up nobody, and is told of in the log and among the metrics.
func TestCollectorThatIsNotThere(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	c.Close()
	s := serve(t, t.TempDir(), map[string]string{"DHR_TRACING_ENDPOINT": c.URL})
	got, _ := s.ask("GET", "/v1/capabilities", nil)
	require.Equal(t, 200, got.StatusCode)
	_, metrics := s.ask("GET", "/metrics", nil)
	require.Contains(t, metrics["text"], `dhr_trace_spans_total{outcome="failed"}`)
	s.stop()
	require.Contains(t, s.errors.String(), "spans did not reach the collector")
}

// The metrics that docs/operations.md names are there.
func TestMetrics(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	visits(t, dir, 5)
	s := serve(t, dir, map[string]string{"DHR_LIMITS_CONCURRENT": "2"})
	got, _ := s.ask("GET", "/v1/query?jql=", nil)
	require.Equal(t, 200, got.StatusCode)
	_, metrics := s.ask("GET", "/metrics", nil)
	for _, line := range []string{
		`dhr_http_request_seconds_count{method="GET",route="GET /v1/query",status="200"} 1`,
		`dhr_http_requests_running 1`, `dhr_http_requests_waiting 0`,
		`dhr_engine_call_seconds_count{call="read",outcome="ok"} 1`,
		`dhr_store_call_seconds_count{call="put",outcome="ok"}`,
		`dhr_connections{of="engine",state="used"} 0`, `dhr_connections{of="store",state="idle"}`, `dhr_connections_max{of="engine"} `,
		`dhr_audit_entries_waiting 0`, `dhr_build_info{engine="sqlite",go_version="go`, `version="v0.0.0"} 1`,
		"go_goroutines", "process_resident_memory_bytes",
	} {
		require.Contains(t, metrics["text"], line)
	}
}
