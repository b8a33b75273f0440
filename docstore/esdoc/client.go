package esdoc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/digit-health/dhr/docstore"
)

// A Transport performs requests whose URL has a path only, such as an
// *elasticsearch.Client. It is safe for concurrent use.
type Transport interface {
	Perform(*http.Request) (*http.Response, error)
}

// An Error is what a cluster says when it refuses a request.
type Error struct {
	Status int    // of HTTP
	Type   string // as the cluster names it, such as cluster_block_exception; may be empty
	Reason string
}

// Error returns one line with all that is known.
func (e *Error) Error() string {
	return strings.TrimRight(fmt.Sprintf("status %d, %s: %s", e.Status, e.Type, e.Reason), ":, ")
}

// is reports whether err is an answer of the cluster with that status.
func is(err error, status int) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == status
}

const (
	defaultTimeout = 30 * time.Second
	defaultRetries = 5
	firstPause     = 50 * time.Millisecond
	lastPause      = 5 * time.Second
	maxReason      = 1000
)

// A client sends requests, again where that helps.
type client struct {
	transport Transport
	timeout   time.Duration // of one attempt
	retries   int
}

// A call is one request, which may be sent several times.
type call struct {
	method, path string
	body         []byte // JSON, or nil
	// unsure is set once the request may have been carried out without that being known.
	unsure bool
}

// do sends a request and decodes the answer into v, unless that is nil. It sends it again if
// the cluster cannot be reached, breaks off its answer, or is overloaded.
func (c *client) do(ctx context.Context, r *call, v any) error {
	for attempt := 0; ; attempt++ {
		again, err := c.attempt(ctx, r, v)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !again || attempt >= c.retries {
			return err
		}
		if err := pause(ctx, attempt); err != nil {
			return err
		}
	}
}

// pause waits for a random part of a time that doubles, at least half of it.
func pause(ctx context.Context, attempt int) error {
	most := min(lastPause, firstPause<<min(attempt, 10))
	timer := time.NewTimer(most/2 + rand.N(most/2))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// attempt sends a request once, and tells whether that may be tried again.
func (c *client) attempt(ctx context.Context, r *call, v any) (again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, r.path, body)
	if err != nil {
		return false, err
	}
	req.Header.Set("Accept", "application/json")
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.transport.Perform(req)
	if err == nil && (res == nil || res.Body == nil) {
		err = errors.New("the transport gave neither answer nor error")
	}
	if err != nil {
		r.unsure = true
		return true, fmt.Errorf("%w: %w", docstore.ErrUnavailable, err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		r.unsure = true
		return true, fmt.Errorf("%w: the answer breaks off: %w", docstore.ErrUnavailable, err)
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return r.refused(res.StatusCode, text)
	}
	if v == nil {
		return false, nil
	}
	if err := json.Unmarshal(text, v); err != nil {
		r.unsure = true
		return false, fmt.Errorf("%w: an answer that is none of a search engine: %w", docstore.ErrUnavailable, err)
	}
	return false, nil
}

// refused returns the error for an answer whose status is not a good one.
func (r *call) refused(status int, text []byte) (again bool, err error) {
	e := &Error{Status: status}
	var answer struct {
		Error json.RawMessage `json:"error"`
		Found *bool           `json:"found"`  // of a document that is not there
		Kind  string          `json:"result"` // of a deletion of one
	}
	var explained struct{ Type, Reason string }
	ours := json.Unmarshal(text, &answer) == nil && (answer.Error != nil || answer.Found != nil || answer.Kind != "")
	if json.Unmarshal(answer.Error, &explained) == nil {
		e.Type, e.Reason = explained.Type, explained.Reason
	} else {
		_ = json.Unmarshal(answer.Error, &e.Reason) // old versions and proxies send a bare text
	}
	if len(e.Reason) > maxReason {
		e.Reason = strings.ToValidUTF8(e.Reason[:maxReason], "") + "…"
	}
	again, sentinel := e.classify(ours)
	r.unsure = r.unsure || again && status != http.StatusTooManyRequests
	if sentinel != nil {
		return again, fmt.Errorf("%w: %w", sentinel, e)
	}
	return false, e
}

// classify returns the error of package docstore that fits, or nil, and whether to try again. ours
// tells whether the answer is one of a search engine at all.
func (e *Error) classify(ours bool) (again bool, sentinel error) {
	if e.Type == "cluster_block_exception" {
		switch {
		case strings.Contains(e.Reason, "allow-delete"), strings.Contains(e.Reason, "allow delete"):
			return false, docstore.ErrFull
		case strings.Contains(e.Reason, "FORBIDDEN"):
			return false, docstore.ErrReadOnly
		}
	}
	switch e.Status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusGatewayTimeout, http.StatusRequestTimeout:
		return true, docstore.ErrUnavailable
	case http.StatusUnauthorized, http.StatusForbidden:
		return false, docstore.ErrUnavailable
	}
	if !ours {
		return false, docstore.ErrUnavailable
	}
	return false, nil
}
