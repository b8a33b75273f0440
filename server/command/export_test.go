package command_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/server/command"
)

// A cluster is as much of Elasticsearch as an export asks for: the index tasks with a number of records.
type cluster struct {
	records int
	page    func(from int, w http.ResponseWriter) bool // before a page is sent; false if that was all
	open    atomic.Int64                               // snapshots
	asked   atomic.Int64                               // pages
	extra   int                                        // records that are not counted
}

func (c *cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.URL.Path == "/":
		_, _ = io.WriteString(w, `{"version":{"number":"8.11.3"}}`)
	case r.Method == http.MethodDelete:
		c.open.Add(-1)
		_, _ = io.WriteString(w, `{"succeeded":true}`)
	case strings.HasSuffix(r.URL.Path, "/_pit"):
		c.open.Add(1)
		_, _ = io.WriteString(w, `{"id":"p"}`)
	case r.Method == http.MethodGet:
		_, _ = io.WriteString(w, `{"tasks":{"mappings":{"properties":{"id":{"type":"keyword"},"n":{"type":"long"}}},"settings":{"index":{"uuid":"u"}}}}`)
	case r.URL.Path != "/_search":
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":{"type":"illegal_argument_exception","reason":"no order by _id"},"status":400}`)
	default:
		c.search(w, r)
	}
}

func (c *cluster) search(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Size  int
		Total json.RawMessage `json:"track_total_hits"`
		After []int           `json:"search_after"`
	}
	_ = json.NewDecoder(r.Body).Decode(&q)
	if q.Size == 0 {
		say := `{"pit_id":"p","timed_out":false,"_shards":{"total":1,"successful":1,"skipped":0,"failed":0},"hits":{"total":{"value":%d,"relation":"eq"},"hits":[]}}`
		_, _ = fmt.Fprintf(w, say, c.records)
		return
	}
	from := 0
	if len(q.After) > 0 {
		from = q.After[0] + 1
	}
	c.asked.Add(1)
	if c.page != nil && !c.page(from, w) {
		return
	}
	_, _ = io.WriteString(w, `{"pit_id":"p","timed_out":false,"_shards":{"total":1,"successful":1,"skipped":0,"failed":0},"hits":{"hits":[`)
	for i := from; i < min(from+q.Size, c.records+c.extra); i++ {
		comma := ","
		if i == from {
			comma = ""
		}
		_, _ = fmt.Fprintf(w, `%s{"_index":"tasks","_id":"%d","_source":{"id":"%07d","n":%d},"sort":[%d,%d]}`, comma, i, i, i, i, i)
	}
	_, _ = io.WriteString(w, `]}}`)
}

// exporting exports everything of a cluster into a file of a new directory that holds an older file of that name.
func exporting(ctx context.Context, t *testing.T, c *cluster, args ...string) (dir, out, errs string, code int) {
	t.Helper()
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	dir = t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "tasks.csv"), []byte("older"), 0o640))
	var o, e bytes.Buffer
	p := &command.Program{Out: &o, Errors: &e, Env: func(string) string { return "" }, Version: "test"}
	all := append([]string{"export", "-data", t.TempDir(), "-es", server.URL, "-index", "tasks", "-o", filepath.Join(dir, "tasks.csv")}, args...)
	code = p.Run(ctx, all)
	require.Zero(t, c.open.Load(), "a snapshot was not given back")
	return dir, o.String(), e.String(), code
}

func TestExportOfCluster(t *testing.T) {
	t.Parallel()
	c := &cluster{records: 2500}
	dir, out, errs, code := exporting(t.Context(), t, c, "-fields", "n,id", "-no-bom")
	require.Zero(t, code, errs)
	want := &strings.Builder{}
	want.WriteString("n,id\n")
	for i := range 2500 {
		fmt.Fprintf(want, "%d,%07d\n", i, i)
	}
	require.Equal(t, want.String(), shown(t, filepath.Join(dir, "tasks.csv")))
	require.Contains(t, out, "2500 of 2500 records")
	require.Equal(t, "tasks.csv\n", list(t, dir))
	info, err := os.Stat(filepath.Join(dir, "tasks.csv"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), info.Mode().Perm(), "who could read the file before still can")
	require.Greater(t, c.asked.Load(), int64(1))
}

// A request that needs no more is not made.
func TestExportOfTheFirst(t *testing.T) {
	t.Parallel()
	c := &cluster{records: 1_000_000}
	dir, out, errs, code := exporting(t.Context(), t, c, "-max-results", "3", "-fields", "n", "-no-bom")
	require.Zero(t, code, errs)
	require.Equal(t, "n\n0\n1\n2\n", shown(t, filepath.Join(dir, "tasks.csv")))
	require.Contains(t, out, "3 of 1000000 records")
	require.LessOrEqual(t, c.asked.Load(), int64(2))
}

// What is in a zip has a date that is one, and the same whenever it is written.
func TestExportIntoZip(t *testing.T) {
	t.Parallel()
	dir, _, errs, code := exporting(t.Context(), t, &cluster{records: 3}, "-fields", "n", "-no-bom", "-compression", "zip")
	require.Zero(t, code, errs)
	z, err := zip.OpenReader(filepath.Join(dir, "tasks.csv"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, z.Close()) })
	require.Len(t, z.File, 1)
	require.True(t, z.File[0].Modified.Equal(time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)), z.File[0].Modified)
}

// failing answers every page but the first with an error.
func failing(status int, kind string) func(int, http.ResponseWriter) bool {
	return func(from int, w http.ResponseWriter) bool {
		if from > 0 {
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, `{"error":{"type":%q,"reason":"broken"},"status":%d}`, kind, status)
		}
		return from == 0
	}
}

// Whatever goes wrong, the older file stays, and nothing lies beside it.
func TestExportThatFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cluster *cluster
		want    string
	}{
		"refused":           {&cluster{records: 5000, page: failing(http.StatusBadRequest, "x")}, "broken"},
		"lost":              {&cluster{records: 5000, page: failing(http.StatusNotFound, "search_context_missing_exception")}, "snapshot"},
		"more than counted": {&cluster{records: 5000, extra: 1}, "5000 records were counted, and 5001 read"},
		"fewer":             {&cluster{records: 5000, extra: -1}, "5000 records were counted, and 4999 read"},
		"none":              {&cluster{records: 5, extra: -5}, "5 records were counted, and 0 read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, out, errs, code := exporting(t.Context(), t, c.cluster)
			require.Equal(t, 1, code)
			require.Empty(t, out)
			require.Contains(t, errs, c.want)
			require.Equal(t, "older", shown(t, filepath.Join(dir, "tasks.csv")))
			require.Equal(t, "tasks.csv\n", list(t, dir))
		})
	}
}

// Ctrl-C leaves nothing behind.
func TestExportInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	dir, out, errs, code := exporting(ctx, t, &cluster{records: 5000, page: func(from int, _ http.ResponseWriter) bool {
		if from > 0 {
			cancel()
		}
		return true
	}})
	require.Equal(t, 1, code)
	require.Empty(t, out)
	require.Equal(t, "interrupted: there is no new file\n", errs)
	require.Equal(t, "tasks.csv\n", list(t, dir))
	require.Equal(t, "older", shown(t, filepath.Join(dir, "tasks.csv")))
}

// What is written through a link is written where it leads to.
func TestExportThroughLink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server := httptest.NewServer(&cluster{records: 1})
	defer server.Close()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "real"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "real", "tasks.csv"), nil, 0o600))
	require.NoError(t, os.Symlink(filepath.Join("real", "tasks.csv"), filepath.Join(dir, "link.csv")))
	env := map[string]string{"DHR_DATA": t.TempDir()}
	_, errs, code := run(t, env, nil, "export", "-es", server.URL, "-index", "tasks", "-fields", "id", "-no-bom", "-o", filepath.Join(dir, "link.csv"))
	require.Zero(t, code, errs)
	require.Equal(t, "id\n0000000\n", shown(t, filepath.Join(dir, "real", "tasks.csv")))
	require.Equal(t, "link.csv real\n", list(t, dir))
	require.Equal(t, "tasks.csv\n", list(t, filepath.Join(dir, "real")))
}

// brokenPipe is an output that nobody reads.
type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, syscall.EPIPE }

func TestExportIntoBrokenPipe(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(&cluster{records: 50_000})
	defer server.Close()
	var errs bytes.Buffer
	p := &command.Program{Out: brokenPipe{}, Errors: &errs, Env: func(string) string { return "" }, Version: "test"}
	code := p.Run(t.Context(), []string{"export", "-data", t.TempDir(), "-es", server.URL, "-index", "tasks", "-o", "-"})
	require.Equal(t, 1, code)
	require.Contains(t, errs.String(), "broken pipe")
}

// exportChild is the variable that makes TestExportChild an export from a cluster into a file: the URL and the file.
const exportChild = "DHR_TEST_EXPORT_CHILD"

// TestExportChild is what the tests below end in the middle; it is nothing by itself. If there is a limit, a file
// that is written cannot be larger, as on a disk that is full.
func TestExportChild(t *testing.T) {
	words := strings.Fields(os.Getenv(exportChild))
	if len(words) == 0 {
		t.Parallel()
		return
	}
	if words[0] == "limited" {
		signal.Ignore(syscall.SIGXFSZ)
		const most = 1 << 20
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: most, Max: most}))
	}
	p := &command.Program{Out: os.Stdout, Errors: os.Stderr, Env: func(string) string { return "" }, Version: "test"}
	os.Exit(p.Run(t.Context(), []string{"export", "-data", filepath.Join(filepath.Dir(words[2]), "data"), "-es", words[1], "-index", "tasks", "-o", words[2]}))
}

// exportProcess returns a process that exports from a cluster into a file.
func exportProcess(t *testing.T, kind string, c *cluster, file string) *exec.Cmd {
	t.Helper()
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	cmd := exec.Command(os.Args[0], "-test.run=^TestExportChild$") //nolint:gosec // this very program
	cmd.Env = append(os.Environ(), exportChild+"="+kind+" "+server.URL+" "+file)
	return cmd
}

// A disk that is full is told, and nothing of the file stays.
func TestExportOntoFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out, err := exportProcess(t, "limited", &cluster{records: 100_000}, filepath.Join(dir, "tasks.csv")).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "file too large")
	require.Equal(t, "data\n", list(t, dir))
}

// An export that is killed leaves no file of that name, only one that nobody takes for it.
func TestKilledExport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	reached := make(chan struct{})
	release := make(chan struct{})
	c := &cluster{records: 20_000, page: func(from int, _ http.ResponseWriter) bool {
		if from > 10_000 {
			close(reached)
			<-release
		}
		return true
	}}
	cmd := exportProcess(t, "killed", c, filepath.Join(dir, "tasks.csv"))
	require.NoError(t, cmd.Start())
	<-reached
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	close(release)
	require.NoFileExists(t, filepath.Join(dir, "tasks.csv"))
	require.Regexp(t, `^\.tasks\.csv-[0-9]+\.part data\n$`, list(t, dir))
}
