package export

import (
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/digit-health/dhr/record"
)

// What can go wrong, besides the errors of the writer.
var (
	// ErrInvalid is a choice that makes no sense, or that the format cannot follow.
	ErrInvalid = errors.New("invalid export")
	// ErrTooMany is more records, columns or text than the format can hold.
	ErrTooMany = errors.New("too much for the format")
	// ErrClosed is a record for a file that is finished.
	ErrClosed = errors.New("encoder is closed")
)

// A Format is a kind of file. Its fields are for the authors of formats; those
// who export call NewEncoder. It may be used by several goroutines.
type Format struct {
	// Name is what people ask for, such as csv: lower-case letters and digits.
	Name string
	// MediaType is that of the file, such as text/csv.
	MediaType string
	// Extension is that of a file's name, with its point: .csv.
	Extension string
	// MaxRecords is how many records a file can have where they are all held
	// until the end. If zero, the format streams and any number will do.
	MaxRecords int64
	// New returns an encoder of the rows of t. Choices it cannot follow are ErrInvalid or
	// ErrTooMany. It must write nothing yet.
	New func(w io.Writer, t *Table) (Encoder, error)
}

// An Encoder writes records into one file. It is used by one goroutine at a time.
//
// Authors of formats write it. That of [Format.NewEncoder] sees to it that their
// Encode is not called after an error, nor with more than MaxRecords; and that
// their Close is called once, and not after an error.
type Encoder interface {
	// Encode writes a record. It keeps nothing of it. After an error there is no file.
	Encode(r *record.Record) error
	// Close writes what is left, and closes the file, but not the writer. Without it there
	// is no file. An encoder that is not wanted any more is left as it is: it
	// holds memory alone.
	Close() error
	// Report says what became of the records so far.
	Report() Report
}

// A Fitter is an Encoder that knows how large its file is, so that it can be kept below a size. If the
// encoder of a format is one, so is that of [Format.NewEncoder].
type Fitter interface {
	Encoder
	// EncodeWithin is Encode, but if the file, once closed, might then have more than most bytes, it leaves
	// the record out and returns false. There is then nothing of it in the file and in the report.
	EncodeWithin(r *record.Record, most int64) (bool, error)
	// Flush writes what the encoder holds of the records so far, as far as the format allows it.
	Flush() error
}

// A Column is a column of the file.
type Column struct {
	// Path is the path of its field. A record of an index that has no such field has nothing there.
	Path string
	// Label is its heading for people. If empty, the path.
	Label string
}

// Columns returns the columns of records that come under these projections, as those of several
// indexes do: each path once. They stand in the order of names, which are those of search.Query.Fields:
// paths, aliases, labels and patterns; what these do not name, or without names all, in
// the order of the first projection that has it. A label is that of the first field that has one.
func Columns(names []string, projections ...*record.Projection) []Column {
	var all []Column
	seen := map[string]int{}
	add := func(f *record.Field) {
		i, ok := seen[f.Path]
		if !ok {
			i = len(all)
			seen[f.Path] = i
			all = append(all, Column{Path: f.Path})
		}
		if all[i].Label == "" {
			all[i].Label = f.Label
		}
	}
	for _, name := range names {
		for _, p := range projections {
			named := p.Schema().Lookup(name)
			for _, f := range p.Fields() {
				fits, err := path.Match(name, f.Path)
				if fits && err == nil && strings.Contains(name, "*") || slices.ContainsFunc(named, func(n *record.Field) bool { return n.Path == f.Path }) {
					add(f)
				}
			}
		}
	}
	for _, p := range projections {
		for _, f := range p.Fields() {
			add(f)
		}
	}
	return all
}

// Options are the choices of who exports. The zero Options are for people; see also Plain.
type Options struct {
	// Zone is the zone in which instants are written. If nil, UTC.
	Zone *time.Location
	// Labels heads the columns with their labels, where they have one, not their paths.
	Labels bool
	// Lists says what to do with a field that has several values:
	//
	//	join     all in one cell, with Separator between them
	//	explode  a row for each value of the first column that has several in
	//	         this record, which are otherwise equal; other lists are joined
	//	json     one cell that holds a JSON list
	//
	// If empty: json in formats that are JSON, join in all others.
	Lists string
	// Separator stands between the values of a joined list. If empty, "; ".
	Separator string

	// Delimiter stands between the cells of a CSV: one of , ; | and tab. If zero, a comma.
	Delimiter rune
	// NoBOM leaves out the byte-order mark at the start of a CSV, by which
	// spreadsheets know that it is UTF-8.
	NoBOM bool
	// NoEscape writes text to a CSV as it is even where a spreadsheet would
	// take it for a formula. Otherwise an apostrophe is put before it.
	NoEscape bool

	// Title, Question, User and At say in formats with room for it what the file is: the
	// title, the question asked, by whom and when.
	Title, Question, User string
	At                    time.Time
	// Found, if positive, is how many records the question finds, where not all of them are exported. It stands in
	// the same formats, so that nobody takes the file for the whole.
	Found int64
}

// Plain returns options for files that are read by programs: no byte-order
// mark, and no apostrophes before text.
func Plain() *Options { return &Options{NoBOM: true, NoEscape: true} }

// A Report counts what became of records.
type Report struct {
	Records int64 // records encoded
	Rows    int64 // rows made of them: more than records if lists were exploded
	// Escaped are the cells that got an apostrophe, so that no spreadsheet takes them for a formula.
	Escaped int64
	// Cut are the cells of which the end is missing, since the format cannot hold more.
	Cut int64
	// AsText are the numbers and dates that stand as text, since the format
	// would show them wrongly.
	AsText int64
	// Repaired are the cells with bytes that are not UTF-8; each is U+FFFD now.
	Repaired int64
	// Ambiguous are the joined lists of which a value contains the separator.
	Ambiguous int64
	// Replaced are the characters that the format cannot show, with how many
	// of them there were. Something visible stands in their place.
	Replaced map[rune]int64
}

// NewEncoder returns an encoder that writes records to w, which stays the
// caller's to close. If opts is nil, the defaults. Choices that make no sense are
// ErrInvalid; more columns than the format can hold are ErrTooMany.
func (f *Format) NewEncoder(w io.Writer, columns []Column, opts *Options) (Encoder, error) {
	t, err := newTable(columns, opts)
	if err == nil {
		var e Encoder
		if e, err = f.New(w, t); err == nil {
			g := &guarded{f: f, e: e}
			if fitter, ok := e.(Fitter); ok {
				return &guardedFitter{g, fitter}, nil
			}
			return g, nil
		}
	}
	return nil, fmt.Errorf("export: %s: %w", f.Name, err)
}

// guarded does what every encoder would have to.
type guarded struct {
	f       *Format
	e       Encoder
	records int64
	err     error // after which there is no file
	closed  bool
}

// ready returns why r cannot be encoded, if that is so.
func (g *guarded) ready(r *record.Record) error {
	switch {
	case g.err != nil:
		return g.err
	case g.closed:
		return fmt.Errorf("export: %s: %w", g.f.Name, ErrClosed)
	case r == nil || r.Projection() == nil:
		return g.fail(fmt.Errorf("%w: a record without a projection", ErrInvalid))
	case g.f.MaxRecords > 0 && g.records >= g.f.MaxRecords:
		return g.fail(fmt.Errorf("%w: more than %d records", ErrTooMany, g.f.MaxRecords))
	}
	return nil
}

func (g *guarded) Encode(r *record.Record) error {
	if err := g.ready(r); err != nil {
		return err
	}
	if err := g.e.Encode(r); err != nil {
		return g.fail(err)
	}
	g.records++
	return nil
}

func (g *guarded) fail(err error) error {
	g.err = fmt.Errorf("export: %s: %w", g.f.Name, err)
	return g.err
}

func (g *guarded) Close() error {
	if g.err != nil || g.closed {
		return g.err
	}
	g.closed = true
	if err := g.e.Close(); err != nil {
		return g.fail(err)
	}
	return nil
}

func (g *guarded) Report() Report {
	r := g.e.Report()
	r.Records = g.records
	return r
}

type guardedFitter struct {
	*guarded
	fitter Fitter
}

func (g *guardedFitter) EncodeWithin(r *record.Record, most int64) (bool, error) {
	if err := g.ready(r); err != nil {
		return false, err
	}
	fits, err := g.fitter.EncodeWithin(r, most)
	switch {
	case err != nil:
		return false, g.fail(err)
	case fits:
		g.records++
	}
	return fits, nil
}

func (g *guardedFitter) Flush() error {
	if g.err != nil || g.closed {
		return g.err
	}
	if err := g.fitter.Flush(); err != nil {
		return g.fail(err)
	}
	return nil
}
