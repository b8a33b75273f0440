package filestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/digit-health/dhr/internal/upload"
	"github.com/digit-health/dhr/storage"
)

// A client sends requests, with a token if there is one, and again after a pause if that may help.
type client struct {
	base         string
	http         *http.Client
	tokens       *tokens
	tokenHeader  string
	tenantHeader string
	retries      int
	pause        time.Duration
	answers      func(status int, header http.Header, text []byte) error
}

// A request is about one file, or about one to be.
type request struct {
	method, path string
	file         fileID
	header       http.Header
	body         io.ReadCloser
	contentType  string
}

// An outcome is what came of a request that did not succeed.
type outcome struct {
	err    error
	status int           // 0 without an answer
	after  time.Duration // how long the service says to wait
	token  string        // the token that was sent
}

// call sends a request that may be sent twice, and returns its successful answer.
func (c *client) call(ctx context.Context, q request) (*http.Response, error) {
	for try := 0; ; try++ {
		res, out := c.send(ctx, q)
		if out == nil {
			return res, nil
		}
		useful := out.status == 0 || out.status == http.StatusTooManyRequests || out.status >= http.StatusBadGateway
		if err := c.wait(ctx, try, out, useful && errors.Is(out.err, storage.ErrUnavailable)); err != nil {
			return nil, err
		}
	}
}

// upload sends a file and returns its id. It sends it again only if the service
// cannot have kept it: if it said so, or if it had not been sent the end.
func (b *Backend) upload(ctx context.Context, tenant string, u *upload.Upload) (string, error) {
	for try := 0; ; try++ {
		a, err := u.Begin()
		if err != nil {
			return "", err
		}
		res, out := b.send(ctx, request{method: http.MethodPost, path: b.paths.Upload, file: fileID{tenant: tenant}, body: a, contentType: u.ContentType})
		a.End()
		switch {
		case u.Err() != nil:
			if res != nil {
				_ = res.Body.Close() // the reader's error matters
			}
			return "", u.Err()
		case out == nil && !u.Done():
			_ = res.Body.Close() // whatever it says
			return "", fmt.Errorf("%w: it answered before it had the whole file", storage.ErrUnavailable)
		case out == nil:
			id, err := readUpload(ctx, res.Body, tenant)
			_ = res.Body.Close() // it was only read
			return id, err
		}
		refused := out.status == http.StatusTooManyRequests || out.status == http.StatusServiceUnavailable || out.status == http.StatusBadRequest
		useful := errors.Is(out.err, storage.ErrUnavailable) && (refused || out.status == 0 && !u.Done())
		if !u.Again() {
			return "", out.err
		}
		if err := b.wait(ctx, try, out, useful); err != nil {
			return "", err
		}
	}
}

// wait returns nil when the request is to be sent again. A token that was refused is replaced once, and at once.
func (c *client) wait(ctx context.Context, try int, out *outcome, useful bool) error {
	if out.status == http.StatusUnauthorized && c.tokens != nil && try == 0 {
		return c.tokens.drop(ctx, out.token)
	}
	if !useful || try >= c.retries {
		return out.err
	}
	pause := c.pause << min(try, 10)
	pause = min(pause/2+rand.N(pause/2+1), time.Minute) // several that were refused come back apart
	if out.after > 0 {
		pause = min(out.after, time.Minute)
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// send sends a request once. It returns either a successful answer or what came instead.
func (c *client) send(ctx context.Context, q request) (*http.Response, *outcome) {
	out := &outcome{}
	req, err := c.request(ctx, q, out)
	if err != nil {
		out.err = err
		return nil, out
	}
	res, err := c.http.Do(req)
	if err != nil {
		out.err = broken(ctx, err)
		return nil, out
	}
	if res.StatusCode >= 200 && res.StatusCode < 300 {
		return res, nil
	}
	out.status, out.after = res.StatusCode, retryAfter(res.Header.Get("Retry-After"))
	defer func() { _ = res.Body.Close() }() // it was only read
	text, err := read(ctx, res.Body)
	if ctx.Err() != nil {
		out.err = ctx.Err()
		return nil, out
	}
	out.err = c.answers(res.StatusCode, res.Header, text)
	if err != nil {
		out.err = errors.Join(out.err, err)
	}
	return nil, out
}

func (c *client) request(ctx context.Context, q request, out *outcome) (*http.Request, error) {
	var body io.Reader
	if q.body != nil {
		body = q.body
	}
	req, err := http.NewRequestWithContext(ctx, q.method, c.base+fill(q.path, q.file), body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", storage.ErrInvalid, err)
	}
	for name, values := range q.header {
		req.Header[name] = values
	}
	if q.body != nil {
		req.Header.Set("Content-Type", q.contentType)
		req.Header.Set("Expect", "100-continue") // who is refused keeps the body, and can come again
	}
	if c.tenantHeader != "" {
		req.Header.Set(c.tenantHeader, q.file.tenant)
	}
	if c.tokens == nil {
		return req, nil
	}
	if out.token, err = c.tokens.get(ctx); err != nil {
		return nil, err
	}
	value := out.token
	if http.CanonicalHeaderKey(c.tokenHeader) == "Authorization" {
		value = "Bearer " + value
	}
	req.Header.Set(c.tokenHeader, value)
	return req, nil
}

// retryAfter reads seconds, or a date.
func retryAfter(text string) time.Duration {
	if seconds, err := strconv.Atoi(text); err == nil && seconds > 0 {
		return time.Duration(min(seconds, 3600)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}
