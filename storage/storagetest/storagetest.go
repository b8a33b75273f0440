// Package storagetest checks that a backend of package storage keeps its
// promises. A driver's whole test says how to make a backend:
//
//	func TestSuite(t *testing.T) {
//		storagetest.Run(t, storagetest.Harness{
//			Open: func(t testing.TB) storage.Backend { … },
//		})
//	}
package storagetest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/storage"
)

// A Harness says how the suite gets at a backend, and what its product cannot do.
type Harness struct {
	// Open makes an empty backend, and removes by t.Cleanup what it made.
	Open func(t testing.TB) storage.Backend
	// Count returns how many files the backend of the last Open keeps, seen from outside of
	// the driver, leftovers included. If nil, the suite does not look.
	Count func(t testing.TB) int
	// Equal says that equal files have equal references.
	Equal bool
	// NoDelete says that the product has no deletion.
	NoDelete bool
	// NoEmpty says that the product takes no empty files.
	NoEmpty bool
	// PlainTenants says that tenants are names such as pb.amritsar, and others are refused.
	PlainTenants bool
	// Large is the size of the large file. If zero, 64 MiB, or the largest that the backend takes.
	Large int64
}

// A suite is one test's store.
type suite struct {
	Harness
	backend storage.Backend
	store   *storage.Store
}

// Run checks a backend. Each test has one of its own.
func Run(t *testing.T, h Harness) {
	for _, test := range []struct {
		name string
		test func(t *testing.T, s *suite)
	}{
		{"round trip", testRoundTrip},
		{"references", testReferences},
		{"names", testNames},
		{"ranges", testRanges},
		{"odd readers", testOddReaders},
		{"not there", testNotThere},
		{"delete", testDelete},
		{"failing reader", testFailingReader},
		{"wrong size", testWrongSize},
		{"ended context", testEndedContext},
		{"context ends while writing", testContextEndsWriting},
		{"context ends while reading", testContextEndsReading},
		{"many at once", testManyAtOnce},
		{"too large", testTooLarge},
		{"large", testLarge},
		{"links", testLinks},
		{"usage", testUsage},
	} {
		t.Run(test.name, func(t *testing.T) {
			backend := h.Open(t)
			store, err := storage.New(backend)
			require.NoError(t, err)
			test.test(t, &suite{Harness: h, backend: backend, store: store})
		})
	}
}

// run is another in each process, so that files of another run do not count where equal files are one.
var run = rand.Text()

// text yields a table of so many bytes, each line of which is another, the same for the same salt.
func text(salt string, size int64) io.Reader {
	return io.LimitReader(&lines{salt: run + "-" + salt}, size)
}

type lines struct {
	salt string
	n    int
	rest string
}

func (l *lines) Read(p []byte) (int, error) {
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	for n < len(p) {
		l.rest = fmt.Sprintf("%s,%09d,Asha Devi,2026-11-27\n", l.salt, l.n)
		l.n++
		m := copy(p[n:], l.rest)
		n, l.rest = n+m, l.rest[m:]
	}
	return n, nil
}

func bytesOf(t testing.TB, r io.Reader) string {
	t.Helper()
	all, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(all)
}

func options() *storage.PutOptions {
	return &storage.PutOptions{Tenant: "pb.amritsar", ContentType: "text/csv", Tag: "suite"}
}

func (s *suite) put(t testing.TB, salt string, size int64) storage.Ref {
	t.Helper()
	ref, err := s.store.Put(t.Context(), "report.csv", text(salt, size), options())
	require.NoError(t, err)
	return ref
}

func (s *suite) read(t testing.TB, ref storage.Ref, offset, length int64) string {
	t.Helper()
	r, err := s.store.Open(t.Context(), ref, offset, length)
	require.NoError(t, err)
	got := bytesOf(t, r)
	require.NoError(t, r.Close())
	return got
}

// keeps checks how many files there are, if this can be seen.
func (s *suite) keeps(t testing.TB, want int) {
	t.Helper()
	if s.Count != nil {
		require.Equal(t, want, s.Count(t), "files, leftovers included")
	}
}

// What was written is read, whatever its size, and Stat knows the size.
func testRoundTrip(t *testing.T, s *suite) {
	count := 0
	for _, size := range []int64{0, 1, 2, 511, 4096, 65536, 65537, 262144, 262145, 1<<20 + 1, 3<<20 + 77} {
		if size == 0 && s.NoEmpty {
			continue
		}
		ref := s.put(t, "round", size)
		count++
		require.Equal(t, bytesOf(t, text("round", size)), s.read(t, ref, 0, -1), "%d bytes", size)
		info, err := s.store.Stat(t.Context(), ref)
		require.NoError(t, err)
		require.Equal(t, size, info.Size)
		if !info.Modified.IsZero() {
			require.WithinDuration(t, time.Now(), info.Modified, 10*time.Minute)
		}
	}
	s.keeps(t, count)
}

// References are texts that can be kept, name the backend, and are of one file each.
func testReferences(t *testing.T, s *suite) {
	a, b, c := s.put(t, "a", 100), s.put(t, "a", 100), s.put(t, "b", 100)
	for _, ref := range []storage.Ref{a, b, c} {
		again, err := storage.ParseRef(string(ref))
		require.NoError(t, err)
		require.Equal(t, ref, again)
		require.Equal(t, s.backend.Scheme(), ref.Scheme())
	}
	require.Equal(t, s.Equal, a == b)
	require.NotEqual(t, a, c)
	require.Equal(t, bytesOf(t, text("a", 100)), s.read(t, a, 0, -1))
	require.Equal(t, bytesOf(t, text("b", 100)), s.read(t, c, 0, -1))
}

// Any file name and any tenant will do, and none leads out of the store.
func testNames(t *testing.T, s *suite) {
	names := []string{
		"a.csv", "..csv", "...csv", "-rf.csv", " .csv", "रिपोर्ट.csv", "C:report.csv", "nul.csv", "%2e%2e%2fx.csv", `a"b;c.csv`, "a\u2028b.csv",
		"~.csv", "$HOME.csv", "*.csv", strings.Repeat("n", 251) + ".csv",
	}
	for i, name := range names {
		opts := options()
		opts.Tenant = []string{"pb", "pb.amritsar", "..", "../../etc", "/", "a b", "."}[i%7]
		if s.PlainTenants && i%7 > 1 {
			_, err := s.store.Put(t.Context(), name, text("tenant", 200), opts)
			require.ErrorIs(t, err, storage.ErrInvalid, "tenant %q", opts.Tenant)
			opts.Tenant = "pb"
		}
		ref, err := s.store.Put(t.Context(), name, text(name, 200), opts)
		require.NoError(t, err, "name %q tenant %q", name, opts.Tenant)
		require.Equal(t, bytesOf(t, text(name, 200)), s.read(t, ref, 0, -1), "name %q tenant %q", name, opts.Tenant)
	}
	s.keeps(t, len(names))
	for _, name := range []string{"", ".", "..", "a/b.csv", `a\b.csv`, "/a.csv", "a\nb.csv", "a\x00.csv", "\xff.csv", strings.Repeat("n", 300)} {
		_, err := s.store.Put(t.Context(), name, text("x", 10), options())
		require.ErrorIs(t, err, storage.ErrInvalid, "name %q", name)
	}
	for _, tenant := range []string{"", "a\nb", "\xff", strings.Repeat("t", 300)} {
		opts := options()
		opts.Tenant = tenant
		_, err := s.store.Put(t.Context(), "a.csv", text("x", 10), opts)
		require.ErrorIs(t, err, storage.ErrInvalid, "tenant %q", tenant)
	}
	s.keeps(t, len(names))
}

// A range is exactly that part, cut at the end; behind the end there is none.
func testRanges(t *testing.T, s *suite) {
	const size = 700_000
	whole := bytesOf(t, text("range", size))
	ref := s.put(t, "range", size)
	for _, r := range []struct{ offset, length int64 }{
		{0, 0}, {0, 1}, {0, size}, {0, size + 1}, {0, 1 << 62}, {1, -1}, {5, 10}, {262143, 2}, {262144, 262144}, {524287, 3},
		{size - 1, 1}, {size - 1, -1}, {size - 10, 100}, {size, 0}, {size, 5}, {size, -1}, {300_000, 0},
	} {
		end := int64(size)
		if r.length >= 0 && r.length < size-r.offset {
			end = r.offset + r.length
		}
		require.Equal(t, whole[r.offset:end], s.read(t, ref, r.offset, r.length), "offset %d length %d", r.offset, r.length)
	}
	for _, offset := range []int64{-1, size + 1, 1 << 62} {
		for _, length := range []int64{-1, 0, 1} {
			_, err := s.store.Open(t.Context(), ref, offset, length)
			require.ErrorIs(t, err, storage.ErrInvalid, "offset %d length %d", offset, length)
		}
	}
}

// A reader may yield one byte at a time, its last bytes together with its end, or nothing for a while.
func testOddReaders(t *testing.T, s *suite) {
	want := bytesOf(t, text("odd", 5000))
	for _, odd := range []func(io.Reader) io.Reader{iotest.OneByteReader, iotest.HalfReader, iotest.DataErrReader} {
		ref, err := s.store.Put(t.Context(), "report.csv", odd(text("odd", 5000)), options())
		require.NoError(t, err)
		require.Equal(t, want, s.read(t, ref, 0, -1))
	}
}

// A file that is not there is ErrNotFound, and what is no reference of the backend is refused, not looked for.
func testNotThere(t *testing.T, s *suite) {
	ref := s.put(t, "there", 100)
	for _, bad := range []storage.Ref{
		"", "x", ":", "nosuch:a", storage.Ref(s.backend.Scheme()), storage.Ref(s.backend.Scheme() + ":"), storage.Ref(s.backend.Scheme() + ":a b"),
		storage.Ref(s.backend.Scheme() + ":a\nb"), storage.Ref(s.backend.Scheme() + ":" + strings.Repeat("a", 5000)),
	} {
		s.refuses(t, bad, storage.ErrInvalid)
	}
	for _, id := range []string{"../../etc/passwd", "/etc/passwd", "..", ".", "pb/..", "pb/../../x", "a", "pb/a", ref.ID() + "x", "%2e%2e/x", "a?b=c", "a&tenantId=x", "a/b/c/d", `..\x`} {
		s.refuses(t, storage.MakeRef(s.backend.Scheme(), id), storage.ErrNotFound, storage.ErrInvalid)
	}
	require.Equal(t, bytesOf(t, text("there", 100)), s.read(t, ref, 0, -1))
}

func (s *suite) refuses(t *testing.T, ref storage.Ref, wants ...error) {
	t.Helper()
	is := func(err error) bool {
		for _, want := range wants {
			if errors.Is(err, want) {
				return true
			}
		}
		return false
	}
	_, err := s.store.Open(t.Context(), ref, 0, -1)
	require.True(t, is(err), "open %q: %v", ref, err)
	_, err = s.store.Stat(t.Context(), ref)
	require.True(t, is(err), "stat %q: %v", ref, err)
}

// What was deleted cannot be had any more; to delete it once more is no error; others stay.
func testDelete(t *testing.T, s *suite) {
	a, b := s.put(t, "a", 1000), s.put(t, "b", 1000)
	err := s.store.Delete(t.Context(), a)
	if s.NoDelete {
		require.ErrorIs(t, err, storage.ErrUnsupported)
		require.Equal(t, bytesOf(t, text("a", 1000)), s.read(t, a, 0, -1))
		return
	}
	require.NoError(t, err)
	s.refuses(t, a, storage.ErrNotFound)
	require.NoError(t, s.store.Delete(t.Context(), a))
	require.Equal(t, bytesOf(t, text("b", 1000)), s.read(t, b, 0, -1))
	s.keeps(t, 1)
	require.ErrorIs(t, s.store.Delete(t.Context(), "nosuch:a"), storage.ErrInvalid)
}

// The error of a reader is the error of Put, and nothing remains.
func testFailingReader(t *testing.T, s *suite) {
	broken := errors.New("the encoder broke")
	for _, size := range []int64{0, 1, 5000, 300_000, 2 << 20} {
		r := io.MultiReader(text("fail", size), iotest.ErrReader(broken))
		_, err := s.store.Put(t.Context(), "report.csv", r, options())
		require.ErrorIs(t, err, broken, "after %d bytes", size)
	}
	r := io.MultiReader(text("fail", 5000), iotest.ErrReader(io.ErrUnexpectedEOF))
	_, err := s.store.Put(t.Context(), "report.csv", r, options())
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	s.keeps(t, 0)
}

// Who announces a size is held to it.
func testWrongSize(t *testing.T, s *suite) {
	for size, want := range map[int64]error{999: storage.ErrInvalid, 1001: io.ErrUnexpectedEOF} {
		opts := options()
		opts.Size = size
		_, err := s.store.Put(t.Context(), "report.csv", text("size", 1000), opts)
		require.ErrorIs(t, err, want)
	}
	s.keeps(t, 0)
	opts := options()
	opts.Size = 1000
	ref, err := s.store.Put(t.Context(), "report.csv", text("size", 1000), opts)
	require.NoError(t, err)
	require.Equal(t, bytesOf(t, text("size", 1000)), s.read(t, ref, 0, -1))
	opts.Size = -1
	_, err = s.store.Put(t.Context(), "report.csv", text("size", 1000), opts)
	require.ErrorIs(t, err, storage.ErrInvalid)
}

// With a context that has ended, nothing is done.
func testEndedContext(t *testing.T, s *suite) {
	ref := s.put(t, "a", 100)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.store.Put(ctx, "report.csv", text("b", 100), options())
	require.ErrorIs(t, err, context.Canceled)
	_, err = s.store.Open(ctx, ref, 0, -1)
	require.ErrorIs(t, err, context.Canceled)
	_, err = s.store.Stat(ctx, ref)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, s.store.Delete(ctx, ref), context.Canceled)
	s.keeps(t, 1)
	require.Equal(t, bytesOf(t, text("a", 100)), s.read(t, ref, 0, -1))
}

// A context that ends in the middle ends Put, and nothing remains.
func testContextEndsWriting(t *testing.T, s *suite) {
	for _, size := range []int64{0, 5000, 2 << 20} {
		ctx, cancel := context.WithCancel(t.Context())
		end := readerFunc(func([]byte) (int, error) {
			cancel()
			return 0, nil
		})
		_, err := s.store.Put(ctx, "report.csv", io.MultiReader(text("ctx", size), end, text("more", 1000)), options())
		require.ErrorIs(t, err, context.Canceled)
		cancel()
	}
	s.keeps(t, 0)
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// A context that ends while a file is read ends the reading with an error.
func testContextEndsReading(t *testing.T, s *suite) {
	const size = 4 << 20
	ref := s.put(t, "ctx", size)
	ctx, cancel := context.WithCancel(t.Context())
	r, err := s.store.Open(ctx, ref, 0, -1)
	require.NoError(t, err)
	defer func() { _ = r.Close() }()
	_, err = io.ReadFull(r, make([]byte, 100))
	require.NoError(t, err)
	cancel()
	_, err = io.Copy(io.Discard, r)
	require.ErrorIs(t, err, context.Canceled)
}

// Several write and read at once, and none disturbs another.
func testManyAtOnce(t *testing.T, s *suite) {
	var wg sync.WaitGroup
	refs, errs := make([]storage.Ref, 16), make([]error, 16)
	for i := range refs {
		wg.Go(func() {
			refs[i], errs[i] = s.store.Put(t.Context(), "report.csv", text(fmt.Sprint("many", i), int64(50_000+i)), options())
		})
	}
	wg.Wait()
	for i, ref := range refs {
		require.NoError(t, errs[i])
		require.Equal(t, bytesOf(t, text(fmt.Sprint("many", i), int64(50_000+i))), s.read(t, ref, 0, -1))
	}
	s.keeps(t, len(refs))
}

// A backend that takes files up to a size takes that size, and refuses one byte more, announced or not.
func testTooLarge(t *testing.T, s *suite) {
	max, err := s.store.MaxBytes("")
	require.NoError(t, err)
	if max == 0 { // it takes files of any size, and promises nothing here
		return
	}
	opts := options()
	for _, opts.Size = range []int64{0, max + 1} {
		_, err := s.store.Put(t.Context(), "report.csv", text("large", max+1), opts)
		require.ErrorIs(t, err, storage.ErrTooLarge)
		require.Equal(t, "FILE_TOO_LARGE", storage.Class(err))
	}
	s.keeps(t, 0)
	s.put(t, "large", max)
}

// A large file comes back as it was.
func testLarge(t *testing.T, s *suite) {
	size := s.Large
	if size == 0 {
		size = 64 << 20
		if max, err := s.store.MaxBytes(""); err == nil && max > 0 {
			size = min(size, max)
		}
	}
	written := &hashing{r: text("large", size), h: sha256.New()}
	ref, err := s.store.Put(t.Context(), "report.csv", written, options())
	require.NoError(t, err)
	r, err := s.store.Open(t.Context(), ref, 0, -1)
	require.NoError(t, err)
	read := sha256.New()
	n, err := io.Copy(read, r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.Equal(t, size, n)
	require.Equal(t, written.h.Sum(nil), read.Sum(nil))
}

type hashing struct {
	r io.Reader
	h hash.Hash
}

func (h *hashing) Read(p []byte) (int, error) {
	n, err := h.r.Read(p)
	_, _ = h.h.Write(p[:n]) // never fails
	return n, err
}

// A backend either links or says that it does not; what a link leads to, the driver's own test follows.
func testLinks(t *testing.T, s *suite) {
	ref := s.put(t, "link", 100)
	link, err := s.store.Link(t.Context(), ref, time.Hour)
	if _, ok := s.backend.(storage.Linker); !ok {
		require.ErrorIs(t, err, storage.ErrUnsupported)
		return
	}
	if errors.Is(err, storage.ErrUnsupported) { // it depends on how the backend is set up
		return
	}
	require.NoError(t, err)
	require.Contains(t, link.URL, "://")
	if !link.Expires.IsZero() {
		require.Greater(t, time.Until(link.Expires), time.Duration(0))
	}
	_, err = s.store.Link(t.Context(), ref, 0)
	require.ErrorIs(t, err, storage.ErrInvalid)
}

// A backend that knows how much it holds counts every file once, and forgets what was deleted.
func testUsage(t *testing.T, s *suite) {
	before, err := s.store.Usage(t.Context(), "")
	if errors.Is(err, storage.ErrUnsupported) {
		return
	}
	require.NoError(t, err)
	a := s.put(t, "a", 1000)
	s.put(t, "b", 234)
	u, err := s.store.Usage(t.Context(), "")
	require.NoError(t, err)
	require.Equal(t, storage.Usage{Files: before.Files + 2, Bytes: before.Bytes + 1234, Quota: before.Quota}, u)
	if s.NoDelete {
		return
	}
	require.NoError(t, s.store.Delete(t.Context(), a))
	u, err = s.store.Usage(t.Context(), s.backend.Scheme())
	require.NoError(t, err)
	require.Equal(t, storage.Usage{Files: before.Files + 1, Bytes: before.Bytes + 234, Quota: before.Quota}, u)
	_, err = s.store.Usage(t.Context(), "nosuch")
	require.ErrorIs(t, err, storage.ErrInvalid)
}
