package redismon_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
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
	ask := func(method, path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, "/admin/queues"+path, nil))
		return w
	}
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
