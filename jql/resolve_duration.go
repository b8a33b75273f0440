package jql

import (
	"github.com/digit-health/dhr/internal/localtime"
	"math"
	"strconv"
	"strings"
	"time"
)

// A duration is a signed length of time. Years and months are of the
// calendar; a week is always 168 hours and a day 24.
type duration struct {
	months int
	exact  time.Duration
	// unit is the smallest unit that was written.
	unit byte
}

// from returns the instant that lies the duration after t.
func (d duration) from(t time.Time, zone *time.Location) time.Time {
	return addMonths(t.In(zone), d.months).Add(d.exact)
}

// addMonths moves t by calendar months, to the month's last day where it would
// lie beyond it.
func addMonths(t time.Time, months int) time.Time {
	if months == 0 {
		return t
	}
	y, m, d := t.Date()
	first := time.Date(y, m+time.Month(months), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	moved := localtime.At(first.Year(), first.Month(), min(d, last), t.Hour(), t.Minute(), t.Location())
	return moved.Add(time.Duration(t.Second())*time.Second + time.Duration(t.Nanosecond()))
}

// The units of durations, from the smallest.
const durationUnits = "mhdwMy"

var unitLengths = map[byte]time.Duration{
	'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour,
}

// maxMonths and maxExact keep a duration within what a date can hold.
const (
	maxMonths = 12 * 10000
	maxExact  = 290 * 365 * 24 * time.Hour
)

// parseDuration reads -7d, "4w 2d", 1.5h, +1M or "-1y 2M": a sign for the whole
// and numbers with a unit, of which the last may leave its unit out and then
// means minutes. At least one unit must be written.
func parseDuration(text string) (duration, bool) {
	text = strings.Trim(text, " ")
	sign := 1
	if text != "" && (text[0] == '-' || text[0] == '+') {
		if text[0] == '-' {
			sign = -1
		}
		text = text[1:]
	}
	d := duration{}
	for text != "" {
		n := strings.IndexFunc(text, func(c rune) bool { return (c < '0' || c > '9') && c != '.' })
		if n == 0 || n < 0 && d.unit == 0 {
			return duration{}, false
		}
		number, unit := text, byte('m')
		switch {
		case n < 0: // the last number, in minutes
			text = ""
		case text[n] == ' ':
			return duration{}, false
		default:
			number, unit, text = text[:n], text[n], text[n+1:]
		}
		if !d.add(number, unit, sign) {
			return duration{}, false
		}
		text = strings.TrimLeft(text, " ")
	}
	return d, d.unit != 0
}

// add adds a number of units.
func (d *duration) add(number string, unit byte, sign int) bool {
	rank := strings.IndexByte(durationUnits, unit)
	n, err := strconv.ParseFloat(number, 64)
	if rank < 0 || err != nil {
		return false
	}
	if d.unit == 0 || rank < strings.IndexByte(durationUnits, d.unit) {
		d.unit = unit
	}
	if length, ok := unitLengths[unit]; ok {
		exact := float64(d.exact) + float64(sign)*n*float64(length)
		d.exact = time.Duration(math.Round(exact/1e6)) * time.Millisecond
		return math.Abs(exact) <= float64(maxExact)
	}
	if unit == 'y' {
		n *= 12
	}
	d.months += sign * int(math.Min(n, 2*maxMonths))
	return n == math.Trunc(n) && d.months <= maxMonths && d.months >= -maxMonths
}

// precision is the moment of the duration's smallest unit that t lies in: the
// day for days and longer, else the hour or the minute.
func (d duration) precision(t time.Time, zone *time.Location) moment {
	switch d.unit {
	case 'm', 'h':
		length := unitLengths[d.unit]
		t = t.In(zone)
		into := time.Duration(t.Second())*time.Second + time.Duration(t.Nanosecond())
		if d.unit == 'h' {
			into += time.Duration(t.Minute()) * time.Minute
		}
		start := t.Add(-into).UnixMilli()
		return moment{start: start, end: start + length.Milliseconds()}
	}
	y, m, day := t.In(zone).Date()
	return dayOf(y, m, day, zone)
}

// An increment is the argument of a date function: a signed number of units.
type increment struct {
	n    int
	unit byte // 0 means the function's own
}

// parseIncrement reads (+/-)nn(y|M|w|d|h|m), with sign and unit optional.
func parseIncrement(text string) (increment, bool) {
	text = strings.Trim(text, " ")
	inc := increment{}
	if text == "" {
		return inc, false
	}
	if last := text[len(text)-1]; last < '0' || last > '9' {
		if strings.IndexByte(durationUnits, last) < 0 {
			return inc, false
		}
		inc.unit, text = last, text[:len(text)-1]
	}
	n, err := strconv.ParseInt(text, 10, 32)
	inc.n = int(n)
	return inc, err == nil
}

// shift moves t by an increment in calendar units; hours and minutes are exact.
func (inc increment) shift(t time.Time, own byte) (time.Time, bool) {
	unit := inc.unit
	if unit == 0 {
		unit = own
	}
	switch unit {
	case 'y':
		if inc.n > maxMonths/12 || inc.n < -maxMonths/12 {
			return t, false
		}
		return addMonths(t, 12*inc.n), true
	case 'M':
		if inc.n > maxMonths || inc.n < -maxMonths {
			return t, false
		}
		return addMonths(t, inc.n), true
	case 'w', 'd':
		days := inc.n
		if unit == 'w' {
			days *= 7
		}
		if days > 31*maxMonths || days < -31*maxMonths {
			return t, false
		}
		moved := localtime.At(t.Year(), t.Month(), t.Day()+days, t.Hour(), t.Minute(), t.Location())
		return moved.Add(time.Duration(t.Second())*time.Second + time.Duration(t.Nanosecond())), true
	}
	d := time.Duration(inc.n) * unitLengths[unit]
	return t.Add(d), d/unitLengths[unit] == time.Duration(inc.n)
}
