package eval

import (
	"cmp"
	"math"
	"strings"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// An Order compares records. It is safe for concurrent use.
type Order struct{ keys []key }

type key struct {
	column int
	desc   bool
	order  func(v, w record.Value) int
}

// CompileOrder returns the order of p for records of a projection. The error
// names a field that the order needs and the projection lacks.
func CompileOrder(p *plan.Plan, projection *record.Projection) (*Order, error) {
	o := &Order{}
	for _, s := range p.Order {
		if s.Field == nil { // all records are alike in what none of them has
			o.keys = append(o.keys, key{column: noColumn})
			continue
		}
		column, meta := metaColumn(s.Field)
		if !meta {
			var err error
			if column, err = columnOf(s.Field, projection); err != nil {
				return nil, err
			}
		}
		o.keys = append(o.keys, key{column, s.Desc, comparison(s.Field)})
	}
	return o, nil
}

// Compare returns -1, 0 or +1 as a stands before, beside or after b. Only a
// record stands beside itself, as long as the last key of the plan is unique.
// Both records must be of the projection that o was compiled for.
func (o *Order) Compare(a, b *record.Record) int {
	for i := range o.keys {
		if c := o.keys[i].compare(a, b); c != 0 {
			return c
		}
	}
	return 0
}

func (k *key) compare(a, b *record.Record) int {
	c := 0
	switch k.column {
	case idColumn:
		c = strings.Compare(a.ID, b.ID)
	case indexColumn:
		c = strings.Compare(a.Index, b.Index)
	case noColumn:
		return 0
	default:
		v, w := a.Values(k.column), b.Values(k.column)
		if len(v) == 0 || len(w) == 0 { // missing comes last both ways
			return bit(len(v) == 0) - bit(len(w) == 0)
		}
		c = k.order(k.first(v), k.first(w))
	}
	if k.desc {
		return -c
	}
	return c
}

// first returns the value that counts: the least, or the greatest when descending.
func (k *key) first(values []record.Value) record.Value {
	best := values[0]
	for _, v := range values[1:] {
		if c := k.order(v, best); c < 0 && !k.desc || c > 0 && k.desc {
			best = v
		}
	}
	return best
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Keys appends to dst what a record is ordered by: for each key of the plan the
// value that counts, or Null, and returns it. The values are valid as long as r is.
func (o *Order) Keys(dst []record.Value, r *record.Record) []record.Value {
	for i := range o.keys {
		dst = append(dst, o.keys[i].value(r))
	}
	return dst
}

func (k *key) value(r *record.Record) record.Value {
	switch k.column {
	case idColumn:
		return record.StringValue(r.ID)
	case indexColumn:
		return record.StringValue(r.Index)
	case noColumn:
		return record.Value{}
	}
	if vv := r.Values(k.column); len(vv) > 0 {
		return k.first(vv)
	}
	return record.Value{}
}

// CompareKeys compares two records, perhaps of different indexes, by their
// keys: it returns -1, 0 or +1 as a stands before, beside or after b in the order.
func CompareKeys(order []plan.Sort, a, b []record.Value) int {
	for i, s := range order {
		if a[i].IsNull() || b[i].IsNull() { // missing comes last both ways
			if c := bit(a[i].IsNull()) - bit(b[i].IsNull()); c != 0 {
				return c
			}
			continue
		}
		compare := CompareValues
		if s.Field != nil && a[i].Kind() == b[i].Kind() {
			compare = comparison(s.Field)
		}
		if c := compare(a[i], b[i]); c != 0 {
			if s.Desc {
				return -c
			}
			return c
		}
	}
	return 0
}

// CompareValues compares two values, perhaps of fields of different indexes: numbers by what they
// are, exactly, whatever their kinds, and others as [record.Value.Compare] does.
func CompareValues(v, w record.Value) int {
	a, b := v.Kind(), w.Kind()
	switch {
	case a == b || !isNumber(a) || !isNumber(b):
		return v.Compare(w)
	case a == record.Float:
		return -compareToFloat(w, v.Float())
	case b == record.Float:
		return compareToFloat(v, w.Float())
	case a == record.Int: // and b is Uint
		if v.Int() < 0 {
			return -1
		}
		return cmp.Compare(uint64(v.Int()), w.Uint())
	}
	return -CompareValues(w, v)
}

func isNumber(k record.Kind) bool { return k == record.Int || k == record.Uint || k == record.Float }

// compareToFloat compares a whole number to f, which float64 alone could not do exactly.
func compareToFloat(v record.Value, f float64) int {
	switch {
	case f < -1<<63:
		return 1
	case f >= 1<<64:
		return -1
	}
	floor := math.Floor(f)
	var whole record.Value
	if floor >= 1<<63 {
		whole = record.UintValue(uint64(floor))
	} else {
		whole = record.IntValue(int64(floor))
	}
	if c := CompareValues(v, whole); c != 0 || floor == f {
		return c
	}
	return -1
}
