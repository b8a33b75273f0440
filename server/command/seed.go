package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/digit-health/dhr"
	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/dashboard"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/server/sample"
)

// sampleMark is the document that says that the sample is being loaded, or has been loaded whole.
var sampleMark = docstore.Key{Tenant: "-", Kind: "server", ID: "sample"}

// A sampleState is the body of sampleMark.
type sampleState struct {
	Loading bool `json:"loading,omitempty"`
}

// mark says how far the sample is.
func (o *parts) mark(ctx context.Context, state sampleState, version int64) (*docstore.Document, error) {
	body, err := json.Marshal(state)
	if err != nil {
		return nil, err
	}
	return o.store.Put(ctx, &docstore.Document{Key: sampleMark, Body: body}, version)
}

// sampleWanted reports whether the sample is to be loaded, and the mark that says so.
func (p *Program) sampleWanted(ctx context.Context, o *parts) (*docstore.Document, bool, error) {
	load := o.config.Sample.Load
	if load == "never" || load == "embedded" && o.kind != "sqlite" {
		return nil, false, nil
	}
	switch mark, err := o.store.Get(ctx, sampleMark); {
	case err == nil:
		var state sampleState
		err := json.Unmarshal(mark.Body, &state)
		return mark, state.Loading, err // loading: a server has ended meanwhile
	case !errors.Is(err, docstore.ErrNotFound):
		return nil, false, err
	}
	all, err := o.engine.Schemas(ctx, "*")
	if err != nil {
		return nil, false, err
	}
	for _, s := range all {
		if slices.Contains(sample.Indexes(), s.Index) {
			say(p.Errors, "there is an index %q already, so the sample is not loaded\n", s.Index)
			return nil, false, nil
		}
	}
	if len(all) > 0 && load != "always" {
		return nil, false, nil // there are records of somebody's own
	}
	mark, err := o.mark(ctx, sampleState{Loading: true}, 0)
	if errors.Is(err, docstore.ErrConflict) { // another process is at it
		return nil, false, nil
	}
	return mark, err == nil, err
}

// sample loads the sample records and filters, once: into an embedded engine that has nothing, or with sample.load always
// into any. An index of somebody's own is never touched, whatever its name.
func (p *Program) sample(ctx context.Context, o *parts, service *dhr.Service) error {
	mark, wanted, err := p.sampleWanted(ctx, o)
	if err != nil || !wanted {
		return err
	}
	begun := time.Now()
	var last time.Time
	err = sample.Load(ctx, o.engine, func(done, total int64) {
		if done < total && time.Since(last) < 500*time.Millisecond {
			return
		}
		last = time.Now()
		if p.Terminal {
			say(p.Errors, "\rloading sample records: %d of %d", done, total)
		} else {
			say(p.Errors, "loading sample records: %d of %d\n", done, total)
		}
	})
	if p.Terminal {
		say(p.Errors, "\n")
	}
	if err != nil {
		return fmt.Errorf("the sample records: %w", err)
	}
	debug.FreeOSMemory() // loading takes more than all that comes after it
	if err := sampleFilters(ctx, o, service); err != nil {
		return fmt.Errorf("the sample filters: %w", err)
	}
	say(p.Errors, "sample records loaded in %.1f s\n", time.Since(begun).Seconds())
	_, err = o.mark(ctx, sampleState{}, mark.Version)
	if errors.Is(err, docstore.ErrConflict) { // another process was first
		return nil
	}
	return err
}

// everybody is the share of what is in the sample.
func everybody() []dashboard.SharePermission {
	return []dashboard.SharePermission{{Type: "public", Permission: dashboard.Read}}
}

// sampleDashboards saves the sample dashboards, of the filters that who has saved.
func sampleDashboards(ctx context.Context, service *dhr.Service, who *access.Principal, filters map[string]string) error {
	for _, d := range sample.Dashboards() {
		board := &dashboard.Dashboard{Name: d.Name, Description: d.Description, SharePermissions: everybody(), Favourite: true}
		for _, g := range d.Gadgets {
			board.Gadgets = append(board.Gadgets, &dashboard.Gadget{
				Type: g.Type, Title: g.Title, FilterID: filters[g.Filter],
				Config: dashboard.GadgetConfig{
					GroupBy: g.GroupBy, SplitBy: g.SplitBy, Metric: g.Metric, MetricField: g.MetricField, Interval: g.Interval,
					Sort: g.Sort, Compare: g.Compare, Limit: g.Limit, Columns: g.Columns,
				},
				Position: dashboard.Position{Row: g.Row, Column: g.Column, Width: g.Width, Height: g.Height},
			})
		}
		_, err := service.Dashboards().Create(ctx, who, board)
		if err != nil && !errors.Is(err, dashboard.ErrTaken) {
			return err
		}
	}
	return nil
}

// sampleFilters saves the sample filters and the dashboards of them, for everybody to read.
func sampleFilters(ctx context.Context, o *parts, service *dhr.Service) error {
	c := o.config
	who := &access.Principal{User: c.Auth.User, Tenant: c.Tenants.Default, Roles: []string{allRights}}
	if c.Auth.Mode == "none" {
		who = localUser(c)
	}
	if !o.policy.May(who, access.MayView) || !o.policy.May(who, access.MayShare) {
		return nil // with the roles of the configuration there is nobody to whom they could belong
	}
	ids := map[string]string{}
	for _, f := range sample.Filters() {
		made, err := service.Filters().Create(ctx, who, &dashboard.Filter{
			Name: f.Name, Description: f.Description, JQL: f.JQL, AllowedIndexes: f.Indexes,
			SharePermissions: everybody(),
		})
		switch {
		case err == nil:
			ids[f.Name] = made.ID
		case !errors.Is(err, dashboard.ErrTaken):
			return err
		default: // a server that has ended meanwhile has saved it
			if ids[f.Name], err = savedFilter(ctx, service, who, f.Name); err != nil {
				return err
			}
		}
	}
	return sampleDashboards(ctx, service, who, ids)
}

// savedFilter returns the id of the filter of who that has a name.
func savedFilter(ctx context.Context, service *dhr.Service, who *access.Principal, name string) (string, error) {
	page, err := service.Filters().List(ctx, who, &dashboard.ListQuery{Owner: "me", Name: name, MaxResults: dashboard.MaxPage})
	if err != nil {
		return "", err
	}
	for _, f := range page.Filters {
		if strings.EqualFold(f.Name, name) {
			return f.ID, nil
		}
	}
	return "", fmt.Errorf("the filter %q was saved and is gone", name)
}
