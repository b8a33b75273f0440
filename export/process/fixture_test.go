package process_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/memdoc"
	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/export/pdf"
	"github.com/digit-health/dhr/export/process"
	"github.com/digit-health/dhr/export/xlsx"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/job/localjob"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/bulk"
	"github.com/digit-health/dhr/search/memsearch"
	"github.com/digit-health/dhr/storage"
	"github.com/digit-health/dhr/storage/disk"
)

const mapping = `{"_meta": {"dhr": {"key": "visit_id", "personal": ["name"], "labels": {"district": "District", "age": "Age"}}}, "properties": {
	"visit_id": {"type": "keyword"}, "district": {"type": "keyword"}, "name": {"type": "keyword"}, "age": {"type": "integer"},
	"symptoms": {"type": "keyword"}, "at": {"type": "date"}, "weight": {"type": "double"}}}`

// visits returns n documents as lines.
func visits(n int) string {
	var b strings.Builder
	for i := range n {
		_, _ = fmt.Fprintf(&b, `{"visit_id":"V%06d","district":"D%d","name":"Asha %d अशा","age":%d,"symptoms":["fever","cough %d"],"at":"2026-11-%02dT0%d:15:00Z","weight":%d.5}`+"\n",
			i, i%3, i, i%90, i%7, 1+i%28, i%10, i%70)
	}
	return b.String()
}

// load puts n visits into an index of an engine.
func load(t testing.TB, engine search.Loader, index, docs string) {
	t.Helper()
	schema, err := record.ParseSchema(index, []byte(mapping))
	require.NoError(t, err)
	require.NoError(t, engine.Create(t.Context(), schema))
	report, err := bulk.Load(t.Context(), engine, schema, []string{"docs"}, &bulk.Options{
		Open: func(string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(docs)), nil },
	})
	require.NoError(t, err)
	require.Zero(t, report.Refused)
}

// roles are those of the tests: exporters of everything, of a district, and of everything but names.
var roles = map[string]access.Role{
	"exporter": {Permissions: []access.Permission{access.MayView, access.MayExport}, Grants: []access.Grant{{
		Indexes: []string{"*"}, Others: access.Treatment{As: access.Visible}}}},
	"district": {Permissions: []access.Permission{access.MayView, access.MayExport}, Grants: []access.Grant{{
		Indexes: []string{"*"}, Rows: `district IN attributes("district")`, Others: access.Treatment{As: access.Visible}}}},
	"nameless": {Permissions: []access.Permission{access.MayView, access.MayExport}, Grants: []access.Grant{{
		Indexes: []string{"*"}, Personal: &access.Treatment{As: access.Hidden}, Others: access.Treatment{As: access.Visible}}}},
	"masked": {Permissions: []access.Permission{access.MayView, access.MayExport}, Grants: []access.Grant{{
		Indexes: []string{"*"}, Personal: &access.Treatment{As: access.Constant}, Others: access.Treatment{As: access.Visible}}}},
	"viewer": {Permissions: []access.Permission{access.MayView}, Grants: []access.Grant{{Indexes: []string{"*"}, Others: access.Treatment{As: access.Visible}}}},
	"admin":  {Permissions: []access.Permission{access.MayAdmin}},
}

func user(name string, roles ...string) *access.Principal {
	return &access.Principal{User: name, Tenant: "pb", Roles: roles}
}

func asha() *access.Principal { return user("asha", "exporter") }

// A clock is set by tests.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// A house is a service over an engine, stores and workers, all of which can be replaced before it opens.
type house struct {
	*process.Service
	engine  search.Driver
	backend storage.Backend
	others  []storage.Backend
	docs    *docstore.Store
	folder  string // of the disk
	spool   string
	config  process.Config
	roles   map[string]access.Role
	jobs    *job.Jobs
	runner  job.Runner
	options job.Options
	clock   clock
	idle    bool // nobody works

	mu     sync.Mutex
	events []string
	refuse error // of notes
}

// memory returns an engine with n visits.
func memory(t testing.TB, n int) *memsearch.Driver {
	t.Helper()
	engine := memsearch.New()
	load(t, engine, "visits", visits(n))
	return engine
}

// open opens a house over an engine; change may replace parts before.
func open(t testing.TB, engine search.Driver, change func(*house)) *house {
	t.Helper()
	h := &house{engine: engine, folder: t.TempDir(), spool: t.TempDir(), docs: docstore.New(memdoc.New()), roles: roles}
	h.options = job.Options{
		Workers: 4, Poll: 10 * time.Millisecond, Progress: time.Millisecond, MaxAttempts: 3,
		Backoff: func(int) time.Duration { return time.Millisecond },
	}
	if change != nil {
		change(h)
	}
	if h.backend == nil {
		backend, err := disk.Open(h.folder, nil)
		require.NoError(t, err)
		t.Cleanup(func() { _ = backend.Close() })
		h.backend = backend
	}
	h.start(t)
	return h
}

func (h *house) start(t testing.TB) {
	t.Helper()
	policy, err := access.NewPolicy(h.roles, nil)
	require.NoError(t, err)
	index, err := search.New(h.engine, policy, &search.Options{Secret: []byte(strings.Repeat("s", 32)), Now: h.clock.now})
	require.NoError(t, err)
	h.config.Files, err = storage.New(append([]storage.Backend{h.backend}, h.others...)...)
	require.NoError(t, err)
	h.options.Now = h.clock.now
	if h.runner == nil {
		h.runner = localjob.New()
	}
	h.jobs = job.New(h.docs, h.runner, &h.options)
	h.config.Jobs, h.config.Spool = h.jobs, h.spool
	h.config.Formats = []*export.Format{export.CSV(), export.JSON(), export.NDJSON(), xlsx.Format(), pdf.Format()}
	h.Service, err = process.New(&h.config, &process.Host{
		Index: index, Policy: policy, Store: h.docs, Note: h.note, Now: h.clock.now,
		Filter: func(_ context.Context, who *access.Principal, id string) (*search.Query, error) {
			if id != "children" {
				return nil, errors.New("no such filter")
			}
			return &search.Query{JQL: "age < 5", Indexes: []string{"visits"}}, nil
		},
	})
	require.NoError(t, err)
	process.SetPause(h.Service, time.Millisecond)
	if h.idle {
		return
	}
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background()) //nolint:usetesting // it ends after the test
	go func() { done <- h.jobs.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
}

func (h *house) note(_ context.Context, e *process.Event) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	outcome, who := "done", "nobody"
	if e.Who != nil {
		who = e.Who.User
	}
	if e.Err != nil {
		outcome = "refused"
	}
	h.events = append(h.events, strings.TrimSpace(fmt.Sprintf("%s %s %s %d", e.Action, who, outcome, e.Records)))
	return h.refuse
}

func (h *house) noted() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.events...)
}

// begin asks for an export.
func (h *house) begin(t testing.TB, who *access.Principal, r *process.Request) *process.Process {
	t.Helper()
	p, err := h.Start(t.Context(), who, r, nil)
	require.NoError(t, err)
	return p
}

// wait waits for the end of an export.
func (h *house) wait(t testing.TB, who *access.Principal, id string) *process.Process {
	t.Helper()
	var last *process.Process
	for p, err := range h.Watch(t.Context(), who, id) {
		require.NoError(t, err)
		last = p
	}
	require.True(t, last.Status.Finished())
	return last
}

// export makes an export, which must be completed.
func (h *house) export(t testing.TB, who *access.Principal, r *process.Request) *process.Process {
	t.Helper()
	p := h.wait(t, who, h.begin(t, who, r).ID)
	require.Equal(t, job.Completed, p.Status, "%+v %+v", p.Error, r)
	return p
}

// read downloads a file.
func (h *house) read(t testing.TB, who *access.Principal, id string, n int) string {
	t.Helper()
	d, err := h.OpenFile(t.Context(), who, id, n)
	require.NoError(t, err)
	r, err := d.Open(t.Context(), 0, -1)
	require.NoError(t, err)
	defer r.Close()
	all, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Len(t, all, int(d.Size))
	return string(all)
}

// stored returns how many files lie on the disk, besides those that somebody was killed writing.
func (h *house) stored(t testing.TB) int {
	t.Helper()
	n := 0
	require.NoError(t, filepath.WalkDir(filepath.Join(h.folder, "files"), func(_ string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			n++
		}
		return err
	}))
	return n
}

// spooled returns how many files lie in the spool.
func (h *house) spooled(t testing.TB) int {
	t.Helper()
	all, err := os.ReadDir(h.spool)
	require.NoError(t, err)
	return len(all)
}
