package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/digit-health/dhr/dashboard"
	"github.com/digit-health/dhr/dashboard/figures"
)

// boardData is what the gadgets of a dashboard show.
type boardData struct {
	DashboardID string          `json:"dashboard_id"`
	Name        string          `json:"name"`
	Version     int64           `json:"version" doc:"Of the dashboard whose gadgets these are."`
	AsOf        time.Time       `json:"as_of" doc:"When it was asked; each gadget says for which instant its figures are."`
	Gadgets     []*figures.Data `json:"gadgets" nullable:"false" doc:"In the order of their positions."`
}

// A dataRequest says in which circumstances a gadget is looked at.
type dataRequest struct {
	ID       string    `path:"id" maxLength:"200"`
	TimeZone string    `query:"time_zone" maxLength:"64" doc:"Where days begin for gadgets that do not say it, an IANA name such as Asia/Kolkata."`
	AsOf     time.Time `query:"as_of" doc:"The instant that now() and relative dates stand for."`
}

type boardDataRequest struct {
	ID       string    `path:"id" maxLength:"200"`
	TimeZone string    `query:"time_zone" maxLength:"64" doc:"Where days begin for gadgets that do not say it, an IANA name such as Asia/Kolkata."`
	AsOf     time.Time `query:"as_of" doc:"The instant that now() and relative dates stand for."`
	Accept   string    `header:"Accept" doc:"With application/x-ndjson each gadget's part is sent as soon as it is known, one a line."`
}

const ndjson = "application/x-ndjson"

func (a *handler) figureRoutes() {
	data := a.answers(a.dashboardOp(http.MethodGet, "/v1/dashboards/{id}/data", "dashboard-data", "What the gadgets of a dashboard show who asks"), typeOf[boardData]())
	data.Description = "All gadgets are asked of the engine at once. A gadget that cannot be shown says why in its member error, and the answer is 200 all the same. " +
		"With Accept: application/x-ndjson each gadget's data is a line of its own, sent as soon as it is known, in any order; a last line has the member end."
	data.Responses["200"].Content[ndjson] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Description: "Lines of JSON: the data of each gadget, and at last {\"end\": true, …} with what else the JSON answer says."}}
	huma.Register(a.api, data, a.dashboardData)
	huma.Register(a.api, a.dashboardOp(http.MethodGet, "/v1/gadgets/{id}/data", "gadget-data", "What a gadget shows who asks"), a.gadgetData)
	preview := a.dashboardOp(http.MethodPost, "/v1/gadgets/preview", "preview-gadget", "What a gadget that is not kept would show who asks")
	preview.Description = "Nothing is kept. What does not fit is answered as if the gadget were to be kept."
	huma.Register(a.api, preview, a.previewGadget)
	a.alone["/v1/gadgets/preview"] = http.MethodPost // and not the methods of /v1/gadgets/{id}
	a.describeFigures()
}

// describeFigures says in the document which parts of a gadget's data may be null, which it does not say of objects by itself.
func (a *handler) describeFigures() {
	s := a.api.OpenAPI().Components.Schemas.Map()["FigureData"]
	for _, name := range []string{"error", "missing", "others", "period", "previous"} {
		p := s.Properties[name]
		p.AnyOf, p.Ref = []*huma.Schema{{Ref: p.Ref}, {Type: "null"}}, ""
	}
}

// circumstances are those of a request.
func (a *handler) circumstances(ctx context.Context, zone string, at time.Time) (*figures.Asked, error) {
	var asOf *time.Time
	if !at.IsZero() {
		asOf = &at
	}
	q, err := a.words(ctx, "", nil, zone, asOf, "")
	if err != nil {
		return nil, err
	}
	return &figures.Asked{AsOf: q.Options.Now, Zone: q.Options.Zone}, nil
}

func (a *handler) dashboardData(ctx context.Context, in *boardDataRequest) (*huma.StreamResponse, error) {
	asked, err := a.circumstances(ctx, in.TimeZone, in.AsOf)
	if err != nil {
		return nil, err
	}
	begun := a.opts.Now().UTC()
	d, all, err := a.service.Dashboards().Data(ctx, whoOf(ctx), in.ID, asked)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		r, w := humago.Unwrap(hc)
		head := &boardData{DashboardID: d.ID, Name: d.Name, Version: d.Version, AsOf: begun, Gadgets: []*figures.Data{}}
		if accepts(in.Accept, ndjson) {
			a.dataLines(ctx, r, w, head, all)
			return
		}
		for data := range all {
			head.Gadgets = append(head.Gadgets, data)
		}
		inOrder(head.Gadgets, d.Gadgets)
		w.Header().Set("Content-Type", "application/json")
		out := json.NewEncoder(w)
		out.SetEscapeHTML(false) // queries have many < and >
		if err := out.Encode(head); err != nil && ctx.Err() == nil {
			a.log.WarnContext(ctx, "the data of a dashboard ends early", "error", err, "trace_id", traceOf(ctx))
		}
	}}, nil
}

// inOrder puts data in the order of its gadgets.
func inOrder(all []*figures.Data, gadgets []*dashboard.Gadget) {
	place := map[string]int{}
	for i, g := range gadgets {
		place[g.ID] = i
	}
	slices.SortStableFunc(all, func(d, e *figures.Data) int { return cmp.Compare(place[d.GadgetID], place[e.GadgetID]) })
}

// accepts reports whether a header Accept names a media type outright.
func accepts(header, media string) bool {
	for part := range strings.SplitSeq(header, ",") {
		if got, _, err := mime.ParseMediaType(part); err == nil && got == media {
			return true
		}
	}
	return false
}

// dataLines sends each gadget's data as a line of its own, as soon as it is known.
func (a *handler) dataLines(ctx context.Context, r *http.Request, w http.ResponseWriter, head *boardData, all iter.Seq[*figures.Data]) {
	h := w.Header()
	h.Set("Content-Type", ndjson)
	h.Set("Cache-Control", "no-store, no-transform")
	h.Set("X-Accel-Buffering", "no")
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return
	}
	control, out := http.NewResponseController(w), json.NewEncoder(w)
	out.SetEscapeHTML(false)
	send := func(line any) error {
		if err := out.Encode(line); err != nil {
			return err
		}
		return control.Flush()
	}
	for data := range all {
		if err := send(data); err != nil {
			if ctx.Err() == nil {
				a.log.WarnContext(ctx, "the data of a dashboard ends early", "error", err, "trace_id", traceOf(ctx))
			}
			return
		}
	}
	_ = send(struct {
		End         bool      `json:"end"`
		DashboardID string    `json:"dashboard_id"`
		Name        string    `json:"name"`
		Version     int64     `json:"version"`
		AsOf        time.Time `json:"as_of"`
	}{true, head.DashboardID, head.Name, head.Version, head.AsOf})
}

func (a *handler) gadgetData(ctx context.Context, in *dataRequest) (*answer[*figures.Data], error) {
	asked, err := a.circumstances(ctx, in.TimeZone, in.AsOf)
	if err != nil {
		return nil, err
	}
	data, err := a.service.Dashboards().GadgetData(ctx, whoOf(ctx), in.ID, asked)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &answer[*figures.Data]{data}, nil
}

type previewGadgetRequest struct {
	TimeZone string    `query:"time_zone" maxLength:"64" doc:"Where days begin, an IANA name such as Asia/Kolkata."`
	AsOf     time.Time `query:"as_of" doc:"The instant that now() and relative dates stand for."`
	Body     gadgetBody
}

func (a *handler) previewGadget(ctx context.Context, in *previewGadgetRequest) (*answer[*figures.Data], error) {
	asked, err := a.circumstances(ctx, in.TimeZone, in.AsOf)
	if err != nil {
		return nil, err
	}
	data, err := a.service.Dashboards().Preview(ctx, whoOf(ctx), in.Body.gadget(), asked)
	if err != nil {
		return nil, a.problem(ctx, fmt.Errorf("gadget: %w", err))
	}
	return &answer[*figures.Data]{data}, nil
}
