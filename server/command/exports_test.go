package command_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// exported asks for an export of everything, waits for it, and returns the process.
func (s *served) exported(body m) m {
	s.t.Helper()
	got, process := s.ask(http.MethodPost, "/v1/exports", body)
	require.Equal(s.t, http.StatusAccepted, got.StatusCode, process)
	return s.ended(got.Header.Get("Location"))
}

// ended waits until a process has ended: until there are no more events of it.
func (s *served) ended(location string) m {
	s.t.Helper()
	s.fetch(location + "/events")
	got, process := s.ask(http.MethodGet, location, nil)
	require.Equal(s.t, http.StatusOK, got.StatusCode, process)
	return process
}

// fetch returns what a path answers, as it is.
func (s *served) fetch(path string) string {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+path, nil)
	require.NoError(s.t, err)
	got, err := s.client.Do(r)
	require.NoError(s.t, err)
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	require.NoError(s.t, err)
	require.Equal(s.t, http.StatusOK, got.StatusCode, string(text))
	return string(text)
}

// The server makes of a question what the command line makes of it.
func TestServerExports(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	visits(t, dir, 1000)
	env := map[string]string{"DHR_DATA": dir}
	const asOf = "2024-05-03T00:00:00Z"
	s := serve(t, dir, nil)
	for format, extension := range map[string]string{"csv": ".csv", "excel": ".xlsx", "json": ".json", "ndjson": ".ndjson", "pdf": ".pdf"} {
		process := s.exported(m{"jql": "age < 50 ORDER BY age", "allowed_indexes": []string{"visits"}, "format": format, "as_of": asOf, "fields": []string{"age", "district"}})
		require.Equal(t, "completed", process["status"], process)
		files := process["files"].([]any)
		require.Len(t, files, 1)
		file := filepath.Join(t.TempDir(), "visits"+extension)
		out, errs, code := run(t, env, nil, "export", "-index", "visits", "-fields", "age,district", "-as-of", asOf, "-jql", "age < 50 ORDER BY age", "-o", file)
		require.Zero(t, code, out+errs)
		want, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, string(want), s.fetch("/v1/exports/"+process["id"].(string)+"/files/1"), format)
		require.Contains(t, out, files[0].(m)["sha256"], format)
	}
	entries, err := os.ReadDir(filepath.Join(dir, "files", "files"))
	require.NoError(t, err)
	require.NotEmpty(t, entries, "files lie below the data")
}

// Processes that take exports and processes that work on them are different ones, and hear of each other over the store or over Redis.
func TestServerAndWorker(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]string{"store": "", "redis": os.Getenv("DHR_TEST_REDIS_URL")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "redis" && address == "" {
				t.Skip("DHR_TEST_REDIS_URL is not set: no worker hears over Redis")
			}
			dir := t.TempDir()
			visits(t, dir, 100)
			env := map[string]string{"DHR_JOBS_REDIS_URL": address}
			s := serve(t, dir, env, "-roles", "query,export")
			got, process := s.ask(http.MethodPost, "/v1/exports", m{"jql": "", "allowed_indexes": []string{"visits"}, "format": "ndjson"})
			require.Equal(t, http.StatusAccepted, got.StatusCode, process)
			require.Equal(t, "initiated", process["status"])
			w := serve(t, dir, env, "-roles", "worker")
			got, _ = w.ask(http.MethodPost, "/v1/exports", m{})
			require.Equal(t, http.StatusNotFound, got.StatusCode, "a worker answers no requests for exports")
			process = s.ended("/v1/exports/" + process["id"].(string))
			require.Equal(t, "completed", process["status"], process)
			require.Equal(t, 100, strings.Count(s.fetch("/v1/exports/"+process["id"].(string)+"/files/1"), "\n"))
		})
	}
}

// A server that is told to end hands back what it has not finished; the next one goes on with it.
func TestServerEndsWhileExporting(t *testing.T) {
	t.Parallel()
	var blocked atomic.Bool
	blocked.Store(true)
	reached := make(chan struct{}, 1)
	ended := make(chan struct{})
	defer close(ended)
	c := &cluster{records: 5000, page: func(from int, _ http.ResponseWriter) bool {
		if from > 0 && blocked.Load() {
			reached <- struct{}{}
			<-ended
			return false
		}
		return true
	}}
	engine := httptest.NewServer(c)
	defer engine.CloseClientConnections()
	dir := t.TempDir()
	env := map[string]string{"DHR_SERVER_SHUTDOWN_GRACE": "100ms"}
	s := serve(t, dir, env, "-es", engine.URL)
	got, process := s.ask(http.MethodPost, "/v1/exports", m{"jql": "", "allowed_indexes": []string{"tasks"}, "format": "csv"})
	require.Equal(t, http.StatusAccepted, got.StatusCode, process)
	<-reached
	began := time.Now()
	s.stop()
	require.Less(t, time.Since(began), 20*time.Second)
	blocked.Store(false)
	s = serve(t, dir, env, "-es", engine.URL)
	process = s.ended("/v1/exports/" + process["id"].(string))
	require.Equal(t, "completed", process["status"], process)
	require.Equal(t, 5001, strings.Count(s.fetch("/v1/exports/"+process["id"].(string)+"/files/1"), "\n"))
}
