package eval

import (
	"cmp"
	"math"
	"slices"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// The columns of an entry.
const (
	fieldPart = iota
	atPart
	fromPart
	toPart
	authorPart // not there in a history without authors
)

// A historySource says how to read the entries of one history.
type historySource struct {
	path    string   // of the nested objects
	parts   []string // the paths of an entry's columns
	column  int      // of the nested objects
	entries *record.Projection
}

// history returns the place of h among c.histories.
func (c *compiler) history(h *record.History) int {
	switch {
	case h == nil || c.schema == nil || h.Field == nil || h.From == nil || h.To == nil || h.At == nil:
		c.fail("a condition on a history that is not described in full")
		return 0
	case h.At.Kind != record.Time:
		c.fail("the field %q is no date", h.At.Path)
		return 0
	}
	parts := []string{fieldPart: h.Field.Path, atPart: h.At.Path, fromPart: h.From.Path, toPart: h.To.Path}
	if h.Author != nil {
		parts = append(parts, h.Author.Path)
	}
	for i, s := range c.histories {
		if s.path == h.Path && slices.Equal(s.parts, parts) {
			return i
		}
	}
	source := &historySource{path: h.Path, parts: parts, column: c.column(c.schema.Field(h.Path))}
	entries, err := c.schema.ProjectNested(h.Path, parts...)
	if err != nil {
		c.fail("the history at %q: %w", h.Path, err)
	}
	source.entries = entries
	c.histories = append(c.histories, source)
	return len(c.histories) - 1
}

// A changeLog reads the entries of one history of one record at a time.
type changeLog struct {
	source  *historySource
	decoder *record.Decoder
	spare   []*entry // at first those of the record, then others from before
	entries []*entry // of the record, in the order of time
}

// An entry is one change.
type entry struct {
	at     int64
	parts  record.Record
	source []byte
}

func newLog(s *historySource) *changeLog {
	return &changeLog{source: s, decoder: record.NewDecoder(s.entries)}
}

func newLogs(sources []*historySource) (logs []*changeLog) {
	for _, s := range sources {
		logs = append(logs, newLog(s))
	}
	return logs
}

// read returns the entries about one of the fields, in the order of time. They are
// valid until the next call.
func (l *changeLog) read(r *record.Record, about valueSet, s *scratch) []*entry {
	l.entries = l.entries[:0]
	for _, v := range r.Values(l.source.column) {
		if len(l.entries) == len(l.spare) {
			l.spare = append(l.spare, new(entry))
		}
		e := l.spare[len(l.entries)]
		e.source = append(e.source[:0], v.Text()...)
		if l.decoder.Decode(e.source, &e.parts) != nil {
			continue
		}
		at := e.parts.Value(atPart)
		if at.IsNull() || !containsAny(about, e.parts.Values(fieldPart), s) {
			continue
		}
		e.at = at.Millis()
		l.entries = append(l.entries, e)
	}
	slices.SortStableFunc(l.entries, func(a, b *entry) int { return cmp.Compare(a.at, b.at) })
	return l.entries
}

// by reports whether one of the authors made the change. Without authors anyone
// did; in a history without them none of them did.
func (e *entry) by(authors *states, s *scratch) bool {
	if authors == nil || len(e.parts.Projection().Fields()) <= authorPart {
		return authors == nil
	}
	return authors.had(e.parts.Values(authorPart), s)
}

// change holds what Was and Changed have in common.
type change struct {
	log      int
	about    valueSet // the names of the field in the history
	from, to int64    // the window, [from, to)
	authors  *states  // nil for anyone
}

func (c *compiler) change(f *record.Field, h *record.History, w plan.Window, by []string) (n change, ok bool) {
	n.log = c.history(h)
	if f == nil {
		c.fail("a condition without a field")
	}
	if c.err != nil {
		return n, false
	}
	n.about = newStringSetOf(h.Field, plan.HistoryNames(c.schema, f))
	n.from, n.to = math.MinInt64, math.MaxInt64
	if !w.From.IsNull() {
		n.from = w.From.Millis()
	}
	if !w.To.IsNull() {
		n.to = w.To.Millis()
	}
	if by != nil {
		n.authors = newAuthors(h.Author, by)
	}
	return n, true
}

// newAuthors returns the authors with these names, as f or its sub-field of
// whole values holds them; f is nil in a history that does not name them.
func newAuthors(f *record.Field, names []string) *states {
	if f == nil {
		return &states{}
	}
	if exact := f.Exact(); exact != nil {
		f = exact
	}
	return &states{field: f, set: newStringSetOf(f, names)}
}

// newStringSetOf returns the set of those values of f that are written as texts say.
func newStringSetOf(f *record.Field, texts []string) valueSet {
	values := make([]record.Value, 0, len(texts))
	for _, text := range texts {
		if v, err := f.Parse(text); err == nil {
			values = append(values, v)
		}
	}
	return newValueSet(f, values)
}

// states is a set of states of a field.
type states struct {
	field *record.Field
	set   valueSet
	empty bool
}

// newStates returns the states, which are values of f.
func (c *compiler) newStates(f *record.Field, s plan.States) states {
	for _, v := range s.Values {
		c.check(f, v)
	}
	return states{f, newValueSet(f, s.Values), s.Empty}
}

// has reports whether the field with these values is in one of the states.
func (n *states) has(values []record.Value, s *scratch) bool {
	if len(values) == 0 {
		return n.empty
	}
	return containsAny(n.set, values, s)
}

// had reports whether the field was in one of the states, of which an entry of
// its history tells with these values. A text that the field cannot read
// equals nothing.
func (n *states) had(values []record.Value, s *scratch) bool {
	if len(values) == 0 {
		return n.empty
	}
	for _, v := range values {
		if v, ok := readAs(n.field, v); ok && n.set.contains(v, s) {
			return true
		}
	}
	return false
}

// readAs returns what the text of a value of another field means in f. What is
// of f's kind stays as it is, but for floats, which f may round.
func readAs(f *record.Field, v record.Value) (record.Value, bool) {
	if kind := valueKind(f); v.Kind() == kind && kind != record.Float {
		return v, true
	}
	v, err := f.Parse(v.Text())
	return v, err == nil
}

// was matches records whose field was in one of the states.
type was struct {
	change
	column int
	held   states
}

func (c *compiler) was(n plan.Was) node {
	common, ok := c.change(n.Field, n.History, n.Window, n.By)
	if !ok {
		return constant(false)
	}
	return &was{change: common, column: c.column(n.Field), held: c.newStates(n.Field, n.Held)}
}

func (n *was) match(r *record.Record, s *scratch) bool {
	return wasHeld(&n.change, s.logs[n.log].read(r, n.about, s), document{&n.change, &n.held, &n.held, r, n.column, s})
}

// wasHeld reports whether the field was in one of the states within the window, as t tells of its entries.
func wasHeld[E any, T telling[E]](n *change, entries []E, t T) bool {
	start, begun := int64(math.MinInt64), n.authors == nil
	begin := -1 // the change at start
	for i, e := range entries {
		at := t.at(e)
		if n.meets(start, at) {
			if begin >= 0 && t.by(entries[begin]) && t.to(entries[begin]) {
				return true
			}
			if begun && t.from(e) {
				return true
			}
		}
		start, begin = at, i
	}
	if !n.meets(start, math.MaxInt64) {
		return false
	}
	if begin < 0 {
		return begun && t.now()
	}
	return t.by(entries[begin]) && (t.to(entries[begin]) || t.now())
}

// A telling says of the entries of one record what a condition wants to know.
type telling[E any] interface {
	at(e E) int64
	from(e E) bool // it ended one of the states in question
	to(e E) bool   // it began one
	by(e E) bool   // one of the authors made it
	now() bool     // the field is in one of the states
}

// A document tells of entries that have just been read.
type document struct {
	n             *change
	before, after *states // nil for any
	r             *record.Record
	column        int // of the field
	s             *scratch
}

func (t document) at(e *entry) int64 { return e.at }
func (t document) by(e *entry) bool  { return e.by(t.n.authors, t.s) }
func (t document) now() bool         { return t.after.has(t.s.values(t.r, t.column), t.s) }
func (t document) to(e *entry) bool {
	return t.after == nil || t.after.had(e.parts.Values(toPart), t.s)
}
func (t document) from(e *entry) bool {
	return t.before == nil || t.before.had(e.parts.Values(fromPart), t.s)
}

// meets reports whether [start, end) and the window have an instant in common.
func (n *change) meets(start, end int64) bool { return max(start, n.from) < min(end, n.to) }

// changed matches records of which one single change fits.
type changed struct {
	change
	before, after *states // nil for any
}

func (c *compiler) changed(n plan.Changed) node {
	common, ok := c.change(n.Field, n.History, n.Window, n.By)
	if !ok {
		return constant(false)
	}
	out := &changed{change: common}
	if n.From != nil {
		from := c.newStates(n.Field, *n.From)
		out.before = &from
	}
	if n.To != nil {
		to := c.newStates(n.Field, *n.To)
		out.after = &to
	}
	return out
}

func (n *changed) match(r *record.Record, s *scratch) bool {
	return hasChanged(&n.change, s.logs[n.log].read(r, n.about, s), document{&n.change, n.before, n.after, r, 0, s})
}

// hasChanged reports whether one entry fits, as t tells of it.
func hasChanged[E any, T telling[E]](n *change, entries []E, t T) bool {
	for _, e := range entries {
		if at := t.at(e); n.from <= at && at < n.to && t.from(e) && t.to(e) && t.by(e) {
			return true
		}
	}
	return false
}
