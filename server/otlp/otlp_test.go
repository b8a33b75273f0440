package otlp_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/digit-health/dhr/server/otlp"
)

// ids are those of the examples of the W3C.
type ids struct{ spans byte }

func (i *ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	id, _ := trace.TraceIDFromHex("4bf92f3577b34da6a3ce929d0e0e4736")
	return id, i.NewSpanID(ctx, id)
}

func (i *ids) NewSpanID(context.Context, trace.TraceID) trace.SpanID {
	i.spans++
	return trace.SpanID{0, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, i.spans}
}

// A collector stands in for a real one: it keeps what it is sent, and answers as told.
type collector struct {
	*httptest.Server

	bodies  chan string
	answers chan func(http.ResponseWriter)
}

func start(t *testing.T) *collector {
	c := &collector{bodies: make(chan string, 10), answers: make(chan func(http.ResponseWriter), 10)}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/json" {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		c.bodies <- string(body)
		select {
		case answer := <-c.answers:
			answer(w)
		default:
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, "{}")
		}
	}))
	t.Cleanup(c.Close)
	return c
}

// spans makes two spans, one in the other, through the SDK.
func spans(t *testing.T, to sdktrace.SpanExporter) {
	t.Helper()
	begun := time.Unix(1700000000, 5)
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(to), sdktrace.WithIDGenerator(&ids{}),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", "dhr"))))
	tracer := provider.Tracer("here", trace.WithInstrumentationVersion("1.2"))
	ctx, outer := tracer.Start(t.Context(), "GET /v1/query", trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(begun))
	_, inner := tracer.Start(ctx, "count visits", trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(begun.Add(time.Second)), trace.WithAttributes(
		attribute.Bool("b", true), attribute.Int64("i", math.MaxInt64), attribute.Float64("f", 1.5), attribute.Float64("nan", math.NaN()),
		attribute.String("s", "\u0905\"\n"), attribute.StringSlice("l", []string{"a", "b"}), attribute.Int64Slice("n", []int64{1}),
		attribute.BoolSlice("t", []bool{false}), attribute.Float64Slice("d", []float64{math.Inf(-1)}),
	), trace.WithLinks(trace.Link{SpanContext: outer.SpanContext()}))
	inner.AddEvent("paused", trace.WithTimestamp(begun.Add(2*time.Second)))
	inner.SetStatus(codes.Error, "no answer")
	inner.End(trace.WithTimestamp(begun.Add(3 * time.Second)))
	outer.SetStatus(codes.Ok, "")
	outer.End(trace.WithTimestamp(begun.Add(4 * time.Second)))
	require.NoError(t, provider.Shutdown(t.Context()))
}

const wantInner = `{"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "dhr"}}]}, "scopeSpans": [{
	"scope": {"name": "here", "version": "1.2"}, "spans": [{
		"traceId": "4bf92f3577b34da6a3ce929d0e0e4736", "spanId": "00f067aa0ba90202", "parentSpanId": "00f067aa0ba90201", "flags": 257,
		"name": "count visits", "kind": 3, "startTimeUnixNano": "1700000001000000005", "endTimeUnixNano": "1700000003000000005",
		"attributes": [
			{"key": "b", "value": {"boolValue": true}}, {"key": "i", "value": {"intValue": "9223372036854775807"}},
			{"key": "f", "value": {"doubleValue": 1.5}}, {"key": "nan", "value": {"doubleValue": "NaN"}},
			{"key": "s", "value": {"stringValue": "\u0905\"\n"}},
			{"key": "l", "value": {"arrayValue": {"values": [{"stringValue": "a"}, {"stringValue": "b"}]}}},
			{"key": "n", "value": {"arrayValue": {"values": [{"intValue": "1"}]}}},
			{"key": "t", "value": {"arrayValue": {"values": [{"boolValue": false}]}}},
			{"key": "d", "value": {"arrayValue": {"values": [{"doubleValue": "-Infinity"}]}}}],
		"events": [{"timeUnixNano": "1700000002000000005", "name": "paused"}],
		"links": [{"traceId": "4bf92f3577b34da6a3ce929d0e0e4736", "spanId": "00f067aa0ba90201"}],
		"status": {"code": 2, "message": "no answer"}}]}]}]}`

const wantOuter = `{"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "dhr"}}]}, "scopeSpans": [{
	"scope": {"name": "here", "version": "1.2"}, "spans": [{
		"traceId": "4bf92f3577b34da6a3ce929d0e0e4736", "spanId": "00f067aa0ba90201", "flags": 257, "name": "GET /v1/query", "kind": 2,
		"startTimeUnixNano": "1700000000000000005", "endTimeUnixNano": "1700000004000000005", "status": {"code": 1}}]}]}]}`

// What is sent is what the protocol has for it, member by member.
func TestSpansArriveWhole(t *testing.T) {
	t.Parallel()
	c := start(t)
	for _, endpoint := range []string{c.URL, c.URL + "/", c.URL + "/v1/traces"} {
		e, err := otlp.New(endpoint, nil)
		require.NoError(t, err)
		spans(t, e)
		require.JSONEq(t, wantInner, <-c.bodies)
		require.JSONEq(t, wantOuter, <-c.bodies)
	}
}

// one returns a span that has ended.
func one(t *testing.T) []sdktrace.ReadOnlySpan {
	var kept kept
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(&kept))
	_, s := provider.Tracer("").Start(t.Context(), "one")
	s.End()
	require.Len(t, kept.spans, 1)
	return kept.spans
}

type kept struct{ spans []sdktrace.ReadOnlySpan }

func (k *kept) ExportSpans(_ context.Context, s []sdktrace.ReadOnlySpan) error {
	k.spans = append(k.spans, s...)
	return nil
}

func (k *kept) Shutdown(context.Context) error { return nil }

func says(status int, contentType, body string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// A busy collector is asked again, one that refuses is not.
func TestCollectorsSayNo(t *testing.T) {
	t.Parallel()
	busy := says(http.StatusServiceUnavailable, "text/plain", "later")
	for name, test := range map[string]struct {
		answers []func(http.ResponseWriter)
		asked   int
		err     error
		text    string
	}{
		"busy once":        {[]func(http.ResponseWriter){busy}, 2, nil, ""},
		"busy three times": {[]func(http.ResponseWriter){busy, says(429, "text/plain", ""), says(504, "text/plain", "")}, 4, nil, ""},
		"always busy":      {[]func(http.ResponseWriter){busy, busy, busy, busy}, 4, otlp.ErrUnavailable, "503"},
		"refused":          {[]func(http.ResponseWriter){says(400, "text/plain", "no such\nthing")}, 1, otlp.ErrRefused, `400 Bad Request: "no such"`},
		"moved":            {[]func(http.ResponseWriter){says(307, "text/plain", "")}, 1, otlp.ErrRefused, "307"},
		"taken in part":    {[]func(http.ResponseWriter){says(200, "application/json", `{"partialSuccess": {"rejectedSpans": "1", "errorMessage": "too old"}}`)}, 1, otlp.ErrRefused, `1 of them: "too old"`},
		"in part, number":  {[]func(http.ResponseWriter){says(200, "application/json", `{"partialSuccess": {"rejectedSpans": 2}}`)}, 1, otlp.ErrRefused, "2 of them"},
		"a warning":        {[]func(http.ResponseWriter){says(200, "application/json", `{"partialSuccess": {"errorMessage": "slow down"}}`)}, 1, nil, ""},
		"no JSON":          {[]func(http.ResponseWriter){says(200, "text/html", "<p>fine</p>")}, 1, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t)
			for _, a := range test.answers {
				c.answers <- a
			}
			e, err := otlp.New(c.URL, &otlp.Options{Pause: time.Millisecond})
			require.NoError(t, err)
			err = e.ExportSpans(t.Context(), one(t))
			require.Len(t, c.bodies, test.asked)
			if test.err == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, test.err)
			require.ErrorContains(t, err, test.text)
		})
	}
}

func TestCollectorIsGone(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.Close()
	e, err := otlp.New(strings.Replace(c.URL, "http://", "http://user:secret@", 1), &otlp.Options{Pause: time.Millisecond, Attempts: 2})
	require.NoError(t, err)
	err = e.ExportSpans(t.Context(), one(t))
	require.ErrorIs(t, err, otlp.ErrUnavailable)
	require.NotContains(t, err.Error(), "secret")
	require.NoError(t, e.ExportSpans(t.Context(), nil), "nothing needs no collector")
	require.NoError(t, e.Shutdown(t.Context()))
}

// Waiting ends with the context.
func TestContextEnds(t *testing.T) {
	t.Parallel()
	c := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	c.answers <- func(w http.ResponseWriter) {
		w.Header().Set("Retry-After", "60")
		w.WriteHeader(http.StatusServiceUnavailable)
		cancel()
	}
	e, err := otlp.New(c.URL, nil)
	require.NoError(t, err)
	require.ErrorIs(t, e.ExportSpans(ctx, one(t)), context.Canceled)
}

func TestEndpoints(t *testing.T) {
	t.Parallel()
	for _, endpoint := range []string{"", "localhost:4318", "ftp://localhost", "http://", "http://user:secret@host:port", "grpc://user:secret@host"} {
		_, err := otlp.New(endpoint, nil)
		require.ErrorIs(t, err, otlp.ErrEndpoint, endpoint)
		require.NotContains(t, err.Error(), "secret")
	}
}

// What is sent is JSON, whatever a name holds.
func TestNoText(t *testing.T) {
	t.Parallel()
	c := start(t)
	e, err := otlp.New(c.URL, nil)
	require.NoError(t, err)
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(e))
	_, s := provider.Tracer("").Start(t.Context(), "a\xff\x00b")
	s.RecordError(errors.New("\xfe"))
	s.End()
	require.True(t, json.Valid([]byte(<-c.bodies)))
}
