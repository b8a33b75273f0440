package audit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/digit-health/dhr/docstore"
)

// A Log appends entries to the chain of a store, and reads it. It is safe for
// concurrent use, and several logs of several processes may append to one store.
type Log struct {
	store *docstore.Store
	opts  Options

	mu      sync.Mutex
	waiting []*appending
	busy    bool // somebody writes what waits
	closed  bool
	closing chan struct{} // closed when closed is set
	running sync.WaitGroup

	// Those that follow are used by who writes what waits, alone.
	known bool // that tail is the end of the chain, as far as we know
	tail  tail

	end noting
}

// Options are choices for [Open].
type Options struct {
	// Now is the clock. If nil, time.Now.
	Now func() time.Time
	// Timeout is how long the store may take to take a block. If zero, 30 s.
	Timeout time.Duration
}

// A tail is the end of the chain.
type tail struct {
	seq    int64
	hash   string
	latest time.Time
}

// An appending is an entry that waits to be stored.
type appending struct {
	ctx   context.Context
	entry Entry
	err   error
	over  chan struct{} // closed when err is known
}

// Open returns the log of a store. It reads nothing yet; a store without a chain
// has an empty one.
func Open(store *docstore.Store, opts *Options) *Log {
	l := &Log{store: store, closing: make(chan struct{})}
	if opts != nil {
		l.opts = *opts
	}
	if l.opts.Now == nil {
		l.opts.Now = time.Now
	}
	if l.opts.Timeout == 0 {
		l.opts.Timeout = 30 * time.Second
	}
	return l
}

// Append adds an entry to the end of the chain, and returns it as it was stored. When it
// returns nil, the entry is stored for good. After ErrInvalid and ErrClosed it is not stored;
// after other errors, such as that of ctx, it may be stored all the same.
func (l *Log) Append(ctx context.Context, e Entry) (Entry, error) {
	if err := e.check(); err != nil {
		return Entry{}, fmt.Errorf("audit: append: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return Entry{}, fmt.Errorf("audit: append: %w", err)
	}
	e.Detail = maps.Clone(e.Detail)
	a := &appending{ctx: ctx, entry: e, over: make(chan struct{})}
	if err := l.wait(a); err != nil {
		return Entry{}, fmt.Errorf("audit: append: %w", err)
	}
	select {
	case <-a.over:
	case <-ctx.Done():
		return Entry{}, fmt.Errorf("audit: append: %w", ctx.Err())
	}
	if a.err != nil {
		return Entry{}, fmt.Errorf("audit: append: %w", a.err)
	}
	stored := a.entry
	stored.Detail = maps.Clone(stored.Detail)
	return stored, nil
}

// wait has a wait to be written, and begins to write if nobody does.
func (l *Log) wait(a *appending) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ErrClosed
	}
	l.waiting = append(l.waiting, a)
	if !l.busy {
		l.busy = true
		l.running.Go(l.write)
	}
	return nil
}

// Waiting returns how many entries wait to be stored.
func (l *Log) Waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waiting)
}

// Close stores what waits, and has later entries refused. Closing twice is no error.
// The error is that the end of the chain could not be noted: all entries are stored, but that
// some of the last were cut off could not be seen.
func (l *Log) Close() error {
	l.mu.Lock()
	if !l.closed {
		l.closed = true
		close(l.closing)
	}
	l.mu.Unlock()
	l.running.Wait()
	if l.end.err != nil {
		return fmt.Errorf("audit: close: %w", l.end.err)
	}
	return nil
}

// write writes what waits, block after block, until nothing does.
func (l *Log) write() {
	for {
		batch := l.next()
		if len(batch) == 0 {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), l.opts.Timeout)
		stored := l.writeBlock(ctx, batch)
		for _, a := range batch {
			close(a.over)
		}
		cancel()
		if stored {
			l.noteHead(Head{Seq: l.tail.seq, Hash: l.tail.hash})
		}
	}
}

// next returns what is to be written next. If there is nothing, nobody writes any more.
func (l *Log) next() []*appending {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, bytes := 0, 0
	for n < len(l.waiting) && n < maxEntries {
		if bytes += l.waiting[n].entry.size(); n > 0 && bytes > maxBytes {
			break
		}
		n++
	}
	batch := append([]*appending(nil), l.waiting[:n]...)
	l.waiting = append([]*appending(nil), l.waiting[n:]...)
	l.busy = n > 0
	return batch
}

// size returns about how many bytes an entry takes in a block, and never too few: JSON writes
// a character that it escapes as two.
func (e *Entry) size() int {
	n := 400 + 2*(len(e.Tenant)+len(e.User)+len(e.Action)+len(e.Object)+len(e.Address))
	for name, value := range e.Detail {
		n += 16 + 2*(len(name)+len(value))
	}
	return n
}

// writeBlock writes entries as one block behind the end of the chain, wherever that is by now,
// and sets the error of each.
func (l *Log) writeBlock(ctx context.Context, batch []*appending) (stored bool) {
	live := batch[:0:0]
	for _, a := range batch {
		if a.err = a.ctx.Err(); a.err == nil {
			live = append(live, a)
		}
	}
	if len(live) == 0 {
		return false
	}
	err := l.tryBlock(ctx, live)
	for errors.Is(err, docstore.ErrConflict) && ctx.Err() == nil { // another process was faster
		l.known = false
		err = l.tryBlock(ctx, live)
	}
	if err != nil {
		l.known = false
		for _, a := range live {
			a.err = err
		}
	}
	return err == nil
}

// tryBlock writes entries as one block behind the end of the chain as it is known.
func (l *Log) tryBlock(ctx context.Context, live []*appending) error {
	if !l.known {
		var err error
		if l.tail, err = l.readTail(ctx); err != nil {
			return err
		}
		l.known = true
	}
	end, b := l.tail, &block{Format: format}
	for _, a := range live {
		now := l.opts.Now().UTC().Truncate(time.Microsecond)
		a.entry.seal(end.seq+1, end.hash, now)
		end.seq, end.hash = a.entry.Seq, a.entry.Hash
		if now.After(end.latest) {
			end.latest = now
		}
		b.Entries = append(b.Entries, a.entry)
	}
	b.Latest = end.latest
	d, err := b.document()
	if err != nil {
		return err
	}
	if _, err := l.store.Put(ctx, d, 0); err != nil {
		return err
	}
	l.tail = end
	return nil
}

// readTail returns where the chain is to go on. If its last entries are missing, that is behind
// them all the same, so that there is a gap for ever, which Verify finds.
func (l *Log) readTail(ctx context.Context) (tail, error) {
	head, err := l.readHead(ctx) // before the blocks, of which there may be more a moment later
	if err != nil {
		return tail{}, err
	}
	page, err := l.store.List(ctx, &docstore.Query{Tenant: tenant, Kind: kind, Descending: true, Limit: 1})
	if err != nil {
		return tail{}, err
	}
	end := tail{hash: genesis}
	if len(page) > 0 {
		b, err := decodeBlock(page[0])
		if err != nil {
			return tail{}, err
		}
		end = tail{seq: b.last().Seq, hash: b.last().Hash, latest: b.Latest}
	}
	if head.Seq > end.seq {
		end.seq, end.hash = head.Seq, head.Hash
	}
	return end, nil
}
