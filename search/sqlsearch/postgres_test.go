package sqlsearch_test

import (
	"context"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/searchtest"
	"github.com/digit-health/dhr/search/sqlsearch"
)

// postgresURL returns the address of the server under test.
func postgresURL(t testing.TB) string {
	url := os.Getenv("DHR_TEST_POSTGRES_URL")
	if url == "" {
		t.Skip("SKIPPED: set DHR_TEST_POSTGRES_URL to the URL of a PostgreSQL database to test against it")
	}
	return url
}

// openPostgres opens a driver over a schema of its own, which is empty and is
// removed when the test ends.
func openPostgres(t testing.TB, schema string) *sqlsearch.Postgres {
	dropSchema(t, schema)
	d, err := sqlsearch.OpenPostgres(t.Context(), postgresURL(t), &sqlsearch.PostgresOptions{Schema: schema})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, d.Close())
		dropSchema(t, schema)
	})
	return d
}

func dropSchema(t testing.TB, schema string) {
	ctx := context.WithoutCancel(t.Context()) // it is called in clean-ups as well
	conn := connect(t)
	defer conn.Close(ctx)
	_, err := conn.Exec(ctx, "DROP SCHEMA IF EXISTS "+pgx.Identifier{schema}.Sanitize()+" CASCADE")
	require.NoError(t, err)
}

// connect returns a connection beside the driver, to look at the server.
func connect(t testing.TB) *pgx.Conn {
	conn, err := pgx.Connect(context.WithoutCancel(t.Context()), postgresURL(t))
	require.NoError(t, err)
	return conn
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	const schema = "dhr_suite"
	url := with(t, "application_name", schema)
	opened := func(t testing.TB) search.Driver {
		d, err := sqlsearch.OpenPostgres(t.Context(), url, &sqlsearch.PostgresOptions{Schema: schema})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, d.Close()) })
		return d
	}
	searchtest.Run(t, searchtest.Harness{
		Engine: "PostgreSQL",
		Open: func(t testing.TB) search.Driver {
			dropSchema(t, schema)
			t.Cleanup(func() { dropSchema(t, schema) })
			return opened(t)
		},
		Again: func(t testing.TB, _ search.Driver) search.Driver { return opened(t) },
		OpenContexts: func() (n int, err error) {
			conn := connect(t)
			defer conn.Close(context.Background())
			return n, conn.QueryRow(context.Background(), "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND state <> 'idle'", schema).Scan(&n)
		},
		Lose: func(search.Driver) error {
			conn := connect(t)
			defer conn.Close(context.Background())
			_, err := conn.Exec(context.Background(), "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = $1 AND state <> 'idle'", schema)
			return err
		},
	})
}
