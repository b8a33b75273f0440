package api

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/digit-health/dhr/dashboard"
)

// A gadgetBody is a gadget as it is sent: also as it was read, with members that say something of a kept gadget and do not count.
type gadgetBody struct {
	Type     string         `json:"type" enum:"pie-chart,bar-chart,line-chart,table,stat"`
	Title    string         `json:"title" minLength:"1" maxLength:"255" pattern:"^[^\\x00-\\x1f\\x7f-\\x9f]*$" patternDescription:"text without control characters"`
	FilterID string         `json:"filter_id" minLength:"1" maxLength:"200" pattern:"^[^\\x00-\\x1f\\x7f-\\x9f]*$" patternDescription:"text without control characters" doc:"The filter whose records the gadget is about."`
	Config   configBody     `json:"config,omitzero"`
	Position gadgetPosition `json:"position"`

	ID          string     `json:"id,omitempty" readOnly:"true" doc:"Counts among the gadgets of a dashboard alone, to say which one is changed."`
	DashboardID string     `json:"dashboard_id,omitempty" readOnly:"true"`
	CreatedAt   *time.Time `json:"created_at,omitempty" readOnly:"true"`
	UpdatedAt   *time.Time `json:"updated_at,omitempty" readOnly:"true"`
	Version     int64      `json:"version,omitempty" readOnly:"true"`
}

// A configBody says what a gadget shows.
type configBody struct {
	GroupBy     string   `json:"group_by,omitempty" maxLength:"1000" doc:"The field by whose values, or with interval by whose dates, records are put into buckets." example:"district"`
	SplitBy     string   `json:"split_by,omitempty" maxLength:"1000" doc:"The field of whose values each has a series of its own."`
	Metric      string   `json:"metric,omitempty" enum:"count,sum,avg,min,max,cardinality,percentile" doc:"What is shown of each bucket; without one, count."`
	MetricField string   `json:"metric_field,omitempty" maxLength:"1000" doc:"The field that is measured, by every metric but count."`
	Percentile  *float64 `json:"percentile,omitempty" minimum:"0" maximum:"100" nullable:"false" doc:"Which one, for the metric percentile alone."`
	Interval    string   `json:"interval,omitempty" enum:"hour,day,week,month,quarter,year" doc:"What the points are, if group_by is a date."`
	Limit       int      `json:"limit,omitempty" minimum:"0" maximum:"1000" doc:"The greatest number of buckets, of series if group_by is a date, or of records; without one, what suits the type."`
	Sort        string   `json:"sort,omitempty" enum:"count,value,key" doc:"Which buckets come first: those of the most records, of the greatest values, or in the order of their keys."`
	Columns     []string `json:"columns,omitempty" maxItems:"100" nullable:"false" doc:"The fields of a table of records; without any, all."`
	TimeZone    string   `json:"time_zone,omitempty" maxLength:"64" doc:"Where days begin, an IANA name; without one, where who looks says, or the server." example:"Asia/Kolkata"`
	Compare     string   `json:"compare,omitempty" enum:"previous_period" doc:"The same of the period before, beside it."`
}

// A gadgetPosition is where a gadget stands on the grid of 12 columns. Gadgets do not overlap.
type gadgetPosition struct {
	Row    int `json:"row" minimum:"0" maximum:"999" doc:"From 0."`
	Column int `json:"col" minimum:"0" maximum:"11" doc:"From 0."`
	Width  int `json:"width" minimum:"1" maximum:"12"`
	Height int `json:"height" minimum:"1" maximum:"50"`
}

func (b *gadgetBody) gadget() *dashboard.Gadget {
	return &dashboard.Gadget{
		Type: b.Type, Title: b.Title, FilterID: b.FilterID, Config: dashboard.GadgetConfig(b.Config), Position: dashboard.Position(b.Position),
	}
}

// A gadgetPatch is what a merge patch of a gadget may have.
type gadgetPatch struct {
	Type     *string         `json:"type,omitempty" enum:"pie-chart,bar-chart,line-chart,table,stat"`
	Title    *string         `json:"title,omitempty" minLength:"1" maxLength:"255" pattern:"^[^\\x00-\\x1f\\x7f-\\x9f]*$" patternDescription:"text without control characters"`
	FilterID *string         `json:"filter_id,omitempty" minLength:"1" maxLength:"200" pattern:"^[^\\x00-\\x1f\\x7f-\\x9f]*$" patternDescription:"text without control characters"`
	Config   *configPatch    `json:"config,omitempty"`
	Position *gadgetPosition `json:"position,omitempty"`

	ID          *string    `json:"id,omitempty" readOnly:"true" doc:"As it is, if at all; so are all members that are read only."`
	DashboardID *string    `json:"dashboard_id,omitempty" readOnly:"true"`
	CreatedAt   *time.Time `json:"created_at,omitempty" readOnly:"true"`
	UpdatedAt   *time.Time `json:"updated_at,omitempty" readOnly:"true"`
	Version     *int64     `json:"version,omitempty" readOnly:"true"`
}

// A configPatch changes members of a configuration; null takes one away.
type configPatch struct {
	GroupBy     *string  `json:"group_by,omitempty" nullable:"true" maxLength:"1000"`
	SplitBy     *string  `json:"split_by,omitempty" nullable:"true" maxLength:"1000"`
	Metric      *string  `json:"metric,omitempty" nullable:"true"`
	MetricField *string  `json:"metric_field,omitempty" nullable:"true" maxLength:"1000"`
	Percentile  *float64 `json:"percentile,omitempty" nullable:"true" minimum:"0" maximum:"100"`
	Interval    *string  `json:"interval,omitempty" nullable:"true"`
	Limit       *int     `json:"limit,omitempty" nullable:"true" minimum:"0" maximum:"1000"`
	Sort        *string  `json:"sort,omitempty" nullable:"true"`
	Columns     []string `json:"columns,omitempty" nullable:"true" maxItems:"100"`
	TimeZone    *string  `json:"time_zone,omitempty" nullable:"true" maxLength:"64"`
	Compare     *string  `json:"compare,omitempty" nullable:"true"`
}

// A gadgetList is all gadgets of a dashboard.
type gadgetList struct {
	Gadgets []*dashboard.Gadget `json:"gadgets" nullable:"false"`
}

type gadgetAnswer struct {
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     *dashboard.Gadget
}

func (a *handler) gadgetRoutes() {
	const all, nested, one = "/v1/dashboards/{id}/gadgets", "/v1/dashboards/{id}/gadgets/{gadget_id}", "/v1/gadgets/{id}"
	create := a.dashboardOp(http.MethodPost, all, "create-gadget", "Put a gadget on a dashboard")
	create.DefaultStatus = http.StatusCreated
	huma.Register(a.api, create, a.createGadget)
	huma.Register(a.api, a.dashboardOp(http.MethodGet, all, "list-gadgets", "The gadgets of a dashboard"), a.listGadgets)
	huma.Register(a.api, a.dashboardOp(http.MethodGet, nested, "get-gadget-of-dashboard", "A gadget of a dashboard"), a.getGadgetOf)
	huma.Register(a.api, a.dashboardOp(http.MethodGet, one, "get-gadget", "A gadget"), a.getGadget)
	huma.Register(a.api, versioned(a.dashboardOp(http.MethodPut, one, "replace-gadget", "Change a gadget as a whole")), a.replaceGadget)
	needed(a.api.OpenAPI().Paths[one].Put, "If-Match")
	huma.Register(a.api, versioned(a.dashboardOp(http.MethodPatch, one, "patch-gadget", "Change members of a gadget, by a JSON merge patch (RFC 7396)")), a.patchGadget)
	needed(a.api.OpenAPI().Paths[one].Patch, "If-Match")
	huma.Register(a.api, a.dashboardOp(http.MethodDelete, one, "delete-gadget", "Take a gadget off its dashboard"), a.deleteGadget)
	huma.Register(a.api, versioned(a.dashboardOp(http.MethodPut, nested, "replace-gadget-of-dashboard", "Change a gadget as a whole")), a.replaceGadgetOf)
	needed(a.api.OpenAPI().Paths[nested].Put, "If-Match")
	huma.Register(a.api, versioned(a.dashboardOp(http.MethodPatch, nested, "patch-gadget-of-dashboard", "Change members of a gadget, by a JSON merge patch (RFC 7396)")), a.patchGadgetOf)
	needed(a.api.OpenAPI().Paths[nested].Patch, "If-Match")
	huma.Register(a.api, a.dashboardOp(http.MethodDelete, nested, "delete-gadget-of-dashboard", "Take a gadget off its dashboard"), a.deleteGadgetOf)
}

func (a *handler) gadgetAnswer(g *dashboard.Gadget) *gadgetAnswer {
	return &gadgetAnswer{ETag: tag(g.Version), Location: a.opts.Base + "/v1/gadgets/" + url.PathEscape(g.ID), Body: g}
}

type createGadgetRequest struct {
	FilterID

	Body gadgetBody
}

func (a *handler) createGadget(ctx context.Context, in *createGadgetRequest) (*gadgetAnswer, error) {
	g, err := a.service.Dashboards().AddGadget(ctx, whoOf(ctx), in.ID, in.Body.gadget())
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return a.gadgetAnswer(g), nil
}

func (a *handler) listGadgets(ctx context.Context, in *FilterID) (*answer[gadgetList], error) {
	d, err := a.service.Dashboards().Get(ctx, whoOf(ctx), in.ID)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &answer[gadgetList]{gadgetList{d.Gadgets}}, nil
}

func (a *handler) getGadget(ctx context.Context, in *FilterID) (*gadgetAnswer, error) {
	g, err := a.service.Dashboards().Gadget(ctx, whoOf(ctx), in.ID)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	out := a.gadgetAnswer(g)
	out.Location = ""
	return out, nil
}

type replaceGadgetRequest struct {
	FilterChange

	Body gadgetBody
}

func (a *handler) replaceGadget(ctx context.Context, in *replaceGadgetRequest) (*gadgetAnswer, error) {
	return amend(ctx, a, in.IfMatch, true, func(version int64) (*dashboard.Gadget, error) {
		return a.service.Dashboards().ReplaceGadget(ctx, whoOf(ctx), in.ID, in.Body.gadget(), version)
	}, a.gadgetAnswer)
}

type patchGadgetRequest struct {
	FilterChange

	Body gadgetPatch `contentType:"application/merge-patch+json"`
}

func (a *handler) patchGadget(ctx context.Context, in *patchGadgetRequest) (*gadgetAnswer, error) {
	return amend(ctx, a, in.IfMatch, true, func(version int64) (*dashboard.Gadget, error) {
		return a.service.Dashboards().PatchGadget(ctx, whoOf(ctx), in.ID, request(ctx).body, version)
	}, a.gadgetAnswer)
}

func (a *handler) deleteGadget(ctx context.Context, in *FilterChange) (*struct{}, error) {
	version, err := expected(ctx, in.IfMatch, false)
	if err != nil {
		return nil, err
	}
	return nil, a.changed(ctx, a.service.Dashboards().DeleteGadget(ctx, whoOf(ctx), in.ID, version), in.IfMatch)
}

// gadgetOf names a gadget by its dashboard too.
type gadgetOf struct {
	ID       string `path:"id" maxLength:"200"`
	GadgetID string `path:"gadget_id" maxLength:"200"`
}

// on returns an error unless the gadget is on that dashboard.
func (a *handler) on(ctx context.Context, in *gadgetOf) error {
	g, err := a.service.Dashboards().Gadget(ctx, whoOf(ctx), in.GadgetID)
	if err == nil && g.DashboardID != in.ID {
		err = dashboard.ErrNotFound
	}
	return a.problem(ctx, err)
}

func (a *handler) getGadgetOf(ctx context.Context, in *gadgetOf) (*gadgetAnswer, error) {
	if err := a.on(ctx, in); err != nil {
		return nil, err
	}
	return a.getGadget(ctx, &FilterID{in.GadgetID})
}

type replaceGadgetOfRequest struct {
	ID       string `path:"id" maxLength:"200"`
	GadgetID string `path:"gadget_id" maxLength:"200"`
	IfMatch  string `header:"If-Match" maxLength:"64" doc:"The ETag of the version of the gadget that is changed."`
	Body     gadgetBody
}

func (a *handler) replaceGadgetOf(ctx context.Context, in *replaceGadgetOfRequest) (*gadgetAnswer, error) {
	if err := a.on(ctx, &gadgetOf{in.ID, in.GadgetID}); err != nil {
		return nil, err
	}
	return a.replaceGadget(ctx, &replaceGadgetRequest{FilterChange{FilterID{in.GadgetID}, in.IfMatch}, in.Body})
}

type patchGadgetOfRequest struct {
	ID       string      `path:"id" maxLength:"200"`
	GadgetID string      `path:"gadget_id" maxLength:"200"`
	IfMatch  string      `header:"If-Match" maxLength:"64" doc:"The ETag of the version of the gadget that is changed."`
	Body     gadgetPatch `contentType:"application/merge-patch+json"`
}

func (a *handler) patchGadgetOf(ctx context.Context, in *patchGadgetOfRequest) (*gadgetAnswer, error) {
	if err := a.on(ctx, &gadgetOf{in.ID, in.GadgetID}); err != nil {
		return nil, err
	}
	return a.patchGadget(ctx, &patchGadgetRequest{FilterChange{FilterID{in.GadgetID}, in.IfMatch}, in.Body})
}

type deleteGadgetOfRequest struct {
	ID       string `path:"id" maxLength:"200"`
	GadgetID string `path:"gadget_id" maxLength:"200"`
	IfMatch  string `header:"If-Match" maxLength:"64" doc:"The ETag of the version of the gadget that is taken off."`
}

func (a *handler) deleteGadgetOf(ctx context.Context, in *deleteGadgetOfRequest) (*struct{}, error) {
	if err := a.on(ctx, &gadgetOf{in.ID, in.GadgetID}); err != nil {
		return nil, err
	}
	return a.deleteGadget(ctx, &FilterChange{FilterID{in.GadgetID}, in.IfMatch})
}
