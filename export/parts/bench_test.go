package parts_test

import (
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/export/exporttest"
	"github.com/digit-health/dhr/export/parts"
	"github.com/digit-health/dhr/record"
)

// BenchmarkWriter measures files of 200,000 records. "encoder" is the encoder alone, into nothing.
func BenchmarkWriter(b *testing.B) {
	const n = 200_000
	records := exporttest.Tasks(b, 1000)
	columns := export.Columns(nil, records[0].Projection())
	key, err := parts.NewKey()
	require.NoError(b, err)
	for _, f := range []*export.Format{export.CSV(), export.NDJSON()} {
		b.Run(f.Name+"/encoder", func(b *testing.B) {
			for b.Loop() {
				e, err := f.NewEncoder(io.Discard, columns, nil)
				require.NoError(b, err)
				for i := range n {
					if err := e.Encode(records[i%len(records)]); err != nil {
						b.Fatal(err)
					}
				}
				require.NoError(b, e.Close())
			}
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "records/s")
		})
		for _, compression := range []string{"none", "gzip", "zip"} {
			for _, limit := range []int64{0, 5 << 20} {
				for _, sealed := range []bool{false, true} {
					o := &parts.Options{Folder: b.TempDir(), Name: "fever", Compression: compression, MaxBytes: limit}
					if sealed {
						o.Recipients = []string{key.Recipient}
					}
					b.Run(fmt.Sprintf("%s/%s/most=%d/sealed=%v", f.Name, compression, limit, sealed), func(b *testing.B) {
						var bytes int64
						for b.Loop() {
							bytes = write(b, f, columns, o, records, n)
						}
						b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "records/s")
						b.ReportMetric(float64(bytes)/n, "bytes/record")
					})
				}
			}
		}
	}
}

// write writes n records, the same again and again, and returns how many bytes that makes.
func write(b *testing.B, f *export.Format, columns []export.Column, o *parts.Options, records []*record.Record, n int) int64 {
	b.Helper()
	w, err := parts.NewWriter(f, columns, nil, o)
	require.NoError(b, err)
	var bytes int64
	for file, err := range w.Files(func(yield func(*record.Record, error) bool) {
		for i := range n {
			if !yield(records[i%len(records)], nil) {
				return
			}
		}
	}) {
		require.NoError(b, err)
		bytes += file.Stored.Size
		require.NoError(b, file.Remove())
	}
	return bytes
}
