package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/digit-health/dhr/dashboard"
	"github.com/digit-health/dhr/dashboard/chart"
	"github.com/digit-health/dhr/dashboard/figures"
)

// A chartRequest says how a gadget is drawn.
type chartRequest struct {
	ID       string    `path:"id" maxLength:"200"`
	TimeZone string    `query:"time_zone" maxLength:"64" doc:"Where days begin for gadgets that do not say it, an IANA name such as Asia/Kolkata."`
	AsOf     time.Time `query:"as_of" doc:"The instant that now() and relative dates stand for."`
	Theme    string    `query:"theme" enum:"light,dark" default:"light"`
	Locale   string    `query:"locale" minLength:"1" maxLength:"35" default:"en" doc:"In which numbers, dates and the few words beside them are written, such as hi or en-IN."`
	Width    int       `query:"width" minimum:"120" maximum:"4000" default:"640" doc:"In pixels."`
	Height   int       `query:"height" minimum:"80" maximum:"4000" default:"360" doc:"In pixels."`
	Title    bool      `query:"title" default:"true" doc:"Whether the title is drawn; it is in the picture for screen readers all the same."`
}

type pngRequest struct {
	ID       string    `path:"id" maxLength:"200"`
	TimeZone string    `query:"time_zone" maxLength:"64" doc:"Where days begin for gadgets that do not say it, an IANA name such as Asia/Kolkata."`
	AsOf     time.Time `query:"as_of" doc:"The instant that now() and relative dates stand for."`
	Theme    string    `query:"theme" enum:"light,dark" default:"light"`
	Locale   string    `query:"locale" minLength:"1" maxLength:"35" default:"en" doc:"In which numbers, dates and the few words beside them are written, such as hi or en-IN."`
	Width    int       `query:"width" minimum:"120" maximum:"4000" default:"640" doc:"In pixels."`
	Height   int       `query:"height" minimum:"80" maximum:"4000" default:"360" doc:"In pixels."`
	Title    bool      `query:"title" default:"true" doc:"Whether the title is drawn; it is in the picture for screen readers all the same."`
	Scale    float64   `query:"scale" minimum:"0.5" maximum:"4" default:"1" doc:"How many pixels the image has for each of the picture."`
}

type reportRequest struct {
	ID       string    `path:"id" maxLength:"200"`
	TimeZone string    `query:"time_zone" maxLength:"64" doc:"Where days begin for gadgets that do not say it, an IANA name such as Asia/Kolkata."`
	AsOf     time.Time `query:"as_of" doc:"The instant that now() and relative dates stand for."`
	Locale   string    `query:"locale" minLength:"1" maxLength:"35" default:"en" doc:"In which numbers, dates and the words of the report are written, such as hi or en-IN."`
}

// A picture is an answer that is drawn.
type picture struct {
	ContentType string `header:"Content-Type"`
	Policy      string `header:"Content-Security-Policy" doc:"Nothing in it runs, and nothing is loaded."`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

const (
	svgType, pngType, pdfType = "image/svg+xml", "image/png", "application/pdf"

	noPolicy = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
)

func (a *handler) chartRoutes() {
	drawn := func(path, id, summary, media string) huma.Operation {
		op := a.dashboardOp(http.MethodGet, path, id, summary)
		op.Responses = map[string]*huma.Response{"200": {
			Description: "The picture. If there are no figures, a sentence that says why.",
			Content:     map[string]*huma.MediaType{media: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}},
		}}
		return op
	}
	huma.Register(a.api, drawn("/v1/gadgets/{id}/chart.svg", "gadget-svg", "A gadget drawn as SVG", svgType), a.gadgetSVG)
	huma.Register(a.api, drawn("/v1/gadgets/{id}/chart.png", "gadget-png", "A gadget drawn as PNG", pngType), a.gadgetPNG)
	report := drawn("/v1/dashboards/{id}/report.pdf", "dashboard-report", "A dashboard as a PDF", pdfType)
	report.Description = "It needs the permission export, since it is a file to take away."
	huma.Register(a.api, report, a.dashboardReport)
}

// drawing lays out what a gadget shows who asks.
func (a *handler) drawing(ctx context.Context, in *chartRequest) (*chart.Drawing, error) {
	asked, err := a.circumstances(ctx, in.TimeZone, in.AsOf)
	if err != nil {
		return nil, err
	}
	data, err := a.service.Dashboards().GadgetData(ctx, whoOf(ctx), in.ID, asked)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	// A page has several pictures in it, so that the ids in each must be its own.
	opts := &chart.Options{Width: float64(in.Width), Height: float64(in.Height), Theme: chart.Theme(in.Theme), NoTitle: !in.Title, ID: "chart-" + in.ID}
	d, _, err := a.laidOut(ctx, data, in.Locale, opts)
	return d, err
}

// laidOut lays out data. What a chart of its type cannot say is drawn in another way, or said in a sentence.
func (a *handler) laidOut(ctx context.Context, data *figures.Data, locale string, opts *chart.Options) (*chart.Drawing, *chart.Chart, error) {
	c, say := chartOf(data, locale), voiceOf(locale)
	d, err := chart.Layout(c, opts)
	if refused := (*chart.Error)(nil); errors.As(err, &refused) && !errors.Is(err, chart.ErrLocale) && c.Type != chart.Table {
		c = &chart.Chart{Type: chart.Table, Title: c.Title, Unit: c.Unit, Locale: locale, Zone: c.Zone, Interval: c.Interval, Series: c.Series, Others: c.Others, NoSum: true,
			Notes: append(c.Notes, fmt.Sprintf(say.cannotShow, data.Type, refused.Reason))}
		d, err = chart.Layout(c, opts)
	}
	if errors.Is(err, chart.ErrLocale) {
		return nil, nil, unknownLocale(ctx, locale)
	}
	if err != nil {
		c = &chart.Chart{Type: chart.Table, Title: c.Title, Locale: locale, Empty: fmt.Sprintf(say.cannotDraw, err)}
		if d, err = chart.Layout(c, opts); err != nil {
			return nil, nil, a.problem(ctx, err)
		}
	}
	return d, c, nil
}

func unknownLocale(ctx context.Context, locale string) error {
	return formProblem(ctx, http.StatusUnprocessableEntity, "unknown locale", []error{&huma.ErrorDetail{
		Message: fmt.Sprintf("%q is none of %s", locale, strings.Join(chart.Locales(), ", ")), Location: "query.locale",
	}})
}

func (a *handler) gadgetSVG(ctx context.Context, in *chartRequest) (*picture, error) {
	d, err := a.drawing(ctx, in)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := d.SVG(&b); err != nil {
		return nil, a.problem(ctx, err)
	}
	return &picture{ContentType: svgType, Policy: noPolicy, Body: b.Bytes()}, nil
}

func (a *handler) gadgetPNG(ctx context.Context, in *pngRequest) (*picture, error) {
	d, err := a.drawing(ctx, &chartRequest{in.ID, in.TimeZone, in.AsOf, in.Theme, in.Locale, in.Width, in.Height, in.Title})
	if err != nil {
		return nil, err
	}
	if w, h := d.Size(); w*h*in.Scale*in.Scale > mostPixels {
		return nil, formProblem(ctx, http.StatusUnprocessableEntity, "the image is too large", []error{&huma.ErrorDetail{
			Message: fmt.Sprintf("width, height and scale make more than %d pixels", int(mostPixels)), Location: "query.scale",
		}})
	}
	var b bytes.Buffer
	if err := d.PNG(&b, in.Scale); err != nil {
		return nil, a.problem(ctx, err)
	}
	return &picture{ContentType: pngType, Policy: noPolicy, Body: b.Bytes()}, nil
}

// mostPixels bounds an image, and so the memory in which it is made.
const mostPixels = 16e6

func (a *handler) dashboardReport(ctx context.Context, in *reportRequest) (*picture, error) {
	asked, err := a.circumstances(ctx, in.TimeZone, in.AsOf)
	if err != nil {
		return nil, err
	}
	d, all, err := a.service.Dashboards().Report(ctx, whoOf(ctx), in.ID, asked)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	var data []*figures.Data
	for one := range all {
		data = append(data, one)
	}
	if ctx.Err() != nil {
		return nil, a.problem(ctx, ctx.Err())
	}
	inOrder(data, d.Gadgets)
	r := &chart.Report{Title: d.Name, User: whoOf(ctx).User, At: asked.AsOf, Zone: asked.Zone, Locale: in.Locale}
	if r.At.IsZero() {
		r.At = a.opts.Now().UTC()
	}
	for i, one := range data {
		item, err := a.reportItem(ctx, d.Gadgets[i], one, in.Locale)
		if err != nil {
			return nil, err
		}
		if r.Zone == nil {
			r.Zone = zoneOf(one)
		}
		r.Items = append(r.Items, *item)
	}
	var b bytes.Buffer
	if err := r.PDF(&b); errors.Is(err, chart.ErrLocale) {
		return nil, unknownLocale(ctx, in.Locale)
	} else if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &picture{ContentType: pdfType, Policy: noPolicy, Disposition: disposition(d.Name + ".pdf"), Body: b.Bytes()}, nil
}

// reportItem is a gadget in a report, as wide as on the dashboard but never so narrow that it could not be read on paper.
func (a *handler) reportItem(ctx context.Context, g *dashboard.Gadget, data *figures.Data, locale string) (*chart.Item, error) {
	least := 6
	if data.Type == string(chart.Stat) {
		least = 3
	}
	item := &chart.Item{Question: data.Question.JQL, Columns: max(least, g.Position.Width), Figures: data.Type != string(chart.Table) && data.Type != string(chart.Stat)}
	if data.Error != nil {
		item.Error = data.Error.Message
		item.Chart = &chart.Chart{Type: chart.Type(data.Type), Title: data.Title, Locale: locale}
		return item, nil
	}
	_, c, err := a.laidOut(ctx, data, locale, nil)
	if err != nil {
		return nil, err
	}
	item.Chart = c
	return item, nil
}

// zoneOf is where the days of data begin.
func zoneOf(data *figures.Data) *time.Location {
	if at, err := dashboard.Zone(data.Question.TimeZone); err == nil {
		return at
	}
	return time.UTC
}
