package jql

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// Resolve gives a query its meaning for the indexes of the schemas: names
// become fields, words become typed values, relative dates become instants,
// NOT is pushed down to the operators, and the order becomes total. If opts is
// nil, the query is asked now, in UTC, by nobody.
//
// A field may be used if at least one of the indexes has it; a clause on it
// matches nothing in the others, which is a warning. A name that stands for
// fields that do not compare with each other is an error.
//
// The error is an [ErrorList] with every complaint up to the hundredth, or the error of ctx.
// Resolve does not change q.
func Resolve(ctx context.Context, q *Query, schemas []*record.Schema, opts *ResolveOptions) (*Resolution, error) {
	if err := q.validate(); err != nil {
		return nil, err
	}
	r := &resolver{ctx: ctx, q: q, schemas: schemas}
	if opts != nil {
		r.opts = *opts
	}
	if r.opts.Now.IsZero() {
		r.opts.Now = time.Now()
	}
	if r.opts.Zone == nil {
		r.opts.Zone = time.UTC
	}
	if len(schemas) == 0 {
		return nil, ErrorList{q.errorAt(q.Span, "no_index", "there is no index to ask")}
	}
	plans := make([]*plan.Plan, len(schemas))
	for i, s := range schemas {
		r.at, r.schema = i, s
		p := &plan.Plan{Schema: s, Where: plan.All{}}
		if q.Where != nil {
			p.Where = r.expr(q.Where, false)
		}
		plans[i] = p
	}
	r.order(plans)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(r.errs) > 0 {
		return nil, finished(r.errs)
	}
	return &Resolution{Plans: plans, Warnings: finished(r.warns)}, nil
}

// finished puts complaints in order.
func finished(list ErrorList) ErrorList {
	for _, e := range list {
		e.Found = shorten(e.Found)
	}
	list.Sort()
	return list
}

// A resolver makes the plans of one query, one schema after the other.
type resolver struct {
	ctx     context.Context
	q       *Query
	opts    ResolveOptions
	schemas []*record.Schema
	at      int            // which schema is being resolved for
	schema  *record.Schema // schemas[at]
	calls   map[callKey][]record.Value
	emptied []*record.Field // fields of which a condition beside the one being resolved says EMPTY
	sorting bool            // the fields of ORDER BY are being resolved
	// meaningless are the names that were complained of.
	meaningless map[*Field]bool
	steps       int  // clauses and values resolved
	cancelled   bool // ctx has ended
	errs        ErrorList
	warns       ErrorList
}

// expr resolves a condition; negate asks for its opposite.
func (r *resolver) expr(x Expr, negate bool) plan.Node {
	if r.poll(); r.cancelled {
		return plan.None{}
	}
	switch x := x.(type) {
	case *Not:
		return r.expr(x.X, !negate)
	case *Logical:
		nodes := make([]plan.Node, len(x.Clauses))
		outer := r.emptied
		r.emptied = r.spokenEmpty(x.Clauses)
		for i, c := range x.Clauses {
			nodes[i] = r.expr(c, negate)
		}
		r.emptied = outer
		if (x.Op == "and") != negate {
			return plan.NewAnd(nodes...)
		}
		return plan.NewOr(nodes...)
	case *Clause:
		return r.clause(x, negate)
	}
	return plan.None{}
}

// poll looks at the context from time to time: a query may have a hundred
// thousand clauses.
func (r *resolver) poll() {
	if r.steps++; r.steps%1024 == 0 && !r.cancelled && r.ctx.Err() != nil {
		r.cancelled = true
	}
}

// opposites are the operators that NOT turns into each other.
var opposites = map[string]string{
	"=": "!=", "!=": "=", "~": "!~", "!~": "~", "<": ">=", ">=": "<", ">": "<=", "<=": ">",
	"in": "not in", "not in": "in", "is": "is not", "is not": "is",
	"was": "was not", "was not": "was", "was in": "was not in", "was not in": "was in",
}

// A term is a clause on its way to a node: its field is found and its
// operator has taken in the NOTs above it.
type term struct {
	*Clause
	op    string
	field *record.Field
	// negated says that a NOT above the clause was taken in.
	negated bool
}

// clause resolves a single condition for the current schema.
func (r *resolver) clause(c *Clause, negate bool) plan.Node {
	f := r.field(&c.Field)
	if f == nil {
		return plan.None{}
	}
	t := &term{Clause: c, op: c.Op.Name, field: f, negated: negate}
	if negate && t.op != "changed" {
		t.op = opposites[t.op]
	}
	if !f.Searchable {
		message := "the field " + quoted(f.Path) + " is stored but cannot be searched"
		if f.Kind == record.Unknown {
			message = "the field " + quoted(f.Path) + " cannot be searched: its type " + quoted(f.Type) + " is not known"
		}
		r.fail(c.Field.Span, "not_searchable", message)
		return plan.None{}
	}
	if len(c.Predicates) > 0 && !strings.HasPrefix(t.op, "was") && t.op != "changed" {
		r.fail(c.Predicates[0].Span, "predicate_unsupported",
			"the predicate "+quoted(c.Predicates[0].Op.Name)+" may stand only after WAS and CHANGED")
		return plan.None{}
	}
	switch t.op {
	case "=", "!=", "in", "not in", "is", "is not":
		return r.equality(t)
	case "<", "<=", ">", ">=":
		return r.comparison(t)
	case "~", "!~":
		return r.text(t)
	case "changed":
		return r.changed(t)
	case "was", "was not", "was in", "was not in":
		return r.was(t)
	}
	r.fail(c.Op.Span, "no_operator", "there is no operator "+quoted(c.Op.Name))
	return plan.None{}
}

// positive reports whether the operator asks for what its operand says,
// rather than for everything but that.
func (t *term) positive() bool {
	switch t.op {
	case "!=", "!~", "not in", "is not", "was not", "was not in":
		return false
	}
	return true
}

// equality resolves = != IN, NOT IN, IS and IS NOT.
func (r *resolver) equality(t *term) plan.Node {
	if t.Operand.Kind == EmptyOperand {
		return emptiness(t.field, t.positive())
	}
	list := t.op == "in" || t.op == "not in"
	if list != (t.Operand.Kind == ListOperand) && t.Operand.Kind != FunctionOperand {
		r.badList(t)
		return plan.None{}
	}
	exact := t.field.Exact()
	if exact == nil || !isScalar(exact) {
		r.unsupported(t)
		return plan.None{}
	}
	set := r.set(t, exact, list)
	if !set.ok {
		return plan.None{}
	}
	if set.nobody && !t.positive() { // everybody but nobody knows whom: nobody
		return plan.None{}
	}
	r.lintEquality(t, &set)
	match := plan.NewTerms(exact, set.values...)
	if len(set.ranges) > 0 {
		match = plan.NewOr(append(set.ranges, match)...)
	}
	if t.positive() {
		if set.empty {
			match = plan.NewOr(match, plan.Missing{Field: t.field})
		}
		return match
	}
	return plan.NewAnd(plan.Exists{Field: t.field}, negation(match))
}

// emptiness is the node of IS EMPTY, or of IS NOT EMPTY.
func emptiness(f *record.Field, empty bool) plan.Node {
	if empty {
		return plan.Missing{Field: f}
	}
	return plan.Exists{Field: f}
}

// negation returns the opposite of a node that stands beside an Exists.
func negation(n plan.Node) plan.Node {
	switch n.(type) {
	case plan.None:
		return plan.All{}
	case plan.All:
		return plan.None{}
	}
	return plan.Not{Node: n}
}

// isScalar reports whether single values of the field can be told from each other.
func isScalar(f *record.Field) bool {
	switch f.Kind {
	case record.Bool, record.Int, record.Uint, record.Float, record.String, record.Time, record.IP, record.Version:
		return f.Searchable
	}
	return false
}

// comparison resolves < <= > and >=.
func (r *resolver) comparison(t *term) plan.Node {
	f := t.field.Exact()
	if f == nil || !isScalar(f) || f.Kind == record.Bool || f.Kind == record.String && !f.Ordered {
		r.unsupported(t)
		return plan.None{}
	}
	if t.Operand.Kind == ListOperand || t.Operand.Kind == EmptyOperand {
		r.badList(t)
		return plan.None{}
	}
	values := r.operands(t, &t.Operand, f, false)
	if !values.ok {
		return plan.None{}
	}
	if len(values.operands) == 0 {
		return plan.None{}
	}
	return r.bound(t, f, values.operands[0])
}

// A set is what an operand of = or IN holds.
type set struct {
	ok     bool           // nothing was complained of
	values []record.Value // single values
	ranges []plan.Node    // intervals, of dates and networks
	empty  bool           // EMPTY is among them
	nobody bool           // a function gave nothing, so that there is nothing to compare with
	count  int            // how many operands were written
}

// set resolves the operand of = or IN against a field of whole values.
func (r *resolver) set(t *term, f *record.Field, list bool) set {
	s := set{ok: true}
	all := r.operands(t, &t.Operand, f, list)
	if !all.ok {
		return set{}
	}
	s.empty, s.nobody, s.count = all.empty, all.nobody, all.count
	s.values = make([]record.Value, 0, len(all.operands))
	for _, o := range all.operands {
		r.member(t, f, o, &s)
	}
	return s
}

// member adds one operand to a set.
func (r *resolver) member(t *term, f *record.Field, o operand, s *set) {
	if f.Kind == record.Time {
		m, ok := r.moment(t, f, o)
		if !ok {
			s.ok = false
			return
		}
		if m.start == m.end { // a day that the zone's calendar left out
			r.lintNever(t, f, o, "can be on")
			return
		}
		s.ranges = append(s.ranges, m.interval(f))
		return
	}
	if f.Kind == record.IP && strings.Contains(o.text, "/") {
		node, ok := r.network(t, f, o)
		s.ok = s.ok && ok
		s.ranges = append(s.ranges, node)
		return
	}
	v, verdict := r.value(t, f, o)
	switch verdict {
	case valueBad:
		s.ok = false
	case valueFine:
		s.values = append(s.values, v)
	case valueNever:
		r.lintNever(t, f, o, "can equal")
	}
}

// An operand is one scalar operand: written in the query, or given by a function.
type operand struct {
	span    Span
	text    string // decoded
	number  bool   // a bare number
	given   record.Value
	isGiven bool // given by a function, as a typed value
}

// operandList is the operands of one clause, flattened.
type operandList struct {
	ok       bool
	operands []operand
	empty    bool
	nobody   bool
	count    int
}

// operands flattens an operand: lists into their members, functions into their values.
// list says that the operator takes a list.
func (r *resolver) operands(t *term, o *Operand, f *record.Field, list bool) operandList {
	l := operandList{ok: true}
	if o.Kind == FunctionOperand {
		r.given(t, o, f, list, list, &l)
	} else {
		r.flatten(t, o, f, &l)
	}
	return l
}

func (r *resolver) flatten(t *term, o *Operand, f *record.Field, l *operandList) {
	switch o.Kind {
	case ListOperand:
		l.operands = slices.Grow(l.operands, len(o.Items))
		for i := range o.Items {
			if r.poll(); r.cancelled {
				l.ok = false
				return
			}
			r.flatten(t, &o.Items[i], f, l)
		}
	case EmptyOperand:
		l.empty = true
		l.count++
	case FunctionOperand:
		r.given(t, o, f, true, false, l)
	default:
		l.count++
		l.operands = append(l.operands, operand{span: o.Span, text: o.Value, number: o.Kind == NumberOperand})
	}
}

// given adds the values of a function. mayList says that it may return a list, and
// mustList that it has to.
func (r *resolver) given(t *term, o *Operand, f *record.Field, mayList, mustList bool, l *operandList) {
	l.count += 2 // never the "one value" of a list
	values, ok := r.call(t, o, f, mayList, mustList)
	if !ok {
		l.ok = false
		return
	}
	if len(values) == 0 {
		l.nobody = l.nobody || !r.isList(o)
		return
	}
	for _, v := range values {
		if v.Kind() == record.String {
			l.operands = append(l.operands, operand{span: o.Span, text: v.Text()})
			continue
		}
		l.operands = append(l.operands, operand{span: o.Span, text: v.Text(), given: v, isGiven: true})
	}
}

// maxComplaints bounds the errors and the warnings of one query: a list may hold
// a hundred thousand bad values.
const maxComplaints = 100

// A remark is an Error that is noted already; what is left of it may be filled in.
type remark Error

// fail complains, once for all schemas.
func (r *resolver) fail(span Span, code, message string) *remark {
	return r.complain(&r.errs, span, code, message)
}

// warn complains without keeping the query from running, once for all schemas.
func (r *resolver) warn(span Span, code, message string) *remark {
	return r.complain(&r.warns, span, code, message)
}

func (r *resolver) complain(list *ErrorList, span Span, code, message string) *remark {
	for _, e := range *list {
		if e.Span == span && e.Code == code && (r.at > 0 || e.Message == message) {
			return (*remark)(e)
		}
	}
	switch len(*list) {
	case maxComplaints - 1:
		code, message = "too_many_complaints", "there is more to complain of from here on; mend what is known first"
	case maxComplaints:
		return &remark{} // for the caller to fill in
	}
	e := r.q.errorAt(span, code, message)
	*list = append(*list, e)
	return (*remark)(e)
}

// unsupported complains of an operator that the field does not have.
func (r *resolver) unsupported(t *term) {
	message := "the operator " + quoted(strings.ToUpper(t.Op.Name)) + " is not supported by the field " + quoted(t.field.Path) + ", " + what(t.field) + r.inIndex()
	operators := fieldOperators(t.field, r.schema.History(t.field) != nil)
	if len(operators) > 0 {
		message += "; use " + either(operators)
	}
	e := r.fail(t.Op.Span, "operator_unsupported", message)
	e.Found, e.Expected = strings.ToUpper(t.Op.Name), operators
}

// badList complains of a list where none may stand, or of none where one must.
func (r *resolver) badList(t *term) {
	op, text := strings.ToUpper(t.Op.Name), inLine(shorten(r.q.textOf(&t.Operand)))
	if t.Operand.Kind == ListOperand {
		r.fail(t.Operand.Span, "operand_unsupported", "the operator "+quoted(op)+" does not take a list; use IN")
		return
	}
	r.fail(t.Operand.Span, "operand_unsupported",
		"the operator "+quoted(op)+" does not support the value "+text+" for the field "+quoted(t.field.Path)).Found = text
}
