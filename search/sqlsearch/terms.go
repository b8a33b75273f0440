package sqlsearch

import (
	"context"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/jql/sqlgen"
)

// expand returns the terms of the index that one term of a Match fits. They are
// exactly those: there is no limit after which they would be cut.
func (x *index) expand(ctx context.Context, v querier, mode plan.Mode, term string, edits int) ([]string, error) {
	prefix, fits := sqlgen.Fits(mode, term, edits)
	q := sqlgen.Query{Text: "SELECT CAST(term AS BLOB) FROM " + x.table("terms") + " WHERE term >= ?", Args: []any{prefix}}
	if after := afterPrefix(prefix); after != "" {
		q.Text += " AND term < ?"
		q.Args = append(q.Args, after)
	}
	var found []string
	err := v.query(ctx, q, func(row []any) error {
		if t, _ := row[0].([]byte); fits(t) {
			found = append(found, string(t))
		}
		return nil
	})
	return found, err
}

// afterPrefix returns the least string that is after all those that begin with prefix, or
// "" if there is none.
func afterPrefix(prefix string) string {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < 0xFF {
			return prefix[:i] + string([]byte{prefix[i] + 1})
		}
	}
	return ""
}
