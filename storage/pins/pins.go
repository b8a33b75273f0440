package pins

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/storage"
)

// What can go wrong, besides the errors of packages docstore and storage.
var (
	// ErrInvalid is a holder, a hash or an option that makes no sense, or a file whose hash is another one.
	ErrInvalid = errors.New("invalid pin")
	// ErrReleased is a holder that was released while it put. Nothing of it is stored.
	ErrReleased = errors.New("the holder was released")
)

const (
	kind      = "pins"
	maxHolder = 200
)

// Options are the choices for pins.
type Options struct {
	// Tenant is that of the documents. Backends are shared by all tenants, and so is what is in them: it is
	// the same for all. If empty, "dhr".
	Tenant string
	// Lease is how long a deletion may take, before others do it again. Clocks must not differ by half as much. If zero, a minute.
	Lease time.Duration
	// Poll is how often Put looks whether a deletion has ended that it waits for. If zero, 50 ms.
	Poll time.Duration
	// Now is the clock. If nil, time.Now.
	Now func() time.Time
}

// Content says what is put.
type Content struct {
	// Name is that of the file, as of [storage.Store.Put].
	Name string
	// SHA256 is that of its bytes, in hex.
	SHA256 string
	// Options are for the storage. Scheme is required.
	Options storage.PutOptions
}

// A Hold is one holder of a content.
type Hold struct {
	Holder, SHA256, Scheme string
	// Putting is set until it is known that the file is stored.
	Putting bool
	// Ref may be empty while the holder is putting.
	Ref storage.Ref
	// Since is when the holder began to put.
	Since time.Time
}

// Pins store and delete files for holders. They may be used by several goroutines and processes at once.
type Pins struct {
	docs  *docstore.Store
	files *storage.Store
	opts  Options
}

// New returns pins over a document store and a storage, which stay the caller's. A nil opts means the defaults.
func New(docs *docstore.Store, files *storage.Store, opts *Options) *Pins {
	p := &Pins{docs: docs, files: files}
	if opts != nil {
		p.opts = *opts
	}
	if p.opts.Tenant == "" {
		p.opts.Tenant = "dhr"
	}
	if p.opts.Lease <= 0 {
		p.opts.Lease = time.Minute
	}
	if p.opts.Poll <= 0 {
		p.opts.Poll = 50 * time.Millisecond
	}
	if p.opts.Now == nil {
		p.opts.Now = time.Now
	}
	return p
}

// Put stores a file for a holder, such as "pb/exports/4711/1": a text that names only him, up to 200 bytes. If the holder
// has it already, that is its reference, and r is not read. If Put fails, nothing is held, unless the document store failed: then
// the holder puts again, or releases.
func (p *Pins) Put(ctx context.Context, holder string, r io.Reader, c *Content) (storage.Ref, error) {
	if c == nil {
		return "", fmt.Errorf("pins: put: %w: no content", ErrInvalid)
	}
	k, err := p.key(holder, c.SHA256, c.Options.Scheme)
	if err != nil {
		return "", fmt.Errorf("pins: put: %w", err)
	}
	attempt := rand.Text()
	had, err := p.announce(ctx, k, holder, attempt)
	if err != nil || had != "" {
		return had, wrap("put", err)
	}
	ref, err := p.files.Put(ctx, c.Name, newHashed(r, c), &c.Options)
	if err != nil {
		return "", wrap("put", errors.Join(err, p.withdraw(context.WithoutCancel(ctx), k, holder, attempt)))
	}
	ref, err = p.confirm(context.WithoutCancel(ctx), k, holder, ref)
	return ref, wrap("put", err)
}

// Release takes a holder out. When he was the last, the file is deleted. That he does not hold it is no error; what an
// earlier release could not delete is tried again. Where the product has no deletion, it is storage.ErrUnsupported, and nobody
// holds the file any more.
func (p *Pins) Release(ctx context.Context, holder, sha256, scheme string) error {
	k, err := p.key(holder, sha256, scheme)
	if err != nil {
		return fmt.Errorf("pins: release: %w", err)
	}
	err = p.update(ctx, k, func(s *state) error {
		s.remove(holder, "")
		return nil
	})
	if err == nil {
		err = p.collect(ctx, k)
	}
	return wrap("release", err)
}

// Holders returns who holds a content, in the order of their names.
func (p *Pins) Holders(ctx context.Context, sha256, scheme string) ([]Hold, error) {
	k, err := p.key("anybody", sha256, scheme)
	if err != nil {
		return nil, fmt.Errorf("pins: holders: %w", err)
	}
	s, _, err := p.get(ctx, k)
	if err != nil {
		return nil, wrap("holders", err)
	}
	var all []Hold
	for _, h := range s.Holders {
		all = append(all, h.hold(k))
	}
	return all, nil
}

// key returns under what a content is kept.
func (p *Pins) key(holder, sum, scheme string) (docstore.Key, error) {
	raw, err := hex.DecodeString(sum)
	switch {
	case holder == "" || len(holder) > maxHolder || !utf8.ValidString(holder) || containsControl(holder):
		return docstore.Key{}, fmt.Errorf("%w: %q is no holder", ErrInvalid, holder)
	case err != nil || len(raw) != 32:
		return docstore.Key{}, fmt.Errorf("%w: %q is no SHA-256", ErrInvalid, sum)
	case scheme == "":
		return docstore.Key{}, fmt.Errorf("%w: no scheme", ErrInvalid)
	}
	return docstore.Key{Tenant: p.opts.Tenant, Kind: kind, ID: scheme + ":" + hex.EncodeToString(raw)}, nil
}

func containsControl(s string) bool {
	for _, r := range s {
		if unicode.IsControl(r) {
			return true
		}
	}
	return false
}

func wrap(what string, err error) error {
	if err != nil {
		return fmt.Errorf("pins: %s: %w", what, err)
	}
	return nil
}

// announce writes that a holder is about to put, when no deletion is under way. If he has the file already, it returns its reference.
func (p *Pins) announce(ctx context.Context, k docstore.Key, holder, attempt string) (storage.Ref, error) {
	for {
		var had storage.Ref
		err := p.update(ctx, k, func(s *state) error {
			had = ""
			if h := s.holder(holder); h != nil && !h.Putting {
				had = h.Ref
				return errUnchanged
			}
			if s.Deleting != nil {
				return errDeleting
			}
			s.remove(holder, "")
			s.add(entry{Holder: holder, Putting: true, Attempt: attempt, Since: p.opts.Now().UTC()})
			return nil
		})
		if !errors.Is(err, errDeleting) {
			return had, err
		}
		if err := p.collect(ctx, k); err != nil { // which does it again if who did it is gone
			return "", err
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(p.opts.Poll):
		}
	}
}

// withdraw takes back what announce wrote, unless the holder has begun again meanwhile.
func (p *Pins) withdraw(ctx context.Context, k docstore.Key, holder, attempt string) error {
	err := p.update(ctx, k, func(s *state) error {
		s.remove(holder, attempt)
		return nil
	})
	if err != nil {
		return err
	}
	return p.collect(ctx, k)
}

// confirm writes the reference. If the holder has been released, or has got the file by another Put, what was stored goes.
func (p *Pins) confirm(ctx context.Context, k docstore.Key, holder string, ref storage.Ref) (storage.Ref, error) {
	var held storage.Ref
	var lost error
	err := p.update(ctx, k, func(s *state) error {
		held, lost = ref, nil
		switch h := s.holder(holder); {
		case h == nil:
			lost = fmt.Errorf("%w: %q", ErrReleased, holder)
			s.drop(ref)
		case h.Putting:
			h.Putting, h.Ref, h.Attempt = false, ref, ""
			s.claimed(ref)
		case h.Ref != ref:
			held = h.Ref
			s.drop(ref)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	err = p.collect(ctx, k)
	if lost != nil {
		return "", errors.Join(lost, err)
	}
	// The file is stored and held. What else there is to be deleted, the sweep deletes.
	return held, nil
}
