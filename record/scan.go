package record

import (
	"encoding/binary"
	"math/bits"
	"strconv"
	"unicode/utf8"
	"unsafe"
)

// maxDepth is how deep objects and arrays may be nested in a document or a
// mapping; Elasticsearch refuses documents from the same depth on.
const maxDepth = 1000

// A scanner reads JSON text as RFC 8259 defines it, without building anything.
// Its methods return false after a fault, which they leave in fault and at.
type scanner struct {
	src   []byte
	pos   int
	depth int
	fault string
	at    int
}

// fail notes the first fault.
func (s *scanner) fail(at int, message string) bool {
	if s.fault == "" {
		s.fault, s.at = message, at
	}
	return false
}

// unexpected notes a byte that may not stand at pos.
func (s *scanner) unexpected(want string) bool {
	if s.pos >= len(s.src) {
		return s.fail(len(s.src), "the text ends where "+want+" is expected")
	}
	r, size := utf8.DecodeRune(s.src[s.pos:])
	if r == utf8.RuneError && size <= 1 {
		return s.fail(s.pos, "invalid UTF-8 where "+want+" is expected")
	}
	return s.fail(s.pos, "found "+quoteRune(r)+" where "+want+" is expected")
}

func quoteRune(r rune) string {
	switch {
	case r == 0xFEFF:
		return "a byte-order mark"
	case r == 0xA0:
		return "a no-break space"
	case r < ' ' || r == 0x7F:
		return "a control character"
	}
	return strconv.QuoteRune(r)
}

// space skips white space and returns the byte at pos, or 0 at the end.
func (s *scanner) space() byte {
	src, i := s.src, s.pos
	for uint(i) < uint(len(src)) {
		c := src[i]
		if c > ' ' || c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			s.pos = i
			return c
		}
		i++
	}
	s.pos = i
	return 0
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// stops marks with its high bit the first byte of w that ends or complicates a
// string: a quote, a backslash, a control character or a byte beyond ASCII.
// Bytes above the first may be marked wrongly.
func stops(w uint64) uint64 {
	quote := w ^ ones*'"'
	slash := w ^ ones*'\\'
	return ((quote-ones)&^quote | (slash-ones)&^slash | (w - ones*' ') | w) & highs
}

// text reads the string whose opening quote is at pos. It returns the
// characters between the quotes as they are written, and whether they hold escapes.
func (s *scanner) text() (raw []byte, escaped, ok bool) {
	src, start := s.src, s.pos+1
	i := start
	for i+8 <= len(src) {
		m := stops(binary.LittleEndian.Uint64(src[i:]))
		if m == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(m) >> 3
		if src[i] == '"' {
			s.pos = i + 1
			return src[start:i], false, true
		}
		break
	}
	return s.slowText(start, i)
}

// slowText goes on with text at i, byte by byte.
func (s *scanner) slowText(start, i int) (raw []byte, escaped, ok bool) {
	src, ascii := s.src, true
	for i < len(src) {
		switch c := src[i]; {
		case c == '"':
			if !ascii && !utf8.Valid(src[start:i]) {
				return nil, false, s.fail(start+invalidAt(src[start:i]), "invalid UTF-8")
			}
			s.pos = i + 1
			return src[start:i], escaped, true
		case c == '\\':
			n := escapeLen(src[i:])
			if n == 0 {
				return nil, false, s.fail(i, "invalid escape in a string")
			}
			escaped, i = true, i+n
		case c < ' ':
			return nil, false, s.fail(i, "a control character in a string")
		case c >= utf8.RuneSelf:
			ascii = false
			i++
		default:
			i++
		}
	}
	return nil, false, s.fail(len(src), "the text ends inside a string")
}

func invalidAt(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(b)
}

// escapeLen returns the length of the escape at the start of b, 0 if it is none.
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if _, ok := hex4(b[2:]); ok {
			return 6
		}
	}
	return 0
}

func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	for _, c := range b[:4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// number reads the number at pos and returns its digits.
func (s *scanner) number() (raw []byte, ok bool) {
	src, i := s.src, s.pos
	if src[i] == '-' {
		i++
	}
	switch {
	case i < len(src) && src[i] == '0':
		i++
	case i < len(src) && isDigit(src[i]):
		i = digits(src, i)
	default:
		return nil, s.fail(i, "a number without digits")
	}
	if i < len(src) && src[i] == '.' {
		i++
		if j := digits(src, i); j > i {
			i = j
		} else {
			return nil, s.fail(i, "a number without digits after its point")
		}
	}
	if i < len(src) && src[i]|0x20 == 'e' {
		i++
		if i < len(src) && (src[i] == '+' || src[i] == '-') {
			i++
		}
		if j := digits(src, i); j > i {
			i = j
		} else {
			return nil, s.fail(i, "a number without digits in its exponent")
		}
	}
	raw = src[s.pos:i]
	s.pos = i
	return raw, true
}

func isDigit(c byte) bool { return c-'0' <= 9 }

func digits(src []byte, i int) int {
	for i < len(src) && isDigit(src[i]) {
		i++
	}
	return i
}

// word reads true, false or null.
func (s *scanner) word(w string) bool {
	if end := s.pos + len(w); end <= len(s.src) && string(s.src[s.pos:end]) == w {
		s.pos = end
		return true
	}
	return s.unexpected("a value")
}

// skip reads the value at pos, whatever it is.
func (s *scanner) skip() bool {
	if s.pos >= len(s.src) {
		return s.unexpected("a value")
	}
	switch c := s.src[s.pos]; c {
	case '"':
		_, _, ok := s.text()
		return ok
	case '{':
		return s.skipObject()
	case '[':
		return s.skipArray()
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	default:
		if c == '-' || isDigit(c) {
			_, ok := s.number()
			return ok
		}
		return s.unexpected("a value")
	}
}

// enter steps over an opening bracket.
func (s *scanner) enter() bool {
	if s.depth++; s.depth > maxDepth {
		return s.fail(s.pos, "nested too deep")
	}
	s.pos++
	return true
}

// next steps over the comma before the next member or element, and returns
// false for more at the closing bracket, over which it steps as well.
func (s *scanner) next(closing byte) (more, ok bool) {
	switch s.space() {
	case ',':
		s.pos++
		s.space()
		return true, true
	case closing:
		s.pos++
		s.depth--
		return false, true
	}
	if closing == '}' {
		return false, s.unexpected("',' or '}'")
	}
	return false, s.unexpected("',' or ']'")
}

// colon steps over the colon after a key and the space around it.
func (s *scanner) colon() bool {
	if s.space() != ':' {
		return s.unexpected("':'")
	}
	s.pos++
	s.space()
	return true
}

// key reads the key at pos.
func (s *scanner) key() (raw []byte, escaped, ok bool) {
	if s.pos >= len(s.src) || s.src[s.pos] != '"' {
		return nil, false, s.unexpected("a key in double quotes")
	}
	return s.text()
}

func (s *scanner) skipObject() bool {
	if !s.enter() {
		return false
	}
	if s.space() == '}' {
		s.pos++
		s.depth--
		return true
	}
	for {
		if _, _, ok := s.key(); !ok || !s.colon() || !s.skip() {
			return false
		}
		if more, ok := s.next('}'); !more {
			return ok
		}
	}
}

func (s *scanner) skipArray() bool {
	if !s.enter() {
		return false
	}
	if s.space() == ']' {
		s.pos++
		s.depth--
		return true
	}
	for {
		if !s.skip() {
			return false
		}
		if more, ok := s.next(']'); !more {
			return ok
		}
	}
}

// end checks that nothing but white space follows.
func (s *scanner) end() bool {
	s.space()
	if s.pos < len(s.src) {
		return s.unexpected("the end")
	}
	return true
}

// unescape appends the characters of raw, the inside of a valid string, to dst.
// Half of a surrogate pair becomes U+FFFD.
func unescape(dst, raw []byte) []byte {
	for i := 0; i < len(raw); {
		c := raw[i]
		if c != '\\' {
			dst = append(dst, c)
			i++
			continue
		}
		if raw[i+1] != 'u' {
			dst = append(dst, plainEscape(raw[i+1]))
			i += 2
			continue
		}
		r, _ := hex4(raw[i+2:])
		i += 6
		if r >= 0xD800 && r < 0xDC00 && i+6 <= len(raw) && raw[i] == '\\' && raw[i+1] == 'u' {
			if low, _ := hex4(raw[i+2:]); low >= 0xDC00 && low < 0xE000 {
				r = (r-0xD800)<<10 | (low - 0xDC00) + 0x10000
				i += 6
			}
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

func plainEscape(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

// view returns b as a string that shares its bytes.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
