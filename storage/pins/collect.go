package pins

import (
	"context"
	"crypto/rand"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/storage"
)

// collect deletes what is loose of a content, unless somebody else does that just now, or is putting.
func (p *Pins) collect(ctx context.Context, k docstore.Key) error {
	for {
		me := rand.Text()
		refs, err := p.claim(ctx, k, me)
		if err != nil || len(refs) == 0 {
			return err
		}
		deleted, failed := p.delete(ctx, refs)
		err = p.update(context.WithoutCancel(ctx), k, func(s *state) error {
			if s.Deleting == nil || s.Deleting.By != me {
				return errUnchanged // it took too long, and somebody else does it
			}
			s.Deleting = nil
			s.Loose = slices.DeleteFunc(s.Loose, func(r storage.Ref) bool { return slices.Contains(deleted, r) })
			return nil
		})
		if err := errors.Join(failed, err); err != nil {
			return err
		}
	}
}

// claim marks a content as being deleted by me, and returns what is to be deleted.
func (p *Pins) claim(ctx context.Context, k docstore.Key, me string) ([]storage.Ref, error) {
	var refs []storage.Ref
	err := p.update(ctx, k, func(s *state) error {
		refs = nil
		now := p.opts.Now()
		if s.Deleting != nil && s.Deleting.Until.After(now) {
			return errUnchanged
		}
		if !s.deletable() {
			if s.Deleting == nil {
				return errUnchanged
			}
			s.Deleting = nil // of somebody who was killed
			return nil
		}
		refs = slices.Clone(s.Loose)
		s.Deleting = &claim{By: me, Until: now.Add(p.opts.Lease).UTC()}
		return nil
	})
	return refs, err
}

// delete deletes files, and returns those that need not be deleted again. It ends long before others take over.
func (p *Pins) delete(ctx context.Context, refs []storage.Ref) ([]storage.Ref, error) {
	ctx, cancel := context.WithTimeout(ctx, p.opts.Lease/2)
	defer cancel()
	var done []storage.Ref
	var failed error
	for _, ref := range refs {
		err := p.files.Delete(ctx, ref)
		if err == nil || errors.Is(err, storage.ErrUnsupported) {
			done = append(done, ref)
		}
		failed = errors.Join(failed, err)
	}
	return done, failed
}

// Sweep deletes what is to be deleted and was not, since somebody was killed or the storage was away. It yields the holds
// that have been putting for longer than age: their holders were killed on the way, or are slow. Who knows that one
// will not come back releases it. An error does not end it.
func (p *Pins) Sweep(ctx context.Context, age time.Duration) iter.Seq2[Hold, error] {
	return func(yield func(Hold, error) bool) {
		q := &docstore.Query{Tenant: p.opts.Tenant, Kind: kind, Any: []string{labelPutting, labelLoose}}
		for d, err := range p.docs.All(ctx, q) {
			if err == nil {
				err = p.collect(ctx, d.Key)
			}
			if err != nil {
				if !yield(Hold{}, wrap("sweep", err)) {
					return
				}
				if d == nil {
					return
				}
			}
			s, err := decode(d)
			if err != nil {
				if !yield(Hold{}, wrap("sweep", err)) {
					return
				}
				continue
			}
			for _, h := range s.Holders {
				if h.Putting && p.opts.Now().Sub(h.Since) > age && !yield(h.hold(d.Key), nil) {
					return
				}
			}
		}
	}
}
