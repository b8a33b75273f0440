package sqlgen

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// A Builder puts one statement together, piece by piece. It keeps the first
// error, which Query returns.
type Builder struct {
	l     *Layout
	index string
	text  []byte
	args  []any
	err   error
}

// NewBuilder returns a builder of a statement over the index of p.
func NewBuilder(l *Layout, p *plan.Plan) *Builder {
	return &Builder{l: l, index: p.Schema.Index, text: make([]byte, 0, 768), args: make([]any, 0, 12)}
}

// SQL appends text as it is.
func (b *Builder) SQL(text string) *Builder {
	b.text = append(b.text, text...)
	return b
}

// Arg appends a placeholder for v.
func (b *Builder) Arg(v any) *Builder {
	b.args = append(b.args, v)
	if b.l.Dialect == SQLite {
		b.text = append(b.text, '?')
		return b
	}
	b.text = append(b.text, '$')
	b.text = strconv.AppendInt(b.text, int64(len(b.args)), 10)
	return b
}

// From appends the main table under its name m.
func (b *Builder) From() *Builder { return b.SQL(b.l.Table).SQL(" AS m") }

// Query returns the statement. The builder is of no use afterwards.
func (b *Builder) Query() (Query, error) {
	if b.err != nil {
		return Query{}, b.err
	}
	return Query{Text: string(b.text), Args: b.args}, nil
}

func (b *Builder) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

// Where appends a condition on the records of m, which is true for those that
// n matches and otherwise false or NULL. A leaf that the layout cannot answer is an error.
func (b *Builder) Where(n plan.Node) *Builder {
	switch n := n.(type) {
	case plan.All:
		return b.SQL("TRUE")
	case plan.None:
		return b.SQL("FALSE")
	case plan.And:
		return b.join(n, " AND ")
	case plan.Or:
		return b.join(n, " OR ")
	case plan.Not: // what is NULL does not match
		b.SQL("(")
		b.Where(n.Node)
		return b.SQL(") IS NOT TRUE")
	}
	if !b.l.Can(n) {
		b.fail(fmt.Errorf("sqlgen: no SQL for %s", n))
		return b
	}
	switch n := n.(type) {
	case plan.Exists:
		b.exists(n.Field, false)
	case plan.Missing:
		b.exists(n.Field, true)
	case plan.Terms:
		b.terms(n)
	case plan.Range:
		b.ranges(n)
	case plan.Match:
		b.match(n)
	}
	return b
}

// join appends conditions in a tree that is no deeper than it must be: SQLite takes a thousand levels.
func (b *Builder) join(nodes []plan.Node, with string) *Builder {
	b.SQL("(")
	if len(nodes) > fewNodes {
		half := len(nodes) / 2
		b.join(nodes[:half], with)
		b.SQL(with)
		b.join(nodes[half:], with)
		return b.SQL(")")
	}
	for i, n := range nodes {
		if i > 0 {
			b.SQL(with)
		}
		b.Where(n)
	}
	return b.SQL(")")
}

// fewNodes is how many conditions are written side by side.
const fewNodes = 16

func (b *Builder) constant(is bool) {
	if is {
		b.SQL("TRUE")
		return
	}
	b.SQL("FALSE")
}

func (b *Builder) exists(f *record.Field, not bool) {
	if f.Path == indexPath {
		b.constant(!not)
		return
	}
	c := b.l.column(f)
	switch {
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
}

// terms appends the condition that one of the values is in a set.
func (b *Builder) terms(n plan.Terms) {
	if n.Field.Path == indexPath {
		b.constant(slices.ContainsFunc(n.Values, func(v record.Value) bool { return v.Text() == b.index }))
		return
	}
	c := b.l.column(n.Field)
	args := make([]any, 0, max(len(n.Values), 1))
	for _, v := range n.Values {
		a, err := c.argument(n.Field, v)
		if err != nil {
			b.fail(err)
			return
		}
		args = append(args, a)
	}
	if c.Codes == nil || c.Codes.Find == nil {
		b.anyValue(c, func(value string) { b.in(value, args) })
		return
	}
	codes, err := c.Codes.Find(args)
	switch {
	case err != nil:
		b.fail(err)
	case len(codes) == 0:
		b.SQL("FALSE")
	default:
		bare := *c
		bare.Codes = nil
		b.anyValue(&bare, func(value string) { b.in(value, codes) })
	}
}

// ranges appends the condition that one of the values lies between bounds.
func (b *Builder) ranges(n plan.Range) {
	if n.Field.Path == indexPath {
		b.constant(within(record.StringValue(b.index), n))
		return
	}
	c := b.l.column(n.Field)
	var low, high any
	var err error
	if !n.Lower.Value.IsNull() {
		if low, err = c.argument(n.Field, n.Lower.Value); err != nil {
			b.fail(err)
			return
		}
	}
	if !n.Upper.Value.IsNull() {
		if high, err = c.argument(n.Field, n.Upper.Value); err != nil {
			b.fail(err)
			return
		}
	}
	b.anyValue(c, func(value string) {
		if low != nil {
			b.SQL(value).SQL(comparison(">", n.Lower.Inclusive)).Arg(low)
		}
		if low != nil && high != nil {
			b.SQL(" AND ")
		}
		if high != nil {
			b.SQL(value).SQL(comparison("<", n.Upper.Inclusive)).Arg(high)
		}
		if low == nil && high == nil {
			b.SQL(value).SQL(" IS NOT NULL")
		}
	})
}

func comparison(op string, inclusive bool) string {
	switch {
	case op == ">" && inclusive:
		return " >= "
	case op == ">":
		return " > "
	case inclusive:
		return " <= "
	}
	return " < "
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

// anyValue appends the condition that test, which appends one on a single
// value, holds for one of the values in c.
func (b *Builder) anyValue(c *Column, test func(value string)) {
	one := func(value string) {
		if c.Codes == nil {
			test(value)
			return
		}
		b.SQL(value).SQL(" IN (SELECT ").SQL(c.Codes.Code).SQL(" FROM ").SQL(c.Codes.Table).SQL(" WHERE ")
		if c.Codes.Only != "" {
			b.SQL(c.Codes.Only).SQL(" AND ")
		}
		test(c.Codes.Table + "." + c.Codes.Value)
		b.SQL(")")
	}
	switch {
	case c.Several == nil:
		b.SQL("(")
		one(c.Value)
		b.SQL(")")
	case c.Value == "":
		b.sideRows(c.Several)
		b.SQL(" AND ")
		one(c.Several.Table + "." + c.Several.Value)
		b.SQL(")")
	default:
		b.SQL("(")
		one(c.Value)
		b.SQL(" OR ")
		b.sideRows(c.Several)
		b.SQL(" AND ")
		one(c.Several.Table + "." + c.Several.Value)
		b.SQL("))")
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
