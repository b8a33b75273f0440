package sqlsearch

import (
	"context"
	"errors"
	"fmt"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/jql/sqlgen"
	"github.com/digit-health/dhr/search"
)

// A querier answers SQL: a view of a database that does not change between its queries.
type querier interface {
	// query calls each with every row: int64, float64, string, []byte (which is lent) or
	// nil in each column. It stops at the first error, which it returns.
	query(ctx context.Context, q sqlgen.Query, each func(row []any) error) error
}

// selectOf is [sqlgen.Select], with an error of package search for what the database does not take.
func selectOf(p *plan.Plan, l *sqlgen.Layout, s *sqlgen.Selection) ([]sqlgen.Query, error) {
	queries, err := sqlgen.Select(p, l, s)
	return queries, tooLong(err)
}

// countOf is [sqlgen.Count], likewise.
func countOf(p *plan.Plan, l *sqlgen.Layout, limit int64) (sqlgen.Query, error) {
	q, err := sqlgen.Count(p, l, limit)
	return q, tooLong(err)
}

func tooLong(err error) error {
	if errors.Is(err, sqlgen.ErrTooLong) {
		return fmt.Errorf("%w: %w", search.ErrUnsupported, err)
	}
	return err
}
