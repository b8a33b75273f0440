// Package process makes exports: a question goes in, finished files come out, in the background. A [Service] is what
// a host holds:
//
//	exports, err := process.New(&process.Config{
//		Formats: []*export.Format{export.CSV()}, Files: files, Jobs: jobs, Spool: folder,
//	}, &process.Host{Index: index, Policy: policy, Store: store})
//	...
//	go jobs.Run(ctx)
//	p, err := exports.Start(ctx, who, &process.Request{JQL: "age < 5", Format: "csv"}, nil)
//	...
//	for p, err := range exports.Watch(ctx, who, p.ID) {
//		...
//	}
//	file, err := exports.OpenFile(ctx, who, p.ID, 1)
//
// # The way of an export
//
// [Service.Start] checks who asks and what is asked, and keeps the request as a job: [Process] is how its owner sees it. A worker
// opens a snapshot, counts its records, and writes them to parts, each of which is stored as soon as it is
// finished; then it is stored which parts there are and where the scan stands. When everything is written, it must be what was counted. Only then the process is completed,
// and its files are there for download, until they expire.
//
// # What is never mixed
//
// A worker that dies, or whose engine or storage does not answer, is followed by another, which goes on behind the last part that is
// stored, on the same snapshot. If the snapshot is gone, or if the principal sees something else of the
// records by now, the parts are deleted and everything begins anew: the files of an export are always of one snapshot and one sight.
// After some attempts the process has failed, with a reason in words for people, and nothing of it is stored.
//
// A file that a worker stored just before it was killed is found by its tag, and deleted, by whoever follows. Where
// the storage does not find files by tags, it stays; where it is sealed, nobody can read it after the key's end.
//
// # Access
//
// Who asks needs [access.MayView] and [access.MayExport] when it asks; the principal who asked, as it was then, needs them when the work is done, under
// the policy of that time; and so does who downloads. A file is downloaded by its owner or by an administrator of the tenant, and
// by nobody who sees less now than the file holds: fewer records of one of its indexes, or a column less plainly. That is decided by comparing
// conditions, not records, and in doubt against who asks: a role that gives the same records in other words makes a new export necessary.
// To all others an export is not there.
//
// # Sealed files
//
// What goes to IPFS is sealed with age, with a key for each export, which is a document of the kind export-keys. Download
// opens it. When the export is deleted or expires, the key is destroyed first, and with it the files, wherever copies of them are.
//
// # Same question, same bytes
//
// An export with an order comes in that order; one without in the engine's own, which is the same as long as nothing is loaded. No
// file says when it was made, but as of when the question was asked: the same request with the same as_of makes the
// same bytes.
package process
