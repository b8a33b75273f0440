package export

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/digit-health/dhr/record"
)

// A Cell is what stands in one column of one row.
type Cell struct {
	t      *Table
	place  *place
	values []record.Value
}

// Kind says what the cell holds:
//
//	Null     nothing, which is not the same as an empty text
//	Bool     true or false
//	Int, Uint, Float
//	Time     an instant, or if Day says so a whole day
//	String   text: of a string, an address, a version, a month or a year, or of a joined list
//	JSON     an object, a point, or a list as JSON
func (c *Cell) Kind() record.Kind {
	switch len(c.values) {
	case 0:
		return record.Null
	case 1:
		return c.kindOf(c.values[0])
	}
	if c.t.opts.Lists == "json" {
		return record.JSON
	}
	return record.String
}

func (c *Cell) kindOf(v record.Value) record.Kind {
	switch k := v.Kind(); k {
	case record.IP, record.Version:
		return record.String
	case record.Time:
		if c.place.dates.form(v) == partDate {
			return record.String
		}
		return k
	default:
		return k
	}
}

// Value returns the value of a cell that is no list, else Null.
func (c *Cell) Value() record.Value {
	if len(c.values) == 1 {
		return c.values[0]
	}
	return record.Value{}
}

// Day reports whether a Time is a day of the calendar, not an instant.
func (c *Cell) Day() bool { return c.place.dates.form(c.Value()) == wholeDay }

// Wall returns what clock and calendar show in the zone of the export at a
// Time, in milliseconds since they showed 1970.
func (c *Cell) Wall() int64 {
	v := c.Value()
	if c.Day() {
		return v.Millis()
	}
	return v.Millis() + c.t.zone.offset(v.Millis())*1000
}

// isFormulaStart reports whether a spreadsheet takes what begins with b for a formula.
func isFormulaStart(b byte) bool {
	switch b {
	case '=', '+', '-', '@', '\t', '\r':
		return true
	}
	return false
}

// AppendText appends the cell as text for people; nothing if it is Null.
func (c *Cell) AppendText(b []byte) []byte {
	switch {
	case len(c.values) == 0:
		return b
	case len(c.values) == 1:
		return c.appendValue(b, c.values[0])
	case c.t.opts.Lists == "json":
		return c.AppendJSON(b)
	}
	ambiguous := false
	for i, v := range c.values {
		if i > 0 {
			b = append(b, c.t.opts.Separator...)
		}
		at := len(b)
		b = c.appendValue(b, v)
		ambiguous = ambiguous || bytes.Contains(b[at:], c.t.separator)
	}
	if ambiguous {
		c.t.Report.Ambiguous++
	}
	return b
}

// appendValue appends one value as text.
func (c *Cell) appendValue(b []byte, v record.Value) []byte {
	switch v.Kind() {
	case record.Bool, record.Int, record.Uint:
		return v.AppendJSON(b) // the digits as written, if they are a number
	case record.Float:
		start := len(b)
		if b = v.AppendJSON(b); b[start] == '"' { // no number of JSON
			b = v.AppendText(b[:start])
		}
		return b
	case record.Time:
		return c.appendTime(b, v)
	case record.JSON:
		return c.repair(appendCompact(b, v.Text()), len(b))
	case record.String, record.Version:
		return c.repair(append(b, v.Text()...), len(b))
	}
	return v.AppendText(b)
}

func (c *Cell) appendTime(b []byte, v record.Value) []byte {
	switch c.place.dates.form(v) {
	case partDate:
		return v.AppendText(b)
	case wholeDay:
		if isISODay(v.Text()) {
			return append(b, v.Text()...)
		}
		return appendDay(b, v.Millis())
	}
	return c.t.zone.append(b, v)
}

// AppendJSON appends the cell as JSON: null, a value, or a list if it is to be one.
func (c *Cell) AppendJSON(b []byte) []byte {
	switch len(c.values) {
	case 0:
		return append(b, "null"...)
	case 1:
		return c.appendJSONValue(b, c.values[0])
	}
	if c.t.opts.Lists == "json" {
		for i, v := range c.values {
			b = append(b, "[,"[min(i, 1)])
			b = c.appendJSONValue(b, v)
		}
		return append(b, ']')
	}
	return record.StringValue(string(c.AppendText(nil))).AppendJSON(b)
}

func (c *Cell) appendJSONValue(b []byte, v record.Value) []byte {
	switch v.Kind() {
	case record.Time:
		if c.place.dates.form(v) == instant {
			b = c.t.zone.append(append(b, '"'), v)
			return append(b, '"')
		}
		start := len(b)
		if b = v.AppendJSON(b); b[start] != '"' { // a day is no number
			b = append(v.AppendText(append(b[:start], '"')), '"')
		}
		return b
	case record.String, record.Version:
		if !utf8.ValidString(v.Text()) {
			c.t.Report.Repaired++
		}
	case record.JSON:
		if strings.ContainsAny(v.Text(), "\r\n") {
			v = record.JSONValue(string(appendCompact(nil, v.Text())))
		}
		return c.repair(v.AppendJSON(b), len(b))
	}
	return v.AppendJSON(b)
}

// appendCompact appends JSON as it is written, but on one line.
func appendCompact(b []byte, json string) []byte {
	if !strings.ContainsAny(json, "\r\n") {
		return append(b, json...)
	}
	quoted := false
	for i := 0; i < len(json); i++ {
		switch c := json[i]; {
		case quoted && c == '\\' && i+1 < len(json):
			b = append(b, c)
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\t' || c == '\r' || c == '\n'):
			continue
		}
		b = append(b, json[i])
	}
	return b
}

// repair makes b UTF-8 from start.
func (c *Cell) repair(b []byte, start int) []byte {
	if utf8.Valid(b[start:]) {
		return b
	}
	c.t.Report.Repaired++
	broken := string(b[start:])
	b = b[:start]
	for _, r := range broken { // each byte that is no part of a character gives U+FFFD
		b = utf8.AppendRune(b, r)
	}
	return b
}
