package ipfs_test

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/storage"
	"github.com/digit-health/dhr/storage/ipfs"
	"github.com/digit-health/dhr/storage/storagetest"
)

func store(t testing.TB, n *node, opts *ipfs.Options) *storage.Store {
	t.Helper()
	if opts == nil {
		opts = &ipfs.Options{}
	}
	opts.Pause = time.Millisecond
	b, err := ipfs.New(n.URL, opts)
	require.NoError(t, err)
	s, err := storage.New(b)
	require.NoError(t, err)
	return s
}

func put(t testing.TB, s *storage.Store, r io.Reader) (storage.Ref, error) {
	t.Helper()
	return s.Put(t.Context(), "a.csv", r, &storage.PutOptions{Tenant: "pb"})
}

func pinning(s *service) ipfs.Pinning {
	return ipfs.Pinning{URL: s.URL + "/psa", Auth: ipfs.Auth{Token: "pin-token"}}
}

// The suite without a real node, and with a service that pins too.
func TestSuiteWithStandIn(t *testing.T) {
	t.Parallel()
	var n *node
	storagetest.Run(t, storagetest.Harness{
		Open: func(t testing.TB) storage.Backend {
			n = newNode(t)
			b, err := ipfs.New(n.URL, &ipfs.Options{Pause: time.Millisecond, Gateway: "https://files.example.org", Pinning: []ipfs.Pinning{pinning(newService(t, "queued", "pinning", "pinned"))}})
			require.NoError(t, err)
			return b
		},
		Count: func(testing.TB) int { return n.count() },
		Equal: true,
		Large: 16 << 20,
	})
}

// The node knows us by a token, or by a name and a password.
func TestAuth(t *testing.T) {
	t.Parallel()
	for want, auth := range map[string]*ipfs.Auth{"": nil, "Bearer T": {Token: "T"}, "Basic YTpi": {Username: "a", Password: "b"}} {
		n := newNode(t)
		n.before = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Header.Get("Authorization") == want && r.Header.Get("Origin") == "" {
				return false
			}
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}
		_, err := put(t, store(t, n, &ipfs.Options{Auth: auth}), strings.NewReader("a"))
		require.NoError(t, err)
		_, err = put(t, store(t, n, &ipfs.Options{Auth: &ipfs.Auth{Token: "wrong"}}), strings.NewReader("b"))
		require.ErrorIs(t, err, storage.ErrAuth)
		require.NotContains(t, err.Error(), "wrong")
		require.Equal(t, 1, n.count())
	}
}

// Each answer that is no success is told as what it is.
func TestErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		text   string
		want   error
	}{
		{401, "", storage.ErrAuth},
		{403, "403 - Forbidden", storage.ErrAuth},
		{404, "404 page not found", storage.ErrUnsupported},
		{405, "405 - Method Not Allowed", storage.ErrUnsupported},
		{400, "file argument 'path' is required", storage.ErrInvalid},
		{413, "", storage.ErrTooLarge},
		{429, "", storage.ErrUnavailable},
		{502, "", storage.ErrUnavailable},
		{507, "", storage.ErrFull},
		{302, "", storage.ErrUnavailable},
		{200, "no JSON", storage.ErrUnavailable},
		{500, `{"Message":"write /data/blocks/x: no space left on device","Code":0,"Type":"error"}`, storage.ErrFull},
		{500, `{"Message":"something else","Code":0,"Type":"error"}`, storage.ErrUnavailable},
	} {
		n := newNode(t)
		n.before = func(w http.ResponseWriter, r *http.Request) bool {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.text)
			return true
		}
		s := store(t, n, &ipfs.Options{Retries: 1})
		_, err := put(t, s, strings.NewReader("a"))
		require.ErrorIs(t, err, c.want, "put: %d %s", c.status, c.text)
		_, err = s.Stat(t.Context(), "ipfs:bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku")
		require.ErrorIs(t, err, c.want, "stat: %d %s", c.status, c.text)
	}
}

// An error that Kubo tells after it has begun to answer is one, and so is another CID than that of what was sent.
func TestWrongAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, trailer string }{
		{"{\"Name\":\"f\",\"Hash\":\"bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku\"}\n", ""},
		{"", "unexpected EOF"},
		{"{\"Name\":\"a\",\"Hash\":\"x\"}\n{\"Name\":\"b\",\"Hash\":\"y\"}\n", ""},
	} {
		n := newNode(t)
		n.before = func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, "/add") {
				return false
			}
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Trailer", "X-Stream-Error")
			_, _ = io.WriteString(w, c.text)
			w.Header().Set("X-Stream-Error", c.trailer)
			return true
		}
		_, err := put(t, store(t, n, nil), strings.NewReader("a"))
		require.ErrorIs(t, err, storage.ErrUnavailable, "%q", c)
		require.Zero(t, n.count())
	}
}

// A node that is busy is asked again; a file that can be read again is sent again, with the right CID.
func TestRetries(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	var seen atomic.Int64
	n.before = func(w http.ResponseWriter, r *http.Request) bool {
		if seen.Add(1)%2 == 0 {
			return false
		}
		_, _ = io.CopyN(io.Discard, r.Body, 10)
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	}
	s := store(t, n, nil)
	text := strings.Repeat("read again\n", 100_000)
	ref, err := put(t, s, strings.NewReader(text))
	require.NoError(t, err)
	r, err := s.Open(t.Context(), ref, 0, -1)
	require.NoError(t, err)
	got, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.Equal(t, text, string(got))
}

// A node that gives fewer bytes than the file has is an error, not a shorter file.
func TestCutAnswer(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.before = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/cat") {
			return false
		}
		w.Header().Set("Trailer", "X-Stream-Error")
		_, _ = io.WriteString(w, "hel")
		w.Header().Set("X-Stream-Error", "block was not found")
		return true
	}
	s := store(t, n, nil)
	ref, err := put(t, s, strings.NewReader("hello"))
	require.NoError(t, err)
	r, err := s.Open(t.Context(), ref, 0, -1)
	require.NoError(t, err)
	got, err := io.ReadAll(r)
	require.Equal(t, "hel", string(got))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.ErrorContains(t, err, "2 bytes are missing block was not found")
	require.NoError(t, r.Close())
}

// A pinning service pins each file once, and Put waits until it has.
func TestPinning(t *testing.T) {
	t.Parallel()
	n, p := newNode(t), newService(t, "queued", "pinning", "pinned")
	s := store(t, n, &ipfs.Options{Pinning: []ipfs.Pinning{pinning(p)}})
	var ref storage.Ref
	for range 2 {
		var err error
		ref, err = put(t, s, strings.NewReader("hello"))
		require.NoError(t, err)
		require.Equal(t, 1, p.count())
	}
	require.NoError(t, s.Delete(t.Context(), ref))
	require.Zero(t, p.count())
	require.Zero(t, n.count())
	require.NoError(t, s.Delete(t.Context(), ref))
}

// Where a pinning service fails, nothing stays pinned anywhere, unless it was before.
func TestPinningFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		states []string
		token  string
		wait   time.Duration
		want   error
	}{
		{[]string{"queued", "failed"}, "pin-token", 0, storage.ErrUnavailable},
		{[]string{"strange"}, "pin-token", 0, storage.ErrUnavailable},
		{[]string{"queued"}, "pin-token", 20 * time.Millisecond, storage.ErrUnavailable},
		{[]string{"pinned"}, "wrong", 0, storage.ErrAuth},
	} {
		n, good, bad := newNode(t), newService(t, "pinned"), newService(t, c.states...)
		failing := pinning(bad)
		failing.Auth.Token, failing.Wait = c.token, c.wait
		s := store(t, n, &ipfs.Options{Pinning: []ipfs.Pinning{pinning(good), failing}})
		_, err := put(t, s, strings.NewReader("hello"))
		require.ErrorIs(t, err, c.want)
		require.ErrorContains(t, err, "pinning service")
		require.Zero(t, n.count())
		require.Zero(t, good.count())
		require.Zero(t, bad.count())

		_, err = put(t, store(t, n, nil), strings.NewReader("hello"))
		require.NoError(t, err)
		_, err = put(t, s, strings.NewReader("hello"))
		require.ErrorIs(t, err, c.want)
		require.Equal(t, 1, n.count())
	}
}

func TestBadOptions(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "127.0.0.1:5001", "/ip4/127.0.0.1/tcp/5001", "http://user:secret@host/"} {
		_, err := ipfs.New(address, nil)
		require.ErrorIs(t, err, storage.ErrInvalid, address)
		require.NotContains(t, err.Error(), "secret")
	}
	_, err := ipfs.New("http://host:5001", &ipfs.Options{Gateway: "x"})
	require.ErrorIs(t, err, storage.ErrInvalid)
	_, err = ipfs.New("http://host:5001", &ipfs.Options{Pinning: []ipfs.Pinning{{URL: "x"}}})
	require.ErrorIs(t, err, storage.ErrInvalid)
}

// Only one spelling of a CID is a reference.
func TestReferences(t *testing.T) {
	t.Parallel()
	s := store(t, newNode(t), nil)
	for _, id := range []string{"QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn", "BAFKREIHDWDCEFGH4DQKJV67UZCMW7OJEE6XEDZDETOJUZJEVTENXQUVYKU", "bafy", "/ipfs/x"} {
		_, err := s.Stat(t.Context(), storage.MakeRef("ipfs", id))
		require.ErrorIs(t, err, storage.ErrInvalid, id)
		require.ErrorIs(t, s.Delete(t.Context(), storage.MakeRef("ipfs", id)), storage.ErrInvalid, id)
	}
}
