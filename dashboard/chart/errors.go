package chart

import (
	"errors"
	"fmt"
)

// What is refused. Layout returns each in an *Error that says where it stands.
var (
	ErrLocale    = errors.New("not a known locale")
	ErrNotFinite = errors.New("not a finite number")
	ErrRange     = errors.New("a number beyond what can be drawn")
	ErrNegative  = errors.New("a negative part of a whole")
	ErrNoSum     = errors.New("values that must not be added up")
	ErrUnits     = errors.New("different units on one axis")
	ErrDuplicate = errors.New("two points of a series in the same place")
	ErrTooMany   = errors.New("too many points to be told apart")
	ErrShape     = errors.New("not the shape of a chart of this type")
)

// An Error says what is wrong with a chart, and where.
type Error struct {
	Place  string // such as "series[1].points[3].value"
	Found  string
	Reason error // one of the errors of this package
}

func (e *Error) Error() string {
	if e.Found == "" {
		return fmt.Sprintf("chart: %s: %v", e.Place, e.Reason)
	}
	return fmt.Sprintf("chart: %s: %v: %s", e.Place, e.Reason, e.Found)
}

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Reason }

func refuse(reason error, found string, place string, args ...any) error {
	return &Error{Place: fmt.Sprintf(place, args...), Found: found, Reason: reason}
}
