package docstore

import "errors"

// What can go wrong. Errors of a Store and of drivers wrap one of these, to be
// found by errors.Is, and say more in their text.
var (
	// ErrNotFound is a document that is not there.
	ErrNotFound = errors.New("no such document")
	// ErrConflict is a write of a document that is not in the version that the
	// writer expected: changed, deleted, or there already.
	ErrConflict = errors.New("the document has changed")
	// ErrInvalid is a document, a key or a query that makes no sense: a body that
	// is no JSON object, a kind with capitals.
	ErrInvalid = errors.New("invalid request")
	// ErrTooLarge is a document beyond a limit of size. It is also ErrInvalid.
	ErrTooLarge error = tooLarge{}
	// ErrUnavailable is a store that does not answer, or not in time, that
	// another process holds, or that was closed.
	ErrUnavailable = errors.New("document store unavailable")
	// ErrReadOnly is a store that takes no documents.
	ErrReadOnly = errors.New("read-only document store")
	// ErrFull is a store without room.
	ErrFull = errors.New("document store is full")
	// ErrCorrupt is a store that is damaged, or none of ours.
	ErrCorrupt = errors.New("document store is damaged")
	// ErrNewer is a store that a later version of this program has changed, so that this
	// one cannot use it.
	ErrNewer = errors.New("document store of a newer version")
	// ErrUnsupported is a server that cannot serve as a document store.
	ErrUnsupported = errors.New("not supported as a document store")
)

type tooLarge struct{}

func (tooLarge) Error() string        { return "document is too large" }
func (tooLarge) Is(target error) bool { return target == ErrInvalid }
