package record

import (
	"bytes"
	"strings"
)

// A Decoder reads JSON documents into records of one projection, in one pass
// over the bytes. It may be used again and again, by one goroutine at a time.
type Decoder struct {
	scanner
	p *Projection
	r *Record
	// seen holds for each node of the trie the last object in which its key
	// was met; objects counts them.
	seen    []uint64
	objects uint64
	// guesses holds for each node the keys of its objects in the order in which
	// they were first met: most documents of an index are written alike.
	guesses [][]guess
	dotted  []met // in the objects now open
	buf     []byte
	err     *DocumentError
}

// NewDecoder returns a decoder for documents whose fields p chooses from.
func NewDecoder(p *Projection) *Decoder {
	return &Decoder{p: p, seen: make([]uint64, p.nodes), guesses: make([][]guess, p.nodes)}
}

// Decode reads one document, which must be a JSON object, into r. The caller
// sets r.ID and r.Index before, from which the columns _id and _index are filled.
//
// The whole of doc is checked to be JSON in UTF-8, the values that are wanted
// are checked against their types. A key with dots stands for objects in each
// other: where one of these is wanted as a whole, what the key says of it is a
// value of its own. Lists are taken apart, null is no value unless the field has a
// null_value. A wanted key that stands twice in one object is an error, as is
// an object in place of a single value, or the other way round. What does not
// fit its type is missing if the field has ignore_malformed; a string longer
// than ignore_above is missing from that field.
//
// r points into doc: it is valid until doc changes, or r is used again. The
// error is a *[DocumentError]; r holds no use then.
func (d *Decoder) Decode(doc []byte, r *Record) error {
	r.Reset(d.p)
	r.source = doc
	d.scanner = scanner{src: doc}
	d.r, d.err, d.dotted = r, nil, d.dotted[:0]
	d.space()
	if d.pos < len(doc) && doc[d.pos] != '{' {
		d.unexpected("an object")
		return d.broken()
	}
	if !d.object(d.p.root) || !d.end() {
		return d.broken()
	}
	d.fillIn()
	return nil
}

// fillIn sets the columns that do not stand in the document.
func (d *Decoder) fillIn() {
	r := d.r
	for _, n := range d.p.constants {
		if len(r.columns[n]) == 0 {
			r.Append(n, d.p.fields[n].own.constant)
		}
	}
	r.fillMeta()
}

// fillMeta sets the columns _id and _index.
func (r *Record) fillMeta() {
	for _, n := range r.projection.ids {
		r.columns[n] = append(r.columns[n][:0], StringValue(r.ID))
	}
	for _, n := range r.projection.indexes {
		r.columns[n] = append(r.columns[n][:0], StringValue(r.Index))
	}
}

// broken returns the error of a document that could not be read.
func (d *Decoder) broken() error {
	if d.err == nil {
		d.err = &DocumentError{Offset: d.at, Message: d.fault}
	}
	return d.err
}

// refuse notes a value that is sound JSON, but not what t wants.
func (d *Decoder) refuse(t *trie, at int, message string) bool {
	d.err = &DocumentError{Offset: at, Path: t.path, Message: message}
	if d.p.within != "" {
		d.err.Path = d.p.within + "." + t.path
	}
	return false
}

// object reads the object at pos, whose keys are wanted as t says.
func (d *Decoder) object(t *trie) bool {
	if d.pos >= len(d.src) {
		return d.unexpected("an object")
	}
	d.objects++
	object, dotted := d.objects, len(d.dotted)
	if !d.enter() {
		return false
	}
	if d.space() == '}' {
		d.pos++
		d.depth--
		return true
	}
	for nth := 0; ; {
		c, ok := d.guess(t, object, &nth)
		switch {
		case !ok:
			ok = d.err == nil && d.fault == "" && d.unguessed(t, object)
		case c == nil:
			ok = d.skip()
		default:
			ok = d.value(c)
		}
		if !ok {
			return false
		}
		if more, ok := d.next('}'); !more {
			d.dotted = d.dotted[:dotted]
			return ok
		}
	}
}

// A guess is a key as it is written, with its quotes and the colon.
type guess struct {
	text []byte
	node *trie // or nil
}

// maxGuesses is how many keys of an object are kept as guesses.
const maxGuesses = 128

// guess steps over the key at pos if it is the nth that is expected here, or
// the one behind it. It returns false without an error if it is neither.
func (d *Decoder) guess(t *trie, object uint64, nth *int) (c *trie, ok bool) {
	list, rest := d.guesses[t.id], d.src[d.pos:]
	for n := *nth; n < len(list) && n < *nth+2; n++ {
		g := &list[n]
		if len(rest) <= len(g.text) || string(rest[:len(g.text)]) != string(g.text) {
			continue
		}
		if c = g.node; c != nil {
			if d.seen[c.id] == object {
				return nil, d.refuse(c, d.pos, keyTwice)
			}
			d.seen[c.id] = object
		}
		*nth = n + 1
		d.pos += len(g.text)
		d.space()
		return c, true
	}
	if *nth == len(list) && *nth < maxGuesses {
		d.learn(t)
		*nth = len(d.guesses[t.id])
	}
	return nil, false
}

// learn keeps the key at pos as a guess, if it is a plain one.
func (d *Decoder) learn(t *trie) {
	s := scanner{src: d.src, pos: d.pos}
	key, escaped, ok := s.key()
	if !ok || escaped || len(key) > maxGuesses || s.pos == len(s.src) || s.src[s.pos] != ':' || bytes.IndexByte(key, '.') >= 0 {
		return
	}
	d.guesses[t.id] = append(d.guesses[t.id], guess{bytes.Clone(d.src[d.pos : s.pos+1]), t.find(key)})
}

// unguessed reads a member whose key was not expected here.
func (d *Decoder) unguessed(t *trie, object uint64) bool {
	at := d.pos
	c, whole, ok := d.member(t, object)
	if !ok || !d.colon() {
		return false
	}
	start := d.pos
	if c == nil {
		ok = d.skip()
	} else {
		ok = d.value(c)
	}
	return ok && (!whole || d.keepDotted(t, at, start))
}

// member reads a key and returns its node, or nil if it is not wanted, and
// whether its dots lead through an object that is wanted as a whole.
func (d *Decoder) member(t *trie, object uint64) (c *trie, whole, ok bool) {
	at := d.pos
	key, escaped, ok := d.key()
	if !ok {
		return nil, false, false
	}
	if escaped {
		d.buf = unescape(d.buf[:0], key)
		key = d.buf
	}
	if c = t.find(key); c != nil {
		if d.seen[c.id] == object {
			return nil, false, d.refuse(c, at, keyTwice)
		}
		d.seen[c.id] = object
		return c, false, true
	}
	if bytes.IndexByte(key, '.') < 0 {
		return nil, false, true
	}
	return d.dottedMember(t, object, at, key)
}

const keyTwice = "the key stands twice in one object"

// value reads the value at pos for t.
func (d *Decoder) value(t *trie) bool {
	start := d.pos
	if !t.any {
		return d.part(t)
	}
	return d.part(t) && (d.src[start] == 'n' || d.keep(t, start, d.src[start:d.pos]))
}

// keep appends a JSON value, which stands at at, to the columns that want it
// whole. A point must be one.
func (d *Decoder) keep(t *trie, at int, json []byte) bool {
	if t.point && !isPoint(json) {
		return t.whole[0].f.own.malformed || d.refuse(t, at, "found "+shorten(string(json))+" where a point is expected")
	}
	for _, c := range t.whole {
		d.r.Append(c.n, JSONValue(view(json)))
	}
	return true
}

// part reads the value at pos, which may be an element of a list, for t.
func (d *Decoder) part(t *trie) bool {
	at := d.pos
	if at >= len(d.src) {
		return d.unexpected("a value")
	}
	switch c := d.src[at]; c {
	case '"':
		raw, escaped, ok := d.text()
		if !ok {
			return false
		}
		text := view(raw)
		if escaped {
			text = d.unescaped(raw)
		}
		return d.scalar(t, at, text, '"')
	case '{':
		return d.objectValue(t)
	case '[':
		return d.list(t)
	case 'n':
		if !d.word("null") {
			return false
		}
		for _, c := range t.columns {
			if v := c.f.own.null; t.null && !v.IsNull() {
				d.r.Append(c.n, v)
			}
		}
		return true
	case 't':
		return d.word("true") && d.scalar(t, at, "true", 't')
	case 'f':
		return d.word("false") && d.scalar(t, at, "false", 't')
	default:
		if c != '-' && !isDigit(c) {
			return d.unexpected("a value")
		}
		raw, ok := d.number()
		return ok && d.scalar(t, at, view(raw), '0')
	}
}

// unescaped returns the characters of a string with escapes.
func (d *Decoder) unescaped(raw []byte) string {
	at := len(d.r.scratch)
	d.r.scratch = unescape(d.r.scratch, raw)
	return view(d.r.scratch[at:])
}

func (d *Decoder) objectValue(t *trie) bool {
	if len(t.columns) > 0 && !t.lenient && !t.both {
		return d.refuse(t, d.pos, "found an object where a single value is expected")
	}
	start := d.pos
	if len(t.keys) == 0 {
		if !d.skip() {
			return false
		}
	} else if !d.object(t) {
		return false
	}
	return t.any || d.keep(t, start, d.src[start:d.pos])
}

func (d *Decoder) list(t *trie) bool {
	start := d.pos
	if !d.enter() {
		return false
	}
	c := d.space()
	switch {
	case c == ']':
		d.pos++
		d.depth--
		return true
	case t.point && (c == '-' || isDigit(c)):
		d.pos, d.depth = start, d.depth-1
		return d.skip() && d.keep(t, start, d.src[start:d.pos])
	}
	for {
		if !d.part(t) {
			return false
		}
		if more, ok := d.next(']'); !more {
			return ok
		}
	}
}

// scalar takes a single value for t. The form says how it is written: '"' for
// a string, '0' for a number, 't' for true and false.
func (d *Decoder) scalar(t *trie, at int, text string, form byte) bool {
	if t.object && !t.lenient {
		return d.refuse(t, at, "found "+shorten(string(d.src[at:d.pos]))+" where an object is expected")
	}
	if t.point && !d.keep(t, at, d.src[at:d.pos]) {
		return false
	}
	for i := range t.columns {
		c := &t.columns[i]
		if c.f.Kind == String || c.f.Kind == Text {
			if c.f.IgnoreAbove == 0 || !longer(text, c.f.IgnoreAbove) {
				d.r.Append(c.n, StringValue(text))
			}
			continue
		}
		v, want := d.typed(c.f, text, form)
		if want != "" && !c.f.own.malformed {
			return d.refuse(t, at, notA(text, want))
		}
		if !v.IsNull() {
			d.r.Append(c.n, v)
		}
	}
	return true
}

// typed returns the value of a field that is no string: nothing for an empty
// text where Elasticsearch takes that for no number.
func (d *Decoder) typed(f *Field, text string, form byte) (v Value, want string) {
	switch f.Kind {
	case Int, Uint, Float:
		if form == 't' {
			return v, wantNumber
		}
		if form == '"' {
			if f.own.noCoerce {
				return v, "a number: it stands in quotes"
			}
			if text == "" {
				return v, ""
			}
		}
		if v, want = f.parse(text, !f.own.noCoerce); want != "" && form == '"' {
			if plain := javaNumber(text); len(plain) < len(text) && f.Type != "long" && f.Type != "unsigned_long" {
				return f.parse(plain, true)
			}
		}
		return v, want
	case Bool:
		if form == '0' {
			return v, wantBool
		}
	case Time:
		if form == 't' {
			return v, f.own.want
		}
	case IP:
		a, ok := parseAddr(text)
		if !ok {
			return v, wantIP
		}
		bytes := a.As16()
		start := len(d.r.scratch)
		d.r.scratch = append(d.r.scratch, bytes[:]...)
		return Value{kind: IP, text: view(d.r.scratch[start:])}, ""
	}
	return f.parse(text, true)
}

// javaNumber returns text without what Java allows around a number in a string.
func javaNumber(text string) string {
	text = strings.TrimFunc(text, func(r rune) bool { return r <= ' ' })
	if n := len(text) - 1; n > 0 && strings.IndexByte("fFdD", text[n]) >= 0 {
		text = text[:n]
	}
	return text
}

// longer reports whether text has more than limit UTF-16 units.
func longer(text string, limit int) bool {
	if len(text) <= limit {
		return false
	}
	units := 0
	for _, r := range text {
		if units++; r >= 0x10000 {
			units++
		}
	}
	return units > limit
}
