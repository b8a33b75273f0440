// Command hospital reads the tables of a hospital where they stand, asks them a question, and hands them out as FHIR R4.
// Without a database it makes a file of SQLite with sample data first; a database that is named is never changed.
//
//	go run ./examples/hospital                                    a question, and how many resources there are
//	go run ./examples/hospital -out DIR                           the resources as well, a file of NDJSON for each mapping
//	go run ./examples/hospital -sql | psql postgres://host/name   the tables and the sample data in PostgreSQL
//	go run ./examples/hospital -db postgres://host/name           read from there
//
// What becomes what is in fhir/mappings/hospital.yaml; docs/fhir-mappings.md explains it.
package main

import (
	"bufio"
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // makes the file of the sample

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/fhir/mapping"
	"github.com/digit-health/dhr/fhir/mappings"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/sqlsearch"
)

//go:embed tables.sql
var tables string

func main() {
	db := flag.String("db", "", "read the tables of this `database`: the URL of PostgreSQL, or a file of SQLite")
	out := flag.String("out", "", "write the resources into this `folder`")
	patients := flag.Int("patients", 300, "how many patients the sample has")
	script := flag.Bool("sql", false, "write the tables and the sample data as SQL, and do nothing else")
	flag.Parse()
	if *script {
		check(writeSQL(os.Stdout, *patients))
		return
	}
	ctx := context.Background()
	if *db != "" {
		check(run(ctx, os.Stdout, *db, "public", *out))
		return
	}
	dir, err := os.MkdirTemp("", "hospital")
	check(err)
	file := filepath.Join(dir, "hospital.db")
	err = makeSQLite(ctx, file, *patients)
	if err == nil {
		err = run(ctx, os.Stdout, file, "", *out)
	}
	check(errors.Join(err, os.RemoveAll(dir)))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// makeSQLite makes a file of SQLite with the tables and n patients.
func makeSQLite(ctx context.Context, file string, n int) (err error) {
	var script strings.Builder
	if err := writeSQL(&script, n); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	_, err = db.ExecContext(ctx, script.String())
	return err
}

// personal says which columns are personal data.
var personal = map[string]string{
	"patients":        `"mrn", "national_id", "given_name", "family_name", "birth_date", "phone", "address", "guardian_name", "guardian_phone"`,
	"medical_records": `"patient_id", "content"`,
	"medical_history": `"patient_id", "notes"`,
	"consents":        `"patient_id"`,
}

// open opens the tables, which are indexes of their names from then on.
func open(ctx context.Context, db, schema string) (*sqlsearch.Tables, error) {
	opts := &sqlsearch.TablesOptions{Schema: schema, Mappings: map[string][]byte{}}
	for name, columns := range personal {
		opts.Only = append(opts.Only, name)
		opts.Mappings[name] = fmt.Appendf(nil, `{"_meta": {"dhr": {"personal": [%s]}}}`, columns)
	}
	return sqlsearch.OpenTables(ctx, db, opts)
}

// run asks the tables of a database a question, and makes resources of them; into files in dir, if that is not empty.
func run(ctx context.Context, out io.Writer, db, schema, dir string) (err error) {
	engine, err := open(ctx, db, schema)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	// A role sees what a grant says; this one sees everything, as an export does.
	policy, err := access.NewPolicy(map[string]access.Role{
		"REGISTRAR": {Grants: []access.Grant{{Indexes: []string{"*"}, Others: access.Treatment{As: access.Visible}}}},
	}, nil)
	if err != nil {
		return err
	}
	index, err := search.New(engine, policy, nil)
	if err != nil {
		return err
	}
	who := &access.Principal{User: "asha", Roles: []string{"REGISTRAR"}}
	if err := ask(ctx, out, index, who); err != nil {
		return err
	}
	set, err := mappings.Shipped(mappings.Hospital)
	if err != nil {
		return err
	}
	for _, m := range set.Mappings() {
		if err := handOut(ctx, out, index, who, m, dir); err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
	}
	return nil
}

// ask asks a question in JQL.
func ask(ctx context.Context, out io.Writer, index *search.Index, who *access.Principal) error {
	page, err := index.Page(ctx, who, &search.Query{
		JQL:     `record_type = observation AND code = "718-7" AND value_number < 7 ORDER BY value_number, id`,
		Indexes: []string{"medical_records"},
		Fields:  []string{"id", "patient_id", "description", "value_number", "value_unit"},
	}, &search.PageOptions{MaxResults: 3})
	if err != nil {
		return err
	}
	for _, r := range page.Records {
		if _, err := fmt.Fprintf(out, "%s\n", r.AppendJSON(nil)); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(out, "%d records\n\n", page.Total)
	return err
}

// handOut makes resources of all records of a mapping, and says how many there were.
func handOut(ctx context.Context, out io.Writer, index *search.Index, who *access.Principal, m *mapping.Mapping, dir string) (err error) {
	w := io.Discard
	if dir != "" {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		f, err := os.Create(filepath.Join(dir, m.Name+"."+m.Type+".ndjson"))
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		w = f
	}
	made, refused, err := resources(ctx, index, who, m, w)
	if err != nil {
		return err
	}
	for _, reason := range refused {
		if _, err := fmt.Fprintln(out, reason); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(out, "%-24s %-18s %6d resources, %d records refused\n", m.Name, m.Type, made, len(refused))
	return err
}

// resources writes a mapping's resources, one a line. A record of which none can be made is among refused, with the reason.
func resources(ctx context.Context, index *search.Index, who *access.Principal, m *mapping.Mapping, out io.Writer) (made int, refused []error, err error) {
	schemas, err := index.Schemas(ctx, who, m.Index)
	if err != nil {
		return 0, nil, err
	}
	mapper, err := m.Bind(schemas[0])
	if err != nil {
		return 0, nil, err
	}
	condition := "NOT (" + m.Deleted + ")"
	if m.Where != "" {
		condition += " AND (" + m.Where + ")"
	}
	scan, err := index.Scan(ctx, who, &search.Query{JQL: condition, Indexes: []string{m.Index}, Fields: mapper.Fields()}, nil)
	if err != nil {
		return 0, nil, err
	}
	defer func() { err = errors.Join(err, scan.Close()) }()
	w := bufio.NewWriter(out)
	var line []byte
	for r, err := range scan.Slice(0).Records(ctx) {
		if err != nil {
			return made, refused, err
		}
		line, err = mapper.Append(line[:0], r)
		var unmappable *mapping.UnmappableError
		switch {
		case errors.As(err, &unmappable):
			refused = append(refused, err)
			continue
		case err != nil:
			return made, refused, err
		}
		made++
		if _, err := w.Write(append(line, '\n')); err != nil {
			return made, refused, err
		}
	}
	return made, refused, w.Flush()
}
