package esdoc_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/digit-health/dhr/docstore/esdoc"
)

// A cluster is the little of a search engine that single documents need, with faults on demand.
type cluster struct {
	t       *testing.T
	version string // what GET / answers

	mu      sync.Mutex
	mapping map[string]string // of each index
	docs    map[string]*stored
	seq     int64
	asked   []string

	// fault, if not nil, is asked before a request is carried out, and may answer in its place.
	fault func(method, path string) *http.Response
	// broken, if not nil, tells whether the answer to a request that was carried out is lost.
	broken func(method, path string) bool
	// meanwhile, if not nil, is called when an answer was lost.
	meanwhile func()
}

type stored struct {
	seq    int64
	source json.RawMessage
}

func newCluster(t *testing.T) *cluster {
	return &cluster{t: t, version: `{"version":{"number":"8.11.3"}}`, mapping: map[string]string{}, docs: map[string]*stored{}}
}

func answer(status int, format string, args ...any) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(fmt.Sprintf(format, args...))),
	}
}

// Perform implements [esdoc.Transport].
func (c *cluster) Perform(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	method, path := req.Method, req.URL.Path
	c.asked = append(c.asked, method+" "+path)
	if c.fault != nil {
		if res := c.fault(method, path); res != nil {
			return res, nil
		}
	}
	res := c.carryOut(req)
	if c.broken != nil && c.broken(method, path) {
		if c.meanwhile != nil {
			c.meanwhile()
		}
		return nil, io.ErrUnexpectedEOF
	}
	return res, nil
}

func (c *cluster) carryOut(req *http.Request) *http.Response {
	parts := strings.Split(strings.TrimPrefix(req.URL.EscapedPath(), "/"), "/")
	switch index, mapping := parts[0], c.mapping[parts[0]]; {
	case index == "":
		return answer(200, "%s", c.version)
	case len(parts) == 1 && req.Method == http.MethodPut:
		if mapping != "" {
			return answer(400, `{"error":{"type":"resource_already_exists_exception","reason":"it exists"},"status":400}`)
		}
		var made struct{ Mappings json.RawMessage }
		if err := json.NewDecoder(req.Body).Decode(&made); err != nil {
			c.t.Errorf("make an index: %v", err)
		}
		c.mapping[index] = string(made.Mappings)
		return answer(200, `{"acknowledged":true}`)
	case mapping == "":
		return answer(404, `{"error":{"type":"index_not_found_exception","reason":"no such index [%s]"},"status":404}`, index)
	case parts[1] == "_mapping":
		return answer(200, `{%q:{"mappings":%s}}`, index, mapping)
	}
	return c.document(req, parts[1], parts[0]+"/"+parts[2])
}

func (c *cluster) document(req *http.Request, what, id string) *http.Response {
	d := c.docs[id]
	query := req.URL.Query()
	conflict := what == "_create" && d != nil || query.Has("if_seq_no") && (d == nil || query.Get("if_seq_no") != fmt.Sprint(d.seq))
	switch {
	case conflict:
		return answer(409, `{"error":{"type":"version_conflict_engine_exception","reason":"another one"},"status":409}`)
	case req.Method == http.MethodPut:
		body, err := io.ReadAll(req.Body)
		if err != nil || !json.Valid(body) {
			c.t.Errorf("put %s: %v %s", id, err, body)
		}
		c.seq++
		c.docs[id] = &stored{seq: c.seq, source: body}
		return answer(200, `{"result":"updated","_seq_no":%d,"_primary_term":1}`, c.seq)
	case d == nil && req.Method == http.MethodDelete:
		return answer(404, `{"result":"not_found"}`)
	case d == nil:
		return answer(404, `{"found":false}`)
	case req.Method == http.MethodDelete:
		delete(c.docs, id)
		c.seq++
		return answer(200, `{"result":"deleted"}`)
	}
	return answer(200, `{"found":true,"_seq_no":%d,"_primary_term":1,"_source":%s}`, d.seq, d.source)
}

var _ esdoc.Transport = (*cluster)(nil)

// once returns a condition that holds for the first request with a method and a part of its path.
func once(method, part string) func(m, path string) bool {
	done := false
	return func(m, path string) bool {
		fits := !done && m == method && strings.Contains(path, part)
		done = done || fits
		return fits
	}
}

// path returns that of a document of the tenant pb.
func path(id string) string { return "dhr-config-filters/" + url.PathEscape("pb:"+id) }
