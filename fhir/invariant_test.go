package fhir_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/fhir"
)

// A subset of a sound resource is sound: it keeps what a rule for the whole resource wants.
func TestSubsetMeetsInvariants(t *testing.T) {
	t.Parallel()
	for typ, c := range map[string]struct{ resource, want string }{
		"AllergyIntolerance": {
			`{"resourceType":"AllergyIntolerance","id":"a","clinicalStatus":{"text":"x"},"code":{"text":"latex"},"patient":{"reference":"Patient/1"}}`,
			`{"resourceType":"AllergyIntolerance","id":"a","meta":{"tag":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}]},"clinicalStatus":{"text":"x"},"patient":{"reference":"Patient/1"}}`,
		},
		"Organization": {
			`{"resourceType":"Organization","id":"a","name":"x","alias":["y"]}`,
			`{"resourceType":"Organization","id":"a","meta":{"tag":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}]},"name":"x"}`,
		},
	} {
		s, err := fhir.NewSubset(typ, []string{"id"})
		require.NoError(t, err)
		got, err := s.Append(nil, []byte(c.resource))
		require.NoError(t, err)
		require.JSONEq(t, c.want, string(got))
	}
}

// Each element that is kept is one of its type.
func TestInvariantsNameElements(t *testing.T) {
	t.Parallel()
	for _, typ := range []string{"AllergyIntolerance", "Appointment", "Condition", "Consent", "Organization"} {
		require.True(t, fhir.TypeOf(typ).Resource)
		for _, name := range fhir.KeptByInvariant(typ) {
			require.NotNil(t, fhir.TypeOf(typ).Element(name), "%s.%s", typ, name)
		}
	}
}
