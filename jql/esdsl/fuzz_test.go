package esdsl_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql/esdsl"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// words are all the names that a body may have, but for the paths of fields.
var words = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(`bool filter must_not should minimum_should_match match_all match_none nested path score_mode
		ignore_unmapped query exists field terms term ids values _index range gt gte lt lte format prefix wildcard value fuzzy fuzziness
		prefix_length transpositions rewrite match_phrase analyzer regexp flags order mode missing unmapped_type numeric_type dhr_id _id`) {
		m[w] = true
	}
	return m
}()

// FuzzStrings holds that no string of the language says anything to the engine but
// itself: whatever it is, the body is JSON whose names are those of the query language and the
// path of the field.
func FuzzStrings(f *testing.F) {
	for _, s := range []string{
		"", `"`, `\`, `"}}`, `a","script":{"source":"1"}`, "\x00\x1f\u2028", "\xff\xfe", "*:*", "a* AND b:c", `\*?`, `\\`, "(a|b)[c]{1,2}.~@&<1-2>#",
		"İK", strings.Repeat("é", 400), "𝔘😀", "a.b\".c", "~~2", "..", "_all", "<now/d>", "index-*,-x",
	} {
		f.Add(s, byte(0))
		f.Add(s, byte(7))
	}
	s := schema(f)
	c := compiler(f, nil)
	f.Fuzz(func(t *testing.T, text string, which byte) {
		for _, n := range plansOf(s, text, which) {
			if !c.Can(n) {
				n = c.Instead(n)
				require.True(t, c.Can(n))
			}
			body, err := c.Query(n)
			if err != nil {
				require.ErrorIs(t, err, esdsl.ErrTooLarge)
				continue
			}
			checkNames(t, body, "labels."+text)
		}
		order := []plan.Sort{{Field: s.Field("code")}, {Field: s.Field("sex"), Desc: true}, {Field: s.Field("_id")}}
		after, err := c.SearchAfter(order, []record.Value{record.StringValue(text), record.StringValue(text), record.StringValue(text)})
		require.NoError(t, err)
		checkNames(t, after, "")
	})
}

// plansOf returns conditions of every kind that hold a text in each place that has one.
func plansOf(s *record.Schema, text string, which byte) []plan.Node {
	v := record.StringValue(text)
	nodes := []plan.Node{
		plan.NewTerms(s.Field("status"), v, record.StringValue("x"+text)),
		plan.NewTerms(s.Field("app"), record.VersionValue(text)),
		plan.Range{Field: s.Field("code"), Lower: plan.Bound{Value: v, Inclusive: which%2 == 0}, Upper: plan.Bound{Value: v}},
		plan.NewTerms(s.Field("visits.drug"), v),
	}
	for _, path := range []string{"sex", "ward", "room", "_id", "_index"} {
		nodes = append(nodes, plan.NewTerms(s.Field(path), v), plan.Range{Field: s.Field(path), Lower: plan.Bound{Value: v}})
	}
	for _, path := range []string{"notes", "bag", "essay"} {
		for mode := plan.Words; mode <= plan.Fuzzy; mode++ {
			nodes = append(nodes, plan.Match{Field: s.Field(path), Mode: mode, Text: text, Edits: int(which%4) - 1})
		}
	}
	if f := s.Field("labels." + text); f != nil {
		nodes = append(nodes, plan.Exists{Field: f}, plan.NewTerms(f, v), plan.Range{Field: f, Upper: plan.Bound{Value: v}})
	}
	by := []string{text}
	held := plan.States{Values: []record.Value{v}}
	nodes = append(nodes,
		plan.Was{Field: s.Field("status"), History: &s.Histories[0], Held: held, By: by},
		plan.Changed{Field: s.Field("status"), History: &s.Histories[0], From: &held, By: by})
	return append(nodes, plan.NewOr(nodes[0], plan.NewNot(nodes[2])), plan.NewAnd(nodes[1], plan.Missing{Field: s.Field("code")}))
}

// checkNames holds that body is JSON in which every name is a word or the path of a field.
func checkNames(t *testing.T, body []byte, path string) {
	t.Helper()
	require.True(t, json.Valid(body), "%q", body)
	var value any
	require.NoError(t, json.Unmarshal(body, &value))
	fields := map[string]bool{strings.ToValidUTF8(path, "\uFFFD"): true}
	for f := range schema(t).All() {
		fields[f.Path] = true
	}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			for name, e := range v {
				require.True(t, words[name] || fields[name] || strings.ToValidUTF8(name, "\uFFFD") == name && fields[name], "%q in %s", name, body)
				walk(e)
			}
		}
	}
	walk(value)
}
