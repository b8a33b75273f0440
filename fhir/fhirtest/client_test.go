package fhirtest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/fhir/fhirtest"
)

// A server answers as it is told, and remembers what it was asked.
type server struct {
	*httptest.Server

	mu    sync.Mutex
	asked []*http.Request
	// answers are by path; without one it is as it should be.
	answers map[string]http.HandlerFunc
}

const lines = `{"resourceType":"Patient","id":"a"}` + "\n" + `{"resourceType":"Patient","id":"b"}` + "\n"

func serve(t *testing.T, answers map[string]http.HandlerFunc) *server {
	t.Helper()
	s := &server{answers: answers}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked = append(s.asked, r)
	s.mu.Unlock()
	if answer := s.answers[r.URL.Path]; answer != nil {
		answer(w, r)
		return
	}
	switch r.URL.Path {
	case "/fhir/metadata":
		_, _ = w.Write([]byte(`{"resourceType":"CapabilityStatement","fhirVersion":"4.0.1"}`))
	case "/fhir/status":
		_, _ = fmt.Fprintf(w, `{"transactionTime":"x","request":"x","requiresAccessToken":false,"output":[{"type":"Patient","url":"%s/fhir/file","count":2}],"error":[]}`, s.URL)
	case "/fhir/file":
		w.Header().Set("Content-Type", "application/fhir+ndjson")
		_, _ = w.Write([]byte(lines))
	default:
		w.Header().Set("Content-Location", s.URL+"/fhir/status")
		w.WriteHeader(http.StatusAccepted)
	}
}

func text(format string, args ...any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/fhir+ndjson")
		_, _ = fmt.Fprintf(w, format, args...)
	}
}

func (s *server) manifest(format string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(strings.ReplaceAll(format, "URL", s.URL+"/fhir/file")))
	}
}

func atOnce(context.Context, time.Duration) error { return nil }

// What the client sends, as the published one does.
func TestClient(t *testing.T) {
	t.Parallel()
	polls := 0
	s := serve(t, nil)
	s.answers = map[string]http.HandlerFunc{"/fhir/status": func(w http.ResponseWriter, _ *http.Request) {
		if polls++; polls <= 3 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader([]int{0, 202, 429, 503}[polls])
			return
		}
		s.manifest(`{"output":[{"type":"Patient","url":"URL","count":2}],"error":[]}`)(w, nil)
	}}
	waited := []time.Duration{}
	c := &fhirtest.Client{Base: s.URL + "/fhir", Dir: t.TempDir(), Wait: func(_ context.Context, d time.Duration) error {
		waited = append(waited, d)
		return nil
	}}
	got, err := c.Export(t.Context(), &fhirtest.Request{Level: fhirtest.Patient, Params: url.Values{"_type": {"Patient"}}})
	require.NoError(t, err)
	require.EqualValues(t, 2, got.Count["Patient"])
	require.Equal(t, []time.Duration{time.Second, time.Second, time.Second}, waited)
	require.Equal(t, "/fhir/metadata", s.asked[0].URL.Path)
	kick := s.asked[1]
	require.Equal(t, "/fhir/Patient/$export?_type=Patient", kick.URL.String())
	require.Equal(t, []string{"application/fhir+json", "respond-async, handling=lenient"}, []string{kick.Header.Get("Accept"), kick.Header.Get("Prefer")})
	require.Equal(t, "application/json", s.asked[2].Header.Get("Accept"))
	file := s.asked[len(s.asked)-1]
	require.Equal(t, []string{"gzip, deflate, br, identity", "", ""}, []string{file.Header.Get("Accept-Encoding"), file.Header.Get("Accept"), file.Header.Get("Authorization")})
}

// What the client breaks on.
func TestStrictness(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		path   string
		answer func(s *server) http.HandlerFunc
		says   string
	}{
		"no metadata": {"/fhir/metadata", func(*server) http.HandlerFunc { return text("{}") }, "metadata"},
		"a relative location": {"/fhir/$export", func(*server) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Location", "/fhir/status")
				w.WriteHeader(http.StatusAccepted)
			}
		}, "no absolute URL"},
		"a refusal":                {"/fhir/$export", func(*server) http.HandlerFunc { return text("no") }, "200"},
		"a manifest without error": {"/fhir/status", func(s *server) http.HandlerFunc { return s.manifest(`{"output":[]}`) }, "no error"},
		"a manifest of version 4":  {"/fhir/status", func(s *server) http.HandlerFunc { return s.manifest(`{"output":[],"outcome":[]}`) }, "no error"},
		"a relative file": {"/fhir/status", func(s *server) http.HandlerFunc {
			return s.manifest(`{"output":[{"type":"Patient","url":"/fhir/file"}],"error":[]}`)
		}, "no absolute URL"},
		"another count": {"/fhir/status", func(s *server) http.HandlerFunc {
			return s.manifest(`{"output":[{"type":"Patient","url":"URL","count":3}],"error":[]}`)
		}, "manifest says 3"},
		"another type": {"/fhir/status", func(s *server) http.HandlerFunc {
			return s.manifest(`{"output":[{"type":"Observation","url":"URL"}],"error":[]}`)
		}, `"Patient" in a file of "Observation"`},
		"errors of another type": {"/fhir/status", func(s *server) http.HandlerFunc {
			return s.manifest(`{"output":[],"error":[{"type":"OperationOutcome","url":"URL"}]}`)
		}, "OperationOutcome"},
		"a status without a body": {"/fhir/status", func(*server) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Export-Status", "202 Accepted") }
		}, "200"},
		"a date to ask again": {"/fhir/status", func(*server) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "Fri, 27 Nov 2026 10:00:00 GMT")
				w.WriteHeader(http.StatusAccepted)
			}
		}, "no number of seconds"},
		"much progress": {"/fhir/status", func(*server) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Progress", strings.Repeat("x", 100))
				w.WriteHeader(http.StatusAccepted)
			}
		}, "100 characters"},
		"a failed export": {"/fhir/status", func(*server) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }
		}, "500"},
		"another media type": {"/fhir/file", func(*server) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(lines)) }
		}, "Content-Type"},
		"a line that is none": {"/fhir/file", func(*server) http.HandlerFunc { return text("{}\n{") }, "line 1"},
		"no end of line":      {"/fhir/file", func(*server) http.HandlerFunc { return text(`{"resourceType":"Patient"}`) }, "does not end"},
		"a file that is gone": {"/fhir/file", func(*server) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }
		}, "404"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, nil)
			s.answers = map[string]http.HandlerFunc{x.path: x.answer(s)}
			c := &fhirtest.Client{Base: s.URL + "/fhir", Wait: atOnce}
			_, err := c.Export(t.Context(), &fhirtest.Request{})
			require.ErrorContains(t, err, x.says)
		})
	}
}

// Tokens are looked for at the root of the origin, kept while they are good, and sent with files only if the manifest says so.
func TestTokens(t *testing.T) {
	t.Parallel()
	key, err := fhirtest.NewKey("RS384", "k")
	require.NoError(t, err)
	given := 0
	s := serve(t, nil)
	s.answers = map[string]http.HandlerFunc{
		"/.well-known/smart-configuration": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprintf(w, `{"token_endpoint":"%s/token"}`, s.URL)
		},
		"/token": func(w http.ResponseWriter, r *http.Request) {
			given++
			if r.FormValue("client_assertion") == "" || r.FormValue("scope") != "system/*.read" || r.FormValue("grant_type") != "client_credentials" {
				w.WriteHeader(http.StatusBadRequest)
			}
			_, _ = fmt.Fprintf(w, `{"access_token":"t%d","token_type":"bearer","expires_in":300,"scope":"system/*.read"}`, given)
		},
		"/fhir/status": s.manifest(`{"requiresAccessToken":true,"output":[{"type":"Patient","url":"URL","count":2}],"error":[]}`),
	}
	now := time.Now()
	c := &fhirtest.Client{Base: s.URL + "/fhir", ID: "me", Key: key, Now: func() time.Time { return now }}
	_, err = c.Export(t.Context(), &fhirtest.Request{Post: true, Patients: []string{"a"}})
	require.NoError(t, err)
	require.Equal(t, 1, given)
	for _, r := range s.asked {
		want := "Bearer t1"
		if r.URL.Path == "/fhir/metadata" || r.URL.Path == "/token" || strings.HasPrefix(r.URL.Path, "/.well-known") {
			want = ""
		}
		require.Equal(t, want, r.Header.Get("Authorization"), r.URL.Path)
	}
	now = now.Add(5 * time.Minute)
	token, err := c.Token(t.Context())
	require.NoError(t, err)
	require.Equal(t, "t2", token)
}
