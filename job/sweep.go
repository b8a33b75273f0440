package job

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/digit-health/dhr/docstore"
)

// A plan is what a sweep is to do.
type plan struct {
	settle []*Job        // nobody works on them, though the store says so
	begin  []Ticket      // the runner had its time
	offer  []*sight      // the runner does not know them yet
	wait   time.Duration // until the next sweep, unless something changes
}

// longestWait is that between two sweeps.
const longestWait = time.Minute

func (p *plan) again(in time.Duration) { p.wait = min(p.wait, max(in, time.Millisecond)) }

// sweeps sweeps whenever something has changed or its time has come, until ctx ends.
func (s *session) sweeps(ctx context.Context) {
	for {
		timer := time.NewTimer(s.sweep(ctx))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-s.woken:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// sweep looks for jobs on which nobody works though somebody could: those that are due, and
// those whose worker is gone. It returns when to look again.
func (s *session) sweep(ctx context.Context) time.Duration {
	j := s.jobs
	j.mu.Lock()
	p := s.plan()
	j.mu.Unlock()
	for _, t := range p.begin {
		s.helpers.Go(func() { s.do(ctx, t) })
	}
	for _, job := range p.settle {
		j.abandoned(ctx, job)
	}
	s.offer(ctx, p)
	return p.wait
}

// plan decides what to do. Jobs.mu is held.
func (s *session) plan() *plan {
	j := s.jobs
	p := &plan{wait: longestWait}
	now := time.Now()
	var due []*sight
	for kind := range j.handlers {
		f := j.feeds[kind]
		if f == nil {
			continue
		}
		for key, seen := range f.sight {
			switch wait := j.untilFree(f, key, seen); {
			case wait > 0:
				p.again(wait)
			case now.Before(seen.wait):
				p.again(seen.wait.Sub(now))
			case seen.job.State == Processing && (j.stray(key, seen) || seen.job.CancelRequested || seen.job.Attempt >= seen.job.MaxAttempts):
				seen.rest()
				p.settle = append(p.settle, seen.job)
			default:
				due = append(due, seen)
			}
		}
	}
	if s.draining.Err() == nil && !j.paused() {
		s.choose(p, due)
	}
	return p
}

// choose decides which of the jobs that are due are begun and offered, the best first. Jobs.mu is held.
func (s *session) choose(p *plan, due []*sight) {
	j := s.jobs
	slices.SortFunc(due, func(a, b *sight) int {
		return cmp.Or(cmp.Compare(b.job.Priority, a.job.Priority), a.job.Created.Compare(b.job.Created), cmp.Compare(a.job.ID, b.job.ID))
	})
	now := time.Now()
	use := j.usage(docstore.Key{})
	for _, seen := range due {
		if seen.job.State == Processing {
			use.add(seen.job, -1)
		}
	}
	free := j.opts.Workers - len(j.running)
	for _, seen := range due {
		if !use.room(&j.opts.Limits, seen.job) {
			continue
		}
		use.add(seen.job, 1)
		if seen.due.IsZero() {
			seen.due = now
		}
		patience := j.opts.Patience - now.Sub(seen.due)
		switch {
		case patience <= 0 && free > 0:
			free--
			p.begin = append(p.begin, seen.job.ticket())
		case !seen.offered:
			p.offer = append(p.offer, seen)
		}
		if patience > 0 {
			p.again(patience)
		}
	}
}

// untilFree returns how long it is until a worker may begin a job, as far as is known now; for one on which
// somebody works that is the end of the lease. Jobs.mu is held.
func (j *Jobs) untilFree(f *feed, key docstore.Key, seen *sight) time.Duration {
	switch {
	case j.running[key] != nil:
		return longestWait
	case seen.job.State == Initiated:
		return j.untilDue(seen)
	case j.stray(key, seen):
		return 0
	case f.failing:
		return longestWait // looked wakes the sweeper
	}
	return j.opts.Lease - time.Since(seen.since)
}

// stray reports whether the store says that this process works on a job on which it does not: a claim
// of which nobody knew that it had succeeded, or a lease that was lost by time. Jobs.mu is held.
func (j *Jobs) stray(key docstore.Key, seen *sight) bool {
	return seen.job.State == Processing && seen.job.Worker == j.opts.Worker && j.running[key] == nil
}

// untilDue returns how long it is until a job is due. Both the clock on the wall and the time that has
// passed count, so that nobody has to wait longer because the clock was set back. Jobs.mu is held.
func (j *Jobs) untilDue(seen *sight) time.Duration {
	if seen.job.NotBefore.IsZero() {
		return 0
	}
	wait := seen.job.NotBefore.Sub(j.now())
	if !seen.early {
		wait = min(wait, seen.job.NotBefore.Sub(seen.job.Updated)-time.Since(seen.since))
	}
	return wait
}

// rest has this process leave a job alone for a moment. Jobs.mu is held.
func (s *sight) rest() {
	if s != nil {
		s.wait = time.Now().Add(50*time.Millisecond + rand.N(200*time.Millisecond))
	}
}

// abandoned ends a job on which nobody works though the store says so, or has it begun again.
func (j *Jobs) abandoned(ctx context.Context, seen *Job) {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	_, err := j.modify(ctx, seen.Key(), func(job *Job) error {
		if job.Change != seen.Change {
			return errUnchanged
		}
		switch {
		case job.CancelRequested:
			j.end(job, Cancelled)
		case job.Worker == j.opts.Worker:
			job.State, job.Attempt, job.LeaseUntil = Initiated, job.Attempt-1, time.Time{}
		default:
			job.Code, job.Message, job.Cause = CodeWorkerLost, "", "its workers died, the last of them "+job.Worker
			j.end(job, Failed)
		}
		return nil
	})
	switch {
	case errors.Is(err, ErrNotFound):
		j.forget(seen)
	case err != nil:
		j.opts.Log.WarnContext(ctx, "job: an abandoned job was not stored", "job", seen.Key().String(), "error", err)
	}
}

// forget drops what is known of a job that is not there any more.
func (j *Jobs) forget(job *Job) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if f := j.feeds[job.Kind]; f != nil {
		delete(f.sight, job.Key())
	}
}

// offer offers jobs to the runner, until it fails.
func (s *session) offer(ctx context.Context, p *plan) {
	j := s.jobs
	if wait := time.Until(s.offerAt); wait > 0 && len(p.offer) > 0 {
		p.again(wait)
		return
	}
	for _, seen := range p.offer {
		j.mu.Lock()
		seen.offered = true
		t := seen.job.ticket()
		j.mu.Unlock()
		offering, cancel := context.WithTimeout(ctx, offerTimeout)
		err := j.runner.Offer(offering, t)
		cancel()
		if err == nil {
			continue
		}
		j.mu.Lock()
		seen.offered = false
		j.mu.Unlock()
		j.opts.Log.WarnContext(ctx, "job: the runner does not take jobs", "error", err)
		s.offerAt = time.Now().Add(time.Second)
		p.again(time.Second)
		return
	}
}
