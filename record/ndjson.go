package record

import (
	"bytes"
	"errors"
	"io"
	"strconv"
)

// maxLine is the longest line of a stream in bytes.
const maxLine = 64 << 20

// ReadNDJSON returns the records of a text that has one JSON document on each
// line. Blank lines, a line feed missing at the end, lines that end in CR LF and
// a byte-order mark at the start are fine. name is what errors call the text;
// r is not closed.
//
// A line is either the document itself, or what Elasticsearch gives for a hit:
// an object whose first key begins with an underscore and that has the document
// in _source. Then _id and _index are the record's. None of the three may stand
// there twice. Otherwise the ID is the value of the schema's Key, or without one
// the number of the line.
//
// The first line that cannot be read ends the stream with a *[DocumentError]
// that says where it is and how many records came before it.
func ReadNDJSON(r io.Reader, name string, p *Projection) Stream {
	return func(yield func(*Record, error) bool) {
		s := newLineStream(r, p)
		for n := 0; ; n++ {
			err := s.next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(nil, s.place(err, name, n))
				return
			}
			if !yield(&s.record, nil) {
				return
			}
		}
	}
}

// A lineStream makes records of lines.
type lineStream struct {
	lines   lineReader
	p       *Projection
	decoder *Decoder
	record  Record
	key     int // the column of the key, or -1
	digits  []byte
	names   []byte // the _id and _index that are written with escapes
	shift   int    // where the document begins in the line
}

func newLineStream(r io.Reader, p *Projection) *lineStream {
	s := &lineStream{lines: lineReader{r: r, max: maxLine}, p: p, key: -1}
	wide := p
	if key := p.schema.Key; key != nil && p.within == "" {
		if s.key = p.Column(key.Path); s.key < 0 {
			s.key = len(p.fields)
			wide = p.with(key)
		}
	}
	s.decoder = NewDecoder(wide)
	return s
}

// with returns p with one column more.
func (p *Projection) with(f *Field) *Projection {
	wide := &Projection{schema: p.schema, columns: make(map[string]int, len(p.columns)+1)}
	b := trieBuilder{schema: p.schema, root: &trie{object: true}, nodes: 1}
	for _, f := range p.fields {
		wide.add(f, &b)
	}
	wide.add(f, &b)
	wide.finish(&b)
	return wide
}

// next reads the next record.
func (s *lineStream) next() error {
	s.shift, s.names = 0, s.names[:0]
	line, err := s.lines.next()
	for err == nil && blank(line) {
		line, err = s.lines.next()
	}
	if err != nil {
		return err
	}
	s.shift = s.lines.mark
	r := &s.record
	r.ID, r.Index = "", s.p.schema.Index
	doc, err := s.unwrap(line)
	if err == nil {
		err = s.decoder.Decode(doc, r)
	}
	if err == nil && r.ID == "" {
		err = s.identify()
	}
	if err != nil {
		return err
	}
	r.projection, r.columns = s.p, r.columns[:len(s.p.fields)]
	r.fillMeta()
	return nil
}

// identify gives the record the ID that its line did not have.
func (s *lineStream) identify() error {
	if s.key < 0 {
		s.digits = strconv.AppendInt(s.digits[:0], int64(s.lines.number), 10)
		s.record.ID = view(s.digits)
		return nil
	}
	s.record.ID = s.record.Value(s.key).Text()
	if s.record.ID == "" {
		return &DocumentError{Path: s.p.schema.Key.Path, Message: "the key of the record is missing"}
	}
	return nil
}

// unwrap returns the document in a line.
func (s *lineStream) unwrap(line []byte) ([]byte, error) {
	head := bytes.TrimLeft(line, " \t\r")
	if head[0] != '{' || !bytes.HasPrefix(bytes.TrimLeft(head[1:], " \t\r"), []byte(`"_`)) {
		return line, nil
	}
	hit, err := s.hit(line)
	if err != nil || hit.source == nil {
		return line, err
	}
	s.shift += hit.start
	s.record.ID = s.name(hit.id, "")
	s.record.Index = s.name(hit.index, s.p.schema.Index)
	return hit.source, nil
}

// A hit is what stands around a document, as it is written.
type hit struct {
	source, id, index []byte
	start             int // of source
}

// hit reads the line as a hit. If it is none, source is nil.
func (s *lineStream) hit(line []byte) (h hit, err error) {
	scan := scanner{src: line}
	twice := -1
	scan.space()
	ok := scan.enter()
	scan.space()
	for more := ok; more && ok; {
		at := scan.pos
		key, escaped, sound := scan.key()
		if ok = sound && scan.colon(); !ok {
			break
		}
		start := scan.pos
		if ok = scan.skip(); !ok {
			break
		}
		if part := h.part(s.plain(key, escaped)); part != nil {
			if *part != nil && twice < 0 {
				twice = at
			}
			if *part = line[start:scan.pos]; part == &h.source {
				h.start = start
			}
		}
		more, ok = scan.next('}')
	}
	switch {
	case scan.fault != "" || !scan.end():
		return hit{}, &DocumentError{Offset: scan.at, Message: scan.fault}
	case twice >= 0:
		return hit{}, &DocumentError{Offset: twice, Message: keyTwice}
	case len(h.source) == 0 || h.source[0] != '{':
		return hit{}, nil
	}
	return h, nil
}

// part returns where the value of a key belongs, or nil.
func (h *hit) part(key []byte) *[]byte {
	switch string(key) {
	case "_source":
		return &h.source
	case "_id":
		return &h.id
	case "_index":
		return &h.index
	}
	return nil
}

// plain returns the characters of raw, valid until the next record.
func (s *lineStream) plain(raw []byte, escaped bool) []byte {
	if !escaped {
		return raw
	}
	at := len(s.names)
	s.names = unescape(s.names, raw)
	return s.names[at:]
}

// name returns the characters of a string, or otherwise if it is none.
func (s *lineStream) name(raw []byte, otherwise string) string {
	if len(raw) <= 2 || raw[0] != '"' {
		return otherwise
	}
	raw = raw[1 : len(raw)-1]
	return view(s.plain(raw, bytes.IndexByte(raw, '\\') >= 0))
}

// place completes an error with where it happened.
func (s *lineStream) place(err error, name string, records int) error {
	var e *DocumentError
	if !errors.As(err, &e) {
		e = &DocumentError{Message: err.Error(), Err: err}
	}
	e.File, e.Line, e.Records = name, s.lines.number, records
	e.Offset += s.shift
	return e
}

func blank(line []byte) bool { return len(bytes.TrimLeft(line, " \t\r")) == 0 }

// A lineReader cuts a text into lines.
type lineReader struct {
	r          io.Reader
	max        int
	number     int // of the line returned last, from 1
	mark       int // bytes cut off in front of that line
	buf        []byte
	start, end int // of what is read but not returned
	err        error
}

// next returns the next line without its line feed, valid until the next call.
// At the end of the text it returns io.EOF.
func (l *lineReader) next() ([]byte, error) {
	l.number++
	for searched := 0; ; {
		if i := bytes.IndexByte(l.buf[l.start+searched:l.end], '\n'); i >= 0 {
			line := l.buf[l.start : l.start+searched+i]
			l.start += len(line) + 1
			return l.line(line)
		}
		searched = l.end - l.start
		if l.err != nil {
			break
		}
		if searched > l.max {
			return nil, l.tooLong()
		}
		l.fill()
	}
	if l.start == l.end || !errors.Is(l.err, io.EOF) {
		return nil, l.err
	}
	line := l.buf[l.start:l.end]
	l.start = l.end
	return l.line(line)
}

var byteOrderMark = []byte("\xef\xbb\xbf")

func (l *lineReader) line(line []byte) ([]byte, error) {
	if len(line) > l.max {
		return nil, l.tooLong()
	}
	l.mark = 0
	if l.number == 1 && bytes.HasPrefix(line, byteOrderMark) {
		l.mark = len(byteOrderMark)
	}
	return line[l.mark:], nil
}

func (l *lineReader) tooLong() error {
	return &DocumentError{Offset: l.max, Message: "the line is longer than " + strconv.Itoa(l.max) + " bytes"}
}

// fill reads more, behind what is there.
func (l *lineReader) fill() {
	if l.start > 0 && l.end == len(l.buf) {
		l.end = copy(l.buf, l.buf[l.start:l.end])
		l.start = 0
	}
	if l.end == len(l.buf) {
		grown := make([]byte, max(64<<10, 2*len(l.buf)))
		copy(grown, l.buf[:l.end])
		l.buf = grown
	}
	for range 100 {
		n, err := l.r.Read(l.buf[l.end:])
		l.end += n
		l.err = err
		if n > 0 || err != nil {
			return
		}
	}
	l.err = io.ErrNoProgress
}
