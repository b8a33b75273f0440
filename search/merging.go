package search

import (
	"context"
	"sync"

	"github.com/digit-health/dhr/jql/eval"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

const (
	// readTogether is how many indexes are read at once for one page.
	readTogether = 4
	// chunkRecords is the greatest number of records that are read of one of several
	// indexes at once, and mergedRecords about how many are kept of all of them.
	chunkRecords, mergedRecords, leastChunk = 1000, 8192, 50
)

// A merging joins the records of several indexes into one order. It reads them in
// chunks, to their end each, so that it holds nothing of the engine while it waits for
// something else of it.
type merging struct {
	driver Driver
	order  []plan.Sort
	heads  []*head
	skip   int
	after  [][]byte // for each index the keys of the last record that was shown
	last   *head    // of the record that next returned
}

// A head is the next record of one index.
type head struct {
	target *target
	read   *Read // of the next chunk
	rest   int   // how many more records are of interest
	size   int   // of a chunk
	chunk  []*record.Record
	record *record.Record // nil at the end
	keys   []record.Value
}

// merge begins to read a page.
func (x *Index) merge(ctx context.Context, r *resolved, token *pageToken, o PageOptions) (*merging, error) {
	m := &merging{driver: x.driver, order: r.order, skip: o.StartAt, after: make([][]byte, len(r.targets))}
	for i, t := range r.targets {
		h := &head{target: t, rest: o.StartAt + o.MaxResults + 1}
		h.read = &Read{Plan: t.plan, Columns: t.read}
		h.size = min(chunkRecords, max(leastChunk, mergedRecords/len(r.targets)))
		if len(r.targets) == 1 {
			h.read.Skip, h.rest, h.size, m.skip = o.StartAt, o.MaxResults+1, o.MaxResults+1, 0
		}
		if len(token.After) > 0 && len(token.After[i]) > 0 {
			keys, err := readKeys(token.After[i], len(t.plan.Order))
			if err != nil {
				return nil, err
			}
			h.read.After, m.after[i] = keys, token.After[i]
		}
		m.heads = append(m.heads, h)
	}
	return m, m.start(ctx)
}

// start reads the first chunk of every index, some at a time.
func (m *merging) start(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	heads := make(chan *head, len(m.heads))
	for _, h := range m.heads {
		heads <- h
	}
	close(heads)
	var all sync.WaitGroup
	var once sync.Once
	var first error
	for range min(readTogether, len(m.heads)) {
		all.Go(func() {
			for h := range heads {
				if err := h.advance(ctx, m.driver); err != nil {
					once.Do(func() { first = err }) // the others end with the context
					cancel(err)
					return
				}
			}
		})
	}
	all.Wait()
	return first
}

// advance steps to the next record of the index.
func (h *head) advance(ctx context.Context, d Driver) error {
	if len(h.chunk) == 0 && h.rest > 0 {
		if err := h.fill(ctx, d); err != nil {
			return err
		}
	}
	if len(h.chunk) == 0 {
		h.record = nil
		return nil
	}
	h.record = h.chunk[0]
	h.chunk[0], h.chunk = nil, h.chunk[1:]
	h.keys = h.target.order.Keys(h.keys[:0], h.record)
	return nil
}

// fill reads the next chunk.
func (h *head) fill(ctx context.Context, d Driver) error {
	if h.record != nil {
		h.read.After, h.read.Skip = h.target.order.Keys(nil, h.record), 0
	}
	h.read.Limit = min(h.rest, h.size)
	h.chunk = nil
	for r, err := range h.target.records(ctx, d, h.read) {
		if err != nil {
			return err
		}
		h.chunk = append(h.chunk, r.Clone())
	}
	h.rest -= len(h.chunk)
	if len(h.chunk) < h.read.Limit {
		h.rest = 0
	}
	return nil
}

// next returns the next record, which may be kept, and its index's target; a nil target is the end.
func (m *merging) next(ctx context.Context) (*target, *record.Record, error) {
	for {
		if m.last != nil {
			if err := m.last.advance(ctx, m.driver); err != nil {
				return nil, nil, err
			}
		}
		m.last = nil
		for _, h := range m.heads {
			if h.record != nil && (m.last == nil || eval.CompareKeys(m.order, h.keys, m.last.keys) < 0) {
				m.last = h
			}
		}
		if m.last == nil {
			return nil, nil, nil
		}
		if m.skip == 0 {
			return m.last.target, m.last.record, nil
		}
		m.skip--
		m.shown()
	}
}

// shown notes that the record which next returned is on the page, or before it.
func (m *merging) shown() {
	for i, h := range m.heads {
		if h == m.last {
			m.after[i] = appendKeys(nil, h.keys)
		}
	}
}
