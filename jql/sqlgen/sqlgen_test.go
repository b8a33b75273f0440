package sqlgen_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/digit-health/dhr/jql/eval"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/jql/sqlgen"
	"github.com/digit-health/dhr/record"
)

var update = flag.Bool("update", false, "write testdata/statements.txt again")

// The file shows each query with the statements that it becomes.
func TestStatements(t *testing.T) {
	t.Parallel()
	s := parse(t)
	text, err := os.ReadFile("testdata/statements.txt")
	require.NoError(t, err)
	var out strings.Builder
	for _, part := range strings.Split(string(text), "== ")[1:] {
		query, _, _ := strings.Cut(part, "\n")
		fmt.Fprintf(&out, "== %s\n", query)
		p := resolve(t, s, query)
		for i, name := range []string{"sqlite", "postgres"} {
			l := layout(sqlgen.Dialect(i))
			queries, err := sqlgen.Select(p, l, selection(strings.Contains(query, "ORDER BY")))
			if err != nil {
				fmt.Fprintf(&out, "%s: %v\n", name, err)
			}
			for _, q := range queries {
				fmt.Fprintf(&out, "%s: %s\n", name, q.Text)
				for _, a := range q.Args {
					fmt.Fprintf(&out, "\t%s\n", shown(a))
				}
			}
		}
	}
	if *update {
		require.NoError(t, os.WriteFile("testdata/statements.txt", []byte(out.String()), 0o644))
		return
	}
	require.Equal(t, string(text), out.String())
}

// shown prints an argument.
func shown(a any) string {
	switch a := a.(type) {
	case []byte:
		return fmt.Sprintf("%x", a)
	case string, []string:
		return fmt.Sprintf("%q", a)
	}
	return fmt.Sprint(a)
}

// What is behind a record is asked so that an index finds it, and Nulls come last.
func TestAfter(t *testing.T) {
	t.Parallel()
	s := parse(t)
	at := record.TimeValue(time.UnixMilli(5))
	id := record.StringValue("x")
	for _, c := range []struct {
		query string
		after []record.Value
		want  []string
	}{
		{"ORDER BY seen DESC", []record.Value{at, id}, []string{
			"TRUE AND m.seen <= ? AND (m.seen < ? OR (m.id > ?)) ORDER BY m.seen DESC, m.id", "TRUE AND m.seen IS NULL ORDER BY m.id"}},
		{"ORDER BY seen", []record.Value{{}, id}, []string{"TRUE AND m.seen IS NULL AND (m.id > ?) ORDER BY m.id"}},
		{"ORDER BY dose", []record.Value{record.FloatValue(2), id}, []string{
			"TRUE AND (m.dose > ? OR m.dose IS NULL OR (m.dose = ? AND (m.id > ?))) ORDER BY m.dose NULLS LAST, m.id"}},
		{"ORDER BY dose DESC", []record.Value{{}, id}, []string{"TRUE AND (m.dose IS NULL AND (m.id > ?)) ORDER BY m.dose DESC NULLS LAST, m.id"}},
		{"ORDER BY _index, _id", []record.Value{record.StringValue("visits"), id}, []string{"TRUE AND (m.id > ?) ORDER BY m.id"}},
		{"ORDER BY _index, _id", []record.Value{record.StringValue("a"), id}, []string{"TRUE ORDER BY m.id"}},
		{"ORDER BY _index, _id", []record.Value{record.StringValue("z"), id}, nil},
		{"ORDER BY dose, _index, _id", []record.Value{record.FloatValue(2), record.StringValue("a"), id}, []string{
			"TRUE AND (m.dose > ? OR m.dose IS NULL OR (m.dose = ? AND TRUE)) ORDER BY m.dose NULLS LAST, m.id"}},
	} {
		sel := selection(true)
		sel.After = c.after
		queries, err := sqlgen.Select(resolve(t, s, c.query), layout(sqlgen.SQLite), sel)
		require.NoError(t, err)
		var got []string
		for _, q := range queries {
			_, where, _ := strings.Cut(q.Text, " WHERE ")
			got = append(got, where)
		}
		require.Equal(t, c.want, got, c.query)
	}
	sel := selection(true)
	sel.After = []record.Value{at}
	_, err := sqlgen.Select(resolve(t, s, "ORDER BY seen"), layout(sqlgen.SQLite), sel)
	require.ErrorContains(t, err, "1 keys of a record")
	sel.After = []record.Value{id, id}
	_, err = sqlgen.Select(resolve(t, s, "ORDER BY seen"), layout(sqlgen.SQLite), sel)
	require.ErrorContains(t, err, `is of kind string, the field "seen" of kind time`)
}

func TestCan(t *testing.T) {
	t.Parallel()
	s, l := parse(t), layout(sqlgen.SQLite)
	f := s.Field
	bare := *l
	bare.Expand = nil
	for _, c := range []struct {
		leaf plan.Node
		want bool
	}{
		{plan.Exists{Field: f("place")}, true},
		{plan.Exists{Field: f("loose")}, false},
		{plan.Terms{Field: f("loose"), Values: []record.Value{record.StringValue("x")}}, false},
		{plan.Terms{Field: f("notes"), Values: []record.Value{record.StringValue("x")}}, false},
		{plan.Range{Field: f("place"), Lower: plan.Bound{Value: record.JSONValue("{}")}}, false},
		{plan.Match{Field: f("notes"), Text: "x"}, true},
		{plan.Match{Field: f("name"), Text: "x"}, false},
		{plan.Was{Field: f("name")}, false},
		{plan.Changed{Field: f("name")}, false},
		{plan.Exists{Field: f("_index")}, true},
		{plan.Terms{Field: f("labels.a"), Values: []record.Value{record.StringValue("x")}}, true},
	} {
		require.Equal(t, c.want, l.Can(c.leaf), "%s", c.leaf)
		if !c.want {
			_, err := sqlgen.Count(&plan.Plan{Schema: s, Where: c.leaf}, l, 0)
			require.ErrorContains(t, err, "no SQL for")
		}
	}
	require.False(t, bare.Can(plan.Match{Field: f("notes"), Mode: plan.Fuzzy, Text: "x"}))
	require.True(t, l.CanOrder(resolve(t, s, "ORDER BY tags, labels.a DESC").Order))
	require.False(t, l.CanOrder([]plan.Sort{{Field: f("loose")}}))
	require.False(t, l.CanOrder([]plan.Sort{{Field: f("place")}}))
}

func TestCount(t *testing.T) {
	t.Parallel()
	s := parse(t)
	for query, want := range map[string]string{
		"":                      "SELECT count(*) FROM visits AS m WHERE TRUE",
		`notes ~ "fever cough"`: "SELECT count(*) FROM words WHERE words MATCH ?",
		`dose = 3`:              "SELECT count(*) FROM visits AS m WHERE (m.dose = ?)",
	} {
		q, err := sqlgen.Count(resolve(t, s, query), layout(sqlgen.SQLite), 0)
		require.NoError(t, err)
		require.Equal(t, want, q.Text)
	}
	q, err := sqlgen.Count(resolve(t, s, "dose = 3"), layout(sqlgen.Postgres), 10)
	require.NoError(t, err)
	require.Equal(t, sqlgen.Query{Text: "SELECT count(*) FROM (SELECT 1 FROM visits AS m WHERE (m.dose = $1) LIMIT 10) AS l", Args: []any{3.0}}, q)
}

// The keys of versions are in the order of the versions, and each gives its version back.
func TestVersionKeys(t *testing.T) {
	t.Parallel()
	draw := rapid.OneOf(rapid.StringMatching(`[0-9]{1,3}(\.[0-9]{1,3}){0,3}(-[0-9a-zA-Z-]{1,4}(\.[0-9a-z]{1,3}){0,2})?(\+[0-9a-z.]{1,4})?`),
		rapid.String(), rapid.SampledFrom([]string{"1", "1.0", "1.0.0", "1.0.0-a", "1.0.0-1", "1.0.0-a.1", "1.0.0+x", "10", "9", "01", "", "a\x00\x00b", "v1"}))
	rapid.Check(t, func(t *rapid.T) {
		a, b := draw.Draw(t, "a"), draw.Draw(t, "b")
		x, y := sqlgen.VersionKey(nil, a), sqlgen.VersionKey(nil, b)
		require.Equal(t, record.VersionValue(a).Compare(record.VersionValue(b)), strings.Compare(string(x), string(y)), "%q and %q", a, b)
		require.Equal(t, a, sqlgen.VersionText(x))
	})
}

// Terms fit as package eval has it.
func TestFits(t *testing.T) {
	t.Parallel()
	s := parse(t)
	columns, err := s.Project("notes")
	require.NoError(t, err)
	f := s.Field("notes")
	word := rapid.StringMatching(`[abcअ]{1,7}`)
	pattern := rapid.StringMatching(`[abcअ*?\\]{1,6}`)
	rapid.Check(t, func(t *rapid.T) {
		m := plan.Match{Field: f, Mode: plan.Mode(rapid.IntRange(int(plan.Prefix), int(plan.Fuzzy)).Draw(t, "mode")), Edits: rapid.IntRange(-1, 2).Draw(t, "edits")}
		if m.Text = word.Draw(t, "word"); m.Mode == plan.Wildcard {
			m.Text = pattern.Draw(t, "pattern")
		}
		term := word.Draw(t, "term")
		matcher, err := eval.Compile(&plan.Plan{Schema: s, Where: m}, columns)
		require.NoError(t, err)
		r := &record.Record{}
		r.Reset(columns)
		r.Append(0, record.StringValue(term))
		prefix, fits := sqlgen.Fits(m.Mode, m.Text, m.Edits)
		require.Equal(t, matcher.Match(r), fits([]byte(term)), "%s %q", m, term)
		require.True(t, !fits([]byte(term)) || strings.HasPrefix(term, prefix))
	})
}

// A list without values finds nothing, as in package eval.
func TestEmptyTerms(t *testing.T) {
	t.Parallel()
	s := parse(t)
	for _, path := range []string{"age", "city", "tags", "sex", "dose", "_id", "_index"} {
		p := &plan.Plan{Schema: s, Where: plan.Terms{Field: s.Field(path)}}
		for _, dialect := range []sqlgen.Dialect{sqlgen.SQLite, sqlgen.Postgres} {
			q, err := sqlgen.Count(p, layout(dialect), 0)
			require.NoError(t, err)
			require.Contains(t, q.Text, "WHERE FALSE", path)
			require.Empty(t, q.Args)
		}
	}
}

// What has more arguments than the database takes is refused, and long lists are no such thing.
func TestTooManyArguments(t *testing.T) {
	t.Parallel()
	s := parse(t)
	var floats []record.Value
	var either plan.Or
	for i := range 70000 {
		floats = append(floats, record.FloatValue(float64(i)/3))
		either = append(either, plan.Range{Field: s.Field("age"), Lower: plan.Bound{Value: record.IntValue(int64(i))}})
	}
	long := plan.NewTerms(s.Field("dose"), floats...)
	require.False(t, layout(sqlgen.SQLite).Can(long))
	require.True(t, layout(sqlgen.SQLite).Can(plan.NewTerms(s.Field("dose"), floats[:300]...)))
	require.True(t, layout(sqlgen.Postgres).Can(long))
	for _, dialect := range []sqlgen.Dialect{sqlgen.SQLite, sqlgen.Postgres} {
		_, err := sqlgen.Count(&plan.Plan{Schema: s, Where: either}, layout(dialect), 0)
		require.ErrorIs(t, err, sqlgen.ErrTooLong)
	}
}
