package ui_test

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/server/ui"
)

// An answer is that of a handler.
type answer struct {
	StatusCode int
	Header     http.Header
	Body       io.Reader
}

// get asks a handler, with headers in pairs.
func get(t *testing.T, h http.Handler, method, path string, headers ...string) *answer {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return &answer{w.Code, w.Header(), w.Body}
}

func body(t *testing.T, r *answer) string {
	t.Helper()
	text, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	return string(text)
}

// parts returns what the page names of its own.
func parts(page string) []string {
	var all []string
	for _, m := range regexp.MustCompile(`(?:src|href)="([^"#]*ui/[^"]*)"`).FindAllStringSubmatch(page, -1) {
		all = append(all, m[1])
	}
	return all
}

func TestPage(t *testing.T) {
	t.Parallel()
	r := get(t, ui.Handler(nil), http.MethodGet, "/")
	require.Equal(t, http.StatusOK, r.StatusCode)
	require.Equal(t, "text/html; charset=utf-8", r.Header.Get("Content-Type"))
	require.Equal(t, "no-cache", r.Header.Get("Cache-Control"))
	require.Equal(t, "nosniff", r.Header.Get("X-Content-Type-Options"))
	require.Equal(t, "no-referrer", r.Header.Get("Referrer-Policy"))
	policy := r.Header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
		require.Contains(t, policy, part)
	}
	require.NotContains(t, policy, "unsafe")
	page := body(t, r)
	require.NotContains(t, page, "{{")
	require.NotRegexp(t, `<script[^>]*>[^<]|<style| style=| on[a-z]+=`, page, "what the policy forbids")
	require.NotRegexp(t, `https?://`, page)
}

// Every part that the page names is there, is what its name says, and may be kept for good, since its name changes with it.
func TestParts(t *testing.T) {
	t.Parallel()
	h := ui.Handler(nil)
	names := parts(body(t, get(t, h, http.MethodGet, "/")))
	require.GreaterOrEqual(t, len(names), 3)
	media := map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
	for _, name := range names {
		r := get(t, h, http.MethodGet, "/"+name)
		require.Equal(t, http.StatusOK, r.StatusCode, name)
		require.Equal(t, media[filepath.Ext(name)], r.Header.Get("Content-Type"), name)
		require.Equal(t, "public, max-age=31536000, immutable", r.Header.Get("Cache-Control"), name)
		require.Equal(t, "nosniff", r.Header.Get("X-Content-Type-Options"), name)
		require.Regexp(t, `-[0-9A-Z]{8}\.[a-z]+$`, name)
		require.NotEmpty(t, body(t, r), name)
	}
}

func TestPrefix(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{"": "ui/", "/": "ui/", "/health-reports": "/health-reports/ui/", "/a/b/": "/a/b/ui/", `/"><script>`: "/&#34;&gt;&lt;script&gt;/ui/"} {
		for _, name := range parts(body(t, get(t, ui.Handler(&ui.Options{Base: base}), http.MethodGet, "/"))) {
			require.True(t, strings.HasPrefix(name, want), "%q under %q", name, base)
		}
	}
}

func TestETag(t *testing.T) {
	t.Parallel()
	h := ui.Handler(nil)
	names := append(parts(body(t, get(t, h, http.MethodGet, "/"))), "")
	for _, name := range names {
		plain := get(t, h, http.MethodGet, "/"+name)
		tag := plain.Header.Get("ETag")
		require.Regexp(t, `^"[0-9a-f]{32}"$`, tag)
		for _, match := range []string{tag, `"other", ` + tag, "*"} {
			again := get(t, h, http.MethodGet, "/"+name, "If-None-Match", match)
			require.Equal(t, http.StatusNotModified, again.StatusCode)
			require.Equal(t, tag, again.Header.Get("ETag"))
			require.Empty(t, body(t, again))
		}
		require.Equal(t, http.StatusOK, get(t, h, http.MethodGet, "/"+name, "If-None-Match", `"other"`).StatusCode)
		require.NotEqual(t, get(t, ui.Handler(&ui.Options{Base: "/x"}), http.MethodGet, "/").Header.Get("ETag"), tag, "another page has another tag")
	}
}

// What is compressed is the same, and has an ETag of its own.
func TestCompressed(t *testing.T) {
	t.Parallel()
	h := ui.Handler(nil)
	for _, name := range parts(body(t, get(t, h, http.MethodGet, "/"))) {
		plain := get(t, h, http.MethodGet, "/"+name, "Accept-Encoding", "gzip;q=0, br")
		require.Empty(t, plain.Header.Get("Content-Encoding"))
		packed := get(t, h, http.MethodGet, "/"+name, "Accept-Encoding", "br, gzip;q=0.5")
		require.Equal(t, "Accept-Encoding", packed.Header.Get("Vary"))
		if filepath.Ext(name) == ".svg" {
			continue // perhaps too small to be worth it
		}
		require.Equal(t, "gzip", packed.Header.Get("Content-Encoding"), name)
		require.NotEqual(t, plain.Header.Get("ETag"), packed.Header.Get("ETag"))
		z, err := gzip.NewReader(packed.Body)
		require.NoError(t, err)
		text, err := io.ReadAll(z)
		require.NoError(t, err)
		require.Equal(t, body(t, plain), string(text))
	}
}

func TestHead(t *testing.T) {
	t.Parallel()
	h := ui.Handler(nil)
	r := get(t, h, http.MethodHead, "/")
	require.Equal(t, http.StatusOK, r.StatusCode)
	require.Empty(t, body(t, r))
	require.Equal(t, get(t, h, http.MethodGet, "/").Header.Get("Content-Length"), r.Header.Get("Content-Length"))
}

func TestNotFound(t *testing.T) {
	t.Parallel()
	h := ui.Handler(nil)
	own := ui.Handler(&ui.Options{NotFound: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })})
	for _, path := range []string{"/ui/", "/ui/index.html", "/ui/none.js", "/ui/../ui.go", "/index.html", "/x", "/ui/sub/main.js", "/ui/%2e%2e"} {
		r := get(t, h, http.MethodGet, path)
		require.Equal(t, http.StatusNotFound, r.StatusCode, path)
		require.Empty(t, r.Header.Get("Cache-Control"), path)
		require.Equal(t, http.StatusTeapot, get(t, own, http.MethodGet, path).StatusCode, path)
	}
	r := get(t, h, http.MethodPost, "/")
	require.Equal(t, http.StatusMethodNotAllowed, r.StatusCode)
	require.Equal(t, "GET, HEAD", r.Header.Get("Allow"))
}

// All that can ever be loaded is at most 300 kB, compressed.
func TestWeight(t *testing.T) {
	t.Parallel()
	h := ui.Handler(nil)
	files, err := filepath.Glob("dist/*")
	require.NoError(t, err)
	total := 0
	for _, f := range files {
		path := "/ui/" + filepath.Base(f)
		if filepath.Base(f) == "index.html" {
			path = "/"
		}
		r := get(t, h, http.MethodGet, path, "Accept-Encoding", "gzip")
		require.Equal(t, http.StatusOK, r.StatusCode, path)
		total += len(body(t, r))
	}
	t.Logf("%d files, %d bytes compressed", len(files), total)
	require.LessOrEqual(t, total, 300_000)
}

// Every language says all that English says, with the same values in it.
func TestLanguages(t *testing.T) {
	t.Parallel()
	read := func(name string) map[string]string {
		text, err := os.ReadFile(filepath.Join("web/locales", name))
		require.NoError(t, err)
		var table map[string]string
		require.NoError(t, json.Unmarshal(text, &table))
		return table
	}
	english := read("en.json")
	files, err := os.ReadDir("web/locales")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 2)
	values := regexp.MustCompile(`\{\w+\}`)
	for _, f := range files {
		table := read(f.Name())
		for key, text := range table {
			require.Contains(t, english, key, f.Name())
			require.ElementsMatch(t, values.FindAllString(english[key], -1), values.FindAllString(text, -1), "%s: %s", f.Name(), key)
			if english[key] != "" {
				require.NotEmpty(t, text, "%s: %s", f.Name(), key)
			}
		}
		for key := range english {
			require.Contains(t, table, key, f.Name())
		}
	}
}
