package sqlsearch

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestRest has readers that are idle give their memory back, and closes those that are too many.
func TestRest(t *testing.T) {
	t.Parallel()
	d, err := Open(t.Context(), filepath.Join(t.TempDir(), "records.sqlite"), nil)
	require.NoError(t, err)
	defer d.Close()
	var views []*view
	for range rested + 3 {
		v, err := d.view(t.Context())
		require.NoError(t, err)
		views = append(views, v)
	}
	for _, v := range views {
		v.close()
	}
	require.True(t, d.resting.Stop())
	d.rest()
	require.Len(t, d.idle, rested+3, "they were used just now")
	require.NotNil(t, d.resting, "it looks again later")
	require.True(t, d.resting.Stop())
	newest := d.idle[len(d.idle)-1]
	for _, c := range d.idle {
		c.used = c.used.Add(-2 * restAfter)
	}
	newest.used = time.Now()
	d.rest()
	require.Len(t, d.idle, rested)
	require.Same(t, newest, d.idle[rested-1])
	require.False(t, newest.rested)
	for _, c := range d.idle[:rested-1] {
		require.True(t, c.rested)
	}
	v, err := d.view(t.Context())
	require.NoError(t, err)
	n, err := v.number(t.Context(), "SELECT next FROM dhr_state")
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	v.close()
}
