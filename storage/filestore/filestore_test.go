package filestore_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/storage"
	"github.com/digit-health/dhr/storage/filestore"
	"github.com/digit-health/dhr/storage/filestoretest"
	"github.com/digit-health/dhr/storage/storagetest"
)

const csv = "id,name\n1,Asha\n2,Ravi\n"

func backend(t testing.TB, url string, opts *filestore.Options) *filestore.Backend {
	t.Helper()
	if opts == nil {
		opts = &filestore.Options{}
	}
	opts.Pause = time.Millisecond
	b, err := filestore.New(url, opts)
	require.NoError(t, err)
	return b
}

func store(t testing.TB, url string, opts *filestore.Options) *storage.Store {
	t.Helper()
	s, err := storage.New(backend(t, url, opts))
	require.NoError(t, err)
	return s
}

func pb() *storage.PutOptions { return &storage.PutOptions{Tenant: "pb", ContentType: "text/csv"} }

func put(t testing.TB, s *storage.Store) storage.Ref {
	t.Helper()
	ref, err := s.Put(t.Context(), "a.csv", strings.NewReader(csv), pb())
	require.NoError(t, err)
	return ref
}

func TestSuite(t *testing.T) {
	t.Parallel()
	for _, dialect := range []filestore.Dialect{filestore.V2, filestore.V1Go, filestore.V3} {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			var server *filestoretest.Server
			storagetest.Run(t, storagetest.Harness{
				Open: func(t testing.TB) storage.Backend {
					server = filestoretest.New(t, string(dialect))
					return backend(t, server.URL, &filestore.Options{Dialect: dialect})
				},
				Count:        func(testing.TB) int { return server.Count() },
				NoDelete:     dialect != filestore.V3,
				NoEmpty:      dialect == filestore.V2,
				PlainTenants: true,
				Large:        map[filestore.Dialect]int64{filestore.V1Go: 16 << 20, filestore.V3: 1 << 20}[dialect],
			})
		})
	}
}

// Each of the service's real answers is told as what it is.
func TestErrorsAreToldApart(t *testing.T) {
	t.Parallel()
	s := store(t, filestoretest.New(t, "v2").URL, &filestore.Options{MaxBytes: -1, Retries: -1})
	for _, c := range []struct {
		what, name, text string
		opts             storage.PutOptions
		want             error
		class            string
	}{
		{"kind not in the list", "a.json", "[]", *pb(), storage.ErrInvalidFormat, "INVALID_FORMAT"},
		{"content of another kind", "a.csv", "MZ,weight\n", *pb(), storage.ErrInvalidFormat, "INVALID_FORMAT"},
		{"empty", "a.csv", "", *pb(), storage.ErrInvalidFormat, "INVALID_FORMAT"},
		{"no extension", "report", csv, *pb(), storage.ErrInvalidFormat, "INVALID_FORMAT"},
		{"too large", "a.csv", strings.Repeat("a,b\n", 2<<20), *pb(), storage.ErrTooLarge, "FILE_TOO_LARGE"},
	} {
		_, err := s.Put(t.Context(), c.name, strings.NewReader(c.text), &c.opts)
		require.ErrorIs(t, err, c.want, c.what)
		require.Equal(t, c.class, storage.Class(err), c.what)
	}
	ref := put(t, s)
	for _, other := range []storage.Ref{"filestore:od/" + storage.Ref(strings.TrimPrefix(ref.ID(), "pb/")), "filestore:pb/00000000-0000-4000-8000-000000000000"} {
		_, err := s.Stat(t.Context(), other)
		require.ErrorIs(t, err, storage.ErrNotFound)
		_, err = s.Link(t.Context(), other, time.Hour)
		require.ErrorIs(t, err, storage.ErrNotFound)
	}
}

// What stands before the service, and what fails behind it, is told apart too.
func TestAnswersOfOthers(t *testing.T) {
	t.Parallel()
	java := func(id, code, message string) string {
		return fmt.Sprintf(`{"ResponseInfo":null,"Errors":[{"id":%q,"parentId":null,"code":%q,"message":%q,"description":null,"params":null}]}`, id, code, message)
	}
	const unhandled = "An unhandled exception occurred on the server"
	for _, c := range []struct {
		dialect filestore.Dialect
		status  int
		body    string
		want    error
	}{
		{filestore.V2, 401, "", storage.ErrAuth},
		{filestore.V2, 403, "<html>Forbidden</html>", storage.ErrAuth},
		{filestore.V2, 413, "<html>Request Entity Too Large</html>", storage.ErrTooLarge},
		{filestore.V2, 507, "", storage.ErrFull},
		{filestore.V2, 415, "", storage.ErrInvalidFormat},
		{filestore.V2, 429, "", storage.ErrUnavailable},
		{filestore.V2, 502, "<html>Bad Gateway</html>", storage.ErrUnavailable},
		{filestore.V2, 404, "<html>default backend</html>", storage.ErrUnavailable},
		{filestore.V2, 302, "", storage.ErrUnavailable},
		{filestore.V2, 400, "not JSON", storage.ErrUnavailable},
		{filestore.V2, 400, `{"Errors":[]}`, storage.ErrUnavailable},
		{filestore.V2, 400, java("RuntimeException", unhandled, "Error in Configuration"), storage.ErrUnavailable},
		{filestore.V2, 400, java("", "QUERY_EXECUTION_ERROR", "Database operation failed"), storage.ErrUnavailable},
		{filestore.V2, 400, java("", "ERROR_MINIO_DOWNLOAD", "x"), storage.ErrUnavailable},
		{filestore.V2, 400, java("ServletException", unhandled, "Handler dispatch failed: java.lang.OutOfMemoryError: Java heap space"), storage.ErrTooLarge},
		{filestore.V2, 400, java("NoResourceFoundException", unhandled, "No static resource v1/files/upload."), storage.ErrUnsupported},
		{filestore.V2, 400, `{"Errors":[{"id":null,"code":"","message":"Required request parameter 'module' is not present","params":["module"]}]}`, storage.ErrInvalid},
		{filestore.V1Go, 500, "Error retrieving file: record not found", storage.ErrNotFound},
		{filestore.V1Go, 500, "dial tcp 10.0.0.1:9000: connection refused", storage.ErrUnavailable},
		{filestore.V1Go, 404, "404 page not found", storage.ErrUnsupported},
		{filestore.V3, 404, `{"error":"no such file"}`, storage.ErrNotFound},
		{filestore.V3, 400, `{"error":"bad"}`, storage.ErrInvalid},
		{filestore.V3, 401, `{"error":"token"}`, storage.ErrAuth},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "http://127.0.0.1:1/")
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		}))
		t.Cleanup(server.Close)
		s := store(t, server.URL, &filestore.Options{Dialect: c.dialect, Retries: 1})
		_, err := s.Put(t.Context(), "a.csv", strings.NewReader(csv), pb())
		require.ErrorIs(t, err, c.want, "put: %d %s", c.status, c.body)
		_, err = s.Stat(t.Context(), "filestore:pb/a")
		require.ErrorIs(t, err, c.want, "stat: %d %s", c.status, c.body)
		_, err = s.Open(t.Context(), "filestore:pb/a", 0, -1)
		require.ErrorIs(t, err, c.want, "open: %d %s", c.status, c.body)
	}
}

// Nothing that listens, and nothing that answers in time, is unavailable.
func TestUnavailable(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	ended := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else the end of the request is not seen
		<-ended
	}))
	t.Cleanup(slow.Close)
	t.Cleanup(func() { close(ended) })
	for _, server := range []*httptest.Server{gone, slow} {
		s := store(t, server.URL, &filestore.Options{Retries: 1, Timeout: 50 * time.Millisecond})
		_, err := s.Put(t.Context(), "a.csv", strings.NewReader(csv), pb())
		require.ErrorIs(t, err, storage.ErrUnavailable)
		_, err = s.Stat(t.Context(), "filestore:pb/a")
		require.ErrorIs(t, err, storage.ErrUnavailable)
	}
}

// refuse lets a server refuse its first requests of a path, without reading their body.
func refuse(server *filestoretest.Server, status, times int, header ...string) *atomic.Int64 {
	seen := &atomic.Int64{}
	server.Before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPost || seen.Add(1) > int64(times) {
			return false
		}
		if len(header) > 0 {
			w.Header().Set(header[0], header[1])
		}
		w.WriteHeader(status)
		return true
	}
	return seen
}

// A gateway that refuses is asked again, with a stream too, since it was refused before the body; the file is stored once.
func TestRetries(t *testing.T) {
	t.Parallel()
	for _, status := range []int{429, 503} {
		server := filestoretest.New(t, "v2")
		seen := refuse(server, status, 3)
		s := store(t, server.URL, nil)
		ref, err := s.Put(t.Context(), "a.csv", io.MultiReader(strings.NewReader(csv)), pb())
		require.NoError(t, err)
		require.EqualValues(t, 4, seen.Load())
		require.Equal(t, 1, server.Count())
		require.Equal(t, csv, read(t, s, ref))
	}
	server := filestoretest.New(t, "v2")
	seen := refuse(server, 429, 1000)
	_, err := store(t, server.URL, &filestore.Options{Retries: 2}).Put(t.Context(), "a.csv", strings.NewReader(csv), pb())
	require.ErrorIs(t, err, storage.ErrUnavailable)
	require.EqualValues(t, 3, seen.Load())
}

func read(t testing.TB, s *storage.Store, ref storage.Ref) string {
	t.Helper()
	r, err := s.Open(t.Context(), ref, 0, -1)
	require.NoError(t, err)
	all, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	return string(all)
}

// The pause that the service asks for is kept.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	server := filestoretest.New(t, "v2")
	refuse(server, 429, 1, "Retry-After", "1")
	begin := time.Now()
	put(t, store(t, server.URL, nil))
	require.GreaterOrEqual(t, time.Since(begin), time.Second)
}

// A service that breaks off in the middle gets a file again that can be read again, and a stream not.
func TestBrokenUpload(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("a,b\n", 1<<20)
	for _, seekable := range []bool{true, false} {
		server := filestoretest.New(t, "v2")
		var seen atomic.Int64
		server.Before = func(_ http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodPost || seen.Add(1) > 2 {
				return false
			}
			_, _ = io.CopyN(io.Discard, r.Body, 100_000)
			panic(http.ErrAbortHandler)
		}
		s := store(t, server.URL, nil)
		file := filepath.Join(t.TempDir(), "a.csv")
		require.NoError(t, os.WriteFile(file, []byte("skipped\n"+text), 0o600))
		f, err := os.Open(file)
		require.NoError(t, err)
		t.Cleanup(func() { _ = f.Close() })
		_, err = f.Seek(8, io.SeekStart)
		require.NoError(t, err)
		var r io.Reader = f
		if !seekable {
			r = io.MultiReader(f)
		}
		ref, err := s.Put(t.Context(), "a.csv", r, &storage.PutOptions{Tenant: "pb", Size: int64(len(text))})
		if !seekable {
			require.ErrorIs(t, err, storage.ErrUnavailable)
			require.Zero(t, server.Count())
			continue
		}
		require.NoError(t, err)
		require.Equal(t, 1, server.Count())
		require.Equal(t, text, read(t, s, ref))
	}
}

// Where the answer is lost after the service has the whole file, it is not sent a second time.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	server := filestoretest.New(t, "v2")
	var seen atomic.Int64
	server.Before = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPost {
			return false
		}
		seen.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
		panic(http.ErrAbortHandler)
	}
	_, err := store(t, server.URL, nil).Put(t.Context(), "a.csv", strings.NewReader(csv), pb())
	require.ErrorIs(t, err, storage.ErrUnavailable)
	require.EqualValues(t, 1, seen.Load())
}

// A file that the service did not keep whole is no success; where there is deletion, it is deleted.
func TestUploadIsChecked(t *testing.T) {
	t.Parallel()
	for dialect, left := range map[string]int{"v2": 1, "v3": 0} {
		server := filestoretest.New(t, dialect)
		server.Before = func(_ http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/metadata") {
				server.Lose(3)
			}
			return false
		}
		s := store(t, server.URL, &filestore.Options{Dialect: filestore.Dialect(dialect)})
		_, err := s.Put(t.Context(), "a.csv", strings.NewReader(csv), pb())
		require.ErrorIs(t, err, storage.ErrUnavailable)
		require.ErrorContains(t, err, "22 bytes were sent, and the service keeps 19")
		require.Equal(t, left, server.Count())
	}
}

// A file is called as the service wants it; its own name does not matter.
func TestNamesAndTypes(t *testing.T) {
	t.Parallel()
	server := filestoretest.New(t, "v2")
	s := store(t, server.URL, &filestore.Options{
		Extensions: map[string]string{"ndjson": "txt", "json": "txt"}, ContentTypes: map[string]string{"gz": "application/zip"},
	})
	for _, name := range []string{"Patient.ndjson", "a.JSON", "REPORT.CSV", "रिपोर्ट.csv"} {
		_, err := s.Put(t.Context(), name, strings.NewReader(csv), &storage.PutOptions{Tenant: "pb", ContentType: "application/fhir+ndjson"})
		require.NoError(t, err, name)
	}
	_, err := s.Put(t.Context(), "a.csv.gz", strings.NewReader(csv), pb())
	require.ErrorContains(t, err, "Inalvid input provided for file : gz")
}

// Link gives the object store's URL, with its own end, and it works.
func TestLink(t *testing.T) {
	t.Parallel()
	for dialect, hours := range map[string]float64{"v2": 24, "v1-go": 1} {
		server := filestoretest.New(t, dialect)
		s := store(t, server.URL, &filestore.Options{Dialect: filestore.Dialect(dialect)})
		link, err := s.Link(t.Context(), put(t, s), time.Minute)
		require.NoError(t, err)
		require.InDelta(t, hours, time.Until(link.Expires).Hours(), 0.1)
		res, err := http.Get(link.URL)
		require.NoError(t, err)
		got, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, csv, string(got))

		proxied := store(t, server.URL, &filestore.Options{Dialect: filestore.Dialect(dialect), Proxied: true})
		_, err = proxied.Link(t.Context(), put(t, proxied), time.Hour)
		require.ErrorIs(t, err, storage.ErrUnsupported)
	}
}

// A picture has four URLs, of which the first is the picture's.
func TestLinkOfPicture(t *testing.T) {
	t.Parallel()
	s := store(t, filestoretest.New(t, "v2").URL, nil)
	png := "\x89PNG\r\n\x1a\n"
	ref, err := s.Put(t.Context(), "chart.png", strings.NewReader(png), pb())
	require.NoError(t, err)
	link, err := s.Link(t.Context(), ref, time.Hour)
	require.NoError(t, err)
	require.NotContains(t, link.URL, ",")
	require.False(t, link.Expires.IsZero())
}

// A stream is not held in memory: what the reader yields late is sent late, and a reader's error ends the upload.
func TestUploadStreams(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{})
	server := filestoretest.New(t, "v1-go")
	server.Before = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost {
			_, _ = io.CopyN(io.Discard, r.Body, 1000)
			close(arrived)
			_, _ = io.Copy(io.Discard, r.Body)
			panic(http.ErrAbortHandler)
		}
		return false
	}
	late := readerFunc(func([]byte) (int, error) {
		<-arrived // the server has the beginning before the reader yields its end
		return 0, io.ErrNoProgress
	})
	s := store(t, server.URL, &filestore.Options{Dialect: filestore.V1Go})
	_, err := s.Put(t.Context(), "a.csv", io.MultiReader(bytes.NewReader(make([]byte, 200_000)), late), pb())
	require.ErrorIs(t, err, io.ErrNoProgress)
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// A service that answers before it has the file does not have it.
func TestHastyAnswer(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"files":[{"fileStoreId":"a","tenantId":"pb"}]}`)
	}))
	t.Cleanup(server.Close)
	for _, r := range []io.Reader{strings.NewReader(strings.Repeat(csv, 1000)), iotest.OneByteReader(strings.NewReader(strings.Repeat(csv, 1000)))} {
		_, err := store(t, server.URL, nil).Put(t.Context(), "a.csv", r, pb())
		require.ErrorIs(t, err, storage.ErrUnavailable)
	}
}

func TestBadOptions(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "filestore", "ftp://host/filestore", "http://", "http://host/?a=b", "http://user:secret@host/"} {
		_, err := filestore.New(address, nil)
		require.ErrorIs(t, err, storage.ErrInvalid, address)
		require.NotContains(t, err.Error(), "secret")
	}
	_, err := filestore.New("http://host/filestore", &filestore.Options{Dialect: "v4"})
	require.ErrorIs(t, err, storage.ErrInvalid)
	_, err = filestore.New("http://host/filestore", &filestore.Options{Token: &filestore.Token{URL: "x"}})
	require.ErrorIs(t, err, storage.ErrInvalid)
}
