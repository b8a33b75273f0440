package bulk

import (
	"errors"
	"fmt"
	"strings"
)

// What can go wrong, to be found by errors.Is, besides what packages search, docstore and storage say.
var (
	// ErrNotFound is an export, a file or a group that is not there, or that is another's.
	ErrNotFound = errors.New("not found")
	// ErrForbidden is something that the principal may not do. Its text says what is missing.
	ErrForbidden = errors.New("forbidden")
	// ErrNarrowed is a file with records or fields that the principal may not see any more. It is also ErrForbidden.
	ErrNarrowed error = narrowed{}
	// ErrInvalid is a request, or a configuration, that makes no sense. Of a request the error is a [ParameterError].
	ErrInvalid = errors.New("invalid export")
	// ErrBusy is a request beyond the number of exports that a user or a tenant may have waiting or running.
	ErrBusy = errors.New("too many exports are waiting")
	// ErrNotReady is a manifest or a file of an export that is not completed: not yet, or never.
	ErrNotReady = errors.New("the export is not completed")
	// ErrExpired is an export whose files were thrown away when their time had come.
	ErrExpired = errors.New("the export has expired")
	// ErrDamaged is a file that is not what was stored.
	ErrDamaged = errors.New("the stored file is damaged")
)

type narrowed struct{}

func (narrowed) Error() string        { return "the export holds more than may be seen now" }
func (narrowed) Is(target error) bool { return target == ErrForbidden }

// A ParameterError says what is wrong with one parameter of a kick-off, and how to mend it. It is ErrInvalid.
type ParameterError struct {
	// Parameter is its name, such as _typeFilter.
	Parameter string
	// Code is the FHIR issue type: invalid, value, not-supported, forbidden, not-found, too-costly.
	Code string
	// Status is that of HTTP.
	Status int
	// Diagnostics says it to people.
	Diagnostics string
}

// Error returns the parameter and what is wrong.
func (e *ParameterError) Error() string { return e.Parameter + ": " + e.Diagnostics }

// Is reports whether target is ErrInvalid, or what its status stands for: ErrForbidden, ErrNotFound.
func (e *ParameterError) Is(target error) bool {
	switch target {
	case ErrInvalid:
		return true
	case ErrForbidden:
		return e.Status == 403
	case ErrNotFound:
		return e.Status == 404
	}
	return false
}

// wrong returns a complaint about a value.
func wrong(parameter, format string, args ...any) *ParameterError {
	return &ParameterError{Parameter: parameter, Code: "value", Status: 400, Diagnostics: diagnostics(format, args...)}
}

// unsupported returns a complaint about what there is not here. A lenient request goes on without it.
func unsupported(parameter, format string, args ...any) *ParameterError {
	return &ParameterError{Parameter: parameter, Code: "not-supported", Status: 400, Diagnostics: diagnostics(format, args...)}
}

// diagnostics puts a complaint together. Texts of the client that are quoted in it are cut, so that it is not as long as they are.
func diagnostics(format string, args ...any) string {
	const longest = 1000
	for i, arg := range args {
		if text, ok := arg.(string); ok && len(text) > longest {
			args[i] = strings.ToValidUTF8(text[:longest], "") + "…"
		}
	}
	return fmt.Sprintf(format, args...)
}

func failed(doing string, err error) error { return fmt.Errorf("fhir export: %s: %w", doing, err) }
