package shelf

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/digit-health/dhr/storage"
)

// Delete removes files. It does what it can, and returns the places of those that are left, from 0, with the reasons joined.
func (s *Shelf) Delete(ctx context.Context, items ...Item) (left []int, err error) {
	var errs []error
	for i := range items {
		item := &items[i]
		var err error
		switch {
		case item.Holder != "":
			err = s.pins.Release(ctx, item.Holder, item.Stored, item.Scheme)
		case item.Ref != "":
			err = s.files.Delete(ctx, item.Ref)
		}
		if err != nil {
			errs, left = append(errs, fmt.Errorf("file %d: %w", i+1, err)), append(left, i)
		}
	}
	return left, errors.Join(errs...)
}

// DeleteUnknown deletes what a storage has of a piece of work under the leases from one to that of l, besides the files that
// are to stay: what workers stored that were killed before they could say so. Where a storage does not find files by their tags, they stay.
func (s *Shelf) DeleteUnknown(ctx context.Context, l *Lease, from int64, scheme string, stay ...Item) error {
	known := make(map[storage.Ref]bool, len(stay))
	for i := range stay {
		known[stay[i].Ref] = true
	}
	var errs []error
	for fence := from; fence <= l.Fence; fence++ {
		one := Lease{Tenant: l.Tenant, Work: l.Work, Fence: fence}
		found, err := s.files.Find(ctx, scheme, l.Tenant, one.tag())
		if errors.Is(err, storage.ErrUnsupported) {
			return nil
		}
		errs = append(errs, err)
		for _, ref := range found {
			if !known[ref] {
				errs = append(errs, s.files.Delete(ctx, ref))
			}
		}
	}
	return errors.Join(errs...)
}

// Clear deletes all that is kept of a piece of work: its key first, if it is sealed, then the files, and whatever workers up to the lease have left
// besides. Where a storage cannot delete at all, the files stay, and kept says so.
func (s *Shelf) Clear(ctx context.Context, l *Lease, scheme string, sealed bool, items ...Item) (kept bool, err error) {
	if sealed {
		if err := s.DestroyKey(ctx, l.Tenant, l.Work); err != nil {
			return false, err
		}
	}
	left, err := s.Delete(ctx, items...)
	kept = len(left) > 0 && Undeletable(err)
	if err != nil && !kept {
		return false, err
	}
	stay := make([]Item, len(left))
	for i, at := range left {
		stay[i] = items[at]
	}
	return kept, s.DeleteUnknown(ctx, l, 1, scheme, stay...)
}

// Sum returns the hash of the hashes of files, one a line in hexadecimal, or "" if there are none.
func Sum(hashes ...string) string {
	if len(hashes) == 0 {
		return ""
	}
	h := sha256.New()
	for _, one := range hashes {
		_, _ = fmt.Fprintln(h, one) // a hash takes everything
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Undeletable reports whether err, of Delete, says of every file that its storage has no deletion at all.
func Undeletable(err error) bool {
	var all interface{ Unwrap() []error }
	if !errors.As(err, &all) {
		return errors.Is(err, storage.ErrUnsupported)
	}
	for _, one := range all.Unwrap() {
		if !errors.Is(one, storage.ErrUnsupported) {
			return false
		}
	}
	return true
}
