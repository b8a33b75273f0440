package sqldoc

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"sync"

	"github.com/digit-health/dhr/docstore"
)

// maxBatch is how many writes share one transaction.
const maxBatch = 64

// A batcher has the writes that wait for each other anyhow share one transaction, and
// so one synchronisation of the disk. Each has a savepoint, so that one that fails leaves the others.
type batcher struct {
	mu      sync.Mutex
	waiting []*write
	busy    bool // somebody runs what waits
	closed  bool
	running sync.WaitGroup
}

// close has later writes fail, and waits for the earlier ones.
func (b *batcher) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.running.Wait()
}

// add has w wait for its turn, and tells whether somebody must begin to run what waits.
func (b *batcher) add(w *write) (lead bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false, fmt.Errorf("%w: it is closed", docstore.ErrUnavailable)
	}
	b.waiting = append(b.waiting, w)
	lead, b.busy = !b.busy, true
	if lead {
		b.running.Add(1)
	}
	return lead, nil
}

// next returns the writes to be run next. If there are none, nobody runs any more.
func (b *batcher) next() []*write {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := min(len(b.waiting), maxBatch)
	batch := slices.Clone(b.waiting[:n])
	b.waiting = slices.Delete(b.waiting, 0, n)
	b.busy = n > 0
	return batch
}

// A write is one document to be written.
type write struct {
	ctx  context.Context
	key  docstore.Key
	do   func(t *transaction) error
	err  error
	over chan struct{} // closed when err is known
}

// submit runs a write, alone or with others, and returns once it is stored for good or
// has failed. If ctx ends first, it is not known which.
func (d *Driver) submit(ctx context.Context, k docstore.Key, do func(t *transaction) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w := &write{ctx: ctx, key: k, do: do, over: make(chan struct{})}
	lead, err := d.batch.add(w)
	if err != nil {
		return err
	}
	if lead {
		go d.runBatches()
	}
	select {
	case <-w.over:
		return w.err
	case <-ctx.Done():
	}
	select {
	case <-w.over:
		return w.err
	default:
		return ctx.Err()
	}
}

// runBatches runs what waits, until nothing does.
func (d *Driver) runBatches() {
	defer d.batch.running.Done()
	for batch := d.batch.next(); len(batch) > 0; batch = d.batch.next() {
		d.runBatch(batch)
		for _, w := range batch {
			close(w.over)
		}
	}
}

// runBatch runs writes in one transaction, and sets the error of each. Kinds are taken
// in their order, so that two processes do not wait for each other.
func (d *Driver) runBatch(batch []*write) {
	slices.SortStableFunc(batch, func(a, b *write) int { return cmp.Compare(a.key.Kind, b.key.Kind) })
	live := batch[:0:0]
	for _, w := range batch {
		if w.err = w.ctx.Err(); w.err == nil {
			live = append(live, w)
		}
	}
	if len(live) == 1 {
		w := live[0]
		w.err = d.begin(w.ctx, func(tx *sql.Tx) error { return d.run(w.ctx, tx, w) })
		return
	}
	ctx := context.Background() // that of one is not that of the others
	apart := false
	err := d.begin(ctx, func(tx *sql.Tx) error {
		for _, w := range live {
			if err := d.runWithin(ctx, tx, w); err != nil {
				apart = true // nothing of it will be stored
				return err
			}
		}
		apart = false
		return nil
	})
	switch {
	case err == nil:
	case apart:
		for _, w := range live {
			d.runBatch([]*write{w})
		}
	default:
		for _, w := range live {
			w.err = err
		}
	}
}
