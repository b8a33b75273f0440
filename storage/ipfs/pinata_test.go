package ipfs_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/storage"
	"github.com/digit-health/dhr/storage/ipfs"
	"github.com/digit-health/dhr/storage/storagetest"
)

// A pinata answers as its documentation and its own client say; no real one was asked.
type pinata struct {
	*httptest.Server
	mu    sync.Mutex
	files map[string]string // by CID, which is the id too
	wrong bool              // calls files by another CID
}

func newPinata(t testing.TB) *pinata {
	t.Helper()
	p := &pinata{files: map[string]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v3/files", p.upload)
	mux.HandleFunc("GET /v3/files/public", func(w http.ResponseWriter, r *http.Request) {
		files := []any{}
		if text, ok := p.files[r.URL.Query().Get("cid")]; ok {
			files = append(files, p.show(r.URL.Query().Get("cid"), text))
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"data": map[string]any{"files": files, "next_page_token": ""}})
	})
	mux.HandleFunc("DELETE /v3/files/public/{id}", func(w http.ResponseWriter, r *http.Request) {
		delete(p.files, strings.TrimPrefix(r.PathValue("id"), "id-"))
		_, _ = io.WriteString(w, `{"data":null}`)
	})
	mux.HandleFunc("GET /ipfs/{cid}", func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader([]byte(p.files[r.PathValue("cid")])))
	})
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		gateway := strings.HasPrefix(r.URL.Path, "/ipfs/")
		if !gateway && r.Header.Get("Authorization") != "Bearer jwt" || gateway && r.Header.Get("Authorization") != "" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if r.Method != http.MethodPost {
			p.mu.Lock()
			defer p.mu.Unlock()
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *pinata) show(id, text string) map[string]any {
	return map[string]any{"id": "id-" + id, "cid": id, "size": len(text), "created_at": time.Now().UTC().Format(time.RFC3339Nano)}
}

func (p *pinata) upload(w http.ResponseWriter, r *http.Request) {
	f, _, err := r.FormFile("file")
	if err != nil || r.FormValue("network") != "public" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	h, text := &ipfs.Hasher{}, &strings.Builder{}
	_, _ = io.Copy(io.MultiWriter(h, text), f)
	if p.wrong {
		_, _ = h.Write([]byte("x"))
	}
	id := h.CID()
	p.mu.Lock()
	p.files[id] = text.String()
	p.mu.Unlock()
	_ = json.NewEncoder(w).Encode(map[string]any{"data": p.show(id, text.String())})
}

func (p *pinata) options() *ipfs.PinataOptions {
	return &ipfs.PinataOptions{MaxBytes: 4 << 20, Gateway: p.URL, UploadURL: p.URL + "/v3", APIURL: p.URL + "/v3", Pause: time.Millisecond}
}

func TestSuiteOfPinata(t *testing.T) {
	t.Parallel()
	var p *pinata
	storagetest.Run(t, storagetest.Harness{
		Open: func(t testing.TB) storage.Backend {
			p = newPinata(t)
			b, err := ipfs.NewPinata("jwt", p.options())
			require.NoError(t, err)
			return b
		},
		Count: func(testing.TB) int { return len(p.files) },
		Equal: true,
		Large: 2 << 20,
	})
}

func pinataStore(t testing.TB, token string, opts *ipfs.PinataOptions) *storage.Store {
	t.Helper()
	b, err := ipfs.NewPinata(token, opts)
	require.NoError(t, err)
	s, err := storage.New(b)
	require.NoError(t, err)
	return s
}

// A file that Pinata calls otherwise than by its CID is deleted again.
func TestPinataCallsItOtherwise(t *testing.T) {
	t.Parallel()
	p := newPinata(t)
	p.wrong = true
	_, err := put(t, pinataStore(t, "jwt", p.options()), strings.NewReader("hello"))
	require.ErrorIs(t, err, storage.ErrUnavailable)
	require.Empty(t, p.files)
}

func TestPinataAuth(t *testing.T) {
	t.Parallel()
	p := newPinata(t)
	_, err := put(t, pinataStore(t, "other", p.options()), strings.NewReader("hello"))
	require.ErrorIs(t, err, storage.ErrAuth)
	_, err = ipfs.NewPinata("", p.options())
	require.ErrorIs(t, err, storage.ErrInvalid)
	_, err = ipfs.NewPinata("jwt", nil)
	require.ErrorIs(t, err, storage.ErrInvalid, "a gateway is required")
}

// A gateway that wants a token gets it, and gives no links.
func TestPinataGatewayToken(t *testing.T) {
	t.Parallel()
	p := newPinata(t)
	asked := make(chan string, 1)
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Header.Get("X-Pinata-Gateway-Token") + " " + r.Header.Get("Range")
		w.Header().Set("Content-Range", "bytes 1-2/6") // of another file
		w.WriteHeader(http.StatusPartialContent)
		_, _ = fmt.Fprint(w, "el")
	}))
	t.Cleanup(gateway.Close)
	opts := p.options()
	opts.Gateway, opts.GatewayToken = gateway.URL, "token"
	s := pinataStore(t, "jwt", opts)
	ref, err := put(t, s, strings.NewReader("hello"))
	require.NoError(t, err)
	_, err = s.Open(t.Context(), ref, 1, 2)
	require.ErrorIs(t, err, storage.ErrUnavailable, "the range is none of this file")
	require.Equal(t, "token bytes=1-2", <-asked)
	_, err = s.Link(t.Context(), ref, time.Hour)
	require.ErrorIs(t, err, storage.ErrUnsupported)
}
