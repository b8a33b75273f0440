package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/server/api"
)

// The queues of workers are for administrators.
func TestQueues(t *testing.T) {
	t.Parallel()
	s := start(t, &api.Options{Queues: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("queues at " + r.URL.Path)) })})
	for who, status := range map[string]int{"admin": 200, "analyst": 403, "exporter": 403, "": 401} {
		require.Equal(t, status, s.send(who, http.MethodGet, "/admin/queues/x", nil).status, who)
	}
	require.Equal(t, true, s.send("analyst", http.MethodGet, "/v1/capabilities", nil).json["queues"])
	require.Equal(t, "queues at /admin/queues/x", string(s.send("admin", http.MethodGet, "/admin/queues/x", nil).body))
	require.Equal(t, http.StatusNotFound, start(t, nil).send("admin", http.MethodGet, "/admin/queues/", nil).status)
}
