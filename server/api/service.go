package api

import (
	"context"
	_ "embed"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/server/ui"
)

// A Check is something without which the service is not ready.
type Check struct {
	Name  string
	Check func(ctx context.Context) error
}

// checkTimeout is how long checks may take.
const checkTimeout = 3 * time.Second

// A Health says how a service is.
type Health struct {
	Status string            `json:"status" enum:"ok,unavailable"`
	Checks map[string]string `json:"checks" doc:"Each dependency with ok or unavailable."`
}

// Capabilities say what a server can do.
type Capabilities struct {
	Version string     `json:"version"`
	Engine  string     `json:"engine" doc:"What holds the records: sqlite, postgres or elasticsearch."`
	Formats []string   `json:"formats" doc:"Formats of exports."`
	Storage []string   `json:"storage" doc:"Where files of exports may be kept."`
	Roles   []string   `json:"roles" doc:"The parts of the service that this server has."`
	Targets []string   `json:"targets" doc:"What a query can be compiled to."`
	Limits  LimitsInfo `json:"limits"`
	FHIR    *fhirOffer `json:"fhir,omitempty" doc:"What is exported as FHIR Bulk Data, if anything is."`
	Queues  bool       `json:"queues" doc:"Whether administrators see the queues of workers at /admin/queues/."`
}

// LimitsInfo are the limits of a server.
type LimitsInfo struct {
	MaxResults  int   `json:"max_results" doc:"The greatest max_results."`
	MaxWindow   int   `json:"max_window" doc:"Up to where start_at and max_results together may reach."`
	MaxBody     int64 `json:"max_body" doc:"The greatest body, in bytes."`
	MaxQuery    int   `json:"max_query" doc:"The longest query, in bytes."`
	CappedCount int64 `json:"capped_count" doc:"How far a capped count goes."`

	Exports *exportLimits `json:"exports,omitempty" doc:"Those of exports, if there are any."`
}

// Me is who asks.
type Me struct {
	User           string              `json:"user"`
	Tenant         string              `json:"tenant"`
	Roles          []string            `json:"roles"`
	Groups         []string            `json:"groups"`
	Permissions    []access.Permission `json:"permissions"`
	AllowedIndexes []string            `json:"allowed_indexes"`
}

// answer is an answer with a body.
type answer[T any] struct{ Body T }

// open reports whether a route is for everybody.
func open(route string) bool {
	switch route {
	case "GET /healthz", "GET /readyz", "GET /openapi.json", "GET /docs", "GET /docs/{file}", "GET /problems/{code}", "GET /metrics", "GET /{$}", "GET /ui/{file}",
		routeSmartHere, routeSmartRoot, routeMetadata, routeOperation, routeToken:
		return true
	}
	return false
}

func (a *handler) serviceRoutes() {
	none := []map[string][]string{} // no way of signing in is needed
	health := a.operation(http.MethodGet, "/healthz", "health", "Service", "Whether the server lives")
	health.Security, health.Errors = none, []int{http.StatusServiceUnavailable}
	huma.Register(a.api, health, func(context.Context, *struct{}) (*answer[Health], error) {
		return &answer[Health]{Health{Status: "ok", Checks: map[string]string{}}}, nil
	})
	ready := a.operation(http.MethodGet, "/readyz", "ready", "Service", "Whether the server can answer, with its dependencies")
	ready.Security, ready.Errors = none, nil
	ready.Responses = map[string]*huma.Response{
		"503": {Description: "A dependency is unavailable.", Content: map[string]*huma.MediaType{
			"application/json": {Schema: huma.SchemaFromType(a.api.OpenAPI().Components.Schemas, typeOf[Health]())},
		}},
	}
	huma.Register(a.api, ready, a.ready)
	capabilities := func() {
		huma.Register(a.api, a.operation(http.MethodGet, "/v1/capabilities", "capabilities", "Service", "What this server can do"),
			func(context.Context, *struct{}) (*answer[Capabilities], error) {
				return &answer[Capabilities]{a.capabilities()}, nil
			})
	}
	me := func() {
		huma.Register(a.api, a.operation(http.MethodGet, "/v1/me", "me", "Service", "Who asks, and what that may see and do"), a.me)
	}
	if len(a.processes) > 0 {
		a.to(http.HandlerFunc(a.allCapabilities), capabilities)
	} else {
		capabilities()
	}
	if a.service == nil {
		a.to(a.anyProcess(), me)
	} else {
		me()
	}

	a.mux.HandleFunc("GET /openapi.json", a.openAPI)
	a.mux.HandleFunc("GET /docs", docsPage)
	a.mux.HandleFunc("GET /docs/{file}", docsPage)
	a.mux.HandleFunc("GET /problems/{code}", a.problemPage)
	page := ui.Handler(&ui.Options{Base: a.opts.Base, OIDC: a.opts.OIDC, NotFound: http.HandlerFunc(nothingHere)})
	a.mux.Handle("GET /{$}", page)
	a.mux.Handle("GET /ui/{file}", page)
	if a.metrics != nil {
		a.mux.HandleFunc("GET /metrics", a.metricsPage)
	}
	if a.opts.Queues != nil {
		a.queueRoutes()
	}
}

type readyAnswer struct {
	Status int
	Body   Health
}

func (a *handler) ready(ctx context.Context, _ *struct{}) (*readyAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	errs := make([]error, len(a.opts.Checks))
	var all sync.WaitGroup
	for i, c := range a.opts.Checks {
		all.Go(func() { errs[i] = c.Check(ctx) })
	}
	all.Wait()
	out := &readyAnswer{http.StatusOK, Health{Status: "ok", Checks: map[string]string{}}}
	for i, c := range a.opts.Checks {
		out.Body.Checks[c.Name] = "ok"
		if errs[i] != nil {
			a.log.ErrorContext(ctx, "not ready", "dependency", c.Name, "error", errs[i])
			out.Status, out.Body.Status, out.Body.Checks[c.Name] = http.StatusServiceUnavailable, "unavailable", "unavailable"
		}
	}
	return out, nil
}

func (a *handler) capabilities() Capabilities {
	c := Capabilities{
		Version: a.opts.Version, Engine: a.opts.Engine, Formats: []string{}, Storage: []string{}, Roles: a.opts.Roles, Targets: a.service.Targets(),
		FHIR: a.fhirOffer(), Queues: a.opts.Queues != nil,
		Limits: LimitsInfo{MaxResults: a.opts.MaxResults, MaxWindow: maxWindow, MaxBody: a.opts.MaxBody, MaxQuery: maxQuery, CappedCount: cappedCount},
	}
	a.offer(&c)
	return c
}

func (a *handler) me(ctx context.Context, _ *struct{}) (*answer[Me], error) {
	who := whoOf(ctx)
	me := Me{
		User: who.User, Tenant: who.Tenant, Roles: filled(who.Roles), Groups: filled(who.Groups),
		Permissions: a.service.Permissions(who), AllowedIndexes: []string{},
	}
	if slices.Contains(me.Permissions, access.MayView) {
		names, err := a.service.Indexes(ctx, who)
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		me.AllowedIndexes = filled(names)
	}
	return &answer[Me]{me}, nil
}

// filled returns a list that is [] in JSON if it is empty.
func filled[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func (a *handler) openAPI(w http.ResponseWriter, r *http.Request) {
	text, err := json.Marshal(a.api.OpenAPI())
	if err != nil {
		a.log.ErrorContext(r.Context(), "the OpenAPI document", "error", err)
		internalError.problem(r.Context(), "the document cannot be written").write(w)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text)
}

//go:embed docs.html
var docsHTML []byte

//go:embed docs.js
var docsJS []byte

//go:embed docs.css
var docsCSS []byte

// docsPage shows the OpenAPI document. It loads nothing from elsewhere.
func docsPage(w http.ResponseWriter, r *http.Request) {
	content, media := docsHTML, "text/html; charset=utf-8"
	switch r.PathValue("file") {
	case "":
	case "docs.js":
		content, media = docsJS, "text/javascript; charset=utf-8"
	case "docs.css":
		content, media = docsCSS, "text/css; charset=utf-8"
	default:
		nothingHere(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", media)
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	_, _ = w.Write(content)
}

// nothingHere answers for a path at which there is nothing.
func nothingHere(w http.ResponseWriter, r *http.Request) {
	notFound.problem(r.Context(), "there is nothing at this path").write(w)
}

// problemPage says what a kind of problem is, at the place that the type of a problem names.
func (a *handler) problemPage(w http.ResponseWriter, r *http.Request) {
	code := strings.ReplaceAll(r.PathValue("code"), "-", "_")
	for _, k := range allKinds() {
		if k.code == code {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(map[string]any{"code": k.code, "title": k.title, "status": k.status})
			return
		}
	}
	notFound.problem(r.Context(), "there is no such kind of problem").write(w)
}
