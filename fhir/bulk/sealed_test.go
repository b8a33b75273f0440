package bulk_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/fhir/bulk"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/storage"
)

// A world is a storage in which equal files are one, and which everybody can read: as IPFS is.
type world struct {
	mu    sync.Mutex
	files map[storage.Ref][]byte
	fail  error
}

func (w *world) Scheme() string { return "ipfs" }

func (w *world) Put(_ context.Context, _ string, r io.Reader, _ *storage.PutOptions) (storage.Ref, error) {
	all, err := io.ReadAll(r)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(all)
	ref := storage.MakeRef("ipfs", "bafy"+hex.EncodeToString(sum[:]))
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.files) == 2 && w.fail != nil {
		return "", w.fail
	}
	w.files[ref] = all
	return ref, nil
}

func (w *world) Open(_ context.Context, ref storage.Ref, offset, length int64) (io.ReadCloser, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	all, ok := w.files[ref]
	if !ok {
		return nil, storage.ErrNotFound
	}
	all = all[offset:]
	if length >= 0 {
		all = all[:min(length, int64(len(all)))]
	}
	return io.NopCloser(bytes.NewReader(all)), nil
}

func (w *world) Stat(context.Context, storage.Ref) (storage.Info, error) {
	return storage.Info{}, storage.ErrUnsupported
}

func (w *world) Delete(_ context.Context, ref storage.Ref) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.files, ref)
	return nil
}

func (w *world) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.files)
}

// keys returns how many keys there are.
func (h *house) keys(t *testing.T) (n int) {
	t.Helper()
	for _, err := range h.docs.All(t.Context(), &docstore.Query{AllTenants: true, Kind: "fhir-export-keys"}) {
		require.NoError(t, err)
		n++
	}
	return n
}

// What goes to IPFS is sealed; download opens it; with the export the key ends, and the files.
func TestSealed(t *testing.T) {
	t.Parallel()
	w := &world{files: map[storage.Ref][]byte{}}
	h := open(t, memory(t, 30), func(h *house) {
		h.backend = w
		h.config.Limits.FileRecords = 20
	})
	m := h.export(t, asha(), ask(bulk.SystemLevel, "_type", "Patient"))
	require.Len(t, m.Output, 2)
	require.Equal(t, 1, h.keys(t))
	for i := range m.Output {
		f := &m.Output[i]
		require.True(t, f.Sealed)
		require.Contains(t, f.CID, "bafy")
		require.Contains(t, h.read(t, asha(), m.ID, f), "Asha")
	}
	for _, text := range w.files {
		require.NotContains(t, string(text), "Asha")
		require.NotEqual(t, []byte{0x1f, 0x8b}, text[:2], "it is sealed")
	}
	d, err := h.OpenFile(t.Context(), asha(), m.ID, "Patient-2.ndjson")
	require.NoError(t, err)
	r, err := d.Open(t.Context(), false, 10, 20)
	require.NoError(t, err)
	part, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.Equal(t, h.read(t, asha(), m.ID, &d.File)[10:30], string(part))
	require.NoError(t, h.Delete(t.Context(), asha(), m.ID))
	require.Zero(t, h.keys(t))
	require.Zero(t, w.count())

	w.fail = storage.ErrFull
	e, err := h.Start(t.Context(), asha(), ask(bulk.SystemLevel))
	require.NoError(t, err)
	e = h.wait(t, asha(), e.ID)
	require.Equal(t, job.Failed, e.Status)
	require.Equal(t, "STORAGE_FULL", e.Error.Code)
	require.Zero(t, h.keys(t))
	require.Zero(t, w.count())
}

// Who wants it has files on IPFS as they are: equal data has one address, and stays as long as somebody holds it.
func TestPlainOnIPFS(t *testing.T) {
	t.Parallel()
	w := &world{files: map[storage.Ref][]byte{}}
	h := open(t, memory(t, 30), func(h *house) {
		h.backend = w
		h.config.Plain = []string{"ipfs"}
	})
	first := h.export(t, asha(), ask(bulk.SystemLevel, "_type", "Patient"))
	second := h.export(t, asha(), ask(bulk.SystemLevel, "_type", "Patient"))
	require.Equal(t, first.Output[0].CID, second.Output[0].CID)
	require.False(t, first.Output[0].Sealed)
	require.Equal(t, 1, w.count())
	require.NoError(t, h.Delete(t.Context(), asha(), first.ID))
	require.Contains(t, h.read(t, asha(), second.ID, &second.Output[0]), "Asha")
	require.NoError(t, h.Delete(t.Context(), asha(), second.ID))
	require.Zero(t, w.count())
	require.Zero(t, h.keys(t))
}
