package sqlgen_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/jql/sqlgen"
	"github.com/digit-health/dhr/record"
)

// shaped returns plans with a string, or what is made of one, in every place where
// a plan has one.
func shaped(s *record.Schema, text string) []*plan.Plan {
	f := s.Field
	v := record.StringValue(text)
	term := func(path string) plan.Node { return plan.Terms{Field: f(path), Values: []record.Value{v}} }
	between := plan.Range{Field: f("name"), Lower: plan.Bound{Value: v, Inclusive: true}, Upper: plan.Bound{Value: v}}
	release := plan.Terms{Field: f("release"), Values: []record.Value{record.VersionValue(text)}}
	nodes := []plan.Node{term("name"), term("city"), term("tags"), term("sex"), term("labels.a"), term("_id"), between, release,
		plan.NewNot(term("tags")), plan.NewAnd(term("city"), between), plan.NewOr(term("city"), between)}
	var many plan.Terms
	many.Field = f("name")
	for i := range 300 {
		many.Values = append(many.Values, record.StringValue(fmt.Sprint(text, i)))
	}
	nodes = append(nodes, many)
	var plans []*plan.Plan
	for _, n := range nodes {
		plans = append(plans, &plan.Plan{Schema: s, Where: n, Order: []plan.Sort{{Field: f("name")}, {Field: f("_id")}}})
	}
	return plans
}

// No string of a question gets into the text of a statement: that is the same for
// every string. Key names of flattened fields are strings of the question as well.
func FuzzText(f *testing.F) {
	for _, text := range []string{"'", `"`, `\`, "; DROP TABLE visits; --", "?", "$1", "%s", "\x00", "/*", "*/", `" OR "`, "NEAR(", "a\xffb", "\ue000", "日本"} {
		f.Add(text)
	}
	s := parse(f)
	f.Fuzz(func(t *testing.T, text string) {
		for dialect := range sqlgen.Dialect(2) {
			l := layout(dialect)
			want, got := shaped(s, "a"), shaped(s, text)
			for i := range want {
				sel := selection(true)
				sel.After = []record.Value{record.StringValue("a"), record.StringValue("b")}
				w, err := sqlgen.Select(want[i], l, sel)
				require.NoError(t, err)
				sel.After = []record.Value{record.StringValue(text), record.StringValue(text)}
				g, err := sqlgen.Select(got[i], l, sel)
				require.NoError(t, err)
				require.Len(t, g, len(w))
				for j := range w {
					require.Equal(t, w[j].Text, g[j].Text)
					require.Len(t, g[j].Args, len(w[j].Args))
				}
			}
			for mode := plan.Words; mode <= plan.Fuzzy; mode++ {
				m := plan.Match{Field: s.Field("notes"), Mode: mode, Text: text, Edits: 1}
				q, err := sqlgen.Count(&plan.Plan{Schema: s, Where: m}, l, 0)
				require.NoError(t, err)
				known(t, q.Text)
			}
			if key := s.Field("labels." + text); key != nil && key.Kind == record.String {
				q, err := sqlgen.Count(&plan.Plan{Schema: s, Where: plan.Exists{Field: key}}, l, 0)
				require.NoError(t, err)
				known(t, q.Text)
			}
		}
	})
}

// known holds that a statement of a single condition is one of those there are.
func known(t *testing.T, text string) {
	for _, mark := range []string{"$1", "$2", "$3", "$4", "?"} {
		text = strings.ReplaceAll(text, mark, "#")
	}
	const from = "SELECT count(*) FROM visits AS m WHERE "
	require.Contains(t, []string{
		from + "FALSE", "SELECT count(*) FROM words WHERE words MATCH #",
		from + "(m.terms @> #)", from + "(m.terms && #)", from + "(m.terms @> # AND m.terms && #)", from + "(m.terms @> # AND position(# in m.joined) > 0)",
		from + "(m.terms && # AND m.terms && #)", from + "(m.terms @> # AND m.terms && # AND m.terms && #)",
		from + "m.rid IN (SELECT keys.rid FROM keys WHERE keys.key = #)",
	}, text)
}

func BenchmarkSelect(b *testing.B) {
	s, l := parse(b), layout(sqlgen.SQLite)
	for _, c := range []struct {
		name, query string
		after       []record.Value
	}{
		{"typical", `city = "Pune" AND age >= 60 AND seen >= 2024-01-01 ORDER BY seen DESC`, nil},
		{"after", `city = "Pune" AND age >= 60 AND seen >= 2024-01-01 AND NOT tags IN (a, b) ORDER BY seen DESC`,
			[]record.Value{record.TimeValue(time.UnixMilli(5)), record.StringValue("x")}},
	} {
		b.Run(c.name, func(b *testing.B) {
			p, sel := resolve(b, s, c.query), selection(true)
			sel.Limit, sel.After = 50, c.after
			b.ReportAllocs()
			for b.Loop() {
				if _, err := sqlgen.Select(p, l, sel); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
