package essearch

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/digit-health/dhr/search"
)

// A request asks the cluster for one thing. It may be sent several times.
type request struct {
	method string
	path   string // escaped, see indexPath
	query  url.Values
	body   []byte // JSON, or lines of it if ndjson
	ndjson bool
	// snapshot says that the request needs a point in time, so that what is not
	// found is that.
	snapshot bool
	// once says that the request must not be sent again after it may have been
	// carried out.
	once bool
}

// A client sends requests, again where that helps, and tells errors apart. It is safe for
// concurrent use.
type client struct {
	transport Transport
	timeout   time.Duration
	retries   int
	clock     clock
	gate      chan struct{} // holds the right to detect
	detected  *product
}

// A clock is what the client knows of time and chance.
type clock struct {
	now    func() time.Time
	sleep  func(ctx context.Context, d time.Duration) error
	random func() float64 // from 0 up to 1
	// tick waits as sleep does, in what goes on beside the questions.
	tick func(ctx context.Context, d time.Duration) error
}

func newClient(t Transport, o *Options) *client {
	return &client{transport: t, timeout: o.timeout(), retries: o.retries(), clock: o.clock.orReal(), gate: make(chan struct{}, 1)}
}

// do sends r and has read read the body of the answer if it is a good one. It
// sends r again if the cluster is overloaded, cannot be reached, or breaks off
// its answer; so read may be called several times, each time from the start.
// An error of read that is not one of the connection is returned as it is.
func (c *client) do(ctx context.Context, r *request, read func(body io.Reader) error) error {
	for attempt := 0; ; attempt++ {
		err := c.attempt(ctx, r, read)
		if err == nil {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		var again *retryable
		if !errors.As(err, &again) {
			return err
		}
		if attempt == c.retries || r.once && !again.refused {
			return again.err
		}
		if err := c.pause(ctx, attempt, again); err != nil {
			return err
		}
	}
}

// A retryable is an error that may pass.
type retryable struct {
	err     error
	after   time.Duration // what the cluster asked for, or 0
	refused bool          // the request was not carried out
}

func (e *retryable) Error() string { return e.err.Error() }
func (e *retryable) Unwrap() error { return e.err }

const (
	firstPause = 100 * time.Millisecond
	lastPause  = 10 * time.Second
	mostAfter  = time.Minute // the longest pause that a cluster may ask for
)

// pause waits before the next attempt: a random part of a time that doubles, at
// least half of it, or at least what the cluster asked for. It does not wait for
// what the context does not leave time for.
func (c *client) pause(ctx context.Context, attempt int, e *retryable) error {
	most := lastPause
	if attempt < 10 {
		most = min(most, firstPause<<attempt)
	}
	d := most/2 + time.Duration(c.clock.random()*float64(most/2))
	if e.after > 0 {
		if e.after > mostAfter {
			return e.err
		}
		d += e.after
	}
	if end, ok := ctx.Deadline(); ok && end.Before(c.clock.now().Add(d)) {
		return e.err
	}
	return c.clock.sleep(ctx, d)
}

var errTimeout = errors.New("time-out")

// attempt sends r once.
func (c *client) attempt(ctx context.Context, r *request, read func(io.Reader) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(c.timeout, func() { cancel(errTimeout) })
	defer timer.Stop()
	req, err := r.http(ctx)
	if err != nil {
		return err
	}
	res, err := c.transport.Perform(req)
	if err != nil {
		return c.unreachable(ctx, err)
	}
	if res == nil || res.Body == nil {
		return fmt.Errorf("%w: the transport gave neither answer nor error", search.ErrUnavailable)
	}
	defer func() { _ = res.Body.Close() }()
	body := &body{r: res.Body}
	var plain io.Reader = body
	if res.Header.Get("Content-Encoding") == "gzip" {
		if plain, err = gzip.NewReader(body); err != nil {
			return c.broken(ctx, body, fmt.Errorf("%w: %w", search.ErrBadAnswer, err))
		}
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return c.refusal(ctx, r, res, plain)
	}
	if err := checkMedia(res.Header); err != nil {
		return err
	}
	return c.broken(ctx, body, read(plain))
}

// http makes the request that is sent.
func (r *request) http(ctx context.Context) (*http.Request, error) {
	u := r.path
	if len(r.query) > 0 {
		u += "?" + r.query.Encode()
	}
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, u, body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", search.ErrInvalid, err)
	}
	req.Header.Set("Accept", "application/json")
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
		if r.ndjson {
			req.Header.Set("Content-Type", "application/x-ndjson")
		}
	}
	return req, nil
}

// unreachable returns the error for a request that got no answer.
func (c *client) unreachable(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errTimeout) {
		return fmt.Errorf("%w: no answer within %v", search.ErrUnavailable, c.timeout)
	}
	return &retryable{err: fmt.Errorf("%w: %w", search.ErrUnavailable, err)}
}

// broken returns the error of reading an answer: err, unless the connection is to blame.
func (c *client) broken(ctx context.Context, b *body, err error) error {
	switch {
	case err == nil || b.err == nil:
		return err
	case errors.Is(context.Cause(ctx), errTimeout):
		return fmt.Errorf("%w: no whole answer within %v", search.ErrUnavailable, c.timeout)
	}
	return &retryable{err: fmt.Errorf("%w: it breaks off after %d bytes: %w", search.ErrBadAnswer, b.n, b.err)}
}

// A body remembers how reading an answer ended.
type body struct {
	r   io.Reader
	n   int64
	err error // other than the end
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		b.err = err
	}
	return n, err
}

// checkMedia refuses an answer that says it is no JSON.
func checkMedia(h http.Header) error {
	if media := h.Get("Content-Type"); media != "" && !strings.Contains(strings.ToLower(media), "json") {
		return fmt.Errorf("%w: it is of type %q, not JSON", search.ErrBadAnswer, media)
	}
	return nil
}

// ask sends r and decodes the answer, which is not a large one, into v.
func (c *client) ask(ctx context.Context, r *request, v any) error {
	return c.do(ctx, r, func(body io.Reader) error {
		text, err := io.ReadAll(body)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(text, v); err != nil {
			return fmt.Errorf("%w: %w", search.ErrBadAnswer, err)
		}
		return nil
	})
}

// indexPath returns the path of one index, alias or data stream, and what is
// asked of it. Elasticsearch reads a name with some characters as several
// names or as arithmetic; no index is called so.
func indexPath(index, what string) (string, error) {
	if index == "" || index == "." || index == ".." || strings.ContainsAny(index[:1], "-_+") || strings.ContainsAny(index, "\\/*?\"<>| ,#\x00") {
		return "", fmt.Errorf("%w: %q", search.ErrUnknownIndex, index)
	}
	return "/" + url.PathEscape(index) + what, nil
}
