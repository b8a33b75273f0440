package sqlsearch_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/bench/visits"
)

// The benches store and ask the visits of package bench/visits. The number of documents is that
// of the bench's iterations:
//
//	go test ./search/sqlsearch -run '^$' -bench Load -benchtime 1000000x
func BenchmarkLoad(b *testing.B) {
	d := open(b, filepath.Join(b.TempDir(), "bench.sqlite"), nil)
	b.ResetTimer()
	require.NoError(b, visits.Store(b.Context(), d, "visits", b.N))
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "documents/s")
}
