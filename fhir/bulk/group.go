package bulk

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/fhir/mapping"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/search"
)

// A Group is some patients that can be exported together. Its members are given by JQL or as a list.
type Group struct {
	// ID is that of the FHIR Group: 1 to 64 letters, digits, - and .
	ID string
	// Name and Description are for people.
	Name, Description string
	// JQL chooses records of the index of the Patient mapping: their patients are the members. It is answered
	// under the sight of who asks.
	JQL string
	// Members are ids of patients. They go without JQL.
	Members []string
	// Tenants, Roles and Groups say to whom the group is known: to principals of one of the tenants, with one of the
	// roles, in one of the groups. An empty list restricts nothing.
	Tenants, Roles, Groups []string
}

// A GroupInfo is a group as a principal sees it.
type GroupInfo struct {
	ID, Name, Description string
	// Quantity is how many members who asks may see; -1 in a listing, which does not count.
	Quantity int64
}

// group returns the group with an id, if who may know of it; else nil.
func (s *Service) group(who *access.Principal, id string) *Group {
	for i := range s.config.Groups {
		if g := &s.config.Groups[i]; g.ID == id && g.known(who) {
			return g
		}
	}
	return nil
}

// known reports whether who may know of the group.
func (g *Group) known(who *access.Principal) bool {
	one := func(allowed []string, has ...string) bool {
		return len(allowed) == 0 || slices.ContainsFunc(has, func(s string) bool { return slices.Contains(allowed, s) })
	}
	return one(g.Tenants, who.Tenant) && one(g.Roles, who.Roles...) && one(g.Groups, who.Groups...)
}

// members yields the members of a group that who may see.
func (s *Service) members(ctx context.Context, who *access.Principal, g *Group) iter.Seq2[string, error] {
	if g.JQL == "" {
		return func(yield func(string, error) bool) {
			for _, id := range g.Members {
				if !yield(mapping.ID(id), nil) {
					return
				}
			}
		}
	}
	return func(yield func(string, error) bool) {
		b, err := s.patientMapping(ctx, who)
		if errors.Is(err, search.ErrUnknownIndex) || errors.Is(err, errHidden) {
			return // who sees no patients sees no members
		}
		var and *jql.Query
		if err == nil {
			and, err = jql.Parse(g.JQL, nil)
		}
		if err != nil {
			yield("", err)
			return
		}
		for id, err := range s.found(ctx, who, b, &wish{asked: &asked{}}, and) {
			if !yield(id, err) || err != nil {
				return
			}
		}
	}
}

// visible yields the members of a group whose Patient who may see, and who are its own, if it is restricted to these.
func (s *Service) visible(ctx context.Context, who *access.Principal, g *Group) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		own, err := s.own(who)
		if err != nil {
			yield("", err)
			return
		}
		var p *patients
		if own != nil {
			if p, err = collect(each(own)); err != nil {
				yield("", err)
				return
			}
		}
		gone := map[string]bool{}
		if g.JQL == "" { // the others come from what who sees
			var listed, missing []string
			for id, err := range s.members(ctx, who, g) {
				if err != nil {
					yield("", err)
					return
				}
				listed = append(listed, id)
			}
			if missing, err = s.missing(ctx, who, listed); err != nil {
				yield("", err)
				return
			}
			for _, id := range missing {
				gone[id] = true
			}
		}
		for id, err := range p.among(s.members(ctx, who, g)) {
			if err == nil && gone[id] {
				continue
			}
			if !yield(id, err) || err != nil {
				return
			}
		}
	}
}

// Groups returns the groups that who may know of, in the order of the configuration.
func (s *Service) Groups(_ context.Context, who *access.Principal) ([]GroupInfo, error) {
	if _, err := s.own(who); err != nil {
		return nil, failed("groups", err)
	}
	all := []GroupInfo{}
	for i := range s.config.Groups {
		if g := &s.config.Groups[i]; g.known(who) {
			all = append(all, GroupInfo{ID: g.ID, Name: g.Name, Description: g.Description, Quantity: -1})
		}
	}
	return all, nil
}

// Group returns a group, with the number of its members. One that is not there, or of which who may not know, is ErrNotFound.
func (s *Service) Group(ctx context.Context, who *access.Principal, id string) (*GroupInfo, error) {
	info := new(GroupInfo)
	for _, err := range s.Members(ctx, who, id) {
		if err != nil {
			return nil, err
		}
		info.Quantity++
	}
	g := s.group(who, id)
	info.ID, info.Name, info.Description = g.ID, g.Name, g.Description
	return info, nil
}

// Members yields the ids of the patients of a group that who may see. An error is the last pair.
func (s *Service) Members(ctx context.Context, who *access.Principal, id string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		_, err := s.own(who)
		var g *Group
		if err == nil {
			if g = s.group(who, id); g == nil {
				err = ErrNotFound
			}
		}
		if err != nil {
			yield("", failed("group", err))
			return
		}
		for id, err := range s.visible(ctx, who, g) {
			if err != nil {
				yield("", failed("group", err))
				return
			}
			if !yield(id, nil) {
				return
			}
		}
	}
}
