package plan_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

func terms(f *record.Field, values ...string) plan.Node { return plan.NewTerms(f, str(values...)...) }

func TestBuild(t *testing.T) {
	a, b, c := plan.Exists{Field: age}, plan.Exists{Field: date}, plan.Exists{Field: notes}
	cases := []struct {
		name string
		got  plan.Node
		want string
	}{
		{"and of nothing", plan.NewAnd(), "all"},
		{"or of nothing", plan.NewOr(), "none"},
		{"and of one", plan.NewAnd(a), "exists age"},
		{"or of one", plan.NewOr(a), "exists age"},
		{"and of two", plan.NewAnd(a, b), "and {exists age; exists date}"},
		{"and with all", plan.NewAnd(plan.All{}, a), "exists age"},
		{"and with none", plan.NewAnd(a, plan.None{}, b), "none"},
		{"and with a nil", plan.NewAnd(a, nil), "exists age"},
		{"or with none", plan.NewOr(plan.None{}, a), "exists age"},
		{"or with all", plan.NewOr(a, plan.All{}), "all"},
		{"and in and", plan.NewAnd(plan.NewAnd(a, b), c), "and {exists age; exists date; exists notes}"},
		{"or in or", plan.NewOr(a, plan.NewOr(b, c)), "or {exists age; exists date; exists notes}"},
		{"or in and", plan.NewAnd(a, plan.NewOr(b, c)), "and {exists age; or {exists date; exists notes}}"},
		{"twice", plan.NewAnd(a, b, a, b), "and {exists age; exists date}"},
		{"twice, one left", plan.NewOr(a, a), "exists age"},
		{"terms of one field", plan.NewOr(terms(status, "B"), a, terms(status, "A", "C"), terms(status, "B")),
			`or {terms Data.status "A" "B" "C"; exists age}`},
		{"terms of one field only", plan.NewOr(terms(status, "B"), terms(status, "A")), `terms Data.status "A" "B"`},
		{"terms of two fields", plan.NewOr(terms(status, "B"), terms(sex, "f"), terms(sex, "M"), terms(status, "A")),
			`or {terms Data.status "A" "B"; terms sex "f" "m"}`},
		{"terms stay apart in an and", plan.NewAnd(terms(status, "B"), terms(status, "A")),
			`and {terms Data.status "B"; terms Data.status "A"}`},
		{"terms sorted", terms(status, "b", "a", "b", ""), `terms Data.status "" "a" "b"`},
		{"terms folded", terms(sex, "Female", "FEMALE", "É"), `terms sex "female" "é"`},
		{"terms of numbers", plan.NewTerms(age, num(10, -3, 9, 10)...), `terms age -3 9 10`},
		{"terms of nothing", terms(status), "none"},
		{"terms of no field", terms(nil, "a"), "none"},
		{"not all", plan.NewNot(plan.All{}), "none"},
		{"not none", plan.NewNot(plan.None{}), "all"},
		{"not not", plan.NewNot(plan.NewNot(terms(status, "A"))), `terms Data.status "A"`},
		{"not terms", plan.NewNot(terms(status, "A")), `not terms Data.status "A"`},
		{"not exists", plan.NewNot(a), "missing age"},
		{"not missing", plan.NewNot(plan.Missing{Field: age}), "exists age"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, c.got.String()) })
	}
}

func TestBuildLeavesItsArgumentsAlone(t *testing.T) {
	first, second := terms(status, "B"), terms(status, "A")
	nodes := []plan.Node{first, plan.Exists{Field: age}, plan.Exists{Field: age}, second}
	inner := plan.NewAnd(plan.Exists{Field: age}, plan.Exists{Field: date})
	plan.NewOr(nodes...)
	plan.NewAnd(nodes...)
	plan.NewAnd(inner, plan.Exists{Field: notes})
	require.Equal(t, `terms Data.status "B"`, nodes[0].String())
	require.Equal(t, `exists age`, nodes[2].String())
	require.Equal(t, `terms Data.status "A"`, nodes[3].String())
	require.Equal(t, `and {exists age; exists date}`, inner.String())

	values := str("b", "a")
	plan.NewTerms(status, values...)
	require.Equal(t, str("b", "a"), values)
}

func TestBuildManySiblings(t *testing.T) {
	var nodes []plan.Node
	for i := range 2000 {
		nodes = append(nodes, plan.Match{Field: notes, Text: fmt.Sprint(i % 700)})
	}
	require.Len(t, plan.NewAnd(nodes...), 700)
	nodes = nil
	for i := range 2000 {
		nodes = append(nodes, plan.NewTerms(age, record.IntValue(int64(2000-i))))
	}
	require.Len(t, plan.NewOr(nodes...).(plan.Terms).Values, 2000)
}

// TestBuildKeepsMeaning reads a node as a formula over which leaves hold, and
// requires that building changes no answer and keeps the rules of And and Or.
func TestBuildKeepsMeaning(t *testing.T) {
	leaves := []plan.Node{plan.All{}, plan.None{}, terms(status, "A"), terms(status, "B"), terms(status, "A", "B"),
		plan.Exists{Field: age}, plan.Match{Field: notes, Text: "x"}}
	rapid.Check(t, func(t *rapid.T) {
		var draw func(depth int) (built, plain plan.Node)
		draw = func(depth int) (plan.Node, plan.Node) {
			if depth == 0 || rapid.IntRange(0, 2).Draw(t, "leaf") == 0 {
				n := rapid.SampledFrom(leaves).Draw(t, "node")
				return n, n
			}
			if rapid.Bool().Draw(t, "not") {
				b, p := draw(depth - 1)
				return plan.NewNot(b), plan.Not{Node: p}
			}
			var bb, pp []plan.Node
			for range rapid.IntRange(0, 4).Draw(t, "children") {
				b, p := draw(depth - 1)
				bb, pp = append(bb, b), append(pp, p)
			}
			if rapid.Bool().Draw(t, "and") {
				return plan.NewAnd(bb...), plan.And(pp)
			}
			return plan.NewOr(bb...), plan.Or(pp)
		}
		built, plain := draw(4)
		for _, value := range []string{"", "A", "B", "C"} {
			for bits := range 4 {
				require.Equal(t, holds(plain, value, bits), holds(built, value, bits), "%s\n%s", plain, built)
			}
		}
		checkRules(t, built)
	})
}

// holds reads n where Data.status is value, and bits say whether age exists and notes match.
func holds(n plan.Node, value string, bits int) bool {
	switch n := n.(type) {
	case plan.All:
		return true
	case plan.And:
		for _, c := range n {
			if !holds(c, value, bits) {
				return false
			}
		}
		return true
	case plan.Or:
		for _, c := range n {
			if holds(c, value, bits) {
				return true
			}
		}
	case plan.Not:
		return !holds(n.Node, value, bits)
	case plan.Terms:
		for _, v := range n.Values {
			if v.Text() == value {
				return true
			}
		}
	case plan.Exists:
		return bits&1 != 0
	case plan.Missing:
		return bits&1 == 0
	case plan.Match:
		return bits&2 != 0
	}
	return false
}

func checkRules(t *rapid.T, n plan.Node) {
	plan.Walk(n, func(n plan.Node) bool {
		switch n := n.(type) {
		case plan.And:
			require.GreaterOrEqual(t, len(n), 2)
			for i, c := range n {
				require.NotContains(t, []string{"and", "all", "none"}, word(c))
				for _, d := range n[:i] {
					require.False(t, plan.Equal(c, d))
				}
			}
		case plan.Or:
			require.GreaterOrEqual(t, len(n), 2)
			ofStatus := 0
			for _, c := range n {
				require.NotContains(t, []string{"or", "all", "none"}, word(c))
				if _, ok := c.(plan.Terms); ok {
					ofStatus++
				}
			}
			require.LessOrEqual(t, ofStatus, 1)
		}
		return true
	})
}

func word(n plan.Node) string {
	switch n.(type) {
	case plan.And:
		return "and"
	case plan.Or:
		return "or"
	case plan.All:
		return "all"
	case plan.None:
		return "none"
	}
	return ""
}

func BenchmarkNewAnd(b *testing.B) {
	nodes := []plan.Node{plan.Exists{Field: status}, plan.Not{Node: terms(status, "A")}, span(age, num(1)[0], true, num(9)[0], true)}
	b.ReportAllocs()
	for b.Loop() {
		plan.NewAnd(nodes...)
	}
}

func BenchmarkNewOr(b *testing.B) {
	nodes := []plan.Node{terms(status, "B"), terms(status, "A"), terms(sex, "f")}
	b.ReportAllocs()
	for b.Loop() {
		plan.NewOr(nodes...)
	}
}
