package dashboard

import (
	"errors"
	"fmt"
	"strings"
)

// What can go wrong. Errors of this package wrap one of these, to be found by errors.Is, or one of
// package docstore's, or the error of a [Check].
var (
	// ErrNotFound is a thing that is not there, or that the principal may not read.
	ErrNotFound = errors.New("not found")
	// ErrForbidden is something that the principal may not do. Its text says what is missing.
	ErrForbidden = errors.New("forbidden")
	// ErrConflict is a change of a thing that is no longer in the version that was expected.
	ErrConflict = errors.New("changed in the meantime")
	// ErrTaken is a name that another thing of the same owner has.
	ErrTaken = errors.New("name is taken")
	// ErrInvalid is bad input. The error is a [FieldErrors], which says where.
	ErrInvalid = errors.New("invalid input")
)

// A FieldError says what is wrong with one member of an input. It is ErrInvalid.
type FieldError struct {
	// Field is the member's name in JSON, such as share_permissions[2].id, or of a listing's
	// query. It is empty if the input as a whole is wrong.
	Field   string `json:"field"`
	Message string `json:"message"`
}

// Error returns the member and what is wrong.
func (e *FieldError) Error() string {
	if e.Field == "" {
		return e.Message
	}
	return e.Field + ": " + e.Message
}

// Is reports whether target is ErrInvalid.
func (e *FieldError) Is(target error) bool { return target == ErrInvalid }

// FieldErrors are all that is wrong with an input. They are ErrInvalid.
type FieldErrors []*FieldError

// Error returns the first and how many follow.
func (e FieldErrors) Error() string {
	switch len(e) {
	case 0:
		return ErrInvalid.Error()
	case 1:
		return e[0].Error()
	}
	return fmt.Sprintf("%v (and %d more)", e[0], len(e)-1)
}

// Unwrap returns the errors.
func (e FieldErrors) Unwrap() []error {
	all := make([]error, len(e))
	for i := range e {
		all[i] = e[i]
	}
	return all
}

func (e *FieldErrors) add(field, format string, args ...any) {
	*e = append(*e, &FieldError{Field: field, Message: fmt.Sprintf(format, args...)})
}

// err returns e, or nil if nothing is wrong.
func (e FieldErrors) err() error {
	if len(e) == 0 {
		return nil
	}
	return e
}

// within returns the errors of what stands at a member of something larger.
func (e FieldErrors) within(member string) FieldErrors {
	all := make(FieldErrors, len(e))
	for i, one := range e {
		all[i] = &FieldError{Field: strings.TrimSuffix(member+one.Field, "."), Message: one.Message}
	}
	return all
}

// without returns the errors of an element of a list, as those of something by itself.
func (e FieldErrors) without(list string) FieldErrors {
	all := make(FieldErrors, len(e))
	for i, one := range e {
		all[i] = one
		if rest, ok := strings.CutPrefix(one.Field, list+"["); ok {
			_, rest, _ = strings.Cut(rest, "]")
			all[i] = &FieldError{Field: strings.TrimPrefix(rest, "."), Message: one.Message}
		}
	}
	return all
}

// A member is one that is not for a user to set, and whether it is as it was.
type member struct {
	name string
	same bool
	hint string
}

// fixed returns an error if what is not for a user to set differs from what it was.
func fixed(all []member) error {
	var errs FieldErrors
	for _, m := range all {
		if !m.same {
			errs.add(m.name, "cannot be changed%s", m.hint)
		}
	}
	return errs.err()
}
