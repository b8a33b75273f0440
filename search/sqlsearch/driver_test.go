package sqlsearch_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/searchtest"
	"github.com/digit-health/dhr/search/sqlsearch"
)

func open(t testing.TB, path string, o *sqlsearch.Options) *sqlsearch.SQLite {
	d, err := sqlsearch.Open(t.Context(), path, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

// Most questions of the suite are answered by columns in memory; here SQL alone answers.
func TestSuiteBySQL(t *testing.T) {
	t.Parallel()
	if testing.Short() { // PostgreSQL answers by much the same SQL
		return
	}
	path := filepath.Join(t.TempDir(), "records.sqlite")
	searchtest.Run(t, searchtest.Harness{
		Engine: "sqlite, by SQL alone",
		Open:   func(t testing.TB) search.Driver { return open(t, path, &sqlsearch.Options{Columns: -1}) },
	})
}

func TestSuite(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "records.sqlite")
	searchtest.Run(t, searchtest.Harness{
		Engine: "sqlite",
		Open:   func(t testing.TB) search.Driver { return open(t, path, nil) },
	})
}
