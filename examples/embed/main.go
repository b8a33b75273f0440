// Command embed shows DHR inside of a program, without any server: it opens the embedded engine, loads the
// records that come with it, and asks them a question.
//
//	go run ./examples/embed
package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/digit-health/dhr"
	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/bulk"
	"github.com/digit-health/dhr/search/sqlsearch"
)

//go:embed visits.json visits.ndjson
var files embed.FS

func main() {
	dir, err := os.MkdirTemp("", "embed")
	check(err)
	err = run(context.Background(), dir, os.Stdout)
	check(errors.Join(err, os.RemoveAll(dir)))
}

// run keeps the records in a database under dir, and prints what it is told.
func run(ctx context.Context, dir string, out io.Writer) (err error) {
	engine, err := sqlsearch.Open(ctx, dir, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	if err := load(ctx, engine); err != nil {
		return err
	}

	// The roles that DHR ships: an ANALYST sees every record, without what is personal.
	roles, err := access.ParseRoles(access.DefaultRoles())
	if err != nil {
		return err
	}
	policy, err := access.NewPolicy(roles, nil)
	if err != nil {
		return err
	}
	service, err := dhr.New(ctx, dhr.Config{Engine: engine, Policy: policy})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, service.Close()) }()

	who := &access.Principal{User: "asha", Roles: []string{"ANALYST"}}
	page, err := service.Query(ctx, who, &search.Query{JQL: `diagnosis ~ malaria AND age < 5 ORDER BY date DESC`}, nil)
	if err != nil {
		return err
	}
	for _, visit := range page.Records {
		if _, err := fmt.Fprintf(out, "%s\n", visit.AppendJSON(nil)); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintln(out, page.Total, "records")
	return err
}

// load makes the index visits of the two files, unless it is there, and stores the records.
func load(ctx context.Context, engine *sqlsearch.SQLite) error {
	mapping, err := files.ReadFile("visits.json")
	if err != nil {
		return err
	}
	schema, err := record.ParseSchema("visits", mapping)
	if err != nil {
		return err
	}
	if err := engine.Create(ctx, schema); err != nil {
		return err
	}
	// With files on disk, the last parameter is nil.
	report, err := bulk.Load(ctx, engine, schema, []string{"visits.ndjson"}, &bulk.Options{
		Open: func(name string) (io.ReadCloser, error) { return files.Open(name) },
	})
	if err == nil && report.Refused > 0 {
		err = fmt.Errorf("%d records were refused, the first because %s", report.Refused, report.Refusals[0].Reason)
	}
	return err
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
