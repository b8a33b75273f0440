package search_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/search"
)

// What is not served is not there, whatever the roles.
func TestServedIndexes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for _, c := range []struct {
		served, asked, want []string
	}{
		{nil, nil, []string{"staff", "visits"}},
		{[]string{"visits"}, nil, []string{"visits"}},
		{[]string{"vis*", "x"}, []string{"*"}, []string{"visits"}},
		{[]string{"*s*f*"}, []string{"s*"}, []string{"staff"}},
		{[]string{"*"}, []string{"staff"}, []string{"staff"}},
		{[]string{"visits"}, []string{"staff"}, nil},
		{[]string{"visits"}, []string{"s*"}, nil},
		{[]string{"visit", "isits", "*i", "staffs", "st*ff*f"}, nil, nil},
	} {
		x, err := search.New(w.driver, newPolicy(t), &search.Options{Indexes: c.served})
		require.NoError(t, err)
		schemas, err := x.Schemas(t.Context(), admin, c.asked...)
		_, asked := x.Page(t.Context(), admin, ask("", c.asked...), nil)
		if c.want == nil {
			require.ErrorIs(t, err, search.ErrUnknownIndex)
			require.ErrorIs(t, asked, search.ErrUnknownIndex)
			continue
		}
		require.NoError(t, err)
		require.NoError(t, asked)
		var names []string
		for _, s := range schemas {
			names = append(names, s.Index)
		}
		require.Equal(t, c.want, names, "%q of %q", c.asked, c.served)
	}
	x, err := search.New(w.driver, newPolicy(t), &search.Options{Indexes: []string{"vis*"}})
	require.NoError(t, err)
	names, err := x.Indexes(t.Context(), admin)
	require.NoError(t, err)
	require.Equal(t, []string{"visits"}, names)
}
