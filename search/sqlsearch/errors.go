package sqlsearch

import (
	"errors"
	"fmt"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/digit-health/dhr/search"
)

// An engineError is what SQLite says went wrong.
type engineError struct {
	code    int32 // the extended result code
	message string
}

func (e *engineError) Error() string { return fmt.Sprintf("sqlite: %s (%d)", e.message, e.code) }

// is reports whether e has a primary result code.
func (e *engineError) is(code int32) bool { return e.code&0xff == code }

// locked reports whether another process holds the store.
func (e *engineError) locked() bool { return e.is(sqlite3.SQLITE_BUSY) || e.is(sqlite3.SQLITE_LOCKED) }

// isLocked reports whether err is that another process holds the store.
func isLocked(err error) bool {
	var e *engineError
	return errors.As(err, &e) && e.locked()
}

// Is reports which of the errors of package search e is.
func (e *engineError) Is(target error) bool {
	switch target {
	case search.ErrReadOnly:
		return e.is(sqlite3.SQLITE_READONLY) || e.is(sqlite3.SQLITE_PERM)
	case search.ErrFull:
		return e.is(sqlite3.SQLITE_FULL)
	case search.ErrCorrupt:
		return e.is(sqlite3.SQLITE_CORRUPT) || e.is(sqlite3.SQLITE_NOTADB)
	case search.ErrUnavailable:
		return e.locked() || e.is(sqlite3.SQLITE_CANTOPEN) || e.is(sqlite3.SQLITE_IOERR) || e.is(sqlite3.SQLITE_NOMEM)
	}
	return false
}

// isCode reports whether err is SQLite's error with a primary result code.
func isCode(err error, code int32) bool {
	var e *engineError
	return errors.As(err, &e) && e.is(code)
}
