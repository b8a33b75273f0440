package sqlsearch

import (
	"math/bits"

	"github.com/digit-health/dhr/record"
)

// A spread is a metric of each cell of a grouping.
type spread struct {
	*measured
	c    *vector // nil if the records of a cell are counted
	sums []summed
	// occurring is, for a percentile, how often each number of steps occurs in each cell, and behind them each set of
	// several values; distinct is for a cardinality which numbers of steps there are.
	occurring []uint32
	distinct  vectorSet
	wide      int // how many numbers of occurring and distinct a cell has; those of distinct are full words
}

// A summed is what is added up of a cell.
type summed struct {
	n               int64
	sum             figure
	whole           wide // instead of sum, of whole numbers
	least, greatest int64
}

// prepare makes room for so many cells.
func (s *spread) prepare(v *vector, cells int) error {
	s.c = v
	switch {
	case s.Op == "percentile" && v.valued():
		if v.first.most >= mostSpread {
			return errBySQL
		}
		s.wide = int(v.first.most) + 1 + len(v.sets)
		if cells*s.wide > mostSpread {
			return errBySQL
		}
		s.occurring = make([]uint32, cells*s.wide)
	case s.Op == "cardinality" && v.valued():
		if v.first.most >= 32*mostSpread {
			return errBySQL
		}
		s.wide = (int(v.first.most)/64 + 1) * 64
		if cells*s.wide > 32*mostSpread {
			return errBySQL
		}
		s.distinct = newVectorSet(cells * s.wide)
	case cells > mostSummed:
		return errBySQL
	default:
		s.sums = make([]summed, cells)
	}
	return nil
}

// add adds some of the records from one on, of which each is in a cell.
func (s *spread) add(from int, some vectorSet, cells []uint32) {
	if s.c == nil {
		return
	}
	missing := s.c.missingOf(from, len(cells))
	for i := range some.all() {
		if missing != nil && missing.has(i) {
			continue
		}
		set := uint64(0)
		if len(s.c.sets) > 0 {
			set = s.c.several.stepsAt(from + i)
		}
		s.record(int(cells[i]), from+i, int(set)) //nolint:gosec // as many as there are sets
	}
}

// record adds a record that has a value, or a set of several.
func (s *spread) record(cell, at, set int) {
	switch {
	case s.Op == "count":
		s.sums[cell].n++
	case s.occurring != nil && set > 0:
		s.occurring[cell*s.wide+int(s.c.first.most)+set]++ //nolint:gosec // less than mostSpread
	case s.occurring != nil:
		s.occurring[cell*s.wide+int(s.c.first.stepsAt(at))]++ //nolint:gosec // less than mostSpread
	case s.distinct != nil && set > 0:
		for _, v := range s.c.sets[set-1] {
			s.distinct.add(cell*s.wide + int(s.c.first.steps(v))) //nolint:gosec // less than 32 mostSpread
		}
	case s.distinct != nil:
		s.distinct.add(cell*s.wide + int(s.c.first.stepsAt(at))) //nolint:gosec // less than 32 mostSpread
	case set > 0:
		for _, v := range s.c.sets[set-1] {
			s.sums[cell].add(s.measured, v)
		}
	default:
		s.sums[cell].add(s.measured, s.c.first.at(at))
	}
}

// add adds a value.
func (c *summed) add(m *measured, v int64) {
	if c.n++; c.n == 1 {
		c.least, c.greatest = v, v
	}
	switch m.Op {
	case "sum", "avg":
		switch m.Field.Kind {
		case record.Int:
			c.whole.add(v)
		case record.Uint:
			c.sum.plus(float64(uint64(v) ^ 1<<63))
		default: // Float
			c.sum.plus(vectorFloat(v))
		}
	case "min", "max":
		c.least, c.greatest = min(c.least, v), max(c.greatest, v)
	}
}

// Wide is a whole number of 128 bits: a sum of others, exactly, as SQLite adds them.
type wide struct {
	high int64
	low  uint64
}

func (w *wide) add(v int64) {
	low, carry := bits.Add64(w.low, uint64(v), 0)
	w.low, w.high = low, w.high+v>>63+int64(carry) //nolint:gosec // 0 or 1
}

func (w *wide) float() float64 {
	if w.high == int64(w.low)>>63 {
		return float64(int64(w.low))
	}
	return float64(w.high)*(1<<64) + float64(w.low)
}

// into adds the metric of a cell, which has n records, to that of a bucket.
func (s *spread) into(f *figure, cell int, n int64) {
	switch {
	case s.c == nil:
		f.n += n
	case s.distinct != nil:
		seen := s.distinct[cell*s.wide/64 : (cell+1)*s.wide/64]
		if f.distinct != nil {
			seen = seen.either(f.distinct)
		}
		f.distinct = seen
	case s.occurring != nil:
		s.occurrences(f, cell)
	case s.sums[cell].n == 0:
	case s.Op == "min":
		f.extreme(s.Op, valueAtom(s.c, s.Field.Kind, s.sums[cell].least).value(s.Field.Kind))
	case s.Op == "max":
		f.extreme(s.Op, valueAtom(s.c, s.Field.Kind, s.sums[cell].greatest).value(s.Field.Kind))
	default:
		f.n += s.sums[cell].n
		f.plus(s.sums[cell].whole.float())
		f.plus(s.sums[cell].sum.sum)
		f.lost += s.sums[cell].sum.lost
	}
}

// occurrences adds how often each value occurs in a cell.
func (s *spread) occurrences(f *figure, cell int) {
	for i, n := range s.occurring[cell*s.wide : (cell+1)*s.wide] {
		switch single := int(s.c.first.most) + 1; { //nolint:gosec // less than mostSpread
		case n == 0:
		case i < single:
			f.add(s.measured, valueAtom(s.c, s.Field.Kind, s.c.first.number(uint64(i))), int64(n)) //nolint:gosec // not negative
		default:
			for _, v := range s.c.sets[i-single] {
				f.add(s.measured, valueAtom(s.c, s.Field.Kind, v), int64(n))
			}
		}
	}
}
