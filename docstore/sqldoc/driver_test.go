package sqldoc_test

import (
	"crypto/rand"
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/docstoretest"
	"github.com/digit-health/dhr/docstore/sqldoc"
)

func open(t testing.TB, path string) *sqldoc.Driver {
	t.Helper()
	d, err := sqldoc.Open(t.Context(), path, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

func TestSQLite(t *testing.T) {
	t.Parallel()
	docstoretest.Run(t, docstoretest.Harness{
		New:  func(t testing.TB) string { return filepath.Join(t.TempDir(), "config.sqlite") },
		Open: func(t testing.TB, path string) docstore.Driver { return open(t, path) },
	})
}

const variable = "DHR_TEST_POSTGRES_URL"

// newSchema returns the name of a schema that is not there, and is removed in the end.
func newSchema(t testing.TB) string {
	schema := "docs_store_" + rand.Text()[:10]
	t.Cleanup(func() {
		db, err := sql.Open("pgx", os.Getenv(variable))
		require.NoError(t, err)
		defer db.Close()
		_, err = db.Exec(`DROP SCHEMA IF EXISTS "` + schema + `" CASCADE`)
		require.NoError(t, err)
	})
	return schema
}

func openPostgres(t testing.TB, schema string) *sqldoc.Driver {
	t.Helper()
	d, err := sqldoc.OpenPostgres(t.Context(), os.Getenv(variable), &sqldoc.PostgresOptions{Schema: schema})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

// TestPostgres runs the suite on the server at DHR_TEST_POSTGRES_URL.
func TestPostgres(t *testing.T) {
	t.Parallel()
	if os.Getenv(variable) == "" {
		t.Skipf("NOT TESTED: %s is not set", variable)
	}
	docstoretest.Run(t, docstoretest.Harness{
		New:   newSchema,
		Open:  func(t testing.TB, schema string) docstore.Driver { return openPostgres(t, schema) },
		Large: 20_000, // -docstoretest.large says more
	})
}
