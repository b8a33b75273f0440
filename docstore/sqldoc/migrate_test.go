package sqldoc_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/sqldoc"
)

// A place is one where a store may be, and a connection to it as any program has.
type place struct {
	open   func() (*sqldoc.Driver, error)
	raw    *sql.DB
	prefix string // of tables
}

// places runs a test in SQLite, and in PostgreSQL if there is one.
func places(t *testing.T, test func(t *testing.T, p place)) {
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "config.sqlite")
		test(t, place{raw: raw(t, path), open: func() (*sqldoc.Driver, error) { return sqldoc.Open(t.Context(), path, nil) }})
	})
	t.Run("postgres", func(t *testing.T) {
		if os.Getenv(variable) == "" {
			t.Skipf("NOT TESTED: %s is not set", variable)
		}
		schema := newSchema(t)
		db, err := sql.Open("pgx", os.Getenv(variable))
		require.NoError(t, err)
		defer db.Close()
		test(t, place{raw: db, prefix: `"` + schema + `".`, open: func() (*sqldoc.Driver, error) {
			return sqldoc.OpenPostgres(t.Context(), os.Getenv(variable), &sqldoc.PostgresOptions{Schema: schema, Connections: 4})
		}})
	})
}

// Stores are led to newer versions, by whoever opens them first, and not back. This
// test changes what the package knows, and so is not parallel.
func TestMigrations(t *testing.T) {
	places(t, func(t *testing.T, p place) {
		known := sqldoc.Migrations()
		released := slices.Clone(*known)
		defer func() { *known = released }()
		old, err := p.open()
		require.NoError(t, err)
		defer old.Close()
		made := put(t, old, "a")

		*known = append(slices.Clone(released), []string{
			"CREATE TABLE {s}extra (a {text})", "INSERT INTO {s}nowhere VALUES (1)",
		})
		_, err = p.open()
		require.Error(t, err, "the second statement fails")
		require.ErrorContains(t, err, "to version 2")
		*known = released
		same, err := p.open()
		require.NoError(t, err, "the store is as it was")
		put(t, same, "b")
		require.NoError(t, same.Close())

		*known = append(slices.Clone(released),
			[]string{"CREATE TABLE {s}extra (a {text})"},
			[]string{"INSERT INTO {s}extra VALUES ('once')"},
		)
		var group sync.WaitGroup
		for range 6 {
			group.Go(func() {
				d, err := p.open()
				if err != nil {
					t.Errorf("open: %v", err)
					return
				}
				if _, err := d.Get(context.Background(), made.Key); err != nil { //nolint:usetesting // the writers outlive no test
					t.Errorf("get: %v", err)
				}
				if err := d.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			})
		}
		group.Wait()
		var rows int
		require.NoError(t, p.raw.QueryRow("SELECT count(*) FROM "+p.prefix+"extra").Scan(&rows))
		require.Equal(t, 1, rows, "each step is done once")

		*known = released
		_, err = p.open()
		require.ErrorIs(t, err, docstore.ErrNewer)
		require.ErrorContains(t, err, "version 3")
		require.ErrorContains(t, err, "start the program that changed it")
		_, err = old.Put(t.Context(), document("c"), 0)
		require.ErrorIs(t, err, docstore.ErrNewer, "also for who has opened it before")
		require.ErrorIs(t, old.Delete(t.Context(), made.Key, 1), docstore.ErrNewer)
		got, err := old.Get(t.Context(), made.Key)
		require.NoError(t, err)
		require.Equal(t, made, got)
	})
}

// Several processes may make a new store at once.
func TestOpenedAtOnce(t *testing.T) {
	places(t, func(t *testing.T, p place) {
		var group sync.WaitGroup
		for range 6 {
			group.Go(func() {
				d, err := p.open()
				if err != nil {
					t.Errorf("open: %v", err)
					return
				}
				if err := d.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			})
		}
		group.Wait()
		d, err := p.open()
		require.NoError(t, err)
		put(t, d, "a")
		require.NoError(t, d.Close())
		exec(t, p.raw, "UPDATE "+p.prefix+"format SET version = 0")
		_, err = p.open()
		require.ErrorIs(t, err, docstore.ErrCorrupt)
		exec(t, p.raw, "DELETE FROM "+p.prefix+"format")
		_, err = p.open()
		require.ErrorIs(t, err, docstore.ErrCorrupt)
	})
}
