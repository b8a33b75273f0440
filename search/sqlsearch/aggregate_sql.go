package sqlsearch

import (
	"strconv"

	"github.com/digit-health/dhr/jql/sqlgen"
)

// counts returns the statement that has a row for each group of stored keys:
// the keys, the number of records, and for each metric that is not apart one
// or two figures.
func (s *sums) counts() (sqlgen.Query, error) {
	b := sqlgen.NewBuilder(s.l, s.a.Plan)
	b.SQL("SELECT ")
	s.keys(b)
	b.SQL("count(*)")
	needed := false
	for _, m := range s.metrics {
		if m.column == nil || m.apart {
			continue
		}
		needed = true
		s.inline(b, m)
	}
	s.from(b, needed, nil)
	s.groupBy(b, "")
	return b.Query()
}

// histogram returns the statement that has a row for each group of stored keys
// and each stored value of a field: the keys, the value, and how often it occurs.
func (s *sums) histogram(m *measured) (sqlgen.Query, error) {
	b := sqlgen.NewBuilder(s.l, s.a.Plan)
	b.SQL("SELECT ")
	s.keys(b)
	v := valueOf(m.column, "v")
	b.SQL(v).SQL(", count(*)")
	s.from(b, true, m.column)
	b.SQL(" AND ").SQL(v).SQL(" IS NOT NULL")
	s.groupBy(b, v)
	return b.Query()
}

// inline appends the figures of a metric.
func (s *sums) inline(b *sqlgen.Builder, m *measured) {
	v := m.column.Value
	switch m.Op {
	case "count":
		if v == "" {
			side := m.column.Several
			b.SQL(", sum(CASE WHEN m.").SQL(s.l.Row).SQL(" IN ")
			sideRows(b, side, "")
			b.SQL(" THEN 1 ELSE 0 END)")
			return
		}
		b.SQL(", count(").SQL(v).SQL(")")
	case "sum", "avg":
		b.SQL(", count(").SQL(v).SQL("), ")
		if s.l.Dialect == sqlgen.SQLite {
			b.SQL("total(").SQL(v).SQL(")")
			return
		}
		b.SQL("sum(").SQL(v).SQL(")::float8")
	case "min", "max":
		b.SQL(", ").SQL(m.Op).SQL("(").SQL(v).SQL(")")
	case "cardinality":
		b.SQL(", count(DISTINCT ").SQL(v).SQL(")")
	}
}

// keys appends the stored keys, each with a comma behind it.
func (s *sums) keys(b *sqlgen.Builder) {
	for i := range s.groups {
		b.SQL(s.key(i)).SQL(", ")
	}
}

// key returns the expression of a stored key, where the records are named by from.
func (s *sums) key(i int) string {
	if s.several() {
		return "g.k" + strconv.Itoa(i)
	}
	return s.stored(i)
}

// stored returns the expression of a stored key over m and the side tables.
func (s *sums) stored(i int) string {
	g := s.groups[i]
	v := valueOf(g.column, "s"+strconv.Itoa(i))
	if g.step > 1 {
		step := strconv.FormatInt(g.step, 10)
		return "(" + v + " - ((" + v + " % " + step + ") + " + step + ") % " + step + ")"
	}
	return v
}

// valueOf returns the expression of each value in c, of which the several are
// joined under a name.
func valueOf(c *sqlgen.Column, side string) string {
	switch {
	case c.Several == nil:
		return c.Value
	case c.Value == "":
		return side + ".v"
	}
	return "coalesce(" + side + ".v, " + c.Value + ")"
}

// from appends FROM and WHERE. If records may be in several buckets, they are
// g, with m only if it is needed. Each value of the column of, if it is not nil, is joined as v.
func (s *sums) from(b *sqlgen.Builder, needed bool, of *sqlgen.Column) {
	b.SQL(" FROM ")
	several := s.several()
	if several {
		b.SQL("(SELECT DISTINCT m.").SQL(s.l.Row).SQL(" AS r")
		for i := range s.groups {
			b.SQL(", ").SQL(s.stored(i)).SQL(" AS k" + strconv.Itoa(i))
		}
		b.SQL(" FROM ").From()
		for i, g := range s.groups {
			s.join(b, g.column, "s"+strconv.Itoa(i))
		}
		b.SQL(" WHERE ").Where(s.a.Plan.Where).SQL(") AS g")
		if needed {
			b.SQL(" JOIN ").From().SQL(" ON m.").SQL(s.l.Row).SQL(" = g.r")
		}
	} else {
		b.From()
	}
	if of != nil {
		s.join(b, of, "v")
	}
	b.SQL(" WHERE ")
	if several {
		b.SQL("TRUE")
		return
	}
	b.Where(s.a.Plan.Where)
}

// join joins the side table of c, if there is one, under a name.
func (s *sums) join(b *sqlgen.Builder, c *sqlgen.Column, name string) {
	if c.Several == nil {
		return
	}
	b.SQL(" LEFT JOIN ")
	sideRows(b, c.Several, " AS r, "+c.Several.Table+"."+c.Several.Value+" AS v")
	b.SQL(" AS ").SQL(name).SQL(" ON ").SQL(name).SQL(".r = m.").SQL(s.l.Row)
}

// sideRows appends, in brackets, the query of the rows of a side table, with more columns.
func sideRows(b *sqlgen.Builder, side *sqlgen.Side, columns string) {
	b.SQL("(SELECT ").SQL(side.Table).SQL(".").SQL(side.Row).SQL(columns).SQL(" FROM ").SQL(side.Table).SQL(" WHERE TRUE")
	if side.Only != "" {
		b.SQL(" AND ").SQL(side.Only)
	}
	if side.Key != "" {
		b.SQL(" AND ").SQL(side.Table).SQL(".").SQL(side.Key).SQL(" = ").Arg(side.KeyIs)
	}
	b.SQL(")")
}

// groupBy appends GROUP BY with the keys and one expression more, if there is one.
func (s *sums) groupBy(b *sqlgen.Builder, more string) {
	sep := " GROUP BY "
	for i := range s.groups {
		b.SQL(sep).SQL(s.key(i))
		sep = ", "
	}
	if more != "" {
		b.SQL(sep).SQL(more)
	}
}

// strings returns the statement that has the entries of a dictionary with these
// codes; without codes all of them.
func (s *sums) strings(c *sqlgen.Codes, codes []int64) (sqlgen.Query, error) {
	b := sqlgen.NewBuilder(s.l, s.a.Plan)
	b.SQL("SELECT ").SQL(c.Table).SQL(".").SQL(c.Code).SQL(", ").SQL(c.Table).SQL(".").SQL(c.Value)
	b.SQL(" FROM ").SQL(c.Table).SQL(" WHERE TRUE")
	if c.Only != "" {
		b.SQL(" AND ").SQL(c.Only)
	}
	if len(codes) > 0 {
		b.SQL(" AND ").SQL(c.Table).SQL(".").SQL(c.Code).SQL(" IN (")
		for i, code := range codes {
			if i > 0 {
				b.SQL(", ")
			}
			b.Arg(code)
		}
		b.SQL(")")
	}
	return b.Query()
}
