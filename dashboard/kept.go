package dashboard

import (
	"context"
	"errors"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/docstore"
)

// A reader makes a thing of its document, as who sees it.
type reader[T any] func(who *access.Principal, doc *docstore.Document, favourites map[string]bool) (*T, error)

// get returns a thing that who may read.
func get[T any](ctx context.Context, s *shelf, who *access.Principal, id string, read reader[T]) (*T, error) {
	c, err := s.open(ctx, who, id, Read)
	if err != nil {
		return nil, s.failed(id, err)
	}
	favourites, err := s.favourites(ctx, who)
	if err != nil {
		return nil, s.failed(id, err)
	}
	is, err := read(who, c.doc, favourites)
	if err != nil {
		return nil, s.failed(id, err)
	}
	return is, nil
}

// edit has a thing in version expect rewritten, and returns it as it is then. If expect is 0, rewrite may be called several times.
func edit[T any](
	ctx context.Context, s *shelf, who *access.Principal, id string, expect int64, need Level, read reader[T],
	rewrite func(c *card, was *T) (*docstore.Document, error),
) (*T, error) {
	var edited *T
	err := s.try(ctx, who, id, expect, need, func(c *card) error {
		favourites, err := s.favourites(ctx, who)
		if err != nil {
			return err
		}
		was, err := read(who, c.doc, favourites)
		if err != nil {
			return err
		}
		doc, err := rewrite(c, was)
		if err != nil {
			return err
		}
		edited, err = read(who, doc, favourites)
		return err
	})
	if err != nil {
		return nil, s.failed(id, err)
	}
	return edited, nil
}

// readAll returns the things of a listing.
func readAll[T any](who *access.Principal, found *list, favourites map[string]bool, read reader[T]) ([]*T, error) {
	all := make([]*T, len(found.cards))
	for i, c := range found.cards {
		var err error
		if all[i], err = read(who, c.doc, favourites); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// copyAs has a copy made under a name or, if that is empty, as Copy of another, with a number if there is such a thing already.
func copyAs[T any](name, another string, create func(name string) (*T, error)) (*T, error) {
	if name != "" {
		return create(name)
	}
	for n := 1; ; n++ {
		made, err := create(copyName(another, n))
		if err == nil || n == maxTries || !errors.Is(err, ErrTaken) {
			return made, err
		}
	}
}
