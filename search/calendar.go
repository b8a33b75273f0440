package search

import (
	"time"

	"github.com/digit-health/dhr/internal/localtime"
	"github.com/digit-health/dhr/record"
)

// A Calendar divides time into the spans that people count by, in one zone. It
// is the same for every engine: those that cannot do exactly this are
// asked for the ranges that Floor and Next give.
type Calendar struct {
	// Unit is hour, day, week, month, quarter or year.
	Unit string
	// Zone is where days begin. If nil, UTC. It does not count for a field whose
	// values are days ([record.Field.DateOnly]): these are days of the calendar.
	Zone *time.Location
	// WeekStart is the first day of a week. The zero value is Sunday.
	WeekStart time.Weekday
}

// Floor returns the first instant of the span that holds t.
func (c *Calendar) Floor(t time.Time) time.Time {
	t = t.In(c.zone())
	y, m, d := t.Date()
	switch c.Unit {
	case "hour":
		return hourStart(t)
	case "day":
	case "week":
		d -= (int(t.Weekday()) - int(c.WeekStart) + 7) % 7
	case "month":
		d = 1
	case "quarter":
		m, d = (m-1)/3*3+1, 1
	default: // year
		m, d = 1, 1
	}
	start := localtime.DayStart(y, m, d, c.zone())
	if next := c.Next(start); !next.After(t) { // clocks were set back from behind midnight, so that the day began twice
		return next
	}
	return start
}

// Next returns the first instant of the span after the one that begins at start.
func (c *Calendar) Next(start time.Time) time.Time {
	start = start.In(c.zone())
	y, m, d := start.Date()
	switch c.Unit {
	case "hour":
		next := hourStart(start.Add(time.Hour))
		if _, end := start.ZoneBounds(); !end.IsZero() && end.Before(next) {
			return end.In(c.zone())
		}
		return next
	case "day":
		d++
	case "week": // which begins a day late where a zone left out its first
		d += 7 - (int(start.Weekday())-int(c.WeekStart)+7)%7
	case "month":
		m, d = m+1, 1
	case "quarter":
		m, d = m+3, 1
	default: // year
		y, m, d = y+1, 1, 1
	}
	return localtime.DayStart(y, m, d, c.zone())
}

// On returns the calendar for the values of f: in UTC if they are days.
func (c *Calendar) On(f *record.Field) *Calendar {
	if f.DateOnly() {
		return &Calendar{Unit: c.Unit, WeekStart: c.WeekStart}
	}
	return c
}

func (c *Calendar) zone() *time.Location {
	if c.Zone == nil {
		return time.UTC
	}
	return c.Zone
}

// hourStart returns the last instant, up to t, at which the clocks showed a full
// hour or were set.
func hourStart(t time.Time) time.Time {
	_, m, s := t.Clock()
	start := t.Add(-time.Duration(m)*time.Minute - time.Duration(s)*time.Second - time.Duration(t.Nanosecond()))
	if begin, _ := t.ZoneBounds(); !begin.IsZero() && start.Before(begin) {
		return begin.In(t.Location())
	}
	return start
}
