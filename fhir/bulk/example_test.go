package bulk_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"

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
	"github.com/digit-health/dhr/search/memsearch"
	"github.com/digit-health/dhr/storage"
	"github.com/digit-health/dhr/storage/disk"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// Records of patients become Patient resources in a file on disk.
func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	folder, err := os.MkdirTemp("", "exports-*")
	check(err)
	defer func() { _ = os.RemoveAll(folder) }()

	engine := memsearch.New()
	schema, err := record.ParseSchema("patients", []byte(`{"_meta": {"dhr": {"key": "mrn"}}, "properties": {"mrn": {"type": "keyword"}, "sex": {"type": "keyword"}}}`))
	check(err)
	check(engine.Create(ctx, schema))
	_, err = load.Load(ctx, engine, schema, []string{"patients.ndjson"}, &load.Options{Open: func(string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(`{"mrn": "P1", "sex": "F"}` + "\n" + `{"mrn": "P2", "sex": "x"}` + "\n")), nil
	}})
	check(err)
	set, err := mapping.Parse("patients.yaml", []byte(`
mappings:
  - name: patients
    index: patients
    type: Patient
    resource:
      id: "{mrn}"
      gender: {$value: "{sex}", $map: {F: female, M: male}}
`))
	check(err)
	roles, err := access.ParseRoles(access.DefaultRoles())
	check(err)
	policy, err := access.NewPolicy(roles, nil)
	check(err)
	index, err := search.New(engine, policy, nil)
	check(err)
	backend, err := disk.Open(filepath.Join(folder, "files"), nil)
	check(err)
	files, err := storage.New(backend)
	check(err)
	store := docstore.New(memdoc.New())
	jobs := job.New(store, localjob.New(), nil)

	exports, err := bulk.New(&bulk.Config{Mappings: set.Mappings(), Files: files, Jobs: jobs, Spool: folder},
		&bulk.Host{Index: index, Policy: policy, Store: store})
	check(err)
	done := make(chan error, 1)
	go func() { done <- jobs.Run(ctx) }()

	who := &access.Principal{User: "meena", Tenant: "pb", Roles: []string{"ADMIN"}}
	e, err := exports.Start(ctx, who, &bulk.Request{Level: bulk.SystemLevel, Parameters: map[string][]string{"_type": {"Patient"}}})
	check(err)
	for e, err = range exports.Watch(ctx, who, e.ID) {
		check(err)
	}
	fmt.Println(e.Progress)
	m, err := exports.Manifest(ctx, who, e.ID, 0)
	check(err)
	for _, f := range append(m.Output, m.Errors...) {
		file, err := exports.OpenFile(ctx, who, e.ID, f.Name)
		check(err)
		r, err := file.Open(ctx, false, 0, -1)
		check(err)
		text, err := io.ReadAll(r)
		check(err)
		check(r.Close())
		fmt.Printf("%s (%d %s)\n%s", f.Name, f.Count, f.Type, text)
	}
	cancel()
	check(<-done)
	check(backend.Close())
	// Output:
	// 100% completed: 1 resources
	// Patient-1.ndjson (1 Patient)
	// {"resourceType":"Patient","id":"P1","gender":"female"}
	// errors-1.ndjson (1 OperationOutcome)
	// {"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"processing","diagnostics":"The record \"P2\" of \"patients\" is no Patient: Patient.gender: found \"x\", for which the code map has no code","expression":["Patient.gender"]}]}
}
