package mapping

import (
	"strings"
	"time"

	"github.com/digit-health/dhr/fhir"
	"github.com/digit-health/dhr/record"
)

// A precision says how exact a date is; 0 is not known.
type precision uint8

const (
	year precision = iota + 1
	month
	day
	second
	milli
)

func precisionOf(name string) precision {
	for i, n := range precisions {
		if n == name {
			return precision(i + 1)
		}
	}
	return milli
}

// A moment is what a value says of time.
type moment struct {
	precision precision
	date      string    // YYYY, YYYY-MM or YYYY-MM-DD, up to the precision of a day
	at        time.Time // beyond
	written   string    // as it was written, if that is an instant of FHIR
}

// writeDate appends a date, dateTime or instant.
func (o *opScalar) writeDate(dst []byte, x *run, v record.Value, src *opSource) ([]byte, status) {
	m, ok := o.moment(v, src)
	if !ok {
		return dst, x.fail(o.path, "found %q; expected %s", short(v.Text()), expectedDate(o.primitive))
	}
	most := precisionOf(o.date.precision)
	if o.date.precision == "" && o.primitive == "date" {
		most = day
	}
	if m.precision > day && o.zoned(&m).Year() > 9999 || m.precision > day && o.zoned(&m).Year() < 1 {
		return dst, x.fail(o.path, "found %q, which is in no year from 1 to 9999", short(v.Text()))
	}
	if o.primitive == "instant" && m.precision <= day {
		if m.precision < day || !o.date.own {
			return dst, x.fail(o.path, "found %q; expected a time of day", short(v.Text()))
		}
		t, err := time.ParseInLocation(time.DateOnly, m.date, o.date.zone.loc)
		if err != nil {
			return dst, x.fail(o.path, "found %q; expected a date", short(v.Text()))
		}
		m = moment{precision: milli, at: t}
	}
	if m.precision <= day && fhir.CheckPrimitive("date", m.date) != "" {
		return dst, x.fail(o.path, "found %q, which is in no year from 1 to 9999", short(v.Text()))
	}
	dst = append(dst, '"')
	switch {
	case m.precision <= day:
		dst = append(dst, m.date[:len("2006-01-02")-3*int(day-min(m.precision, most))]...)
	case most <= day:
		dst = o.zoned(&m).AppendFormat(dst, time.DateOnly[:len(time.DateOnly)-3*int(day-most)])
	case m.written != "" && o.date.zone == nil && most == milli && o.date.precision == "":
		dst = append(dst, m.written...)
	default:
		dst = appendInstant(dst, o.zoned(&m), most)
	}
	return append(dst, '"'), something
}

func expectedDate(primitive string) string {
	return fhir.CheckPrimitive(primitive, "?")
}

// zoned returns the instant in the zone it is written in.
func (o *opScalar) zoned(m *moment) time.Time {
	if o.date.zone != nil {
		return m.at.In(o.date.zone.loc)
	}
	if m.written != "" {
		return m.at
	}
	return m.at.UTC()
}

// appendInstant appends an instant, with milliseconds if there are any and most allows them.
func appendInstant(dst []byte, t time.Time, most precision) []byte {
	if most == milli && t.Nanosecond() >= int(time.Millisecond) {
		return t.AppendFormat(dst, "2006-01-02T15:04:05.000Z07:00")
	}
	return t.AppendFormat(dst, time.RFC3339)
}

// moment reads a value.
func (o *opScalar) moment(v record.Value, src *opSource) (moment, bool) {
	switch v.Kind() {
	case record.Time:
		return o.ofTime(v, src), true
	case record.Int, record.Uint, record.Float:
		return o.ofNumber(v)
	case record.String:
		if o.date.from != "" {
			return o.ofNumber(v)
		}
		return o.ofText(v.Text())
	}
	return moment{}, false
}

func (o *opScalar) ofTime(v record.Value, src *opSource) moment {
	text := v.Text()
	if len(text) <= 10 && fhir.CheckPrimitive("date", text) == "" {
		return moment{precision: dateLength(text), date: text}
	}
	if src != nil && src.date != 0 {
		return moment{precision: src.date, date: v.Time().Format(time.DateOnly)}
	}
	m := moment{precision: milli, at: v.Time()}
	if fhir.CheckPrimitive("instant", text) == "" {
		if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
			m.at, m.written = t, text
		}
	}
	return o.clocked(m)
}

func dateLength(text string) precision {
	switch len(text) {
	case 4:
		return year
	case 7:
		return month
	}
	return day
}

// clocked takes the time of an instant as that of a clock in the zone.
func (o *opScalar) clocked(m moment) moment {
	if !o.date.clock || o.date.zone == nil {
		return m
	}
	t := m.at
	m.at = time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), o.date.zone.loc)
	m.written = ""
	return m
}

func (o *opScalar) ofNumber(v record.Value) (moment, bool) {
	var n int64
	switch v.Kind() {
	case record.Int:
		n = v.Int()
	case record.Uint:
		if v.Uint() > 1<<62 {
			return moment{}, false
		}
		n = int64(v.Uint())
	case record.Float:
		f := v.Float()
		if f != float64(int64(f)) || f > 1<<53 || f < -1<<53 {
			return moment{}, false
		}
		n = int64(f)
	default:
		var ok bool
		if n, ok = wholeNumber(v.Text()); !ok {
			return moment{}, false
		}
	}
	const most = 1 << 48 // beyond the year 9999 in either unit
	if n > most || n < -most {
		return moment{}, false
	}
	m := moment{precision: milli, at: time.UnixMilli(n).UTC()}
	if o.date.from == "epoch_seconds" {
		m.at = time.Unix(n, 0).UTC()
	}
	return o.clocked(m), o.date.from != ""
}

func wholeNumber(text string) (int64, bool) {
	digits, negative := strings.CutPrefix(text, "-")
	if digits == "" || len(digits) > 17 {
		return 0, false
	}
	var n int64
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if negative {
		n = -n
	}
	return n, true
}

// ofText reads a text that is a date or dateTime of FHIR.
func (o *opScalar) ofText(text string) (moment, bool) {
	if fhir.CheckPrimitive("dateTime", text) != "" {
		return moment{}, false
	}
	if len(text) <= 10 {
		return moment{precision: dateLength(text), date: text}, true
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return moment{}, false
	}
	return o.clocked(moment{precision: milli, at: t, written: text}), true
}
