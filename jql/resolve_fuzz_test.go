package jql

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// FuzzResolve resolves whatever parses: no panic, plans as package plan
// promises them, and the canonical text means the same.
func FuzzResolve(f *testing.F) {
	files, err := filepath.Glob("testdata/meaning/*.txtar")
	require.NoError(f, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(f, err)
		for _, section := range strings.Split(string(text), "\n-- ") {
			if name, query, ok := strings.Cut(section, " --\n"); ok && strings.HasSuffix(name, "/query") {
				f.Add(query)
			}
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := Parse(text, nil)
		if err != nil {
			return
		}
		r := &resolved{circumstances: usual(t), query: q}
		r.schemas = append(r.schemas, cachedSchema(t, "tasks"))
		r.resolve(t)
		if r.resolution != nil {
			r.requireSane(t)
		}
		for _, e := range r.errs {
			require.NotEmpty(t, e.Code)
			require.NotContains(t, e.Error(), "\n")
		}
	})
}

// FuzzText resolves any text of ~, positive and negative.
func FuzzText(f *testing.F) {
	for _, text := range []string{
		"fever cough", `"high fever"~3^2`, "par*", "m?l*a", "malria~1", "mal*~", "a OR (b -c) NOT d", "+(a)^2", `\* \\ \`, "((", "-", "!!a", "a^", "a~0.8",
	} {
		f.Add(text)
	}
	visits := []*record.Schema{cachedSchema(f, "visits")}
	f.Fuzz(func(t *testing.T, text string) {
		var verdicts [2]bool
		for i, op := range []string{"~", "!~"} {
			q, err := Cond("notes", op, text)
			if err != nil {
				return
			}
			got, err := Resolve(t.Context(), q, visits, nil)
			verdicts[i] = err == nil
			if err != nil {
				continue
			}
			requireSanePlan(t, got.Plans[0], text)
			plan.Walk(got.Plans[0].Where, func(n plan.Node) bool {
				m, ok := n.(plan.Match)
				if ok {
					require.Equal(t, "notes", m.Field.Path, "%q", text)
					require.NotEmpty(t, m.Text, "%q", text)
				}
				return true
			})
		}
		require.Equal(t, verdicts[0], verdicts[1], "%q is a text for one of ~ and !~ only", text)
	})
}

// truths gives each single condition of a plan a fixed truth for a record whose
// fields all have a value, so that plans can be compared as propositions.
func truths(n plan.Node, leaf func(plan.Node) bool) bool {
	switch n := n.(type) {
	case plan.All, plan.Exists:
		return true
	case plan.None, plan.Missing:
		return false
	case plan.And:
		for _, c := range n {
			if !truths(c, leaf) {
				return false
			}
		}
		return true
	case plan.Or:
		for _, c := range n {
			if truths(c, leaf) {
				return true
			}
		}
		return false
	case plan.Not:
		return !truths(n.Node, leaf)
	}
	return leaf(n)
}

// Among records whose fields all have one value, NOT is the opposite, however
// deep it stands: De Morgan's laws hold.
func TestNotIsTheOpposite(t *testing.T) {
	visits := cachedSchema(t, "visits")
	var condition func(rt *rapid.T, depth int) string
	condition = func(rt *rapid.T, depth int) string {
		kind := rapid.IntRange(0, 5).Draw(rt, "kind")
		if depth == 0 {
			kind = 0
		}
		switch kind {
		case 1:
			return "NOT " + condition(rt, depth-1)
		case 2, 3:
			return "(" + condition(rt, depth-1) + " AND " + condition(rt, depth-1) + ")"
		case 4, 5:
			return "(" + condition(rt, depth-1) + " OR " + condition(rt, depth-1) + ")"
		}
		field := rapid.SampledFrom([]string{"age", "visits_before"}).Draw(rt, "field")
		op := rapid.SampledFrom([]string{"=", "!=", "<", "<=", ">", ">=", "IN", "NOT IN"}).Draw(rt, "op")
		value := rapid.SampledFrom([]string{"1", "2", "2.5", "3", "400"}).Draw(rt, "value")
		if strings.HasSuffix(op, "IN") {
			value = "(" + value + ", 1)"
		}
		return field + " " + op + " " + value
	}
	rapid.Check(t, func(rt *rapid.T) {
		text := condition(rt, 5)
		where := func(text string) plan.Node {
			q, err := Parse(text, nil)
			require.NoError(rt, err)
			got, err := Resolve(t.Context(), q, []*record.Schema{visits}, nil)
			require.NoError(rt, err)
			return got.Plans[0].Where
		}
		yes, no := where(text), where("NOT ("+text+")")
		for age := int64(0); age < 5; age++ {
			for before := int64(0); before < 5; before++ {
				leaf := func(n plan.Node) bool {
					value := record.IntValue(age)
					if strings.Contains(n.String(), "visits_before") {
						value = record.IntValue(before)
					}
					return holds(n, value)
				}
				require.NotEqual(rt, truths(yes, leaf), truths(no, leaf), "%s with %d and %d: %s and %s", text, age, before, yes, no)
			}
		}
	})
}

// NOT twice is nothing, and brackets do not change the meaning.
func TestNotTwice(t *testing.T) {
	for _, text := range []string{
		"age > 5", "status != closed", "notes ~ \"a -b (c OR d*)\"", "created IN (2024-01-31, EMPTY)", "status WAS open BY ana",
		"NOT status CHANGED", "status = a OR age < 5 AND NOT consent IS EMPTY",
	} {
		want := resolveText(t, text, nil).resolution.Plans[0]
		for _, same := range []string{"NOT NOT (" + text + ")", "((" + text + "))", "!(NOT(" + text + "))"} {
			got := resolveText(t, same, nil).resolution.Plans[0]
			require.True(t, got.Equal(want), "%s\n%s\nand %s\n%s", text, want, same, got)
		}
	}
}
