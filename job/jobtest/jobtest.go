// Package jobtest checks that a runner of package job, together with that package, keeps
// its promises. A runner's whole test says how to make one:
//
//	func TestSuite(t *testing.T) {
//		jobtest.Run(t, jobtest.Harness{
//			Runners: func(t testing.TB) func() job.Runner { return func() job.Runner { return localjob.New() } },
//			Store:   func(t testing.TB) docstore.Driver { return memdoc.New() },
//			Apart:   true,
//		})
//	}
//
// [Kill] has workers killed, for runners whose jobs survive their process.
package jobtest

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/job"
)

// A Harness says how the suite gets at runners and at a store.
type Harness struct {
	// Runners makes an installation of its own, such as a queue, and returns what opens one more
	// runner of it, as another process would. What it makes, it removes by t.Cleanup.
	Runners func(t testing.TB) (open func() job.Runner)
	// Store returns an empty store.
	Store func(t testing.TB) docstore.Driver
	// Apart says that a runner hears nothing of what is offered to another one, so that processes
	// learn of each other's jobs from the store alone.
	Apart bool
	// Priorities are some that the runner keeps apart, the greatest first. If nil, 7, 1, 0 and -3.
	Priorities []int
}

// Run checks a runner.
func Run(t *testing.T, h Harness) {
	if h.Priorities == nil {
		h.Priorities = []int{7, 1, 0, -3}
	}
	for _, test := range []struct {
		name string
		test func(w *world)
	}{
		{"idle", testIdle}, // alone, since it measures
	} {
		t.Run(test.name, func(t *testing.T) { test.test(newWorld(t, &h)) })
	}
	for _, test := range []struct {
		name string
		test func(w *world)
	}{
		{"life", testLife},
		{"panic", testPanic},
		{"order", testOrder},
		{"delay", testDelay},
		{"lost offers", testLostOffers},
		{"deaf runner", testDeafRunner},
		{"one lease", testOneLease},
		{"lease lost", testLeaseLost},
		{"fence", testFence},
		{"attempts", testAttempts},
		{"steering", testSteering},
		{"limits", testLimits},
		{"limits unseen", testLimitsUnseen},
		{"limits let others pass", testLimitsLetOthersPass},
		{"cancel while waiting", testCancelWaiting},
		{"cancel here", testCancelHere},
		{"cancel there", testCancelThere},
		{"cancel of the dead", testCancelDead},
		{"pause", testPause},
		{"drain", testDrain},
		{"hand back", testHandBack},
		{"clock", testClock},
		{"clock set back", testClockSetBack},
		{"short outage", testShortOutage},
		{"long outage", testLongOutage},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.test(newWorld(t, &h))
		})
	}
}

const (
	kind   = "suite"
	tenant = "pb"
	// soon is when what must happen at once has happened, on a busy machine.
	soon = 10 * time.Second
	// lease is that of the suite's workers: a busy machine must manage to renew it in time.
	lease = 1500 * time.Millisecond
)

// A world is a store and what runs on it.
type world struct {
	*testing.T
	driver docstore.Driver
	runner func() job.Runner
	h      *Harness
}

func newWorld(t *testing.T, h *Harness) *world {
	return &world{T: t, driver: h.Store(t), runner: h.Runners(t), h: h}
}

// A process is what one process of an installation holds.
type process struct {
	*job.Jobs
	w     *world
	store *line
	stop  context.CancelFunc
	done  chan struct{}
}

// process returns one more process of the world, which does not run yet.
func (w *world) process(h job.Handler, change func(*job.Options)) *process {
	return w.processOn(w.runner(), h, change)
}

func (w *world) processOn(runner job.Runner, h job.Handler, change func(*job.Options)) *process {
	opts := &job.Options{
		Poll: 30 * time.Millisecond, Lease: lease, Patience: 500 * time.Millisecond, Progress: 20 * time.Millisecond,
		Backoff: func(int) time.Duration { return 10 * time.Millisecond },
	}
	if change != nil {
		change(opts)
	}
	store := &line{Driver: w.driver}
	p := &process{Jobs: job.New(docstore.New(store), runner, opts), w: w, store: store, done: make(chan struct{})}
	p.Handle(kind, h)
	return p
}

// start has the process work, until the test ends or stop is called.
func (p *process) start() *process {
	ctx, stop := context.WithCancel(context.WithoutCancel(p.w.Context()))
	p.stop = stop
	go func() {
		defer close(p.done)
		if err := p.Run(ctx); err != nil {
			p.w.Errorf("run: %v", err)
		}
	}()
	p.w.Cleanup(func() {
		p.store.down.Store(false)
		p.end()
	})
	return p
}

// end has the process stop working.
func (p *process) end() {
	p.stop()
	wait(p.w, p.done, "the process ends")
}

// submit submits a job of the suite.
func (p *process) submit(j *job.Job) *job.Job {
	p.w.Helper()
	j.Kind = kind
	if j.Tenant == "" {
		j.Tenant = tenant
	}
	made, err := p.Submit(p.w.Context(), j)
	require.NoError(p.w, err)
	require.Equal(p.w, job.Initiated, made.State)
	return made
}

func (p *process) get(j *job.Job) *job.Job {
	p.w.Helper()
	got, err := p.Get(p.w.Context(), j.Tenant, j.Kind, j.ID)
	require.NoError(p.w, err)
	return got
}

// finished waits until a job is finished, and returns it.
func (p *process) finished(j *job.Job) *job.Job {
	p.w.Helper()
	return p.until(j, func(got *job.Job) bool { return got.State.Finished() })
}

// until waits for a state of a job, and returns it.
func (p *process) until(j *job.Job, ok func(*job.Job) bool) *job.Job {
	p.w.Helper()
	ctx, cancel := context.WithTimeout(p.w.Context(), 2*soon)
	defer cancel()
	var last *job.Job
	for got, err := range p.Watch(ctx, j.Tenant, j.Kind, j.ID) {
		require.NoError(p.w, err, "the last that was seen is %+v", last)
		if last = got; ok(got) {
			return got
		}
	}
	require.Fail(p.w, "the job is finished otherwise than expected", "%+v", last)
	return nil
}

// wait waits for something to happen.
func wait[T any](w *world, ch <-chan T, what string) T {
	w.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(2 * soon):
		require.FailNow(w, "it does not happen: "+what)
		panic("unreachable")
	}
}

// pass lets some time pass in which something must not happen.
func pass[T any](w *world, ch <-chan T, d time.Duration, what string) {
	w.Helper()
	select {
	case <-ch:
		require.FailNow(w, "it happens: "+what)
	case <-time.After(d):
	}
}

// A line is how a process reaches the store. It can be cut.
type line struct {
	docstore.Driver
	down  atomic.Bool
	lists atomic.Int64 // pages that were read
}

func (l *line) cut() error {
	if l.down.Load() {
		return docstore.ErrUnavailable
	}
	return nil
}

// Get implements [docstore.Driver].
func (l *line) Get(ctx context.Context, k docstore.Key) (*docstore.Document, error) {
	if err := l.cut(); err != nil {
		return nil, err
	}
	return l.Driver.Get(ctx, k)
}

// Put implements [docstore.Driver].
func (l *line) Put(ctx context.Context, d *docstore.Document, expect int64) (*docstore.Document, error) {
	if err := l.cut(); err != nil {
		return nil, err
	}
	return l.Driver.Put(ctx, d, expect)
}

// List implements [docstore.Driver].
func (l *line) List(ctx context.Context, q *docstore.Query) ([]*docstore.Document, error) {
	if err := l.cut(); err != nil {
		return nil, err
	}
	defer l.lists.Add(1)
	return l.Driver.List(ctx, q)
}

// A forgetful runner loses every offer.
type forgetful struct{ job.Runner }

// Offer implements [job.Runner].
func (forgetful) Offer(context.Context, job.Ticket) error { return nil }

// A deaf runner takes no offer.
type deaf struct{ job.Runner }

// Offer implements [job.Runner].
func (deaf) Offer(context.Context, job.Ticket) error { return context.DeadlineExceeded }

// A crowd counts who works at the same time, and how many there were at most.
type crowd struct {
	mu        sync.Mutex
	now, most map[string]int
}

func newCrowd() *crowd { return &crowd{now: map[string]int{}, most: map[string]int{}} }

func (c *crowd) enter(names ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range names {
		c.now[n]++
		c.most[n] = max(c.most[n], c.now[n])
	}
}

func (c *crowd) leave(names ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range names {
		c.now[n]--
	}
}
