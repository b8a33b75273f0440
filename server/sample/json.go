package sample

import (
	"strconv"
	"time"
)

// A document is JSON in the making: one object whose members are appended in turn.
type document struct{ b []byte }

// begin starts the document anew.
func (d *document) begin() { d.b = append(d.b[:0], '{') }

// bytes ends the document and returns it, valid until it begins anew.
func (d *document) bytes() []byte { return append(d.b, '}') }

func (d *document) comma() {
	if last := d.b[len(d.b)-1]; last != '{' && last != '[' {
		d.b = append(d.b, ',')
	}
}

func (d *document) key(name string) {
	d.comma()
	d.quote(name)
	d.b = append(d.b, ':')
}

// open starts an object or a list, and close ends it; without a name it stands in a list.
func (d *document) open(name string, bracket byte) {
	if name == "" {
		d.comma()
	} else {
		d.key(name)
	}
	d.b = append(d.b, bracket)
}

func (d *document) close(bracket byte) { d.b = append(d.b, bracket) }

// text appends a member, unless the value is empty: then it is missing.
func (d *document) text(name, value string) {
	if value != "" {
		d.key(name)
		d.quote(value)
	}
}

func (d *document) whole(name string, n int64) {
	d.key(name)
	d.b = strconv.AppendInt(d.b, n, 10)
}

// fixed appends n divided by ten to the power of digits.
func (d *document) fixed(name string, n, digits int) {
	d.key(name)
	d.b = appendFixed(d.b, n, digits)
}

func (d *document) truth(name string, v bool) {
	d.key(name)
	d.b = strconv.AppendBool(d.b, v)
}

// list appends a list, unless it is empty; of one value it is the value itself,
// as careless writers of documents do.
func (d *document) list(name string, values []string) {
	switch len(values) {
	case 0:
	case 1:
		d.text(name, values[0])
	default:
		d.open(name, '[')
		for _, v := range values {
			d.comma()
			d.quote(v)
		}
		d.close(']')
	}
}

// instant appends a time with the offset of its zone, and day its date.
func (d *document) instant(name string, t time.Time) { d.time(name, t, time.RFC3339) }

func (d *document) day(name string, t time.Time) { d.time(name, t, time.DateOnly) }

func (d *document) time(name string, t time.Time, layout string) {
	d.key(name)
	d.b = append(d.b, '"')
	d.b = t.AppendFormat(d.b, layout)
	d.b = append(d.b, '"')
}

// point appends a place whose degrees are given in millionths.
func (d *document) point(name string, lat, lon int) {
	d.open(name, '{')
	d.fixed("lat", lat, 6)
	d.fixed("lon", lon, 6)
	d.close('}')
}

func (d *document) quote(s string) {
	d.b = append(d.b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			d.b = append(d.b, '\\', c)
		case c == '\n':
			d.b = append(d.b, '\\', 'n')
		case c < ' ':
			const hex = "0123456789abcdef"
			d.b = append(d.b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			d.b = append(d.b, c)
		}
	}
	d.b = append(d.b, '"')
}

func appendFixed(b []byte, n, digits int) []byte {
	if n < 0 {
		b, n = append(b, '-'), -n
	}
	unit := 1
	for range digits {
		unit *= 10
	}
	b = strconv.AppendInt(b, int64(n/unit), 10)
	b = append(b, '.')
	return append(b, padded(n%unit, digits)...)
}

// padded returns n with zeros before it.
func padded(n, digits int) string {
	s := strconv.Itoa(n)
	for len(s) < digits {
		s = "0" + s
	}
	return s
}
