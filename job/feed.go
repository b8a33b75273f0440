package job

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/digit-health/dhr/docstore"
)

// A feed follows the jobs of one kind: what this process changes, at once, and what others change, with
// each poll. All of it is guarded by Jobs.mu.
type feed struct {
	kind  string
	users int // who want it followed
	stop  context.CancelFunc
	done  chan struct{}           // closed when it is not followed any more
	after *docstore.Cursor        // behind it are the changes not seen yet; nil before the first look
	sight map[docstore.Key]*sight // every job that is not finished
	watch map[docstore.Key]map[chan *Job]bool

	failing bool
	lookAt  time.Time // of the last look that succeeded
}

// A sight is what this process knows of a job that is not finished. Its times are told by the clock that
// nobody sets.
type sight struct {
	job     *Job // without Spec and Work
	since   time.Time
	early   bool      // it was there, as it is, when the feed began: nobody knows for how long
	due     time.Time // when it was first seen to be due; zero if it is not
	offered bool      // to the runner, by this process, and not handed out since
	wait    time.Time // before which this process does not try again
}

// follow has a kind followed until the function that it returns is called.
func (j *Jobs) follow(ctx context.Context, kind string) (*feed, func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	f := j.feeds[kind]
	if f == nil {
		f = &feed{
			kind: kind, done: make(chan struct{}),
			sight: map[docstore.Key]*sight{}, watch: map[docstore.Key]map[chan *Job]bool{},
		}
		j.feeds[kind] = f
		background, stop := context.WithCancel(context.WithoutCancel(ctx))
		f.stop = stop
		go j.poll(background, f)
	}
	f.users++
	return f, func() {
		j.mu.Lock()
		f.users--
		last := f.users == 0
		if last {
			delete(j.feeds, kind)
			f.stop()
		}
		j.mu.Unlock()
		if last {
			<-f.done
		}
	}
}

// poll looks at the store again and again until ctx ends.
func (j *Jobs) poll(ctx context.Context, f *feed) {
	defer close(f.done)
	tick := time.NewTicker(j.opts.Poll)
	defer tick.Stop()
	for {
		err := j.look(ctx, f)
		if ctx.Err() != nil {
			return
		}
		j.looked(ctx, f, err)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// looked notes how a look went. While the store does not answer, leases do not end: their holders could
// not renew them either.
func (j *Jobs) looked(ctx context.Context, f *feed, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	now := time.Now()
	if err != nil {
		if !f.failing {
			j.opts.Log.WarnContext(ctx, "job: the store cannot be followed", "kind", f.kind, "error", err)
		}
		f.failing = true
		return
	}
	if f.failing {
		j.opts.Log.InfoContext(ctx, "job: the store can be followed again", "kind", f.kind)
		for _, s := range f.sight {
			s.since = s.since.Add(now.Sub(f.lookAt))
			if s.since.After(now) {
				s.since = now
			}
		}
	}
	f.failing, f.lookAt = false, now
	j.wake()
}

// look reads what has changed since the last look; the first time, all jobs that are not finished.
func (j *Jobs) look(ctx context.Context, f *feed) error {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	q := &docstore.Query{AllTenants: true, Kind: f.kind, Order: docstore.ByChange, Limit: defaultLimit}
	if f.after != nil {
		q.After = f.after
		return j.see(ctx, f, q, false)
	}
	newest, err := j.store.List(ctx, &docstore.Query{AllTenants: true, Kind: f.kind, Order: docstore.ByChange, Descending: true, Limit: 1})
	if err != nil {
		return err
	}
	q.Any = []string{stateLabel + string(Initiated), stateLabel + string(Processing)}
	if err := j.see(ctx, f, q, true); err != nil {
		return err
	}
	after := &docstore.Cursor{}
	if len(newest) > 0 {
		after = newest[0].Cursor()
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	f.after = after
	return nil
}

// see notes all jobs that q asks for.
func (j *Jobs) see(ctx context.Context, f *feed, q *docstore.Query, early bool) error {
	for d, err := range j.store.All(ctx, q) {
		if err != nil {
			return err
		}
		job, err := decode(d)
		if err != nil {
			j.opts.Log.ErrorContext(ctx, "job: a document is no job", "error", err)
		}
		j.mu.Lock()
		if err == nil {
			f.note(j, job, early)
		}
		if !early {
			f.after = d.Cursor()
		}
		j.mu.Unlock()
	}
	return nil
}

// noted has those who follow a job hear how it is now.
func (j *Jobs) noted(job *Job) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if f := j.feeds[job.Kind]; f != nil {
		f.note(j, job, false)
		j.wake()
	}
}

// note takes in a job as it was read or written, unless a later state of it has been seen. j.mu is held.
func (f *feed) note(j *Jobs, job *Job, early bool) {
	key := job.Key()
	old := f.sight[key]
	if old != nil && old.job.Change == job.Change && !early { // the first look saw what this process was writing
		old.early = false
	}
	if old != nil && old.job.Change >= job.Change || old == nil && f.after != nil && !early && job.Change <= f.after.Change {
		return
	}
	for ch := range f.watch[key] {
		select {
		case <-ch: // nobody has looked at it yet, and the newer one will do
		default:
		}
		ch <- job.Clone()
	}
	if r := j.running[key]; r != nil {
		r.heard(job)
	}
	if job.State.Finished() {
		delete(f.sight, key)
		return
	}
	slim := *job
	slim.Spec, slim.Work = nil, nil
	s := &sight{job: &slim, since: time.Now(), early: early}
	if old != nil && old.job.State == Initiated && job.State == Initiated && old.job.Fence == job.Fence {
		s.offered, s.due, s.wait = old.offered && old.job.Priority == job.Priority, old.due, old.wait
	}
	f.sight[key] = s
}

// watchAgain is how often Watch reads a job of which it has heard nothing, in case that it was deleted.
const watchAgain = 15 * time.Second

// Watch yields a job as it is, and again each time that it is seen to have changed: changes of this process
// at once, those of others with the next Poll. Of several changes in a short
// time the last may be all that is seen. A finished job is the last pair; so is an error, ErrNotFound
// if the job was deleted, and the context's when that ends.
func (j *Jobs) Watch(ctx context.Context, tenant, kind, id string) iter.Seq2[*Job, error] {
	return func(yield func(*Job, error) bool) {
		key := docstore.Key{Tenant: tenant, Kind: kind, ID: id}
		changes, leave := j.listen(ctx, key)
		defer leave()
		again := time.NewTimer(0)
		defer again.Stop()
		var seen int64
		for {
			var job *Job
			var err error
			select {
			case <-ctx.Done():
				err = fmt.Errorf("job: watch %v: %w", key, context.Cause(ctx))
			case job = <-changes:
			case <-again.C:
				job, err = j.Get(ctx, tenant, kind, id)
			}
			again.Reset(watchAgain)
			switch {
			case err != nil:
				yield(nil, err)
				return
			case job.Change <= seen:
				continue
			}
			seen = job.Change
			if !yield(job, nil) || job.State.Finished() {
				return
			}
		}
	}
}

// listen returns a channel, of which the latest state of a job can be had, until leave is called.
func (j *Jobs) listen(ctx context.Context, key docstore.Key) (changes chan *Job, leave func()) {
	f, unfollow := j.follow(ctx, key.Kind)
	changes = make(chan *Job, 1)
	j.mu.Lock()
	defer j.mu.Unlock()
	if f.watch[key] == nil {
		f.watch[key] = map[chan *Job]bool{}
	}
	f.watch[key][changes] = true
	return changes, func() {
		j.mu.Lock()
		delete(f.watch[key], changes)
		if len(f.watch[key]) == 0 {
			delete(f.watch, key)
		}
		j.mu.Unlock()
		unfollow()
	}
}
