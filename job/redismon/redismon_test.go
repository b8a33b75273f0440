package redismon_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/hibiken/asynq"
	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/job/redismon"
)

// The pages show the queues, and change nothing.
func TestPages(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	client := asynq.NewClient(asynq.RedisClientOpt{Addr: server.Addr()})
	defer client.Close()
	_, err := client.Enqueue(asynq.NewTask("exports", []byte(`{"id":"a"}`)), asynq.Queue("dhr-normal"), asynq.TaskID("a"))
	require.NoError(t, err)
	h, err := redismon.Open("redis://"+server.Addr(), "/admin/queues")
	require.NoError(t, err)
	defer func() { require.NoError(t, h.Close()) }()
	ask := func(method, path string) *httptest.ResponseRecorder { return ask(h, method, "/admin/queues"+path) }
	page := ask(http.MethodGet, "/")
	require.Equal(t, http.StatusOK, page.Code)
	require.Contains(t, page.Body.String(), "/admin/queues")

	var queues struct {
		Queues []struct {
			Queue   string
			Pending int
		}
	}
	got := ask(http.MethodGet, "/api/queues")
	require.Equal(t, http.StatusOK, got.Code)
	require.NoError(t, json.Unmarshal(got.Body.Bytes(), &queues))
	require.Len(t, queues.Queues, 1)
	require.Equal(t, "dhr-normal", queues.Queues[0].Queue)
	require.Equal(t, 1, queues.Queues[0].Pending)

	require.Equal(t, http.StatusMethodNotAllowed, ask(http.MethodDelete, "/api/queues/dhr-normal/pending_tasks/a").Code)
	require.Contains(t, ask(http.MethodGet, "/api/queues/dhr-normal/pending_tasks").Body.String(), `"id":"a"`)
}

func TestBadAddress(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{{"redis://localhost", "queues"}, {"http://user:secret@localhost", "/queues"}} {
		_, err := redismon.Open(c[0], c[1])
		require.Error(t, err)
		require.NotContains(t, err.Error(), "secret")
	}
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// What cannot be shown is refused in words, and Redis out of reach is not a fault of the server.
func TestRefused(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	client := asynq.NewClient(asynq.RedisClientOpt{Addr: server.Addr()})
	defer client.Close()
	_, err := client.Enqueue(asynq.NewTask("exports", nil), asynq.Queue("dhr-normal"), asynq.TaskID("a"))
	require.NoError(t, err)
	h, err := redismon.Open("redis://"+server.Addr(), "/admin/queues")
	require.NoError(t, err)
	defer func() { require.NoError(t, h.Close()) }()
	for _, c := range []struct {
		method, path string
		status       int
		says         string
	}{
		{http.MethodGet, "/api/queues/none", http.StatusNotFound, `"none"`},
		{http.MethodGet, "/api/queues/none/pending_tasks", http.StatusNotFound, `"none"`},
		{http.MethodGet, "/api/queues/dhr-normal/tasks/b", http.StatusNotFound, "task not found"},
		{http.MethodGet, "/api/queues/dhr-normal/pending_tasks?size=many", http.StatusBadRequest, `"many"`},
		{http.MethodGet, "/api/queues/dhr-normal/pending_tasks?size=1001", http.StatusBadRequest, "1000"},
		{http.MethodGet, "/api/queues/dhr-normal/pending_tasks?page=0", http.StatusBadRequest, `"0"`},
		{http.MethodGet, "/api/metrics", http.StatusNotFound, ""},
		{http.MethodGet, "/api//queues", http.StatusNotFound, ""},
		{http.MethodGet, "/../queues", http.StatusNotFound, ""},
		{http.MethodGet, "/static/js/main.5adda2da.chunk.js.map", http.StatusNotFound, ""},
		{http.MethodPost, "/api/queues/dhr-normal:pause", http.StatusMethodNotAllowed, ""},
		{http.MethodDelete, "/api/queues/dhr-normal", http.StatusMethodNotAllowed, ""},
		{http.MethodPut, "/", http.StatusMethodNotAllowed, ""},
	} {
		got := ask(h, c.method, "/admin/queues"+c.path)
		require.Equal(t, c.status, got.Code, c.path)
		require.Contains(t, got.Body.String(), c.says, c.path)
	}
	require.Equal(t, http.StatusNotFound, ask(h, http.MethodGet, "/elsewhere").Code)
	require.Equal(t, http.StatusOK, ask(h, http.MethodGet, "/admin/queues").Code)
	server.Close()
	got := ask(h, http.MethodGet, "/admin/queues/api/queues")
	require.Equal(t, http.StatusBadGateway, got.Code)
	require.Contains(t, got.Body.String(), "Redis cannot be asked")
}
