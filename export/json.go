package export

import (
	"fmt"
	"io"

	"github.com/digit-health/dhr/record"
)

// JSON returns the format json: a list of objects, one on each line, that have every
// column under its heading, null without a value. No two columns may have
// the same heading.
func JSON() *Format {
	return &Format{Name: "json", MediaType: "application/json", Extension: ".json",
		New: func(w io.Writer, t *Table) (Encoder, error) { return newJSON(w, t, true) }}
}

// NDJSON returns the format ndjson: the objects of [JSON], each ended by a line feed,
// and nothing else.
func NDJSON() *Format {
	return &Format{Name: "ndjson", MediaType: "application/x-ndjson", Extension: ".ndjson",
		New: func(w io.Writer, t *Table) (Encoder, error) { return newJSON(w, t, false) }}
}

type jsonEncoder struct {
	out
	t    *Table
	keys [][]byte // of each column, with what stands before and behind it
	list bool
	rows int64
}

func newJSON(w io.Writer, t *Table, list bool) (Encoder, error) {
	if t.opts.Lists == "" {
		t.opts.Lists = "json"
	}
	e := &jsonEncoder{out: out{w: w}, t: t, list: list}
	seen := map[string]bool{}
	for i, heading := range t.headings {
		if seen[heading] {
			return nil, fmt.Errorf("%w: two columns are called %q", ErrInvalid, heading)
		}
		seen[heading] = true
		key := record.StringValue(heading).AppendJSON([]byte{"{,"[min(i, 1)]})
		e.keys = append(e.keys, append(key, ':'))
	}
	return e, nil
}

func (e *jsonEncoder) Encode(r *record.Record) error {
	e.append(r)
	return e.flush(flushAt)
}

func (e *jsonEncoder) EncodeWithin(r *record.Record, most int64) (bool, error) {
	end, rows, report := len(e.buf), e.rows, e.t.Report
	size := int64(0) // of what Close writes
	if e.list {
		size = int64(len(listEnd))
	}
	if e.append(r); e.size()+size > most {
		e.buf, e.rows, e.t.Report = e.buf[:end], rows, report
		return false, nil
	}
	return true, e.flush(flushAt)
}

func (e *jsonEncoder) Flush() error { return e.flush(1) }

func (e *jsonEncoder) append(r *record.Record) {
	for i := range e.t.Load(r) {
		if e.list {
			e.buf = append(e.buf, "[,"[min(e.rows, 1)], '\n')
		}
		e.rows++
		cells := e.t.Row(i)
		for c := range cells {
			e.buf = append(e.buf, e.keys[c]...)
			e.buf = cells[c].AppendJSON(e.buf)
		}
		e.buf = append(e.buf, '}')
		if !e.list {
			e.buf = append(e.buf, '\n')
		}
	}
}

// listEnd ends a list that has begun.
const listEnd = "\n]\n"

func (e *jsonEncoder) Close() error {
	if e.list {
		if e.rows == 0 {
			e.buf = append(e.buf, '[')
		}
		e.buf = append(e.buf, listEnd...)
	}
	return e.flush(1)
}

func (e *jsonEncoder) Report() Report { return e.t.Report }
