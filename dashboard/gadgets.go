package dashboard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/docstore"
)

// Gadget returns a gadget of a dashboard that who may read.
func (s *Dashboards) Gadget(ctx context.Context, who *access.Principal, id string) (*Gadget, error) {
	board, err := s.boardOf(ctx, who, id)
	if err != nil {
		return nil, gadgetFailed(id, err)
	}
	d, err := s.Get(ctx, who, board)
	if err != nil {
		return nil, gadgetFailed(id, err)
	}
	if g := gadgetOf(d.Gadgets, id); g != nil {
		return g, nil
	}
	return nil, gadgetFailed(id, ErrNotFound)
}

// boardOf returns the id of the dashboard with a gadget.
func (s *Dashboards) boardOf(ctx context.Context, who *access.Principal, id string) (string, error) {
	if err := s.admit(who); err != nil {
		return "", err
	}
	if textComplaint(id, 200) != "" { // no such id can be
		return "", ErrNotFound
	}
	q := &docstore.Query{Tenant: who.Tenant, Kind: s.kind, Any: []string{gadgetMark + id}}
	for doc, err := range s.store.All(ctx, q) {
		if err != nil {
			return "", err
		}
		return doc.ID, nil
	}
	return "", ErrNotFound
}

// AddGadget puts a new gadget on a dashboard and returns it. It needs Write.
func (s *Dashboards) AddGadget(ctx context.Context, who *access.Principal, board string, g *Gadget) (*Gadget, error) {
	var known []string
	d, err := s.edit(ctx, who, board, 0, Write, func(d *Dashboard) error {
		if g == nil {
			return FieldErrors{{Message: "there is no gadget"}}
		}
		known = nil
		for _, had := range d.Gadgets {
			known = append(known, had.ID)
		}
		added := g.clone()
		added.ID = ""
		return d.setGadget(len(d.Gadgets), added)
	})
	if fields := FieldErrors(nil); errors.As(err, &fields) {
		err = s.failed(board, fields.without("gadgets"))
	}
	if err != nil {
		return nil, err
	}
	for _, made := range d.Gadgets {
		if !slices.Contains(known, made.ID) {
			return made, nil
		}
	}
	return nil, s.failed(board, ErrNotFound) // somebody has removed it at once
}

// CheckGadget returns what is wrong with a gadget that is not kept, in the sight of who.
func (s *Dashboards) CheckGadget(ctx context.Context, who *access.Principal, g *Gadget) error {
	err := s.admit(who)
	if err == nil && g == nil {
		err = FieldErrors{{Message: "there is no gadget"}}
	}
	if err == nil {
		err = (&Dashboard{}).setGadget(0, g.clone())
	}
	if err == nil {
		err = s.check(ctx, who, g.clone())
	}
	if err != nil {
		return fmt.Errorf("dashboard: gadget: %w", err)
	}
	return nil
}

// setGadget puts a gadget at a place in the list, and complains of it as of something by itself.
func (d *Dashboard) setGadget(at int, g *Gadget) error {
	g.Title = strings.TrimSpace(g.Title)
	var errs FieldErrors
	g.check("", &errs)
	for i, other := range d.Gadgets {
		if i != at && g.Position.overlaps(other.Position) {
			errs.add("position", "stands where the gadget %q does", other.Title)
		}
	}
	if err := errs.err(); err != nil {
		return err
	}
	if at == len(d.Gadgets) {
		if at == MaxGadgets {
			return FieldErrors{{Message: fmt.Sprintf("the dashboard has %d gadgets already, at most %d are allowed", at, MaxGadgets)}}
		}
		d.Gadgets = append(d.Gadgets, g)
		return nil
	}
	d.Gadgets[at] = g
	return nil
}

// ReplaceGadget puts g, as far as it is for who changes a gadget to set, in the place of a gadget in version expect, or of whichever if
// that is 0, and returns it as it is then. It needs Write on the dashboard. Changes of other gadgets at the same time do no harm.
func (s *Dashboards) ReplaceGadget(ctx context.Context, who *access.Principal, id string, g *Gadget, expect int64) (*Gadget, error) {
	return s.editGadget(ctx, who, id, expect, func(old *Gadget) error {
		if g == nil {
			return FieldErrors{{Message: "there is no gadget"}}
		}
		in := g.clone()
		old.Type, old.Title, old.FilterID, old.Config, old.Position = in.Type, in.Title, in.FilterID, in.Config, in.Position
		return nil
	})
}

// PatchGadget applies a JSON merge patch (RFC 7396) to a gadget in version expect, with the rules of ReplaceGadget. Members that are
// not for who changes a gadget to set may be there with the values that they have.
func (s *Dashboards) PatchGadget(ctx context.Context, who *access.Principal, id string, patch []byte, expect int64) (*Gadget, error) {
	return s.editGadget(ctx, who, id, expect, func(old *Gadget) error {
		was := *old
		if err := patched(old, patch, "type", "title", "filter_id", "position"); err != nil {
			return err
		}
		return fixed([]member{
			{"id", old.ID == was.ID, ""}, {"dashboard_id", old.DashboardID == was.DashboardID, ""},
			{"created_at", old.CreatedAt.Equal(was.CreatedAt), ""}, {"updated_at", old.UpdatedAt.Equal(was.UpdatedAt), ""},
			{"version", old.Version == was.Version, ""},
		})
	})
}

func (s *Dashboards) editGadget(ctx context.Context, who *access.Principal, id string, expect int64, change func(*Gadget) error) (*Gadget, error) {
	d, err := s.onGadget(ctx, who, id, expect, func(d *Dashboard, at int) error {
		changed := d.Gadgets[at].clone()
		if err := change(changed); err != nil {
			return err
		}
		return d.setGadget(at, changed)
	})
	if err != nil {
		return nil, gadgetFailed(id, err)
	}
	if g := gadgetOf(d.Gadgets, id); g != nil {
		return g, nil
	}
	return nil, gadgetFailed(id, ErrNotFound)
}

// onGadget changes a dashboard where a gadget stands, in the gadget's version expect.
func (s *Dashboards) onGadget(ctx context.Context, who *access.Principal, id string, expect int64, change func(d *Dashboard, at int) error) (*Dashboard, error) {
	board, err := s.boardOf(ctx, who, id)
	if err != nil {
		return nil, err
	}
	d, err := s.edit(ctx, who, board, 0, Write, func(d *Dashboard) error {
		at := slices.IndexFunc(d.Gadgets, func(g *Gadget) bool { return g.ID == id })
		if at < 0 {
			return ErrNotFound
		}
		if have := d.Gadgets[at].Version; expect != 0 && expect != have {
			return staleGadget{have, expect}
		}
		return change(d, at)
	})
	var stale staleGadget
	if errors.As(err, &stale) {
		return nil, fmt.Errorf("%w: it has version %d, version %d was expected", ErrConflict, stale.have, stale.expect)
	}
	var fields FieldErrors
	if errors.As(err, &fields) { // what is complained of is the gadget alone
		return nil, fields.without("gadgets")
	}
	return d, err
}

// staleGadget ends a change of a gadget in another version. It is not ErrConflict, which would be tried again.
type staleGadget struct{ have, expect int64 }

func (e staleGadget) Error() string { return "stale gadget" }

// DeleteGadget takes a gadget in version expect, or whichever if that is 0, off its dashboard. It needs Write.
func (s *Dashboards) DeleteGadget(ctx context.Context, who *access.Principal, id string, expect int64) error {
	_, err := s.onGadget(ctx, who, id, expect, func(d *Dashboard, at int) error {
		d.Gadgets = slices.Delete(d.Gadgets, at, at+1)
		return nil
	})
	if err != nil {
		return gadgetFailed(id, err)
	}
	return nil
}

func gadgetFailed(id string, err error) error { return fmt.Errorf("dashboard: gadget %q: %w", id, err) }
