package mapping

import (
	"fmt"
	"slices"
	"strings"
)

// An Error is one mistake in a mapping file.
type Error struct {
	// File, Line and Column say where it stands; lines and columns count from 1.
	File         string
	Line, Column int
	// Key is the path of keys, such as patients.resource.name[0].family, that begins with the name of the mapping where it has one.
	Key string
	// Message says what is wrong: what was found, and what is expected.
	Message string
}

// Error returns one line: the place, the key and the message.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: ", e.File, e.Line, e.Column)
	if e.Key != "" {
		b.WriteString(e.Key + ": ")
	}
	return b.String() + e.Message
}

// Errors are all mistakes that were found, in the order of their places.
type Errors []*Error

// Error returns a line for each.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the mistakes, for errors.As.
func (e Errors) Unwrap() []error {
	list := make([]error, len(e))
	for i, one := range e {
		list[i] = one
	}
	return list
}

// err returns the mistakes in their order, or nil if there are none.
func (e Errors) err() error {
	if len(e) == 0 {
		return nil
	}
	slices.SortStableFunc(e, func(a, b *Error) int {
		if c := strings.Compare(a.File, b.File); c != 0 {
			return c
		}
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return slices.CompactFunc(e, func(a, b *Error) bool { return *a == *b })
}

// An UnmappableError says why a record is no resource.
type UnmappableError struct {
	// ID is the record's id.
	ID string
	// Path is the element concerned, such as Patient.name.family.
	Path string
	// Reason says what is wrong, in words.
	Reason string
}

// Error returns all of it on one line.
func (e *UnmappableError) Error() string {
	return fmt.Sprintf("mapping: record %q cannot be mapped: %s: %s", e.ID, e.Path, e.Reason)
}

// A SearchError says why a search cannot be done.
type SearchError struct {
	// Parameter is the search parameter with its modifier, as it was asked; empty where there is none.
	Parameter string
	// Value is what was asked for, or empty.
	Value string
	// Reason says what is wrong, and what may be asked instead.
	Reason string
}

// Error returns all of it on one line.
func (e *SearchError) Error() string {
	switch {
	case e.Parameter == "":
		return "mapping: search: " + e.Reason
	case e.Value == "":
		return fmt.Sprintf("mapping: search parameter %q: %s", e.Parameter, e.Reason)
	}
	return fmt.Sprintf("mapping: search parameter %q with %q: %s", e.Parameter, e.Value, e.Reason)
}
