package bulk

import (
	"context"
	"errors"
	"fmt"

	"github.com/digit-health/dhr/export/parts"
	"github.com/digit-health/dhr/job"
)

// Sweep deletes the files and keys of exports whose time has come, and what deleted and failed ones and killed workers have left. What
// somebody reads in this process stays until the next time. An export that has expired is there, without its files, as long again as they were, and then is no more. Of
// what cannot be deleted now the errors are returned; the next Sweep tries again. It may run in several processes at once.
func (s *Service) Sweep(ctx context.Context) error {
	errs := []error{
		s.each(ctx, &job.Query{States: []job.State{job.Completed}}, s.expire),
		s.each(ctx, &job.Query{States: []job.State{job.Cancelled}}, s.erase),
		s.each(ctx, &job.Query{Label: labelDeleted}, s.erase),
		s.each(ctx, &job.Query{States: []job.State{job.Failed, job.Expired}}, s.forget),
		s.shelf.Sweep(ctx),
	}
	_, err := parts.Sweep(s.config.Spool)
	if err := errors.Join(append(errs, err)...); err != nil {
		return failed("sweep", err)
	}
	return nil
}

// each does something to every export that matches, and joins the errors. One that is gone by then is none.
func (s *Service) each(ctx context.Context, q *job.Query, do func(context.Context, *job.Job) error) error {
	var errs []error
	q.AllTenants, q.Kind = true, kind
	for j, err := range s.config.Jobs.All(ctx, q) {
		if err == nil {
			err = do(ctx, j)
		}
		if err != nil && !errors.Is(err, job.ErrNotFound) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// expire deletes the files of an export whose time has come.
func (s *Service) expire(ctx context.Context, j *job.Job) error {
	if !s.expired(j) || gone(j) || s.reading.busy(j.Tenant, j.ID) {
		return nil
	}
	sp, w, err := decode(j)
	if err != nil {
		return err
	}
	if _, err = s.clear(ctx, j); err != nil {
		return fmt.Errorf("export %q: %w", j.ID, err)
	}
	e := &Event{Action: "expire", Who: sp.who(), Export: j.ID, Records: w.resources(), SHA256: filesHash(w.Parts)}
	if err := s.note(ctx, e); err != nil {
		return err
	}
	_, err = s.config.Jobs.Update(ctx, j.Tenant, kind, j.ID, func(j *job.Job) error {
		j.State = job.Expired
		return nil
	})
	return err
}

// forget deletes what a failed export has stored, and an old export itself.
func (s *Service) forget(ctx context.Context, j *job.Job) error {
	since := j.Finished
	if j.State == job.Expired {
		since = j.Expires
	}
	if !s.now().Before(since.Add(s.config.Retention)) {
		return s.erase(ctx, j)
	}
	if j.State != job.Failed {
		return nil
	}
	for _, l := range j.Labels {
		if l == labelStored {
			_, err := s.clear(ctx, j)
			return err
		}
	}
	return nil
}
