package essearch

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// A watched transport holds, where told, that records are counted by the server and not here.
type watched struct {
	Transport
	t      *testing.T
	counts bool
}

func (w *watched) Perform(r *http.Request) (*http.Response, error) {
	if w.counts && (strings.Contains(r.URL.Path, "_pit") || strings.Contains(r.URL.Path, "point_in_time")) {
		w.t.Errorf("the records are read: %s", r.URL)
	}
	return w.Transport.Perform(r)
}

// few is how many buckets the drivers of onServers ask for at once.
const few = 200

// onServers runs a test on each server whose variable is set.
func onServers(t *testing.T, test func(t *testing.T, host string, d *Driver)) {
	t.Helper()
	for _, variable := range []string{"DHR_TEST_ELASTICSEARCH_URL", "DHR_TEST_OPENSEARCH_URL"} {
		t.Run(variable, func(t *testing.T) {
			host := os.Getenv(variable)
			if host == "" {
				t.Skipf("NOT TESTED: %s is not set", variable)
			}
			transport, err := Dial(&Cluster{Hosts: []string{host}})
			require.NoError(t, err)
			d, err := Open(t.Context(), &watched{transport, t, false}, &Options{buckets: few})
			require.NoError(t, err)
			test(t, host, d)
		})
	}
}

// call sends a request of the test's own, and holds that it is taken.
func call(t *testing.T, method, url, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Less(t, res.StatusCode, 300, "%s %s", method, url)
}

// made makes an index that is dropped when the test ends.
func made(t *testing.T, d *Driver, index, mapping string) *record.Schema {
	t.Helper()
	s, err := record.ParseSchema(index, []byte(mapping))
	require.NoError(t, err)
	require.NoError(t, d.Drop(t.Context(), index))
	require.NoError(t, d.Create(t.Context(), s))
	t.Cleanup(func() { require.NoError(t, d.Drop(context.WithoutCancel(t.Context()), index)) })
	return s
}

// stored loads documents, none of which may be refused.
func stored(t *testing.T, d *Driver, s *record.Schema, docs iter.Seq2[string, string]) {
	t.Helper()
	columns, err := s.ProjectAll()
	require.NoError(t, err)
	decoder := record.NewDecoder(columns)
	_, err = d.Load(t.Context(), s, func(yield func(*search.Document) bool) {
		place := int64(0)
		for id, source := range docs {
			r := &record.Record{ID: id}
			require.NoError(t, decoder.Decode([]byte(source), r))
			if place++; !yield(&search.Document{Record: r, Place: place}) {
				return
			}
		}
	}, func(r search.Refusal) { t.Errorf("refused: %+v", r) })
	require.NoError(t, err)
}

// TestManyBuckets holds that a group with more values than the engine gives at once has them all,
// with the right counts.
func TestManyBuckets(t *testing.T) {
	const many = 900
	onServers(t, func(t *testing.T, _ string, d *Driver) {
		s := made(t, d, "essearch-many", `{"mappings":{"properties":{"code":{"type":"keyword"},"n":{"type":"long"},"in":{"type":"nested","properties":{"code":{"type":"keyword"}}}}}}`)
		stored(t, d, s, func(yield func(string, string) bool) {
			for i := range many {
				doc := fmt.Sprintf(`{"code":["c%05d","c%05d","all"],"n":[%d,%d],"in":[{"code":"c%05d"},{"code":"c%05d"}]}`, i, i/2, i, i, i, i)
				if !yield(fmt.Sprint(i), doc) {
					return
				}
			}
		})
		code, n, inner := s.Field("code"), s.Field("n"), s.Field("in.code")
		d.client.transport.(*watched).counts = true
		sum := search.Metric{Op: "sum", Field: n}
		tables, err := d.Aggregate(t.Context(), []*search.Aggregation{
			{Plan: everything(s), Groups: []search.Group{{Field: code}}, Largest: true, Limit: 3},
			{Plan: everything(s), Groups: []search.Group{{Field: code}}, Metrics: []search.Metric{sum}, Limit: 2, After: []record.Value{record.StringValue("c00449")}},
			{Plan: everything(s), Groups: []search.Group{{Field: n, Missing: true}}},
			{Plan: everything(s), Groups: []search.Group{{Field: inner}}},
			{Plan: everything(s), Metrics: []search.Metric{{Op: "cardinality", Field: code}, {Op: "cardinality", Field: inner}}},
		})
		require.NoError(t, err)
		d.client.transport.(*watched).counts = false
		median, err := d.Aggregate(t.Context(), []*search.Aggregation{{Plan: everything(s), Metrics: []search.Metric{{Op: "percentile", Field: n, Percent: 50}}}})
		require.NoError(t, err)
		require.EqualValues(t, many, tables[0].Total)
		require.Equal(t, "all", tables[0].Buckets[0].Keys[0].Text())
		require.EqualValues(t, many, tables[0].Buckets[0].Count)
		require.Equal(t, "c00001", tables[0].Buckets[1].Keys[0].Text())
		require.EqualValues(t, 3, tables[0].Buckets[1].Count)
		require.True(t, tables[0].More)
		// each document is in "all", that of its number and that of half of it, which are one for 0
		require.EqualValues(t, many+2*many-1-many-3-3, tables[0].Others)
		require.Len(t, tables[1].Buckets, 2)
		require.Equal(t, "c00450", tables[1].Buckets[0].Keys[0].Text())
		require.EqualValues(t, 900, tables[1].Buckets[0].Values[0].Float())
		require.True(t, tables[1].More)
		require.Len(t, tables[2].Buckets, many)
		for i, b := range tables[2].Buckets {
			require.EqualValues(t, i, b.Keys[0].Int())
			require.EqualValues(t, 1, b.Count)
		}
		require.Len(t, tables[3].Buckets, many)
		require.EqualValues(t, 1, tables[3].Buckets[many-1].Count)
		require.EqualValues(t, many+1, tables[4].Buckets[0].Values[0].Int())
		require.EqualValues(t, many, tables[4].Buckets[0].Values[1].Int())
		require.EqualValues(t, many/2-1, median[0].Buckets[0].Values[0].Int())
	})
}

// TestAlias holds that an alias of several indexes, one of DHR and one of others, is one index.
func TestAlias(t *testing.T) {
	onServers(t, func(t *testing.T, host string, d *Driver) {
		s := made(t, d, "essearch-alias-1", `{"mappings":{"properties":{"code":{"type":"keyword"},"n":{"type":"long"},"in":{"type":"nested","properties":{"x":{"type":"long"}}}}}}`)
		stored(t, d, s, func(yield func(string, string) bool) {
			_ = yield("a", `{"code":"x","n":1,"in":[{"x":1}]}`) && yield("b", `{"code":"y","n":2}`)
		})
		require.NoError(t, d.Drop(t.Context(), "essearch-alias-2"))
		call(t, http.MethodPut, host+"/essearch-alias-2", `{"mappings":{"dynamic":false,"properties":{"code":{"type":"keyword"},"only":{"type":"keyword"}}}}`)
		t.Cleanup(func() { require.NoError(t, d.Drop(context.WithoutCancel(t.Context()), "essearch-alias-2")) })
		call(t, http.MethodPut, host+"/essearch-alias-2/_doc/a?refresh=true", `{"code":"z","only":"here"}`)
		call(t, http.MethodPost, host+"/_aliases", `{"actions":[{"add":{"index":"essearch-alias-*","alias":"essearch-both"}}]}`)
		schemas, err := d.Schemas(t.Context(), "essearch-both")
		require.NoError(t, err)
		require.Len(t, schemas, 1)
		both := schemas[0]
		require.Equal(t, "essearch-both", both.Index)
		covered, err := d.Covers(t.Context(), "essearch-both")
		require.NoError(t, err)
		require.Equal(t, []string{"essearch-alias-1", "essearch-alias-2"}, covered)
		columns, err := both.Project("code", "only", "n")
		require.NoError(t, err)
		read := func(where plan.Node, order ...plan.Sort) (got []string) {
			p := &plan.Plan{Schema: both, Where: where, Order: append(order, plan.Sort{Field: both.Field("_index")}, plan.Sort{Field: both.Field("_id")})}
			for r, err := range d.Read(t.Context(), &search.Read{Plan: p, Columns: columns, Source: true}) {
				require.NoError(t, err)
				got = append(got, r.Index+" "+r.ID+" "+string(r.Source()))
			}
			return got
		}
		x, y := `essearch-alias-1 a {"code":"x","n":1,"in":[{"x":1}]}`, `essearch-alias-1 b {"code":"y","n":2}`
		z := `essearch-alias-2 a {"code":"z","only":"here"}`
		require.Equal(t, []string{x, y, z}, read(plan.All{}))
		require.Equal(t, []string{y, x, z}, read(plan.All{}, plan.Sort{Field: both.Field("n"), Desc: true}))
		require.Equal(t, []string{y, z}, read(plan.Missing{Field: both.Field("in.x")}))
		require.Equal(t, []string{z}, read(plan.NewTerms(both.Field("_index"), record.StringValue("essearch-alias-2"), record.StringValue("essearch-both"))))
		require.Equal(t, []string{x, z}, read(plan.NewTerms(both.Field("_id"), record.StringValue("a"))))
		require.ErrorIs(t, d.Create(t.Context(), both), search.ErrSchemaConflict)
		schemas, err = d.Schemas(t.Context(), "essearch-alias-*")
		require.NoError(t, err)
		require.Len(t, schemas, 2)
		// what one index finds and another only keeps is found in both
		call(t, http.MethodPut, host+"/essearch-alias-2/_doc/c?refresh=true", `{"code":"w","n":7}`)
		require.Len(t, read(plan.NewTerms(both.Field("n"), record.IntValue(7))), 1)
		require.Len(t, read(plan.Missing{Field: both.Field("n")}), 1)
	})
}

// TestExtend holds that a field which is added to an index finds what the documents said of it
// before, and that their text stays as it was.
func TestExtend(t *testing.T) {
	onServers(t, func(t *testing.T, _ string, d *Driver) {
		s := made(t, d, "essearch-extend", `{"mappings":{"properties":{"code":{"type":"keyword"},"name":{"type":"text"}}}}`)
		source := `{"code": "x", "age":  7.50, "name" : "Asha Devi"}`
		stored(t, d, s, func(yield func(string, string) bool) { _ = yield("a", source) })
		wider, err := record.ParseSchema("essearch-extend", []byte(`{"mappings":{"_meta":{"dhr":{"case_insensitive":["name.keyword"]}},"properties":{"age":{"type":"double"},"name":{"type":"text","fields":{"keyword":{"type":"keyword"}}}}}}`))
		require.NoError(t, err)
		require.NoError(t, d.Create(t.Context(), wider))
		schemas, err := d.Schemas(t.Context(), "essearch-extend")
		require.NoError(t, err)
		both := schemas[0]
		require.NotNil(t, both.Field("code"))
		columns, err := both.Project("age")
		require.NoError(t, err)
		where := plan.NewAnd(
			plan.NewTerms(both.Field("age"), record.FloatValue(7.5)),
			plan.NewTerms(both.Field("name.keyword"), record.StringValue("asha devi")),
			plan.NewTerms(both.Field("code"), record.StringValue("x")))
		n := 0
		for r, err := range d.Read(t.Context(), &search.Read{Plan: &plan.Plan{Schema: both, Where: where, Order: everything(both).Order}, Columns: columns, Source: true}) {
			require.NoError(t, err)
			require.Equal(t, source, string(r.Source()))
			require.Equal(t, "7.50", r.Value(0).Text())
			n++
		}
		require.Equal(t, 1, n)
		conflicting, err := record.ParseSchema("essearch-extend", []byte(`{"mappings":{"properties":{"new":{"type":"keyword"},"age":{"type":"keyword"}}}}`))
		require.NoError(t, err)
		require.ErrorIs(t, d.Create(t.Context(), conflicting), search.ErrSchemaConflict)
		schemas, err = d.Schemas(t.Context(), "essearch-extend")
		require.NoError(t, err)
		require.Same(t, both, schemas[0])
	})
}
