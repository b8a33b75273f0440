//go:build unix

package sqlsearch_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/bench/visits"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/sqlsearch"
)

// job is the variable by which a test runs this binary again as another
// process: job, file and an argument, between commas.
const job = "DHR_TEST_SQLSEARCH_JOB"

func TestMain(m *testing.M) {
	if todo := os.Getenv(job); todo != "" {
		os.Exit(child(strings.Split(todo, ",")))
	}
	os.Exit(m.Run())
}

// child does the job of another process; it says when it has begun.
func child(todo []string) int {
	ctx := context.Background()
	var options *sqlsearch.Options
	if todo[0] == "load" {
		options = &sqlsearch.Options{Batch: 500}
	}
	d, err := sqlsearch.Open(ctx, todo[1], options)
	if err != nil {
		fmt.Println("open:", sentinel(err))
		return 0
	}
	switch todo[0] {
	case "load": // until it is killed
		s, err := visits.Schema("visits")
		if err == nil {
			err = d.Create(ctx, s)
		}
		if err != nil {
			return 1
		}
		docs, _ := visits.Documents(s, 10_000_000)
		n := 0
		_, err = d.Load(ctx, s, func(yield func(*search.Document) bool) {
			for doc := range docs {
				if n++; n%500 == 0 {
					fmt.Println(n)
				}
				if !yield(doc) {
					return
				}
			}
		}, nil)
		fmt.Println("load:", err)
	case "reader": // who may not write
		s, err := visits.Schema("visits")
		if err != nil {
			return 1
		}
		n, err := d.Count(ctx, everything(s), 0)
		fmt.Println("count:", n, sentinel(err))
		fmt.Println("create:", sentinel(d.Create(ctx, s)))
	}
	return 0
}

func sentinel(err error) string {
	for _, s := range []error{search.ErrReadOnly, search.ErrCorrupt, search.ErrUnavailable, search.ErrUnsupported} {
		if errors.Is(err, s) {
			return s.Error()
		}
	}
	return fmt.Sprint(err)
}

// again runs this binary as another process.
func again(t *testing.T, args ...string) *exec.Cmd {
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), job+"="+strings.Join(args, ","))
	cmd.Stderr = os.Stderr
	return cmd
}

// A loader that is killed in the middle leaves whole batches, to which the same
// file is loaded again.
func TestKilledInMidLoad(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "records.sqlite")
	cmd := again(t, "load", file)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "10000" {
	}
	require.NoError(t, cmd.Process.Signal(syscall.SIGKILL))
	require.Error(t, cmd.Wait())

	d := open(t, file, nil)
	s, err := visits.Schema("visits")
	require.NoError(t, err)
	n, err := d.Count(t.Context(), everything(s), 0)
	require.NoError(t, err)
	require.NotZero(t, n)
	require.Zero(t, n%500, "%d documents are no whole batches", n)
	snap, err := d.Snapshot(t.Context(), "visits", "")
	require.NoError(t, err)
	columns, err := s.Project("visit_id")
	require.NoError(t, err)
	records, _ := snap.Scan(t.Context(), &search.Scan{Plan: everything(s), Columns: columns})
	scanned := int64(0)
	for _, err := range records {
		require.NoError(t, err)
		scanned++
	}
	require.NoError(t, snap.Close())
	require.Equal(t, n, scanned)
	require.NoError(t, visits.Store(t.Context(), d, "visits", 12_000))
	n, err = d.Count(t.Context(), everything(s), 0)
	require.NoError(t, err)
	require.GreaterOrEqual(t, n, int64(12_000))
}

// Another process that writes is waited for, and then the store is locked. Reading goes on.
func TestLocked(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "records.sqlite")
	d := open(t, file, &sqlsearch.Options{Busy: 50 * time.Millisecond})
	require.NoError(t, visits.Store(t.Context(), d, "visits", 100))
	s, err := visits.Schema("visits")
	require.NoError(t, err)
	unlock, err := sqlsearch.Lock(file)
	require.NoError(t, err)
	docs, _ := visits.Documents(s, 10)
	_, err = d.Load(t.Context(), s, docs, nil)
	require.ErrorIs(t, err, search.ErrUnavailable)
	require.ErrorIs(t, d.Drop(t.Context(), "visits"), search.ErrUnavailable)
	n, err := d.Count(t.Context(), everything(s), 0)
	require.NoError(t, err)
	require.EqualValues(t, 100, n)

	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	patient := open2(t, file)
	require.ErrorIs(t, patient.Drop(ctx, "visits"), context.DeadlineExceeded)
	unlock()
	require.NoError(t, d.Drop(t.Context(), "visits"))
}

// open2 opens a store that is locked for writing.
func open2(t *testing.T, file string) *sqlsearch.SQLite {
	d, err := sqlsearch.OpenLocked(t.Context(), file)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

func TestReadOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "records.sqlite")
	d := open(t, file, nil)
	require.NoError(t, visits.Store(t.Context(), d, "visits", 100))
	s, err := visits.Schema("visits")
	require.NoError(t, err)
	r := open(t, file, &sqlsearch.Options{ReadOnly: true})
	n, err := r.Count(t.Context(), everything(s), 0)
	require.NoError(t, err)
	require.EqualValues(t, 100, n)
	docs, _ := visits.Documents(s, 10)
	_, err = r.Load(t.Context(), s, docs, nil)
	require.ErrorIs(t, err, search.ErrReadOnly)
	require.ErrorIs(t, r.Create(t.Context(), s), search.ErrReadOnly)
	require.ErrorIs(t, r.Drop(t.Context(), "visits"), search.ErrReadOnly)
	snap, err := r.Snapshot(t.Context(), "visits", "")
	require.NoError(t, err)
	n, err = snap.Count(t.Context(), everything(s))
	require.NoError(t, err)
	require.EqualValues(t, 100, n)
	require.NoError(t, snap.Close())
}

// A process that may not write the file, or not even its directory, reads it.
func TestNoRightToWrite(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"file", "directory"} {
		t.Run(part, func(t *testing.T) {
			t.Parallel()
			dir := anyonesDir(t)
			file := filepath.Join(dir, "records.sqlite")
			d, err := sqlsearch.Open(t.Context(), file, nil)
			require.NoError(t, err)
			require.NoError(t, visits.Store(t.Context(), d, "visits", 100))
			require.NoError(t, d.Close())
			if part == "file" {
				require.NoError(t, os.Chmod(file, 0o444))
			} else {
				require.NoError(t, os.Chmod(file, 0o666))
				require.NoError(t, os.Chmod(dir, 0o555))
				t.Cleanup(func() { require.NoError(t, os.Chmod(dir, 0o755)) })
			}
			cmd := again(t, "reader", file)
			if os.Getuid() == 0 { // whom no mode hinders: become somebody else
				cmd.Path = anyonesBinary(t, cmd.Path)
				cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
			}
			out, err := cmd.Output()
			require.NoError(t, err)
			require.Equal(t, "count: 100 <nil>\ncreate: read-only store\n", string(out))
		})
	}
}

// anyonesDir returns a directory that every user can read and write.
func anyonesDir(t *testing.T) string {
	dir, err := os.MkdirTemp("", "sqlsearch") //nolint:usetesting // others may not enter what t.TempDir stands in
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o777))
	return dir
}

// anyonesBinary returns a copy of a program that every user can run.
func anyonesBinary(t *testing.T, path string) string {
	in, err := os.Open(path)
	require.NoError(t, err)
	defer in.Close()
	out, err := os.OpenFile(filepath.Join(anyonesDir(t), "again"), os.O_WRONLY|os.O_CREATE, 0o755)
	require.NoError(t, err)
	_, err = io.Copy(out, in)
	require.NoError(t, err)
	require.NoError(t, out.Close())
	return out.Name()
}

func TestNoDatabase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return file
	}
	foreign := filepath.Join(dir, "foreign")
	require.NoError(t, sqlsearch.Script(foreign, "CREATE TABLE t (a)"))
	newer := filepath.Join(dir, "newer")
	d, err := sqlsearch.Open(t.Context(), newer, nil)
	require.NoError(t, err)
	require.NoError(t, d.Close())
	require.NoError(t, sqlsearch.Script(newer, "PRAGMA user_version=99"))
	for name, c := range map[string]struct {
		file string
		want error
		says string
	}{
		"text":              {write("text", strings.Repeat("not a database\n", 100)), search.ErrCorrupt, "not a database"},
		"another program's": {foreign, search.ErrCorrupt, "not one of DHR's"},
		"a later version":   {newer, search.ErrUnsupported, "version 99"},
		"no such directory": {filepath.Join(dir, "no", "such", "file"), search.ErrUnavailable, "unable to open"},
		"half a header":     {write("half", "SQLite format 3\x00"+strings.Repeat("x", 40)), search.ErrCorrupt, "not a database"},
	} {
		for _, readOnly := range []bool{false, true} {
			before, _ := os.ReadFile(c.file)
			_, err := sqlsearch.Open(t.Context(), c.file, &sqlsearch.Options{ReadOnly: readOnly})
			require.ErrorIs(t, err, c.want, name)
			if !readOnly {
				require.ErrorContains(t, err, c.says, name)
			}
			after, _ := os.ReadFile(c.file)
			require.Equal(t, before, after, name)
		}
	}
	_, err = sqlsearch.Open(t.Context(), filepath.Join(dir, "absent"), &sqlsearch.Options{ReadOnly: true})
	require.ErrorIs(t, err, search.ErrUnavailable)
}

// A file with pages overwritten answers with ErrCorrupt, or with what is right.
func TestDamaged(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "records.sqlite")
	d, err := sqlsearch.Open(t.Context(), file, nil)
	require.NoError(t, err)
	require.NoError(t, visits.Store(t.Context(), d, "visits", 5000))
	require.NoError(t, d.Close())
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	require.NoError(t, err)
	st, err := f.Stat()
	require.NoError(t, err)
	for at := int64(40 * 8192); at < st.Size(); at += 2 * 8192 {
		_, err := f.WriteAt([]byte(strings.Repeat("damaged ", 1024)), at)
		require.NoError(t, err)
	}
	require.NoError(t, f.Close())

	d = open(t, file, nil)
	s, err := visits.Schema("visits")
	require.NoError(t, err)
	columns, err := s.Project("visit_id")
	require.NoError(t, err)
	for _, err = range d.Read(t.Context(), &search.Read{Plan: everything(s), Columns: columns}) {
	}
	require.ErrorIs(t, err, search.ErrCorrupt)
}

// A file that can grow no more keeps the batches that were whole.
func TestFull(t *testing.T) {
	t.Parallel()
	d := open(t, filepath.Join(t.TempDir(), "records.sqlite"), &sqlsearch.Options{MaxPages: 200, Batch: 100})
	err := visits.Store(t.Context(), d, "visits", 100_000)
	require.ErrorIs(t, err, search.ErrFull)
	s, err := visits.Schema("visits")
	require.NoError(t, err)
	n, err := d.Count(t.Context(), everything(s), 0)
	require.NoError(t, err)
	require.NotZero(t, n)
	require.Zero(t, n%100)
	require.NoError(t, d.Drop(t.Context(), "visits"))
	require.NoError(t, visits.Store(t.Context(), d, "visits", 100))
}

// The end of a context ends the work of SQLite, within a second.
func TestCancelled(t *testing.T) {
	t.Parallel()
	d := open(t, filepath.Join(t.TempDir(), "records.sqlite"), nil)
	require.NoError(t, visits.Store(t.Context(), d, "visits", 20_000))
	s, err := visits.Schema("visits")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	begin := time.Now()
	err = d.Endless(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Less(t, time.Since(begin), time.Second+200*time.Millisecond)
	n, err := d.Count(t.Context(), everything(s), 0)
	require.NoError(t, err)
	require.EqualValues(t, 20_000, n)
	for _, query := range []string{"", "notes ~ \"fever\" ORDER BY diagnosis.keyword, dosage"} {
		ctx, cancel := context.WithCancel(t.Context())
		columns, err := s.Project("visit_id")
		require.NoError(t, err)
		n := 0
		for _, err = range d.Read(ctx, &search.Read{Plan: parsed(t, s, query), Columns: columns}) {
			if n++; n == 3 {
				cancel()
			}
		}
		require.ErrorIs(t, err, context.Canceled, query)
		cancel()
	}
}
