package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

const mapping = `{"properties":{"visit_id":{"type":"keyword"},"patient_id":{"type":"keyword"},"district":{"type":"keyword"},"gender":{"type":"keyword"},
"age":{"type":"integer"},"visit_date":{"type":"date"},"followup_date":{"type":"date"},"medication":{"type":"keyword"},"dosage":{"type":"double"},
"diagnosis":{"type":"text"},"notes":{"type":"text"},"symptoms":{"type":"keyword"},"facility":{"properties":{"name":{"type":"keyword"},"code":{"type":"keyword"}}}}}`

// fields are those that are exported.
var fields = []string{"visit_id", "patient_id", "district", "gender", "age", "visit_date", "medication", "dosage", "symptoms", "facility.code"}

// A stub is a cluster that serves these documents over and over: the index visits-N has N of them.
type stub [][]byte

func newStub() stub {
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the documents are to be the same each time
	words := strings.Fields("fever cough since three days with headache child given paracetamol and oral rehydration advised to return if worse referred to district hospital blood smear positive")
	text := func(n int) string {
		all := make([]string, n)
		for i := range all {
			all[i] = words[r.IntN(len(words))]
		}
		return strings.Join(all, " ")
	}
	docs := make(stub, 10_000)
	for i := range docs {
		docs[i] = fmt.Appendf(nil, `{"visit_id":"VIS-2024-%07d","patient_id":"PAT-%07d","district":"district-%02d","gender":"female","age":%d,"visit_date":"2024-%02d-%02dT10:30:00.000Z","followup_date":"2024-12-01","medication":"medication-%03d","dosage":%d.5,"diagnosis":"%s","notes":"%s","symptoms":["fever","cough"],"facility":{"name":"Primary Health Centre %02d","code":"PHC-%04d"}}`,
			i, r.IntN(283_000), r.IntN(36), r.IntN(90), 1+r.IntN(12), 1+r.IntN(28), r.IntN(120), r.IntN(500), text(3), text(21), r.IntN(99), r.IntN(9999))
	}
	return docs
}

// ServeHTTP answers what DHR asks for, by points in time, and elasticdump, by scrolling.
func (s stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
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
		_, _ = io.WriteString(w, `{"`+index+`":{"mappings":`+mapping+`,"settings":{"index":{"uuid":"u"}}}}`)
	default:
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":{"type":"illegal_argument_exception","reason":"no order by _id"},"status":400}`)
	}
}

func (s stub) search(w http.ResponseWriter, r *http.Request) {
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
func (s stub) scroll(w http.ResponseWriter, r *http.Request, index string) {
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

func (s stub) page(w io.Writer, id, index string, from, size int) {
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

// serve serves the stub until standard input ends, and says first where.
func serve() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	say("http://%s\n", l.Addr())
	go func() { _ = http.Serve(l, newStub()) }() //nolint:gosec // nobody but this program asks
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// startStub starts the cluster in another process. Stop ends it.
func (b *bench) startStub(ctx context.Context) (stop func(), err error) {
	c := exec.CommandContext(ctx, os.Args[0], "-child", "stub") //nolint:gosec // this very program
	in, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if b.stub = strings.TrimSpace(line); err != nil || b.stub == "" {
		return nil, errors.Join(errors.New("the cluster does not start"), err)
	}
	return func() {
		_ = in.Close()
		_ = c.Wait()
	}, nil
}
