package search_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/memsearch"
)

// Check refuses what Page refuses, with the same words, also what only several indexes together make of a query.
func TestCheck(t *testing.T) {
	t.Parallel()
	d := memsearch.New()
	fill(t, d, "one", `{"mappings":{"properties":{"name":{"type":"keyword"}}}}`, []string{`{"_id":"1","_source":{"name":"a"}}`})
	fill(t, d, "two", `{"settings":{"analysis":{"normalizer":{"lower":{"type":"custom","filter":["lowercase"]}}}},
		"mappings":{"properties":{"name":{"type":"keyword","normalizer":"lower"},"age":{"type":"integer"}}}}`, []string{`{"_id":"2","_source":{"name":"A"}}`})
	x, err := search.New(d, newPolicy(t), nil)
	require.NoError(t, err)
	refused := 0
	for _, text := range []string{"", "name = a", "ORDER BY name", "age > 3", "age >", "agee = 3", "ORDER BY age, _index"} {
		for _, names := range [][]string{nil, {"one"}, {"two"}, {"one", "two"}, {"none"}} {
			warnings, checked := x.Check(t.Context(), admin, ask(text, names...))
			page, err := x.Page(t.Context(), admin, ask(text, names...), nil)
			if err != nil {
				refused++
				require.ErrorContains(t, checked, err.Error()[len("search: page"):], "%q of %q", text, names)
				continue
			}
			require.NoError(t, checked, "%q of %q", text, names)
			require.Equal(t, page.Warnings, warnings)
		}
	}
	require.Greater(t, refused, 10)
	_, err = x.Check(t.Context(), admin, ask("ORDER BY name"))
	require.ErrorIs(t, err, search.ErrInvalid)
	_, err = x.Check(t.Context(), nobody, nil)
	require.ErrorIs(t, err, search.ErrUnknownIndex)
	_, err = x.Check(t.Context(), nil, nil)
	require.ErrorIs(t, err, search.ErrInvalid)
}
