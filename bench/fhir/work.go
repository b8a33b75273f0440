package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/memdoc"
	"github.com/digit-health/dhr/fhir/bulk"
	"github.com/digit-health/dhr/fhir/mapping"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/job/localjob"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	load "github.com/digit-health/dhr/search/bulk"
	"github.com/digit-health/dhr/search/sqlsearch"
	"github.com/digit-health/dhr/storage"
	"github.com/digit-health/dhr/storage/disk"
)

var schemas = map[string]string{
	"conditions": `{"_meta": {"dhr": {"key": "id"}}, "properties": {"resourceType": {"type": "keyword"}, "id": {"type": "keyword"},
		"subject": {"properties": {"reference": {"type": "keyword"}}}, "recordedDate": {"type": "date"}, "meta": {"properties": {"lastUpdated": {"type": "date"}}}}}`,
	"patients": `{"_meta": {"dhr": {"key": "patient_id"}}, "properties": {"patient_id": {"type": "keyword"}, "half": {"type": "keyword"}}}`,
	"visits": `{"_meta": {"dhr": {"key": "visit_id"}}, "properties": {"visit_id": {"type": "keyword"}, "patient_id": {"type": "keyword"},
		"at": {"type": "date"}, "weight": {"type": "double"}, "clinic": {"type": "keyword"}, "updated_at": {"type": "date"}}}`,
}

const mappings = `
mappings:
  - {name: conditions, index: conditions, type: Condition, native: true, patient: "{subject.reference}", last_updated: meta.lastUpdated}
  - name: patients
    index: patients
    type: Patient
    resource: {id: "{patient_id}"}
  - name: weights
    index: visits
    type: Observation
    patient: "{patient_id}"
    last_updated: updated_at
    resource:
      id: "{visit_id}"
      status: final
      category: [{coding: [{system: http://terminology.hl7.org/CodeSystem/observation-category, code: vital-signs}]}]
      code: {coding: [{system: loinc, code: 29463-7, display: Body weight}]}
      subject: {$reference: "Patient/{patient_id}"}
      effectiveDateTime: "{at}"
      performer: [{display: "{clinic}"}]
      valueQuantity: {$quantity: "{weight}", $unit: kg}
`

// document writes the ith document of an index. There is a patient for every four of the others.
func document(w io.Writer, index string, i int) {
	at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Minute).Format(time.RFC3339)
	switch index {
	case "conditions":
		_, _ = fmt.Fprintf(w, `{"resourceType":"Condition","id":"C%08d","meta":{"lastUpdated":"%s"},"clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]},`+
			`"code":{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10","code":"B54","display":"Unspecified malaria"}],"text":"malaria, seen the %d. time"},"subject":{"reference":"Patient/P%08d"},"recordedDate":"%s"}`+"\n", i, at, i%7, i/4, at)
	case "patients":
		_, _ = fmt.Fprintf(w, `{"patient_id":"P%08d","half":"%d"}`+"\n", i, i%2)
	case "visits":
		_, _ = fmt.Fprintf(w, `{"visit_id":"V%08d","patient_id":"P%08d","at":"%s","weight":%d.50,"clinic":"Clinic %d","updated_at":"%s"}`+"\n", i, i/4, at, 40+i%50, i%300, at)
	}
}

// fill loads the records.
func fill(ctx context.Context, engine search.Loader, records int) error {
	for index, text := range schemas {
		schema, err := record.ParseSchema(index, []byte(text))
		if err != nil {
			return err
		}
		if err := engine.Create(ctx, schema); err != nil {
			return err
		}
		n := records
		if index == "patients" {
			n = (records + 3) / 4
		}
		r, w := io.Pipe()
		go func() {
			b := bufio.NewWriter(w)
			for i := range n {
				document(b, index, i)
			}
			_ = w.CloseWithError(b.Flush()) // it always returns nil
		}()
		report, err := load.Load(ctx, engine, schema, []string{index}, &load.Options{Open: func(string) (io.ReadCloser, error) { return r, nil }})
		if err != nil {
			return err
		}
		if report.Refused > 0 {
			return fmt.Errorf("%d documents of %s are refused", report.Refused, index)
		}
	}
	return nil
}

// work is what a child does: it fills the engine, or measures a part.
func work(ctx context.Context, name, folder string, records int) (err error) {
	engine, err := sqlsearch.Open(ctx, filepath.Join(folder, "records"), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	if name == "fill" {
		return fill(ctx, engine, records)
	}
	for i := range parts {
		if parts[i].name != name {
			continue
		}
		r, err := parts[i].measure(ctx, engine, folder)
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(r)
	}
	return fmt.Errorf("there is no part %q", name)
}

// open returns the exports of an engine, and what ends their work.
func (p *part) open(ctx context.Context, engine search.Driver, folder string) (exports *bulk.Service, end func() error, err error) {
	set, err := mapping.Parse("bench.yaml", []byte(mappings))
	if err != nil {
		return nil, nil, err
	}
	policy, err := access.NewPolicy(map[string]access.Role{"all": {
		Permissions: []access.Permission{access.MayView, access.MayExport}, Grants: []access.Grant{{Indexes: []string{"*"}, Others: access.Treatment{As: access.Visible}}},
	}}, nil)
	if err != nil {
		return nil, nil, err
	}
	index, err := search.New(engine, policy, nil)
	if err != nil {
		return nil, nil, err
	}
	backend, err := disk.Open(filepath.Join(folder, "files"), nil)
	if err != nil {
		return nil, nil, err
	}
	files, err := storage.New(backend)
	if err != nil {
		return nil, nil, err
	}
	store := docstore.New(memdoc.New())
	jobs := job.New(store, localjob.New(), nil)
	exports, err = bulk.New(&bulk.Config{
		Mappings: set.Mappings(), Groups: []bulk.Group{{ID: "half", JQL: "half = 0"}}, Files: files, Jobs: jobs, Spool: folder, Uncompressed: p.plain,
	}, &bulk.Host{Index: index, Policy: policy, Store: store})
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- jobs.Run(ctx) }()
	return exports, func() error {
		cancel()
		return errors.Join(<-done, backend.Close())
	}, nil
}

// measure makes an export, and downloads it.
func (p *part) measure(ctx context.Context, engine search.Driver, folder string) (r *result, err error) {
	exports, end, err := p.open(ctx, engine, folder)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, end()) }()
	who := &access.Principal{User: "bench", Tenant: "bench", Roles: []string{"all"}}
	r = new(result)
	begun := time.Now()
	e, err := exports.Start(ctx, who, &bulk.Request{Level: bulk.Level(p.level), Group: p.group, Parameters: p.parameters})
	if err != nil {
		return nil, err
	}
	r.KickOff = time.Since(begun)
	for e, err = range exports.Watch(ctx, who, e.ID) {
		if err != nil {
			return nil, err
		}
	}
	r.Wall = time.Since(begun)
	if e.Error != nil {
		return nil, errors.New(e.Error.Message)
	}
	r.Resources = e.Resources
	m, err := exports.Manifest(ctx, who, e.ID, 0)
	if err != nil {
		return nil, err
	}
	begun = time.Now()
	for i := range m.Output {
		n, err := download(ctx, exports, who, e.ID, m.Output[i].Name)
		if err != nil {
			return nil, err
		}
		r.Downloaded += n
	}
	r.Download, r.PeakKB = time.Since(begun), peak()
	return r, exports.Delete(ctx, who, e.ID)
}

// download reads a file as it is stored.
func download(ctx context.Context, exports *bulk.Service, who *access.Principal, id, name string) (n int64, err error) {
	d, err := exports.OpenFile(ctx, who, id, name)
	if err != nil {
		return 0, err
	}
	r, err := d.Open(ctx, d.Gzip != nil, 0, -1)
	if err != nil {
		return 0, err
	}
	n, err = io.Copy(io.Discard, r)
	return n, errors.Join(err, r.Close())
}

var highWater = regexp.MustCompile(`VmHWM:\s*([0-9]+) kB`)

// peak returns the greatest memory of this process in kB; 0 where the system does not tell.
func peak() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	m := highWater.FindSubmatch(status)
	if m == nil {
		return 0
	}
	n, err := strconv.ParseInt(string(bytes.TrimSpace(m[1])), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
