package job

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/digit-health/dhr/docstore"
)

// A Run is one attempt at a job, given to its Handler and valid until that returns. It
// is safe for concurrent use.
type Run struct {
	jobs *Jobs
	// end ends the handler's context and says why. Only the first reason counts.
	end context.CancelCauseFunc

	// These are guarded by Jobs.mu.
	fence     int64 // 0 until the job is claimed
	job       *Job  // as it was last read or written
	progress  Progress
	changed   bool // progress is not stored yet
	lost      bool
	lastWrite time.Time

	hint    chan struct{} // has one element when progress has changed
	writing chan struct{} // has one element while somebody writes
	lease   *time.Timer   // ends the lease
}

// Job returns the job as it was last read or written by this run. Its Work is where to begin.
func (r *Run) Job() *Job {
	r.jobs.mu.Lock()
	defer r.jobs.mu.Unlock()
	return r.job.Clone()
}

// Progress notes how far the work is. It never waits: the store hears of the latest
// at most as often as the Options say, and with every checkpoint.
func (r *Run) Progress(p Progress) {
	r.jobs.mu.Lock()
	defer r.jobs.mu.Unlock()
	if r.progress == p {
		return
	}
	r.progress, r.changed = p, true
	select {
	case r.hint <- struct{}{}:
	default:
	}
}

// Checkpoint stores work, as JSON, as the place to go on from, with the latest progress. It is stored
// when Checkpoint has returned nil. While the store does not answer it tries again, until ctx or the run ends.
// The error is ErrLeaseLost if somebody else works on the job by now. Then nothing is stored any more; but if the store had
// not answered before, it may be that it has stored it all the same.
func (r *Run) Checkpoint(ctx context.Context, work any) error {
	body, err := json.Marshal(work)
	if err != nil {
		return fmt.Errorf("job: checkpoint: %w: %w", ErrInvalid, err)
	}
	return r.Update(ctx, func(job *Job) error {
		job.Work = body
		return nil
	})
}

// Update stores a change of the job's Work, Labels, Expires, Code or Message, all of it or nothing, as
// Checkpoint does. Any other change is ErrInvalid. change may be called several times.
func (r *Run) Update(ctx context.Context, change func(*Job) error) error {
	var refused error
	err := r.write(ctx, false, func(job *Job) error {
		before := job.Clone()
		if refused = change(job); refused != nil {
			return refused
		}
		return checkHandler(before, job)
	})
	switch {
	case refused != nil:
		return refused
	case err != nil:
		return fmt.Errorf("job: update: %w", err)
	}
	return nil
}

// heard takes in what was read or written of the job by anybody. Jobs.mu is held.
func (r *Run) heard(job *Job) {
	switch {
	case r.fence == 0 || job.Fence < r.fence:
	case job.Fence > r.fence || job.State != Processing:
		if r.job.State == Processing {
			r.lose()
		}
	case job.CancelRequested:
		r.end(ErrCancelled)
	}
}

// lose notes that somebody else may be working on the job. Jobs.mu is held.
func (r *Run) lose() {
	r.lost = true
	r.end(ErrLeaseLost)
}

// write changes the job, as long as this run holds it, and renews the lease. It tries again while the store
// does not answer, until ctx ends. If force is set, the store alone says whether the run holds the job.
func (r *Run) write(ctx context.Context, force bool, change func(*Job) error) error {
	select {
	case r.writing <- struct{}{}:
		defer func() { <-r.writing }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	wait := firstWait
	for {
		err := r.tryWrite(ctx, force, change)
		switch {
		case err == nil, errors.Is(err, ErrLeaseLost), errors.Is(err, errRefused):
			return err
		case errors.Is(err, docstore.ErrConflict): // the run has read the job again
			if ctx.Err() == nil {
				continue
			}
		}
		pause := time.NewTimer(wait)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
		wait = min(2*wait, time.Second)
	}
}

// errRefused is a change that will not be stored, however often it is tried.
var errRefused = errors.New("refused")

// tryWrite is one attempt at write. After ErrConflict, the run has read the job again.
func (r *Run) tryWrite(ctx context.Context, force bool, change func(*Job) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j := r.jobs
	j.mu.Lock()
	next, lost := r.job.Clone(), r.lost && !force
	stored := r.progress
	next.Progress = stored
	j.mu.Unlock()
	if lost {
		return ErrLeaseLost
	}
	ctx, cancel := context.WithTimeout(ctx, j.opts.Lease/3)
	defer cancel()
	if err := change(next); err != nil {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	begun := time.Now()
	next.Updated = j.now()
	if next.State == Processing {
		next.LeaseUntil = next.Updated.Add(j.opts.Lease)
	}
	d, err := next.encode()
	if err == nil {
		d, err = j.store.Put(ctx, d, next.Version)
	}
	switch {
	case errors.Is(err, docstore.ErrConflict):
		return cmp.Or(r.reread(ctx), err)
	case errors.Is(err, docstore.ErrInvalid), errors.Is(err, ErrInvalid):
		return fmt.Errorf("%w: %w", errRefused, invalid(err))
	case err != nil:
		return err
	}
	return r.wrote(d, stored, begun)
}

// reread reads the job, which has changed, and returns ErrLeaseLost if it is no longer this run's.
func (r *Run) reread(ctx context.Context) error {
	j := r.jobs
	read, err := j.Get(ctx, r.job.Tenant, r.job.Kind, r.job.ID)
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case errors.Is(err, ErrNotFound):
	case err != nil:
		return err
	case read.Fence == r.fence && read.State == Processing && read.Worker == j.opts.Worker:
		r.job = read
		r.heard(read)
		return nil
	}
	r.lose()
	return ErrLeaseLost
}

// wrote takes in the job as it is stored by a write that began at a time.
func (r *Run) wrote(d *docstore.Document, stored Progress, begun time.Time) error {
	job, err := decode(d)
	if err != nil {
		return err
	}
	j := r.jobs
	j.mu.Lock()
	r.job, r.lastWrite, r.changed = job, begun, r.progress != stored
	r.lease.Reset(time.Until(begun.Add(j.opts.Lease)))
	j.mu.Unlock()
	j.noted(job)
	return nil
}

// keep renews the lease and stores progress until ctx ends.
func (r *Run) keep(ctx context.Context) {
	timer := time.NewTimer(r.untilWrite())
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.hint:
		case <-timer.C:
		}
		wait := r.untilWrite()
		if wait <= 0 {
			if err := r.write(ctx, false, func(*Job) error { return nil }); err != nil {
				return // the lease is lost, or nobody wants it any more
			}
			wait = r.untilWrite()
		}
		timer.Reset(wait)
	}
}

// untilWrite returns how long it is until the job is to be written again.
func (r *Run) untilWrite() time.Duration {
	j := r.jobs
	j.mu.Lock()
	defer j.mu.Unlock()
	next := j.opts.Lease / 3
	if r.changed {
		next = min(next, j.opts.Progress)
	}
	return time.Until(r.lastWrite.Add(next))
}
