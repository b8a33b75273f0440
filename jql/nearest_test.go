package jql_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/record"
)

// Of several indexes the name that is nearest is meant, whichever of them has it.
func TestNearestOfSeveralIndexes(t *testing.T) {
	t.Parallel()
	outcomes, err := record.ParseSchema("outcomes", []byte(`{"properties": {"severe": {"type": "boolean"}}}`))
	require.NoError(t, err)
	visits, err := record.ParseSchema("visits", []byte(`{"properties": {"severity": {"type": "keyword"}}}`))
	require.NoError(t, err)
	for _, schemas := range [][]*record.Schema{{outcomes, visits}, {visits, outcomes}} {
		q, err := jql.Parse("severty = severe", nil)
		require.NoError(t, err)
		_, err = jql.Resolve(t.Context(), q, schemas, nil)
		require.ErrorContains(t, err, `did you mean "severity"?`)
	}
}
