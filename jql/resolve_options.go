package jql

import (
	"context"
	"time"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// ResolveOptions are the circumstances in which a query is asked. The zero
// value asks it now, in UTC, by nobody.
type ResolveOptions struct {
	// Now is the instant that now() and every relative date stand for. If
	// zero, the present.
	Now time.Time
	// Zone is where days begin. If nil, UTC.
	Zone *time.Location
	// WeekStart is the first day of a week. If zero, Sunday.
	WeekStart time.Weekday
	// User is what currentUser() stands for. If empty, nobody: it then matches nothing.
	User string
	// Members returns the users of a group, for membersOf(). An unknown group
	// is an error, an empty one is not. If nil, every group is unknown.
	Members func(ctx context.Context, group string) ([]string, error)
	// JiraDates makes a date, or a date with a time of day, its first instant,
	// as in Jira, so that <= 2024-01-31 leaves out nearly all of that day. By
	// default a bare date is the whole day, and a time the whole of its minute.
	JiraDates bool
	// Functions are the host's own functions, by name without regard to case.
	// They go before those of the language. If nil, there are none.
	Functions map[string]Function
}

// A Function gives an operand its value when a query is resolved.
type Function struct {
	// MinArgs and MaxArgs bound the number of arguments. A negative MaxArgs means any number.
	MinArgs, MaxArgs int
	// List says that the function returns a list and may stand only after IN, NOT IN, WAS IN and WAS NOT IN.
	List bool
	// Kinds are the kinds of fields that the function may be compared with; nil means every kind.
	Kinds []record.Kind
	// Call returns the values. They are converted to the field's kind: a String is
	// read as if it had been written in the query in quotes. An empty result
	// of a function that is not a List matches nothing; more than one value of
	// such a function is an error.
	Call func(ctx context.Context, call *Call) ([]record.Value, error)
}

// A Call is what a [Function] is called with.
type Call struct {
	// Args are the decoded arguments.
	Args []string
	// Options are those of the query, with nothing left to default.
	Options *ResolveOptions
	// Field is the field that the function is compared with.
	Field *record.Field

	name string // as written
}

// A Resolution is the meaning of a query.
type Resolution struct {
	// Plans are one plan per schema, in the order of the schemas. All have
	// orders of the same length.
	Plans []*plan.Plan
	// Warnings are complaints that do not keep the query from running.
	Warnings ErrorList
}
