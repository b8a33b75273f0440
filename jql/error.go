package jql

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// An Error is a complaint about a query, with its place. Warnings have the same form.
type Error struct {
	// Span is the place in bytes.
	Span Span `json:"-"`
	// Code names the complaint for programs, such as "reserved_word".
	Code string `json:"code"`
	// Message says what is wrong, for people, in one line.
	Message string `json:"message"`
	// Offset and Length are the place in code points from 0. At the end of the
	// query the length is 0. A byte that is not UTF-8 counts as one.
	Offset int `json:"offset"`
	Length int `json:"length"`
	// Line and Column are the place for people, both from 1; lines end at LF,
	// columns count code points.
	Line   int `json:"line"`
	Column int `json:"column"`
	// Found is what stands there, cut short where it is long; empty at the end
	// of the query.
	Found string `json:"found"`
	// Expected are the things that may stand there: words and signs of the
	// language as they are written, and descriptions such as "a value".
	Expected []string `json:"expected"`
	// Suggestion is text to put in the place of the span, where one is known.
	Suggestion string `json:"suggestion,omitempty"`

	text string
}

// newError makes a complaint about a span of text and works out its place.
func newError(text string, span Span, code, message string) *Error {
	start := min(max(span.Start, 0), len(text))
	end := min(max(span.End, start), len(text))
	line := strings.LastIndexByte(text[:start], '\n') + 1
	return &Error{
		Span:    Span{start, end},
		Code:    code,
		Message: message,
		Offset:  utf8.RuneCountInString(text[:start]),
		Length:  utf8.RuneCountInString(text[start:end]),
		Line:    1 + strings.Count(text[:start], "\n"),
		Column:  1 + utf8.RuneCountInString(text[line:start]),
		text:    text,
	}
}

// errorAt makes a complaint about a span of the query. A query that was put
// together by hand has no text; the complaint is then about all of what
// String prints.
func (q *Query) errorAt(span Span, code, message string) *Error {
	if q.Text == "" {
		text := q.String()
		return newError(text, Span{0, len(text)}, code, message)
	}
	return newError(q.Text, span, code, message)
}

// Error returns the complaint as line:column: message.
func (e *Error) Error() string {
	return fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Message)
}

// captionWidth is how many characters of a line Caret shows.
const captionWidth = 100

// Caret returns the complaint in three lines: what Error says, the line of the
// query, and marks under the place. There is one mark for each code point, so
// that they stand under the place wherever characters are of equal width. A
// long line is cut on both sides; tabs show as blanks, other characters that
// cannot be seen as U+FFFD.
func (e *Error) Caret() string {
	start, end := e.Span.Start, e.Span.End
	if start > len(e.text) || end > len(e.text) || start > end {
		return e.Error() // made by hand
	}
	first := strings.LastIndexByte(e.text[:start], '\n') + 1
	last := len(e.text)
	if i := strings.IndexByte(e.text[start:], '\n'); i >= 0 {
		last = start + i
	}
	before, prefix := lastRunes(e.text[first:start], captionWidth/2)
	marks := max(1, utf8.RuneCountInString(e.text[start:min(end, last)]))
	marks = min(marks, captionWidth-utf8.RuneCountInString(before))
	after, suffix := firstRunes(strings.TrimSuffix(e.text[start:last], "\r"), captionWidth-utf8.RuneCountInString(before))
	dots := utf8.RuneCountInString(prefix + before)
	return e.Error() +
		"\n | " + prefix + visible(before+after) + suffix +
		"\n | " + strings.Repeat(".", dots) + strings.Repeat("^", marks)
}

// lastRunes returns the last n characters of s, and "…" if it has more.
func lastRunes(s string, n int) (cut, ellipsis string) {
	i := len(s)
	for ; n > 0 && i > 0; n-- {
		_, size := utf8.DecodeLastRuneInString(s[:i])
		i -= size
	}
	if i > 0 {
		return s[i:], "…"
	}
	return s, ""
}

// firstRunes returns the first n characters of s, and "…" if it has more.
func firstRunes(s string, n int) (cut, ellipsis string) {
	i := 0
	for ; n > 0 && i < len(s); n-- {
		_, size := utf8.DecodeRuneInString(s[i:])
		i += size
	}
	if i < len(s) {
		return s[:i], "…"
	}
	return s, ""
}

// visible returns a part of a line as it can be shown, character by character.
func visible(line string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case unshown(r):
			return utf8.RuneError
		}
		return r
	}, line)
}

// unshown reports whether r is a control or format character that must not
// reach a terminal or a log. The two joiners of Indic scripts may.
func unshown(r rune) bool {
	const nonJoiner, joiner = 0x200c, 0x200d
	return r != nonJoiner && r != joiner && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

// An ErrorList is one or more complaints in the order of their place.
type ErrorList []*Error

// Error returns the first complaint and counts the others.
func (l ErrorList) Error() string {
	switch len(l) {
	case 0:
		return "no errors"
	case 1:
		return l[0].Error()
	case 2:
		return l[0].Error() + " (and 1 more)"
	}
	return fmt.Sprintf("%v (and %d more)", l[0], len(l)-1)
}

// Caret returns what [Error.Caret] says of every complaint.
func (l ErrorList) Caret() string {
	parts := make([]string, len(l))
	for i, e := range l {
		parts[i] = e.Caret()
	}
	return strings.Join(parts, "\n")
}

// Sort puts the complaints in the order of their place. Those of one place
// keep their order.
func (l ErrorList) Sort() {
	slices.SortStableFunc(l, func(a, b *Error) int {
		if a.Span.Start != b.Span.Start {
			return a.Span.Start - b.Span.Start
		}
		return a.Span.End - b.Span.End
	})
}

// Err returns the list as an error, nil if it is empty.
func (l ErrorList) Err() error {
	if len(l) == 0 {
		return nil
	}
	return l
}

// Unwrap returns the complaints, for [errors.As].
func (l ErrorList) Unwrap() []error {
	errs := make([]error, len(l))
	for i, e := range l {
		errs[i] = e
	}
	return errs
}
