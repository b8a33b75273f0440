// Package sqlgen turns plans into SQL for SQLite and PostgreSQL.
//
// # Values
//
// A value of a question is always an argument. The text of a statement is made
// of the names in the [Layout] and of words of SQL; it depends on how
// many values a question has, never on what they are.
//
// # Layout
//
// A Layout says where an index is stored: one row for each record in a main
// table, which is called m in every statement, with a column for each field. A
// record with several values in a field has the least of them in that
// column, and all of them, the least as well, in a side table; so
// a field that never had several is a plain column and costs no more than one.
// The values of a column may be codes of a dictionary. Text is found
// through an index of its terms, as package analyzer makes them. Every one of
// these is left out where a table that exists already does not have it: what
// can then not be asked, [Layout.Can] tells.
//
// # Order
//
// Every order is total and has records without a value last. A long answer is
// read on by the keys of the last record, see [Selection], never by counting
// from the start.
package sqlgen

import (
	"errors"
	"strings"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// A Dialect is whose SQL is written.
type Dialect uint8

// The dialects.
const (
	SQLite   Dialect = iota // values are marked by ?
	Postgres                // values are marked by $1, $2 and so on
)

// arguments returns how many of them a statement may have.
func (d Dialect) arguments() int {
	if d == SQLite {
		return 32766
	}
	return 65535
}

// ErrTooLong is a question whose statement would be longer than the database takes.
var ErrTooLong = errors.New("question too long for the database")

// A Query is a statement with its arguments.
type Query struct {
	Text string
	Args []any
}

// A Layout says where the values of an index are stored. Its names and
// expressions are SQL as it is to be written, see [Quote]: nothing in
// it may come from a question.
type Layout struct {
	Dialect Dialect
	Table   string // the main table
	// Row is the column of the main table that numbers the records, by which the side
	// tables and the text indexes know them. It may be empty if there are none of these.
	Row string
	// ID is the column of _id.
	ID *Column
	// Column returns where a field is stored, or nil if it is not stored. Fields are
	// known by their paths.
	Column func(f *record.Field) *Column
	// Expand returns the terms of a field that a Wildcard (edits is 0) or a Fuzzy
	// match of one term fits: see [Layout.Can]. If nil, there are no such matches.
	Expand func(f *record.Field, mode plan.Mode, term string, edits int) ([]string, error)
}

// A Column says where the values of one field are stored.
type Column struct {
	// Value is an expression over the main table: the value, of several the least, or
	// NULL without any. With Codes it is the value's code. If it is empty, all
	// values are in the side table. Its order must be that of the field's values: in
	// PostgreSQL, text needs the collation "C".
	// For a text, an object and a point it only tells by not being NULL that there is a value.
	Value string
	// Required says that no record is without a value.
	Required bool
	// Indexed says that the database can read the main table in the order of Value.
	Indexed bool
	// Fold says that strings are stored in lower case, as [analyzer.AppendLower] makes it.
	Fold bool
	// Codes is the dictionary of Value and of the values in Several, if there is one.
	Codes *Codes
	// Several is the side table, if some record has several values.
	Several *Side
	// Text is the index of the terms of a text field.
	Text *Text
	// Argument makes the argument for a value. If nil, the function [Argument] does.
	Argument func(v record.Value) (any, error)
}

// Codes is a dictionary: a table of codes and what they stand for.
type Codes struct {
	Table, Code, Value string
	// Only is a condition on the table, with its name before its columns, that holds for the entries of
	// the field; if empty, all are.
	Only string
	// Find returns the codes of values, those that have one. It makes shorter
	// statements, for which the database finds better ways. If nil, the statement looks for them.
	Find func(values []any) (codes []any, err error)
}

// A Side is a table of several values of a record, one row each.
type Side struct {
	Table, Row, Value string
	// Only is as in Codes.
	Only string
	// Key is, if not empty, a column of the table which must equal KeyIs.
	Key, KeyIs string
}

// Text says where the terms of a field are indexed.
type Text struct {
	// Table is, in SQLite, a table of FTS5 whose rowid is that of the main table, and
	// Name the column in it, a plain identifier.
	Table, Name string
	// Terms is, in PostgreSQL, a column of the main table with an array of
	// the terms; Joined one with the terms of each value between blanks, and
	// [ValueGap] between the values.
	Terms, Joined string
}

// ValueGap stands, between blanks, between the terms of two values of one text
// field, so that no phrase goes from one to the other. It is never a term.
const ValueGap = "\ue000"

// Quote returns an identifier as it is written in SQL.
func Quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// Can reports whether a leaf of a plan can be answered. Was and Changed cannot, nor
// can what the layout has no place for.
func (l *Layout) Can(leaf plan.Node) bool {
	switch n := leaf.(type) {
	case plan.All, plan.None:
		return true
	case plan.Exists:
		return l.stores(n.Field)
	case plan.Missing:
		return l.stores(n.Field)
	case plan.Terms: // a long list of numbers with fractions SQLite can only be given one by one
		return l.compares(n.Field) && (l.Dialect != SQLite || n.Field.Kind != record.Float || len(n.Values) <= manyFloats)
	case plan.Range:
		return l.compares(n.Field)
	case plan.Match:
		return n.Field != nil && l.matches(l.column(n.Field), n)
	}
	return false
}

// matches reports whether a Match on the field in c can be answered.
func (l *Layout) matches(c *Column, n plan.Match) bool {
	expands := n.Mode == plan.Wildcard || n.Mode == plan.Fuzzy || n.Mode == plan.Prefix && l.Dialect == Postgres
	return c != nil && c.Text != nil && (l.Expand != nil || !expands)
}

// CanOrder reports whether records can be put in this order.
func (l *Layout) CanOrder(order []plan.Sort) bool {
	for _, s := range order {
		if s.Field != nil && !l.compares(s.Field) {
			return false
		}
	}
	return true
}

// stores reports whether the layout tells if f has a value.
func (l *Layout) stores(f *record.Field) bool {
	return f != nil && (f.Path == indexPath || l.column(f) != nil)
}

// compares reports whether the layout has the values of f.
func (l *Layout) compares(f *record.Field) bool {
	return l.stores(f) && compares(f.Kind)
}

// compares reports whether values of a kind have an order.
func compares(k record.Kind) bool {
	switch k {
	case record.Bool, record.Int, record.Uint, record.Float, record.String, record.Time, record.IP, record.Version:
		return true
	}
	return false
}

const (
	idPath    = "_id"
	indexPath = "_index"
)

func (l *Layout) column(f *record.Field) *Column {
	if f.Path == idPath {
		return l.ID
	}
	if l.Column == nil {
		return nil
	}
	return l.Column(f)
}
