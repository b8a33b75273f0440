package bulk_test

import (
	"bufio"
	"context"
	"encoding/json"
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
	"github.com/digit-health/dhr/fhir"
	"github.com/digit-health/dhr/fhir/bulk"
	"github.com/digit-health/dhr/fhir/mapping"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/job/localjob"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	load "github.com/digit-health/dhr/search/bulk"
	"github.com/digit-health/dhr/search/memsearch"
	"github.com/digit-health/dhr/storage"
	"github.com/digit-health/dhr/storage/disk"
)

// The indexes of the tests: patients, what was seen of them, FHIR as it came, and what belongs to no patient.
var schemas = map[string]string{
	"patients": `{"_meta": {"dhr": {"key": "patient_id", "personal": ["name"]}}, "properties": {"patient_id": {"type": "keyword"}, "name": {"type": "keyword"},
		"gender": {"type": "keyword"}, "district": {"type": "keyword"}, "status": {"type": "keyword"}, "updated_at": {"type": "date"}}}`,
	"visits": `{"_meta": {"dhr": {"key": "visit_id"}}, "properties": {"visit_id": {"type": "keyword"}, "patient_id": {"type": "keyword"},
		"pulse": {"type": "integer"}, "state": {"type": "keyword"}, "status": {"type": "keyword"}, "updated_at": {"type": "date"}}}`,
	"native": `{"_meta": {"dhr": {"key": "id"}}, "properties": {"resourceType": {"type": "keyword"}, "id": {"type": "keyword"},
		"subject": {"properties": {"reference": {"type": "keyword"}}}, "code": {"properties": {"text": {"type": "keyword"}}},
		"meta": {"properties": {"lastUpdated": {"type": "date"}}}}}`,
	"places": `{"_meta": {"dhr": {"key": "place_id"}}, "properties": {"place_id": {"type": "keyword"}, "name": {"type": "keyword"}}}`,
	"traces": `{"_meta": {"dhr": {"key": "trace_id"}}, "properties": {"trace_id": {"type": "keyword"}, "patient_id": {"type": "keyword"}, "target": {"type": "keyword"},
		"recorded": {"type": "date"}}}`,
}

const mappings = `
mappings:
  - name: patients
    index: patients
    type: Patient
    deleted: status = deleted
    last_updated: updated_at
    resource:
      id: "{patient_id}"
      name: [{text: "{name}"}]
      gender: {$value: "{gender}", $map: {F: female, M: male}}
  - name: pulses
    index: visits
    type: Observation
    patient: "{patient_id}"
    deleted: status = deleted
    last_updated: updated_at
    resource:
      id: "{visit_id}"
      status: "{state}"
      code: {coding: [{system: loinc, code: 8867-4}]}
      subject: {$reference: "Patient/{patient_id}"}
      valueQuantity: {$quantity: "{pulse}", $unit: /min}
    search:
      code: {type: token, is: "loinc|8867-4"}
      status: {type: token, field: state}
  - name: conditions
    index: native
    type: Condition
    native: true
    patient: "{subject.reference}"
    last_updated: meta.lastUpdated
  - name: places
    index: places
    type: Location
    resource:
      id: "{place_id}"
      name: "{name}"
  - name: traces
    index: traces
    type: Provenance
    patient: "{patient_id}"
    resource:
      id: "{trace_id}"
      target: [{$reference: "Observation/{target}"}]
      recorded: "{recorded}"
      agent: [{who: {display: clinic}}]
`

// parse reads mappings.
func parse(t testing.TB, text string) []*mapping.Mapping {
	t.Helper()
	set, err := mapping.Parse("test.yaml", []byte(text))
	require.NoError(t, err)
	return set.Mappings()
}

// start is before everything that was changed in the tests.
var start = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// documents returns the records of n patients with some visits each: one was deleted, and one cannot be mapped, of every hundred.
func documents(index string, n int) string {
	var b strings.Builder
	for i := range n {
		at := start.Add(time.Duration(i) * time.Minute).Format(time.RFC3339)
		switch index {
		case "patients":
			status := "active"
			if i%100 == 99 {
				status = "deleted"
			}
			_, _ = fmt.Fprintf(&b, `{"patient_id":"P%06d","name":"Asha अशा %d","gender":"%s","district":"D%d","status":"%s","updated_at":"%s"}`+"\n", i, i, "FM"[i%2:i%2+1], i%3, status, at)
		case "visits":
			for v := range 3 {
				state, status := "final", `"active"`
				if i%100 == 50 && v == 0 {
					state = "done" // which is no status of an Observation
				}
				switch {
				case i%100 == 99:
					status = `"deleted"`
				case i%2 == 0:
					status = "null"
				}
				_, _ = fmt.Fprintf(&b, `{"visit_id":"V%06d-%d","patient_id":"P%06d","pulse":%d,"state":"%s","status":%s,"updated_at":"%s"}`+"\n", i, v, i, 60+i%40, state, status, at)
			}
		case "native":
			_, _ = fmt.Fprintf(&b, `{"resourceType":"Condition","id":"C%06d","meta":{"lastUpdated":"%s"},"subject":{"reference":"Patient/P%06d"},"code":{"text":"fever %d"}}`+"\n", i, at, i, i)
		case "places":
			_, _ = fmt.Fprintf(&b, `{"place_id":"L%06d","name":"Ward %d"}`+"\n", i, i)
		case "traces":
			for v := range 2 {
				_, _ = fmt.Fprintf(&b, `{"trace_id":"T%06d-%d","patient_id":"P%06d","target":"V%06d-0","recorded":"%s"}`+"\n", i, v, i, i, start.Add(time.Duration(i+v)*time.Hour).Format(time.RFC3339))
			}
		}
	}
	return b.String()
}

// fill puts documents into an index of an engine.
func fill(t testing.TB, engine search.Loader, index, docs string) {
	t.Helper()
	schema, err := record.ParseSchema(index, []byte(schemas[index]))
	require.NoError(t, err)
	require.NoError(t, engine.Create(t.Context(), schema))
	if docs == "" {
		return
	}
	report, err := load.Load(t.Context(), engine, schema, []string{"docs"}, &load.Options{
		Open: func(string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(docs)), nil },
	})
	require.NoError(t, err)
	require.Zero(t, report.Refused)
}

// memory returns an engine with n patients, and all that belongs to them.
func memory(t testing.TB, n int) *memsearch.Driver {
	t.Helper()
	engine := memsearch.New()
	for index := range schemas {
		fill(t, engine, index, documents(index, n))
	}
	return engine
}

var visible = access.Treatment{As: access.Visible}

// own are the grants of patients.
var own = []access.Grant{
	{Indexes: []string{"patients", "visits", "places", "traces"}, Rows: `patient_id = attribute("patient_id")`, Others: visible},
	{Indexes: []string{"native"}, Rows: `subject.reference = attribute("reference")`, Others: visible},
}

var roles = map[string]access.Role{
	"exporter": {Permissions: []access.Permission{access.MayView, access.MayExport}, Grants: []access.Grant{{Indexes: []string{"*"}, Others: visible}}},
	"district": {Permissions: []access.Permission{access.MayView, access.MayExport}, Grants: []access.Grant{
		{Indexes: []string{"patients"}, Rows: `district IN attributes("district")`, Others: visible}, {Indexes: []string{"places"}, Others: visible}}},
	"nameless": {Permissions: []access.Permission{access.MayView, access.MayExport}, Grants: []access.Grant{
		{Indexes: []string{"*"}, Personal: &access.Treatment{As: access.Hidden}, Others: visible}}},
	"patient":           {Permissions: []access.Permission{access.MayView}, Grants: own},
	"exporting patient": {Permissions: []access.Permission{access.MayView, access.MayExport}, Grants: own},
	"careless patient":  {Permissions: []access.Permission{access.MayView}, Grants: []access.Grant{{Indexes: []string{"*"}, Others: visible}}},
	"admin":             {Permissions: []access.Permission{access.MayView, access.MayAdmin}},
	"nobody":            {},
}

func user(name string, roles ...string) *access.Principal {
	return &access.Principal{User: name, Tenant: "pb", Roles: roles}
}

func asha() *access.Principal { return user("asha", "exporter") }

// patient returns a principal who is a patient.
func patient(id, role string) *access.Principal {
	p := user("u-"+id, role)
	p.Attributes = map[string][]string{"patient_id": {id}, "reference": {"Patient/" + id}}
	return p
}

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
	*bulk.Service
	engine  search.Driver
	backend storage.Backend
	docs    *docstore.Store
	folder  string // of the disk
	spool   string
	config  bulk.Config
	host    bulk.Host
	roles   map[string]access.Role
	jobs    *job.Jobs
	options job.Options
	clock   clock
	idle    bool // nobody works

	mu     sync.Mutex
	events []string
	refuse error // of notes
}

// open opens a house over an engine; change may replace parts before.
func open(t testing.TB, engine search.Driver, change func(*house)) *house {
	t.Helper()
	h := &house{engine: engine, folder: t.TempDir(), spool: t.TempDir(), docs: docstore.New(memdoc.New()), roles: roles}
	h.options = job.Options{
		Workers: 4, Poll: 10 * time.Millisecond, Progress: time.Millisecond, MaxAttempts: 3,
		Backoff: func(int) time.Duration { return time.Millisecond },
	}
	h.config = bulk.Config{
		Mappings: parse(t, mappings), PatientAttribute: "patient_id",
		Groups: []bulk.Group{
			{ID: "d1", Name: "District 1", JQL: "district = D1"}, {ID: "few", Members: []string{"P000001", "P000002"}},
			{ID: "none", JQL: "district = nowhere"}, {ID: "secret", Members: []string{"P000003"}, Roles: []string{"admin"}},
		},
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
	h.config.Files, err = storage.New(h.backend)
	require.NoError(t, err)
	h.options.Now = h.clock.now
	h.jobs = job.New(h.docs, localjob.New(), &h.options)
	h.config.Jobs, h.config.Spool = h.jobs, h.spool
	h.host = bulk.Host{Index: index, Policy: policy, Store: h.docs, Note: h.note, Now: h.clock.now}
	h.Service, err = bulk.New(&h.config, &h.host)
	require.NoError(t, err)
	bulk.SetPause(h.Service, time.Millisecond)
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

func (h *house) note(_ context.Context, e *bulk.Event) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	outcome, who := "done", "nobody"
	if e.Who != nil {
		who = e.Who.User
	}
	if e.Err != nil {
		outcome = "refused"
	}
	h.events = append(h.events, fmt.Sprintf("%s %s %s %d", e.Action, who, outcome, e.Records))
	return h.refuse
}

func (h *house) noted() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.events...)
}

// ask returns a request, of parameters and their values in turn.
func ask(level bulk.Level, parameters ...string) *bulk.Request {
	r := &bulk.Request{Level: level, Parameters: map[string][]string{}, URL: "https://dhr.example/fhir/r4/$export"}
	for i := 0; i < len(parameters); i += 2 {
		r.Parameters[parameters[i]] = append(r.Parameters[parameters[i]], parameters[i+1])
	}
	return r
}

// wait waits for the end of an export.
func (h *house) wait(t testing.TB, who *access.Principal, id string) *bulk.Export {
	t.Helper()
	var last *bulk.Export
	for e, err := range h.Watch(t.Context(), who, id) {
		require.NoError(t, err)
		last = e
	}
	require.True(t, last.Status.Finished())
	return last
}

// export makes an export, which must be completed, and returns its manifest.
func (h *house) export(t testing.TB, who *access.Principal, r *bulk.Request) *bulk.Manifest {
	t.Helper()
	e, err := h.Start(t.Context(), who, r)
	require.NoError(t, err)
	e = h.wait(t, who, e.ID)
	j, err := h.jobs.Get(t.Context(), who.Tenant, "fhir-exports", e.ID)
	require.NoError(t, err)
	require.Equal(t, job.Completed, e.Status, "%+v %+v %s", e.Error, r, j.Cause)
	m, err := h.Manifest(t.Context(), who, e.ID, 0)
	require.NoError(t, err)
	return m
}

// read downloads a file.
func (h *house) read(t testing.TB, who *access.Principal, id string, f *bulk.File) string {
	t.Helper()
	d, err := h.OpenFile(t.Context(), who, id, f.Name)
	require.NoError(t, err)
	r, err := d.Open(t.Context(), false, 0, -1)
	require.NoError(t, err)
	defer r.Close()
	all, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Len(t, all, int(d.Size))
	require.EqualValues(t, d.Count, strings.Count(string(all), "\n"))
	return string(all)
}

// lines reads all files, checks that each line is what it says, and returns the resources by type, each as Type/id.
func (h *house) lines(t testing.TB, who *access.Principal, m *bulk.Manifest, files []bulk.File) []string {
	t.Helper()
	var all []string
	for i := range files {
		for lines := bufio.NewScanner(strings.NewReader(h.read(t, who, m.ID, &files[i]))); lines.Scan(); {
			var r struct{ ResourceType, ID string }
			require.NoError(t, json.Unmarshal(lines.Bytes(), &r))
			if files[i].Type != "" {
				require.Equal(t, files[i].Type, r.ResourceType)
			}
			if r.ResourceType != "OperationOutcome" && r.ResourceType != "Bundle" && r.ResourceType != "Parameters" {
				require.NoError(t, fhir.Check(lines.Bytes()), lines.Text())
				all = append(all, r.ResourceType+"/"+r.ID)
				continue
			}
			all = append(all, lines.Text())
		}
	}
	return all
}

// counts returns how many lines there are of each type.
func counts(files []bulk.File) map[string]int64 {
	all := map[string]int64{}
	for i := range files {
		all[files[i].Type] += files[i].Count
	}
	return all
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
