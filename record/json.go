package record

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
	"unsafe"
)

// AppendJSON appends v as JSON: a number with the digits it was written with, a boolean, an
// object as its text, and everything else as a string. An instant that was written as a
// number, in seconds or milliseconds since 1970, is a number. Bytes of a string that are
// not UTF-8 become U+FFFD.
func (v Value) AppendJSON(b []byte) []byte {
	switch v.kind {
	case Null:
		return append(b, "null"...)
	case Bool:
		return strconv.AppendBool(b, v.Bool())
	case Int, Uint, Float:
		return v.appendNumber(b)
	case JSON:
		if json.Valid(unsafe.Slice(unsafe.StringData(v.text), len(v.text))) {
			return append(b, v.text...)
		}
	case Time:
		if len(v.text) >= shortestEpoch && isJSONNumber(v.text) {
			return append(b, v.text...)
		}
	}
	return appendQuoted(b, v.Text())
}

// shortestEpoch tells seconds since 1970 from 2024 and 20240131: it is longer than these.
const shortestEpoch = 9

func (v Value) appendNumber(b []byte) []byte {
	if isJSONNumber(v.text) {
		return append(b, v.text...)
	}
	switch v.kind {
	case Int:
		return strconv.AppendInt(b, v.Int(), 10)
	case Uint:
		return strconv.AppendUint(b, v.Uint(), 10)
	}
	if text := FloatValue(v.Float()).Text(); isJSONNumber(text) {
		return append(b, text...)
	}
	return appendQuoted(b, v.Text()) // no number of JSON, such as infinity
}

// isJSONNumber reports whether text is a number of JSON.
func isJSONNumber(text string) bool {
	text = strings.TrimPrefix(text, "-")
	whole := leadingDigits(text)
	if whole == 0 || whole > 1 && text[0] == '0' {
		return false
	}
	text = text[whole:]
	if strings.HasPrefix(text, ".") {
		n := leadingDigits(text[1:])
		if n == 0 {
			return false
		}
		text = text[1+n:]
	}
	if text == "" {
		return true
	}
	if text[0]|0x20 != 'e' {
		return false
	}
	text = text[1:]
	if text != "" && (text[0] == '+' || text[0] == '-') {
		text = text[1:]
	}
	return text != "" && leadingDigits(text) == len(text)
}

// leadingDigits returns how many digits text begins with.
func leadingDigits(text string) int {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return i
		}
	}
	return len(text)
}

// AppendJSON appends the columns of r as a JSON object, each under its path, in their order:
// null without a value, one value as itself, several as a list.
func (r *Record) AppendJSON(b []byte) []byte {
	b = append(b, '{')
	for i, f := range r.Projection().Fields() {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendQuoted(b, f.Path), ':')
		switch values := r.Values(i); len(values) {
		case 0:
			b = append(b, "null"...)
		case 1:
			b = values[0].AppendJSON(b)
		default:
			for j, v := range values {
				b = append(b, "[,"[min(j, 1)])
				b = v.AppendJSON(b)
			}
			b = append(b, ']')
		}
	}
	return append(b, '}')
}

// appendQuoted appends text as a JSON string. Bytes that are not UTF-8 become U+FFFD.
func appendQuoted(b []byte, text string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	from := 0 // what comes before is written
	for i := 0; i < len(text); {
		c := text[i]
		if c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		size := 1
		if c >= utf8.RuneSelf {
			var r rune
			if r, size = utf8.DecodeRuneInString(text[i:]); r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
		}
		b = append(b, text[from:i]...)
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, "\uFFFD"...)
		}
		i += size
		from = i
	}
	return append(append(b, text[from:]...), '"')
}
