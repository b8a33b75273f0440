package mapping

import (
	"strings"
	"time"

	"github.com/digit-health/dhr/fhir"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/record"
)

var datePrefixes = []string{"eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"}

// A span is the time from one instant until before another.
type span struct {
	from, until time.Time
	days        bool // it begins and ends with a day
}

// dates returns the condition of dates.
func (s *searcher) dates(p *param, values []string) *jql.Query {
	var all *jql.Query
	for _, v := range values {
		prefix, text := "eq", v
		for _, known := range datePrefixes {
			if rest, ok := strings.CutPrefix(v, known); ok {
				prefix, text = known, rest
			}
		}
		if prefix == "ap" {
			return s.fail(v, "ap, for about then, is not supported; ask with ge and le")
		}
		zone := time.UTC
		if p.date.zone != nil {
			zone = p.date.zone.loc
		}
		at, ok := spanOf(text, zone)
		if !ok {
			return s.fail(v, "expected a date or a time, such as 2024, 2024-01-31, ge2024-01-31T10:00:00Z")
		}
		for _, pf := range p.fields {
			f := s.x.schema.Field(pf.path)
			days := f.Kind == record.Time && f.DateOnly()
			if days && !at.days {
				all = s.either(all, s.within(p, pf.path, prefix, v, at.from.In(zone)))
				continue
			}
			from, until := s.bound(p, f, at.from, zone), s.bound(p, f, at.until, zone)
			if p.name == "_lastUpdated" && p.date.from == "epoch_seconds" && at.until.Sub(at.from) < time.Second && (prefix == "gt" || prefix == "sa" || prefix == "ge") {
				// What was updated within the second of the instant may have been so after it: it is not missed, as a day is not.
				from = s.bound(p, f, at.from.Truncate(time.Second), zone)
				until = from
			}
			all = s.either(all, s.compare(pf.path, prefix, from, until))
		}
	}
	return all
}

// within returns the condition for days before or after an instant. It is for _lastUpdated alone, so that a day is never missed
// within which something was updated: the day of the instant belongs to both sides.
func (s *searcher) within(p *param, field, prefix, value string, at time.Time) *jql.Query {
	on := at.Format(time.DateOnly)
	switch {
	case p.name == "_lastUpdated" && (prefix == "gt" || prefix == "ge" || prefix == "sa"):
		return s.cond(field, ">=", on)
	case p.name == "_lastUpdated" && (prefix == "lt" || prefix == "le" || prefix == "eb"):
		return s.cond(field, "<=", on)
	}
	return s.fail(value, "the index holds days; expected a year, a month or a day")
}

// bound returns an instant as the field is compared with it.
func (s *searcher) bound(p *param, f *record.Field, t time.Time, zone *time.Location) any {
	if p.date.clock && p.date.zone != nil {
		t = t.In(zone)
		t = time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
	}
	switch {
	case f.Kind == record.Time && f.DateOnly():
		return t.In(zone).Format(time.DateOnly)
	case p.date.from == "epoch_seconds":
		return t.Unix() + min(1, int64(t.Nanosecond()))
	case p.date.from != "":
		return t.UnixMilli()
	case t.Nanosecond() == 0:
		return t.UTC().Format(time.RFC3339)
	}
	return t
}

// compare returns the condition that a field stands in a relation to the time from one instant until another.
func (s *searcher) compare(field, prefix string, from, until any) *jql.Query {
	switch prefix {
	case "ne":
		return s.cond(field, "<", from).Or(s.cond(field, ">=", until))
	case "gt", "sa":
		return s.cond(field, ">=", until)
	case "lt", "eb":
		return s.cond(field, "<", from)
	case "ge":
		return s.cond(field, ">=", from)
	case "le":
		return s.cond(field, "<", until)
	}
	return s.cond(field, ">=", from).And(s.cond(field, "<", until))
}

// spanOf reads a date or a time of any precision.
func spanOf(text string, zone *time.Location) (span, bool) {
	if len(text) <= 10 {
		if fhir.CheckPrimitive("date", text) != "" {
			return span{}, false
		}
		at, err := time.ParseInLocation("2006-01-02"[:len(text)], text, zone)
		if err != nil || at.Year() > 9998 {
			return span{}, false
		}
		switch dateLength(text) {
		case year:
			return span{at, time.Date(at.Year()+1, 1, 1, 0, 0, 0, 0, zone), true}, true
		case month:
			return span{at, time.Date(at.Year(), at.Month()+1, 1, 0, 0, 0, 0, zone), true}, true
		}
		return span{at, time.Date(at.Year(), at.Month(), at.Day()+1, 0, 0, 0, 0, zone), true}, true
	}
	text = strings.Replace(text, " ", "+", 1) // what became of the + of a zone in a URL
	for _, layout := range []struct {
		layout string
		zone   *time.Location
		width  time.Duration
	}{
		{"2006-01-02T15:04Z07:00", nil, time.Minute}, {"2006-01-02T15:04", zone, time.Minute},
		{"2006-01-02T15:04:05Z07:00", nil, time.Second}, {"2006-01-02T15:04:05", zone, time.Second},
	} {
		var at time.Time
		var err error
		if layout.zone == nil {
			at, err = time.Parse(layout.layout, text)
		} else {
			at, err = time.ParseInLocation(layout.layout, text, layout.zone)
		}
		if err != nil || at.Year() < 1 || at.Year() > 9998 {
			continue
		}
		width := layout.width
		if at.Nanosecond() != 0 || strings.Contains(text, ".") {
			at, width = at.Truncate(time.Millisecond), time.Millisecond
		}
		return span{at, at.Add(width), false}, true
	}
	return span{}, false
}
