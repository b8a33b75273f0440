package audit

import (
	"context"
	"errors"
	"fmt"

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

// noteHead notes the end of the chain beside it, unless a later one is noted there.
func (l *Log) noteHead(ctx context.Context) error {
	body, err := encode(Head{Seq: l.tail.seq, Hash: l.tail.hash})
	if err != nil {
		return err
	}
	for {
		if l.head == nil {
			l.head, err = l.store.Get(ctx, headKey)
			switch {
			case errors.Is(err, docstore.ErrNotFound):
				l.head = &docstore.Document{Key: headKey}
			case err != nil:
				l.head = nil
				return err
			default:
				h, err := decodeHead(l.head)
				if err != nil {
					return err
				}
				if h.Seq >= l.tail.seq {
					return nil
				}
			}
		}
		next := &docstore.Document{Key: headKey, Body: body}
		l.head, err = l.store.Put(ctx, next, l.head.Version)
		if err == nil {
			return nil
		}
		l.head = nil
		if !errors.Is(err, docstore.ErrConflict) {
			return err
		}
	}
}
