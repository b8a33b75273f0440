package command_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	_ "modernc.org/sqlite" // the driver of database/sql

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/search/sqlsearch"
	"github.com/digit-health/dhr/server/command"
)

// A screen keeps what is written to it, also by several goroutines.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// An import of what comes slowly is one that is run until the test ends it.
type slowly struct {
	out, errs screen
	in        *io.PipeWriter
	interrupt context.CancelFunc
	code      chan int
}

func importSlowly(t *testing.T, terminal bool, args ...string) *slowly {
	in, w := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	s := &slowly{in: w, interrupt: cancel, code: make(chan int, 1)}
	p := &command.Program{In: in, Out: &s.out, Errors: &s.errs, Env: func(string) string { return "" }, Terminal: terminal}
	go func() { s.code <- p.Run(ctx, append([]string{"import"}, args...)) }()
	return s
}

const slowMapping = `{"properties": {"age": {"type": "long"}}}`

// On a screen there is one line, which is gone in the end; elsewhere there is a line every five seconds.
func TestProgress(t *testing.T) {
	for name, c := range map[string]struct {
		terminal bool
		want     string
	}{
		"screen":    {true, "\rreading visits 0.0 MB\x1b[K"},
		"elsewhere": {false, "reading visits 0.0 MB\nreading visits 0.0 MB\n"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				s := importSlowly(t, c.terminal, "-data", dir, "-index", "visits", "-")
				_, err := io.WriteString(s.in, `{"age":3}`+"\n")
				require.NoError(t, err)
				<-time.After(11 * time.Second)
				require.Contains(t, s.errs.String(), c.want)
				require.NoError(t, s.in.Close())
				require.Zero(t, <-s.code)
				if c.terminal {
					require.Equal(t, 55, strings.Count(s.errs.String(), "\rreading"))
					require.NotContains(t, s.errs.String(), "\n")
					require.True(t, strings.HasSuffix(s.errs.String(), "\r\x1b[K"))
				} else {
					require.Equal(t, c.want, s.errs.String())
				}
				require.Equal(t, "visits: 1 read, 1 stored, 0 refused\n", s.out.String())
			})
		})
	}
}

// Whoever interrupts an import is told what is stored, also while nothing comes.
func TestInterrupted(t *testing.T) {
	for name, c := range map[string]struct {
		mapping bool
		want    string
	}{
		"before anything is stored": {false, "interrupted; nothing was stored\n"},
		"amid the records":          {true, "interrupted: at least 0 records were stored, and stay\n"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			args := []string{"-data", dir, "-index", "visits"}
			if c.mapping {
				file := filepath.Join(dir, "mapping.json")
				require.NoError(t, os.WriteFile(file, []byte(slowMapping), 0o600))
				args = append(args, "-mapping", file)
			}
			synctest.Test(t, func(t *testing.T) {
				s := importSlowly(t, false, append(args, "-")...)
				_, err := io.WriteString(s.in, `{"age":3}`+"\n")
				require.NoError(t, err)
				synctest.Wait()
				s.interrupt()
				require.Equal(t, 1, <-s.code)
				require.Equal(t, c.want, s.errs.String())
				require.NoError(t, s.in.Close())
			})
			left, err := filepath.Glob(filepath.Join(dir, "tmp", "*"))
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}

// A record that was stored before an interruption stays.
func TestInterruptedLate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "visits.ndjson")
	require.NoError(t, os.WriteFile(file, []byte(strings.Repeat(`{"age":3}`+"\n", 20_000)), 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out, errs screen
	in := &interrupting{text: strings.NewReader(strings.Repeat(`{"age":4}`+"\n", 100_000)), after: 900_000, do: cancel}
	p := &command.Program{In: in, Out: &out, Errors: &errs, Env: func(string) string { return "" }}
	mapping := filepath.Join(dir, "mapping.json")
	require.NoError(t, os.WriteFile(mapping, []byte(slowMapping), 0o600))
	require.Equal(t, 1, p.Run(ctx, []string{"import", "-data", dir, "-index", "visits", "-mapping", mapping, file, "-"}))
	require.Contains(t, errs.String(), "interrupted: at least ")
	var read, saved int
	_, err := fmt.Sscanf(out.String(), "visits: %d read, %d stored", &read, &saved)
	require.NoError(t, err)
	require.GreaterOrEqual(t, saved, 20_000)
	answer, _, code := run(t, nil, nil, "query", "-data", dir, "-format", "json", "-max", "1", "")
	require.Zero(t, code)
	var page struct{ Total int }
	require.NoError(t, json.Unmarshal([]byte(answer), &page))
	require.GreaterOrEqual(t, page.Total, saved)
	require.Less(t, page.Total, 120_000)
}

// interrupting calls a function when so many bytes were read of a text.
type interrupting struct {
	text  io.Reader
	after int
	do    func()
}

func (i *interrupting) Read(p []byte) (int, error) {
	n, err := i.text.Read(p)
	if i.after -= n; i.after <= 0 {
		i.do()
	}
	return n, err
}

// An import works beside a process that has the store open and reads, and this finds what was stored.
func TestImportBesideAServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server, err := sqlsearch.Open(t.Context(), filepath.Join(dir, "records.db"), nil)
	require.NoError(t, err)
	defer server.Close()
	_, errs, code := run(t, nil, strings.NewReader(`{"age":3}`), "import", "-data", dir, "-index", "visits", "-")
	require.Zero(t, code, errs)
	schemas, err := server.Schemas(t.Context(), "*")
	require.NoError(t, err)
	require.Len(t, schemas, 1)
	require.Equal(t, "long", schemas[0].Field("age").Type)
}

// A store that another process is writing to is said to be busy, after some seconds.
func TestBusyStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, errs, code := run(t, nil, strings.NewReader(`{"age":3}`), "import", "-data", dir, "-index", "visits", "-")
	require.Zero(t, code, errs)
	other, err := sql.Open("sqlite", filepath.Join(dir, "records.db"))
	require.NoError(t, err)
	defer other.Close()
	tx, err := other.Conn(t.Context())
	require.NoError(t, err)
	defer tx.Close()
	_, err = tx.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	require.NoError(t, err)
	_, errs, code = run(t, nil, strings.NewReader(`{"age":4}`), "import", "-data", dir, "-index", "visits", "-")
	require.Equal(t, 1, code)
	require.Contains(t, errs, "another process, such as a running server or import, is writing to the store; wait until it has ended, and import again\n")
	_, err = tx.ExecContext(t.Context(), "ROLLBACK")
	require.NoError(t, err)
	out, _, code := run(t, nil, nil, "query", "-data", dir, "-fields", "age", "")
	require.Zero(t, code)
	require.Contains(t, out, "1 of 1 records")
}

// What is stored in an index that is there is found as well, also by fields that the index lacked.
func TestImportAddsFields(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	do := func(code int, in string, args ...string) (string, string) {
		out, errs, got := run(t, nil, strings.NewReader(in), append([]string{args[0], "-data", dir}, args[1:]...)...)
		require.Equal(t, code, got, errs)
		return out, errs
	}
	do(0, `{"_id":"1","_source":{"age":3,"o":{"p":1}}}`, "import", "-index", "visits", "-")
	do(0, `{"_id":"2","_source":{"age":4,"name":"Asha","o":{"p":2,"q":"x"}}}`, "import", "-index", "visits", "-")
	for _, query := range []string{"name ~ asha", "o.q ~ x", "o.p = 2", "age = 4"} {
		out, _ := do(0, "", "query", "-format", "ndjson", query)
		require.JSONEq(t, `{"id":"2","index":"visits","fields":{"age":4,"name":"Asha","o.p":2,"o.q":"x"}}`, out, query)
	}
	// A field keeps its type, and what does not fit is refused.
	out, _ := do(1, `{"_id":"3","_source":{"age":"many","more":1}}`, "import", "-index", "visits", "-")
	require.Contains(t, out, "0 stored, 1 refused")
	_, errs := do(0, `{"_id":"4","_source":{"x":1}}`+"\n"+`{"_id":"5","_source":{"x":{"y":1}}}`, "import", "-index", "visits", "-")
	require.Contains(t, errs, "visits: fields that the index lacks are not added: ")
	// A mapping may want no others.
	file := filepath.Join(dir, "mapping.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"mappings":{"dynamic":false,"properties":{"age":{"type":"long"}}}}`), 0o600))
	do(0, `{"_id":"1","_source":{"age":3}}`, "import", "-index", "fixed", "-mapping", file, "-")
	do(0, `{"_id":"2","_source":{"age":4,"name":"Asha"}}`, "import", "-index", "fixed", "-")
	out, _ = do(0, "", "query", "-index", "fixed", "-format", "ndjson", "age = 4")
	require.JSONEq(t, `{"id":"2","index":"fixed","fields":{"age":4}}`, out)
}
