// Package filestoretest has a stand-in for DIGIT Filestore, for tests of what
// talks to it. Its dialect "v2" gives the answers that the real Java service
// 2.9.3 gave to the 113 questions in testdata; "v1-go" and "v3" behave as the Go service was
// seen to behave, v3 with the deletion of its specification.
//
//	server := filestoretest.New(t, "v2")
//	backend, err := filestore.New(server.URL, …)
package filestoretest

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	bucket   = "egov-rainmaker-1"
	maxFile  = 5 << 20
	maxTotal = 30 << 20
)

// A Server is a Filestore that listens on this machine until its test ends.
type Server struct {
	// URL is the service's address, with its context path.
	URL string
	// Before sees every request, before the service does. If it returns true, it has
	// answered, and the service does not see it. It is set before the first request.
	Before func(w http.ResponseWriter, r *http.Request) bool

	dialect string
	mu      sync.Mutex
	files   map[string]*file // by id
	objects map[string]*file // by key in the bucket
}

type file struct {
	id, tenant, key, tag, contentType string
	body                              []byte
}

// New starts a server that speaks one of the dialects v2, v1-go and v3.
func New(t testing.TB, dialect string) *Server {
	t.Helper()
	s := &Server{dialect: dialect, files: map[string]*file{}, objects: map[string]*file{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/"+bucket+"/", s.presigned)
	switch dialect {
	case "v2":
		mux.HandleFunc("/", s.java)
	case "v1-go", "v3":
		s.goRoutes(mux, "/filestore/"+dialect[:2])
	default:
		t.Fatalf("no dialect is called %q", dialect)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.Before == nil || !s.Before(w, r) {
			mux.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	s.URL = server.URL + "/filestore"
	return s
}

// Count returns how many files the server keeps.
func (s *Server) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.files)
}

// Lose makes the bytes of a file shorter, as a faulty object store does.
func (s *Server) Lose(bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.files {
		f.body = f.body[:len(f.body)-bytes]
	}
}

func (s *Server) keep(files ...*file) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range files {
		s.files[f.id], s.objects[f.key] = f, f
	}
}

func (s *Server) find(tenant, id string) *file {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.files[id]; f != nil && f.tenant == tenant {
		return f
	}
	return nil
}

// newFile names a file as the service does: no year, and nothing of its own name but the extension.
func newFile(tenant, module, tag, name, contentType string, body []byte) *file {
	now := time.Now().UTC()
	key := fmt.Sprintf("%s/%s/%s/%d/%d%s%s", tenant, module, now.Month(), now.Day(), now.UnixMilli(), letters(10), path.Ext(name))
	return &file{id: uuid(), tenant: tenant, key: key, tag: tag, contentType: contentType, body: body}
}

func uuid() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
}

func letters(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	for i := range b {
		b[i] = 'a' + b[i]%26
	}
	return string(b)
}

// link returns a presigned URL as MinIO makes them. Its length is the same in each month, since
// the recorded answers are cut after 600 letters.
func (s *Server) link(key string, expiry time.Duration) string {
	date := time.Now().UTC()
	host := strings.TrimSuffix(s.URL, "/filestore")
	who := strings.Repeat("k", max(1, 56-len(key)))
	return fmt.Sprintf("%s/%s/%s?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=%s%%2F%s%%2Fus-east-1%%2Fs3%%2Faws4_request&X-Amz-Date=%s&X-Amz-Expires=%d&X-Amz-SignedHeaders=host&X-Amz-Signature=%s",
		host, bucket, (&url.URL{Path: key}).EscapedPath(), who, date.Format("20060102"), date.Format("20060102T150405Z"), int(expiry.Seconds()), strings.Repeat("0f", 32))
}

// presigned is the object store: it gives to who has a URL, and only by GET.
func (s *Server) presigned(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	f := s.objects[strings.TrimPrefix(r.URL.Path, "/"+bucket+"/")]
	s.mu.Unlock()
	switch {
	case r.Method != http.MethodGet || r.URL.Query().Get("X-Amz-Signature") == "":
		w.Header().Set("Accept-Ranges", "bytes")
		w.Header().Set("Content-Length", "0")
		w.WriteHeader(http.StatusForbidden)
	case f == nil:
		w.WriteHeader(http.StatusNotFound)
	default:
		serve(w, r, f, true)
	}
}

// serve gives a file, or the range of it that is asked for.
func serve(w http.ResponseWriter, r *http.Request, f *file, ranges bool) {
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	status, body := http.StatusOK, f.body
	if ranges {
		h.Set("Accept-Ranges", "bytes")
		if from, to, ok := byteRange(r.Header.Get("Range"), len(body)); ok {
			if from >= len(body) {
				h.Set("Content-Range", fmt.Sprintf("bytes */%d", len(body)))
				w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
				return
			}
			h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to-1, len(body)))
			status, body = http.StatusPartialContent, body[from:to]
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // who does not listen does not hear
	}
}

// byteRange reads bytes=a-b and bytes=a-.
func byteRange(header string, size int) (from, to int, ok bool) {
	text, ok := strings.CutPrefix(header, "bytes=")
	a, b, found := strings.Cut(text, "-")
	from, err := strconv.Atoi(a)
	if !ok || !found || err != nil {
		return 0, 0, false
	}
	to, err = strconv.Atoi(b)
	if err != nil || to >= size {
		to = size - 1
	}
	return from, to + 1, true
}

// An upload is a request that was read.
type upload struct {
	values map[string][]string
	parts  []part
	tooBig bool
}

type part struct {
	name, contentType string
	typed             bool
	body              []byte
}

func (u *upload) value(name string) string {
	if v := u.values[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

func (u *upload) has(name string) bool { return len(u.values[name]) > 0 }

// read reads a multipart request. A request that breaks off is an error, and is forgotten.
func read(r *http.Request, limits bool) (*upload, error) {
	mr, err := r.MultipartReader()
	if err != nil {
		return nil, err
	}
	u := &upload{values: r.URL.Query()}
	total := 0
	for {
		p, err := mr.NextRawPart()
		if errors.Is(err, io.EOF) {
			return u, nil
		}
		if err != nil {
			return nil, err
		}
		limit := int64(1 << 40)
		if limits {
			limit = maxFile + 1
		}
		body, err := io.ReadAll(io.LimitReader(p, limit))
		if err != nil {
			return nil, err
		}
		total += len(body)
		if limits && (len(body) > maxFile || total > maxTotal) {
			u.tooBig = true
			return u, nil
		}
		_, isFile := dispositionName(p.Header.Get("Content-Disposition"))
		switch {
		case isFile && p.FormName() == "file":
			name, _ := dispositionName(p.Header.Get("Content-Disposition"))
			_, typed := p.Header["Content-Type"]
			u.parts = append(u.parts, part{name: name, contentType: p.Header.Get("Content-Type"), typed: typed, body: body})
		case !isFile:
			u.values[p.FormName()] = append(u.values[p.FormName()], string(body))
		}
	}
}

// dispositionName returns the file's name as it was sent, with its folders.
func dispositionName(disposition string) (string, bool) {
	_, rest, found := strings.Cut(disposition, `filename="`)
	name, _, _ := strings.Cut(rest, `"`)
	return name, found
}
