package redismon_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/hibiken/asynq"
	"github.com/hibiken/asynqmon"
	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/job/redismon"
)

var update = flag.Bool("update", false, "write pages.zip from the version of asynqmon in go.mod")

// asynqmonFiles returns what asynqmon has beside its source maps, by name, with its license.
func asynqmonFiles(t *testing.T) map[string]string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/hibiken/asynqmon").Output()
	require.NoError(t, err)
	module := os.DirFS(strings.TrimSpace(string(out)))
	files := map[string]string{}
	add := func(name, as string) {
		data, err := fs.ReadFile(module, name)
		require.NoError(t, err)
		files[as] = string(data)
	}
	const built = "ui/build"
	require.NoError(t, fs.WalkDir(module, built, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Ext(name) != ".map" {
			add(name, strings.TrimPrefix(name, built+"/"))
		}
		return err
	}))
	add("LICENSE", "LICENSE")
	require.Greater(t, len(files), 10)
	return files
}

// The pages are those of asynqmon, and nothing else.
func TestPagesAreOfAsynqmon(t *testing.T) {
	t.Parallel()
	want := asynqmonFiles(t)
	if *update {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for _, name := range sortedKeys(want) {
			w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate})
			require.NoError(t, err)
			_, err = w.Write([]byte(want[name]))
			require.NoError(t, err)
		}
		require.NoError(t, z.Close())
		require.NoError(t, os.WriteFile("pages.zip", b.Bytes(), 0o600))
	}
	data, err := os.ReadFile("pages.zip")
	require.NoError(t, err)
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	require.NoError(t, err)
	got := map[string]string{}
	for _, f := range z.File {
		data, err := fs.ReadFile(z, f.Name)
		require.NoError(t, err)
		got[f.Name] = string(data)
	}
	require.Equal(t, sortedKeys(want), sortedKeys(got))
	for name := range want {
		require.Equal(t, sha256.Sum256([]byte(want[name])), sha256.Sum256([]byte(got[name])), "%s is another one: go test ./job/redismon -update", name)
	}
}

// side is redismon beside asynqmon.
type side struct {
	ours, theirs http.Handler
}

func beside(t *testing.T, address, root string) side {
	t.Helper()
	ours, err := redismon.Open("redis://"+address, root)
	require.NoError(t, err)
	theirs := asynqmon.New(asynqmon.Options{RootPath: root, RedisConnOpt: asynq.RedisClientOpt{Addr: address}, ReadOnly: true})
	t.Cleanup(func() { require.NoError(t, errors.Join(ours.Close(), theirs.Close())) })
	return side{ours, theirs}
}

func ask(h http.Handler, method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w
}

// What is shown at each address is what asynqmon shows there.
func TestPagesLikeAsynqmon(t *testing.T) {
	t.Parallel()
	address := miniredis.RunT(t).Addr()
	for _, root := range []string{"/admin/queues", "/dhr/admin/queues", "/a&b/it's/queues", "/"} {
		s := beside(t, address, root)
		below := strings.TrimSuffix(root, "/") + "/"
		for _, path := range []string{
			"", "queues/dhr-high", "queues/dhr-high?status=retry", "servers", "favicon.ico", "robots.txt", "manifest.json", "static", "static/js",
			"static/js/runtime-main.9fea6c1a.js", "static/js/main.5adda2da.chunk.js", "static/media/logo-white.3fa2ac55.svg",
		} {
			got, want := ask(s.ours, http.MethodGet, below+path), ask(s.theirs, http.MethodGet, below+path)
			require.Equal(t, http.StatusOK, got.Code, path)
			if strings.Contains(path, ".") {
				require.Equal(t, sha256.Sum256(want.Body.Bytes()), sha256.Sum256(got.Body.Bytes()), path)
				continue
			}
			require.Equal(t, plain(want.Body.String()), plain(got.Body.String()), "%s of %s", path, root)
			require.Equal(t, "text/html; charset=utf-8", got.Header().Get("Content-Type"))
		}
		require.Equal(t, ask(s.ours, http.MethodGet, below).Body.String(), ask(s.ours, http.MethodGet, below+"index.html").Body.String(), "asynqmon forgets to fill it in")
	}
}

// plain returns a page with texts in scripts and attributes as they are meant: two ways to escape them are the same page.
func plain(page string) string {
	return strings.NewReplacer(`\/`, "/", `\u0026`, "&", "&amp;", "&", `\u0027`, "'", `\'`, "'", "&#39;", "'", "%27", "'").Replace(page)
}

// work makes tasks of every state, and returns when all are where they should be.
func work(t *testing.T, address string) {
	t.Helper()
	redis := asynq.RedisClientOpt{Addr: address}
	client, inspector := asynq.NewClient(redis), asynq.NewInspector(redis)
	quiet := asynq.Config{
		Concurrency: 4, Queues: map[string]int{"dhr-high": 3, "dhr-normal": 1}, StrictPriority: true, LogLevel: asynq.FatalLevel,
		RetryDelayFunc: func(int, error, *asynq.Task) time.Duration { return time.Hour },
	}
	server := asynq.NewServer(redis, quiet)
	require.NoError(t, server.Start(asynq.HandlerFunc(func(ctx context.Context, task *asynq.Task) error {
		switch task.Type() {
		case "fails":
			return errors.New(`it failed: "<why>"`)
		case "lasts":
			<-ctx.Done()
			return ctx.Err()
		default:
			_, err := task.ResultWriter().Write([]byte("done"))
			return err
		}
	})))
	scheduler := asynq.NewScheduler(redis, &asynq.SchedulerOpts{LogLevel: asynq.FatalLevel})
	_, err := scheduler.Register("@every 1s", asynq.NewTask("works", []byte(`{"at":"every second"}`)), asynq.Queue("elsewhere"))
	require.NoError(t, err)
	require.NoError(t, scheduler.Start())
	t.Cleanup(func() {
		require.NoError(t, inspector.CancelProcessing("lasting"))
		scheduler.Shutdown()
		server.Shutdown()
		require.NoError(t, errors.Join(client.Close(), inspector.Close()))
	})
	for _, task := range []*asynq.Task{
		asynq.NewTask("fails", []byte("once & for <all>"), asynq.Queue("dhr-high"), asynq.MaxRetry(0)),
		asynq.NewTask("fails", []byte{0xFF, 0}, asynq.Queue("dhr-high"), asynq.MaxRetry(5)),
		asynq.NewTask("lasts", []byte(`{"id":"a"}`), asynq.Queue("dhr-high"), asynq.TaskID("lasting"), asynq.Timeout(time.Hour)),
		asynq.NewTask("works", nil, asynq.Queue("dhr-high"), asynq.Retention(time.Hour), asynq.TaskID("done")),
		asynq.NewTask("works", []byte(" "), asynq.Queue("dhr-high"), asynq.ProcessIn(time.Hour), asynq.Deadline(time.Now().Add(2*time.Hour))),
		asynq.NewTask("waits", []byte("ईमेल"), asynq.Queue("elsewhere"), asynq.TaskID("waiting")),
		asynq.NewTask("waits", []byte("2"), asynq.Queue("elsewhere")),
		asynq.NewTask("waits", []byte("together"), asynq.Queue("elsewhere"), asynq.Group("some")),
	} {
		_, err := client.Enqueue(task)
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool {
		q, err := inspector.GetQueueInfo("dhr-high")
		servers, errServers := inspector.Servers()
		entries, errEntries := inspector.SchedulerEntries()
		return err == nil && errServers == nil && errEntries == nil && q.Active == 1 && q.Retry == 1 && q.Archived == 1 && q.Completed == 1 && q.Scheduled == 1 &&
			len(servers) == 1 && len(servers[0].ActiveWorkers) == 1 && len(entries) == 1
	}, time.Minute, 20*time.Millisecond)
}

// What the pages are told is what asynqmon tells them.
func TestAnswersLikeAsynqmon(t *testing.T) {
	t.Parallel()
	address := miniredis.RunT(t).Addr()
	work(t, address)
	const root = "/admin/queues"
	s := beside(t, address, root)
	var scheduled struct {
		Entries []struct{ ID string }
	}
	require.NoError(t, json.Unmarshal(ask(s.theirs, http.MethodGet, root+"/api/scheduler_entries").Body.Bytes(), &scheduled))
	paths := []string{"queues", "queue_stats", "servers", "scheduler_entries", "scheduler_entries/" + scheduled.Entries[0].ID + "/enqueue_events", "redis_info",
		"queues/dhr-high/tasks/lasting", "queues/dhr-high/tasks/done", "queues/elsewhere/tasks/waiting", "queues/elsewhere/groups/some/aggregating_tasks",
		"queues/elsewhere/groups/none/aggregating_tasks", "queues/elsewhere/pending_tasks?size=1&page=2"}
	for _, queue := range []string{"dhr-high", "elsewhere"} {
		for _, of := range []string{"", "/groups", "/active_tasks", "/pending_tasks", "/scheduled_tasks", "/retry_tasks", "/archived_tasks", "/completed_tasks"} {
			paths = append(paths, "queues/"+queue+of)
		}
	}
	for _, path := range paths {
		var got, want string
		same := func() bool { // a second may pass between two questions, and a task be scheduled
			a, b := ask(s.ours, http.MethodGet, root+"/api/"+path), ask(s.theirs, http.MethodGet, root+"/api/"+path)
			got, want = steady(t, a), steady(t, b)
			return got == want
		}
		for range 20 {
			if same() {
				break
			}
		}
		require.Equal(t, want, got, path)
	}
}

// steady returns an answer without what changes from one moment to the next.
func steady(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	var got any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got), w.Body.String())
	calm(got)
	text, err := json.MarshalIndent(got, "", " ")
	require.NoError(t, err)
	return string(text)
}

// calm replaces values that change with time by what kind they are of.
func calm(v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, of := range v {
			switch key {
			case "timestamp", "display_latency", "latency_msec", "ttl_seconds":
				_, text := of.(string)
				v[key] = map[bool]string{true: "some text", false: "some number"}[text]
			default:
				calm(of)
			}
		}
	case []any:
		for _, one := range v {
			calm(one)
		}
	}
}
