package sqlgen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/digit-health/dhr/jql/analyzer"
	"github.com/digit-health/dhr/jql/plan"
)

// match appends the condition of a Match. It reports whether the layout can answer it.
func (b *Builder) match(n plan.Match) bool {
	if n.Field == nil {
		return false
	}
	c := b.column(n.Field)
	if !b.l.matches(c, n) {
		return false
	}
	groups, err := b.l.terms(n)
	switch {
	case err != nil:
		b.fail(err)
	case len(groups) == 0:
		b.SQL("FALSE")
	case b.l.Dialect == SQLite:
		b.SQL("m.").SQL(b.l.Row).SQL(" IN (SELECT rowid FROM ").SQL(c.Text.Table).SQL(" WHERE ")
		b.SQL(c.Text.Table).SQL(" MATCH ").Arg(fullText(c.Text, n.Mode, groups)).SQL(")")
	default:
		b.matchArray(c.Text, n.Mode, groups)
	}
	return true
}

// FullText returns the argument of MATCH for a Match on its own, in SQLite; without ok
// nothing matches.
func FullText(l *Layout, n plan.Match) (text *Text, query string, ok bool, err error) {
	groups, err := l.terms(n)
	if err != nil || len(groups) == 0 {
		return nil, "", false, err
	}
	t := l.column(n.Field).Text
	return t, fullText(t, n.Mode, groups), true, nil
}

// terms returns groups of terms: of each group one must be found, or for a Phrase
// all groups, which have one term each, in a row. The last group of a Prefix is the
// beginning of a term in SQLite. Without groups nothing matches.
func (l *Layout) terms(n plan.Match) ([][]string, error) {
	if n.Text == "" {
		return nil, nil
	}
	if n.Mode == plan.Wildcard {
		return l.expand(nil, n, n.Text)
	}
	terms := analyzer.Append(nil, n.Text)
	last := len(terms) - 1
	if n.Mode == plan.Words {
		slices.Sort(terms)
		terms = slices.Compact(terms)
	}
	groups := make([][]string, 0, len(terms))
	var err error
	for i, t := range terms {
		if n.Mode == plan.Fuzzy || n.Mode == plan.Prefix && i == last && l.Dialect == Postgres {
			if groups, err = l.expand(groups, n, t); err != nil || groups == nil {
				return nil, err
			}
			continue
		}
		groups = append(groups, terms[i:i+1:i+1])
	}
	return groups, nil
}

// expand adds a group of the terms that one term of n fits; nil if there are none.
func (l *Layout) expand(groups [][]string, n plan.Match, term string) ([][]string, error) {
	found, err := l.Expand(n.Field, n.Mode, term, n.Edits)
	if err != nil {
		return nil, fmt.Errorf("sqlgen: terms like %q: %w", term, err)
	}
	if len(found) == 0 {
		return nil, nil
	}
	return append(groups, found), nil
}

// fullText returns a query of FTS5. Every term of it is quoted.
func fullText(t *Text, mode plan.Mode, groups [][]string) string {
	q := append(make([]byte, 0, 128), '{')
	q = append(q, t.Name...)
	q = append(q, "} : ("...)
	for i, group := range groups {
		switch {
		case i == 0:
		case mode == plan.Phrase:
			q = append(q, " + "...)
		default:
			q = append(q, " AND "...)
		}
		if len(group) > 1 {
			q = append(q, '(')
		}
		for j, term := range group {
			if j > 0 {
				q = append(q, " OR "...)
			}
			q = appendQuoted(q, term)
		}
		if len(group) > 1 {
			q = append(q, ')')
		}
	}
	if mode == plan.Prefix {
		q = append(q, " *"...)
	}
	return string(append(q, ')'))
}

// appendQuoted appends to b what Quote returns.
func appendQuoted(b []byte, name string) []byte {
	b = append(b, '"')
	for i := 0; i < len(name); i++ {
		if name[i] == '"' {
			b = append(b, '"')
		}
		b = append(b, name[i])
	}
	return append(b, '"')
}

// matchArray appends conditions on a column with an array of terms.
func (b *Builder) matchArray(t *Text, mode plan.Mode, groups [][]string) {
	all := make([]string, 0, len(groups))
	for _, group := range groups {
		if len(group) == 1 {
			all = append(all, group[0])
		}
	}
	b.SQL("(")
	sep := ""
	if len(all) > 0 {
		b.SQL(t.Terms).SQL(" @> ").Arg(all)
		sep = " AND "
	}
	if mode == plan.Phrase && len(all) > 1 {
		b.SQL(sep).SQL("position(").Arg(" " + strings.Join(all, " ") + " ").SQL(" in ").SQL(t.Joined).SQL(") > 0")
	}
	for _, group := range groups {
		if len(group) > 1 {
			b.SQL(sep).SQL(t.Terms).SQL(" && ").Arg(group)
			sep = " AND "
		}
	}
	b.SQL(")")
}

// JoinTerms appends to b the terms of the values of a text field as [Text] keeps them
// joined: each between blanks, and ValueGap between values. Without terms it
// appends nothing.
func JoinTerms(b []byte, s *analyzer.Scanner, values ...string) []byte {
	for _, v := range values {
		s.Reset(v)
		first := true
		for term := s.Next(); term != nil; term = s.Next() {
			switch {
			case len(b) == 0:
				b = append(b, ' ')
			case first:
				b = append(b, ValueGap+" "...)
			}
			first = false
			b = append(b, term...)
			b = append(b, ' ')
		}
	}
	return b
}
