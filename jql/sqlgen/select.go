package sqlgen

import (
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// A Selection says which records of a plan are read, and what of them.
type Selection struct {
	// List is what stands between SELECT and FROM, over m and what From adds.
	List string
	// From is put behind the main table: joins that leave each record once.
	From string
	// Ordered asks for the order of the plan; otherwise the order is that of Layout.Row.
	Ordered bool
	// After are the keys of the record behind which to begin, if Ordered; nil begins at the first.
	After []record.Value
	// Low and High, unless both are 0, are the numbers of the first record and of the one
	// after the last, as Layout.Row numbers them.
	Low, High int64
	// Limit is the greatest number of records, or 0.
	Limit int
}

// Select returns the statements that read the records of p: the answer is that
// of the first, then that of the next, and so on, up to the limit. There is more than one
// where the database can read in the order of an index but for
// the records without a value, which come last. Their arguments may share memory.
func Select(p *plan.Plan, l *Layout, s *Selection) ([]Query, error) {
	b := NewBuilder(l, p)
	var rooms [2][fewKeys]key
	var behind, order []key
	after := s.After != nil
	if s.Ordered && after {
		var all, none bool
		behind, all, none = b.keys(rooms[0][:0], p.Order, s.After)
		if b.err != nil || none {
			return nil, b.err
		}
		after = !all
	}
	if s.Ordered {
		order, _, _ = b.keys(rooms[1][:0], p.Order, nil)
		if b.err != nil {
			return nil, b.err
		}
		if !after {
			behind = order
		}
	}
	b.begin(p, s)
	if len(behind) == 0 || behind[0].column == nil || !behind[0].splits() {
		if after {
			b.SQL(" AND ")
			b.after(behind)
		}
		q, err := b.end(s, order, false)
		return []Query{q}, err
	}
	queries := make([]Query, 0, 2)
	if first := &behind[0]; !after || !first.value.IsNull() {
		text, args := len(b.text), len(b.args)
		b.SQL(" AND ")
		if after {
			b.behind(behind)
		} else {
			b.SQL(first.column.Value).SQL(" IS NOT NULL")
		}
		q, err := b.end(s, order, true)
		if err != nil {
			return nil, err
		}
		queries = append(queries, q)
		b.text, b.args = b.text[:text], b.args[:args:args] // what is appended to args is elsewhere
	}
	b.SQL(" AND ").SQL(behind[0].column.Value).SQL(" IS NULL")
	if after && behind[0].value.IsNull() {
		b.SQL(" AND ")
		b.after(behind[1:])
	}
	q, err := b.end(s, order[1:], false)
	return append(queries, q), err
}

// splits reports whether records with and without a value are best read apart.
func (k *key) splits() bool {
	c := k.column
	return c.Indexed && !c.Required && c.Codes == nil && (c.Several == nil || !k.sort.Desc)
}

// begin appends what all statements for s have in common.
func (b *Builder) begin(p *plan.Plan, s *Selection) {
	b.SQL("SELECT ").SQL(s.List).SQL(" FROM ").From().SQL(s.From).SQL(" WHERE ").Where(p.Where)
	if s.Low != 0 || s.High != 0 {
		b.SQL(" AND m.").SQL(b.l.Row).SQL(" >= ").Arg(s.Low).SQL(" AND m.").SQL(b.l.Row).SQL(" < ").Arg(s.High)
	}
}

// end appends the order and the limit of a statement and returns it; present says
// that no record lacks the first key.
func (b *Builder) end(s *Selection, keys []key, present bool) (Query, error) {
	b.SQL(" ORDER BY ")
	switch {
	case s.Ordered:
		b.order(keys, present)
	case b.l.Row != "":
		b.SQL("m.").SQL(b.l.Row)
	default:
		b.SQL(b.l.ID.Value)
	}
	if s.Limit > 0 {
		b.SQL(" LIMIT ").number(int64(s.Limit))
	}
	return b.Query()
}

// behind appends the condition for what is behind keys and has a value for the
// first, in a form by which an index finds its beginning.
func (b *Builder) behind(keys []key) {
	k := &keys[0]
	arg, err := k.column.Stored(k.sort.Field, k.value)
	if err != nil {
		b.fail(err)
		return
	}
	beyond, from := " > ", " >= "
	if k.sort.Desc {
		beyond, from = " < ", " <= "
	}
	v := k.column.Value
	if len(keys) == 1 {
		b.SQL(v).SQL(beyond).Arg(arg)
		return
	}
	b.SQL(v).SQL(from).Arg(arg).SQL(" AND (").SQL(v).SQL(beyond).Arg(arg).SQL(" OR ")
	b.after(keys[1:])
	b.SQL(")")
}

// Count returns the statement that counts what p matches, up to limit if that is positive.
func Count(p *plan.Plan, l *Layout, limit int64) (Query, error) {
	b := NewBuilder(l, p)
	if m, ok := p.Where.(plan.Match); ok && l.Dialect == SQLite && limit <= 0 && l.Can(m) {
		t, query, ok, err := FullText(l, m)
		if err != nil {
			return Query{}, err
		}
		if ok {
			return b.SQL("SELECT count(*) FROM ").SQL(t.Table).SQL(" WHERE ").SQL(t.Table).SQL(" MATCH ").Arg(query).Query()
		}
	}
	if limit > 0 {
		b.SQL("SELECT count(*) FROM (SELECT 1 FROM ").From().SQL(" WHERE ").Where(p.Where)
		return b.SQL(" LIMIT ").number(limit).SQL(") AS l").Query()
	}
	return b.SQL("SELECT count(*) FROM ").From().SQL(" WHERE ").Where(p.Where).Query()
}
