package record

import (
	"bytes"
	"slices"
)

var dot = []byte{'.'}

// A met is a node to which a key with dots led, and the object of that key.
type met struct {
	object uint64
	id     int
}

// dottedMember returns the node to which a key with dots leads, or nil if it is
// not wanted, and whether an object on the way is wanted as a whole.
func (d *Decoder) dottedMember(t *trie, object uint64, at int, key []byte) (c *trie, whole, ok bool) {
	for c = t; c != nil && key != nil; {
		part, rest, more := bytes.Cut(key, dot)
		if key = rest; !more {
			key = nil
		}
		c = c.find(part)
		whole = whole || more && c != nil && len(c.whole) > 0
	}
	if c == nil {
		return nil, whole, true
	}
	if slices.Contains(d.dotted, met{object, c.id}) {
		return nil, false, d.refuse(c, at, keyTwice)
	}
	d.dotted = append(d.dotted, met{object, c.id})
	return c, whole, true
}

// keepDotted gives the objects that are wanted whole their part of a member
// with dots in its key: {"a.b.c": 1} is {"b.c": 1} in a. The key stands at at,
// the value from start to pos.
func (d *Decoder) keepDotted(t *trie, at, start int) bool {
	s := scanner{src: d.src, pos: at}
	key, escaped, _ := s.key()
	if escaped {
		d.buf = unescape(d.buf[:0], key)
		key = d.buf
	}
	for c, more := t, true; more; {
		var part []byte
		part, key, more = bytes.Cut(key, dot)
		if c = c.find(part); c == nil {
			return true
		}
		if !more || len(c.whole) == 0 {
			continue
		}
		text := len(d.r.scratch)
		d.r.scratch = append(d.r.scratch, '{')
		d.r.scratch = appendQuoted(d.r.scratch, view(key))
		d.r.scratch = append(d.r.scratch, ':')
		d.r.scratch = append(d.r.scratch, d.src[start:d.pos]...)
		d.r.scratch = append(d.r.scratch, '}')
		if !d.keep(c, at, d.r.scratch[text:]) {
			return false
		}
	}
	return true
}
