package search

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// A seen is what a principal sees of the records that one name stands for.
type seen struct {
	*access.View
	scope  plan.Node // which of them
	covers []string  // the indexes that hold the records
}

// whole reports whether the name is that of an index.
func (s *seen) whole() bool { return len(s.covers) == 1 && s.covers[0] == s.Full().Index }

// apart returns what who sees by names as a question may be put to it: no two of
// them hold one record. It is several if one name stands for several indexes, where two records may have one id.
func (x *Index) apart(ctx context.Context, who *access.Principal, names []string, opts *jql.ResolveOptions) (found []*seen, several bool, err error) {
	found, err = x.seen(ctx, who, names, opts)
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
	return found, several, nil
}

// views returns what who sees of the indexes that names stand for, each once, in
// the order of their names.
func (x *Index) views(ctx context.Context, who *access.Principal, names []string) ([]*access.View, error) {
	found, err := x.seen(ctx, who, names, nil)
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
// the names of which all indexes are seen by their own. Without opts it is not asked for records.
func (x *Index) seen(ctx context.Context, who *access.Principal, names []string, opts *jql.ResolveOptions) ([]*seen, error) {
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
		views, err := x.named(ctx, who, name, opts)
		if err != nil {
			return nil, err
		}
		for _, v := range views {
			if index := v.Full().Index; !met[index] {
				met[index] = true
				found = append(found, v)
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

// named returns what who sees by one name, at least one index.
func (x *Index) named(ctx context.Context, who *access.Principal, name string, opts *jql.ResolveOptions) ([]*seen, error) {
	var schemas []*record.Schema
	if strings.Contains(name, "*") || x.allows(who, name) {
		var err error
		schemas, err = x.driver.Schemas(ctx, name)
		if err = x.visibleTo(who, err); err != nil {
			return nil, err
		}
	}
	var found []*seen
	var unfit error
	for _, s := range schemas {
		v, err := x.view(ctx, who, s, opts)
		switch {
		case errors.Is(err, access.ErrUnfit):
			unfit = err
		case err != nil:
			return nil, x.denied(ctx, who, err)
		case v != nil:
			found = append(found, v)
		}
	}
	if len(found) == 0 {
		if unfit != nil {
			_ = x.denied(ctx, who, unfit) // who asked does not learn that there is something
		}
		return nil, fmt.Errorf("%w %q%s", ErrUnknownIndex, name, x.didYouMean(ctx, who, name))
	}
	return found, nil
}

// didYouMean says which of the indexes that who sees has a name most like one that stands for none.
func (x *Index) didYouMean(ctx context.Context, who *access.Principal, name string) string {
	if strings.Contains(name, "*") {
		return ""
	}
	names, err := x.indexes(ctx, who)
	if err != nil {
		return "" // that the name is unknown has been found out without
	}
	if near := record.Nearest(name, names); near != "" && near != name {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// view returns what who sees of the index of a schema, nil if that is nothing. Of an index that its rules do not fit,
// that is nothing either: the error wraps [access.ErrUnfit]. Without opts, functions of rules may fail.
func (x *Index) view(ctx context.Context, who *access.Principal, s *record.Schema, opts *jql.ResolveOptions) (*seen, error) {
	v, ok := x.policy.View(who, s)
	if !ok || !x.serves(s.Index) {
		return nil, nil
	}
	asked := opts
	if asked == nil {
		asked = &jql.ResolveOptions{Now: x.opts.Now()}
	}
	scope, err := v.Scope(ctx, asked)
	if err != nil && (opts != nil || !errors.Is(err, access.ErrDenied) || errors.Is(err, access.ErrUnfit)) {
		return nil, err
	}
	return &seen{View: v, scope: scope, covers: []string{s.Index}}, nil
}
