// The program format adds a format of its own, TSV as IANA has it, and exports
// a few records with it: the cells come from package export, so that numbers, dates and
// lists are what they are in every other format.
package main

import (
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/record"
)

// TSV returns the format tsv: cells between tabs, one record on each line. There
// are no quotes, so that a tab or a line break in a cell cannot be told
// from others: as in PostgreSQL's COPY they are written \t, \n and \r, and a backslash \\.
func TSV() *export.Format {
	return &export.Format{
		Name: "tsv", MediaType: "text/tab-separated-values; charset=utf-8", Extension: ".tsv",
		New: func(w io.Writer, t *export.Table) (export.Encoder, error) {
			return &encoder{w: w, table: t}, nil
		},
	}
}

type encoder struct {
	w       io.Writer
	table   *export.Table
	line    []byte
	cell    []byte
	started bool
}

func (e *encoder) Encode(r *record.Record) error {
	if err := e.start(); err != nil {
		return err
	}
	for i := range e.table.Load(r) {
		e.line = e.line[:0]
		cells := e.table.Row(i)
		for c := range cells {
			if c > 0 {
				e.line = append(e.line, '\t')
			}
			e.cell = cells[c].AppendText(e.cell[:0])
			e.append(e.cell)
		}
		if err := e.writeLine(); err != nil {
			return err
		}
	}
	return nil
}

// start writes the headings, once.
func (e *encoder) start() error {
	if e.started {
		return nil
	}
	e.started = true
	for i, heading := range e.table.Headings() {
		if i > 0 {
			e.line = append(e.line, '\t')
		}
		e.append([]byte(heading))
	}
	return e.writeLine()
}

// append appends a cell to the line.
func (e *encoder) append(cell []byte) {
	for _, b := range cell {
		switch b {
		case '\t':
			e.line = append(e.line, `\t`...)
		case '\n':
			e.line = append(e.line, `\n`...)
		case '\r':
			e.line = append(e.line, `\r`...)
		case '\\':
			e.line = append(e.line, `\\`...)
		default:
			e.line = append(e.line, b)
		}
	}
}

func (e *encoder) writeLine() error {
	e.line = append(e.line, '\n')
	n, err := e.w.Write(e.line)
	if err == nil && n < len(e.line) {
		err = io.ErrShortWrite
	}
	return err
}

func (e *encoder) Close() error          { return e.start() }
func (e *encoder) Report() export.Report { return e.table.Report }

const (
	mapping = `{"properties": {
		"name":  {"type": "keyword"},
		"doses": {"type": "integer"},
		"seen":  {"type": "date"}}}`
	visits = `{"name": "Asha", "doses": [1, 2], "seen": "2026-03-01T08:30:00+05:30"}
{"name": "Ravi\tKumar", "seen": "2026-03-02"}
`
)

func run(w io.Writer) error {
	schema, err := record.ParseSchema("visits", []byte(mapping))
	if err != nil {
		return err
	}
	columns, err := schema.Project("name", "doses", "seen")
	if err != nil {
		return err
	}
	formats := []*export.Format{export.CSV(), export.JSON(), export.NDJSON(), TSV()}
	for _, f := range formats[2:] {
		if _, err := fmt.Fprintf(w, "%s:\n", f.Name); err != nil {
			return err
		}
		e, err := f.NewEncoder(w, export.Columns(nil, columns), export.Plain())
		if err != nil {
			return err
		}
		for r, err := range record.ReadNDJSON(strings.NewReader(visits), "visits", columns) {
			if err != nil {
				return err
			}
			if err := e.Encode(r); err != nil {
				return err
			}
		}
		if err := e.Close(); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal(err)
	}
}
