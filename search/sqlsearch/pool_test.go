package sqlsearch_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search/sqlsearch"
)

// Every connection that a question or a snapshot took is given back, and told of.
func TestConnections(t *testing.T) {
	t.Parallel()
	d, err := sqlsearch.Open(t.Context(), filepath.Join(t.TempDir(), "records.sqlite"), &sqlsearch.Options{Readers: 2})
	require.NoError(t, err)
	schema, err := record.ParseSchema("visits", []byte(`{"mappings": {"properties": {"age": {"type": "integer"}}}}`))
	require.NoError(t, err)
	require.NoError(t, d.Create(t.Context(), schema))
	used, _, kept := d.Connections()
	require.Zero(t, used)
	require.Equal(t, 2, kept)

	var close []func() error
	for n := range 17 {
		s, err := d.Snapshot(t.Context(), "visits", "")
		require.NoError(t, err)
		close = append(close, s.Close)
		used, _, _ = d.Connections()
		require.Equal(t, n+1, used)
	}
	for _, c := range close {
		require.NoError(t, c())
	}
	used, idle, _ := d.Connections()
	require.Zero(t, used)
	require.Equal(t, 16, idle, "the last is closed, since eight times as many as are kept may be idle for a moment")
	_, err = d.Schemas(t.Context(), "visits")
	require.NoError(t, err)
	used, idle, _ = d.Connections()
	require.Zero(t, used)
	require.Equal(t, 16, idle)
	require.NoError(t, d.Close())
	used, idle, _ = d.Connections()
	require.Zero(t, used)
	require.Zero(t, idle)
}
