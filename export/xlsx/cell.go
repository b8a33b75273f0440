package xlsx

import (
	"math"
	"strconv"

	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/record"
)

// The styles, by their place in styles.xml.
const (
	styleNone = iota
	styleHeading
	styleDay
	styleSeconds
	styleMillis
	styleText  // what is typed anew stays text
	styleWhole // every digit is shown
	styleWrap
)

// cell appends a cell to the row.
func (e *encoder) cell(column int, c *export.Cell) {
	switch c.Kind() {
	case record.Null:
	case record.Bool:
		e.open(column, styleNone)
		e.buf = append(e.buf, ` t="b"><v>0</v></c>`...)
		if c.Value().Bool() {
			e.buf[len(e.buf)-len("0</v></c>")] = '1'
		}
	case record.Int, record.Uint, record.Float:
		e.text = c.AppendText(e.text[:0])
		e.number(column, c.Value())
	case record.Time:
		e.date(column, c)
	default:
		e.text = c.AppendText(e.text[:0])
		style := styleNone
		if len(e.text) > 0 && looksTyped(e.text[0]) {
			style = styleText
		}
		e.appendText(column, style)
	}
}

// open appends the start of a cell, up to where further attributes may stand.
func (e *encoder) open(column, style int) {
	e.buf = append(append(append(e.buf, `<c r="`...), e.letters[column]...), e.digits...)
	if style == styleNone {
		e.buf = append(e.buf, '"')
		return
	}
	e.buf = append(append(e.buf, `" s="`...), byte('0'+style), '"')
}

// looksTyped reports whether a spreadsheet might make something else of a text that begins
// so, were it typed in again.
func looksTyped(first byte) bool {
	return first >= '0' && first <= '9' || first == '=' || first == '+' || first == '-' || first == '@' || first == '.'
}

const maxWhole = 1 << 53

// number appends the digits in e.text as a number, or as text where a
// spreadsheet would show another one.
func (e *encoder) number(column int, v record.Value) {
	style := styleNone
	switch v.Kind() {
	case record.Int:
		if i := v.Int(); i > maxWhole || i < -maxWhole {
			e.asText(column)
			return
		}
	case record.Uint:
		if v.Uint() > maxWhole {
			e.asText(column)
			return
		}
	case record.Float:
		f := math.Abs(v.Float())
		if f > maxWhole && isWhole(e.text) || f > 9.99999999999999e307 || f != 0 && f < 0x1p-1022 || math.IsNaN(f) {
			e.asText(column)
			return
		}
	}
	const general = 11 // digits that a spreadsheet shows without an exponent
	if len(e.text) > general && isWhole(e.text) {
		style = styleWhole
	}
	e.measure(column, len(e.text))
	e.open(column, style)
	e.buf = append(append(append(e.buf, `><v>`...), e.text...), `</v></c>`...)
}

// isWhole reports whether a number is written without a fraction and an exponent.
func isWhole(number []byte) bool {
	for _, c := range number {
		if c != '-' && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// asText appends a number or a date in e.text as text.
func (e *encoder) asText(column int) {
	e.t.Report.AsText++
	e.appendText(column, styleText)
}

const (
	millisPerDay = 86_400_000
	march1900    = -2_203_891_200_000 // until then spreadsheets do not agree; as [export.Cell.Wall]
	year10000    = 253_402_300_800_000
	epoch        = 25_569 // the number of 1 January 1970
)

func (e *encoder) date(column int, c *export.Cell) {
	wall := c.Wall()
	if wall < march1900 || wall >= year10000 || e.isFiner(c) {
		e.text = c.AppendText(e.text[:0])
		e.asText(column)
		return
	}
	days, millis := wall/millisPerDay, wall%millisPerDay
	if millis < 0 {
		days, millis = days-1, millis+millisPerDay
	}
	style, width := styleSeconds, len("2006-01-02 15:04:05")
	switch {
	case c.Day():
		style, width, millis = styleDay, len("2006-01-02"), 0
	case millis%1000 != 0:
		style, width = styleMillis, width+len(".000")
	}
	e.measure(column, width)
	e.open(column, style)
	e.buf = strconv.AppendInt(append(e.buf, `><v>`...), days+epoch, 10)
	if millis > 0 {
		e.buf = appendDecimals(append(e.buf, '.'), (millis*31_250+13)/27) // 1e11/millisPerDay is 31250/27
	}
	e.buf = append(e.buf, `</v></c>`...)
}

// isFiner reports whether an instant has more than milliseconds, which a date would lose.
func (e *encoder) isFiner(c *export.Cell) bool {
	const millis = len("2006-01-02T15:04:05.000")
	if c.Day() || len(c.Value().Text()) <= millis {
		return false
	}
	e.text = c.AppendText(e.text[:0])
	if len(e.text) <= millis || e.text[millis-4] != '.' {
		return false
	}
	for _, digit := range e.text[millis:] {
		if digit < '0' || digit > '9' {
			return false
		}
		if digit != '0' {
			return true
		}
	}
	return false
}

// appendDecimals appends eleven decimals, less the zeros at the end: they tell milliseconds apart.
func appendDecimals(b []byte, n int64) []byte {
	var digits [11]byte
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = byte('0' + n%10)
		n /= 10
	}
	end := len(digits)
	for end > 1 && digits[end-1] == '0' {
		end--
	}
	return append(b, digits[:end]...)
}

// appendText appends e.text as a cell.
func (e *encoder) appendText(column, style int) {
	e.cut(column)
	e.measureText(column)
	e.open(column, style)
	e.buf = append(e.buf, ` t="inlineStr"><is><t`...)
	if n := len(e.text); n > 0 && (e.text[0] <= ' ' || e.text[n-1] <= ' ') {
		e.buf = append(e.buf, ` xml:space="preserve"`...)
	}
	e.buf = appendXML(append(e.buf, '>'), e.text)
	e.buf = append(e.buf, `</t></is></c>`...)
}

// plain are the bytes that stand for themselves in XML.
var plain = func() (plain [256]bool) {
	for c := ' '; c < 256; c++ {
		plain[c] = true
	}
	plain['\t'], plain['\n'] = true, true
	for _, c := range []byte{'<', '>', '&', '_', 0xEF} {
		plain[c] = false
	}
	return plain
}()

// appendXML appends text, which is UTF-8. What XML does not have is written as spreadsheets do,
// _x0001_ for the character 1; what only looks so, _x0001_ itself, as _x005F_x0001_.
func appendXML(b, text []byte) []byte {
	const hex = "0123456789ABCDEF"
	from := 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		if plain[c] {
			continue
		}
		var with string
		switch {
		case c == '<':
			with = "&lt;"
		case c == '>':
			with = "&gt;"
		case c == '&':
			with = "&amp;"
		case c == '\r':
			with = "&#13;"
		case c == '_' && isEscape(text[i:]):
			with = "_x005F_"
		case c < ' ':
			with = "_x00" + string([]byte{hex[c>>4], hex[c&15], '_'})
		case c == 0xEF && len(text) > i+2 && text[i+1] == 0xBF && text[i+2] >= 0xBE: // no characters of XML
			with = "_xFFF" + string(hex[text[i+2]-0xB0]) + "_"
			b = append(append(b, text[from:i]...), with...)
			i += 2
			from = i + 1
			continue
		default:
			continue
		}
		b = append(append(b, text[from:i]...), with...)
		from = i + 1
	}
	return append(b, text[from:]...)
}

// isEscape reports whether text begins with one of _x0000_ to _xFFFF_.
func isEscape(text []byte) bool {
	if len(text) < 7 || text[1] != 'x' || text[6] != '_' {
		return false
	}
	for _, c := range text[2:6] {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
			return false
		}
	}
	return true
}
