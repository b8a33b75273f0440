package esdsl_test

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql/esdsl"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

func codes(n int) (values []record.Value) {
	for i := range n {
		values = append(values, record.StringValue(fmt.Sprintf("C%07d", i)))
	}
	return values
}

func TestLongListsAreCutIntoParts(t *testing.T) {
	t.Parallel()
	s, c := schema(t), compiler(t, nil)
	body, err := c.Query(plan.NewTerms(s.Field("code"), codes(65_536)...))
	require.NoError(t, err)
	require.Equal(t, 1, bytes.Count(body, []byte(`"terms"`)))
	body, err = c.Query(plan.NewTerms(s.Field("visits.drug"), codes(65_537)...))
	require.NoError(t, err)
	require.Equal(t, 2, bytes.Count(body, []byte(`{"terms"`)))
	require.Equal(t, 65_537, bytes.Count(body, []byte(`"C`)))
	body, err = compiler(t, &esdsl.Options{MaxTerms: 10}).Query(plan.NewTerms(s.Field("code"), codes(95)...))
	require.NoError(t, err)
	require.Equal(t, 10, bytes.Count(body, []byte(`{"terms"`)))
}

func TestTooMany(t *testing.T) {
	t.Parallel()
	s, c := schema(t), compiler(t, nil)
	either := func(n int) plan.Node {
		var nodes []plan.Node
		for i := range n {
			nodes = append(nodes, plan.Range{Field: s.Field("age"), Lower: plan.Bound{Value: record.IntValue(int64(i))}})
		}
		return plan.NewOr(nodes...)
	}
	_, err := c.Query(either(1024))
	require.NoError(t, err)
	_, err = c.Query(either(1025))
	require.ErrorIs(t, err, esdsl.ErrTooLarge)
	_, err = compiler(t, &esdsl.Options{MaxClauses: 4096}).Query(either(4000))
	require.NoError(t, err)
}

func TestInstantsNextToEachOtherAreOneRange(t *testing.T) {
	t.Parallel()
	s, c := schema(t), compiler(t, nil)
	var values []record.Value
	for i := range int64(10_000) {
		values = append(values, record.TimeValue(time.UnixMilli(i)))
	}
	body, err := c.Query(plan.NewTerms(s.Field("seen"), append(values, record.TimeValue(time.UnixMilli(-5)))...))
	require.NoError(t, err)
	require.Equal(t, 2, bytes.Count(body, []byte(`{"range"`)))
}

// TestDepth holds that a plan is as deep in the body as its kinds of node alternate, no deeper.
func TestDepth(t *testing.T) {
	t.Parallel()
	s, c := schema(t), compiler(t, nil)
	n := plan.Node(plan.Exists{Field: s.Field("code")})
	for i := range 17 {
		leaf := plan.Range{Field: s.Field("age"), Lower: plan.Bound{Value: record.IntValue(int64(i))}}
		if i%2 == 0 {
			n = plan.NewAnd(leaf, n)
		} else {
			n = plan.NewOr(leaf, n)
		}
	}
	_, err := c.Query(n)
	require.NoError(t, err)
	for i := range 10 {
		n = plan.NewOr(plan.NewTerms(s.Field("age"), record.IntValue(int64(i))), plan.NewAnd(n, plan.Exists{Field: s.Field("seen")}))
	}
	_, err = c.Query(n)
	require.ErrorIs(t, err, esdsl.ErrTooLarge)
	// what is denied together stands beside each other
	body, err := c.Query(plan.And{plan.Exists{Field: s.Field("code")}, plan.Not{Node: plan.Or{
		plan.NewTerms(s.Field("code"), record.StringValue("a")), plan.Range{Field: s.Field("code"), Lower: plan.Bound{Value: record.StringValue("b")}},
	}}})
	require.NoError(t, err)
	require.JSONEq(t, `{"bool":{"filter":[{"exists":{"field":"code"}}],"must_not":[{"terms":{"code":["a"]}},{"range":{"code":{"gt":"b"}}}]}}`, string(body))
}

func TestIndexNames(t *testing.T) {
	t.Parallel()
	s := schema(t)
	in := func(c *esdsl.Compiler, names ...string) string {
		var values []record.Value
		for _, n := range names {
			values = append(values, record.StringValue(n))
		}
		body, err := c.Query(plan.NewTerms(s.Field("_index"), values...))
		require.NoError(t, err)
		return string(body)
	}
	unknown := compiler(t, nil)
	require.JSONEq(t, `{"bool":{"filter":[{"terms":{"_index":["visits"]}}]}}`, in(unknown, "visits", "vis*", "Visits", "a,b", ""))
	require.JSONEq(t, `{"bool":{"filter":[{"match_none":{}}]}}`, in(unknown, "*"))
	both := compiler(t, &esdsl.Options{Indexes: []string{"visits-1", "visits-2"}})
	require.JSONEq(t, `{"bool":{"filter":[{"match_all":{}}]}}`, in(both, "visits-1", "visits-2", "other"))
	require.JSONEq(t, `{"bool":{"filter":[{"terms":{"_index":["visits-2"]}}]}}`, in(both, "visits-2"))
	body, err := both.Query(plan.Range{Field: s.Field("_index"), Lower: plan.Bound{Value: record.StringValue("visits-1")}})
	require.NoError(t, err)
	require.JSONEq(t, `{"bool":{"filter":[{"terms":{"_index":["visits-2"]}}]}}`, string(body))
}

func TestIDs(t *testing.T) {
	t.Parallel()
	s := schema(t)
	body, err := compiler(t, nil).Query(plan.NewTerms(s.Field("_id"), record.StringValue(""), record.StringValue("a\xff"), record.StringValue("b")))
	require.NoError(t, err)
	require.JSONEq(t, `{"bool":{"filter":[{"ids":{"values":["b"]}}]}}`, string(body))
	foreign, err := record.ParseSchema("x", []byte(`{"properties":{"a":{"type":"keyword"}}}`))
	require.NoError(t, err)
	c, err := esdsl.New(foreign, nil)
	require.NoError(t, err)
	order := []plan.Sort{{Field: foreign.Field("_id")}}
	_, err = c.Sort(order)
	require.ErrorIs(t, err, esdsl.ErrInexpressible)
	require.False(t, c.CanSort(order[0]))
	c, err = esdsl.New(foreign, &esdsl.Options{SortByID: true})
	require.NoError(t, err)
	sort, err := c.Sort(order)
	require.NoError(t, err)
	require.JSONEq(t, `[{"_id":{"order":"asc"}}]`, string(sort))
}

// TestAnotherSchema holds that fields count by their paths, and that one which the engine does
// not have, or has otherwise, is none that it can answer for.
func TestAnotherSchema(t *testing.T) {
	t.Parallel()
	c := compiler(t, nil)
	s, err := record.ParseSchema("visits", []byte(`{"properties":{"code":{"type":"keyword"},"age":{"type":"long"},"new":{"type":"keyword"},"labels":{"type":"flat_object"}}}`))
	require.NoError(t, err)
	require.True(t, c.Can(plan.Exists{Field: s.Field("code")}))
	require.False(t, c.Can(plan.Exists{Field: s.Field("age")}))
	require.False(t, c.Can(plan.Missing{Field: s.Field("new")}))
	require.True(t, c.Can(plan.Exists{Field: s.Field("labels.x")}))
	require.Equal(t, plan.Node(plan.All{}), c.Instead(plan.NewTerms(s.Field("new"), record.StringValue("x"))))
	_, err = c.Query(plan.Missing{Field: s.Field("new")})
	require.ErrorIs(t, err, esdsl.ErrInexpressible)
	require.False(t, c.Can(plan.Exists{}))
	require.False(t, c.Can(plan.Terms{}))
	require.False(t, c.Can(plan.Was{}))
	require.Equal(t, plan.Node(plan.All{}), c.Instead(plan.Changed{}))
}

func TestSearchAfter(t *testing.T) {
	t.Parallel()
	s, c := schema(t), compiler(t, nil)
	paths := []string{"weight", "active", "age", "steps", "sex", "seen", "weight", "age", "_id"}
	order := make([]plan.Sort, 0, len(paths)+1)
	for i, path := range paths {
		order = append(order, plan.Sort{Field: s.Field(path), Desc: i%2 == 1})
	}
	order = append(order[:1], append([]plan.Sort{{}}, order[1:]...)...)
	after, err := c.SearchAfter(order, []record.Value{
		record.FloatValue(0.3), {}, record.BoolValue(true), record.IntValue(8), record.IntValue(math.MinInt64), record.StringValue("ÉF"),
		record.TimeValue(time.UnixMilli(-1)), record.FloatValue(1e300), record.IntValue(7), record.StringValue(`"x`),
	})
	require.NoError(t, err)
	require.Equal(t, `[0.3,1,8,-9223372036854775808,-9223372036854775808,"éf",-1,1e+300,7,"\"x"]`, string(after))
	_, err = c.SearchAfter(order, nil)
	require.Error(t, err)
	for _, path := range []string{"notes", "serial", "place", "visits", "ward", "stamp", "dose"} {
		_, err = c.Sort([]plan.Sort{{Field: s.Field(path), Desc: true}})
		require.ErrorIs(t, err, esdsl.ErrInexpressible, path)
	}
}

// TestNothing holds that conditions without any part are what package eval takes them for.
func TestNothing(t *testing.T) {
	t.Parallel()
	s, c := schema(t), compiler(t, nil)
	for _, n := range []plan.Node{plan.Or{}, plan.Terms{Field: s.Field("code")}, plan.Terms{Field: s.Field("seen")}, plan.Terms{Field: s.Field("sex")},
		plan.Terms{Field: s.Field("ward")}, plan.Terms{Field: s.Field("_id")}, plan.Terms{Field: s.Field("dose")}} {
		body, err := c.Query(n)
		require.NoError(t, err, "%v", n)
		require.JSONEq(t, `{"bool":{"filter":[{"match_none":{}}]}}`, string(body))
	}
	body, err := c.Query(plan.And{})
	require.NoError(t, err)
	require.JSONEq(t, `{"bool":{}}`, string(body))
}

// TestRuntimeFields holds that a field which a script answers for, in place of the documents, is not
// asked of the engine.
func TestRuntimeFields(t *testing.T) {
	t.Parallel()
	s, err := record.ParseSchema("x", []byte(`{"mappings":{"runtime":{"age":{"type":"long","script":"emit(1)"},"other":{"type":"long"}},
		"properties":{"age":{"type":"long"},"code":{"type":"keyword"}}}}`))
	require.NoError(t, err)
	c, err := esdsl.New(s, nil)
	require.NoError(t, err)
	require.True(t, c.Can(plan.Exists{Field: s.Field("code")}))
	require.False(t, c.Can(plan.Exists{Field: s.Field("age")}))
	require.False(t, c.CanSort(plan.Sort{Field: s.Field("age")}))
	require.Empty(t, c.GroupPath(s.Field("age")))
}

// TestOrdersThatLoseRecords holds that an order which OpenSearch gets wrong is left to Go, unless the
// engine is known to be another, and that no other order is.
func TestOrdersThatLoseRecords(t *testing.T) {
	t.Parallel()
	s, err := record.ParseSchema("x", []byte(`{"properties":{`+
		`"a":{"type":"long"},"b":{"type":"double"},"c":{"type":"date"},"d":{"type":"date_nanos"},"e":{"type":"integer"},`+
		`"in":{"type":"nested","properties":{"a":{"type":"long"},"b":{"type":"double"},"c":{"type":"date"},"d":{"type":"date_nanos"},`+
		`"e":{"type":"integer"},"f":{"type":"float"},"g":{"type":"boolean"},"h":{"type":"keyword"},"i":{"type":"ip"},`+
		`"deep":{"properties":{"a":{"type":"long"}}}}}}}`))
	require.NoError(t, err)
	unknown, err := esdsl.New(s, nil)
	require.NoError(t, err)
	elasticsearch, err := esdsl.New(s, &esdsl.Options{Elasticsearch: true})
	require.NoError(t, err)
	for path, want := range map[string]bool{
		"a": true, "b": true, "c": true, "d": false, "e": true, "in.a": false, "in.b": false, "in.c": false, "in.d": false,
		"in.e": true, "in.f": true, "in.g": true, "in.h": true, "in.i": true, "in.deep.a": false,
	} {
		for _, desc := range []bool{false, true} {
			by := plan.Sort{Field: s.Field(path), Desc: desc}
			require.Equal(t, want, unknown.CanSort(by), path)
			require.True(t, elasticsearch.CanSort(by), path)
		}
	}
}

// TestEveryCase holds that a pattern for any case has all the characters which package record
// takes for the same, and none else.
func TestEveryCase(t *testing.T) {
	t.Parallel()
	same := map[rune][]rune{}
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if lower := unicode.ToLower(r); lower != r {
			same[lower] = append(same[lower], r)
		}
	}
	for lower, others := range same {
		if unicode.ToLower(lower) != lower {
			continue
		}
		pattern := esdsl.PrefixPattern(string(lower))
		require.Equal(t, "["+string(lower)+string(others)+"].*", pattern)
	}
	require.Equal(t, `\"\.\*1 `, strings.ReplaceAll(strings.TrimSuffix(esdsl.PrefixPattern(`".*1 `), ".*"), `\ `, " "))
	require.Empty(t, esdsl.PrefixPattern(strings.Repeat("é", 500)))
}

func TestGroupPath(t *testing.T) {
	t.Parallel()
	s, c := schema(t), compiler(t, nil)
	for path, want := range map[string]string{
		"code": "code", "sex": "sex.dhr_lower", "room": "room", "ward": "", "town": "", "age": "age", "serial": "", "dose": "dose", "seen": "seen",
		"precise": "", "host": "host", "app": "", "notes": "", "hidden": "", "labels.x": "labels.x", "visits.doses.amount": "visits.doses.amount",
	} {
		require.Equal(t, want, c.GroupPath(s.Field(path)), path)
	}
	require.JSONEq(t, `{"nested":{"path":"visits.doses","score_mode":"none","ignore_unmapped":true,"query":{"range":{"visits.doses.amount":{"gte":-0.0,"lt":0.0}}}}}`,
		string(c.NegativeZeros(s.Field("visits.doses.amount"))))
	require.Nil(t, c.NegativeZeros(s.Field("dose")))
	require.True(t, c.CanSort(plan.Sort{Field: s.Field("weight")}))
}
