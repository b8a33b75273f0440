package sqlgen

import (
	"fmt"
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
	known [8]located // the columns that were looked up, as long as there is room
	count int        // of known
}

// A located is where a field is stored; the column is nil if nowhere.
type located struct {
	field  *record.Field
	column *Column
}

// NewBuilder returns a builder of a statement over the index of p.
func NewBuilder(l *Layout, p *plan.Plan) *Builder {
	return &Builder{l: l, index: p.Schema.Index, text: make([]byte, 0, 768), args: make([]any, 0, 8)}
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
	if most := b.l.Dialect.arguments(); len(b.args) > most {
		return Query{}, fmt.Errorf("%w: a statement with %d arguments, of which the database takes %d", ErrTooLong, len(b.args), most)
	}
	return Query{Text: string(b.text), Args: b.args}, nil
}

func (b *Builder) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

// number appends a number as it is.
func (b *Builder) number(n int64) *Builder {
	b.text = strconv.AppendInt(b.text, n, 10)
	return b
}

// column returns where f is stored, or nil.
func (b *Builder) column(f *record.Field) *Column {
	for i := range b.known[:b.count] {
		if b.known[i].field == f {
			return b.known[i].column
		}
	}
	c := b.l.column(f)
	if b.count < len(b.known) {
		b.known[b.count] = located{field: f, column: c}
		b.count++
	}
	return c
}

// compared returns where the values of f are stored if the layout has them to
// compare, which of _index it has in no column.
func (b *Builder) compared(f *record.Field) (c *Column, ok bool) {
	switch {
	case f == nil || !compares(f.Kind):
		return nil, false
	case f.Path == indexPath:
		return nil, true
	}
	c = b.column(f)
	return c, c != nil
}

// Where appends a condition on the records of m, which is true for those that
// n matches and otherwise false or NULL. A leaf that the layout cannot answer is an error.
func (b *Builder) Where(n plan.Node) *Builder {
	can := true
	switch n := n.(type) {
	case plan.All:
		b.SQL("TRUE")
	case plan.None:
		b.SQL("FALSE")
	case plan.And:
		b.join(n, " AND ")
	case plan.Or:
		b.join(n, " OR ")
	case plan.Not: // what is NULL does not match
		b.SQL("(").Where(n.Node).SQL(") IS NOT TRUE")
	case plan.Exists:
		can = b.exists(n.Field, false)
	case plan.Missing:
		can = b.exists(n.Field, true)
	case plan.Terms:
		can = b.terms(n)
	case plan.Range:
		can = b.ranges(n)
	case plan.Match:
		can = b.match(n)
	default:
		can = false
	}
	if !can {
		b.fail(fmt.Errorf("sqlgen: no SQL for %s", n))
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
