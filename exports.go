package dhr

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/digit-health/dhr/audit"
	"github.com/digit-health/dhr/dashboard"
	"github.com/digit-health/dhr/export/process"
	"github.com/digit-health/dhr/job"
)

// Exports are files of records, made in the background: see package process. Whatever happens to one is noted in the audit.
type Exports = process.Service

// Exports are the exports of users; nil if the service has none.
func (s *Service) Exports() *Exports { return s.exports }

// startExports makes the exports, and begins to throw away what has expired.
func (s *Service) startExports() (err error) {
	c := s.config.Exports
	if s.config.Store == nil {
		return errors.New("exports need a store")
	}
	host := &process.Host{
		Index: s.index, Policy: s.config.Policy, Store: s.config.Store, Question: s.circumstances,
		Note: s.noteExport, Now: s.config.Now, Log: s.log,
	}
	if s.filters != nil {
		host.Filter = s.filters.Query
	}
	if s.exports, err = process.New(c, host); err != nil {
		return err
	}
	s.start(func(ctx context.Context) { s.sweep(ctx, c.Sweep, s.exports.Sweep) })
	return nil
}

// work works on the jobs of exports, and of those of FHIR, which may be the same.
func (s *Service) work() {
	var all []*job.Jobs
	if c := s.config.Exports; c != nil {
		all = append(all, c.Jobs)
	}
	if c := s.config.FHIR; c != nil && !slices.Contains(all, c.Jobs) {
		all = append(all, c.Jobs)
	}
	for _, jobs := range all {
		s.start(func(ctx context.Context) {
			if err := jobs.Run(ctx); err != nil && !errors.Is(err, job.ErrNoRunner) {
				s.log.ErrorContext(ctx, "exports are not worked on", "error", err)
			}
		})
	}
}

// start runs work until the service is closed.
func (s *Service) start(work func(ctx context.Context)) {
	s.working.Go(func() { work(s.life) })
}

// noteExport notes what happened to an export: who, how many records, and the hash of what they were in.
func (s *Service) noteExport(ctx context.Context, e *process.Event) error {
	if s.config.Audit == nil {
		return nil
	}
	entry := audit.Entry{Action: "export." + e.Action, Object: "export/" + e.Process, Count: e.Records, Detail: map[string]string{}}
	maps.Copy(entry.Detail, e.Detail)
	entry.Detail["outcome"] = exportOutcome(e.Err)
	if e.SHA256 != "" {
		entry.Detail["sha256"] = e.SHA256
	}
	return s.note(ctx, e.Who, entry)
}

// exportOutcome says how something ended.
func exportOutcome(err error) string {
	if errors.Is(err, process.ErrForbidden) || errors.Is(err, process.ErrNotFound) || errors.Is(err, dashboard.ErrNotFound) {
		return "denied"
	}
	return outcome(err)
}

// closeTimeout is how long Close waits for exports that are being worked on to be handed back.
const closeTimeout = 20 * time.Second

// stop ends what works in the background. Exports that are being worked on are handed back, and go on where they
// stopped when somebody works again.
func (s *Service) stop() error {
	s.end()
	done := make(chan struct{})
	go func() {
		s.working.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-time.After(closeTimeout):
		return fmt.Errorf("dhr: exports have not ended within %s", closeTimeout)
	}
}
