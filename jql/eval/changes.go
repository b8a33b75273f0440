package eval

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// Changes are what a history says of one field in many records, kept small, so that
// conditions on it are answered without the records: a record costs 8 bytes and an entry 24, and
// each list of values that occurs is kept once. Records are known by their places, from 0 in the order in which they
// were added. Once all are added, Changes never change and are safe for concurrent use.
type Changes struct {
	name       string
	schema     *record.Schema
	projection *record.Projection
	column     int // of the field
	about      valueSet
	authored   bool // the history names authors

	ends    []uint32 // of each record's entries
	now     []uint32 // what each record has in the field
	entries []keptEntry
	states  lists
	authors lists

	log     *changeLog // for those that are added
	scratch scratch
}

// A keptEntry is one change; what it says are lists by their numbers.
type keptEntry struct {
	at           int64
	from, to, by uint32
}

// NewChanges returns Changes of field f of s without records; h is the history of f.
func NewChanges(s *record.Schema, f *record.Field, h *record.History) (*Changes, error) {
	if s == nil || f == nil || h == nil {
		return nil, errors.New("eval: changes without a schema, a field or a history")
	}
	projection, err := s.Project(f.Path, h.Path)
	if err != nil {
		return nil, fmt.Errorf("eval: %w", err)
	}
	c := compiler{schema: s, projection: projection}
	n, column := c.history(h), c.column(f)
	if c.err != nil {
		return nil, c.err
	}
	names := plan.HistoryNames(s, f)
	return &Changes{
		name: changesName(f, h, names), schema: s, projection: projection, column: column,
		about: newStringSetOf(h.Field, names), authored: h.Author != nil, log: newLog(c.histories[n]),
	}, nil
}

// changesName names everything that decides what is kept.
func changesName(f *record.Field, h *record.History, names []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q %q", h.Path, names)
	for _, part := range []*record.Field{f, h.Field, h.From, h.To, h.At, h.Author} {
		if part != nil {
			fmt.Fprintf(&b, " %q %s %t", part.Path, part.Kind, part.FoldCase)
		}
	}
	return b.String()
}

// Name tells Changes apart: those of one name keep the same of the same records.
func (c *Changes) Name() string { return c.name }

// Projection is that of the records that are added.
func (c *Changes) Projection() *record.Projection { return c.projection }

// Len returns how many records there are.
func (c *Changes) Len() int { return len(c.ends) }

// Size returns about how many bytes are kept.
func (c *Changes) Size() int64 {
	return 8*int64(cap(c.ends)) + 24*int64(cap(c.entries)) + c.states.bytes + c.authors.bytes
}

// Add adds a record, which has the projection of c. Nothing of it is kept.
func (c *Changes) Add(r *record.Record) {
	for _, e := range c.log.read(r, c.about, &c.scratch) {
		k := keptEntry{at: e.at, from: c.states.number(e.parts.Values(fromPart)), to: c.states.number(e.parts.Values(toPart))}
		if c.authored {
			k.by = c.authors.number(e.parts.Values(authorPart))
		}
		c.entries = append(c.entries, k)
	}
	c.ends = append(c.ends, uint32(len(c.entries))) //nolint:gosec // more would be 100 GB
	c.now = append(c.now, c.states.number(c.scratch.values(r, c.column)))
}

// Clip gives back the memory that is for further records, of which there can be none then.
func (c *Changes) Clip() {
	c.ends, c.now, c.entries = slices.Clip(c.ends), slices.Clip(c.now), slices.Clip(c.entries)
	c.states.numbers, c.authors.numbers, c.log = nil, nil, nil
}

// Lists are lists of values, by numbers.
type lists struct {
	of      [][]record.Value
	numbers map[string]uint32
	key     []byte
	bytes   int64
}

// number returns the number of a list.
func (l *lists) number(values []record.Value) uint32 {
	key := l.key[:0]
	for _, v := range values {
		key = append(key, byte(v.Kind()))
		key = binary.BigEndian.AppendUint64(key, number(v))
		at := len(key)
		key = v.AppendText(append(key, 0, 0, 0, 0))
		binary.BigEndian.PutUint32(key[at:], uint32(len(key)-at)) //nolint:gosec // texts are shorter than 4 GB
	}
	l.key = key
	n, ok := l.numbers[string(key)]
	if ok {
		return n
	}
	if l.numbers == nil {
		l.numbers = map[string]uint32{}
	}
	n = uint32(len(l.of)) //nolint:gosec // as many as entries, at most
	l.numbers[string(key)] = n
	list := make([]record.Value, len(values))
	for i, v := range values {
		list[i] = v.Clone()
	}
	l.of = append(l.of, list)
	const overhead = 100 // of a list, its values, its key and its place in the map
	l.bytes += overhead + int64(32*len(values)+2*len(key))
	return n
}

// Match returns a function that says of records by their places whether a condition on the field's
// history holds, a Was or a Changed. It has memory of its own: one goroutine may use it at a time. The
// error is that the condition is none on this history, or as that of [Compile].
func (c *Changes) Match(n plan.Node) (func(i int) bool, error) {
	compiling := compiler{schema: c.schema, projection: c.projection}
	var f *record.Field
	var h *record.History
	switch n := n.(type) {
	case plan.Was:
		f, h = n.Field, n.History
	case plan.Changed:
		f, h = n.Field, n.History
	}
	if f == nil || h == nil || changesName(f, h, plan.HistoryNames(c.schema, f)) != c.name {
		return nil, fmt.Errorf("eval: %s is no condition on this history", n)
	}
	compiled := compiling.node(n)
	if compiling.err != nil {
		return nil, compiling.err
	}
	switch n := compiled.(type) {
	case *was:
		t := c.telling(&n.change, &n.held, &n.held)
		return func(i int) bool { return wasHeld(&n.change, c.of(i), t.of(c.now[i])) }, nil
	case *changed:
		t := c.telling(&n.change, n.before, n.after)
		return func(i int) bool { return hasChanged(&n.change, c.of(i), t.of(c.now[i])) }, nil
	}
	return nil, fmt.Errorf("eval: %s is no condition on this history", n)
}

// of returns the entries of a record, in the order of time.
func (c *Changes) of(i int) []keptEntry {
	from := uint32(0)
	if i > 0 {
		from = c.ends[i-1]
	}
	return c.entries[from:c.ends[i]]
}

// telling returns what tells of kept entries whether they ended one of the states before and began one of those after.
func (c *Changes) telling(n *change, before, after *states) kept {
	s := new(scratch)
	t := kept{before: c.states.asked(nil), after: c.states.asked(nil), authors: c.authors.asked(nil)}
	if before != nil {
		t.before = c.states.asked(func(values []record.Value) bool { return before.had(values, s) })
	}
	if after != nil {
		t.after = c.states.asked(func(values []record.Value) bool { return after.had(values, s) })
		t.present = c.states.asked(func(values []record.Value) bool { return after.has(values, s) })
	}
	if n.authors != nil {
		t.authors = c.authors.asked(func(values []record.Value) bool { return c.authored && n.authors.had(values, s) })
	}
	return t
}

// A kept tells of the entries of one record that are kept.
type kept struct {
	before, after, authors, present *verdicts

	holds uint32 // what the record has in the field
}

// of returns what tells of a record that has this in the field.
func (t kept) of(list uint32) kept {
	t.holds = list
	return t
}

func (t kept) at(e keptEntry) int64  { return e.at }
func (t kept) from(e keptEntry) bool { return t.before.of(e.from) }
func (t kept) to(e keptEntry) bool   { return t.after.of(e.to) }
func (t kept) by(e keptEntry) bool   { return t.authors.of(e.by) }
func (t kept) now() bool             { return t.present.of(t.holds) }

// Verdicts are what is said of lists, each looked at once.
type verdicts struct {
	lists *lists
	judge func(values []record.Value) bool // nil if all lists will do
	known []verdict
}

type verdict uint8

const (
	unknown verdict = iota
	no
	yes
)

// asked returns the verdicts of a judge.
func (l *lists) asked(judge func(values []record.Value) bool) *verdicts {
	v := &verdicts{lists: l, judge: judge}
	if judge != nil {
		v.known = make([]verdict, len(l.of))
	}
	return v
}

func (v *verdicts) of(list uint32) bool {
	if v.judge == nil {
		return true
	}
	if v.known[list] == unknown {
		v.known[list] = no
		if v.judge(v.lists.of[list]) {
			v.known[list] = yes
		}
	}
	return v.known[list] == yes
}
