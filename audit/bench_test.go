package audit_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/audit"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/sqldoc"
)

// BenchmarkAppend appends from many goroutines to a chain in SQLite, each of which waits until its entry is on the disk.
func BenchmarkAppend(b *testing.B) {
	d, err := sqldoc.Open(b.Context(), filepath.Join(b.TempDir(), "config.sqlite"), nil)
	require.NoError(b, err)
	defer d.Close()
	l := audit.Open(docstore.New(d), nil)
	b.ReportAllocs()
	b.SetParallelism(64)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := l.Append(b.Context(), audit.Entry{Tenant: "pb", User: "amara", Action: "query.run", Object: "health-data-visits", Address: "10.1.4.7", Count: 318}); err != nil {
				b.Error(err)
				return
			}
		}
	})
	require.NoError(b, l.Close())
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
}
