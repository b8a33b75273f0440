package exact

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/digit-health/dhr/jql/analyzer"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// MaxBuckets is how many buckets are held at once for one question; an engine may work on several. A question whose answer
// needs more is refused with [search.ErrTooManyBuckets]. Paging through them
// with After and a Limit of less than half of that is never refused.
const MaxBuckets = 1 << 18

// MaxValues is how many different values the cardinalities and percentiles of all buckets
// hold at once. A question that needs more is refused with [search.ErrTooManyBuckets].
const MaxValues = 1 << 24

// Aggregate answers a question from records, read one by one. See [Aggregator]
// for the memory it takes.
func Aggregate(ctx context.Context, a *search.Aggregation, narrowed plan.Node, read Reader) (*search.Table, error) {
	if err := a.Validate(); err != nil {
		return nil, err
	}
	g := NewAggregator(a)
	for r, err := range unordered(ctx, a.Plan, g.Fields(), narrowed, read) {
		if err != nil {
			return nil, err
		}
		if err := g.Add(r); err != nil {
			return nil, err
		}
	}
	return g.Table(), nil
}

// An Aggregator makes the table that answers an aggregation, of the records
// that it is given. It does not ask whether they match.
//
// It takes some 200 bytes for a bucket and 50 for each of its metrics, and at
// most [MaxBuckets] buckets; if the aggregation has a limit and does not ask for the largest,
// at most about twice the limit. A cardinality takes some 50 bytes for each
// different value, and so does a percentile, however often they are met; there are at most [MaxValues] of these.
type Aggregator struct {
	a       *search.Aggregation
	groups  []*grouper
	buckets map[string]*bucket
	total   int64
	left    budget
	// bound, if not nil, are the keys beyond which no bucket can be among the first.
	bound []record.Value
	name  []byte // of a bucket
}

// A bucket is one that has been found.
type bucket struct {
	keys    []record.Value
	count   int64
	figures []figure
}

// NewAggregator returns an aggregator for a, which is valid.
func NewAggregator(a *search.Aggregation) *Aggregator {
	g := &Aggregator{a: a, buckets: make(map[string]*bucket), left: budget{MaxValues}}
	for i := range a.Groups {
		g.groups = append(g.groups, newGrouper(&a.Groups[i]))
	}
	if len(a.Groups) == 0 {
		g.buckets[""] = &bucket{figures: newFigures(a.Metrics, &g.left)}
	}
	return g
}

// Fields returns the fields that records need for the aggregation, each once.
func (g *Aggregator) Fields() []*record.Field {
	var fields []*record.Field
	seen := map[string]bool{}
	add := func(f *record.Field) {
		if f != nil && !seen[f.Path] {
			seen[f.Path] = true
			fields = append(fields, f)
		}
	}
	for i := range g.a.Groups {
		add(g.a.Groups[i].Field)
	}
	for i := range g.a.Metrics {
		add(g.a.Metrics[i].Field)
	}
	return fields
}

// Add counts a record, of which it keeps nothing. The error is
// [search.ErrTooManyBuckets]; the aggregator is of no use then.
func (g *Aggregator) Add(r *record.Record) error {
	g.total++
	switch len(g.groups) {
	case 0:
		g.buckets[""].add(r)
		return g.full()
	case 1:
		for _, k := range g.groups[0].of(r) {
			if err := g.count(r, k); err != nil {
				return err
			}
		}
		return nil
	}
	outer, inner := g.groups[0].of(r), g.groups[1].of(r)
	for _, k := range outer {
		for _, l := range inner {
			if err := g.count(r, k, l); err != nil {
				return err
			}
		}
	}
	return nil
}

// count counts r in the bucket with the given keys.
func (g *Aggregator) count(r *record.Record, keys ...record.Value) error {
	if g.a.After != nil && compareKeys(keys, g.a.After) <= 0 || g.bound != nil && compareKeys(keys, g.bound) > 0 {
		return nil
	}
	g.name = appendKeys(g.name[:0], keys)
	b := g.buckets[string(g.name)]
	if b == nil {
		if err := g.makeRoom(); err != nil {
			return err
		}
		b = &bucket{keys: make([]record.Value, len(keys)), figures: newFigures(g.a.Metrics, &g.left)}
		for i, k := range keys {
			b.keys[i] = k.Clone()
		}
		g.buckets[string(g.name)] = b
	}
	b.add(r)
	return g.full()
}

// full returns an error if the figures hold more different values than they may.
func (g *Aggregator) full() error {
	if g.left.left >= 0 {
		return nil
	}
	return fmt.Errorf("%w: their figures are of more than %d different values", search.ErrTooManyBuckets, MaxValues)
}

// makeRoom sees to it that there may be one bucket more.
func (g *Aggregator) makeRoom() error {
	if g.a.Limit > 0 && !g.a.Largest && g.a.Limit < MaxBuckets/2 {
		if len(g.buckets) >= 2*g.a.Limit+100 {
			g.prune()
		}
		return nil
	}
	if len(g.buckets) >= MaxBuckets {
		return fmt.Errorf("%w: more than %d; ask for them in pages", search.ErrTooManyBuckets, MaxBuckets)
	}
	return nil
}

// prune forgets the buckets that cannot be in the table: all but the first of
// them, and one more, by which the table knows that there are more.
func (g *Aggregator) prune() {
	all := g.sorted()
	g.bound = all[g.a.Limit].keys
	for _, b := range all[g.a.Limit+1:] {
		for _, f := range b.figures {
			g.left.left += f.held()
		}
		delete(g.buckets, string(appendKeys(nil, b.keys)))
	}
}

func (g *Aggregator) sorted() []*bucket {
	all := make([]*bucket, 0, len(g.buckets))
	for _, b := range g.buckets {
		all = append(all, b)
	}
	slices.SortFunc(all, func(a, b *bucket) int {
		if g.a.Largest && a.count != b.count {
			return cmp.Compare(b.count, a.count)
		}
		return compareKeys(a.keys, b.keys)
	})
	return all
}

// Table returns the answer. The aggregator is of no use afterwards.
func (g *Aggregator) Table() *search.Table {
	t := &search.Table{Total: g.total}
	for i, b := range g.sorted() {
		if g.a.Limit > 0 && i >= g.a.Limit {
			t.More = true
			if g.a.Largest {
				t.Others += b.count
			}
			continue
		}
		out := search.Bucket{Keys: b.keys, Count: b.count}
		for _, f := range b.figures {
			out.Values = append(out.Values, f.value())
		}
		t.Buckets = append(t.Buckets, out)
	}
	return t
}

func (b *bucket) add(r *record.Record) {
	b.count++
	for _, f := range b.figures {
		f.add(r)
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

// appendKeys appends to dst what tells the keys of buckets apart.
func appendKeys(dst []byte, keys []record.Value) []byte {
	for _, k := range keys {
		dst = append(dst, byte(k.Kind()))
		switch k.Kind() {
		case record.String, record.Version, record.IP:
			text := k.Text()
			dst = binary.AppendUvarint(dst, uint64(len(text)))
			dst = append(dst, text...)
		default:
			dst = binary.LittleEndian.AppendUint64(dst, bits(k))
		}
	}
	return dst
}

// bits returns what tells values of one kind apart that have no text.
func bits(v record.Value) uint64 {
	switch v.Kind() {
	case record.Bool:
		if v.Bool() {
			return 1
		}
	case record.Int:
		return uint64(v.Int())
	case record.Uint:
		return v.Uint()
	case record.Float:
		return math.Float64bits(v.Float())
	case record.Time:
		return uint64(v.Millis())
	}
	return 0
}

// plain returns v as an engine would return it: with no text of its own where
// another number or instant counts as the same.
func plain(v record.Value) record.Value {
	switch v.Kind() {
	case record.Bool:
		return record.BoolValue(v.Bool())
	case record.Int, record.Uint, record.Float, record.Time:
		return v.WithText("")
	}
	return v
}

// A grouper says into which of a group's buckets records fall.
type grouper struct {
	*search.Group
	calendar *search.Calendar
	keys     []record.Value
	lower    []byte
	// The span of the calendar that was met last, in milliseconds.
	start, end int64
}

func newGrouper(g *search.Group) *grouper {
	out := &grouper{Group: g}
	if g.Calendar != nil {
		out.calendar = g.Calendar.On(g.Field)
	}
	return out
}

// manyValues is how many values of one record are not compared each with each.
const manyValues = 32

// of returns the keys of r, each once, valid until the next call.
func (g *grouper) of(r *record.Record) []record.Value {
	g.keys, g.lower = g.keys[:0], g.lower[:0]
	values := r.Lookup(g.Field.Path)
	if len(values) == 0 && g.Missing {
		return append(g.keys, record.Value{})
	}
	for _, v := range values {
		if g.Prefix != "" && !g.Chooses(v.Text()) {
			continue
		}
		if k := g.key(v); len(values) > manyValues || !slices.ContainsFunc(g.keys, k.Equal) {
			g.keys = append(g.keys, k)
		}
	}
	if len(values) > manyValues {
		slices.SortFunc(g.keys, record.Value.Compare)
		g.keys = slices.CompactFunc(g.keys, record.Value.Equal)
	}
	return g.keys
}

func (g *grouper) key(v record.Value) record.Value {
	switch {
	case g.calendar != nil:
		return g.span(v)
	case g.Width > 0:
		return record.FloatValue(math.Floor(float(v)/g.Width) * g.Width)
	case g.Field.FoldCase && v.Kind() == record.String:
		return lower(v)
	}
	return plain(v)
}

// span returns the beginning of the span that v falls into.
func (g *grouper) span(v record.Value) record.Value {
	if at := v.Millis(); at < g.start || at >= g.end {
		start := g.calendar.Floor(v.Time())
		g.start, g.end = start.UnixMilli(), g.calendar.Next(start).UnixMilli()
	}
	return record.TimeValue(timeOf(g.start))
}

// float returns a number as a float64.
func float(v record.Value) float64 {
	switch v.Kind() {
	case record.Int:
		return float64(v.Int())
	case record.Uint:
		return float64(v.Uint())
	}
	return v.Float()
}

// lower returns a string in lower case.
func lower(v record.Value) record.Value {
	return record.StringValue(string(analyzer.AppendLower(nil, v.Text())))
}
