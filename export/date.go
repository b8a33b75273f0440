package export

import (
	"strings"
	"time"

	"github.com/digit-health/dhr/record"
)

// dates are what is known of the dates of a field.
type dates struct {
	only bool // no instants
	days bool // only, and every format has a day
}

func datesOf(f *record.Field) dates {
	d := dates{only: f.Kind == record.Time && f.DateOnly()}
	d.days = d.only
	for _, format := range f.Formats {
		// Every name and pattern of a format with a day has a d: date, ordinal_date, yyyy-DDD;
		// year, year_month and weekyear_week have none.
		d.days = d.days && strings.ContainsAny(format, "dD")
	}
	return d
}

type form uint8

const (
	instant  form = iota
	wholeDay      // a day of the calendar
	partDate      // a month, a year, a week: kept as it was written
)

// form says what a date is. Whether it is an instant is seen from the field and from how it was
// written, 2024-01-31 or 2024-01-31T00:00:00Z: the value is the same.
func (d dates) form(v record.Value) form {
	if v.Kind() != record.Time {
		return instant
	}
	text := v.Text()
	if n := len(text); n == 4 || n == 7 || n == 10 {
		if day, ok := parseISO(text); ok && day*millisPerDay == v.Millis() {
			if n == 10 {
				return wholeDay
			}
			return partDate
		}
	}
	switch {
	case d.days:
		return wholeDay
	case !d.only:
		return instant
	case strings.IndexByte(text, 'T') == 10: // made in Go
		return wholeDay
	}
	return partDate
}

func isISODay(text string) bool {
	_, ok := parseISO(text)
	return ok && len(text) == 10
}

// parseISO returns the first day, counted from 1970, of 2024, 2024-01 or 2024-01-31.
func parseISO(text string) (day int64, ok bool) {
	y, m, d := 0, 1, 1
	if y, ok = number(text[:4]); !ok {
		return 0, false
	}
	if len(text) >= 7 {
		if m, ok = number(text[5:7]); !ok || text[4] != '-' || m < 1 || m > 12 {
			return 0, false
		}
	}
	if len(text) == 10 {
		if d, ok = number(text[8:10]); !ok || text[7] != '-' || d < 1 || d > 31 {
			return 0, false
		}
	}
	return daysOf(y, m, d), true
}

func number(digits string) (n int, ok bool) {
	for i := range len(digits) {
		c := digits[i] - '0'
		if c > 9 {
			return 0, false
		}
		n = n*10 + int(c)
	}
	return n, true
}

const millisPerDay = 86_400_000

// daysOf returns the days from 1970 to a date: years begin in March, so that a
// leap day is the last.
func daysOf(y, m, d int) int64 {
	if m <= 2 {
		y--
		m += 12
	}
	era := floorDiv(int64(y), 400)
	of := int64(y) - era*400
	doy := int64((153*(m-3)+2)/5 + d - 1)
	return era*146097 + of*365 + of/4 - of/100 + doy - 719468
}

// dateOf is the reverse of daysOf.
func dateOf(days int64) (y int64, m, d int) {
	days += 719468
	era := floorDiv(days, 146097)
	doe := days - era*146097
	of := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*of + of/4 - of/100)
	mp := (5*doy + 2) / 153
	d = int(doy - (153*mp+2)/5 + 1)
	m = int(mp + 3)
	y = of + era*400
	if m > 12 {
		m -= 12
		y++
	}
	return y, m, d
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// appendDay appends the date of an instant in UTC.
func appendDay(b []byte, millis int64) []byte {
	y, m, d := dateOf(floorDiv(millis, millisPerDay))
	b = appendYear(b, y)
	b = appendTwo(append(b, '-'), m)
	return appendTwo(append(b, '-'), d)
}

// appendYear appends four digits, or a sign and at least five, as ISO 8601 has it.
func appendYear(b []byte, y int64) []byte {
	switch {
	case y < 0:
		b, y = append(b, '-'), -y
	case y > 9999:
		b = append(b, '+')
	}
	var digits [20]byte
	i := len(digits)
	for n := 0; y > 0 || n < 4; n++ {
		i--
		digits[i] = byte('0' + y%10)
		y /= 10
	}
	return append(b, digits[i:]...)
}

func appendTwo(b []byte, n int) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }

// A zone knows the offset of a location, and remembers how long it holds.
type zone struct {
	location *time.Location
	from, to int64 // milliseconds; the offset holds from from to before to
	seconds  int64
}

// offset returns how many seconds the clocks are ahead of UTC at an instant.
func (z *zone) offset(millis int64) int64 {
	if millis >= z.from && millis < z.to {
		return z.seconds
	}
	t := time.UnixMilli(millis).In(z.location)
	_, seconds := t.Zone()
	z.seconds, z.from, z.to = int64(seconds), -1<<63, 1<<63-1
	start, end := t.ZoneBounds()
	if !start.IsZero() {
		z.from = start.UnixMilli()
	}
	if !end.IsZero() {
		z.to = end.UnixMilli()
	}
	return z.seconds
}

// append appends an instant as RFC 3339 has it. Where clocks were not whole
// minutes from UTC, as before there were zones, it is in UTC.
func (z *zone) append(b []byte, v record.Value) []byte {
	millis := v.Millis()
	offset := z.offset(millis)
	if offset%60 != 0 {
		offset = 0
	}
	wall := millis + offset*1000
	b = appendDay(b, wall)
	ms := int(wall - floorDiv(wall, millisPerDay)*millisPerDay)
	b = appendTwo(append(b, 'T'), ms/3_600_000)
	b = appendTwo(append(b, ':'), ms/60_000%60)
	b = appendTwo(append(b, ':'), ms/1000%60)
	b = appendFraction(b, ms%1000, v.Text())
	if offset == 0 {
		return append(b, 'Z')
	}
	sign := byte('+')
	if offset < 0 {
		sign, offset = '-', -offset
	}
	b = appendTwo(append(b, sign), int(offset/3600))
	return appendTwo(append(b, ':'), int(offset/60%60))
}

// appendFraction appends the fraction of a second: milliseconds, or as many
// digits as were written, if they are more.
func appendFraction(b []byte, ms int, text string) []byte {
	const upTo = len("2024-01-31T10:20:30.")
	if len(text) > upTo+3 && text[upTo-1] == '.' {
		n := 0
		for upTo+n < len(text) && text[upTo+n] >= '0' && text[upTo+n] <= '9' {
			n++
		}
		if n > 3 {
			return append(b, text[upTo-1:upTo+n]...)
		}
	}
	if ms == 0 {
		return b
	}
	return append(append(b, '.', byte('0'+ms/100)), byte('0'+ms/10%10), byte('0'+ms%10))
}
