// Command jql asks a question of a file of records.
//
//	go run ./examples/jql -mapping visits.json 'diagnosis ~ "malaria" AND age < 5 ORDER BY date DESC' visits.ndjson
//
// The mapping is an Elasticsearch mapping file, the records are JSON
// documents, one a line; "-" is standard input. Matching records are printed
// as they stand, or with -fields as a table. The two files of the line above come
// with the program, for when there are no others of that name.
//
// The exit status is 0 if the question was answered, 2 if the command line or the question is
// wrong, and 1 if a file is.
package main

import (
	"bufio"
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/jql/eval"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

//go:embed visits.json visits.ndjson
var samples embed.FS

// errUsage is a command line that says too little; what is wrong has been printed.
var errUsage = errors.New("usage")

func main() {
	err := run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	var complaints jql.ErrorList
	switch {
	case errors.As(err, &complaints):
		fmt.Fprintln(os.Stderr, complaints.Caret())
		os.Exit(2)
	case errors.Is(err, errUsage):
		if err != errUsage { //nolint:errorlint // the bare error was explained when it was made
			fmt.Fprintln(os.Stderr, "jql:", err)
		}
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "jql:", err)
		os.Exit(1)
	}
}

// A question is the command line.
type question struct {
	query  *jql.Query
	schema *record.Schema
	names  []string // the heads of the table
	fields []string // their paths; nil to print the records as they are
	zone   *time.Location
	user   string
	files  []string
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	q, err := parse(args, stderr)
	if err != nil {
		return err
	}
	meaning, err := jql.Resolve(ctx, q.query, []*record.Schema{q.schema}, &jql.ResolveOptions{Zone: q.zone, User: q.user})
	if err != nil {
		return err
	}
	for _, w := range meaning.Warnings {
		if _, err := fmt.Fprintln(stderr, "warning:", w.Caret()); err != nil {
			return err
		}
	}
	found, read, err := q.answer(meaning.Plans[0], stdin)
	if err != nil {
		return err
	}
	if err := q.print(stdout, found); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stderr, "%d of %d records\n", len(found), read)
	return err
}

func parse(args []string, stderr io.Writer) (*question, error) {
	flags := flag.NewFlagSet("jql", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		_, _ = io.WriteString(stderr, "usage: jql -mapping FILE [-fields a,b] [-zone Asia/Kolkata] [-user NAME] 'QUERY' FILE...\n\n")
		flags.PrintDefaults()
	}
	mapping := flags.String("mapping", "", "the Elasticsearch mapping `file` of the records")
	fields := flags.String("fields", "", "print these `fields` as a table instead of the records")
	zone := flags.String("zone", "UTC", "the time `zone` in which days begin")
	user := flags.String("user", "", "the `name` that currentUser() stands for")
	if err := flags.Parse(args); err != nil {
		return nil, errUsage
	}
	if *mapping == "" || flags.NArg() < 2 {
		flags.Usage()
		missing := "a query and at least one file of records"
		if *mapping == "" {
			missing = "-mapping FILE"
		}
		return nil, fmt.Errorf("%w: %s is missing", errUsage, missing)
	}
	q := &question{user: *user, files: flags.Args()[1:]}
	var err error
	if q.zone, err = time.LoadLocation(*zone); err != nil {
		return nil, fmt.Errorf("%w: -zone: %w; a zone is named like Asia/Kolkata or UTC", errUsage, err)
	}
	text, err := read(*mapping)
	if err != nil {
		return nil, err
	}
	name := strings.TrimSuffix(filepath.Base(*mapping), filepath.Ext(*mapping))
	if q.schema, err = record.ParseSchema(name, text); err != nil {
		return nil, fmt.Errorf("%s: %w", *mapping, err)
	}
	for _, what := range q.schema.Unknown {
		if _, err := fmt.Fprintf(stderr, "warning: %s: not known to DHR: %s\n", *mapping, what); err != nil {
			return nil, err
		}
	}
	if err := q.columns(*fields); err != nil {
		return nil, err
	}
	q.query, err = jql.Parse(flags.Arg(0), nil)
	return q, err
}

// columns finds the fields of the table by the names that queries may use, too.
func (q *question) columns(names string) error {
	if names == "" {
		return nil
	}
	for _, name := range strings.Split(names, ",") {
		name = strings.TrimSpace(name)
		found := q.schema.Lookup(name)
		if len(found) != 1 {
			return fmt.Errorf("%w: -fields: there is no field %q; perhaps %q", errUsage, name, q.schema.Nearest(name))
		}
		q.names = append(q.names, name)
		q.fields = append(q.fields, found[0].Path)
	}
	return nil
}

// answer reads all files and returns the records that match, in order, and how many were read.
func (q *question) answer(p *plan.Plan, stdin io.Reader) ([]*record.Record, int, error) {
	projection, err := q.projection(p)
	if err != nil {
		return nil, 0, err
	}
	matcher, err := eval.Compile(p, projection)
	if err != nil {
		return nil, 0, err
	}
	var found []*record.Record
	read := 0
	for _, name := range q.files {
		file, err := open(name, stdin)
		if err != nil {
			return nil, read, err
		}
		for r, err := range record.ReadNDJSON(file, name, projection) {
			if err != nil {
				return nil, read, errors.Join(err, file.Close())
			}
			read++
			if matcher.Match(r) {
				found = append(found, r.Clone())
			}
		}
		if err := file.Close(); err != nil {
			return nil, read, err
		}
	}
	order, err := eval.CompileOrder(p, projection)
	if err != nil {
		return nil, read, err
	}
	slices.SortStableFunc(found, order.Compare)
	return found, read, nil
}

// projection chooses the fields to print and those that the plan looks at.
func (q *question) projection(p *plan.Plan) (*record.Projection, error) {
	paths := slices.Clone(q.fields)
	for _, f := range plan.Fields(p) {
		if !slices.Contains(paths, f.Path) {
			paths = append(paths, f.Path)
		}
	}
	return q.schema.Project(paths...)
}

func (q *question) print(w io.Writer, found []*record.Record) error {
	out := bufio.NewWriter(w)
	var to io.Writer = out
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if q.fields != nil {
		to = table
	}
	_, err := io.WriteString(to, q.heading())
	for i := 0; i < len(found) && err == nil; i++ {
		_, err = io.WriteString(to, q.line(found[i]))
	}
	return errors.Join(err, table.Flush(), out.Flush())
}

func (q *question) heading() string {
	if q.fields == nil {
		return ""
	}
	return strings.Join(q.names, "\t") + "\n"
}

// line is a record as one line: its document, or the cells of a table.
func (q *question) line(r *record.Record) string {
	if q.fields == nil {
		return string(r.Source()) + "\n"
	}
	cells := make([]string, len(q.fields))
	for i := range q.fields {
		var texts []string
		for _, v := range r.Values(i) {
			texts = append(texts, v.Text())
		}
		cells[i] = strings.Join(texts, ", ")
	}
	return strings.Join(cells, "\t") + "\n"
}

// open opens a file of records: standard input, a file, or the sample of that name.
func open(name string, stdin io.Reader) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(stdin), nil
	}
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		if sample, sampleErr := samples.Open(name); sampleErr == nil {
			return sample, nil
		}
	}
	return file, err
}

func read(name string) ([]byte, error) {
	file, err := open(name, nil)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(file)
	return text, errors.Join(err, file.Close())
}
