package bulk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// maxID is the longest ID in bytes. Elasticsearch takes none that is longer.
const maxID = 512

const notOneID = "the _id is not one text, or empty"

// A Reader reads the documents of one file.
type Reader struct {
	lines   lines
	done    func()
	opts    Options
	schema  *record.Schema
	key     int // the column of the schema's Key, or -1
	decoder *record.Decoder
	record  record.Record
	frame   *frame
	count   counter
	refuse  func(search.Refusal)

	documents, refused int64
	err                error
	action             *action // whose document is expected
	bulk               bool    // the file is written for the bulk API
}

// NewReader returns a reader of a file, whose beginning it reads to see how it is
// compressed. The documents are of s.
func NewReader(file io.Reader, s *record.Schema, opts *Options) (*Reader, error) {
	columns, err := s.ProjectAll()
	if err != nil {
		return nil, err
	}
	frame, err := newFrame()
	if err != nil {
		return nil, err
	}
	r := &Reader{schema: s, key: -1, decoder: record.NewDecoder(columns), frame: frame}
	if opts != nil {
		r.opts = *opts
	}
	if s.Key != nil {
		r.key = columns.Column(s.Key.Path)
	}
	if r.lines.max = r.opts.MaxLine; r.lines.max <= 0 {
		r.lines.max = maxLine
	}
	r.lines.r, r.done, err = open(file)
	return r, err
}

// Close gives back the memory of the reader. It does not close the file.
func (r *Reader) Close() {
	if r.done != nil {
		r.done()
	}
}

// Documents returns how many documents were read, sound or not.
func (r *Reader) Documents() int64 { return r.documents }

// Refused returns how many of the documents were refused.
func (r *Reader) Refused() int64 { return r.refused }

// Line returns the number of the last line that was read whole.
func (r *Reader) Line() int64 { return r.lines.number }

// Err returns why the file could not be read to its end, or nil.
func (r *Reader) Err() error { return r.err }

// All returns the sound documents, and gives the others to refuse. It may be
// ranged over once.
func (r *Reader) All(refuse func(search.Refusal)) iter.Seq[*search.Document] {
	return func(yield func(*search.Document) bool) {
		r.refuse = refuse
		doc := &search.Document{Record: &r.record}
		for {
			line, err := r.lines.next()
			switch {
			case errors.Is(err, errTooLong):
				r.tooLong()
				continue
			case err != nil:
				r.end(err)
				return
			case len(line) == 0:
				continue
			}
			if r.documents == 0 && r.action == nil && line[0] == '[' {
				r.err = fmt.Errorf("%w: the file is a JSON array; write one document on each line", search.ErrInvalid)
				return
			}
			if !r.line(line) {
				continue
			}
			if doc.Place = r.lines.number; !yield(doc) {
				return
			}
		}
	}
}

// line reads a line, and reports whether it has made a record.
func (r *Reader) line(line []byte) bool {
	if r.documents == 0 && !r.bulk {
		r.bulk = isAction(line)
	}
	if r.bulk {
		return r.bulkLine(line)
	}
	r.documents++
	h, ok := hit{source: line}, true
	if bytes.HasPrefix(bytes.TrimLeft(line[1:], " \t\r"), []byte(`"_`)) {
		h, ok = r.unwrap(line)
	}
	return ok && r.decode(h)
}

// decode makes the record of a document.
func (r *Reader) decode(h hit) bool {
	r.record.ID, r.record.Index = h.id, r.schema.Index
	if err := r.decoder.Decode(h.source, &r.record); err != nil {
		return r.refuseError(h, err)
	}
	switch {
	case h.id != "":
	case r.key < 0:
		r.record.ID = r.count.id(h.source)
	default:
		if r.record.ID = r.record.Value(r.key).Text(); r.record.ID == "" {
			return r.refuseLine("", r.schema.Key.Path+": the key of the record is missing")
		}
	}
	if len(r.record.ID) > maxID {
		return r.refuseLine(r.record.ID[:maxID], fmt.Sprintf("the ID is longer than %d bytes", maxID))
	}
	return true
}

// refuseError refuses a document that could not be decoded.
func (r *Reader) refuseError(h hit, err error) bool {
	var e *record.DocumentError
	if !errors.As(err, &e) {
		return r.refuseLine(h.id, err.Error())
	}
	reason := e.Message
	if e.Path != "" {
		reason = e.Path + ": " + reason
	}
	return r.refuseLine(h.id, fmt.Sprintf("column %d: %s", r.lines.indent+h.start+e.Offset+1, reason))
}

// refuseLine refuses the document on the line read last, and returns false.
func (r *Reader) refuseLine(id, reason string) bool {
	return r.refuseAt(r.lines.number, id, reason)
}

func (r *Reader) refuseAt(line int64, id, reason string) bool {
	r.refused++
	r.refuse(search.Refusal{Place: line, ID: strings.Clone(id), Reason: reason})
	return false
}

func (r *Reader) tooLong() {
	r.documents++
	id := ""
	if r.action != nil {
		id, r.action = r.action.id, nil
	}
	r.refuseLine(id, fmt.Sprintf("the line is longer than %d bytes", r.lines.max))
}

// end notes that the file has ended.
func (r *Reader) end(err error) {
	if r.action != nil && errors.Is(err, io.EOF) {
		r.orphan()
	}
	if !errors.Is(err, io.EOF) {
		r.err = err
	}
}

// A hit is a document and what stands around it.
type hit struct {
	source []byte
	id     string // or empty
	start  int    // of source in its line
}

// unwrap returns the document that a line has in _source, or the line itself.
func (r *Reader) unwrap(line []byte) (h hit, ok bool) {
	f := r.frame
	if err := f.read(line); err != nil {
		return h, r.refuseError(h, err)
	}
	sources := f.record.Values(f.source)
	if len(sources) != 1 || !strings.HasPrefix(sources[0].Text(), "{") {
		return hit{source: line}, true
	}
	f.document = append(f.document[:0], sources[0].Text()...)
	start := bytes.Index(f.line, f.document)
	if start < 0 { // made of dotted keys
		return hit{source: line}, true
	}
	id, ok := f.text(f.id)
	if !ok {
		return h, r.refuseLine("", notOneID)
	}
	return hit{f.document, id, start - len(frameBegin)}, true
}

// actions are what may be done by the bulk API.
var actions = []string{"index", "create", "update", "delete"}

// isAction reports whether a line is one of the bulk API, with nothing but what
// stands there, so that it is not mistaken for a document.
func isAction(line []byte) bool {
	begin := bytes.TrimLeft(bytes.TrimPrefix(line, []byte("{")), " \t")
	like := false
	for _, name := range actions {
		like = like || bytes.HasPrefix(begin, []byte(`"`+name+`"`))
	}
	var outer map[string]map[string]json.RawMessage
	if !like || json.Unmarshal(line, &outer) != nil || len(outer) != 1 {
		return false
	}
	for _, inner := range outer {
		for key := range inner {
			switch strings.TrimPrefix(key, "_") {
			case "id", "index", "type", "routing", "parent", "version", "version_type", "retry_on_conflict", "require_alias",
				"pipeline", "if_seq_no", "if_primary_term", "dynamic_templates", "list_executed_pipelines", "source":
			default:
				return false
			}
		}
		return inner != nil
	}
	return false
}
