package sqlsearch

import (
	"fmt"
	"slices"
	"strings"

	"github.com/digit-health/dhr/jql/analyzer"
	"github.com/digit-health/dhr/jql/sqlgen"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// A pgBatchData is documents that are stored together.
type pgBatchData struct {
	docs  []*pgDoc
	bytes int
}

func newPgBatch() *pgBatchData { return &pgBatchData{docs: make([]*pgDoc, 0, 256)} }

// latest returns the documents, without those that a later one replaces.
func (b *pgBatchData) latest() []*pgDoc {
	last := make(map[string]int, len(b.docs))
	for i, doc := range b.docs {
		last[doc.id] = i
	}
	if len(last) == len(b.docs) {
		return b.docs
	}
	docs := make([]*pgDoc, 0, len(last))
	for i, doc := range b.docs {
		if last[doc.id] == i {
			docs = append(docs, doc)
		}
	}
	return docs
}

// A pgDoc is a document as it is stored.
type pgDoc struct {
	id      string
	place   int64
	source  []byte
	columns []any // one for each field of the state
	texts   []pgText
	several []pgSeveral
}

// A pgText is the terms of one text field.
type pgText struct {
	field  int
	terms  []string
	joined string
}

// A pgSeveral is one of several values.
type pgSeveral struct {
	field int
	ord   int32
	key   any // a string below a flattened field, else nil
	value any
}

// coded replaces each string that is stored as a code.
func (doc *pgDoc) coded(fields []pgField, replace func(field int, x any) any) {
	for i := range doc.columns {
		if fields[i].Store == asCode && doc.columns[i] != nil {
			doc.columns[i] = replace(i, doc.columns[i])
		}
	}
	for i := range doc.several {
		if v := &doc.several[i]; fields[v.field].Store == asCode {
			v.value = replace(v.field, v.value)
		}
	}
}

// row returns the row of the main table.
func (doc *pgDoc) row(fields []pgField, rid int64) []any {
	row := append(make([]any, 0, len(fields)+8), rid, escape(doc.id))
	texts := doc.texts
	for i, st := range fields {
		if i >= len(doc.columns) { // a field that was added meanwhile
			row = append(row, nil)
		} else {
			row = append(row, doc.columns[i])
		}
		if st.Store != asTerms {
			continue
		}
		if len(texts) > 0 && texts[0].field == i {
			row = append(row, texts[0].terms, texts[0].joined)
			texts = texts[1:]
			continue
		}
		row = append(row, nil, nil)
	}
	return row
}

// row returns the row of the table of values.
func (v *pgSeveral) row(rid int64, store pgStore) []any {
	row := []any{rid, int32(v.field), v.ord, v.key, nil, nil, nil, nil}
	column := store.sideColumn()
	if v.key != nil {
		column = "s"
	}
	row[4+strings.Index("nfsb", column)] = v.value
	return row
}

// A rowReader makes rows of documents.
type rowReader struct {
	x       *pgIndex
	fields  []*record.Field    // one for each field of the state; nil if it is gone
	columns *record.Projection // of the records that were seen last
	at      []int              // the columns of the fields in it, or -1
	flat    map[string]*record.Decoder
	record  record.Record
	terms   analyzer.Scanner
}

func newRowReader(x *pgIndex) (*rowReader, error) {
	r := &rowReader{x: x, flat: map[string]*record.Decoder{}}
	for _, st := range x.state.Fields {
		f := x.schema.Field(st.Path)
		if f == nil {
			return nil, fmt.Errorf("%w: the index has no field %q", search.ErrCorrupt, st.Path)
		}
		r.fields = append(r.fields, f)
	}
	return r, nil
}

// read adds a document to a batch. The error says why it is refused.
func (r *rowReader) read(b *pgBatchData, d *search.Document) error {
	switch {
	case d.Record.ID == "":
		return fmt.Errorf("it has no id")
	case len(d.Record.ID) > maxKeyBytes:
		return fmt.Errorf("its id has %d bytes, more than %d", len(d.Record.ID), maxKeyBytes)
	}
	if p := d.Record.Projection(); p != r.columns {
		r.columns, r.at = p, r.at[:0]
		for _, f := range r.fields {
			r.at = append(r.at, p.Column(f.Path))
		}
	}
	doc := &pgDoc{id: strings.Clone(d.Record.ID), place: d.Place, source: slices.Clone(d.Record.Source()), columns: make([]any, len(r.fields))}
	for i, f := range r.fields {
		if r.at[i] < 0 {
			continue
		}
		values := d.Record.Values(r.at[i])
		if len(values) == 0 {
			continue
		}
		if err := r.field(doc, i, f, values); err != nil {
			return err
		}
	}
	b.docs = append(b.docs, doc)
	b.bytes += len(doc.source)
	return nil
}

// field adds the values of field i.
func (r *rowReader) field(doc *pgDoc, i int, f *record.Field, values []record.Value) error {
	switch r.x.state.Fields[i].Store {
	case asTerms:
		doc.columns[i] = int16(1)
		r.text(doc, i, values)
		return nil
	case asThere:
		switch f.Kind {
		case record.Object, record.Nested, record.Flattened:
			if !slices.ContainsFunc(values, func(v record.Value) bool { return holdsSomething(v.Text()) }) {
				return nil
			}
		}
		doc.columns[i] = int16(1)
		if f.Kind == record.Flattened {
			return r.keys(doc, i, f, values)
		}
		return nil
	}
	least := 0
	stored := make([]any, len(values))
	for j, v := range values {
		x, err := storedAs(f, v)
		if err != nil {
			return err
		}
		if text, ok := x.(string); ok && r.x.state.Fields[i].Store == asText && len(text) > maxKeyBytes {
			return fmt.Errorf("its %s has %d bytes, more than %d", f.Path, len(text), maxKeyBytes)
		}
		stored[j] = x
		if j > 0 && compareStored(f, v, values[least]) < 0 {
			least = j
		}
	}
	doc.columns[i] = stored[least]
	if len(stored) > 1 {
		for j, x := range stored {
			doc.several = append(doc.several, pgSeveral{field: i, ord: int32(j), value: x})
		}
	}
	return nil
}

// storedAs returns what is stored for a value of f; it keeps nothing of v.
func storedAs(f *record.Field, v record.Value) (any, error) {
	if f.FoldCase && v.Kind() == record.String {
		return escape(string(analyzer.AppendLower(nil, v.Text()))), nil
	}
	x, err := pgArgument(v)
	if text, ok := x.(string); ok {
		x = strings.Clone(text)
	}
	return x, err
}

func compareStored(f *record.Field, v, w record.Value) int {
	if f.FoldCase && v.Kind() == record.String {
		return strings.Compare(string(analyzer.AppendLower(nil, v.Text())), string(analyzer.AppendLower(nil, w.Text())))
	}
	return v.Compare(w)
}

// text adds the terms of a text.
func (r *rowReader) text(doc *pgDoc, i int, values []record.Value) {
	texts := make([]string, len(values))
	for j, v := range values {
		texts[j] = v.Text()
	}
	joined := string(sqlgen.JoinTerms(nil, &r.terms, texts...))
	if joined == "" {
		return
	}
	terms := strings.Split(strings.Trim(joined, " "), " ")
	slices.Sort(terms)
	terms = slices.Compact(terms)
	terms = slices.DeleteFunc(terms, func(t string) bool { return t == sqlgen.ValueGap })
	doc.texts = append(doc.texts, pgText{field: i, terms: terms, joined: joined})
}

// keys adds the values of the keys in a flattened field.
func (r *rowReader) keys(doc *pgDoc, i int, f *record.Field, values []record.Value) error {
	var names []string
	for _, v := range values {
		names = appendLeaves(names, v.Text())
	}
	slices.Sort(names)
	names = slices.Compact(names)
	for _, name := range names {
		decoder, err := r.keyDecoder(f.Path + "." + name)
		if err != nil {
			continue // no name that a question could have
		}
		if err := decoder.Decode(doc.source, &r.record); err != nil {
			return err
		}
		key := r.record.Projection().Fields()[0]
		for j, v := range r.record.Values(0) {
			x, err := storedAs(key, v)
			if err != nil {
				return err
			}
			doc.several = append(doc.several, pgSeveral{field: i, ord: int32(j), key: escape(name), value: x})
		}
	}
	return nil
}

// maxKeyDecoders is how many decoders of keys are kept.
const maxKeyDecoders = 1000

func (r *rowReader) keyDecoder(path string) (*record.Decoder, error) {
	if d := r.flat[path]; d != nil {
		return d, nil
	}
	p, err := r.x.schema.Project(path)
	if err != nil {
		return nil, err
	}
	if len(r.flat) >= maxKeyDecoders {
		clear(r.flat)
	}
	d := record.NewDecoder(p)
	r.flat[path] = d
	return d, nil
}
