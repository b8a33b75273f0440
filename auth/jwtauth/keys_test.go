package jwtauth_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"maps"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/auth/jwtauth"
)

func TestSecret(t *testing.T) {
	t.Parallel()
	_, err := jwtauth.Secret(secret[:31])
	require.EqualError(t, err, "jwtauth: the secret has 31 bytes, fewer than 32")
	_, err = jwtauth.Secret(bytes.Repeat([]byte{'x'}, 64))
	require.EqualError(t, err, "jwtauth: the secret is one byte again and again")
	_, err = jwtauth.Secret(nil)
	require.Error(t, err)
}

// changed is the JWK of a key with some members changed; nil removes one.
func changed(kind string, changes map[string]any) map[string]any {
	jwk := signers()[kind].jwk()
	maps.Copy(jwk, changes)
	maps.DeleteFunc(jwk, func(_ string, v any) bool { return v == nil })
	return jwk
}

func TestFilesOfKeys(t *testing.T) {
	t.Parallel()
	s := signers()["RSA"]
	private, err := x509.MarshalPKCS8PrivateKey(s.private)
	require.NoError(t, err)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	block := func(kind string, der []byte) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	}
	smallDER, err := x509.MarshalPKIXPublicKey(&small.PublicKey)
	require.NoError(t, err)
	many := make([]map[string]any, 65)
	for i := range many {
		many[i] = signers()["Ed25519"].jwk()
	}
	for _, c := range []struct {
		name string
		text []byte
		want string
	}{
		{"empty", nil, "there is no key that can be used"},
		{"text", []byte("hello"), "there is text around the PEM blocks"},
		{"text behind", append(s.pem(t), "-----BEGIN PUBLIC KEY-----\n"...), "there is text around the PEM blocks"},
		{"private key", block("PRIVATE KEY", private), "the file holds a private key"},
		{"private key behind", append(s.pem(t), block("EC PRIVATE KEY", []byte("x"))...), "the file holds a private key"},
		{"something else", block("CERTIFICATE REQUEST", []byte("x")), `it is a "CERTIFICATE REQUEST", not a public key`},
		{"broken", block("PUBLIC KEY", []byte("x")), "PEM block 1"},
		{"small RSA", block("PUBLIC KEY", smallDER), "the RSA key has 1024 bits"},
		{"P-521", signers()["P-521"].pem(t), "the curve is neither P-256 nor P-384"},
		{"not JSON", []byte(`{"keys": [`), "it is not JSON"},
		{"keys twice", []byte(`{"keys": [], "keys": []}`), "a member stands twice"},
		{"no keys", []byte(`{"keys": []}`), "there is no key that can be used"},
		{"no set", []byte(`{"kty": "RSA"}`), "the JWK set has no list of keys"},
		{"no object", []byte(`{"keys": [7]}`), "key 1: it is no object"},
		{"private JWK", jwks(changed("RSA", map[string]any{"d": "AQAB"})), "key 1: it is a private key"},
		{"secret JWK", jwks(map[string]any{"kty": "oct", "k": "c2VjcmV0"}), `key 1: its type "oct" is not that of a public key`},
		{"for encryption", jwks(changed("RSA", map[string]any{"use": "enc"})), "key 1: it is not for signatures"},
		{"use no text", jwks(changed("RSA", map[string]any{"use": 1})), "key 1: it is not for signatures"},
		{"for signing", jwks(changed("RSA", map[string]any{"key_ops": []string{"sign"}})), "key 1: it is not for checking signatures"},
		{"alg of another type", jwks(changed("RSA", map[string]any{"alg": "HS256"})), `key 1: its algorithm "HS256" is not supported`},
		{"alg none", jwks(changed("RSA", map[string]any{"alg": "none"})), `key 1: its algorithm "none" is not supported`},
		{"no modulus", jwks(changed("RSA", map[string]any{"n": nil})), "key 1: a number of it is not base64url"},
		{"modulus small", jwks(changed("RSA", map[string]any{"n": "AQAB"})), "key 1: the RSA key has 17 bits"},
		{"exponent huge", jwks(changed("RSA", map[string]any{"e": "AQABAQABAQAB"})), "key 1: its exponent is too large"},
		{"exponent 1", jwks(changed("RSA", map[string]any{"e": "AQ"})), "key 1: the exponent of the RSA key is none"},
		{"point not on the curve", jwks(changed("P-256", map[string]any{"x": strings.Repeat("A", 43)})), "key 1"},
		{"point short", jwks(changed("P-256", map[string]any{"x": "AQAB"})), "key 1: its point has not the size of the curve"},
		{"curve of another size", jwks(changed("P-256", map[string]any{"crv": "P-384"})), "key 1: its point has not the size of the curve"},
		{"unknown curve", jwks(changed("P-256", map[string]any{"crv": "secp256k1"})), `key 1: its curve "secp256k1" is neither`},
		{"X25519", jwks(changed("Ed25519", map[string]any{"crv": "X25519"})), `key 1: its curve "X25519" is not Ed25519`},
		{"long kid", jwks(changed("Ed25519", map[string]any{"kid": strings.Repeat("k", 257)})), "key 1: its kid is too long"},
		{"many", jwks(many...), "there are more than 64 keys"},
		{"large", bytes.Repeat([]byte(" "), 256<<10+1), "more than 262144 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			keys, err := jwtauth.ParseKeys(c.text)
			require.ErrorContains(t, err, c.want)
			require.Nil(t, keys)
		})
	}
}

func TestSeveralKeysInOneFile(t *testing.T) {
	t.Parallel()
	kinds := map[string]jwt.SigningMethod{"RSA": jwt.SigningMethodPS256, "RSA2": jwt.SigningMethodRS256, "P-256": jwt.SigningMethodES256, "Ed25519": jwt.SigningMethodEdDSA}
	var (
		text []byte
		set  []map[string]any
	)
	for kind := range kinds {
		text = append(text, signers()[kind].pem(t)...)
		set = append(set, signers()[kind].jwk())
	}
	for form, keys := range map[string]jwtauth.Keys{"pem": parse(t, text), "jwks": parse(t, jwks(set...))} {
		a := authenticator(t, issuerOf(keys))
		for kind, method := range kinds {
			s := signers()[kind]
			for _, kid := range []any{nil, s.kid} {
				_, err := a.Verify(t.Context(), sign(t, method, s.private, map[string]any{"kid": kid}, good()))
				require.NoError(t, err, "%s %s %v", form, kind, kid)
			}
		}
		require.Equal(t, "the issuer's key is not one for the algorithm ES384",
			refusal(t, a, sign(t, jwt.SigningMethodES384, signers()["P-384"].private, nil, good())), form)
		require.Equal(t, "the signature of the token does not fit the issuer's key",
			refusal(t, a, sign(t, jwt.SigningMethodRS256, mustRSA(t), nil, good())), form)
	}
	// A JWK that names its algorithm is for no other.
	a := authenticator(t, issuerOf(parse(t, jwks(changed("RSA", map[string]any{"alg": "PS256"})))))
	_, err := a.Verify(t.Context(), sign(t, jwt.SigningMethodPS256, signers()["RSA"].private, nil, good()))
	require.NoError(t, err)
	require.Equal(t, "the issuer's key is not one for the algorithm RS256", refusal(t, a, sign(t, jwt.SigningMethodRS256, signers()["RSA"].private, nil, good())))
}

func mustRSA(t *testing.T) *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	return k
}

func TestOtherFormsOfPEM(t *testing.T) {
	t.Parallel()
	k, ok := signers()["RSA"].private.(*rsa.PrivateKey)
	require.True(t, ok)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "id"}, NotBefore: now, NotAfter: now.Add(time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
	require.NoError(t, err)
	for kind, der := range map[string][]byte{"CERTIFICATE": certificate, "RSA PUBLIC KEY": x509.MarshalPKCS1PublicKey(&k.PublicKey)} {
		a := authenticator(t, issuerOf(parse(t, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))))
		_, err := a.Verify(t.Context(), sign(t, jwt.SigningMethodRS256, k, nil, good()))
		require.NoError(t, err, kind)
	}
}
