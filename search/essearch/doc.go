// Package essearch answers questions from Elasticsearch 7.17, 8 and 9 and from
// OpenSearch 2 and 3.
//
// # Opening
//
// Open takes whatever can carry a request: an *elasticsearch.Client of any
// version, an elastictransport.Client, or what Dial makes for those who
// have neither. Nothing is asked of the cluster before the first
// question, so that a service starts while its cluster is down; the question
// then fails with search.ErrUnavailable, and the next one asks again.
//
//	transport, err := essearch.Dial(&essearch.Cluster{Hosts: []string{"https://es-1:9200", "https://es-2:9200"}, APIKey: key})
//	...
//	driver, err := essearch.Open(ctx, transport, nil)
//	...
//	schemas, err := driver.Schemas(ctx, "visits")
//
// Which product answers is found out once. Requests are plain JSON, without
// vendor media types, and no product is refused for its name.
//
// # Answers
//
// The documents of an answer are found in its bytes in one pass, as they come from
// the socket, and are read by package record from there; nothing becomes a map.
// Documents are always fetched whole: an engine that is asked for some
// fields of a document writes their numbers anew, 1.50 as 1.5 and
// 12345678901234567890 as 1.2345678901234567E19, and changes their order.
//
// An answer to which a shard did not contribute, or that the engine cut short, is refused
// (search.ErrPartial). What the engine's language cannot say is answered by
// package exact from the records that come nearest.
//
// # Order
//
// The engine orders by as many keys of the plan as it orders the way package eval does.
// Most often these are all; but many clusters refuse to order by _id, which ends
// every order of an index that declares no key of its own. Records that are
// equal in what the engine ordered by are then put in order here. There may
// be many of them, and no more are held than are asked for; a scan that would have to hold more than
// Options.Ties fails with search.ErrUnsupported.
//
// # Snapshots
//
// A snapshot is a point in time of the engine, kept alive until it is closed, however long its
// reader takes, and closed even if its context has ended. Its token is the engine's own, so that any process may open it again.
// One that the engine has lost is search.ErrSnapshotLost, never a fresh one.
//
// # Faults
//
// What may pass is tried again after a growing, random pause, or after the one
// that the cluster asks for: a full queue (429), a cluster that is starting (503), a
// connection that breaks. Dial's transport turns to another host meanwhile.
package essearch
