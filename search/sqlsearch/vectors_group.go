package sqlsearch

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/jql/sqlgen"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

const (
	// mostCells is how many groups, with those of the other field in each, are counted side by side, and
	// mostSummed how many that have sums or extremes.
	mostCells  = 1 << 20
	mostSummed = 1 << 16
	// mostSpread is how many numbers are kept of how often each value occurs in each group.
	mostSpread = 1 << 21
	// mostSpans is how many spans of a calendar are told apart.
	mostSpans = 1 << 16
	// fewOf is which part of the records is few, for which SQL looks at these alone.
	fewOf = 32
)

// grouped answers a question about groups from vectors; the table is nil if SQL should.
func (v *view) grouped(ctx context.Context, x *index, l *sqlgen.Layout, a *search.Aggregation) (*search.Table, error) {
	if _, exactly := narrow(l, a.Plan.Where); !exactly || v.d.vectors.room == 0 {
		return nil, nil
	}
	s, ok := newSums(l, a, v)
	if !ok || s.prefixed() || !s.inMemory() {
		return nil, nil
	}
	f, err := v.finding(ctx, x, l, a.Plan, false)
	if f == nil {
		return nil, err
	}
	if few, err := f.few(s); few || err != nil {
		return nil, err
	}
	g := &grouping{finding: f, sums: s}
	t, err := g.table()
	return t, notBySQL(err)
}

// inMemory reports whether the values of all groups and metrics can be in vectors.
func (s *sums) inMemory() bool {
	for _, g := range s.groups {
		if !numbered(g.Field, g.column) || g.column.Value == "" || g.column.Required {
			return false
		}
	}
	for _, m := range s.metrics {
		if m.column == nil {
			continue
		}
		if !numbered(m.Field, m.column) || m.column.Value == "" || m.column.Required {
			return false
		}
		switch m.Op {
		case "count", "values", "cardinality":
		case "sum", "avg", "min", "max", "percentile":
			if m.column.Codes != nil {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// few reports whether a question is about few records, which SQL finds sooner than columns are read that nobody has needed so far.
func (f *finding) few(s *sums) (bool, error) {
	if plan.Equal(f.p.Where, plan.All{}) {
		return false, nil
	}
	var columns []*sqlgen.Column
	plan.Walk(f.p.Where, func(n plan.Node) bool {
		if field := f.field(n); field != nil {
			columns = append(columns, f.l.Column(field))
		}
		return true
	})
	for _, g := range s.groups {
		columns = append(columns, g.column)
	}
	for _, m := range s.metrics {
		columns = append(columns, m.column)
	}
	known := f.cost(f.p.Where) == 0 && !slices.ContainsFunc(columns, func(c *sqlgen.Column) bool {
		return c != nil && !f.v.d.vectors.known(f.t, c.Value)
	})
	if known {
		return false, nil
	}
	limit := int64(f.t.n/fewOf) + 1
	q, err := countOf(f.p, f.l, limit)
	if err != nil {
		return false, err
	}
	n, err := f.v.number(f.ctx, q.Text, q.Args...)
	return n < limit, err
}

// A grouping counts the records of groups.
type grouping struct {
	*finding
	*sums
	keys    []*keyed
	spreads []spread // of the metrics
	cells   int      // of the first group, each with those of the second
	counts  []uint32 // of records, in each cell
}

func (g *grouping) table() (*search.Table, error) {
	if err := g.prepare(); err != nil {
		return nil, err
	}
	set, err := g.find(g.p.Where)
	if err != nil {
		return nil, err
	}
	if err := g.add(set); err != nil {
		return nil, err
	}
	if err := g.piles(); err != nil {
		return nil, err
	}
	g.total = int64(set.count())
	return g.finish(g.ctx)
}

// prepare makes room for the counts.
func (g *grouping) prepare() error {
	g.cells = 1
	for _, by := range g.groups {
		v, _, err := g.finding.column(by.Field)
		if err != nil {
			return err
		}
		k, err := newKeyed(v, by)
		if err != nil {
			return err
		}
		if g.cells *= k.n(); g.cells > mostCells {
			return errBySQL
		}
		g.keys = append(g.keys, k)
	}
	g.counts = make([]uint32, g.cells)
	for _, m := range g.metrics {
		s := spread{measured: m}
		if m.column != nil {
			v, _, err := g.finding.column(m.Field)
			if err != nil {
				return err
			}
			if err := s.prepare(v, g.cells); err != nil {
				return err
			}
		}
		g.spreads = append(g.spreads, s)
	}
	return nil
}

// stride is how many records are looked at together.
const stride = 1024

// add counts the records of a set.
func (g *grouping) add(set vectorSet) error {
	var cells, more [stride]uint32
	for from := 0; from < g.t.n; from += stride {
		if from%(64*stride) == 0 && g.ctx.Err() != nil {
			return g.ctx.Err()
		}
		n := min(stride, g.t.n-from)
		some := set[from/64 : (from+n+63)/64]
		if some.count() == 0 {
			continue
		}
		clear(cells[:n])
		for i, k := range g.keys {
			if i == 0 {
				k.fill(from, cells[:n])
				continue
			}
			k.fill(from, more[:n])
			for j := range n {
				cells[j] = cells[j]*uint32(k.n()) + more[j] //nolint:gosec // less than mostCells
			}
		}
		for j := range some.all() {
			g.counts[cells[j]]++
		}
		for i := range g.spreads {
			g.spreads[i].add(from, some, cells[:n])
		}
	}
	return nil
}

// piles makes the buckets of the cells.
func (g *grouping) piles() error {
	g.buckets, g.prunes = nil, g.a.Largest && g.a.Limit > 0
	for _, k := range g.keys {
		if len(k.c.sets) > 0 { // a bucket has several cells
			g.buckets, g.prunes = map[[2]atom]*pile{}, false
		}
	}
	for cell, n := range g.counts {
		if n == 0 {
			continue
		}
		keys := [2][]atom{{{}}, {{}}}
		left := cell
		for i := len(g.keys) - 1; i >= 0; i-- {
			keys[i] = g.keys[i].atoms(left%g.keys[i].n(), g.groups[i].Missing)
			left /= g.keys[i].n()
		}
		for _, first := range keys[0] {
			for _, second := range keys[1] {
				if err := g.pileOf(cell, int64(n), [2]atom{first, second}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// pileOf adds a cell to the bucket of its keys.
func (g *grouping) pileOf(cell int, n int64, keys [2]atom) error {
	if g.prunes && n < g.least {
		g.dropped += n
		return nil
	}
	p, err := g.bucket(keys)
	if err != nil {
		return err
	}
	p.count += n
	for i := range g.spreads {
		g.spreads[i].into(&p.figures[i], cell, n)
	}
	g.prune()
	return nil
}

// A keyed gives each record the number of its group: that of its value, or of its span of a calendar; behind them
// one for records without a value, and then one for each set of several values.
type keyed struct {
	c      *vector
	by     *grouped
	groups int      // how many there are of values
	table  []uint32 // the group of each number of steps; nil if each is its own
	starts []int64  // of the spans of a calendar, in ascending order
	names  []atom   // of the groups; nil if they are values
}

// newKeyed returns the numbers of groups by the values of a vector.
func newKeyed(v *vector, by *grouped) (*keyed, error) {
	k := &keyed{c: v, by: by}
	switch {
	case !v.valued():
		return k, nil
	case by.calendar != nil:
		return k, k.calendar()
	case v.first.most >= mostCells:
		return nil, errBySQL
	}
	k.groups = int(v.first.most) + 1
	if by.injective() {
		return k, nil
	}
	k.table = make([]uint32, k.groups)
	for steps := range k.table {
		name, _ := by.bucket(valueAtom(v, by.Field.Kind, v.first.number(uint64(steps)))) //nolint:gosec // not negative
		if n := len(k.names); n == 0 || k.names[n-1] != name {
			k.names = append(k.names, name)
		}
		k.table[steps] = uint32(len(k.names) - 1) //nolint:gosec // less than mostCells
	}
	k.groups = len(k.names)
	return k, nil
}

// calendar makes the spans of a calendar the groups.
func (k *keyed) calendar() error {
	first := &k.c.first
	last := first.number(first.most)
	shortest := uint64(20 * time.Hour / time.Millisecond)
	if k.by.calendar.Unit == "hour" {
		shortest = uint64(30 * time.Minute / time.Millisecond)
	}
	if uint64(last)-uint64(first.base) > mostSpans*shortest { // a day in the year 9999 stands for none
		if err := k.found(); err != nil {
			return err
		}
	} else {
		for at := k.by.calendar.Floor(time.UnixMilli(first.base).UTC()); at.UnixMilli() <= last; at = k.by.calendar.Next(at) {
			k.starts = append(k.starts, at.UnixMilli())
		}
	}
	for _, start := range k.starts {
		k.names = append(k.names, atom{kind: 'i', bits: uint64(start)})
	}
	k.groups = len(k.starts)
	if first.most >= mostSpans {
		return nil
	}
	k.table = make([]uint32, first.most+1)
	span := 0
	for steps := range k.table {
		for span+1 < len(k.starts) && k.starts[span+1] <= first.number(uint64(steps)) { //nolint:gosec // not negative
			span++
		}
		k.table[steps] = uint32(span) //nolint:gosec // less than mostSpans
	}
	return nil
}

// found makes groups of those spans alone in which there is a record.
func (k *keyed) found() error {
	start, end := int64(0), int64(0) // of the last that was met
	ends := map[int64]int64{}
	for i := range k.c.first.n {
		at := k.c.first.at(i)
		if start <= at && at < end {
			continue
		}
		place, _ := slices.BinarySearch(k.starts, at+1)
		if place > 0 && at < ends[k.starts[place-1]] {
			start, end = k.starts[place-1], ends[k.starts[place-1]]
			continue
		}
		if len(k.starts) >= mostSpans {
			return errBySQL
		}
		begin := k.by.calendar.Floor(time.UnixMilli(at).UTC())
		start, end = begin.UnixMilli(), k.by.calendar.Next(begin).UnixMilli()
		k.starts = slices.Insert(k.starts, place, start)
		ends[start] = end
	}
	return nil
}

// n returns how many numbers there are.
func (k *keyed) n() int { return k.groups + 1 + len(k.c.sets) }

// fill writes the numbers of the records from one on.
func (k *keyed) fill(from int, out []uint32) {
	switch {
	case !k.c.valued():
	case k.table != nil:
		k.c.first.some(from, out)
		for i, steps := range out {
			out[i] = k.table[steps]
		}
	case k.starts != nil:
		k.spans(from, out)
	default:
		k.c.first.some(from, out)
	}
	for i := range k.c.missingOf(from, len(out)).all() {
		out[i] = uint32(k.groups) //nolint:gosec // less than mostCells
	}
	if len(k.c.sets) > 0 {
		for i := range out {
			if set := k.c.several.stepsAt(from + i); set > 0 {
				out[i] = uint32(k.groups) + uint32(set) //nolint:gosec // less than mostCells
			}
		}
	}
}

// spans writes in which span of the calendar the records from one on are.
func (k *keyed) spans(from int, out []uint32) {
	span, start, end := 0, int64(0), int64(0) // the last that was met
	for i := range out {
		at := k.c.first.at(from + i)
		if at < start || at >= end {
			after, _ := slices.BinarySearch(k.starts, at+1)
			span, start, end = after-1, k.starts[after-1], math.MaxInt64
			if after < len(k.starts) {
				end = k.starts[after] // no value lies between two spans
			}
		}
		out[i] = uint32(span) //nolint:gosec // less than mostSpans
	}
}

// atoms returns the keys for which a number stands.
func (k *keyed) atoms(number int, missing bool) []atom {
	switch {
	case number < k.groups && k.names != nil:
		return k.names[number : number+1]
	case number < k.groups:
		return []atom{valueAtom(k.c, k.by.Field.Kind, k.c.first.number(uint64(number)))} //nolint:gosec // not negative
	case number == k.groups && missing:
		return []atom{{}}
	case number == k.groups:
		return nil
	}
	var out []atom
	for _, v := range slices.Compact(slices.Clone(k.c.sets[number-k.groups-1])) {
		out = append(out, valueAtom(k.c, k.by.Field.Kind, v))
	}
	return out
}

// valueAtom returns a number of a vector as it is stored.
func valueAtom(c *vector, kind record.Kind, n int64) atom {
	switch {
	case c.codes != nil:
		n = c.codes.at(int(n))
	case kind == record.Float:
		return atom{kind: 'f', bits: math.Float64bits(vectorFloat(n))}
	}
	return atom{kind: 'i', bits: uint64(n)}
}
