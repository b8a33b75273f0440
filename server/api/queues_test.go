package api_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

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
	require.Equal(t, http.StatusNotFound, start(t, nil).send("admin", http.MethodPost, "/v1/queues/pass", nil).status)
	require.Equal(t, http.StatusNotFound, start(t, nil).send("admin", http.MethodGet, "/admin/queues/", nil).status)
}

// A browser, which asks for pages without a token, sees the queues with a pass, for half an hour, and nothing else.
func TestQueuesPass(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 27, 10, 0, 0, 0, time.UTC)
	var mu sync.Mutex
	clock := func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return at
	}
	s := start(t, &api.Options{Now: clock, Base: "/dhr", Queues: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("queues")) })})
	for who, status := range map[string]int{"analyst": 403, "exporter": 403, "": 401} {
		got := s.send(who, http.MethodPost, "/v1/queues/pass", nil)
		require.Equal(t, status, got.status, who)
		require.Empty(t, got.header.Get("Set-Cookie"))
	}
	got := s.send("admin", http.MethodPost, "/v1/queues/pass", nil)
	require.Equal(t, http.StatusNoContent, got.status)
	require.Equal(t, "/dhr/admin/queues/", got.header.Get("Location"))
	cookie, err := http.ParseSetCookie(got.header.Get("Set-Cookie"))
	require.NoError(t, err)
	require.Equal(t, "/dhr/admin/queues/", cookie.Path)
	require.True(t, cookie.HttpOnly)
	require.Equal(t, http.SameSiteStrictMode, cookie.SameSite)
	require.Equal(t, 1800, cookie.MaxAge)
	require.False(t, cookie.Secure, "it came by plain HTTP")
	pass := []string{"Cookie", cookie.Name + "=" + cookie.Value}
	require.Equal(t, "queues", string(s.send("", http.MethodGet, "/admin/queues/", nil, pass...).body))
	require.Equal(t, http.StatusOK, s.send("", http.MethodGet, "/admin/queues/api/queues", nil, pass...).status)
	for _, path := range []string{"/v1/me", "/v1/indexes", "/v1/audit"} {
		require.Equal(t, http.StatusUnauthorized, s.send("", http.MethodGet, path, nil, pass...).status, path)
	}
	require.Equal(t, http.StatusUnauthorized, s.send("", http.MethodPost, "/v1/queues/pass", nil, pass...).status)
	require.Equal(t, http.StatusUnauthorized, s.send("", http.MethodGet, "/admin/queues/", nil, "Cookie", cookie.Name+"="+cookie.Value+"x").status)
	require.NotEqual(t, got.header.Get("Set-Cookie"), s.send("admin", http.MethodPost, "/v1/queues/pass", nil).header.Get("Set-Cookie"))
	mu.Lock()
	at = at.Add(30 * time.Minute)
	mu.Unlock()
	require.Equal(t, http.StatusUnauthorized, s.send("", http.MethodGet, "/admin/queues/", nil, pass...).status)
}
