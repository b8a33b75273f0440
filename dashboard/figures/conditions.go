package figures

import (
	"time"

	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/record"
)

// mostText bounds the queries of the points of one gadget together.
const mostText = 16 << 20

// A seeker makes the queries that find the records of points.
type seeker struct {
	*subject
	base *jql.Query
	left int  // how much may still be written
	many bool // records have several dates, so that one may lie in a span that no date of the record lies in
	out  bool // something was left out
}

func (s *subject) seeker(base *jql.Query, many bool) *seeker {
	return &seeker{subject: s, base: base, left: mostText, many: many}
}

// find returns the query for the records that meet conditions, of which none is nil.
func (s *seeker) find(conditions ...*jql.Query) string {
	for _, c := range conditions {
		if c == nil {
			return ""
		}
	}
	text := s.base.And(conditions...).String()
	if s.left -= len(text); s.left < 0 {
		s.out = true
		return ""
	}
	return text
}

// holds is the condition that one of the values of a field is a key, or that it has none; nil if there is no such condition.
func (s *seeker) holds(c *column, key record.Value) *jql.Query {
	if key.IsNull() {
		if !c.whole { // an index without the field has records without the value, of which a query cannot ask
			return nil
		}
		return must(jql.Cond(c.name, "IS"))
	}
	return must(jql.Cond(c.name, "=", key.Text()))
}

// lies is the condition that a date of the record lies in the span that begins there.
func (s *seeker) lies(start time.Time) *jql.Query {
	next := s.calendar.Next(start)
	unit := s.calendar.Unit
	dayOnly := s.group.field.DateOnly()
	switch {
	case unit == "day" && dayOnly:
		return must(jql.Cond(s.group.name, "=", start.In(s.calendar.Zone).Format(time.DateOnly)))
	case !s.many:
		q, err := s.within(&jql.Query{}, start, next)
		return must(q, err)
	case unit == "hour":
		return nil
	}
	var days []string
	day := start.In(s.calendar.Zone)
	y, m, d := day.Date()
	for i := 0; ; i++ {
		at := time.Date(y, m, d+i, 12, 0, 0, 0, s.calendar.Zone)
		if !at.Before(next) {
			break
		}
		days = append(days, at.Format(time.DateOnly))
	}
	return must(jql.Cond(s.group.name, "IN", days))
}

// within returns the query for the records of another whose date lies from an instant, and before another.
func (s *subject) within(base *jql.Query, from, to time.Time) (*jql.Query, error) {
	lower, err := jql.Cond(s.group.name, ">=", s.text(from))
	if err != nil {
		return nil, err
	}
	upper, err := jql.Cond(s.group.name, "<", s.text(to))
	if err != nil {
		return nil, err
	}
	return base.And(lower, upper), nil
}

// text writes an instant as queries have it: with its offset, so that it is the same in every zone.
func (s *subject) text(t time.Time) string {
	if s.group.field.DateOnly() {
		return t.UTC().Format(time.DateOnly)
	}
	t = t.In(s.query.Options.Zone)
	if _, offset := t.Zone(); offset%60 != 0 {
		t = t.UTC()
	}
	if t.Nanosecond() != 0 {
		return t.Format("2006-01-02T15:04:05.000Z07:00")
	}
	return t.Format(time.RFC3339)
}

// must returns a condition, or nil if there is none.
func must(q *jql.Query, err error) *jql.Query {
	if err != nil {
		return nil
	}
	return q
}
