package dashboard

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/docstore"
)

// A boardBody is the body of a dashboard's document.
type boardBody struct {
	Name        string            `json:"name"`
	Description string            `json:"description,omitempty"`
	Owner       string            `json:"owner"`
	Shares      []SharePermission `json:"share_permissions,omitempty"`
	Gadgets     []gadgetBody      `json:"gadgets,omitempty"`
	CreatedAt   time.Time         `json:"created_at"`
	UpdatedAt   time.Time         `json:"updated_at"`
}

// A gadgetBody is a gadget in the body of its dashboard's document.
type gadgetBody struct {
	ID        string       `json:"id"`
	Type      string       `json:"type"`
	Title     string       `json:"title"`
	FilterID  string       `json:"filter_id"`
	Config    GadgetConfig `json:"config"`
	Position  Position     `json:"position"`
	CreatedAt time.Time    `json:"created_at"`
	UpdatedAt time.Time    `json:"updated_at"`
	Version   int64        `json:"version"`
}

func (d *Dashboard) body() *boardBody {
	b := &boardBody{Name: d.Name, Description: d.Description, Owner: d.Owner, Shares: d.SharePermissions, CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt}
	for _, g := range sortGadgets(d.Gadgets) {
		b.Gadgets = append(b.Gadgets, gadgetBody{g.ID, g.Type, g.Title, g.FilterID, g.Config, g.Position, g.CreatedAt, g.UpdatedAt, g.Version})
	}
	return b
}

const gadgetMark = "gadget:"

// card is what the shelf is to know of d, in place of doc or as new. It is found by its gadgets.
func (d *Dashboard) card(doc *docstore.Document) *card {
	c := &card{sharing: d.sharing(), name: d.Name, doc: doc}
	for _, g := range d.Gadgets {
		c.marks = append(c.marks, gadgetMark+g.ID)
	}
	return c
}

// dashboard returns what a document says, to who.
func (s *Dashboards) dashboard(who *access.Principal, doc *docstore.Document, favourites map[string]bool) (*Dashboard, error) {
	var b boardBody
	if err := decodeBody(doc, &b); err != nil {
		return nil, err
	}
	d := &Dashboard{
		Name: b.Name, Description: b.Description, Owner: b.Owner, SharePermissions: b.Shares,
		ID: doc.ID, Version: doc.Version, Favourite: favourites[doc.ID], CreatedAt: b.CreatedAt, UpdatedAt: b.UpdatedAt,
	}
	for _, g := range b.Gadgets {
		d.Gadgets = append(d.Gadgets, &Gadget{
			Type: g.Type, Title: g.Title, FilterID: g.FilterID, Config: g.Config, Position: g.Position,
			ID: g.ID, DashboardID: doc.ID, CreatedAt: g.CreatedAt, UpdatedAt: g.UpdatedAt, Version: g.Version,
		})
	}
	d.Permission = s.level(who, d.sharing())
	return d.clone(), nil
}

func (d *Dashboard) sharing() sharing { return sharing{d.Owner, d.SharePermissions} }

// clone returns a copy whose lists are its own, and not nil.
func (d *Dashboard) clone() *Dashboard {
	c := *d
	c.SharePermissions = append([]SharePermission{}, d.SharePermissions...)
	c.Gadgets = []*Gadget{}
	for _, g := range d.Gadgets {
		if g == nil {
			g = &Gadget{}
		}
		c.Gadgets = append(c.Gadgets, g.clone())
	}
	return &c
}

// same reports whether nothing was changed that is kept.
func (d *Dashboard) same(was *Dashboard) bool {
	return d.Name == was.Name && d.Description == was.Description && d.Owner == was.Owner &&
		slices.Equal(d.SharePermissions, was.SharePermissions) &&
		slices.EqualFunc(sortGadgets(d.Gadgets), sortGadgets(was.Gadgets), func(g, h *Gadget) bool { return g.ID == h.ID && g.same(h) })
}

// clean returns what is wrong with what somebody wants to keep, and puts it in the form in which it is kept.
func (d *Dashboard) clean() error {
	d.Name = strings.TrimSpace(d.Name)
	var errs FieldErrors
	checkName(d.Name, &errs)
	checkDescription(d.Description, &errs)
	d.sharing().check(&errs)
	if len(d.Gadgets) > MaxGadgets {
		errs.add("gadgets", "there are %d, at most %d are allowed", len(d.Gadgets), MaxGadgets)
		return errs
	}
	for i, g := range d.Gadgets {
		g.Title = strings.TrimSpace(g.Title)
		g.check(fmt.Sprintf("gadgets[%d].", i), &errs)
		for j, h := range d.Gadgets[:i] {
			if g.Position.overlaps(h.Position) {
				errs.add(fmt.Sprintf("gadgets[%d].position", i), "stands where gadgets[%d], %q, does", j, h.Title)
			}
			if g.ID != "" && g.ID == h.ID {
				errs.add(fmt.Sprintf("gadgets[%d].id", i), "is there twice: %q", g.ID)
			}
		}
	}
	return errs.err()
}

func checkDescription(text string, errs *FieldErrors) {
	switch {
	case len(text) > maxDescription:
		errs.add("description", "has %d bytes, at most %d are allowed", len(text), maxDescription)
	case !utf8.ValidString(text):
		errs.add("description", "must be UTF-8")
	case strings.ContainsFunc(text, isOddControl):
		errs.add("description", "must have no control characters but tabs and line ends")
	}
}

// known returns an error if a gadget has an id that none of what was has.
func (d *Dashboard) known(was *Dashboard) error {
	var errs FieldErrors
	for i, g := range d.Gadgets {
		if g.ID != "" && gadgetOf(was.Gadgets, g.ID) == nil {
			errs.add(fmt.Sprintf("gadgets[%d].id", i), "there is no gadget %q on the dashboard; a new one has no id", g.ID)
		}
	}
	return errs.err()
}
