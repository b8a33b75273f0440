package exact

import (
	"math"
	"slices"
	"time"

	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// A figure is a metric of a bucket in the making.
type figure interface {
	add(r *record.Record)
	value() record.Value
}

func newFigures(metrics []search.Metric) []figure {
	if len(metrics) == 0 {
		return nil
	}
	figures := make([]figure, len(metrics))
	for i := range metrics {
		figures[i] = newFigure(&metrics[i])
	}
	return figures
}

func newFigure(m *search.Metric) figure {
	switch m.Op {
	case "sum", "avg":
		return &sum{of: m}
	case "min", "max":
		return &extreme{of: m}
	case "cardinality":
		return &cardinality{of: m, seen: make(map[string]struct{})}
	case "percentile":
		return &percentile{of: m}
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

func (f *count) value() record.Value { return record.IntValue(f.n) }

// A sum adds up with Neumaier's compensation: lost holds what the rounding of
// total has lost.
type sum struct {
	of          *search.Metric
	total, lost float64
	n           int64
}

func (f *sum) add(r *record.Record) {
	for _, v := range r.Lookup(f.of.Field.Path) {
		f.n++
		x := float(v)
		t := f.total + x
		if math.Abs(f.total) >= math.Abs(x) {
			f.lost += (f.total - t) + x
		} else {
			f.lost += (x - t) + f.total
		}
		f.total = t
	}
}

func (f *sum) value() record.Value {
	if f.n == 0 {
		return record.Value{}
	}
	total := f.total + f.lost
	if math.IsNaN(total) { // what infinity has lost is no number
		total = f.total
	}
	if f.of.Op == "avg" {
		total /= float64(f.n)
	}
	return record.FloatValue(total)
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

func (f *extreme) value() record.Value { return f.best }

type cardinality struct {
	of   *search.Metric
	seen map[string]struct{}
	name []byte
}

func (f *cardinality) add(r *record.Record) {
	for _, v := range r.Lookup(f.of.Field.Path) {
		if f.of.Field.FoldCase && v.Kind() == record.String {
			v = lower(v)
		}
		f.name = appendKeys(f.name[:0], []record.Value{v})
		if _, ok := f.seen[string(f.name)]; !ok {
			f.seen[string(f.name)] = struct{}{}
		}
	}
}

func (f *cardinality) value() record.Value { return record.IntValue(int64(len(f.seen))) }

// A percentile counts how often each value occurs.
type percentile struct {
	of    *search.Metric
	count map[uint64]int64
	kind  record.Kind
	n     int64
}

func (f *percentile) add(r *record.Record) {
	for _, v := range r.Lookup(f.of.Field.Path) {
		if f.count == nil {
			f.count, f.kind = make(map[uint64]int64), v.Kind()
		}
		f.count[bits(v)]++
		f.n++
	}
}

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
