package ipfs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/digit-health/dhr/internal/fetch"
	"github.com/digit-health/dhr/storage"
)

// maxAnswer is far beyond what a service says about one file.
const maxAnswer = 1 << 20

// A client sends requests to one service, and again after a pause if that may help.
type client struct {
	base    string
	auth    *Auth
	http    *http.Client
	retries int
	pause   time.Duration
}

func newClient(address string, auth *Auth, o *Options) (*client, error) {
	if err := checkAddress(address); err != nil {
		return nil, err
	}
	return &client{
		base: strings.TrimSuffix(address, "/"), auth: auth, retries: o.Retries, pause: o.Pause,
		http: fetch.Client(&http.Client{Transport: o.Transport}, 0),
	}, nil
}

func checkAddress(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return fmt.Errorf("ipfs: an address is like http://host:5001, without query, fragment or password: %w", storage.ErrInvalid)
	}
	return nil
}

type request struct {
	method, path string
	query        url.Values
	json         []byte    // the body, or
	body         io.Reader // the body of a request that is sent once
	contentType  string
	header       http.Header
}

// call sends a request without a body, or with one of JSON, until it is answered.
func (c *client) call(ctx context.Context, q request) (*http.Response, error) {
	for try := 0; ; try++ {
		if q.json != nil {
			q.body = bytes.NewReader(q.json)
		}
		res, again, err := c.send(ctx, q)
		if err == nil {
			return res, nil
		}
		if !again || try >= c.retries {
			return nil, err
		}
		if err := c.wait(ctx, try); err != nil {
			return nil, err
		}
	}
}

func (c *client) wait(ctx context.Context, try int) error {
	pause := min(c.pause<<min(try, 10), time.Minute)
	timer := time.NewTimer(pause/2 + rand.N(pause/2+1)) // several that were refused come back apart
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// send sends a request once. If it fails, again says whether the same may succeed later.
func (c *client) send(ctx context.Context, q request) (_ *http.Response, again bool, _ error) {
	address := c.base + q.path
	if len(q.query) > 0 {
		address += "?" + q.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, q.method, address, q.body)
	if err != nil {
		return nil, false, fmt.Errorf("%w: %w", storage.ErrInvalid, err)
	}
	for name, values := range q.header {
		req.Header[name] = values
	}
	if q.contentType != "" {
		req.Header.Set("Content-Type", q.contentType)
	}
	if strings.HasPrefix(q.contentType, "multipart/") {
		req.Header.Set("Expect", "100-continue") // who is refused keeps the body, and can come again
	}
	switch {
	case c.auth == nil:
	case c.auth.Token != "":
		req.Header.Set("Authorization", "Bearer "+c.auth.Token)
	default:
		req.SetBasicAuth(c.auth.Username, c.auth.Password)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, ctx.Err() == nil, broken(ctx, err)
	}
	if res.StatusCode >= 200 && res.StatusCode < 300 {
		return res, false, nil
	}
	defer func() { _ = res.Body.Close() }() // it was only read
	text, _ := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if ctx.Err() != nil {
		return nil, false, ctx.Err()
	}
	again = res.StatusCode == http.StatusTooManyRequests || res.StatusCode >= http.StatusBadGateway && res.StatusCode != http.StatusInsufficientStorage
	return nil, again, failure(res.StatusCode, text)
}

// failure reads an answer that is no success. Kubo's own are all 500, with their reason as text.
func failure(status int, text []byte) error {
	var answer struct{ Message string }
	message := ""
	if json.Unmarshal(text, &answer) == nil {
		message = answer.Message
	}
	kind := storage.ErrUnavailable
	switch {
	case strings.Contains(message, "not pinned"):
		kind = storage.ErrNotFound
	case strings.Contains(message, "no space left on device"), status == http.StatusInsufficientStorage:
		kind = storage.ErrFull
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		kind = storage.ErrAuth
	case status == http.StatusRequestEntityTooLarge:
		kind = storage.ErrTooLarge
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed:
		kind = storage.ErrUnsupported // no such command: it is no node
	case status == http.StatusBadRequest:
		kind = storage.ErrInvalid
	}
	return fmt.Errorf("%w: it answered %d %s", kind, status, excerpt(text))
}

// readAnswer reads a whole answer. That a command failed after it had begun to answer, Kubo says in a trailer.
func readAnswer(ctx context.Context, res *http.Response) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, broken(ctx, err)
	}
	if e := res.Trailer.Get("X-Stream-Error"); e != "" {
		return nil, failure(http.StatusInternalServerError, fmt.Appendf(nil, `{"Message":%s}`, strconv.Quote(e)))
	}
	return text, nil
}

// broken tells the end of the context from a connection that broke.
func broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w: %w", storage.ErrUnavailable, err)
}

// excerpt shows the beginning of an answer in one line.
func excerpt(text []byte) string {
	if len(text) > 300 {
		text = text[:300]
	}
	return strconv.Quote(strings.ToValidUTF8(string(text), "�"))
}
