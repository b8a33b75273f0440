// Package failure says to people why work in the background has failed that reads records from an engine and keeps files of them.
package failure

import (
	"errors"
	"fmt"
	"strings"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/export/parts"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/storage"
)

// A Known failure is what is said of an error.
type Known struct {
	Is            error
	Code, Message string
	// Permanent says that another attempt would fail likewise.
	Permanent bool
	// Why adds what the error says behind the text of Is. It names nothing that a record says.
	Why bool
}

// Given returns the failure that err already is, or nil.
func Given(err error) *job.Failure {
	var f *job.Failure
	if errors.As(err, &f) && f.Code != "" && f.Code != job.CodeInternal {
		return f
	}
	return nil
}

// Of returns what is said of an error: what it already says, or what own knows of it, or else what is known of engines, spools and storages.
func Of(err error, own ...Known) *job.Failure {
	if f := Given(err); f != nil {
		return f
	}
	var f *job.Failure
	permanent := errors.As(err, &f) && f.Permanent
	for _, known := range append(own, common...) {
		if errors.Is(err, known.Is) {
			return &job.Failure{Code: known.Code, Message: known.message(err), Permanent: known.Permanent || permanent, Err: err}
		}
	}
	if class := storage.Class(err); class != "" {
		return &job.Failure{Code: class, Message: "The storage did not take a file.", Permanent: permanent || lasting(err), Err: err}
	}
	return &job.Failure{Code: job.CodeInternal, Message: "Something went wrong.", Permanent: permanent, Err: err}
}

// Busy returns, for a [job.RoomError], busy with the limit in words; any other error as it is.
func Busy(err, busy error) error {
	var full *job.RoomError
	if errors.As(err, &full) {
		return fmt.Errorf("%w: a %s may have %d", busy, full.Of, full.Most)
	}
	return err
}

func (k *Known) message(err error) string {
	if _, why, ok := strings.Cut(err.Error(), k.Is.Error()+": "); ok && k.Why {
		return strings.TrimSuffix(k.Message, ".") + ": " + why + "."
	}
	return k.Message
}

// lasting reports whether a storage will say the same again.
func lasting(err error) bool {
	return errors.Is(err, storage.ErrTooLarge) || errors.Is(err, storage.ErrInvalidFormat) || errors.Is(err, storage.ErrInvalid) || errors.Is(err, storage.ErrUnsupported)
}

// common is what is known of engines, spools and stores.
var common = []Known{
	{Is: access.ErrDenied, Code: "FORBIDDEN", Message: "The records may not be seen.", Permanent: true},
	{Is: search.ErrUnknownIndex, Code: "UNKNOWN_INDEX", Message: "An index is not there, or may not be seen any more.", Permanent: true},
	{Is: search.ErrUnknownField, Code: "UNKNOWN_FIELD", Message: "A field is not there, or may not be seen any more.", Permanent: true},
	{Is: search.ErrInvalid, Code: "QUERY_REFUSED", Message: "The query cannot be answered.", Permanent: true},
	{Is: search.ErrUnsupported, Code: "QUERY_REFUSED", Message: "The engine cannot answer the query.", Permanent: true},
	{Is: search.ErrSnapshotLost, Code: "SNAPSHOT_LOST", Message: "The engine has lost the snapshot of the records."},
	{Is: search.ErrOverloaded, Code: "ENGINE_OVERLOADED", Message: "The engine has too much to do."},
	{Is: search.ErrUnavailable, Code: "ENGINE_UNAVAILABLE", Message: "The engine does not answer."},
	{Is: search.ErrPartial, Code: "ENGINE_UNAVAILABLE", Message: "A part of the engine does not answer."},
	{Is: search.ErrBadAnswer, Code: "ENGINE_UNAVAILABLE", Message: "The engine does not answer sensibly."},
	{Is: parts.ErrFull, Code: "SPOOL_FULL", Message: "There is no room for files that are being written."},
	{Is: parts.ErrSpool, Code: "SPOOL_FAILED", Message: "Files that are being written cannot be kept."},
	{Is: docstore.ErrUnavailable, Code: "STORE_UNAVAILABLE", Message: "The document store does not answer."},
	{Is: docstore.ErrTooLarge, Code: "TOO_MANY_FILES", Message: "The export has too many files.", Permanent: true},
}
