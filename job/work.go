package job

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/digit-health/dhr/docstore"
)

// A session is the time between Run's beginning and its end.
type session struct {
	jobs  *Jobs
	work  context.Context // that of the handlers and of all that is written
	woken chan struct{}   // has one element when a sweep is wanted
	done  chan struct{}   // closed when Run returns

	draining context.Context // ends when nothing more is begun
	drain    context.CancelFunc
	hasty    context.Context // ends when what runs is to be handed back
	hurry    context.CancelFunc

	runs    sync.WaitGroup // of those who have taken a job
	helpers sync.WaitGroup // of the sweeper, and of what it begins
	offerAt time.Time      // before it, the sweeper does not offer anything, since the runner has failed
}

// Run works on jobs until ctx ends or Drain is called, and returns nil when every handler has
// returned and its job is handed back. It is called once at a time.
func (j *Jobs) Run(ctx context.Context) error {
	if j.runner == nil {
		return fmt.Errorf("job: run: %w", ErrNoRunner)
	}
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	s := &session{jobs: j, work: work, woken: make(chan struct{}, 1), done: make(chan struct{})}
	s.draining, s.drain = context.WithCancel(work)
	s.hasty, s.hurry = context.WithCancel(work)
	if err := j.begin(s); err != nil {
		return err
	}
	defer close(s.done)
	defer j.over()
	var leave []func()
	for _, kind := range j.kinds() {
		_, l := j.follow(work, kind)
		leave = append(leave, l)
	}
	defer func() {
		for _, l := range leave {
			l()
		}
	}()
	if err := s.run(ctx); err != nil {
		return fmt.Errorf("job: run: %w", err)
	}
	return nil
}

// run works until ctx ends or nothing more is to be begun, and waits until nothing runs.
func (s *session) run(ctx context.Context) error {
	sweeping, stopSweeping := context.WithCancel(s.work)
	s.helpers.Go(func() { s.sweeps(sweeping) })
	running, stopRunning := context.WithCancel(s.work)
	ran := make(chan error, 1)
	go func() {
		ran <- s.jobs.runner.Run(running, &Worker{Concurrency: s.jobs.opts.Workers, Do: s.do})
		s.stopBeginning() // a runner that cannot work ends the session
	}()
	unhook := context.AfterFunc(ctx, s.handBack)
	defer unhook()

	<-s.draining.Done()
	stopRunning()
	err := <-ran
	if err != nil {
		s.handBack()
	}
	s.runs.Wait()
	stopSweeping()
	s.helpers.Wait()
	return err
}

func (j *Jobs) begin(s *session) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.session != nil {
		return fmt.Errorf("job: run: %w: it is running already", ErrInvalid)
	}
	j.session = s
	return nil
}

func (j *Jobs) over() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.session = nil
}

// Pause has this process begin no more jobs until Resume. Those that it works on go on.
func (j *Jobs) Pause() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.paused() {
		j.resumed = make(chan struct{})
	}
}

// Resume ends a Pause.
func (j *Jobs) Resume() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.paused() {
		close(j.resumed)
	}
	j.wake()
}

// paused reports whether nothing is to be begun. j.mu is held.
func (j *Jobs) paused() bool {
	select {
	case <-j.resumed:
		return false
	default:
		return true
	}
}

// Drain ends Run gently: nothing more is begun, and what runs may finish until ctx ends. Then
// the handlers' contexts end with ErrDraining, and their jobs are handed back. It returns when Run does.
func (j *Jobs) Drain(ctx context.Context) error {
	j.mu.Lock()
	s := j.session
	j.mu.Unlock()
	if s == nil {
		return nil
	}
	s.stopBeginning()
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
	}
	s.handBack()
	<-s.done
	return nil
}

// stopBeginning has nothing more be begun.
func (s *session) stopBeginning() {
	s.jobs.mu.Lock()
	defer s.jobs.mu.Unlock()
	s.drain()
}

// handBack ends the contexts of all handlers.
func (s *session) handBack() {
	s.jobs.mu.Lock()
	defer s.jobs.mu.Unlock()
	s.drain()
	s.hurry()
	for _, r := range s.jobs.running {
		r.end(ErrDraining)
	}
}

// wake has the sweeper look at what there is. j.mu is held.
func (j *Jobs) wake() {
	if j.session == nil {
		return
	}
	select {
	case j.session.woken <- struct{}{}:
	default:
	}
}

// do looks at a job for which a ticket was given out, and works on it if it is due and free.
func (s *session) do(ctx context.Context, t Ticket) {
	j := s.jobs
	j.mu.Lock()
	resumed := j.resumed
	j.mu.Unlock()
	select {
	case <-resumed:
	case <-s.draining.Done():
		return
	case <-ctx.Done():
		return
	}
	key := docstore.Key{Tenant: t.Tenant, Kind: t.Kind, ID: t.ID}
	work, end := context.WithCancelCause(s.work)
	defer end(nil)
	r := &Run{jobs: j, end: end, hint: make(chan struct{}, 1), writing: make(chan struct{}, 1)}
	h := s.take(key, r)
	if h == nil {
		return
	}
	defer s.leave(key)
	if r.claim(s, key) {
		r.work(work, s, h)
	}
}

// take notes that r may come to work on a job, and returns its handler, or nil if it may not.
func (s *session) take(key docstore.Key, r *Run) Handler {
	j := s.jobs
	j.mu.Lock()
	defer j.mu.Unlock()
	seen := j.seen(key)
	if seen != nil {
		seen.offered = false
	}
	h := j.handlers[key.Kind]
	switch {
	case h == nil, s.draining.Err() != nil, j.running[key] != nil:
		return nil
	case len(j.running) >= j.opts.Workers:
		seen.rest()
		return nil
	case seen != nil && !j.usage(key).room(&j.opts.Limits, seen.job):
		return nil
	}
	j.running[key] = r
	s.runs.Add(1)
	return h
}

// leave notes that nobody here works on a job any more.
func (s *session) leave(key docstore.Key) {
	s.jobs.mu.Lock()
	defer s.jobs.mu.Unlock()
	delete(s.jobs.running, key)
	s.jobs.wake()
	s.runs.Done()
}

// seen returns what is known of a job, or nil. j.mu is held.
func (j *Jobs) seen(key docstore.Key) *sight {
	if f := j.feeds[key.Kind]; f != nil {
		return f.sight[key]
	}
	return nil
}

// work has the handler work, and stores what became of it.
func (r *Run) work(ctx context.Context, s *session, h Handler) {
	j := r.jobs
	keeping, stop := context.WithCancel(s.work) // also while the handler, told to end, has not returned yet
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		r.keep(keeping)
	}()
	err := context.Cause(ctx)
	if err == nil {
		err = r.call(ctx, h)
	}
	stop()
	<-kept
	why := context.Cause(ctx)
	defer r.lease.Stop()
	if err != nil && errors.Is(why, ErrLeaseLost) {
		j.opts.Log.WarnContext(ctx, "job: a lease was lost", "job", r.job.Key().String(), "error", err)
		return
	}
	last, over := s.lastWords()
	defer over()
	if err := r.write(last, true, func(job *Job) error {
		r.settle(job, err, why)
		return nil
	}); err != nil {
		j.opts.Log.WarnContext(ctx, "job: what became of a job was not stored", "job", r.job.Key().String(), "error", err)
	}
}

// lastWords returns the context in which the end of a run is stored: without end, but once the jobs are to be
// handed back the store has the time of a lease to hear of it.
func (s *session) lastWords() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(s.work)
	unhook := context.AfterFunc(s.hasty, func() {
		late := time.AfterFunc(s.jobs.opts.Lease, cancel)
		context.AfterFunc(ctx, func() { late.Stop() })
	})
	return ctx, func() {
		unhook()
		cancel()
	}
}

// call calls the handler. A panic is an error like another.
func (r *Run) call(ctx context.Context, h Handler) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
			r.jobs.opts.Log.ErrorContext(ctx, "job: a handler panics", "panic", p, "stack", string(debug.Stack()))
		}
	}()
	return h(ctx, r)
}

// settle says what becomes of a job whose handler has returned err, given why its context ended.
func (r *Run) settle(job *Job, err, why error) {
	j := r.jobs
	job.LeaseUntil = time.Time{}
	switch {
	case err == nil:
		job.Code, job.Message, job.Cause = "", "", ""
		j.end(job, Completed)
		return
	case job.CancelRequested:
		j.end(job, Cancelled)
		return
	case errors.Is(why, ErrDraining):
		job.State, job.Attempt, job.NotBefore = Initiated, job.Attempt-1, time.Time{}
		return
	}
	f := failureOf(err)
	job.Code, job.Message, job.Cause = short(f.Code), short(f.Message), short(err.Error())
	if f.Permanent || job.Attempt >= job.MaxAttempts {
		j.end(job, Failed)
		return
	}
	wait := f.After
	if wait <= 0 {
		wait = j.opts.Backoff(job.Attempt)
	}
	job.State, job.NotBefore = Initiated, j.now().Add(wait)
}
