package shelf_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/memdoc"
	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/export/parts"
	"github.com/digit-health/dhr/export/shelf"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/storage"
)

// A backend keeps files in memory: as IPFS does, equal ones once, or one by one with their tags.
type backend struct {
	scheme string
	fail   error // of the next Put
	times  int   // how often

	mu    sync.Mutex
	n     int
	files map[storage.Ref][]byte
	tags  map[storage.Ref]string
}

func newBackend(scheme string) *backend {
	return &backend{scheme: scheme, files: map[storage.Ref][]byte{}, tags: map[storage.Ref]string{}}
}

func (b *backend) Scheme() string { return b.scheme }

func (b *backend) Put(_ context.Context, name string, r io.Reader, o *storage.PutOptions) (storage.Ref, error) {
	all, err := io.ReadAll(r)
	if err != nil {
		return "", err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.times > 0 {
		b.times--
		return "", b.fail
	}
	b.n++
	ref := storage.MakeRef(b.scheme, o.Tenant+"/"+strings.Repeat("i", b.n)+name)
	if b.scheme == "ipfs" {
		sum := sha256.Sum256(all)
		ref = storage.MakeRef(b.scheme, "bafy"+hex.EncodeToString(sum[:]))
	}
	b.files[ref], b.tags[ref] = all, o.Tag
	return ref, nil
}

func (b *backend) Open(_ context.Context, ref storage.Ref, offset, length int64) (io.ReadCloser, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	all, ok := b.files[ref]
	if !ok {
		return nil, storage.ErrNotFound
	}
	all = all[offset:]
	if length >= 0 {
		all = all[:min(length, int64(len(all)))]
	}
	return io.NopCloser(bytes.NewReader(all)), nil
}

func (b *backend) Stat(context.Context, storage.Ref) (storage.Info, error) {
	return storage.Info{}, storage.ErrUnsupported
}

func (b *backend) Delete(_ context.Context, ref storage.Ref) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.scheme == "tape" {
		return storage.ErrUnsupported
	}
	delete(b.files, ref)
	return nil
}

func (b *backend) Find(_ context.Context, _, tag string) (found []storage.Ref, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for ref, has := range b.tags {
		if _, there := b.files[ref]; there && has == tag {
			found = append(found, ref)
		}
	}
	slices.Sort(found)
	return found, nil
}

func (b *backend) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.files)
}

// finished returns a file of one record.
func finished(t *testing.T, text string, number int, recipients ...string) *parts.File {
	t.Helper()
	schema, err := record.ParseSchema("x", []byte(`{"properties": {"v": {"type": "keyword"}}}`))
	require.NoError(t, err)
	p, err := schema.ProjectAll()
	require.NoError(t, err)
	r := new(record.Record)
	r.Reset(p)
	r.Append(0, record.StringValue(text))
	w, err := parts.NewWriter(export.NDJSON(), []export.Column{{Path: "v"}}, nil, &parts.Options{Folder: t.TempDir(), Name: "x", First: number, Recipients: recipients})
	require.NoError(t, err)
	_, err = w.Encode(r)
	require.NoError(t, err)
	f, err := w.Finish()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Remove()) })
	return f
}

func open(t *testing.T, backends ...storage.Backend) *shelf.Shelf {
	t.Helper()
	files, err := storage.New(backends...)
	require.NoError(t, err)
	return shelf.New(docstore.New(memdoc.New()), files, &shelf.Options{Name: "tests", Keys: "test-keys", Pause: time.Microsecond})
}

var lease = &shelf.Lease{Tenant: "pb", Work: "w1", Fence: 3}

func contentOf(f *parts.File, item shelf.Item, identity string) *shelf.Content {
	return &shelf.Content{Item: item, Name: f.Name, Size: f.Size, SHA256: f.SHA256, Identity: identity}
}

func read(t *testing.T, s *shelf.Shelf, c *shelf.Content, offset, length int64) (string, error) {
	t.Helper()
	r, err := s.Open(t.Context(), c, offset, length)
	if err != nil {
		return "", err
	}
	defer r.Close()
	all, err := io.ReadAll(r)
	return string(all), err
}

func TestPutAndOpen(t *testing.T) {
	t.Parallel()
	b := newBackend("mem")
	s := open(t, b)
	f := finished(t, "fever", 1)
	item, err := s.Put(t.Context(), lease, f, "mem", nil)
	require.NoError(t, err)
	require.Empty(t, item.CID())
	const want = `{"v":"fever"}` + "\n"
	c := contentOf(f, item, "")
	for _, r := range [][2]int64{{0, -1}, {0, 3}, {5, 4}, {14, -1}, {0, 99}} {
		got, err := read(t, s, c, r[0], r[1])
		require.NoError(t, err)
		end := int64(len(want))
		if r[1] >= 0 {
			end = min(end, r[0]+r[1])
		}
		require.Equal(t, want[r[0]:end], got)
	}
	for _, offset := range []int64{-1, 15} {
		_, err = read(t, s, c, offset, -1)
		require.ErrorIs(t, err, storage.ErrInvalid)
	}
	b.files[item.Ref] = []byte(`{"v":"FEVER"}` + "\n")
	_, err = read(t, s, c, 0, -1)
	require.ErrorIs(t, err, shelf.ErrDamaged)
	_, err = s.Delete(t.Context(), item)
	require.NoError(t, err)
	_, err = read(t, s, c, 0, -1)
	require.ErrorIs(t, err, storage.ErrNotFound)
	require.NotContains(t, err.Error(), string(item.Ref), "a reference is for nobody")
	link, err := s.Link(t.Context(), &item, time.Minute)
	require.NoError(t, err)
	require.Empty(t, link.URL)
}

// An empty file is not stored, and is there all the same.
func TestEmpty(t *testing.T) {
	t.Parallel()
	b := newBackend("mem")
	s := open(t, b)
	item, err := s.Put(t.Context(), lease, &parts.File{Name: "x"}, "mem", nil)
	require.NoError(t, err)
	require.Zero(t, b.count())
	got, err := read(t, s, &shelf.Content{Item: item, Name: "x"}, 0, -1)
	require.NoError(t, err)
	require.Empty(t, got)
	_, err = s.Delete(t.Context(), item)
	require.NoError(t, err)
}

func TestRetries(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fail  error
		times int
		ok    bool
	}{{storage.ErrUnavailable, 3, true}, {storage.ErrUnavailable, 4, false}, {storage.ErrFull, 1, false}, {errors.New("boom"), 1, false}} {
		b := newBackend("mem")
		b.fail, b.times = c.fail, c.times
		_, err := open(t, b).Put(t.Context(), lease, finished(t, "fever", 1), "mem", nil)
		if c.ok {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, c.fail)
	}
}

// What a killed worker has stored is found by its lease's tag, and what is known stays.
func TestDeleteUnknown(t *testing.T) {
	t.Parallel()
	b := newBackend("mem")
	s := open(t, b)
	var items []shelf.Item
	for fence := range int64(4) {
		item, err := s.Put(t.Context(), &shelf.Lease{Tenant: "pb", Work: "w1", Fence: fence + 1}, finished(t, "fever", 1), "mem", nil)
		require.NoError(t, err)
		items = append(items, item)
	}
	_, err := s.Put(t.Context(), &shelf.Lease{Tenant: "pb", Work: "w2", Fence: 1}, finished(t, "fever", 1), "mem", nil)
	require.NoError(t, err)
	require.NoError(t, s.DeleteUnknown(t.Context(), lease, 2, "mem", items[2]))
	require.Equal(t, 4, b.count(), "of leases 2 and 3 the second alone")
	require.Contains(t, b.files, items[2].Ref)
	require.NotContains(t, b.files, items[1].Ref)
}

// Equal files are one where they have one reference; it is told before that they are about to be stored; and they stay as long as somebody holds them.
func TestShared(t *testing.T) {
	t.Parallel()
	b := newBackend("ipfs")
	s := open(t, b)
	require.True(t, shelf.Public("ipfs"))
	require.False(t, shelf.Public("disk"))
	var told []shelf.Item
	tell := func(item shelf.Item) error {
		require.Empty(t, item.Ref)
		told = append(told, item)
		return nil
	}
	first, err := s.Put(t.Context(), lease, finished(t, "fever", 1), "ipfs", tell)
	require.NoError(t, err)
	second, err := s.Put(t.Context(), &shelf.Lease{Tenant: strings.Repeat("p", 99), Work: strings.Repeat("w", 99), Fence: 1}, finished(t, "fever", 1), "ipfs", tell)
	require.NoError(t, err)
	require.Equal(t, first.Ref, second.Ref)
	require.Equal(t, first.Ref.ID(), first.CID())
	require.Len(t, told, 2)
	require.NotEqual(t, told[0].Holder, told[1].Holder)
	require.LessOrEqual(t, len(told[1].Holder), 200)
	_, err = s.Delete(t.Context(), told[0]) // the item as it was told is enough
	require.NoError(t, err)
	require.Equal(t, 1, b.count())
	_, err = s.Delete(t.Context(), second)
	require.NoError(t, err)
	require.Zero(t, b.count())
	require.NoError(t, s.Sweep(t.Context()))

	refuse := errors.New("the job is another's")
	_, err = s.Put(t.Context(), lease, finished(t, "fever", 1), "ipfs", func(shelf.Item) error { return refuse })
	require.ErrorIs(t, err, refuse)
	require.Zero(t, b.count())
}

func TestSealed(t *testing.T) {
	t.Parallel()
	b := newBackend("ipfs")
	s := open(t, b)
	_, err := s.Identity(t.Context(), "pb", "w1")
	require.ErrorIs(t, err, shelf.ErrNoKey)
	recipient, err := s.Recipient(t.Context(), "pb", "w1")
	require.NoError(t, err)
	again, err := s.Recipient(t.Context(), "pb", "w1")
	require.NoError(t, err)
	require.Equal(t, recipient, again)
	f := finished(t, "fever", 1, recipient)
	item, err := s.Put(t.Context(), lease, f, "ipfs", nil)
	require.NoError(t, err)
	require.NotContains(t, string(b.files[item.Ref]), "fever")
	identity, err := s.Identity(t.Context(), "pb", "w1")
	require.NoError(t, err)
	got, err := read(t, s, contentOf(f, item, identity), 0, -1)
	require.NoError(t, err)
	const want = `{"v":"fever"}` + "\n"
	require.Equal(t, want, got)
	got, err = read(t, s, contentOf(f, item, identity), 6, 5)
	require.NoError(t, err)
	require.Equal(t, "fever", got)

	b.files[item.Ref] = b.files[item.Ref][:len(b.files[item.Ref])-1]
	_, err = read(t, s, contentOf(f, item, identity), 0, -1)
	require.ErrorIs(t, err, shelf.ErrDamaged)

	require.NoError(t, s.DestroyKey(t.Context(), "pb", "w1"))
	require.NoError(t, s.DestroyKey(t.Context(), "pb", "w1"))
	_, err = s.Identity(t.Context(), "pb", "w1")
	require.ErrorIs(t, err, shelf.ErrNoKey)
}

// A storage without deletion says so of every file, and that is no failure that may pass.
func TestUndeletable(t *testing.T) {
	t.Parallel()
	tape, mem := newBackend("tape"), newBackend("mem")
	s := open(t, tape, mem)
	kept, err := s.Put(t.Context(), lease, finished(t, "fever", 1), "tape", nil)
	require.NoError(t, err)
	other, err := s.Put(t.Context(), lease, finished(t, "fever", 2), "mem", nil)
	require.NoError(t, err)
	left, err := s.Delete(t.Context(), other, kept)
	require.Equal(t, []int{1}, left)
	require.True(t, shelf.Undeletable(err))
	require.False(t, shelf.Undeletable(errors.Join(err, storage.ErrUnavailable)))
	require.False(t, shelf.Undeletable(storage.ErrUnavailable))
	require.True(t, shelf.Undeletable(storage.ErrUnsupported))
}
