package dashboard

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/search"
)

// A Filter is a saved question. Who makes or changes one sets the members up to
// SharePermissions; the others are said of it when it is read.
type Filter struct {
	// Name is 1 to 255 characters. Blanks around it are left out.
	Name string `json:"name"`
	// Description is up to 4 KiB.
	Description string `json:"description"`
	// JQL is the question, and AllowedIndexes are the indexes that it is put to: if empty, all that who
	// runs it may see.
	JQL            string   `json:"jql"`
	AllowedIndexes []string `json:"allowed_indexes"`
	// Owner is a user. When a filter is made, it is who makes it, if empty.
	Owner string `json:"owner"`
	// SharePermissions are up to MaxShares. When a filter is replaced, nil leaves them as they are.
	SharePermissions []SharePermission `json:"share_permissions"`

	ID string `json:"id"`
	// Permission is what who asks may do: at most Admin for who does not own it.
	Permission Level `json:"permission"`
	// Favourite reports whether it is a favourite of who asks. When a filter is made, it
	// may be set.
	Favourite bool      `json:"favourite"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	// Version counts the changes. No filter that is made later has the ID, so that both
	// together never mean something else. It does not change with who asks, as Permission and Favourite do.
	Version int64 `json:"version"`
}

// A Check returns what is wrong with a query and the names of indexes, as far as who may know. Its
// errors are returned as they are, wrapped.
type Check func(ctx context.Context, who *access.Principal, jql string, indexes []string) error

// Options are choices that a user of [NewFilters] or [NewDashboards] may leave open.
type Options struct {
	// Now is the clock. If nil, time.Now.
	Now func() time.Time
	// NewID returns an id for a new thing, which none has had before: up to 200 bytes. If nil,
	// it is 26 letters and digits at random.
	NewID func() string
}

// Filters keeps filters. It is safe for concurrent use, also by several processes on one store.
type Filters struct {
	shelf
	check Check
}

// NewFilters returns the filters of a store. What it is given stays the caller's.
func NewFilters(store *docstore.Store, policy *access.Policy, check Check, opts *Options) *Filters {
	return &Filters{shelf: newShelf(store, policy, "filters", "filter", opts), check: check}
}

// Create keeps a new filter and returns it. Of f, the members that say something of a kept filter do not count,
// except for Favourite.
func (s *Filters) Create(ctx context.Context, who *access.Principal, f *Filter) (*Filter, error) {
	made, err := s.create(ctx, who, f)
	if err != nil {
		return nil, fmt.Errorf("dashboard: create filter: %w", err)
	}
	return made, nil
}

func (s *Filters) create(ctx context.Context, who *access.Principal, f *Filter) (*Filter, error) {
	if err := s.admit(who); err != nil {
		return nil, err
	}
	in, err := f.clean(who.User)
	if err != nil {
		return nil, err
	}
	if err := s.mayShare(who, sharing{}, in.sharing()); err != nil {
		return nil, err
	}
	if err := s.check(ctx, who, in.JQL, in.AllowedIndexes); err != nil {
		return nil, err
	}
	body := in.body()
	body.CreatedAt = s.now().UTC()
	body.UpdatedAt = body.CreatedAt
	doc, err := s.put(ctx, who.Tenant, &card{sharing: in.sharing(), name: in.Name}, body)
	if err != nil {
		return nil, err
	}
	if f.Favourite {
		if _, err := s.favour(ctx, who, doc.ID, true); err != nil {
			return nil, fmt.Errorf("filter %q is made, but is no favourite: %w", doc.ID, err)
		}
	}
	return s.filter(who, doc, map[string]bool{doc.ID: f.Favourite})
}

// Get returns a filter that who may read.
func (s *Filters) Get(ctx context.Context, who *access.Principal, id string) (*Filter, error) {
	return get(ctx, &s.shelf, who, id, s.filter)
}

// Replace puts f, as far as it is for who changes a filter to set, in the place of a filter in version expect, and returns it
// as it is then. If Owner is empty, it stays. A change of Owner or SharePermissions needs what ChangeOwner and
// SetPermissions need. A filter that would not change is left in its version.
func (s *Filters) Replace(ctx context.Context, who *access.Principal, id string, f *Filter, expect int64) (*Filter, error) {
	return s.edit(ctx, who, id, expect, Write, func(old *Filter) error {
		if f == nil {
			return FieldErrors{{Message: "there is no filter"}}
		}
		if f.ID != "" && f.ID != id {
			return FieldErrors{{Field: "id", Message: fmt.Sprintf("must be %q or left out, got %q", id, f.ID)}}
		}
		old.Name, old.Description, old.JQL, old.AllowedIndexes = f.Name, f.Description, f.JQL, f.AllowedIndexes
		old.Owner = cmp.Or(f.Owner, old.Owner)
		if f.SharePermissions != nil {
			old.SharePermissions = f.SharePermissions
		}
		return nil
	})
}

// Patch applies a JSON merge patch (RFC 7396) to a filter in version expect, and returns it as it is then, with the rules of
// Replace. Members that are not for who changes a filter to set may be there with the values that they have.
func (s *Filters) Patch(ctx context.Context, who *access.Principal, id string, patch []byte, expect int64) (*Filter, error) {
	return s.edit(ctx, who, id, expect, Write, func(old *Filter) error {
		was := *old
		if err := patched(old, patch, "name", "jql", "owner"); err != nil {
			return err
		}
		return old.fixed(&was)
	})
}

// fixed returns an error if what is not for a user to set differs from what it was.
func (f *Filter) fixed(was *Filter) error {
	return fixed([]member{
		{"id", f.ID == was.ID, ""}, {"permission", f.Permission == was.Permission, ""},
		{"favourite", f.Favourite == was.Favourite, ": it is set for each user by itself"},
		{"created_at", f.CreatedAt.Equal(was.CreatedAt), ""}, {"updated_at", f.UpdatedAt.Equal(was.UpdatedAt), ""},
		{"version", f.Version == was.Version, ""},
	})
}

// ChangeOwner gives a filter in version expect to another user. The owner may do it, with [access.MayShare], and who has
// [access.MayAdmin]. The owner before keeps what the shares give, which may be nothing.
func (s *Filters) ChangeOwner(ctx context.Context, who *access.Principal, id, owner string, expect int64) (*Filter, error) {
	return s.edit(ctx, who, id, expect, Read, func(old *Filter) error {
		old.Owner = owner
		return nil
	})
}

// Permissions returns with whom a filter is shared, to who may read it.
func (s *Filters) Permissions(ctx context.Context, who *access.Principal, id string) ([]SharePermission, error) {
	f, err := s.Get(ctx, who, id)
	if err != nil {
		return nil, err
	}
	return f.SharePermissions, nil
}

// SetPermissions shares a filter in version expect with these and no others. It needs Admin.
func (s *Filters) SetPermissions(ctx context.Context, who *access.Principal, id string, shares []SharePermission, expect int64) (*Filter, error) {
	return s.edit(ctx, who, id, expect, Admin, func(old *Filter) error {
		old.SharePermissions = shares
		return nil
	})
}

// edit changes a filter in version expect. If that is 0, change may be called several times.
func (s *Filters) edit(ctx context.Context, who *access.Principal, id string, expect int64, need Level, change func(*Filter) error) (*Filter, error) {
	return edit(ctx, &s.shelf, who, id, expect, need, s.filter, func(c *card, was *Filter) (*docstore.Document, error) {
		return s.rewrite(ctx, who, c, was, change)
	})
}

// rewrite stores what change makes of a filter, if it is another.
func (s *Filters) rewrite(ctx context.Context, who *access.Principal, c *card, was *Filter, change func(*Filter) error) (*docstore.Document, error) {
	changed := was.clone()
	if err := change(changed); err != nil {
		return nil, err
	}
	is, err := changed.clean(changed.Owner)
	if err != nil {
		return nil, err
	}
	if err := s.mayShare(who, was.sharing(), is.sharing()); err != nil {
		return nil, err
	}
	if is.same(was) {
		return c.doc, nil
	}
	if is.JQL != was.JQL || !slices.Equal(is.AllowedIndexes, was.AllowedIndexes) {
		if err := s.check(ctx, who, is.JQL, is.AllowedIndexes); err != nil {
			return nil, err
		}
	}
	body := is.body()
	body.CreatedAt, body.UpdatedAt = was.CreatedAt, s.now().UTC()
	return s.put(ctx, who.Tenant, &card{sharing: is.sharing(), name: is.Name, doc: c.doc}, body)
}

// Delete removes a filter in version expect. It needs Admin.
func (s *Filters) Delete(ctx context.Context, who *access.Principal, id string, expect int64) error {
	err := s.try(ctx, who, id, expect, Admin, func(c *card) error { return s.remove(ctx, c) })
	if err != nil {
		return s.failed(id, err)
	}
	return nil
}

// A FilterPage is one page of a listing.
type FilterPage struct {
	Filters []*Filter
	// Total is how many filters there are on all pages.
	Total int
	// Next is where the next page begins; nil if this is the last.
	Next *docstore.Cursor
}

// List returns filters that who may read, in the order of their names without regard to case. nil asks for all.
func (s *Filters) List(ctx context.Context, who *access.Principal, q *ListQuery) (*FilterPage, error) {
	page, err := s.page(ctx, who, q)
	if err != nil {
		return nil, fmt.Errorf("dashboard: list filters: %w", err)
	}
	return page, nil
}

func (s *Filters) page(ctx context.Context, who *access.Principal, q *ListQuery) (*FilterPage, error) {
	found, favourites, err := s.listing(ctx, who, q)
	if err != nil {
		return nil, err
	}
	all, err := readAll(who, found, favourites, s.filter)
	return &FilterPage{Filters: all, Total: found.total, Next: found.next}, err
}

// Copy makes a filter of who's own that asks what another one asks, and shares it with nobody. Its name, if empty, is
// "Copy of" that of the other one, with a number if there is such a filter already.
func (s *Filters) Copy(ctx context.Context, who *access.Principal, id, name string) (*Filter, error) {
	from, err := s.Get(ctx, who, id)
	if err != nil {
		return nil, err
	}
	return copyAs(name, from.Name, func(name string) (*Filter, error) {
		return s.Create(ctx, who, &Filter{Name: name, Description: from.Description, JQL: from.JQL, AllowedIndexes: from.AllowedIndexes})
	})
}

// SetFavourite makes a filter that who may read a favourite, or no longer one. What is one already, or none, is left as it is.
func (s *Filters) SetFavourite(ctx context.Context, who *access.Principal, id string, on bool) error {
	if err := s.setFavourite(ctx, who, id, on); err != nil {
		return s.failed(id, err)
	}
	return nil
}

// Query returns what a filter asks, to be asked by who, in whose sight it has been
// checked. It needs Read.
func (s *Filters) Query(ctx context.Context, who *access.Principal, id string) (*search.Query, error) {
	f, err := s.Get(ctx, who, id)
	if err != nil {
		return nil, err
	}
	if err := s.check(ctx, who, f.JQL, f.AllowedIndexes); err != nil {
		return nil, s.failed(id, err)
	}
	return &search.Query{JQL: f.JQL, Indexes: f.AllowedIndexes}, nil
}
