package figures

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// A span is the time from an instant, and before another, with the question for its records.
type span struct {
	from, to time.Time
	query    *jql.Query
}

// times finds out which spans of time the gadget is about.
func (s *subject) times(ctx context.Context, who *access.Principal) error {
	if s.group == nil || s.group.field.Kind != record.Time {
		return nil
	}
	if s.config.Interval != "" {
		calendar := &search.Calendar{Unit: s.config.Interval, Zone: s.query.Options.Zone, WeekStart: s.query.Options.WeekStart}
		s.calendar = calendar.On(s.group.field)
		if s.calendar.Zone == nil {
			s.calendar.Zone = time.UTC
		}
	}
	said, rest, clear := s.conditions()
	if len(said) > 0 {
		if err := s.bounds(ctx, who, said); err != nil {
			return err
		}
	}
	if s.config.Compare == "" {
		return nil
	}
	if !clear {
		return unfit("config.compare", "the filter speaks of %q in a way that does not say which period it is about; it should say %s >= … and perhaps %s < …, joined by AND",
			s.group.name, s.group.name, s.group.name)
	}
	return s.compare(rest)
}

// conditions divides what the filter asks into what it says of the date of the group, one beside the other, and the rest. It is clear
// unless the rest speaks of that date too.
func (s *subject) conditions() (said, rest []jql.Expr, clear bool) {
	clear = true
	for _, x := range joined(s.parsed.Where) {
		c, ok := x.(*jql.Clause)
		if ok && s.isGroup(&c.Field) && slices.Contains([]string{"=", "<", "<=", ">", ">="}, c.Op.Name) && c.Operand.Kind != jql.EmptyOperand {
			said = append(said, x)
			continue
		}
		rest = append(rest, x)
		clear = clear && !s.speaks(x)
	}
	return said, rest, clear
}

// joined returns the conditions that AND joins.
func joined(x jql.Expr) []jql.Expr {
	switch x := x.(type) {
	case nil:
		return nil
	case *jql.Logical:
		if x.Op == "and" {
			var all []jql.Expr
			for _, one := range x.Clauses {
				all = append(all, joined(one)...)
			}
			return all
		}
	}
	return []jql.Expr{x}
}

// speaks reports whether a condition names the date of the group.
func (s *subject) speaks(x jql.Expr) bool {
	switch x := x.(type) {
	case *jql.Not:
		return s.speaks(x.X)
	case *jql.Logical:
		return slices.ContainsFunc(x.Clauses, s.speaks)
	case *jql.Clause:
		return s.isGroup(&x.Field)
	}
	return false
}

func (s *subject) isGroup(f *jql.Field) bool {
	for _, schema := range s.schemas {
		for _, found := range schema.Lookup(f.Name) {
			if found.Path == s.group.path || found.Exact() != nil && found.Exact().Path == s.group.path {
				return true
			}
		}
	}
	return false
}

// bounds finds the instants between which conditions say that the date of the group lies.
func (s *subject) bounds(ctx context.Context, who *access.Principal, said []jql.Expr) error {
	asked, err := all(said)
	if err != nil {
		return err
	}
	options := s.query.Options
	options.User = who.User
	meaning, err := jql.Resolve(ctx, asked, s.schemas, &options)
	if err != nil {
		return err
	}
	for _, p := range meaning.Plans {
		plan.Walk(p.Where, func(n plan.Node) bool {
			r, ok := n.(plan.Range)
			if !ok {
				return true
			}
			if v := r.Lower.Value; !v.IsNull() && (s.lower.IsZero() || v.Time().After(s.lower)) {
				s.lower = v.Time()
			}
			if v := r.Upper.Value; !v.IsNull() && (s.upper.IsZero() || v.Time().Before(s.upper)) {
				s.upper = v.Time()
			}
			return true
		})
	}
	return nil
}

// all joins conditions by AND.
func all(conditions []jql.Expr) (*jql.Query, error) {
	out := &jql.Query{}
	for _, x := range conditions {
		one, err := jql.Bind("?", x)
		if err != nil {
			return nil, err
		}
		out = out.And(one)
	}
	return out, nil
}

// now is the instant of asking, in the calendar of the group.
func (s *subject) now() time.Time {
	at := s.query.Options.Now
	if s.group.field.DateOnly() {
		y, m, d := at.In(s.query.Options.Zone).Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	}
	return at
}

// compare makes the period, and the one before.
func (s *subject) compare(rest []jql.Expr) error {
	from, to := s.lower, s.upper
	present := s.now().Add(time.Millisecond)
	if s.group.field.DateOnly() {
		present = s.now().AddDate(0, 0, 1)
	}
	if to.IsZero() {
		to = present
	}
	if from.IsZero() && s.gadget.Type == "stat" && s.calendar != nil {
		from = s.calendar.Floor(to.Add(-time.Millisecond))
	}
	switch {
	case from.IsZero():
		return unfit("config.compare", "the filter does not say when the period begins: it should say %s >= …", s.group.name)
	case !from.Before(to):
		return unfit("config.compare", "the period of the filter is empty")
	}
	end := to
	if from.Before(present) && present.Before(to) { // what is to come is not compared with what has been
		to = present
	}
	s.period, s.before = &span{from: from, to: to}, &span{from: from.Add(-to.Sub(from)), to: from}
	if s.calendar != nil {
		n, err := s.spans(from, end)
		if err != nil {
			return err
		}
		last := s.calendar.Floor(to.Add(-time.Millisecond))
		s.before = &span{from: s.back(from, len(n)), to: s.calendar.Next(s.back(last, len(n)))}
		if to.Before(s.calendar.Next(last)) { // it is not over, and is compared with as much of the other one
			s.before.to = s.back(to.Add(-time.Millisecond), len(n)).Add(time.Millisecond)
		}
	}
	base, err := all(rest)
	if err != nil {
		return err
	}
	for _, p := range []*span{s.period, s.before} {
		if p.query, err = s.within(base, p.from, p.to); err != nil {
			return err
		}
	}
	order := s.parsed.Order
	s.parsed = s.period.query
	s.parsed.Order = order
	return nil
}

// spans are the beginnings of the spans of time that hold something from an instant, and before another.
func (s *subject) spans(from, to time.Time) ([]time.Time, error) {
	var starts []time.Time
	for at := s.calendar.Floor(from); at.Before(to); at = s.calendar.Next(at) {
		if len(starts) == s.points {
			return nil, fmt.Errorf("%w: from %s to %s there are more than %d %ss; choose a wider interval or a shorter time",
				ErrTooManyPoints, s.text(from), s.text(to), s.points, s.config.Interval)
		}
		starts = append(starts, at)
	}
	return starts, nil
}

// back returns the instant that lies n spans before another, as far into its span, or at its end if it is not that long.
func (s *subject) back(t time.Time, n int) time.Time {
	start := s.calendar.Floor(t)
	t = t.In(s.calendar.Zone)
	days, rest := 0, t.Sub(start)
	for next := start.AddDate(0, 0, 1); !next.After(t); next = start.AddDate(0, 0, days+1) {
		days, rest = days+1, t.Sub(next)
	}
	end := start
	for range n {
		end, start = start, s.calendar.Floor(start.Add(-time.Millisecond))
	}
	at := start.In(s.calendar.Zone).AddDate(0, 0, days).Add(rest)
	if !at.Before(end) {
		at = end.Add(-time.Millisecond)
	}
	return at
}
