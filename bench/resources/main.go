// Resources writes the FHIR resources that the shipped mappings make of the sample and of made-up campaigns, one file
// of NDJSON for each mapping, so that others can look at them.
//
//	go run ./bench/resources -out DIR             all of them
//	go run ./bench/resources -out DIR -each 2000  at most so many of a mapping, from all over its index
//	go run ./bench/resources -out DIR -elements id  what _elements=id leaves of them
//
// A record that cannot be mapped is an error. Those of the hospital are written by examples/hospital.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/bench/campaign"
	"github.com/digit-health/dhr/fhir"
	"github.com/digit-health/dhr/fhir/mapping"
	"github.com/digit-health/dhr/fhir/mappings"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/memsearch"
	"github.com/digit-health/dhr/server/sample"
)

func main() {
	out := flag.String("out", "", "the `folder` for the files; it is needed, and made if need be")
	each := flag.Int("each", 0, "at most so many resources of each mapping; 0 is all")
	households := flag.Int("households", 1500, "how many households the campaigns visit")
	elements := flag.String("elements", "", "leave out all but these `elements`, with commas between, and what has to be there")
	flag.Parse()
	if *out == "" || flag.NArg() > 0 || *each < 0 || *households < 0 {
		flag.Usage()
		os.Exit(2)
	}
	c := &choice{each: *each}
	if *elements != "" {
		c.elements = strings.Split(*elements, ",")
	}
	if err := run(context.Background(), os.Stdout, *out, *households, c); err != nil {
		log.Fatal(err)
	}
}

// A choice says what is written of a mapping's resources.
type choice struct {
	each     int      // at most so many, unless it is 0
	elements []string // none for all of them
}

// run writes the resources of every mapping, and says how many to out.
func run(ctx context.Context, out io.Writer, dir string, households int, c *choice) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, w := range []world{sampleWorld(), campaignWorld(households)} {
		index, err := w.load(ctx)
		if err != nil {
			return err
		}
		set, err := mappings.Shipped(w.file)
		if err != nil {
			return err
		}
		for _, m := range set.Mappings() {
			n, err := write(ctx, index, m, filepath.Join(dir, m.Name+"."+m.Type+".ndjson"), c)
			if err != nil {
				return fmt.Errorf("%s: %w", m.Name, err)
			}
			if _, err := fmt.Fprintf(out, "%-28s %-26s %7d\n", m.Name, m.Type, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// A world is what the mappings of one file are for.
type world struct {
	file      string
	indexes   []string
	schema    func(index string) (*record.Schema, error)
	documents func(index string) (iter.Seq2[string, []byte], error)
}

func sampleWorld() world {
	indexes := []string{sample.Patients, sample.Visits, sample.Treatments, sample.Outcomes, sample.Analytics}
	return world{mappings.Sample, indexes, sample.Schema, sample.Documents}
}

func campaignWorld(households int) world {
	return world{mappings.Campaign, campaign.Indexes(), campaign.Schema, func(index string) (iter.Seq2[string, []byte], error) {
		return campaign.Documents(index, households), nil
	}}
}

// who sees everything.
var who = &access.Principal{User: "resources", Roles: []string{"all"}}

func policy() (*access.Policy, error) {
	return access.NewPolicy(map[string]access.Role{
		"all": {Grants: []access.Grant{{Indexes: []string{"*"}, Others: access.Treatment{As: access.Visible}}}},
	}, nil)
}

// load stores the world's documents in memory.
func (w world) load(ctx context.Context) (*search.Index, error) {
	engine := memsearch.New()
	for _, name := range w.indexes {
		schema, err := w.schema(name)
		if err != nil {
			return nil, err
		}
		if err := engine.Create(ctx, schema); err != nil {
			return nil, err
		}
		docs, err := w.documents(name)
		if err != nil {
			return nil, err
		}
		if err := store(ctx, engine, schema, docs); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	p, err := policy()
	if err != nil {
		return nil, err
	}
	return search.New(engine, p, nil)
}

// store loads documents; that one is refused is an error.
func store(ctx context.Context, engine search.Loader, schema *record.Schema, docs iter.Seq2[string, []byte]) error {
	columns, err := schema.ProjectAll()
	if err != nil {
		return err
	}
	var wrong error
	decoder := record.NewDecoder(columns)
	decoded := func(yield func(*search.Document) bool) {
		place := int64(0)
		for id, text := range docs {
			place++
			var r record.Record
			if wrong = decoder.Decode(text, &r); wrong != nil {
				return
			}
			r.ID = id
			if !yield(&search.Document{Record: &r, Place: place}) {
				return
			}
		}
	}
	var refused []error
	_, err = engine.Load(ctx, schema, decoded, func(r search.Refusal) { refused = append(refused, fmt.Errorf("document %d: %s", r.Place, r.Reason)) })
	return errors.Join(err, wrong, errors.Join(refused...))
}

// condition is that for the records that are resources of a mapping.
func condition(m *mapping.Mapping) string {
	var parts []string
	if m.Where != "" {
		parts = append(parts, "("+m.Where+")")
	}
	if m.Deleted != "" {
		parts = append(parts, "NOT ("+m.Deleted+")")
	}
	return strings.Join(parts, " AND ")
}

// bind binds a mapping to its index.
func bind(ctx context.Context, index *search.Index, m *mapping.Mapping, elements []string) (*mapping.Mapper, error) {
	schemas, err := index.Schemas(ctx, who, m.Index)
	if err != nil {
		return nil, err
	}
	x, err := m.Bind(schemas[0])
	if err != nil || len(elements) == 0 {
		return x, err
	}
	return x.Elements(elements...)
}

// write writes the resources of one mapping, and returns how many.
func write(ctx context.Context, index *search.Index, m *mapping.Mapping, file string, c *choice) (n int, err error) {
	x, err := bind(ctx, index, m, c.elements)
	if err != nil {
		return 0, err
	}
	scan, err := index.Scan(ctx, who, &search.Query{JQL: condition(m), Indexes: []string{m.Index}, Fields: x.Fields()}, nil)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, scan.Close()) }()
	total, err := scan.Total(ctx)
	if err != nil {
		return 0, err
	}
	step := 1
	if c.each > 0 {
		step = max(1, (int(total)+c.each-1)/c.each)
	}
	f, err := os.Create(file)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriterSize(f, 1<<18)
	n, err = writeLines(w, x, scan.Slice(0).Records(ctx), step)
	if err != nil {
		return n, err
	}
	return n, w.Flush()
}

// writeLines writes the resource of each record, or of the first of so many. That there is none, or one that is not sound, is an error.
func writeLines(w io.Writer, x *mapping.Mapper, records record.Stream, step int) (n int, err error) {
	var line []byte
	at := 0
	for r, err := range records {
		if err != nil {
			return n, err
		}
		if at++; (at-1)%step != 0 {
			continue
		}
		if line, err = x.Append(line[:0], r); err != nil {
			return n, err
		}
		if err := fhir.Check(line); err != nil {
			return n, fmt.Errorf("%s: %w", line, err)
		}
		n++
		if _, err := w.Write(append(line, '\n')); err != nil {
			return n, err
		}
	}
	return n, nil
}
