package essearch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/digit-health/dhr/search"
)

// An Error is what a cluster says when it refuses a request. It stands beside
// one of the errors of package search where one fits.
type Error struct {
	Status int    // of HTTP
	Type   string // as the cluster names it, such as index_not_found_exception; may be empty
	Reason string
}

// Error returns one line with all that is known.
func (e *Error) Error() string {
	text := "status " + strconv.Itoa(e.Status)
	if e.Type != "" {
		text += ", " + e.Type
	}
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	return text
}

// An unreadableError is an index whose mapping is no schema: see search.Driver.
type unreadableError struct {
	index string
	err   error
}

func (e *unreadableError) Error() string {
	return fmt.Sprintf("the mapping of the index %q cannot be read: %v", e.index, e.err)
}

// Unreadable returns the name of the index.
func (e *unreadableError) Unreadable() string { return e.index }

func (e *unreadableError) Unwrap() error { return e.err }

// A fault is how a cluster explains an error: faults within faults.
type fault struct {
	Type         string  `json:"type"`
	Reason       reason  `json:"reason"`
	RootCause    []fault `json:"root_cause"`
	CausedBy     *fault  `json:"caused_by"`
	FailedShards []fault `json:"failed_shards"`
}

// A reason is a text, or in failed_shards a fault.
type reason struct {
	text  string
	fault *fault
}

func (r *reason) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '{' {
		return json.Unmarshal(b, &r.fault)
	}
	return json.Unmarshal(b, &r.text)
}

// walk calls visit with f and every fault within it.
func (f *fault) walk(visit func(kind, reason string)) {
	if f == nil {
		return
	}
	visit(f.Type, f.Reason.text)
	f.Reason.fault.walk(visit)
	for i := range f.RootCause {
		f.RootCause[i].walk(visit)
	}
	for i := range f.FailedShards {
		f.FailedShards[i].walk(visit)
	}
	f.CausedBy.walk(visit)
}

// UnmarshalJSON also takes a bare text, as some proxies and old versions send it.
func (f *fault) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &f.Reason.text)
	}
	type plain fault
	return json.Unmarshal(b, (*plain)(f))
}

// maxErrorBody is how much of an error's answer is read.
const maxErrorBody = 1 << 20

// refusal returns the error for an answer whose status is not a good one.
func (c *client) refusal(ctx context.Context, r *request, res *http.Response, b io.Reader) error {
	text, err := io.ReadAll(io.LimitReader(b, maxErrorBody))
	if err != nil && ctx.Err() != nil {
		return c.unreachable(ctx, err)
	}
	var answer struct {
		Error *fault `json:"error"`
	}
	ours := json.Unmarshal(text, &answer) == nil
	sentinel := classify(res.StatusCode, r, answer.Error)
	if sentinel == nil && !ours {
		sentinel = search.ErrBadAnswer
	}
	e := answer.Error.plain(res.StatusCode)
	err = error(e)
	if sentinel != nil {
		err = fmt.Errorf("%w: %w", sentinel, e)
	}
	switch {
	case errors.Is(sentinel, search.ErrOverloaded):
		return &retryable{err: err, after: retryAfter(res.Header, c.clock.now()), refused: true}
	case res.StatusCode == http.StatusBadGateway || res.StatusCode == http.StatusGatewayTimeout:
		return &retryable{err: err}
	}
	return err
}

// plain returns what f says in one line: the fault that began it, where it is told.
func (f *fault) plain(status int) *Error {
	e := &Error{Status: status}
	if f == nil {
		return e
	}
	e.Type, e.Reason = f.Type, f.Reason.text
	if len(f.RootCause) > 0 {
		e.Type, e.Reason = f.RootCause[0].Type, f.RootCause[0].Reason.text
	}
	const most = 1000
	if len(e.Reason) > most {
		e.Reason = strings.ToValidUTF8(e.Reason[:most], "") + "…"
	}
	return e
}

// classify returns the error of package search that fits, or nil.
func classify(status int, r *request, f *fault) error {
	var sentinel error
	f.walk(func(kind, reason string) {
		if sentinel == nil {
			sentinel = sentinelOf(kind, reason)
		}
	})
	switch {
	case r.snapshot && (status == http.StatusNotFound || errors.Is(sentinel, search.ErrUnknownIndex)):
		return search.ErrSnapshotLost
	case sentinel != nil:
		return sentinel
	}
	switch status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return search.ErrOverloaded
	case http.StatusBadGateway, http.StatusGatewayTimeout, http.StatusRequestTimeout:
		return search.ErrUnavailable
	case http.StatusUnauthorized:
		return errUnknownAccount
	case http.StatusForbidden:
		return errNotAllowed
	}
	return nil
}

// The account by which DHR asks is not that of a user, who can do nothing about it.
var (
	errUnknownAccount = fmt.Errorf("%w: the cluster does not let DHR in; set the user and password, the API key or the token that it is to use", search.ErrUnavailable)
	errNotAllowed     = fmt.Errorf("%w: the cluster does not allow this to the account that DHR uses; give that account the rights, or set another", search.ErrUnavailable)
)

func sentinelOf(kind, reason string) error {
	switch kind {
	case "index_not_found_exception":
		return search.ErrUnknownIndex
	case "search_context_missing_exception":
		return search.ErrSnapshotLost
	case "too_many_buckets_exception":
		return search.ErrTooManyBuckets
	case "too_many_clauses", "too_many_nested_clauses":
		return search.ErrUnsupported
	case "cluster_block_exception":
		switch {
		case strings.Contains(reason, "read-only-allow-delete"), strings.Contains(reason, "read-only / allow delete"):
			return search.ErrFull
		case strings.Contains(reason, "FORBIDDEN"):
			return search.ErrReadOnly
		}
	}
	return nil
}

// retryAfter returns the pause that the cluster asks for, or 0.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.ParseInt(text, 10, 32); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}
