package searchtest

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// keys checks indexes whose mapping declares a key: a field that ends every order in
// place of the ID, be it equal to the ID or not.
func (s *suite) keys(t tb) {
	v := s.judge(t)
	defer v.close()
	for i, k := range []struct {
		name, typ string
		value     func(i int) string // JSON
		same      bool               // the ID is the key
	}{
		{"same", "keyword", func(i int) string { return fmt.Sprintf(`"K%03d"`, i) }, true},
		{"other", "keyword", func(i int) string { return fmt.Sprintf(`"%c%d"`, "aAé😀"[i%2], 1000-i) }, false},
		{"number", "long", func(i int) string { return fmt.Sprint((i - 50) * 90_071_992_547_409_93) }, false},
		{"small", "integer", func(i int) string { return fmt.Sprintf(`"%d"`, i-50) }, true},
		{"address", "ip", func(i int) string { return fmt.Sprintf(`"10.0.%d.%d"`, i%3, i) }, false},
	} {
		mapping := fmt.Sprintf(`{"mappings": {"dynamic": "false", "_meta": {"dhr": {"key": "key", "case_insensitive": ["sex"]}}, "properties": {
			"key": {"type": %q}, "n": {"type": "integer"}, "sex": {"type": "keyword"}, "many": {"type": "nested", "properties": {"n": {"type": "integer"}}}}}}`, k.typ)
		schema, err := record.ParseSchema(s.Prefix+"keys-"+k.name, []byte(mapping))
		require.NoError(t, err)
		c := &corpus{schema: schema, projection: everything(t, schema)}
		draw := rand.New(rand.NewPCG(uint64(i), 11))
		for n := range 100 {
			id := fmt.Sprintf("id-%d", (n*37)%100)
			if k.same {
				key, err := schema.Field("key").Parse(trimQuotes(k.value(n)))
				require.NoError(t, err)
				id = key.Text()
			}
			c.add(t, id, fmt.Appendf(nil, `{"key": %s, "n": [%d, %d], "sex": %q, "many": [{"n": %d}]}`,
				k.value(n), draw.IntN(4), draw.IntN(4), []string{"f", "F", "m"}[draw.IntN(3)], draw.IntN(3)))
		}
		s.fill(t, schema, c.records)
		s.keyed(t, v, c, draw)
	}
}

func trimQuotes(text string) string {
	if text[0] == '"' {
		return text[1 : len(text)-1]
	}
	return text
}

// keyed asks one of these indexes.
func (s *suite) keyed(t tb, v *verdict, c *corpus, draw *rand.Rand) {
	own := *s
	own.corpus = c
	columns, err := c.schema.Project("key", "n")
	require.NoError(t, err)
	for _, text := range []string{"", "ORDER BY key DESC", "n > 1 ORDER BY n DESC", "sex = F ORDER BY sex, n", "key IS NOT EMPTY ORDER BY many.n DESC, sex DESC", "key IS EMPTY", "_id > id-5"} {
		q := query{text: text, now: usualNow, user: "ana"}
		p, refused, err := q.resolve(c.schema)
		require.NoError(t, err)
		require.Empty(t, refused, text)
		require.Equal(t, "key", p.Order[len(p.Order)-1].Field.Path, text)
		want := c.answer(t, p)
		pages := pager{&own, v, question{q, p}, want, columns, draw}
		pages.read(t, search.Read{}, 0)
		pages.positions(t)
		pages.skips(t)
		pages.pages(t, 9)
		s.checks.queries.Add(1)
	}
	key, p := c.schema.Field("key"), c.all()
	want := c.answer(t, p)
	for _, r := range want.records[:5] {
		keyIs := slices.Clone(r.Lookup("key"))
		found := c.plan(plan.NewTerms(key, keyIs...))
		if diff := s.differPlan(t, c, found, columns); diff != "" {
			v.wrong("%s\n%s", indent(found), diff)
		}
	}
	snap, err := s.driver.Snapshot(t.Context(), c.schema.Index, "")
	require.NoError(t, err)
	defer func() { require.NoError(t, snap.Close()) }()
	k := scanner{&own, snap, question{query{text: "ORDER BY key"}, p}, want, columns, draw}
	k.check(t)
	s.askTablesOf(t, v, c, []*search.Aggregation{
		{Plan: p, Groups: []search.Group{{Field: key}}, Limit: 7},
		{Plan: p, Groups: []search.Group{{Field: c.schema.Field("sex")}}, Metrics: []search.Metric{{Op: "cardinality", Field: key}}},
	})
}
