package localjob_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/memdoc"
	"github.com/digit-health/dhr/docstore/sqldoc"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/job/jobtest"
	"github.com/digit-health/dhr/job/localjob"
)

func TestSuite(t *testing.T) {
	t.Parallel()
	jobtest.Run(t, jobtest.Harness{
		Runners: func(testing.TB) func() job.Runner { return func() job.Runner { return localjob.New() } },
		Store:   func(testing.TB) docstore.Driver { return memdoc.New() },
		Apart:   true,
	})
}

// The suite over a store on the disk, whose writes take their time.
func TestSQLite(t *testing.T) {
	t.Parallel()
	jobtest.Run(t, jobtest.Harness{
		Runners: func(testing.TB) func() job.Runner { return func() job.Runner { return localjob.New() } },
		Store: func(t testing.TB) docstore.Driver {
			d, err := sqldoc.Open(t.Context(), filepath.Join(t.TempDir(), "config.sqlite"), nil)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, d.Close()) })
			return d
		},
		Apart: true,
	})
}

// Workers are killed over a store on the disk.
func TestKill(t *testing.T) {
	t.Parallel()
	jobtest.Kill(t, jobtest.KillHarness{
		New: func(t testing.TB) string { return filepath.Join(t.TempDir(), "config.sqlite") },
		Open: func(t testing.TB, path string) (docstore.Driver, job.Runner) {
			d, err := sqldoc.Open(t.Context(), path, nil)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, d.Close()) })
			return d, localjob.New()
		},
	})
}
