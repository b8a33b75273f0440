package record

import (
	"iter"
	"slices"
	"strings"
)

// A Projection is a choice of fields in a certain order: the columns of a
// record. It never changes and is safe for concurrent use.
type Projection struct {
	schema  *Schema
	fields  []*Field
	columns map[string]int

	within    string // the nested object whose objects are the records, or empty
	root      *trie
	nodes     int
	ids       []int // the columns with the field _id, and so on
	indexes   []int
	constants []int
}

// Schema returns the schema the fields are chosen from.
func (p *Projection) Schema() *Schema { return p.schema }

// Fields returns the chosen fields, one per column. The caller must not change the slice.
func (p *Projection) Fields() []*Field { return p.fields }

// Column returns the column of the field with this path, or -1.
func (p *Projection) Column(path string) int {
	if i, ok := p.columns[path]; ok {
		return i
	}
	return -1
}

// A Record is one record: a tuple of columns under a [Projection], each of
// which holds the field's values in the order of the document. Most fields
// hold none or one; any may hold several.
//
// A record that comes out of a [Stream] or a [Decoder] is valid until the next
// one: its texts may point into a buffer that is used again. [Record.Clone]
// gives a record to keep. A record must not be used by two goroutines at once.
type Record struct {
	// ID is the record's _id, unique in its index.
	ID string
	// Index is the name of the index that holds the record.
	Index string

	projection *Projection
	columns    [][]Value
	source     []byte
	scratch    []byte // the texts that do not stand in source as they are
}

// Reset makes r an empty record with the columns of p, ready for
// [Record.Append]. It keeps ID and Index, and the memory r has.
func (r *Record) Reset(p *Projection) {
	if n := len(p.fields); len(r.columns) != n {
		r.columns = slices.Grow(r.columns[:0], n)[:n]
	}
	for i := range r.columns {
		r.columns[i] = r.columns[i][:0]
	}
	r.projection = p
	r.source = nil
	r.scratch = r.scratch[:0]
}

// Append adds a value to a column. It is for those who make records without a
// document; the value must be of the kind that the column's field holds.
func (r *Record) Append(column int, v Value) { r.columns[column] = append(r.columns[column], v) }

// Clone returns a copy of r that shares nothing with it and may be kept.
func (r *Record) Clone() *Record {
	size, values := 0, 0
	for _, vs := range r.columns {
		values += len(vs)
		for _, v := range vs {
			size += len(v.text)
		}
	}
	c := &Record{ID: strings.Clone(r.ID), Index: strings.Clone(r.Index), projection: r.projection,
		columns: make([][]Value, len(r.columns)), source: slices.Clone(r.source), scratch: make([]byte, 0, size)}
	all := make([]Value, 0, values)
	for i, vs := range r.columns {
		start := len(all)
		for _, v := range vs {
			at := len(c.scratch)
			c.scratch = append(c.scratch, v.text...)
			v.text = view(c.scratch[at:])
			all = append(all, v)
		}
		c.columns[i] = all[start:len(all):len(all)]
	}
	return c
}

// Project returns r under other columns: a record of p with r's ID, Index and
// Source, and in each column what r has for the field with that path; nothing if r
// lacks it. It shares r's memory and is valid as long as r is.
func (r *Record) Project(p *Projection) *Record {
	c := &Record{ID: r.ID, Index: r.Index, projection: p, columns: make([][]Value, len(p.fields)), source: r.source}
	for i, f := range p.fields {
		values := r.Lookup(f.Path)
		c.columns[i] = values[:len(values):len(values)]
	}
	return c
}

// A Stream is a sequence of records. It may be ranged over once.
//
// The first error is the last pair, and its record is nil. A record is valid
// until the next iteration. Leaving the loop releases what the stream holds.
type Stream = iter.Seq2[*Record, error]

// Projection returns the record's columns.
func (r *Record) Projection() *Projection { return r.projection }

// Values returns the values of a column, which are valid as long as r is.
// The caller must not change them.
func (r *Record) Values(column int) []Value { return r.columns[column] }

// Value returns the first value of a column, or Null.
func (r *Record) Value(column int) Value {
	if vs := r.columns[column]; len(vs) > 0 {
		return vs[0]
	}
	return Value{}
}

// Lookup returns the values of the field with this path; none if it is not
// among the record's columns.
func (r *Record) Lookup(path string) []Value {
	if r.projection == nil {
		return nil
	}
	if i := r.projection.Column(path); i >= 0 {
		return r.columns[i]
	}
	return nil
}

// Source returns the JSON document that r was read from, or nil. It is valid as long as r is.
func (r *Record) Source() []byte { return r.source }
