package dhr

import (
	"context"
	"errors"
	"iter"
	"strconv"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/audit"
	"github.com/digit-health/dhr/dashboard"
	"github.com/digit-health/dhr/dashboard/figures"
)

// Dashboards are grids of gadgets, and what these show. They are those of package dashboard, and whoever changes or looks at one is
// noted in the audit.
type Dashboards struct {
	*dashboard.Dashboards

	service *Service
	figures *figures.Figures
}

// Dashboards are the dashboards of users; nil if the service has no store.
func (s *Service) Dashboards() *Dashboards { return s.dashboards }

// openDashboards makes the dashboards, over the filters.
func (s *Service) openDashboards() {
	c := &s.config
	f := figures.New(s.index, s.filters.Get, &figures.Options{
		Question: s.circumstances, Now: c.Now,
		Failed: func(ctx context.Context, g *dashboard.Gadget, err error) {
			s.log.WarnContext(ctx, "a gadget has no data", "gadget", g.ID, "error", err)
		},
	})
	s.dashboards = &Dashboards{dashboard.NewDashboards(c.Store, c.Policy, f.Check, &dashboard.Options{Now: c.Now}), s, f}
}

// change has change do something to a dashboard, and notes that as Filters does.
func (s *Dashboards) change(ctx context.Context, who *access.Principal, action, object string, change func() (*dashboard.Dashboard, error)) (*dashboard.Dashboard, error) {
	begun := audit.Entry{Action: action, Object: object, Detail: map[string]string{"outcome": "begun"}}
	if err := s.service.note(ctx, who, begun); err != nil {
		return nil, err
	}
	d, err := change()
	e := audit.Entry{Action: action, Object: object, Detail: map[string]string{"outcome": outcome(err)}}
	if d != nil {
		e.Object = "dashboard/" + d.ID
		e.Detail["version"], e.Detail["owner"], e.Detail["shares"] = strconv.FormatInt(d.Version, 10), d.Owner, sharesText(d.SharePermissions)
	}
	if failed := s.service.note(ctx, who, e); err == nil {
		err = failed
	}
	return d, err
}

// gadget has change do something to a gadget, and notes that.
func (s *Dashboards) gadget(ctx context.Context, who *access.Principal, action, object string, change func() (*dashboard.Gadget, error)) (*dashboard.Gadget, error) {
	begun := audit.Entry{Action: action, Object: object, Detail: map[string]string{"outcome": "begun"}}
	if err := s.service.note(ctx, who, begun); err != nil {
		return nil, err
	}
	g, err := change()
	e := audit.Entry{Action: action, Object: object, Detail: map[string]string{"outcome": outcome(err)}}
	if g != nil {
		e.Object = "gadget/" + g.ID
		e.Detail["dashboard"], e.Detail["filter"], e.Detail["version"] = g.DashboardID, g.FilterID, strconv.FormatInt(g.Version, 10)
	}
	if failed := s.service.note(ctx, who, e); err == nil {
		err = failed
	}
	return g, err
}

// Create is [dashboard.Dashboards.Create].
func (s *Dashboards) Create(ctx context.Context, who *access.Principal, d *dashboard.Dashboard) (*dashboard.Dashboard, error) {
	return s.change(ctx, who, "dashboard.create", "dashboard/", func() (*dashboard.Dashboard, error) { return s.Dashboards.Create(ctx, who, d) })
}

// Copy is [dashboard.Dashboards.Copy].
func (s *Dashboards) Copy(ctx context.Context, who *access.Principal, id, name string) (*dashboard.Dashboard, error) {
	return s.change(ctx, who, "dashboard.copy", "dashboard/"+id, func() (*dashboard.Dashboard, error) { return s.Dashboards.Copy(ctx, who, id, name) })
}

// Replace is [dashboard.Dashboards.Replace].
func (s *Dashboards) Replace(ctx context.Context, who *access.Principal, id string, d *dashboard.Dashboard, expect int64) (*dashboard.Dashboard, error) {
	return s.change(ctx, who, "dashboard.change", "dashboard/"+id, func() (*dashboard.Dashboard, error) {
		return s.Dashboards.Replace(ctx, who, id, d, expect)
	})
}

// Patch is [dashboard.Dashboards.Patch].
func (s *Dashboards) Patch(ctx context.Context, who *access.Principal, id string, patch []byte, expect int64) (*dashboard.Dashboard, error) {
	return s.change(ctx, who, "dashboard.change", "dashboard/"+id, func() (*dashboard.Dashboard, error) {
		return s.Dashboards.Patch(ctx, who, id, patch, expect)
	})
}

// Delete is [dashboard.Dashboards.Delete].
func (s *Dashboards) Delete(ctx context.Context, who *access.Principal, id string, expect int64) error {
	_, err := s.change(ctx, who, "dashboard.delete", "dashboard/"+id, func() (*dashboard.Dashboard, error) {
		return nil, s.Dashboards.Delete(ctx, who, id, expect)
	})
	return err
}

// ChangeOwner is [dashboard.Dashboards.ChangeOwner].
func (s *Dashboards) ChangeOwner(ctx context.Context, who *access.Principal, id, owner string, expect int64) (*dashboard.Dashboard, error) {
	return s.change(ctx, who, "dashboard.own", "dashboard/"+id, func() (*dashboard.Dashboard, error) {
		return s.Dashboards.ChangeOwner(ctx, who, id, owner, expect)
	})
}

// SetPermissions is [dashboard.Dashboards.SetPermissions].
func (s *Dashboards) SetPermissions(ctx context.Context, who *access.Principal, id string, shares []dashboard.SharePermission, expect int64) (*dashboard.Dashboard, error) {
	return s.change(ctx, who, "dashboard.share", "dashboard/"+id, func() (*dashboard.Dashboard, error) {
		return s.Dashboards.SetPermissions(ctx, who, id, shares, expect)
	})
}

// Cascade is [dashboard.Dashboards.Cascade] over the filters of the service. Each filter that is shared is noted as such.
func (s *Dashboards) Cascade(ctx context.Context, who *access.Principal, id string, dry bool) ([]dashboard.Cascade, error) {
	return s.Dashboards.Cascade(ctx, who, id, s.service.filters, dry)
}

// AddGadget is [dashboard.Dashboards.AddGadget].
func (s *Dashboards) AddGadget(ctx context.Context, who *access.Principal, board string, g *dashboard.Gadget) (*dashboard.Gadget, error) {
	return s.gadget(ctx, who, "gadget.create", "dashboard/"+board, func() (*dashboard.Gadget, error) {
		return s.Dashboards.AddGadget(ctx, who, board, g)
	})
}

// ReplaceGadget is [dashboard.Dashboards.ReplaceGadget].
func (s *Dashboards) ReplaceGadget(ctx context.Context, who *access.Principal, id string, g *dashboard.Gadget, expect int64) (*dashboard.Gadget, error) {
	return s.gadget(ctx, who, "gadget.change", "gadget/"+id, func() (*dashboard.Gadget, error) {
		return s.Dashboards.ReplaceGadget(ctx, who, id, g, expect)
	})
}

// PatchGadget is [dashboard.Dashboards.PatchGadget].
func (s *Dashboards) PatchGadget(ctx context.Context, who *access.Principal, id string, patch []byte, expect int64) (*dashboard.Gadget, error) {
	return s.gadget(ctx, who, "gadget.change", "gadget/"+id, func() (*dashboard.Gadget, error) {
		return s.Dashboards.PatchGadget(ctx, who, id, patch, expect)
	})
}

// DeleteGadget is [dashboard.Dashboards.DeleteGadget].
func (s *Dashboards) DeleteGadget(ctx context.Context, who *access.Principal, id string, expect int64) error {
	_, err := s.gadget(ctx, who, "gadget.delete", "gadget/"+id, func() (*dashboard.Gadget, error) {
		return nil, s.Dashboards.DeleteGadget(ctx, who, id, expect)
	})
	return err
}

// Data returns what the gadgets of a dashboard show who looks, each as soon as it is known, and the dashboard: see [figures.Figures.Data]. nil asks
// for now. That somebody looked is noted before anything is shown.
func (s *Dashboards) Data(ctx context.Context, who *access.Principal, id string, asked *figures.Asked) (*dashboard.Dashboard, iter.Seq[*figures.Data], error) {
	return s.look(ctx, who, "dashboard.read", id, asked)
}

// Report is Data for a file that is taken away, which needs [access.MayExport] besides.
func (s *Dashboards) Report(ctx context.Context, who *access.Principal, id string, asked *figures.Asked) (*dashboard.Dashboard, iter.Seq[*figures.Data], error) {
	if err := s.service.may(who, access.MayExport); err != nil {
		e := audit.Entry{Action: "dashboard.report", Object: "dashboard/" + id, Detail: map[string]string{"outcome": outcome(err)}}
		return nil, nil, errors.Join(err, s.service.note(ctx, who, e))
	}
	return s.look(ctx, who, "dashboard.report", id, asked)
}

func (s *Dashboards) look(ctx context.Context, who *access.Principal, action, id string, asked *figures.Asked) (*dashboard.Dashboard, iter.Seq[*figures.Data], error) {
	d, err := s.Get(ctx, who, id)
	e := audit.Entry{Action: action, Object: "dashboard/" + id, Detail: map[string]string{"outcome": outcome(err)}}
	if d != nil {
		e.Count = int64(len(d.Gadgets))
	}
	if failed := s.service.note(ctx, who, e); err == nil {
		err = failed
	}
	if err != nil {
		return nil, nil, err
	}
	return d, s.figures.Data(ctx, who, d.Gadgets, asked), nil
}

// GadgetData returns what one gadget shows who looks. Why it shows nothing is in the data.
func (s *Dashboards) GadgetData(ctx context.Context, who *access.Principal, id string, asked *figures.Asked) (*figures.Data, error) {
	g, err := s.Gadget(ctx, who, id)
	e := audit.Entry{Action: "gadget.read", Object: "gadget/" + id, Detail: map[string]string{"outcome": outcome(err)}}
	if failed := s.service.note(ctx, who, e); err == nil {
		err = failed
	}
	if err != nil {
		return nil, err
	}
	return s.preview(ctx, who, g, asked), nil
}

// Preview returns what a gadget that is not kept would show who asks. What does not fit in it is an error, as if it were to be kept.
func (s *Dashboards) Preview(ctx context.Context, who *access.Principal, g *dashboard.Gadget, asked *figures.Asked) (*figures.Data, error) {
	err := s.service.may(who, access.MayView)
	if err == nil {
		err = s.CheckGadget(ctx, who, g)
	}
	if failed := s.service.note(ctx, who, audit.Entry{Action: "gadget.preview", Object: "filter/" + g.FilterID, Detail: map[string]string{"outcome": outcome(err)}}); err == nil {
		err = failed
	}
	if err != nil {
		return nil, err
	}
	return s.preview(ctx, who, g, asked), nil
}

func (s *Dashboards) preview(ctx context.Context, who *access.Principal, g *dashboard.Gadget, asked *figures.Asked) *figures.Data {
	var data *figures.Data
	for d := range s.figures.Data(ctx, who, []*dashboard.Gadget{g}, asked) {
		data = d
	}
	return data
}
