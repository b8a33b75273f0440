package jwtauth_test

import (
	"context"
	"fmt"
	"log"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/auth"
	"github.com/digit-health/dhr/auth/jwtauth"
	"github.com/digit-health/dhr/fhir/fhirtest"
)

// A token of one's own kind: what it says is up to who signs it and who reads it.
func ExampleSigned() {
	secret := []byte("a secret that is kept in a file, not here")
	text, err := jwtauth.Sign(secret, "at+jwt", map[string]any{"iss": "me", "sub": "a", "exp": 1900000000})
	if err != nil {
		log.Fatal(err)
	}
	keys, err := jwtauth.Secret(secret)
	if err != nil {
		log.Fatal(err)
	}
	t, err := jwtauth.Signed(context.Background(), text, keys, []string{"HS256"}, time.Now())
	if err != nil {
		log.Fatal(err)
	}
	until, _, err := t.Time("exp")
	fmt.Println(t.Type, t.Text("sub"), until.UTC().Year(), err)
	// Output: at+jwt a 2030 <nil>
}

// What is signed by another key, or in another way than is wanted, is refused, whatever it says.
func TestSigned(t *testing.T) {
	t.Parallel()
	key, err := fhirtest.NewKey("ES384", "k")
	require.NoError(t, err)
	other, err := fhirtest.NewKey("ES384", "k")
	require.NoError(t, err)
	keys, err := jwtauth.ParseKeys(key.JWKS())
	require.NoError(t, err)
	claims := map[string]any{"iss": "a", "aud": []string{"x", "y"}, "n": 1}
	good, err := key.Sign(claims, nil)
	require.NoError(t, err)
	got, err := jwtauth.Signed(t.Context(), good, keys, []string{"ES384"}, time.Now())
	require.NoError(t, err)
	require.Equal(t, []string{"ES384", "k", "JWT"}, []string{got.Algorithm, got.KeyID, got.Type})
	require.Equal(t, []string{"x", "y"}, got.Audiences())
	require.Empty(t, got.Text("n"))
	_, there, err := got.Time("exp")
	require.NoError(t, err)
	require.False(t, there)
	same, err := jwtauth.Unverified(good)
	require.NoError(t, err)
	require.Equal(t, got, same)

	forged, err := other.Sign(claims, nil)
	require.NoError(t, err)
	_, err = jwtauth.Signed(t.Context(), forged, keys, []string{"ES384"}, time.Now())
	require.ErrorIs(t, err, auth.ErrUnauthenticated)
	_, err = jwtauth.Signed(t.Context(), good, keys, []string{"RS384"}, time.Now())
	require.ErrorIs(t, err, auth.ErrUnauthenticated)
	for _, text := range []string{"", "..", good + "x", good[:len(good)-4]} {
		_, err = jwtauth.Signed(t.Context(), text, keys, []string{"ES384"}, time.Now())
		require.ErrorIs(t, err, auth.ErrUnauthenticated)
	}
	_, err = jwtauth.Unverified("x")
	require.Error(t, err)
	_, err = jwtauth.Sign([]byte("short"), "JWT", nil)
	require.Error(t, err)
	_, err = jwtauth.Sign([]byte("a secret that is kept in a file, not here"), "JWT", map[string]any{"x": make([]byte, 20<<10)})
	require.Error(t, err, "no token is so long")
}
