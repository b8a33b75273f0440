package essearch

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/bench/standin"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// BenchmarkScan reads 8 of the 14 fields of documents of about 500 bytes from a
// cluster on loopback that is another process, and does the same as Go is
// most often written, with encoding/json and maps:
//
//	go test ./search/essearch -run - -bench Scan -benchtime 3x
//
// It reports records per second of both, their ratio, in time and in the time of
// the processors (which counts where these are busy otherwise), and the peak memory of the
// scan, of which that of 10,000 and that of 2,000,000 records are to be alike.
func BenchmarkScan(b *testing.B) {
	host := startStub(b)
	b.Run("200000", func(b *testing.B) {
		const n = 200_000
		var ours, theirs time.Duration
		var oursCPU, theirsCPU float64
		var peak int
		for b.Loop() {
			resetPeak()
			start, cpu := time.Now(), cpuSeconds()
			want := benchScan(b, host, n)
			ours, oursCPU = ours+time.Since(start), oursCPU+cpuSeconds()-cpu
			peak = max(peak, peakMB())
			start, cpu = time.Now(), cpuSeconds()
			require.Equal(b, want, obviousScan(b, host, n))
			theirs, theirsCPU = theirs+time.Since(start), theirsCPU+cpuSeconds()-cpu
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(n*b.N)/ours.Seconds(), "records/s")
		b.ReportMetric(float64(n*b.N)/theirs.Seconds(), "obvious-records/s")
		b.ReportMetric(theirs.Seconds()/ours.Seconds(), "x-obvious")
		b.ReportMetric(float64(n*b.N)/oursCPU, "records/CPU-s")
		b.ReportMetric(theirsCPU/oursCPU, "x-obvious-CPU")
		b.ReportMetric(float64(peak), "peak-MB")
	})
	for _, n := range []int{10_000, 2_000_000} {
		b.Run("memory-"+strconv.Itoa(n), func(b *testing.B) {
			peak := 0
			for b.Loop() {
				resetPeak()
				benchScan(b, host, n)
				peak = max(peak, peakMB())
			}
			b.ReportMetric(float64(peak), "peak-MB")
		})
	}
}

var benchFields = []string{"visit_id", "patient_id", "district", "age", "visit_date", "medication", "dosage", "facility.code"}

// benchScan returns the length of all texts.
func benchScan(b *testing.B, host string, n int) (length int) {
	b.Helper()
	transport, err := Dial(&Cluster{Hosts: []string{host}})
	require.NoError(b, err)
	d, err := Open(b.Context(), transport, nil)
	require.NoError(b, err)
	index := "visits-" + strconv.Itoa(n)
	s, err := record.ParseSchema(index, []byte(standin.Mapping))
	require.NoError(b, err)
	columns, err := s.Project(benchFields...)
	require.NoError(b, err)
	snapshot, err := d.Snapshot(b.Context(), index, "")
	require.NoError(b, err)
	defer snapshot.Close()
	p := &plan.Plan{Schema: s, Where: plan.All{}, Order: []plan.Sort{{Field: s.Field("_id")}}}
	records, _ := snapshot.Scan(b.Context(), &search.Scan{Plan: p, Columns: columns})
	got := 0
	for r, err := range records {
		require.NoError(b, err)
		for i := range benchFields {
			for _, v := range r.Values(i) {
				length += len(v.Text())
			}
		}
		got++
	}
	require.Equal(b, n, got)
	return length
}

// obviousScan is how Go is most often written.
func obviousScan(b *testing.B, host string, n int) (length int) {
	b.Helper()
	var after []any
	got := 0
	for {
		body, err := json.Marshal(map[string]any{"size": 10_000, "search_after": after, "pit": map[string]any{"id": "visits-" + strconv.Itoa(n)}})
		require.NoError(b, err)
		res, err := http.Post(host+"/_search", "application/json", bytes.NewReader(body))
		require.NoError(b, err)
		var answer map[string]any
		decoder := json.NewDecoder(res.Body)
		decoder.UseNumber()
		require.NoError(b, decoder.Decode(&answer))
		require.NoError(b, res.Body.Close())
		hits := answer["hits"].(map[string]any)["hits"].([]any)
		for _, h := range hits {
			source := h.(map[string]any)["_source"].(map[string]any)
			for _, name := range benchFields {
				v := source[name]
				if name == "facility.code" {
					v = source["facility"].(map[string]any)["code"]
				}
				if v != nil {
					length += len(fmt.Sprint(v))
				}
			}
		}
		if got += len(hits); len(hits) < 10_000 {
			break
		}
		after = hits[len(hits)-1].(map[string]any)["sort"].([]any)
	}
	require.Equal(b, n, got)
	return length
}

// startStub starts this program again as a cluster, and returns where it is.
func startStub(b *testing.B) string {
	b.Helper()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestStub$")
	cmd.Env = append(os.Environ(), "DHR_BENCH_STUB=1")
	stop, err := cmd.StdinPipe()
	require.NoError(b, err)
	out, err := cmd.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, cmd.Start())
	b.Cleanup(func() {
		_ = stop.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(b, err)
	return strings.TrimSpace(line)
}

// TestStub is the cluster of BenchmarkScan, in its process; otherwise it checks it.
func TestStub(t *testing.T) {
	stub := standin.New()
	if os.Getenv("DHR_BENCH_STUB") == "" {
		mean := 0
		for _, doc := range stub {
			require.True(t, json.Valid(doc))
			mean += len(doc)
		}
		require.InDelta(t, 500, mean/len(stub), 10)
		return
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, err = fmt.Println("http://" + listener.Addr().String())
	require.NoError(t, err)
	go func() { _ = http.Serve(listener, stub) }()
	_, _ = io.Copy(io.Discard, os.Stdin) // until the parent ends
}

// resetPeak makes peakMB forget what was before.
func resetPeak() {
	debug.FreeOSMemory()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)
}

// cpuSeconds is what this process has used of the processors, where the system tells.
func cpuSeconds() float64 {
	const ticks = 100 // a second
	stat, _ := os.ReadFile("/proc/self/stat")
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return (user + system) / ticks
}

// peakMB is the greatest resident memory of this process since resetPeak, where
// the system tells; elsewhere what Go has taken from it.
func peakMB() int {
	status, _ := os.ReadFile("/proc/self/status")
	if _, rest, ok := strings.Cut(string(status), "VmHWM:"); ok {
		kb, _ := strconv.Atoi(strings.Fields(rest)[0])
		return kb >> 10
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.Sys >> 20)
}
