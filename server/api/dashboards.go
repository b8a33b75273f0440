package api

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/digit-health/dhr/dashboard"
)

// A dashboardBody is a dashboard as it is sent: also as it was read, with members that say something of a kept
// dashboard and do not count.
type dashboardBody struct {
	Name             string       `json:"name" minLength:"1" maxLength:"255" pattern:"^[^\\x00-\\x1f\\x7f-\\x9f]*$" patternDescription:"text without control characters" doc:"1 to 255 characters that are not all blank; the names of one owner's dashboards differ." example:"Malaria"`
	Description      string       `json:"description,omitempty" maxLength:"4096" pattern:"^[^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f]*$" patternDescription:"text without control characters but tabs and line ends"`
	Owner            string       `json:"owner,omitempty" maxLength:"255" pattern:"^[^\\x00-\\x1f\\x7f-\\x9f]*$" patternDescription:"text without control characters" doc:"Whose it is; without one, who makes it."`
	SharePermissions []Share      `json:"share_permissions,omitempty" maxItems:"900" nullable:"false" doc:"With whom it is shared; left out of a PUT, they stay."`
	Gadgets          []gadgetBody `json:"gadgets,omitempty" maxItems:"50" nullable:"false" doc:"All of its gadgets. Left out of a PUT, they stay; those that have the id of one that is there take its place, others are new, and those that are missing are removed."`
	Favourite        bool         `json:"favourite,omitempty" doc:"Whether it is a favourite of who asks; counts when it is made."`

	ID         string     `json:"id,omitempty" readOnly:"true"`
	Permission string     `json:"permission,omitempty" readOnly:"true" doc:"What who asks may do."`
	CreatedAt  *time.Time `json:"created_at,omitempty" readOnly:"true"`
	UpdatedAt  *time.Time `json:"updated_at,omitempty" readOnly:"true"`
	Version    int64      `json:"version,omitempty" readOnly:"true"`
}

func (b *dashboardBody) dashboard() *dashboard.Dashboard {
	d := &dashboard.Dashboard{Name: b.Name, Description: b.Description, Owner: b.Owner, SharePermissions: shares(b.SharePermissions), Favourite: b.Favourite}
	if b.Gadgets != nil {
		d.Gadgets = []*dashboard.Gadget{}
		for i := range b.Gadgets {
			g := b.Gadgets[i].gadget()
			g.ID = b.Gadgets[i].ID
			d.Gadgets = append(d.Gadgets, g)
		}
	}
	return d
}

// A dashboardPatch is what a merge patch of a dashboard may have.
type dashboardPatch struct {
	Name             *string      `json:"name,omitempty" minLength:"1" maxLength:"255" pattern:"^[^\\x00-\\x1f\\x7f-\\x9f]*$" patternDescription:"text without control characters"`
	Description      *string      `json:"description,omitempty" nullable:"true" maxLength:"4096" pattern:"^[^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f]*$" patternDescription:"text without control characters but tabs and line ends"`
	Owner            *string      `json:"owner,omitempty" minLength:"1" maxLength:"255" pattern:"^[^\\x00-\\x1f\\x7f-\\x9f]*$" patternDescription:"text without control characters"`
	SharePermissions []Share      `json:"share_permissions,omitempty" maxItems:"900" nullable:"true"`
	Gadgets          []gadgetBody `json:"gadgets,omitempty" maxItems:"50" nullable:"true"`

	ID         *string    `json:"id,omitempty" readOnly:"true" doc:"As it is, if at all; so are all members that are read only."`
	Permission *string    `json:"permission,omitempty" readOnly:"true"`
	Favourite  *bool      `json:"favourite,omitempty" readOnly:"true"`
	CreatedAt  *time.Time `json:"created_at,omitempty" readOnly:"true"`
	UpdatedAt  *time.Time `json:"updated_at,omitempty" readOnly:"true"`
	Version    *int64     `json:"version,omitempty" readOnly:"true"`
}

// A dashboardInfo is a dashboard without its gadgets.
type dashboardInfo struct {
	ID               string                      `json:"id"`
	Name             string                      `json:"name"`
	Description      string                      `json:"description"`
	Owner            string                      `json:"owner"`
	SharePermissions []dashboard.SharePermission `json:"share_permissions" nullable:"false"`
	Permission       dashboard.Level             `json:"permission" doc:"What who asks may do."`
	Favourite        bool                        `json:"favourite"`
	GadgetCount      int                         `json:"gadget_count"`
	CreatedAt        time.Time                   `json:"created_at"`
	UpdatedAt        time.Time                   `json:"updated_at"`
	Version          int64                       `json:"version"`
}

func infoOf(d *dashboard.Dashboard) *dashboardInfo {
	return &dashboardInfo{
		ID: d.ID, Name: d.Name, Description: d.Description, Owner: d.Owner, SharePermissions: d.SharePermissions, Permission: d.Permission,
		Favourite: d.Favourite, GadgetCount: len(d.Gadgets), CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt, Version: d.Version,
	}
}

// A dashboardList is one page of dashboards.
type dashboardList struct {
	Dashboards []*dashboardInfo `json:"dashboards" nullable:"false"`
	Total      int              `json:"total"`
	StartAt    int              `json:"start_at"`
	MaxResults int              `json:"max_results"`
	IsLast     bool             `json:"is_last"`
}

type dashboardAnswer struct {
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     *dashboardInfo
}

type boardAnswer struct {
	ETag string `header:"ETag"`
	Body *dashboard.Dashboard
}

// dashboardOp describes an operation on dashboards and gadgets.
func (a *handler) dashboardOp(method, path, id, summary string) huma.Operation {
	op := a.operation(method, path, id, "Dashboards", summary)
	op.Errors = append(op.Errors, http.StatusConflict, http.StatusPreconditionFailed)
	return op
}

// versioned describes a change that has to name the version that it is of.
func versioned(op huma.Operation) huma.Operation {
	op.Errors = append(op.Errors, http.StatusPreconditionRequired)
	return op
}

func (a *handler) dashboardRoutes() {
	const all, one = "/v1/dashboards", "/v1/dashboards/{id}"
	create := a.dashboardOp(http.MethodPost, all, "create-dashboard", "Make a dashboard")
	create.DefaultStatus = http.StatusCreated
	huma.Register(a.api, create, a.createDashboard)
	huma.Register(a.api, a.dashboardOp(http.MethodGet, all, "list-dashboards", "Dashboards that the asker may read"), a.listDashboards)
	huma.Register(a.api, a.dashboardOp(http.MethodGet, one, "get-dashboard", "A dashboard without its gadgets"), a.getDashboard)
	huma.Register(a.api, a.dashboardOp(http.MethodGet, one+"/config", "dashboard-config", "A dashboard with all its gadgets"), a.dashboardConfig)
	huma.Register(a.api, versioned(a.dashboardOp(http.MethodPut, one, "replace-dashboard", "Change a dashboard as a whole")), a.replaceDashboard)
	needed(a.api.OpenAPI().Paths[one].Put, "If-Match")
	huma.Register(a.api, versioned(a.dashboardOp(http.MethodPatch, one, "patch-dashboard", "Change members of a dashboard, by a JSON merge patch (RFC 7396)")), a.patchDashboard)
	needed(a.api.OpenAPI().Paths[one].Patch, "If-Match")
	huma.Register(a.api, a.dashboardOp(http.MethodDelete, one, "delete-dashboard", "Delete a dashboard"), a.deleteDashboard)
	copied := a.dashboardOp(http.MethodPost, one+"/copy", "copy-dashboard", "Make a dashboard of one's own of another, of the same filters")
	copied.DefaultStatus = http.StatusCreated
	huma.Register(a.api, copied, a.copyDashboard)
	huma.Register(a.api, a.dashboardOp(http.MethodPut, one+"/owner", "own-dashboard", "Give a dashboard to another user"), a.ownDashboard)
	huma.Register(a.api, a.dashboardOp(http.MethodPut, one+"/favourite", "favour-dashboard", "Make a dashboard a favourite"), a.favourDashboard(true))
	huma.Register(a.api, a.dashboardOp(http.MethodDelete, one+"/favourite", "unfavour-dashboard", "Make a dashboard no favourite"), a.favourDashboard(false))
	huma.Register(a.api, a.dashboardOp(http.MethodGet, one+"/permissions", "dashboard-permissions", "With whom a dashboard is shared"), a.dashboardPermissions)
	huma.Register(a.api, a.dashboardOp(http.MethodPut, one+"/permissions", "share-dashboard", "Share a dashboard with these and no others"), a.shareDashboard)
	cascade := a.dashboardOp(http.MethodPost, one+"/permissions/cascade", "cascade-dashboard", "Share the filters of a dashboard, to read, with those who may read it")
	cascade.Description = "A share of a dashboard shows its layout. This shares its filters too, to read and no more, with those who lack it; what they find stays what they may see. " +
		"A filter that the asker may not share is said to be so, and keeps none of the others from being shared. With dry_run nothing changes."
	huma.Register(a.api, cascade, a.cascadeDashboard)
	a.gadgetRoutes()
	a.figureRoutes()
	a.chartRoutes()
}

func (a *handler) dashboardAnswer(d *dashboard.Dashboard) *dashboardAnswer {
	return &dashboardAnswer{ETag: tag(d.Version), Location: a.opts.Base + "/v1/dashboards/" + url.PathEscape(d.ID), Body: infoOf(d)}
}

func (a *handler) createDashboard(ctx context.Context, in *struct{ Body dashboardBody }) (*dashboardAnswer, error) {
	d, err := a.service.Dashboards().Create(ctx, whoOf(ctx), in.Body.dashboard())
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return a.dashboardAnswer(d), nil
}

func (a *handler) listDashboards(ctx context.Context, in *listRequest) (*answer[dashboardList], error) {
	page, err := a.service.Dashboards().List(ctx, whoOf(ctx), &dashboard.ListQuery{
		Owner: in.Owner, Name: in.Name, StartAt: in.StartAt, MaxResults: in.MaxResults,
	})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	all := make([]*dashboardInfo, len(page.Dashboards))
	for i, d := range page.Dashboards {
		all[i] = infoOf(d)
	}
	return &answer[dashboardList]{dashboardList{all, page.Total, in.StartAt, in.MaxResults, page.Next == nil}}, nil
}

func (a *handler) getDashboard(ctx context.Context, in *FilterID) (*dashboardAnswer, error) {
	d, err := a.service.Dashboards().Get(ctx, whoOf(ctx), in.ID)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	out := a.dashboardAnswer(d)
	out.Location = ""
	return out, nil
}

func (a *handler) dashboardConfig(ctx context.Context, in *FilterID) (*boardAnswer, error) {
	d, err := a.service.Dashboards().Get(ctx, whoOf(ctx), in.ID)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &boardAnswer{tag(d.Version), d}, nil
}

type replaceDashboardRequest struct {
	FilterChange

	Body dashboardBody
}

func (a *handler) replaceDashboard(ctx context.Context, in *replaceDashboardRequest) (*dashboardAnswer, error) {
	return amend(ctx, a, in.IfMatch, true, func(version int64) (*dashboard.Dashboard, error) {
		return a.service.Dashboards().Replace(ctx, whoOf(ctx), in.ID, in.Body.dashboard(), version)
	}, a.dashboardAnswer)
}

type patchDashboardRequest struct {
	FilterChange

	Body dashboardPatch `contentType:"application/merge-patch+json"`
}

func (a *handler) patchDashboard(ctx context.Context, in *patchDashboardRequest) (*dashboardAnswer, error) {
	return amend(ctx, a, in.IfMatch, true, func(version int64) (*dashboard.Dashboard, error) {
		return a.service.Dashboards().Patch(ctx, whoOf(ctx), in.ID, request(ctx).body, version)
	}, a.dashboardAnswer)
}

func (a *handler) deleteDashboard(ctx context.Context, in *FilterChange) (*struct{}, error) {
	version, err := expected(ctx, in.IfMatch, false)
	if err != nil {
		return nil, err
	}
	return nil, a.changed(ctx, a.service.Dashboards().Delete(ctx, whoOf(ctx), in.ID, version), in.IfMatch)
}

func (a *handler) copyDashboard(ctx context.Context, in *copyRequest) (*dashboardAnswer, error) {
	name := ""
	if in.Body != nil {
		name = in.Body.Name
	}
	d, err := a.service.Dashboards().Copy(ctx, whoOf(ctx), in.ID, name)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return a.dashboardAnswer(d), nil
}

func (a *handler) ownDashboard(ctx context.Context, in *ownRequest) (*dashboardAnswer, error) {
	return amend(ctx, a, in.IfMatch, false, func(version int64) (*dashboard.Dashboard, error) {
		return a.service.Dashboards().ChangeOwner(ctx, whoOf(ctx), in.ID, in.Body.Owner, version)
	}, a.dashboardAnswer)
}

func (a *handler) favourDashboard(on bool) func(context.Context, *FilterID) (*struct{}, error) {
	return func(ctx context.Context, in *FilterID) (*struct{}, error) {
		return nil, a.problem(ctx, a.service.Dashboards().SetFavourite(ctx, whoOf(ctx), in.ID, on))
	}
}

func (a *handler) dashboardPermissions(ctx context.Context, in *FilterID) (*answer[Permissions], error) {
	d, err := a.service.Dashboards().Get(ctx, whoOf(ctx), in.ID)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &answer[Permissions]{Permissions{filled(d.SharePermissions)}}, nil
}

func (a *handler) shareDashboard(ctx context.Context, in *shareRequest) (*shareAnswer, error) {
	return amend(ctx, a, in.IfMatch, false, func(version int64) (*dashboard.Dashboard, error) {
		return a.service.Dashboards().SetPermissions(ctx, whoOf(ctx), in.ID, shares(in.Body.SharePermissions), version)
	}, func(d *dashboard.Dashboard) *shareAnswer {
		return &shareAnswer{tag(d.Version), Permissions{filled(d.SharePermissions)}}
	})
}

type cascadeRequest struct {
	FilterID

	DryRun bool `query:"dry_run" doc:"Say what would be shared, and share nothing."`
}

// cascades are what became of the filters of a dashboard.
type cascades struct {
	Filters []dashboard.Cascade `json:"filters" nullable:"false"`
}

func (a *handler) cascadeDashboard(ctx context.Context, in *cascadeRequest) (*answer[cascades], error) {
	all, err := a.service.Dashboards().Cascade(ctx, whoOf(ctx), in.ID, in.DryRun)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &answer[cascades]{cascades{filled(all)}}, nil
}
