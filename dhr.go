// Package dhr is the face of DHR, Digit Health Reports: one service that answers questions
// about health records, for the programs that embed it.
//
// A [Service] is made from parts that its user chooses: an engine that holds the records, roles that
// say who may see what, and where saved things are kept.
//
//	engine, err := sqlsearch.Open(ctx, "records.db", nil)
//	...
//	roles, err := access.ParseRoles(access.DefaultRoles())
//	...
//	policy, err := access.NewPolicy(roles, nil)
//	...
//	service, err := dhr.New(ctx, dhr.Config{Engine: engine, Policy: policy})
//	...
//	defer service.Close()
//	page, err := service.Query(ctx, who, &search.Query{JQL: `diagnosis ~ malaria AND age < 5`}, nil)
//
// This package imports no engine, reads no environment, and logs to the logger it is given and
// nowhere else. What New starts, Close stops; what it was given stays its user's, to be closed afterwards.
//
// # Who asks
//
// Every method is asked by an [access.Principal], however its user has found out who that is; package
// auth helps with tokens. The policy says what a principal may see, which package search
// enforces, and what it may do ([access.Permission]), which this package enforces: an answer
// without permission is [ErrForbidden].
package dhr

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/audit"
	"github.com/digit-health/dhr/dashboard"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/export/process"
	"github.com/digit-health/dhr/fhir/bulk"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/search"
)

var (
	// ErrForbidden is the answer to a principal that lacks a permission. Its text names the permission.
	ErrForbidden = errors.New("forbidden")
	// ErrUnknownTarget is a language that the service cannot show a query in.
	ErrUnknownTarget = errors.New("unknown target")
)

// A Config says what a [Service] is made of.
type Config struct {
	// Engine holds the records. It is required.
	Engine search.Driver
	// Policy says who may see and do what. It is required.
	Policy *access.Policy

	// Indexes are the names of the indexes that are served, with * for any run of characters. If empty, all of the engine.
	Indexes []string

	// Store keeps what users save. If nil, nothing is saved, and Filters and Dashboards are nil.
	Store *docstore.Store

	// Exports says how records are exported to files, which needs a Store. If nil, they are not, and Exports is nil. If its
	// Jobs have a runner, they are worked on until Close.
	Exports *process.Config

	// FHIR says how records are handed out as FHIR Bulk Data, which needs a Store. If nil, they are not, and FHIR is nil. Its Jobs may be those of
	// Exports; they are worked on likewise.
	FHIR *bulk.Config

	// Audit notes who asked and changed what, before it is answered. If nil, nobody does.
	Audit *audit.Log

	// Secret seals page tokens: at least 32 bytes, the same in all processes that
	// share them. If nil, tokens end with the service.
	Secret []byte
	// Now is the clock. If nil, time.Now.
	Now func() time.Time
	// Logger is told what an operator should know. If nil, nobody is.
	Logger *slog.Logger

	// Zone is where days begin for questions that name no zone. If nil, UTC.
	Zone *time.Location
	// WeekStart is the first day of a week. If zero, Sunday.
	WeekStart time.Weekday
	// Members returns the users of a group, for membersOf(): see [jql.ResolveOptions].
	Members func(ctx context.Context, group string) ([]string, error)
	// Parse are the dialect and the limits of queries that do not say their own. If nil, the defaults.
	Parse *jql.ParseOptions
	// Functions are the host's own functions of the language, by name. If nil, there are none.
	Functions map[string]jql.Function

	// Timeout is how long the engine may take for an answer. If zero, 30 s.
	Timeout time.Duration
	// PageSize is the greatest number of records on a page. If zero, 1,000.
	PageSize int

	// Compilers show a query as it is put to an engine, by the name of the target. If nil, there
	// is the plan alone.
	Compilers map[string]Compiler
}

// A Compiler shows what an engine would be sent for a plan: something that encodes as JSON.
type Compiler func(ctx context.Context, p *plan.Plan, limit int) (any, error)

// A Service answers questions and keeps what users save. It is safe for
// concurrent use.
type Service struct {
	config Config
	index  *search.Index
	// filters and dashboards are nil without a store.
	filters    *Filters
	dashboards *Dashboards
	exports    *Exports // nil without a configuration
	fhir       *FHIR    // likewise
	log        *slog.Logger

	life    context.Context // of what works in the background
	end     context.CancelFunc
	working sync.WaitGroup
}

// New makes a service. What the configuration holds stays the caller's and must outlive the service.
func New(ctx context.Context, c Config) (*Service, error) {
	if c.Engine == nil || c.Policy == nil {
		return nil, errors.New("dhr: a service needs an engine and a policy")
	}
	s := &Service{config: c, log: c.Logger}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.config.Now == nil {
		s.config.Now = time.Now
	}
	if s.config.Zone == nil {
		s.config.Zone = time.UTC
	}
	var err error
	s.index, err = search.New(c.Engine, c.Policy, &search.Options{
		Secret: c.Secret, Now: c.Now, Timeout: c.Timeout, PageSize: c.PageSize, Indexes: c.Indexes, Denied: s.denied,
	})
	if err != nil {
		return nil, fmt.Errorf("dhr: %w", err)
	}
	if c.Store != nil {
		s.filters = &Filters{dashboard.NewFilters(c.Store, c.Policy, s.check, &dashboard.Options{Now: s.config.Now}), s}
		s.openDashboards()
	}
	s.life, s.end = context.WithCancel(context.WithoutCancel(ctx))
	if c.Exports != nil {
		if err := s.startExports(); err != nil {
			s.end()
			return nil, fmt.Errorf("dhr: %w", err)
		}
	}
	if c.FHIR != nil {
		if err := s.startFHIR(); err != nil {
			s.end()
			return nil, fmt.Errorf("dhr: %w", err)
		}
	}
	s.work()
	return s, nil
}

// Filters are the saved questions of users; nil if the service has no store.
func (s *Service) Filters() *Filters { return s.filters }

// check says whether a query can be saved.
func (s *Service) check(ctx context.Context, who *access.Principal, text string, indexes []string) error {
	v, err := s.Validate(ctx, who, &search.Query{JQL: text, Indexes: indexes})
	if err != nil {
		return err
	}
	return v.Errors.Err()
}

// Close ends the service, and what works in the background for it. It must not be used afterwards.
func (s *Service) Close() error { return s.stop() }

// denied tells the operator of access rules that do not fit an index.
func (s *Service) denied(ctx context.Context, who *access.Principal, err error) {
	s.log.WarnContext(ctx, "an access rule denies everything", "roles", who.Roles, "error", err)
}

// may returns an error unless who has a permission.
func (s *Service) may(who *access.Principal, what access.Permission) error {
	if who == nil || !s.config.Policy.May(who, what) {
		return fmt.Errorf("dhr: %w: the permission %q is needed", ErrForbidden, what)
	}
	return nil
}

// Permissions returns what who may do.
func (s *Service) Permissions(who *access.Principal) []access.Permission {
	return s.config.Policy.Permissions(who)
}
