package bulk

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

const (
	maxInferred = 1000 // fields, those of objects and sub-fields among them, as Elasticsearch allows by default
	maxDepth    = 20   // of objects in each other, likewise
	maxPath     = 1000 // bytes of a field's path
)

// A MappingError is a document that no schema can be inferred with. It is
// search.ErrInvalid.
type MappingError struct {
	File string
	Line int64
	// Path is the field concerned.
	Path string
	// Message says what is wrong with it.
	Message string
}

// Error returns one line: the file, the line, the field and what is wrong.
func (e *MappingError) Error() string {
	return fmt.Sprintf("bulk: %s: line %d: %s: %s", e.File, e.Line, e.Path, e.Message)
}

// Unwrap returns search.ErrInvalid.
func (e *MappingError) Unwrap() error { return search.ErrInvalid }

// Infer returns a schema for the documents of files that come without a mapping, by the rules by which
// Elasticsearch maps what it was told nothing of:
//
//   - a text is of type text, with a sub-field keyword that holds the whole of up to 256 characters; it
//     stays a text if it is made of digits;
//   - texts that are all dates of strict_date_optional_time, or all of yyyy/MM/dd with or without HH:mm:ss,
//     and not just a number, are of type date;
//   - whole numbers are long, others double, and so are both together (Elasticsearch makes them float, which keeps
//     seven digits);
//   - true and false are boolean; an object has fields of its own; a list has the type of what it holds; of null
//     and empty lists nothing is known.
//
// Every document is looked at, and where two differ, no one of them is right: a field with values of several types is a
// text. A field that is an object here and a value there is a *[MappingError], as are more than 1,000 fields,
// objects and sub-fields counted, more than 20 objects in each other, and names that no mapping can have.
//
// Documents that are no JSON are left out, since Load refuses them. A file that cannot be read
// to its end is a *[FileError], and there is no schema: none is made from a part of the documents.
// Of the options, MaxLine and Open count.
func Infer(ctx context.Context, index string, files []string, opts *Options) (*record.Schema, error) {
	in, err := newInference(index)
	if err != nil {
		return nil, err
	}
	if opts != nil {
		in.opts = *opts
	}
	if in.opts.Open == nil {
		in.opts.Open = func(name string) (io.ReadCloser, error) { return os.Open(name) }
	}
	for _, name := range files {
		if err := in.file(ctx, name); err != nil {
			return nil, err
		}
	}
	mapping := in.root.appendMapping([]byte(`{"mappings":`))
	return record.ParseSchema(index, append(mapping, '}'))
}

// types is a set of what values have been.
type types uint8

const (
	isLong types = 1 << iota
	isDouble
	isBoolean
	isDate  // in the first of the formats that are looked for
	isSlash // in the second
	isText
	isObject
)

// mappings are the types that stand for some sets; every other set of scalars is a text.
var mappings = map[types]string{
	isLong:            `{"type":"long"}`,
	isDouble:          `{"type":"double"}`,
	isLong | isDouble: `{"type":"double"}`,
	isBoolean:         `{"type":"boolean"}`,
	isDate:            `{"type":"date"}`,
	isSlash:           `{"type":"date","format":"` + slashFormat + `"}`,
}

const (
	textMapping = `{"type":"text","fields":{"keyword":{"type":"keyword","ignore_above":256}}}`
	slashFormat = "yyyy/MM/dd HH:mm:ss||yyyy/MM/dd||epoch_millis"
)

// text reports whether values of these types together are a text.
func (t types) text() bool { return t != 0 && t&isObject == 0 && mappings[t] == "" }

// An inferred field is what is known of one so far.
type inferred struct {
	name, path string
	types      types
	file       string // of the first document that has it
	line       int64
	fields     []*inferred // of an object, in the order of their appearance
	byName     map[string]*inferred
	depth      int // of an object
}

// appendMapping appends the mapping of the field.
func (f *inferred) appendMapping(b []byte) []byte {
	switch {
	case f.types.text():
		return append(b, textMapping...)
	case f.types&isObject == 0:
		return append(b, mappings[f.types]...)
	case len(f.fields) == 0 && f.name != "":
		return append(b, `{"type":"object"}`...)
	}
	b = append(b, `{"properties":{`...)
	for i, g := range f.fields {
		if i > 0 {
			b = append(b, ',')
		}
		name, _ := json.Marshal(g.name) // a string
		b = append(append(b, name...), ':')
		b = g.appendMapping(b)
	}
	return append(b, "}}"...)
}

// An inference is one call of Infer.
type inference struct {
	opts        Options
	empty       *record.Schema
	date, slash *record.Field // which read dates
	root        *inferred
	fields      int    // of all objects, with sub-fields
	name        string // of the file that is read
	line        int64
}

func newInference(index string) (*inference, error) {
	empty, err := record.ParseSchema(index, []byte(`{"properties":{}}`))
	if err != nil {
		return nil, err
	}
	dates, err := record.ParseSchema(index, []byte(`{"properties":{"date":{"type":"date","format":"strict_date_optional_time"},`+
		`"slash":{"type":"date","format":"yyyy/MM/dd HH:mm:ss||yyyy/MM/dd"}}}`))
	if err != nil {
		return nil, err
	}
	root := &inferred{types: isObject, depth: 1, byName: map[string]*inferred{}}
	return &inference{empty: empty, date: dates.Field("date"), slash: dates.Field("slash"), root: root}, nil
}

// file looks at the documents of a file.
func (in *inference) file(ctx context.Context, name string) error {
	f, err := in.opts.Open(name)
	if err != nil {
		return &FileError{name, 0, err}
	}
	defer f.Close() //nolint:errcheck // it was only read
	r, err := NewReader(f, in.empty, &in.opts)
	if err != nil {
		return &FileError{name, 0, err}
	}
	defer r.Close()
	in.name = name
	for doc := range r.All(func(search.Refusal) {}) {
		if err := ctx.Err(); err != nil {
			return err
		}
		in.line = doc.Place
		w := walker{in: in, doc: doc.Record.Source()}
		if err := w.object(in.root); err != nil {
			return err
		}
	}
	if err := r.Err(); err != nil {
		return &FileError{name, r.Line(), err}
	}
	return ctx.Err()
}

// A walker goes over a document that is known to be JSON.
type walker struct {
	in  *inference
	doc []byte
	at  int
}

// next skips blanks and commas and colons, and returns what follows.
func (w *walker) next() byte {
	for strings.IndexByte(" \t\r\n,:", w.doc[w.at]) >= 0 {
		w.at++
	}
	return w.doc[w.at]
}

// object goes over the object that begins here, whose fields belong to f.
func (w *walker) object(f *inferred) error {
	w.next()
	w.at++
	for w.next() != '}' {
		at, err := w.in.at(f, w.text())
		if err != nil {
			return err
		}
		if err := w.value(&at); err != nil {
			return err
		}
	}
	w.at++
	return nil
}

// A place is a field that is made when it turns out to have a value.
type place struct {
	object *inferred
	name   string
	field  *inferred // or nil
}

// value goes over the value that begins here.
func (w *walker) value(at *place) error {
	switch c := w.next(); c {
	case '{':
		f, err := w.in.note(at, isObject)
		if err != nil {
			return err
		}
		return w.object(f)
	case '[':
		w.at++
		for w.next() != ']' {
			if err := w.value(at); err != nil {
				return err
			}
		}
		w.at++
		return nil
	case '"':
		_, err := w.in.note(at, w.in.classify(w.text(), at.field))
		return err
	case 't', 'f':
		w.word()
		_, err := w.in.note(at, isBoolean)
		return err
	case 'n':
		w.word()
		return nil
	}
	kind := isLong
	if bytes.ContainsAny(w.word(), ".eE") {
		kind = isDouble
	}
	_, err := w.in.note(at, kind)
	return err
}

// word returns the number or word that begins here.
func (w *walker) word() []byte {
	start := w.at
	for w.at < len(w.doc) && strings.IndexByte(" \t\r\n,]}", w.doc[w.at]) < 0 {
		w.at++
	}
	return w.doc[start:w.at]
}

// text returns the string that begins here, which is valid as long as the document is.
func (w *walker) text() []byte {
	start, escaped := w.at, false
	for w.at++; w.doc[w.at] != '"'; w.at++ {
		if w.doc[w.at] == '\\' {
			escaped = true
			w.at++
		}
	}
	w.at++
	if !escaped {
		return w.doc[start+1 : w.at-1]
	}
	var text string
	_ = json.Unmarshal(w.doc[start:w.at], &text) // it was checked
	return []byte(text)
}

// at returns where the value of a key belongs. A key with dots stands for objects in each other.
func (in *inference) at(f *inferred, key []byte) (place, error) {
	for {
		name, rest, dotted := bytes.Cut(key, []byte("."))
		if len(bytes.TrimSpace(name)) == 0 {
			return place{}, in.fault(f, string(key), "a name that is empty, or has an empty part, fits no mapping")
		}
		p := place{object: f, field: f.byName[string(name)]}
		if p.field != nil {
			p.name = p.field.name
		} else {
			p.name = string(name)
		}
		if !dotted {
			return p, nil
		}
		object, err := in.note(&p, isObject)
		if err != nil {
			return place{}, err
		}
		f, key = object, rest
	}
}

// classify returns what a string is. It is not asked of a field that is a text already.
func (in *inference) classify(text []byte, f *inferred) types {
	if f != nil && f.types.text() || !likeDate(text) {
		return isText
	}
	if _, err := in.date.Parse(string(text)); err == nil {
		return isDate
	}
	if _, err := in.slash.Parse(string(text)); err == nil {
		return isSlash
	}
	return isText
}

// likeDate reports whether a string begins like a date, and is not a mere number.
func likeDate(text []byte) bool {
	digits := bytes.TrimLeft(text, "+-")
	if len(text)-len(digits) > 1 || len(digits) < 5 || len(digits) > 64 {
		return false
	}
	for i, c := range digits {
		if c < '0' || c > '9' {
			return i >= 4 && (c == '-' || c == '/' || c == 'T')
		}
	}
	return false
}

// note notes that a field has had a value of a type, and makes it if it is new.
func (in *inference) note(p *place, kind types) (*inferred, error) {
	f := p.field
	if f == nil {
		var err error
		if f, err = in.make(p); err != nil {
			return nil, err
		}
		p.field = f
	}
	if f.types&kind != 0 {
		return f, nil
	}
	if f.types != 0 && (f.types == isObject) != (kind == isObject) {
		first, second := "a value", "an object"
		if f.types == isObject {
			first, second = second, first
		}
		return nil, in.fault(p.object, p.name, fmt.Sprintf("found %s where line %d of %s has %s; a field is one or the other", second, f.line, f.file, first))
	}
	before := f.types.text()
	if f.types |= kind; f.types.text() && !before { // it has a sub-field
		in.fields++
	}
	if kind == isObject {
		f.byName = map[string]*inferred{}
		if f.depth = p.object.depth + 1; f.depth > maxDepth {
			return nil, in.fault(p.object, p.name, fmt.Sprintf("more than %d objects in each other", maxDepth))
		}
	}
	return f, in.full(p)
}

// make makes the field of a place.
func (in *inference) make(p *place) (*inferred, error) {
	f := &inferred{name: p.name, path: p.object.inside(p.name), file: in.name, line: in.line}
	switch {
	case len(f.path) > maxPath:
		return nil, &MappingError{in.name, in.line, strings.ToValidUTF8(f.path[:100], "") + "…", fmt.Sprintf("a path of more than %d bytes", maxPath)}
	case f.path == "_id" || f.path == "_index":
		return nil, in.fault(p.object, p.name, `the name belongs to the engine; an ID stands beside the document: {"_id": …, "_source": {…}}`)
	}
	p.object.byName[f.name] = f
	p.object.fields = append(p.object.fields, f)
	in.fields++
	return f, nil
}

// full returns an error if there are more fields than may be.
func (in *inference) full(p *place) error {
	if in.fields <= maxInferred {
		return nil
	}
	return in.fault(p.object, p.name, fmt.Sprintf("it is more than the %d fields, with objects and sub-fields, that an index may have; write a mapping with those that matter", maxInferred))
}

// fault returns an error of the document that is looked at, about a field of an object.
func (in *inference) fault(object *inferred, name, message string) error {
	return &MappingError{File: in.name, Line: in.line, Path: object.inside(name), Message: message}
}

// inside returns the path of a field of an object.
func (f *inferred) inside(name string) string {
	if f.path == "" {
		return name
	}
	return f.path + "." + name
}
