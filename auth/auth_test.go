package auth_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/auth"
)

// request returns a request with headers, given as name and value in turn.
func request(headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/v1/me", nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

// fixed returns an authenticator that always says the same.
func fixed(who *access.Principal, err error) auth.Authenticator {
	return auth.Func(func(*http.Request) (*access.Principal, error) { return who, err })
}

func TestChain(t *testing.T) {
	t.Parallel()
	asha, ravi := &access.Principal{User: "asha"}, &access.Principal{User: "ravi"}
	none := &auth.Error{Scheme: "a", Kind: auth.ErrNoCredentials, Challenge: "A"}
	none2 := &auth.Error{Scheme: "b", Kind: auth.ErrNoCredentials, Challenge: "B"}
	bad := &auth.Error{Scheme: "c", Kind: auth.ErrUnauthenticated, Reason: "expired", Challenge: "C"}
	down := &auth.Error{Scheme: "d", Kind: auth.ErrUnavailable, Cause: errors.New("down")}
	for _, c := range []struct {
		name       string
		all        []auth.Authenticator
		want       string
		err        error
		challenges []string
	}{
		{"the first that finds something decides", []auth.Authenticator{fixed(nil, none), fixed(asha, nil), fixed(ravi, nil)}, "asha", nil, nil},
		{"a bad token is not made good", []auth.Authenticator{fixed(nil, none), fixed(nil, bad), fixed(asha, nil)}, "", auth.ErrUnauthenticated, []string{"C"}},
		{"nor is one that could not be checked", []auth.Authenticator{fixed(nil, down), fixed(asha, nil)}, "", auth.ErrUnavailable, nil},
		{"nobody finds anything", []auth.Authenticator{fixed(nil, none), fixed(nil, none2), fixed(nil, none)}, "", auth.ErrNoCredentials, []string{"A", "B"}},
		{"wrapped", []auth.Authenticator{fixed(nil, fmt.Errorf("x: %w", none)), fixed(nil, none2)}, "", auth.ErrNoCredentials, []string{"A", "B"}},
		{"a chain in a chain", []auth.Authenticator{auth.Chain(fixed(nil, none)), auth.Chain(fixed(asha, nil))}, "asha", nil, nil},
		{"empty", nil, "", auth.ErrNoCredentials, nil},
		{"one that names nobody", []auth.Authenticator{fixed(nil, nil), fixed(asha, nil)}, "", auth.ErrUnauthenticated, nil},
		{"an error that is none of ours", []auth.Authenticator{fixed(nil, http.ErrNoCookie), fixed(asha, nil)}, "", http.ErrNoCookie, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			who, err := auth.Chain(c.all...).Authenticate(request())
			require.Equal(t, c.challenges, auth.Challenges(err))
			if c.err != nil {
				require.ErrorIs(t, err, c.err)
				require.Nil(t, who)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, who.User)
		})
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	_, all := auth.Chain(auth.APIKeys(nil, nil), auth.Chain()).Authenticate(request())
	require.EqualError(t, all, "auth: api key: no credentials; auth: chain: no credentials: no scheme is configured")
	cause := errors.New("down")
	err := error(&auth.Error{Scheme: "jwt", Kind: auth.ErrUnavailable, Reason: "no keys", Cause: cause})
	require.EqualError(t, err, "auth: jwt: sign-in unavailable: no keys")
	require.ErrorIs(t, err, auth.ErrUnavailable)
	require.ErrorIs(t, err, cause)
	require.NotErrorIs(t, err, auth.ErrUnauthenticated)
	require.EqualError(t, &auth.Error{Scheme: "jwt", Kind: auth.ErrNoCredentials}, "auth: jwt: no credentials")
	require.Nil(t, auth.Challenges(nil))
	require.Nil(t, auth.Challenges(cause))
}

func TestFixedGivesEveryoneTheirOwn(t *testing.T) {
	t.Parallel()
	local := &access.Principal{User: "local", Roles: []string{"ADMIN"}, Attributes: map[string][]string{"district": {"Pune"}}}
	a := auth.Fixed(local)
	for range 2 {
		who, err := a.Authenticate(request())
		require.NoError(t, err)
		require.Equal(t, &access.Principal{User: "local", Roles: []string{"ADMIN"}, Attributes: map[string][]string{"district": {"Pune"}}}, who)
		who.Roles[0], who.Attributes["district"][0], who.Attributes["more"] = "x", "x", nil
	}
	local.Roles[0] = "y"
	who, err := a.Authenticate(request())
	require.NoError(t, err)
	require.Equal(t, []string{"ADMIN"}, who.Roles)
}

func TestBearer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		value, want string
		err         error
	}{
		{"Bearer abc", "abc", nil},
		{"bearer a-._~+/b==", "a-._~+/b==", nil},
		{"BEARER   abc ", "abc", nil},
		{"Basic abc", "", auth.ErrNoCredentials},
		{"Bearerabc", "", auth.ErrNoCredentials},
		{"", "", auth.ErrNoCredentials},
		{"Bearer", "", auth.ErrUnauthenticated},
		{"Bearer  ", "", auth.ErrUnauthenticated},
		{"Bearer a b", "", auth.ErrUnauthenticated},
		{"Bearer a,b", "", auth.ErrUnauthenticated},
		{"Bearer =", "", auth.ErrUnauthenticated},
		{"Bearer a=b", "", auth.ErrUnauthenticated},
		{"Bearer \"abc\"", "", auth.ErrUnauthenticated},
		{"Bearer a\x00b", "", auth.ErrUnauthenticated},
		{"Bearer ä", "", auth.ErrUnauthenticated},
		{"Bearer\tabc", "", auth.ErrNoCredentials},
	} {
		got, err := auth.Bearer(request("Authorization", c.value))
		require.ErrorIs(t, err, c.err, "%q", c.value)
		require.Equal(t, c.want, got, "%q", c.value)
	}
	_, err := auth.Bearer(request("Authorization", "Bearer a", "Authorization", "Bearer b"))
	require.EqualError(t, err, "auth: bearer: not authenticated: the header Authorization stands there 2 times")
	require.Equal(t, []string{`Bearer realm="dhr", error="invalid_token"`}, auth.Challenges(err))
	_, err = auth.Bearer(request())
	require.Equal(t, []string{`Bearer realm="dhr"`}, auth.Challenges(err))
}

func FuzzBearer(f *testing.F) {
	f.Add("Bearer abc")
	f.Add("bearer  a==")
	f.Fuzz(func(t *testing.T, value string) {
		r := request()
		r.Header["Authorization"] = []string{value}
		token, err := auth.Bearer(r)
		if err != nil {
			require.Empty(t, token)
			return
		}
		require.NotEmpty(t, token)
		require.NotContains(t, token, " ")
		require.True(t, strings.HasSuffix(strings.TrimRight(value, " "), token))
	})
}

func TestCheckPrincipal(t *testing.T) {
	t.Parallel()
	good := func() *access.Principal {
		return &access.Principal{
			User: "डॉ. आशा", Tenant: "pb.amritsar-2", Roles: []string{"ward nurse"}, Groups: []string{"/north"},
			Attributes: map[string][]string{"district": {"Amritsar East"}},
		}
	}
	require.NoError(t, auth.CheckPrincipal(good()))
	require.NoError(t, auth.CheckPrincipal(&access.Principal{User: "a", Tenant: "_"}))
	for _, c := range []struct {
		name, want string
		change     func(*access.Principal)
	}{
		{"no user", "the user is empty", func(p *access.Principal) { p.User = "" }},
		{"long user", "the user has more than 256 bytes", func(p *access.Principal) { p.User = strings.Repeat("a", 257) }},
		{"blanks", "the user has blanks around it", func(p *access.Principal) { p.User = "asha " }},
		{"blank of another kind", "the user has blanks around it", func(p *access.Principal) { p.User = "\u00a0asha" }},
		{"line end", "the user has control characters", func(p *access.Principal) { p.User = "asha\nadmin" }},
		{"zero", "the user has control characters", func(p *access.Principal) { p.User = "asha\x00" }},
		{"written from right to left", "the user has control characters", func(p *access.Principal) { p.User = "a\u202eahsa" }},
		{"not UTF-8", "the user is not UTF-8", func(p *access.Principal) { p.User = "a\xff" }},
		{"replaced", "the user is not UTF-8", func(p *access.Principal) { p.User = "a\ufffd" }},
		{"SMART client", "the user begins with smart-client:", func(p *access.Principal) { p.User = "smart-client:research" }},
		{"SMART client in other letters", "the user begins with smart-client:", func(p *access.Principal) { p.User = "Smart-CLIENT:" }},
		{"no tenant", "the tenant is empty", func(p *access.Principal) { p.Tenant = "" }},
		{"long tenant", "the tenant has more than 100 bytes", func(p *access.Principal) { p.Tenant = strings.Repeat("a", 101) }},
		{"tenant with a blank", "the tenant has other characters", func(p *access.Principal) { p.Tenant = "pb amritsar" }},
		{"tenant with a star", "the tenant has other characters", func(p *access.Principal) { p.Tenant = "pb.*" }},
		{"tenant with a slash", "the tenant has other characters", func(p *access.Principal) { p.Tenant = "pb/mh" }},
		{"tenant in other letters", "the tenant has other characters", func(p *access.Principal) { p.Tenant = "рb" }},
		{"tenant begins with a dot", "the tenant has an empty part", func(p *access.Principal) { p.Tenant = ".pb" }},
		{"tenant with two dots", "the tenant has an empty part", func(p *access.Principal) { p.Tenant = "pb..amritsar" }},
		{"empty role", "the role is empty", func(p *access.Principal) { p.Roles = []string{""} }},
		{"bad group", "the group has control characters", func(p *access.Principal) { p.Groups = []string{"a\tb"} }},
		{"many roles", "more than 1000 roles", func(p *access.Principal) { p.Roles = make([]string, 1001) }},
		{"many groups", "more than 1000 roles, 5000 groups", func(p *access.Principal) { p.Groups = make([]string, 5001) }},
		{"bad attribute", "the attribute district is empty", func(p *access.Principal) { p.Attributes["district"] = []string{""} }},
		{"bad name", "the name of an attribute is empty", func(p *access.Principal) { p.Attributes[""] = nil }},
		{"many attributes", "100 attributes", func(p *access.Principal) {
			for i := range 101 {
				p.Attributes[fmt.Sprint(i)] = nil
			}
		}},
		{"many values", "more than 10000 values", func(p *access.Principal) {
			p.Attributes["district"] = strings.Split(strings.Repeat("x,", 10000)+"x", ",")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := good()
			c.change(p)
			require.ErrorContains(t, auth.CheckPrincipal(p), c.want)
		})
	}
}

func TestTenantAllowed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		principal, wanted string
		same, below       bool
	}{
		{"pb", "pb", true, true},
		{"pb", "pb.amritsar", false, true},
		{"pb", "pb.amritsar.east", false, true},
		{"pb.amritsar", "pb", false, false},
		{"pb.amritsar", "pb.amritsar.east", false, true},
		{"pb.amritsar", "pb.jalandhar", false, false},
		{"pb", "pbx", false, false},
		{"pb", "pb-north", false, false},
		{"pb", "PB", false, false},
		{"pb", "mh", false, false},
		{"", "", false, false},
		{"", "pb", false, false},
		{"", ".pb", false, false},
		{"pb", "", false, false},
	} {
		require.Equal(t, c.same, auth.TenantAllowed(c.principal, c.wanted, false), "%q %q", c.principal, c.wanted)
		require.Equal(t, c.below, auth.TenantAllowed(c.principal, c.wanted, true), "%q %q below", c.principal, c.wanted)
	}
}
