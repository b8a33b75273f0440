package essearch

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql/eval"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// TestOrdersByPages holds that pages of every size, one behind the other, are the records in the
// order of package eval: by fields of nested objects, some of which have several values and some
// none, in an index of several shards.
func TestOrdersByPages(t *testing.T) {
	types := []string{"integer", "long", "float", "double", "date", "date_nanos", "boolean", "keyword"}
	onServers(t, func(t *testing.T, _ string, d *Driver) {
		fields := map[string]any{}
		for _, typ := range types {
			fields[typ] = map[string]any{"type": typ}
		}
		mapping, err := json.Marshal(map[string]any{"settings": map[string]any{"number_of_shards": 3}, "mappings": map[string]any{
			"properties": map[string]any{"flat": map[string]any{"properties": fields}, "in": map[string]any{"type": "nested", "properties": fields}}}})
		require.NoError(t, err)
		s := made(t, d, "essearch-orders", string(mapping))
		docs := orderedDocuments(types)
		stored(t, d, s, func(yield func(string, string) bool) {
			for i, doc := range docs {
				if !yield(fmt.Sprintf("%04d", i), doc) {
					return
				}
			}
		})
		for _, within := range []string{"flat.", "in."} {
			for _, typ := range types {
				for _, desc := range []bool{false, true} {
					order := []plan.Sort{{Field: s.Field(within + typ), Desc: desc}, {Field: s.Field("_id")}}
					checkPages(t, d, &plan.Plan{Schema: s, Where: plan.All{}, Order: order}, docs)
				}
			}
		}
	})
}

// orderedDocuments returns documents with few values, so that many are equal.
func orderedDocuments(types []string) (docs []string) {
	r := rand.New(rand.NewPCG(1, 2))
	values := map[string][]any{
		"integer": {-2, 0, 1, 7}, "long": {-2, 0, 7, json.Number("9223372036854775807"), json.Number("-9223372036854775808")},
		"float": {-1.5, 0, 2.25}, "double": {-1.5, 0, 2.25}, "boolean": {true, false}, "keyword": {"", "a", "B", "z"},
		"date": {"1960-01-01", "1970-01-01", "2020-02-29"}, "date_nanos": {"1971-01-01", "2020-02-29T00:00:00.123456789Z", "2020-02-29T00:00:00.123Z"},
	}
	object := func() map[string]any {
		o := map[string]any{}
		for _, typ := range types {
			if r.IntN(5) < 3 {
				o[typ] = values[typ][r.IntN(len(values[typ]))]
			}
		}
		return o
	}
	for range 60 {
		doc := map[string]any{"flat": object()}
		var in []any
		for range r.IntN(4) {
			in = append(in, object())
		}
		doc["in"] = in
		text, _ := json.Marshal(doc)
		docs = append(docs, string(text))
	}
	return docs
}

// checkPages reads in pages of several sizes, each behind the last record of the one before.
func checkPages(t *testing.T, d *Driver, p *plan.Plan, docs []string) {
	t.Helper()
	columns, err := p.Schema.ProjectAll()
	require.NoError(t, err)
	order, err := eval.CompileOrder(p, columns)
	require.NoError(t, err)
	want := wantedOrder(t, order, p.Order, columns, docs)
	for _, size := range []int{5, 50, 0} {
		var got []string
		var after []record.Value
		for more := true; more; {
			n := len(got)
			for r, err := range d.Read(t.Context(), &search.Read{Plan: p, Columns: columns, Limit: size, After: after}) {
				require.NoError(t, err, "%v in pages of %d", p.Order, size)
				got = append(got, strings.Clone(r.ID))
				after = after[:0:0]
				for _, v := range order.Keys(nil, r) {
					after = append(after, v.Clone())
				}
			}
			more = size > 0 && len(got) == n+size
		}
		require.Equal(t, want, got, "%s desc %v in pages of %d", p.Order[0].Field.Path, p.Order[0].Desc, size)
	}
}

// wantedOrder returns the ids of documents, which are their places, in order.
func wantedOrder(t *testing.T, order *eval.Order, keys []plan.Sort, columns *record.Projection, docs []string) (ids []string) {
	t.Helper()
	g := &group{order: keys}
	decoder := record.NewDecoder(columns)
	for i, doc := range docs {
		r := &record.Record{ID: fmt.Sprintf("%04d", i)}
		require.NoError(t, decoder.Decode([]byte(doc), r))
		require.NoError(t, g.add([]byte(r.ID), nil, nil, order.Keys(nil, r), len(docs)))
	}
	g.sort()
	for _, k := range g.held {
		ids = append(ids, string(k.id))
	}
	return ids
}
