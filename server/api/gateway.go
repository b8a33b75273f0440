package api

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"go.opentelemetry.io/otel/propagation"
)

// A Gateway forwards the routes of the roles that a process does not have to those that have them. It knows them
// from its own list of routes: nothing else is forwarded, and nowhere else. Each process finds out again who asks.
type Gateway struct {
	// Processes are the URLs of the other processes by their role, one of AllRoles.
	Processes map[string]*url.URL
	// Timeout is how long a process may take to begin its answer. If zero, 60 s. The rest of the answer streams
	// for as long as the client reads.
	Timeout time.Duration
	// Transport sends the requests. If nil, one of its own, which asks no proxy; Timeout is for this alone.
	Transport http.RoundTripper
}

// transport returns what sends requests to the other processes. It gives up a connection that is not used
// before the other side does, so that no request meets a closing one.
func (g *Gateway) transport() http.RoundTripper {
	if g.Transport != nil {
		return g.Transport
	}
	timeout := g.Timeout
	if timeout == 0 {
		timeout = time.Minute
	}
	return NewTransport(timeout)
}

// NewTransport returns a transport from one process of DHR to another, which may take so long to begin an answer.
func NewTransport(timeout time.Duration) *http.Transport {
	return &http.Transport{
		DialContext:           (&net.Dialer{Timeout: min(timeout, 5*time.Second)}).DialContext,
		TLSHandshakeTimeout:   min(timeout, 10*time.Second),
		ResponseHeaderTimeout: timeout, IdleConnTimeout: 30 * time.Second,
		MaxIdleConnsPerHost: 64, DisableCompression: true, ForceAttemptHTTP2: true,
	}
}

// openGateway makes what forwards to each process.
func (a *handler) openGateway() error {
	g := a.opts.Gateway
	if g == nil || !a.has("gateway") {
		return nil
	}
	a.via = "dhr-" + rand.Text()
	a.processes = map[string]http.Handler{}
	transport := g.transport()
	for role, to := range g.Processes {
		switch {
		case !slices.Contains(AllRoles(), role) || role == "gateway":
			return fmt.Errorf("api: the gateway has a process for %q, which is no role of one", role)
		case to == nil || to.Host == "" || to.Scheme != "http" && to.Scheme != "https":
			return fmt.Errorf("api: the gateway's process for %q has no URL of http or https", role)
		case !a.has(role):
			a.processes[role] = a.forwarder(role, to, transport)
		}
	}
	return nil
}

// forwarder forwards requests to one process.
func (a *handler) forwarder(role string, to *url.URL, transport http.RoundTripper) http.Handler {
	base := strings.TrimSuffix(to.Path, "/")
	proxy := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { a.rewrite(r, to) },
		Transport:      transport,
		ModifyResponse: func(r *http.Response) error { a.modify(r, base); return nil },
		ErrorHandler:   func(w http.ResponseWriter, r *http.Request, err error) { a.unreached(w, r, role, err) },
		ErrorLog:       slog.NewLogLogger(a.log.Handler(), slog.LevelWarn),
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(strings.Join(r.Header.Values("Via"), ","), a.via) {
			a.log.ErrorContext(r.Context(), "the gateway forwards to itself", "role", role, "trace_id", traceOf(r.Context()))
			loopDetected.problem(r.Context(), "the gateway forwards to itself").write(w)
			return
		}
		if sent := request(r.Context()).sent; len(sent) > 0 {
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(sent)), int64(len(sent))
		}
		proxy.ServeHTTP(w, r)
	})
}

// rewrite makes the request to a process of one that came in. The address of the client is what we know of it,
// whatever it says itself.
func (a *handler) rewrite(r *httputil.ProxyRequest, to *url.URL) {
	q := request(r.In.Context())
	r.SetURL(to)
	r.Out.URL.RawQuery = r.In.URL.RawQuery // also what cannot be parsed, of which the process complains
	r.SetXForwarded()
	h := r.Out.Header
	scheme, host, prefix := a.seen(r.In) // for the absolute URLs of FHIR
	h.Set("X-Forwarded-Proto", scheme)
	h.Set("X-Forwarded-Host", host)
	h.Set("X-Forwarded-Prefix", prefix+"/")
	h.Del("X-Forwarded-For")
	if q.address.IsValid() {
		h.Set("X-Forwarded-For", q.address.String())
	}
	h.Del("Origin") // which pages may ask is decided here
	h.Del("Upgrade")
	h.Del("Connection")
	h.Set("X-Request-Id", q.id)
	h.Set("X-Correlation-Id", q.correlation)
	h.Add("Via", "1.1 "+a.via)
	if q.span != nil {
		propagation.TraceContext{}.Inject(r.In.Context(), propagation.HeaderCarrier(h))
	}
}

// modify makes the answer of a process, whose routes are under base, one of ours.
func (a *handler) modify(r *http.Response, base string) {
	if at, ok := strings.CutPrefix(r.Header.Get("Location"), base+"/"); ok {
		r.Header.Set("Location", a.opts.Base+"/"+at)
	}
	ours := request(r.Request.Context()).answer
	for name := range r.Header {
		switch {
		case name == "Vary":
		case strings.HasPrefix(name, "Access-Control-"):
			delete(r.Header, name)
		case ours[name] == nil:
		case name == "X-Request-Id", name == "X-Correlation-Id", strings.HasPrefix(name, "Ratelimit-"):
			delete(r.Header, name)
		default:
			delete(ours, name)
		}
	}
}

// unreached answers for a process that does not.
func (a *handler) unreached(w http.ResponseWriter, r *http.Request, role string, err error) {
	ctx := r.Context()
	if errors.Is(err, context.Canceled) {
		clientGone.problem(ctx, "the request was given up").write(w)
		return
	}
	a.log.ErrorContext(ctx, "a process of the gateway does not answer", "role", role, "error", err, "trace_id", traceOf(ctx))
	var timed net.Error
	if errors.As(err, &timed) && timed.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		gatewayTimeout.problem(ctx, "the process for "+role+" did not answer in time").write(w)
		return
	}
	badGateway.problem(ctx, "the process for "+role+" cannot be reached").write(w)
}

// elsewhere is the adapter of huma whose operations are forwarded while the handler registers those of
// a role that it does not have.
type elsewhere struct {
	huma.Adapter

	a *handler
}

// Handle registers an operation.
func (e *elsewhere) Handle(op *huma.Operation, here func(huma.Context)) {
	if e.a.forward == nil {
		e.Adapter.Handle(op, here)
		return
	}
	e.a.mux.Handle(op.Method+" "+op.Path, e.a.forward)
}

// part registers the routes of a role, if this process has it or knows who has.
func (a *handler) part(role string, register func()) {
	if a.has(role) {
		register()
		return
	}
	if to := a.processes[role]; to != nil {
		a.to(to, register)
	}
}

// to registers routes that something else answers.
func (a *handler) to(h http.Handler, register func()) {
	a.forward = h
	register()
	a.forward = nil
}

// anyProcess is the process that is asked what all of them know.
func (a *handler) anyProcess() http.Handler {
	for _, role := range AllRoles() {
		if p := a.processes[role]; p != nil {
			return p
		}
	}
	return nil
}

// allCapabilities answers with what this process and all that it forwards to can do.
func (a *handler) allCapabilities(w http.ResponseWriter, r *http.Request) {
	var all *Capabilities
	if a.service != nil {
		own := a.capabilities()
		all = &own
	}
	for _, role := range AllRoles() {
		p := a.processes[role]
		if p == nil {
			continue
		}
		got := &recorder{header: http.Header{}}
		p.ServeHTTP(got, apart(r))
		one := &Capabilities{}
		if got.status != http.StatusOK {
			got.play(w)
			return
		} else if err := json.Unmarshal(got.body.Bytes(), one); err != nil {
			a.unreached(w, r, role, err)
			return
		}
		all = all.with(one)
	}
	all.Version, all.Roles = a.opts.Version, united(slices.Clone(a.opts.Roles), all.Roles)
	all.Queues = a.opts.Queues != nil // they are not forwarded
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(all) // who asked has gone
}

// apart returns a request for the same as r whose answer is read here.
func apart(r *http.Request) *http.Request {
	q := *request(r.Context())
	q.answer = http.Header{}
	r = r.Clone(context.WithValue(r.Context(), askedKey{}, &q))
	r.Method = http.MethodGet
	r.Header.Del("Accept-Encoding")
	return r
}

// with returns what c and more can do together; where they differ, c counts. c may be nil.
func (c *Capabilities) with(more *Capabilities) *Capabilities {
	if c == nil {
		return more
	}
	c.Formats, c.Storage = united(c.Formats, more.Formats), united(c.Storage, more.Storage)
	c.Roles, c.Targets = united(c.Roles, more.Roles), united(c.Targets, more.Targets)
	if c.Limits.Exports == nil {
		c.Limits.Exports = more.Limits.Exports
	}
	if c.FHIR == nil {
		c.FHIR = more.FHIR
	}
	c.Limits.MaxBody = min(c.Limits.MaxBody, more.Limits.MaxBody)
	return c
}

func united(list, more []string) []string {
	for _, s := range more {
		if !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return filled(list)
}

// recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= http.StatusOK {
		r.status = status
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(b)
}

// play gives the answer to somebody else.
func (r *recorder) play(w http.ResponseWriter) {
	for name, values := range r.header {
		w.Header()[name] = values
	}
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body.Bytes())
}
