// Package storage keeps finished files where they belong: on disk, in DIGIT
// Filestore, on IPFS. A [Store] is what its users hold; a [Backend] is what
// stands behind it, and suite storagetest checks that each keeps the promises below.
//
//	files, err := storage.New(backend)
//	ref, err := files.Put(ctx, "fever.csv", file, &storage.PutOptions{Tenant: "pb", ContentType: "text/csv"})
//	…
//	r, err := files.Open(ctx, ref, 0, -1)
//	defer r.Close()
//
// # Writing
//
// A file is written once and never changed. Put reads it as a stream: whatever
// its size, the memory it takes is constant. When Put returns a reference, the whole
// file is there, and survives a crash of the process. When it returns an
// error, nothing can be read that was not there before; what a driver's product
// cannot take back, such as a Filestore without deletion, its package says.
//
// # References
//
// A [Ref] is a text such as "disk:pb/6f1c…-fever.csv". Only the part before the colon,
// the scheme, means something outside of the driver: it says which backend made it. A
// reference says nothing of who may read the file: who asks for files checks that
// before, and never takes a reference from a request.
//
// Backends with content addresses, such as IPFS, give equal files one reference,
// so that who deletes it counts first who else keeps it.
//
// # Reading
//
// Open reads the whole or a range. A reader that was cut off returns an error and never
// io.EOF. Context ends reading, as it ends everything else here.
//
// # Errors
//
// Errors wrap one of the sentinels below. [Class] names them as the API does:
// FILE_TOO_LARGE, STORAGE_FULL, INVALID_FORMAT, AUTH_FAILED and so on.
package storage
