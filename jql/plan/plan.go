// Package plan is what a query means, once nothing is left to decide.
//
// A [Plan] is a predicate over the records of one index and a total order. It
// is all that an engine ever sees of a question: names are fields, words are
// typed values, times are instants, negation stands at the operators, and
// every choice of meaning has been made by jql.Resolve. Two engines that follow
// the comments of this package give the same records in the same order; package
// eval is those comments as code.
//
// # Several values
//
// A field may hold none, one or several values. Exists holds when there is at
// least one. Terms, Range and Match hold when at least one value (for Match:
// the values together) satisfies them, so each of them implies Exists. A
// field inside nested objects holds the values of all of them; only Was and
// Changed look at one nested object at a time.
//
// A field that is itself an object, nested or flattened has a value when one of
// its objects holds, however deep, anything but null, {} and [].
//
// # Negation
//
// Not stands directly above a Terms, a Range, a Match, a Was or a Changed, or
// above an Or or And of such nodes on one field. Where the language says that a negative
// must not match empty fields (as with !=), the plan says And(Exists, Not).
//
// # Closed
//
// The nodes of this package are all the nodes there are; a switch over them
// can be complete.
package plan

import "github.com/digit-health/dhr/record"

// A Plan is the meaning of a query for one index.
// Plans never change once made and are safe for concurrent use.
type Plan struct {
	// Schema is the index's schema, to which all fields belong.
	Schema *record.Schema
	// Where says which records match. It is never nil.
	Where Node
	// Order is the order of the records. It is never empty and its last key
	// is unique (the schema's Key, or _id), so that it is total.
	Order []Sort
}

// A Sort is one key of an order. A record without a value comes last in both
// directions. Of several values the least counts when ascending, the greatest
// when descending. Strings are ordered by code point, of their lower-case
// forms if the field folds case; false is before true.
type Sort struct {
	// Field is nil in an index that lacks the field: every record there is without a value.
	Field *record.Field
	Desc  bool
}

// A Node is a condition on one record: one of the types of this package.
type Node interface {
	// String prints the node on one line.
	String() string
	node()
}

// All matches every record.
type All struct{}

// None matches no record.
type None struct{}

// And matches when each of its nodes does. It has at least two, none of which
// is an And, an All or a None.
type And []Node

// Or matches when at least one of its nodes does. It has at least two, none of
// which is an Or, an All or a None.
type Or []Node

// Not matches when Node does not. See the package comment for where it stands.
type Not struct{ Node Node }

// Exists matches when the field has at least one value. An empty string is a value.
type Exists struct{ Field *record.Field }

// Missing matches when the field has no value.
type Missing struct{ Field *record.Field }

// Terms matches when one of the field's values equals one of Values, which are
// of the field's kind, in ascending order, without repeats and not empty.
// If the field folds case, values are equal when their lower-case forms are,
// and Values are in lower case.
type Terms struct {
	Field  *record.Field
	Values []record.Value
}

// Range matches when one of the field's values lies between the bounds.
// A bound whose value is Null is open; at least one is not. If the field folds
// case, strings compare by their lower-case forms.
type Range struct {
	Field        *record.Field
	Lower, Upper Bound
}

// A Bound is one end of a range.
type Bound struct {
	Value     record.Value
	Inclusive bool
}

// Match finds text by its words. The field is a text field; Text is broken
// into terms by the field's analyzer, but for that of a Wildcard. A text without
// any term matches nothing.
type Match struct {
	Field *record.Field
	Mode  Mode
	Text  string
	// Edits is the greatest distance of a Fuzzy match: 0, 1 or 2, or -1 for
	// the automatic one (0 up to two characters, 1 up to five, else 2).
	Edits int
}

// A Mode says how a Match compares.
type Mode uint8

// The modes.
const (
	Words    Mode = iota // every term of the text is found, in any order, in any of the values
	Phrase               // the terms stand next to each other, in order, in one value
	Prefix               // as Words, but the last term of the text need only be the beginning of one
	Wildcard             // one term as a whole fits the text, which is not broken and is given in lower case; * is any run and ? any one character; \ takes the next as itself
	Fuzzy                // as Words, but each term need only be within Edits insertions, deletions, changes or swaps of neighbours of one
)

// Was matches when the field held a value at some instant of the window.
//
// What the field held is read from the history: in the order of time, each
// entry ends the value From and begins the value To, and the last one holds
// without end; before the first entry the field held that entry's From, and
// with no entry at all it has always held its present values. The field's
// present values count as held from the last entry's instant on, and as begun
// by it.
//
// An entry is of the field if it says so by one of [HistoryNames]; without an
// instant it is none. Entries of one instant stand in the order of the document:
// what was held for no time was not held. Where an entry's From is not the To of
// the one before, the field held both in between.
//
// Held.Values are values of Field. What an entry's From and To say is read as
// Field would read it, and compared as Field's own values are; a text that
// Field cannot read equals nothing, and is not empty either. Authors are
// compared as the history's Author field (of a text, its first sub-field of
// whole values) compares.
type Was struct {
	Field   *record.Field
	History *record.History
	// Held are the states of which one was held.
	Held   States
	Window Window
	// By, if not nil, are the authors of whom one must have made the change
	// that began the value. A value that no entry began is nobody's.
	By []string
}

// Changed matches when one single entry of the history satisfies everything:
// it is of the field, lies in the window, goes from one of From (if
// not nil) to one of To (if not nil), and was made by one of By (if not nil).
// What it says is read and compared as for [Was].
type Changed struct {
	Field    *record.Field
	History  *record.History
	From, To *States
	Window   Window
	By       []string
}

// States are values a field may have held; Empty adds "no value".
type States struct {
	Values []record.Value
	Empty  bool
}

// A Window is a half-open span of time [From, To). A Null end is open.
type Window struct{ From, To record.Value }

func (All) node()     {}
func (None) node()    {}
func (And) node()     {}
func (Or) node()      {}
func (Not) node()     {}
func (Exists) node()  {}
func (Missing) node() {}
func (Terms) node()   {}
func (Range) node()   {}
func (Match) node()   {}
func (Was) node()     {}
func (Changed) node() {}
