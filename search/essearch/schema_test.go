package essearch

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

func errorIsOne(err error, targets ...error) bool {
	for _, target := range targets {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

func TestFits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"a", "a", true}, {"a", "ab", false}, {"*", "", true}, {"a*", "ab", true}, {"*b", "ab", true}, {"a*b*c", "axbxc", true},
		{"a*b*c", "acb", false}, {"ab*ba", "aba", false}, {"*-task-*", "pb-task-v1", true}, {"a**b", "ab", true},
	} {
		require.Equal(t, c.want, fits(c.pattern, c.name), "%s %s", c.pattern, c.name)
	}
}

// answers returns a transport that gives an answer for each path.
func answers(byPath map[string]string) (*cluster, *[]string) {
	var asked []string
	return &cluster{answer: func(r *http.Request, _ []byte) (int, string) {
		asked = append(asked, r.URL.Path)
		if text, ok := byPath[r.URL.Path]; ok {
			return 200, text
		}
		if r.URL.Path == "/" || strings.HasSuffix(r.URL.Path, "/_count") || strings.HasSuffix(r.URL.Path, "/_search") {
			return 0, ""
		}
		return 404, `{"error":{"type":"index_not_found_exception","reason":"no such index"},"status":404}`
	}}, &asked
}

// TestSchemasOfAnAlias holds that the fields of all indexes of an alias are there, and that one
// which they have in different types can be shown only.
func TestSchemasOfAnAlias(t *testing.T) {
	t.Parallel()
	c, _ := answers(map[string]string{"/all": `{
		"v1":{"mappings":{"_meta":{"dhr":{"label":"Visits"}},"properties":{"a":{"type":"keyword"},"n":{"properties":{"x":{"type":"long"}}},"c":{"type":"date"}}}},
		"v2":{"mappings":{"runtime":{"a":{"type":"keyword"}},"properties":{"a":{"type":"keyword","fields":{"w":{"type":"text"}}},"n":{"properties":{"x":{"type":"double"},"y":{"type":"ip"}}},"c":{"type":"date","format":"yyyy"}}}}}`})
	d := testDriver(t, c)
	schemas, err := d.Schemas(t.Context(), "all")
	require.NoError(t, err)
	require.Len(t, schemas, 1)
	s := schemas[0]
	require.Equal(t, "all", s.Index)
	require.Equal(t, "Visits", s.Label)
	require.NotNil(t, s.Field("a.w"))
	require.Equal(t, record.IP, s.Field("n.y").Kind)
	require.Equal(t, record.Unknown, s.Field("n.x").Kind)
	require.Equal(t, record.Unknown, s.Field("c").Kind)
	l, err := d.layout(t.Context(), "all")
	require.NoError(t, err)
	require.Equal(t, []string{"v1", "v2"}, l.indexes)
	require.True(t, l.compiler.Can(plan.Exists{Field: s.Field("n.y")}))
	require.False(t, l.compiler.Can(plan.Exists{Field: s.Field("a.w")}), "v1 has no words of it")
	require.False(t, l.compiler.Can(plan.Exists{Field: s.Field("a")}), "in v2 a script answers for it")
}

// TestUnsearched holds which fields of an alias not every index of it can find.
func TestUnsearched(t *testing.T) {
	t.Parallel()
	mapping := `{"properties":{"a":{"type":"text","fields":{"keyword":{"type":"keyword"}}},"b":{"type":"long"},"o":{"properties":{"x":{"type":"long"},"y":{"type":"long"}}}}}`
	for other, want := range map[string][]string{
		mapping: nil,
		`{"properties":{"a":{"type":"text"},"o":{"properties":{"x":{"type":"long"}}}}}`:                                          {"a.keyword"},
		`{"dynamic":false,"properties":{"o":{"properties":{"x":{"type":"long"}}}}}`:                                              {"a", "b", "o.y"},
		`{"dynamic":"false","properties":{"o":{"dynamic":"strict","properties":{"x":{"type":"long"}}}}}`:                         {"a", "b"},
		`{"dynamic":"strict","properties":{"o":{"dynamic":"runtime","properties":{"x":{"type":"long"}}}}}`:                       {"o.y"},
		`{"dynamic":"runtime","properties":{"a":{"type":"text","fields":{"keyword":{"type":"keyword"}}},"b":{"type":"long"}}}`:   {"o"},
		`{"dynamic":false,"properties":{"a":{"type":"text","fields":{"keyword":{"type":"keyword"}}},"o":{"dynamic":"true"}}}`:    {"b"},
		`{"dynamic":true,"properties":{"a":{"type":"text","fields":{"keyword":{"type":"keyword"},"w":{"type":"text"}}},"o":{}}}`: nil,
	} {
		var one, two object
		require.NoError(t, decodeNumbers([]byte(mapping), &one))
		require.NoError(t, decodeNumbers([]byte(other), &two))
		require.ElementsMatch(t, want, unsearched(one, two), other)
	}
}

func TestSchemasOfAPattern(t *testing.T) {
	t.Parallel()
	mapping := `":{"mappings":{"properties":{"a":{"type":"keyword"}}}}}`
	c, _ := answers(map[string]string{
		"/_resolve/index/v*": `{"indices":[{"name":"v2"},{"name":"v1","aliases":["va"]},{"name":".vx"},{"name":".ds-vs-1","data_stream":"vs"}],
			"aliases":[{"name":".v","indices":["v1"]},{"name":"va","indices":["v1"]},{"name":"vo","indices":["other"]}],"data_streams":[{"name":"vs"}]}`,
		"/v1": `{"v1` + mapping, "/v2": `{"v2` + mapping, "/vs": `{".ds-vs-1` + mapping, "/va": `{"v1` + mapping, "/vo": `{"other` + mapping,
	})
	schemas, err := testDriver(t, c).Schemas(t.Context(), "v*")
	require.NoError(t, err)
	var names []string
	for _, s := range schemas {
		names = append(names, s.Index)
	}
	require.Equal(t, []string{"v1", "v2", "va", "vo", "vs"}, names)
	for _, none := range []string{"nothing", "nothing*", "", "-x*", "a/b", "a\"*", "..", "../*"} {
		schemas, err := testDriver(t, c).Schemas(t.Context(), none)
		require.NoError(t, err, none)
		require.Empty(t, schemas)
	}
}

// TestUnreadableSchemas holds that an index whose mapping is no schema does not hide the others, and
// is told of; and that a cluster which fails hides all.
func TestUnreadableSchemas(t *testing.T) {
	t.Parallel()
	mapping := `":{"mappings":{"properties":{"a":{"type":"keyword"}}`
	byPath := map[string]string{
		"/_resolve/index/*": `{"indices":[{"name":"v1"},{"name":"v2"},{"name":"v3"},{"name":"v4"}]}`,
		"/v1":               `{"v1` + mapping + `,"_meta":{"dhr":{"aliases":7}}}}}`, "/v2": `{"v2` + mapping + `}}}`,
		"/v3": `{"v3` + mapping + `,"_meta":{"dhr":{"key":"none"}}}}}`, "/v4": `{"v4` + mapping + `}}}`,
	}
	c, _ := answers(byPath)
	schemas, err := testDriver(t, c).Schemas(t.Context(), "*")
	require.Len(t, schemas, 2, "%v", err)
	require.Equal(t, "v2", schemas[0].Index)
	require.Equal(t, "v4", schemas[1].Index)
	require.ErrorIs(t, err, search.ErrSchemaConflict)
	broken := err.(interface{ Unwrap() []error }).Unwrap()
	require.Len(t, broken, 2)
	for i, name := range []string{"v1", "v3"} {
		var one *unreadableError
		require.ErrorAs(t, broken[i], &one)
		require.Equal(t, name, one.Unreadable())
		schemas, err := testDriver(t, c).Schemas(t.Context(), name)
		require.Empty(t, schemas)
		require.ErrorAs(t, err, &one)
		require.ErrorIs(t, err, search.ErrSchemaConflict)
		require.ErrorContains(t, err, name)
	}
	byPath["/v4"] = `{"v4":`
	schemas, err = testDriver(t, c).Schemas(t.Context(), "*")
	require.ErrorIs(t, err, search.ErrBadAnswer)
	require.Empty(t, schemas)
}

// TestCovers holds that the indexes behind a name are told, without one more request than
// its schema takes, and that what is returned is the caller's own.
func TestCovers(t *testing.T) {
	t.Parallel()
	mapping := `":{"mappings":{"properties":{"a":{"type":"keyword"}}}}`
	c, asked := answers(map[string]string{
		"/v1": `{"v1` + mapping + `}`, "/vs": `{".ds-vs-2` + mapping + `,".ds-vs-1` + mapping + `}`,
	})
	d := testDriver(t, c)
	for name, want := range map[string][]string{"v1": {"v1"}, "vs": {".ds-vs-1", ".ds-vs-2"}} {
		_, err := d.Schemas(t.Context(), name)
		require.NoError(t, err)
		n := len(*asked)
		for range 2 {
			got, err := d.Covers(t.Context(), name)
			require.NoError(t, err)
			require.Equal(t, want, got)
			got[0] = "other"
		}
		require.Len(t, *asked, n)
	}
	for _, none := range []string{"nothing", "v*", "", "a,b"} {
		_, err := d.Covers(t.Context(), none)
		require.ErrorIs(t, err, search.ErrUnknownIndex, none)
	}
}

// TestSchemasAreRemembered holds that asking again is cheap, that an unchanged schema is the same
// pointer, and that a change is seen.
func TestSchemasAreRemembered(t *testing.T) {
	t.Parallel()
	byPath := map[string]string{"/v": `{"v":{"mappings":{"properties":{"a":{"type":"keyword"}}}}}`}
	c, asked := answers(byPath)
	d := testDriver(t, c)
	now := time.Unix(1000, 0)
	d.client.clock.now = func() time.Time { return now }
	get := func() *record.Schema {
		schemas, err := d.Schemas(t.Context(), "v")
		require.NoError(t, err)
		require.Len(t, schemas, 1)
		return schemas[0]
	}
	first := get()
	n := len(*asked)
	require.Same(t, first, get())
	require.Len(t, *asked, n, "asked again at once")
	now = now.Add(3 * time.Second)
	require.Same(t, first, get())
	require.Len(t, *asked, n+1, "asks for more than the mapping")
	byPath["/v"] = `{"v":{"mappings":{"properties":{"a":{"type":"keyword"},"b":{"type":"date"}}}}}`
	now = now.Add(3 * time.Second)
	require.NotNil(t, get().Field("b"))
	delete(byPath, "/v")
	now = now.Add(3 * time.Second)
	schemas, err := d.Schemas(t.Context(), "v")
	require.NoError(t, err)
	require.Empty(t, schemas)
}

// TestDeclared holds that a declaration counts for what it says of DHR, and the mapping
// of the cluster for the types.
func TestDeclared(t *testing.T) {
	t.Parallel()
	c, _ := answers(map[string]string{
		"/pb-task-v1": `{"pb-task-v1":{"mappings":{"_meta":{"dhr":{"label":"No"},"other":1},"properties":{"status":{"type":"text","fields":{"keyword":{"type":"keyword"}}},"age":{"type":"long"}}}}}`,
	})
	declared, err := record.ParseSchema("*-task-v1", []byte(`{"mappings":{"_meta":{"dhr":{"label":"Tasks","aliases":{"state":"status.keyword"},"case_insensitive":["status.keyword"]}},
		"properties":{"status":{"type":"text","fields":{"keyword":{"type":"keyword"}}},"age":{"type":"integer"},"extra":{"properties":{"x":{"type":"keyword"}}}}}}`))
	require.NoError(t, err)
	d := testDriver(t, c)
	d.opts.Declared = []*record.Schema{declared}
	schemas, err := d.Schemas(t.Context(), "pb-task-v1")
	require.NoError(t, err)
	s := schemas[0]
	require.Equal(t, "Tasks", s.Label)
	require.Equal(t, "long", s.Field("age").Type)
	require.Equal(t, []string{"state"}, s.Field("status.keyword").Aliases)
	require.True(t, s.Field("status.keyword").FoldCase)
	require.NotNil(t, s.Field("extra.x"))
	bad, err := record.ParseSchema("pb-task-v1", []byte(`{"mappings":{"_meta":{"dhr":{"aliases":{"state":"age.keyword"}}},"properties":{"age":{"type":"text","fields":{"keyword":{"type":"keyword"}}}}}}`))
	require.NoError(t, err)
	d = testDriver(t, c)
	d.opts.Declared = []*record.Schema{bad}
	_, err = d.Schemas(t.Context(), "pb-task-v1")
	require.ErrorIs(t, err, search.ErrSchemaConflict)
}

// TestDeclaredByCreate holds that an index made by DHR gives its schema back as it was
// written, with what others have added since.
func TestDeclaredByCreate(t *testing.T) {
	t.Parallel()
	text := `{"mappings":{"_meta":{"dhr":{"case_insensitive":["z"]}},"properties":{"z":{"type":"keyword"},"a.b":{"type":"long"},"l":{"type":"flattened"}}}}`
	s, err := record.ParseSchema("v", []byte(text))
	require.NoError(t, err)
	for _, openSearch := range []bool{false, true} {
		d := testDriver(t, &cluster{})
		d.client.detected = &product{openSearch: openSearch, major: 3}
		made, err := d.definition(t.Context(), s)
		require.NoError(t, err)
		properties := child(made.mappings, "properties")
		require.NotNil(t, properties["dhr_id"])
		require.NotNil(t, child(child(properties, "z"), "fields")["dhr_lower"])
		require.Equal(t, map[bool]string{false: "flattened", true: "flat_object"}[openSearch], child(properties, "l")["type"])
		require.Equal(t, "-1", made.settings["index.refresh_interval"])
		engine, err := made.schema("v")
		require.NoError(t, err)
		visible, err := made.visible("v", engine)
		require.NoError(t, err)
		got, err := visible.schema("v")
		require.NoError(t, err)
		again, err := got.MarshalJSON()
		require.NoError(t, err)
		require.Equal(t, text, string(again))
		properties["new"] = object{"type": "ip"}
		if engine, err = made.schema("v"); err == nil {
			visible, err = made.visible("v", engine)
		}
		require.NoError(t, err)
		got, err = visible.schema("v")
		require.NoError(t, err)
		require.NotNil(t, got.Field("new"))
		require.NotNil(t, got.Field("a.b"))
		require.Nil(t, got.Field("a"))
		require.Nil(t, got.Field("z.dhr_lower"))
		require.Nil(t, got.Field("dhr_id"))
	}
}

func TestSettingsOfOthersAreDropped(t *testing.T) {
	t.Parallel()
	s, err := record.ParseSchema("v", []byte(`{"settings":{"index":{"uuid":"x","version":{"created":"8"},"number_of_shards":"2"},"index.creation_date":"1","provided_name":"v","analysis":{"normalizer":{"n":{"filter":["lowercase"]}}}},
		"mappings":{"properties":{"a":{"type":"keyword","normalizer":"n"}}}}`))
	require.NoError(t, err)
	d := testDriver(t, &cluster{})
	made, err := d.definition(t.Context(), s)
	require.NoError(t, err)
	require.Equal(t, object{"index.number_of_shards": "2", "index.analysis.normalizer.n.filter": []any{"lowercase"}, "index.refresh_interval": "-1"}, made.settings)
}

// everything is a plan that all records match.
func everything(s *record.Schema) *plan.Plan {
	return &plan.Plan{Schema: s, Where: plan.All{}, Order: []plan.Sort{{Field: s.Field("_id")}}}
}
