package smart_test

import (
	"context"
	"encoding/json"
	"errors"
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
	"github.com/digit-health/dhr/auth/jwtauth"
	"github.com/digit-health/dhr/auth/smart"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/memdoc"
	"github.com/digit-health/dhr/fhir/fhirtest"
)

const tokenURL = "https://dhr.example.org/auth/token"

var (
	now    = time.Date(2026, 11, 27, 10, 0, 0, 0, time.UTC)
	secret = []byte("a secret of 32 bytes or more, or so")
	key    = sync.OnceValues(func() (*fhirtest.Key, error) { return fhirtest.NewKey("ES384", "k1") })
	rsaKey = sync.OnceValues(func() (*fhirtest.Key, error) { return fhirtest.NewKey("RS384", "k2") })
)

func keyOf(t testing.TB, make func() (*fhirtest.Key, error)) (*fhirtest.Key, jwtauth.Keys) {
	t.Helper()
	k, err := make()
	require.NoError(t, err)
	keys, err := jwtauth.ParseKeys(k.JWKS())
	require.NoError(t, err)
	return k, keys
}

// office is a server of tokens, and the clock that it goes by.
type office struct {
	*smart.Server

	store *docstore.Store
	later atomic.Int64
}

func open(t testing.TB, store *docstore.Store, scopes ...string) *office {
	t.Helper()
	_, one := keyOf(t, key)
	_, two := keyOf(t, rsaKey)
	o := &office{store: store}
	acts := func() *access.Principal {
		return &access.Principal{Tenant: "pb", Roles: []string{"EXPORTER"}, Attributes: map[string][]string{"district": {"Pune"}}}
	}
	var err error
	o.Server, err = smart.New(store, secret, []smart.Client{
		{ID: "research", Keys: one, Scopes: scopes, Principal: acts()},
		{ID: "state", Keys: two, Scopes: []string{"system/*.rs"}, Principal: acts()},
	}, &smart.Options{TokenURL: tokenURL, Under: "/fhir/", Now: func() time.Time { return now.Add(time.Duration(o.later.Load())) }})
	require.NoError(t, err)
	return o
}

// form is a request for a token as it should be.
func form(t testing.TB, k *fhirtest.Key, claims, header map[string]any, scope string) url.Values {
	t.Helper()
	assertion, err := k.Sign(claims, header)
	require.NoError(t, err)
	return url.Values{
		"grant_type": {"client_credentials"}, "client_assertion": {assertion}, "scope": {scope},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	}
}

func bearer(token, path string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

func TestTokens(t *testing.T) {
	t.Parallel()
	o := open(t, docstore.New(memdoc.New()), "system/*.rs")
	for id, make := range map[string]func() (*fhirtest.Key, error){"research": key, "state": rsaKey} {
		k, _ := keyOf(t, make)
		got, err := o.Token(t.Context(), form(t, k, fhirtest.Claims(id, tokenURL, now), nil, "system/*.read"))
		require.NoError(t, err, k.Algorithm)
		require.Equal(t, "bearer", got.TokenType)
		require.EqualValues(t, 300, got.ExpiresIn)
		require.Equal(t, "system/*.read", got.Scope)
		text, err := json.Marshal(got)
		require.NoError(t, err)
		require.NotContains(t, string(text), "refresh_token")

		who, err := o.Authenticate(bearer(got.AccessToken, "/fhir/r4/$export"))
		require.NoError(t, err)
		require.Equal(t, &access.Principal{
			User: "smart-client:" + id, Tenant: "pb", Roles: []string{"EXPORTER"}, Attributes: map[string][]string{"district": {"Pune"}, smart.Attribute: {"system/*.rs"}},
		}, who)
		_, is := smart.Granted(who)
		require.False(t, is, "* limits to nothing")
		_, err = o.Authenticate(bearer(got.AccessToken, "/v1/query"))
		require.ErrorIs(t, err, access.ErrDenied, "a token for FHIR is one for nothing else")
	}
}

// Every rule of an assertion, each broken for itself. (A1)
func TestAssertions(t *testing.T) {
	t.Parallel()
	k, _ := keyOf(t, key)
	other, err := fhirtest.NewKey("ES384", "k1")
	require.NoError(t, err)
	type m = map[string]any
	for name, c := range map[string]struct {
		key            *fhirtest.Key
		claims, header m
		form           url.Values
		code, says     string
	}{
		"no grant type":          {form: url.Values{"grant_type": nil}, code: "invalid_request", says: "grant_type is missing"},
		"another grant type":     {form: url.Values{"grant_type": {"password"}}, code: "unsupported_grant_type", says: "client_credentials"},
		"another assertion type": {form: url.Values{"client_assertion_type": {"x"}}, code: "invalid_request", says: "client_assertion_type"},
		"no assertion":           {form: url.Values{"client_assertion": nil}, code: "invalid_request", says: "client_assertion"},
		"two assertions":         {form: url.Values{"client_assertion": {"a", "b"}}, code: "invalid_request", says: "2 times"},
		"no JWT":                 {form: url.Values{"client_assertion": {"not.a.jwt"}}, code: "invalid_client", says: "no JSON web token"},
		"another client_id":      {form: url.Values{"client_id": {"state"}}, code: "invalid_client", says: "client_id"},
		"unknown client":         {claims: m{"iss": "who", "sub": "who"}, code: "invalid_client", says: "not known"},
		"another sub":            {claims: m{"sub": "state"}, code: "invalid_client", says: "sub"},
		"another client's key":   {claims: m{"iss": "state", "sub": "state"}, code: "invalid_client", says: "not signed by a key of the client"},
		"another key":            {key: other, code: "invalid_client", says: "not signed by a key of the client"},
		"no kid":                 {header: m{"kid": nil}, code: "invalid_client", says: "kid"},
		"unknown kid":            {header: m{"kid": "k9"}, code: "invalid_client", says: "not signed by a key"},
		"another algorithm":      {header: m{"alg": "ES256"}, code: "invalid_client", says: "RS384, ES384"},
		"no algorithm":           {header: m{"alg": "none"}, code: "invalid_client", says: "no JSON web token"},
		"symmetric algorithm":    {header: m{"alg": "HS256"}, code: "invalid_client", says: "RS384, ES384"},
		"another type":           {header: m{"typ": "at+jwt"}, code: "invalid_client", says: "type"},
		"another audience":       {claims: m{"aud": "https://elsewhere.example.org/auth/token"}, code: "invalid_client", says: "aud"},
		"no audience":            {claims: m{"aud": nil}, code: "invalid_client", says: "aud"},
		"the base as audience":   {claims: m{"aud": "https://dhr.example.org/fhir/r4"}, code: "invalid_client", says: tokenURL},
		"no exp":                 {claims: m{"exp": nil}, code: "invalid_client", says: "exp"},
		"exp as text":            {claims: m{"exp": "soon"}, code: "invalid_client", says: "exp"},
		"expired":                {claims: m{"exp": now.Add(-31 * time.Second).Unix()}, code: "invalid_client", says: "expired"},
		"good for too long":      {claims: m{"exp": now.Add(6 * time.Minute).Unix()}, code: "invalid_client", says: "5 minutes"},
		"not yet":                {claims: m{"nbf": now.Add(time.Minute).Unix()}, code: "invalid_client", says: "future"},
		"issued tomorrow":        {claims: m{"iat": now.Add(24 * time.Hour).Unix()}, code: "invalid_client", says: "future"},
		"no jti":                 {claims: m{"jti": nil}, code: "invalid_client", says: "jti"},
		"jti as number":          {claims: m{"jti": 7}, code: "invalid_client", says: "jti"},
		"no scope":               {form: url.Values{"scope": nil}, code: "invalid_scope", says: "system/*.rs"},
		"unknown scopes":         {form: url.Values{"scope": {"openid user/*.read system/Patient.r system/patient.rs"}}, code: "invalid_scope", says: "system/*.rs"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := open(t, docstore.New(memdoc.New()), "system/*.rs")
			claims := fhirtest.Claims("research", tokenURL, now)
			for name, v := range c.claims {
				if claims[name] = v; v == nil {
					delete(claims, name)
				}
			}
			by := k
			if c.key != nil {
				by = c.key
			}
			f := form(t, by, claims, c.header, "system/*.rs")
			for name, v := range c.form {
				if f[name] = v; v == nil {
					f.Del(name)
				}
			}
			_, err := o.Token(t.Context(), f)
			var refused *smart.Error
			require.ErrorAs(t, err, &refused)
			require.Equal(t, c.code, refused.Code, refused.Description)
			require.Contains(t, refused.Description, c.says)
			require.Equal(t, http.StatusBadRequest, refused.Status())
			left, err := o.store.List(t.Context(), &docstore.Query{AllTenants: true, Kind: "smart-assertions"})
			require.NoError(t, err)
			require.Empty(t, left, "what is refused is not remembered")
		})
	}
}

// An assertion is good once: in all processes together, and of many that come at once.
func TestReplay(t *testing.T) {
	t.Parallel()
	k, _ := keyOf(t, key)
	store := docstore.New(memdoc.New())
	one, other := open(t, store, "system/*.rs"), open(t, store, "system/*.rs")
	f := form(t, k, fhirtest.Claims("research", tokenURL, now), nil, "system/*.rs")
	var (
		all  sync.WaitGroup
		good atomic.Int64
	)
	for i := range 20 {
		all.Go(func() {
			o := []*office{one, other}[i%2]
			_, err := o.Token(context.WithoutCancel(t.Context()), f)
			var refused *smart.Error
			switch {
			case err == nil:
				good.Add(1)
			case !errors.As(err, &refused) || !strings.Contains(refused.Description, "jti"):
				t.Errorf("refused for another reason: %v", err)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 1, good.Load())

	one.later.Store(int64(10 * time.Minute))
	_, err := one.Token(t.Context(), form(t, k, fhirtest.Claims("research", tokenURL, now.Add(10*time.Minute)), nil, "system/*.rs"))
	require.NoError(t, err)
	left, err := store.List(t.Context(), &docstore.Query{AllTenants: true, Kind: "smart-assertions"})
	require.NoError(t, err)
	require.Len(t, left, 1, "what has expired is forgotten")
}

func TestScopes(t *testing.T) {
	t.Parallel()
	k, _ := keyOf(t, key)
	for name, c := range map[string]struct {
		may     []string
		asked   string
		granted string
		types   []string
		limited bool
	}{
		"all":                    {[]string{"system/*.rs"}, "system/*.rs", "system/*.rs", nil, false},
		"one of all":             {[]string{"system/*.rs"}, "system/Patient.rs", "system/Patient.rs", []string{"Patient"}, true},
		"all of some":            {[]string{"system/Patient.rs", "system/Observation.rs"}, "system/*.rs", "system/Observation.rs system/Patient.rs", []string{"Observation", "Patient"}, true},
		"version 1":              {[]string{"system/Patient.read"}, "system/Patient.read", "system/Patient.read", []string{"Patient"}, true},
		"more than reading":      {[]string{"system/*.rs"}, "system/Patient.cruds system/Group.*", "system/Group.read system/Patient.rs", []string{"Group", "Patient"}, true},
		"some that there is not": {[]string{"system/Patient.rs"}, "system/Patient.rs system/Observation.rs openid", "system/Patient.rs", []string{"Patient"}, true},
		"with a condition":       {[]string{"system/*.rs"}, "system/Observation.rs?category=x system/Patient.rs", "system/Patient.rs", []string{"Patient"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := open(t, docstore.New(memdoc.New()), c.may...)
			got, err := o.Token(t.Context(), form(t, k, fhirtest.Claims("research", tokenURL, now), nil, c.asked))
			require.NoError(t, err)
			require.Equal(t, c.granted, got.Scope)
			who, err := o.Authenticate(bearer(got.AccessToken, "/fhir/r4/$export"))
			require.NoError(t, err)
			types, limited := smart.Granted(who)
			require.Equal(t, c.limited, limited)
			require.Equal(t, c.types, types)
		})
	}
}

// A token of whoever is for FHIR alone if one of its scopes is of SMART.
func TestConfined(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"": false, "openid profile": false, "system": false, "systems/Patient.rs": false, "launch/patient": false, "https://example.org/user/x": false,
		"system/*.rs": true, "openid system/Patient.c": true, "patient/*.read": true, "user/Observation.rs": true, "system/": true,
		"openid user system/Patient.rs": true, "system patient/*.rs": true, "system/Patient.rs user": true,
	} {
		for _, values := range [][]string{{text}, strings.Fields(text)} {
			who := &access.Principal{Attributes: map[string][]string{smart.Attribute: values}}
			require.Equal(t, want, smart.Confined(who), "%q", values)
		}
	}
	require.False(t, smart.Confined(&access.Principal{}))
}

// What is accepted of tokens, and what a client has whose configuration was changed meanwhile.
func TestAccess(t *testing.T) {
	t.Parallel()
	k, _ := keyOf(t, key)
	store := docstore.New(memdoc.New())
	o := open(t, store, "system/*.rs")
	got, err := o.Token(t.Context(), form(t, k, fhirtest.Claims("research", tokenURL, now), nil, "system/Patient.rs system/Observation.rs"))
	require.NoError(t, err)

	less := open(t, store, "system/Patient.rs", "system/Encounter.rs")
	who, err := less.Authenticate(bearer(got.AccessToken, "/fhir/r4/$export"))
	require.NoError(t, err)
	types, _ := smart.Granted(who)
	require.Equal(t, []string{"Patient"}, types)
	none := open(t, store, "system/Encounter.rs")
	_, err = none.Authenticate(bearer(got.AccessToken, "/fhir/r4/$export"))
	require.ErrorIs(t, err, auth.ErrUnauthenticated)

	o.later.Store(int64(5*time.Minute - time.Second))
	_, err = o.Authenticate(bearer(got.AccessToken, "/fhir/r4/$export"))
	require.NoError(t, err)
	o.later.Store(int64(5 * time.Minute))
	_, err = o.Authenticate(bearer(got.AccessToken, "/fhir/r4/$export"))
	require.ErrorIs(t, err, auth.ErrUnauthenticated)
	require.Contains(t, auth.Challenges(err)[0], "expired")

	for _, foreign := range []string{"x", "dhr_0123456789abcdef_x", got.AccessToken + "x", got.AccessToken[:len(got.AccessToken)-2]} {
		_, err = o.Authenticate(bearer(foreign, "/fhir/r4/$export"))
		require.ErrorIs(t, err, auth.ErrNoCredentials, "it is for others to say what it is")
	}
	_, err = o.Authenticate(httptest.NewRequest(http.MethodGet, "/fhir/r4/$export", nil))
	require.ErrorIs(t, err, auth.ErrNoCredentials)
}

// Keys that are fetched: once for many tokens, and 503 while they cannot be had.
func TestKeysByURL(t *testing.T) {
	t.Parallel()
	k, _ := keyOf(t, key)
	var asked, broken atomic.Int64
	jwks := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		if broken.Load() > 0 {
			http.Error(w, "later", http.StatusInternalServerError)
			return
		}
		_, _ = w.Write(k.JWKS())
	}))
	t.Cleanup(jwks.Close)
	keys, err := jwtauth.Remote(jwks.URL+"/jwks.json", nil)
	require.NoError(t, err)
	s, err := smart.New(docstore.New(memdoc.New()), secret, []smart.Client{{
		ID: "research", Keys: keys, Scopes: []string{"system/*.rs"}, Principal: &access.Principal{Tenant: "pb"},
	}}, &smart.Options{TokenURL: tokenURL, Now: func() time.Time { return now }})
	require.NoError(t, err)
	broken.Store(1)
	_, err = s.Token(t.Context(), form(t, k, fhirtest.Claims("research", tokenURL, now), nil, "system/*.rs"))
	var refused *smart.Error
	require.ErrorAs(t, err, &refused)
	require.Equal(t, http.StatusServiceUnavailable, refused.Status())
	require.EqualValues(t, 1, asked.Load())
	// The keys are not asked for again at once, whatever a token says: not even where it names its own.
	assertion := fhirtest.Claims("research", tokenURL, now)
	_, err = s.Token(t.Context(), form(t, k, assertion, map[string]any{"jku": jwks.URL}, "system/*.rs"))
	require.Error(t, err)
	require.EqualValues(t, 1, asked.Load())

	keys, err = jwtauth.Remote(jwks.URL+"/jwks.json", nil)
	require.NoError(t, err)
	broken.Store(0)
	asked.Store(0)
	s, err = smart.New(docstore.New(memdoc.New()), secret, []smart.Client{{
		ID: "research", Keys: keys, Scopes: []string{"system/*.rs"}, Principal: &access.Principal{Tenant: "pb"},
	}}, &smart.Options{TokenURL: tokenURL, Now: func() time.Time { return now }})
	require.NoError(t, err)
	for range 3 {
		_, err = s.Token(t.Context(), form(t, k, fhirtest.Claims("research", tokenURL, now), nil, "system/*.rs"))
		require.NoError(t, err)
	}
	require.EqualValues(t, 1, asked.Load())
}

func TestMistakesOfOperators(t *testing.T) {
	t.Parallel()
	_, keys := keyOf(t, key)
	store := docstore.New(memdoc.New())
	who := &access.Principal{Tenant: "pb"}
	good := smart.Client{ID: "r", Keys: keys, Scopes: []string{"system/*.rs"}, Principal: who}
	change := func(f func(c *smart.Client)) []smart.Client {
		c := good
		f(&c)
		return []smart.Client{c}
	}
	for says, c := range map[string]struct {
		secret  []byte
		clients []smart.Client
		opts    smart.Options
	}{
		"token URL":                 {secret, []smart.Client{good}, smart.Options{TokenURL: "/auth/token"}},
		"fewer than":                {secret[:16], []smart.Client{good}, smart.Options{TokenURL: tokenURL}},
		"5m0s":                      {secret, []smart.Client{good}, smart.Options{TokenURL: tokenURL, TTL: time.Hour}},
		"twice":                     {secret, []smart.Client{good, good}, smart.Options{TokenURL: tokenURL}},
		"no keys":                   {secret, change(func(c *smart.Client) { c.Keys = nil }), smart.Options{TokenURL: tokenURL}},
		"nobody":                    {secret, change(func(c *smart.Client) { c.Principal = nil }), smart.Options{TokenURL: tokenURL}},
		"tenant is empty":           {secret, change(func(c *smart.Client) { c.Principal = &access.Principal{} }), smart.Options{TokenURL: tokenURL}},
		"a user of its own":         {secret, change(func(c *smart.Client) { c.Principal = &access.Principal{User: "asha", Tenant: "pb"} }), smart.Options{TokenURL: tokenURL}},
		"begins with smart-client:": {secret, change(func(c *smart.Client) { c.ID = "smart-client:r" }), smart.Options{TokenURL: tokenURL}},
		"more than 180":             {secret, change(func(c *smart.Client) { c.ID = strings.Repeat("r", 181) }), smart.Options{TokenURL: tokenURL}},
		"no scopes":                 {secret, change(func(c *smart.Client) { c.Scopes = nil }), smart.Options{TokenURL: tokenURL}},
		`"user/*.rs"`:               {secret, change(func(c *smart.Client) { c.Scopes = []string{"user/*.rs"} }), smart.Options{TokenURL: tokenURL}},
		"its id is empty":           {secret, change(func(c *smart.Client) { c.ID = "" }), smart.Options{TokenURL: tokenURL}},
	} {
		_, err := smart.New(store, c.secret, c.clients, &c.opts)
		require.ErrorContains(t, err, says)
	}
	none, err := smart.New(nil, secret, []smart.Client{good}, &smart.Options{TokenURL: tokenURL, Now: func() time.Time { return now }})
	require.NoError(t, err)
	k, _ := keyOf(t, key)
	_, err = none.Token(t.Context(), form(t, k, fhirtest.Claims("r", tokenURL, now), nil, "system/*.rs"))
	var refused *smart.Error
	require.ErrorAs(t, err, &refused)
	require.Equal(t, http.StatusServiceUnavailable, refused.Status(), "who cannot know what was used gives none")
}
