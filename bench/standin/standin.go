// Package standin stands in for Elasticsearch where the speed of its clients is measured: it costs next to nothing, so that they
// are what counts. Its documents have about 500 bytes.
package standin

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
)

// Mapping is that of its indexes.
const Mapping = `{"properties":{"visit_id":{"type":"keyword"},"patient_id":{"type":"keyword"},"district":{"type":"keyword"},"gender":{"type":"keyword"},
"age":{"type":"integer"},"visit_date":{"type":"date"},"followup_date":{"type":"date"},"medication":{"type":"keyword"},"dosage":{"type":"double"},
"diagnosis":{"type":"text"},"notes":{"type":"text"},"symptoms":{"type":"keyword"},"facility":{"properties":{"name":{"type":"keyword"},"code":{"type":"keyword"}}}}}`

// A Cluster has documents, which it serves over and over: its index visits-N has N of them.
type Cluster [][]byte

// New returns a cluster, whose documents are the same each time.
func New() Cluster {
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the documents are to be the same each time
	words := strings.Fields("fever cough since three days with headache child given paracetamol and oral rehydration advised to return if worse referred to district hospital blood smear positive")
	text := func(n int) string {
		all := make([]string, n)
		for i := range all {
			all[i] = words[r.IntN(len(words))]
		}
		return strings.Join(all, " ")
	}
	docs := make(Cluster, 10_000)
	for i := range docs {
		docs[i] = fmt.Appendf(nil, `{"visit_id":"VIS-2024-%07d","patient_id":"PAT-%07d","district":"district-%02d","gender":"female","age":%d,"visit_date":"2024-%02d-%02dT10:30:00.000Z","followup_date":"2024-12-01","medication":"medication-%03d","dosage":%d.5,"diagnosis":"%s","notes":"%s","symptoms":["fever","cough"],"facility":{"name":"Primary Health Centre %02d","code":"PHC-%04d"}}`,
			i, r.IntN(283_000), r.IntN(36), r.IntN(90), 1+r.IntN(12), 1+r.IntN(28), r.IntN(120), r.IntN(500), text(3), text(21), r.IntN(99), r.IntN(9999))
	}
	return docs
}

// ServeHTTP answers what DHR asks for, by points in time, and elasticdump, by scrolling.
func (s Cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Elastic-Product", "Elasticsearch")
	index := strings.Split(r.URL.Path, "/")[1]
	switch {
	case r.URL.Path == "/":
		_, _ = io.WriteString(w, `{"version":{"number":"8.11.3"}}`)
	case r.Method == http.MethodDelete:
		_, _ = io.WriteString(w, `{"succeeded":true}`)
	case strings.HasSuffix(r.URL.Path, "/_pit"):
		_, _ = io.WriteString(w, `{"id":"`+index+`"}`)
	case strings.HasSuffix(r.URL.Path, "/scroll"), r.URL.Query().Has("scroll"):
		s.scroll(w, r, index)
	case r.URL.Path == "/_search":
		s.search(w, r)
	case r.Method == http.MethodGet:
		_, _ = io.WriteString(w, `{"`+index+`":{"mappings":`+Mapping+`,"settings":{"index":{"uuid":"u"}}}}`)
	default:
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":{"type":"illegal_argument_exception","reason":"no order by _id"},"status":400}`)
	}
}

func (s Cluster) search(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Size  int
		After []int64 `json:"search_after"`
		PIT   struct{ ID string }
	}
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	from := 0
	if len(q.After) > 0 {
		from = int(q.After[0]) + 1
	}
	s.page(w, `"pit_id":"`+q.PIT.ID+`"`, q.PIT.ID, from, q.Size)
}

// scroll answers a first request, or the next: the id of a scroll says of which index it is, where it stands and how large a page is.
func (s Cluster) scroll(w http.ResponseWriter, r *http.Request, index string) {
	text, err := io.ReadAll(r.Body)
	var q struct {
		Size int
		ID   string `json:"scroll_id"`
	}
	if err == nil && len(text) > 0 {
		_ = json.Unmarshal(text, &q) // elasticdump sends the bare id, or JSON
	}
	id := q.ID
	for _, other := range []string{r.URL.Query().Get("scroll_id"), strings.TrimSpace(string(text))} {
		if id == "" && strings.Count(other, "/") == 2 {
			id = other
		}
	}
	from, size := 0, q.Size
	if n, err := strconv.Atoi(r.URL.Query().Get("size")); err == nil {
		size = n
	}
	if at := strings.Split(id, "/"); len(at) == 3 {
		index = at[0]
		from, _ = strconv.Atoi(at[1])
		size, _ = strconv.Atoi(at[2])
	}
	s.page(w, fmt.Sprintf(`"_scroll_id":"%s/%d/%d"`, index, from+size, size), index, from, size)
}

func (s Cluster) page(w io.Writer, id, index string, from, size int) {
	n, _ := strconv.Atoi(strings.TrimPrefix(index, "visits-"))
	out := bufio.NewWriterSize(w, 64<<10)
	_, _ = fmt.Fprintf(out, `{%s,"took":9,"timed_out":false,"_shards":{"total":1,"successful":1,"skipped":0,"failed":0},"hits":{"total":{"value":%d,"relation":"eq"},"max_score":null,"hits":[`, id, n)
	var hit []byte
	for i := from; i < min(from+size, n); i++ {
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
	_ = out.Flush() // who has gone wants nothing
}
