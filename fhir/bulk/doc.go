// Package bulk is the FHIR Bulk Data export as a service in Go, without HTTP: a kick-off goes in, files of FHIR resources come
// out, in the background. A [Service] is what a host holds:
//
//	exports, err := bulk.New(&bulk.Config{
//		Mappings: set.Mappings(), Files: files, Jobs: jobs, Spool: folder,
//	}, &bulk.Host{Index: index, Policy: policy, Store: store})
//	...
//	go jobs.Run(ctx)
//	e, err := exports.Start(ctx, who, &bulk.Request{
//		Level: bulk.PatientLevel, Parameters: map[string][]string{"_type": {"Patient,Observation"}},
//	})
//	...
//	for e, err := range exports.Watch(ctx, who, e.ID) {
//		...
//	}
//	m, err := exports.Manifest(ctx, who, e.ID, 0)
//	file, err := exports.OpenFile(ctx, who, e.ID, m.Output[0].Name)
//
// # The way of an export
//
// [Service.Start] checks who asks and what is asked, and keeps it as a job. A worker takes one step for each mapping: it opens a
// snapshot of its index, counts what is asked for, and writes one resource a line to files, each of which is stored as soon as it
// is finished. What was written and what could not be mapped must be what was counted, or the attempt has failed. A worker that
// dies is followed by another, which goes on behind the last file, on the same snapshot; if that is gone, the step, and
// only the step, begins anew. A step that sorts, since output is organized by patients or the latest Provenance is wanted, always does: what it has
// sorted lies in scratch files of the worker that died. Its files are on pages of a partial manifest when it is done, and not before.
//
// # What a manifest holds
//
// Nothing that was changed after the transaction time, which is that of the request, and everything up to it. A record
// that cannot be mapped is an OperationOutcome in an error file, with its id and the reason; so is a parameter that was ignored,
// and a resource type that was left out. Deletions are listed if it was asked since when, and if mappings know of deletions;
// otherwise nothing is said of them, since an empty list would say that there were none.
//
// Since when counts for all members of a group alike: of those who joined it later nothing older is exported. A record that does not say
// when it was changed is exported whatever is asked.
//
// # Levels and access
//
// At system level all resource types are exported, at the levels of patients and groups those of the Patient compartment, of the
// patients in question. The principal's own scope, that of the policy, restricts all of them: when it is asked, in the worker,
// and when a file is downloaded. An export needs [access.MayView] and [access.MayExport]. Without the latter,
// a principal whose attribute [Config.PatientAttribute] names patients may export what belongs to these. A resource type of which
// the principal may not see every field that its mapping reads is not exported, and that is said.
//
// An export is there for who asked for it and for administrators of the tenant: [Service.List] lists them. For all others it is not there.
//
// # Files
//
// Files are compressed where they lie, if nothing else is configured, and handed out as they are or plain, also in ranges. What goes to IPFS is sealed
// with a key of the export. They are deleted with the export, or when its time has come.
package bulk
