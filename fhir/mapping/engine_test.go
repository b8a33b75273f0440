package mapping_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/fhir/mapping"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/bulk"
	"github.com/digit-health/dhr/search/memsearch"
	"github.com/digit-health/dhr/search/sqlsearch"
)

// found returns the ids of the records that a condition finds and keep keeps, in order.
func found(t *testing.T, driver search.Driver, x *mapping.Mapper, condition string, keep func(*record.Record) bool) []string {
	t.Helper()
	var ids []string
	for r, err := range scan(t, driver, x, condition) {
		require.NoError(t, err)
		if keep(r) {
			ids = append(ids, r.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// scanned returns what becomes of every record that a condition finds, by ids.
func scanned(t *testing.T, driver search.Driver, x *mapping.Mapper, condition string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for r, err := range scan(t, driver, x, condition) {
		require.NoError(t, err)
		line, err := x.Append(nil, r)
		if err != nil {
			var e *mapping.UnmappableError
			require.ErrorAs(t, err, &e)
			line = []byte(e.Path + ": " + e.Reason)
		}
		all[r.ID] = string(line)
	}
	return all
}

// scan returns the records that a condition finds.
func scan(t *testing.T, driver search.Driver, x *mapping.Mapper, condition string) record.Stream {
	t.Helper()
	policy, err := access.NewPolicy(map[string]access.Role{
		"all": {Grants: []access.Grant{{Indexes: []string{"*"}, Others: access.Treatment{As: access.Visible}}}},
	}, nil)
	require.NoError(t, err)
	index, err := search.New(driver, policy, nil)
	require.NoError(t, err)
	who := &access.Principal{User: "u", Roles: []string{"all"}}
	s, err := index.Scan(t.Context(), who, &search.Query{JQL: condition, Indexes: []string{"clinic"}, Fields: x.Fields()}, nil)
	require.NoError(t, err, condition)
	t.Cleanup(func() { _ = s.Close() })
	return s.Slice(0).Records(t.Context())
}

// engines are loaded with the same documents.
func engines(t *testing.T, schema *record.Schema, docs string) map[string]search.Loader {
	t.Helper()
	sqlite, err := sqlsearch.Open(t.Context(), t.TempDir()+"/records.db", nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, sqlite.Close()) })
	all := map[string]search.Loader{"memory": memsearch.New(), "sqlite": sqlite}
	name := t.TempDir() + "/clinic.ndjson"
	require.NoError(t, os.WriteFile(name, []byte(docs), 0o600))
	for _, engine := range all {
		require.NoError(t, engine.Create(t.Context(), schema))
		_, err := bulk.Load(t.Context(), engine, schema, []string{name}, nil)
		require.NoError(t, err)
	}
	return all
}

// Whatever engine holds the records, they become the same resources, byte for byte, and searches find the same ones.
func TestEnginesAgree(t *testing.T) {
	t.Parallel()
	schema := schemaOf(t, clinic)
	var docs strings.Builder
	documents := rapid.Custom(document)
	const n = 150
	for i := range n {
		doc, err := json.Marshal(documents.Example(i))
		require.NoError(t, err)
		fmt.Fprintf(&docs, `{"_id":"r%d","_source":%s}`+"\n", i, doc)
	}
	all := engines(t, schema, docs.String())
	x := bind(t, everything)
	want := scanned(t, all["memory"], x, "")
	require.Len(t, want, n)
	require.Equal(t, want, scanned(t, all["sqlite"], x, ""))
	kinds := map[bool]int{}
	for _, line := range want {
		kinds[strings.HasPrefix(line, "{")]++
	}
	require.Positive(t, kinds[true])
	require.Positive(t, kinds[false])

	y := bind(t, searched)
	corpus, err := os.ReadFile("testdata/search.txt")
	require.NoError(t, err)
	found := 0
	for line := range strings.Lines(string(corpus)) {
		condition, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "=> ")
		if !ok {
			continue
		}
		want := slices.Sorted(maps.Keys(scanned(t, all["memory"], y, condition)))
		require.Equal(t, want, slices.Sorted(maps.Keys(scanned(t, all["sqlite"], y, condition))), condition)
		if len(want) > 0 && len(want) < n {
			found++
		}
		if condition == "_id IS EMPTY" {
			require.Empty(t, want)
		}
	}
	require.Greater(t, found, 10)
}
