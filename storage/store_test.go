package storage_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/storage"
)

// A memory is the least that a backend can be.
type memory struct {
	scheme string
	files  map[storage.Ref]string
	opts   storage.PutOptions
	max    int64
}

var (
	_ storage.Backend = (*memory)(nil)
	_ storage.Limiter = (*memory)(nil)
)

func (m *memory) Scheme() string  { return m.scheme }
func (m *memory) MaxBytes() int64 { return m.max }

func (m *memory) Put(_ context.Context, name string, r io.Reader, opts *storage.PutOptions) (storage.Ref, error) {
	m.opts = *opts
	all, err := io.ReadAll(r)
	if err != nil {
		return "", err
	}
	ref := storage.MakeRef(m.scheme, name)
	m.files[ref] = string(all)
	return ref, nil
}

func (m *memory) Open(_ context.Context, ref storage.Ref, offset, _ int64) (io.ReadCloser, error) {
	text, ok := m.files[ref]
	if !ok {
		return nil, storage.ErrNotFound
	}
	return io.NopCloser(strings.NewReader(text[offset:])), nil
}

func (m *memory) Stat(_ context.Context, ref storage.Ref) (storage.Info, error) {
	text, ok := m.files[ref]
	if !ok {
		return storage.Info{}, storage.ErrNotFound
	}
	return storage.Info{Size: int64(len(text))}, nil
}

func (m *memory) Delete(_ context.Context, ref storage.Ref) error {
	delete(m.files, ref)
	return nil
}

func newMemory(scheme string) *memory {
	return &memory{scheme: scheme, files: map[storage.Ref]string{}}
}

// A reference goes to the backend that made it, and a file to the one that its options say.
func TestSeveralBackends(t *testing.T) {
	t.Parallel()
	a, b := newMemory("a"), newMemory("b")
	s, err := storage.New(a, b)
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, s.Schemes())
	for scheme, want := range map[string]*memory{"": a, "a": a, "b": b} {
		ref, err := s.Put(t.Context(), "x", strings.NewReader("x"), &storage.PutOptions{Scheme: scheme, Tenant: "pb"})
		require.NoError(t, err)
		require.Equal(t, want.scheme, ref.Scheme())
		require.Equal(t, want.scheme, want.opts.Scheme)
		info, err := s.Stat(t.Context(), ref)
		require.NoError(t, err)
		require.EqualValues(t, 1, info.Size)
	}
	require.NoError(t, s.Delete(t.Context(), "b:x"))
	require.Empty(t, b.files)
	require.Len(t, a.files, 1)

	_, err = s.Put(t.Context(), "x", strings.NewReader("x"), &storage.PutOptions{Scheme: "c", Tenant: "pb"})
	require.ErrorIs(t, err, storage.ErrInvalid)
	require.EqualError(t, err, `storage: no backend is called "c": invalid request`)
	_, err = s.Stat(t.Context(), "c:x")
	require.EqualError(t, err, `storage: no backend for reference "c:x": invalid request`)
	_, err = s.Open(t.Context(), "a:y", 0, -1)
	require.EqualError(t, err, `storage: open "a:y": no such file`)
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, backends := range [][]storage.Backend{
		nil, {newMemory("")}, {newMemory("Disk")}, {newMemory("a:b")}, {newMemory("a"), newMemory("a")}, {newMemory(strings.Repeat("a", 33))},
	} {
		_, err := storage.New(backends...)
		require.ErrorIs(t, err, storage.ErrInvalid)
	}
}

// The face checks what a backend need not: it never sees what is refused.
func TestPutRefuses(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]*storage.PutOptions{
		"no options": nil, "no tenant": {},
		"line in tag":     {Tenant: "pb", Tag: "a\r\nX: b"},
		"line in type":    {Tenant: "pb", ContentType: "text/csv\r\nX: b"},
		"no UTF-8":        {Tenant: "pb\xff"},
		"long tag":        {Tenant: "pb", Tag: strings.Repeat("t", 201)},
		"negative size":   {Tenant: "pb", Size: -1},
		"longer than max": {Tenant: "pb", Size: 11},
	} {
		m := newMemory("a")
		m.max = 10
		s, err := storage.New(m)
		require.NoError(t, err)
		r := strings.NewReader("hello")
		_, err = s.Put(t.Context(), "x", r, opts)
		require.Error(t, err, name)
		require.Equal(t, 5, r.Len(), "%s: something was read", name)
		require.Empty(t, m.files)
		want := "INVALID_REQUEST"
		if name == "longer than max" {
			want = "FILE_TOO_LARGE"
		}
		require.Equal(t, want, storage.Class(err), name)
	}
}

// What a backend is not is said by the face.
func TestOptionalPowers(t *testing.T) {
	t.Parallel()
	m := newMemory("a")
	m.max = 7
	s, err := storage.New(m)
	require.NoError(t, err)
	_, err = s.Link(t.Context(), "a:x", time.Hour)
	require.ErrorIs(t, err, storage.ErrUnsupported)
	_, err = s.Usage(t.Context(), "")
	require.ErrorIs(t, err, storage.ErrUnsupported)
	_, err = s.Find(t.Context(), "", "pb", "x")
	require.ErrorIs(t, err, storage.ErrUnsupported)
	_, err = s.Find(t.Context(), "b", "pb", "x")
	require.ErrorIs(t, err, storage.ErrInvalid)
	max, err := s.MaxBytes("a")
	require.NoError(t, err)
	require.EqualValues(t, 7, max)
	_, err = s.MaxBytes("b")
	require.ErrorIs(t, err, storage.ErrInvalid)
}

func TestClass(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"FILE_TOO_LARGE":      storage.ErrTooLarge,
		"STORAGE_FULL":        storage.ErrFull,
		"INVALID_FORMAT":      storage.ErrInvalidFormat,
		"AUTH_FAILED":         storage.ErrAuth,
		"NOT_FOUND":           storage.ErrNotFound,
		"STORAGE_UNAVAILABLE": storage.ErrUnavailable,
		"INVALID_REQUEST":     storage.ErrInvalid,
		"NOT_SUPPORTED":       storage.ErrUnsupported,
	} {
		require.Equal(t, want, storage.Class(fmt.Errorf("x: %w", errors.Join(io.EOF, err))))
	}
	require.Empty(t, storage.Class(nil))
	require.Empty(t, storage.Class(context.Canceled))
}

func FuzzParseRef(f *testing.F) {
	for _, seed := range []string{"disk:pb/a", "", ":", "a:", ":a", "A:b", "a:b c", "a:\x00", "a:ü", "ipfs:bafy?x=1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ref, err := storage.ParseRef(text)
		if err != nil {
			require.ErrorIs(t, err, storage.ErrInvalid)
			require.Empty(t, ref)
			return
		}
		require.Equal(t, text, ref.Scheme()+":"+ref.ID())
		require.Equal(t, ref, storage.MakeRef(ref.Scheme(), ref.ID()))
	})
}
