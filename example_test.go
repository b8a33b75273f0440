package dhr_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/digit-health/dhr"
	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/bulk"
	"github.com/digit-health/dhr/search/memsearch"
)

const visitsMapping = `{"mappings": {
	"_meta": {"dhr": {"key": "visit_id", "personal": ["name"]}},
	"properties": {
		"visit_id": {"type": "keyword"}, "patient_id": {"type": "keyword"}, "name": {"type": "keyword"},
		"age": {"type": "integer"}, "diagnosis": {"type": "text"}, "date": {"type": "date", "format": "yyyy-MM-dd"}}}}`

const visits = `{"visit_id":"V1","patient_id":"P1","name":"Asha","age":3,"diagnosis":"Severe malaria","date":"2026-11-02"}
{"visit_id":"V2","patient_id":"P2","name":"Ravi","age":41,"diagnosis":"Malaria","date":"2026-11-09"}
{"visit_id":"V3","patient_id":"P1","name":"Asha","age":3,"diagnosis":"Fracture","date":"2026-11-20"}
`

// threeVisits returns an engine with three visits. A service would open sqlsearch or essearch.
func threeVisits(ctx context.Context) (search.Driver, error) {
	dir, err := os.MkdirTemp("", "dhr-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // what is left lies among the temporary files
	file := filepath.Join(dir, "visits.ndjson")
	if err := os.WriteFile(file, []byte(visits), 0o600); err != nil {
		return nil, err
	}
	schema, err := record.ParseSchema("visits", []byte(visitsMapping))
	if err != nil {
		return nil, err
	}
	d := memsearch.New()
	if err := d.Create(ctx, schema); err != nil {
		return nil, err
	}
	_, err = bulk.Load(ctx, d, schema, []string{file}, nil)
	return d, err
}

func Example() {
	ctx := context.Background()
	records, err := threeVisits(ctx)
	check(err)
	roles, err := access.ParseRoles(access.DefaultRoles())
	check(err)
	policy, err := access.NewPolicy(roles, nil)
	check(err)
	service, err := dhr.New(ctx, dhr.Config{Engine: records, Policy: policy})
	check(err)
	defer service.Close()

	analyst := &access.Principal{User: "meena", Tenant: "pb", Roles: []string{"ANALYST"}}
	page, err := service.Query(ctx, analyst, &search.Query{JQL: `diagnosis ~ malaria ORDER BY age`}, nil)
	check(err)
	for _, r := range page.Records {
		fmt.Println(r.ID, string(r.AppendJSON(nil)))
	}
	_, err = service.Query(ctx, analyst, &search.Query{JQL: `name = Asha`}, nil)
	fmt.Println(err)
	// Output:
	// V1 {"visit_id":"V1","patient_id":"P1","age":3,"diagnosis":"Severe malaria","date":"2026-11-02"}
	// V2 {"visit_id":"V2","patient_id":"P2","age":41,"diagnosis":"Malaria","date":"2026-11-09"}
	// 1:1: unknown field "name" in index "visits"
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
