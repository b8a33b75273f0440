package auth_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/auth"
)

// An egovUser is a service that knows tokens.
type egovUser struct {
	mu     sync.Mutex
	at     time.Time
	users  map[string]string // by token
	status int               // of every answer, if not zero
	calls  atomic.Int32
	auth.Authenticator
}

const goodToken = "3cd4d5c8-5a0b-4f5e-9f0e-0d5e1a4b2c6d"

func newEgovUser(t *testing.T, opts *auth.DigitTokenOptions) *egovUser {
	e := &egovUser{at: now, users: map[string]string{goodToken: asha}}
	server := httptest.NewServer(http.HandlerFunc(e.serve))
	t.Cleanup(server.Close)
	var o auth.DigitTokenOptions
	if opts != nil {
		o = *opts
	}
	o.Now = func() time.Time {
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.at
	}
	var err error
	e.Authenticator, err = auth.DigitToken(server.URL+"/user/", &o)
	require.NoError(t, err)
	return e
}

// serve answers as egov-user does.
func (e *egovUser) serve(w http.ResponseWriter, r *http.Request) {
	e.calls.Add(1)
	e.mu.Lock()
	defer e.mu.Unlock()
	user, known := e.users[r.URL.Query().Get("access_token")]
	switch {
	case r.Method != http.MethodPost || r.URL.Path != "/user/_details":
		w.WriteHeader(http.StatusNotFound)
	case e.status != 0:
		w.WriteHeader(e.status)
	case !known:
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"ResponseInfo":null,"Errors":[{"code":"InvalidAccessTokenException"}]}`)
	default:
		_, _ = io.WriteString(w, user)
	}
}

func (e *egovUser) pass(d time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.at = e.at.Add(d)
}

func (e *egovUser) answer(status int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.status = status
}

func (e *egovUser) set(token, user string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.users[token] = user; user == "" {
		delete(e.users, token)
	}
}

func TestWhereTokensOfDigitStand(t *testing.T) {
	t.Parallel()
	e := newEgovUser(t, &auth.DigitTokenOptions{MaxBody: 1000})
	info := `{"jql": "x = 1", "RequestInfo": {"ts": 1732694400000, "authToken": "` + goodToken + `"}}`
	for _, c := range []struct {
		name   string
		r      *http.Request
		kind   error
		reason string
	}{
		{"header", request("auth-token", goodToken), nil, ""},
		{"header beside a body", posting(`{"RequestInfo": {"authToken": "x"}}`, "auth-token", goodToken), nil, ""},
		{"body", posting(info), nil, ""},
		{"body and an empty header", posting(info, "auth-token", ""), nil, ""},
		{"nothing", request(), auth.ErrNoCredentials, "the body is no JSON"},
		{"as bearer", request("Authorization", "Bearer "+goodToken), auth.ErrNoCredentials, "the body is no JSON"},
		{"as parameter", httptest.NewRequest(http.MethodGet, "/?auth-token="+goodToken, nil), auth.ErrNoCredentials, "the body is no JSON"},
		{"no token in the body", posting(`{"RequestInfo": {}}`), auth.ErrNoCredentials, ""},
		{"null in the body", posting(`{"RequestInfo": {"authToken": null}}`), auth.ErrNoCredentials, ""},
		{"empty in the body", posting(`{"RequestInfo": {"authToken": ""}}`), auth.ErrNoCredentials, ""},
		{"large body", posting(strings.Replace(info, "x = 1", strings.Repeat("x", 1000), 1)), auth.ErrNoCredentials, "the body has more than 1000 bytes, and was not looked through"},
		{"twice", request("auth-token", goodToken, "auth-token", goodToken), auth.ErrUnauthenticated, "the header auth-token stands there twice"},
		{"twice in the body", posting(`{"RequestInfo": {"authToken": "a", "authToken": "b"}}`), auth.ErrUnauthenticated, "RequestInfo: a member stands twice in one object"},
		{"a number", posting(`{"RequestInfo": {"authToken": 1}}`), auth.ErrUnauthenticated, "RequestInfo: the member authToken is no text"},
		{"long", request("auth-token", strings.Repeat("a", 4097)), auth.ErrUnauthenticated, "the token has more than 4096 characters"},
		{"more than a token", request("auth-token", goodToken+"&x=y"), auth.ErrUnauthenticated, "the token has characters that no token has"},
		{"with a line end", posting(`{"RequestInfo": {"authToken": "a\nb"}}`), auth.ErrUnauthenticated, "the token has characters that no token has"},
		{"unknown", request("auth-token", "undefined"), auth.ErrUnauthenticated, "egov-user refused the token with status 400"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			who, err := e.Authenticate(c.r)
			if c.kind == nil {
				require.NoError(t, err)
				require.Equal(t, &access.Principal{
					User: uuid, Tenant: "pb.amritsar", Roles: []string{"NURSE"},
					Attributes: map[string][]string{"user_name": {"DIST-7"}, "user_type": {"EMPLOYEE"}},
				}, who)
				return
			}
			require.Nil(t, who)
			var a *auth.Error
			require.ErrorAs(t, err, &a)
			require.Equal(t, c.kind, a.Kind)
			require.Equal(t, c.reason, a.Reason)
			require.Contains(t, auth.Challenges(err)[0], `DIGIT realm="dhr", header="auth-token"`)
		})
	}
}

func TestAnswersAreKeptForAWhile(t *testing.T) {
	t.Parallel()
	e := newEgovUser(t, nil)
	ask := func() error {
		_, err := e.Authenticate(request("auth-token", goodToken))
		return err
	}
	for range 5 {
		require.NoError(t, ask())
	}
	require.EqualValues(t, 1, e.calls.Load())
	e.set(goodToken, "") // she signs out
	e.pass(59 * time.Second)
	require.NoError(t, ask())
	e.pass(time.Second)
	require.ErrorIs(t, ask(), auth.ErrUnauthenticated)
	require.EqualValues(t, 2, e.calls.Load())
	e.set(goodToken, asha)
	e.pass(9 * time.Second)
	require.ErrorIs(t, ask(), auth.ErrUnauthenticated)
	require.EqualValues(t, 2, e.calls.Load())
	e.pass(time.Second)
	require.NoError(t, ask())
	require.EqualValues(t, 3, e.calls.Load())
}

func TestWhatIsKeptIsNotTheCallers(t *testing.T) {
	t.Parallel()
	e := newEgovUser(t, nil)
	for range 2 {
		who, err := e.Authenticate(request("auth-token", goodToken))
		require.NoError(t, err)
		require.Equal(t, []string{"NURSE"}, who.Roles)
		who.Roles[0], who.Attributes["user_name"][0] = "ADMIN", "x"
	}
	require.EqualValues(t, 1, e.calls.Load())
}

// One user with one token, in the tenant that each request asks for.
func TestOneTokenInSeveralTenants(t *testing.T) {
	t.Parallel()
	e := newEgovUser(t, &auth.DigitTokenOptions{Users: auth.DigitUsers{Tenant: tenantParameter}})
	for tenant, role := range map[string]string{"pb.amritsar": "NURSE", "pb.jalandhar": "SUPERVISOR", "mh": "ADMIN"} {
		r := request("auth-token", goodToken)
		r.URL.RawQuery = "tenantId=" + tenant
		who, err := e.Authenticate(r)
		require.NoError(t, err)
		require.Equal(t, tenant, who.Tenant)
		require.Equal(t, []string{role}, who.Roles)
	}
	r := request("auth-token", goodToken)
	r.URL.RawQuery = "tenantId=ka"
	_, err := e.Authenticate(r)
	require.ErrorIs(t, err, access.ErrDenied)
	require.EqualValues(t, 1, e.calls.Load())
}

func TestBadTokensPushOutNoGoodOnes(t *testing.T) {
	t.Parallel()
	e := newEgovUser(t, &auth.DigitTokenOptions{MaxTokens: 3})
	_, err := e.Authenticate(request("auth-token", goodToken))
	require.NoError(t, err)
	for i := range 10 {
		_, err := e.Authenticate(request("auth-token", fmt.Sprintf("guess-%d", i)))
		require.ErrorIs(t, err, auth.ErrUnauthenticated)
	}
	require.EqualValues(t, 11, e.calls.Load())
	_, err = e.Authenticate(request("auth-token", goodToken))
	require.NoError(t, err)
	require.EqualValues(t, 11, e.calls.Load())

	// Of the good ones those stay that were used last.
	for _, token := range []string{"b", "c", goodToken, "d"} {
		e.set(token, asha)
		_, err := e.Authenticate(request("auth-token", token))
		require.NoError(t, err)
	}
	require.EqualValues(t, 14, e.calls.Load())
	for _, token := range []string{goodToken, "c", "d"} {
		_, err := e.Authenticate(request("auth-token", token))
		require.NoError(t, err)
	}
	require.EqualValues(t, 14, e.calls.Load())
	_, err = e.Authenticate(request("auth-token", "b"))
	require.NoError(t, err)
	require.EqualValues(t, 15, e.calls.Load())
}

func TestEgovUserThatFails(t *testing.T) {
	t.Parallel()
	e := newEgovUser(t, nil)
	for _, status := range []int{404, 405, 429, 500, 503, 204, 302} {
		e.answer(status)
		_, err := e.Authenticate(request("auth-token", goodToken))
		require.ErrorIs(t, err, auth.ErrUnavailable, status)
		require.NotErrorIs(t, err, auth.ErrUnauthenticated)
		require.ErrorContains(t, err, fmt.Sprintf("egov-user answered with status %d", status))
	}
	for _, status := range []int{400, 401, 403} {
		e.answer(status)
		_, err := e.Authenticate(request("auth-token", fmt.Sprintf("token-%d", status)))
		require.ErrorIs(t, err, auth.ErrUnauthenticated)
		require.Contains(t, auth.Challenges(err)[0], `error="invalid_token"`)
	}
	e.answer(0)
	_, err := e.Authenticate(request("auth-token", goodToken)) // failures are not kept
	require.NoError(t, err)
	for _, user := range []string{`[]`, `<html>`, `{"uuid": "a", "uuid": "b"}`, `{"roles": 1}`, `{"active": false}`, `{"x": "` + strings.Repeat("x", 256<<10) + `"}`} {
		token := fmt.Sprintf("t%d", len(user))
		e.set(token, user)
		who, err := e.Authenticate(request("auth-token", token))
		require.Nil(t, who)
		require.ErrorIs(t, err, auth.ErrUnavailable)
	}
}

// A transport answers by a function.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func details(t *testing.T, opts auth.DigitTokenOptions, f transport) auth.Authenticator {
	opts.Client = &http.Client{Transport: f}
	a, err := auth.DigitToken("https://digit.example.org/user", &opts)
	require.NoError(t, err)
	return a
}

func TestErrorsHoldNoToken(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]error{
		"plain":         errors.New("connection refused"),
		"with the call": &url.Error{Op: "Post", URL: "https://digit.example.org/user/_details?access_token=" + goodToken, Err: errors.New("down")},
		"in its text":   errors.New("cannot send " + goodToken),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := details(t, auth.DigitTokenOptions{}, func(*http.Request) (*http.Response, error) { return nil, failure })
			_, err := a.Authenticate(request("auth-token", goodToken))
			require.ErrorIs(t, err, auth.ErrUnavailable)
			var refusal *auth.Error
			require.ErrorAs(t, err, &refusal)
			for e := refusal.Cause; e != nil; e = errors.Unwrap(e) {
				require.NotContains(t, e.Error(), goodToken)
				require.NotContains(t, e.Error(), "access_token")
			}
			require.NotContains(t, err.Error(), goodToken)
			require.NotContains(t, err.Error(), "access_token")
		})
	}
}

func ok(body string) *http.Response {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(body))}
}

func TestOneTokenMakesOneCall(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	calls := atomic.Int32{}
	a := details(t, auth.DigitTokenOptions{}, func(*http.Request) (*http.Response, error) {
		if calls.Add(1) == 1 {
			close(entered)
		}
		<-leave
		return ok(asha), nil
	})
	results := make(chan error, 20)
	ask := func(ctx context.Context) {
		_, err := a.Authenticate(request("auth-token", goodToken).WithContext(ctx))
		results <- err
	}
	// The client whose request makes the call goes away; the others get its answer all the same.
	gone, goAway := context.WithCancel(t.Context())
	go ask(gone)
	<-entered
	goAway()
	for range 19 {
		go ask(t.Context())
	}
	// One that ends while it waits says so.
	_, err := a.Authenticate(request("auth-token", goodToken).WithContext(gone))
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, auth.ErrUnavailable)
	close(leave)
	for range 20 {
		require.NoError(t, <-results)
	}
	require.EqualValues(t, 1, calls.Load())
}

func TestCallsAreBounded(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	running, most := atomic.Int32{}, atomic.Int32{}
	a := details(t, auth.DigitTokenOptions{MaxCalls: 2, Timeout: time.Minute}, func(*http.Request) (*http.Response, error) {
		if n := running.Add(1); n > most.Load() {
			most.Store(n)
		}
		entered <- struct{}{}
		<-leave
		running.Add(-1)
		return ok(asha), nil
	})
	results := make(chan error, 8)
	for i := range 8 {
		go func() {
			_, err := a.Authenticate(request("auth-token", fmt.Sprintf("token-%d", i)))
			results <- err
		}()
	}
	<-entered
	<-entered
	for range 6 {
		leave <- struct{}{}
		<-entered
	}
	leave <- struct{}{}
	leave <- struct{}{}
	for range 8 {
		require.NoError(t, <-results)
	}
	require.EqualValues(t, 2, most.Load())
}

func TestCallsHaveATimeout(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	a := details(t, auth.DigitTokenOptions{MaxCalls: 1, Timeout: time.Millisecond}, func(r *http.Request) (*http.Response, error) {
		if r.URL.Query().Get("access_token") == "blocked" {
			close(entered)
			<-leave
		}
		<-r.Context().Done()
		return nil, r.Context().Err()
	})
	_, err := a.Authenticate(request("auth-token", "slow"))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, auth.ErrUnavailable)
	require.ErrorContains(t, err, "egov-user did not answer")

	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = a.Authenticate(request("auth-token", "blocked"))
	}()
	<-entered
	_, err = a.Authenticate(request("auth-token", "waiting"))
	require.ErrorContains(t, err, "too many tokens wait for egov-user")
	close(leave)
	<-done
}

// A panic of the client's transport reaches the one who called it, and leaves nobody waiting.
func TestABrokenCallLeavesNobodyWaiting(t *testing.T) {
	t.Parallel()
	a := details(t, auth.DigitTokenOptions{}, func(*http.Request) (*http.Response, error) { panic("broken") })
	for range 2 {
		require.Panics(t, func() { _, _ = a.Authenticate(request("auth-token", goodToken)) })
	}
}

func TestOptionsOfTokens(t *testing.T) {
	t.Parallel()
	for address, ok := range map[string]bool{
		"https://digit.example.org/user":     true,
		"https://digit.example.org/user/":    true,
		"http://127.0.0.1:8081/user":         true,
		"http://localhost:8081/user":         true,
		"http://egov-user.egov:8080/user":    false,
		"ftp://digit.example.org/user":       false,
		"https://a:b@digit.example.org/user": false,
		"https://digit.example.org/user?x=y": false,
		"digit.example.org":                  false,
		"":                                   false,
	} {
		_, err := auth.DigitToken(address, nil)
		require.Equal(t, ok, err == nil, "%q: %v", address, err)
	}
	_, err := auth.DigitToken("http://egov-user.egov:8080/user", &auth.DigitTokenOptions{AllowHTTP: true})
	require.NoError(t, err)
	for _, o := range []auth.DigitTokenOptions{{Keep: 2 * time.Hour}, {KeepBad: 2 * time.Hour}, {Keep: -1}, {KeepBad: -1}, {MaxTokens: -1}, {MaxCalls: -1}, {MaxBody: -1}, {Timeout: -1}} {
		_, err := auth.DigitToken("https://digit.example.org/user", &o)
		require.Error(t, err)
	}
}

func TestTokensFromElsewhere(t *testing.T) {
	t.Parallel()
	broken := errors.New("two tokens")
	e := newEgovUser(t, &auth.DigitTokenOptions{Token: func(r *http.Request) (string, error) {
		if r.Header.Get("X-Broken") != "" {
			return "", broken
		}
		return r.Header.Get("X-My-Token"), nil
	}})
	_, err := e.Authenticate(request("X-My-Token", goodToken))
	require.NoError(t, err)
	_, err = e.Authenticate(request("auth-token", goodToken))
	require.ErrorIs(t, err, auth.ErrNoCredentials)
	_, err = e.Authenticate(request("X-Broken", "1"))
	require.ErrorIs(t, err, auth.ErrUnauthenticated)
	require.ErrorContains(t, err, "two tokens")
}

func FuzzDigitToken(f *testing.F) {
	f.Add(goodToken)
	f.Add("a b")
	f.Add("%26x=y")
	var asked string
	a, err := auth.DigitToken("https://digit.example.org/user", &auth.DigitTokenOptions{Client: &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		asked = r.URL.Query().Get("access_token")
		if len(r.URL.Query()) != 1 {
			return nil, errors.New("the token became more than one parameter")
		}
		return ok(asha), nil
	})}, MaxTokens: 1})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, token string) {
		asked = token // an answer that is kept is not asked for
		r := request()
		r.Header["Auth-Token"] = []string{token}
		who, err := a.Authenticate(r)
		if err != nil {
			require.Nil(t, who)
			require.NotErrorIs(t, err, auth.ErrUnavailable)
			return
		}
		require.Equal(t, token, asked)
	})
}
