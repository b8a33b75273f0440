package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"path"
	"runtime/debug"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/gzhttp"
	"github.com/rs/cors"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/auth"
	"github.com/digit-health/dhr/auth/smart"
)

// middleware puts around the routes what every request goes through.
func (a *handler) middleware() (http.Handler, error) {
	compress, err := gzhttp.NewWrapper(gzhttp.MinSize(1024), gzhttp.ContentTypeFilter(gzhttp.CompressAllContentTypeFilter))
	if err != nil {
		return nil, err
	}
	var h http.Handler = http.HandlerFunc(a.checked)
	h = a.inTurn(a.untilTheEnd(unless(lasts, compress(h), h)))
	if len(a.opts.Origins) > 0 {
		h = cors.New(cors.Options{
			AllowedOrigins: a.opts.Origins,
			AllowedMethods: a.opts.CORS.Methods, AllowedHeaders: a.opts.CORS.Headers, AllowCredentials: a.opts.CORS.Credentials,
			ExposedHeaders: []string{"ETag", "Location", "Link", "Retry-After", "X-Request-Id", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset",
				"Accept-Ranges", "Content-Disposition", "Content-Range", "Idempotent-Replayed", "Repr-Digest", "X-Records",
				"Content-Location", "Preference-Applied", "X-Export-Status", "X-Progress"},
			MaxAge: int(a.opts.CORS.MaxAge.Seconds()),
		}).Handler(h)
	}
	return a.observed(h), nil
}

// unless answers by next, and the routes that are exceptions by theirs.
func unless(exception func(route string) bool, next, theirs http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if exception(request(r.Context()).route) {
			theirs.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// observed counts and logs a request, and answers for a handler that panics.
func (a *handler) observed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		r, q := a.traced(r)
		q.control = http.NewResponseController(w)
		out := &counter{ResponseWriter: w, alive: func() { _ = q.control.SetWriteDeadline(time.Now().Add(a.opts.WriteTimeout)) }}
		out.alive() // of the answer to the request before, on this connection, there may be one
		h := w.Header()
		q.answer = h
		h.Set("X-Request-Id", q.id)
		h.Set("X-Correlation-Id", q.correlation)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		defer func() {
			if failed := recover(); failed != nil {
				if failed == http.ErrAbortHandler { //nolint:errorlint // it is panicked with, never wrapped
					a.note(r, q, out, time.Since(begun), true)
					panic(failed)
				}
				a.log.ErrorContext(r.Context(), "a handler panicked", "panic", failed, "trace_id", q.trace, "stack", string(debug.Stack()))
				if out.status == 0 {
					internalError.problem(r.Context(), "something went wrong that should not; the log says more under this trace_id").write(out)
				}
			}
			a.note(r, q, out, time.Since(begun), false)
		}()
		next.ServeHTTP(out, r)
	})
}

// note counts a request that was answered, perhaps not to the end, and logs it: without what may be
// personal, that is the path, the parameters and the user.
func (a *handler) note(r *http.Request, q *asked, out *counter, took time.Duration, cut bool) {
	q.end(out.status)
	route := q.route
	if route == "" {
		route = "none"
	}
	a.metrics.request(route, methodOf(r), out.status, took)
	attributes := []any{
		"method", r.Method, "route", route, "status", out.status, "bytes", out.bytes,
		"ms", float64(took.Microseconds()) / 1000, "trace_id", q.trace,
	}
	if q.id != q.trace {
		attributes = append(attributes, "request_id", q.id)
	}
	if cut {
		attributes = append(attributes, "cut", true)
	}
	if q.correlation != q.id {
		attributes = append(attributes, "correlation_id", q.correlation)
	}
	if q.query != "" {
		attributes = append(attributes, "query", q.query, "records", q.records)
	}
	a.log.InfoContext(r.Context(), "request", attributes...)
}

// A counter remembers what was answered.
type counter struct {
	http.ResponseWriter

	status int
	bytes  int64
	alive  func() // gives the client time to take what is written next
}

func (c *counter) WriteHeader(status int) {
	if c.status == 0 && status >= http.StatusOK {
		c.status = status
	}
	c.alive()
	c.ResponseWriter.WriteHeader(status)
}

func (c *counter) Write(b []byte) (int, error) {
	if c.status == 0 {
		c.status = http.StatusOK
	}
	c.alive()
	n, err := c.ResponseWriter.Write(b)
	c.bytes += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (c *counter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// checked lets a request through to its route if it is for one, not too frequent, from somebody, and well formed.
func (a *handler) checked(w http.ResponseWriter, r *http.Request) {
	q := request(r.Context())
	p := a.strayed(w, r, q)
	if p == nil && !open(q.route) {
		p = a.admitted(w, r, q)
	}
	if p == nil {
		p = a.checkParameters(r)
	}
	if p != nil {
		if r.Header.Get("Expect") == "" { // otherwise it is not sent
			a.drain(r, q)
		}
		p.write(w)
		return
	}
	if p := a.readBody(w, r); p != nil {
		p.write(w)
		return
	}
	a.mux.ServeHTTP(w, r)
}

// mostDrained is how much is read of a body that is not wanted.
const mostDrained = 32 << 20

// drain reads what is left of the body of a request that is refused, if it is not much and comes in time: many clients read
// an answer once they have sent everything, and not if the connection is closed before. The server itself would read little of it, but wait for that without end.
func (a *handler) drain(r *http.Request, q *asked) {
	if r.Body == nil || r.Body == http.NoBody {
		return
	}
	_ = q.control.SetReadDeadline(time.Now().Add(a.opts.BodyTimeout))
	_, _ = io.CopyN(io.Discard, r.Body, mostDrained)
}

// strayed returns the problem of a request for a place that there is not, or not with its method.
func (a *handler) strayed(w http.ResponseWriter, r *http.Request, q *asked) *Problem {
	ctx := r.Context()
	clean := path.Clean(r.URL.Path)
	if only := a.alone[r.URL.Path]; only != "" && r.Method != only {
		q.route = ""
		w.Header().Set("Allow", only)
		return byStatus[http.StatusMethodNotAllowed].problem(ctx, "the method here is "+only)
	}
	if q.route != "" && (clean == r.URL.Path || clean+"/" == r.URL.Path) && !strings.HasSuffix(q.route, " ") {
		return nil
	}
	if clean != r.URL.Path {
		q.route = ""
		return notFound.problem(ctx, "there is nothing at this path")
	}
	probe := &silent{header: http.Header{}}
	a.mux.ServeHTTP(probe, r)
	if allow := probe.header.Get("Allow"); allow != "" {
		w.Header().Set("Allow", allow)
		return byStatus[http.StatusMethodNotAllowed].problem(ctx, "the methods here are "+allow)
	}
	return notFound.problem(ctx, "there is nothing at this path")
}

// silent is a ResponseWriter of which the header alone is wanted.
type silent struct{ header http.Header }

func (s *silent) Header() http.Header         { return s.header }
func (s *silent) Write(b []byte) (int, error) { return len(b), nil }
func (s *silent) WriteHeader(int)             {}

// admitted finds out who asks, and how often.
func (a *handler) admitted(w http.ResponseWriter, r *http.Request, q *asked) *Problem {
	ctx := r.Context()
	limits := a.opts.Limits
	if wait, ok := limits.address(w, q.address, a.opts.Now()); !ok {
		return refusedFor(w, wait).problem(ctx, "too many requests from this address")
	}
	_ = q.control.SetReadDeadline(time.Now().Add(a.opts.BodyTimeout)) // some look into the body
	who, err := a.known(r, q.route)
	_ = q.control.SetReadDeadline(time.Time{})
	if err == nil && !q.fhir && smart.Confined(who) {
		err = fmt.Errorf("%w: the user %q", errConfined, who.User)
	}
	if err != nil {
		return a.unknown(w, r, q, err)
	}
	q.who = who
	if wait, ok := limits.principal(w, who, a.opts.Now()); !ok {
		return refusedFor(w, wait).problem(ctx, "too many requests of this user")
	}
	return nil
}

// errConfined is a token for FHIR that comes for something else.
var errConfined = fmt.Errorf("%w: a token with SMART scopes is good below %s alone", access.ErrDenied, fhirRoot)

// unknown is the problem of a request of which it is not known who sends it.
func (a *handler) unknown(w http.ResponseWriter, r *http.Request, q *asked, err error) *Problem {
	ctx := r.Context()
	a.log.WarnContext(ctx, "sign-in refused", "reason", err.Error(), "trace_id", q.trace)
	// Who guesses is slowed down, whatever the limits are: each guess is noted for good.
	if wait, ok := a.failures.take(w, placeOf(q.address), guessesPerSecond, guessesAtOnce, a.opts.Now()); !ok {
		return refusedFor(w, wait).problem(ctx, "too many refused sign-ins from this address")
	}
	if a.opts.Refused != nil {
		a.opts.Refused(ctx, q.address, err)
	}
	switch {
	case errors.Is(err, errConfined):
		return byStatus[http.StatusForbidden].problem(ctx, errConfined.Error())
	case errors.Is(err, access.ErrDenied):
		return byStatus[http.StatusForbidden].problem(ctx, "this may not be asked from here, or not for this tenant")
	case errors.Is(err, auth.ErrUnavailable):
		w.Header().Set("Retry-After", "5")
		return byStatus[http.StatusServiceUnavailable].problem(ctx, "it cannot be found out at present who asks")
	}
	for _, challenge := range auth.Challenges(err) {
		w.Header().Add("WWW-Authenticate", challenge)
	}
	if w.Header().Get("WWW-Authenticate") == "" {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	return unauthorized.problem(ctx, "this needs valid credentials of somebody who is known here")
}

// readBody reads the body of a request whole, so that it is neither too long, nor too slow, nor anything but JSON
// in UTF-8.
func (a *handler) readBody(w http.ResponseWriter, r *http.Request) *Problem {
	ctx := r.Context()
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	control := request(ctx).control
	_ = control.SetReadDeadline(time.Now().Add(a.opts.BodyTimeout)) // a writer of tests may have none
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, a.opts.MaxBody))
	if err == nil { // otherwise the server would wait for the rest before it answers
		_ = control.SetReadDeadline(time.Time{})
	}
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		a.drain(r, request(ctx))
		return byStatus[http.StatusRequestEntityTooLarge].problem(ctx, "the body is longer than "+byteCount(a.opts.MaxBody))
	case errors.Is(err, os.ErrDeadlineExceeded):
		w.Header().Set("Connection", "close")
		return byStatus[http.StatusRequestTimeout].problem(ctx, "the body did not arrive in time")
	case err != nil:
		return byStatus[http.StatusBadRequest].problem(ctx, "the body ended too early")
	case request(ctx).route == routeToken:
		if len(body) > 0 && !isForm(r.Header.Get("Content-Type")) {
			return byStatus[http.StatusUnsupportedMediaType].problem(ctx, "the body must be a form, with the Content-Type application/x-www-form-urlencoded")
		}
		request(ctx).sent, request(ctx).body = body, body
		r.Body = io.NopCloser(bytes.NewReader(body))
		return nil
	case len(body) > 0 && !isJSON(r.Header.Get("Content-Type")):
		return byStatus[http.StatusUnsupportedMediaType].problem(ctx, "the body must be JSON in UTF-8, with the Content-Type application/json")
	case len(body) > 0 && r.Header.Get("Content-Encoding") != "" && !strings.EqualFold(r.Header.Get("Content-Encoding"), "identity"):
		return byStatus[http.StatusUnsupportedMediaType].problem(ctx, "the body must not be compressed")
	case !utf8.Valid(body):
		return byStatus[http.StatusBadRequest].problem(ctx, "the body is not UTF-8")
	}
	if err := unambiguous(body); err != nil {
		return formProblem(ctx, http.StatusBadRequest, "the body has more than one meaning", []error{err})
	}
	request(ctx).sent = body
	if a.opts.RequestInfo {
		body = withoutMember(body, "RequestInfo")
	}
	request(ctx).body = body
	r.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}

// withoutMember returns a JSON object without a member. What is no object, or has no such member, is returned as it is.
func withoutMember(body []byte, name string) []byte {
	d := json.NewDecoder(bytes.NewReader(body))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return body
	}
	for first := true; d.More(); first = false {
		from := d.InputOffset()
		t, err := d.Token()
		if err != nil {
			return body
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return body
		}
		if t != name {
			continue
		}
		to := d.InputOffset()
		if first { // the comma of the others stands before them, this one's behind it
			rest := bytes.TrimLeft(body[to:], " \t\r\n")
			to = int64(len(body) - len(bytes.TrimPrefix(rest, []byte(","))))
		}
		return slices.Concat(body[:from], body[to:])
	}
	return body
}

// isForm reports whether a Content-Type is that of a form.
func isForm(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && media == "application/x-www-form-urlencoded"
}

// isJSON reports whether a Content-Type is that of JSON in UTF-8. None at all will do.
func isJSON(contentType string) bool {
	if contentType == "" {
		return true
	}
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil || media != "application/json" && !strings.HasSuffix(media, "+json") {
		return false
	}
	charset, ok := params["charset"]
	return !ok || strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "us-ascii")
}
