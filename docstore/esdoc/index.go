package esdoc

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/digit-health/dhr/docstore"
)

// format is that of the documents and of the mapping; a newer one is refused.
const format = 1

// mapping is what an index of documents is made with.
const mapping = `{
  "settings": {
    "number_of_shards": 1,
    "auto_expand_replicas": "0-1",
    "index.translog.durability": "request"
  },
  "mappings": {
    "dynamic": false,
    "_meta": {"dhr": {"documents": 1}},
    "properties": {
      "tenant": {"type": "keyword"},
      "id": {"type": "keyword"},
      "name": {"type": "keyword"},
      "labels": {"type": "keyword"},
      "version": {"type": "long"},
      "write": {"type": "keyword", "index": false, "doc_values": false},
      "body": {"type": "object", "enabled": false}
    }
  }
}`

// check tells whether there is an index for a kind. One that is none of ours, or of a
// later version, is an error.
func (d *Driver) check(ctx context.Context, kind string) (there bool, err error) {
	d.mu.Lock()
	there = d.ready[kind]
	d.mu.Unlock()
	if there {
		return true, nil
	}
	var answer map[string]struct {
		Mappings struct {
			Meta struct {
				DHR struct {
					Documents int `json:"documents"`
				} `json:"dhr"`
			} `json:"_meta"`
		} `json:"mappings"`
	}
	err = d.do(ctx, &call{method: http.MethodGet, path: d.index(kind) + "/_mapping"}, &answer)
	if is(err, http.StatusNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for name, index := range answer {
		switch found := index.Mappings.Meta.DHR.Documents; {
		case found < 1:
			return false, fmt.Errorf("%w: the index %q is none of DHR's documents", docstore.ErrCorrupt, name)
		case found > format:
			return false, fmt.Errorf("%w: the index %q has version %d, and this program knows versions up to %d: start the program that changed it or a later one",
				docstore.ErrNewer, name, found, format)
		}
	}
	if len(answer) != 1 {
		return false, fmt.Errorf("%w: %q stands for %d indexes", docstore.ErrCorrupt, d.prefix+kind, len(answer))
	}
	d.mu.Lock()
	d.ready[kind] = true
	d.mu.Unlock()
	return true, nil
}

// create makes the index of a kind if it is not there.
func (d *Driver) create(ctx context.Context, kind string) error {
	if there, err := d.check(ctx, kind); err != nil || there {
		return err
	}
	err := d.do(ctx, &call{method: http.MethodPut, path: d.index(kind), body: []byte(mapping)}, nil)
	var e *Error
	if errors.As(err, &e) && (e.Type == "resource_already_exists_exception" || e.Type == "index_already_exists_exception") {
		err = nil // another process was faster
	}
	if err != nil {
		return err
	}
	there, err := d.check(ctx, kind)
	if err == nil && !there {
		err = fmt.Errorf("%w: the index %q is gone as soon as it is made", docstore.ErrUnavailable, d.prefix+kind)
	}
	return err
}

// documentID returns the _id of a document: tenant and ID with a colon between them where both are
// plain, so that people find them, else encoded. Either way it needs no escape in a path,
// which proxies change, and has less than 512 bytes.
func documentID(k docstore.Key) string {
	if plain(k.Tenant) && plain(k.ID) {
		return k.Tenant + ":" + k.ID
	}
	e := base64.RawURLEncoding
	return "~" + e.EncodeToString([]byte(k.Tenant)) + ":" + e.EncodeToString([]byte(k.ID))
}

func plain(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
	})
}

// A search is the body of a request for documents.
type search map[string]any

// List implements [docstore.Driver].
func (d *Driver) List(ctx context.Context, q *docstore.Query) ([]*docstore.Document, error) {
	if there, err := d.check(ctx, q.Kind); err != nil || !there {
		return nil, err
	}
	filters := []any{}
	if !q.AllTenants {
		filters = append(filters, search{"term": search{"tenant": q.Tenant}})
	}
	if len(q.Any) > 0 {
		filters = append(filters, search{"terms": search{"labels": q.Any}})
	}
	if q.Order == docstore.ByChange {
		last, err := d.settled(ctx, q.Kind)
		if err != nil {
			return nil, err
		}
		filters = append(filters, search{"range": search{"_seq_no": search{"lte": last}}})
	}
	if err := d.do(ctx, &call{method: http.MethodPost, path: d.index(q.Kind) + "/_refresh"}, &refreshed{}); err != nil {
		return nil, err
	}
	body := search{
		"size": q.Limit, "seq_no_primary_term": true, "track_total_hits": false,
		"query": search{"bool": search{"filter": filters}},
	}
	order(q, body)
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	var answer struct {
		TimedOut bool `json:"timed_out"`
		Hits     struct {
			Hits []hit `json:"hits"`
		} `json:"hits"`
	}
	err = d.do(ctx, &call{method: http.MethodPost, path: d.index(q.Kind) + "/_search?allow_partial_search_results=false", body: text}, &answer)
	if err == nil && answer.TimedOut {
		err = fmt.Errorf("%w: the search was ended before it was whole", docstore.ErrUnavailable)
	}
	if err != nil {
		return nil, err
	}
	var page []*docstore.Document
	for i := range answer.Hits.Hits {
		doc, err := answer.Hits.Hits[i].document(q.Kind)
		if err != nil {
			return nil, err
		}
		page = append(page, doc)
	}
	return page, nil
}

// order puts the order and the place behind which to begin into a search.
func order(q *docstore.Query, body search) {
	direction := "asc"
	if q.Descending {
		direction = "desc"
	}
	after := q.After
	if after == nil {
		after = &docstore.Cursor{}
	}
	var sort, place []any
	by := func(field string, value any) {
		sort, place = append(sort, search{field: direction}), append(place, value)
	}
	switch q.Order {
	case docstore.ByChange:
		by("_seq_no", after.Change-1)
	case docstore.ByName:
		by("name", after.Name)
		fallthrough
	default:
		by("id", after.ID)
		by("tenant", after.Tenant)
	}
	body["sort"] = sort
	if q.After != nil {
		body["search_after"] = place
	}
}
