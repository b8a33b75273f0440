package searchtest_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/memsearch"
	"github.com/digit-health/dhr/search/searchtest"
)

// TestMemory runs the suite over the driver in memory.
func TestMemory(t *testing.T) {
	t.Parallel()
	searchtest.Run(t, searchtest.Harness{Engine: "memory", Open: func(testing.TB) search.Driver { return memsearch.New() }})
}

// FuzzMemory puts any text into every place of the language.
func FuzzMemory(f *testing.F) {
	searchtest.Fuzz(f, searchtest.Harness{Engine: "memory", Open: func(testing.TB) search.Driver { return memsearch.New() }})
}

// TestExploreMemory explores an index that the suite did not fill.
func TestExploreMemory(t *testing.T) {
	t.Parallel()
	d := memsearch.New()
	mapping := `{"mappings": {"_meta": {"dhr": {"key": "n"}}, "properties": {"n": {"type": "long"}, "at": {"type": "date"},
		"text": {"type": "text", "fields": {"keyword": {"type": "keyword"}}}, "many": {"type": "nested", "properties": {"k": {"type": "keyword"}}}}}}`
	schema, err := record.ParseSchema("visits", []byte(mapping))
	require.NoError(t, err)
	require.NoError(t, d.Create(t.Context(), schema))
	columns, err := schema.ProjectAll()
	require.NoError(t, err)
	decoder, doc := record.NewDecoder(columns), &search.Document{Record: &record.Record{Index: "visits"}}
	docs := func(yield func(*search.Document) bool) {
		for doc.Place = range int64(200) {
			doc.Record.ID = fmt.Sprint("v", doc.Place)
			source := fmt.Sprintf(`{"n": %d, "at": %d, "text": "high fever %d", "many": [{"k": "a%d"}, {"k": "b"}]}`, doc.Place*7%200, doc.Place*1e9, doc.Place%9, doc.Place%3)
			require.NoError(t, decoder.Decode([]byte(source), doc.Record))
			if !yield(doc) {
				return
			}
		}
	}
	_, err = d.Load(t.Context(), schema, docs, func(r search.Refusal) { t.Error(r) })
	require.NoError(t, err)
	searchtest.Explore(t, searchtest.Harness{Engine: "memory"}, d, "visits")
}
