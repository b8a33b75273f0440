package docstore

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
)

// A Store keeps documents through one driver. It checks, once for every
// driver, what is written and asked, and says in every error what was done.
// It is safe for concurrent use.
type Store struct {
	driver Driver
}

// New returns a Store over a driver, which stays the caller's, to be closed after the last call.
func New(d Driver) *Store { return &Store{driver: d} }

// Get returns a document as it is now, or ErrNotFound. It belongs to the caller.
func (s *Store) Get(ctx context.Context, k Key) (*Document, error) {
	if err := s.ready(ctx, k.check()); err != nil {
		return nil, fmt.Errorf("docstore: get: %w", err)
	}
	d, err := s.driver.Get(ctx, k)
	if err != nil {
		return nil, fmt.Errorf("docstore: get %v: %w", k, err)
	}
	return d, nil
}

// Put stores d, and returns it with its new Version and Change. Those of d do not
// count: if expect is 0, no document may be there; otherwise it must be there in version
// expect. If that is not so, the error is ErrConflict and nothing changes.
// d is left as it is.
func (s *Store) Put(ctx context.Context, d *Document, expect int64) (*Document, error) {
	clean, err := d.clean()
	if err == nil && expect < 0 {
		err = fmt.Errorf("%w: version %d is expected", ErrInvalid, expect)
	}
	if err := s.ready(ctx, err); err != nil {
		return nil, fmt.Errorf("docstore: put: %w", err)
	}
	stored, err := s.driver.Put(ctx, clean, expect)
	if err != nil {
		return nil, fmt.Errorf("docstore: put %v: %w", d.Key, err)
	}
	return stored, nil
}

// Delete removes a document that is there in version expect. If it is in
// another version, the error is ErrConflict; if it is not there, ErrNotFound.
func (s *Store) Delete(ctx context.Context, k Key, expect int64) error {
	err := k.check()
	if err == nil && expect < 1 {
		err = fmt.Errorf("%w: version %d is expected", ErrInvalid, expect)
	}
	if err := s.ready(ctx, err); err != nil {
		return fmt.Errorf("docstore: delete: %w", err)
	}
	if err := s.driver.Delete(ctx, k, expect); err != nil {
		return fmt.Errorf("docstore: delete %v: %w", k, err)
	}
	return nil
}

// maxTries is how often Update tries. Each time another writer has succeeded.
const maxTries = 1000

// Update has change change a document and stores it, again from the start
// when somebody else was faster. If no document is there, change gets
// one with a Key alone, whose Version is 0, and it is made. An error of change is
// returned as it is, and nothing is stored. change may be called several times, and must not
// change the key.
func (s *Store) Update(ctx context.Context, k Key, change func(d *Document) error) (*Document, error) {
	for try := 1; ; try++ {
		d, err := s.Get(ctx, k)
		if errors.Is(err, ErrNotFound) {
			d, err = &Document{Key: k}, nil
		}
		if err != nil {
			return nil, err
		}
		expect := d.Version
		if err := change(d); err != nil {
			return nil, err
		}
		if d.Key != k {
			return nil, fmt.Errorf("docstore: update %v: %w: its key was changed", k, ErrInvalid)
		}
		stored, err := s.Put(ctx, d, expect)
		if err == nil || !errors.Is(err, ErrConflict) || try == maxTries {
			return stored, err
		}
	}
}

// List returns one page of the documents that match q, which belong to the caller. There
// being fewer than q.Limit means that no more followed; the next page begins
// behind the last one's [Document.Cursor].
func (s *Store) List(ctx context.Context, q *Query) ([]*Document, error) {
	clean, err := q.clean()
	if err := s.ready(ctx, err); err != nil {
		return nil, fmt.Errorf("docstore: list: %w", err)
	}
	page, err := s.driver.List(ctx, clean)
	if err != nil {
		return nil, fmt.Errorf("docstore: list %s: %w", q.Kind, err)
	}
	return page, nil
}

// All yields every document that matches q, page after page of q.Limit documents. An
// error is the last pair. A document that somebody changes meanwhile may be seen twice or not at
// all, unless the order is ByChange, where it is seen at its new place.
func (s *Store) All(ctx context.Context, q *Query) iter.Seq2[*Document, error] {
	return func(yield func(*Document, error) bool) {
		clean, err := q.clean()
		if err != nil {
			yield(nil, fmt.Errorf("docstore: list: %w", err))
			return
		}
		for {
			page, err := s.List(ctx, clean)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, d := range page {
				clean.After = d.Cursor()
				if !yield(d, nil) {
					return
				}
			}
			if len(page) < clean.Limit {
				return
			}
		}
	}
}

// ready returns why nothing may be asked of the driver, if that is so.
func (s *Store) ready(ctx context.Context, complaint error) error {
	switch {
	case complaint != nil:
		return complaint
	case s == nil || s.driver == nil:
		return fmt.Errorf("%w: there is no driver", ErrUnavailable)
	}
	return ctx.Err()
}

// clean returns a copy of q with its defaults, for the driver and no one else.
func (q *Query) clean() (*Query, error) {
	if q == nil {
		return nil, fmt.Errorf("%w: no query", ErrInvalid)
	}
	if err := q.check(); err != nil {
		return nil, err
	}
	clean := *q
	if clean.Limit == 0 {
		clean.Limit = MaxPage
	}
	clean.Any = slices.Compact(slices.Sorted(slices.Values(q.Any)))
	if q.After != nil {
		after := *q.After
		if !q.AllTenants {
			after.Tenant = q.Tenant
		}
		clean.After = &after
	}
	return &clean, nil
}
