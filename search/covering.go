package search

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/record"
)

// A seen is what a principal sees of the records that one name stands for.
type seen struct {
	*access.View
	covers []string // the indexes that hold the records
}

// whole reports whether the name is that of an index.
func (s *seen) whole() bool { return len(s.covers) == 1 && s.covers[0] == s.Full().Index }

// apart returns the views of names as a question may be put to them: no two of
// them hold one record. It is several if one name stands for several indexes, where two records may have one id.
func (x *Index) apart(ctx context.Context, who *access.Principal, names []string) (views []*access.View, several bool, err error) {
	found, err := x.seen(ctx, who, names)
	if err != nil {
		return nil, false, err
	}
	holder := map[string]*seen{}
	for _, s := range found {
		several = several || len(s.covers) > 1
		for _, index := range s.covers {
			if other := holder[index]; other != nil { // both are names that who may see
				return nil, false, fmt.Errorf("%w: %q and %q have records in common, which would count twice; ask one of them by its name",
					ErrInvalid, other.Full().Index, s.Full().Index)
			}
			holder[index] = s
		}
	}
	return viewsOf(found), several, nil
}

// views returns what who sees of the indexes that names stand for, each once, in
// the order of their names.
func (x *Index) views(ctx context.Context, who *access.Principal, names []string) ([]*access.View, error) {
	found, err := x.seen(ctx, who, names)
	return viewsOf(found), err
}

func viewsOf(found []*seen) []*access.View {
	views := make([]*access.View, len(found))
	for i, s := range found {
		views[i] = s.View
	}
	return views
}

// seen returns what who sees by names, in the order of their indexes, without
// the names of which all indexes are seen by their own.
func (x *Index) seen(ctx context.Context, who *access.Principal, names []string) ([]*seen, error) {
	if who == nil {
		return nil, fmt.Errorf("%w: nobody asks", ErrInvalid)
	}
	if len(names) == 0 {
		names = []string{"*"}
	}
	if len(names) > x.opts.MaxIndexes {
		return nil, fmt.Errorf("%w: %d names of indexes, at most %d are allowed", ErrInvalid, len(names), x.opts.MaxIndexes)
	}
	met := map[string]bool{}
	var found []*seen
	for _, name := range names {
		views, err := x.named(ctx, who, name)
		if err != nil {
			return nil, err
		}
		for _, v := range views {
			if index := v.Full().Index; !met[index] {
				met[index] = true
				found = append(found, &seen{View: v, covers: []string{index}})
			}
		}
	}
	found, err := x.uncovered(ctx, found)
	if err != nil {
		return nil, err
	}
	if len(found) > x.opts.MaxIndexes {
		return nil, fmt.Errorf("%w: a question of %d indexes, at most %d are allowed", ErrInvalid, len(found), x.opts.MaxIndexes)
	}
	slices.SortFunc(found, func(a, b *seen) int { return strings.Compare(a.Full().Index, b.Full().Index) })
	return found, nil
}

// uncovered leaves out the aliases of which every index is among those found. An
// alias that shares its indexes with other aliases alone stays, for each may filter
// other records of them.
func (x *Index) uncovered(ctx context.Context, found []*seen) ([]*seen, error) {
	d, ok := x.driver.(coverer)
	if !ok {
		return found, nil
	}
	indexes := map[string]bool{}
	for _, s := range found {
		covers, err := d.Covers(ctx, s.Full().Index)
		if err != nil {
			return nil, err
		}
		if len(covers) > 0 {
			s.covers = covers
		}
		if s.whole() {
			indexes[s.Full().Index] = true
		}
	}
	return slices.DeleteFunc(found, func(s *seen) bool {
		return !s.whole() && !slices.ContainsFunc(s.covers, func(index string) bool { return !indexes[index] })
	}), nil
}

// named returns the views that one name stands for, at least one.
func (x *Index) named(ctx context.Context, who *access.Principal, name string) ([]*access.View, error) {
	var schemas []*record.Schema
	if strings.Contains(name, "*") || x.policy.Allows(who, name) {
		var err error
		schemas, err = x.driver.Schemas(ctx, name)
		if err = x.visibleTo(who, err); err != nil {
			return nil, err
		}
	}
	var views []*access.View
	for _, s := range schemas {
		if v, ok := x.policy.View(who, s); ok {
			views = append(views, v)
		}
	}
	if len(views) == 0 {
		return nil, fmt.Errorf("%w %q", ErrUnknownIndex, name)
	}
	return views, nil
}
