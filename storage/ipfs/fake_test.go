package ipfs_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/digit-health/dhr/storage/ipfs"
)

// A node answers as Kubo does, as far as the driver asks. It stands where a real node cannot be made to fail.
type node struct {
	*httptest.Server
	before func(w http.ResponseWriter, r *http.Request) bool // answers instead, if it returns true

	mu     sync.Mutex
	blocks map[string]string
	pins   map[string]bool
}

func newNode(t testing.TB) *node {
	t.Helper()
	n := &node{blocks: map[string]string{}, pins: map[string]bool{}}
	n.Server = httptest.NewServer(n)
	t.Cleanup(n.Close)
	return n
}

func (n *node) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.pins)
}

func (n *node) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if n.before != nil && n.before(w, r) {
		return
	}
	command, arg := strings.TrimPrefix(r.URL.Path, "/api/v0/"), strings.TrimPrefix(r.URL.Query().Get("arg"), "/ipfs/")
	if r.Method != http.MethodPost {
		http.Error(w, "405 - Method Not Allowed", http.StatusMethodNotAllowed)
		return
	}
	if command == "add" {
		n.add(w, r)
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	text, known := n.blocks[arg]
	switch {
	case command == "pin/ls" && !n.pins[arg]:
		kuboError(w, fmt.Sprintf("path '%s' is not pinned", arg))
	case command == "pin/ls":
		_, _ = fmt.Fprintf(w, `{"Keys":{%q:{"Type":"recursive","Name":""}}}`, arg)
	case command == "pin/rm" && !n.pins[arg]:
		kuboError(w, "not pinned or pinned indirectly")
	case command == "pin/rm":
		delete(n.pins, arg)
		_, _ = fmt.Fprintf(w, `{"Pins":[%q]}`, arg)
	case !known:
		kuboError(w, "block was not found locally (offline): ipld: could not find "+arg)
	case command == "pin/add":
		n.pins[arg] = true
		_, _ = fmt.Fprintf(w, `{"Pins":[%q]}`, arg)
	case command == "files/stat":
		_, _ = fmt.Fprintf(w, `{"Hash":%q,"Size":%d,"Type":"file"}`, arg, len(text))
	case command == "cat":
		offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
		length, _ := strconv.Atoi(r.URL.Query().Get("length"))
		w.Header().Set("Trailer", "X-Stream-Error")
		_, _ = io.WriteString(w, text[offset:offset+length])
	default:
		http.NotFound(w, r)
	}
}

func (n *node) add(w http.ResponseWriter, r *http.Request) {
	f, _, err := r.FormFile("file")
	if err != nil {
		kuboError(w, err.Error())
		return
	}
	h, text := &ipfs.Hasher{}, &strings.Builder{}
	if _, err := io.Copy(io.MultiWriter(h, text), f); err != nil {
		kuboError(w, err.Error())
		return
	}
	id := h.CID()
	n.mu.Lock()
	n.blocks[id] = text.String()
	if r.URL.Query().Get("pin") != "false" {
		n.pins[id] = true
	}
	n.mu.Unlock()
	w.Header().Set("Trailer", "X-Stream-Error")
	_, _ = fmt.Fprintf(w, "{\"Name\":\"f\",\"Hash\":%q,\"Size\":\"1\"}\n", id)
}

func kuboError(w http.ResponseWriter, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusInternalServerError)
	_ = json.NewEncoder(w).Encode(map[string]any{"Message": message, "Code": 0, "Type": "error"})
}

// A service pins as the IPFS Pinning Service API says. Its pins go through states, one at each question.
type service struct {
	*httptest.Server
	states []string

	mu   sync.Mutex
	pins map[string]*pin
	made int
}

type pin struct {
	id, cid string
	asked   int
}

func newService(t testing.TB, states ...string) *service {
	t.Helper()
	s := &service{states: states, pins: map[string]*pin{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *service) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.pins)
}

func (s *service) show(p *pin) map[string]any {
	state := s.states[min(p.asked, len(s.states)-1)]
	p.asked++
	return map[string]any{"requestid": p.id, "status": state, "created": "2026-11-27T09:00:00Z", "pin": map[string]any{"cid": p.cid}, "delegates": []string{}}
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, one := strings.CutPrefix(r.URL.Path, "/psa/pins/")
	p := s.pins[id]
	answer := func(status int, v any) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	notFound := map[string]any{"error": map[string]string{"reason": "NOT_FOUND"}}
	switch {
	case r.Header.Get("Authorization") != "Bearer pin-token":
		answer(http.StatusUnauthorized, map[string]any{"error": map[string]string{"reason": "UNAUTHORIZED"}})
	case one && p == nil:
		answer(http.StatusNotFound, notFound)
	case one && r.Method == http.MethodGet:
		answer(http.StatusOK, s.show(p))
	case one && r.Method == http.MethodDelete:
		delete(s.pins, id)
		w.WriteHeader(http.StatusAccepted)
	case r.URL.Path == "/psa/pins" && r.Method == http.MethodPost:
		var q struct{ CID string }
		_ = json.NewDecoder(r.Body).Decode(&q)
		s.made++
		p := &pin{id: fmt.Sprint("request-", s.made), cid: q.CID}
		s.pins[p.id] = p
		answer(http.StatusAccepted, s.show(p))
	case r.URL.Path == "/psa/pins" && r.Method == http.MethodGet:
		results := []any{}
		for _, p := range s.pins {
			if p.cid == r.URL.Query().Get("cid") && strings.Contains(r.URL.Query().Get("status"), "pinned") {
				results = append(results, s.show(p))
			}
		}
		answer(http.StatusOK, map[string]any{"count": len(results), "results": results})
	default:
		answer(http.StatusNotFound, notFound)
	}
}
