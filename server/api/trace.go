package api

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/netip"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/digit-health/dhr"
	"github.com/digit-health/dhr/access"
)

// asked is what is known of a request while it is answered.
type asked struct {
	trace       string // the id under which the log knows it: of its trace, if there are traces
	id          string // that the client gave it, or trace
	correlation string
	fhir        bool   // below /fhir, where errors are OperationOutcomes
	route       string // the pattern of the path, never the path: this may hold ids of persons
	secure      bool   // the client speaks TLS, with us or with a proxy
	prefix      string // of the paths, as the client sees them
	address     netip.Addr
	who         *access.Principal
	query       string // for the log
	records     int
	body, sent  []byte                   // sent is with what is for sign-in alone
	control     *http.ResponseController // of the connection, below what wraps it
	answer      http.Header              // as far as it is known
	span        trace.Span               // or nil
}

type askedKey struct{}

// request returns what is known of the request that ctx is of.
func request(ctx context.Context) *asked {
	if r, ok := ctx.Value(askedKey{}).(*asked); ok {
		return r
	}
	return &asked{}
}

func traceOf(ctx context.Context) string { return request(ctx).trace }

// whoOf returns who asks.
func whoOf(ctx context.Context) *access.Principal { return request(ctx).who }

// traced begins a request, and its span if there are traces.
func (a *handler) traced(r *http.Request) (*http.Request, *asked) {
	q := &asked{
		id: given(r.Header.Get("X-Request-Id")), correlation: given(r.Header.Get("X-Correlation-Id")), address: a.opts.Address(r),
		fhir: isFHIR(r.URL.Path),
	}
	_, q.route = a.mux.Handler(r)
	var scheme string
	scheme, _, q.prefix = a.seen(r)
	q.secure = scheme == "https"
	ctx := dhr.WithAddress(r.Context(), q.address)
	ctx = a.begin(context.WithValue(ctx, askedKey{}, q), r, q)
	if q.trace == "" {
		q.trace = q.id
	}
	if q.trace == "" {
		q.trace = rand.Text()
	}
	if q.id == "" {
		q.id = q.trace
	}
	if q.correlation == "" {
		q.correlation = q.id
	}
	return r.WithContext(ctx), q
}

// begin begins the span of a request, in the trace that traceparent names. Requests that only
// look whether the server lives have none.
func (a *handler) begin(ctx context.Context, r *http.Request, q *asked) context.Context {
	if a.tracer == nil || q.route == "GET /healthz" || q.route == "GET /readyz" || q.route == "GET /metrics" {
		return ctx
	}
	name, method := q.route, methodOf(r)
	if name == "" {
		name = method
	}
	ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
	ctx, q.span = a.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("http.request.method", method)))
	if c := q.span.SpanContext(); c.HasTraceID() {
		q.trace = c.TraceID().String()
	}
	return ctx
}

// end ends the span. It says neither the path nor the parameters nor who asked.
func (q *asked) end(status int) {
	if q.span == nil {
		return
	}
	if _, path, ok := strings.Cut(q.route, " "); ok {
		q.span.SetAttributes(attribute.String("http.route", path))
	}
	q.span.SetAttributes(attribute.Int("http.response.status_code", status))
	if status >= http.StatusInternalServerError {
		q.span.SetStatus(codes.Error, http.StatusText(status))
	}
	q.span.End()
}

// methodOf returns a method that may stand in a metric, of which there are few.
func methodOf(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return r.Method
	}
	return "other"
}

// given returns an id that a client chose, if it is one that may stand in a log.
func given(id string) string {
	const longest = 128
	if id == "" || len(id) > longest || strings.ContainsFunc(id, func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && !strings.ContainsRune("-_.:", c)
	}) {
		return ""
	}
	return id
}

// peer returns the address of the other end of the connection.
func peer(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}
