package esdsl

import (
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/digit-health/dhr/record"
)

const hex = "0123456789abcdef"

// appendString appends s as a JSON string. Bytes that are not UTF-8 become U+FFFD.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= 0x20 && c != '"' && c != '\\' {
				i++
				continue
			}
			b = append(b, s[from:i]...)
			if c == '"' || c == '\\' {
				b = append(b, '\\', c)
			} else {
				b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			}
			i++
			from = i
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			b = append(b, s[from:i]...)
			b = append(b, "\uFFFD"...)
			i++
			from = i
			continue
		}
		i += n
	}
	b = append(b, s[from:]...)
	return append(b, '"')
}

func (w *writer) string(s string) { w.b = appendString(w.b, s) }

func (w *writer) int(i int64) { w.b = strconv.AppendInt(w.b, i, 10) }

// appendValue appends v as JSON that means the same to the engine.
func appendValue(b []byte, v record.Value) []byte {
	switch v.Kind() {
	case record.Bool:
		return strconv.AppendBool(b, v.Bool())
	case record.Int:
		return strconv.AppendInt(b, v.Int(), 10)
	case record.Uint:
		return strconv.AppendUint(b, v.Uint(), 10)
	case record.Time:
		return strconv.AppendInt(b, v.Millis(), 10)
	case record.Float:
		return appendFloat(b, v.Float())
	case record.Null:
		return append(b, "null"...)
	}
	return appendString(b, v.Text())
}

// appendFloat appends x, which is a JSON number unless it is infinite.
func appendFloat(b []byte, x float64) []byte {
	switch {
	case math.IsInf(x, 1):
		return append(b, `"Infinity"`...)
	case math.IsInf(x, -1):
		return append(b, `"-Infinity"`...)
	}
	return strconv.AppendFloat(b, x, 'g', -1, 64)
}
