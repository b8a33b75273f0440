package jql

import (
	"strconv"
	"strings"
	"time"

	"github.com/digit-health/dhr/internal/localtime"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// A moment is what a date, a time, a duration or a date function stands for:
// the instants from start up to, not including, end, in milliseconds since 1970.
type moment struct {
	start, end int64
	// day says that it was written as a bare date, and date is the first
	// instant of that date in UTC.
	day  bool
	date int64
}

// instant is the moment of one millisecond.
func instant(t time.Time) moment {
	ms := t.UnixMilli()
	return moment{start: ms, end: ms + 1}
}

// moment turns an operand into a moment of a date field, or complains.
//
// A field of days (a date field without a time of day) has no zone: its
// values are calendar days. What it is compared with is first turned into
// the calendar day that it falls on in the query's zone.
func (r *resolver) moment(t *term, f *record.Field, o operand) (moment, bool) {
	m, ok := r.anyMoment(o)
	if !ok {
		return r.badDate(f, o)
	}
	if o.number {
		r.lintEpoch(t, o, m)
	}
	r.lintUnsigned(o)
	switch {
	case f.DateOnly():
		return r.calendarDay(m), true
	case r.opts.JiraDates:
		return moment{start: m.start, end: m.start + 1, day: m.day}, true
	}
	return m, true
}

func (r *resolver) badDate(f *record.Field, o operand) (moment, bool) {
	message, cure := quoted(o.text)+" is neither a date nor a duration; ", dateWords[strings.ToLower(o.text)]
	switch {
	case cure != "":
		message += "did you mean " + cure + "?"
	case noSuchDay(o.text):
		message = quoted(o.text) + " is no day of the calendar"
	default:
		message += "expected " + wants(f)
	}
	e := r.fail(o.span, "bad_date", message)
	e.Found, e.Expected, e.Suggestion = o.text, []string{wants(f)}, cure
	return moment{}, false
}

// dateWords are words that people write for functions.
var dateWords = map[string]string{
	"now": "now()", "today": "startOfDay()", "yesterday": "startOfDay(-1)", "tomorrow": "startOfDay(1)",
}

// noSuchDay reports whether text has the form of a date but names no day.
func noSuchDay(text string) bool {
	s := scanner{text: text}
	year := s.digits(4, 4)
	sep := s.any("-/")
	month := s.digits(1, 2)
	s.bad = s.bad || sep == 0 || !s.take(sep)
	day := s.digits(1, 2)
	return !s.bad && !validDay(year, month, day)
}

// calendarDay is the day that a moment falls on, for a field of days.
func (r *resolver) calendarDay(m moment) moment {
	start := time.UnixMilli(m.date).UTC()
	if !m.day {
		y, mo, d := time.UnixMilli(m.start).In(r.opts.Zone).Date()
		start = time.Date(y, mo, d, 0, 0, 0, 0, time.UTC)
	}
	return moment{start: start.UnixMilli(), end: start.AddDate(0, 0, 1).UnixMilli()}
}

func (r *resolver) anyMoment(o operand) (m moment, ok bool) {
	switch {
	case o.isGiven:
		m, ok = instant(o.given.Time()), o.given.Kind() == record.Time
	case o.number:
		ms, err := strconv.ParseInt(o.text, 10, 64)
		m, ok = moment{start: ms, end: ms + 1}, err == nil
	default:
		if m, ok = parseDate(o.text, r.opts.Zone); ok {
			break
		}
		var d duration
		if d, ok = parseDuration(o.text); ok {
			m = instant(d.from(r.opts.Now, r.opts.Zone))
		}
	}
	return m, ok && m.inReach()
}

// inReach reports whether engines agree on the moment.
func (m moment) inReach() bool { return m.start >= minMillis && m.start <= maxMillis }

// The instants of the years -9999 to 9999; beyond them engines disagree.
const (
	minMillis = -377705116800000
	maxMillis = 253402300799999
)

// interval is the condition that a date lies in the moment.
func (m moment) interval(f *record.Field) plan.Node {
	return plan.Range{
		Field: f,
		Lower: plan.Bound{Value: millis(m.start), Inclusive: true},
		Upper: plan.Bound{Value: millis(m.end)},
	}
}

// compare is the condition that a date stands in a relation to the moment as a whole.
func (m moment) compare(op string, f *record.Field) plan.Node {
	switch op {
	case "<":
		return plan.Range{Field: f, Upper: plan.Bound{Value: millis(m.start)}}
	case "<=":
		return plan.Range{Field: f, Upper: plan.Bound{Value: millis(m.end)}}
	case ">":
		return plan.Range{Field: f, Lower: plan.Bound{Value: millis(m.end), Inclusive: true}}
	}
	return plan.Range{Field: f, Lower: plan.Bound{Value: millis(m.start), Inclusive: true}}
}

func millis(ms int64) record.Value { return record.TimeValue(time.UnixMilli(ms)) }

// parseDate reads a date with or without a time of day. The forms are Jira's
// (2024/01/31 14:30, 2024-01-31, with one or two digits) and those of ISO 8601 with
// T, seconds, fractions and an offset, which goes before the zone.
func parseDate(text string, zone *time.Location) (moment, bool) {
	s := scanner{text: text}
	s.blanks()
	year := s.digits(4, 6)
	sep := s.any("-/")
	month := s.digits(1, 2)
	if sep == 0 || !s.take(sep) {
		return moment{}, false
	}
	day := s.digits(1, 2)
	if s.bad || year > 9999 || !validDay(year, month, day) {
		return moment{}, false
	}
	if s.rest() {
		return dayOf(year, time.Month(month), day, zone), true
	}
	if s.any(" T") == 0 {
		return moment{}, false
	}
	s.blanks()
	return s.timeOfDay(year, time.Month(month), day, zone)
}

// timeOfDay reads what follows a date: hours and minutes, perhaps seconds and
// a fraction, perhaps an offset.
func (s *scanner) timeOfDay(year int, month time.Month, day int, zone *time.Location) (moment, bool) {
	precision := time.Minute
	hour := s.digits(1, 2)
	s.bad = s.bad || !s.take(':')
	minute := s.digits(1, 2)
	second, nanos := 0, 0
	if s.take(':') {
		second, precision = s.digits(2, 2), time.Second
		if s.any(".,") != 0 {
			nanos, precision = s.fraction(), time.Millisecond
		}
	}
	s.blanks()
	offset, hasOffset := s.offset()
	if s.bad || !s.rest() || hour > 23 || minute > 59 || second > 59 {
		return moment{}, false
	}
	var t time.Time
	if hasOffset {
		t = time.Date(year, month, day, hour, minute, second, nanos, time.UTC).Add(-offset)
	} else {
		t = localtime.At(year, month, day, hour, minute, zone).Add(time.Duration(second)*time.Second + time.Duration(nanos))
	}
	ms := t.UnixMilli()
	return moment{start: ms, end: ms + precision.Milliseconds()}, true
}

func validDay(year, month, day int) bool {
	return year >= 0 && month >= 1 && month <= 12 && day >= 1 &&
		day <= time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// dayOf is the calendar day in the zone.
func dayOf(year int, month time.Month, day int, zone *time.Location) moment {
	return moment{
		start: localtime.DayStart(year, month, day, zone).UnixMilli(),
		end:   localtime.DayStart(year, month, day+1, zone).UnixMilli(),
		day:   true,
		date:  time.Date(year, month, day, 0, 0, 0, 0, time.UTC).UnixMilli(),
	}
}

// A scanner reads the parts of a date.
type scanner struct {
	text string
	pos  int
	bad  bool
}

// rest reports whether nothing but blanks is left.
func (s *scanner) rest() bool {
	return !s.bad && strings.Trim(s.text[s.pos:], " ") == ""
}

func (s *scanner) blanks() {
	for s.pos < len(s.text) && s.text[s.pos] == ' ' {
		s.pos++
	}
}

func (s *scanner) take(c byte) bool {
	if s.pos < len(s.text) && s.text[s.pos] == c {
		s.pos++
		return true
	}
	return false
}

// any takes one of the characters and returns it, or 0.
func (s *scanner) any(set string) byte {
	for i := 0; i < len(set); i++ {
		if s.take(set[i]) {
			return set[i]
		}
	}
	return 0
}

// digits reads a number of least to most digits.
func (s *scanner) digits(least, most int) int {
	n, start := 0, s.pos
	for s.pos < len(s.text) && s.pos-start < most && s.text[s.pos] >= '0' && s.text[s.pos] <= '9' {
		n = n*10 + int(s.text[s.pos]-'0')
		s.pos++
	}
	s.bad = s.bad || s.pos-start < least
	return n
}

// fraction reads one to nine digits as nanoseconds.
func (s *scanner) fraction() int {
	start := s.pos
	n := s.digits(1, 9)
	for i := s.pos - start; i < 9; i++ {
		n *= 10
	}
	return n
}

// offset reads Z, +05:30, +0530 or +05.
func (s *scanner) offset() (time.Duration, bool) {
	if s.take('Z') {
		return 0, true
	}
	sign := s.any("+-")
	if sign == 0 {
		return 0, false
	}
	hours, minutes := s.digits(2, 2), 0
	if s.take(':') || s.pos < len(s.text) {
		minutes = s.digits(2, 2)
	}
	s.bad = s.bad || hours > 18 || minutes > 59
	d := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if sign == '-' {
		d = -d
	}
	return d, true
}
