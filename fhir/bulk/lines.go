package bulk

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"sync"

	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/export/parts"
	"github.com/digit-health/dhr/record"
)

// Lines make a file of lines. What is appended to buf, and then added, is a line of it. A line for which there is no room
// begins the next file: what is too much is never written.
type lines struct {
	name, resourceType, holds string
	compression               string
	records, bytes, least     int64 // bounds: the greatest number of lines and bytes; so few bytes are no reason to stop at records

	buf     []byte // ends in lines that are not yet compressed
	writer  *parts.Writer
	count   int64
	size    int64
	hash    hash.Hash
	line    *record.Record // which stands for any
	open    func(l *lines) (*parts.Writer, error)
	tallies map[string]int64
	// continues is the name of the file in which the last block goes on.
	continues string
}

const gzipped, uncompressed = "gzip", "none"

// flushAt is how many bytes are given to the compressor at once.
const flushAt = 64 << 10

// full reports whether there is room for no more lines.
func (l *lines) full() bool {
	return l.count >= l.records && l.size >= l.least || l.size >= l.bytes
}

// fits reports whether a line of n bytes, with its end, has room.
func (l *lines) fits(n int) bool {
	return l.size+int64(n) <= l.bytes && (l.count < l.records || l.size < l.least)
}

// never reports whether a line of n bytes, without its end, has no room in any file.
func (l *lines) never(n int) bool { return int64(n) >= l.bytes }

// add takes what stands in buf from an offset on as a line, and ends it. It returns false, and takes nothing, if there is no room.
func (l *lines) add(from int) (bool, error) {
	n := len(l.buf) - from + 1
	if !l.fits(n) {
		if l.count == 0 {
			return false, fmt.Errorf("%w: a resource of %d bytes, a file has %d", parts.ErrTooLarge, n, l.bytes)
		}
		return false, nil
	}
	if l.writer == nil {
		var err error
		if l.writer, err = l.open(l); err != nil {
			return false, err
		}
		if l.hash == nil {
			columns, err := lineColumns()
			if err != nil {
				return false, err
			}
			l.hash, l.line = sha256.New(), new(record.Record)
			l.line.Reset(columns)
		}
	}
	l.buf = append(l.buf, '\n')
	l.count++
	l.size += int64(n)
	_, err := l.writer.Encode(l.line)
	return true, err
}

// finish returns the file, or nil if it has no lines. What stands in buf behind its last line stays there.
func (l *lines) finish(from int) (*parts.File, *File, error) {
	rest := append([]byte(nil), l.buf[from:]...)
	l.buf = l.buf[:from]
	if l.count == 0 {
		l.buf = append(l.buf[:0], rest...)
		return nil, nil, nil
	}
	f, err := l.writer.Finish()
	if err != nil {
		return nil, nil, err
	}
	l.writer.Abort()
	of := &File{
		Name: l.name, Type: l.resourceType, Count: l.count, Size: l.size, SHA256: hex.EncodeToString(l.hash.Sum(nil)),
		Severities: l.tallies, ContinuesIn: l.continues,
	}
	if l.compression == gzipped {
		of.Gzip = &Packed{Size: f.Size, SHA256: f.SHA256}
	}
	l.hash.Reset()
	l.writer, l.count, l.size, l.tallies, l.continues = nil, 0, 0, nil, ""
	l.buf = append(l.buf[:0], rest...)
	return f, of, nil
}

// abort throws away what is not finished.
func (l *lines) abort() {
	if l != nil && l.writer != nil {
		l.writer.Abort()
	}
}

// lineColumns are those of the record that stands for every line: what is written is in the buffer.
var lineColumns = sync.OnceValues(func() (*record.Projection, error) {
	schema, err := record.ParseSchema("lines", []byte(`{"properties":{"line":{"type":"keyword"}}}`))
	if err != nil {
		return nil, err
	}
	return schema.ProjectAll()
})

// format returns the format of the lines.
func (l *lines) format() *export.Format {
	return &export.Format{
		Name: "fhir", MediaType: "application/fhir+ndjson", Extension: ".ndjson",
		New: func(w io.Writer, _ *export.Table) (export.Encoder, error) { return &lineEncoder{w: w, lines: l}, nil },
	}
}

// A lineEncoder writes what is in the buffer of lines.
type lineEncoder struct {
	w     io.Writer
	lines *lines
	rows  int64
}

func (e *lineEncoder) Encode(*record.Record) error {
	e.rows++
	if len(e.lines.buf) < flushAt {
		return nil
	}
	return e.flush()
}

func (e *lineEncoder) flush() error {
	l := e.lines
	_, _ = l.hash.Write(l.buf) // a hash takes everything
	_, err := e.w.Write(l.buf)
	l.buf = l.buf[:0]
	return err
}

func (e *lineEncoder) Close() error          { return e.flush() }
func (e *lineEncoder) Report() export.Report { return export.Report{Rows: e.rows} }
