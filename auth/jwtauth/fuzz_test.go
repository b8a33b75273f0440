package jwtauth_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/auth"
	"github.com/digit-health/dhr/auth/jwtauth"
)

// FuzzToken: of texts without the secret none is accepted but the one that was signed.
func FuzzToken(f *testing.F) {
	issuer, err := jwtauth.Minted(secret)
	require.NoError(f, err)
	issuer.Name, issuer.AnyAudience, issuer.Audiences = "", true, nil
	a, err := jwtauth.New([]jwtauth.Issuer{issuer}, &jwtauth.Options{Now: clock})
	require.NoError(f, err)
	good, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims(good())).SignedString(secret)
	require.NoError(f, err)
	f.Add(good)
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add("..")
	f.Fuzz(func(t *testing.T, text string) {
		who, err := a.Verify(t.Context(), text)
		if text == good {
			require.NoError(t, err)
			return
		}
		require.Nil(t, who)
		require.ErrorIs(t, err, auth.ErrUnauthenticated)
	})
}

// FuzzClaims: whatever an issuer signs, the principal is one that DHR works with, in a tenant that was named.
func FuzzClaims(f *testing.F) {
	keys, err := jwtauth.Secret(secret)
	require.NoError(f, err)
	a, err := jwtauth.New([]jwtauth.Issuer{{
		Keys: keys, AnyAudience: true,
		Claims: jwtauth.Claims{Roles: []string{"realm_access.roles", "roles"}, AttributesIn: "attributes", Attributes: map[string]string{"x": `a\.b.c`}},
	}}, &jwtauth.Options{Now: clock})
	require.NoError(f, err)
	const header = `{"alg":"HS256"}`
	f.Add(header, `{"exp":1e10,"sub":"a","tenant":"pb","roles":"a b","realm_access":{"roles":["c"]},"attributes":{"x":["y"]},"a.b":{"c":"d"}}`)
	f.Add(header, `{"exp":-1}`)
	f.Add(`{"alg":"HS256","kid":"x","typ":"JWT"}`, `{"exp":9999999999,"nbf":0.5,"iat":1,"sub":["a"],"tenant":["pb.x"]}`)
	f.Fuzz(func(t *testing.T, header, claims string) {
		text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
		mac, err := jwt.SigningMethodHS256.Sign(text, secret)
		require.NoError(t, err)
		who, err := a.Verify(t.Context(), text+"."+base64.RawURLEncoding.EncodeToString(mac))
		if err != nil {
			require.Nil(t, who)
			require.ErrorIs(t, err, auth.ErrUnauthenticated)
			return
		}
		require.NoError(t, auth.CheckPrincipal(who))
	})
}

func FuzzParseKeys(f *testing.F) {
	f.Add(jwks(signers()["RSA"].jwk(), signers()["P-256"].jwk(), signers()["Ed25519"].jwk()))
	f.Add([]byte(`{"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}]}`))
	f.Add([]byte("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := jwtauth.ParseKeys(text)
		require.Equal(t, err == nil, keys != nil)
		if err != nil {
			require.True(t, strings.HasPrefix(err.Error(), "jwtauth: "), err)
			return
		}
		// No file of keys makes a secret: what is signed with nothing, or with the file, is refused.
		a, err := jwtauth.New([]jwtauth.Issuer{{Keys: keys, AnyAudience: true}}, &jwtauth.Options{Now: clock})
		require.NoError(t, err)
		for _, key := range [][]byte{text, []byte("x")} {
			token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims(good())).SignedString(key)
			require.NoError(t, err)
			_, err = a.Verify(t.Context(), token)
			require.ErrorIs(t, err, auth.ErrUnauthenticated)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	for _, c := range []struct {
		kind   string
		method jwt.SigningMethod
	}{{"RSA", jwt.SigningMethodRS256}, {"P-256", jwt.SigningMethodES256}, {"Ed25519", jwt.SigningMethodEdDSA}, {"", jwt.SigningMethodHS256}} {
		b.Run(c.method.Alg(), func(b *testing.B) {
			var (
				key  any = secret
				keys jwtauth.Keys
				err  error
			)
			if c.kind == "" {
				keys, err = jwtauth.Secret(secret)
			} else {
				key = signers()[c.kind].private
				keys, err = jwtauth.ParseKeys(jwks(signers()[c.kind].jwk()))
			}
			require.NoError(b, err)
			a, err := jwtauth.New([]jwtauth.Issuer{issuerOf(keys)}, &jwtauth.Options{Now: clock})
			require.NoError(b, err)
			token, err := jwt.NewWithClaims(c.method, jwt.MapClaims(good())).SignedString(key)
			require.NoError(b, err)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := a.Verify(b.Context(), token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
