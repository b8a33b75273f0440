package job

import (
	"context"
	"iter"
	"log/slog"
	"time"

	"github.com/digit-health/dhr/docstore"
)

// Options are the settings of [Jobs]. The zero value is all defaults.
type Options struct {
	// Workers is how many jobs this process works on at once. If zero, 2.
	Workers int
	// Limits bound how many are worked on at once by all processes together.
	Limits Limits
	// MaxAttempts is that of jobs that say nothing else. If zero, 5.
	MaxAttempts int
	// Backoff returns how long to wait after a number of failed attempts, from 1 on. If nil,
	// a second, doubled with each attempt up to five minutes, of which a random part
	// between a half and the whole.
	Backoff func(attempt int) time.Duration
	// Lease is how long a worker may be silent before others go on. If zero, 15 seconds. It is renewed
	// three times as often.
	Lease time.Duration
	// Poll is how often the store is asked what others have changed. If zero, 500 milliseconds.
	Poll time.Duration
	// Patience is how long a job that is due waits for the runner before this process, if it
	// has a worker free, begins it by itself. If zero, 5 seconds.
	Patience time.Duration
	// Progress is the shortest time between two writes of progress of a job. If zero, a second.
	Progress time.Duration
	// Worker is the name of this process in the documents. It must be different for each Jobs; if
	// empty, it is the host's and the process's with a random end.
	Worker string
	// Now is the clock on the wall. If nil, time.Now. What must not go wrong when
	// somebody sets it, such as leases, does not ask it.
	Now func() time.Time
	// Log hears of what went wrong and was not returned to anybody. If nil, nobody does.
	Log *slog.Logger
}

// Limits bound how many jobs, of the kinds handled here, are worked on at once over all processes.
// A zero is no limit. All processes should have the same ones.
type Limits struct {
	Total     int
	PerTenant int
	PerUser   int // of one tenant; jobs without a user are not bounded
}

// A Handler does the work of one kind of jobs. See the package on what is asked of it.
type Handler func(ctx context.Context, run *Run) error

// Jobs keeps jobs in a store, and works on those whose kind it handles while
// Run runs. It is safe for concurrent use.
type Jobs struct {
	store    *docstore.Store
	runner   Runner
	opts     Options
	handlers map[string]Handler
}

// New returns Jobs over a store and a runner, which stay the caller's. A nil runner is for a process
// that submits and asks alone; others find its jobs in the store.
func New(store *docstore.Store, runner Runner, opts *Options) *Jobs {
	panic("face")
}

// Handle sets the handler of a kind. It is called before Run.
func (j *Jobs) Handle(kind string, h Handler) { panic("face") }

// Submit stores a job as Initiated, and returns it as it is stored. When it has returned nil the job
// will be worked on, whatever dies. If a job with its ID is there already, Submit
// returns that one with ErrExists. An error of the store may leave the job submitted or not: who
// gives the ID himself can submit it again.
func (j *Jobs) Submit(ctx context.Context, in *Job) (*Job, error) { panic("face") }

// Get returns a job as it is now, or ErrNotFound.
func (j *Jobs) Get(ctx context.Context, tenant, kind, id string) (*Job, error) { panic("face") }

// List returns one page of the jobs that match q, the newest first. There being fewer than
// q.Limit means that no more followed; the next page begins behind the last one's Cursor.
func (j *Jobs) List(ctx context.Context, q *Query) ([]*Job, error) { panic("face") }

// All yields every job that matches q, page after page. An error is the last pair.
func (j *Jobs) All(ctx context.Context, q *Query) iter.Seq2[*Job, error] { panic("face") }

// Cancel ends a job as Cancelled: at once if nobody works on it, otherwise as soon as its
// handler, whose context ends, has returned. Handlers in other processes hear of it with their next Poll.
// A job that is finished stays as it is, and is returned with ErrFinished.
func (j *Jobs) Cancel(ctx context.Context, tenant, kind, id string) (*Job, error) { panic("face") }

// Update has the owner of a kind change a job: its Labels, Expires, Code, Message, and, while nobody works on
// it, Work and Priority; and the State of a finished one to Expired. Any other change is ErrInvalid. An
// error of change is returned as it is, and nothing is stored. change may be called several times.
func (j *Jobs) Update(ctx context.Context, tenant, kind, id string, change func(*Job) error) (*Job, error) {
	panic("face")
}

// Delete removes a finished job. One that is not finished is ErrOpen.
func (j *Jobs) Delete(ctx context.Context, tenant, kind, id string) error { panic("face") }

// Watch yields a job as it is, and again each time that it is seen to have changed: changes of this process
// at once, those of others with the next Poll. Of several changes in a short
// time the last may be all that is seen. A finished job is the last pair; so is an error, ErrNotFound
// if the job was deleted, and the context's when that ends.
func (j *Jobs) Watch(ctx context.Context, tenant, kind, id string) iter.Seq2[*Job, error] {
	panic("face")
}

// Run works on jobs until ctx ends or Drain is called, and returns nil when every handler has
// returned and its job is handed back. It is called once at a time.
func (j *Jobs) Run(ctx context.Context) error { panic("face") }

// Pause has this process begin no more jobs until Resume. Those that it works on go on.
func (j *Jobs) Pause() { panic("face") }

// Resume ends a Pause.
func (j *Jobs) Resume() { panic("face") }

// Drain ends Run gently: nothing more is begun, and what runs may finish until ctx ends. Then
// the handlers' contexts end with ErrDraining, and their jobs are handed back. It returns when Run does.
func (j *Jobs) Drain(ctx context.Context) error { panic("face") }
