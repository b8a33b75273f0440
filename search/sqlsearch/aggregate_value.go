package sqlsearch

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/digit-health/dhr/jql/sqlgen"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// An atom is a stored value that can be a key of a map.
type atom struct {
	kind byte // 0 for NULL
	bits uint64
	text string
}

func atomOf(x any) (atom, error) {
	switch x := x.(type) {
	case nil:
		return atom{}, nil
	case int64:
		return atom{kind: 'i', bits: uint64(x)}, nil
	case float64:
		return atom{kind: 'f', bits: math.Float64bits(x + 0)}, nil // -0 is 0
	case string:
		return atom{kind: 's', text: x}, nil
	case []byte:
		return atom{kind: 'b', text: string(x)}, nil
	}
	return atom{}, fmt.Errorf("%w: a %T in a column", search.ErrCorrupt, x)
}

// value returns what a stands for in a column of values of a kind.
func (a atom) value(k record.Kind) record.Value {
	switch {
	case a.kind == 0:
		return record.Value{}
	case k == record.Bool:
		return record.BoolValue(a.bits != 0)
	case k == record.Int:
		return record.IntValue(int64(a.bits))
	case k == record.Uint:
		return record.UintValue(a.bits ^ 1<<63)
	case k == record.Time:
		return record.TimeValue(time.UnixMilli(int64(a.bits)).UTC())
	case k == record.Float && a.kind == 'i': // SQLite may have made a whole number of it
		return record.FloatValue(float64(int64(a.bits)))
	case k == record.Float:
		return record.FloatValue(math.Float64frombits(a.bits))
	case k == record.IP:
		addr, _ := netip.AddrFromSlice([]byte(a.text))
		return record.IPValue(addr.Unmap())
	case k == record.Version:
		return record.VersionValue(sqlgen.VersionText([]byte(a.text)))
	}
	return record.StringValue(a.text)
}

// A figure is a metric of a bucket in the making.
type figure struct {
	n    int64   // values, or records that have one; different values of a cardinality
	sum  float64 // of the values
	lost float64 // what rounding has taken from sum
	best record.Value
	// seen are the values of a cardinality or a percentile, and how often each occurs.
	seen map[atom]int64
	// distinct are, instead of seen, the values of a cardinality by their numbers in a vector.
	distinct vectorSet
}

// merge adds the figures of one row of a statement of counts, and returns those behind them.
func (f *figure) merge(m *measured, row []any) ([]any, error) {
	switch m.Op {
	case "sum", "avg":
		n, _ := row[0].(int64)
		f.n += n
		switch x := row[1].(type) {
		case float64:
			f.plus(x)
		case int64:
			f.plus(float64(x))
		}
		return row[2:], nil
	case "min", "max":
		a, err := atomOf(row[0])
		if err != nil {
			return nil, err
		}
		f.extreme(m.Op, a.value(m.Field.Kind))
	default:
		n, _ := row[0].(int64)
		f.n += n
	}
	return row[1:], nil
}

// add adds a value that occurs n times.
func (f *figure) add(m *measured, a atom, n int64) {
	switch m.Op {
	case "values":
		f.n += n
	case "sum", "avg":
		f.n += n
		f.plus(number(a.value(m.Field.Kind)) * float64(n))
	case "min", "max":
		f.extreme(m.Op, a.value(m.Field.Kind))
	default:
		if f.seen == nil {
			f.seen = map[atom]int64{}
		}
		f.seen[a] += n
	}
}

// plus adds x with Neumaier's compensation.
func (f *figure) plus(x float64) {
	t := f.sum + x
	if math.Abs(f.sum) >= math.Abs(x) {
		f.lost += (f.sum - t) + x
	} else {
		f.lost += (x - t) + f.sum
	}
	f.sum = t
}

func (f *figure) extreme(op string, v record.Value) {
	if v.IsNull() {
		return
	}
	c := v.Compare(f.best)
	if f.best.IsNull() || op == "min" && c < 0 || op == "max" && c > 0 {
		f.best = v
	}
}

// value returns the metric.
func (f *figure) value(m *measured) record.Value {
	switch m.Op {
	case "sum", "avg":
		if f.n == 0 {
			return record.Value{}
		}
		sum := f.sum + f.lost
		if math.IsNaN(sum) {
			sum = f.sum
		}
		if m.Op == "avg" {
			sum /= float64(f.n)
		}
		return record.FloatValue(sum)
	case "min", "max":
		return f.best
	case "percentile":
		return f.percentile(m)
	case "cardinality":
		switch {
		case f.distinct != nil:
			return record.IntValue(int64(f.distinct.count()))
		case m.apart:
			return record.IntValue(int64(len(f.seen)))
		}
	}
	return record.IntValue(f.n)
}

func (f *figure) percentile(m *measured) record.Value {
	type occurring struct {
		v record.Value
		n int64
	}
	var all []occurring
	total := int64(0)
	for a, n := range f.seen {
		all = append(all, occurring{a.value(m.Field.Kind), n})
		total += n
	}
	if total == 0 {
		return record.Value{}
	}
	slices.SortFunc(all, func(x, y occurring) int { return x.v.Compare(y.v) })
	rank := m.Rank(total)
	for _, o := range all {
		if rank -= o.n; rank <= 0 {
			return o.v
		}
	}
	return all[len(all)-1].v
}

// number returns a number as a float64.
func number(v record.Value) float64 {
	switch v.Kind() {
	case record.Int:
		return float64(v.Int())
	case record.Uint:
		return float64(v.Uint())
	}
	return v.Float()
}
