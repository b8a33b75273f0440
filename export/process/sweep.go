package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/export/parts"
	"github.com/digit-health/dhr/job"
)

// Sweep deletes the files and keys of exports whose time has come, and what failed ones and killed workers have left. The process of
// one that has expired stays. Of what cannot be deleted now the errors are returned; the next Sweep tries again. It may run
// in several processes at once.
func (s *Service) Sweep(ctx context.Context) error {
	errs := []error{s.sweepExpired(ctx), s.sweepLeft(ctx), s.sweepClaims(ctx), s.shelf.Sweep(ctx)}
	_, err := parts.Sweep(s.config.Spool)
	if err := errors.Join(append(errs, err)...); err != nil {
		return failed("sweep", err)
	}
	return nil
}

func (s *Service) sweepExpired(ctx context.Context) error {
	var errs []error
	for j, err := range s.config.Jobs.All(ctx, &job.Query{AllTenants: true, Kind: kind, States: []job.State{job.Completed}}) {
		if err == nil && !j.Expires.IsZero() && !s.now().Before(j.Expires) {
			err = s.expire(ctx, j)
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// expire deletes the files of one export, of which its process says from now on that it has expired.
func (s *Service) expire(ctx context.Context, j *job.Job) error {
	sp, w, err := decode(j)
	if err != nil {
		return err
	}
	if _, err = s.clear(ctx, j); err != nil {
		return fmt.Errorf("export %q: %w", j.ID, err)
	}
	e := &Event{Action: "expire", Who: sp.who(), Process: j.ID, Records: w.Done, SHA256: filesHash(w.Parts)}
	if err := s.note(ctx, e); err != nil {
		return err
	}
	_, err = s.config.Jobs.Update(ctx, j.Tenant, kind, j.ID, func(j *job.Job) error {
		j.State = job.Expired
		return nil
	})
	if errors.Is(err, job.ErrNotFound) { // its owner was faster
		return nil
	}
	return err
}

// sweepLeft deletes what exports have stored that are not completed and never will be.
func (s *Service) sweepLeft(ctx context.Context) error {
	var errs []error
	q := &job.Query{AllTenants: true, Kind: kind, Label: labelStored, States: []job.State{job.Failed, job.Cancelled}}
	for j, err := range s.config.Jobs.All(ctx, q) {
		if err == nil {
			_, err = s.clear(ctx, j)
		}
		if err != nil && !errors.Is(err, job.ErrNotFound) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// sweepClaims forgets the requests of yesterday.
func (s *Service) sweepClaims(ctx context.Context) error {
	for d, err := range s.host.Store.All(ctx, &docstore.Query{AllTenants: true, Kind: kindClaims}) {
		if err != nil {
			return err
		}
		var c claim
		if err := json.Unmarshal(d.Body, &c); err == nil && s.now().Sub(c.Created) < keyLife {
			continue
		}
		err := s.host.Store.Delete(ctx, d.Key, d.Version)
		if err != nil && !errors.Is(err, docstore.ErrNotFound) && !errors.Is(err, docstore.ErrConflict) {
			return err
		}
	}
	return nil
}
