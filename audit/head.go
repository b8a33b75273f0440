package audit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/digit-health/dhr/docstore"
)

// A Head is the end of a chain: how many entries it has, and the hash of the
// last. Kept where nobody can change it who can change the store, it proves of any later
// state of the chain that it begins with these entries.
type Head struct {
	Seq  int64  `json:"seq"`
	Hash string `json:"hash"`
}

var headKey = docstore.Key{Tenant: tenant, Kind: headKind, ID: headID}

// Head returns the end of the chain as it is now. That of an empty chain has Seq 0.
func (l *Log) Head(ctx context.Context) (Head, error) {
	end, err := l.readTail(ctx)
	if err != nil {
		return Head{}, fmt.Errorf("audit: head: %w", err)
	}
	return Head{Seq: end.seq, Hash: end.hash}, nil
}

// readHead returns the end of the chain as it is noted beside it; Seq is 0 if it is not.
func (l *Log) readHead(ctx context.Context) (Head, error) {
	d, err := l.store.Get(ctx, headKey)
	if errors.Is(err, docstore.ErrNotFound) {
		return Head{}, nil
	}
	if err != nil {
		return Head{}, err
	}
	return decodeHead(d)
}

func decodeHead(d *docstore.Document) (Head, error) {
	var h Head
	if err := decode(d.Body, &h); err != nil {
		return Head{}, fmt.Errorf("%w: the note of its end: %w", ErrBroken, err)
	}
	return h, nil
}

// A noting is the end of the chain on its way to the note beside it, in a goroutine of its own
// so that the next block need not wait for it. Of several ends that wait the last is noted: the first at
// once, and then one each notePause, since a note costs the store as much as a block does.
type noting struct {
	mu   sync.Mutex
	next *Head // to be noted, or nil
	busy bool  // somebody notes

	// Those that follow are used by who notes, alone.
	stored *docstore.Document // as far as we know, or nil
	err    error              // of the last time
}

// notePause is the time between two notes, and so how far the note can lie behind a chain that grows all the time.
const notePause = 100 * time.Millisecond

// noteHead has the end of the chain noted.
func (l *Log) noteHead(h Head) {
	n := &l.end
	n.mu.Lock()
	defer n.mu.Unlock()
	n.next = &h
	if !n.busy {
		n.busy = true
		l.running.Go(l.noteHeads)
	}
}

// noteHeads notes ends until there is none to note.
func (l *Log) noteHeads() {
	n := &l.end
	for {
		n.mu.Lock()
		h := n.next
		n.next, n.busy = nil, h != nil
		n.mu.Unlock()
		if h == nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), l.opts.Timeout)
		n.err = l.storeHead(ctx, h)
		cancel()
		select {
		case <-time.After(notePause):
		case <-l.closing:
		}
	}
}

// storeHead notes the end of the chain beside it, unless a later one is noted there.
func (l *Log) storeHead(ctx context.Context, end *Head) error {
	body, err := encode(end)
	if err != nil {
		return err
	}
	n := &l.end
	for {
		if n.stored == nil {
			n.stored, err = l.store.Get(ctx, headKey)
			switch {
			case errors.Is(err, docstore.ErrNotFound):
				n.stored = &docstore.Document{Key: headKey}
			case err != nil:
				n.stored = nil
				return err
			default:
				h, err := decodeHead(n.stored)
				if err != nil {
					return err
				}
				if h.Seq >= end.Seq {
					return nil
				}
			}
		}
		next := &docstore.Document{Key: headKey, Body: body}
		n.stored, err = l.store.Put(ctx, next, n.stored.Version)
		if err == nil {
			return nil
		}
		n.stored = nil
		if !errors.Is(err, docstore.ErrConflict) {
			return err
		}
	}
}
