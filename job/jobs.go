package job

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/digit-health/dhr/docstore"
)

// A Handler does the work of one kind of jobs. See the package on what is asked of it.
type Handler func(ctx context.Context, run *Run) error

// Jobs keeps jobs in a store, and works on those whose kind it handles while
// Run runs. It is safe for concurrent use.
type Jobs struct {
	store  *docstore.Store
	runner Runner
	opts   Options

	mu       sync.Mutex
	handlers map[string]Handler
	feeds    map[string]*feed      // the kinds that are followed
	running  map[docstore.Key]*Run // what this process has claimed, or is about to
	session  *session              // nil unless Run runs
	resumed  chan struct{}         // closed unless paused
}

// New returns Jobs over a store and a runner, which stay the caller's. A nil runner is for a process
// that submits and asks alone; others find its jobs in the store.
func New(store *docstore.Store, runner Runner, opts *Options) *Jobs {
	j := &Jobs{
		store: store, runner: runner, opts: opts.withDefaults(),
		handlers: map[string]Handler{}, feeds: map[string]*feed{}, running: map[docstore.Key]*Run{},
		resumed: make(chan struct{}),
	}
	close(j.resumed)
	return j
}

// Handle sets the handler of a kind. It is called before Run.
func (j *Jobs) Handle(kind string, h Handler) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.handlers[kind] = h
}

// kinds returns the kinds that are handled, in order.
func (j *Jobs) kinds() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Sorted(maps.Keys(j.handlers))
}

// Submit stores a job as Initiated, and returns it as it is stored. When it has returned nil the job
// will be worked on, whatever dies. If a job with its ID is there already, Submit
// returns that one with ErrExists. An error of the store may leave the job submitted or not: who
// gives the ID himself can submit it again.
func (j *Jobs) Submit(ctx context.Context, in *Job) (*Job, error) {
	made, err := j.put(ctx, in)
	if err == nil {
		j.submitted(ctx, made)
	}
	return made, err
}

// put stores a job as Initiated. That is all that matters: it need not be offered to anybody.
func (j *Jobs) put(ctx context.Context, in *Job) (*Job, error) {
	if in == nil {
		return nil, fmt.Errorf("job: submit: %w: no job", ErrInvalid)
	}
	made := j.initiated(in)
	if err := made.check(); err != nil {
		return nil, fmt.Errorf("job: submit: %w", err)
	}
	d, err := made.encode()
	if err != nil {
		return nil, fmt.Errorf("job: submit: %w", err)
	}
	stored, err := j.store.Put(ctx, d, 0)
	if errors.Is(err, docstore.ErrConflict) {
		there, err := j.Get(ctx, made.Tenant, made.Kind, made.ID)
		if err != nil {
			return nil, err
		}
		return there, fmt.Errorf("job: submit: %w: %v", ErrExists, made.Key())
	}
	if err != nil {
		return nil, fmt.Errorf("job: submit: %w", invalid(err))
	}
	return decode(stored)
}

// initiated returns a new job as in asks for it.
func (j *Jobs) initiated(in *Job) *Job {
	now := j.now()
	made := &Job{
		Tenant: in.Tenant, Kind: in.Kind, ID: in.ID, User: in.User, Labels: slices.Clone(in.Labels), Priority: in.Priority,
		NotBefore: in.NotBefore, MaxAttempts: in.MaxAttempts, Expires: in.Expires, Spec: slices.Clone(in.Spec),
		State: Initiated, Created: now, Updated: now,
	}
	if made.ID == "" {
		made.ID = rand.Text()
	}
	if made.MaxAttempts == 0 {
		made.MaxAttempts = j.opts.MaxAttempts
	}
	return made
}

// submitted offers a new job to the runner. That it is not heard of is no error: whoever sweeps
// the store finds the job.
func (j *Jobs) submitted(ctx context.Context, made *Job) {
	j.noted(made)
	if j.runner == nil || made.NotBefore.After(j.now()) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, offerTimeout)
	defer cancel()
	if err := j.runner.Offer(ctx, made.ticket()); err != nil {
		j.opts.Log.WarnContext(ctx, "job: the runner did not take a job", "job", made.Key().String(), "error", err)
	}
}

// Get returns a job as it is now, or ErrNotFound.
func (j *Jobs) Get(ctx context.Context, tenant, kind, id string) (*Job, error) {
	d, err := j.store.Get(ctx, docstore.Key{Tenant: tenant, Kind: kind, ID: id})
	if err != nil {
		return nil, fmt.Errorf("job: get: %w", invalid(err))
	}
	return decode(d)
}

// defaultLimit is the Limit of a Query that says none.
const defaultLimit = 100

// List returns one page of the jobs that match q, the newest first. There being fewer than
// q.Limit means that no more followed; the next page begins behind the last one's Cursor.
func (j *Jobs) List(ctx context.Context, q *Query) ([]*Job, error) {
	if q == nil {
		return nil, fmt.Errorf("job: list: %w: no query", ErrInvalid)
	}
	limit := q.Limit
	if limit == 0 {
		limit = defaultLimit
	}
	ask := &docstore.Query{
		Tenant: q.Tenant, AllTenants: q.AllTenants, Kind: q.Kind, Any: q.labels(),
		Order: docstore.ByName, Descending: true, After: q.After, Limit: limit,
	}
	var found []*Job
	for {
		page, err := j.store.List(ctx, ask)
		if err != nil {
			return nil, fmt.Errorf("job: list: %w", invalid(err))
		}
		for _, d := range page {
			ask.After = d.Cursor()
			job, err := decode(d)
			if err != nil {
				return nil, err
			}
			if q.matches(job) {
				found = append(found, job)
			}
			if len(found) == limit {
				return found, nil
			}
		}
		if len(page) < limit {
			return found, nil
		}
	}
}

// All yields every job that matches q, page after page. An error is the last pair.
func (j *Jobs) All(ctx context.Context, q *Query) iter.Seq2[*Job, error] {
	return func(yield func(*Job, error) bool) {
		ask := Query{}
		if q != nil {
			ask = *q
		}
		if ask.Limit == 0 {
			ask.Limit = defaultLimit
		}
		for {
			page, err := j.List(ctx, &ask)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, job := range page {
				ask.After = job.Cursor()
				if !yield(job, nil) {
					return
				}
			}
			if len(page) < ask.Limit {
				return
			}
		}
	}
}

// Cancel ends a job as Cancelled: at once if nobody works on it, otherwise as soon as its
// handler, whose context ends, has returned. Handlers in other processes hear of it with their next Poll.
// A job that is finished stays as it is, and is returned with ErrFinished.
func (j *Jobs) Cancel(ctx context.Context, tenant, kind, id string) (*Job, error) {
	key := docstore.Key{Tenant: tenant, Kind: kind, ID: id}
	job, err := j.modify(ctx, key, func(job *Job) error {
		switch {
		case job.State.Finished():
			return ErrFinished
		case job.State == Initiated:
			j.end(job, Cancelled)
		case job.CancelRequested:
			return errUnchanged
		default:
			job.CancelRequested = true
		}
		return nil
	})
	if err != nil {
		return job, fmt.Errorf("job: cancel %v: %w", key, err)
	}
	return job, nil
}

// Update has the owner of a kind change a job: its Labels, Expires, Code, Message, and, while nobody works on
// it, Work and Priority; and the State of a finished one to Expired. Any other change is ErrInvalid. An
// error of change is returned as it is, and nothing is stored. change may be called several times.
func (j *Jobs) Update(ctx context.Context, tenant, kind, id string, change func(*Job) error) (*Job, error) {
	key := docstore.Key{Tenant: tenant, Kind: kind, ID: id}
	var refused error
	job, err := j.modify(ctx, key, func(job *Job) error {
		before := job.Clone()
		if refused = change(job); refused != nil {
			return refused
		}
		return checkOwner(before, job)
	})
	switch {
	case refused != nil:
		return nil, refused
	case err != nil:
		return nil, fmt.Errorf("job: update %v: %w", key, err)
	}
	return job, nil
}

// errUnchanged is a change that turns out not to be needed.
var errUnchanged = errors.New("nothing to change")

// modify changes a job that is there, and returns it as it is stored, or with the error of change as it was read.
func (j *Jobs) modify(ctx context.Context, key docstore.Key, change func(*Job) error) (*Job, error) {
	var read *Job
	d, err := j.store.Update(ctx, key, func(d *docstore.Document) error {
		if d.Version == 0 {
			return ErrNotFound
		}
		job, err := decode(d)
		if err != nil {
			return err
		}
		read = job.Clone()
		if err := change(job); err != nil {
			return err
		}
		job.Updated = j.now()
		changed, err := job.encode()
		if err == nil {
			d.Labels, d.Body = changed.Labels, changed.Body
		}
		return err
	})
	if errors.Is(err, errUnchanged) {
		j.noted(read)
		return read, nil
	}
	if err != nil {
		return read, invalid(err)
	}
	job, err := decode(d)
	if err == nil {
		j.noted(job)
	}
	return job, err
}

// end makes job a finished one.
func (j *Jobs) end(job *Job, state State) {
	job.State, job.Finished, job.LeaseUntil = state, j.now(), time.Time{}
}

// Delete removes a finished job. One that is not finished is ErrOpen.
func (j *Jobs) Delete(ctx context.Context, tenant, kind, id string) error {
	for {
		job, err := j.Get(ctx, tenant, kind, id)
		switch {
		case err != nil:
			return fmt.Errorf("job: delete: %w", err)
		case !job.State.Finished():
			return fmt.Errorf("job: delete %v: %w", job.Key(), ErrOpen)
		}
		err = j.store.Delete(ctx, job.Key(), job.Version)
		if err == nil {
			return nil
		}
		if !errors.Is(err, docstore.ErrConflict) {
			return fmt.Errorf("job: delete: %w", err)
		}
	}
}
