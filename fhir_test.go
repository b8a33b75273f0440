package dhr_test

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr"
	"github.com/digit-health/dhr/audit"
	"github.com/digit-health/dhr/fhir/bulk"
	"github.com/digit-health/dhr/fhir/mapping"
	"github.com/digit-health/dhr/job"
)

// An export of FHIR beside the others, worked on by the same workers, with all that the audit says of it.
func TestFHIR(t *testing.T) {
	t.Parallel()
	set, err := mapping.Parse("visits.yaml", []byte(`
mappings:
  - name: visits
    index: visits
    type: Basic
    resource:
      id: "{visit_id}"
      code: {text: visit}
`))
	require.NoError(t, err)
	also := exporting(t)
	s, trail := serve(t, func(c *dhr.Config) {
		also(c)
		c.FHIR = &bulk.Config{Mappings: set.Mappings(), Files: c.Exports.Files, Jobs: c.Exports.Jobs, Spool: t.TempDir()}
	})
	who := asking("EXPORTER")
	e, err := s.FHIR().Start(t.Context(), who, &bulk.Request{Level: bulk.SystemLevel, URL: "https://dhr.example.org/fhir/r4/$export"})
	require.NoError(t, err)
	for seen, err := range s.FHIR().Watch(t.Context(), who, e.ID) {
		require.NoError(t, err)
		e = seen
	}
	require.Equal(t, job.Completed, e.Status, "%+v", e.Error)
	m, err := s.FHIR().Manifest(t.Context(), who, e.ID, 0)
	require.NoError(t, err)
	require.Len(t, m.Output, 1)
	d, err := s.FHIR().OpenFile(t.Context(), who, e.ID, m.Output[0].Name)
	require.NoError(t, err)
	r, err := d.Open(t.Context(), false, 0, -1)
	require.NoError(t, err)
	text, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.Contains(t, string(text), `{"resourceType":"Basic","id":"V1"`)
	require.NoError(t, s.FHIR().Delete(t.Context(), who, e.ID))
	_, err = s.FHIR().Start(t.Context(), asking("ANALYST"), &bulk.Request{Level: bulk.SystemLevel})
	require.ErrorIs(t, err, bulk.ErrForbidden)

	entries, err := s.Audit(t.Context(), asking("ADMIN"), audit.Query{})
	require.NoError(t, err)
	var got []string
	for _, a := range entries {
		got = append(got, strings.Join([]string{a.User, a.Action, a.Detail["outcome"]}, " "))
		if a.Action == "fhir.complete" || a.Action == "fhir.download" {
			require.Equal(t, m.Output[0].Count, a.Count)
			require.Len(t, a.Detail["sha256"], 64)
			require.Equal(t, "fhir/"+e.ID, a.Object)
		}
	}
	require.Equal(t, []string{"analyst fhir.request denied", "exporter fhir.delete done", "exporter fhir.download done", "exporter fhir.complete done", "exporter fhir.request done"}, got)
	report, err := trail.Verify(t.Context(), nil)
	require.NoError(t, err)
	require.Nil(t, report.Break)
}

func TestFHIRIsOptional(t *testing.T) {
	t.Parallel()
	s, _ := serve(t, nil)
	require.Nil(t, s.FHIR(), "without a configuration there is none")
}
