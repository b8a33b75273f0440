package process_test

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/export/process"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/storage/filestore"
	"github.com/digit-health/dhr/storage/filestoretest"
)

// onFilestore opens a house whose files go to a stand-in of DIGIT Filestore.
func onFilestore(t *testing.T, n int, dialect filestore.Dialect, before func(w http.ResponseWriter, r *http.Request) bool) (*house, *filestoretest.Server) {
	t.Helper()
	server := filestoretest.New(t, string(dialect))
	server.Before = before
	backend, err := filestore.New(server.URL, &filestore.Options{Dialect: dialect, Pause: time.Millisecond, Retries: 2, Proxied: true,
		Extensions: map[string]string{"json": "txt", "ndjson": "txt"}})
	require.NoError(t, err)
	return open(t, memory(t, n), func(h *house) { h.backend = backend }), server
}

// Every format goes to Filestore, in files of the size that it takes, and comes back.
func TestFilestore(t *testing.T) {
	t.Parallel()
	for _, dialect := range []filestore.Dialect{filestore.V2, filestore.V3} {
		h, server := onFilestore(t, 500, dialect, nil)
		for _, format := range formats {
			for _, query := range []string{"", "age > 200"} {
				p := h.export(t, asha(), &process.Request{JQL: query, Format: format})
				text := h.read(t, asha(), p.ID, 1)
				require.EqualValues(t, len(text), p.Files[0].Size)
				require.Equal(t, text == "", p.Files[0].FileStoreID == "", format)
				require.False(t, p.Files[0].Sealed)
			}
		}
		before := server.Count()
		p := h.export(t, asha(), &process.Request{Format: "csv"})
		require.Equal(t, before+1, server.Count())
		h.clock.add(8 * 24 * time.Hour)
		require.NoError(t, h.Sweep(t.Context()))
		p, err := h.Get(t.Context(), asha(), p.ID)
		require.NoError(t, err)
		require.Equal(t, job.Expired, p.Status)
		if dialect == filestore.V3 {
			require.Zero(t, server.Count())
			require.Empty(t, p.Warnings)
		} else { // it says so
			require.Equal(t, before+1, server.Count())
			require.Contains(t, strings.Join(p.Warnings, "\n"), "no deletion")
		}
		_, err = h.OpenFile(t.Context(), asha(), p.ID, 1)
		require.ErrorIs(t, err, process.ErrExpired)
	}
}

// What Filestore answers is told apart.
func TestFilestoreFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status, code, body string
	}{
		"400 for everything": {"400", "", `{"Errors":[{"code":"EG_FILESTORE_INVALID_INPUT","message":"no"}]}`},
		"gone":               {"503", "STORAGE_UNAVAILABLE", "upstream"},
		"not ours":           {"401", "AUTH_FAILED", ""},
		"HTML":               {"200", "STORAGE_UNAVAILABLE", "<html></html>"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, server := onFilestore(t, 500, filestore.V3, func(w http.ResponseWriter, r *http.Request) bool {
				w.WriteHeader(map[string]int{"400": 400, "503": 503, "401": 401, "200": 200}[c.status])
				_, _ = w.Write([]byte(c.body))
				return true
			})
			p := h.wait(t, asha(), h.begin(t, asha(), inParts("csv")).ID)
			require.Equal(t, job.Failed, p.Status)
			require.NotEmpty(t, p.Error.Code)
			require.NotEqual(t, job.CodeInternal, p.Error.Code)
			if c.code != "" {
				require.Equal(t, c.code, p.Error.Code)
			}
			require.Zero(t, server.Count())
		})
	}
	// Away for some requests, it has them all in the end, each once.
	var n atomic.Int64
	h, server := onFilestore(t, 1000, filestore.V3, func(w http.ResponseWriter, r *http.Request) bool {
		if n.Add(1)%3 == 0 {
			return false
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	p := h.export(t, asha(), inParts("csv"))
	require.Len(t, p.Files, 10)
	require.Equal(t, 10, server.Count())
}

// A cancel reaches a storage that does not answer.
func TestFilestoreSlow(t *testing.T) {
	t.Parallel()
	there := make(chan struct{}, 10)
	h, server := onFilestore(t, 500, filestore.V3, func(w http.ResponseWriter, r *http.Request) bool {
		_, _ = io.Copy(io.Discard, r.Body)
		there <- struct{}{}
		<-r.Context().Done()
		return true
	})
	p := h.begin(t, asha(), inParts("csv"))
	<-there
	begun := time.Now()
	_, err := h.Cancel(t.Context(), asha(), p.ID)
	require.NoError(t, err)
	require.Equal(t, job.Cancelled, h.wait(t, asha(), p.ID).Status)
	require.Less(t, time.Since(begun), 2*time.Second)
	require.Zero(t, server.Count())
}
