package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"github.com/digit-health/dhr"
	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/auth"
	"github.com/digit-health/dhr/auth/smart"
	"github.com/digit-health/dhr/server/ui"
)

// Options are what the API needs besides the service, and its limits. The zero value lets nobody in.
type Options struct {
	// Authenticate says who sends a request, and with what error not. If nil, nobody is let in.
	Authenticate auth.Authenticator
	// NoSignIn says that Authenticate lets everybody in without credentials, so that the document asks for none.
	NoSignIn bool
	// Refused, if not nil, is told of requests of which it is not known who sends them.
	Refused func(ctx context.Context, from netip.Addr, err error)
	// Address says from where a request comes. If nil, the peer's address.
	Address func(*http.Request) netip.Addr

	// Version is that of the program, Engine the name of its engine: sqlite, postgres or elasticsearch.
	Version, Engine string
	// Roles are the parts of the service that this process has: some of AllRoles. If empty, all.
	Roles []string
	// Gateway has the other parts, for the role gateway. If nil, there are no others.
	Gateway *Gateway
	// Permissions say what somebody may do. If nil, they are those of the service.
	Permissions func(*access.Principal) []access.Permission
	// Base is the path under which the handler is mounted, such as /health-reports, for the
	// Location of what is made. If empty, it is the root.
	Base string

	// OIDC is where people sign in at the page; Authenticate has to take the access tokens of that issuer. If nil, they paste a token.
	OIDC *ui.OIDC

	// Checks are what the service needs to be ready.
	Checks []Check
	// Logger is told of every request. If nil, nobody is.
	Logger *slog.Logger
	// LogQueries has the texts of queries in the log; otherwise there are hashes of them.
	LogQueries bool
	// Metrics are where the handler counts what it does, and what /metrics shows. If nil, there is no /metrics.
	Metrics *prometheus.Registry
	// OpenMetrics shows /metrics to all; otherwise to loopback, and to who may audit.
	OpenMetrics bool
	// Queues shows the queues of workers, whose pages begin with /admin/queues/, to who may admin. If nil, there are none.
	Queues http.Handler

	// RequestInfo says that a body may have the member RequestInfo, as all have that come from DIGIT 2's clients and
	// gateway. It is for Authenticate, and for nothing else.
	RequestInfo bool

	// MaxResults is the greatest number of records on a page, as the service has it. If zero, or more than that, 1,000.
	MaxResults int

	// Traces make a span of every request, by its route, in the trace that the header traceparent names, whose
	// id is then the trace_id of problems and of the log. If nil, there are none.
	Traces trace.TracerProvider
	// MaxBody is the greatest size of a body in bytes. If zero, 4 MiB.
	MaxBody int64
	// BodyTimeout is how long the body of a request may take to arrive. If zero, 10 s.
	BodyTimeout time.Duration
	// WriteTimeout is how long a client may take to take what is written, before the connection is cut. If zero, a minute.
	WriteTimeout time.Duration
	// Limits bound how often is asked. If nil, there are none.
	Limits *Limits

	// PublicURL is where clients of FHIR see this handler, such as https://dhr.example.org/health-reports: every URL that they are given begins with it. If
	// empty, these begin with the host that a request names or, if it comes from one of Proxies, with what X-Forwarded-Proto, -Host and -Prefix say.
	PublicURL string
	// Proxies are those whose X-Forwarded headers are believed.
	Proxies []netip.Prefix
	// Tokens gives tokens to SMART Backend Services at /auth/token, and should be asked by Authenticate. If nil, there are none to be had here.
	Tokens *smart.Server
	// TokenEndpoint is that of who else gives tokens that Authenticate accepts, for clients of FHIR to find. If empty, they know it.
	TokenEndpoint string
	// Polls is how often a second each export of FHIR may be asked after while it is made, in the long run; up to ten times as often at once. If zero, twice.
	Polls float64

	// Heartbeat is how often a stream of events that has nothing to say is kept alive. If zero, 15 s.
	Heartbeat time.Duration
	// Ending, if not nil, is closed when the server is to end, so that streams of events do not keep it.
	Ending <-chan struct{}
	// Origins are those of browsers that may ask from other sites, such as
	// https://reports.example.org, or * for all. If empty, none.
	Origins []string
	// CORS is what the pages of Origins may do.
	CORS CORS
	// Now is the clock. If nil, time.Now.
	Now func() time.Time
}

// CORS is what pages of other origins may do.
type CORS struct {
	// Methods and Headers are those that they may use and send. If empty, all that the API takes.
	Methods, Headers []string
	// Credentials says that they may send cookies and the like.
	Credentials bool
	// MaxAge is how long a browser remembers what it was told. If zero, 10 minutes.
	MaxAge time.Duration
}

// handler is the API.
type handler struct {
	service *dhr.Service
	opts    Options
	log     *slog.Logger
	mux     *http.ServeMux
	api     huma.API
	metrics *metrics
	// failures are refused sign-ins by address.
	failures buckets
	polls    buckets // of how far exports of FHIR are
	lasting  lasting
	passes   passes
	alone    map[string]string // paths that have one method, though they look like those of a route that has others
	tracer   trace.Tracer      // or nil
	zones    zones
	begun    time.Time

	via       string                  // what we call ourselves to the other processes
	processes map[string]http.Handler // the other processes, by role
	forward   http.Handler            // what answers the routes that are registered at present; nil is this process
}

// New returns the API of a service. A process that has the role gateway alone needs no service.
func New(service *dhr.Service, opts *Options) (http.Handler, error) {
	useProblems()
	a := &handler{service: service, mux: http.NewServeMux(), alone: map[string]string{}}
	if opts != nil {
		a.opts = *opts
	}
	a.defaults()
	a.metrics = newMetrics(a.opts.Metrics)
	if a.opts.Traces != nil {
		a.tracer = a.opts.Traces.Tracer("github.com/digit-health/dhr/server/api")
	}
	if err := a.openGateway(); err != nil {
		return nil, err
	}
	if service == nil && (a.anyProcess() == nil || !slices.Equal(a.opts.Roles, []string{"gateway"})) {
		return nil, errors.New("api: there is no service")
	}
	a.api = huma.NewAPI(a.document(), &elsewhere{humago.NewAdapter(a.mux, ""), a})
	a.api.UseMiddleware(a.absent)
	a.routes()
	return a.middleware()
}

func (a *handler) defaults() {
	o := &a.opts
	if len(o.Roles) == 0 {
		o.Roles = AllRoles()
	}
	if o.Authenticate == nil {
		o.Authenticate = auth.Chain()
	}
	if o.Address == nil {
		o.Address = peer
	}
	if o.MaxResults <= 0 || o.MaxResults > maxResults {
		o.MaxResults = maxResults
	}
	if o.MaxBody == 0 {
		o.MaxBody = 4 << 20
	}
	if o.WriteTimeout == 0 {
		o.WriteTimeout = time.Minute
	}
	if o.BodyTimeout == 0 {
		o.BodyTimeout = 10 * time.Second
	}
	if o.Heartbeat == 0 {
		o.Heartbeat = 15 * time.Second
	}
	if len(o.CORS.Methods) == 0 {
		o.CORS.Methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
	}
	if len(o.CORS.Headers) == 0 {
		o.CORS.Headers = []string{"Authorization", "Content-Type", "If-Match", "If-None-Match", "If-Range", "Idempotency-Key", "Last-Event-ID", "Prefer", "Range", "X-Request-Id", "X-Correlation-Id", "X-Api-Key"}
	}
	if o.CORS.MaxAge == 0 {
		o.CORS.MaxAge = 10 * time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Permissions == nil && a.service != nil {
		o.Permissions = a.service.Permissions
	}
	a.begun = o.Now()
	a.log = o.Logger
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
}

// document is what the OpenAPI document says of the whole.
func (a *handler) document() huma.Config {
	config := huma.DefaultConfig("DHR, Digit Health Reports", a.opts.Version)
	config.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	config.DocsPath, config.SchemasPath, config.OpenAPIPath = "", "", ""
	config.CreateHooks, config.Transformers = nil, nil // no $schema in answers
	config.Formats = map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat}
	config.NoFormatFallback = false
	config.RejectUnknownQueryParameters = true
	config.Info.Description = "Questions about health records, in JQL. Every error is a problem document (RFC 9457)."
	if !a.opts.NoSignIn {
		config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
			"bearer": {Type: "http", Scheme: "bearer", Description: "A JWT, an API key, or a token of DIGIT, as the server is configured."},
		}
		config.Security = []map[string][]string{{"bearer": {}}}
	}
	if a.opts.Base != "" {
		config.Servers = []*huma.Server{{URL: a.opts.Base}}
	}
	return config
}

// AllRoles are the parts of the service, which may run as processes of their own. The gateway has nothing of
// its own: it forwards to those that have the others.
func AllRoles() []string {
	return []string{"gateway", "query", "filter", "export", "fhir", "configuration"}
}

// has reports whether the process has a part of the service.
func (a *handler) has(role string) bool { return slices.Contains(a.opts.Roles, role) }

func (a *handler) routes() {
	a.serviceRoutes()
	a.part("query", func() {
		a.queryRoutes()
		a.languageRoutes()
	})
	if !a.has("filter") || a.service.Filters() != nil {
		a.part("filter", a.filterRoutes)
		a.part("filter", a.dashboardRoutes)
	}
	if !a.has("export") || a.service.Exports() != nil {
		a.part("export", a.exportRoutes)
	}
	if !a.has("fhir") || a.service.FHIR() != nil {
		a.part("fhir", a.fhirRoutes)
	}
	a.part("configuration", a.auditRoutes)
}

// operation describes one operation. The body has been read by then: a time for reading it, of which huma has one by
// default, would end the questions that take longer, and their connections. The service's errors are those that every operation may have.
func (a *handler) operation(method, path, id, tag, summary string) huma.Operation {
	return huma.Operation{
		Method: method, Path: path, OperationID: id, Tags: []string{tag}, Summary: summary,
		MaxBodyBytes: a.opts.MaxBody, BodyReadTimeout: -1, Errors: []int{
			http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusRequestTimeout,
			http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusTooManyRequests, http.StatusServiceUnavailable,
		},
	}
}
