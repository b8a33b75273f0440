package chart_test

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/dashboard/chart"
)

// BenchmarkSVG is from the figures to the bytes, for each type of chart.
func BenchmarkSVG(b *testing.B) {
	wanted := map[string]bool{"pie": true, "bar": true, "bar-grouped": true, "bar-lakh": true, "line": true, "line-days": true, "stat": true, "table": true, "bar-10000": true}
	for _, p := range pictures() {
		if !wanted[p.name] {
			continue
		}
		b.Run(p.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				d, err := chart.Layout(p.c, p.o)
				require.NoError(b, err)
				require.NoError(b, d.SVG(io.Discard))
			}
		})
	}
}

func BenchmarkReport(b *testing.B) {
	r := report()
	b.ReportAllocs()
	for b.Loop() {
		require.NoError(b, r.PDF(io.Discard))
	}
}
