// Package esdoc keeps the documents of package docstore in Elasticsearch, from
// 7.17 to 9, or in OpenSearch 2 and 3, for installations whose only database that is.
//
//	d, err := esdoc.Open(ctx, transport, nil)
//	if err != nil {
//		return err
//	}
//	store := docstore.New(d)
//
// The transport is anything that performs requests, such as an *elasticsearch.Client. There
// is nothing to close.
//
// # Indexes
//
// Each kind of documents has an index, dhr-config-filters for filters, which is made with its first
// document. It has one primary shard, since the order of changes is that of
// its operations (_seq_no), and as many copies as there are nodes for, up to one. Its
// fields are tenant, id, name, labels and version, and the body as it is, not indexed. An index
// must not be made anew from another one (_reindex, restoring under another name) while there are readers who
// poll for changes: its changes are counted anew.
//
// # Reading
//
// Get reads the newest version, refreshed or not. List refreshes the index first, so that it sees the
// writes of every process; that costs some milliseconds, more than in an SQL database.
//
// # Rights
//
// On the indexes: create_index, index, delete, read, maintenance (refresh) and monitor (stats and mapping).
package esdoc
