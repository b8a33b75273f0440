package esdsl

import (
	"math"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// leaf writes a condition on one field.
func (w *writer) leaf(n plan.Node) {
	if !w.c.Can(n) {
		w.fail("%s: %w", n, ErrInexpressible)
		return
	}
	switch n := n.(type) {
	case plan.Exists:
		w.exists(n.Field)
	case plan.Terms:
		w.terms(n)
	case plan.Range:
		w.ranges(n)
	case plan.Match:
		w.match(n)
	}
}

// enter begins a condition on f, inside of its nested object; leave ends it.
func (w *writer) enter(f *record.Field) {
	w.clause()
	if f.Nested == "" {
		return
	}
	w.open()
	w.text(`{"nested":{"path":`)
	w.string(f.Nested)
	w.text(`,"score_mode":"none","ignore_unmapped":true,"query":`)
}

func (w *writer) leave(f *record.Field) {
	if f.Nested != "" {
		w.text(`}}`)
		w.close()
	}
}

func (w *writer) exists(f *record.Field) {
	if meta(f) {
		w.text(`{"match_all":{}}`)
		return
	}
	w.enter(f)
	w.text(`{"exists":{"field":`)
	w.string(f.Path)
	w.text(`}}`)
	w.leave(f)
}

// terms writes that one of the values is among those of n.
func (w *writer) terms(n plan.Terms) {
	if len(n.Values) == 0 {
		w.text(`{"match_none":{}}`)
		return
	}
	f, path := n.Field, n.Field.Path
	switch {
	case path == "_id":
		w.ids(n.Values)
		return
	case path == "_index":
		w.index(func(name string) bool {
			return slices.ContainsFunc(n.Values, func(v record.Value) bool { return v.Text() == name })
		}, n.Values)
		return
	case f.Kind == record.Time:
		w.instants(n)
		return
	case f.Kind == record.String && f.FoldCase:
		lower, ok := w.c.folded(f)
		if !ok {
			w.regexps(n)
			return
		}
		path = lower
	}
	values := n.Values
	if f.Kind == record.String || f.Kind == record.Version {
		values = possible(values)
	}
	if f.Kind == record.Float && slices.ContainsFunc(values, isZero) {
		values = append(slices.Clone(values), record.Value{})
	}
	w.chunks(f, len(values), func(from, to int) {
		w.text(`{"terms":{`)
		w.string(path)
		w.text(`:[`)
		for i, v := range values[from:to] {
			if i > 0 {
				w.b = append(w.b, ',')
			}
			if v.IsNull() { // zero has a second form
				w.text(`-0.0`)
				continue
			}
			w.b = appendValue(w.b, v)
		}
		w.text(`]}}`)
	})
}

func isZero(v record.Value) bool { return v.Float() == 0 }

// longest is how many bytes a string may have to be searched as a whole.
const longest = 32_766

// possible returns the strings that a record can have.
func possible(values []record.Value) []record.Value {
	never := func(v record.Value) bool { return len(v.Text()) > longest || !utf8.ValidString(v.Text()) }
	if !slices.ContainsFunc(values, never) {
		return values
	}
	return slices.DeleteFunc(slices.Clone(values), never)
}

// chunks writes a condition on count values, in parts if they are many.
func (w *writer) chunks(f *record.Field, count int, part func(from, to int)) {
	limit := w.c.o.MaxTerms
	switch {
	case count == 0:
		w.text(`{"match_none":{}}`)
		return
	case count <= limit:
		w.enter(f)
		part(0, count)
		w.leave(f)
		return
	}
	w.open()
	w.text(`{"bool":{"minimum_should_match":1,`)
	var l list
	for from := 0; from < count; from += limit {
		w.item(&l, `"should":[`)
		w.enter(f)
		part(from, min(count, from+limit))
		w.leave(f)
	}
	w.end(&l)
	w.text(`}}`)
	w.close()
}

// ids writes that the record's own id is among values.
func (w *writer) ids(values []record.Value) {
	w.clause()
	w.text(`{"ids":{"values":[`)
	first := true
	for _, v := range possible(values) {
		if v.Text() == "" { // no id is, and to ask is an error
			continue
		}
		if !first {
			w.b = append(w.b, ',')
		}
		first = false
		w.string(v.Text())
	}
	w.text(`]}}`)
}

// index writes that the index's name fits, of those that are searched, or of
// values if it is not known which these are.
func (w *writer) index(fits func(name string) bool, values []record.Value) {
	var names []string
	all := len(w.c.o.Indexes) > 0
	for _, name := range w.c.o.Indexes {
		if fits(name) {
			names = append(names, name)
		} else {
			all = false
		}
	}
	if len(w.c.o.Indexes) == 0 {
		for _, v := range values {
			if isIndexName(v.Text()) {
				names = append(names, v.Text())
			}
		}
	}
	switch {
	case all:
		w.text(`{"match_all":{}}`)
		return
	case len(names) == 0:
		w.text(`{"match_none":{}}`)
		return
	}
	w.clause()
	w.text(`{"terms":{"_index":[`)
	for i, name := range names {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.string(name)
	}
	w.text(`]}}`)
}

// isIndexName reports whether an index may have this name: patterns, which the engine would
// take for more than one name, it may not.
func isIndexName(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c <= ' ', 'A' <= c && c <= 'Z':
			return false
		case c == '*', c == '?', c == ',', c == ':', c == '<', c == '>', c == '|', c == '/', c == '\\', c == '"', c == '#':
			return false
		}
	}
	return s != "" && utf8.ValidString(s)
}

// instants writes that one of the values is one of the instants of n. Instants
// next to each other are one range.
func (w *writer) instants(n plan.Terms) {
	type span struct{ from, last int64 }
	spans := make([]span, 0, min(len(n.Values), 8))
	for _, v := range n.Values {
		at := v.Millis()
		if k := len(spans) - 1; k >= 0 && at == spans[k].last+1 {
			spans[k].last = at
			continue
		}
		spans = append(spans, span{at, at})
	}
	if len(spans) == 1 {
		w.span(n.Field, spans[0].from, spans[0].last)
		return
	}
	w.open()
	w.text(`{"bool":{"minimum_should_match":1,`)
	var l list
	for _, s := range spans {
		w.item(&l, `"should":[`)
		w.span(n.Field, s.from, s.last)
	}
	w.end(&l)
	w.text(`}}`)
	w.close()
}

// span writes that one of the values of a date lies between two instants, both included. It
// asks for whole milliseconds, since a date_nanos has more.
func (w *writer) span(f *record.Field, from, last int64) {
	if f.Type == "date_nanos" { // which begins in 1970 and ends in 2262
		from = max(from, 0)
		if last > math.MaxInt64/1_000_000-1 {
			last = math.MaxInt64
		}
		if from > math.MaxInt64/1_000_000 {
			last = math.MinInt64
		}
	}
	if from > last {
		w.text(`{"match_none":{}}`)
		return
	}
	w.enter(f)
	w.text(`{"range":{`)
	w.string(f.Path)
	if isOld(from) || last != math.MaxInt64 && isOld(last+1) {
		w.text(`:{"format":"epoch_millis||strict_date_optional_time"`)
	} else {
		w.text(`:{"format":"epoch_millis"`)
	}
	if from != math.MinInt64 {
		w.text(`,"gte":`)
		w.instant(from)
	}
	if last != math.MaxInt64 {
		w.text(`,"lt":`)
		w.instant(last + 1)
	}
	w.text(`}}}`)
	w.leave(f)
}

// isOld reports whether an instant is one before 1970 that can be written as a date:
// Elasticsearch 7 takes no negative number for it.
func isOld(at int64) bool {
	const year0 = -62_167_219_200_000
	return year0 <= at && at < 0
}

func (w *writer) instant(at int64) {
	if !isOld(at) {
		w.int(at)
		return
	}
	w.b = append(w.b, '"')
	w.b = time.UnixMilli(at).UTC().AppendFormat(w.b, "2006-01-02T15:04:05.000Z")
	w.b = append(w.b, '"')
}

// ranges writes that one of the values lies between the bounds.
func (w *writer) ranges(n plan.Range) {
	f := n.Field
	switch f.Path {
	case "_index":
		w.index(func(name string) bool { return within(n, record.StringValue(name)) }, nil)
		return
	case "_id":
		w.between(f, IDField, n)
		return
	}
	switch f.Kind {
	case record.Time:
		w.times(n)
	case record.Bool:
		w.truths(n)
	case record.Uint:
		w.unsigned(n)
	case record.String:
		path := f.Path
		if f.FoldCase {
			path, _ = w.c.folded(f)
		}
		if w.c.of(f).kind == "flattened" && n.Lower.Value.IsNull() { // both bounds must be there
			n.Lower = plan.Bound{Value: record.StringValue(""), Inclusive: true}
		}
		w.between(f, path, n)
	default:
		w.between(f, f.Path, n)
	}
}

func (w *writer) times(n plan.Range) {
	from, last := int64(math.MinInt64), int64(math.MaxInt64)
	if b := n.Lower; !b.Value.IsNull() {
		if from = b.Value.Millis(); !b.Inclusive {
			if from == math.MaxInt64 {
				w.text(`{"match_none":{}}`)
				return
			}
			from++
		}
	}
	if b := n.Upper; !b.Value.IsNull() {
		if last = b.Value.Millis(); !b.Inclusive {
			if last == math.MinInt64 {
				w.text(`{"match_none":{}}`)
				return
			}
			last--
		}
	}
	w.span(n.Field, from, last)
}

// unsigned writes a range of an unsigned_long with bounds that belong to it:
// OpenSearch finds nothing below the greatest.
func (w *writer) unsigned(n plan.Range) {
	if b := &n.Lower; !b.Value.IsNull() && !b.Inclusive {
		if b.Value.Uint() == math.MaxUint64 {
			w.text(`{"match_none":{}}`)
			return
		}
		*b = plan.Bound{Value: record.UintValue(b.Value.Uint() + 1), Inclusive: true}
	}
	if b := &n.Upper; !b.Value.IsNull() && !b.Inclusive {
		if b.Value.Uint() == 0 {
			w.text(`{"match_none":{}}`)
			return
		}
		*b = plan.Bound{Value: record.UintValue(b.Value.Uint() - 1), Inclusive: true}
	}
	w.between(n.Field, n.Field.Path, n)
}

// truths writes a range of booleans as those that lie in it.
func (w *writer) truths(n plan.Range) {
	in := plan.Terms{Field: n.Field}
	for _, b := range []bool{false, true} {
		if v := record.BoolValue(b); within(n, v) {
			in.Values = append(in.Values, v)
		}
	}
	w.terms(in)
}

func within(n plan.Range, v record.Value) bool {
	low, high := 1, -1
	if !n.Lower.Value.IsNull() {
		low = v.Compare(n.Lower.Value)
	}
	if !n.Upper.Value.IsNull() {
		high = v.Compare(n.Upper.Value)
	}
	return (low > 0 || low == 0 && n.Lower.Inclusive) && (high < 0 || high == 0 && n.Upper.Inclusive)
}

// between writes a range whose bounds the engine compares as package record does.
func (w *writer) between(f *record.Field, path string, n plan.Range) {
	w.enter(f)
	w.text(`{"range":{`)
	w.string(path)
	w.text(`:{`)
	if !n.Lower.Value.IsNull() {
		w.bound(f, n.Lower, `"gt":`, `"gte":`, -1)
	}
	if !n.Upper.Value.IsNull() {
		if !n.Lower.Value.IsNull() {
			w.b = append(w.b, ',')
		}
		w.bound(f, n.Upper, `"lt":`, `"lte":`, 1)
	}
	w.text(`}}}`)
	w.leave(f)
}

// bound writes one end of a range; side is -1 for the lower, 1 for the upper one.
func (w *writer) bound(f *record.Field, b plan.Bound, open, closed string, side float64) {
	v := b.Value
	switch {
	case f.Type == "scaled_float":
		// The engine multiplies and then rounds the bound, one to the nearest value,
		// another into the range, and neither always rightly: a quarter of a step
		// outside of the last value that counts nothing can go wrong.
		step := 0.25 * side
		if !b.Inclusive {
			step = -0.75 * side
		}
		w.text(closed)
		w.b = appendFloat(w.b, (math.Round(v.Float()*f.Scale)+step)/f.Scale)
		return
	case b.Inclusive:
		w.text(closed)
	default:
		w.text(open)
	}
	if v.Kind() == record.Float && v.Float() == 0 && b.Inclusive == (side < 0) {
		w.text(`-0.0`) // which a document may have, and which is 0
		return
	}
	if v.Kind() == record.String && f.FoldCase {
		w.b = appendLower(w.b, v.Text())
		return
	}
	w.b = appendValue(w.b, v)
}
