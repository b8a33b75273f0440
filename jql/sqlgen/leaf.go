package sqlgen

import (
	"slices"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// exists appends the condition that f has a value, or has not. It reports
// whether the layout can answer it.
func (b *Builder) exists(f *record.Field, not bool) bool {
	if f == nil {
		return false
	}
	if f.Path == indexPath {
		b.constant(!not)
		return true
	}
	c := b.column(f)
	switch {
	case c == nil:
		return false
	case c.Required:
		b.constant(!not)
	case c.Value == "":
		if not {
			b.SQL("NOT ")
		}
		b.sideRows(c.Several)
		b.SQL(")")
	case not:
		b.SQL(c.Value).SQL(" IS NULL")
	default:
		b.SQL(c.Value).SQL(" IS NOT NULL")
	}
	return true
}

// A test is a condition on one value: that it is one of a list or, without a list,
// that it compares so with one or two arguments.
type test struct {
	list        []any
	first, last comparison
}

// A comparison is of a value with an argument. Without an operator there is none.
type comparison struct {
	operator string // between blanks
	arg      any
}

// terms appends the condition that one of the values is in a set. It reports
// whether the layout can answer it.
func (b *Builder) terms(n plan.Terms) bool {
	c, can := b.compared(n.Field)
	if !can {
		return false
	}
	if c == nil {
		b.constant(slices.ContainsFunc(n.Values, func(v record.Value) bool { return v.Text() == b.index }))
		return true
	}
	if len(n.Values) == 0 {
		b.SQL("FALSE")
		return true
	}
	codes := c.Codes
	finds := codes != nil && codes.Find != nil
	if len(n.Values) == 1 && !finds {
		b.anyValue(c, codes, &test{first: b.compare(" = ", c, n.Field, n.Values[0])})
		return true
	}
	args := make([]any, 0, len(n.Values))
	for _, v := range n.Values {
		args = append(args, b.argument(c, n.Field, v))
	}
	if b.err != nil {
		return true
	}
	if finds {
		var err error
		if args, err = codes.Find(args); err != nil {
			b.fail(err)
			return true
		}
		if len(args) == 0 {
			b.SQL("FALSE")
			return true
		}
		codes = nil
	}
	if len(args) == 1 {
		b.anyValue(c, codes, &test{first: comparison{" = ", args[0]}})
	} else {
		b.anyValue(c, codes, &test{list: args})
	}
	return true
}

// ranges appends the condition that one of the values lies between bounds. It
// reports whether the layout can answer it.
func (b *Builder) ranges(n plan.Range) bool {
	c, can := b.compared(n.Field)
	if !can {
		return false
	}
	if c == nil {
		b.constant(within(record.StringValue(b.index), n))
		return true
	}
	var t test
	if low := n.Lower; !low.Value.IsNull() {
		operator := " > "
		if low.Inclusive {
			operator = " >= "
		}
		t.first = b.compare(operator, c, n.Field, low.Value)
	}
	if high := n.Upper; !high.Value.IsNull() {
		operator := " < "
		if high.Inclusive {
			operator = " <= "
		}
		t.last = b.compare(operator, c, n.Field, high.Value)
	}
	b.anyValue(c, c.Codes, &t)
	return true
}

// argument returns the argument for a value of f, which is stored in c.
func (b *Builder) argument(c *Column, f *record.Field, v record.Value) any {
	arg, err := c.Stored(f, v)
	if err != nil {
		b.fail(err)
	}
	return arg
}

func (b *Builder) compare(operator string, c *Column, f *record.Field, v record.Value) comparison {
	return comparison{operator, b.argument(c, f, v)}
}

func within(v record.Value, n plan.Range) bool {
	if low := n.Lower; !low.Value.IsNull() {
		if c := v.Compare(low.Value); c < 0 || c == 0 && !low.Inclusive {
			return false
		}
	}
	if high := n.Upper; !high.Value.IsNull() {
		if c := v.Compare(high.Value); c > 0 || c == 0 && !high.Inclusive {
			return false
		}
	}
	return true
}

// A place is a column of a table or, without a table, an expression.
type place struct{ table, column string }

func (b *Builder) at(p place) *Builder {
	if p.table != "" {
		b.SQL(p.table).SQL(".")
	}
	return b.SQL(p.column)
}

// anyValue appends the condition that a test holds for one of the values in c,
// which are, unless codes is nil, what codes stand for.
func (b *Builder) anyValue(c *Column, codes *Codes, t *test) {
	switch {
	case c.Several == nil:
		b.SQL("(")
		b.oneValue(place{column: c.Value}, codes, t)
		b.SQL(")")
	case c.Value == "":
		b.sideRows(c.Several)
		b.SQL(" AND ")
		b.oneValue(place{c.Several.Table, c.Several.Value}, codes, t)
		b.SQL(")")
	default:
		b.SQL("(")
		b.oneValue(place{column: c.Value}, codes, t)
		b.SQL(" OR ")
		b.sideRows(c.Several)
		b.SQL(" AND ")
		b.oneValue(place{c.Several.Table, c.Several.Value}, codes, t)
		b.SQL("))")
	}
}

// oneValue appends the condition that a test holds for the value at p, or for
// what that stands for.
func (b *Builder) oneValue(p place, codes *Codes, t *test) {
	if codes == nil {
		b.test(p, t)
		return
	}
	b.at(p).SQL(" IN (SELECT ").SQL(codes.Code).SQL(" FROM ").SQL(codes.Table).SQL(" WHERE ")
	if codes.Only != "" {
		b.SQL(codes.Only).SQL(" AND ")
	}
	b.test(place{codes.Table, codes.Value}, t)
	b.SQL(")")
}

// test appends a test of the value at p.
func (b *Builder) test(p place, t *test) {
	switch {
	case t.list != nil:
		b.in(p, t.list)
		return
	case t.first.operator == "" && t.last.operator == "":
		b.at(p).SQL(" IS NOT NULL")
		return
	}
	if t.first.operator != "" {
		b.at(p).SQL(t.first.operator).Arg(t.first.arg)
	}
	if t.first.operator != "" && t.last.operator != "" {
		b.SQL(" AND ")
	}
	if t.last.operator != "" {
		b.at(p).SQL(t.last.operator).Arg(t.last.arg)
	}
}

// sideRows appends the condition that the record is among the rows of a
// side table, which is to be narrowed by AND and closed by the caller.
func (b *Builder) sideRows(s *Side) {
	b.SQL("m.").SQL(b.l.Row).SQL(" IN (SELECT ").SQL(s.Table).SQL(".").SQL(s.Row).SQL(" FROM ").SQL(s.Table).SQL(" WHERE ")
	b.sideOnly(s)
}

// sideOnly appends the condition that a row of a side table is of the field.
func (b *Builder) sideOnly(s *Side) {
	switch {
	case s.Only != "" && s.Key != "":
		b.SQL(s.Only).SQL(" AND ").SQL(s.Table).SQL(".").SQL(s.Key).SQL(" = ").Arg(s.KeyIs)
	case s.Key != "":
		b.SQL(s.Table).SQL(".").SQL(s.Key).SQL(" = ").Arg(s.KeyIs)
	case s.Only != "":
		b.SQL(s.Only)
	default:
		b.SQL("TRUE")
	}
}

func (b *Builder) constant(is bool) {
	if is {
		b.SQL("TRUE")
		return
	}
	b.SQL("FALSE")
}
