//go:build unix

package sqlsearch_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/bench/visits"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/sqlsearch"
)

// The benches store and ask the visits of package bench/visits, as many as
// DHR_BENCH_VISITS says, or 100,000. All figures of issue 4:
//
//	DHR_BENCH_VISITS=1000000 go test ./search/sqlsearch -run '^$' -bench . -benchtime 5x
var benched = sync.OnceValues(func() (int, error) {
	if n := os.Getenv("DHR_BENCH_VISITS"); n != "" {
		return strconv.Atoi(n)
	}
	return 100_000, nil
})

// cpu returns the processor's time that the process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measure reports what do costs for each of n things.
func measure(b *testing.B, n int, things string, do func()) {
	begin, used := time.Now(), cpu()
	for range b.N {
		do()
	}
	used, took := cpu()-used, time.Since(begin)
	all := float64(n) * float64(b.N)
	if things != "" {
		b.ReportMetric(all/took.Seconds(), things+"/s")
		b.ReportMetric(all/used.Seconds(), things+"/cpu-s")
	}
	b.ReportMetric(float64(used.Milliseconds())/float64(b.N), "cpu-ms/op")
	b.ReportMetric(float64(peak()), "peak-MB")
}

// peak returns the most memory that the process has held, in MB.
func peak() int {
	text, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	kb, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, _ := strconv.Atoi(kb)
	return n >> 10
}

func BenchmarkGenerate(b *testing.B) {
	n, err := benched()
	require.NoError(b, err)
	s, err := visits.Schema("visits")
	require.NoError(b, err)
	measure(b, n, "documents", func() {
		docs, _ := visits.Documents(s, n)
		for range docs {
		}
	})
}

// BenchmarkLoad loads into a new store, and beside it the obvious way; times-faster is the
// ratio of the processor's time of that to ours.
func BenchmarkLoad(b *testing.B) {
	n, err := benched()
	require.NoError(b, err)
	var ours, theirs time.Duration
	for range b.N {
		file := filepath.Join(b.TempDir(), "bench.sqlite")
		d := open(b, file, nil)
		ours += timed(func() { require.NoError(b, visits.Store(b.Context(), d, "visits", n)) })
		held := peak()
		st, err := os.Stat(file)
		require.NoError(b, err)
		b.ReportMetric(float64(st.Size()>>20), "file-MB")
		b.ReportMetric(float64(held), "peak-MB")
		theirs += timed(func() { loadPlainly(b, filepath.Join(b.TempDir(), "baseline.sqlite"), n) })
	}
	all := float64(n) * float64(b.N)
	b.ReportMetric(all/ours.Seconds(), "documents/cpu-s")
	b.ReportMetric(all/theirs.Seconds(), "baseline-documents/cpu-s")
	b.ReportMetric(float64(theirs)/float64(ours), "times-faster")
}

var questions = []struct{ name, query string }{
	{"three clauses", `district = Pune AND age >= 40 AND medication IN (amoxicillin, amlodipine) ORDER BY visit_date DESC`},
	{"by date", `ORDER BY visit_date DESC`},
	{"by date ascending", `ORDER BY followup_date`},
	{"two words", `notes ~ "fever cough" AND gender = female ORDER BY visit_date DESC`},
	{"several", `symptoms = fever AND gender = female ORDER BY visit_date DESC`},
	{"by keyword", `ORDER BY district, visit_date DESC`},
}

// benchFile is where benchStore lies.
var benchFile string

// benchStore is filled once for all benches that ask.
var benchStore = sync.OnceValues(func() (*sqlsearch.SQLite, error) {
	n, err := benched()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "sqlsearch-bench")
	if err != nil {
		return nil, err
	}
	keep := os.Getenv("DHR_BENCH_STORE")
	if keep != "" {
		dir = keep
	}
	benchFile = filepath.Join(dir, "records.sqlite")
	d, err := sqlsearch.Open(context.Background(), dir, nil)
	if err != nil {
		return nil, err
	}
	schemas, err := d.Schemas(context.Background(), "visits")
	if err != nil || len(schemas) > 0 {
		return d, err
	}
	return d, visits.Store(context.Background(), d, "visits", n)
})

func BenchmarkPage(b *testing.B) {
	d, err := benchStore()
	require.NoError(b, err)
	s, err := visits.Schema("visits")
	require.NoError(b, err)
	columns, err := s.ProjectAll()
	require.NoError(b, err)
	for _, q := range questions {
		p := parsed(b, s, q.query)
		read := func() {
			for _, err := range d.Read(b.Context(), &search.Read{Plan: p, Columns: columns, Limit: 50}) {
				require.NoError(b, err)
			}
		}
		read()
		b.Run(q.name, func(b *testing.B) { measure(b, 1, "", read) })
	}
}

func BenchmarkCount(b *testing.B) {
	d, err := benchStore()
	require.NoError(b, err)
	s, err := visits.Schema("visits")
	require.NoError(b, err)
	for _, query := range []string{"", `notes ~ fever`, `diagnosis ~ fever`, `notes ~ fever AND gender = female`, `symptoms = fever`, `district = Pune AND age >= 40`} {
		p := parsed(b, s, query)
		b.Run(query, func(b *testing.B) {
			var n int64
			measure(b, 1, "", func() {
				n, err = d.Count(b.Context(), p, 0)
				require.NoError(b, err)
			})
			b.ReportMetric(float64(n), "records")
		})
	}
}

func BenchmarkScan(b *testing.B) {
	d, err := benchStore()
	require.NoError(b, err)
	s, err := visits.Schema("visits")
	require.NoError(b, err)
	columns, err := s.ProjectAll()
	require.NoError(b, err)
	p := parsed(b, s, "gender = female ORDER BY visit_date DESC")
	n, err := d.Count(b.Context(), p, 0)
	require.NoError(b, err)
	for _, ordered := range []bool{false, true} {
		name := "storage"
		if ordered {
			name = "plan"
		}
		b.Run(name+" order", func(b *testing.B) {
			measure(b, int(n), "records", func() {
				snap, err := d.Snapshot(b.Context(), "visits", "")
				require.NoError(b, err)
				records, _ := snap.Scan(b.Context(), &search.Scan{Plan: p, Columns: columns, Ordered: ordered})
				for _, err := range records {
					require.NoError(b, err)
				}
				require.NoError(b, snap.Close())
			})
		})
	}
}
