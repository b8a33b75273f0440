package job

import (
	"context"
	"errors"
	"time"

	"github.com/digit-health/dhr/docstore"
)

// claim gets the lease of a job that is due and on which nobody works, and reports whether r holds it now.
func (r *Run) claim(s *session, key docstore.Key) bool {
	j := r.jobs
	ctx, cancel := context.WithTimeout(s.work, j.opts.Lease/3)
	defer cancel()
	job, err := j.Get(ctx, key.Tenant, key.Kind, key.ID)
	switch {
	case errors.Is(err, ErrNotFound):
		j.forget(&Job{Tenant: key.Tenant, Kind: key.Kind, ID: key.ID})
		return false
	case err != nil:
		j.failed(ctx, key, err)
		return false
	}
	j.noted(job)
	if !j.free(job) {
		return false
	}
	begun := time.Now()
	job.State, job.Worker = Processing, j.opts.Worker
	job.Attempt++
	job.Fence++
	job.Updated = j.now()
	job.LeaseUntil, job.NotBefore = job.Updated.Add(j.opts.Lease), time.Time{}
	if job.Started.IsZero() {
		job.Started = job.Updated
	}
	d, err := job.encode()
	if err == nil {
		d, err = j.store.Put(ctx, d, job.Version)
	}
	if err == nil {
		job, err = decode(d)
	}
	if err != nil { // a claim that succeeded all the same is a stray
		j.failed(ctx, key, err)
		return false
	}
	r.adopt(job, begun)
	return r.within(ctx, s)
}

// failed notes that a job could not be claimed.
func (j *Jobs) failed(ctx context.Context, key docstore.Key, err error) {
	j.mu.Lock()
	j.seen(key).rest()
	j.mu.Unlock()
	if !errors.Is(err, docstore.ErrConflict) { // somebody was faster
		j.opts.Log.WarnContext(ctx, "job: a job was not claimed", "job", key.String(), "error", err)
	}
}

// free reports whether a worker may begin a job, given how it was just read.
func (j *Jobs) free(job *Job) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	f := j.feeds[job.Kind]
	seen := j.seen(job.Key())
	if seen == nil || seen.job.Change != job.Change {
		return false
	}
	if job.State == Initiated {
		return j.untilDue(seen) <= 0
	}
	return !f.failing && time.Since(seen.since) >= j.opts.Lease && !job.CancelRequested && job.Attempt < job.MaxAttempts
}

// adopt takes in the job that r has claimed by a write that began at a time.
func (r *Run) adopt(job *Job, begun time.Time) {
	j := r.jobs
	j.mu.Lock()
	r.fence, r.job, r.progress, r.lastWrite = job.Fence, job, job.Progress, begun
	r.lease = time.AfterFunc(time.Until(begun.Add(j.opts.Lease)), func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		r.lose()
	})
	if seen := j.seen(job.Key()); seen != nil {
		r.heard(seen.job) // somebody may have cancelled it meanwhile
	}
	j.mu.Unlock()
	j.noted(job)
}

// within reports whether the limits allow r to go on with what it has claimed; if not, it hands the job back.
// Since every worker looks after it has claimed, the last of those that are too many sees all of them.
func (r *Run) within(ctx context.Context, s *session) bool {
	j := r.jobs
	key := r.job.Key()
	use, err := j.leased(ctx, key)
	if err == nil && use.room(&j.opts.Limits, r.job) {
		return true
	}
	if err != nil {
		j.failed(ctx, key, err)
	}
	defer r.lease.Stop()
	last, over := s.lastWords()
	defer over()
	err = r.write(last, true, func(job *Job) error {
		job.State, job.Attempt, job.LeaseUntil = Initiated, job.Attempt-1, time.Time{}
		if job.CancelRequested {
			j.end(job, Cancelled)
		}
		return nil
	})
	j.mu.Lock()
	j.seen(key).rest()
	j.mu.Unlock()
	if err != nil {
		j.failed(ctx, key, err)
	}
	return false
}

// A usage counts the jobs on which somebody works.
type usage struct {
	total   int
	tenants map[string]int
	users   map[[2]string]int
}

func newUsage() *usage { return &usage{tenants: map[string]int{}, users: map[[2]string]int{}} }

func (u *usage) add(job *Job, n int) {
	u.total += n
	u.tenants[job.Tenant] += n
	u.users[[2]string{job.Tenant, job.User}] += n
}

// room reports whether one more may be begun.
func (u *usage) room(l *Limits, job *Job) bool { return u.full(l, job) == nil }

// usage counts what is known to be worked on, or about to be, but for one job. j.mu is held.
func (j *Jobs) usage(but docstore.Key) *usage {
	u := newUsage()
	for kind := range j.handlers {
		f := j.feeds[kind]
		if f == nil {
			continue
		}
		for key, seen := range f.sight {
			if key != but && (seen.job.State == Processing || j.running[key] != nil) {
				u.add(seen.job, 1)
			}
		}
	}
	return u
}

// leased counts what the store says is worked on, but for one job.
func (j *Jobs) leased(ctx context.Context, but docstore.Key) (*usage, error) {
	u := newUsage()
	l := j.opts.Limits
	if l.Total <= 0 && l.PerTenant <= 0 && l.PerUser <= 0 {
		return u, nil
	}
	for _, kind := range j.kinds() {
		q := &Query{Kind: kind, States: []State{Processing}, Tenant: but.Tenant}
		if l.Total > 0 {
			q.Tenant, q.AllTenants = "", true
		}
		for job, err := range j.All(ctx, q) {
			if err != nil {
				return nil, err
			}
			if job.Key() != but {
				u.add(job, 1)
			}
		}
	}
	return u, nil
}
