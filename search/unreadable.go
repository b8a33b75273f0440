package search

import (
	"errors"

	"github.com/digit-health/dhr/access"
)

// An unreadable is the error for an index that is there, and whose schema cannot be
// read: see [Driver.Schemas]. Its text names the index, so that it is for those who may see it.
type unreadable interface {
	error
	// Unreadable returns the name of the index.
	Unreadable() string
}

// unreadables returns the indexes that an error of [Driver.Schemas] is about. It
// reports false if the error is about anything else, so that there are no schemas.
func unreadables(err error) (all []unreadable, ok bool) {
	if err == nil {
		return nil, true
	}
	if joined, is := err.(interface{ Unwrap() []error }); is {
		for _, err := range joined.Unwrap() {
			some, ok := unreadables(err)
			if !ok {
				return nil, false
			}
			all = append(all, some...)
		}
		return all, true
	}
	var one unreadable
	if !errors.As(err, &one) {
		return nil, false
	}
	return []unreadable{one}, true
}

// visibleTo returns of the error of [Driver.Schemas] what who may know. An
// index that who may not see is as if it were not there; of one that who may see
// the question cannot be answered, and is not answered without it.
func (x *Index) visibleTo(who *access.Principal, err error) error {
	all, ok := unreadables(err)
	if !ok {
		return err
	}
	for _, e := range all {
		if x.allows(who, e.Unreadable()) {
			return e
		}
	}
	return nil
}
