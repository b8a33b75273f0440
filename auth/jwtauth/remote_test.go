package jwtauth_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/auth"
	"github.com/digit-health/dhr/auth/jwtauth"
)

// A provider is an issuer whose keys are fetched. What it answers can be changed.
type provider struct {
	mu     sync.Mutex
	at     time.Time
	status int
	body   []byte
	calls  atomic.Int32
	*jwtauth.Authenticator
}

func newProvider(t *testing.T, keys ...string) *provider {
	p := &provider{at: now, status: http.StatusOK}
	p.publish(keys...)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p.calls.Add(1)
		p.mu.Lock()
		defer p.mu.Unlock()
		w.WriteHeader(p.status)
		_, _ = w.Write(p.body)
	}))
	t.Cleanup(server.Close)
	remote, err := jwtauth.Remote(server.URL, nil)
	require.NoError(t, err)
	p.Authenticator, err = jwtauth.New([]jwtauth.Issuer{issuerOf(remote)}, &jwtauth.Options{Leeway: time.Minute, Now: func() time.Time {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.at
	}})
	require.NoError(t, err)
	return p
}

// publish changes the keys that are to be had.
func (p *provider) publish(kinds ...string) {
	var set []map[string]any
	for _, kind := range kinds {
		set = append(set, signers()[kind].jwk())
	}
	p.answer(http.StatusOK, string(jwks(set...)))
}

func (p *provider) answer(status int, body string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status, p.body = status, []byte(body)
}

func (p *provider) pass(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at = p.at.Add(d)
}

// signed is a token of a key that is valid for a day.
func signed(t *testing.T, kind string) string {
	s := signers()[kind]
	return sign(t, jwt.SigningMethodRS256, s.private, map[string]any{"kid": s.kid}, with(map[string]any{"exp": now.Add(24 * time.Hour).Unix()}))
}

func (p *provider) accepts(t *testing.T, token string) {
	t.Helper()
	_, err := p.Verify(t.Context(), token)
	require.NoError(t, err)
}

func (p *provider) refuses(t *testing.T, token string, want error) {
	t.Helper()
	_, err := p.Verify(t.Context(), token)
	require.ErrorIs(t, err, want)
}

func TestKeysAreFetchedOnceAndRotate(t *testing.T) {
	t.Parallel()
	p := newProvider(t, "RSA")
	one, two := signed(t, "RSA"), signed(t, "RSA2")
	require.EqualValues(t, 0, p.calls.Load(), "fetched before it is needed")
	for range 10 {
		p.accepts(t, one)
	}
	require.EqualValues(t, 1, p.calls.Load())

	// A new key is found when the first token comes that names it.
	p.pass(time.Minute)
	p.publish("RSA", "RSA2")
	p.accepts(t, two)
	p.accepts(t, one)
	require.EqualValues(t, 2, p.calls.Load())

	// The old one is withdrawn, and ceases when the keys are fetched the next time.
	p.publish("RSA2")
	p.pass(14 * time.Minute)
	p.accepts(t, one)
	require.EqualValues(t, 2, p.calls.Load())
	p.pass(time.Minute)
	p.refuses(t, one, auth.ErrUnauthenticated)
	p.accepts(t, two)
	require.EqualValues(t, 3, p.calls.Load())
}

func TestUnknownKeysCauseFewFetches(t *testing.T) {
	t.Parallel()
	p := newProvider(t, "RSA")
	p.accepts(t, signed(t, "RSA"))
	s := signers()["RSA2"]
	for i := range 200 {
		p.pass(100 * time.Millisecond) // 20 seconds in all, with a pause of 10
		kid := "made-up-" + strings.Repeat("x", i%7)
		p.refuses(t, sign(t, jwt.SigningMethodRS256, s.private, map[string]any{"kid": kid}, with(map[string]any{"exp": now.Unix() + 1000})), auth.ErrUnauthenticated)
	}
	require.EqualValues(t, 3, p.calls.Load())
	// Meanwhile known keys are served, and a new one is found at the next fetch.
	p.accepts(t, signed(t, "RSA"))
	p.publish("RSA2")
	p.pass(10 * time.Second)
	p.accepts(t, signed(t, "RSA2"))
	require.EqualValues(t, 4, p.calls.Load())
}

func TestStaleKeysServeForAWhile(t *testing.T) {
	t.Parallel()
	p := newProvider(t, "RSA")
	one, two := signed(t, "RSA"), signed(t, "RSA2")
	p.accepts(t, one)
	p.answer(http.StatusBadGateway, "")
	p.pass(15 * time.Minute)
	for range 10 {
		p.accepts(t, one)
	}
	require.EqualValues(t, 2, p.calls.Load(), "a failed fetch is not repeated at once")
	p.refuses(t, two, auth.ErrUnavailable) // it may be new
	p.pass(44*time.Minute + 59*time.Second)
	p.accepts(t, one)
	p.pass(time.Second)
	p.refuses(t, one, auth.ErrUnavailable)
	p.pass(8 * time.Second)
	p.publish("RSA")
	p.refuses(t, one, auth.ErrUnavailable) // the pause is not over
	p.pass(time.Second)
	p.accepts(t, one)
}

func TestBadAnswersOfTheIssuer(t *testing.T) {
	t.Parallel()
	redirect := httptest.NewServer(http.RedirectHandler("http://127.0.0.1:1/", http.StatusFound))
	t.Cleanup(redirect.Close)
	for _, c := range []struct {
		name, body, want string
		status           int
	}{
		{"an error", "", "answered with status 500", http.StatusInternalServerError},
		{"not found", "", "answered with status 404", http.StatusNotFound},
		{"nothing", "", "it is not JSON", http.StatusOK},
		{"a page", "<html>", "it is not JSON", http.StatusOK},
		{"no keys", `{"keys": []}`, "there is no key that can be used", http.StatusOK},
		{"only others", string(jwks(map[string]any{"kty": "oct", "k": "c2VjcmV0"}, changed("RSA", map[string]any{"use": "enc"}))), "there is no key that can be used", http.StatusOK},
		{"large", `{"keys": [` + strings.Repeat(" ", 256<<10) + `]}`, "more than 262144 bytes", http.StatusOK},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newProvider(t)
			p.answer(c.status, c.body)
			_, err := p.Verify(t.Context(), signed(t, "RSA"))
			require.ErrorIs(t, err, auth.ErrUnavailable)
			require.NotErrorIs(t, err, auth.ErrUnauthenticated)
			require.ErrorContains(t, err, c.want)
			require.Empty(t, auth.Challenges(err))
		})
	}
	remote, err := jwtauth.Remote(redirect.URL, nil)
	require.NoError(t, err)
	_, err = authenticator(t, issuerOf(remote)).Verify(t.Context(), signed(t, "RSA"))
	require.ErrorContains(t, err, "answered with status 302")
}

// Keys of the set that are for something else do not disturb those for signatures.
func TestOtherKeysAreLeftOut(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	p.answer(http.StatusOK, string(jwks(
		map[string]any{"kty": "oct", "kid": "rsa-1", "k": "c2VjcmV0"},
		changed("RSA2", map[string]any{"use": "enc", "alg": "RSA-OAEP", "kid": "rsa-1"}),
		signers()["P-521"].jwk(),
		signers()["RSA"].jwk(),
	)))
	p.accepts(t, signed(t, "RSA"))
	p.refuses(t, sign(t, jwt.SigningMethodHS256, []byte("secret"), map[string]any{"kid": "rsa-1"}, good()), auth.ErrUnauthenticated)
}

// A transport answers by a function.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestManyRequestsMakeOneFetch(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	calls := atomic.Int32{}
	client := &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) {
		if calls.Add(1) == 1 {
			close(entered)
		}
		<-leave
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(string(jwks(signers()["RSA"].jwk()))))}, nil
	})}
	remote, err := jwtauth.Remote("https://id.example.org/certs", &jwtauth.RemoteOptions{Client: client})
	require.NoError(t, err)
	a := authenticator(t, issuerOf(remote))
	token := signed(t, "RSA")

	results := make(chan error, 20)
	ask := func(ctx context.Context) {
		_, err := a.Verify(ctx, token)
		results <- err
	}
	// The client whose request fetches goes away; the others get their keys all the same.
	gone, goAway := context.WithCancel(t.Context())
	go ask(gone)
	<-entered
	goAway()
	for range 19 {
		go ask(t.Context())
	}
	close(leave)
	for range 20 {
		require.NoError(t, <-results)
	}
	require.EqualValues(t, 1, calls.Load())
}

func TestWaitingEndsWithTheRequest(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	client := &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) {
		close(entered)
		<-leave
		return nil, errors.New("down")
	})}
	remote, err := jwtauth.Remote("https://id.example.org/certs", &jwtauth.RemoteOptions{Client: client})
	require.NoError(t, err)
	a := authenticator(t, issuerOf(remote))
	first, token := make(chan error), signed(t, "RSA")
	go func() {
		_, err := a.Verify(t.Context(), token)
		first <- err
	}()
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = a.Verify(ctx, token)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, auth.ErrUnavailable)
	close(leave)
	require.ErrorContains(t, <-first, "down")
}

func TestAFetchHasATimeout(t *testing.T) {
	t.Parallel()
	client := &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	})}
	remote, err := jwtauth.Remote("https://id.example.org/certs", &jwtauth.RemoteOptions{Client: client, Timeout: time.Millisecond})
	require.NoError(t, err)
	_, err = authenticator(t, issuerOf(remote)).Verify(t.Context(), signed(t, "RSA"))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, auth.ErrUnavailable)
}

func TestAddressesOfKeys(t *testing.T) {
	t.Parallel()
	for address, ok := range map[string]bool{
		"https://id.example.org/certs":       true,
		"http://127.0.0.1:8080/certs":        true,
		"http://[::1]:8080/certs":            true,
		"http://localhost/certs":             true,
		"http://id.example.org/certs":        false,
		"http://localhost.example.org/certs": false,
		"http://127.0.0.1.example.org/certs": false,
		"http://10.0.0.1/certs":              false,
		"ftp://id.example.org/certs":         false,
		"file:///etc/passwd":                 false,
		"https://user:pw@id.example.org/":    false,
		"id.example.org":                     false,
		"":                                   false,
		"https://id.example.org/#x":          false,
		"https://%zz/":                       false,
	} {
		_, err := jwtauth.Remote(address, nil)
		require.Equal(t, ok, err == nil, "%q: %v", address, err)
		if err != nil {
			require.NotContains(t, err.Error(), "pw")
		}
	}
	for _, opts := range []jwtauth.RemoteOptions{{Refresh: -1}, {Stale: -1}, {Pause: -1}, {Timeout: -1}, {Refresh: 2 * time.Hour}} {
		_, err := jwtauth.Remote("https://id.example.org/certs", &opts)
		require.Error(t, err)
	}
}

func TestPresets(t *testing.T) {
	t.Parallel()
	calls := make(chan string, 10)
	client := &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		calls <- r.URL.String()
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(string(jwks(signers()["RSA"].jwk()))))}, nil
	})}
	opts := &jwtauth.RemoteOptions{Client: client}
	// What an access token of Keycloak holds, and what an ID token.
	claims := func(realm, typ string) map[string]any {
		return with(map[string]any{
			"iss": realm, "typ": typ, "aud": []string{"dhr.web", "account"}, "azp": "dhr.web", "sub": "f:1:asha", "preferred_username": "asha",
			"roles": nil, "tenant": nil, "realm_access": map[string]any{"roles": []string{"nurse", "offline_access"}},
			"resource_access": map[string]any{"dhr.web": map[string]any{"roles": []string{"exporter"}}, "account": map[string]any{"roles": []string{"manage-account"}}},
			"groups":          []string{"/north"},
		})
	}
	token := func(claims map[string]any) string {
		return sign(t, jwt.SigningMethodRS256, signers()["RSA"].private, map[string]any{"kid": "rsa-1"}, claims)
	}

	keycloak, err := jwtauth.Keycloak("https://id.example.org/realms/health/", "dhr.web", opts)
	require.NoError(t, err)
	a := authenticator(t, keycloak)
	realm := "https://id.example.org/realms/health"
	require.Equal(t, "the token names no tenant", refusal(t, a, token(claims(realm, "Bearer"))))
	require.Equal(t, realm+"/protocol/openid-connect/certs", <-calls)
	in := claims(realm, "Bearer")
	in["tenant"] = "pb"
	who, err := a.Verify(t.Context(), token(in))
	require.NoError(t, err)
	require.Equal(t, "f:1:asha", who.User)
	require.Equal(t, "pb", who.Tenant)
	require.Equal(t, []string{"nurse", "offline_access", "exporter"}, who.Roles)
	require.Equal(t, []string{"/north"}, who.Groups)
	require.Equal(t, map[string][]string{"user_name": {"asha"}}, who.Attributes)
	require.Equal(t, `the claim typ is not one of ["Bearer"]`, refusal(t, a, token(claims(realm, "ID"))))

	digit, err := jwtauth.Digit("https://digit.example.org/keycloak/realms/pb", "dhr.web", opts)
	require.NoError(t, err)
	a = authenticator(t, digit)
	who, err = a.Verify(t.Context(), token(claims(digit.Name, "Bearer")))
	require.NoError(t, err)
	require.Equal(t, "pb", who.Tenant)
	in = claims(digit.Name, "Bearer")
	in["tenant"] = "mh"
	require.Contains(t, refusal(t, a, token(in)), `its issuer is that of "pb"`)

	for _, address := range []string{"https://digit.example.org/keycloak", "https://digit.example.org/realms/", "https://digit.example.org/realms/pb/x", "http://digit.example.org/realms/pb"} {
		_, err := jwtauth.Digit(address, "dhr", opts)
		require.Error(t, err, address)
	}
	_, err = jwtauth.Keycloak(realm, "", opts)
	require.Error(t, err)
}
