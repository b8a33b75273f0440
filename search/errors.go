package search

import "errors"

// What can go wrong. Errors of an Index and of drivers wrap one of these, to be
// found by errors.Is, and say more in their text.
var (
	// ErrUnknownIndex is the answer for an index that is not there, and the same
	// for one that the principal may not see.
	ErrUnknownIndex = errors.New("unknown index")
	// ErrUnknownField is the answer for a field that is not there or that the
	// principal may not see, where it was asked for outside of a query.
	// In a query it is a complaint of package jql.
	ErrUnknownField = errors.New("unknown field")
	// ErrInvalid is a request that makes no sense: a negative size, a
	// percentile of a text.
	ErrInvalid = errors.New("invalid request")
	// ErrBadToken is a page token or a checkpoint that was not made by this
	// service, or for another question or principal.
	ErrBadToken = errors.New("bad token")
	// ErrWindow is a page beyond the offset up to which there is random access.
	ErrWindow = errors.New("beyond the window of offsets")
	// ErrTooManyBuckets is an aggregation with more buckets than can be given whole.
	ErrTooManyBuckets = errors.New("too many buckets")
	// ErrSnapshotLost is a snapshot that the engine no longer has. A scan
	// begins again from the start, or fails; it never goes on over another view.
	ErrSnapshotLost = errors.New("snapshot lost")
	// ErrUnavailable is an engine that does not answer, or not in time, or a
	// store that another process holds.
	ErrUnavailable = errors.New("engine unavailable")
	// ErrOverloaded is an engine that asks to be left alone for a while (429, 503), still after
	// several tries.
	ErrOverloaded = errors.New("engine overloaded")
	// ErrBadAnswer is an answer that is not an engine's: HTML, half a body.
	ErrBadAnswer = errors.New("bad answer of the engine")
	// ErrPartial is an answer to which not every shard contributed.
	ErrPartial = errors.New("partial answer refused")
	// ErrUnsupported is what this engine cannot do.
	ErrUnsupported = errors.New("not supported by the engine")
	// ErrSchemaConflict is a schema that contradicts the one that is stored.
	ErrSchemaConflict = errors.New("schema conflict")
	// ErrReadOnly is a store that takes no records.
	ErrReadOnly = errors.New("read-only store")
	// ErrFull is a store without room.
	ErrFull = errors.New("store is full")
	// ErrCorrupt is a store that is damaged, or none of ours.
	ErrCorrupt = errors.New("store is damaged")
)
