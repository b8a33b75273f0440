package sqldoc_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/sqldoc"
)

func document(id string) *docstore.Document {
	return &docstore.Document{Key: docstore.Key{Tenant: "pb", Kind: "filters", ID: id}, Name: id, Labels: []string{"owner:amara"}, Body: json.RawMessage(`{"a":1}`)}
}

func put(t testing.TB, d docstore.Driver, id string) *docstore.Document {
	t.Helper()
	stored, err := d.Put(t.Context(), document(id), 0)
	require.NoError(t, err)
	return stored
}

// raw opens a file of SQLite as any program does.
func raw(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	return db
}

func exec(t testing.TB, db *sql.DB, text string) {
	t.Helper()
	_, err := db.ExecContext(t.Context(), text)
	require.NoError(t, err)
}

func TestNamesOfFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open(t, dir)
	put(t, d, "a")
	require.FileExists(t, filepath.Join(dir, "config.sqlite"))
	for _, name := range []string{"a b", "a?mode=memory", "a#b", "a%20b", "é", "a&b=c", ":memory:", "file:x"} {
		path := filepath.Join(dir, name)
		put(t, open(t, path), "a")
		require.FileExists(t, path)
		_, err := open(t, path).Get(t.Context(), document("a").Key)
		require.NoError(t, err)
	}
}

// What is none of our files is refused, and not touched.
func TestForeignFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	other := filepath.Join(dir, "other.sqlite")
	exec(t, raw(t, other), "CREATE TABLE patients (name TEXT)")
	garbage := filepath.Join(dir, "garbage")
	require.NoError(t, os.WriteFile(garbage, []byte(strings.Repeat("no database ", 1000)), 0o600))
	marked := filepath.Join(dir, "marked.sqlite")
	exec(t, raw(t, marked), "PRAGMA application_id=1")
	half := filepath.Join(dir, "half.sqlite")
	put(t, open(t, half), "a")
	exec(t, raw(t, half), "DROP TABLE format")
	for _, path := range []string{other, garbage, marked, half} {
		before, err := os.ReadFile(path)
		require.NoError(t, err)
		_, err = sqldoc.Open(t.Context(), path, nil)
		require.ErrorIs(t, err, docstore.ErrCorrupt, path)
		require.ErrorContains(t, err, filepath.Base(path))
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, before, after, path)
	}
	_, err := sqldoc.Open(t.Context(), filepath.Join(dir, "none", "config.sqlite"), nil)
	require.ErrorIs(t, err, docstore.ErrUnavailable)
	_, err = sqldoc.Open(t.Context(), filepath.Join(garbage, "config.sqlite"), nil)
	require.ErrorIs(t, err, docstore.ErrUnavailable)

	empty := filepath.Join(dir, "empty")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	put(t, open(t, empty), "a")
}

// Damage is told when it is met, and never read over.
func TestDamagedFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "config.sqlite")
	d, err := sqldoc.Open(t.Context(), path, nil)
	require.NoError(t, err)
	for i := range 300 {
		put(t, d, fmt.Sprint("a", i))
	}
	require.NoError(t, d.Close())
	st, err := os.Stat(path)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(path, st.Size()/2))
	d, err = sqldoc.Open(t.Context(), path, nil)
	if err == nil {
		defer d.Close()
		_, err = d.List(t.Context(), &docstore.Query{Tenant: "pb", Kind: "filters", Limit: 1000})
	}
	require.ErrorIs(t, err, docstore.ErrCorrupt)
}

// While another process writes, readers read, and writers wait as long as they are told.
func TestLockedFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "config.sqlite")
	d, err := sqldoc.Open(t.Context(), path, &sqldoc.Options{Busy: 200 * time.Millisecond})
	require.NoError(t, err)
	defer d.Close()
	made := put(t, d, "a")
	other := raw(t, path)
	exec(t, other, "BEGIN IMMEDIATE")

	_, err = d.Put(t.Context(), document("b"), 0)
	require.ErrorIs(t, err, docstore.ErrUnavailable)
	require.ErrorIs(t, d.Delete(t.Context(), made.Key, 1), docstore.ErrUnavailable)
	got, err := d.Get(t.Context(), made.Key)
	require.NoError(t, err)
	require.Equal(t, made, got)
	patient := open(t, path)
	hasty, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err = patient.Put(hasty, document("b"), 0)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Less(t, time.Since(began), 5*time.Second)

	waits := make(chan error, 1)
	go func() {
		_, err := patient.Put(t.Context(), document("c"), 0)
		waits <- err
	}()
	exec(t, other, "COMMIT")
	require.NoError(t, <-waits)
}

func TestFullFile(t *testing.T) {
	t.Parallel()
	d, err := sqldoc.Open(t.Context(), filepath.Join(t.TempDir(), "config.sqlite"), &sqldoc.Options{MaxPages: 40})
	require.NoError(t, err)
	defer d.Close()
	large := document("")
	large.Body = json.RawMessage(`{"a":"` + strings.Repeat("x", 20000) + `"}`)
	var made []*docstore.Document
	for {
		large.ID = fmt.Sprint("a", len(made))
		stored, err := d.Put(t.Context(), large, 0)
		if err != nil {
			require.ErrorIs(t, err, docstore.ErrFull)
			break
		}
		made = append(made, stored)
		require.Less(t, len(made), 40)
	}
	require.NotEmpty(t, made)
	// Of writers that share a transaction, only those fail that find no room.
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			doc := document(fmt.Sprint("b", i))
			if i == 7 {
				doc.Body = large.Body
			}
			switch _, err := d.Put(context.Background(), doc, 0); { //nolint:usetesting // the writers outlive no test
			case i == 7:
				if err == nil {
					t.Error("a large document has found room")
				}
			case err != nil:
				t.Errorf("document %d: %v", i, err)
			}
		})
	}
	group.Wait()
	found, err := d.List(t.Context(), &docstore.Query{Tenant: "pb", Kind: "filters", Limit: 1000})
	require.NoError(t, err)
	require.Len(t, found, len(made)+15)
	require.Equal(t, made, found[:len(made)])
	require.NoError(t, d.Delete(t.Context(), made[0].Key, 1))
	large.ID = "again"
	_, err = d.Put(t.Context(), large, 0)
	require.NoError(t, err, "there is room again")
}

func TestReadOnlyFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "config.sqlite")
	d, err := sqldoc.Open(t.Context(), path, nil)
	require.NoError(t, err)
	made := put(t, d, "a")
	require.NoError(t, d.Close())
	require.NoError(t, os.Chmod(path, 0o400))
	d = open(t, path)
	if os.Geteuid() == 0 { // root may write every file
		require.NoError(t, sqldoc.Forbid(t.Context(), d))
	}
	got, err := d.Get(t.Context(), made.Key)
	require.NoError(t, err)
	require.Equal(t, made, got)
	_, err = d.Put(t.Context(), document("b"), 0)
	require.ErrorIs(t, err, docstore.ErrReadOnly)
}

func TestClosed(t *testing.T) {
	t.Parallel()
	d, err := sqldoc.Open(t.Context(), filepath.Join(t.TempDir(), "config.sqlite"), nil)
	require.NoError(t, err)
	put(t, d, "a")
	require.NoError(t, d.Close())
	require.NoError(t, d.Close())
	_, err = d.Get(t.Context(), document("a").Key)
	require.ErrorIs(t, err, docstore.ErrUnavailable)
	_, err = d.Put(t.Context(), document("b"), 0)
	require.ErrorIs(t, err, docstore.ErrUnavailable)
	require.ErrorIs(t, d.Delete(t.Context(), document("a").Key, 1), docstore.ErrUnavailable)
	_, err = d.List(t.Context(), &docstore.Query{Tenant: "pb", Kind: "filters", Limit: 1})
	require.ErrorIs(t, err, docstore.ErrUnavailable)
}

// One transaction serves many writers, and each gets what is its own.
func TestManyWriters(t *testing.T) {
	t.Parallel()
	d := open(t, filepath.Join(t.TempDir(), "config.sqlite"))
	var group sync.WaitGroup
	for i := range 200 {
		group.Go(func() {
			doc := document(fmt.Sprint(i / 2)) // two of each
			doc.Kind = []string{"filters", "dashboards", "users"}[i/2%3]
			doc.Name = fmt.Sprint(i)
			stored, err := d.Put(t.Context(), doc, 0)
			if err != nil {
				if !strings.Contains(err.Error(), "it is there already") {
					t.Errorf("document %d: %v", i, err)
				}
				return
			}
			got, err := d.Get(t.Context(), doc.Key)
			if err != nil || got.Name != doc.Name || got.Change != stored.Change {
				t.Errorf("document %d: %+v, %v", i, got, err)
			}
		})
	}
	group.Wait()
	changes := map[string]bool{}
	for _, kind := range []string{"filters", "dashboards", "users"} {
		page, err := d.List(t.Context(), &docstore.Query{Tenant: "pb", Kind: kind, Limit: 1000})
		require.NoError(t, err)
		for _, doc := range page {
			changes[fmt.Sprint(kind, doc.Change)] = true
		}
	}
	require.Len(t, changes, 100)
}
