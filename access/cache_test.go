package access

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestViewsAreKept holds that a view is made once for the same grants and schema, whoever asks, and
// that there are never more of them than the limit.
func TestViewsAreKept(t *testing.T) {
	t.Parallel()
	grant := Grant{Indexes: []string{"*"}, Fields: as(Visible, "age"), Rows: "district = attribute(district)"}
	p, err := NewPolicy(map[string]Role{"a": {Grants: []Grant{grant}}, "b": {Grants: []Grant{grant}}}, &Options{MaxViews: 2})
	require.NoError(t, err)
	view := func(district string, roles ...string) *View {
		v, ok := p.View(&Principal{Roles: roles, Attributes: map[string][]string{"district": {district}}}, visits)
		require.True(t, ok)
		return v
	}
	a := view("Pune", "a")
	require.Same(t, a.Schema(), view("Thane", "a", "a", "unknown").Schema())
	require.NotSame(t, a.Schema(), view("Pune", "b").Schema())
	require.Same(t, a.Schema(), view("Pune", "a").Schema(), "used last")
	view("Pune", "a", "b")
	require.Equal(t, 2, p.views.used.Len())
	require.Same(t, a.Schema(), view("Pune", "a").Schema(), "the one that was not used for longest is forgotten")
	for i := range 10 {
		v, ok := p.View(&Principal{Roles: []string{"a"}}, mustSchema(fmt.Sprint("i", i), mapping))
		require.True(t, ok)
		require.Equal(t, fmt.Sprint("i", i), v.Full().Index)
	}
	require.Len(t, p.views.byKey, 2)
	require.Equal(t, 2, p.views.used.Len())
	_, ok := p.View(nil, visits)
	require.False(t, ok)
	require.False(t, p.Allows(nil, "i1"))
}

// TestManyAsk holds that views may be made and used side by side.
func TestManyAsk(t *testing.T) {
	t.Parallel()
	p := policyOf(t, Grant{Fields: as(Hidden, "*.ssn", "email"), Others: Treatment{As: Visible}})
	docs := docsOf(`1 {"status": "open", "details": {"ssn": "1", "colour": "red"}}`)
	var group sync.WaitGroup
	schemas := make([]any, 8)
	for i := range schemas {
		group.Go(func() {
			v, _ := p.View(&Principal{Roles: []string{"r"}}, visits)
			found, err := answer(v, docs, "details.colour = red")
			if err == nil && len(found) == 1 {
				schemas[i] = v.Schema()
			}
		})
	}
	group.Wait()
	for _, s := range schemas {
		require.NotNil(t, s)
		require.Same(t, schemas[0], s)
	}
}
