package sqlsearch

import (
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/digit-health/dhr/jql/sqlgen"
	"github.com/digit-health/dhr/record"
)

// maxVariants is how many ways to write a beginning are asked for.
const maxVariants = 64

// variants returns beginnings of which every string has one that begins with prefix
// without regard to case: the first characters of it, in every case.
func variants(prefix string) []string {
	all := []string{""}
	for _, r := range prefix {
		forms := append([]rune{unicode.ToLower(r)}, capitals()[unicode.ToLower(r)]...)
		if r == utf8.RuneError || r <= 1 || len(all)*len(forms) > maxVariants {
			break
		}
		var longer []string
		for _, form := range forms {
			for _, begin := range all {
				longer = append(longer, begin+string(form))
			}
		}
		all = longer
	}
	return all
}

// capitals are, for a character, the others of which it is the lower case.
var capitals = sync.OnceValue(func() map[rune][]rune {
	m := map[rune][]rune{}
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if lower := unicode.ToLower(r); lower != r {
			m[lower] = append(m[lower], r)
		}
	}
	return m
})

// prefix appends the condition that a stored value of a group may begin with its
// prefix. It lets through more; which values do begin with it is looked at later.
func (p part) prefix(b *sqlgen.Builder, g *grouped, value string) {
	begins := variants(g.Prefix)
	if begins[0] == "" || g.Field.Kind != record.String || value == nothing {
		return
	}
	b.SQL(" AND (")
	if g.Missing {
		b.SQL(value).SQL(" IS NULL OR ")
	}
	c := g.column.Codes
	if c == nil {
		p.begins(b, value, begins)
		b.SQL(")")
		return
	}
	b.SQL(value).SQL(" IN (SELECT ").SQL(c.Table + "." + c.Code).SQL(" FROM ").SQL(c.Table).SQL(" WHERE (")
	p.begins(b, c.Table+"."+c.Value, begins)
	b.SQL(")")
	if c.Only != "" {
		b.SQL(" AND ").SQL(c.Only)
	}
	b.SQL("))")
}

// begins appends the condition that a string has one of the beginnings.
func (p part) begins(b *sqlgen.Builder, value string, begins []string) {
	for i, begin := range begins {
		if i > 0 {
			b.SQL(" OR ")
		}
		if p.l.Dialect == sqlgen.Postgres {
			b.SQL("starts_with(").SQL(value).SQL(", ").Arg(escape(begin)).SQL(")")
			continue
		}
		b.SQL(value).SQL(" >= ").Arg(begin).SQL(" AND ").SQL(value).SQL(" < ").Arg(afterPrefix(begin))
	}
}
