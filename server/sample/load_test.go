package sample_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/memsearch"
	"github.com/digit-health/dhr/search/sqlsearch"
	"github.com/digit-health/dhr/server/sample"
)

// SQLite is what a new server has. Loading twice leaves each record there once.
func TestLoadIntoSQLite(t *testing.T) {
	t.Parallel()
	d, err := sqlsearch.Open(t.Context(), t.TempDir(), nil)
	require.NoError(t, err)
	defer d.Close()
	start := time.Now()
	var told []int64
	require.NoError(t, sample.Load(t.Context(), d, func(done, total int64) {
		told = append(told, done)
		require.LessOrEqual(t, done, total)
		require.Greater(t, total, int64(60_000))
	}))
	t.Log("loaded in", time.Since(start))
	require.IsIncreasing(t, told)
	require.Zero(t, told[0])
	sum := int64(0)
	for _, index := range sample.Indexes() {
		sum += count(t, "", index)
	}
	require.Equal(t, sum, told[len(told)-1])

	answers, err := searchOver(t, d).Aggregate(t.Context(), somebody, &search.Question{
		Query: query("", sample.Visits), Groups: []search.Group{{Name: "district"}},
	})
	require.NoError(t, err)
	got := map[string]int64{}
	for _, b := range answers[0].Buckets {
		got[b.Keys[0].Text()] = b.Count
	}
	require.Equal(t, buckets(t, sample.Visits, "", search.Group{Name: "district"}), got)
}

func TestLoadEndsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := contextOf(t)
	err := sample.Load(ctx, memsearch.New(), func(done, _ int64) {
		if done == 3000 {
			cancel()
		}
	})
	require.ErrorIs(t, err, ctx.Err())
}
