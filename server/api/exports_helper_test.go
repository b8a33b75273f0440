package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/memdoc"
	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/export/pdf"
	"github.com/digit-health/dhr/export/process"
	"github.com/digit-health/dhr/export/xlsx"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/job/localjob"
	"github.com/digit-health/dhr/server/api"
	"github.com/digit-health/dhr/storage"
	"github.com/digit-health/dhr/storage/disk"
)

// An office is what exports are kept in and worked on with. It is a test's own.
type office struct {
	store  *docstore.Store
	files  *storage.Store
	jobs   *job.Jobs
	config process.Config
	later  atomic.Int64 // how much later than now it is, in nanoseconds
}

// newOffice makes one whose files are kept by more than disk, if more is given.
func newOffice(t *testing.T, more ...storage.Backend) *office {
	t.Helper()
	d, err := disk.Open(t.TempDir(), nil)
	require.NoError(t, err)
	o := &office{store: docstore.New(memdoc.New())}
	o.files, err = storage.New(append(more, d)...)
	require.NoError(t, err)
	o.jobs = job.New(o.store, localjob.New(), &job.Options{Poll: 20 * time.Millisecond, Progress: time.Millisecond})
	o.config = process.Config{
		Formats: []*export.Format{export.CSV(), xlsx.Format(), export.JSON(), export.NDJSON(), pdf.Format()},
		Files:   o.files, Jobs: o.jobs, Spool: t.TempDir(),
	}
	return o
}

// start starts a server with the exports of the office.
func (o *office) start(t *testing.T, opts *api.Options) *server {
	t.Helper()
	return startWith(t, opts, &dhr.Config{
		Store: o.store, Exports: &o.config, Now: func() time.Time { return now.Add(time.Duration(o.later.Load())) },
	})
}

// exporting starts a server with exports of its own.
func exporting(t *testing.T, opts *api.Options) *server {
	t.Helper()
	return newOffice(t).start(t, opts)
}

// exported asks for an export, waits for its end, and returns its path and how it ended.
func (s *server) exported(user string, body any) (path string, end map[string]any) {
	s.t.Helper()
	begun := s.send(user, "POST", "/v1/exports", body)
	require.Equal(s.t, http.StatusAccepted, begun.status, string(begun.body))
	path = begun.header.Get("Location")
	all := s.events(user, path+"/events")
	last := all[len(all)-1]
	require.Equal(s.t, "end", last.name)
	return path, last.data
}

// An event is one of those that a server sends.
type event struct {
	name, id string
	data     map[string]any
}

// events reads a stream of events to its end.
func (s *server) events(user, path string, header ...string) (all []event) {
	s.t.Helper()
	for e := range s.stream(s.t.Context(), user, path, header...) {
		if e.name != "" {
			all = append(all, e)
		}
	}
	return all
}

// stream yields the events of a stream as they come, and comments, as events without a name.
func (s *server) stream(ctx context.Context, user, path string, header ...string) func(yield func(event) bool) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+path, nil)
	require.NoError(s.t, err)
	r.Header.Set("Authorization", "Bearer "+user)
	r.Header.Set("Accept-Encoding", "gzip")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	got, err := http.DefaultClient.Do(r) //nolint:bodyclose // by who reads the stream
	require.NoError(s.t, err)
	require.Equal(s.t, http.StatusOK, got.StatusCode)
	require.Equal(s.t, "text/event-stream", got.Header.Get("Content-Type"))
	require.Empty(s.t, got.Header.Get("Content-Encoding"))
	return func(yield func(event) bool) {
		defer got.Body.Close()
		var e event
		lines := bufio.NewScanner(got.Body)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			field, value, _ := strings.Cut(lines.Text(), ": ")
			switch strings.TrimSuffix(field, ":") {
			case "event":
				e.name = value
			case "id":
				e.id = value
			case "data":
				require.NoError(s.t, json.Unmarshal([]byte(value), &e.data))
			case "":
				if comment := lines.Text() == ":"; comment || e.name != "" {
					if !yield(e) {
						return
					}
					e = event{}
				}
			}
		}
	}
}
