package esdoc

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/digit-health/dhr/docstore"
)

// Options are choices for [Open].
type Options struct {
	// Prefix is what the names of the indexes begin with. If empty, dhr-config-.
	Prefix string
	// Timeout is how long the cluster may take to answer once. If zero, 30 s.
	Timeout time.Duration
	// Retries is how often a request is sent again. If zero, 5; if negative, never.
	Retries int
}

// A Driver keeps documents in a cluster. It is safe for concurrent use. There is nothing to close.
type Driver struct {
	client
	prefix string

	mu    sync.Mutex
	ready map[string]bool // kinds whose index is there and ours
}

var _ docstore.Driver = (*Driver)(nil)

// Open returns the store of a cluster, once it has answered. A server that cannot
// be one is docstore.ErrUnsupported.
func Open(ctx context.Context, t Transport, opts *Options) (*Driver, error) {
	o := Options{}
	if opts != nil {
		o = *opts
	}
	if o.Prefix == "" {
		o.Prefix = "dhr-config-"
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.Retries == 0 {
		o.Retries = defaultRetries
	}
	d := &Driver{client: client{transport: t, timeout: o.Timeout, retries: o.Retries}, prefix: o.Prefix, ready: map[string]bool{}}
	if t == nil {
		return nil, fmt.Errorf("esdoc: %w: there is no transport", docstore.ErrInvalid)
	}
	if strings.ContainsAny(o.Prefix[:1], "-_+.") || strings.ContainsFunc(o.Prefix, notInName) || len(o.Prefix) > 100 {
		return nil, fmt.Errorf("esdoc: %w: no name of an index begins with %q", docstore.ErrInvalid, o.Prefix)
	}
	if err := d.checkProduct(ctx); err != nil {
		return nil, fmt.Errorf("esdoc: %w", err)
	}
	return d, nil
}

func notInName(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
}

// checkProduct holds that the server is one that can be a store.
func (d *Driver) checkProduct(ctx context.Context) error {
	var answer struct {
		Version struct{ Distribution, Number string }
	}
	if err := d.do(ctx, &call{method: http.MethodGet, path: "/"}, &answer); err != nil {
		return err
	}
	v := answer.Version
	parts := strings.Split(v.Number, ".")
	major, err := strconv.Atoi(parts[0])
	if err != nil || len(parts) < 2 {
		return fmt.Errorf("%w: it is no search engine: version %q of %q", docstore.ErrUnsupported, v.Number, v.Distribution)
	}
	minor, _ := strconv.Atoi(parts[1])
	switch {
	case v.Distribution == "opensearch" && major >= 1:
	case v.Distribution == "" && (major > 7 || major == 7 && minor >= 17):
	default:
		return fmt.Errorf("%w: version %q of %q", docstore.ErrUnsupported, v.Number, v.Distribution)
	}
	return nil
}

// A source is a document as it is stored.
type source struct {
	Tenant  string   `json:"tenant"`
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Labels  []string `json:"labels"`
	Version int64    `json:"version"`
	// Write is different in every write, by which a writer recognises its own.
	Write string          `json:"write"`
	Body  json.RawMessage `json:"body"`
}

// encode returns s as JSON, with the body as it is.
func (s *source) encode() ([]byte, error) {
	body := s.Body
	s.Body = json.RawMessage("0")
	head, err := json.Marshal(s)
	s.Body = body
	if err != nil {
		return nil, err
	}
	text := make([]byte, 0, len(head)+len(body))
	text = append(text, head[:len(head)-len("0}")]...)
	text = append(text, body...)
	return append(text, '}'), nil
}

// A hit is a document as the cluster gives it.
type hit struct {
	SeqNo  int64   `json:"_seq_no"`
	Term   int64   `json:"_primary_term"`
	Source *source `json:"_source"`
}

func (h *hit) document(kind string) (*docstore.Document, error) {
	s := h.Source
	if s == nil || s.Version < 1 || s.Body == nil {
		return nil, fmt.Errorf("%w: a document that is none of ours", docstore.ErrCorrupt)
	}
	d := &docstore.Document{
		Key:     docstore.Key{Tenant: s.Tenant, Kind: kind, ID: s.ID},
		Version: s.Version, Change: h.SeqNo + 1, Name: s.Name, Body: s.Body,
	}
	if len(s.Labels) > 0 {
		d.Labels = s.Labels
	}
	return d, nil
}

// Get implements [docstore.Driver].
func (d *Driver) Get(ctx context.Context, k docstore.Key) (*docstore.Document, error) {
	if there, err := d.check(ctx, k.Kind); err != nil {
		return nil, err
	} else if !there {
		return nil, docstore.ErrNotFound
	}
	h, err := d.get(ctx, k)
	if err != nil {
		return nil, err
	}
	return h.document(k.Kind)
}

func (d *Driver) get(ctx context.Context, k docstore.Key) (*hit, error) {
	h := &hit{}
	err := d.do(ctx, &call{method: http.MethodGet, path: d.path(k, "/_doc/")}, h)
	if is(err, http.StatusNotFound) {
		return nil, docstore.ErrNotFound
	}
	return h, err
}

// Put implements [docstore.Driver].
func (d *Driver) Put(ctx context.Context, doc *docstore.Document, expect int64) (*docstore.Document, error) {
	if err := d.create(ctx, doc.Kind); err != nil {
		return nil, err
	}
	path := d.path(doc.Key, "/_create/")
	if expect > 0 {
		old, err := d.expected(ctx, doc.Key, expect)
		if errors.Is(err, docstore.ErrNotFound) {
			return nil, conflict(0, expect)
		}
		if err != nil {
			return nil, err
		}
		path = d.path(doc.Key, "/_doc/") + old.condition()
	}
	s := &source{Tenant: doc.Tenant, ID: doc.ID, Name: doc.Name, Labels: doc.Labels, Version: expect + 1, Write: rand.Text(), Body: doc.Body}
	text, err := s.encode()
	if err != nil {
		return nil, err
	}
	stored, r := &hit{}, &call{method: http.MethodPut, path: path, body: text}
	err = d.do(ctx, r, stored)
	if is(err, http.StatusConflict) {
		stored, err = d.whose(ctx, doc.Key, s, r)
	}
	if err != nil {
		return nil, err
	}
	stored.Source = s
	return stored.document(doc.Kind)
}

// whose returns s as it is stored, if a write that seemed to be refused since the document has
// changed was the second attempt of one that succeeded.
func (d *Driver) whose(ctx context.Context, k docstore.Key, s *source, r *call) (*hit, error) {
	h, err := d.get(ctx, k)
	version := int64(0)
	switch {
	case errors.Is(err, docstore.ErrNotFound):
	case err != nil:
		return nil, err
	case h.Source == nil:
		return nil, fmt.Errorf("%w: a document that is none of ours", docstore.ErrCorrupt)
	case h.Source.Write == s.Write:
		return h, nil
	default:
		version = h.Source.Version
	}
	if r.unsure && version != s.Version {
		return nil, fmt.Errorf("%w: whether the document was stored before it was changed again is not known", docstore.ErrUnavailable)
	}
	return nil, conflict(version, s.Version-1)
}

// Delete implements [docstore.Driver].
func (d *Driver) Delete(ctx context.Context, k docstore.Key, expect int64) error {
	if there, err := d.check(ctx, k.Kind); err != nil {
		return err
	} else if !there {
		return docstore.ErrNotFound
	}
	old, err := d.expected(ctx, k, expect)
	if err != nil {
		return err
	}
	r := &call{method: http.MethodDelete, path: d.path(k, "/_doc/") + old.condition()}
	err = d.do(ctx, r, nil)
	if !is(err, http.StatusConflict) && !is(err, http.StatusNotFound) {
		return err
	}
	h, err := d.get(ctx, k)
	switch {
	case errors.Is(err, docstore.ErrNotFound) && r.unsure:
		return nil // by the first attempt
	case err != nil:
		return err
	case h.Source == nil:
		return fmt.Errorf("%w: a document that is none of ours", docstore.ErrCorrupt)
	}
	return conflict(h.Source.Version, expect)
}

// expected returns a document that is there in version expect.
func (d *Driver) expected(ctx context.Context, k docstore.Key, expect int64) (*hit, error) {
	h, err := d.get(ctx, k)
	if err != nil {
		return nil, err
	}
	if _, err := h.document(k.Kind); err != nil {
		return nil, err
	}
	if h.Source.Version != expect {
		return nil, conflict(h.Source.Version, expect)
	}
	return h, nil
}

// condition is what a request says so that it replaces h and nothing else.
func (h *hit) condition() string {
	return fmt.Sprintf("?if_seq_no=%d&if_primary_term=%d", h.SeqNo, h.Term)
}

func conflict(version, expect int64) error {
	switch {
	case version == 0:
		return fmt.Errorf("%w: it is not there, version %d was expected", docstore.ErrConflict, expect)
	case expect == 0:
		return fmt.Errorf("%w: it is there already, in version %d", docstore.ErrConflict, version)
	}
	return fmt.Errorf("%w: it has version %d, version %d was expected", docstore.ErrConflict, version, expect)
}

func (d *Driver) index(kind string) string { return "/" + url.PathEscape(d.prefix+kind) }

// path returns the path of a document.
func (d *Driver) path(k docstore.Key, what string) string {
	return d.index(k.Kind) + what + documentID(k)
}
