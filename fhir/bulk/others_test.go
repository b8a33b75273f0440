package bulk

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/bulk"
	"github.com/digit-health/dhr/search/memsearch"
)

// Whatever the condition: each record meets either it or the others', also where fields are empty or lists.
func TestOthers(t *testing.T) {
	t.Parallel()
	const mapping = `{"properties": {"id": {"type": "keyword"}, "a": {"type": "keyword"}, "b": {"type": "keyword"}, "t": {"type": "text"}}}`
	schema, err := record.ParseSchema("x", []byte(mapping))
	require.NoError(t, err)
	engine := memsearch.New()
	require.NoError(t, engine.Create(t.Context(), schema))
	values := []string{``, `,"a":"1"`, `,"a":"2"`, `,"a":["1","2"]`}
	var docs strings.Builder
	n := int64(0)
	for _, a := range values {
		for _, b := range values {
			for _, text := range []string{``, `,"t":"fever and cough"`, `,"t":"cough"`} {
				_, _ = fmt.Fprintf(&docs, `{"id":"%d"%s%s%s}`+"\n", n, a, strings.Replace(b, `"a"`, `"b"`, 1), text)
				n++
			}
		}
	}
	_, err = bulk.Load(t.Context(), engine, schema, []string{"docs"}, &bulk.Options{
		Open: func(string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(docs.String())), nil },
	})
	require.NoError(t, err)
	policy, err := access.NewPolicy(map[string]access.Role{"r": {Grants: []access.Grant{{Indexes: []string{"*"}, Others: access.Treatment{As: access.Visible}}}}}, nil)
	require.NoError(t, err)
	index, err := search.New(engine, policy, nil)
	require.NoError(t, err)
	who := &access.Principal{User: "u", Tenant: "t", Roles: []string{"r"}}
	count := func(text string) int64 {
		got, _, err := index.Count(t.Context(), who, &search.Query{JQL: text}, 0)
		require.NoError(t, err, text)
		return got
	}
	random := rand.New(rand.NewPCG(1, 2))
	leaves := []string{"a = 1", "a != 1", "a IN (1, 3)", "a NOT IN (2)", "b IS EMPTY", "b IS NOT EMPTY", "t ~ fever", "t !~ fever", "b = 2", `NOT a = 1`}
	var make func(depth int) string
	make = func(depth int) string {
		if depth == 0 || random.IntN(4) == 0 {
			return leaves[random.IntN(len(leaves))]
		}
		switch random.IntN(3) {
		case 0:
			return "NOT (" + make(depth-1) + ")"
		case 1:
			return "(" + make(depth-1) + " AND " + make(depth-1) + ")"
		}
		return "(" + make(depth-1) + " OR " + make(depth-1) + " OR " + make(depth-1) + ")"
	}
	for range 300 {
		text := make(3)
		q, err := jql.Parse(text, nil)
		require.NoError(t, err)
		rest, err := others(q)
		require.NoError(t, err)
		require.Equal(t, n, count(text)+count(rest.String()), "%s | %s", text, rest)
		require.Zero(t, count("("+text+") AND ("+rest.String()+")"), "%s | %s", text, rest)
	}
	for _, text := range []string{"", "a > 1", "a WAS 1", "a CHANGED", "a = 1 AND b < 2", "NOT (a = 1 OR b >= 2)", "ORDER BY a"} {
		q, err := jql.Parse(text, nil)
		require.NoError(t, err)
		_, err = others(q)
		require.ErrorIs(t, err, ErrInvalid, text)
	}
}
