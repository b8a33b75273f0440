package process

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/export/listing"
	"github.com/digit-health/dhr/job"
)

// mine returns the job of an export that who may know of.
func (s *Service) mine(ctx context.Context, who *access.Principal, id string) (*job.Job, error) {
	if err := s.may(who, access.MayView); err != nil {
		return nil, err
	}
	j, err := s.config.Jobs.Get(ctx, who.Tenant, kind, id)
	switch {
	case errors.Is(err, job.ErrNotFound), errors.Is(err, docstore.ErrInvalid), errors.Is(err, job.ErrInvalid):
		return nil, fmt.Errorf("%w %q", ErrNotFound, id)
	case err != nil:
		return nil, err
	case j.User != who.User && !s.host.Policy.May(who, access.MayAdmin):
		return nil, fmt.Errorf("%w %q", ErrNotFound, id)
	}
	return j, nil
}

func failed(doing string, err error) error { return fmt.Errorf("process: %s: %w", doing, err) }

// Get returns an export of who, or, with [access.MayAdmin], of anybody of the tenant.
func (s *Service) Get(ctx context.Context, who *access.Principal, id string) (*Process, error) {
	j, err := s.mine(ctx, who, id)
	if err != nil {
		return nil, failed("get", err)
	}
	p, err := s.process(j)
	if err != nil {
		return nil, failed("get", err)
	}
	return p, nil
}

// A ListQuery asks for exports of the principal's tenant, the newest first.
type ListQuery = listing.Query

// A Page is one page of a listing.
type Page struct {
	Processes []*Process
	// Next is where the next page begins; nil if this is the last.
	Next *docstore.Cursor
}

// List returns exports, the newest first. nil asks for all of who's own.
func (s *Service) List(ctx context.Context, who *access.Principal, q *ListQuery) (*Page, error) {
	p, err := s.list(ctx, who, q)
	if err != nil {
		return nil, failed("list", err)
	}
	return p, nil
}

func (s *Service) list(ctx context.Context, who *access.Principal, q *ListQuery) (*Page, error) {
	if err := s.may(who, access.MayView); err != nil {
		return nil, err
	}
	jobs, err := q.Jobs(kind, &listing.Asker{Who: who, Wrong: invalid, Others: func() error { return s.may(who, access.MayAdmin) }})
	if err != nil {
		return nil, err
	}
	page := &Page{}
	page.Processes, page.Next, err = listing.Page(ctx, s.config.Jobs, jobs, func(j *job.Job) (*Process, bool, error) {
		p, err := s.process(j)
		return p, true, err
	})
	if err != nil {
		return nil, err
	}
	return page, nil
}

// Watch yields an export as it is, and again each time that it has changed. One that is
// finished is the last pair; so is an error.
func (s *Service) Watch(ctx context.Context, who *access.Principal, id string) iter.Seq2[*Process, error] {
	return func(yield func(*Process, error) bool) {
		if _, err := s.mine(ctx, who, id); err != nil {
			yield(nil, failed("watch", err))
			return
		}
		for j, err := range s.config.Jobs.Watch(ctx, who.Tenant, kind, id) {
			var p *Process
			if errors.Is(err, job.ErrNotFound) {
				err = fmt.Errorf("%w %q", ErrNotFound, id)
			}
			if err == nil {
				p, err = s.process(j)
			}
			if err != nil {
				yield(nil, failed("watch", err))
				return
			}
			if !yield(p, nil) {
				return
			}
		}
	}
}

// Cancel ends an export that is waiting or running, of which nothing remains stored. One that is finished is job.ErrFinished.
// It returns as soon as the wish is kept: the export is cancelled a moment later.
func (s *Service) Cancel(ctx context.Context, who *access.Principal, id string) (*Process, error) {
	j, err := s.mine(ctx, who, id)
	if err != nil {
		return nil, failed("cancel", err)
	}
	p, err := s.cancel(ctx, who, j)
	if err != nil {
		return nil, failed("cancel", err)
	}
	return p, nil
}

func (s *Service) cancel(ctx context.Context, who *access.Principal, j *job.Job) (*Process, error) {
	if j.State.Finished() {
		return nil, fmt.Errorf("%w: it is %s", job.ErrFinished, j.State)
	}
	if err := s.note(ctx, &Event{Action: "cancel", Who: who, Process: j.ID}); err != nil {
		return nil, err
	}
	j, err := s.config.Jobs.Cancel(ctx, j.Tenant, kind, j.ID)
	if err != nil {
		return nil, err
	}
	if j.State == job.Cancelled { // nobody works on it, and so nobody else clears away
		if j, err = s.clear(ctx, j); err != nil {
			return nil, err
		}
	}
	return s.process(j)
}

// Delete cancels an export that is waiting or running, and returns it as it is; of a finished one it deletes the files, the key and the process
// itself, and returns nil. Then it is ErrNotFound.
func (s *Service) Delete(ctx context.Context, who *access.Principal, id string) (*Process, error) {
	p, err := s.remove(ctx, who, id)
	if err != nil {
		return nil, failed("delete", err)
	}
	return p, nil
}

func (s *Service) remove(ctx context.Context, who *access.Principal, id string) (*Process, error) {
	j, err := s.mine(ctx, who, id)
	if err != nil {
		return nil, err
	}
	if !j.State.Finished() {
		p, err := s.cancel(ctx, who, j)
		if !errors.Is(err, job.ErrFinished) {
			return p, err
		}
		if j, err = s.mine(ctx, who, id); err != nil {
			return nil, err
		}
	}
	sp, w, err := decode(j)
	if err != nil {
		return nil, err
	}
	e := &Event{Action: "delete", Who: who, Process: id, Records: w.Done, SHA256: filesHash(w.Parts)}
	if err := s.note(ctx, e); err != nil {
		return nil, err
	}
	if j, err = s.clear(ctx, j); err != nil {
		return nil, err
	}
	if err := s.forget(ctx, sp, id); err != nil {
		return nil, err
	}
	if err := s.config.Jobs.Delete(ctx, j.Tenant, kind, id); err != nil && !errors.Is(err, job.ErrNotFound) {
		return nil, err
	}
	return nil, nil
}

// forget says of a deleted export's claims that it was deleted.
func (s *Service) forget(ctx context.Context, sp *spec, id string) error {
	for _, name := range []string{sp.Claim, sp.Key} {
		if name == "" {
			continue
		}
		err := s.editClaim(ctx, sp, name, func(c *claim) (bool, error) {
			mine := c.Process == id && !c.Deleted
			c.Deleted = c.Deleted || mine
			return mine, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
