package command_test

import (
	"context"
	"database/sql"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver of database/sql
	"github.com/stretchr/testify/require"
)

const engineIndex = "cli-command-test"

// importAndQuery imports, imports again, and asks.
func importAndQuery(t *testing.T, env map[string]string, flags ...string) {
	env["DHR_DATA"] = t.TempDir()
	args := func(command string, rest ...string) []string {
		return append(append([]string{command}, flags...), rest...)
	}
	for _, want := range []string{"3 read, 2 stored, 1 refused", "2 read, 2 stored, 0 refused"} {
		lines := []string{`{"_id":"a","_source":{"name":"Asha","age":3,"at":"2024-05-01"}}`, `{"_id":"b","_source":{"name":"Ravi","age":41.5,"code":"007"}}`, `{"_id":"c"`}
		if strings.HasPrefix(want, "2") {
			lines = lines[:2]
		}
		out, errs, _ := run(t, env, strings.NewReader(strings.Join(lines, "\n")), args("import", "-index", engineIndex, "-")...)
		require.Contains(t, out, engineIndex+": "+want, errs)
	}
	for _, more := range [][]string{{"-max", "0"}, {"-max", "5"}} {
		out, errs, code := run(t, env, nil, append(args("query", "-index", engineIndex, "-format", "ndjson"), append(more, "age > 2 ORDER BY age DESC")...)...)
		require.Zero(t, code, errs)
		require.Equal(t, //nolint:testifylint // these are lines, and each byte counts
			`{"id":"b","index":"cli-command-test","fields":{"name":"Ravi","age":41.5,"at":null,"code":"007"}}`+"\n"+
				`{"id":"a","index":"cli-command-test","fields":{"name":"Asha","age":3,"at":"2024-05-01","code":null}}`+"\n", out)
	}
	out, errs, code := run(t, env, nil, append([]string{"audit", "verify"}, flags...)...)
	require.Zero(t, code, errs)
	require.Contains(t, out, "2 entries, none changed, added or taken away\nthe end is 2:")
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	url := os.Getenv("DHR_TEST_POSTGRES_URL")
	if url == "" {
		t.Skip("SKIPPED: set DHR_TEST_POSTGRES_URL to import into PostgreSQL")
	}
	db, err := sql.Open("pgx", url)
	require.NoError(t, err)
	defer db.Close()
	drop := func() {
		_, err := db.ExecContext(context.WithoutCancel(t.Context()), "DROP SCHEMA IF EXISTS cli_command_test CASCADE; DROP SCHEMA IF EXISTS cli_command_test_config CASCADE")
		require.NoError(t, err)
	}
	drop()
	defer drop()
	importAndQuery(t, map[string]string{"DHR_POSTGRES_SCHEMA": "cli_command_test"}, "-postgres", url)
}

func TestElasticsearch(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"DHR_TEST_ELASTICSEARCH_URL", "DHR_TEST_OPENSEARCH_URL"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := os.Getenv(name)
			if url == "" {
				t.Skip("SKIPPED: set " + name + " to import into a cluster")
			}
			drop := func() {
				r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodDelete, url+"/"+engineIndex, nil)
				require.NoError(t, err)
				answer, err := http.DefaultClient.Do(r)
				require.NoError(t, err)
				require.NoError(t, answer.Body.Close())
			}
			drop()
			defer drop()
			importAndQuery(t, map[string]string{}, "-es", url)
		})
	}
}

// What is minted is taken by the server that has the same configuration: mint asks it before it prints.
func TestToken(t *testing.T) {
	t.Parallel()
	env := map[string]string{"DHR_AUTH_MODE": "jwt", "DHR_AUTH_JWT_SECRET": "0123456789abcdef0123456789abcdef"}
	out, errs, code := run(t, env, nil, "token", "-user", "asha", "-tenant", "pb", "-roles", "ANALYST, EXPORTER", "-groups", "nurses", "-ttl", time.Hour.String())
	require.Zero(t, code, errs)
	require.Empty(t, errs)
	require.Len(t, strings.Split(strings.TrimSuffix(out, "\n"), "."), 3)

	file := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(file, []byte("0123456789abcdef0123456789abcdef\n"), 0o600))
	out, errs, code = run(t, map[string]string{"DHR_AUTH_JWT_SECRET_FILE": file}, nil, "token")
	require.Zero(t, code, errs)
	require.Contains(t, errs, "warning: auth.mode is none")
	require.NotContains(t, out+errs, "0123456789abcdef")
}
