package command_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Without sign-in and roles of its own the local user has all rights, whatever roles are configured.
func TestLocalUserHasAllRights(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "application.yml")
	require.NoError(t, os.WriteFile(file, []byte("roles: {NURSE: {grants: [{indexes: [\"nothing\"], others: visible}]}}\n"), 0o600))
	data := filepath.Join(dir, "data")
	mapping := filepath.Join(dir, "visits.json")
	require.NoError(t, os.WriteFile(mapping, []byte(`{"properties": {"age": {"type": "integer"}}}`), 0o600))
	records := filepath.Join(dir, "visits.ndjson")
	require.NoError(t, os.WriteFile(records, []byte(`{"age":3}`), 0o600))
	_, errs, code := run(t, nil, nil, "import", "-config", file, "-data", data, "-index", "visits", "-mapping", mapping, records)
	require.Zero(t, code, errs)
	out, errs, code := run(t, nil, nil, "query", "-config", file, "-data", data, "-index", "visits", "-format", "ndjson", "age = 3")
	require.Zero(t, code, errs)
	require.Contains(t, out, `"age":3`)
}
