package process_test

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
	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/export/process"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/job/localjob"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/bulk"
	"github.com/digit-health/dhr/search/memsearch"
	"github.com/digit-health/dhr/storage"
	"github.com/digit-health/dhr/storage/disk"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// Children under five go into a CSV on disk.
func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	folder, err := os.MkdirTemp("", "exports-*")
	check(err)
	defer func() { _ = os.RemoveAll(folder) }()

	engine := memsearch.New()
	schema, err := record.ParseSchema("visits", []byte(`{"properties": {"name": {"type": "keyword"}, "age": {"type": "integer"}}}`))
	check(err)
	check(engine.Create(ctx, schema))
	_, err = bulk.Load(ctx, engine, schema, []string{"visits.ndjson"}, &bulk.Options{Open: func(string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(`{"name": "Asha", "age": 3}` + "\n" + `{"name": "Ravi", "age": 41}` + "\n")), nil
	}})
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

	exports, err := process.New(&process.Config{Formats: []*export.Format{export.CSV()}, Files: files, Jobs: jobs, Spool: folder},
		&process.Host{Index: index, Policy: policy, Store: store})
	check(err)
	done := make(chan error, 1)
	go func() { done <- jobs.Run(ctx) }()

	who := &access.Principal{User: "meena", Tenant: "pb", Roles: []string{"ADMIN"}}
	p, err := exports.Start(ctx, who, &process.Request{JQL: "age < 5", Format: "csv"}, nil)
	check(err)
	for p, err = range exports.Watch(ctx, who, p.ID) {
		check(err)
	}
	fmt.Println(p.Status, p.ProcessedRecords, p.Files[0].Name)
	file, err := exports.OpenFile(ctx, who, p.ID, 1)
	check(err)
	r, err := file.Open(ctx, 0, -1)
	check(err)
	text, err := io.ReadAll(r)
	check(err)
	check(r.Close())
	fmt.Printf("%q\n", text)
	cancel()
	check(<-done)
	check(backend.Close())
	// Output:
	// completed 1 export.csv
	// "\ufeffname,age\nAsha,3\n"
}
