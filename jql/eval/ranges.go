package eval

import (
	"cmp"
	"math"
	"unicode"
	"unicode/utf8"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// ranges compiles a Range node.
func (c *compiler) ranges(n plan.Range) node {
	column := c.column(n.Field)
	if n.Field == nil {
		return constant(false)
	}
	c.check(n.Field, n.Lower.Value)
	c.check(n.Field, n.Upper.Value)
	switch kind := valueKind(n.Field); kind {
	case record.Int, record.Time:
		low, high, ok := wholeBounds(n.Lower, n.Upper)
		switch {
		case !ok:
			return constant(false)
		case kind == record.Int:
			return intRange{column, low, high}
		}
		return timeRange{column, low, high}
	case record.Float:
		return newFloatRange(column, n.Lower, n.Upper)
	}
	return valueRange{column, n.Lower, n.Upper, comparison(n.Field)}
}

// wholeBounds turns bounds on whole numbers into inclusive ones. Without ok
// nothing lies between them.
func wholeBounds(lower, upper plan.Bound) (low, high int64, ok bool) {
	low, high = math.MinInt64, math.MaxInt64
	if !lower.Value.IsNull() {
		low = int64(number(lower.Value))
		if !lower.Inclusive {
			if low == math.MaxInt64 {
				return 0, 0, false
			}
			low++
		}
	}
	if !upper.Value.IsNull() {
		high = int64(number(upper.Value))
		if !upper.Inclusive {
			if high == math.MinInt64 {
				return 0, 0, false
			}
			high--
		}
	}
	return low, high, low <= high
}

type intRange struct {
	column    int
	low, high int64
}

func (n intRange) match(r *record.Record, s *scratch) bool {
	for _, v := range s.values(r, n.column) {
		if i := v.Int(); n.low <= i && i <= n.high && v.Kind() == record.Int {
			return true
		}
	}
	return false
}

type timeRange struct {
	column    int
	low, high int64
}

func (n timeRange) match(r *record.Record, s *scratch) bool {
	for _, v := range s.values(r, n.column) {
		if i := v.Millis(); n.low <= i && i <= n.high && v.Kind() == record.Time {
			return true
		}
	}
	return false
}

// A floatRange has inclusive bounds.
type floatRange struct {
	column    int
	low, high float64
}

func newFloatRange(column int, lower, upper plan.Bound) node {
	n := floatRange{column, math.Inf(-1), math.Inf(1)}
	if !lower.Value.IsNull() {
		n.low = lower.Value.Float()
		if !lower.Inclusive {
			if n.low == math.Inf(1) {
				return constant(false)
			}
			n.low = math.Nextafter(n.low, math.Inf(1))
		}
	}
	if !upper.Value.IsNull() {
		n.high = upper.Value.Float()
		if !upper.Inclusive {
			if n.high == math.Inf(-1) {
				return constant(false)
			}
			n.high = math.Nextafter(n.high, math.Inf(-1))
		}
	}
	return n
}

func (n floatRange) match(r *record.Record, s *scratch) bool {
	for _, v := range s.values(r, n.column) {
		if f := v.Float(); n.low <= f && f <= n.high && v.Kind() == record.Float {
			return true
		}
	}
	return false
}

// A valueRange is of any kind.
type valueRange struct {
	column       int
	lower, upper plan.Bound
	compare      func(v, w record.Value) int
}

func (n valueRange) match(r *record.Record, s *scratch) bool {
	for _, v := range s.values(r, n.column) {
		if n.within(v, n.lower, 1) && n.within(v, n.upper, -1) {
			return true
		}
	}
	return false
}

// within reports whether v lies on the side of a bound: 1 is above it, -1 below.
func (n valueRange) within(v record.Value, b plan.Bound, side int) bool {
	if b.Value.IsNull() {
		return true
	}
	c := n.compare(v, b.Value)
	return c == side || c == 0 && b.Inclusive
}

// comparison returns how the values of a field compare.
func comparison(f *record.Field) func(v, w record.Value) int {
	if f.FoldCase && valueKind(f) == record.String {
		return compareFolded
	}
	return record.Value.Compare
}

// compareFolded compares strings by the lower case of their characters.
func compareFolded(v, w record.Value) int {
	a, b := v.Text(), w.Text()
	for a != "" && b != "" {
		r, n := utf8.DecodeRuneInString(a)
		q, m := utf8.DecodeRuneInString(b)
		if c := cmp.Compare(unicode.ToLower(r), unicode.ToLower(q)); c != 0 {
			return c
		}
		a, b = a[n:], b[m:]
	}
	return cmp.Compare(len(a), len(b))
}
