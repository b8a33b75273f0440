package record

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseSchema(t *testing.T) {
	golden(t, "schemas.txt", func(input string) string {
		s, err := ParseSchema("", []byte(input))
		if err != nil {
			var e *SchemaError
			require.ErrorAs(t, err, &e)
			return err.Error()
		}
		checkRoundTrip(t, input, s)
		return describeSchema(s)
	})
}

// describeSchema lists everything that was read.
func describeSchema(s *Schema) string {
	var b strings.Builder
	fmt.Fprintf(&b, "index %q label %q dynamic %q", s.Index, s.Label, s.Dynamic)
	if s.Key != nil {
		fmt.Fprintf(&b, " key %s", s.Key.Path)
	}
	for f := range s.All() {
		fmt.Fprintf(&b, "\n%s: %s", f.Path, f.Kind)
		add := func(yes bool, format string, args ...any) {
			if yes {
				fmt.Fprintf(&b, ", "+format, args...)
			}
		}
		add(f.Type != f.Kind.String(), "type %s", f.Type)
		add(f.Source != f.Path, "source %s", f.Source)
		add(f.Label != "", "label %q", f.Label)
		add(len(f.Aliases) > 0, "aliases %q", f.Aliases)
		add(f.Personal, "personal")
		add(f.Ordered, "ordered")
		add(f.FoldCase, "any case")
		add(!f.Searchable, "not searchable")
		add(f.Nested != "", "nested in %s", f.Nested)
		add(len(f.Formats) > 0, "formats %q", f.Formats)
		add(f.DateOnly(), "day")
		add(f.Scale != 0, "scale %v", f.Scale)
		add(f.IgnoreAbove != 0, "ignore above %d", f.IgnoreAbove)
		add(f.Analyzer != "", "analyzer %s", f.Analyzer)
		add(f.Dynamic != "", "dynamic %s", f.Dynamic)
		add(f.own.malformed, "ignore malformed")
		add(f.own.noCoerce, "as written")
		add(!f.own.null.IsNull(), "null is %v", f.own.null)
		add(!f.own.constant.IsNull(), "always %v", f.own.constant)
	}
	for _, h := range s.Histories {
		fmt.Fprintf(&b, "\nhistory %s of %v: %s %s %s %s", h.Path, h.Fields, h.Field.Path, h.From.Path, h.To.Path, h.At.Path)
		if h.Author != nil {
			b.WriteString(" " + h.Author.Path)
		}
	}
	for _, u := range s.Unknown {
		b.WriteString("\nunknown " + u)
	}
	return b.String()
}

// checkRoundTrip writes s and reads it again: the mapping must say the same, in the same order.
func checkRoundTrip(tb testing.TB, input string, s *Schema) {
	tb.Helper()
	written, err := s.MarshalJSON()
	require.NoError(tb, err)
	again, err := ParseSchema(s.Index, written)
	require.NoError(tb, err, "%s", written)
	// what is written always begins with mappings, what was read need not
	unknown := regexp.MustCompile(`(?m)^unknown (.*?mappings\b\.?)?`)
	require.Equal(tb, unknown.ReplaceAllString(describeSchema(s), "unknown "), unknown.ReplaceAllString(describeSchema(again), "unknown "))
	twice, err := json.Marshal(again)
	require.NoError(tb, err)
	require.JSONEq(tb, string(written), string(twice))
}

func TestMarshalKeepsEverything(t *testing.T) {
	const mapping = `{"settings":{"number_of_shards":3},"mappings":{"properties":{"z":{"type":"geo_shape","tree":"quadtree","x":[1.50,{"é":null}]},
		"a":{"type":"keyword","doc_values":false}},"_meta":{"owner":"team","dhr":{"label":"L"}}}}`
	s, err := ParseSchema("i", []byte(mapping))
	require.NoError(t, err)
	out, err := s.MarshalJSON()
	require.NoError(t, err)
	require.JSONEq(t, mapping, string(out))
	require.Contains(t, string(out), `"x":[1.50,{"é":null}]`)
	require.Less(t, strings.Index(string(out), `"z"`), strings.Index(string(out), `"a"`))
	require.Equal(t, []string{"mappings.properties.z.type", "mappings.properties.z.tree", "mappings.properties.z.x"}, s.Unknown)

	out[2] = 'X' // a copy
	again, err := s.MarshalJSON()
	require.NoError(t, err)
	require.JSONEq(t, mapping, string(again))
}

// A bare mapping with settings is written as an index definition with both.
func TestSchemaMarshalBareWithSettings(t *testing.T) {
	s, err := ParseSchema("", []byte(`{"settings":{"analysis":{"normalizer":{"low":{"type":"custom","filter":["lowercase"]}}}, "mapping.coerce": false},
		"properties":{"k":{"type":"keyword","normalizer":"low"},"n":{"type":"long"}}, "a \"<b>\"\u0001":[1]}`))
	require.NoError(t, err)
	out, err := s.MarshalJSON()
	require.NoError(t, err)
	require.JSONEq(t, `{"settings":{"analysis":{"normalizer":{"low":{"type":"custom","filter":["lowercase"]}}},"mapping.coerce":false},`+
		`"mappings":{"properties":{"k":{"type":"keyword","normalizer":"low"},"n":{"type":"long"}},"a \"<b>\"\u0001":[1]}}`, string(out))
	again, err := ParseSchema("", out)
	require.NoError(t, err)
	for _, s := range []*Schema{s, again} {
		require.True(t, s.Field("k").FoldCase)
		require.True(t, s.Field("n").own.noCoerce)
		require.Len(t, s.Unknown, 1)
	}
}

// What a name with dots leads to holds the field, wherever it stands.
func TestDottedNamesBelongToTheirObject(t *testing.T) {
	s, err := ParseSchema("", []byte(`{"properties":{"n.y":{"type":"keyword"},"n.o.deep.x":{"type":"ip"},"z":{"type":"long"},"n.o":{"properties":{"p":{"type":"long"}}},
		"n":{"type":"nested","properties":{"x":{"type":"keyword"}}},"free.x":{"type":"long"}},"_meta":{"dhr":{"personal":["n"]}}}`))
	require.NoError(t, err)
	names := func(ff []*Field) (list []string) {
		for _, f := range ff {
			list = append(list, f.Path)
		}
		return list
	}
	require.Equal(t, []string{"z", "n", "free.x"}, names(s.Fields()))
	require.Equal(t, []string{"n.y", "n.o", "n.x"}, names(s.Field("n").Fields))
	require.Equal(t, []string{"n.o.deep.x", "n.o.p"}, names(s.Field("n.o").Fields))
	for _, path := range []string{"n.y", "n.o", "n.o.deep.x", "n.o.p", "n.x"} {
		require.Equal(t, "n", s.Field(path).Nested, path)
		require.True(t, s.Field(path).Personal, path)
	}
}

func TestSchemaIndexName(t *testing.T) {
	answer := []byte(`{"given":{"mappings":{}}}`)
	s, err := ParseSchema("", answer)
	require.NoError(t, err)
	require.Equal(t, "given", s.Index)
	s, err = ParseSchema("mine", answer)
	require.NoError(t, err)
	require.Equal(t, "mine", s.Index)
	_, err = ParseSchema("mine", []byte(`{"mappings":{"properties":{"a b":{"type":5}}}}`))
	require.EqualError(t, err, `record: schema of "mine": mappings.properties["a b"].type: found 5 where a name is expected`)
}

func TestSchemaBounds(t *testing.T) {
	deep := strings.Repeat(`{"properties":{"a":`, 600) + `{"type":"long"}` + strings.Repeat("}}", 600)
	_, err := ParseSchema("", []byte(deep))
	require.ErrorContains(t, err, "nested too deep")

	wide := `{"properties":{"` + strings.Repeat("a", maxPath+1) + `":{"type":"long"}}}`
	_, err = ParseSchema("", []byte(wide))
	require.ErrorContains(t, err, "a path of more than 1024 bytes")

	var b strings.Builder
	b.WriteString(`{"properties":{`)
	for i := range maxFields + 1 {
		fmt.Fprintf(&b, `"f%d":{"type":"long"},`, i)
	}
	_, err = ParseSchema("", []byte(strings.TrimSuffix(b.String(), ",")+"}}"))
	require.ErrorContains(t, err, "more than 20000 fields")

	_, err = ParseSchema("", make([]byte, maxMapping+1))
	require.ErrorContains(t, err, "larger than")
	_, err = ParseSchema("", nil)
	require.ErrorContains(t, err, "the text ends where a value is expected")
}

func TestExactAndFullText(t *testing.T) {
	s, err := ParseSchema("", []byte(`{"properties":{"t":{"type":"text","fields":{"en":{"type":"text"},"off":{"type":"keyword","index":false},
		"kw":{"type":"keyword"}}},"k":{"type":"keyword","fields":{"words":{"type":"text"}}},"bare":{"type":"text"}}}`))
	require.NoError(t, err)
	require.Equal(t, "t.kw", s.Field("t").Exact().Path)
	require.Equal(t, "t", s.Field("t").FullText().Path)
	require.Equal(t, "k", s.Field("k").Exact().Path)
	require.Equal(t, "k.words", s.Field("k").FullText().Path)
	require.Nil(t, s.Field("bare").Exact())
	require.Nil(t, s.Field("t.kw").FullText())
}

func TestHistoryOf(t *testing.T) {
	s, err := ParseSchema("", []byte(`{"properties":{"status":{"type":"text","fields":{"keyword":{"type":"keyword"}}},"other":{"type":"keyword"},
		"h":{"type":"nested","properties":{"field":{"type":"keyword"},"from":{"type":"keyword"},"to":{"type":"keyword"},"at":{"type":"date"},"author":{"type":"keyword"}}}},
		"_meta":{"dhr":{"aliases":{"state":"status"},"history":{"path":"h","fields":["state"]}}}}`))
	require.NoError(t, err)
	h := s.History(s.Field("status.keyword"))
	require.NotNil(t, h)
	require.Same(t, h, s.History(s.Field("status")))
	require.Equal(t, "h.author", h.Author.Path)
	require.Nil(t, s.History(s.Field("other")))
}

func TestAllIsDepthFirst(t *testing.T) {
	s, err := ParseSchema("", []byte(`{"properties":{"a":{"properties":{"b":{"type":"text","fields":{"c":{"type":"keyword"}}},"d":{"type":"long"}}},"e":{"type":"long"}}}`))
	require.NoError(t, err)
	var paths []string
	for f := range s.All() {
		paths = append(paths, f.Path)
	}
	require.Equal(t, []string{"a", "a.b", "a.b.c", "a.d", "e"}, paths)
	for f := range s.All() {
		require.Equal(t, "a", f.Path)
		break
	}
	require.True(t, slices.EqualFunc(s.Fields(), []string{"a", "e"}, func(f *Field, p string) bool { return f.Path == p }))
}
