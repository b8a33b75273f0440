package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/fhir/fhirtest"
)

// The client that does as the published one does downloads every level, by GET and by POST, on a server that is open and on one where it signs in with
// its key; what it gets is what is in the store.
func TestFHIRClient(t *testing.T) {
	t.Parallel()
	all := map[string]int64{"Patient": clinicPatients, "Observation": clinicPulses, "Location": clinicPlaces}
	of := func(types ...string) map[string]int64 {
		some := map[string]int64{}
		for _, t := range types {
			some[t] = all[t]
		}
		return some
	}
	for _, signIn := range []bool{false, true} {
		c := openClinic(t, func(c *clinic) { c.signIn = signIn })
		for _, post := range []bool{false, true} {
			for name, x := range map[string]struct {
				request fhirtest.Request
				want    map[string]int64
				errors  int64
			}{
				"system":         {fhirtest.Request{}, all, 1},
				"strict":         {fhirtest.Request{Strict: true}, all, 1},
				"patients":       {fhirtest.Request{Level: fhirtest.Patient}, of("Patient", "Observation"), 1},
				"one type":       {fhirtest.Request{Params: url.Values{"_type": {"Patient"}}}, of("Patient"), 0},
				"a group":        {fhirtest.Request{Level: fhirtest.Group("d1")}, map[string]int64{"Patient": 9, "Observation": 18}, 0},
				"a list":         {fhirtest.Request{Level: fhirtest.Group("few")}, map[string]int64{"Patient": 2, "Observation": 4}, 0},
				"an empty group": {fhirtest.Request{Level: fhirtest.Group("none")}, map[string]int64{}, 0},
				"filtered":       {fhirtest.Request{Params: url.Values{"_type": {"Patient"}, "_typeFilter": {"Patient?gender=female"}}}, map[string]int64{"Patient": 15}, 0},
			} {
				t.Run(fmt.Sprintf("%s post=%v sign-in=%v", name, post, signIn), func(t *testing.T) {
					t.Parallel()
					request := x.request
					request.Post = post
					got, err := c.client().Export(t.Context(), &request)
					require.NoError(t, err)
					delete(got.Count, "")
					require.Equal(t, x.want, got.Count, "%s", got.Manifests)
					require.Equal(t, x.errors, got.Errors, "%s", got.Lines)
					var m struct {
						RequiresAccessToken bool
						Output, Error       []any
						Request             string
					}
					require.NoError(t, json.Unmarshal(got.Manifests[0], &m))
					require.Equal(t, signIn, m.RequiresAccessToken)
					require.NotNil(t, m.Error)
					require.NotNil(t, m.Output)
					require.Contains(t, m.Request, c.url+"/fhir/r4/"+request.Level+"$export")
					gone, err := c.client().Delete(t.Context(), got.Status)
					require.NoError(t, err)
					require.Equal(t, http.StatusAccepted, gone.Status)
				})
			}
		}
	}
}
