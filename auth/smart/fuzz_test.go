package smart_test

import (
	"errors"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/auth/smart"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/memdoc"
	"github.com/digit-health/dhr/fhir/fhirtest"
)

// FuzzAssertion: nothing but what a client has signed gets a token, and every refusal says why.
func FuzzAssertion(f *testing.F) {
	k, _ := keyOf(f, key)
	signed, err := k.Sign(fhirtest.Claims("research", tokenURL, now), nil)
	require.NoError(f, err)
	unsigned, err := k.Sign(fhirtest.Claims("research", tokenURL, now), map[string]any{"alg": "none"})
	require.NoError(f, err)
	for _, seed := range []string{signed, unsigned, signed[:len(signed)-1], signed + ".", "..", "a.b.c", ""} {
		f.Add(seed, "system/*.rs")
	}
	f.Add("e30.e30.", "system/Patient.read openid")
	f.Fuzz(func(t *testing.T, assertion, scope string) {
		o := open(t, docstore.New(memdoc.New()), "system/*.rs")
		got, err := o.Token(t.Context(), url.Values{
			"grant_type": {"client_credentials"}, "client_assertion": {assertion}, "scope": {scope},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		})
		if err == nil {
			require.Equal(t, signed, assertion)
			require.NotEmpty(t, got.Scope)
			_, err = o.Authenticate(bearer(got.AccessToken, "/fhir/r4/metadata"))
			require.NoError(t, err)
			return
		}
		var refused *smart.Error
		require.True(t, errors.As(err, &refused) && refused.Code != "" && refused.Description != "")
	})
}
