package command

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/server/config"
)

// A server without sign-in answers this machine, and no page of another site that a browser on it shows.
func TestLocalUserIsLocal(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.CORS.Origins = []string{"https://reports.example.org"}
	who, err := signIn(c)
	require.NoError(t, err)
	for _, one := range []struct {
		host, origin string
		in           bool
	}{
		{"127.0.0.1:3000", "", true},
		{"localhost:3000", "", true},
		{"LOCALHOST", "", true},
		{"[::1]:3000", "", true},
		{"[::1]", "", true},
		{"127.9.9.9", "", true},
		{"", "", true}, // HTTP/1.0
		{"evil.example.org:3000", "", false},
		{"localhost.evil.example.org", "", false},
		{"127.0.0.1.nip.io:3000", "", false},
		{"10.0.0.1:3000", "", false},
		{"127.0.0.1:3000", "http://127.0.0.1:3000", true},
		{"127.0.0.1:3000", "https://reports.example.org", true},
		{"127.0.0.1:3000", "https://evil.example.org", false},
		{"127.0.0.1:3000", "http://127.0.0.1:8080", false},
		{"127.0.0.1:3000", "null", false},
		{"127.0.0.1:3000", "%", false},
	} {
		r := httptest.NewRequest("POST", "/v1/filters", nil)
		r.Host = one.host
		if one.origin != "" {
			r.Header.Set("Origin", one.origin)
		}
		got, err := who.Authenticate(r)
		if one.in {
			require.NoError(t, err, "%+v", one)
			require.Equal(t, "local", got.User)
			continue
		}
		require.ErrorIs(t, err, access.ErrDenied, "%+v", one)
	}
}

// What of the ways to sign in the server would not start with is told by config check, and before anything is opened.
func TestSignInIsChecked(t *testing.T) {
	t.Parallel()
	for text, wrong := range map[string]string{
		"{auth: {mode: jwt, jwt: {jwks_url: 'https://id.example.org/keys', refresh: 2h}}}":                              "",
		"{auth: {mode: jwt, jwt: {jwks_url: 'http://id.example.org/keys'}}}":                                            "auth.jwt: ",
		"{auth: {mode: jwt, jwt: {preset: keycloak, issuer: 'http://id.example.org/realms/a', audience: dhr}}}":         "auth.jwt: ",
		"{auth: {mode: jwt, jwt: {key_files: [none.pem]}}}":                                                             "auth.jwt: ",
		"{auth: {mode: digit2, digit: {user_url: 'http://egov-user.egov:8080/user'}}}":                                  "auth.digit: ",
		"{auth: {mode: digit2, digit: {user_url: 'http://egov-user.egov:8080/user', allow_http: true}}}":                "",
		"{auth: {mode: digit2, digit: {user_url: 'https://egov-user.egov/user', cache: 2h}}}":                           "auth.digit: ",
		"{auth: {mode: digit3, digit: {gateways: [0.0.0.0/0]}}}":                                                        "auth.digit.gateways: ",
		"{auth: {mode: digit2, digit: {gateways: ['::/0']}}}":                                                           "auth.digit.gateways: ",
		"{server: {tls: {cert_file: none.pem, key_file: none.pem}}, auth: {mode: digit3, digit: {gateways: ['::/0']}}}": "server.tls: ",
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, "application.yml")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		var errs strings.Builder
		p := &Program{Out: io.Discard, Errors: &errs, Env: func(string) string { return "" }}
		code := p.Run(t.Context(), []string{"config", "check", "-config", file})
		if wrong == "" {
			require.Equal(t, exitDone, code, "%s\n%s", text, errs.String())
			continue
		}
		require.Equal(t, exitUsage, code, text)
		require.Contains(t, errs.String(), wrong, text)
		code = p.Run(t.Context(), []string{"-config", file, "-addr", "127.0.0.1:0", "-data", filepath.Join(dir, "data")})
		require.Equal(t, exitUsage, code, text)
		require.NoDirExists(t, filepath.Join(dir, "data"), text)
	}
}

// What the server keeps is for its owner alone, also in a directory into which others may look.
func TestFilesArePrivate(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Server.Data = t.TempDir()
	require.NoError(t, os.Chmod(c.Server.Data, 0o755)) //nolint:gosec // that is what it is about
	for range 2 {
		o, err := open(t.Context(), c)
		require.NoError(t, err)
		_, err = o.kept("token.key")
		require.NoError(t, err)
		files, err := filepath.Glob(filepath.Join(c.Server.Data, "*"))
		require.NoError(t, err)
		require.Greater(t, len(files), 3)
		for _, name := range files {
			info, err := os.Stat(name)
			require.NoError(t, err)
			require.Zero(t, info.Mode().Perm()&0o077, "%s has mode %s", name, info.Mode())
		}
		require.NoError(t, o.Close())
	}
}

// Beside the path of the server there is nothing, which is said as everything is.
func TestUnder(t *testing.T) {
	t.Parallel()
	h := under("/dhr", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.URL.EscapedPath())
	}))
	for path, want := range map[string]string{
		"/dhr": "/", "/dhr/": "/", "/dhr/v1/me": "/v1/me", "/dhr/v1/indexes/a%2Fb": "/v1/indexes/a%2Fb", "/dhr/../v1/me": "/../v1/me",
		"/": "/beside/dhr", "/v1/me": "/beside/dhr", "/dhrx/v1/me": "/beside/dhr", "/%64hr/v1/me": "/v1/me",
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		require.Equal(t, want, w.Body.String(), path)
	}
}
