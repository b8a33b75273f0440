// Package search puts questions to an engine: it turns a query, and who asks
// it, into pages, scans and figures of records, the same ones whatever engine holds them.
//
// # Two faces
//
// Users hold an [Index], made by [New] from a [Driver] and an access.Policy:
//
//	index, err := search.New(driver, policy, nil)
//	...
//	page, err := index.Page(ctx, who, &search.Query{JQL: `diagnosis ~ malaria AND age < 5`}, nil)
//	for _, r := range page.Records {
//
// Authors of engines implement [Driver]. An Index gives a driver plans in which
// nothing is left to decide: the principal's scope is part of the condition,
// names are fields, times are instants. Everything that every engine would have to check is
// checked before, here, once: which indexes, records and fields the principal may see,
// the limits, the form of tokens, the time it may take. The driver's answers are those of
// package eval; the suite searchtest holds every driver to that.
//
// # What may be asked
//
//   - [Index.Page]: some records in the order of the query, by offset up to
//     10,000 and by token without end, with their exact or bounded total;
//   - [Index.Scan]: every record once, on a snapshot, in order or not, in
//     slices, going on at a checkpoint, perhaps in another process;
//   - [Index.Count], [Index.Aggregate], [Index.Suggest]: figures, buckets, values;
//   - [Index.Get]: one record by its id;
//   - [Index.Indexes], [Index.Schemas]: what there is.
//
// A query may be put to several indexes at once. Their records are merged into one order.
//
// # What a principal does not see
//
// An index that is not granted is unknown, with the same words as one that does
// not exist. A field that is hidden or masked cannot be asked about: a query, a group or a
// suggestion that names it is answered as if there were no such field. A masked field
// is among the columns, changed. Figures are of the records in the principal's scope.
//
// # Exact, or refused
//
// Counts, buckets, cardinalities and percentiles are exact on every engine, and a
// list of buckets that a limit has cut says how much is missing. Where an engine
// gives estimates, its driver asks otherwise; where it has only some shards, the answer
// is ErrPartial; where a snapshot has ended, ErrSnapshotLost. Sums and averages are float64, so that the last
// digits may depend on the order in which an engine adds.
//
// # Tokens
//
// The token of a page and the checkpoint of a scan are sealed with AES-GCM and
// bound to the principal and the question, with the instant that now() stood for. Nobody
// can read the sort keys in them, make one, or use another's.
package search
