package dashboard

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/digit-health/dhr/access"
)

// A Cascade is what sharing the filters of a dashboard with those who may read it means for one filter.
type Cascade struct {
	FilterID string `json:"filter_id"`
	// Name is that of the filter, if who asks may read it.
	Name string `json:"name,omitempty"`
	// Outcome is shared, or would_share in a dry run; nothing_to_do if all may read it already; not_found if the filter is not
	// there, or not to be read; forbidden if who asks may not share it.
	Outcome string `json:"outcome"`
	// Adds are the shares that the filter lacks, each to read.
	Adds []SharePermission `json:"adds"`
	// Reason says more of what is forbidden.
	Reason string `json:"reason,omitempty"`
}

// A filterSharer reads and shares filters: a *Filters, or what notes what it does.
type filterSharer interface {
	Get(ctx context.Context, who *access.Principal, id string) (*Filter, error)
	SetPermissions(ctx context.Context, who *access.Principal, id string, shares []SharePermission, expect int64) (*Filter, error)
}

// Cascade shares the filters of a dashboard with those who may read it, to read and no more, and returns what became of each. It
// needs Admin on the dashboard, and for each filter what [Filters.SetPermissions] needs; a filter that cannot be shared keeps none of the
// others from being shared. Shares that are there are neither lowered nor raised. In a dry run nothing changes.
func (s *Dashboards) Cascade(ctx context.Context, who *access.Principal, id string, filters filterSharer, dry bool) ([]Cascade, error) {
	c, err := s.open(ctx, who, id, Admin)
	if err != nil {
		return nil, s.failed(id, err)
	}
	d, err := s.dashboard(who, c.doc, nil)
	if err != nil {
		return nil, s.failed(id, err)
	}
	all := []Cascade{}
	for _, g := range d.Gadgets {
		if slices.ContainsFunc(all, func(done Cascade) bool { return done.FilterID == g.FilterID }) {
			continue
		}
		one, err := s.cascade(ctx, who, d, g.FilterID, filters, dry)
		if err != nil {
			return all, s.failed(id, fmt.Errorf("filter %q: %w", g.FilterID, err))
		}
		all = append(all, *one)
	}
	return all, nil
}

func (s *Dashboards) cascade(ctx context.Context, who *access.Principal, d *Dashboard, id string, filters filterSharer, dry bool) (*Cascade, error) {
	for n := 1; ; n++ {
		out := &Cascade{FilterID: id, Adds: []SharePermission{}}
		f, err := filters.Get(ctx, who, id)
		if errors.Is(err, ErrNotFound) {
			out.Outcome = "not_found"
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		out.Name, out.Adds = f.Name, f.lacks(d.sharing())
		shares := append(slices.Clone(f.SharePermissions), out.Adds...)
		switch err := s.mayShare(who, f.sharing(), sharing{f.Owner, shares}); {
		case len(out.Adds) == 0:
			out.Outcome = "nothing_to_do"
			return out, nil
		case errors.Is(err, ErrForbidden):
			out.Outcome, out.Reason = "forbidden", err.Error()
			return out, nil
		case err != nil:
			return nil, err
		case dry:
			out.Outcome = "would_share"
			return out, nil
		}
		_, err = filters.SetPermissions(ctx, who, id, shares, f.Version)
		if errors.Is(err, ErrConflict) && n < maxTries {
			continue // somebody was faster
		}
		var fields FieldErrors
		if errors.Is(err, ErrForbidden) || errors.As(err, &fields) {
			out.Outcome, out.Reason = "forbidden", err.Error()
			return out, nil
		}
		out.Outcome = "shared"
		return out, err
	}
}

// lacks returns the shares to read that f needs so that all may read it who may read what is shared like that.
func (f *Filter) lacks(like sharing) []SharePermission {
	adds := []SharePermission{}
	has := f.sharing()
	public := slices.ContainsFunc(has.shares, func(p SharePermission) bool { return p.Type == "public" })
	want := append([]SharePermission{{Type: "user", ID: like.owner}}, like.shares...)
	for _, p := range want {
		p.Permission = Read
		there := public || p.Type == "user" && p.ID == has.owner ||
			slices.ContainsFunc(has.shares, func(q SharePermission) bool { return q.grantee() == p.grantee() }) ||
			slices.ContainsFunc(adds, func(q SharePermission) bool { return q.grantee() == p.grantee() })
		if !there {
			adds = append(adds, p)
		}
	}
	return adds
}
