package sqlsearch

import (
	"context"

	"github.com/digit-health/dhr/jql/sqlgen"
)

// A querier answers SQL: a view of a database that does not change between its queries.
type querier interface {
	// query calls each with every row: int64, float64, string, []byte (which is lent) or
	// nil in each column. It stops at the first error, which it returns.
	query(ctx context.Context, q sqlgen.Query, each func(row []any) error) error
}
