package jql

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Bind reads a template, a query in which each ? outside of quotes is a
// parameter, and puts the arguments in the places of the parameters, in order.
// An argument goes into the tree of the query and never through its text, so
// that nothing in it can be taken for a part of the language. The text behind ~
// is a small language of its own, though: give it through [PlainText] where it
// is what somebody typed.
//
// What an argument may be depends on where its ? stands:
//   - a value: a string, a bool, an integer or a float (or a type made from
//     one), a [json.Number] or a [time.Time], which is that
//     millisecond (for a day of the calendar give a string such as "2024-01-31");
//     nil is EMPTY, where that may stand;
//   - a list, as after IN: a slice of values, not empty. Between the brackets
//     of a list it becomes members of that list;
//   - a field: a string, its name;
//   - a condition: a [*Query] or an [Expr]. The order of the query is left out.
//     The result may nest as deep as a text that [Parse] reads by default.
//
// Integers are numbers, and so are floats without a fraction up to 2^53; other
// numbers are strings, since the language has only whole numbers. An error is
// an [ErrorList] with places in the template. The text of the query is what
// its String returns.
func Bind(template string, args ...any) (*Query, error) {
	var p parser
	p.init(template, nil)
	p.bind = true
	p.args = args
	q, err := p.parse()
	if err != nil {
		return nil, err
	}
	if p.used < len(args) {
		p.failText("argument_count", fmt.Sprintf("The template has fewer parameters (%d) than there are arguments (%d).", p.used, len(args)))
		return nil, ErrorList{p.err}
	}
	if q.layOut() > p.maxDepth {
		return nil, ErrorList{newError(template, Span{0, len(template)}, "too_deep", nestedTooDeep(p.maxDepth))}
	}
	return q, nil
}

// Cond returns a query of one condition: a field, an operator in any case, and
// what it is compared with, as in [Bind]. IN, NOT IN, WAS IN and WAS NOT IN
// take any number of values but none, or one slice. IS and IS NOT take none,
// or nil, for EMPTY. CHANGED takes none. All others take one.
func Cond(field, op string, values ...any) (*Query, error) {
	op = strings.ToUpper(strings.Join(strings.Fields(op), " "))
	if !slices.Contains(operatorNames, op) {
		return nil, ErrorList{newError(op, Span{0, len(op)}, "no_operator", "There is no operator '"+inLine(shorten(op))+"'. "+validOperators)}
	}
	template := "? " + op + " ?"
	switch {
	case op == "CHANGED":
		template = "? CHANGED"
	case (op == "IS" || op == "IS NOT") && len(values) == 0:
		values = []any{nil}
	case strings.HasSuffix(op, "IN") && (len(values) != 1 || !isSlice(values[0])):
		values = []any{values}
	}
	if takes := strings.Count(template, "?") - 1; takes != len(values) {
		return nil, ErrorList{newError(op, Span{0, len(op)}, "argument_count",
			fmt.Sprintf("The operator '%s' takes %d value, not %d.", op, takes, len(values)))}
	}
	return Bind(template, append([]any{field}, values...)...)
}

// And returns a query for the records that match q and all of the others, in
// the order of q. A query without a condition, or nil, matches every record.
// And and Or in turn may nest deeper than the text that [Parse] reads by
// default. If the result nests deeper than 10,000, or one of the queries was
// put together by hand against the grammar, it has no Text and [Resolve] refuses it.
func (q *Query) And(others ...*Query) *Query { return q.join("and", others) }

// Or returns a query for the records that match q or any of the others, in
// the order of q. A query without a condition, or nil, matches every record.
// For depth and for queries that were put together by hand see [Query.And].
func (q *Query) Or(others ...*Query) *Query { return q.join("or", others) }

func (q *Query) join(op string, others []*Query) *Query {
	parts := append([]*Query{q}, others...)
	for _, part := range parts {
		if part != nil && part.validate() != nil {
			return &Query{Where: part.Where, Order: part.Order}
		}
	}
	joined := &Query{}
	if q != nil {
		joined.Order = cloneOrder(q.Order)
	}
	chain := &Logical{Op: op}
	for _, part := range parts {
		if part == nil || part.Where == nil {
			if op == "and" {
				continue
			}
			chain.Clauses = nil
			break
		}
		where := clone(part.Where)
		if l, ok := where.(*Logical); ok && l.Op == op {
			chain.Clauses = append(chain.Clauses, l.Clauses...)
			continue
		}
		chain.Clauses = append(chain.Clauses, where)
	}
	switch len(chain.Clauses) {
	case 0:
	case 1:
		joined.Where = chain.Clauses[0]
	default:
		joined.Where = chain
	}
	if joined.layOut() > maxDepth {
		joined.Text = ""
	}
	return joined
}

// nextArg returns the argument of the parameter that is the current token.
func (p *parser) nextArg() (any, bool) {
	if p.used == len(p.args) {
		return nil, p.failText("argument_count", fmt.Sprintf("There is no argument for parameter %d.", p.used+1))
	}
	p.used++
	return p.args[p.used-1], true
}

// isCondition reports whether the next argument is one.
func (p *parser) isCondition() bool {
	if p.used == len(p.args) {
		return false
	}
	switch p.args[p.used].(type) {
	case *Query, Expr:
		return true
	}
	return false
}

// boundCondition takes the next argument, which is a condition.
func (p *parser) boundCondition() (Expr, bool) {
	arg, _ := p.nextArg()
	x, _ := arg.(Expr)
	whole := &Query{Where: x}
	if q, ok := arg.(*Query); ok && q != nil {
		whole = q
	}
	if isNil(whole.Where) {
		return nil, p.failText("argument_value", "A query without a condition cannot stand here. And and Or take it.")
	}
	if whole.Text == "" {
		if f := whole.fault(); f != nil {
			return nil, p.failText("bad_tree", f.String())
		}
	}
	x = clone(whole.Where)
	p.next()
	return x, p.node()
}

func (p *parser) boundField(f *Field) bool {
	arg, ok := p.nextArg()
	if !ok {
		return false
	}
	name, ok := arg.(string)
	if !ok {
		return p.failText("argument_type", fmt.Sprintf("An argument of type %T cannot be the name of a field; a string can.", arg))
	}
	switch {
	case strings.TrimSpace(name) == "":
		return p.fail(emptyField)
	case !utf8.ValidString(name):
		return p.failText("invalid_utf8", "The name of the field is not valid UTF-8.")
	}
	f.Name = name
	p.next()
	return true
}

func (p *parser) boundOperand(o *Operand, want wanted) bool {
	arg, ok := p.nextArg()
	if !ok {
		return false
	}
	switch {
	case arg == nil && want&wantEmpty != 0:
		o.Kind = EmptyOperand
	case isSlice(arg) && want&wantList != 0:
		o.Kind = ListOperand
		mark := len(p.items)
		if !p.boundSlice(arg) {
			return false
		}
		o.Items = p.popItems(mark)
	case want&wantValue != 0:
		if !p.scalar(o, arg) {
			return false
		}
	default:
		return p.failText("argument_type", fmt.Sprintf("An argument of type %T cannot stand here, only %s.", arg, strings.Join(want.names(), " or ")))
	}
	p.next()
	return true
}

func (p *parser) boundArgument(o *Operand) bool {
	arg, ok := p.nextArg()
	if !ok || !p.scalar(o, arg) {
		return false
	}
	p.next()
	return true
}

// boundItems adds the next argument to the list being read.
func (p *parser) boundItems() bool {
	arg, ok := p.nextArg()
	if !ok {
		return false
	}
	if !isSlice(arg) {
		arg = []any{arg}
	}
	if !p.boundSlice(arg) {
		return false
	}
	p.next()
	return true
}

func isSlice(arg any) bool {
	t := reflect.TypeOf(arg)
	return t != nil && t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8
}

// boundSlice adds the elements of a slice to the list being read.
func (p *parser) boundSlice(arg any) bool {
	v := reflect.ValueOf(arg)
	if v.Len() == 0 {
		return p.failText("argument_value", "A list cannot be empty.")
	}
	for i := range v.Len() {
		var o Operand
		elem := v.Index(i).Interface()
		if elem == nil {
			o.Kind = EmptyOperand
		} else if !p.scalar(&o, elem) {
			return false
		}
		if !p.node() {
			return false
		}
		p.pushItem(o)
	}
	return true
}

// scalar makes an argument a value.
func (p *parser) scalar(o *Operand, arg any) bool {
	o.Kind = StringOperand
	v := reflect.ValueOf(arg)
	switch arg := arg.(type) {
	case time.Time:
		if year := arg.UTC().Year(); year < 0 || year > 9999 {
			return p.failText("argument_value", "The time "+arg.UTC().Format(time.RFC3339)+" is not of the years 0 to 9999.")
		}
		o.Value = arg.UTC().Format("2006-01-02T15:04:05.000Z")
		return true
	case json.Number:
		if !json.Valid([]byte(arg)) || strings.ContainsAny(string(arg), " \t\r\n\"") {
			return p.failText("argument_value", fmt.Sprintf("The json.Number %q is not a number.", string(arg)))
		}
		o.number(string(arg))
		return true
	case time.Duration:
		return p.failText("argument_type", "A time.Duration cannot be a value: write a duration such as \"-7d\", or give a time.Time.")
	}
	switch kind := v.Kind(); {
	case kind == reflect.String:
		if o.Value = v.String(); !utf8.ValidString(o.Value) {
			return p.failText("invalid_utf8", "The string is not valid UTF-8.")
		}
	case kind == reflect.Bool:
		o.Value = strconv.FormatBool(v.Bool())
	case v.CanInt():
		o.number(strconv.FormatInt(v.Int(), 10))
	case v.CanUint() && kind != reflect.Uintptr:
		o.number(strconv.FormatUint(v.Uint(), 10))
	case v.CanFloat():
		return p.float(o, v.Float(), v.Type().Bits())
	default:
		return p.failText("argument_type", fmt.Sprintf("An argument of type %T cannot be a value.", arg))
	}
	return true
}

func (p *parser) float(o *Operand, f float64, bits int) bool {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return p.failText("argument_value", fmt.Sprintf("%v cannot be a value.", f))
	}
	format := byte('g')
	if f == 0 || math.Abs(f) >= 1e-6 && math.Abs(f) < 1e21 {
		format = 'f'
	}
	o.Value = strconv.FormatFloat(f, format, -1, bits)
	if f == math.Trunc(f) && math.Abs(f) <= 1<<53 {
		o.number(strconv.FormatFloat(f+0, 'f', 0, 64))
	}
	return true
}

// number makes the operand a number if the language has it, a string otherwise.
func (o *Operand) number(text string) {
	o.Value = text
	if isNumber(text) && inRange(text) {
		o.Kind = NumberOperand
	}
}

// clone returns a copy of a condition that shares no nodes with it, nil if it is nil.
func clone(x Expr) Expr {
	switch x := x.(type) {
	case *Logical:
		if x == nil {
			return nil
		}
		c := *x
		c.Clauses = make([]Expr, len(x.Clauses))
		for i := range x.Clauses {
			c.Clauses[i] = clone(x.Clauses[i])
		}
		return &c
	case *Not:
		if x == nil {
			return nil
		}
		c := *x
		c.X = clone(x.X)
		return &c
	case *Clause:
		if x == nil {
			return nil
		}
		c := *x
		c.Field = cloneField(c.Field)
		c.Operand = cloneOperand(c.Operand)
		c.Predicates = slices.Clone(c.Predicates)
		for i := range c.Predicates {
			c.Predicates[i].Operand = cloneOperand(c.Predicates[i].Operand)
		}
		return &c
	}
	return nil
}

func cloneOrder(order []SortKey) []SortKey {
	order = slices.Clone(order)
	for i := range order {
		order[i].Field = cloneField(order[i].Field)
	}
	return order
}

func cloneField(f Field) Field {
	f.Properties = slices.Clone(f.Properties)
	for i := range f.Properties {
		p := &f.Properties[i]
		p.Key = cloneOperand(p.Key)
		p.Path = cloneOperands(p.Path)
	}
	return f
}

func cloneOperand(o Operand) Operand {
	o.Items = cloneOperands(o.Items)
	return o
}

func cloneOperands(items []Operand) []Operand {
	items = slices.Clone(items)
	for i := range items {
		items[i] = cloneOperand(items[i])
	}
	return items
}
