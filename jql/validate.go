package jql

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// validate complains of a query that nothing but a mistake in a program makes:
// nil, or put together by hand against the grammar. A query with a text was
// made by Parse or has been checked.
func (q *Query) validate() error {
	if q == nil {
		return ErrorList{newError("", Span{}, "bad_tree", "there is no query: it is nil")}
	}
	if q.Text != "" {
		return nil
	}
	if f := q.fault(); f != nil {
		return ErrorList{q.errorAt(q.Span, "bad_tree", f.String())}
	}
	return nil
}

// A fault says what is wrong with which node of a tree.
type fault struct {
	node    string // the way to the node, as it is written in Go
	message string
}

func (f *fault) String() string {
	return "the tree of the query is wrong at " + f.node + ": " + f.message
}

// faulty makes the fault of a node.
func faulty(message string) *fault { return &fault{message: message} }

// in puts a step before the way to the node, of which the end is kept where it is long.
func (f *fault) in(step string) *fault {
	const most = 120
	switch {
	case f == nil || strings.HasPrefix(f.node, "…"):
	case len(f.node) > most:
		f.node = "…" + f.node
	default:
		f.node = step + f.node
	}
	return f
}

// inItem is in for a member of a slice.
func (f *fault) inItem(step string, i int) *fault {
	if f == nil {
		return nil
	}
	return f.in(fmt.Sprintf("%s[%d]", step, i))
}

// fault finds the first fault in a query, nil if there is none.
func (q *Query) fault() *fault {
	if q.Where != nil {
		if f := exprFault(q.Where, 0); f != nil {
			return f.in("Where")
		}
	}
	for i := range q.Order {
		s := &q.Order[i]
		f := fieldFault(&s.Field)
		if s.Direction != "" && s.Direction != "ASC" && s.Direction != "DESC" {
			f = faulty("the direction is ASC, DESC or empty, not " + quoted(s.Direction)).in(".Direction")
		}
		if f != nil {
			return f.inItem("Order", i)
		}
	}
	return nil
}

// exprFault finds the first fault in a condition that depth others lie around.
func exprFault(x Expr, depth int) *fault {
	if depth >= maxDepth {
		return faulty(tooDeep)
	}
	if isNil(x) {
		return faulty("it is nil")
	}
	switch x := x.(type) {
	case *Logical:
		return logicalFault(x, depth)
	case *Not:
		return exprFault(x.X, depth+1).in(".X")
	case *Clause:
		return clauseFault(x)
	}
	return faulty(fmt.Sprintf("a %T is no *Logical, *Not or *Clause", x))
}

// isNil reports whether x is nil, or a pointer that is.
func isNil(x Expr) bool {
	switch x := x.(type) {
	case nil:
		return true
	case *Logical:
		return x == nil
	case *Not:
		return x == nil
	case *Clause:
		return x == nil
	}
	return false
}

var tooDeep = fmt.Sprintf("it is nested deeper than the limit of %d", maxDepth)

func logicalFault(l *Logical, depth int) *fault {
	switch {
	case l.Op != "and" && l.Op != "or":
		return faulty(`it is "and" or "or", not ` + quoted(l.Op)).in(".Op")
	case len(l.Clauses) < 2:
		return faulty(fmt.Sprintf("it joins two or more conditions, not %d", len(l.Clauses))).in(".Clauses")
	}
	for i, x := range l.Clauses {
		if f := exprFault(x, depth+1); f != nil {
			return f.inItem(".Clauses", i)
		}
	}
	return nil
}

func clauseFault(c *Clause) *fault {
	if f := fieldFault(&c.Field); f != nil {
		return f
	}
	op := c.Op.Name
	want, known := operandsOf[op]
	if !known {
		message := "there is no operator " + quoted(op)
		if low := strings.ToLower(strings.Join(strings.Fields(op), " ")); hasOperator(low) {
			message += "; it is named " + quoted(low) + " here"
		}
		return faulty(message).in(".Op.Name")
	}
	if f := operandFault(&c.Operand, want, 0); f != nil {
		return f.in(".Operand")
	}
	for i := range c.Predicates {
		p := &c.Predicates[i]
		isWas, name := strings.HasPrefix(op, "was"), p.Op.Name
		f := operandFault(&p.Operand, wantAny, 0).in(".Operand")
		if !slices.Contains(predicateNames[:], name) || name == "" || !isWas && op != "changed" || isWas && (name == "from" || name == "to") {
			f = faulty("the predicate " + quoted(name) + " does not go with " + quoted(op)).in(".Op.Name")
		}
		if f != nil {
			return f.inItem(".Predicates", i)
		}
	}
	return nil
}

func hasOperator(name string) bool {
	_, ok := operandsOf[name]
	return ok
}

// operandsOf are the operators with the operands that the grammar gives them.
var operandsOf = map[string]wanted{
	"=": wantScalarOrEmpty, "!=": wantScalarOrEmpty, "~": wantScalarOrEmpty, "!~": wantScalarOrEmpty,
	"<": wantScalar, "<=": wantScalar, ">": wantScalar, ">=": wantScalar,
	"in": wantMany, "not in": wantMany, "is": wantEmpty, "is not": wantEmpty,
	"was": wantScalarOrEmpty, "was not": wantScalarOrEmpty, "was in": wantMany, "was not in": wantMany, "changed": 0,
}

// fieldFault finds the fault in a field.
func fieldFault(f *Field) *fault {
	if strings.TrimSpace(f.Name) == "" || !utf8.ValidString(f.Name) {
		return faulty("the name of a field is not blank, and UTF-8").in(".Field.Name")
	}
	for i := range f.Properties {
		p := &f.Properties[i]
		bad := operandFault(&p.Key, wantArgument, 0).in(".Key")
		for j := range p.Path {
			if bad == nil {
				bad = operandFault(&p.Path[j], wantArgument, 0).inItem(".Path", j)
			}
			if bad == nil && !isPath(p.Path[j].Value) {
				bad = faulty("a path is such as .name or .address.city").inItem(".Path", j)
			}
		}
		if bad != nil {
			return bad.inItem(".Field.Properties", i)
		}
	}
	return nil
}

// kindWanted are the kinds of operands as the grammar knows them.
var kindWanted = [...]wanted{
	StringOperand: wantValue | wantArgument, NumberOperand: wantValue | wantArgument, EmptyOperand: wantEmpty,
	FunctionOperand: wantFunction, ListOperand: wantList,
}

var kindPhrases = [...]string{"no operand", "a string", "a number", "EMPTY", "a function", "a list"}

// operandFault finds the first fault in an operand that must be one of what is wanted.
func operandFault(o *Operand, want wanted, depth int) *fault {
	switch {
	case want == 0 && o.Kind == NoOperand:
		return nil
	case want == 0:
		return faulty("there is none after this operator").in(".Kind")
	case int(o.Kind) >= len(kindWanted):
		return faulty(fmt.Sprintf("there is no kind %d of operand", o.Kind)).in(".Kind")
	case kindWanted[o.Kind]&want == 0:
		return faulty(kindPhrases[o.Kind] + " cannot stand here, only " + either(want.names())).in(".Kind")
	case !utf8.ValidString(o.Value):
		return faulty("it is not valid UTF-8").in(".Value")
	case depth >= maxDepth:
		return faulty(tooDeep)
	}
	members := wantAny
	switch o.Kind {
	case NumberOperand:
		if !isNumber(o.Value) || !inRange(o.Value) {
			return faulty(quoted(o.Value) + " is no whole number of 64 bits").in(".Value")
		}
	case FunctionOperand:
		if strings.TrimSpace(o.Value) == "" {
			return faulty("the name of a function is not blank").in(".Value")
		}
		members = wantArgument
	case ListOperand:
		if len(o.Items) == 0 {
			return faulty("a list is not empty").in(".Items")
		}
	}
	if len(o.Items) > 0 && o.Kind != FunctionOperand && o.Kind != ListOperand {
		return faulty(kindPhrases[o.Kind] + " has no items").in(".Items")
	}
	for i := range o.Items {
		if f := operandFault(&o.Items[i], members, depth+1); f != nil {
			return f.inItem(".Items", i)
		}
	}
	return nil
}
