package jql

// A Span is a range of bytes [Start, End) in the text of a query, so that
// text[s.Start:s.End] is what it covers.
type Span struct{ Start, End int }

func (s Span) text(text string) string { return text[s.Start:s.End] }

// A Query is a parsed or built query. Its Span is from the first word to the
// end of the text.
type Query struct {
	Span
	// Text is the text the query was parsed from. Bind, Cond, And and Or give
	// what they build its canonical text. It is empty only in a query that was
	// put together by hand, whose places mean nothing. Resolve, Bind, And and Or
	// check such a tree against the grammar; one that breaks it is the error
	// "bad_tree". No tree may contain itself, or nest deeper than 10,000.
	Text string
	// Where is the condition; nil matches every record.
	Where Expr
	// Order are the sort keys of ORDER BY, in order; nil without one.
	Order []SortKey
}

// An Expr is a condition: a [*Logical], a [*Not] or a [*Clause].
type Expr interface {
	// Range returns the bytes that the expression covers, without brackets around it.
	Range() Span
	expr()
}

// A Logical joins two or more conditions by AND or by OR.
// A run of one operator is one Logical; brackets begin a new one.
type Logical struct {
	Span
	// Op is "and" or "or".
	Op string
	// Ops is where each operator between the clauses stands.
	Ops []Span
	// Clauses are the conditions, at least two.
	Clauses []Expr
}

// A Not turns a condition into its opposite.
type Not struct {
	Span
	// Op is where the NOT or the ! stands.
	Op Span
	// X is the condition.
	X Expr
}

// A Clause is a single condition: a field, an operator and mostly an operand.
type Clause struct {
	Span
	Field Field
	Op    Operator
	// Operand is what the field is compared with, of a kind that the operator
	// takes. It is NoOperand for CHANGED alone.
	Operand Operand
	// Predicates are the history predicates of WAS and CHANGED.
	Predicates []Predicate
}

// A Field is the name of a field.
type Field struct {
	Span
	// Text is the name as written, with its quotes and escapes.
	Text string
	// Name is the name decoded. Jira's custom field cf[00010] has the name cf[10].
	Name string
	// Properties are the entity properties that follow, as in
	// issue.property[key].path; nil for nearly every field.
	Properties []Property
}

// A Property is a key in brackets after a field, with the path that follows it.
type Property struct {
	Span
	// Key is the key and Path are the strings after the bracket.
	Key  Operand
	Path []Operand
}

// An Operator is the operator of a clause.
type Operator struct {
	Span
	// Name is the operator in lower case with single blanks: one of
	// = != < <= > >= ~ !~ in, not in, is, is not, was, was not, was in, was not in, changed.
	Name string
}

// An OperandKind says what an [Operand] is.
type OperandKind uint8

// The kinds of operands.
const (
	NoOperand       OperandKind = iota
	StringOperand               // a word or a quoted string
	NumberOperand               // a bare whole number
	EmptyOperand                // EMPTY or NULL
	FunctionOperand             // a function with its arguments
	ListOperand                 // a list in brackets
)

// An Operand is a value, EMPTY, a function call or a list.
type Operand struct {
	Span
	Kind OperandKind
	// Text is the value or the name of the function as written, with quotes and
	// escapes; empty for a list.
	Text string
	// Value is Text decoded.
	Value string
	// Name is where the name of a function stands; the Span of everything else.
	Name Span
	// Items are the members of a list, at least one, or the arguments of a function.
	Items []Operand
}

// A Predicate narrows WAS or CHANGED.
type Predicate struct {
	Span
	// Op names the predicate in lower case: after, before, on, during, by, from or to.
	Op Operator
	// Operand is its value.
	Operand Operand
}

// A SortKey is one key of ORDER BY.
type SortKey struct {
	Span
	Field Field
	// Direction is "ASC", "DESC", or empty where none is written.
	Direction string
}

// Range returns the span itself.
func (s Span) Range() Span { return s }

func (*Logical) expr() {}
func (*Not) expr()     {}
func (*Clause) expr()  {}
