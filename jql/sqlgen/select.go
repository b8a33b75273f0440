package sqlgen

import (
	"strconv"

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
// the records without a value, which come last.
func Select(p *plan.Plan, l *Layout, s *Selection) ([]Query, error) {
	probe := NewBuilder(l, p)
	var keys []key
	if s.Ordered {
		var all, none bool
		keys, all, none = probe.keys(p.Order, s.After)
		if probe.err != nil {
			return nil, probe.err
		}
		if none {
			return nil, nil
		}
		if all {
			open := *s
			open.After = nil
			return Select(p, l, &open)
		}
	}
	if len(keys) == 0 || keys[0].column == nil || !keys[0].splits() {
		q, err := s.statement(p, l, keys, whole)
		return []Query{q}, err
	}
	var queries []Query
	if s.After == nil || !keys[0].value.IsNull() {
		q, err := s.statement(p, l, keys, present)
		if err != nil {
			return nil, err
		}
		queries = append(queries, q)
	}
	q, err := s.statement(p, l, keys, absent)
	return append(queries, q), err
}

// splits reports whether records with and without a value are best read apart.
func (k *key) splits() bool {
	c := k.column
	return c.Indexed && !c.Required && c.Codes == nil && (c.Several == nil || !k.sort.Desc)
}

// Which records a statement is about, by their first key.
type portion int

const (
	whole portion = iota
	present
	absent
)

func (s *Selection) statement(p *plan.Plan, l *Layout, keys []key, which portion) (Query, error) {
	b := NewBuilder(l, p)
	b.SQL("SELECT ").SQL(s.List).SQL(" FROM ").From().SQL(s.From).SQL(" WHERE ").Where(p.Where)
	if s.Low != 0 || s.High != 0 {
		b.SQL(" AND m.").SQL(l.Row).SQL(" >= ").Arg(s.Low).SQL(" AND m.").SQL(l.Row).SQL(" < ").Arg(s.High)
	}
	switch {
	case which == present:
		b.SQL(" AND ")
		if s.After == nil {
			b.SQL(keys[0].column.Value).SQL(" IS NOT NULL")
		} else {
			b.behind(keys)
		}
	case which == absent:
		b.SQL(" AND ").SQL(keys[0].column.Value).SQL(" IS NULL")
		if s.After != nil && keys[0].value.IsNull() {
			b.SQL(" AND ")
			b.after(keys[1:])
		}
	case s.After != nil:
		b.SQL(" AND ")
		b.after(keys)
	}
	b.SQL(" ORDER BY ")
	switch {
	case s.Ordered:
		keys, _, _ = b.keys(p.Order, nil)
		if which == absent {
			keys = keys[1:]
		}
		b.order(keys, which == present)
	case l.Row != "":
		b.SQL("m.").SQL(l.Row)
	default:
		b.SQL(l.ID.Value)
	}
	if s.Limit > 0 {
		b.SQL(" LIMIT ").SQL(strconv.Itoa(s.Limit))
	}
	return b.Query()
}

// behind appends the condition for what is behind keys and has a value for the
// first, in a form by which an index finds its beginning.
func (b *Builder) behind(keys []key) {
	k := &keys[0]
	arg, err := k.column.argument(k.sort.Field, k.value)
	if err != nil {
		b.fail(err)
		return
	}
	beyond := " >"
	if k.sort.Desc {
		beyond = " <"
	}
	v := k.column.Value
	if len(keys) == 1 {
		b.SQL(v).SQL(beyond + " ").Arg(arg)
		return
	}
	b.SQL(v).SQL(beyond + "= ").Arg(arg).SQL(" AND (").SQL(v).SQL(beyond + " ").Arg(arg).SQL(" OR ")
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
		return b.SQL(" LIMIT ").SQL(strconv.FormatInt(limit, 10)).SQL(") AS l").Query()
	}
	return b.SQL("SELECT count(*) FROM ").From().SQL(" WHERE ").Where(p.Where).Query()
}
