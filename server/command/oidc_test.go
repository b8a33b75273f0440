package command_test

import (
	"html"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The page is told where people sign in, and may ask there; whoever asks for it need not be known. Nothing asks the issuer before somebody signs in.
func TestPageIsToldTheIssuer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "application.yml")
	require.NoError(t, os.WriteFile(file, []byte(`
server: {base_path: /reports}
auth:
  mode: jwt
  jwt: {preset: keycloak, issuer: https://id.example.org/realms/health/, audience: dhr}
  oidc: {client_id: dhr-page, scopes: [openid, offline_access]}
`), 0o600))
	s := serve(t, dir, nil, "-config", file)
	got, page := s.ask("GET", "/", nil)
	require.Equal(t, 200, got.StatusCode)
	require.Contains(t, got.Header.Get("Content-Security-Policy"), "; connect-src 'self' https://id.example.org; ")
	require.Contains(t, html.UnescapeString(page["text"].(string)), `{"issuer":"https://id.example.org/realms/health","client":"dhr-page","scope":"openid offline_access","origins":["https://id.example.org"]}`)
	got, _ = s.ask("GET", "/v1/me", nil)
	require.Equal(t, 401, got.StatusCode)
	require.Empty(t, got.Header.Values("Set-Cookie"))
}
