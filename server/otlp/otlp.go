// Package otlp sends spans of OpenTelemetry to a collector: over HTTP, as JSON.
//
//	exporter, err := otlp.New("http://localhost:4318", nil)
//	...
//	traces := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter))
//	defer traces.Shutdown(ctx)
//
// It is OTLP/HTTP of version 1 of the protocol, which every collector takes at port 4318. The exporter of
// OpenTelemetry itself does the same with 67 packages of gRPC beside it, which are a tenth of the server.
//
// # Errors
//
// A collector that is busy (429, 502, 503, 504), or cannot be reached, is asked again a few times, for
// as long as the context lasts. Everything else that it says is an error at once: [ErrRefused].
package otlp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// The errors of an [Exporter], besides that of the context.
var (
	// ErrRefused says that the collector does not take the spans, or not all of them.
	ErrRefused = errors.New("the collector refuses spans")
	// ErrUnavailable says that the collector was busy, or not to be reached, however often it was asked.
	ErrUnavailable = errors.New("the collector is not available")
	// ErrEndpoint says that an endpoint is no URL of a collector.
	ErrEndpoint = errors.New("not a URL of a collector")
)

// Options are choices for [New].
type Options struct {
	// Client sends the requests. If nil, one of its own, that follows no redirects and asks no proxy.
	Client *http.Client
	// Attempts is how often a collector that is busy is asked, at most. If zero, 4.
	Attempts int
	// Pause is how long is waited before it is asked the second time, and twice as long before each other time, unless
	// the collector says how long. If zero, 500 ms.
	Pause time.Duration
}

// An Exporter sends spans to a collector. It keeps none, and is safe for concurrent use.
type Exporter struct {
	endpoint string
	opts     Options
}

var _ sdktrace.SpanExporter = (*Exporter)(nil)

// New returns an exporter to the collector at a URL of http or https. If its path does not end in /v1/traces,
// this is added. Nothing is sent yet.
func New(endpoint string, opts *Options) (*Exporter, error) {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil: // which shows the URL, and there may be a password in it
		return nil, fmt.Errorf("otlp: %w", ErrEndpoint)
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, fmt.Errorf("otlp: %q: %w", u.Redacted(), ErrEndpoint)
	}
	if !strings.HasSuffix(u.Path, "/v1/traces") {
		u = u.JoinPath("v1", "traces")
	}
	e := &Exporter{endpoint: u.String()}
	if opts != nil {
		e.opts = *opts
	}
	if e.opts.Client == nil {
		e.opts.Client = &http.Client{
			Transport:     &http.Transport{MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: 10 * time.Second},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	if e.opts.Attempts == 0 {
		e.opts.Attempts = 4
	}
	if e.opts.Pause == 0 {
		e.opts.Pause = 500 * time.Millisecond
	}
	return e, nil
}

// ExportSpans sends spans, and returns when the collector has taken them. After an error it may have taken some.
func (e *Exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if len(spans) == 0 {
		return nil
	}
	body, err := json.Marshal(requestOf(spans))
	if err != nil {
		return fmt.Errorf("otlp: %w", err)
	}
	pause := e.opts.Pause
	for attempt := 1; ; attempt++ {
		wait, err := e.send(ctx, body)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("otlp: %w", errors.Join(ctx.Err(), err))
		case !errors.Is(err, ErrUnavailable) || attempt >= e.opts.Attempts:
			return fmt.Errorf("otlp: %w", err)
		}
		timer := time.NewTimer(max(pause, wait))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("otlp: %w", errors.Join(ctx.Err(), err))
		}
		pause *= 2
	}
}

// Shutdown has nothing to wait for: what was given to ExportSpans was sent by it.
func (e *Exporter) Shutdown(context.Context) error {
	e.opts.Client.CloseIdleConnections()
	return nil
}

// longestAnswer is how much of an answer is read.
const longestAnswer = 64 << 10

// send sends a body once. If the collector is busy, it may say how long to wait.
func (e *Exporter) send(ctx context.Context, body []byte) (wait time.Duration, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.endpoint, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := e.opts.Client.Do(r)
	if err != nil {
		var named *url.Error
		if errors.As(err, &named) { // which shows the URL
			err = named.Err
		}
		return 0, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer answer.Body.Close() //nolint:errcheck // it was only read
	text, _ := io.ReadAll(io.LimitReader(answer.Body, longestAnswer))
	switch answer.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		seconds, _ := strconv.Atoi(answer.Header.Get("Retry-After"))
		return time.Duration(min(max(seconds, 0), 60)) * time.Second, fmt.Errorf("%w: %s", ErrUnavailable, answer.Status)
	}
	if answer.StatusCode/100 != 2 {
		return 0, fmt.Errorf("%w: %s: %q", ErrRefused, answer.Status, firstLine(text))
	}
	return 0, partly(answer.Header.Get("Content-Type"), text)
}

// partly returns the error of an answer that says that some of the spans were not taken.
func partly(contentType string, text []byte) error {
	var said struct {
		PartialSuccess struct {
			RejectedSpans json.Number `json:"rejectedSpans"`
			ErrorMessage  string      `json:"errorMessage"`
		} `json:"partialSuccess"`
	}
	if !strings.HasPrefix(contentType, "application/json") || json.Unmarshal(text, &said) != nil {
		return nil
	}
	if n, err := said.PartialSuccess.RejectedSpans.Int64(); err == nil && n > 0 {
		return fmt.Errorf("%w: %d of them: %q", ErrRefused, n, firstLine([]byte(said.PartialSuccess.ErrorMessage)))
	}
	return nil
}

func firstLine(text []byte) string {
	const longest = 200
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return strings.ToValidUTF8(string(line[:min(len(line), longest)]), "")
}
