package docstore

import (
	"context"
	"encoding/json"
	"fmt"
)

// A Driver keeps documents. Authors of drivers implement it; users hold a
// [Store], which checks keys, documents and queries before it asks, so that a
// driver checks none of them.
//
// It may be used by several goroutines at once, and several drivers, also of several
// processes, may have the same store open. When the context has ended, the error is the
// context's. Errors wrap one of the sentinels of this package where one fits,
// and hold the engine's own error beside it.
type Driver interface {
	// Get returns a document as it is now, or ErrNotFound.
	Get(ctx context.Context, k Key) (*Document, error)

	// Put stores d, and returns it with its new Version and Change; those of d do
	// not count. If expect is 0, no document may be there; otherwise it must be there in
	// version expect. If that is not so, the error is ErrConflict and nothing
	// changes. When Put returns nil, the document is stored for good.
	// The driver keeps no reference to d.
	Put(ctx context.Context, d *Document, expect int64) (*Document, error)

	// Delete removes a document that is there in version expect. If it is in
	// another version, the error is ErrConflict; if it is not there, ErrNotFound.
	Delete(ctx context.Context, k Key, expect int64) error

	// List returns the first documents, at most q.Limit, that match q and
	// stand behind q.After. There being fewer than q.Limit means that no more followed.
	List(ctx context.Context, q *Query) ([]*Document, error)
}

// A Key names a document.
type Key struct {
	// Tenant is whose the document is: 1 to 100 bytes.
	Tenant string
	// Kind is what it is: "filters", "dashboards", "exports". Up to 64
	// lower-case letters of ASCII, digits and single hyphens between them, a letter first.
	Kind string
	// ID is unique within tenant and kind: 1 to 200 bytes.
	ID string
}

// String returns the key for a person to read.
func (k Key) String() string { return fmt.Sprintf("%s %q of tenant %q", k.Kind, k.ID, k.Tenant) }

// A Document is one JSON object with what it is found by. Tenant, ID, Name and labels
// are UTF-8 without control characters.
type Document struct {
	Key
	// Version is 1 when the document is made, and one more with every write.
	Version int64
	// Change is the place of this version in the order of changes of its kind, of
	// all tenants: the greater, the later. It is positive.
	Change int64
	// Name is by what listings are ordered, up to 1,000 bytes. It may be empty.
	Name string
	// Labels are by what listings choose, such as "owner:amara" or
	// "group:district-12": a set of at most 1,000, each of 1 to 300 bytes. A store
	// returns them in order.
	Labels []string
	// Body is one JSON object, of at most MaxBody bytes, whose names are
	// unique, nested at most 100 deep. It is kept byte for byte, up to white space around it.
	Body json.RawMessage
}

// MaxBody is the greatest number of bytes of a [Document]'s Body.
const MaxBody = 1 << 20

// Cursor returns the place of d in every order.
func (d *Document) Cursor() *Cursor {
	return &Cursor{Name: d.Name, ID: d.ID, Tenant: d.Tenant, Change: d.Change}
}

// A Cursor is a place in a listing, of which it depends on the order what counts. It
// names no secret, but whoever hands it out binds it to the question.
type Cursor struct {
	Name   string `json:"name,omitempty"`
	ID     string `json:"id,omitempty"`
	Tenant string `json:"tenant,omitempty"`
	Change int64  `json:"change,omitempty"`
}

// An Order is how a listing is ordered. Text goes by code point.
type Order int

// The orders of listings.
const (
	ByID     Order = iota // by ID, then Tenant
	ByName                // by Name, then ID, then Tenant
	ByChange              // by Change
)

// A Query asks for documents of one kind.
type Query struct {
	// Tenant is whose documents are asked for: exactly this tenant's.
	Tenant string
	// AllTenants asks for those of every tenant instead; Tenant is empty then.
	AllTenants bool
	// Kind is that of the documents.
	Kind string
	// Any asks for documents with at least one of these labels, of which there may be
	// 1,000. If empty, every document is asked for.
	Any []string
	// Order is the order, from the smallest on, or from the greatest if Descending is set.
	Order      Order
	Descending bool
	// After is the place behind which the listing begins. If nil, at its start.
	After *Cursor
	// Limit is the greatest number of documents, up to MaxPage. If zero, MaxPage.
	// A driver always gets a positive one.
	Limit int
}

// MaxPage is the greatest number of documents that [Store.List] returns.
const MaxPage = 1000
