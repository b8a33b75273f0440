package search_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/search"
)

// An index that is not known is told with the one that was meant, if that is one that who asks may see: of others nobody learns.
func TestNearestIndex(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	narrow, err := search.New(w.driver, newPolicy(t), &search.Options{Indexes: []string{"visits"}})
	require.NoError(t, err)
	for _, c := range []struct {
		what  string
		index *search.Index
		who   *access.Principal
		asked string
		says  string
	}{
		{"who sees it", w.Index, admin, "stafff", `unknown index "stafff"; did you mean "staff"?`},
		{"in another case", w.Index, admin, "Staff", `unknown index "Staff"; did you mean "staff"?`},
		{"who does not", w.Index, officer, "stafff", `unknown index "stafff"`},
		{"its very name", w.Index, officer, "staff", `unknown index "staff"`},
		{"another of his", w.Index, officer, "visit", `unknown index "visit"; did you mean "visits"?`},
		{"who sees nothing", w.Index, nobody, "visit", `unknown index "visit"`},
		{"what is not served", narrow, admin, "stafff", `unknown index "stafff"`},
		{"a pattern", w.Index, admin, "visits-*", `unknown index "visits-*"`},
		{"like none", w.Index, admin, "cases", `unknown index "cases"`},
	} {
		_, err := c.index.Page(t.Context(), c.who, ask("", c.asked), nil)
		require.EqualError(t, err, "search: page: "+c.says, c.what)
		_, err = c.index.Schemas(t.Context(), c.who, c.asked)
		require.EqualError(t, err, "search: schemas: "+c.says, c.what)
	}
}
