package exact

import (
	"math"
	"math/big"
	"slices"
	"time"

	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// A figure is a metric of a bucket in the making.
type figure interface {
	add(r *record.Record)
	value() record.Value
	held() int // different values
}

// A budget is how many more different values all figures may keep.
type budget struct{ left int }

func newFigures(metrics []search.Metric, left *budget) []figure {
	if len(metrics) == 0 {
		return nil
	}
	figures := make([]figure, len(metrics))
	for i := range metrics {
		figures[i] = newFigure(&metrics[i], left)
	}
	return figures
}

func newFigure(m *search.Metric, left *budget) figure {
	switch m.Op {
	case "values":
		return &values{of: m}
	case "sum", "avg":
		return &sum{of: m}
	case "min", "max":
		return &extreme{of: m}
	case "cardinality":
		return &cardinality{of: m, seen: make(map[string]struct{}), left: left}
	case "percentile":
		return &percentile{of: m, left: left}
	}
	return &count{of: m}
}

type count struct {
	of *search.Metric
	n  int64
}

func (f *count) add(r *record.Record) {
	if f.of.Field == nil || len(r.Lookup(f.of.Field.Path)) > 0 {
		f.n++
	}
}

func (f *count) held() int { return 0 }

func (f *count) value() record.Value { return record.IntValue(f.n) }

type values struct {
	of *search.Metric
	n  int64
}

func (f *values) add(r *record.Record) { f.n += int64(len(r.Lookup(f.of.Field.Path))) }

func (f *values) held() int { return 0 }

func (f *values) value() record.Value { return record.IntValue(f.n) }

// A sum is exact until it is rounded at the end, so that the order of the records
// does not matter. Its parts do not overlap and add up to it, the least first
// (Shewchuk, Adaptive Precision Floating-Point Arithmetic, 1997).
type sum struct {
	of    *search.Metric
	parts []float64
	n     int64
	wide  *big.Float // the sum, once it has been beyond all numbers
}

func (f *sum) add(r *record.Record) {
	for _, v := range r.Lookup(f.of.Field.Path) {
		f.n++
		f.plus(float(v))
	}
}

func (f *sum) plus(x float64) {
	if f.wide != nil {
		f.wide.Add(f.wide, big.NewFloat(x))
		return
	}
	kept := 0
	for at, y := range f.parts {
		if math.Abs(x) < math.Abs(y) {
			x, y = y, x
		}
		high := x + y
		if math.IsInf(high, 0) {
			f.widen(append(f.parts[:kept:kept], f.parts[at+1:]...), x, y)
			return
		}
		if low := y - (high - x); low != 0 {
			f.parts[kept] = low
			kept++
		}
		x = high
	}
	f.parts = append(f.parts[:kept], x)
}

// widen makes the sum one that nothing is too great for. Doubles span 2098 bits.
func (f *sum) widen(parts []float64, more ...float64) {
	f.wide = new(big.Float).SetPrec(2200)
	for _, x := range append(parts, more...) {
		f.wide.Add(f.wide, big.NewFloat(x))
	}
}

func (f *sum) held() int { return 0 }

func (f *sum) value() record.Value {
	if f.n == 0 {
		return record.Value{}
	}
	if f.wide != nil {
		if f.of.Op == "avg" {
			f.wide.Quo(f.wide, new(big.Float).SetInt64(f.n))
		}
		total, _ := f.wide.Float64()
		return record.FloatValue(total)
	}
	total := f.round()
	if f.of.Op == "avg" {
		total /= float64(f.n)
	}
	return record.FloatValue(total)
}

// round returns the number that is nearest to the sum.
func (f *sum) round() float64 {
	n := len(f.parts) - 1
	if n < 0 {
		return 0
	}
	high, low := f.parts[n], 0.0
	for n > 0 && low == 0 {
		n--
		x := high
		high = x + f.parts[n]
		low = f.parts[n] - (high - x)
	}
	if n > 0 && low != 0 && math.Signbit(low) == math.Signbit(f.parts[n-1]) { // half way, and the rest decides
		if twice := high + 2*low; twice-high == 2*low {
			return twice
		}
	}
	return high
}

type extreme struct {
	of   *search.Metric
	best record.Value
}

func (f *extreme) add(r *record.Record) {
	for _, v := range r.Lookup(f.of.Field.Path) {
		c := v.Compare(f.best)
		if f.best.IsNull() || c < 0 && f.of.Op == "min" || c > 0 && f.of.Op == "max" {
			f.best = plain(v)
		}
	}
}

func (f *extreme) held() int { return 0 }

func (f *extreme) value() record.Value { return f.best }

type cardinality struct {
	of   *search.Metric
	seen map[string]struct{}
	name []byte
	left *budget
}

func (f *cardinality) add(r *record.Record) {
	for _, v := range r.Lookup(f.of.Field.Path) {
		if f.of.Field.FoldCase && v.Kind() == record.String {
			v = lower(v)
		}
		f.name = appendKeys(f.name[:0], []record.Value{v})
		if _, ok := f.seen[string(f.name)]; !ok {
			f.seen[string(f.name)] = struct{}{}
			f.left.left--
		}
	}
}

func (f *cardinality) held() int { return len(f.seen) }

func (f *cardinality) value() record.Value { return record.IntValue(int64(len(f.seen))) }

// A percentile counts how often each value occurs.
type percentile struct {
	of    *search.Metric
	count map[uint64]int64
	kind  record.Kind
	n     int64
	left  *budget
}

func (f *percentile) add(r *record.Record) {
	for _, v := range r.Lookup(f.of.Field.Path) {
		if f.count == nil {
			f.count, f.kind = make(map[uint64]int64), v.Kind()
		}
		b := bits(v)
		if f.count[b] == 0 {
			f.left.left--
		}
		f.count[b]++
		f.n++
	}
}

func (f *percentile) held() int { return len(f.count) }

func (f *percentile) value() record.Value {
	if f.n == 0 {
		return record.Value{}
	}
	values := make([]record.Value, 0, len(f.count))
	for b := range f.count {
		values = append(values, ofBits(f.kind, b))
	}
	slices.SortFunc(values, record.Value.Compare)
	rank := f.of.Rank(f.n)
	for _, v := range values {
		if rank -= f.count[bits(v)]; rank <= 0 {
			return v
		}
	}
	return values[len(values)-1]
}

// ofBits is the inverse of bits, for numbers and instants.
func ofBits(k record.Kind, b uint64) record.Value {
	switch k {
	case record.Int:
		return record.IntValue(int64(b))
	case record.Uint:
		return record.UintValue(b)
	case record.Time:
		return record.TimeValue(timeOf(int64(b)))
	}
	return record.FloatValue(math.Float64frombits(b))
}

func timeOf(millis int64) time.Time { return time.UnixMilli(millis).UTC() }
