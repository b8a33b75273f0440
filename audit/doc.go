// Package audit keeps what happened, who did it and when, so that nobody
// can change it afterwards without being found out. A [Log] stands over any
// document store:
//
//	log := audit.Open(store, nil)
//	defer log.Close()
//	_, err := log.Append(ctx, audit.Entry{
//		Tenant: "pb", User: "amara", Action: "query.run", Object: "health-data-visits", Address: "10.1.4.7", Count: 318,
//	})
//
// When Append has returned nil, the entry is stored for good. Entries that
// are appended at the same time are stored together, so that thousands a second are possible.
//
// # The chain
//
// Entries have the sequence numbers 1, 2, 3 and so on, and each has the hash of the one before it: its own
// Hash is the SHA-256 of that hash and of everything else in it. There is one chain for all tenants.
// Entries are kept in blocks, which are documents of the kind "audit" named by
// their first number and made only where no such block is there. Of two processes that append
// at once one is refused, and goes on behind the other; the chain never forks.
//
// [Log.Verify] walks the whole chain and finds an entry that was changed, added or taken away
// anywhere but at the end. That the last entries are missing the chain cannot show.
// Therefore the last number and hash are kept beside it, in a document of kind "audit-head", which is written a moment after
// the block, and ten times a second at most: a process that is killed may leave it behind the entries of a tenth of a second. That shows
// an end that was lost or cut off, unless whoever cut it off has changed that document as well. Who can
// write to the store can compute a whole new chain: that is shown only by a [Head] that was
// kept elsewhere, such as in the logs of another machine, and is given to Verify.
//
// # What an entry holds
//
// Names of things and numbers, never what a record says: the ids of user, tenant and object, an address,
// a count. No texts of queries, whose values may be personal data, no names of persons, no e-mail addresses
// unless they are the user ids.
// An audit log is kept long and read by few, but it is not the place that is looked after when
// a person asks to be forgotten.
package audit
