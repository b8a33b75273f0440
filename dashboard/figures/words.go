package figures

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/dashboard"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/search"
)

var (
	// ErrNoFilter is a gadget whose filter is not there, or not to be read by who looks.
	ErrNoFilter = errors.New("the filter of this gadget does not exist, or is not shared with you")
	// ErrTooManyPoints is a gadget that would have more points than can be shown.
	ErrTooManyPoints = errors.New("too many points")
)

// unfit is what does not fit in a member of a gadget.
func unfit(member, format string, args ...any) error {
	return dashboard.FieldErrors{{Field: member, Message: fmt.Sprintf(format, args...)}}
}

// A filterError is a filter that cannot be had. It is [dashboard.ErrInvalid] too, for who saves the gadget.
type filterError struct{ cause error }

func (e *filterError) Error() string { return "filter_id: " + ErrNoFilter.Error() }
func (e *filterError) Unwrap() []error {
	return []error{ErrNoFilter, dashboard.FieldErrors{{Field: "filter_id", Message: ErrNoFilter.Error()}}}
}

func noFilter(err error) error {
	if errors.Is(err, dashboard.ErrNotFound) {
		return &filterError{err}
	}
	return err
}

// known are errors whose words may be shown as they are, and those of which the words are ours.
var known = []struct {
	err     error
	code    string
	message string // if empty, the error's own
}{
	{access.ErrDenied, "forbidden", "you may not see these records"},
	{dashboard.ErrForbidden, "forbidden", ""},
	{search.ErrUnknownIndex, "unknown_index", ""},
	{search.ErrUnknownField, "unknown_field", ""},
	{ErrTooManyPoints, "too_many_points", ""},
	{search.ErrTooManyBuckets, "too_many_buckets", "there are more different values than can be counted exactly; group by a field with fewer, or narrow the filter"},
	{search.ErrUnsupported, "not_supported", ""},
	{search.ErrInvalid, "invalid_gadget", ""},
}

// ours are errors of the service: what they say is for its operator.
var ours = []struct {
	err     error
	code    string
	message string
}{
	{search.ErrOverloaded, "engine_overloaded", "the engine has too much to do at present; try again in a while"},
	{search.ErrPartial, "partial_answer", "not all of the records could be counted, so nothing is shown"},
	{search.ErrBadAnswer, "bad_answer", "the engine gave an answer that cannot be right, so nothing is shown"},
	{search.ErrUnavailable, "engine_unavailable", "the engine does not answer, or not in time"},
	{context.DeadlineExceeded, "engine_unavailable", "the engine did not answer in time"},
}

// saying is by which package an error is said, and what it was doing.
var saying = regexp.MustCompile(`^(?:(?:dhr|search|dashboard|aggregate|page|identify|schemas|question \d+): )+`)

// explain says in words why a gadget has no data.
func (f *Figures) explain(ctx context.Context, g *dashboard.Gadget, err error) *Error {
	var complaints jql.ErrorList
	if errors.As(err, &complaints) {
		return &Error{Code: "invalid_query", Message: "the query of the filter cannot be answered: " + complaints.Error(), Field: "filter_id"}
	}
	if errors.Is(err, ErrNoFilter) {
		return &Error{Code: "filter_not_found", Message: ErrNoFilter.Error(), Field: "filter_id"}
	}
	var fields dashboard.FieldErrors
	if errors.As(err, &fields) && len(fields) > 0 {
		return &Error{Code: "gadget_does_not_fit", Message: fields[0].Message, Field: fields[0].Field}
	}
	for _, o := range ours {
		if errors.Is(err, o.err) {
			f.failed(ctx, g, err)
			return &Error{Code: o.code, Message: o.message}
		}
	}
	for _, k := range known {
		if errors.Is(err, k.err) {
			message := k.message
			if message == "" {
				message = saying.ReplaceAllString(err.Error(), "")
			}
			return &Error{Code: k.code, Message: message}
		}
	}
	if errors.Is(err, context.Canceled) {
		return &Error{Code: "given_up", Message: "the question was given up"}
	}
	f.failed(ctx, g, err)
	return &Error{Code: "internal_error", Message: "something went wrong that should not; the log says more"}
}

func (f *Figures) failed(ctx context.Context, g *dashboard.Gadget, err error) {
	if f.opts.Failed != nil {
		f.opts.Failed(ctx, g, err)
	}
}
