package jql

// An Error is a complaint about a query, with its place. Warnings have the same form.
type Error struct {
	// Span is the place in bytes.
	Span Span `json:"-"`
	// Code names the complaint for programs, such as "reserved_word".
	Code string `json:"code"`
	// Message says what is wrong, for people, in one line.
	Message string `json:"message"`
	// Offset and Length are the place in code points from 0. At the end of the
	// query the length is 0.
	Offset int `json:"offset"`
	Length int `json:"length"`
	// Line and Column are the place for people, both from 1; lines end at LF,
	// columns count code points.
	Line   int `json:"line"`
	Column int `json:"column"`
	// Found is what stands there; empty at the end of the query.
	Found string `json:"found"`
	// Expected are the things that may stand there.
	Expected []string `json:"expected"`
	// Suggestion is text to put in the place of the span, where one is known.
	Suggestion string `json:"suggestion,omitempty"`

	text string
}

// An ErrorList is one or more complaints in the order of their place.
type ErrorList []*Error
