package essearch

import (
	"strconv"

	"github.com/digit-health/dhr/jql/esdsl"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// How many buckets the engine is asked for. An answer that has not all of them is not used.
const (
	onlyBuckets = 20_000 // of a question without anything below
	outerPart   = 4      // what part of that if there are more below
	innerPart   = 20
	mostSpans   = 10_000
)

// native reports whether the engine can answer exactly, as far as can be said beforehand.
func (k *asked) native() bool {
	c := k.q.c
	for i := range k.Groups {
		g := &k.Groups[i]
		switch {
		case c.GroupPath(g.Field) == "":
			return false
		case g.Missing && !c.Can(plan.Missing{Field: g.Field}):
			return false
		case g.Width > 0 && g.Field.Kind == record.Float && c.NegativeZeros(g.Field) == nil:
			return false
		}
	}
	for i := range k.Metrics {
		m := &k.Metrics[i]
		switch {
		case m.Field == nil:
		case m.Op == "count" && !c.Can(plan.Exists{Field: m.Field}):
			return false
		case m.Op != "count" && c.GroupPath(m.Field) == "":
			return false
		}
	}
	return true
}

func (k *asked) calendars() bool {
	for i := range k.Groups {
		if k.Groups[i].Calendar != nil {
			return true
		}
	}
	return false
}

// A bodyWriter writes the aggregations of one question.
//
// Buckets are nested in each other as the groups are: "v" holds the values of a
// group and "m" the records without any. What lies in a nested object is entered by
// "n" and left by "r", so that records are counted and not the objects.
type bodyWriter struct {
	k *asked
	b []byte
}

// body returns the search that answers the question.
func (k *asked) body() []byte {
	w := &bodyWriter{k: k, b: k.head()}
	w.level(0)
	return append(w.b, '}')
}

// head begins a search without hits.
func (k *asked) head() []byte {
	b := append(make([]byte, 0, 1024), `{"size":0,"track_total_hits":true,"query":`...)
	return append(b, k.q.query...)
}

func (w *bodyWriter) text(s string) { w.b = append(w.b, s...) }

func (w *bodyWriter) string(s string) { w.b = esdsl.AppendString(w.b, s) }

func (w *bodyWriter) int(n int64) { w.b = strconv.AppendInt(w.b, n, 10) }

// level writes the aggregations of records from the ith group on. The outermost
// level also has the days of the calendars, to see whether they are still the same.
func (w *bodyWriter) level(i int) {
	var l aggList
	if i == 0 {
		w.days(&l)
		w.zeros(&l)
	}
	if i == len(w.k.Groups) {
		w.metrics(&l)
		w.endAggs(&l)
		return
	}
	g := &w.k.Groups[i]
	w.agg(&l, "v")
	w.enter(g.Field)
	w.values(i)
	if g.Field.Nested != "" {
		w.text(`,"aggs":{"r":{"reverse_nested":{}`)
		w.level(i + 1)
		w.text(`}}`)
	} else {
		w.level(i + 1)
	}
	w.text(`}`)
	w.leave(g.Field)
	if g.Missing && !w.k.later(i) {
		w.agg(&l, "m")
		w.text(`{"filter":`)
		w.query(plan.Missing{Field: g.Field})
		w.level(i + 1)
		w.text(`}`)
	}
	w.endAggs(&l)
}

// An aggList is an "aggs" member that is begun by its first aggregation.
type aggList struct{ any bool }

func (w *bodyWriter) agg(l *aggList, name string) {
	if l.any {
		w.text(`,`)
	} else {
		w.text(`,"aggs":{`)
	}
	l.any = true
	w.string(name)
	w.text(`:`)
}

func (w *bodyWriter) endAggs(l *aggList) {
	if l.any {
		w.text(`}`)
	}
}

// enter begins an aggregation of f inside of its nested object; leave ends it.
func (w *bodyWriter) enter(f *record.Field) {
	if f.Nested != "" {
		w.text(`{"nested":{"path":`)
		w.string(f.Nested)
		w.text(`},"aggs":{"n":`)
	}
}

func (w *bodyWriter) leave(f *record.Field) {
	if f.Nested != "" {
		w.text(`}}`)
	}
}

func (w *bodyWriter) query(n plan.Node) {
	query, err := w.k.q.c.Query(n)
	if err != nil { // native has asked
		query = []byte(`{"match_none":{}}`)
	}
	w.b = append(w.b, query...)
}

// values begins the aggregation that tells the values of a group apart.
func (w *bodyWriter) values(i int) {
	g := &w.k.Groups[i]
	path := w.k.q.c.GroupPath(g.Field)
	switch {
	case g.Calendar != nil:
		w.text(`{"date_range":{"format":"epoch_millis","field":`)
		w.string(path)
		w.text(`,"ranges":[`)
		for j, s := range w.k.spans[i] {
			if j > 0 {
				w.text(`,`)
			}
			w.text(`{"from":`)
			w.int(s.from)
			w.text(`,"to":`)
			w.int(s.to)
			w.text(`}`)
		}
		w.text(`]}`)
	case g.Width > 0:
		w.text(`{"histogram":{"min_doc_count":1,"interval":`)
		w.b = strconv.AppendFloat(w.b, g.Width, 'g', -1, 64)
		w.text(`,"field":`)
		w.string(path)
		w.text(`}`)
	default:
		w.text(`{"terms":{"size":`)
		w.int(w.k.size(i))
		if i == 0 && w.k.of > 0 {
			w.text(`,"include":{"partition":`)
			w.int(w.k.part)
			w.text(`,"num_partitions":`)
			w.int(w.k.of)
			w.text(`}`)
		}
		if g.Prefix != "" {
			// OpenSearch 2 fails where no value fits: its values are chosen when they are read.
			old := w.k.q.product.openSearch && w.k.q.product.major < 3
			if pattern := esdsl.PrefixPattern(g.Prefix); pattern != "" && !old {
				w.text(`,"include":`)
				w.string(pattern)
			}
		}
		w.text(`,"field":`)
		w.string(path)
		w.text(`}`)
	}
}

// size is how many buckets of the ith group are asked for.
func (k *asked) size(i int) int64 {
	only := orElse(k.q.d.opts.buckets, onlyBuckets)
	switch {
	case len(k.Groups) <= 1 && i == len(k.Groups)-1 && len(k.Metrics) == 0, len(k.Groups) == 0:
		return only
	case i == 0:
		return only / outerPart
	}
	return only / innerPart
}

// days writes, for each calendar, the days in UTC that hold anything.
func (w *bodyWriter) days(l *aggList) {
	for i := range w.k.Groups {
		g := &w.k.Groups[i]
		if g.Calendar == nil {
			continue
		}
		w.agg(l, dayName(i))
		w.enter(g.Field)
		w.text(`{"date_histogram":{"fixed_interval":"1d","min_doc_count":1,"field":`)
		w.string(w.k.q.c.GroupPath(g.Field))
		w.text(`}}`)
		w.leave(g.Field)
	}
}

// zeros writes, for each group of intervals, how many records have a negative
// zero. Its interval is that of 0, but the engine counts records with both twice.
func (w *bodyWriter) zeros(l *aggList) {
	for i := range w.k.Groups {
		if g := &w.k.Groups[i]; g.Width > 0 && g.Field.Kind == record.Float {
			w.agg(l, zeroName(i))
			w.text(`{"filter":`)
			w.b = append(w.b, w.k.q.c.NegativeZeros(g.Field)...)
			w.text(`}`)
		}
	}
}

func zeroName(i int) string { return "z" + strconv.Itoa(i) }

func dayName(i int) string { return "d" + strconv.Itoa(i) }

func (k *asked) daysBody() []byte {
	w := &bodyWriter{k: k, b: k.head()}
	var l aggList
	w.days(&l)
	w.endAggs(&l)
	return append(w.b, '}')
}

// metrics writes the metrics of a bucket's records. Those that are read from the
// same figures share them.
func (w *bodyWriter) metrics(l *aggList) {
	for i := range w.k.Metrics {
		m := &w.k.Metrics[i]
		name := w.k.metricName(i)
		if m.Field == nil || name != metricName(m, i) {
			continue
		}
		w.agg(l, name)
		if m.Op == "count" {
			w.text(`{"filter":`)
			w.query(plan.Exists{Field: m.Field})
			w.text(`}`)
			continue
		}
		w.enter(m.Field)
		path := w.k.q.c.GroupPath(m.Field)
		switch m.Op {
		case "cardinality", "percentile":
			w.text(`{"terms":{"size":`)
			w.int(w.k.size(len(w.k.Groups)))
		default:
			w.text(`{"stats":{`)
			w.text(`"field":`)
			w.string(path)
			w.text(`}}`)
			w.leave(m.Field)
			continue
		}
		w.text(`,"field":`)
		w.string(path)
		w.text(`}}`)
		w.leave(m.Field)
		if m.Op == "percentile" {
			w.agg(l, "c"+name)
			w.enter(m.Field)
			w.text(`{"value_count":{"field":`)
			w.string(path)
			w.text(`}}`)
			w.leave(m.Field)
		}
	}
}

// metricName is what the aggregation of the ith metric would be called.
func metricName(m *search.Metric, i int) string {
	switch m.Op {
	case "count":
		return "e" + strconv.Itoa(i)
	case "cardinality":
		return "t" + strconv.Itoa(i)
	case "percentile":
		return "p" + strconv.Itoa(i)
	}
	return "s" + strconv.Itoa(i)
}

// metricName returns the name of the aggregation that the ith metric is read from: that of the
// first metric of the same figures.
func (k *asked) metricName(i int) string {
	name := metricName(&k.Metrics[i], i)
	for j := range k.Metrics[:i] {
		m := &k.Metrics[j]
		if other := metricName(m, j); m.Field != nil && k.Metrics[i].Field != nil && m.Field.Path == k.Metrics[i].Field.Path && other[0] == name[0] {
			return other
		}
	}
	return name
}
