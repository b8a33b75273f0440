package fhir

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

const maxDepth = 200

var errNoJSON = errors.New("no JSON")

// A scanner reads JSON from the left to the right. After an error it stands where the error is.
type scanner struct {
	b []byte
	i int
}

func (s *scanner) fail(expected string) error {
	if s.i >= len(s.b) {
		return fmt.Errorf("%w: it ends at byte %d, where %s is expected", errNoJSON, s.i, expected)
	}
	return fmt.Errorf("%w: found %q at byte %d, where %s is expected", errNoJSON, s.b[s.i], s.i, expected)
}

// peek skips white space and returns the next byte, or 0 at the end.
func (s *scanner) peek() byte {
	for s.i < len(s.b) {
		switch c := s.b[s.i]; c {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return c
		}
	}
	return 0
}

// take skips white space and the byte c.
func (s *scanner) take(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.i++
	return true
}

// end reports whether nothing but white space is left.
func (s *scanner) end() error {
	if s.peek() != 0 || s.i < len(s.b) {
		return s.fail("the end")
	}
	return nil
}

// text skips a string and returns it without its quotation marks, with its escapes; plain says that it has none.
func (s *scanner) text() (raw []byte, plain bool, err error) {
	if !s.take('"') {
		return nil, false, s.fail("a string")
	}
	start := s.i
	plain = true
	for s.i < len(s.b) {
		switch c := s.b[s.i]; {
		case c == '"':
			raw = s.b[start:s.i]
			if !utf8.Valid(raw) {
				return nil, false, fmt.Errorf("%w: a string that is no UTF-8 at byte %d", errNoJSON, start)
			}
			s.i++
			return raw, plain, nil
		case c < ' ':
			return nil, false, s.fail("a string without control characters")
		case c == '\\':
			plain = false
			if err := s.escape(); err != nil {
				return nil, false, err
			}
		default:
			s.i++
		}
	}
	return nil, false, s.fail(`"`)
}

func (s *scanner) escape() error {
	s.i++
	if s.i >= len(s.b) {
		return s.fail("an escape")
	}
	switch s.b[s.i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.i++
		return nil
	case 'u':
		for range 4 {
			s.i++
			if s.i >= len(s.b) || !isHex(s.b[s.i]) {
				return s.fail("a hexadecimal digit")
			}
		}
		s.i++
		return nil
	}
	return s.fail("an escape")
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}

// word skips a number or one of the words true, false and null.
func (s *scanner) word() ([]byte, error) {
	s.peek()
	start := s.i
	for s.i < len(s.b) {
		c := s.b[s.i]
		if c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '-' || c == '+' || c == '.' {
			s.i++
			continue
		}
		break
	}
	word := s.b[start:s.i]
	switch string(word) {
	case "true", "false", "null":
		return word, nil
	}
	if !IsNumber(string(word)) {
		s.i = start
		return nil, s.fail("a value")
	}
	return word, nil
}

// skip skips a value.
func (s *scanner) skip(depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%w that is nested too deep", errNoJSON)
	}
	switch s.peek() {
	case '"':
		_, _, err := s.text()
		return err
	case '{':
		return s.object(func([]byte) error { return s.skip(depth + 1) })
	case '[':
		return s.array(func(int) error { return s.skip(depth + 1) })
	}
	_, err := s.word()
	return err
}

// object reads an object; member is called with each key, behind the colon, and reads the value.
func (s *scanner) object(member func(key []byte) error) error {
	if !s.take('{') {
		return s.fail("an object")
	}
	if s.take('}') {
		return nil
	}
	for {
		key, _, err := s.text()
		if err != nil {
			return err
		}
		if !s.take(':') {
			return s.fail("a colon")
		}
		if err := member(key); err != nil {
			return err
		}
		if s.take('}') {
			return nil
		}
		if !s.take(',') {
			return s.fail("a comma or }")
		}
	}
}

// array reads an array; item is called with the number of each item and reads it.
func (s *scanner) array(item func(i int) error) error {
	if !s.take('[') {
		return s.fail("an array")
	}
	if s.take(']') {
		return nil
	}
	for i := 0; ; i++ {
		if err := item(i); err != nil {
			return err
		}
		if s.take(']') {
			return nil
		}
		if !s.take(',') {
			return s.fail("a comma or ]")
		}
	}
}
