package sqlsearch_test

import (
	"context"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// everything asks for all records of an index, by their IDs.
func everything(s *record.Schema) *plan.Plan {
	return &plan.Plan{Schema: s, Where: plan.All{}, Order: []plan.Sort{{Field: s.Field("_id")}}}
}

// parsed returns the plan of a query.
func parsed(t require.TestingT, s *record.Schema, text string) *plan.Plan {
	q, err := jql.Parse(text, nil)
	require.NoError(t, err)
	resolved, err := jql.Resolve(context.Background(), q, []*record.Schema{s}, nil)
	require.NoError(t, err)
	return resolved.Plans[0]
}
