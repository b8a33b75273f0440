package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/fhir/bulk"
)

// fhirMatrix are what is asked of FHIR; {id} is an export's.
var fhirMatrix = [][2]string{
	{"GET", "/fhir/r4/metadata"},
	{"GET", "/fhir/r4/OperationDefinition/export"},
	{"GET", "/fhir/r4/.well-known/smart-configuration"},
	{"GET", "/fhir/r4/$export"},
	{"POST", "/fhir/r4/$export"},
	{"GET", "/fhir/r4/Patient/$export"},
	{"GET", "/fhir/r4/Group/d1/$export"},
	{"GET", "/fhir/r4/Group/secret/$export"},
	{"GET", "/fhir/r4/Group"},
	{"GET", "/fhir/r4/Group/d1"},
	{"GET", "/fhir/r4/Group/secret"},
	{"GET", "/fhir/r4/$export-status/{id}"},
	{"GET", "/fhir/r4/$export-file/{id}/Patient-1.ndjson"},
	{"DELETE", "/fhir/r4/$export-status/{id}"},
	{"GET", "/v1/fhir-exports"},
	{"GET", "/v1/fhir-exports?user_id=*"},
}

// fhirRows asks the routes of FHIR as every role, of exports that are who asks's, another's and, under the same name, another tenant's.
func fhirRows(t *testing.T, to *strings.Builder) {
	t.Helper()
	c := openClinic(t, func(c *clinic) { c.signIn = true })
	for _, r := range fhirMatrix {
		all := []string{"-"}
		if strings.Contains(r[1], "{id}") {
			all = []string{"own", "another's", "other tenant"}
		}
		for _, relation := range all {
			_, err := fmt.Fprintf(to, "%-34s %-13s", r[0]+" "+strings.TrimPrefix(r[1], "/fhir/r4"), relation)
			require.NoError(t, err)
			for _, who := range askers {
				at := r[1]
				if relation != "-" {
					at = strings.ReplaceAll(at, "{id}", fhirExportIn(t, c, relation, who))
				}
				_, err := fmt.Fprintf(to, " %-8d", c.ask(who, r[0], at, nil).status)
				require.NoError(t, err)
			}
			to.WriteString("\n")
		}
	}
}

// fhirExportIn makes an export of what an exporter sees that has to do with who in that way, and returns its id.
func fhirExportIn(t *testing.T, c *clinic, relation, who string) string {
	t.Helper()
	owner := &access.Principal{User: who, Tenant: "pb", Roles: []string{"EXPORTER"}}
	switch relation {
	case "another's":
		owner.User = "somebody"
	case "other tenant":
		owner.Tenant = "mz"
	}
	e, err := c.service.FHIR().Start(t.Context(), owner, &bulk.Request{Level: bulk.SystemLevel, Parameters: map[string][]string{"_type": {"Patient"}}})
	require.NoError(t, err)
	for seen, err := range c.service.FHIR().Watch(t.Context(), owner, e.ID) {
		require.NoError(t, err)
		e = seen
	}
	require.EqualValues(t, "completed", e.Status)
	return e.ID
}
