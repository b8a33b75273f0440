package export_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/bulk"
	"github.com/digit-health/dhr/search/memsearch"
)

// What a scan of two indexes finds is exported as it is found, and a page of it is the same bytes.
func TestScan(t *testing.T) {
	t.Parallel()
	engine := memsearch.New()
	for index, docs := range map[string][2]string{
		"stock": {`{"properties":{"ward":{"type":"keyword"},"bales":{"type":"long"}}}`,
			`{"_id":"s1","_source":{"ward":"North","bales":9007199254740993}}`},
		"visits": {`{"properties":{"name":{"type":"keyword"},"ward":{"type":"keyword"}},"_meta":{"dhr":{"labels":{"ward":"Ward"}}}}`,
			`{"_id":"v1","_source":{"name":"Asha","ward":"North"}}` + "\n" + `{"_id":"v2","_source":{"name":"=Ravi","ward":["South","East"]}}`},
	} {
		schema, err := record.ParseSchema(index, []byte(docs[0]))
		require.NoError(t, err)
		require.NoError(t, engine.Create(t.Context(), schema))
		_, err = bulk.Load(t.Context(), engine, schema, []string{"docs"}, &bulk.Options{
			Open: func(string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(docs[1])), nil }})
		require.NoError(t, err)
	}
	policy, err := access.NewPolicy(map[string]access.Role{
		"officer": {Grants: []access.Grant{{Indexes: []string{"*"}, Others: access.Treatment{As: access.Visible}}}}}, nil)
	require.NoError(t, err)
	index, err := search.New(engine, policy, nil)
	require.NoError(t, err)
	officer := &access.Principal{User: "asha", Roles: []string{"officer"}}
	query := &search.Query{JQL: "ORDER BY ward", Fields: []string{"_id", "name", "ward", "bales"}}

	scan, err := index.Scan(t.Context(), officer, query, &search.ScanOptions{Ordered: true})
	require.NoError(t, err)
	defer scan.Close()
	for f, want := range map[*export.Format]string{
		export.CSV():    "_id,name,ward,bales\nv2,=Ravi,South; East,\ns1,,North,9007199254740993\nv1,Asha,North,\n",
		export.NDJSON(): `{"_id":"v2","name":"=Ravi","ward":["South","East"],"bales":null}` + "\n" + `{"_id":"s1","name":null,"ward":"North","bales":9007199254740993}` + "\n" + `{"_id":"v1","name":"Asha","ward":"North","bales":null}` + "\n",
	} {
		columns := export.Columns(query.Fields, scan.Columns()...)
		var all bytes.Buffer
		e, err := f.NewEncoder(&all, columns, export.Plain())
		require.NoError(t, err)
		for r, err := range scan.Slice(0).Records(t.Context()) {
			require.NoError(t, err)
			require.NoError(t, e.Encode(r))
		}
		require.NoError(t, e.Close())
		require.Equal(t, want, all.String())

		page, err := index.Page(t.Context(), officer, query, nil)
		require.NoError(t, err)
		var some bytes.Buffer
		e, err = f.NewEncoder(&some, columns, export.Plain())
		require.NoError(t, err)
		for _, r := range page.Records {
			require.NoError(t, e.Encode(r))
		}
		require.NoError(t, e.Close())
		require.Equal(t, all.String(), some.String())
	}
}
