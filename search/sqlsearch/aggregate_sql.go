package sqlsearch

import (
	"slices"
	"strconv"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/jql/sqlgen"
)

// A part is those records of which each group has one value, or several: together
// the parts are all records. Several values are in a side table, and nothing else is,
// so that to ask for the parts one by one is to ask each table for what it has.
type part struct {
	*sums
	several []bool // one for each group
	apart   bool   // some is
	// of is, in a histogram, the column that is counted, and ofSeveral says that the
	// records are those with several values in it.
	of        *sqlgen.Column
	ofSeveral bool
}

// parts returns the parts of the records, for a histogram of a column, unless that is nil.
func (s *sums) parts(of *sqlgen.Column) (all []part) {
	all = []part{{sums: s, of: of, several: make([]bool, len(s.groups))}}
	for i, g := range s.groups {
		if g.column.Several == nil {
			continue
		}
		for _, p := range slices.Clone(all) {
			q := p
			q.several, q.apart = slices.Clone(p.several), true
			q.several[i] = true
			all = append(all, q)
		}
	}
	if of != nil && of.Several != nil {
		for _, p := range slices.Clone(all) {
			p.ofSeveral = true
			all = append(all, p)
		}
	}
	return slices.DeleteFunc(all, part.empty)
}

// empty reports whether no record can be in the part, or none is asked for.
func (p part) empty() bool {
	if p.of != nil && !p.ofSeveral && p.of.Value == "" {
		return true
	}
	for i, g := range p.groups {
		if g.column.Value == "" && !p.several[i] && !g.Missing {
			return true
		}
	}
	return false
}

// nothing is NULL, where PostgreSQL takes no constant.
const nothing = "CASE WHEN FALSE THEN 1 END"

// counts returns the statement that has a row for each group of stored keys:
// the keys, the number of records, and for each metric that is not apart one
// or two figures.
func (p part) counts() (sqlgen.Query, error) {
	b := sqlgen.NewBuilder(p.l, p.a.Plan)
	b.SQL("SELECT ")
	p.keys(b)
	b.SQL("count(*)")
	needed := false
	for _, m := range p.metrics {
		if m.column == nil || m.apart {
			continue
		}
		needed = true
		p.inline(b, m)
	}
	p.from(b, needed)
	p.groupBy(b, "")
	return b.Query()
}

// histogram returns the statement that has a row for each group of stored keys
// and each stored value of the column: the keys, the value, and how often it occurs.
func (p part) histogram() (sqlgen.Query, error) {
	b := sqlgen.NewBuilder(p.l, p.a.Plan)
	b.SQL("SELECT ")
	p.keys(b)
	v := p.of.Value
	if p.ofSeveral {
		v = "v.v"
	}
	b.SQL(v).SQL(", count(*)")
	p.from(b, true)
	b.SQL(" AND ").SQL(v).SQL(" IS NOT NULL")
	p.groupBy(b, v)
	return b.Query()
}

// inline appends the figures of a metric.
func (p part) inline(b *sqlgen.Builder, m *measured) {
	v := m.column.Value
	switch m.Op {
	case "count":
		if v == "" {
			b.SQL(", sum(CASE WHEN m.").SQL(p.l.Row).SQL(" IN ")
			sideRows(b, m.column.Several, "")
			b.SQL(" THEN 1 ELSE 0 END)")
			return
		}
		b.SQL(", count(").SQL(v).SQL(")")
	case "values":
		b.SQL(", count(").SQL(v).SQL(")")
	case "sum", "avg":
		b.SQL(", count(").SQL(v).SQL("), ")
		if p.l.Dialect == sqlgen.SQLite {
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
func (p part) keys(b *sqlgen.Builder) {
	for i := range p.groups {
		b.SQL(p.key(i)).SQL(", ")
	}
}

// key returns the expression of a stored key: of g if there are several, else of m.
func (p part) key(i int) string {
	g := p.groups[i]
	v := g.column.Value
	switch {
	case p.several[i]:
		return "g.k" + strconv.Itoa(i)
	case v == "":
		return nothing
	case g.step > 1:
		step := strconv.FormatInt(g.step, 10)
		return "(" + v + " - ((" + v + " % " + step + ") + " + step + ") % " + step + ")"
	}
	return v
}

// from appends FROM and WHERE. Records with several values in a group are g, with m
// only if it is needed.
func (p part) from(b *sqlgen.Builder, needed bool) {
	b.SQL(" FROM ")
	all := plan.Equal(p.a.Plan.Where, plan.All{})
	needed = needed || slices.Contains(p.several, false)
	if p.apart {
		p.sides(b, all)
		if needed {
			b.SQL(" JOIN ").From().SQL(" ON m.").SQL(p.l.Row).SQL(" = g.r")
		}
	} else {
		b.From()
	}
	if p.ofSeveral {
		b.SQL(" JOIN ")
		sideRows(b, p.of.Several, " AS r, "+p.of.Several.Table+"."+p.of.Several.Value+" AS v")
		b.SQL(" AS v ON v.r = m.").SQL(p.l.Row)
	}
	b.SQL(" WHERE ")
	if p.apart { // the sides are those of records that match
		b.SQL("TRUE")
	} else {
		b.Where(p.a.Plan.Where)
	}
	for i, g := range p.groups {
		if !p.several[i] && g.column.Several != nil {
			p.notIn(b, g.column.Several)
		}
		if g.Prefix != "" {
			p.prefix(b, g, p.key(i))
		}
	}
	if p.of != nil && p.of.Several != nil && !p.ofSeveral {
		p.notIn(b, p.of.Several)
	}
}

// sides appends g: the different pairs of a record and its keys, of the groups of
// which it has several values.
func (p part) sides(b *sqlgen.Builder, all bool) {
	b.SQL("(SELECT DISTINCT ")
	first := ""
	for i := range p.groups {
		if p.several[i] {
			n := strconv.Itoa(i)
			b.SQL("s" + n + ".v AS k" + n + ", ")
			if first == "" {
				first = "s" + n + ".r"
			}
		}
	}
	b.SQL(first).SQL(" AS r FROM ")
	sep := ""
	for i, g := range p.groups {
		if !p.several[i] {
			continue
		}
		n := strconv.Itoa(i)
		b.SQL(sep)
		sideRows(b, g.column.Several, " AS r, "+g.column.Several.Table+"."+g.column.Several.Value+" AS v")
		b.SQL(" AS s" + n)
		if sep != "" {
			b.SQL(" ON s" + n + ".r = " + first)
		}
		sep = " JOIN "
	}
	if !all {
		b.SQL(" WHERE ").SQL(first).SQL(" IN (SELECT m.").SQL(p.l.Row).SQL(" FROM ").From().SQL(" WHERE ").Where(p.a.Plan.Where).SQL(")")
	}
	b.SQL(") AS g")
}

// notIn appends the condition that the record has no rows in a side table.
func (p part) notIn(b *sqlgen.Builder, side *sqlgen.Side) {
	b.SQL(" AND NOT EXISTS (SELECT ")
	sideFrom(b, side, "")
	b.SQL(" AND " + side.Table + "." + side.Row + " = m." + p.l.Row + ")")
}

// sideRows appends, in brackets, the query of the rows of a side table, with more columns.
func sideRows(b *sqlgen.Builder, side *sqlgen.Side, columns string) {
	b.SQL("(SELECT ")
	sideFrom(b, side, columns)
	b.SQL(")")
}

func sideFrom(b *sqlgen.Builder, side *sqlgen.Side, columns string) {
	b.SQL(side.Table).SQL(".").SQL(side.Row).SQL(columns).SQL(" FROM ").SQL(side.Table).SQL(" WHERE TRUE")
	if side.Only != "" {
		b.SQL(" AND ").SQL(side.Only)
	}
	if side.Key != "" {
		b.SQL(" AND ").SQL(side.Table).SQL(".").SQL(side.Key).SQL(" = ").Arg(side.KeyIs)
	}
}

// groupBy appends GROUP BY with the keys and one expression more, if there is one.
func (p part) groupBy(b *sqlgen.Builder, more string) {
	sep := " GROUP BY "
	for i := range p.groups {
		b.SQL(sep).SQL(p.key(i))
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
