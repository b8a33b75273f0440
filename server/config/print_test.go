package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/server/config"
)

// What is printed is the same configuration, without its secrets.
func TestPrintedIsRead(t *testing.T) {
	t.Parallel()
	const text = `
server: {port: 8080, data: "$${HOME}", max_body: 10MB, idle_timeout: 90s, trusted_proxies: [10.0.0.0/8]}
postgres: {url: "postgres://u:hidden@127.0.0.1/x"}
auth: {user: "0071"}
directory: {groups: {nurses: [asha, ravi], empty: []}}
roles: {VIEWER: {permissions: [view], grants: [{indexes: [visits], rows: "name = \"$${x}\"", others: visible}]}}
`
	dir := t.TempDir()
	file := filepath.Join(dir, "a.yml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	c, err := config.Load([]string{file}, nil)
	require.NoError(t, err)
	require.Equal(t, "${HOME}", c.Server.Data)
	printed, err := c.YAML()
	require.NoError(t, err)
	require.NotContains(t, string(printed), "hidden")
	require.Contains(t, string(printed), "url: null # it is set, and not printed")

	again := filepath.Join(dir, "b.yml")
	require.NoError(t, os.WriteFile(again, printed, 0o600))
	d, err := config.Load([]string{again}, func(name string) string {
		return map[string]string{"DHR_POSTGRES_URL": "postgres://u:hidden@127.0.0.1/x"}[name]
	})
	require.NoError(t, err)
	twice, err := d.YAML()
	require.NoError(t, err)
	require.Equal(t, string(printed), string(twice))
	require.Equal(t, c.Server, d.Server)
	require.Equal(t, "0071", d.Auth.User)
	require.JSONEq(t, string(c.Roles["VIEWER"].Grants), string(d.Roles["VIEWER"].Grants))
}
