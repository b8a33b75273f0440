package essearch

import (
	"cmp"
	"encoding/json"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

const dayMillis = 24 * 60 * 60 * 1000

// farthest is how many milliseconds from 1970 a date may be for its calendar to be reckoned with.
const farthest = 8_640_000_000_000_000

// readDays takes in the days of the answer and works out the spans of the
// calendars in them. It returns false if there are too many.
func (k *asked) readDays(a *answer) bool {
	for i := range k.Groups {
		g := &k.Groups[i]
		if g.Calendar == nil {
			continue
		}
		days, ok := daysOf(a, i, g)
		if !ok {
			return false
		}
		k.days[i] = days
		if k.spans[i], ok = spansOf(g, days); !ok {
			return false
		}
	}
	return true
}

// daysOf returns the days of the ith group, in order.
func daysOf(a *answer, i int, g *search.Group) ([]int64, bool) {
	node := inside(child(a.Aggregations, dayName(i)), g.Field)
	buckets, ok := node["buckets"].([]any)
	if !ok {
		return nil, false
	}
	days := make([]int64, 0, len(buckets))
	for _, b := range buckets {
		bucket, _ := b.(object)
		day, ok := number(bucket["key"])
		if !ok || day < -farthest || day > farthest {
			return nil, false
		}
		days = append(days, day)
	}
	slices.Sort(days)
	return days, true
}

// spansOf returns the spans that lie in days.
func spansOf(g *search.Group, days []int64) ([]span64, bool) {
	calendar := g.Calendar.On(g.Field)
	var spans []span64
	next := int64(math.MinInt64)
	for _, day := range days {
		if day+dayMillis <= next {
			continue
		}
		start := calendar.Floor(time.UnixMilli(max(day, next)).UTC())
		for start.UnixMilli() < day+dayMillis {
			end := calendar.Next(start)
			if len(spans) == mostSpans || !end.After(start) {
				return nil, false
			}
			spans = append(spans, span64{start.UnixMilli(), end.UnixMilli()})
			start = end
		}
		next = start.UnixMilli()
	}
	return spans, len(spans) > 0 || len(days) == 0
}

// inside returns what is said of f inside of its nested object.
func inside(node object, f *record.Field) object {
	if f.Nested != "" {
		return child(node, "n")
	}
	return node
}

// A tableReader collects the buckets of an answer.
type tableReader struct {
	k       *asked
	keys    []record.Value
	buckets []search.Bucket
	exact   bool // as far as was read
	wide    bool // the first group has more values than were asked for
	// uncounted are the cardinalities of all records that are beyond what was asked for.
	uncounted []int
}

func newTableReader(k *asked) *tableReader { return &tableReader{k: k, exact: true} }

// table reads the table from an answer. It is nil if the answer is not exact.
func (r *tableReader) table(a *answer) *search.Table {
	if !r.add(a) {
		return nil
	}
	t := &search.Table{Total: a.Hits.Total.Value}
	r.arrange(t)
	return t
}

// add reads the buckets of an answer. It returns false if they are not exact.
func (r *tableReader) add(a *answer) bool {
	k := r.k
	for i := range k.Groups {
		if zeros, asked := number(child(a.Aggregations, zeroName(i))["doc_count"]); asked && zeros > 0 {
			return false
		}
		if k.Groups[i].Calendar == nil {
			continue
		}
		if days, ok := daysOf(a, i, &k.Groups[i]); !ok || !slices.Equal(days, k.days[i]) {
			return false // records came or went in between
		}
	}
	r.level(0, a.Aggregations, a.Hits.Total.Value)
	return r.exact
}

// level reads the aggregations of count records from the ith group on.
func (r *tableReader) level(i int, node object, count int64) {
	if i == len(r.k.Groups) {
		if count > 0 || i == 0 {
			r.bucket(node, count)
		}
		return
	}
	g := &r.k.Groups[i]
	values := inside(child(node, "v"), g.Field)
	list, ok := values["buckets"].([]any)
	if others, counted := number(values["sum_other_doc_count"]); !ok || counted && others != 0 {
		r.exact, r.wide = false, ok && i == 0
		return
	}
	from := len(r.buckets)
	for _, one := range list {
		b, _ := one.(object)
		n, ok := number(b["doc_count"])
		key, fits := r.key(g, b)
		if !ok || !fits {
			r.exact = false
			return
		}
		if n == 0 || g.Prefix != "" && !g.Chooses(key.Text()) {
			continue
		}
		if g.Field.Nested != "" {
			b = child(b, "r")
			if n, ok = number(b["doc_count"]); !ok {
				r.exact = false
				return
			}
		}
		r.keys = append(r.keys, key)
		r.level(i+1, b, n)
		r.keys = r.keys[:len(r.keys)-1]
	}
	r.distinct(i, from)
	if missing := child(node, "m"); g.Missing && !r.k.later(i) {
		n, ok := number(missing["doc_count"])
		r.exact = r.exact && ok
		if n > 0 {
			r.keys = append(r.keys, record.Value{})
			r.level(i+1, missing, n)
			r.keys = r.keys[:len(r.keys)-1]
		}
	}
}

// distinct holds that no two of the buckets from a place on have the same keys, as those of 0 and
// of negative zero would.
func (r *tableReader) distinct(i, from int) {
	if r.k.Groups[i].KeyKind() != record.Float {
		return
	}
	list := slices.Clone(r.buckets[from:])
	slices.SortFunc(list, func(a, b search.Bucket) int { return compareKeys(a.Keys, b.Keys) })
	for j := 1; j < len(list); j++ {
		if compareKeys(list[j-1].Keys, list[j].Keys) == 0 {
			r.exact = false
		}
	}
}

// bucket adds a bucket with the present keys.
func (r *tableReader) bucket(node object, count int64) {
	b := search.Bucket{Keys: slices.Clone(r.keys), Count: count}
	for i := range r.k.Metrics {
		v, ok := r.metric(i, node, count)
		r.exact = r.exact && ok
		b.Values = append(b.Values, v)
	}
	r.buckets = append(r.buckets, b)
}

// key reads the key of a bucket of g.
func (r *tableReader) key(g *search.Group, b object) (record.Value, bool) {
	switch {
	case g.Calendar != nil:
		from, ok := float(b["from"])
		return record.TimeValue(time.UnixMilli(int64(from))), ok
	case g.Width > 0:
		x, ok := float(b["key"])
		return record.FloatValue(x), ok
	}
	return valueOf(g.Field, b["key"])
}

func float(v any) (float64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	x, err := strconv.ParseFloat(string(n), 64)
	return x, err == nil
}

// valueOf returns what the engine's key is in f.
func valueOf(f *record.Field, key any) (record.Value, bool) {
	text, _ := key.(string)
	switch f.Kind {
	case record.String:
		_, ok := key.(string)
		return record.StringValue(text), ok
	case record.IP:
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return record.Value{}, false
		}
		return record.IPValue(addr), true
	case record.Bool:
		if b, ok := key.(bool); ok {
			return record.BoolValue(b), true
		}
		n, ok := number(key)
		return record.BoolValue(n == 1), ok
	case record.Int:
		n, ok := number(key)
		return record.IntValue(n), ok
	case record.Time:
		n, ok := number(key)
		return record.TimeValue(time.UnixMilli(n)), ok
	case record.Float:
		x, ok := float(key)
		return record.FloatValue(unscaled(f, x)), ok && fine(f, x)
	}
	return record.Value{}, false
}

// unscaled returns what a number that the engine made of a scaled_float is to DHR.
func unscaled(f *record.Field, x float64) float64 {
	if f.Type == "scaled_float" {
		return math.Round(x*f.Scale) / f.Scale
	}
	return x
}

// fine reports whether the engine's arithmetic tells the values of f apart at x.
func fine(f *record.Field, x float64) bool {
	return f.Type != "scaled_float" || math.Abs(x*f.Scale) < 1<<50
}

// metric reads the ith metric of a bucket with count records.
func (r *tableReader) metric(i int, node object, count int64) (record.Value, bool) {
	m := &r.k.Metrics[i]
	if m.Field == nil {
		return record.IntValue(count), true
	}
	name := r.k.metricName(i)
	figures := child(node, name)
	if m.Op == "count" {
		n, ok := number(figures["doc_count"])
		return record.IntValue(n), ok
	}
	figures = inside(figures, m.Field)
	switch m.Op {
	case "cardinality":
		if others, counted := number(figures["sum_other_doc_count"]); counted && others > 0 && len(r.k.Groups) == 0 && m.Field.Kind != record.Float {
			r.uncounted = append(r.uncounted, i)
			return record.IntValue(0), true
		}
		values, ok := distinctValues(m.Field, figures)
		return record.IntValue(int64(len(values))), ok
	case "percentile":
		n, ok := number(inside(child(node, "c"+name), m.Field)["value"])
		if !ok {
			return record.Value{}, false
		}
		return percentile(m, figures, n)
	}
	return stat(m, figures)
}

// A counted is a value and how many records, or objects in them, have it.
type counted struct {
	value record.Value
	count int64
}

// distinctValues returns the values of f in their order, if they are all there.
func distinctValues(f *record.Field, node object) ([]counted, bool) {
	list, ok := node["buckets"].([]any)
	if others, counted := number(node["sum_other_doc_count"]); !ok || !counted || others != 0 {
		return nil, false
	}
	values := make([]counted, 0, len(list))
	for _, one := range list {
		b, _ := one.(object)
		v, ok := valueOf(f, b["key"])
		n, known := number(b["doc_count"])
		if !ok || !known {
			return nil, false
		}
		values = append(values, counted{v, n})
	}
	slices.SortFunc(values, func(a, b counted) int { return a.value.Compare(b.value) })
	merged := values[:0]
	for _, v := range values {
		if k := len(merged) - 1; k >= 0 && merged[k].value.Equal(v.value) {
			merged[k].count += v.count
			continue
		}
		merged = append(merged, v)
	}
	return merged, true
}

// percentile finds the value of a rank. If the counts of the values do not add up to
// count, some record has one of them more than once, and the engine does not say which.
func percentile(m *search.Metric, node object, count int64) (record.Value, bool) {
	values, ok := distinctValues(m.Field, node)
	sum := int64(0)
	for _, v := range values {
		sum += v.count
	}
	if !ok || sum != count {
		return record.Value{}, false
	}
	if count == 0 {
		return record.Value{}, true
	}
	rank := m.Rank(count)
	for _, v := range values {
		if rank -= v.count; rank <= 0 {
			return v.value, true
		}
	}
	return record.Value{}, false
}

// stat reads sum, avg, min or max from the engine's figures.
func stat(m *search.Metric, node object) (record.Value, bool) {
	n, ok := number(node["count"])
	if !ok {
		return record.Value{}, false
	}
	switch {
	case m.Op == "values":
		return record.IntValue(n), true
	case n == 0:
		return record.Value{}, true
	}
	x, ok := float(node[m.Op])
	if !ok || math.IsInf(x, 0) {
		return record.Value{}, false
	}
	if m.Op == "sum" || m.Op == "avg" {
		return record.FloatValue(x), true
	}
	const whole = 1 << 53
	switch m.Field.Kind {
	case record.Float:
		return record.FloatValue(unscaled(m.Field, x)), fine(m.Field, x)
	case record.Int:
		return record.IntValue(int64(x)), math.Abs(x) < whole
	case record.Time:
		return record.TimeValue(time.UnixMilli(int64(x))), math.Abs(x) < whole
	}
	return record.Value{}, false
}

// arrange puts the buckets into their order and those that are asked for into t.
func (r *tableReader) arrange(t *search.Table) {
	k := r.k
	slices.SortFunc(r.buckets, func(a, b search.Bucket) int {
		if k.Largest && a.Count != b.Count {
			return cmp.Compare(b.Count, a.Count)
		}
		return compareKeys(a.Keys, b.Keys)
	})
	for i := range r.buckets {
		b := &r.buckets[i]
		switch {
		case k.After != nil && compareKeys(b.Keys, k.After) <= 0:
		case k.Limit > 0 && len(t.Buckets) == k.Limit:
			t.More = true
			if k.Largest {
				t.Others += b.Count
			}
		default:
			t.Buckets = append(t.Buckets, *b)
		}
	}
}

// compareKeys compares the keys of two buckets: ascending, Null last.
func compareKeys(a, b []record.Value) int {
	for i := range a {
		c := a[i].Compare(b[i])
		if a[i].IsNull() != b[i].IsNull() {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return 0
}
