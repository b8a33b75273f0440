package dhr_test

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr"
	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/audit"
	"github.com/digit-health/dhr/dashboard"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/memdoc"
	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/export/process"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/job/localjob"
	"github.com/digit-health/dhr/storage"
	"github.com/digit-health/dhr/storage/disk"
)

// exporting has a service export to a folder.
func exporting(t *testing.T) func(*dhr.Config) {
	t.Helper()
	backend, err := disk.Open(t.TempDir(), nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = backend.Close() })
	files, err := storage.New(backend)
	require.NoError(t, err)
	return func(c *dhr.Config) {
		c.Exports = &process.Config{
			Formats: []*export.Format{export.CSV(), export.NDJSON()}, Files: files, Spool: t.TempDir(), Jobs: job.New(c.Store, localjob.New(), nil),
		}
	}
}

// finish waits for the end of an export.
func finish(t *testing.T, s *dhr.Service, who *access.Principal, id string) (last *process.Process) {
	t.Helper()
	for p, err := range s.Exports().Watch(t.Context(), who, id) {
		require.NoError(t, err)
		last = p
	}
	return last
}

// An export of a saved filter, from the request to its download, with all that the audit says of it.
func TestExports(t *testing.T) {
	t.Parallel()
	s, trail := serve(t, exporting(t))
	who := asking("EXPORTER")
	f, err := s.Filters().Create(t.Context(), who, &dashboard.Filter{Name: "malaria", JQL: `diagnosis ~ malaria AND date >= startOfMonth() ORDER BY age DESC`})
	require.NoError(t, err)
	p, err := s.Exports().Start(t.Context(), who, &process.Request{FilterID: f.ID, Format: "csv", Fields: []string{"visit_id", "age", "date"}}, nil)
	require.NoError(t, err)
	p = finish(t, s, who, p.ID)
	require.Equal(t, job.Completed, p.Status, "%+v", p.Error)
	d, err := s.Exports().OpenFile(t.Context(), who, p.ID, 1)
	require.NoError(t, err)
	r, err := d.Open(t.Context(), 0, -1)
	require.NoError(t, err)
	text, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.Equal(t, "\ufeffvisit_id,age,date\nV2,41,2026-11-09\nV1,3,2026-11-02\n", string(text))
	_, err = s.Exports().Delete(t.Context(), who, p.ID)
	require.NoError(t, err)
	_, err = s.Exports().Start(t.Context(), asking("ANALYST"), &process.Request{Format: "csv"}, nil)
	require.ErrorIs(t, err, process.ErrForbidden)

	entries, err := s.Audit(t.Context(), asking("ADMIN"), audit.Query{})
	require.NoError(t, err)
	var got []string
	for _, e := range entries {
		got = append(got, strings.Join([]string{e.User, e.Action, e.Detail["outcome"]}, " "))
		if e.Action == "export.complete" || e.Action == "export.download" {
			require.EqualValues(t, 2, e.Count)
			require.Len(t, e.Detail["sha256"], 64)
			require.Equal(t, "export/"+p.ID, e.Object)
		}
		for _, value := range e.Detail {
			require.NotContains(t, value, "malaria AND", "the text may name persons")
		}
	}
	require.Equal(t, []string{
		"analyst export.request denied", "exporter export.delete done", "exporter export.download done", "exporter export.complete done",
		"exporter export.request done", "exporter filter.create done", "exporter filter.create begun",
	}, got)
	report, err := trail.Verify(t.Context(), nil)
	require.NoError(t, err)
	require.Nil(t, report.Break)
}

// A service that is closed hands back what it works on; another goes on.
func TestExportsSurviveClose(t *testing.T) {
	t.Parallel()
	docs := docstore.New(memdoc.New())
	setup := exporting(t)
	var idle *dhr.Service
	idle, _ = serve(t, func(c *dhr.Config) {
		c.Store = docs
		setup(c)
		c.Exports.Jobs = job.New(docs, nil, nil) // it asks alone
	})
	who := asking("EXPORTER")
	p, err := idle.Exports().Start(t.Context(), who, &process.Request{Format: "ndjson"}, nil)
	require.NoError(t, err)
	require.Equal(t, job.Initiated, p.Status)
	working, _ := serve(t, func(c *dhr.Config) {
		c.Store = docs
		setup(c)
	})
	require.Equal(t, job.Completed, finish(t, working, who, p.ID).Status)
}

// Without a configuration there are no exports, and a wrong one is told.
func TestExportsConfiguration(t *testing.T) {
	t.Parallel()
	s, _ := serve(t, nil)
	require.Nil(t, s.Exports())
	records, err := threeVisits(t.Context())
	require.NoError(t, err)
	policy, err := access.NewPolicy(nil, nil)
	require.NoError(t, err)
	_, err = dhr.New(t.Context(), dhr.Config{Engine: records, Policy: policy, Exports: &process.Config{}})
	require.ErrorContains(t, err, "exports need a store")
	_, err = dhr.New(t.Context(), dhr.Config{Engine: records, Policy: policy, Store: docstore.New(memdoc.New()), Exports: &process.Config{}})
	require.ErrorIs(t, err, process.ErrInvalid)
}
