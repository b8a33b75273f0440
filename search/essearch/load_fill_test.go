package essearch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// A growing cluster has an index, visits, of one document, and takes fields for it.
type growing struct {
	cluster
	mappings object
	puts     int
	down     bool // it takes no documents
	bulks    []string
}

func newGrowing() *growing {
	g := &growing{mappings: object{"properties": object{"dhr_id": object{"type": "keyword"}, "a": object{"type": "keyword"}}}}
	g.answer = g.serve
	return g
}

func (g *growing) serve(r *http.Request, body []byte) (int, string) {
	switch path := r.Method + " " + r.URL.Path; {
	case path == "GET /visits":
		text, _ := json.Marshal(object{"visits": object{"mappings": g.mappings}})
		return 200, string(text)
	case path == "PUT /visits/_mapping":
		var added object
		if err := decodeNumbers(body, &added); err != nil {
			return 500, err.Error()
		}
		g.puts++
		maps.Copy(child(g.mappings, "properties"), child(added, "properties"))
		g.mappings["_meta"] = added["_meta"]
		return 200, `{"acknowledged":true}`
	case path == "POST /visits/_pit":
		return 200, `{"id":"p"}`
	case path == "DELETE /_pit":
		return 200, `{}`
	case path == "POST /_search":
		hits := `{"_index":"visits","_id":"x","_seq_no":7,"_primary_term":2,"_source":{"a":"1","b":5,"dhr_id":"x"},"sort":[0,0]}`
		if strings.Contains(string(body), `"search_after"`) {
			hits = ""
		}
		return 200, `{"pit_id":"p","timed_out":false,"_shards":{"total":1,"failed":0},"hits":{"hits":[` + hits + `]}}`
	case path == "POST /visits/_bulk":
		if g.bulks = append(g.bulks, string(body)); g.down {
			return 503, `{}`
		}
	}
	return 0, ""
}

func visitsWithB(t testing.TB) *record.Schema {
	t.Helper()
	s, err := record.ParseSchema("visits", []byte(`{"_meta":{"dhr":{"key":"b"}},"properties":{"a":{"type":"keyword"},"b":{"type":"long"}}}`))
	require.NoError(t, err)
	return s
}

// TestInterruptedExtension holds that a field which was added is asked of the documents until all of them
// are stored again, and that the next Create does what one that was interrupted did not.
func TestInterruptedExtension(t *testing.T) {
	t.Parallel()
	g, s := newGrowing(), visitsWithB(t)
	g.down = true
	require.ErrorIs(t, testDriver(t, g).Create(t.Context(), s), search.ErrOverloaded)
	require.Equal(t, 1, g.puts)
	can := func(d *Driver, path string) bool {
		l, err := d.layout(t.Context(), "visits")
		require.NoError(t, err)
		f := l.schema.Field(path)
		require.NotNil(t, f, path)
		return l.compiler.Can(plan.Exists{Field: f})
	}
	other := testDriver(t, g)
	require.True(t, can(other, "a"))
	require.False(t, can(other, "b"), "the engine does not know it of what was stored before")

	g.down = false
	require.NoError(t, other.Create(t.Context(), s))
	require.Equal(t, []string{"x"}, g.sent)
	require.Contains(t, g.bulks[len(g.bulks)-1], `{"index":{"_id":"x","if_seq_no":7,"if_primary_term":2}}`)
	require.True(t, can(other, "b"))
	require.NotContains(t, fmt.Sprint(g.mappings), pendingName)
	puts := g.puts
	require.NoError(t, testDriver(t, g).Create(t.Context(), s))
	require.Equal(t, []string{"x"}, g.sent)
	require.Equal(t, puts, g.puts, "there is nothing to be put")
}

// TestTwoExtensions holds that one who ends does not take away the mark of another.
func TestTwoExtensions(t *testing.T) {
	t.Parallel()
	g := newGrowing()
	serve := g.answer
	g.answer = func(r *http.Request, body []byte) (int, string) {
		if strings.HasSuffix(r.URL.Path, "/_bulk") {
			newPending([]string{"b", "c"}).put(g.mappings)
		}
		return serve(r, body)
	}
	require.NoError(t, testDriver(t, g).Create(t.Context(), visitsWithB(t)))
	l, err := testDriver(t, g).layout(t.Context(), "visits")
	require.NoError(t, err)
	require.Equal(t, []string{"b", "c"}, l.pending)
}

// TestConflictsAreNotRefused holds that a document which somebody else wrote while all were stored
// again stays as it is and is no error, and that in a load of users a conflict is a refusal.
func TestConflictsAreNotRefused(t *testing.T) {
	t.Parallel()
	g := newGrowing()
	serve := g.answer
	g.answer = func(r *http.Request, body []byte) (int, string) {
		if strings.HasSuffix(r.URL.Path, "/_bulk") {
			return 200, `{"errors":true,"items":[{"index":{"status":409,"error":{"type":"version_conflict_engine_exception","reason":"[x]: version conflict"}}}]}`
		}
		return serve(r, body)
	}
	d := testDriver(t, g)
	require.NoError(t, d.Create(t.Context(), visitsWithB(t)))
	require.NotContains(t, fmt.Sprint(g.mappings), pendingName)
	var refused []search.Refusal
	_, err := d.Load(t.Context(), visits(t), documents(t, visits(t), "x"), func(r search.Refusal) { refused = append(refused, r) })
	require.NoError(t, err)
	require.Len(t, refused, 1)
}

// TestExtensionBesideALoad holds on a server that a document which is written or removed while fields
// are added stays so.
func TestExtensionBesideALoad(t *testing.T) {
	onServers(t, func(t *testing.T, host string, d *Driver) {
		s := made(t, d, "essearch-beside", `{"mappings":{"properties":{"code":{"type":"keyword"}}}}`)
		stored(t, d, s, func(yield func(string, string) bool) {
			_ = yield("a", `{"code":"x","age":1}`) && yield("b", `{"code":"y","age":2}`) && yield("c", `{"code":"z","age":3}`)
		})
		wider, err := record.ParseSchema("essearch-beside", []byte(`{"mappings":{"properties":{"age":{"type":"long"}}}}`))
		require.NoError(t, err)
		beside := transportFunc(func(r *http.Request) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "/_bulk") {
				call(t, http.MethodPut, host+"/essearch-beside/_doc/a", `{"code":"new","age":9,"dhr_id":"a"}`)
				call(t, http.MethodDelete, host+"/essearch-beside/_doc/b", "")
			}
			return d.client.transport.Perform(r)
		})
		other, err := Open(t.Context(), beside, nil)
		require.NoError(t, err)
		require.NoError(t, other.Create(t.Context(), wider))
		schemas, err := other.Schemas(t.Context(), "essearch-beside")
		require.NoError(t, err)
		columns, err := schemas[0].Project("age")
		require.NoError(t, err)
		p := everything(schemas[0])
		p.Where = plan.Exists{Field: schemas[0].Field("age")}
		got := map[string]string{}
		for r, err := range other.Read(t.Context(), &search.Read{Plan: p, Columns: columns}) {
			require.NoError(t, err)
			got[strings.Clone(r.ID)] = strings.Clone(r.Value(0).Text())
		}
		require.Equal(t, map[string]string{"a": "9", "c": "3"}, got)
	})
}

func TestPendingOf(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		`{}`:                       nil,
		`{"_meta":{"other":true}}`: nil,
		`{"_meta":{"dhr_pending":{"by":"x","fields":["b"]}},"properties":{"a":{},"b":{}}}`: {"b"},
		`{"_meta":{"dhr_pending":true},"properties":{"a":{},"b":{}}}`:                      {"a", "b"},
		`{"_meta":{"dhr_pending":{"by":"x"}},"properties":{"a":{}}}`:                       {"a"},
	} {
		var mappings object
		require.NoError(t, decodeNumbers([]byte(text), &mappings))
		if p := pendingOf(mappings); want == nil {
			require.Nil(t, p, text)
		} else {
			require.Equal(t, want, p.Fields, text)
		}
	}
}

// A falling transport breaks off when documents are sent.
type falling struct{ Transport }

var errFalling = errors.New("the process is killed")

func (f falling) Perform(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/_bulk") {
		return nil, errFalling
	}
	return f.Transport.Perform(r)
}

// TestInterruptedExtensionLive holds on a server that a field finds what was stored before it was added:
// while it is pending, and when the next Create has done what was left.
func TestInterruptedExtensionLive(t *testing.T) {
	onServers(t, func(t *testing.T, _ string, d *Driver) {
		s := made(t, d, "essearch-fill", `{"mappings":{"properties":{"code":{"type":"keyword"},"name":{"type":"text"}}}}`)
		stored(t, d, s, func(yield func(string, string) bool) {
			_ = yield("a", `{"code":"x","age":7.5,"name":"Asha","in":{"n":1}}`) && yield("b", `{"code":"y","age":8,"name":"Ravi"}`)
		})
		wider, err := record.ParseSchema("essearch-fill", []byte(`{"mappings":{"_meta":{"dhr":{"case_insensitive":["name.keyword"]}},"properties":{
			"age":{"type":"double"},"name":{"type":"text","fields":{"keyword":{"type":"keyword"}}},"in":{"properties":{"n":{"type":"long"}}}}}}`))
		require.NoError(t, err)
		killed, err := Open(t.Context(), falling{d.client.transport}, &Options{Retries: -1})
		require.NoError(t, err)
		require.ErrorIs(t, killed.Create(t.Context(), wider), errFalling)
		check := func(exact bool) {
			l, err := d.layout(t.Context(), "essearch-fill")
			require.NoError(t, err)
			for _, where := range []plan.Node{
				plan.NewTerms(l.schema.Field("age"), record.FloatValue(7.5)),
				plan.NewTerms(l.schema.Field("name.keyword"), record.StringValue("ASHA")),
				plan.Missing{Field: l.schema.Field("in.n")},
			} {
				p := everything(l.schema)
				p.Where = where
				n, err := d.Count(t.Context(), p, 0)
				require.NoError(t, err)
				require.EqualValues(t, 1, n, "%v", where)
				q, err := d.question(t.Context(), p)
				require.NoError(t, err)
				require.Equal(t, exact, q.exact, "%v", where)
			}
		}
		d.layouts.forget()
		check(false)
		require.NoError(t, d.Create(context.WithoutCancel(t.Context()), wider))
		check(true)
	})
}
