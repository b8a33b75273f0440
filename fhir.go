package dhr

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/digit-health/dhr/audit"
	"github.com/digit-health/dhr/fhir/bulk"
)

// FHIR are FHIR Bulk Data exports, made in the background: see package bulk. Whatever happens to one is noted in the audit.
type FHIR = bulk.Service

// FHIR are the FHIR Bulk Data exports; nil if the service has none.
func (s *Service) FHIR() *FHIR { return s.fhir }

// startFHIR makes them, and begins to throw away what has expired.
func (s *Service) startFHIR() (err error) {
	c := s.config.FHIR
	if s.config.Store == nil {
		return errors.New("exports need a store")
	}
	s.fhir, err = bulk.New(c, &bulk.Host{
		Index: s.index, Policy: s.config.Policy, Store: s.config.Store, Question: s.circumstances,
		Note: s.noteFHIR, Now: s.config.Now, Log: s.log,
	})
	if err == nil {
		s.start(func(ctx context.Context) { s.sweep(ctx, c.Sweep, s.fhir.Sweep) })
	}
	return err
}

// sweep throws away what has expired, again and again; every hour if nothing else is said.
func (s *Service) sweep(ctx context.Context, every time.Duration, expired func(context.Context) error) {
	if every == 0 {
		every = time.Hour
	}
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		if err := expired(ctx); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "some expired exports could not be thrown away; it is tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// noteFHIR notes what happened to an export: who, how many resources, and the hash of what they were in.
func (s *Service) noteFHIR(ctx context.Context, e *bulk.Event) error {
	if s.config.Audit == nil {
		return nil
	}
	entry := audit.Entry{Action: "fhir." + e.Action, Object: "fhir/" + e.Export, Count: e.Records, Detail: map[string]string{}}
	maps.Copy(entry.Detail, e.Detail)
	entry.Detail["outcome"] = outcome(e.Err)
	if errors.Is(e.Err, bulk.ErrForbidden) || errors.Is(e.Err, bulk.ErrNotFound) {
		entry.Detail["outcome"] = "denied"
	}
	if e.SHA256 != "" {
		entry.Detail["sha256"] = e.SHA256
	}
	return s.note(ctx, e.Who, entry)
}
