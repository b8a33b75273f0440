package jwtauth_test

import (
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/auth"
	"github.com/digit-health/dhr/auth/jwtauth"
)

func TestClaims(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		issuer func(*jwtauth.Issuer)
		claims map[string]any
		want   *access.Principal
		reason string
	}{
		{
			name:   "the usual names",
			claims: map[string]any{"groups": []string{"/District officers", "north"}, "roles": "nurse analyst"},
			want:   &access.Principal{User: "asha", Tenant: "pb", Roles: []string{"nurse", "analyst"}, Groups: []string{"/District officers", "north"}},
		},
		{
			name:   "roles in a list are not split",
			claims: map[string]any{"roles": []string{"ward nurse", "nurse"}},
			want:   &access.Principal{User: "asha", Tenant: "pb", Roles: []string{"ward nurse", "nurse"}},
		},
		{
			name: "roles of several claims, each once",
			issuer: func(i *jwtauth.Issuer) {
				i.Claims.Roles = []string{"realm_access.roles", `resource_access.dhr\.web.roles`, "scope"}
			},
			claims: map[string]any{
				"realm_access":    map[string]any{"roles": []string{"nurse", "offline_access"}},
				"resource_access": map[string]any{"dhr.web": map[string]any{"roles": []string{"exporter", "nurse"}}, "account": map[string]any{"roles": []string{"admin"}}},
				"scope":           "openid  email",
			},
			want: &access.Principal{User: "asha", Tenant: "pb", Roles: []string{"nurse", "offline_access", "exporter", "openid", "email"}},
		},
		{
			name:   "no roles",
			claims: map[string]any{"roles": nil},
			want:   &access.Principal{User: "asha", Tenant: "pb"},
		},
		{
			name:   "no roles wanted",
			issuer: func(i *jwtauth.Issuer) { i.Claims.Roles = []string{} },
			want:   &access.Principal{User: "asha", Tenant: "pb"},
		},
		{
			name: "names of claims that are addresses",
			issuer: func(i *jwtauth.Issuer) {
				i.Claims.Tenant = `https://example\.org/tenant`
			},
			claims: map[string]any{"https://example.org/tenant": "mh"},
			want:   &access.Principal{User: "asha", Tenant: "mh", Roles: []string{"nurse"}},
		},
		{
			name: "attributes keep their blanks",
			issuer: func(i *jwtauth.Issuer) {
				i.Claims.Attributes = map[string]string{"district": "district", "patient": "fhir.patient", "none": "nothing"}
			},
			claims: map[string]any{"district": "Amritsar East", "fhir": map[string]any{"patient": []string{"p1", "p2"}}},
			want: &access.Principal{
				User: "asha", Tenant: "pb", Roles: []string{"nurse"},
				Attributes: map[string][]string{"district": {"Amritsar East"}, "patient": {"p1", "p2"}},
			},
		},
		{
			name:   "attributes of an object",
			issuer: func(i *jwtauth.Issuer) { i.Claims.AttributesIn = "attributes" },
			claims: map[string]any{"attributes": map[string]any{"district": []string{"Pune"}, "ward": "7", "empty": []string{}}},
			want: &access.Principal{
				User: "asha", Tenant: "pb", Roles: []string{"nurse"},
				Attributes: map[string][]string{"district": {"Pune"}, "ward": {"7"}},
			},
		},
		{
			name:   "a tenant in a list of one",
			claims: map[string]any{"tenant": []string{"pb.amritsar"}},
			want:   &access.Principal{User: "asha", Tenant: "pb.amritsar", Roles: []string{"nurse"}},
		},
		{
			name:   "the issuer's tenant",
			issuer: func(i *jwtauth.Issuer) { i.Tenant = "pb" },
			claims: map[string]any{"tenant": nil},
			want:   &access.Principal{User: "asha", Tenant: "pb", Roles: []string{"nurse"}},
		},
		{
			name:   "the issuer's tenant, named again",
			issuer: func(i *jwtauth.Issuer) { i.Tenant = "pb" },
			want:   &access.Principal{User: "asha", Tenant: "pb", Roles: []string{"nurse"}},
		},
		{
			name:   "another than the issuer's tenant",
			issuer: func(i *jwtauth.Issuer) { i.Tenant = "mh" },
			reason: `the token names the tenant "pb", and its issuer is that of "mh"`,
		},
		{
			name:   "the default tenant",
			issuer: func(i *jwtauth.Issuer) { i.DefaultTenant = "mh" },
			claims: map[string]any{"tenant": nil},
			want:   &access.Principal{User: "asha", Tenant: "mh", Roles: []string{"nurse"}},
		},
		{
			name:   "the default tenant is a default",
			issuer: func(i *jwtauth.Issuer) { i.DefaultTenant = "mh" },
			want:   &access.Principal{User: "asha", Tenant: "pb", Roles: []string{"nurse"}},
		},
		{
			name:   "a tenant that is no text is not the default",
			issuer: func(i *jwtauth.Issuer) { i.DefaultTenant = "mh" },
			claims: map[string]any{"tenant": 7},
			reason: "the claim tenant is neither a text nor a list of texts",
		},
		{
			name:   "a SMART client",
			claims: map[string]any{"sub": "smart-client:research"},
			reason: "the user begins with smart-client:, as those of SMART clients do",
		},
		{
			name:   "a path through a text",
			issuer: func(i *jwtauth.Issuer) { i.Claims.Roles = []string{"roles.inner"} },
			reason: "the claim roles is no object",
		},
		{
			name:   "an attribute that is a number",
			issuer: func(i *jwtauth.Issuer) { i.Claims.Attributes = map[string]string{"patient": "patient"} },
			claims: map[string]any{"patient": 17},
			reason: "the claim patient is neither a text nor a list of texts",
		},
		{
			name:   "attributes that are a list",
			issuer: func(i *jwtauth.Issuer) { i.Claims.AttributesIn = "attributes" },
			claims: map[string]any{"attributes": []string{"x"}},
			reason: "the claim attributes is no object",
		},
		{
			name: "an attribute from two claims",
			issuer: func(i *jwtauth.Issuer) {
				i.Claims.AttributesIn, i.Claims.Attributes = "attributes", map[string]string{"district": "district"}
			},
			claims: map[string]any{"attributes": map[string]any{"district": "Pune"}, "district": "Delhi"},
			reason: `the attribute "district" is in two claims`,
		},
		{
			name:   "a value that is required",
			issuer: func(i *jwtauth.Issuer) { i.Require = map[string][]string{"typ": {"Bearer"}} },
			claims: map[string]any{"typ": "ID"},
			reason: `the claim typ is not one of ["Bearer"]`,
		},
		{
			name:   "a claim that is required and not there",
			issuer: func(i *jwtauth.Issuer) { i.Require = map[string][]string{"typ": {"Bearer"}} },
			reason: `the claim typ is not one of ["Bearer"]`,
		},
		{
			name:   "a value of several that are good",
			issuer: func(i *jwtauth.Issuer) { i.Require = map[string][]string{"acr": {"2", "3"}} },
			claims: map[string]any{"acr": "3"},
			want:   &access.Principal{User: "asha", Tenant: "pb", Roles: []string{"nurse"}},
		},
		{
			name:   "any audience",
			issuer: func(i *jwtauth.Issuer) { i.Audiences, i.AnyAudience = nil, true },
			claims: map[string]any{"aud": "account"},
			want:   &access.Principal{User: "asha", Tenant: "pb", Roles: []string{"nurse"}},
		},
		{
			name:   "one audience of several",
			claims: map[string]any{"aud": []string{"account", "dhr-mobile"}},
			want:   &access.Principal{User: "asha", Tenant: "pb", Roles: []string{"nurse"}},
		},
		{
			name:   "any issuer",
			issuer: func(i *jwtauth.Issuer) { i.Name = "" },
			claims: map[string]any{"iss": nil},
			want:   &access.Principal{User: "asha", Tenant: "pb", Roles: []string{"nurse"}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			issuer := secretIssuer(t)
			if c.issuer != nil {
				c.issuer(&issuer)
			}
			a := authenticator(t, issuer)
			token := sign(t, jwt.SigningMethodHS256, secret, nil, with(c.claims))
			if c.want == nil {
				require.Equal(t, c.reason, refusal(t, a, token))
				return
			}
			if c.want.Attributes == nil {
				c.want.Attributes = map[string][]string{}
			}
			who, err := a.Verify(t.Context(), token)
			require.NoError(t, err)
			require.Equal(t, c.want, who)
		})
	}
}

func TestTypes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		types  []string
		typ    any
		accept bool
	}{
		{nil, nil, true},
		{nil, "JWT", true},
		{nil, "jwt", true},
		{nil, "at+jwt", true},
		{nil, "application/at+JWT", true},
		{nil, "dpop+jwt", false},
		{nil, "secevent+jwt", false},
		{[]string{"at+jwt"}, "at+jwt", true},
		{[]string{"at+jwt"}, "application/AT+jwt", true},
		{[]string{"at+jwt"}, "JWT", false},
		{[]string{"at+jwt"}, nil, false},
	} {
		issuer := secretIssuer(t)
		issuer.Types = c.types
		_, err := authenticator(t, issuer).Verify(t.Context(), sign(t, jwt.SigningMethodHS256, secret, map[string]any{"typ": c.typ}, good()))
		require.Equal(t, c.accept, err == nil, "types %q, typ %v: %v", c.types, c.typ, err)
	}
}

// A key of one issuer signs no token that names another.
func TestIssuersHaveTheirOwnKeys(t *testing.T) {
	t.Parallel()
	one, two := signers()["RSA"], signers()["RSA2"]
	pb, mh := issuerOf(parse(t, jwks(one.jwk()))), issuerOf(parse(t, jwks(two.jwk())))
	pb.Name, mh.Name = "https://id.example.org/realms/pb", "https://id.example.org/realms/mh"
	a := authenticator(t, pb, mh)
	for _, issuer := range []string{pb.Name, mh.Name} {
		for i, s := range []signer{one, two} {
			token := sign(t, jwt.SigningMethodRS256, s.private, nil, with(map[string]any{"iss": issuer}))
			if (issuer == pb.Name) == (i == 0) {
				_, err := a.Verify(t.Context(), token)
				require.NoError(t, err)
				continue
			}
			require.Equal(t, "the signature of the token does not fit the issuer's key", refusal(t, a, token))
		}
	}
}

func TestMint(t *testing.T) {
	t.Parallel()
	issuer, err := jwtauth.Minted(secret)
	require.NoError(t, err)
	a := authenticator(t, issuer)
	for _, who := range []*access.Principal{
		{User: "asha", Tenant: "pb", Attributes: map[string][]string{}},
		{
			User: "डॉ. आशा", Tenant: "pb.amritsar", Roles: []string{"ward nurse", "analyst"}, Groups: []string{"north"},
			Attributes: map[string][]string{"district": {"Amritsar East", "Pune"}},
		},
	} {
		token, err := jwtauth.Mint(secret, who, 1<<32, &jwtauth.MintOptions{Now: clock})
		require.NoError(t, err)
		got, err := a.Verify(t.Context(), token)
		require.NoError(t, err)
		require.Equal(t, who, got)
	}
	who := &access.Principal{User: "asha", Tenant: "pb"}
	for _, c := range []struct {
		name   string
		secret []byte
		who    *access.Principal
		ttl    time.Duration
	}{
		{"a short secret", secret[:31], who, 1 << 32},
		{"no tenant", secret, &access.Principal{User: "asha"}, 1 << 32},
		{"no time", secret, who, 0},
		{"for ever", secret, who, 1 << 62},
		{"too much", secret, &access.Principal{User: "asha", Tenant: "pb", Groups: strings.Split(strings.Repeat("a group of some length,", 600)+"x", ",")}, 1 << 32},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			token, err := jwtauth.Mint(c.secret, c.who, c.ttl, &jwtauth.MintOptions{Now: clock})
			require.Error(t, err)
			require.Empty(t, token)
		})
	}
	_, err = jwtauth.Minted(secret[:31])
	require.Error(t, err)

	// Another secret does not do.
	token, err := jwtauth.Mint([]byte(strings.Repeat("other", 8)), who, 1<<32, &jwtauth.MintOptions{Now: clock})
	require.NoError(t, err)
	_, err = a.Verify(t.Context(), token)
	require.ErrorIs(t, err, auth.ErrUnauthenticated)
}
