package essearch

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
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
// It reports records per second of both, their ratio, and the peak memory of the
// scan, of which that of 10,000 and that of 2,000,000 records are to be alike.
func BenchmarkScan(b *testing.B) {
	host := startStub(b)
	b.Run("200000", func(b *testing.B) {
		const n = 200_000
		var ours, theirs time.Duration
		var peak int
		for b.Loop() {
			resetPeak()
			start := time.Now()
			want := benchScan(b, host, n)
			ours += time.Since(start)
			peak = max(peak, peakMB())
			start = time.Now()
			require.Equal(b, want, obviousScan(b, host, n))
			theirs += time.Since(start)
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(n*b.N)/ours.Seconds(), "records/s")
		b.ReportMetric(float64(n*b.N)/theirs.Seconds(), "obvious-records/s")
		b.ReportMetric(theirs.Seconds()/ours.Seconds(), "x-obvious")
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

const benchMapping = `{"properties":{"visit_id":{"type":"keyword"},"patient_id":{"type":"keyword"},"district":{"type":"keyword"},"gender":{"type":"keyword"},
"age":{"type":"integer"},"visit_date":{"type":"date"},"followup_date":{"type":"date"},"medication":{"type":"keyword"},"dosage":{"type":"double"},
"diagnosis":{"type":"text"},"notes":{"type":"text"},"symptoms":{"type":"keyword"},"facility":{"properties":{"name":{"type":"keyword"},"code":{"type":"keyword"}}}}}`

var benchFields = []string{"visit_id", "patient_id", "district", "age", "visit_date", "medication", "dosage", "facility.code"}

// benchScan returns the length of all texts.
func benchScan(b *testing.B, host string, n int) (length int) {
	b.Helper()
	transport, err := Dial(&Cluster{Hosts: []string{host}})
	require.NoError(b, err)
	d, err := Open(b.Context(), transport, nil)
	require.NoError(b, err)
	index := "visits-" + strconv.Itoa(n)
	s, err := record.ParseSchema(index, []byte(benchMapping))
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
	stub := newStub()
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

// A stubCluster serves these documents over and over, as visits-N has N of them.
type stubCluster [][]byte

func newStub() stubCluster {
	r := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("fever cough since three days with headache child given paracetamol and oral rehydration advised to return if worse referred to district hospital blood smear positive")
	text := func(n int) string {
		var all []string
		for range n {
			all = append(all, words[r.IntN(len(words))])
		}
		return strings.Join(all, " ")
	}
	docs := make(stubCluster, 10_000)
	for i := range docs {
		docs[i] = []byte(fmt.Sprintf(`{"visit_id":"VIS-2024-%07d","patient_id":"PAT-%07d","district":"district-%02d","gender":"female","age":%d,"visit_date":"2024-%02d-%02dT10:30:00.000Z","followup_date":"2024-12-01","medication":"medication-%03d","dosage":%d.5,"diagnosis":"%s","notes":"%s","symptoms":["fever","cough"],"facility":{"name":"Primary Health Centre %02d","code":"PHC-%04d"}}`,
			i, r.IntN(283_000), r.IntN(36), r.IntN(90), 1+r.IntN(12), 1+r.IntN(28), r.IntN(120), r.IntN(500), text(3), text(21), r.IntN(99), r.IntN(9999)))
	}
	return docs
}

func (s stubCluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	index := strings.Split(r.URL.Path, "/")[1]
	switch {
	case r.URL.Path == "/":
		_, _ = io.WriteString(w, `{"version":{"number":"8.11.3"}}`)
	case r.Method == http.MethodDelete:
		_, _ = io.WriteString(w, `{"succeeded":true}`)
	case strings.HasSuffix(r.URL.Path, "/_pit"):
		_, _ = io.WriteString(w, `{"id":"`+index+`"}`)
	case r.Method == http.MethodGet:
		_, _ = io.WriteString(w, `{"`+index+`":{"mappings":`+benchMapping+`,"settings":{"index":{"uuid":"u"}}}}`)
	case r.URL.Path != "/_search":
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":{"type":"illegal_argument_exception","reason":"no order by _id"},"status":400}`)
	default:
		s.search(w, r)
	}
}

func (s stubCluster) search(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Size  int
		After []int64 `json:"search_after"`
		PIT   struct{ ID string }
	}
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	n, _ := strconv.Atoi(strings.TrimPrefix(q.PIT.ID, "visits-"))
	from := 0
	if len(q.After) > 0 {
		from = int(q.After[0]) + 1
	}
	out := bufio.NewWriterSize(w, 64<<10)
	_, _ = out.WriteString(`{"pit_id":"` + q.PIT.ID + `","took":9,"timed_out":false,"_shards":{"total":1,"successful":1,"skipped":0,"failed":0},"hits":{"max_score":null,"hits":[`)
	var hit []byte
	for i := from; i < min(from+q.Size, n); i++ {
		hit = hit[:0]
		if i > from {
			hit = append(hit, ',')
		}
		hit = strconv.AppendInt(append(hit, `{"_index":"visits-000001","_id":"`...), int64(10_000_000+i), 10)
		hit = append(append(append(hit, `","_score":null,"_source":`...), s[i%len(s)]...), `,"sort":[`...)
		hit = strconv.AppendInt(append(strconv.AppendInt(hit, int64(i), 10), ','), int64(i), 10)
		_, _ = out.Write(append(hit, ']', '}'))
	}
	_, _ = out.WriteString(`]}}`)
	_ = out.Flush()
}

// resetPeak makes peakMB forget what was before.
func resetPeak() {
	debug.FreeOSMemory()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)
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
