package essearch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/digit-health/dhr/search"
)

// A scanner reads JSON from a reader, one pass over bytes that it keeps. Its
// methods return false after a fault, which they leave in err.
type scanner struct {
	r     io.Reader
	buf   []byte
	pos   int
	limit int // of buf; 0 means none
	depth int
	err   error
}

const (
	// maxDepth is how deep an answer may be nested, above what engines allow in documents.
	maxDepth = 2000
	minRead  = 32 << 10
)

// fill reads more bytes behind those there are; false at the end and after a fault.
func (s *scanner) fill() bool {
	if s.err != nil {
		return false
	}
	if s.limit > 0 && len(s.buf) > s.limit {
		s.err = errTooLarge
		return false
	}
	if cap(s.buf)-len(s.buf) < minRead {
		grown := make([]byte, len(s.buf), 2*cap(s.buf)+2*minRead)
		copy(grown, s.buf)
		s.buf = grown
	}
	for range 100 {
		n, err := s.r.Read(s.buf[len(s.buf):cap(s.buf)])
		s.buf = s.buf[:len(s.buf)+n]
		switch {
		case n > 0:
			return true
		case errors.Is(err, io.EOF):
			return false
		case err != nil:
			s.err = err
			return false
		}
	}
	s.err = io.ErrNoProgress
	return false
}

// fault returns the error after a method returned false.
func (s *scanner) fault() error {
	if s.err != nil {
		return s.err
	}
	return fmt.Errorf("%w: it ends after %d bytes, before its end", search.ErrBadAnswer, len(s.buf))
}

// unexpected notes that the byte at pos may not stand there. It says nothing
// where there is no byte.
func (s *scanner) unexpected() bool {
	if s.err == nil && s.pos < len(s.buf) {
		s.err = fmt.Errorf("%w: %q at byte %d is not what JSON, or this answer, has there", search.ErrBadAnswer, s.buf[s.pos], s.pos)
	}
	return false
}

// next returns the byte at pos, or 0 at the end.
func (s *scanner) next() byte {
	if s.pos < len(s.buf) || s.fill() {
		return s.buf[s.pos]
	}
	return 0
}

// peek skips white space and returns the byte at pos, or 0 at the end.
func (s *scanner) peek() byte {
	for {
		c := s.next()
		if c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return c
		}
		s.pos++
	}
}

// end checks that nothing but white space follows.
func (s *scanner) end() bool {
	if s.peek() != 0 || s.pos < len(s.buf) {
		return s.unexpected()
	}
	return s.err == nil
}

func (s *scanner) enter(c byte) bool {
	if s.peek() != c {
		return s.unexpected()
	}
	if s.depth++; s.depth > maxDepth {
		s.err = fmt.Errorf("%w: it is nested too deep", search.ErrBadAnswer)
		return false
	}
	s.pos++
	return true
}

// leave steps over a closing bracket.
func (s *scanner) leave() bool {
	s.pos++
	s.depth--
	return true
}

// object reads an object and calls member at each value, with the key as it
// stands for, which is valid until the value is read.
func (s *scanner) object(member func(key []byte) bool) bool {
	if !s.enter('{') {
		return false
	}
	if s.peek() == '}' {
		return s.leave()
	}
	for {
		if s.peek() != '"' {
			return s.unexpected()
		}
		from := s.pos
		if !s.text() {
			return false
		}
		key := unquote(s.buf[from:s.pos])
		if s.peek() != ':' {
			return s.unexpected()
		}
		s.pos++
		if !member(key) {
			return false
		}
		switch s.peek() {
		case ',':
			s.pos++
		case '}':
			return s.leave()
		default:
			return s.unexpected()
		}
	}
}

// array reads an array and calls element at each value.
func (s *scanner) array(element func() bool) bool {
	if !s.enter('[') {
		return false
	}
	if s.peek() == ']' {
		return s.leave()
	}
	for {
		if !element() {
			return false
		}
		switch s.peek() {
		case ',':
			s.pos++
		case ']':
			return s.leave()
		default:
			return s.unexpected()
		}
	}
}

// skip steps over a value of any kind.
func (s *scanner) skip() bool {
	switch c := s.peek(); c {
	case '"':
		return s.text()
	case '{':
		return s.object(func([]byte) bool { return s.skip() })
	case '[':
		return s.array(s.skip)
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	default:
		if c == '-' || isDigit(c) {
			return s.number()
		}
		return s.unexpected()
	}
}

func (s *scanner) word(w string) bool {
	for i := range len(w) {
		if s.next() != w[i] {
			return s.unexpected()
		}
		s.pos++
	}
	return true
}

func isDigit(c byte) bool { return c-'0' <= 9 }

func (s *scanner) number() bool {
	if s.next() == '-' {
		s.pos++
	}
	if s.next() == '0' {
		s.pos++
	} else if !s.digits() {
		return false
	}
	if s.next() == '.' {
		s.pos++
		if !s.digits() {
			return false
		}
	}
	if s.next()|0x20 == 'e' {
		s.pos++
		if c := s.next(); c == '+' || c == '-' {
			s.pos++
		}
		return s.digits()
	}
	return s.err == nil
}

// digits steps over one digit or more.
func (s *scanner) digits() bool {
	if !isDigit(s.next()) {
		return s.unexpected()
	}
	for isDigit(s.next()) {
		s.pos++
	}
	return s.err == nil
}

// text steps over the string at pos.
func (s *scanner) text() bool {
	s.pos++
	for {
		for s.pos < len(s.buf) {
			switch c := s.buf[s.pos]; {
			case c == '"':
				s.pos++
				return true
			case c == '\\':
				if !s.escape() {
					return false
				}
			case c < ' ':
				return s.unexpected()
			default:
				s.pos++
			}
		}
		if !s.fill() {
			return false
		}
	}
}

// escape steps over the escape at pos.
func (s *scanner) escape() bool {
	s.pos++
	switch s.next() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.pos++
		return true
	case 'u':
		for range 4 {
			s.pos++
			if c := s.next() | 0x20; !isDigit(s.next()) && (c < 'a' || c > 'f') {
				return s.unexpected()
			}
		}
		s.pos++
		return true
	}
	return s.unexpected()
}

// loose steps over the object at pos and checks only that as many brackets
// close as open.
func (s *scanner) loose() bool {
	depth := 0
	for {
		for s.pos < len(s.buf) {
			switch s.buf[s.pos] {
			case '"':
				if !s.looseText() {
					return false
				}
				continue
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					s.pos++
					return true
				}
			}
			s.pos++
		}
		if !s.fill() {
			return false
		}
	}
}

// looseText steps over a string: to a quote that no backslash stands before.
func (s *scanner) looseText() bool {
	s.pos++
	for from := s.pos; ; {
		i := bytes.IndexByte(s.buf[s.pos:], '"')
		if i < 0 {
			s.pos = len(s.buf)
			if !s.fill() {
				return false
			}
			continue
		}
		s.pos += i + 1
		slashes := 0
		for j := s.pos - 2; j >= from && s.buf[j] == '\\'; j-- {
			slashes++
		}
		if slashes%2 == 0 {
			return true
		}
	}
}

// unquote returns what a JSON string that was scanned stands for; it shares the bytes
// where it can.
func unquote(text []byte) []byte {
	inner := text[1 : len(text)-1]
	if bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return inner
	}
	var plain string
	if json.Unmarshal(text, &plain) != nil {
		return inner
	}
	return []byte(plain)
}
