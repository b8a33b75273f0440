package searchtest

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"

	"github.com/digit-health/dhr/jql/analyzer"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// tabulate answers an aggregation of the records that match, as the comments of
// package search say it and in no clever way. It shares no code with package exact.
func tabulate(a *search.Aggregation, records []*record.Record) *search.Table {
	t := &search.Table{Total: int64(len(records))}
	var all []*heap
	byKeys := map[string]*heap{}
	for _, r := range records {
		for _, keys := range keysOf(a.Groups, r) {
			name := fmt.Sprint(keys)
			if byKeys[name] == nil {
				byKeys[name] = &heap{keys: keys}
				all = append(all, byKeys[name])
			}
			byKeys[name].records = append(byKeys[name].records, r)
		}
	}
	if len(a.Groups) == 0 && len(all) == 0 {
		all = append(all, &heap{})
	}
	slices.SortFunc(all, func(x, y *heap) int {
		if a.Largest && len(x.records) != len(y.records) {
			return cmp.Compare(len(y.records), len(x.records))
		}
		return compareKeys(x.keys, y.keys)
	})
	for _, h := range all {
		switch {
		case a.After != nil && compareKeys(h.keys, a.After) <= 0:
		case a.Limit > 0 && len(t.Buckets) == a.Limit:
			t.More = true
			if a.Largest {
				t.Others += int64(len(h.records))
			}
		default:
			t.Buckets = append(t.Buckets, h.bucket(a.Metrics))
		}
	}
	return t
}

// A heap is the records of one bucket.
type heap struct {
	keys    []record.Value
	records []*record.Record
}

func compareKeys(a, b []record.Value) int {
	for i := range a {
		switch {
		case a[i].IsNull() && b[i].IsNull():
		case a[i].IsNull():
			return 1
		case b[i].IsNull():
			return -1
		default:
			if c := a[i].Compare(b[i]); c != 0 {
				return c
			}
		}
	}
	return 0
}

// keysOf returns the keys of the buckets that hold r, each once.
func keysOf(groups []search.Group, r *record.Record) [][]record.Value {
	all := [][]record.Value{{}}
	for i := range groups {
		var longer [][]record.Value
		for _, keys := range all {
			for _, k := range groupKeys(&groups[i], r) {
				longer = append(longer, append(slices.Clone(keys), k))
			}
		}
		all = longer
	}
	return all
}

func groupKeys(g *search.Group, r *record.Record) (keys []record.Value) {
	values := valuesOf(r, g.Field)
	if len(values) == 0 && g.Missing {
		return []record.Value{{}}
	}
	for _, v := range values {
		if !g.Chooses(v.Text()) {
			continue
		}
		k := v
		switch {
		case g.Calendar != nil:
			k = record.TimeValue(g.Calendar.On(g.Field).Floor(v.Time()))
		case g.Width != 0:
			k = record.FloatValue(math.Floor(asFloat(v)/g.Width) * g.Width)
		case g.Field.FoldCase:
			k = record.StringValue(string(analyzer.AppendLower(nil, v.Text())))
		}
		if !slices.ContainsFunc(keys, k.Equal) {
			keys = append(keys, k)
		}
	}
	return keys
}

// valuesOf returns the values that a record has in a field.
func valuesOf(r *record.Record, f *record.Field) []record.Value {
	switch f.Path {
	case "_id":
		return []record.Value{record.StringValue(r.ID)}
	case "_index":
		return []record.Value{record.StringValue(r.Index)}
	}
	return r.Lookup(f.Path)
}

func asFloat(v record.Value) float64 {
	switch v.Kind() {
	case record.Int:
		return float64(v.Int())
	case record.Uint:
		return float64(v.Uint())
	}
	return v.Float()
}

func (h *heap) bucket(metrics []search.Metric) search.Bucket {
	b := search.Bucket{Keys: h.keys, Count: int64(len(h.records))}
	for i := range metrics {
		b.Values = append(b.Values, h.measure(&metrics[i]))
	}
	return b
}

// measure returns a metric.
func (h *heap) measure(m *search.Metric) record.Value {
	if m.Field == nil {
		return record.IntValue(int64(len(h.records)))
	}
	var all []record.Value
	having := int64(0)
	for _, r := range h.records {
		values := valuesOf(r, m.Field)
		all = append(all, values...)
		if len(values) > 0 {
			having++
		}
	}
	switch {
	case m.Op == "count":
		return record.IntValue(having)
	case m.Op == "values":
		return record.IntValue(int64(len(all)))
	case m.Op == "cardinality":
		return record.IntValue(distinct(m.Field, all))
	case len(all) == 0:
		return record.Value{}
	}
	slices.SortFunc(all, record.Value.Compare)
	switch m.Op {
	case "min":
		return all[0]
	case "max":
		return all[len(all)-1]
	case "percentile":
		return nearestRank(all, m.Percent)
	}
	sum := new(big.Float).SetPrec(2200)
	for _, v := range all {
		sum.Add(sum, big.NewFloat(asFloat(v)))
	}
	if m.Op == "avg" {
		sum.Quo(sum, big.NewFloat(float64(len(all))))
	}
	f, _ := sum.Float64()
	return record.FloatValue(f)
}

func distinct(f *record.Field, values []record.Value) int64 {
	seen := map[string]bool{}
	for _, v := range values {
		if f.FoldCase {
			v = record.StringValue(string(analyzer.AppendLower(nil, v.Text())))
		}
		seen[v.String()] = true
	}
	return int64(len(seen))
}

// nearestRank returns the least of the values, which are in order, that at least percent of
// them do not exceed.
func nearestRank(values []record.Value, percent float64) record.Value {
	want, _ := new(big.Rat).SetString(strconv.FormatFloat(percent, 'f', -1, 64))
	want.Mul(want, big.NewRat(int64(len(values)), 100))
	for i, v := range values {
		if new(big.Rat).SetInt64(int64(i+1)).Cmp(want) >= 0 {
			return v
		}
	}
	return values[len(values)-1]
}

// slack is how far a sum or an average may be from the true one, since
// engines round as they add: a billionth of what was added.
func (h *heap) slack(m *search.Metric) float64 {
	total, n := 0.0, 0.0
	for _, r := range h.records {
		for _, v := range valuesOf(r, m.Field) {
			total += math.Abs(asFloat(v))
			n++
		}
	}
	if m.Op == "avg" && n > 0 {
		total /= n
	}
	return total * 1e-9
}
