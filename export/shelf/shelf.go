// Package shelf keeps the finished files of long work where they belong, for whoever makes such files: exports of records, exports
// of FHIR resources. It stores them, finds what killed workers have left, hands the files out and
// deletes them.
//
//	files := shelf.New(docs, store, &shelf.Options{Name: "exports", Keys: "export-keys"})
//	...
//	item, err := files.Put(ctx, &lease, file, "disk", nil)
//	...
//	r, err := files.Open(ctx, &shelf.Content{Item: item, Name: file.Name, Size: file.Size, SHA256: file.SHA256}, 0, -1)
//
// # What is never lost
//
// Who stores files keeps their Items, which are small JSON, in the document of the work. A worker may be killed between the two. Each lease
// therefore has a tag of its own, under which [Shelf.DeleteUnknown] finds what the work does not know of. Where equal files have
// one reference, as on IPFS, it is counted who holds them, and written before a file is stored that it is about to be: that is what
// the announcement of [Shelf.Put] is for.
//
// # Keys
//
// Sealed files of one piece of work have one key, a document. Who destroys it, destroys the files, wherever copies of them are.
package shelf

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/export/parts"
	"github.com/digit-health/dhr/storage"
	"github.com/digit-health/dhr/storage/pins"
)

// ErrDamaged is a file that is not what was stored.
var ErrDamaged = errors.New("the stored file is damaged")

// ErrNoKey is a sealed file whose key is destroyed.
var ErrNoKey = errors.New("its key is destroyed")

// Options are the choices for a shelf.
type Options struct {
	// Name begins the names of holders, where files are counted: no other shelf over the same documents has it. It is required.
	Name string
	// Keys is the kind of the documents that hold keys. It is required.
	Keys string
	// Pause is the time before a file is stored for the second time. If zero, 500 ms.
	Pause time.Duration
	// Now is the clock. If nil, time.Now.
	Now func() time.Time
}

// A Shelf keeps files. It may be used from several goroutines, and by several processes over one store.
type Shelf struct {
	docs  *docstore.Store
	files *storage.Store
	pins  *pins.Pins
	opts  Options
}

// New returns a shelf over documents and storage, which stay the caller's.
func New(docs *docstore.Store, files *storage.Store, opts *Options) *Shelf {
	s := &Shelf{docs: docs, files: files, opts: *opts, pins: pins.New(docs, files, &pins.Options{Now: opts.Now})}
	s.opts.Pause = cmp.Or(s.opts.Pause, 500*time.Millisecond)
	if s.opts.Now == nil {
		s.opts.Now = time.Now
	}
	return s
}

// A Lease is under what a worker stores files: that of a piece of work of a tenant, with the number of the lease.
type Lease struct {
	Tenant, Work string
	Fence        int64
}

// tag is under what a worker stores files. Since each lease has another one, who
// looks for what others have left finds nothing of those who came after him.
func (l *Lease) tag() string { return fmt.Sprintf("%s-%d", l.Work, l.Fence) }

// An Item says where a file is, or might be. The zero Item, but for its scheme, is that of an empty file, which is not stored.
type Item struct {
	Ref    storage.Ref `json:"ref,omitempty"`
	Scheme string      `json:"scheme"`
	// Holder and Stored are who holds it and the hash of its bytes, where files are counted.
	Holder string `json:"holder,omitempty"`
	Stored string `json:"stored,omitempty"`
}

// CID returns the content address of the file; "" where there is none.
func (i *Item) CID() string {
	if i.Scheme == "ipfs" {
		return i.Ref.ID()
	}
	return ""
}

// FileStoreID returns what DIGIT Filestore calls the file; "" elsewhere.
func (i *Item) FileStoreID() string {
	if i.Scheme != "filestore" {
		return ""
	}
	_, id, _ := strings.Cut(i.Ref.ID(), "/") // behind the tenant
	return id
}

// shared reports whether equal files have one reference in a storage, so that it is counted who holds them.
func shared(scheme string) bool { return scheme == "ipfs" }

// Public reports whether the world may look into a storage, so that what goes there is to be sealed.
func Public(scheme string) bool { return scheme == "ipfs" }

// putTries is how often a file is stored before Put fails.
const putTries = 4

// Put stores a finished file in the storage with this scheme, again if that does not answer, since the spool file is still there. Where files are
// counted, announce is called before with the Item as far as it is known: once it has returned nil, somebody will delete that if Put
// does not come to its end. The Item is returned with an error too, and is then to be deleted.
func (s *Shelf) Put(ctx context.Context, l *Lease, f *parts.File, scheme string, announce func(Item) error) (Item, error) {
	item := Item{Scheme: scheme}
	if f.Stored.Size == 0 { // some storages take no empty files, and there is nothing to take
		return item, nil
	}
	if shared(scheme) { // what is stored can be found by its hash alone
		item.Holder, item.Stored = fmt.Sprintf("%s/%s/%s/%d/%d", s.opts.Name, l.Tenant, l.Work, f.Number, l.Fence), f.Stored.SHA256
		if len(item.Holder) > maxHolder {
			sum := sha256.Sum256(fmt.Appendf(nil, "%q", item.Holder))
			item.Holder = s.opts.Name + "/" + hex.EncodeToString(sum[:])
		}
		if announce != nil {
			if err := announce(item); err != nil {
				return item, err
			}
		}
	}
	for try := 1; ; try++ {
		err := s.putOnce(ctx, l, f, &item)
		if err == nil || try == putTries || !errors.Is(err, storage.ErrUnavailable) {
			return item, err
		}
		if err := wait(ctx, time.Duration(try)*s.opts.Pause); err != nil {
			return item, err
		}
	}
}

// maxHolder is how long the name of a holder may be.
const maxHolder = 200

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

func (s *Shelf) putOnce(ctx context.Context, l *Lease, f *parts.File, item *Item) error {
	r, err := f.Open()
	if err != nil {
		return err
	}
	o := storage.PutOptions{Scheme: item.Scheme, Tenant: l.Tenant, ContentType: f.Stored.MediaType, Tag: l.tag(), Size: f.Stored.Size}
	if item.Holder != "" {
		item.Ref, err = s.pins.Put(ctx, item.Holder, r, &pins.Content{Name: f.Stored.Name, SHA256: f.Stored.SHA256, Options: o})
	} else {
		item.Ref, err = s.files.Put(ctx, f.Stored.Name, r, &o)
	}
	if closed := r.Close(); err == nil {
		err = closed
	}
	return err
}

// Sweep deletes what is to be deleted and could not be before: see [pins.Pins.Sweep].
func (s *Shelf) Sweep(ctx context.Context) error {
	var errs []error
	for _, err := range s.pins.Sweep(ctx, time.Hour) {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
