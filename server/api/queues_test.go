package api_test

import (
	"net/http"
	"net/netip"
	"strings"
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

// seesQueues starts a server with pages of queues, and returns how it answers, with the passes, who asks for them: somebody, or a browser if user is empty.
func seesQueues(t *testing.T, opts *api.Options) (s *server, sees func(user string, passes ...string) int) {
	t.Helper()
	opts.Queues = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("queues")) })
	s = start(t, opts)
	return s, func(user string, passes ...string) int {
		return s.send(user, http.MethodGet, "/admin/queues/", nil, "Cookie", strings.Join(passes, "; ")).status
	}
}

// passOf returns the cookie that an answer sets, as it is sent.
func passOf(t *testing.T, got *answer) (string, *http.Cookie) {
	t.Helper()
	require.Equal(t, http.StatusNoContent, got.status)
	cookie, err := http.ParseSetCookie(got.header.Get("Set-Cookie"))
	require.NoError(t, err)
	return cookie.Name + "=" + cookie.Value, cookie
}

// A pass is for who has no credentials: it makes no others good.
func TestQueuesPassMakesNoTokenGood(t *testing.T) {
	t.Parallel()
	s, sees := seesQueues(t, &api.Options{})
	pass, cookie := passOf(t, s.send("admin", http.MethodPost, "/v1/queues/pass", nil))
	require.Equal(t, http.StatusOK, sees("", pass))
	require.Equal(t, http.StatusOK, sees("", cookie.Name+"=another", pass), "beside one that is none")
	require.Equal(t, http.StatusOK, sees("admin", pass))
	require.Equal(t, http.StatusForbidden, sees("analyst", pass))
	require.Equal(t, http.StatusUnauthorized, sees("revoked", pass))
}

// Who signs out takes the passes along, in every browser, and nobody else's.
func TestQueuesPassDropped(t *testing.T) {
	t.Parallel()
	s, sees := seesQueues(t, &api.Options{Base: "/dhr"})
	one, cookie := passOf(t, s.send("admin", http.MethodPost, "/v1/queues/pass", nil))
	two, _ := passOf(t, s.send("admin", http.MethodPost, "/v1/queues/pass", nil))
	theirs, _ := passOf(t, s.send("foreign", http.MethodPost, "/v1/queues/pass", nil))
	require.Equal(t, http.StatusUnauthorized, s.send("", http.MethodDelete, "/v1/queues/pass", nil, "Cookie", one).status)
	_, _ = passOf(t, s.send("analyst", http.MethodDelete, "/v1/queues/pass", nil, "Cookie", one))
	require.Equal(t, http.StatusOK, sees("", one), "it is not the analyst's")
	_, gone := passOf(t, s.send("admin", http.MethodDelete, "/v1/queues/pass", nil))
	require.Equal(t, cookie.Name, gone.Name)
	require.Equal(t, cookie.Path, gone.Path)
	require.Negative(t, gone.MaxAge, "Max-Age=0")
	require.Empty(t, gone.Value)
	require.Equal(t, http.StatusUnauthorized, sees("", one))
	require.Equal(t, http.StatusUnauthorized, sees("", two))
	require.Equal(t, http.StatusOK, sees("", theirs))
	_, _ = passOf(t, s.send("admin", http.MethodDelete, "/v1/queues/pass", nil))
}

// However many passes somebody asks for, others get theirs and keep them: of somebody's own the oldest make room.
func TestQueuesPassesEach(t *testing.T) {
	t.Parallel()
	s, sees := seesQueues(t, &api.Options{})
	theirs, _ := passOf(t, s.send("foreign", http.MethodPost, "/v1/queues/pass", nil))
	var mine []string
	for range 1005 {
		pass, _ := passOf(t, s.send("admin", http.MethodPost, "/v1/queues/pass", nil))
		mine = append(mine, pass)
	}
	last := len(mine) - 4
	for _, pass := range mine[last:] {
		require.Equal(t, http.StatusOK, sees("", pass))
	}
	require.Equal(t, http.StatusUnauthorized, sees("", mine[last-1]))
	require.Equal(t, http.StatusUnauthorized, sees("", mine[0]))
	require.Equal(t, http.StatusOK, sees("", theirs))
	_, _ = passOf(t, s.send("foreign", http.MethodPost, "/v1/queues/pass", nil))
}

// The cookie is for the pages where the browser sees them: behind a proxy that is believed, below its prefix.
func TestQueuesPassBehindProxy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		proxies []netip.Prefix
		path    string
		secure  bool
	}{
		"believed": {[]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, "/reports/admin/queues/", true},
		"anybody":  {nil, "/dhr/admin/queues/", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := seesQueues(t, &api.Options{Base: "/dhr", Proxies: c.proxies})
			for _, method := range []string{http.MethodPost, http.MethodDelete} {
				got := s.send("admin", method, "/v1/queues/pass", nil, "X-Forwarded-Prefix", "/reports", "X-Forwarded-Proto", "https")
				_, cookie := passOf(t, got)
				require.Equal(t, c.path, cookie.Path, method)
				require.Equal(t, c.secure, cookie.Secure, method)
				if method == http.MethodPost {
					require.Equal(t, c.path, got.header.Get("Location"))
				}
			}
		})
	}
}

// A browser, which asks for pages without a token, sees the queues with a pass, for five minutes, and nothing else.
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
	require.Equal(t, 300, cookie.MaxAge)
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
	at = at.Add(5 * time.Minute)
	mu.Unlock()
	require.Equal(t, http.StatusUnauthorized, s.send("", http.MethodGet, "/admin/queues/", nil, pass...).status)
}
