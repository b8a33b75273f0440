package bulk

import (
	"bytes"
	"errors"
	"strings"

	"github.com/digit-health/dhr/record"
)

// An action is a line of the bulk API that says what to do with the document on
// the next line.
type action struct {
	line   int64
	id     string
	reason string // why it is refused, or empty
}

// bulkLine reads a line of a file for the bulk API, and reports whether it has
// made a record.
func (r *Reader) bulkLine(line []byte) bool {
	if a := r.action; a != nil {
		if isAction(line) {
			r.orphan()
			return r.begin(line)
		}
		r.action = nil
		r.documents++
		if a.reason != "" {
			return r.refuseLine(a.id, a.reason)
		}
		return r.decode(hit{source: line, id: a.id})
	}
	return r.begin(line)
}

// begin reads the line of an action.
func (r *Reader) begin(line []byte) bool {
	a := &action{line: r.lines.number}
	f := r.frame
	name, err := f.readAction(line)
	switch {
	case err != nil:
		r.documents++
		return r.refuseError(hit{}, err)
	case name == "":
		r.documents++
		return r.refuseLine("", "found a line that is no action where index, create, update or delete is expected")
	}
	id, ok := f.text(f.of(name, "_id"))
	a.id = strings.Clone(id)
	switch {
	case !ok:
		a.reason = notOneID
	case name == "delete":
		r.documents++
		return r.refuseLine(a.id, "the action delete is not done by a load")
	case name == "update":
		a.reason = "the action update is not done by a load"
	default:
		for _, setting := range conditions {
			if len(f.record.Values(f.of(name, setting))) > 0 {
				a.reason = "the action depends on its " + setting + ", which a load does not know"
			}
		}
	}
	r.action = a
	return false
}

// orphan refuses the action whose document is missing.
func (r *Reader) orphan() {
	r.documents++
	r.refuseAt(r.action.line, r.action.id, "the action has no document on the next line")
	r.action = nil
}

// conditions are the settings of an action without which it would do something else.
var conditions = []string{"pipeline", "if_seq_no", "if_primary_term"}

// A frame reads what stands around documents. Package record reads it under a
// mapping made for it: since _id and _source may stand inside of objects alone,
// each line is put into one.
type frame struct {
	decoder    *record.Decoder
	record     record.Record
	columns    *record.Projection
	id, source int    // columns of a hit
	line       []byte // in its object
	document   []byte // a copy of what stands in _source
}

// frameBegin is what is put in front of a line; a brace is put behind it.
const frameBegin = `{"h":`

func newFrame() (*frame, error) {
	var mapping, paths = `{"properties":{"h":{"properties":{"_id":{"type":"keyword"},"_source":{"type":"object","enabled":false}`, []string{"h", "h._id", "h._source"}
	for _, name := range actions {
		mapping += `,"` + name + `":{"properties":{"_id":{"type":"keyword"}`
		paths = append(paths, "h."+name, "h."+name+"._id")
		for _, setting := range conditions {
			mapping += `,"` + setting + `":{"type":"object","enabled":false}`
			paths = append(paths, "h."+name+"."+setting)
		}
		mapping += `}}`
	}
	s, err := record.ParseSchema("", []byte(mapping+`}}}}`))
	if err != nil {
		return nil, err
	}
	p, err := s.Project(paths...)
	if err != nil {
		return nil, err
	}
	return &frame{decoder: record.NewDecoder(p), source: p.Column("h._source"), id: p.Column("h._id"), columns: p}, nil
}

// read reads a line, which must be one object.
func (f *frame) read(line []byte) error {
	f.line = append(append(append(f.line[:0], frameBegin...), line...), '}')
	if err := f.decoder.Decode(f.line, &f.record); err != nil {
		var e *record.DocumentError
		if errors.As(err, &e) {
			e.Offset -= len(frameBegin)
			e.Path = strings.TrimPrefix(strings.TrimPrefix(e.Path, "h"), ".")
		}
		return err
	}
	if whole := f.record.Value(0).Text(); len(whole) != len(line) { // it ends the object and goes on
		return &record.DocumentError{Offset: len(whole), Message: "found more where the end is expected"}
	}
	return nil
}

// readAction reads a line as an action and returns its name, or "" if it is none.
func (f *frame) readAction(line []byte) (name string, err error) {
	if err := f.read(line); err != nil {
		return "", err
	}
	for _, name := range actions {
		if values := f.record.Values(f.columns.Column("h." + name)); len(values) == 1 {
			inner := values[0].Text()
			before, after, ok := bytes.Cut(line, []byte(inner))
			if ok && len(bytes.Trim(before, "{ \t:")) == len(name)+2 && len(bytes.Trim(after, "} \t")) == 0 {
				return name, nil
			}
		}
	}
	return "", nil
}

// of returns the column of a setting of an action.
func (f *frame) of(name, setting string) int { return f.columns.Column("h." + name + "." + setting) }

// text returns the one text of a column, which is empty if there is none. It is
// valid until the next line.
func (f *frame) text(column int) (text string, ok bool) {
	values := f.record.Values(column)
	if len(values) == 0 {
		return "", true
	}
	text = values[0].Text()
	return text, len(values) == 1 && text != ""
}
