package disk_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/storage"
	"github.com/digit-health/dhr/storage/disk"
)

// What was stored with a tag is found by it, of one tenant alone.
func TestFind(t *testing.T) {
	t.Parallel()
	backend, err := disk.Open(t.TempDir(), nil)
	require.NoError(t, err)
	defer backend.Close()
	files, err := storage.New(backend)
	require.NoError(t, err)
	put := func(tenant, tag string) storage.Ref {
		ref, err := files.Put(t.Context(), "x.csv", strings.NewReader("x"), &storage.PutOptions{Tenant: tenant, Tag: tag})
		require.NoError(t, err)
		return ref
	}
	want := []storage.Ref{put("pb", "one"), put("pb", "one")}
	put("pb", "two")
	put("pb", "")
	put("pb.amritsar", "one")
	found, err := files.Find(t.Context(), "disk", "pb", "one")
	require.NoError(t, err)
	require.ElementsMatch(t, want, found)
	for _, ref := range found {
		require.NoError(t, files.Delete(t.Context(), ref))
	}
	for tenant, tag := range map[string]string{"pb": "one", "mz": "one", "pb.amritsar": "on"} {
		found, err = files.Find(t.Context(), "", tenant, tag)
		require.NoError(t, err)
		require.Empty(t, found)
	}
	_, err = files.Find(t.Context(), "", "pb", "")
	require.ErrorIs(t, err, storage.ErrInvalid)
}
