package sqlsearch

import (
	"math"
)

// A vector has the values of a column in the order of the records: numbers whose order is that of the values. The number of a
// string is its place among all strings of the field.
type vector struct {
	// first are the values, of several the least; they are empty if there is only missing.
	first   packed
	missing vectorSet // nil if every record has a value
	// several is, for each record with more than one value, which of sets they are, counted from 1; the others have 0.
	several packed
	sets    [][]int64 // of values in ascending order; a record may have one twice
	codes   *packed   // of strings by their places; nil for others
	broken  bool      // a code stands for nothing
}

func (c *vector) size() int64 {
	bytes := c.first.size() + c.missing.size() + c.several.size()
	if c.codes != nil {
		bytes += c.codes.size()
	}
	for _, set := range c.sets {
		bytes += int64(len(set))*8 + 24
	}
	return bytes
}

// valued reports whether the values are here, and not only which records have one.
func (c *vector) valued() bool { return c.first.n > 0 }

// lacks reports whether record i has no value.
func (c *vector) lacks(i int) bool { return c.missing != nil && c.missing.has(i) }

// missingOf returns which of n records from one on have no value, or nil if all have one. The first is at a multiple of 64.
func (c *vector) missingOf(from, n int) vectorSet {
	if c.missing == nil {
		return nil
	}
	return c.missing[from/64 : (from+n+63)/64]
}

// greatest returns the greatest value of each set.
func (c *vector) greatest() []int64 {
	out := make([]int64, len(c.sets))
	for i, set := range c.sets {
		out[i] = set[len(set)-1]
	}
	return out
}

// vectorNumber returns the number for a value as SQLite stores it.
func vectorNumber(v any) (n int64, ok bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case float64:
		if v == 0 {
			v = 0 // there is one 0 only
		}
		return ordered(int64(math.Float64bits(v))), !math.IsNaN(v)
	}
	return 0, false
}

// ordered makes of the bits of a float a number that has its place among those of others, and of that the bits.
func ordered(bits int64) int64 { return bits ^ (bits>>63)&math.MaxInt64 }

// vectorFloat returns the float for which n stands.
func vectorFloat(n int64) float64 { return math.Float64frombits(uint64(ordered(n))) }
