package process_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/export/process"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/storage"
)

// A world is a storage in which equal files are one, and which everybody can read: as IPFS is.
type world struct {
	mu    sync.Mutex
	files map[storage.Ref][]byte
}

func (w *world) Scheme() string { return "ipfs" }

func (w *world) Put(ctx context.Context, _ string, r io.Reader, _ *storage.PutOptions) (storage.Ref, error) {
	all, err := io.ReadAll(r)
	if err != nil {
		return "", err
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	sum := sha256.Sum256(all)
	ref := storage.MakeRef("ipfs", "bafy"+hex.EncodeToString(sum[:]))
	w.mu.Lock()
	defer w.mu.Unlock()
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

func (w *world) Link(_ context.Context, ref storage.Ref, _ time.Duration) (storage.Link, error) {
	return storage.Link{URL: "https://gateway.example/ipfs/" + ref.ID()}, nil
}

func (w *world) all() (all []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, text := range w.files {
		all = append(all, string(text))
	}
	return all
}

// keys returns how many keys there are.
func (h *house) keys(t *testing.T) (n int) {
	t.Helper()
	for _, err := range h.docs.All(t.Context(), &docstore.Query{AllTenants: true, Kind: "export-keys"}) {
		require.NoError(t, err)
		n++
	}
	return n
}

// What goes to IPFS is sealed; download opens it; with the key the files end.
func TestSealed(t *testing.T) {
	t.Parallel()
	w := &world{files: map[storage.Ref][]byte{}}
	h := open(t, memory(t, 5000), func(h *house) { h.others = []storage.Backend{w} })
	plain := h.export(t, asha(), &process.Request{Format: "ndjson"})
	want := h.read(t, asha(), plain.ID, 1)
	r := &process.Request{Format: "ndjson", Storage: "ipfs", Options: process.Choices{PartRows: 2000}}
	p := h.export(t, asha(), r)
	require.Len(t, p.Files, 3)
	require.Equal(t, 1, h.keys(t))
	var all strings.Builder
	for i, f := range p.Files {
		require.True(t, f.Sealed)
		require.Contains(t, f.CID, "bafy")
		text := h.read(t, asha(), p.ID, i+1)
		sum := sha256.Sum256([]byte(text))
		require.Equal(t, hex.EncodeToString(sum[:]), f.SHA256, "the hash is that of what people get")
		all.WriteString(text)
		d, err := h.OpenFile(t.Context(), asha(), p.ID, i+1)
		require.NoError(t, err)
		require.Empty(t, d.Link.URL)
		checkRanges(t, d, text)
	}
	require.Equal(t, want, all.String())
	require.Len(t, w.all(), 3)
	for _, text := range w.all() {
		require.True(t, strings.HasPrefix(text, "age-encryption.org/v1\n"))
		require.NotContains(t, text, "V000001")
	}

	kept := maps.Clone(w.files)
	h.clock.add(8 * 24 * time.Hour)
	require.NoError(t, h.Sweep(t.Context()))
	require.Zero(t, h.keys(t))
	require.Empty(t, w.all())
	w.mu.Lock()
	w.files = kept // a copy that somebody kept is of no use
	w.mu.Unlock()
	_, err := h.OpenFile(t.Context(), asha(), p.ID, 1)
	require.ErrorIs(t, err, process.ErrExpired)
	got, err := h.Get(t.Context(), asha(), p.ID)
	require.NoError(t, err)
	require.Equal(t, job.Expired, got.Status)
}

// Deleted or cancelled, nothing remains, the key least of all.
func TestSealedDeleted(t *testing.T) {
	t.Parallel()
	w := &world{files: map[storage.Ref][]byte{}}
	stored := make(chan struct{}, 1)
	engine := &faulty{Driver: memory(t, 5000), hook: func(ctx context.Context, what string, n int) error {
		if what != "record" || n != 5000+4500 { // of the second export
			return nil
		}
		stored <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}}
	h := open(t, engine, func(h *house) { h.others = []storage.Backend{w} })
	r := &process.Request{Format: "csv", Storage: "ipfs", Options: process.Choices{PartRows: 2000}}
	p := h.export(t, asha(), r)
	_, err := h.Delete(t.Context(), asha(), p.ID)
	require.NoError(t, err)
	require.Zero(t, h.keys(t))
	require.Empty(t, w.all())

	p = h.begin(t, asha(), r)
	<-stored
	require.Len(t, w.all(), 2)
	_, err = h.Cancel(t.Context(), asha(), p.ID)
	require.NoError(t, err)
	require.Equal(t, job.Cancelled, h.wait(t, asha(), p.ID).Status)
	require.Zero(t, h.keys(t))
	require.Empty(t, w.all())
}

// Where an operator wants it, files are plain: equal ones are one, which goes with the last who holds it.
func TestShared(t *testing.T) {
	t.Parallel()
	w := &world{files: map[storage.Ref][]byte{}}
	h := open(t, memory(t, 100), func(h *house) {
		h.others = []storage.Backend{w}
		h.config.Scheme, h.config.Plain, h.config.Links = "ipfs", []string{"ipfs"}, []string{"ipfs"}
	})
	r := &process.Request{Format: "csv", AsOf: time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)}
	one, two := h.export(t, asha(), r), h.export(t, asha(), r)
	require.NotEqual(t, one.ID, two.ID)
	require.Equal(t, one.Files, two.Files)
	require.Len(t, w.all(), 1)
	require.Zero(t, h.keys(t))
	d, err := h.OpenFile(t.Context(), asha(), one.ID, 1)
	require.NoError(t, err)
	require.Equal(t, "https://gateway.example/ipfs/"+one.Files[0].CID, d.Link.URL)
	_, err = h.Delete(t.Context(), asha(), one.ID)
	require.NoError(t, err)
	require.Contains(t, h.read(t, asha(), two.ID, 1), "V000042")
	_, err = h.Delete(t.Context(), asha(), two.ID)
	require.NoError(t, err)
	require.Empty(t, w.all())
}
