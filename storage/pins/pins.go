package pins

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/storage"
)

// ErrInvalid is a holder, a hash or an option that makes no sense, or content that is not that of the hash.
var ErrInvalid = errors.New("invalid pin")

// ErrBusy is a file that is being deleted at this moment, so that it cannot be put. The same succeeds later.
var ErrBusy = errors.New("the file is being deleted")

// Options are the choices for pins.
type Options struct {
	// Tenant is that of the documents, which are of all tenants, since backends are. If empty, "dhr".
	Tenant string
	// Lease is how long a deletion may take, before others do it again. If zero, a minute.
	Lease time.Duration
	// Now is the clock. If nil, time.Now.
	Now func() time.Time
}

// Content says what is put.
type Content struct {
	// Name is that of the file for people.
	Name string
	// SHA256 is that of its bytes, in hex.
	SHA256 string
	// Options are for the storage. Their Tenant is required, and so is here their Scheme.
	Options storage.PutOptions
}

// A Hold is one holder of a content.
type Hold struct {
	Holder, SHA256, Scheme string
	// Ref is empty while the holder is putting.
	Ref storage.Ref
	// Since is when the holder began to put.
	Since time.Time
}

// Pins store and delete files for holders. They may be used by several goroutines and processes at once.
type Pins struct{}

// New returns pins over a document store and a storage. A nil opts means the defaults.
func New(docs *docstore.Store, files *storage.Store, opts *Options) *Pins { return &Pins{} }

// Put stores a file for a holder, such as "pb/exports/4711/1": any text that names only him, up to 200 bytes. If the holder has
// it already, that is its reference, and r is not read. If Put fails, the holder may put again, or release what he
// does not have: it is not known then whether something was stored.
func (p *Pins) Put(ctx context.Context, holder string, r io.Reader, c *Content) (storage.Ref, error) {
	return "", ErrInvalid
}

// Release takes a holder out. When he was the last, the file is deleted. That he does not hold it is no error, so that a release may be done again.
func (p *Pins) Release(ctx context.Context, holder, sha256, scheme string) error { return ErrInvalid }

// Holders yields who holds a content, in the order of their names.
func (p *Pins) Holders(ctx context.Context, sha256, scheme string) ([]Hold, error) { return nil, ErrInvalid }

// Sweep deletes what is to be deleted and was not, since somebody was killed or the storage was away. It yields the holds
// that are older than age and still putting: their holders were killed on the way, or are slow.
func (p *Pins) Sweep(ctx context.Context, age time.Duration) iter.Seq2[Hold, error] {
	return func(func(Hold, error) bool) {}
}
