package jql

import (
	"fmt"
	"strings"
)

// sketch prints a query for people: one line for each node, with the text that
// it covers, and what that text stands for where it is something else.
func sketch(q *Query) string {
	s := sketcher{text: q.Text}
	s.line(0, "query", q.Span, "")
	if q.Where != nil {
		s.expr(1, q.Where)
	}
	for _, k := range q.Order {
		s.line(1, strings.TrimSpace("sort "+k.Direction), k.Span, "")
		s.field(2, &k.Field)
	}
	return s.b.String()
}

type sketcher struct {
	text string
	b    strings.Builder
}

// line prints a node that covers a span. The value is given if there is one.
func (s *sketcher) line(depth int, kind string, span Span, value string) {
	text := span.text(s.text)
	fmt.Fprintf(&s.b, "%s%s «%s»", strings.Repeat("  ", depth), kind, inLine(text))
	if value != "" && value != text {
		fmt.Fprintf(&s.b, " = %+q", value)
	}
	s.b.WriteByte('\n')
}

func (s *sketcher) expr(depth int, x Expr) {
	switch x := x.(type) {
	case *Logical:
		s.line(depth, x.Op, x.Span, "")
		for i, c := range x.Clauses {
			s.expr(depth+1, c)
			if i < len(x.Ops) {
				s.line(depth+1, "by", x.Ops[i], "")
			}
		}
	case *Not:
		s.line(depth, "not", x.Span, "")
		s.line(depth+1, "by", x.Op, "")
		s.expr(depth+1, x.X)
	case *Clause:
		s.line(depth, "clause", x.Span, "")
		s.field(depth+1, &x.Field)
		s.line(depth+1, "operator", x.Op.Span, x.Op.Name)
		if x.Operand.Kind != NoOperand {
			s.operand(depth+1, "", &x.Operand)
		}
		for i := range x.Predicates {
			p := &x.Predicates[i]
			s.line(depth+1, "predicate", p.Span, "")
			s.line(depth+2, "operator", p.Op.Span, p.Op.Name)
			s.operand(depth+2, "", &p.Operand)
		}
	}
}

func (s *sketcher) field(depth int, f *Field) {
	s.line(depth, "field", f.Span, "")
	if f.Text != f.text(s.text) || f.Name != f.Text {
		s.b.WriteString(strings.Repeat("  ", depth+1))
		fmt.Fprintf(&s.b, "name «%s» = %+q\n", inLine(f.Text), f.Name)
	}
	for i := range f.Properties {
		p := &f.Properties[i]
		s.line(depth+1, "property", p.Span, "")
		s.operand(depth+2, "key ", &p.Key)
		for j := range p.Path {
			s.operand(depth+2, "path ", &p.Path[j])
		}
	}
}

var kindNames = [...]string{"none", "string", "number", "empty", "function", "list"}

func (s *sketcher) operand(depth int, role string, o *Operand) {
	kind := role + kindNames[o.Kind]
	switch o.Kind {
	case FunctionOperand:
		s.line(depth, kind, o.Span, "")
		s.line(depth+1, "name", o.Name, o.Value)
	case ListOperand:
		s.line(depth, kind, o.Span, "")
	default:
		value := o.Value
		if o.Kind == StringOperand && value == "" {
			value = " is blank"
		}
		s.line(depth, kind, o.Span, value)
	}
	for i := range o.Items {
		s.operand(depth+1, "", &o.Items[i])
	}
}

// meaning prints all of a query but its places and its texts.
func meaning(q *Query) string {
	var b strings.Builder
	if q.Where != nil {
		exprMeaning(&b, q.Where)
	}
	for i := range q.Order {
		fmt.Fprintf(&b, " sort %s %q", fieldMeaning(&q.Order[i].Field), q.Order[i].Direction)
	}
	return b.String()
}

func exprMeaning(b *strings.Builder, x Expr) {
	switch x := x.(type) {
	case *Logical:
		fmt.Fprintf(b, "(%s", x.Op)
		for _, c := range x.Clauses {
			b.WriteByte(' ')
			exprMeaning(b, c)
		}
		b.WriteByte(')')
	case *Not:
		b.WriteString("(not ")
		exprMeaning(b, x.X)
		b.WriteByte(')')
	case *Clause:
		fmt.Fprintf(b, "[%s %s %s", fieldMeaning(&x.Field), x.Op.Name, operandMeaning(&x.Operand))
		for i := range x.Predicates {
			fmt.Fprintf(b, " %s %s", x.Predicates[i].Op.Name, operandMeaning(&x.Predicates[i].Operand))
		}
		b.WriteByte(']')
	}
}

func fieldMeaning(f *Field) string {
	text := fmt.Sprintf("%q", f.Name)
	for i := range f.Properties {
		text += "." + operandMeaning(&f.Properties[i].Key)
		for j := range f.Properties[i].Path {
			text += "/" + operandMeaning(&f.Properties[i].Path[j])
		}
	}
	return text
}

func operandMeaning(o *Operand) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %q", kindNames[o.Kind], o.Value)
	if len(o.Items) > 0 {
		b.WriteByte('{')
		for i := range o.Items {
			b.WriteString(operandMeaning(&o.Items[i]) + ";")
		}
		b.WriteByte('}')
	}
	return b.String()
}
