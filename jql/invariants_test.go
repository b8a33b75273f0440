package jql

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// requireSane checks what package plan promises of every plan, and that the
// canonical text of the query means the same.
func (r *resolved) requireSane(t testing.TB) {
	t.Helper()
	require.Len(t, r.resolution.Plans, len(r.schemas))
	for i, p := range r.resolution.Plans {
		require.Same(t, r.schemas[i], p.Schema)
		requireSanePlan(t, p, r.query.Text)
		require.Len(t, p.Order, len(r.resolution.Plans[0].Order))
	}
	text := r.query.String()
	q, err := Parse(text, &ParseOptions{MaxLength: 8 << 20, MaxDepth: 1000, MaxNodes: 1 << 30})
	require.NoError(t, err)
	again, err := Resolve(t.Context(), q, r.schemas, &r.opts)
	require.NoError(t, err, "canonical text %q of %q", text, r.query.Text)
	for i, p := range again.Plans {
		require.True(t, p.Equal(r.resolution.Plans[i]), "%q means\n%s\nand its canonical text %q\n%s",
			r.query.Text, r.resolution.Plans[i], text, p)
	}
	for _, e := range r.resolution.Warnings {
		require.NotEmpty(t, e.Code)
		require.NotEmpty(t, e.Message)
	}
}

func requireSanePlan(t testing.TB, p *plan.Plan, query string) {
	t.Helper()
	require.NotNil(t, p.Where)
	requireSaneNode(t, p.Where, true, query)
	require.NotEmpty(t, p.Order)
	last := p.Order[len(p.Order)-1].Field
	require.True(t, isUnique(p.Schema, last), "the last key %v is not unique", p.Order)
}

// requireSaneNode checks a node; top says that it may be All or None.
func requireSaneNode(t testing.TB, n plan.Node, top bool, query string) {
	t.Helper()
	children := func(nodes []plan.Node) {
		require.GreaterOrEqual(t, len(nodes), 2, query)
		for _, c := range nodes {
			require.NotEqual(t, reflect.TypeOf(n), reflect.TypeOf(c), query)
			requireSaneNode(t, c, false, query)
		}
	}
	switch n := n.(type) {
	case plan.All, plan.None:
		require.True(t, top, query)
	case plan.And:
		children(n)
	case plan.Or:
		children(n)
	case plan.Not:
		requireSaneNot(t, n, query)
		requireSaneNode(t, n.Node, false, query)
	case plan.Exists:
		require.NotNil(t, n.Field)
	case plan.Missing:
		require.NotNil(t, n.Field)
	case plan.Terms:
		require.NotEmpty(t, n.Values, query)
		requireAscending(t, n.Field, n.Values)
	case plan.Range:
		require.False(t, n.Lower.Value.IsNull() && n.Upper.Value.IsNull(), query)
		for _, v := range []record.Value{n.Lower.Value, n.Upper.Value} {
			require.True(t, v.IsNull() || v.Kind() == n.Field.Kind, "%s in a field that is %s", v, n.Field.Kind)
		}
	case plan.Match:
		require.Equal(t, record.Text, n.Field.Kind, query)
		require.True(t, n.Edits >= -1 && n.Edits <= 2)
		if n.Mode == plan.Prefix || n.Mode == plan.Wildcard || n.Mode == plan.Fuzzy {
			require.Equal(t, strings.ToLower(n.Text), n.Text, query)
		}
	case plan.Was:
		require.NotNil(t, n.History)
		require.True(t, n.Held.Empty || len(n.Held.Values) > 0, query)
		requireAscending(t, n.Field, n.Held.Values)
		requireAuthors(t, n.By)
	case plan.Changed:
		require.NotNil(t, n.History)
		for _, s := range []*plan.States{n.From, n.To} {
			if s != nil {
				require.True(t, s.Empty || len(s.Values) > 0, query)
				requireAscending(t, n.Field, s.Values)
			}
		}
		requireAuthors(t, n.By)
	default:
		require.Fail(t, "unknown node")
	}
}

func requireAuthors(t testing.TB, by []string) {
	t.Helper()
	require.True(t, by == nil || len(by) > 0)
	require.True(t, slices.IsSorted(by))
}

// requireAscending checks that values are of the field's kind, in order and without repeats.
func requireAscending(t testing.TB, f *record.Field, values []record.Value) {
	t.Helper()
	for i, v := range values {
		require.Equal(t, f.Kind, v.Kind(), "%s in %s", v, f.Path)
		require.True(t, i == 0 || values[i-1].Compare(v) < 0, "%s after %s", v, values[max(0, i-1)])
	}
}

// requireSaneNot checks what stands below a Not.
func requireSaneNot(t testing.TB, n plan.Not, query string) {
	t.Helper()
	var field *record.Field
	plan.Walk(n.Node, func(c plan.Node) bool {
		var f *record.Field
		switch c := c.(type) {
		case plan.And, plan.Or:
			return true
		case plan.Terms:
			f = c.Field
		case plan.Range:
			f = c.Field
		case plan.Match:
			f = c.Field
		case plan.Was:
			f = c.Field
		case plan.Changed:
			f = c.Field
		default:
			require.Fail(t, "what stands below a Not", query)
		}
		require.True(t, field == nil || field == f, "Not over two fields")
		field = f
		return true
	})
}
