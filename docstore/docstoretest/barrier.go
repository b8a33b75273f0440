package docstoretest

import (
	"context"
	"sync/atomic"

	"github.com/digit-health/dhr/docstore"
)

// A Barrier is a driver in which new documents of a kind wait until so many are about to be kept: whoever has looked before has seen none of them.
type Barrier struct {
	docstore.Driver
	kind    string
	missing atomic.Int64
	opened  chan struct{}
}

// NewBarrier returns a Barrier over d for n documents of a kind.
func NewBarrier(d docstore.Driver, kind string, n int) *Barrier {
	b := &Barrier{Driver: d, kind: kind, opened: make(chan struct{})}
	b.missing.Store(int64(n))
	return b
}

// Put implements [docstore.Driver].
func (b *Barrier) Put(ctx context.Context, d *docstore.Document, expect int64) (*docstore.Document, error) {
	if d.Kind == b.kind && expect == 0 {
		if b.missing.Add(-1) == 0 {
			close(b.opened)
		}
		<-b.opened
	}
	return b.Driver.Put(ctx, d, expect)
}
