package sample_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/search/sqlsearch"
	"github.com/digit-health/dhr/server/sample"
)

func TestLoadIntoSQLite(t *testing.T) {
	t.Parallel()
	d, err := sqlsearch.Open(t.Context(), t.TempDir(), nil)
	require.NoError(t, err)
	defer d.Close()
	start := time.Now()
	for _, i := range sample.Indexes() {
		docs, err := sample.Documents(i)
		require.NoError(t, err)
		n, bytes := 0, 0
		for _, doc := range docs {
			n++
			bytes += len(doc)
		}
		t.Log(i, n, bytes/n)
	}
	t.Log(time.Since(start))
	start = time.Now()
	require.NoError(t, sample.Load(t.Context(), d, nil))
	t.Log(time.Since(start))
}
