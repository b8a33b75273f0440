// Package eval says which records a plan matches, and in which order they
// stand. It is the reference: the comments of package plan as code. What
// another engine answers is right if it is what this package answers.
//
// # Use
//
// [Compile] turns the condition of a plan into a [Matcher] for records of one
// projection, [CompileOrder] its order into an [Order]. The projection must have
// the columns that plan.Fields names:
//
//	paths := []string{}
//	for _, f := range plan.Fields(p) {
//		paths = append(paths, f.Path)
//	}
//	projection, err := p.Schema.Project(paths...)
//	...
//	matcher, err := eval.Compile(p, projection)
//	...
//	for r, err := range record.ReadNDJSON(file, name, projection) {
//		if err == nil && matcher.Match(r) {
//
// The fields _id and _index need no column, since every record knows them.
//
// # Records
//
// A record that is matched or compared must have been made with the very
// projection that was compiled for. Matching keeps nothing of it, and once the
// matcher has seen a few records it allocates nothing, but for some entries of a
// history: those that cannot be read, and those whose From or To the field in
// question cannot read or reads the long way (an address, or 5.0 as a whole number).
//
// # Readings
//
// Where package plan leaves room, this package reads it so:
//
// Text is broken into terms by package analyzer, whatever analyzer the mapping
// names, but for the text of a Wildcard, which is one pattern in lower case; a \
// at its end stands for itself.
//
// A history entry that has no instant, or cannot be read under its schema,
// is none.
package eval

import (
	"fmt"
	"slices"

	"github.com/digit-health/dhr/jql/analyzer"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// A Matcher says of records whether they match a plan. It has scratch memory
// of its own: one goroutine may use it at a time. [Matcher.Clone] makes another.
type Matcher struct {
	root    node
	scratch scratch
}

// Compile returns a matcher of p's condition for records of a projection. The
// error names a field that the condition needs and the projection lacks, or a
// value that is not of its field's kind.
func Compile(p *plan.Plan, projection *record.Projection) (*Matcher, error) {
	c := compiler{schema: p.Schema, projection: projection}
	root := c.node(p.Where)
	if c.err != nil {
		return nil, c.err
	}
	m := &Matcher{root: root}
	m.scratch.logs = newLogs(c.histories)
	return m, nil
}

// Match reports whether r matches. It keeps nothing of r.
func (m *Matcher) Match(r *record.Record) bool { return m.root.match(r, &m.scratch) }

// Clone returns a matcher for the same records that another goroutine may use.
// It is cheap: what was compiled is shared.
func (m *Matcher) Clone() *Matcher {
	c := &Matcher{root: m.root}
	for _, l := range m.scratch.logs {
		c.scratch.logs = append(c.scratch.logs, newLog(l.source))
	}
	return c
}

// A node is a compiled condition. It never changes.
type node interface {
	match(r *record.Record, s *scratch) bool
}

// scratch is the memory that nodes use again for each record.
type scratch struct {
	terms analyzer.Scanner
	found []bool          // the terms of a text that were found
	lower []byte          // a value in lower case
	runes []rune          // a term
	rows  [3][]int        // of distances
	meta  [1]record.Value // the value of _id or _index
	logs  []*changeLog
}

// A compiler turns a plan into nodes. It goes on after an error, of which it
// keeps the first.
type compiler struct {
	schema     *record.Schema
	projection *record.Projection
	histories  []*historySource
	err        error
}

func (c *compiler) fail(format string, args ...any) node {
	if c.err == nil {
		c.err = fmt.Errorf("eval: "+format, args...)
	}
	return constant(false)
}

// The columns of the fields that need none.
const (
	idColumn    = -1
	indexColumn = -2
	noColumn    = -3 // of an order's key that the index lacks
)

// column returns the column of f.
func (c *compiler) column(f *record.Field) int {
	if f == nil {
		c.fail("a condition without a field")
		return 0
	}
	if n, ok := metaColumn(f); ok {
		return n
	}
	n, err := columnOf(f, c.projection)
	if err != nil && c.err == nil {
		c.err = err
	}
	return n
}

func metaColumn(f *record.Field) (column int, ok bool) {
	switch f.Path {
	case "_id":
		return idColumn, true
	case "_index":
		return indexColumn, true
	}
	return 0, false
}

func columnOf(f *record.Field, projection *record.Projection) (int, error) {
	n := projection.Column(f.Path)
	if n < 0 {
		return 0, fmt.Errorf("eval: the projection lacks the field %q", f.Path)
	}
	if kind := projection.Fields()[n].Kind; kind != f.Kind {
		return 0, fmt.Errorf("eval: the field %q is of kind %s in the plan, and %s in the projection", f.Path, f.Kind, kind)
	}
	return n, nil
}

// values returns the values of a column, as c.column numbers them.
func (s *scratch) values(r *record.Record, column int) []record.Value {
	switch column {
	case idColumn:
		s.meta[0] = record.StringValue(r.ID)
		return s.meta[:]
	case indexColumn:
		s.meta[0] = record.StringValue(r.Index)
		return s.meta[:]
	}
	return r.Values(column)
}

func (c *compiler) node(n plan.Node) node {
	switch n := n.(type) {
	case plan.All:
		return constant(true)
	case plan.None:
		return constant(false)
	case plan.And:
		return every(c.nodes(n))
	case plan.Or:
		return some(c.nodes(n))
	case plan.Not:
		return not{c.node(n.Node)}
	case plan.Exists:
		return c.exists(n.Field)
	case plan.Missing:
		return not{c.exists(n.Field)}
	case plan.Terms:
		return c.terms(n)
	case plan.Range:
		return c.ranges(n)
	case plan.Match:
		return c.text(n)
	case plan.Was:
		return c.was(n)
	case plan.Changed:
		return c.changed(n)
	}
	return c.fail("no such condition: %T", n)
}

// nodes compiles siblings and puts those first that are cheap to ask.
func (c *compiler) nodes(nn []plan.Node) []node {
	nn = slices.Clone(nn)
	slices.SortStableFunc(nn, func(a, b plan.Node) int { return cost(a) - cost(b) })
	out := make([]node, len(nn))
	for i, n := range nn {
		out[i] = c.node(n)
	}
	return out
}

// cost is how dear a condition is, roughly.
func cost(n plan.Node) (most int) {
	plan.Walk(n, func(n plan.Node) bool {
		switch n := n.(type) {
		case plan.Match:
			most = max(most, 1)
			if n.Mode == plan.Wildcard || n.Mode == plan.Fuzzy {
				most = max(most, 2)
			}
		case plan.Was, plan.Changed:
			most = max(most, 3)
		}
		return true
	})
	return most
}

// constant is the same for every record.
type constant bool

func (n constant) match(*record.Record, *scratch) bool { return bool(n) }

type every []node

func (n every) match(r *record.Record, s *scratch) bool {
	for _, c := range n {
		if !c.match(r, s) {
			return false
		}
	}
	return true
}

type some []node

func (n some) match(r *record.Record, s *scratch) bool {
	for _, c := range n {
		if c.match(r, s) {
			return true
		}
	}
	return false
}

type not struct{ node }

func (n not) match(r *record.Record, s *scratch) bool { return !n.node.match(r, s) }

func (c *compiler) exists(f *record.Field) node {
	column := c.column(f)
	if f == nil {
		return constant(false)
	}
	switch f.Kind {
	case record.Object, record.Nested, record.Flattened:
		return filled(column)
	}
	return exists(column)
}

// exists matches records with a value in a column.
type exists int

func (n exists) match(r *record.Record, s *scratch) bool { return len(s.values(r, int(n))) > 0 }

// filled matches records with an object in a column that holds something.
type filled int

func (n filled) match(r *record.Record, s *scratch) bool {
	for _, v := range s.values(r, int(n)) {
		if holdsSomething(v.Text()) {
			return true
		}
	}
	return false
}

// holdsSomething reports whether there is a value other than null in a JSON
// text, however deep in objects and lists.
func holdsSomething(text string) bool {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{', '}', '[', ']', ',', ':', ' ', '\t', '\r', '\n':
		case 'n':
			i += len("ull")
		case '"':
			i = endOfString(text, i)
			next := i + 1
			for next < len(text) && (text[next] == ' ' || text[next] == '\t' || text[next] == '\r' || text[next] == '\n') {
				next++
			}
			if next >= len(text) || text[next] != ':' {
				return true
			}
		default:
			return true
		}
	}
	return false
}

// endOfString returns the place of the quote that ends the string that begins at i.
func endOfString(text string, i int) int {
	for i++; i < len(text) && text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return i
}
