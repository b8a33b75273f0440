package sqldoc_test

import (
	"database/sql"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/sqldoc"
)

func TestPostgresIsNotThere(t *testing.T) {
	t.Parallel()
	_, err := sqldoc.OpenPostgres(t.Context(), "postgres://%zz", nil)
	require.ErrorIs(t, err, docstore.ErrInvalid)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	_, err = sqldoc.OpenPostgres(t.Context(), "postgres://nobody@"+address+"/none?sslmode=disable", nil)
	require.ErrorIs(t, err, docstore.ErrUnavailable)
	require.NotContains(t, err.Error(), "secret")
}

// A server that ends our connections, or refuses what is asked, is told apart, and answers again.
func TestPostgresFaults(t *testing.T) {
	t.Parallel()
	if os.Getenv(variable) == "" {
		t.Skipf("NOT TESTED: %s is not set", variable)
	}
	schema := newSchema(t)
	d := openPostgres(t, schema)
	made := put(t, d, "a")
	db, err := sql.Open("pgx", os.Getenv(variable))
	require.NoError(t, err)
	defer db.Close()

	// Another transaction holds the kind: who does not wait is told, and what waits goes on.
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = tx.Exec(`UPDATE "` + schema + `".kind SET change = change WHERE kind = 'filters'`)
	require.NoError(t, err)
	waits := make(chan error, 1)
	go func() {
		_, err := d.Put(t.Context(), document("b"), 0)
		waits <- err
	}()
	other := document("c")
	other.Kind = "dashboards"
	got, err := d.Get(t.Context(), made.Key)
	require.NoError(t, err)
	require.Equal(t, made, got)
	require.NoError(t, tx.Rollback())
	require.NoError(t, <-waits)
	_, err = d.Put(t.Context(), other, 0)
	require.NoError(t, err)

	// The server ends every connection of this store of which the last query names its schema, as a read's does.
	_, err = d.Get(t.Context(), made.Key)
	require.NoError(t, err)
	var ended int
	require.NoError(t, db.QueryRow(`SELECT count(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query LIKE '%"`+schema+`"%') AS x`).Scan(&ended))
	require.Positive(t, ended)
	require.Eventually(t, func() bool {
		_, err := d.Get(t.Context(), made.Key)
		if err != nil {
			require.ErrorIs(t, err, docstore.ErrUnavailable)
		}
		return err == nil
	}, 10*time.Second, 10*time.Millisecond)

	// A role that may read and nothing else.
	role := schema
	exec(t, db, `CREATE ROLE "`+role+`" LOGIN`)
	t.Cleanup(func() {
		db, err := sql.Open("pgx", os.Getenv(variable))
		require.NoError(t, err)
		defer db.Close()
		_, err = db.Exec(`DROP OWNED BY "` + role + `"; DROP ROLE "` + role + `"`)
		require.NoError(t, err)
	})
	exec(t, db, `GRANT USAGE ON SCHEMA "`+schema+`" TO "`+role+`"`)
	exec(t, db, `GRANT SELECT ON ALL TABLES IN SCHEMA "`+schema+`" TO "`+role+`"`)
	reader, err := sqldoc.OpenPostgres(t.Context(), os.Getenv(variable)+"&options=-c%20role%3D"+role, &sqldoc.PostgresOptions{Schema: schema})
	require.NoError(t, err)
	defer reader.Close()
	got, err = reader.Get(t.Context(), made.Key)
	require.NoError(t, err)
	require.Equal(t, made, got)
	_, err = reader.Put(t.Context(), document("d"), 0)
	require.ErrorIs(t, err, docstore.ErrReadOnly)
	_, err = sqldoc.OpenPostgres(t.Context(), os.Getenv(variable)+"&options=-c%20role%3D"+role, &sqldoc.PostgresOptions{Schema: schema + "_other"})
	require.ErrorIs(t, err, docstore.ErrReadOnly)
}
