package eval

import (
	"math"

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
	return valueRange{column, n.Lower, n.Upper}
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
}

func (n valueRange) match(r *record.Record, s *scratch) bool {
	for _, v := range s.values(r, n.column) {
		if above(v, n.lower) && below(v, n.upper) {
			return true
		}
	}
	return false
}

func above(v record.Value, b plan.Bound) bool {
	if b.Value.IsNull() {
		return true
	}
	c := v.Compare(b.Value)
	return c > 0 || c == 0 && b.Inclusive
}

func below(v record.Value, b plan.Bound) bool {
	if b.Value.IsNull() {
		return true
	}
	c := v.Compare(b.Value)
	return c < 0 || c == 0 && b.Inclusive
}
