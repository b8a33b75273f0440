package jql

import "fmt"

// Limits of Parse. maxDepth is also the most that ParseOptions can ask for:
// the parser is recursive, and the stack of a goroutine ends at 1 GB.
const (
	defaultMaxLength = 1 << 20
	defaultMaxDepth  = 256
	defaultMaxNodes  = 1 << 17
	maxDepth         = 10_000
)

// ParseOptions say which texts [Parse] accepts.
type ParseOptions struct {
	// Jira asks for Atlassian's published grammar to the letter. Without it
	// the dialect is DHR's, see the package comment.
	Jira bool
	// MaxLength is the greatest length of a text in bytes. If zero, 1 MiB.
	MaxLength int
	// MaxDepth is how deep brackets, lists and NOT may nest. If zero, 256;
	// never more than 10,000.
	MaxDepth int
	// MaxNodes is the greatest number of clauses, values, NOTs and sort keys
	// together. If zero, 131,072.
	MaxNodes int
}

// Parse reads a query. The text may be any bytes. Empty text, or only blanks,
// is a query that matches every record. An error is an [ErrorList], which at
// present holds the first complaint only; there is no query then. A nil opts
// means the defaults.
//
// The query shares memory with the text. It may be read by several goroutines.
func Parse(text string, opts *ParseOptions) (*Query, error) {
	var p parser
	p.init(text, opts)
	return p.parse()
}

// A parser is a recursive descent over the tokens of a text. Its methods
// return false after an error. The first error is in err.
type parser struct {
	lexer
	maxLength, maxDepth, maxNodes int

	end      int    // end of the token before the current one
	depth    int    // how deep brackets, lists and NOT nest here
	nodes    int    // nodes made
	brackets int    // open brackets around conditions
	want     wanted // what could stand in the place of the current token
	err      *Error

	arena *arena
	items []Operand // the members of the lists being read

	args []any // of Bind
	used int   // how many of them have been used

	completer *completer
}

// An arena holds the nodes of a small query in one piece of memory.
type arena struct {
	query   Query
	clauses [2]Clause
	logical Logical
	exprs   [2]Expr
	ops     [1]Span

	freeClauses []Clause
	usedLogical bool
}

func (p *parser) init(text string, opts *ParseOptions) {
	if opts == nil {
		opts = &ParseOptions{}
	}
	p.text, p.jira = text, opts.Jira
	p.maxLength = orDefault(opts.MaxLength, defaultMaxLength)
	p.maxDepth = min(orDefault(opts.MaxDepth, defaultMaxDepth), maxDepth)
	p.maxNodes = orDefault(opts.MaxNodes, defaultMaxNodes)
	a := &arena{}
	a.freeClauses = a.clauses[:]
	p.arena = a
}

func orDefault(n, def int) int {
	if n <= 0 {
		return def
	}
	return n
}

func (p *parser) parse() (*Query, error) {
	if len(p.text) > p.maxLength {
		return nil, ErrorList{p.tooLong()}
	}
	q := &p.arena.query
	p.lexer.next()
	if !p.query(q) {
		return nil, ErrorList{p.err}
	}
	return q, nil
}

// next moves to the next token.
func (p *parser) next() {
	p.end = p.token.end
	p.want = 0
	p.lexer.next()
}

// is reports whether the current token is of a kind, and notes that it could be.
func (p *parser) is(kind tokenKind, want wanted) bool {
	p.want |= want
	return p.token.kind == kind
}

// query = or? orderBy? end
func (p *parser) query(q *Query) bool {
	q.Text = p.text
	q.Span = Span{p.token.start, len(p.text)}
	if p.want |= wantField | wantNot | wantOpen | wantOrderBy; p.token.kind != tokOrder && p.token.kind != tokEnd {
		where, ok := p.or()
		if !ok {
			return false
		}
		q.Where = where
	}
	return p.rest(q)
}

// rest = orderBy? end
func (p *parser) rest(q *Query) bool {
	if p.is(tokOrder, wantOrderBy) && !p.orderBy(q) {
		return false
	}
	if p.is(tokEnd, wantEnd) {
		return true
	}
	switch {
	case q.Order == nil:
		return p.fail(noConnective)
	case p.want&wantDirection != 0:
		return p.fail(noDirection)
	}
	return p.fail(noComma)
}

// or = and ( OR and )*
func (p *parser) or() (Expr, bool) {
	start := p.token.start
	first, ok := p.and()
	if !ok || !p.is(tokOr, wantOr) {
		return first, ok
	}
	return p.chain(first, start, tokOr)
}

// and = not ( AND not )*
func (p *parser) and() (Expr, bool) {
	start := p.token.start
	first, ok := p.not()
	if !ok || !p.is(tokAnd, wantAnd) {
		return first, ok
	}
	return p.chain(first, start, tokAnd)
}

// chain reads the rest of a chain of conditions whose first begins at start.
func (p *parser) chain(first Expr, start int, kind tokenKind) (Expr, bool) {
	l := p.newLogical()
	l.Op, l.Clauses = "and", append(l.Clauses, first)
	if kind == tokOr {
		l.Op = "or"
	}
	for p.token.kind == kind {
		l.Ops = append(l.Ops, p.token.span())
		p.next()
		var x Expr
		var ok bool
		want := wantAnd
		if kind == tokOr {
			want = wantOr
			x, ok = p.and()
		} else {
			x, ok = p.not()
		}
		if !ok {
			return nil, false
		}
		p.want |= want
		l.Clauses = append(l.Clauses, x)
	}
	l.Span = Span{start, p.end}
	return l, true
}

// not = ( NOT | ! ) not | ( or ) | clause
func (p *parser) not() (Expr, bool) {
	switch p.want |= wantField | wantNot | wantOpen; p.token.kind {
	case tokNot, tokBang:
		if !p.deeper() {
			return nil, false
		}
		n := &Not{Op: p.token.span()}
		p.next()
		x, ok := p.not()
		if !ok {
			return nil, false
		}
		p.depth--
		n.X, n.Span = x, Span{n.Op.Start, p.end}
		return n, true
	case tokOpen:
		return p.bracketed()
	case tokParam:
		if p.isCondition() {
			return p.boundCondition()
		}
	}
	c, ok := p.clause()
	if !ok {
		return nil, false
	}
	return c, true
}

// bracketed reads a condition in brackets.
func (p *parser) bracketed() (Expr, bool) {
	if !p.deeper() {
		return nil, false
	}
	p.brackets++
	p.next()
	x, ok := p.or()
	if !ok {
		return nil, false
	}
	if !p.is(tokClose, wantClose) {
		return nil, p.fail(noConnectiveOrClose)
	}
	p.next()
	p.brackets--
	p.depth--
	return x, true
}

// orderBy = ORDER BY sort ( , sort )*
func (p *parser) orderBy(q *Query) bool {
	if p.completer != nil {
		p.completer.clause = nil
	}
	p.next()
	if !p.is(tokBy, wantBy) {
		return p.fail(noBy)
	}
	for {
		p.next()
		if !p.node() {
			return false
		}
		q.Order = append(withRoom(q.Order), SortKey{})
		if !p.sortKey(&q.Order[len(q.Order)-1]) {
			return false
		}
		if !p.is(tokComma, wantComma) {
			return true
		}
	}
}

// sort = field ( ASC | DESC )?
func (p *parser) sortKey(s *SortKey) bool {
	s.Start = p.token.start
	if !p.field(&s.Field) {
		return false
	}
	switch p.want |= wantDirection; p.token.kind {
	case tokAsc:
		s.Direction = "ASC"
		p.next()
	case tokDesc:
		s.Direction = "DESC"
		p.next()
	}
	s.End = p.end
	return true
}

// deeper enters brackets, a list or a NOT. Who called it counts depth down again.
func (p *parser) deeper() bool {
	if p.depth++; p.depth > p.maxDepth {
		return p.failText("too_deep", nestedTooDeep(p.maxDepth))
	}
	return p.node()
}

func nestedTooDeep(limit int) string {
	return fmt.Sprintf("This is nested deeper than the limit of %d.", limit)
}

// node counts a node.
func (p *parser) node() bool {
	if p.nodes++; p.nodes > p.maxNodes {
		return p.failText("too_many_nodes", fmt.Sprintf("The query has more parts than the limit of %d.", p.maxNodes))
	}
	return true
}

func (p *parser) newClause() *Clause {
	a := p.arena
	if len(a.freeClauses) == 0 {
		a.freeClauses = make([]Clause, min(p.nodes, 64))
	}
	c := &a.freeClauses[0]
	a.freeClauses = a.freeClauses[1:]
	return c
}

func (p *parser) newLogical() *Logical {
	a := p.arena
	if a.usedLogical {
		return &Logical{}
	}
	a.usedLogical = true
	a.logical.Clauses, a.logical.Ops = a.exprs[:0], a.ops[:0]
	return &a.logical
}
