package export

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/digit-health/dhr/record"
)

// A Table makes rows of cells of records: the rules for cells, once for all
// formats. It is made by [Format.NewEncoder], and belongs to one encoder.
//
//	for i := range t.Load(r) {
//		for _, cell := range t.Row(i) {
//			…
//		}
//	}
type Table struct {
	// Report is what Table and the encoder count.
	Report Report

	columns   []Column
	headings  []string
	opts      Options
	zone      zone
	separator []byte
	known     []*layout
	layout    *layout // of the record
	record    *record.Record
	exploded  int // the column that is exploded, or -1
	row       []Cell
}

// A layout says where the columns are found in the records of a projection.
type layout struct {
	projection *record.Projection
	places     []place
}

type place struct {
	column int // of the record, or -1
	dates  dates
}

// maxLayouts bounds what is kept for projections, of which there are as many as indexes.
const maxLayouts = 256

func newTable(columns []Column, opts *Options) (*Table, error) {
	t := &Table{columns: append([]Column(nil), columns...), exploded: -1}
	if opts != nil {
		t.opts = *opts
	}
	if len(columns) == 0 {
		return nil, fmt.Errorf("%w: no columns", ErrInvalid)
	}
	for i, c := range columns {
		if c.Path == "" {
			return nil, fmt.Errorf("%w: column %d has no path", ErrInvalid, i+1)
		}
		heading := c.Path
		if t.opts.Labels && c.Label != "" {
			heading = c.Label
		}
		t.headings = append(t.headings, strings.ToValidUTF8(heading, "\uFFFD"))
	}
	if err := t.opts.check(); err != nil {
		return nil, err
	}
	t.separator = []byte(t.opts.Separator)
	t.zone = zone{location: t.opts.Zone}
	t.row = make([]Cell, len(columns))
	for i := range t.row {
		t.row[i].t = t
	}
	return t, nil
}

// check sets the defaults, and says what makes no sense.
func (o *Options) check() error {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Separator == "" {
		o.Separator = "; "
	}
	if o.Delimiter == 0 {
		o.Delimiter = ','
	}
	switch o.Lists {
	case "", "join", "explode", "json":
	default:
		return fmt.Errorf("%w: lists %q, not join, explode or json", ErrInvalid, o.Lists)
	}
	if !strings.ContainsRune(",;|\t", o.Delimiter) {
		return fmt.Errorf("%w: delimiter %q, not one of , ; | and tab", ErrInvalid, o.Delimiter)
	}
	for _, text := range []string{o.Separator, o.Title, o.Question, o.User} {
		if !utf8.ValidString(text) {
			return fmt.Errorf("%w: %q is not UTF-8", ErrInvalid, text)
		}
	}
	return nil
}

// Headings are the headings of the columns.
func (t *Table) Headings() []string { return t.headings }

// Options are those of who exports, with their defaults.
func (t *Table) Options() *Options { return &t.opts }

// Load turns to a record, and returns the number of its rows: one, unless lists are exploded.
func (t *Table) Load(r *record.Record) int {
	if t.layout == nil || t.layout.projection != r.Projection() {
		t.layout = t.layoutOf(r.Projection())
	}
	t.record, t.exploded = r, -1
	rows := 1
	if t.opts.Lists == "explode" {
		for i, p := range t.layout.places {
			if p.column < 0 {
				continue
			}
			if n := len(r.Values(p.column)); n > 1 {
				t.exploded, rows = i, n
				break
			}
		}
	}
	t.Report.Rows += int64(rows)
	return rows
}

// Row returns the cells of the ith row of the record. They hold until the next call.
func (t *Table) Row(i int) []Cell {
	for c := range t.row {
		p := &t.layout.places[c]
		cell := &t.row[c]
		cell.place, cell.values = p, nil
		if p.column < 0 {
			continue
		}
		cell.values = t.record.Values(p.column)
		if c == t.exploded {
			cell.values = cell.values[i : i+1]
		}
	}
	return t.row
}

func (t *Table) layoutOf(p *record.Projection) *layout {
	for _, l := range t.known {
		if l.projection == p {
			return l
		}
	}
	l := &layout{projection: p}
	for _, c := range t.columns {
		at := place{column: p.Column(c.Path)}
		if at.column >= 0 {
			at.dates = datesOf(p.Fields()[at.column])
		}
		l.places = append(l.places, at)
	}
	if len(t.known) == maxLayouts {
		t.known = t.known[:0]
	}
	t.known = append(t.known, l)
	return l
}
