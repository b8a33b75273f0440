package jwtauth_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/auth"
	"github.com/digit-health/dhr/auth/jwtauth"
)

var (
	now    = time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)
	clock  = func() time.Time { return now }
	secret = []byte("0123456789abcdefghijklmnopqrstuv")
)

// A signer signs as an issuer does, and says which key it signs with.
type signer struct {
	kid     string
	private crypto.Signer
}

// signers makes one key of each kind, once.
var signers = sync.OnceValue(func() map[string]signer {
	must := func(k crypto.Signer, err error) crypto.Signer {
		if err != nil {
			panic(err)
		}
		return k
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return map[string]signer{
		"RSA":     {"rsa-1", must(rsa.GenerateKey(rand.Reader, 2048))},
		"RSA2":    {"rsa-2", must(rsa.GenerateKey(rand.Reader, 2048))},
		"P-256":   {"p256-1", must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))},
		"P-384":   {"p384-1", must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))},
		"P-521":   {"p521-1", must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader))},
		"Ed25519": {"ed-1", ed},
	}
})

// jwk is the public key as one of a JWK set.
func (s signer) jwk() map[string]any {
	text := func(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
	switch k := s.private.Public().(type) {
	case *rsa.PublicKey:
		return map[string]any{"kty": "RSA", "kid": s.kid, "use": "sig", "n": text(k.N.Bytes()), "e": text(big.NewInt(int64(k.E)).Bytes())}
	case *ecdsa.PublicKey:
		point, err := k.Bytes()
		if err != nil {
			panic(err)
		}
		half := len(point) / 2
		return map[string]any{"kty": "EC", "kid": s.kid, "crv": k.Curve.Params().Name, "x": text(point[1 : 1+half]), "y": text(point[1+half:])}
	case ed25519.PublicKey:
		return map[string]any{"kty": "OKP", "kid": s.kid, "crv": "Ed25519", "x": text(k)}
	}
	panic("no such key")
}

func (s signer) pem(t *testing.T) []byte {
	der, err := x509.MarshalPKIXPublicKey(s.private.Public())
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func jwks(keys ...map[string]any) []byte {
	text, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		panic(err)
	}
	return text
}

// good are the claims of a token that is accepted.
func good() map[string]any {
	return map[string]any{
		"iss": "https://id.example.org", "aud": "dhr", "sub": "asha", "tenant": "pb", "roles": []string{"nurse"},
		"iat": now.Unix() - 10, "exp": now.Unix() + 300,
	}
}

// with returns the good claims with some changed; nil removes one.
func with(changes map[string]any) map[string]any {
	claims := good()
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	return claims
}

// sign makes a token; nil in the header removes a member.
func sign(t *testing.T, method jwt.SigningMethod, key any, header, claims map[string]any) string {
	token := jwt.NewWithClaims(method, jwt.MapClaims(claims))
	maps.Copy(token.Header, header)
	maps.DeleteFunc(token.Header, func(_ string, v any) bool { return v == nil })
	text, err := token.SignedString(key)
	require.NoError(t, err)
	return text
}

// signRaw signs a header and claims as they are written, with the secret.
func signRaw(t *testing.T, header, claims string) string {
	text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	mac, err := jwt.SigningMethodHS256.Sign(text, secret)
	require.NoError(t, err)
	return text + "." + base64.RawURLEncoding.EncodeToString(mac)
}

func issuerOf(keys jwtauth.Keys) jwtauth.Issuer {
	return jwtauth.Issuer{Name: "https://id.example.org", Keys: keys, Audiences: []string{"dhr", "dhr-mobile"}}
}

func authenticator(t *testing.T, issuers ...jwtauth.Issuer) *jwtauth.Authenticator {
	a, err := jwtauth.New(issuers, &jwtauth.Options{Now: clock})
	require.NoError(t, err)
	return a
}

func secretIssuer(t *testing.T) jwtauth.Issuer {
	keys, err := jwtauth.Secret(secret)
	require.NoError(t, err)
	return issuerOf(keys)
}

func parse(t *testing.T, text []byte) jwtauth.Keys {
	keys, err := jwtauth.ParseKeys(text)
	require.NoError(t, err)
	return keys
}

// refusal returns why a token is refused, and checks what holds for every refusal.
func refusal(t *testing.T, a *jwtauth.Authenticator, token string) string {
	t.Helper()
	who, err := a.Verify(t.Context(), token)
	require.Nil(t, who)
	require.ErrorIs(t, err, auth.ErrUnauthenticated)
	require.NotErrorIs(t, err, auth.ErrNoCredentials)
	require.Len(t, auth.Challenges(err), 1)
	require.Contains(t, auth.Challenges(err)[0], `error="invalid_token"`)
	for part := range strings.SplitSeq(token, ".") {
		if len(part) > 8 {
			require.NotContains(t, err.Error(), part, "a reason holds a part of the token")
		}
	}
	return strings.TrimPrefix(err.Error(), "auth: jwt: not authenticated: ")
}

func TestEveryAlgorithmWithItsKey(t *testing.T) {
	t.Parallel()
	methods := map[string][]string{
		"RSA":     {"RS256", "RS384", "PS256"},
		"P-256":   {"ES256"},
		"P-384":   {"ES384"},
		"Ed25519": {"EdDSA"},
	}
	all := []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
	for kind, accepted := range methods {
		s := signers()[kind]
		for form, text := range map[string][]byte{"pem": s.pem(t), "jwks": jwks(s.jwk())} {
			a := authenticator(t, issuerOf(parse(t, text)))
			for _, alg := range all {
				t.Run(kind+" "+form+" "+alg, func(t *testing.T) {
					t.Parallel()
					method := jwt.GetSigningMethod(alg)
					text, err := jwt.NewWithClaims(method, jwt.MapClaims(good())).SigningString()
					require.NoError(t, err)
					signature, err := method.Sign(text, s.private)
					if err != nil { // the key cannot sign so, and the token can be nothing but forged
						signature = []byte("forged")
					}
					token := text + "." + base64.RawURLEncoding.EncodeToString(signature)
					who, err := a.Verify(t.Context(), token)
					for _, name := range accepted {
						if name == alg {
							require.NoError(t, err)
							require.Equal(t, &access.Principal{User: "asha", Tenant: "pb", Roles: []string{"nurse"}, Attributes: map[string][]string{}}, who)
							return
						}
					}
					require.ErrorIs(t, err, auth.ErrUnauthenticated)
				})
			}
		}
	}
}

func TestRefusedTokens(t *testing.T) {
	t.Parallel()
	rsaKey, other := signers()["RSA"], signers()["RSA2"]
	asymmetric := authenticator(t, issuerOf(parse(t, jwks(rsaKey.jwk()))))
	symmetric := authenticator(t, secretIssuer(t))
	pemAsSecret := rsaKey.pem(t)
	hs := func(header, claims map[string]any) string {
		return sign(t, jwt.SigningMethodHS256, secret, header, claims)
	}
	claim := func(name string, value any) string { return hs(nil, with(map[string]any{name: value})) }
	valid := hs(nil, good())
	parts := strings.Split(valid, ".")
	none := sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil, good())
	plain := `{"iss":"https://id.example.org","aud":"dhr","sub":"asha","tenant":"pb","exp":1795767000`

	for _, c := range []struct {
		name, token, want string
		a                 *jwtauth.Authenticator
	}{
		{name: "alg none", token: none, want: `the algorithm "none" of the token is not accepted`},
		{name: "alg None", token: signRaw(t, `{"alg":"None"}`, plain+`}`), want: `the algorithm "None" of the token is not accepted`},
		{name: "alg none against a key", token: none, a: asymmetric, want: `the algorithm "none" of the token is not accepted`},
		{name: "alg missing", token: signRaw(t, `{"typ":"JWT"}`, plain+`}`), want: `the algorithm "" of the token is not accepted`},
		{name: "alg no text", token: signRaw(t, `{"alg":["HS256"]}`, plain+`}`), want: `the alg in the header of the token is no text, or a long one`},
		{name: "alg HS512 with the secret", token: sign(t, jwt.SigningMethodHS512, secret, nil, good()), want: `the algorithm "HS512" of the token is not accepted`},
		{name: "alg lower case", token: signRaw(t, `{"alg":"hs256"}`, plain+`}`), want: `the algorithm "hs256" of the token is not accepted`},
		{name: "public key as secret", token: sign(t, jwt.SigningMethodHS256, pemAsSecret, nil, good()), a: asymmetric, want: `the issuer's key is not one for the algorithm HS256`},
		{name: "public key as secret, with its kid", token: sign(t, jwt.SigningMethodHS256, pemAsSecret, map[string]any{"kid": "rsa-1"}, good()), a: asymmetric, want: `the issuer's key is not one for the algorithm HS256`},
		{name: "RS256 against a secret", token: sign(t, jwt.SigningMethodRS256, rsaKey.private, nil, good()), want: `the issuer's key is not one for the algorithm RS256`},
		{name: "key of somebody else", token: sign(t, jwt.SigningMethodRS256, other.private, nil, good()), a: asymmetric, want: "the signature of the token does not fit the issuer's key"},
		{name: "key of somebody else under a known kid", token: sign(t, jwt.SigningMethodRS256, other.private, map[string]any{"kid": "rsa-1"}, good()), a: asymmetric, want: "the signature of the token does not fit the issuer's key"},
		{name: "unknown kid", token: sign(t, jwt.SigningMethodRS256, rsaKey.private, map[string]any{"kid": "rsa-9"}, good()), a: asymmetric, want: `the issuer has no key "rsa-9"`},
		{name: "key in the header", token: sign(t, jwt.SigningMethodRS256, other.private, map[string]any{"jwk": other.jwk()}, good()), a: asymmetric, want: "the signature of the token does not fit the issuer's key"},
		{name: "kid that is a path", token: hs(map[string]any{"kid": "../../dev/null"}, good()), a: asymmetric, want: `the issuer has no key "../../dev/null"`},
		{name: "kid no text", token: signRaw(t, `{"alg":"HS256","kid":1}`, plain+`}`), want: "the kid in the header of the token is no text, or a long one"},
		{name: "kid null", token: signRaw(t, `{"alg":"HS256","kid":null}`, plain+`}`), want: "the kid in the header of the token is no text, or a long one"},
		{name: "kid long", token: hs(map[string]any{"kid": strings.Repeat("k", 257)}, good()), want: "the kid in the header of the token is no text, or a long one"},
		{name: "crit", token: hs(map[string]any{"crit": []string{"exp"}}, good()), want: "the header of the token has crit, which is not supported"},
		{name: "crit empty", token: hs(map[string]any{"crit": []string{}}, good()), want: "the header of the token has crit, which is not supported"},
		{name: "b64", token: hs(map[string]any{"b64": false}, good()), want: "the header of the token has b64, which is not supported"},
		{name: "zip", token: hs(map[string]any{"zip": "DEF"}, good()), want: "the header of the token has zip, which is not supported"},
		{name: "typ of another kind", token: hs(map[string]any{"typ": "logout+jwt"}, good()), want: `the token is of type "logout+jwt"`},

		{name: "empty", token: "", want: "the token has not three parts"},
		{name: "two parts", token: parts[0] + "." + parts[1], want: "the token has not three parts"},
		{name: "four parts", token: valid + ".x", want: "the token has not three parts"},
		{name: "no signature", token: parts[0] + "." + parts[1] + ".", want: "the signature of the token does not fit the issuer's key"},
		{name: "signature changed", token: valid[:len(valid)-4] + "AAAA", want: "the signature of the token does not fit the issuer's key"},
		{name: "signature cut", token: valid[:len(valid)-4], want: "the signature of the token does not fit the issuer's key"},
		{name: "padded", token: parts[0] + "=." + parts[1] + "." + parts[2], want: "the header of the token: it is not base64url"},
		{name: "line end in it", token: parts[0] + "\n." + parts[1] + "." + parts[2], want: "the header of the token: it is not base64url"},
		{name: "claims are no JSON", token: signRaw(t, `{"alg":"HS256"}`, `hello`), want: "the claims of the token: it is not JSON"},
		{name: "claims are a list", token: signRaw(t, `{"alg":"HS256"}`, `[]`), want: "the claims of the token: the JSON is no object"},
		{name: "header is null", token: signRaw(t, `null`, plain+`}`), want: "the header of the token: the JSON is no object"},
		{name: "claims not UTF-8", token: signRaw(t, `{"alg":"HS256"}`, plain+",\"x\":\"\xff\"}"), want: "the claims of the token: the JSON is not UTF-8"},
		{name: "oversized", token: claim("x", strings.Repeat("x", 13000)), want: "the token has more than 16384 bytes"},
		{name: "claim twice", token: signRaw(t, `{"alg":"HS256"}`, plain+`,"tenant":"mh"}`), want: "the claims of the token: a member stands twice in one object"},
		{name: "alg twice", token: signRaw(t, `{"alg":"none","alg":"HS256"}`, plain+`}`), want: "the header of the token: a member stands twice in one object"},
		{name: "nested member twice", token: signRaw(t, `{"alg":"HS256"}`, plain+`,"realm_access":{"roles":[],"roles":["x"]}}`), want: "the claims of the token: a member stands twice in one object"},
		{name: "deep", token: signRaw(t, `{"alg":"HS256"}`, plain+`,"x":`+strings.Repeat("[", 40)+strings.Repeat("]", 40)+`}`), want: "the claims of the token: the JSON is nested deeper than 32"},

		{name: "exp missing", token: claim("exp", nil), want: "the token never expires: it has no exp"},
		{name: "exp null", token: signRaw(t, `{"alg":"HS256"}`, strings.Replace(plain, "1795767000", "null", 1)+`}`), want: "the claim exp is no number"},
		{name: "exp a text", token: claim("exp", "1795767000"), want: "the claim exp is no number"},
		{name: "exp huge", token: claim("exp", 1e300), want: "the claim exp is no instant"},
		{name: "exp negative", token: claim("exp", -1), want: "the claim exp is no instant"},
		{name: "exp in milliseconds", token: claim("exp", now.UnixMilli()), want: "the claim exp is no instant"},
		{name: "expired", token: claim("exp", now.Unix()-30), want: "the token has expired at 2026-11-27T07:59:30Z"},
		{name: "expired long ago", token: claim("exp", 0), want: "the token has expired at 1970-01-01T00:00:00Z"},
		{name: "not yet valid", token: claim("nbf", now.Unix()+31), want: "the token is not valid before 2026-11-27T08:00:31Z"},
		{name: "nbf a text", token: claim("nbf", "x"), want: "the claim nbf is no number"},
		{name: "issued in the future", token: claim("iat", now.Unix()+31), want: "the token is issued in the future, at 2026-11-27T08:00:31Z"},
		{name: "iat a list", token: claim("iat", []int{1}), want: "the claim iat is no number"},

		{name: "iss missing", token: claim("iss", nil), want: "the token has no claim iss that is a text"},
		{name: "iss a list", token: claim("iss", []string{"https://id.example.org"}), want: "the token has no claim iss that is a text"},
		{name: "iss another", token: claim("iss", "https://evil.example.org"), want: `the issuer "https://evil.example.org" is not known`},
		{name: "iss longer", token: claim("iss", "https://id.example.org/"), want: `the issuer "https://id.example.org/" is not known`},
		{name: "aud missing", token: claim("aud", nil), want: "the token has no audience"},
		{name: "aud empty", token: claim("aud", []string{}), want: "the token has no audience"},
		{name: "aud another", token: claim("aud", "filestore"), want: "the token is for another audience"},
		{name: "aud others", token: claim("aud", []string{"filestore", "dh"}), want: "the token is for another audience"},
		{name: "aud in other case", token: claim("aud", "DHR"), want: "the token is for another audience"},
		{name: "aud mixed", token: claim("aud", []any{"dhr", 1}), want: "the claim aud holds what is no text"},
		{name: "aud an object", token: claim("aud", map[string]any{"dhr": true}), want: "the claim aud is neither a text nor a list of texts"},

		{name: "sub missing", token: claim("sub", nil), want: "the claim sub names 0 users instead of one"},
		{name: "sub empty", token: claim("sub", ""), want: "the claim sub names 0 users instead of one"},
		{name: "sub a number", token: claim("sub", 12), want: "the claim sub is neither a text nor a list of texts"},
		{name: "sub two", token: claim("sub", []string{"a", "b"}), want: "the claim sub names 2 users instead of one"},
		{name: "sub with a line end", token: claim("sub", "a\nb"), want: "the user has control characters"},
		{name: "sub long", token: claim("sub", strings.Repeat("a", 257)), want: "the user has more than 256 bytes"},
		{name: "tenant missing", token: claim("tenant", nil), want: "the token names no tenant"},
		{name: "tenant a number", token: claim("tenant", 1), want: "the claim tenant is neither a text nor a list of texts"},
		{name: "tenant two", token: claim("tenant", []string{"pb", "mh"}), want: "the claim tenant names 2 tenants"},
		{name: "tenant a pattern", token: claim("tenant", "*"), want: "the tenant has other characters than letters, digits and . _ -"},
		{name: "tenant with an empty part", token: claim("tenant", "pb."), want: "the tenant has an empty part"},
		{name: "roles a number", token: claim("roles", 1), want: "the claim roles is neither a text nor a list of texts"},
		{name: "roles mixed", token: claim("roles", []any{"a", nil}), want: "the claim roles holds what is no text"},
		{name: "a role empty", token: claim("roles", []string{""}), want: "the role is empty"},
		{name: "groups an object", token: claim("groups", map[string]any{}), want: "the claim groups is neither a text nor a list of texts"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := c.a
			if a == nil {
				a = symmetric
			}
			require.Equal(t, c.want, refusal(t, a, c.token))
		})
	}
}

func TestTimesAndLeeway(t *testing.T) {
	t.Parallel()
	at := func(name string, seconds float64) string {
		return sign(t, jwt.SigningMethodHS256, secret, nil, with(map[string]any{name: float64(now.Unix()) + seconds}))
	}
	for _, c := range []struct {
		name   string
		opts   jwtauth.Options
		token  string
		accept bool
	}{
		{"exp within the leeway", jwtauth.Options{}, at("exp", -29), true},
		{"exp at the leeway", jwtauth.Options{}, at("exp", -30), false},
		{"exp with a fraction", jwtauth.Options{}, at("exp", -29.5), true},
		{"nbf at the leeway", jwtauth.Options{}, at("nbf", 30), true},
		{"iat at the leeway", jwtauth.Options{}, at("iat", 30), true},
		{"exp without leeway", jwtauth.Options{Leeway: -1}, at("exp", 0), false},
		{"exp without leeway, not passed", jwtauth.Options{Leeway: -1}, at("exp", 1), true},
		{"nbf without leeway", jwtauth.Options{Leeway: -1}, at("nbf", 1), false},
		{"another leeway", jwtauth.Options{Leeway: 2 * time.Minute}, at("exp", -119), true},
		{"not too old", jwtauth.Options{MaxAge: time.Hour}, at("iat", -3630), true},
		{"too old", jwtauth.Options{MaxAge: time.Hour}, at("iat", -3631), false},
		{"of no age", jwtauth.Options{MaxAge: time.Hour}, sign(t, jwt.SigningMethodHS256, secret, nil, with(map[string]any{"iat": nil})), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.opts.Now = clock
			a, err := jwtauth.New([]jwtauth.Issuer{secretIssuer(t)}, &c.opts)
			require.NoError(t, err)
			_, err = a.Verify(t.Context(), c.token)
			require.Equal(t, c.accept, err == nil, "%v", err)
		})
	}
}

func TestAnExpiredTokenIsToldTheClient(t *testing.T) {
	t.Parallel()
	_, err := authenticator(t, secretIssuer(t)).Verify(t.Context(), sign(t, jwt.SigningMethodHS256, secret, nil, with(map[string]any{"exp": 0})))
	require.Equal(t, []string{`Bearer realm="dhr", error="invalid_token", error_description="the token has expired"`}, auth.Challenges(err))
}

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	a := authenticator(t, secretIssuer(t))
	token := sign(t, jwt.SigningMethodHS256, secret, nil, good())
	for _, c := range []struct {
		name    string
		headers []string
		want    error
	}{
		{"accepted", []string{"Bearer " + token}, nil},
		{"scheme in other case", []string{"bEARER " + token}, nil},
		{"nothing", nil, auth.ErrNoCredentials},
		{"another scheme", []string{"Basic YTpi"}, auth.ErrNoCredentials},
		{"an API key", []string{"Bearer dhr_0123456789abcdef_x"}, auth.ErrNoCredentials},
		{"empty", []string{"Bearer "}, auth.ErrUnauthenticated},
		{"twice", []string{"Bearer " + token, "Bearer " + token}, auth.ErrUnauthenticated},
		{"no token", []string{"Bearer a b"}, auth.ErrUnauthenticated},
		{"opaque", []string{"Bearer 2f1e"}, auth.ErrUnauthenticated},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			for _, h := range c.headers {
				r.Header.Add("Authorization", h)
			}
			who, err := a.Authenticate(r)
			require.ErrorIs(t, err, c.want)
			require.Equal(t, c.want == nil, who != nil)
		})
	}
}

func TestIssuersAreChecked(t *testing.T) {
	t.Parallel()
	base := secretIssuer(t)
	change := func(f func(*jwtauth.Issuer)) []jwtauth.Issuer {
		i := base
		f(&i)
		return []jwtauth.Issuer{i}
	}
	for _, c := range []struct {
		name    string
		issuers []jwtauth.Issuer
		want    string
	}{
		{"none", nil, "there is no issuer"},
		{"no keys", change(func(i *jwtauth.Issuer) { i.Keys = nil }), "it has no keys"},
		{"no audience", change(func(i *jwtauth.Issuer) { i.Audiences = nil }), "it has no audience"},
		{"any audience and some", change(func(i *jwtauth.Issuer) { i.AnyAudience = true }), "any is good"},
		{"an empty audience", change(func(i *jwtauth.Issuer) { i.Audiences = []string{""} }), "an audience is empty"},
		{"two tenants", change(func(i *jwtauth.Issuer) { i.Tenant, i.DefaultTenant = "pb", "pb" }), "only one of these can be meant"},
		{"bad path", change(func(i *jwtauth.Issuer) { i.Claims.Roles = []string{"a..b"} }), `the path "a..b" of a claim has an empty name`},
		{"path cut", change(func(i *jwtauth.Issuer) { i.Claims.User = `a\` }), `ends with \`},
		{"nothing required of a claim", change(func(i *jwtauth.Issuer) { i.Require = map[string][]string{"typ": nil} }), "names no value"},
		{"twice", []jwtauth.Issuer{base, base}, "stands there twice"},
		{"one without a name", append(change(func(i *jwtauth.Issuer) { i.Name = "" }), base), "stands beside others"},
		{"one without a name behind", append([]jwtauth.Issuer{base}, change(func(i *jwtauth.Issuer) { i.Name = "" })...), "stands beside others"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := jwtauth.New(c.issuers, nil)
			require.ErrorContains(t, err, c.want)
		})
	}
	for _, opts := range []jwtauth.Options{{Leeway: time.Hour}, {MaxAge: -1}} {
		_, err := jwtauth.New([]jwtauth.Issuer{base}, &opts)
		require.Error(t, err)
	}
}
