package export

import (
	"io"
	"unicode/utf8"

	"github.com/digit-health/dhr/record"
)

// CSV returns the format csv: UTF-8 with a heading, lines that end in LF, and quotes
// around cells with a delimiter, a quote or a line break, which is kept as it is.
// Nothing stands for Null, "" for an empty text; in a single column,
// where nothing would be an empty line that readers skip, both are "".
func CSV() *Format {
	return &Format{Name: "csv", MediaType: "text/csv; charset=utf-8", Extension: ".csv", New: newCSV}
}

type csvEncoder struct {
	out
	t       *Table
	classes [256]byte
	started bool
}

// flushAt is how many bytes are written at once.
const flushAt = 64 << 10

// out collects what is written into large pieces.
type out struct {
	w       io.Writer
	buf     []byte
	written int64
}

// size is that of the file so far.
func (o *out) size() int64 { return o.written + int64(len(o.buf)) }

// flush writes what there is, if it is enough.
func (o *out) flush(enough int) error {
	if len(o.buf) < enough {
		return nil
	}
	n, err := o.w.Write(o.buf)
	if err == nil && n < len(o.buf) {
		err = io.ErrShortWrite
	}
	o.written += int64(n)
	o.buf = o.buf[:0]
	return err
}

func newCSV(w io.Writer, t *Table) (Encoder, error) {
	e := &csvEncoder{out: out{w: w}, t: t}
	for _, c := range []byte{'"', '\r', '\n', byte(t.opts.Delimiter)} {
		e.classes[c] = 1
	}
	for c := utf8.RuneSelf; c < 256; c++ {
		e.classes[c] = 2
	}
	return e, nil
}

func (e *csvEncoder) start() {
	e.started = true
	if !e.t.opts.NoBOM {
		e.buf = append(e.buf, "\uFEFF"...)
	}
	for i, heading := range e.t.headings {
		if i > 0 {
			e.buf = append(e.buf, byte(e.t.opts.Delimiter))
		}
		start := len(e.buf)
		e.buf = append(e.buf, heading...)
		if heading != "" && isFormulaStart(heading[0]) {
			e.escape(start)
		}
		e.quote(start)
	}
	e.buf = append(e.buf, '\n')
}

func (e *csvEncoder) Encode(r *record.Record) error {
	e.append(r)
	return e.flush(flushAt)
}

func (e *csvEncoder) EncodeWithin(r *record.Record, most int64) (bool, error) {
	if !e.started {
		e.start()
	}
	end, report := len(e.buf), e.t.Report
	if e.append(r); e.size() > most {
		e.buf, e.t.Report = e.buf[:end], report
		return false, nil
	}
	return true, e.flush(flushAt)
}

func (e *csvEncoder) Flush() error { return e.flush(1) }

func (e *csvEncoder) append(r *record.Record) {
	if !e.started {
		e.start()
	}
	for i := range e.t.Load(r) {
		cells := e.t.Row(i)
		for c := range cells {
			if c > 0 {
				e.buf = append(e.buf, byte(e.t.opts.Delimiter))
			}
			e.cell(&cells[c])
		}
		e.buf = append(e.buf, '\n')
	}
}

func (e *csvEncoder) cell(c *Cell) {
	start := len(e.buf)
	kind := c.Kind()
	switch kind {
	case record.Null:
		if len(e.t.columns) == 1 {
			e.buf = append(e.buf, `""`...)
		}
		return
	case record.String, record.JSON:
		e.buf = c.AppendText(e.buf)
		if len(e.buf) == start {
			e.buf = append(e.buf, `""`...)
			return
		}
		if isFormulaStart(e.buf[start]) {
			e.escape(start)
		}
		e.quote(start)
	default:
		e.buf = c.AppendText(e.buf)
	}
}

// escape puts an apostrophe before what was written from start.
func (e *csvEncoder) escape(start int) {
	if e.t.opts.NoEscape {
		return
	}
	e.t.Report.Escaped++
	e.buf = append(e.buf, 0)
	copy(e.buf[start+1:], e.buf[start:])
	e.buf[start] = '\''
}

// quote puts quotes around what was written from start, if it needs them.
func (e *csvEncoder) quote(start int) {
	text := e.buf[start:]
	var seen byte
	for _, c := range text {
		seen |= e.classes[c]
	}
	if seen&1 == 0 {
		return
	}
	more := 2
	for _, c := range text {
		if c == '"' {
			more++
		}
	}
	from := len(e.buf) - 1
	for range more {
		e.buf = append(e.buf, 0)
	}
	at := len(e.buf) - 1
	e.buf[at] = '"'
	for ; from >= start; from-- {
		at--
		if e.buf[at] = e.buf[from]; e.buf[at] == '"' {
			at--
			e.buf[at] = '"'
		}
	}
	e.buf[start] = '"'
}

func (e *csvEncoder) Close() error {
	if !e.started {
		e.start()
	}
	return e.flush(1)
}

func (e *csvEncoder) Report() Report { return e.t.Report }
