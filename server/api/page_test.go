package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/server/api"
)

// The page is for everybody: who asks is found out when it asks the API.
func TestPage(t *testing.T) {
	t.Parallel()
	s := start(t, &api.Options{Base: "/health-reports"})
	page := s.send("", "GET", "/", nil)
	require.Equal(t, http.StatusOK, page.status)
	require.Equal(t, "text/html; charset=utf-8", page.header.Get("Content-Type"))
	require.Contains(t, page.header.Get("Content-Security-Policy"), "default-src 'none'")
	require.Equal(t, "no-cache", page.header.Get("Cache-Control"))
	require.Contains(t, string(page.body), `src="/health-reports/ui/main-`)
	require.Equal(t, http.StatusNotModified, s.send("", "GET", "/", nil, "If-None-Match", page.header.Get("ETag")).status)
	require.Equal(t, http.StatusOK, s.send("", "HEAD", "/", nil).status)

	none := s.send("", "GET", "/ui/none.js", nil)
	require.Equal(t, http.StatusNotFound, none.status)
	require.Equal(t, "application/problem+json", none.header.Get("Content-Type"))
	require.Equal(t, "no-store", none.header.Get("Cache-Control"))
	require.Equal(t, http.StatusMethodNotAllowed, s.send("", "POST", "/", nil).status)
	require.Equal(t, http.StatusMethodNotAllowed, s.send("", "DELETE", "/ui/none.js", nil).status)
}
