package jql

import (
	"slices"
	"strconv"
	"strings"
)

func (t *token) span() Span { return Span{t.start, t.end} }

// tokenText returns the current token as written.
func (p *parser) tokenText() string { return p.text[p.token.start:p.token.end] }

// strict reports whether to refuse what Jira's published grammar takes and its
// server does not.
func (p *parser) strict() bool { return !p.jira && p.completer == nil }

// clause = field operator operand? predicate*
func (p *parser) clause() (*Clause, bool) {
	if !p.node() {
		return nil, false
	}
	c := p.newClause()
	if p.completer != nil {
		p.completer.clause, p.completer.predicate, p.completer.lists = c, "", 0
	}
	c.Start = p.token.start
	if !p.field(&c.Field) || !p.comparison(c) {
		return nil, false
	}
	c.End = p.end
	return c, true
}

// field = number | ( string | CF [ number ] ) property*
func (p *parser) field(f *Field) bool {
	t := p.token
	f.Span = t.span()
	switch p.want |= wantField; t.kind {
	case tokNumber:
		f.Text = p.tokenText()
		f.Name = f.Text
		p.next()
		return true
	case tokString:
		f.Text = p.tokenText()
		f.Name = decode(f.Text, t.quoted, t.escaped)
		if p.strict() && strings.TrimSpace(f.Name) == "" {
			return p.fail(emptyField)
		}
		p.next()
	case tokCF:
		if !p.customField(f) {
			return false
		}
	case tokParam:
		if !p.boundField(f) {
			return false
		}
	case tokReserved:
		if p.jira {
			return p.fail(noField)
		}
		f.Text = p.tokenText()
		f.Name = f.Text
		p.next()
	default:
		return p.fail(noField)
	}
	for p.is(tokOpenBracket, wantOpenBracket) {
		f.Properties = append(f.Properties, Property{})
		if !p.property(&f.Properties[len(f.Properties)-1]) {
			return false
		}
		f.End = p.end
	}
	return true
}

// customField reads cf[10021].
func (p *parser) customField(f *Field) bool {
	p.next()
	if !p.is(tokOpenBracket, wantOpenBracket) {
		return p.fail(noCustomField)
	}
	p.next()
	p.want |= wantCustomField
	id := p.tokenText()
	if p.token.kind != tokNumber || id[0] == '-' {
		return p.fail(noCustomField)
	}
	if p.strict() && !inRange(id) {
		return p.fail(numberRange)
	}
	p.next()
	if !p.is(tokCloseBracket, wantCloseBracket) {
		return p.fail(noCustomField)
	}
	p.next()
	f.End = p.end
	f.Text = p.text[f.Start:f.End]
	if id = strings.TrimLeft(id, "0"); id == "" {
		id = "0"
	}
	f.Name = "cf[" + id + "]"
	return true
}

// property = [ argument ] argument*
func (p *parser) property(prop *Property) bool {
	prop.Start = p.token.start
	p.next()
	if !p.argument(&prop.Key, noProperty, wantProperty) {
		return false
	}
	if !p.is(tokCloseBracket, wantCloseBracket) {
		return p.fail(noCloseBracket)
	}
	p.next()
	for {
		p.want |= wantPath
		if p.token.kind != tokString && p.token.kind != tokNumber {
			break
		}
		if !p.node() {
			return false
		}
		prop.Path = append(withRoom(prop.Path), Operand{})
		path := &prop.Path[len(prop.Path)-1]
		p.value(path)
		if p.strict() && !isPath(path.Value) {
			return p.failAt(token{start: path.Start, end: path.End}, badPath)
		}
	}
	prop.End = p.end
	return true
}

// isPath reports whether a property path is one that Jira's server takes: a
// dot before each of its names.
func isPath(path string) bool {
	for path != "" {
		if path[0] != '.' {
			return false
		}
		path = path[1:]
		i := strings.IndexByte(path, '.')
		if i < 0 {
			return path != ""
		}
		if i == 0 {
			return false
		}
		path = path[i:]
	}
	return false
}

// comparison reads the operator of a clause and all that follows it.
func (p *parser) comparison(c *Clause) bool {
	c.Op.Start = p.token.start
	p.want |= wantOperator
	switch kind := p.token.kind; kind {
	case tokEquals, tokNotEquals, tokLike, tokNotLike:
		return p.operator(c, symbols[kind]) && p.operand(&c.Operand, wantScalarOrEmpty)
	case tokLess, tokLessEquals, tokGreater, tokGreaterEq:
		return p.operator(c, symbols[kind]) && p.operand(&c.Operand, wantScalar)
	case tokIn:
		return p.operator(c, "in") && p.operand(&c.Operand, wantMany)
	case tokNot:
		p.next()
		if !p.is(tokIn, wantIn) {
			return p.fail(noIn)
		}
		return p.operator(c, "not in") && p.operand(&c.Operand, wantMany)
	case tokIs:
		p.operator(c, "is")
		if p.is(tokNot, wantIsNot) {
			p.operator(c, "is not")
		}
		return p.operand(&c.Operand, wantEmpty)
	case tokWas:
		return p.was(c)
	case tokChanged:
		return p.operator(c, "changed") && p.predicates(c, wantChangedPredicate)
	}
	return p.fail(noOperator)
}

var symbols = [...]string{
	tokEquals: "=", tokNotEquals: "!=", tokLike: "~", tokNotLike: "!~",
	tokLess: "<", tokLessEquals: "<=", tokGreater: ">", tokGreaterEq: ">=",
}

// operator ends the operator of a clause with the current token.
func (p *parser) operator(c *Clause, name string) bool {
	c.Op.Name = name
	p.next()
	c.Op.End = p.end
	return true
}

// was reads the rest of WAS, WAS NOT, WAS IN and WAS NOT IN.
func (p *parser) was(c *Clause) bool {
	p.operator(c, "was")
	name, operand := "was in", wantScalarOrEmpty
	if p.is(tokNot, wantIsNot) {
		p.operator(c, "was not")
		name = "was not in"
	}
	if p.is(tokIn, wantIn) {
		p.operator(c, name)
		operand = wantMany
	}
	return p.operand(&c.Operand, operand) && p.predicates(c, wantWasPredicate)
}

// predicates reads the predicates of WAS or CHANGED, in any order and number.
func (p *parser) predicates(c *Clause, want wanted) bool {
	for {
		name := predicateNames[p.token.kind]
		p.want |= want
		if name == "" || want == wantWasPredicate && (name == "from" || name == "to") {
			return true
		}
		if p.completer != nil {
			p.completer.predicate = name
		}
		if !p.node() {
			return false
		}
		start := p.token.start
		c.Predicates = append(withRoom(c.Predicates), Predicate{Op: Operator{Span: p.token.span(), Name: name}})
		pred := &c.Predicates[len(c.Predicates)-1]
		p.next()
		if !p.operand(&pred.Operand, wantAny) {
			return false
		}
		pred.Span = Span{start, p.end}
	}
}

var predicateNames = [256]string{
	tokAfter: "after", tokBefore: "before", tokOn: "on", tokDuring: "during",
	tokBy: "by", tokFrom: "from", tokTo: "to",
}

// operand reads one of the operands that want names.
func (p *parser) operand(o *Operand, want wanted) bool {
	if !p.node() {
		return false
	}
	p.want |= want
	o.Span = p.token.span()
	switch kind := p.token.kind; {
	case kind == tokParam:
		return p.boundOperand(o, want)
	case kind == tokEmpty && want&wantEmpty != 0:
		o.Kind, o.Text = EmptyOperand, p.tokenText()
		p.next()
		return true
	case kind == tokOpen && want&wantList != 0:
		return p.list(o)
	case (kind == tokString || kind == tokNumber) && want&wantFunction != 0:
		t := p.token
		p.value(o)
		if p.token.kind == tokOpen {
			return p.function(o)
		}
		if want&wantValue == 0 {
			p.want |= wantParen
			return p.fail(noParen)
		}
		return !p.strict() || o.Kind != NumberOperand || inRange(o.Value) || p.failAt(t, numberRange)
	}
	return p.fail(noOperand(p.want))
}

// value reads the current token, a string or a number.
func (p *parser) value(o *Operand) {
	o.Span, o.Kind, o.Text = p.token.span(), StringOperand, p.tokenText()
	o.Value = o.Text
	if p.token.kind == tokNumber {
		o.Kind = NumberOperand
	} else if p.token.quoted || p.token.escaped {
		o.Value = decode(o.Text, p.token.quoted, p.token.escaped)
	}
	p.next()
}

// inRange reports whether a number fits into 64 bits.
func inRange(number string) bool {
	if len(number) < 19 {
		return true
	}
	_, err := strconv.ParseInt(number, 10, 64)
	return err == nil
}

// argument reads a string or a number.
func (p *parser) argument(o *Operand, c *complaint, want wanted) bool {
	if !p.node() {
		return false
	}
	switch p.want |= want; p.token.kind {
	case tokString, tokNumber:
		p.value(o)
		return true
	case tokParam:
		return p.boundArgument(o)
	}
	return p.fail(c)
}

// function reads the arguments of the function whose name o is so far.
func (p *parser) function(o *Operand) bool {
	if p.strict() && strings.TrimSpace(o.Value) == "" {
		return p.failAt(token{start: o.Start, end: o.End}, emptyFunction)
	}
	if p.completer != nil {
		p.completer.function, p.completer.members = o.Value, -1
	}
	o.Kind, o.Name = FunctionOperand, o.Span
	p.next()
	if !p.is(tokClose, wantClose) {
		mark := len(p.items)
		for {
			arg := Operand{}
			if !p.argument(&arg, noArgument, wantArgument) {
				return false
			}
			p.pushItem(arg)
			if !p.is(tokComma, wantComma) {
				break
			}
			p.next()
		}
		o.Items = p.popItems(mark)
	}
	if !p.is(tokClose, wantClose) {
		return p.fail(noCommaOrClose)
	}
	p.next()
	o.End = p.end
	return true
}

// list = ( operand ( , operand )* )
func (p *parser) list(o *Operand) bool {
	if !p.deeper() {
		return false
	}
	o.Kind, o.Start = ListOperand, p.token.start
	if p.completer != nil {
		p.completer.lists++
		p.completer.members = 0
	}
	mark := len(p.items)
	var item Operand // outside of the loop, since it escapes
	for more := true; more; more = p.is(tokComma, wantComma) {
		p.next()
		if p.token.kind == tokParam {
			if !p.boundItems() {
				return false
			}
			continue
		}
		item = Operand{}
		if !p.operand(&item, wantAny) {
			return false
		}
		p.pushItem(item)
		if p.completer != nil {
			p.completer.members = len(p.items) - mark
			p.skipToComma()
		}
	}
	if !p.is(tokClose, wantClose) {
		return p.fail(noCommaOrClose)
	}
	p.next()
	p.depth--
	if p.completer != nil {
		p.completer.lists--
	}
	o.End = p.end
	o.Items = p.popItems(mark)
	return true
}

// pushItem adds a member to the list being read. The lists around it wait
// further down in the same stack.
func (p *parser) pushItem(item Operand) {
	if len(p.items) == cap(p.items) {
		more := make([]Operand, len(p.items), max(8, 2*cap(p.items)))
		copy(more, p.items)
		p.items = more
	}
	p.items = append(p.items, item)
}

// withRoom returns s with room for another member. Where append grows a long
// slice by a quarter, it doubles, since the nodes are large and moving them is
// most of the work.
func withRoom[T any](s []T) []T {
	if len(s) < cap(s) || len(s) < 8 {
		return s
	}
	return slices.Grow(s, len(s))
}

// popItems returns the members from mark on.
func (p *parser) popItems(mark int) []Operand {
	items := make([]Operand, len(p.items)-mark)
	copy(items, p.items[mark:])
	p.items = p.items[:mark]
	return items
}
