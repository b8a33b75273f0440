// Package pins counts who holds a stored file, so that it is deleted when nobody does any more.
//
// Backends with content addresses, such as IPFS, give equal files one reference: who deletes
// his own would delete that of others. [Pins] stores and deletes through a [storage.Store], and keeps in
// the document store who holds what.
//
//	ref, err := p.Put(ctx, "pb/exports/4711/1", file, &pins.Content{
//		Name: "fever.csv", SHA256: sum, Options: storage.PutOptions{Scheme: "ipfs", Tenant: "pb"},
//	})
//	…
//	err = p.Release(ctx, "pb/exports/4711/1", sum, "ipfs")
//
// # Order of steps
//
// There is one document for each content, under the hash of its bytes, which is known before it is stored, while its
// reference is not. Put writes there that the holder is about to store it; stores it; and writes the
// reference. Release takes the holder's name out; and who took out the last one marks the document, deletes
// the file, and deletes the document. Each of these is one write that names the version which it replaces.
//
// Whatever happens between two steps, and to however many holders at once, no file is deleted that somebody holds. What a
// process leaves that was killed on its way is found by [Pins.Sweep]: a file nobody holds is deleted then, and a
// holder who never came to his end is told, for him to put again or release.
package pins
