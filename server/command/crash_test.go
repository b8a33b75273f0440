package command_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/audit"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/sqldoc"
	"github.com/digit-health/dhr/server/command"
)

// childData is the variable that makes TestServerChild a server over a data directory.
const childData = "DHR_TEST_CHILD_DATA"

// TestServerChild is the server that TestKilledServer kills; it is nothing by itself.
func TestServerChild(t *testing.T) {
	dir := os.Getenv(childData)
	if dir == "" {
		t.Parallel()
		return
	}
	p := &command.Program{Out: os.Stdout, Errors: io.Discard, Env: func(string) string { return "" }, Version: "test"}
	os.Exit(p.Run(t.Context(), []string{"serve", "-addr", "127.0.0.1:0", "-data", dir}))
}

// A child is a server in a process of its own.
type child struct {
	*exec.Cmd

	url string
}

var greeting = regexp.MustCompile(`is at (http://\S+)`)

// launch starts a server, and reads where it is, if wait.
func launch(t *testing.T, dir string, wait bool) *child {
	t.Helper()
	c := &child{Cmd: exec.Command(os.Args[0], "-test.run=^TestServerChild$")} //nolint:gosec // this very program
	c.Env = append(os.Environ(), childData+"="+dir)
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	t.Cleanup(func() { _ = c.Process.Kill() })
	for lines := bufio.NewScanner(out); wait && lines.Scan(); {
		if m := greeting.FindStringSubmatch(lines.Text()); m != nil {
			c.url = m[1]
			return c
		}
	}
	require.False(t, wait, "the server has not started")
	return c
}

// kill ends a server at once, as kill -9 does.
func (c *child) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, c.Process.Kill())
	_ = c.Wait()
}

// A saved filter is what a client knows of one.
type saved struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Version     int64  `json:"version"`
}

// A writer is a client that remembers what the server has acknowledged, and what it has not.
type writer struct {
	number int
	kept   map[string]saved // by name: acknowledged
	made   []string         // the ids of those whose making was
	gone   map[string]bool  // acknowledged to be deleted
	doubt  string           // the name of the filter of the last write, if it was not answered
	change *saved           // what that write would have made of it; nil for a deletion
	acks   int
}

// write writes until the server is gone, or something is wrong. It says when the first was acknowledged.
func (w *writer) write(ctx context.Context, url string, round int, first func()) error {
	for i := 0; ; i++ {
		request, want := w.next(ctx, url, round, i)
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			return nil //nolint:nilerr // it was killed
		}
		body, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if answer.StatusCode >= 300 {
			return fmt.Errorf("%s %s: %s: %s", request.Method, request.URL, answer.Status, body)
		}
		if err != nil && want != nil {
			return nil //nolint:nilerr // killed while it answered
		}
		name := w.doubt
		if want == nil {
			delete(w.kept, name)
			w.gone[name] = true
		} else {
			var got saved
			if err := json.Unmarshal(body, &got); err != nil {
				return err
			}
			if got.Description != want.Description || got.Version != want.Version {
				return fmt.Errorf("%q was answered as %+v, and should be %+v", name, got, *want)
			}
			if w.kept[name] = got; got.Version == 1 {
				w.made = append(w.made, got.ID)
			}
		}
		w.doubt, w.change = "", nil
		w.acks++
		first()
	}
}

// next is the next write: mostly of a new filter, else a change of one, or its end. It is in doubt until it is answered.
func (w *writer) next(ctx context.Context, url string, round, i int) (*http.Request, *saved) {
	var old saved
	for _, old = range w.kept { // any of them
		break
	}
	method, path, body, match := http.MethodPost, "", any(nil), ""
	switch n := rand.IntN(10); { //nolint:gosec // no secrets
	case n < 5 || old.ID == "":
		want := saved{Name: fmt.Sprintf("writer %d round %d number %d", w.number, round, i), Version: 1}
		w.doubt, w.change = want.Name, &want
		body = map[string]any{"name": want.Name, "jql": "age < 5"}
	case n < 9:
		want := old
		want.Description, want.Version = fmt.Sprintf("round %d number %d", round, i), old.Version+1
		w.doubt, w.change = old.Name, &want
		method, path, match = http.MethodPatch, "/"+old.ID, fmt.Sprintf("%q", fmt.Sprint(old.Version))
		body = map[string]any{"description": want.Description}
	default:
		w.doubt, w.change = old.Name, nil
		method, path = http.MethodDelete, "/"+old.ID
	}
	text, _ := json.Marshal(body)
	if body == nil {
		text = nil
	}
	r, _ := http.NewRequestWithContext(ctx, method, url+"/v1/filters"+path, bytes.NewReader(text))
	r.Header.Set("Content-Type", "application/json")
	if match != "" {
		r.Header.Set("If-Match", match)
	}
	return r, w.change
}

// settle holds what the server has after its end against what a writer knows, and removes its doubts.
func (w *writer) settle(t *testing.T, have map[string]saved) {
	t.Helper()
	if name := w.doubt; name != "" {
		old, was := w.kept[name]
		got, is := have[name]
		switch {
		case is == was && got == old: // it was not done
		case w.change == nil && !is:
			delete(w.kept, name)
			w.gone[name] = true
		case w.change != nil && is:
			require.Equal(t, w.change.Description, got.Description)
			require.Equal(t, w.change.Version, got.Version)
			w.kept[name] = got
		default:
			require.Failf(t, "neither before nor after", "%q is %+v (%t) and was %+v (%t)", name, got, is, old, was)
		}
		w.doubt, w.change = "", nil
	}
	for name, want := range w.kept {
		require.Equal(t, want, have[name], "acknowledged, and lost")
		delete(have, name)
	}
	for name := range w.gone {
		require.NotContains(t, have, name, "deleted, and there again")
	}
}

// read returns all filters, by their names.
func read(t *testing.T, url string) map[string]saved {
	t.Helper()
	all := map[string]saved{}
	for last := false; !last; {
		answer, err := http.Get(fmt.Sprintf("%s/v1/filters?max_results=1000&start_at=%d", url, len(all))) //nolint:noctx // of this machine
		require.NoError(t, err)
		var page struct {
			Filters []saved `json:"filters"`
			IsLast  bool    `json:"is_last"`
		}
		require.Equal(t, http.StatusOK, answer.StatusCode)
		require.NoError(t, json.NewDecoder(answer.Body).Decode(&page))
		require.NoError(t, answer.Body.Close())
		for _, f := range page.Filters {
			require.NotContains(t, all, f.Name, "it is there twice")
			all[f.Name] = f
		}
		last = page.IsLast
	}
	return all
}

// verify walks the audit of a server that is not running, and returns the ids of the filters whose making it has.
func verify(t *testing.T, dir string) map[string]bool {
	t.Helper()
	d, err := sqldoc.Open(t.Context(), filepath.Join(dir, "config.db"), nil)
	require.NoError(t, err)
	defer d.Close()
	log := audit.Open(docstore.New(d), nil)
	defer log.Close()
	report, err := log.Verify(t.Context(), nil)
	require.NoError(t, err)
	require.Nil(t, report.Break)
	made := map[string]bool{}
	q := audit.Query{Tenant: "default", Action: "filter.create", Limit: 1000}
	for {
		entries, err := log.List(t.Context(), &q)
		require.NoError(t, err)
		for _, e := range entries {
			made[strings.TrimPrefix(e.Object, "filter/")] = true
			q.After = e.Seq
		}
		if len(entries) < q.Limit {
			return made
		}
	}
}

// A server that is killed at any moment has, when it starts again, every write that it acknowledged, none of what it did
// not know of, and an audit without a gap.
func TestKilledServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := &command.Program{In: strings.NewReader(`{"age": 3}`), Out: io.Discard, Errors: io.Discard, Env: func(string) string { return "" }}
	require.Zero(t, p.Run(t.Context(), []string{"import", "-data", dir, "-index", "visits", "-"}))
	rounds := 10
	if testing.Short() {
		rounds = 3
	}
	writers := make([]*writer, 4)
	for i := range writers {
		writers[i] = &writer{number: i, kept: map[string]saved{}, gone: map[string]bool{}}
	}
	for round := range rounds {
		ruin(t, dir, round, writers)
		if round%3 == 1 { // it is killed again while it gets up
			c := launch(t, dir, false)
			<-time.After(rand.N(100 * time.Millisecond)) //nolint:gosec // no secrets
			c.kill(t)
		}
		made := verify(t, dir)
		c := launch(t, dir, true)
		have := read(t, c.url)
		c.kill(t)
		for _, w := range writers {
			w.settle(t, have)
			for _, id := range w.made {
				require.True(t, made[id], "the making of %q was acknowledged, and is not in the audit", id)
			}
		}
		require.Empty(t, have, "nobody wrote these")
	}
	acks, kept := 0, 0
	for _, w := range writers {
		acks, kept = acks+w.acks, kept+len(w.kept)
	}
	t.Logf("%d kills, %d acknowledged writes, %d filters kept", rounds, acks, kept)
	require.Greater(t, acks, rounds*len(writers))
}

// ruin starts a server, and kills it while all writers write.
func ruin(t *testing.T, dir string, round int, writers []*writer) {
	t.Helper()
	c := launch(t, dir, true)
	var all, begun sync.WaitGroup
	errs := make([]error, len(writers))
	begun.Add(len(writers))
	for i, w := range writers {
		first := sync.OnceFunc(begun.Done)
		all.Go(func() {
			defer first()
			errs[i] = w.write(t.Context(), c.url, round, first)
		})
	}
	begun.Wait()
	<-time.After(rand.N(400 * time.Millisecond)) //nolint:gosec // no secrets
	c.kill(t)
	all.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
}
