package bulk_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/fhir/bulk"
)

// Everything at system level: counts are those of the store, and what cannot be mapped is in an error file.
func TestSystem(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 200), nil)
	m := h.export(t, asha(), ask(bulk.SystemLevel))
	require.Equal(t, map[string]int64{"Patient": 198, "Observation": 592, "Condition": 200, "Location": 200, "Provenance": 400}, counts(m.Output))
	require.Equal(t, map[string]int64{"OperationOutcome": 2}, counts(m.Errors))
	require.Nil(t, m.Deleted)
	require.Len(t, h.lines(t, asha(), m, m.Output), 198+592+200+200+400)
	for _, line := range h.lines(t, asha(), m, m.Errors) {
		require.Contains(t, line, `"expression":["Observation.status"]`)
	}
	require.Equal(t, "https://dhr.example/fhir/r4/$export", m.Request)
}
