package process_test

import (
	"testing"

	"github.com/digit-health/dhr/export/process"
)

// BenchmarkExport is a whole export: job, snapshot, count, scan, file with hash, storage.
func BenchmarkExport(b *testing.B) {
	const n = 200_000
	engine := memory(b, n)
	for _, format := range []string{"csv", "ndjson"} {
		b.Run(format, func(b *testing.B) {
			h := open(b, engine, nil)
			b.ReportAllocs()
			for b.Loop() {
				h.export(b, asha(), &process.Request{Format: format})
			}
			b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
