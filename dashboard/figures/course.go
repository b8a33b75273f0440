package figures

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// starts are the spans of time that have points: those with records, those between, and those that the filter speaks of, up to now.
func (s *subject) starts(keys []record.Value) ([]time.Time, error) {
	if s.period != nil { // records may have other dates besides
		return s.spans(s.period.from, s.period.to)
	}
	var from, to time.Time
	widen := func(start time.Time) {
		if from.IsZero() || start.Before(from) {
			from = start
		}
		if next := s.calendar.Next(start); next.After(to) {
			to = next
		}
	}
	for _, k := range keys {
		if !k.IsNull() {
			widen(k.Time())
		}
	}
	lower, end := s.lower, s.now()
	if last := s.upper.Add(-time.Millisecond); !s.upper.IsZero() && last.Before(end) {
		end = last
	}
	began := !lower.IsZero() && !lower.After(end)
	if began || !lower.IsZero() && !from.IsZero() {
		widen(s.calendar.Floor(lower))
	}
	if began || !s.upper.IsZero() && !from.IsZero() && end.After(from) {
		widen(s.calendar.Floor(end))
	}
	if from.IsZero() {
		return nil, nil
	}
	return s.spans(from, to)
}

// course makes one series of spans of time.
func (s *subject) course(d *Data, a *search.Answer) error {
	points, err := s.spanPoints(d, a, s.parsed)
	if err != nil {
		return err
	}
	d.Series = []Series{{Label: s.measure(), Points: points}}
	return nil
}

func (s *subject) spanPoints(d *Data, a *search.Answer, asked *jql.Query) ([]Point, error) {
	found := map[int64]search.Bucket{}
	var keys []record.Value
	find := s.seeker(asked, !apart(a))
	for _, b := range a.Buckets {
		keys = append(keys, b.Keys[0])
		if b.Keys[0].IsNull() {
			d.Missing = &Rest{Count: b.Count, JQL: find.find(find.holds(s.group, b.Keys[0]))}
			continue
		}
		found[b.Keys[0].Millis()] = b
	}
	starts, err := s.starts(keys)
	if err != nil {
		return nil, err
	}
	points := make([]Point, 0, len(starts))
	for _, start := range starts {
		p := s.spanPoint(start)
		p.Value, p.JQL = s.nothing(), find.find(find.lies(start))
		if b, ok := found[start.UnixMilli()]; ok {
			p.Value, p.Count = s.value(b), b.Count
		}
		points = append(points, p)
	}
	find.warn(d)
	return points, nil
}

// spanPoint is the point of a span of time, without its figures.
func (s *subject) spanPoint(start time.Time) Point {
	p := Point{Label: s.spanLabel(start), Key: s.instant(start)}
	if s.group.field.DateOnly() {
		p.Key = start.UTC().Format(time.DateOnly)
	}
	now := s.now() // of days the beginning of today, which is not over
	p.Open = !start.After(now) && s.calendar.Next(start).Add(-time.Millisecond).After(now)
	return p
}

// compared adds the period before.
func (s *subject) compared(d *Data, a *search.Answer) error {
	d.Period = &Period{From: s.text(s.period.from), To: s.text(s.period.to)}
	d.Previous = &Previous{Period: Period{From: s.text(s.before.from), To: s.text(s.before.to)}, JQL: s.before.query.String(), Total: a.Total}
	if s.gadget.Type != "stat" {
		then := *s
		then.period = s.before
		points, err := then.spanPoints(&Data{}, a, s.before.query)
		d.Previous.Points = points
		return err
	}
	before := s.whole(a, s.before.query)
	d.Previous.Points = []Point{before}
	now, was := floatOf(d.Series[0].Points[0].Value), floatOf(before.Value)
	if math.IsNaN(now) || math.IsNaN(was) {
		return nil
	}
	d.Previous.Change = json.Number(record.FloatValue(now - was).Text())
	if was > 0 {
		percent := 100 * (now - was) / was
		d.Previous.ChangePercent = &percent
	}
	return nil
}

// A line is a series that is being made: its buckets by the keys of the group.
type line struct {
	key     record.Value
	records int64
	cells   map[string]search.Bucket
}

// keyOf tells keys apart.
func keyOf(v record.Value) string { return v.Kind().String() + ":" + v.Text() }

// lines takes the buckets of two groups apart, and returns the keys of the first in their order, and a line for each of the second, that of the most records first.
func lines(a *search.Answer) (keys []record.Value, all []*line) {
	known, byKey := map[string]bool{}, map[string]*line{}
	for _, b := range a.Buckets {
		at, of := keyOf(b.Keys[0]), keyOf(b.Keys[1])
		if !known[at] {
			known[at] = true
			keys = append(keys, b.Keys[0])
		}
		l := byKey[of]
		if l == nil {
			l = &line{key: b.Keys[1], cells: map[string]search.Bucket{}}
			byKey[of] = l
			all = append(all, l)
		}
		l.records += b.Count
		l.cells[at] = b
	}
	slices.SortStableFunc(all, func(l, m *line) int {
		return cmp.Or(cmp.Compare(m.records, l.records), l.key.Compare(m.key))
	})
	return keys, all
}

// mostSeries is how many series one gadget has, unless its limit says otherwise.
const mostSeries = 50

// cross makes a series of each value of the second field.
func (s *subject) cross(d *Data, a *search.Answer) error {
	keys, all := lines(a)
	if s.timed() {
		if limit := s.limit(); len(all) > limit {
			d.Others = &Others{Buckets: len(all) - limit}
			for _, l := range all[limit:] {
				d.Others.Count += l.records
			}
			all = all[:limit]
		}
	} else {
		d.Others = s.others(s.seeker(s.parsed, false), &search.Answer{Cut: a.Cut, Others: a.Others, Total: -1})
		if len(all) > mostSeries {
			return fmt.Errorf("%w: %q has %d different values, and there are at most %d series; split by another field", ErrTooManyPoints, s.split.name, len(all), mostSeries)
		}
	}
	find := s.seeker(s.parsed, !apart(a))
	points, holds, err := s.crossPoints(d, a, keys, find, len(all))
	if err != nil {
		return err
	}
	for _, l := range all {
		series := Series{Key: s.figure(l.key, s.split), Label: s.label(l.key, s.split), Points: slices.Clone(points)}
		held := find.holds(s.split, l.key)
		for i := range series.Points {
			p := &series.Points[i]
			p.Value, p.JQL = s.nothing(), find.find(holds[i].condition, held)
			if b, ok := l.cells[holds[i].key]; ok {
				p.Value, p.Count = s.value(b), b.Count
			}
		}
		d.Series = append(d.Series, series)
	}
	find.warn(d)
	return nil
}

// A place is one key of the group.
type place struct {
	key       string
	condition *jql.Query
}

// crossPoints are the points of every series, without their figures.
func (s *subject) crossPoints(d *Data, a *search.Answer, keys []record.Value, find *seeker, series int) ([]Point, []place, error) {
	var points []Point
	var places []place
	if s.timed() {
		starts, err := s.starts(keys)
		if err != nil {
			return nil, nil, err
		}
		for _, start := range starts {
			points = append(points, s.spanPoint(start))
			places = append(places, place{keyOf(record.TimeValue(start)), find.lies(start)})
		}
		s.undated(d, a, find)
	} else {
		for _, k := range keys {
			points = append(points, Point{Key: s.figure(k, s.group), Label: s.label(k, s.group)})
			places = append(places, place{keyOf(k), find.holds(s.group, k)})
		}
	}
	if n := len(points) * series; n > s.points {
		return nil, nil, fmt.Errorf("%w: %d points of %d series are more than %d; choose a wider interval, or a limit", ErrTooManyPoints, len(points), series, s.points)
	}
	return points, places, nil
}

// undated counts the records without a date. Those that are in several series it counts once for each; build corrects that.
func (s *subject) undated(d *Data, a *search.Answer, find *seeker) {
	for _, b := range a.Buckets {
		if !b.Keys[0].IsNull() {
			continue
		}
		if d.Missing == nil {
			d.Missing = &Rest{JQL: find.find(find.holds(s.group, b.Keys[0]))}
		}
		d.Missing.Count += b.Count
	}
}
