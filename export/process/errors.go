package process

import (
	"errors"
	"fmt"

	"github.com/digit-health/dhr/export/shelf"
)

// What can go wrong, to be found by errors.Is. Complaints about a query are of package jql, those about indexes and
// fields of package search, and those of documents and files of docstore and storage, as they come.
var (
	// ErrNotFound is an export, or one of its files, that is not there, or that is another's.
	ErrNotFound = errors.New("no such export")
	// ErrForbidden is something that the principal may not do. Its text says what is missing.
	ErrForbidden = errors.New("forbidden")
	// ErrNarrowed is a file with records or fields that the principal may not see any more. It is also ErrForbidden.
	ErrNarrowed error = narrowed{}
	// ErrInvalid is a request that makes no sense. The error is a [FieldError], which says where.
	ErrInvalid = errors.New("invalid export")
	// ErrKeyReused is a request under the idempotency key of another one.
	ErrKeyReused = errors.New("the idempotency key is that of another request")
	// ErrBusy is a request beyond the number of exports that a user or a tenant may have waiting or running.
	ErrBusy = errors.New("too many exports are waiting")
	// ErrNotReady is a file of an export that is not completed: not yet, or never.
	ErrNotReady = errors.New("the export is not completed")
	// ErrExpired is a file that was thrown away when its time had come.
	ErrExpired = errors.New("the export has expired")
	// ErrDamaged is a file that is not what was stored.
	ErrDamaged = shelf.ErrDamaged
)

type narrowed struct{}

func (narrowed) Error() string {
	return "the export holds more than may be seen now"
}
func (narrowed) Is(target error) bool { return target == ErrForbidden }

// A FieldError says what is wrong with one member of a request. It is ErrInvalid.
type FieldError struct {
	// Field is the member's name in JSON, such as options.delimiter.
	Field   string
	Message string
}

// Error returns the member and what is wrong.
func (e *FieldError) Error() string { return e.Field + ": " + e.Message }

// Is reports whether target is ErrInvalid.
func (e *FieldError) Is(target error) bool { return target == ErrInvalid }

func invalid(field, format string, args ...any) error {
	return &FieldError{Field: field, Message: fmt.Sprintf(format, args...)}
}
