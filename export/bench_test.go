package export_test

import (
	"testing"

	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/export/exporttest"
)

func BenchmarkEncode(b *testing.B) {
	for _, f := range []*export.Format{export.CSV(), export.JSON(), export.NDJSON()} {
		b.Run(f.Name, func(b *testing.B) { exporttest.Benchmark(b, f) })
	}
}
