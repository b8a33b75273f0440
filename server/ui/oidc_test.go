package ui_test

import (
	"encoding/json"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/server/ui"
)

// connects returns whom a page may ask, by its policy.
func connects(t *testing.T, r *answer) string {
	t.Helper()
	found := regexp.MustCompile(`; connect-src ([^;]*);`).FindStringSubmatch(r.Header.Get("Content-Security-Policy"))
	require.NotNil(t, found)
	return found[1]
}

func TestSignInIsTold(t *testing.T) {
	t.Parallel()
	o, err := ui.NewOIDC("https://ID.example.org:8443/realms/health", `page"><script>`, &ui.OIDCOptions{
		Scopes: []string{"openid", "offline_access"}, Audience: "dhr", Origins: []string{"https://login.example.org", "https://id.example.org:8443"},
	})
	require.NoError(t, err)
	h := ui.Handler(&ui.Options{Base: "/dhr", OIDC: o})
	r := get(t, h, http.MethodGet, "/")
	require.Equal(t, "'self' https://id.example.org:8443 https://login.example.org", connects(t, r))
	page := body(t, r)
	require.NotContains(t, page, "{{")
	require.Equal(t, 1, strings.Count(page, "<script"), "its own")
	found := regexp.MustCompile(`<html lang="en" data-base="/dhr/" data-oidc="([^"]*)">`).FindStringSubmatch(page)
	require.NotNil(t, found, page)
	var told map[string]any
	require.NoError(t, json.Unmarshal([]byte(html.UnescapeString(found[1])), &told))
	require.Equal(t, map[string]any{
		"issuer": "https://ID.example.org:8443/realms/health", "client": `page"><script>`, "scope": "openid offline_access", "audience": "dhr",
		"origins": []any{"https://id.example.org:8443", "https://login.example.org"},
	}, told)

	without := get(t, ui.Handler(nil), http.MethodGet, "/")
	require.Equal(t, "'self'", connects(t, without))
	require.NotContains(t, body(t, without), "oidc=")
	require.NotEqual(t, without.Header.Get("ETag"), r.Header.Get("ETag"), "what a browser has kept of the one is not the other")

	for issuer, origin := range map[string]string{
		"https://h:443/a": "https://h", "https://h:80": "https://h:80", "http://localhost:80": "http://localhost", "HTTPS://H:443/": "https://h", "http://127.0.0.1": "http://127.0.0.1",
	} {
		o, err = ui.NewOIDC(issuer, "page", nil)
		require.NoError(t, err, issuer)
		require.Equal(t, "'self' "+origin, connects(t, get(t, ui.Handler(&ui.Options{OIDC: o}), http.MethodGet, "/")))
	}

	o, err = ui.NewOIDC("http://localhost:8080/", "page", nil)
	require.NoError(t, err)
	r = get(t, ui.Handler(&ui.Options{OIDC: o}), http.MethodGet, "/")
	require.Equal(t, "'self' http://localhost:8080", connects(t, r))
	require.Contains(t, html.UnescapeString(body(t, r)), `"issuer":"http://localhost:8080/","client":"page","scope":"openid","origins":`)
}

func TestSignInThatIsUnfit(t *testing.T) {
	t.Parallel()
	for _, issuer := range []string{
		"", "id.example.org", "/realms/a", "http://id.example.org", "ftp://id.example.org", "https://u:pw@id.example.org", "https://id.example.org/?a", "https://id.example.org/?",
		"https://id.example.org/#a", "https://[::1]:8443", "https://a;script-src", "https://a b", "https://a,b", "https://*.example.org", "http://127.0.0.1.example.org", "https://", "https://a:b", "https://a:0443",
	} {
		_, err := ui.NewOIDC(issuer, "page", nil)
		require.ErrorIs(t, err, ui.ErrOIDC, issuer)
		_, err = ui.NewOIDC("https://id.example.org", "page", &ui.OIDCOptions{Origins: []string{issuer}})
		require.ErrorIs(t, err, ui.ErrOIDC, issuer)
	}
	_, err := ui.NewOIDC("https://id.example.org", "", nil)
	require.ErrorIs(t, err, ui.ErrOIDC)
	_, err = ui.NewOIDC("https://id.example.org", "page", &ui.OIDCOptions{Scopes: []string{"profile"}})
	require.ErrorIs(t, err, ui.ErrOIDC)
}

func FuzzNewOIDC(f *testing.F) {
	for _, issuer := range []string{"https://id.example.org/realms/health", "http://localhost:8080", "https://a;script-src 'unsafe-inline'", "https://a'b", "https://\x00", "HTTPS://A"} {
		f.Add(issuer, "page")
	}
	f.Fuzz(func(t *testing.T, issuer, client string) {
		o, err := ui.NewOIDC(issuer, client, nil)
		if err != nil {
			require.ErrorIs(t, err, ui.ErrOIDC)
			return
		}
		r := get(t, ui.Handler(&ui.Options{OIDC: o}), http.MethodGet, "/")
		require.Regexp(t, `^'self' https?://[a-z0-9._-]+(:[0-9]+)?$`, connects(t, r))
		require.Regexp(t, `<html lang="en" data-base="" data-oidc="[^"<>]*">`, body(t, r))
	})
}
