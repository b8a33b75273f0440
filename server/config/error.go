package config

import (
	"fmt"
	"slices"
	"strings"
)

// An Error is one mistake in a configuration.
type Error struct {
	// File, Line and Column say where it stands; lines and columns count from 1. File is that of the environment variable, such as
	// DHR_ENGINE_KIND, with Line 0, if the value comes from there, and empty for a default.
	File         string
	Line, Column int
	// Key is the path of the key, such as auth.jwt.issuer.
	Key string
	// Message says what is wrong. It never holds a secret.
	Message string
}

// Error returns one line: the place, the key and the message.
func (e *Error) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File)
		if e.Line > 0 {
			fmt.Fprintf(&b, ":%d:%d", e.Line, e.Column)
		}
		b.WriteString(": ")
	}
	if e.Key != "" {
		b.WriteString(e.Key + ": ")
	}
	return b.String() + e.Message
}

// Errors are all mistakes of a configuration, in the order of their places.
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
	return e
}

// A place is where a value comes from.
type place struct {
	file         string
	line, column int
}
