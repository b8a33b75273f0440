package sqldoc

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/digit-health/dhr/docstore"
)

// maxBatch is how many writes share one transaction.
const maxBatch = 64

// A batcher has the writes that wait for each other anyhow share one transaction, and
// so one synchronisation of the disk.
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

// runBatch runs writes in one transaction, and sets the error of each. What is refused, such as a
// conflict, has written nothing by then, and leaves the others. If the database fails at
// one of them, each is run in a transaction of its own.
func (d *Driver) runBatch(batch []*write) {
	live := batch[:0:0]
	for _, w := range batch {
		if w.err = w.ctx.Err(); w.err == nil {
			live = append(live, w)
		}
	}
	if len(live) == 0 {
		return
	}
	ctx := context.Background() // the end of one is not that of the others
	if len(live) == 1 {
		ctx = live[0].ctx
	}
	var failed *write
	err := d.begin(ctx, func(tx *sql.Tx) (err error) {
		failed, err = d.runAll(ctx, tx, live)
		return err
	})
	switch {
	case err == nil, errors.Is(err, errAllRefused):
	case failed != nil && len(live) > 1: // nothing of it is stored
		for _, w := range live {
			d.runBatch([]*write{w})
		}
	default:
		for _, w := range live {
			w.err = err
		}
	}
}

// errAllRefused is a transaction that has nothing to store.
var errAllRefused = fmt.Errorf("%w: every write is refused", docstore.ErrConflict)

// runAll does writes within a transaction. The error is that of the one that failed. Kinds are
// taken in their order, so that two processes do not wait for each other.
func (d *Driver) runAll(ctx context.Context, tx *sql.Tx, live []*write) (failed *write, err error) {
	slices.SortStableFunc(live, func(a, b *write) int { return cmp.Compare(a.key.Kind, b.key.Kind) })
	stored := 0
	for rest := live; len(rest) > 0; {
		n := slices.IndexFunc(rest, func(w *write) bool { return w.key.Kind != rest[0].key.Kind })
		if n < 0 {
			n = len(rest)
		}
		change, err := d.number(ctx, tx, rest[0].key.Kind, n)
		if err != nil {
			return rest[0], err
		}
		for _, w := range rest[:n] {
			w.err = d.run(ctx, tx, w, change)
			switch {
			case w.err == nil:
				stored++
			case !errors.Is(w.err, docstore.ErrConflict) && !errors.Is(w.err, docstore.ErrNotFound):
				return w, w.err
			}
			change++
		}
		rest = rest[n:]
	}
	if stored == 0 {
		return nil, errAllRefused
	}
	return nil, nil
}

// number takes the next n numbers of the changes of a kind, whose row stays locked until the end
// of the transaction, and returns the first.
func (d *Driver) number(ctx context.Context, tx *sql.Tx, kind string, n int) (int64, error) {
	var last, format int64
	err := d.scan(ctx, tx, numberText, []any{kind, n}, &last, &format)
	if err == nil && format != int64(len(migrations)) {
		err = newer(format)
	}
	return last - int64(n) + 1, err
}
