package disk_test

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/storage"
	"github.com/digit-health/dhr/storage/disk"
	"github.com/digit-health/dhr/storage/storagetest"
)

func open(t testing.TB, dir string, opts *disk.Options) *disk.Backend {
	t.Helper()
	b, err := disk.Open(dir, opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

func store(t testing.TB, dir string, opts *disk.Options) *storage.Store {
	t.Helper()
	s, err := storage.New(open(t, dir, opts))
	require.NoError(t, err)
	return s
}

// regular lists the regular files below a folder.
func regular(t testing.TB, dir string) []string {
	t.Helper()
	var all []string
	require.NoError(t, filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all = append(all, name)
		}
		return err
	}))
	return all
}

func put(t testing.TB, s *storage.Store, text string) storage.Ref {
	t.Helper()
	ref, err := s.Put(t.Context(), "a.csv", strings.NewReader(text), &storage.PutOptions{Tenant: "pb"})
	require.NoError(t, err)
	return ref
}

func TestSuite(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]*disk.Options{"no quota": nil, "quota": {Quota: 1 << 30}} {
		large := int64(0)
		if opts != nil {
			large = 1 << 20
		}
		t.Run(name, func(t *testing.T) {
			var dir string
			storagetest.Run(t, storagetest.Harness{
				Open: func(t testing.TB) storage.Backend {
					dir = t.TempDir()
					return open(t, dir, opts)
				},
				Count: func(t testing.TB) int { return len(regular(t, dir)) },
				Large: large,
			})
		})
	}
}

// A quota is exact: what fits is stored, one byte more is not and leaves nothing, and what was deleted is room again.
func TestQuota(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := store(t, dir, &disk.Options{Quota: 1000})
	a := put(t, s, strings.Repeat("a", 600))
	for _, opts := range []*storage.PutOptions{{Tenant: "pb"}, {Tenant: "pb", Size: 401}} {
		_, err := s.Put(t.Context(), "b.csv", strings.NewReader(strings.Repeat("b", 401)), opts)
		require.ErrorIs(t, err, storage.ErrFull)
		require.Equal(t, "STORAGE_FULL", storage.Class(err))
	}
	require.Len(t, regular(t, dir), 1)
	put(t, s, strings.Repeat("b", 400))
	u, err := s.Usage(t.Context(), "")
	require.NoError(t, err)
	require.Equal(t, storage.Usage{Files: 2, Bytes: 1000, Quota: 1000}, u)
	require.NoError(t, s.Delete(t.Context(), a))
	put(t, s, strings.Repeat("c", 600))

	// Another process sees the same, and so does this one after that wrote.
	other := store(t, dir, &disk.Options{Quota: 1100})
	put(t, other, strings.Repeat("d", 100))
	_, err = s.Put(t.Context(), "e.csv", strings.NewReader("e"), &storage.PutOptions{Tenant: "pb"})
	require.ErrorIs(t, err, storage.ErrFull)
}

// A write that failed gives back its part of the quota at once, also while another goes on.
func TestQuotaOfFailedWrites(t *testing.T) {
	t.Parallel()
	s := store(t, t.TempDir(), &disk.Options{Quota: 1000})
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := s.Put(t.Context(), "slow.csv", r, &storage.PutOptions{Tenant: "pb"})
		done <- err
	}()
	_, err := w.Write([]byte("slow")) // so that it has begun
	require.NoError(t, err)
	broken := io.MultiReader(strings.NewReader(strings.Repeat("b", 600)), iotest.ErrReader(io.ErrNoProgress))
	_, err = s.Put(t.Context(), "b.csv", broken, &storage.PutOptions{Tenant: "pb"})
	require.ErrorIs(t, err, io.ErrNoProgress)
	ref := put(t, s, strings.Repeat("c", 600))
	_, err = s.Put(t.Context(), "d.csv", strings.NewReader(strings.Repeat("d", 600)), &storage.PutOptions{Tenant: "pb"})
	require.ErrorIs(t, err, storage.ErrFull)
	require.NoError(t, s.Delete(t.Context(), ref))
	put(t, s, strings.Repeat("e", 600))
	require.NoError(t, w.Close())
	require.NoError(t, <-done)
}

// Nobody else on the machine can read what is stored.
func TestRights(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("has no such rights")
	}
	dir := filepath.Join(t.TempDir(), "new", "exports")
	put(t, store(t, dir, nil), "a")
	require.NoError(t, filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := d.Info()
		require.NoError(t, err)
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		}
		require.Equal(t, want, info.Mode().Perm(), name)
		return nil
	}))
}

// Links that somebody put into the folder lead nowhere, neither to read nor to write nor to delete.
func TestLinksLeadNowhere(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	secret := filepath.Join(outside, "secret.csv")
	require.NoError(t, os.WriteFile(secret, []byte("secret"), 0o600))
	dir := t.TempDir()
	s := store(t, dir, nil)
	put(t, s, "a")
	require.NoError(t, os.Symlink(secret, filepath.Join(dir, "files", "pb", "x-a.csv")))
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "files", "od")))
	for _, ref := range []storage.Ref{"disk:pb/x-a.csv", "disk:od/secret.csv"} {
		_, err := s.Open(t.Context(), ref, 0, -1)
		require.Error(t, err, ref)
		_, err = s.Stat(t.Context(), ref)
		require.Error(t, err, ref)
		_ = s.Delete(t.Context(), ref) // what matters is what is there afterwards
	}
	_, err := s.Put(t.Context(), "a.csv", strings.NewReader("a"), &storage.PutOptions{Tenant: "od"})
	require.Error(t, err)
	require.Equal(t, []string{secret}, regular(t, outside))
	require.Empty(t, regular(t, filepath.Join(dir, "partial")))
}

// What a crash left is swept, and what another process writes is not.
func TestLeftovers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, store(t, dir, nil), "a")
	old, fresh := filepath.Join(dir, "partial", "OLD"), filepath.Join(dir, "partial", "FRESH")
	for _, name := range []string{old, fresh} {
		require.NoError(t, os.WriteFile(name, []byte("half"), 0o600))
	}
	past := time.Now().Add(-25 * time.Hour)
	require.NoError(t, os.Chtimes(old, past, past))
	s := store(t, dir, nil)
	require.NoFileExists(t, old)
	require.FileExists(t, fresh)
	require.NoError(t, os.Chtimes(fresh, past, past))
	put(t, s, "b")
	require.Len(t, regular(t, dir), 2)
}

// A file that somebody cut is an error to read, never a shorter file.
func TestCutFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := store(t, dir, nil)
	ref := put(t, s, strings.Repeat("a", 100))
	r, err := s.Open(t.Context(), ref, 0, -1)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(filepath.Join(dir, "files", ref.ID()), 50))
	_, err = r.Read(make([]byte, 50))
	require.NoError(t, err)
	_, err = r.Read(make([]byte, 50))
	require.ErrorContains(t, err, "50 bytes are missing")
	require.NoError(t, r.Close())
}

func TestBadOptions(t *testing.T) {
	t.Parallel()
	_, err := disk.Open("", nil)
	require.ErrorIs(t, err, storage.ErrInvalid)
	_, err = disk.Open(t.TempDir(), &disk.Options{Quota: -1})
	require.ErrorIs(t, err, storage.ErrInvalid)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = disk.Open(file, nil)
	require.Error(t, err)
}

// A backend that was closed says so.
func TestClosed(t *testing.T) {
	t.Parallel()
	b, err := disk.Open(t.TempDir(), nil)
	require.NoError(t, err)
	s, err := storage.New(b)
	require.NoError(t, err)
	require.NoError(t, b.Close())
	_, err = s.Put(t.Context(), "a.csv", strings.NewReader("a"), &storage.PutOptions{Tenant: "pb"})
	require.ErrorIs(t, err, storage.ErrUnavailable)
}
