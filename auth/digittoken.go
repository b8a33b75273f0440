package auth

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/internal/fetch"
)

// DigitTokenOptions are what [DigitToken] may be told. The zero value is good.
type DigitTokenOptions struct {
	// Users says what of a user becomes of the principal.
	Users DigitUsers
	// Token returns the token of a request, empty if it has none. If nil, it is the header
	// auth-token, and if there is none RequestInfo.authToken of a JSON body.
	Token func(*http.Request) (string, error)
	// MaxBody is how large a body may be in which a token is looked for. If zero, 1 MiB.
	MaxBody int64
	// Keep is how long an accepted token is believed before egov-user is asked again: so
	// long does a user who signed out remain signed in. If zero, 1 minute; at most 1 hour.
	Keep time.Duration
	// KeepBad is how long a token that egov-user refused is refused without asking. If zero, 10 seconds.
	KeepBad time.Duration
	// MaxTokens is how many tokens are kept, good ones and bad ones each. If zero, 10,000.
	MaxTokens int
	// MaxCalls is how many calls to egov-user run at once; others wait. If zero, 16.
	MaxCalls int
	// Timeout bounds each call, with the wait for its turn. If zero, 5 seconds.
	Timeout time.Duration
	// Client makes the calls. Redirects are not followed. If nil, one that uses no proxy
	// and keeps connections for 30 seconds.
	Client *http.Client
	// AllowHTTP allows an address with http that is not on this machine, as inside of a cluster: the
	// tokens then cross the network in the clear.
	AllowHTTP bool
	// Now is the clock. If nil, time.Now.
	Now func() time.Time
}

const maxDigitToken = 4096

// DigitToken returns an Authenticator of the tokens of DIGIT 2, which it has checked by egov-user: address is
// that of the service with its context path, such as https://digit.example.org/user. Answers are kept for a short while,
// under a hash of the token. A nil opts means the defaults. There is nothing to close.
func DigitToken(address string, opts *DigitTokenOptions) (Authenticator, error) {
	var o DigitTokenOptions
	if opts != nil {
		o = *opts
	}
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("auth: the address of egov-user is none: it looks like https://digit.example.org/user")
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("auth: the address of egov-user begins with %q, not with https", u.Scheme)
	case u.Scheme == "http" && !fetch.Loopback(u.Hostname()) && !o.AllowHTTP:
		return nil, errors.New("auth: the address of egov-user begins with http, and tokens would be sent in the clear: use https, or allow it")
	case o.Keep > time.Hour || o.KeepBad > time.Hour:
		return nil, errors.New("auth: an answer of egov-user is kept for 1 hour at most")
	case o.Keep < 0 || o.KeepBad < 0 || o.MaxTokens < 0 || o.MaxCalls < 0 || o.MaxBody < 0 || o.Timeout < 0:
		return nil, errors.New("auth: an option of the tokens of DIGIT is negative")
	}
	setDefault(&o.Keep, time.Minute)
	setDefault(&o.KeepBad, 10*time.Second)
	setDefault(&o.MaxTokens, 10000)
	setDefault(&o.MaxCalls, 16)
	setDefault(&o.MaxBody, int64(defaultBody))
	setDefault(&o.Timeout, 5*time.Second)
	if o.Now == nil {
		o.Now = time.Now
	}
	return &digitToken{
		opts: o, address: strings.TrimRight(u.String(), "/") + "/_details",
		client: fetch.Client(o.Client, 30*time.Second), calls: make(chan struct{}, o.MaxCalls),
		answers: newAnswers(o.MaxTokens),
	}, nil
}

func setDefault[T comparable](option *T, value T) {
	var zero T
	if *option == zero {
		*option = value
	}
}

type digitToken struct {
	opts    DigitTokenOptions
	address string
	client  *http.Client
	calls   chan struct{}
	answers *answers
}

func (d *digitToken) Authenticate(r *http.Request) (*access.Principal, error) {
	token, err := d.token(r)
	if err != nil {
		return nil, err
	}
	user, err := d.user(r.Context(), token)
	if err != nil {
		return nil, err
	}
	who, err := user.principal(r, &d.opts.Users)
	if err != nil {
		return nil, tokenError(ErrUnauthenticated, err.Error(), err)
	}
	return who, nil
}

// token returns the token of a request.
func (d *digitToken) token(r *http.Request) (string, error) {
	find := d.opts.Token
	if find == nil {
		find = d.findToken
	}
	token, err := find(r)
	var none errNoRequestInfo
	switch {
	case errors.As(err, &none):
		return "", tokenError(ErrNoCredentials, none.Error(), nil)
	case errors.Is(err, ErrNoCredentials), err == nil && token == "":
		return "", tokenError(ErrNoCredentials, "", nil)
	case err != nil:
		return "", tokenError(ErrUnauthenticated, err.Error(), nil)
	case len(token) > maxDigitToken:
		return "", tokenError(ErrUnauthenticated, fmt.Sprintf("the token has more than %d characters", maxDigitToken), nil)
	case !isToken(token):
		return "", tokenError(ErrUnauthenticated, "the token has characters that no token has", nil)
	}
	return token, nil
}

func (d *digitToken) findToken(r *http.Request) (string, error) {
	values := r.Header.Values("Auth-Token")
	if len(values) > 1 {
		return "", errors.New("the header auth-token stands there twice")
	}
	if len(values) == 1 && values[0] != "" {
		return values[0], nil
	}
	info, err := requestInfo(r, d.opts.MaxBody)
	if err != nil {
		return "", err
	}
	token, err := textOf(info, "authToken")
	if err != nil {
		return "", fmt.Errorf("RequestInfo: %w", err)
	}
	return token, nil
}

// user returns whose token it is, from what is kept or from egov-user. Several requests with one
// token make one call.
func (d *digitToken) user(ctx context.Context, token string) (*digitUser, error) {
	hash := sha256.Sum256([]byte(token))
	a, call := d.answers.find(hash, d.opts.Now())
	if a != nil {
		return a.user, a.err
	}
	if call.first {
		defer d.answers.finish(hash, call.pending)
		call.pending.answer = d.ask(context.WithoutCancel(ctx), token)
		return call.pending.answer.user, call.pending.answer.err
	}
	select {
	case <-call.pending.done:
		return call.pending.answer.user, call.pending.answer.err
	case <-ctx.Done():
		return nil, tokenError(ErrUnavailable, "the request ended before egov-user answered", ctx.Err())
	}
}

// ask calls egov-user.
func (d *digitToken) ask(ctx context.Context, token string) answer {
	ctx, cancel := context.WithTimeout(ctx, d.opts.Timeout)
	defer cancel()
	select {
	case d.calls <- struct{}{}:
		defer func() { <-d.calls }()
	case <-ctx.Done():
		return unavailable("too many tokens wait for egov-user", ctx.Err())
	}
	status, body, err := d.post(ctx, token)
	switch {
	case err != nil:
		return unavailable("egov-user did not answer: "+err.Error(), err)
	case status == http.StatusBadRequest || status == http.StatusUnauthorized || status == http.StatusForbidden:
		return answer{
			err:   tokenError(ErrUnauthenticated, fmt.Sprintf("egov-user refused the token with status %d", status), nil),
			until: d.opts.Now().Add(d.opts.KeepBad),
		}
	case status != http.StatusOK:
		return unavailable(fmt.Sprintf("egov-user answered with status %d", status), nil)
	}
	user, err := parseDigitUser(body)
	if err != nil {
		return unavailable("what egov-user answered is no user: "+err.Error(), nil)
	}
	return answer{user: user, until: d.opts.Now().Add(d.opts.Keep)}
}

func (d *digitToken) post(ctx context.Context, token string) (status int, body []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, d.address+"?access_token="+url.QueryEscape(token), nil)
	if err != nil {
		return 0, nil, errors.New("the address cannot be called")
	}
	request.Header.Set("Accept", "application/json")
	response, err := d.client.Do(request)
	if err != nil {
		return 0, nil, withoutToken(err, token)
	}
	defer func() { _ = response.Body.Close() }()
	body, err = io.ReadAll(io.LimitReader(response.Body, maxUserInfo+1))
	if err != nil {
		return 0, nil, withoutToken(err, token)
	}
	return response.StatusCode, body, nil
}

// withoutToken takes the address, which has the token in it, out of an error.
func withoutToken(err error, token string) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if text := err.Error(); strings.Contains(text, token) || strings.Contains(text, url.QueryEscape(token)) {
		return errors.New("the call failed")
	}
	return err
}

func unavailable(reason string, cause error) answer {
	return answer{err: tokenError(ErrUnavailable, reason, cause)}
}

func tokenError(kind error, reason string, cause error) error {
	challenge := `DIGIT realm="dhr", header="auth-token"`
	if errors.Is(kind, ErrUnauthenticated) {
		challenge += `, error="invalid_token"`
	}
	return &Error{Scheme: "digit 2 token", Kind: kind, Reason: reason, Challenge: challenge, Cause: cause}
}
