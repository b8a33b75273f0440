package command_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What key prints is, as it stands, a configuration whose server lets the key in.
func TestKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text, kept, code := run(t, nil, nil, "key", "-name", `the "loader"`, "-roles", "ANALYST,EXPORTER", "-groups", "a", "-expires", "2999-12-31")
	require.Equal(t, 0, code, kept)
	text = strings.TrimSuffix(text, "\n")
	warning, kept, ok := strings.Cut(kept, "\n")
	require.True(t, ok)
	require.Contains(t, warning, "auth.mode is none")
	require.NotContains(t, kept, text[len("dhr_0123456789abcdef_"):])
	file := filepath.Join(dir, "application.yml")
	require.NoError(t, os.WriteFile(file, []byte(kept), 0o600))

	s := serve(t, dir, map[string]string{"DHR_AUTH_MODE": "keys"}, "-config", file)
	got, who := s.ask("GET", "/v1/me", nil, "X-API-Key", text)
	require.Equal(t, http.StatusOK, got.StatusCode, who)
	require.Equal(t, `the "loader"`, who["user"])
	require.Equal(t, "default", who["tenant"])
	require.Equal(t, []any{"ANALYST", "EXPORTER"}, who["roles"])
	require.Equal(t, []any{"a"}, who["groups"])
	got, _ = s.ask("GET", "/v1/me", nil, "X-API-Key", text+"x")
	require.Equal(t, http.StatusUnauthorized, got.StatusCode)
}

func TestNoKey(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args []string
		says string
	}{
		"no name":         {nil, "-name is missing"},
		"an argument":     {[]string{"-name", "a", "b"}, `found "b" where nothing is expected`},
		"an unknown role": {[]string{"-name", "a", "-roles", "NOBODY"}, "auth.keys[0].roles"},
		"no tenant":       {[]string{"-name", "a", "-tenant", "a b"}, "tenant"},
		"no day":          {[]string{"-name", "a", "-expires", "soon"}, "auth.keys[0].expires"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, errs, code := run(t, nil, nil, append([]string{"key"}, test.args...)...)
			require.Equal(t, 2, code)
			require.Empty(t, out)
			require.Contains(t, errs, test.says)
		})
	}
}

// A token may have roles that nobody has given a meaning; who mints it hears that.
func TestTokenOfAnUnknownRole(t *testing.T) {
	t.Parallel()
	env := map[string]string{"DHR_AUTH_MODE": "jwt", "DHR_AUTH_JWT_SECRET": "0123456789abcdef0123456789abcdef"}
	out, errs, code := run(t, env, nil, "token", "-user", "asha", "-roles", "ANALIST")
	require.Equal(t, 0, code, errs)
	require.NotEmpty(t, out)
	require.Contains(t, errs, `warning: the token gives nothing for some of its roles: auth.roles[0]: there is no role "ANALIST"; did you mean "ANALYST"?`)
	_, errs, _ = run(t, env, nil, "token", "-user", "asha", "-roles", "ANALYST")
	require.Empty(t, errs)
}
