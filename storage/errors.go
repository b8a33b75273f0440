package storage

import "errors"

// What can go wrong. Errors of a Store and of backends wrap one of these, to be
// found by errors.Is, or the error of the context or of the reader of Put.
var (
	// ErrNotFound is a file that is not there, or no longer, or of which its
	// product does not admit that it is there.
	ErrNotFound error = &class{"NOT_FOUND", "no such file"}
	// ErrTooLarge is a file beyond what the backend takes as one.
	ErrTooLarge error = &class{"FILE_TOO_LARGE", "the file is too large"}
	// ErrFull is a backend without room: a full disk, a quota used up.
	ErrFull error = &class{"STORAGE_FULL", "storage is full"}
	// ErrInvalidFormat is a file of a kind that the backend does not take.
	ErrInvalidFormat error = &class{"INVALID_FORMAT", "storage does not take this kind of file"}
	// ErrAuth is a backend that does not accept who we say we are, or does not allow it.
	ErrAuth error = &class{"AUTH_FAILED", "storage refuses the credentials"}
	// ErrUnavailable is a backend that does not answer, not in time, or not sensibly.
	// The same may succeed later.
	ErrUnavailable error = &class{"STORAGE_UNAVAILABLE", "storage is unavailable"}
	// ErrInvalid is a request that makes no sense: a name with a slash, a
	// reference that is none, a range behind the end.
	ErrInvalid error = &class{"INVALID_REQUEST", "invalid request"}
	// ErrUnsupported is what a backend's product cannot do at all, such as deletion in DIGIT 2.
	ErrUnsupported error = &class{"NOT_SUPPORTED", "storage cannot do this"}
)

// Class returns the name under which the API tells an error, such as
// FILE_TOO_LARGE; "" for errors that are none of this package.
func Class(err error) string {
	var c *class
	if errors.As(err, &c) {
		return c.name
	}
	return ""
}

type class struct{ name, text string }

func (c *class) Error() string { return c.text }
