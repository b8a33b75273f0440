// Package esdsl writes plans as the JSON of Elasticsearch and OpenSearch: the
// query, the sort and the search_after of a search request.
//
// # Use
//
// A [Compiler] is made once for each index, from the schema that the index has
// in the engine, and may then be used by several goroutines:
//
//	c, err := esdsl.New(schema, nil)
//	...
//	query, err := c.Query(p.Where)
//	sort, err := c.Sort(p.Order)
//
// What it writes finds what package eval finds: the same records in the same
// order, in Elasticsearch 7.17, 8 and 9 and in OpenSearch 2 and 3. Everything
// stands in filter context, nothing is scored, nothing is a script or a
// query_string, and every word of the user is a JSON string of its own.
//
// # What cannot be written
//
// Some conditions have no exact counterpart: WAS and CHANGED, fields that the
// index does not search, words of a text with another analyzer than the
// standard one. [Compiler.Can] says of a condition whether it can be written, and
// [Compiler.Instead] gives for one that cannot a wider one that can, so that
// the rest can be sorted out in Go. Written as they are, such conditions are
// an error that is [ErrInexpressible].
//
// # Helping fields
//
// An index made by DHR has fields that a user's schema does not show: [IDField]
// with the record's own id, which most clusters do not sort by, and beside each
// field that folds case one in lower case, whose path [LowerPath] gives. Where the
// schema given to [New] has them, they are used.
package esdsl

import (
	"errors"
	"fmt"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

var (
	// ErrInexpressible is a condition or an order that these engines cannot
	// answer exactly.
	ErrInexpressible = errors.New("cannot be said to the engine")
	// ErrTooLarge is a condition beyond the engine's limits of depth or of clauses.
	ErrTooLarge = errors.New("beyond the limits of the engine")
)

// Options are limits of the engine. The zero value holds for every engine as it
// is delivered.
type Options struct {
	// MaxClauses is how many conditions a query may have. If zero, 1024.
	MaxClauses int
	// MaxDepth is how deep they may stand in each other. If zero, 20.
	MaxDepth int
	// MaxTerms is how many values one condition may list; longer lists become
	// several conditions. If zero, 65536.
	MaxTerms int
	// Indexes are the names of the indexes that are searched, if they are
	// known: then a condition on _index is decided at once.
	Indexes []string
	// SortByID says that the engine sorts by the record's own _id.
	SortByID bool
	// Elasticsearch says that the engine is no OpenSearch, which loses records
	// in some orders: by a long, a double or a date of nested objects, and by a date_nanos.
	Elasticsearch bool
}

// A Compiler writes plans for one index. It never changes and is safe for
// concurrent use. Fields are found by their paths, so that plans may be of
// another schema of the same index.
type Compiler struct {
	o      Options
	fields map[string]*facts
	hasID  bool
}

// New returns a compiler for the index that has the schema in the engine: types,
// normalizers and analyzers are what it says, helping fields included.
func New(s *record.Schema, o *Options) (*Compiler, error) {
	c := &Compiler{}
	if o != nil {
		c.o = *o
	}
	if c.o.MaxClauses == 0 {
		c.o.MaxClauses = 1024
	}
	if c.o.MaxDepth == 0 {
		c.o.MaxDepth = 20
	}
	if c.o.MaxTerms == 0 {
		c.o.MaxTerms = 65_536
	}
	definition, err := s.MarshalJSON()
	if err != nil {
		return nil, err
	}
	if c.fields, err = readFacts(definition); err != nil {
		return nil, fmt.Errorf("esdsl: the mapping of %q: %w", s.Index, err)
	}
	id := c.fields[IDField]
	c.hasID = id != nil && id.kind == "keyword"
	return c, nil
}

// Query returns a query that finds the records for which n holds.
func (c *Compiler) Query(n plan.Node) ([]byte, error) { return c.AppendQuery(nil, n) }

// AppendQuery appends to dst what [Compiler.Query] returns.
func (c *Compiler) AppendQuery(dst []byte, n plan.Node) ([]byte, error) {
	if dst == nil {
		dst = make([]byte, 0, 512)
	}
	w := writer{c: c, b: dst}
	w.root(n)
	if w.err != nil {
		return nil, w.err
	}
	return w.b, nil
}

// A writer appends one query. It goes on after an error, of which it keeps the first.
type writer struct {
	c       *Compiler
	b       []byte
	depth   int
	clauses int
	err     error
}

func (w *writer) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("esdsl: "+format, args...)
	}
}

// clause counts one condition.
func (w *writer) clause() {
	if w.clauses++; w.clauses == w.c.o.MaxClauses+1 {
		w.fail("more than %d conditions: %w", w.c.o.MaxClauses, ErrTooLarge)
	}
}

func (w *writer) open() {
	if w.depth++; w.depth == w.c.o.MaxDepth+1 {
		w.fail("conditions deeper than %d in each other: %w", w.c.o.MaxDepth, ErrTooLarge)
	}
}

func (w *writer) close() { w.depth-- }

// root writes n so that nothing of it is scored.
func (w *writer) root(n plan.Node) {
	if and, ok := n.(plan.And); ok {
		w.and(and)
		return
	}
	w.and([]plan.Node{n})
}

// node writes a condition in filter context.
func (w *writer) node(n plan.Node) {
	if w.err != nil {
		return
	}
	switch n := n.(type) {
	case plan.All:
		w.text(`{"match_all":{}}`)
	case plan.None:
		w.text(`{"match_none":{}}`)
	case plan.And:
		w.and(n)
	case plan.Or:
		w.or(n)
	case plan.Not, plan.Missing:
		w.and([]plan.Node{n})
	default:
		w.leaf(n)
	}
}

// and writes that all of nodes hold. What must not hold stands beside what must.
func (w *writer) and(nodes []plan.Node) {
	w.open()
	w.text(`{"bool":{`)
	var l list
	for _, n := range nodes {
		if negated(n) == nil {
			w.item(&l, `"filter":[`)
			w.node(n)
		}
	}
	w.end(&l)
	more := l.any
	l = list{}
	for _, n := range nodes {
		if inner := negated(n); inner != nil {
			if more {
				w.b, more = append(w.b, ','), false
			}
			w.neither(&l, inner)
		}
	}
	w.end(&l)
	w.text(`}}`)
	w.close()
}

// neither writes into a must_not what must not hold.
func (w *writer) neither(l *list, n plan.Node) {
	if or, ok := n.(plan.Or); ok {
		for _, n := range or {
			w.neither(l, n)
		}
		return
	}
	w.item(l, `"must_not":[`)
	w.node(n)
}

// negated returns what n denies, or nil.
func negated(n plan.Node) plan.Node {
	switch n := n.(type) {
	case plan.Not:
		return n.Node
	case plan.Missing:
		return plan.Exists(n)
	}
	return nil
}

// or writes that at least one of nodes holds.
func (w *writer) or(nodes []plan.Node) {
	if len(nodes) == 0 {
		w.text(`{"match_none":{}}`)
		return
	}
	w.open()
	w.text(`{"bool":{"minimum_should_match":1,`)
	var l list
	for _, n := range nodes {
		w.item(&l, `"should":[`)
		w.node(n)
	}
	w.end(&l)
	w.text(`}}`)
	w.close()
}

// A list is a JSON array that is begun by its first item.
type list struct{ any bool }

func (w *writer) item(l *list, begin string) {
	if l.any {
		w.b = append(w.b, ',')
		return
	}
	l.any = true
	w.text(begin)
}

func (w *writer) end(l *list) {
	if l.any {
		w.b = append(w.b, ']')
	}
}

func (w *writer) text(s string) { w.b = append(w.b, s...) }
