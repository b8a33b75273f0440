package command

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/digit-health/dhr"
	"github.com/digit-health/dhr/audit"
	"github.com/digit-health/dhr/auth"
	"github.com/digit-health/dhr/auth/smart"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/job/redismon"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/server/api"
	"github.com/digit-health/dhr/server/config"
)

func (p *Program) serve(ctx context.Context, args []string) error {
	g := newGuide("serve", "", `Starts the server, until it is told to end by SIGTERM or SIGINT (Ctrl-C). It is what server does without a command.`,
		"server -addr 127.0.0.1:3001 -data ./other-data\nserver -config application.yml")
	var s settings
	s.register(g.flags)
	address := g.flags.String("addr", "", "listen at this `address` (default 127.0.0.1:3000)")
	roles := g.flags.String("roles", "", "have these `parts` of the service only, with commas between: "+strings.Join(allRoles(), ", ")+" (default all)")
	operands, err := p.read(g, args)
	if err != nil {
		return err
	}
	if len(operands) > 0 {
		return p.misuse(g, "found %q where nothing is expected", operands[0])
	}
	c, err := s.load(p.Env, *address)
	if err != nil {
		return err
	}
	have, err := rolesOf(*roles)
	if err != nil {
		return err
	}
	return p.run(ctx, c, have)
}

// allRoles are the roles that answer requests, and that of a worker.
func allRoles() []string { return append(api.AllRoles(), worker) }

func rolesOf(text string) ([]string, error) {
	if text == "" {
		return allRoles(), nil
	}
	list := strings.Split(text, ",")
	for _, r := range list {
		if !slices.Contains(allRoles(), r) {
			return nil, &errUsage{fmt.Sprintf("-roles: there is no part %q; there are %s", r, strings.Join(allRoles(), ", "))}
		}
	}
	return list, nil
}

// run opens everything, serves until ctx ends, finishes what runs, and closes everything.
func (p *Program) run(ctx context.Context, c *config.Config, roles []string) (err error) {
	forwards, err := gatewayOf(c, roles)
	if err != nil {
		return err
	}
	known, secure, err := secured(c)
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(c.Server.Address, strconv.Itoa(c.Server.Port)))
	if err != nil {
		return fmt.Errorf("%w (another address is -addr, or server.address and server.port)", err)
	}
	defer listener.Close() //nolint:errcheck // the server has closed it, or it was of no use
	log, registry := logger(c, p.Errors), prometheus.NewRegistry()
	traces, err := openTracing(c, p.Version, roles, registry, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, traces.end()) }()
	answers := !slices.Equal(roles, []string{"gateway"}) // itself
	o, err := openSome(ctx, c, answers, answers || c.Audit.Enabled)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	o.traces = traces
	tokens, known, err := o.openSmart(known)
	if err != nil {
		return err
	}
	log.InfoContext(ctx, "starting", "version", p.Version, "roles", roles, "engine", o.kind, "data", c.Server.Data)
	away := o.reach(ctx, log)
	p.measure(o, registry)
	s := &serving{p: p, parts: o, roles: roles, known: known, tokens: tokens, forwards: forwards, registry: registry, log: log, ending: ctx.Done(), away: away}
	if answers {
		if err = o.openExports(ctx, roles, log); err == nil {
			s.service, s.trail, err = p.service(ctx, o, registry, log)
		}
		if err == nil && slices.Contains(roles, "query") { // of several processes that begin together, one
			err = p.sample(ctx, o, s.service)
		}
	} else {
		o.observeStore(registry)
		s.trail = o.openTrail()
	}
	if err != nil {
		return err
	}
	measureTrail(s.trail, registry)
	handler, err := s.handler()
	if err != nil {
		return err
	}
	s.greet(listener.Addr())
	var warned sync.WaitGroup
	warned.Go(func() { s.warn(ctx) })
	defer warned.Wait()
	return s.until(ctx, secure, listener, handler)
}

// serving is a server that is being put together.
type serving struct {
	*parts

	p        *Program
	roles    []string
	known    auth.Authenticator
	tokens   *smart.Server // or nil
	forwards *api.Gateway  // or nil
	service  *dhr.Service  // or nil
	trail    *audit.Log    // or nil
	registry *prometheus.Registry
	log      *slog.Logger
	ending   <-chan struct{} // closed when the server is told to end
	away     bool            // the log has been told that the engine does not answer
}

// service makes the service of the parts, which are closed after it.
func (p *Program) service(ctx context.Context, o *parts, registry *prometheus.Registry, log *slog.Logger) (*dhr.Service, *audit.Log, error) {
	c := o.config
	secret := []byte(c.Query.TokenKey.Reveal())
	if len(secret) == 0 {
		var err error
		if secret, err = o.kept("token.key"); err != nil {
			return nil, nil, err
		}
	}
	zone, err := time.LoadLocation(c.Query.TimeZone)
	if err != nil {
		return nil, nil, err
	}
	o.observeStore(registry)
	trail := o.openTrail()
	service, err := dhr.New(ctx, dhr.Config{
		Engine: observe(o.engine, newCalls("engine", o.kind, registry, o.tracer())), Policy: o.policy, Store: o.store, Exports: o.exports, FHIR: o.fhir, Audit: trail, Secret: secret, Logger: log,
		Zone: zone, WeekStart: weekday(c.Query.WeekStart), Members: members(c), Timeout: c.Query.Timeout, PageSize: c.Query.MaxResults, Indexes: c.Engine.Indexes,
		Parse:     &jql.ParseOptions{Jira: c.Query.Dialect == "jira"},
		Compilers: compilers(),
	})
	if err != nil {
		return nil, nil, err
	}
	o.closers = append(o.closers, service.Close)
	return service, trail, nil
}

func weekday(name string) time.Weekday {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if strings.EqualFold(d.String(), name) {
			return d
		}
	}
	return time.Sunday
}

// members is the directory of the configuration, for membersOf().
func members(c *config.Config) func(context.Context, string) ([]string, error) {
	return func(_ context.Context, group string) ([]string, error) {
		users, ok := c.Directory.Groups[group]
		if !ok {
			return nil, fmt.Errorf("there is no group %q", group)
		}
		return users, nil
	}
}

// openTrail opens the audit, or returns nil if none is kept.
func (o *parts) openTrail() *audit.Log {
	if !o.config.Audit.Enabled {
		return nil
	}
	trail := audit.Open(o.store, nil)
	o.closers = append(o.closers, trail.Close)
	return trail
}

func (s *serving) handler() (http.Handler, error) {
	c := s.config
	proxies, err := prefixes(c.Server.TrustedProxies)
	if err != nil {
		return nil, err
	}
	opts := &api.Options{
		Authenticate: s.known, NoSignIn: c.Auth.Mode == "none", Address: func(r *http.Request) netip.Addr { return auth.ClientAddress(r, proxies) },
		Version: s.p.Version, Engine: s.kind, Base: c.Server.BasePath, Roles: s.roles, Gateway: s.forwards, Permissions: s.policy.Permissions,
		Logger: s.log, LogQueries: c.Log.QueryTexts, RequestInfo: c.Auth.Mode == "digit2", MaxBody: int64(c.Server.MaxBody), Origins: c.CORS.Origins,
		MaxResults: c.Query.MaxResults, Limits: limits(&c.Limits), Checks: s.checks(), Ending: s.ending,
	}
	if opts.OIDC, err = pageSignIn(c); err != nil {
		return nil, err
	}
	opts.PublicURL, opts.Proxies, opts.Tokens, opts.TokenEndpoint = c.FHIR.PublicURL, proxies, s.tokens, c.FHIR.TokenEndpoint
	opts.CORS = api.CORS{Methods: c.CORS.Methods, Headers: c.CORS.Headers, Credentials: c.CORS.Credentials, MaxAge: c.CORS.MaxAge}
	if c.Metrics.Enabled {
		opts.Metrics = s.registry
	}
	if address := c.Jobs.RedisURL.Reveal(); address != "" && s.jobs != nil {
		queues, err := redismon.Open(address, c.Server.BasePath+"/admin/queues")
		if err != nil {
			return nil, err
		}
		s.closers = append(s.closers, queues.Close)
		opts.Queues = mounted(c.Server.BasePath, queues)
	}
	if s.traces.enabled {
		opts.Traces = s.traces
	}
	if s.trail != nil {
		opts.Refused = s.refused
	}
	h, err := api.New(s.service, opts)
	if err != nil || c.Server.BasePath == "" {
		return h, err
	}
	return under(c.Server.BasePath, h), nil
}

// mounted gives a handler that knows its whole path the requests from below a path.
func mounted(base string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		whole := r.Clone(r.Context())
		whole.URL.Path, whole.URL.RawPath = base+r.URL.Path, ""
		h.ServeHTTP(w, whole)
	})
}

// under mounts a handler below a path. What lies beside it is, to h, a path that there is not.
func under(base string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inside := r.Clone(r.Context())
		rest, ok := strings.CutPrefix(r.URL.Path, base)
		switch {
		case r.URL.Path == "/.well-known/smart-configuration": // clients look for it at the root
		case ok && rest == "":
			inside.URL.Path, inside.URL.RawPath = "/", ""
		case ok && strings.HasPrefix(rest, "/"):
			inside.URL.Path, inside.URL.RawPath = rest, strings.TrimPrefix(r.URL.RawPath, base)
		default:
			inside.URL.Path, inside.URL.RawPath = "/beside"+base, ""
		}
		h.ServeHTTP(w, inside)
	})
}

// refused notes a sign-in that was refused.
func (s *serving) refused(ctx context.Context, from netip.Addr, err error) {
	e := audit.Entry{Tenant: s.config.Tenants.Default, Action: "auth.failure", Detail: map[string]string{"reason": firstBytes(err.Error(), 200)}}
	if from.IsValid() {
		e.Address = from.String()
	}
	if _, err := s.trail.Append(context.WithoutCancel(ctx), e); err != nil {
		s.log.ErrorContext(ctx, "a refused sign-in could not be noted", "error", err)
	}
}

// checks are what the server needs to be ready.
func (s *serving) checks() []api.Check {
	var all []api.Check
	if s.engine != nil {
		all = append(all, api.Check{Name: "engine", Check: func(ctx context.Context) error {
			_, err := s.engine.Schemas(ctx, "*")
			return err
		}})
	}
	if s.store != nil {
		all = append(all, api.Check{Name: "store", Check: func(ctx context.Context) error {
			_, err := s.store.List(ctx, &docstore.Query{Tenant: s.config.Tenants.Default, Kind: "filters", Limit: 1})
			return err
		}})
	}
	return append(all, processChecks(s.forwards)...)
}

// warn tells the log of what the server needs and has not at its start: it is served all the same, since that may come later.
func (s *serving) warn(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for _, c := range s.checks() {
		if c.Name == "engine" && s.away {
			continue
		}
		if err := c.Check(ctx); err != nil && !errors.Is(err, context.Canceled) {
			s.log.WarnContext(ctx, "what is needed does not answer; requests are refused until it does", "what", c.Name, "error", err)
		}
	}
}

func firstBytes(s string, n int) string {
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "")
	}
	return s
}

func limits(l *config.Limits) *api.Limits {
	burst := func(r config.Rate) int {
		if r.Burst > 0 {
			return r.Burst
		}
		return max(int(2*r.Requests), 1)
	}
	return &api.Limits{
		PerPrincipal: l.PerPrincipal.Requests, BurstOfPrincipal: burst(l.PerPrincipal),
		PerAddress: l.PerAddress.Requests, BurstOfAddress: burst(l.PerAddress), Concurrent: l.Concurrent,
	}
}

func logger(c *config.Config, to io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Log.Level)) // the configuration was checked
	opts := &slog.HandlerOptions{Level: level}
	if c.Log.Format == "text" {
		return slog.New(slog.NewTextHandler(to, opts))
	}
	return slog.New(slog.NewJSONHandler(to, opts))
}

// greet says where the server is.
func (s *serving) greet(at net.Addr) {
	c, out := s.config, s.p.Out
	scheme := "http"
	if c.Server.TLS.CertFile != "" {
		scheme = "https"
	}
	base := scheme + "://" + fromHere(at) + c.Server.BasePath
	say(out, "DHR %s is at %s\n  the API:  %s/docs\n", s.p.Version, base, base)
	if s.engine != nil {
		say(out, "  records:  %s, data under %s\n", s.kind, c.Server.Data)
	}
	if s.forwards != nil {
		for _, role := range slices.Sorted(maps.Keys(s.forwards.Processes)) {
			say(out, "  %s:  at %s\n", role, s.forwards.Processes[role])
		}
	}
	if c.Auth.Mode == "none" {
		say(out, "  sign-in:  none; everybody is %q, so only this machine can reach it (docs/configuration.md, auth)\n", c.Auth.User)
	} else {
		say(out, "  sign-in:  %s (docs/auth.md)\n", c.Auth.Mode)
	}
	if issuer := c.OIDCIssuer(); issuer != "" {
		say(out, "            people at the page by %s\n", issuer)
	}
}

// fromHere is where a listener is reached from this machine: one that listens at all addresses, at that of the loopback.
func fromHere(at net.Addr) string {
	if tcp, ok := at.(*net.TCPAddr); ok && (len(tcp.IP) == 0 || tcp.IP.IsUnspecified()) {
		return net.JoinHostPort("127.0.0.1", strconv.Itoa(tcp.Port))
	}
	return at.String()
}

// secured returns who knows who sends a request, and the certificate of the server, or what is wrong with the configuration of
// either: before anything is opened, and all that is wrong.
func secured(c *config.Config) (auth.Authenticator, *tls.Config, error) {
	known, bad := signIn(c)
	_, unfit := smartClients(c)
	secure, err := tlsOf(c)
	if err := errors.Join(bad, unfit, err); err != nil {
		return nil, nil, &errUsage{err.Error()}
	}
	return known, secure, nil
}

// tlsOf reads the certificate of the configuration, or returns nil if it has none.
func tlsOf(c *config.Config) (*tls.Config, error) {
	if c.Server.TLS.CertFile == "" {
		return nil, nil //nolint:nilnil // no certificate is no error
	}
	cert, err := tls.LoadX509KeyPair(c.Server.TLS.CertFile, c.Server.TLS.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("server.tls: %w", err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}}, nil
}

// until serves until ctx ends, and then finishes what runs.
func (s *serving) until(ctx context.Context, secure *tls.Config, l net.Listener, h http.Handler) error {
	c, log := s.config, s.log
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: c.Server.HeaderTimeout, ReadTimeout: c.Server.ReadTimeout, IdleTimeout: c.Server.IdleTimeout,
		MaxHeaderBytes: int(c.Server.MaxHeader), ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		TLSConfig: secure,
	}
	ended := make(chan error, 1)
	go func() {
		if secure != nil {
			ended <- server.ServeTLS(l, "", "")
			return
		}
		ended <- server.Serve(l)
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	log.InfoContext(ctx, "ending: what runs is finished")
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.Server.ShutdownGrace)
	defer cancel()
	drained := make(chan error, 1)
	go func() { drained <- s.drain(grace, c.Server.ShutdownGrace) }()
	err := server.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		log.WarnContext(ctx, "what still ran is cut off", "after", c.Server.ShutdownGrace)
		err = server.Close()
	}
	err = errors.Join(err, <-drained)
	if ended := <-ended; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}
