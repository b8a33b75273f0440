package bulk

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/export/listing"
	"github.com/digit-health/dhr/job"
)

// mine returns the job of an export that who may know of.
func (s *Service) mine(ctx context.Context, who *access.Principal, id string) (*job.Job, error) {
	if _, err := s.own(who); err != nil {
		return nil, err
	}
	j, err := s.config.Jobs.Get(ctx, who.Tenant, kind, id)
	switch {
	case errors.Is(err, job.ErrNotFound), errors.Is(err, docstore.ErrInvalid), errors.Is(err, job.ErrInvalid):
		return nil, fmt.Errorf("%w: there is no export %q", ErrNotFound, id)
	case err != nil:
		return nil, err
	case j.User != who.User && !s.host.Policy.May(who, access.MayAdmin), gone(j):
		return nil, fmt.Errorf("%w: there is no export %q", ErrNotFound, id)
	}
	return j, nil
}

// gone reports whether an export was deleted, though something of it may be left.
func gone(j *job.Job) bool {
	return j.CancelRequested || j.State == job.Cancelled || slices.Contains(j.Labels, labelDeleted)
}

// Get returns an export of who, or, with [access.MayAdmin], of anybody of the tenant. One that was deleted is ErrNotFound.
func (s *Service) Get(ctx context.Context, who *access.Principal, id string) (*Export, error) {
	j, err := s.mine(ctx, who, id)
	if err != nil {
		return nil, failed("get", err)
	}
	e, err := s.export(j)
	if err != nil {
		return nil, failed("get", err)
	}
	return e, nil
}

// A ListQuery asks for exports of the principal's tenant, the newest first.
type ListQuery = listing.Query

// A Page is one page of a listing.
type Page struct {
	Exports []*Export
	// Next is where the next page begins; nil if this is the last.
	Next *docstore.Cursor
}

// List returns exports, the newest first, but those that were deleted. nil asks for all of who's own.
func (s *Service) List(ctx context.Context, who *access.Principal, q *ListQuery) (*Page, error) {
	p, err := s.list(ctx, who, q)
	if err != nil {
		return nil, failed("list", err)
	}
	return p, nil
}

func (s *Service) list(ctx context.Context, who *access.Principal, q *ListQuery) (*Page, error) {
	if _, err := s.own(who); err != nil {
		return nil, err
	}
	others := func() error {
		if !s.host.Policy.May(who, access.MayAdmin) {
			return fmt.Errorf("%w: the permission %q is needed", ErrForbidden, access.MayAdmin)
		}
		return nil
	}
	jobs, err := q.Jobs(kind, &listing.Asker{Who: who, Others: others, Wrong: func(member, format string, args ...any) error { return wrong(member, format, args...) }})
	if err != nil {
		return nil, err
	}
	states := jobs.States
	if slices.Contains(states, job.Expired) { // those whose time has come, and which nobody has thrown away yet
		jobs.States = append(slices.Clone(states), job.Completed)
	}
	page := &Page{}
	page.Exports, page.Next, err = listing.Page(ctx, s.config.Jobs, jobs, func(j *job.Job) (*Export, bool, error) {
		if gone(j) {
			return nil, false, nil
		}
		e, err := s.export(j)
		return e, err == nil && (len(states) == 0 || slices.Contains(states, e.Status)), err
	})
	if err != nil {
		return nil, err
	}
	return page, nil
}

// Watch yields an export as it is, and again each time that it has changed. One that is
// finished is the last pair; so is an error.
func (s *Service) Watch(ctx context.Context, who *access.Principal, id string) iter.Seq2[*Export, error] {
	return func(yield func(*Export, error) bool) {
		if _, err := s.mine(ctx, who, id); err != nil {
			yield(nil, failed("watch", err))
			return
		}
		for j, err := range s.config.Jobs.Watch(ctx, who.Tenant, kind, id) {
			if errors.Is(err, job.ErrNotFound) || err == nil && gone(j) {
				err = fmt.Errorf("%w: there is no export %q", ErrNotFound, id)
			}
			var e *Export
			if err == nil {
				e, err = s.export(j)
			}
			if err != nil {
				yield(nil, failed("watch", err))
				return
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// Delete ends an export, whatever its state, and deletes all that it has stored. It returns as soon as that is certain: from then on the export is ErrNotFound, and
// another one may be asked for in its place.
func (s *Service) Delete(ctx context.Context, who *access.Principal, id string) error {
	if err := s.remove(ctx, who, id); err != nil {
		return failed("delete", err)
	}
	return nil
}

func (s *Service) remove(ctx context.Context, who *access.Principal, id string) error {
	j, err := s.mine(ctx, who, id)
	if err != nil {
		return err
	}
	_, w, err := decode(j)
	if err != nil {
		return err
	}
	e := &Event{Action: "delete", Who: who, Export: id, Records: w.resources(), SHA256: filesHash(w.Parts)}
	if err := s.note(ctx, e); err != nil {
		return err
	}
	if !j.State.Finished() {
		j, err = s.config.Jobs.Cancel(ctx, j.Tenant, kind, id)
		if err != nil && !errors.Is(err, job.ErrFinished) {
			return err
		}
		if !j.State.Finished() { // who works on it clears away, and a sweep removes the job
			return nil
		}
	}
	j, err = s.config.Jobs.Update(ctx, j.Tenant, kind, id, func(j *job.Job) error {
		j.Label(labelDeleted, true)
		return nil
	})
	if err == nil {
		err = s.erase(ctx, j)
	}
	if errors.Is(err, job.ErrNotFound) {
		return nil
	}
	return err
}

// erase deletes what a finished export has stored, and then the export itself. What somebody is reading stays until a sweep.
func (s *Service) erase(ctx context.Context, j *job.Job) error {
	if s.reading.busy(j.Tenant, j.ID) {
		return nil
	}
	j, err := s.clear(ctx, j)
	if err != nil {
		return err
	}
	return s.config.Jobs.Delete(ctx, j.Tenant, kind, j.ID)
}

// export returns a job as its owner sees it.
func (s *Service) export(j *job.Job) (*Export, error) {
	sp, w, err := decode(j)
	if err != nil {
		return nil, err
	}
	e := &Export{
		ID: j.ID, Tenant: j.Tenant, User: sp.User, Level: sp.Level, Group: sp.Group, Types: sp.Exported, Status: j.State,
		Error: problemOf(j), TransactionTime: sp.Time, CreatedAt: j.Created.UTC(), UpdatedAt: j.Updated.UTC(), ExpiresAt: j.Expires, Change: j.Change,
		RetryAfter: s.retryAfter(j), Elements: sp.elements(), Filters: sp.filters(), Patients: len(sp.Patients),
		Files: len(w.Parts), Bytes: w.Bytes, Unmappable: w.unmappable(),
	}
	e.Resources, e.Deletions = sp.written(w)
	if sp.Since != nil {
		e.Since = sp.Since.UTC()
	}
	if sp.Until != nil {
		e.Until = sp.Until.UTC()
	}
	if s.expired(j) {
		e.Status = job.Expired
	}
	switch {
	case e.Status == job.Completed || e.Status == job.Expired:
		e.Percent, e.CompletedAt, e.Progress = 100, j.Finished.UTC(), fmt.Sprintf("100%% %s: %d resources", e.Status, e.Resources)
	case j.State.Finished():
		e.Progress = string(j.State)
	default:
		s.progress(e, j, sp, w)
	}
	if e.Status == job.Completed || sp.Partial && !j.State.Finished() {
		e.Pages = s.pages(w, sp)
	}
	return e, nil
}

// progress fills in how far an export is that is not finished.
func (s *Service) progress(e *Export, j *job.Job, sp *spec, w *work) {
	if j.State == job.Initiated && j.Attempt == 0 {
		e.Progress = "0% waiting"
		return
	}
	step := min(w.Step, len(sp.Steps)-1)
	part, did := 0.0, int64(0)
	if j.State == job.Processing && j.Progress.Total > 0 {
		did = min(j.Progress.Done, j.Progress.Total)
		part = float64(did) / float64(j.Progress.Total)
	}
	e.Percent = min(99, int(100*(float64(step)+part)/float64(len(sp.Steps))))
	name := sp.Steps[step].Type
	if name == "" {
		name = sp.Steps[step].Does
	}
	e.Progress = fmt.Sprintf("%d%% %s", e.Percent, name)
	if j.Progress.Total > 0 && j.State == job.Processing {
		e.Progress = fmt.Sprintf("%d%% %s: %d of %d", e.Percent, name, did, j.Progress.Total)
	}
}

// retryAfter returns when to ask again: the longer it has taken, the later.
func (s *Service) retryAfter(j *job.Job) time.Duration {
	took := s.now().Sub(j.Created) / 10
	return max(time.Second, min(30*time.Second, took.Truncate(time.Second)))
}

// expired reports whether the time of a completed export has come.
func (s *Service) expired(j *job.Job) bool {
	return j.State == job.Expired || j.State == job.Completed && !j.Expires.IsZero() && !s.now().Before(j.Expires)
}
