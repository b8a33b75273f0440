package dashboard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/docstore"
)

// A Dashboard is a grid of gadgets. Who makes or changes one sets the members up to Gadgets; the others are said
// of it when it is read.
type Dashboard struct {
	// Name is 1 to 255 characters. Blanks around it are left out.
	Name string `json:"name"`
	// Description is up to 4 KiB.
	Description string `json:"description"`
	// Owner is a user. When a dashboard is made, it is who makes it, if empty.
	Owner string `json:"owner"`
	// SharePermissions are up to MaxShares. When a dashboard is replaced, nil leaves them as they are.
	SharePermissions []SharePermission `json:"share_permissions"`
	// Gadgets are up to MaxGadgets, in the order of their positions. When a dashboard is replaced, nil leaves them as they are; a
	// gadget with the ID of one that is there takes its place, one without an ID is new, and those that are missing are removed.
	Gadgets []*Gadget `json:"gadgets"`

	ID string `json:"id"`
	// Permission is what who asks may do: at most Admin for who does not own it.
	Permission Level `json:"permission"`
	// Favourite reports whether it is a favourite of who asks. When a dashboard is made, it may be set.
	Favourite bool      `json:"favourite"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	// Version counts the changes, also those of its gadgets. With ID it never means something else.
	Version int64 `json:"version"`
}

// A GadgetCheck returns what is wrong with a gadget besides its form, as far as who may know: that its filter is not
// there, or has no such fields. Its errors are returned as they are, wrapped.
type GadgetCheck func(ctx context.Context, who *access.Principal, g *Gadget) error

// Dashboards keeps dashboards. It is safe for concurrent use, also by several processes on one store.
type Dashboards struct {
	shelf
	check GadgetCheck
}

// NewDashboards returns the dashboards of a store. What it is given stays the caller's.
func NewDashboards(store *docstore.Store, policy *access.Policy, check GadgetCheck, opts *Options) *Dashboards {
	return &Dashboards{shelf: newShelf(store, policy, "dashboards", "dashboard", opts), check: check}
}

// Create keeps a new dashboard, with its gadgets if it has any, and returns it.
func (s *Dashboards) Create(ctx context.Context, who *access.Principal, d *Dashboard) (*Dashboard, error) {
	made, err := s.create(ctx, who, d)
	if err != nil {
		return nil, fmt.Errorf("dashboard: create dashboard: %w", err)
	}
	return made, nil
}

func (s *Dashboards) create(ctx context.Context, who *access.Principal, d *Dashboard) (*Dashboard, error) {
	if err := s.admit(who); err != nil {
		return nil, err
	}
	if d == nil {
		return nil, FieldErrors{{Message: "there is no dashboard"}}
	}
	in := d.clone()
	in.Owner = cmp.Or(in.Owner, who.User)
	for _, g := range in.Gadgets {
		g.ID = "" // of another dashboard, perhaps
	}
	if err := in.clean(); err != nil {
		return nil, err
	}
	if err := s.mayShare(who, sharing{}, in.sharing()); err != nil {
		return nil, err
	}
	now := s.now().UTC()
	if err := s.settleGadgets(ctx, who, in.Gadgets, nil, now); err != nil {
		return nil, err
	}
	in.CreatedAt, in.UpdatedAt = now, now
	doc, err := s.put(ctx, who.Tenant, in.card(nil), in.body())
	if err != nil {
		return nil, err
	}
	if d.Favourite {
		if _, err := s.favour(ctx, who, doc.ID, true); err != nil {
			return nil, fmt.Errorf("dashboard %q is made, but is no favourite: %w", doc.ID, err)
		}
	}
	return s.dashboard(who, doc, map[string]bool{doc.ID: d.Favourite})
}

// settleGadgets gives gadgets that are new their ids, and those that differ from what was a new version, and has those checked that ask something else.
func (s *Dashboards) settleGadgets(ctx context.Context, who *access.Principal, all, was []*Gadget, now time.Time) error {
	for i, g := range all {
		before := gadgetOf(was, g.ID)
		if before == nil {
			g.ID, g.CreatedAt, g.UpdatedAt, g.Version = s.newID(), now, now, 1
		} else {
			g.CreatedAt, g.UpdatedAt, g.Version = before.CreatedAt, before.UpdatedAt, before.Version
			if !g.same(before) {
				g.UpdatedAt, g.Version = now, before.Version+1
			}
		}
		if before != nil && g.asks(before) {
			continue
		}
		if err := s.check(ctx, who, g.clone()); err != nil {
			var fields FieldErrors
			if errors.As(err, &fields) {
				return fields.within(fmt.Sprintf("gadgets[%d].", i))
			}
			return err
		}
	}
	return nil
}

func gadgetOf(all []*Gadget, id string) *Gadget {
	if id == "" {
		return nil
	}
	for _, g := range all {
		if g.ID == id {
			return g
		}
	}
	return nil
}

// Get returns a dashboard that who may read, with its gadgets.
func (s *Dashboards) Get(ctx context.Context, who *access.Principal, id string) (*Dashboard, error) {
	return get(ctx, &s.shelf, who, id, s.dashboard)
}

// Replace puts d, as far as it is for who changes a dashboard to set, in the place of a dashboard in version expect, and returns it
// as it is then. If Owner is empty, it stays. A dashboard that would not change is left in its version.
func (s *Dashboards) Replace(ctx context.Context, who *access.Principal, id string, d *Dashboard, expect int64) (*Dashboard, error) {
	return s.edit(ctx, who, id, expect, Write, func(old *Dashboard) error {
		if d == nil {
			return FieldErrors{{Message: "there is no dashboard"}}
		}
		if d.ID != "" && d.ID != id {
			return FieldErrors{{Field: "id", Message: fmt.Sprintf("must be %q or left out, got %q", id, d.ID)}}
		}
		in := d.clone()
		old.Name, old.Description, old.Owner = in.Name, in.Description, cmp.Or(in.Owner, old.Owner)
		if d.SharePermissions != nil {
			old.SharePermissions = in.SharePermissions
		}
		if d.Gadgets != nil {
			old.Gadgets = in.Gadgets
		}
		return nil
	})
}

// Patch applies a JSON merge patch (RFC 7396) to a dashboard in version expect, and returns it as it is then, with the rules of
// Replace. Members that are not for who changes a dashboard to set may be there with the values that they have.
func (s *Dashboards) Patch(ctx context.Context, who *access.Principal, id string, patch []byte, expect int64) (*Dashboard, error) {
	return s.edit(ctx, who, id, expect, Write, func(old *Dashboard) error {
		was := *old
		if err := patched(old, patch, "name", "owner"); err != nil {
			return err
		}
		return fixed([]member{
			{"id", old.ID == was.ID, ""}, {"permission", old.Permission == was.Permission, ""},
			{"favourite", old.Favourite == was.Favourite, ": it is set for each user by itself"},
			{"created_at", old.CreatedAt.Equal(was.CreatedAt), ""}, {"updated_at", old.UpdatedAt.Equal(was.UpdatedAt), ""},
			{"version", old.Version == was.Version, ""},
		})
	})
}

// ChangeOwner gives a dashboard in version expect to another user. The owner may do it, with [access.MayShare], and who has
// [access.MayAdmin]. The owner before keeps what the shares give, which may be nothing.
func (s *Dashboards) ChangeOwner(ctx context.Context, who *access.Principal, id, owner string, expect int64) (*Dashboard, error) {
	return s.edit(ctx, who, id, expect, Read, func(old *Dashboard) error {
		old.Owner = owner
		return nil
	})
}

// SetPermissions shares a dashboard in version expect with these and no others. It needs Admin.
func (s *Dashboards) SetPermissions(ctx context.Context, who *access.Principal, id string, shares []SharePermission, expect int64) (*Dashboard, error) {
	return s.edit(ctx, who, id, expect, Admin, func(old *Dashboard) error {
		old.SharePermissions = shares
		return nil
	})
}

// edit changes a dashboard in version expect. If that is 0, change may be called several times.
func (s *Dashboards) edit(ctx context.Context, who *access.Principal, id string, expect int64, need Level, change func(*Dashboard) error) (*Dashboard, error) {
	return edit(ctx, &s.shelf, who, id, expect, need, s.dashboard, func(c *card, was *Dashboard) (*docstore.Document, error) {
		return s.rewrite(ctx, who, c, was, change)
	})
}

// rewrite stores what change makes of a dashboard, if it is another.
func (s *Dashboards) rewrite(ctx context.Context, who *access.Principal, c *card, was *Dashboard, change func(*Dashboard) error) (*docstore.Document, error) {
	is := was.clone()
	if err := change(is); err != nil {
		return nil, err
	}
	is = is.clone() // what was changed may be the caller's
	if err := is.clean(); err != nil {
		return nil, err
	}
	if err := is.known(was); err != nil {
		return nil, err
	}
	if err := s.mayShare(who, was.sharing(), is.sharing()); err != nil {
		return nil, err
	}
	if is.same(was) {
		return c.doc, nil
	}
	now := s.now().UTC()
	if err := s.settleGadgets(ctx, who, is.Gadgets, was.Gadgets, now); err != nil {
		return nil, err
	}
	is.CreatedAt, is.UpdatedAt = was.CreatedAt, now
	return s.put(ctx, who.Tenant, is.card(c.doc), is.body())
}

// Delete removes a dashboard in version expect, with its gadgets. It needs Admin.
func (s *Dashboards) Delete(ctx context.Context, who *access.Principal, id string, expect int64) error {
	err := s.try(ctx, who, id, expect, Admin, func(c *card) error { return s.remove(ctx, c) })
	if err != nil {
		return s.failed(id, err)
	}
	return nil
}

// SetFavourite makes a dashboard that who may read a favourite, or no longer one. What is one already, or none, is left as it is.
func (s *Dashboards) SetFavourite(ctx context.Context, who *access.Principal, id string, on bool) error {
	if err := s.setFavourite(ctx, who, id, on); err != nil {
		return s.failed(id, err)
	}
	return nil
}

// Copy makes a dashboard of who's own with the gadgets of another one, of the same filters, and shares it with nobody. Its name, if
// empty, is "Copy of" that of the other one, with a number if there is such a dashboard already. Gadgets are copied unchecked: a filter that
// who may not read stays one.
func (s *Dashboards) Copy(ctx context.Context, who *access.Principal, id, name string) (*Dashboard, error) {
	from, err := s.Get(ctx, who, id)
	if err != nil {
		return nil, err
	}
	unchecked := *s
	unchecked.check = func(context.Context, *access.Principal, *Gadget) error { return nil }
	return copyAs(name, from.Name, func(name string) (*Dashboard, error) {
		return unchecked.Create(ctx, who, &Dashboard{Name: name, Description: from.Description, Gadgets: from.Gadgets})
	})
}

// A Page is one page of a listing of dashboards.
type Page struct {
	Dashboards []*Dashboard
	// Total is how many dashboards there are on all pages.
	Total int
	// Next is where the next page begins; nil if this is the last.
	Next *docstore.Cursor
}

// List returns dashboards that who may read, in the order of their names without regard to case. nil asks for all.
func (s *Dashboards) List(ctx context.Context, who *access.Principal, q *ListQuery) (*Page, error) {
	page, err := s.page(ctx, who, q)
	if err != nil {
		return nil, fmt.Errorf("dashboard: list dashboards: %w", err)
	}
	return page, nil
}

func (s *Dashboards) page(ctx context.Context, who *access.Principal, q *ListQuery) (*Page, error) {
	found, favourites, err := s.listing(ctx, who, q)
	if err != nil {
		return nil, err
	}
	all, err := readAll(who, found, favourites, s.dashboard)
	return &Page{Dashboards: all, Total: found.total, Next: found.next}, err
}

// byPlace orders gadgets by where they stand.
func byPlace(g, h *Gadget) int {
	return cmp.Or(cmp.Compare(g.Position.Row, h.Position.Row), cmp.Compare(g.Position.Column, h.Position.Column))
}

// sortGadgets returns gadgets in the order of their positions.
func sortGadgets(all []*Gadget) []*Gadget {
	return slices.SortedStableFunc(slices.Values(all), byPlace)
}
