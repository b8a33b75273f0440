package search

import (
	"context"
	"iter"
	"sync"

	"github.com/digit-health/dhr/jql/eval"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// A merging joins the records of several indexes into one order. It holds one
// record of each at a time.
type merging struct {
	order []plan.Sort
	heads []*head
	skip  int
	after [][]byte // for each index the keys of the last record that was shown
	last  *head    // of the record that next returned
}

// A head is the next record of one index.
type head struct {
	target *target
	pull   func() (*record.Record, error, bool)
	halt   func()
	record *record.Record // nil at the end
	keys   []record.Value
	err    error
}

// merge begins to read a page. The caller stops it.
func (x *Index) merge(ctx context.Context, r *resolved, token *pageToken, o PageOptions) (*merging, error) {
	m := &merging{order: r.order, skip: o.StartAt, after: make([][]byte, len(r.targets))}
	for i, t := range r.targets {
		read := &Read{Plan: t.plan, Columns: t.read, Limit: o.StartAt + o.MaxResults + 1}
		if len(r.targets) == 1 {
			read.Skip, read.Limit, m.skip = o.StartAt, o.MaxResults+1, 0
		}
		if len(token.After) > 0 && len(token.After[i]) > 0 {
			keys, err := readKeys(token.After[i], len(t.plan.Order))
			if err != nil {
				m.stop()
				return nil, err
			}
			read.After, m.after[i] = keys, token.After[i]
		}
		m.heads = append(m.heads, newHead(t, t.records(ctx, x.driver, read)))
	}
	var all sync.WaitGroup
	for _, h := range m.heads {
		all.Go(h.advance)
	}
	all.Wait()
	return m, nil
}

func newHead(t *target, records record.Stream) *head {
	h := &head{target: t}
	h.pull, h.halt = iter.Pull2(records)
	return h
}

// advance steps to the next record of the index.
func (h *head) advance() {
	r, err, more := h.pull()
	switch {
	case !more:
		h.record = nil
	case err != nil:
		h.record, h.err = nil, err
	default:
		h.record = r
		h.keys = h.target.order.Keys(h.keys[:0], r)
	}
}

// next returns the next record and its index's target; a nil target is the end.
func (m *merging) next() (*target, *record.Record, error) {
	for {
		if m.last != nil {
			m.last.advance()
		}
		m.last = nil
		for _, h := range m.heads {
			if h.err != nil {
				return nil, nil, h.err
			}
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

func (m *merging) stop() {
	for _, h := range m.heads {
		h.halt()
	}
}
