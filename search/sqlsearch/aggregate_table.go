package sqlsearch

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/digit-health/dhr/jql/sqlgen"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/exact"
)

// add adds a row of the statement of counts. It reports false if a group of
// the database reaches over the boundary of a span.
func (s *sums) add(row []any) (fits bool, err error) {
	n, _ := row[len(s.groups)].(int64)
	if s.prunes && n < s.least && (row[0] != nil || s.groups[0].Missing) {
		s.total += n
		s.dropped += n
		return true, nil
	}
	p, in, fits, err := s.pile(row)
	if err != nil || !fits {
		return fits, err
	}
	row = row[len(s.groups):]
	s.total += n
	if !in {
		return true, nil
	}
	p.count += n
	row = row[1:]
	for i, m := range s.metrics {
		switch {
		case m.apart:
		case m.column == nil: // the records of the bucket
			p.figures[i].n += n
		default:
			if row, err = p.figures[i].merge(m, row); err != nil {
				return true, err
			}
		}
	}
	s.prune()
	return true, nil
}

// prune forgets, now and then, the buckets that are not among the largest.
func (s *sums) prune() {
	if !s.prunes || len(s.order) <= 2*s.kept+4*s.a.Limit+1000 {
		return
	}
	slices.SortFunc(s.order, func(p, q *pile) int { return cmp.Compare(q.count, p.count) })
	s.least = s.order[s.a.Limit-1].count
	n := s.a.Limit
	for n < len(s.order) && s.order[n].count == s.least {
		n++
	}
	for _, p := range s.order[n:] {
		s.dropped += p.count
	}
	clear(s.order[n:])
	s.order, s.kept = s.order[:n], n
}

// values adds how often each value of a metric's field occurs.
func (s *sums) values(ctx context.Context, i int) error {
	m := s.metrics[i]
	for _, p := range s.parts(m.column) {
		q, err := p.histogram()
		if err != nil {
			return err
		}
		if err := s.q.query(ctx, q, func(row []any) error {
			p, in, _, err := s.pile(row)
			if err != nil || !in {
				return err
			}
			row = row[len(s.groups):]
			a, err := atomOf(row[0])
			if err != nil {
				return err
			}
			n, _ := row[1].(int64)
			p.figures[i].add(m, a, n)
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// pile returns the bucket of a row, which begins with the stored keys. In is false
// if it is in none; fits if a group of the database has to be taken apart.
func (s *sums) pile(row []any) (p *pile, in, fits bool, err error) {
	var keys [2]atom
	for i, g := range s.groups {
		if keys[i], err = atomOf(row[i]); err != nil {
			return nil, false, true, err
		}
		if keys[i].kind == 0 {
			if !g.Missing {
				return nil, false, true, nil
			}
			continue
		}
		if keys[i], fits = g.bucket(keys[i]); !fits {
			return nil, false, false, nil
		}
	}
	p, err = s.bucket(keys)
	return p, err == nil, true, err
}

// bucket returns the bucket of stored keys. Without a map of them, it is a new one.
func (s *sums) bucket(keys [2]atom) (*pile, error) {
	p := s.buckets[keys]
	if p != nil {
		return p, nil
	}
	if s.bounded() && len(s.order) >= exact.MaxBuckets {
		return nil, fmt.Errorf("%w: more than %d; ask for them in pages", search.ErrTooManyBuckets, exact.MaxBuckets)
	}
	p = &pile{keys: keys, figures: make([]figure, len(s.metrics))}
	if s.buckets != nil {
		s.buckets[keys] = p
	}
	s.order = append(s.order, p)
	return p, nil
}

// bounded reports whether the whole table is asked for.
func (s *sums) bounded() bool {
	if s.a.Limit > 0 || s.a.After != nil {
		return false
	}
	for _, g := range s.groups {
		if g.Prefix != "" {
			return false
		}
	}
	return true
}

// bucket returns the key of the bucket that a stored value, or all that it
// stands for, falls into.
func (g *grouped) bucket(a atom) (key atom, fits bool) {
	switch {
	case g.calendar != nil:
		at := int64(a.bits)
		if at < g.start || at >= g.end {
			start := g.calendar.Floor(time.UnixMilli(at).UTC())
			g.start, g.end = start.UnixMilli(), g.calendar.Next(start).UnixMilli()
		}
		return atom{kind: 'i', bits: uint64(g.start)}, g.step <= 1 || at+g.step <= g.end
	case g.Width > 0:
		k := math.Floor(number(a.value(g.Field.Kind))/g.Width) * g.Width
		return atom{kind: 'f', bits: math.Float64bits(k + 0)}, true
	}
	return a, true
}

// kind returns the kind of the keys.
func (g *grouped) kind() record.Kind {
	switch {
	case g.calendar != nil:
		return record.Time
	case g.Width > 0:
		return record.Float
	}
	return g.Field.Kind
}

// finish makes the table of the buckets.
func (s *sums) finish(ctx context.Context) (*search.Table, error) {
	if len(s.groups) == 0 && len(s.order) == 0 {
		s.order = append(s.order, &pile{figures: make([]figure, len(s.metrics))})
	}
	t := &search.Table{Total: s.total}
	all, err := s.chosen(ctx, s.order)
	if err != nil {
		return nil, err
	}
	more := s.dropped
	t.More = more > 0
	if n := s.a.Limit; n > 0 && len(all) > n {
		t.More = true
		for _, p := range all[n:] {
			more += p.count
		}
		all = all[:n]
	}
	if s.a.Largest {
		t.Others = more
	}
	for _, p := range all {
		b := search.Bucket{Keys: p.values, Count: p.count}
		for i, m := range s.metrics {
			b.Values = append(b.Values, p.figures[i].value(m))
		}
		t.Buckets = append(t.Buckets, b)
	}
	return t, nil
}

// chosen returns the buckets that are asked for in their order, with their keys,
// as far as Limit; the keys of those beyond it may be unknown.
func (s *sums) chosen(ctx context.Context, all []*pile) ([]*pile, error) {
	byCount := s.a.Largest && s.a.Limit > 0 && !s.prefixed()
	known := all
	if byCount && len(all) > s.a.Limit {
		slices.SortFunc(all, func(p, q *pile) int { return cmp.Compare(q.count, p.count) })
		n := s.a.Limit
		for n < len(all) && all[n].count == all[s.a.Limit-1].count {
			n++
		}
		known = all[:n]
	}
	for i := range s.groups {
		if err := s.name(ctx, i, known); err != nil {
			return nil, err
		}
	}
	if !byCount {
		known = slices.DeleteFunc(known, func(p *pile) bool { return !s.wanted(p) })
		all = known
	}
	slices.SortFunc(known, func(p, q *pile) int {
		if s.a.Largest && p.count != q.count {
			return cmp.Compare(q.count, p.count)
		}
		return compareKeys(p.values, q.values)
	})
	return all, nil
}

func (s *sums) prefixed() bool {
	return slices.ContainsFunc(s.groups, func(g *grouped) bool { return g.Prefix != "" })
}

// wanted reports whether a bucket is one that is asked for.
func (s *sums) wanted(p *pile) bool {
	for i, g := range s.groups {
		if v := p.values[i]; g.Prefix != "" && !v.IsNull() && !g.Chooses(v.Text()) {
			return false
		}
	}
	return s.a.After == nil || compareKeys(p.values, s.a.After) > 0
}

// compareKeys compares the keys of two buckets: ascending, Null last.
func compareKeys(a, b []record.Value) int {
	for i := range a {
		c := a[i].Compare(b[i])
		if a[i].IsNull() != b[i].IsNull() {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

// fewCodes is up to how many codes are asked for one by one.
const fewCodes = 300

// name gives the buckets their key of group i.
func (s *sums) name(ctx context.Context, i int, piles []*pile) error {
	g := s.groups[i]
	var names map[int64]string
	if g.column.Codes != nil {
		var err error
		if names, err = s.decode(ctx, g.column.Codes, i, piles); err != nil {
			return err
		}
	}
	for _, p := range piles {
		a := p.keys[i]
		if g.column.Codes != nil && a.kind != 0 {
			text, ok := names[int64(a.bits)]
			if !ok {
				return fmt.Errorf("%w: the dictionary has no code %d", search.ErrCorrupt, int64(a.bits))
			}
			a = atom{kind: 's', text: text}
		}
		if a.kind == 's' && s.l.Dialect == sqlgen.Postgres && s.ours() {
			a.text = unescape(a.text)
		}
		p.values = append(p.values, a.value(g.kind()))
	}
	return nil
}

// decode returns what the codes stand for that are keys of group i.
func (s *sums) decode(ctx context.Context, c *sqlgen.Codes, i int, piles []*pile) (map[int64]string, error) {
	names := make(map[int64]string, len(piles))
	for _, p := range piles {
		if p.keys[i].kind != 0 {
			names[int64(p.keys[i].bits)] = ""
		}
	}
	var codes []int64
	if len(names) <= fewCodes {
		for code := range names {
			codes = append(codes, code)
		}
		if len(codes) == 0 {
			return names, nil
		}
	}
	q, err := s.strings(c, codes)
	if err != nil {
		return nil, err
	}
	found := make(map[int64]string, len(names))
	err = s.q.query(ctx, q, func(row []any) error {
		code, _ := row[0].(int64)
		if _, ok := names[code]; !ok {
			return nil
		}
		switch text := row[1].(type) {
		case string:
			found[code] = text
		case []byte:
			found[code] = string(text)
		}
		return nil
	})
	return found, err
}
