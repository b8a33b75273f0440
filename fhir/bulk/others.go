package bulk

import (
	"fmt"
	"slices"

	"github.com/digit-health/dhr/jql"
)

// exactOperators are those of which the negative, or an empty field, is what they do not match.
var exactOperators = []string{"=", "!=", "~", "!~", "in", "not in", "is", "is not"}

// others returns the query for all records that a query does not match, those with empty fields too, which no
// negative of JQL matches.
func others(q *jql.Query) (*jql.Query, error) {
	if q.Where == nil {
		return nil, fmt.Errorf("%w: a condition that every record meets", ErrInvalid)
	}
	return complement(q.Where)
}

func complement(e jql.Expr) (*jql.Query, error) {
	switch e := e.(type) {
	case *jql.Logical:
		return logical(e.Clauses, e.Op == "or", complement)
	case *jql.Not:
		return double(e.X)
	case *jql.Clause:
		return orEmpty(e, true)
	}
	return nil, fmt.Errorf("%w: a condition of another kind", ErrInvalid)
}

// double returns the complement of NOT e. In JQL a NOT is moved into the operators.
func double(e jql.Expr) (*jql.Query, error) {
	switch e := e.(type) {
	case *jql.Logical:
		return logical(e.Clauses, e.Op == "and", double)
	case *jql.Not:
		return complement(e.X)
	case *jql.Clause:
		return orEmpty(e, false)
	}
	return nil, fmt.Errorf("%w: a condition of another kind", ErrInvalid)
}

// logical joins what make makes of clauses, by AND or by OR.
func logical(clauses []jql.Expr, and bool, make func(jql.Expr) (*jql.Query, error)) (*jql.Query, error) {
	var all *jql.Query
	for _, c := range clauses {
		q, err := make(c)
		switch {
		case err != nil:
			return nil, err
		case all == nil:
			all = q
		case and:
			all = all.And(q)
		default:
			all = all.Or(q)
		}
	}
	return all, nil
}

// orEmpty returns a clause, or its negative, for empty fields too.
func orEmpty(c *jql.Clause, negative bool) (*jql.Query, error) {
	if !slices.Contains(exactOperators, c.Op.Name) {
		return nil, fmt.Errorf("%w: of the condition %s %s it cannot be said which records do not meet it; use one of %v", ErrInvalid, c.Field.String(), c.Op.Name, exactOperators)
	}
	template := "?"
	if negative {
		template = "NOT ?"
	}
	q, err := jql.Bind(template, jql.Expr(c))
	if err != nil || c.Op.Name == "is" || c.Op.Name == "is not" {
		return q, err
	}
	empty, err := jql.Cond(c.Field.Name, "is")
	if err != nil {
		return nil, err
	}
	return q.Or(empty), nil
}
