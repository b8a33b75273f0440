// Package memdoc keeps documents in memory, for tests and for a service that
// may forget. It is the reference of the other drivers.
//
//	store := docstore.New(memdoc.New())
package memdoc

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/digit-health/dhr/docstore"
)

// A Driver keeps documents in the memory of this process, until it ends.
type Driver struct {
	mu      sync.RWMutex
	kinds   map[string]map[docstore.Key]*docstore.Document
	changes map[string]int64 // of each kind, the last
}

var _ docstore.Driver = (*Driver)(nil)

// New returns an empty Driver. There is nothing to close.
func New() *Driver {
	return &Driver{kinds: map[string]map[docstore.Key]*docstore.Document{}, changes: map[string]int64{}}
}

// Get implements [docstore.Driver].
func (m *Driver) Get(ctx context.Context, k docstore.Key) (*docstore.Document, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	d := m.kinds[k.Kind][k]
	if d == nil {
		return nil, docstore.ErrNotFound
	}
	return clone(d), nil
}

// Put implements [docstore.Driver].
func (m *Driver) Put(ctx context.Context, d *docstore.Document, expect int64) (*docstore.Document, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	documents := m.kinds[d.Kind]
	if err := conflict(documents[d.Key], expect); err != nil {
		return nil, err
	}
	if documents == nil {
		documents = map[docstore.Key]*docstore.Document{}
		m.kinds[d.Kind] = documents
	}
	m.changes[d.Kind]++
	stored := clone(d)
	stored.Version, stored.Change = expect+1, m.changes[d.Kind]
	documents[d.Key] = stored
	return clone(stored), nil
}

// Delete implements [docstore.Driver].
func (m *Driver) Delete(ctx context.Context, k docstore.Key, expect int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.kinds[k.Kind][k]
	if d == nil {
		return docstore.ErrNotFound
	}
	if err := conflict(d, expect); err != nil {
		return err
	}
	delete(m.kinds[k.Kind], k)
	return nil
}

// List implements [docstore.Driver].
func (m *Driver) List(ctx context.Context, q *docstore.Query) ([]*docstore.Document, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	compare := orders[q.Order]
	if q.Descending {
		up := compare
		compare = func(a, b *docstore.Document) int { return up(b, a) }
	}
	var after *docstore.Document
	if c := q.After; c != nil {
		after = &docstore.Document{Key: docstore.Key{Tenant: c.Tenant, ID: c.ID}, Name: c.Name, Change: c.Change}
	}
	var page []*docstore.Document
	for _, d := range m.kinds[q.Kind] {
		if matches(d, q) && (after == nil || compare(d, after) > 0) {
			page = append(page, d)
		}
	}
	slices.SortFunc(page, compare)
	page = slices.Clone(page[:min(len(page), q.Limit)])
	for i, d := range page {
		page[i] = clone(d)
	}
	return page, nil
}

// conflict returns the error if d, or nil for none, is not in the version that is expected.
func conflict(d *docstore.Document, expect int64) error {
	switch {
	case d == nil && expect == 0, d != nil && d.Version == expect:
		return nil
	case d == nil:
		return fmt.Errorf("%w: it is not there, version %d was expected", docstore.ErrConflict, expect)
	case expect == 0:
		return fmt.Errorf("%w: it is there already, in version %d", docstore.ErrConflict, d.Version)
	}
	return fmt.Errorf("%w: it has version %d, version %d was expected", docstore.ErrConflict, d.Version, expect)
}

func matches(d *docstore.Document, q *docstore.Query) bool {
	if !q.AllTenants && d.Tenant != q.Tenant {
		return false
	}
	return len(q.Any) == 0 || slices.ContainsFunc(q.Any, func(label string) bool { return slices.Contains(d.Labels, label) })
}

var orders = map[docstore.Order]func(a, b *docstore.Document) int{
	docstore.ByID: compareIDs,
	docstore.ByName: func(a, b *docstore.Document) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), compareIDs(a, b))
	},
	docstore.ByChange: func(a, b *docstore.Document) int { return cmp.Compare(a.Change, b.Change) },
}

func compareIDs(a, b *docstore.Document) int {
	return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Tenant, b.Tenant))
}

func clone(d *docstore.Document) *docstore.Document {
	c := *d
	c.Labels, c.Body = slices.Clone(d.Labels), bytes.Clone(d.Body)
	return &c
}
