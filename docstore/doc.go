// Package docstore keeps small versioned JSON documents: saved filters,
// dashboards, users' preferences, export processes, audit blocks. A [Store] is
// what its users hold; a [Driver] is what stands behind it: SQLite or
// PostgreSQL (sqldoc), Elasticsearch or OpenSearch (esdoc), or memory (memdoc).
// All of them keep the same promises, which suite docstoretest checks.
//
//	store := docstore.New(memdoc.New())
//	key := docstore.Key{Tenant: "pb", Kind: "filters", ID: "fever"}
//	made, err := store.Put(ctx, &docstore.Document{
//		Key: key, Name: "Fever this week", Labels: []string{"owner:amara"},
//		Body: json.RawMessage(`{"jql": "diagnosis = fever"}`),
//	}, 0)
//
// # Writing
//
// A write names the version that it replaces, and fails with [ErrConflict]
// if that is no longer the one in the store: of two writers that read the same
// version one succeeds. A write is whole or not at all, and when it has returned
// nil it survives a crash of the process and of the machine. When it returns an
// error that is neither ErrConflict nor ErrNotFound nor ErrInvalid, such as
// ErrUnavailable or the context's, the document is as it was or as it was to be;
// who needs to know reads it. [Store.Update] reads, changes and writes until it succeeds.
//
// Versions count the writes of one document, and begin again at 1 when it was
// deleted and is made anew. A Change never comes back, and so is what a tag of
// HTTP may be made of.
//
// # Reading
//
// A read sees every write that returned before the read began, in whatever process
// that was. [Store.List] gives one page, in an order that is the same for every
// driver: text is ordered by code point. The next page begins behind a [Cursor], which
// needs no document to be there still. A document that is there unchanged while
// the pages are read is on exactly one of them; there is no snapshot of the whole.
//
// Listings in the order of changes are complete for who polls: once a listing
// [ByChange] has shown a document, no document with a smaller Change comes
// into being any more. A deleted document is no longer in any listing, also not in that of changes;
// who has to hear of an end marks the document, and deletes it later.
//
// # Tenants
//
// Every document belongs to a tenant. A question is of one tenant, unless it says
// AllTenants, which is for workers and sweepers and never for a request.
package docstore
