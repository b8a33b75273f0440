package jobtest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/job"
)

// However often and to whomever a job is offered, one worker gets it.
func testOneLease(w *world) {
	var calls sync.Map
	handler := func(_ context.Context, run *job.Run) error {
		n, _ := calls.LoadOrStore(run.Job().ID, &atomic.Int64{})
		n.(*atomic.Int64).Add(1)
		return nil
	}
	runners := []job.Runner{w.runner(), w.runner()}
	a := w.processOn(runners[0], handler, nil).start()
	w.processOn(runners[1], handler, nil).start()
	var all []*job.Job
	for i := range 40 {
		made := a.submit(&job.Job{ID: fmt.Sprint("j", i)})
		all = append(all, made)
		for range 3 {
			for _, r := range runners {
				require.NoError(w, r.Offer(w.Context(), job.Ticket{Tenant: made.Tenant, Kind: made.Kind, ID: made.ID, Created: made.Created}))
			}
		}
	}
	for _, made := range all {
		got := a.finished(made)
		require.Equal(w, job.Completed, got.State)
		n, _ := calls.Load(made.ID)
		require.EqualValues(w, 1, n.(*atomic.Int64).Load(), "%s", made.ID)
		require.EqualValues(w, 1, got.Fence)
	}
}

// A worker that cannot reach the store loses its lease: its handler hears of it, another one goes on
// from the checkpoint, and the first cannot write any more.
func testLeaseLost(w *world) {
	begun, lost, late := make(chan *job.Job, 1), make(chan error, 1), make(chan error, 1)
	restored := make(chan struct{})
	a := w.process(func(ctx context.Context, run *job.Run) error {
		if err := run.Checkpoint(ctx, "from a"); err != nil {
			return err
		}
		begun <- run.Job()
		<-ctx.Done()
		lost <- context.Cause(ctx)
		<-restored
		late <- run.Checkpoint(context.WithoutCancel(ctx), "too late")
		return context.Cause(ctx)
	}, nil).start()
	made := a.submit(&job.Job{})
	wait(w, begun, "the first worker begins")
	taken := make(chan *job.Job, 1)
	b := w.process(func(ctx context.Context, run *job.Run) error {
		taken <- run.Job()
		return run.Checkpoint(ctx, "from b")
	}, nil).start()
	pass(w, taken, 2*lease, "a lease that is renewed is lost")
	a.store.down.Store(true)
	require.ErrorIs(w, wait(w, lost, "the first handler hears of it"), job.ErrLeaseLost)
	got := wait(w, taken, "the second worker goes on")
	require.Equal(w, `"from a"`, string(got.Work))
	require.EqualValues(w, 2, got.Fence)
	require.Equal(w, 2, got.Attempt)
	last := b.finished(made)
	a.store.down.Store(false)
	close(restored)
	require.ErrorIs(w, wait(w, late, "the first handler writes"), job.ErrLeaseLost)
	require.Equal(w, last, b.get(made), "nothing was written")
	require.Equal(w, job.Completed, last.State)
	require.Equal(w, `"from b"`, string(last.Work))
}

// A worker that still believes in its lease when another one has it, as after its process was stopped for a while,
// hears so from its first write, which is not stored.
func testFence(w *world) {
	begun, goOn, late := make(chan struct{}, 1), make(chan struct{}), make(chan error, 2)
	a := w.process(func(ctx context.Context, run *job.Run) error {
		begun <- struct{}{}
		<-goOn
		late <- run.Checkpoint(ctx, "from a")
		late <- context.Cause(ctx)
		return nil
	}, func(o *job.Options) { o.Lease, o.Poll = time.Hour, time.Hour }).start()
	made := a.submit(&job.Job{})
	wait(w, begun, "the first worker begins")
	written, end := make(chan struct{}), make(chan struct{})
	b := w.process(func(ctx context.Context, run *job.Run) error {
		if err := run.Checkpoint(ctx, "from b"); err != nil {
			return err
		}
		close(written)
		<-end
		return nil
	}, nil).start()
	wait(w, written, "the second worker goes on")
	close(goOn)
	require.ErrorIs(w, wait(w, late, "the first worker writes"), job.ErrLeaseLost)
	require.ErrorIs(w, wait(w, late, "its handler hears of it"), job.ErrLeaseLost)
	close(end)
	got := b.finished(made)
	require.Equal(w, job.Completed, got.State)
	require.Equal(w, `"from b"`, string(got.Work))
	require.EqualValues(w, 2, got.Fence)
}

// At no time more jobs run than the limits allow, however many processes there are.
func testLimits(w *world) {
	all := newCrowd()
	limits := job.Limits{Total: 5, PerTenant: 3, PerUser: 2}
	handler := func(ctx context.Context, run *job.Run) error {
		j := run.Job()
		names := []string{"", j.Tenant, j.Tenant + "/" + j.User}
		all.enter(names...)
		defer all.leave(names...)
		select {
		case <-time.After(40 * time.Millisecond):
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	var processes []*process
	for range 3 {
		processes = append(processes, w.process(handler, func(o *job.Options) { o.Workers, o.Limits = 4, limits }).start())
	}
	var jobs []*job.Job
	for i := range 36 {
		jobs = append(jobs, processes[i%3].submit(&job.Job{Tenant: fmt.Sprint("t", i%3), User: fmt.Sprint("u", i/3%2)}))
	}
	for _, j := range jobs {
		got := processes[0].finished(j)
		require.Equal(w, job.Completed, got.State)
		require.Equal(w, 1, got.Attempt, "who was held back by a limit has not failed")
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	w.Logf("at most at the same time: %v", all.most)
	require.LessOrEqual(w, all.most[""], limits.Total)
	for i := range 3 {
		t := fmt.Sprint("t", i)
		require.LessOrEqual(w, all.most[t], limits.PerTenant)
		for u := range 2 {
			require.LessOrEqual(w, all.most[fmt.Sprintf("%s/u%d", t, u)], limits.PerUser)
		}
	}
	require.Greater(w, all.most[""], 1, "they run side by side")
}

// Nor when the processes do not know of each other's jobs yet: a worker looks again after it has got a lease.
func testLimitsUnseen(w *world) {
	begun, release := make(chan string, 10), make(chan struct{})
	var both []*process
	for range 2 {
		both = append(both, w.process(func(_ context.Context, run *job.Run) error {
			begun <- run.Job().ID
			<-release
			return nil
		}, func(o *job.Options) { o.Poll, o.Limits.PerTenant = time.Hour, 1 }).start())
	}
	for _, p := range both { // what they know is what they have read in the beginning
		require.Eventually(w, func() bool { return p.store.lists.Load() >= 2 }, soon, time.Millisecond)
	}
	client := w.process(nil, nil)
	first := both[0].submit(&job.Job{ID: "first"})
	require.Equal(w, "first", wait(w, begun, "the first job begins"))
	second := both[1].submit(&job.Job{ID: "second"})
	pass(w, begun, 600*time.Millisecond, "the second job begins")
	close(release)
	require.Equal(w, job.Completed, client.finished(first).State)
	got := client.finished(second)
	require.Equal(w, job.Completed, got.State)
	require.Equal(w, 1, got.Attempt)
}

// Who has reached his limit does not hold up others, though his jobs are older and of greater priority.
func testLimitsLetOthersPass(w *world) {
	begun, release := make(chan string, 10), make(chan struct{})
	p := w.process(func(_ context.Context, run *job.Run) error {
		begun <- run.Job().Tenant
		<-release
		return nil
	}, func(o *job.Options) { o.Limits.PerTenant = 1 }).start()
	var all []*job.Job
	for range 5 {
		all = append(all, p.submit(&job.Job{Tenant: "busy", Priority: w.h.Priorities[0]}))
	}
	require.Equal(w, "busy", wait(w, begun, "one job of the busy tenant begins"))
	all = append(all, p.submit(&job.Job{Tenant: "calm"}))
	require.Equal(w, "calm", wait(w, begun, "the job of the other tenant begins"))
	pass(w, begun, 300*time.Millisecond, "a second job of the busy tenant begins")
	close(release)
	for _, j := range all {
		require.Equal(w, job.Completed, p.finished(j).State)
	}
}

// A clock that is set, forth or back, takes no lease from anybody who works, and keeps none for the dead.
func testClock(w *world) {
	for _, jump := range []time.Duration{time.Hour, -time.Hour} {
		var offset atomic.Int64
		set := func(o *job.Options) {
			o.Now = func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }
		}
		begun, taken := make(chan struct{}, 1), make(chan *job.Job, 1)
		a := w.process(func(ctx context.Context, _ *job.Run) error {
			begun <- struct{}{}
			<-ctx.Done()
			return context.Cause(ctx)
		}, nil).start()
		made := a.submit(&job.Job{ID: fmt.Sprint("jump", jump)})
		wait(w, begun, "the worker begins")
		b := w.process(func(_ context.Context, run *job.Run) error {
			taken <- run.Job()
			return nil
		}, set).start()
		pass(w, taken, lease/2, "the lease is lost")
		offset.Store(int64(jump))
		pass(w, taken, 2*lease, "the lease is lost though it is renewed")
		a.store.down.Store(true)
		require.Equal(w, made.ID, wait(w, taken, "the other one goes on").ID)
		require.Equal(w, job.Completed, b.finished(made).State)
		b.end()
	}
}

// A clock that is set back does not keep a job from being tried again.
func testClockSetBack(w *world) {
	var offset atomic.Int64
	failed := make(chan struct{}, 1)
	p := w.process(func(_ context.Context, run *job.Run) error {
		if run.Job().Attempt > 1 {
			return nil
		}
		failed <- struct{}{}
		return job.RetryAfter(errSuite, 500*time.Millisecond)
	}, func(o *job.Options) {
		o.Now = func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }
	}).start()
	made := p.submit(&job.Job{})
	wait(w, failed, "the first attempt fails")
	p.until(made, func(j *job.Job) bool { return j.State == job.Initiated && j.Attempt == 1 })
	offset.Store(int64(-time.Hour))
	require.Equal(w, job.Completed, p.finished(made).State)
}

// While the store does not answer for less than a lease, work goes on and nothing is lost.
func testShortOutage(w *world) {
	var calls atomic.Int64
	begun, release := make(chan struct{}, 10), make(chan struct{})
	handler := func(ctx context.Context, run *job.Run) error {
		calls.Add(1)
		begun <- struct{}{}
		<-release
		return run.Checkpoint(ctx, "done")
	}
	a, b := w.process(handler, nil).start(), w.process(handler, nil).start()
	made := a.submit(&job.Job{})
	wait(w, begun, "the job begins")
	never := make(chan struct{})
	for _, p := range []*process{a, b} {
		p.store.down.Store(true)
	}
	close(release)
	_, err := a.Submit(w.Context(), &job.Job{Tenant: tenant, Kind: kind})
	require.Error(w, err)
	pass(w, never, lease/3, "")
	for _, p := range []*process{a, b} {
		p.store.down.Store(false)
	}
	got := a.finished(made)
	require.Equal(w, job.Completed, got.State)
	require.Equal(w, `"done"`, string(got.Work))
	require.EqualValues(w, 1, calls.Load())
	require.Equal(w, 1, got.Attempt)
}

// When the store does not answer for longer, handlers stop; the jobs are worked on once it answers again, and
// the attempt does not count, whoever goes on.
func testLongOutage(w *world) {
	begun, causes := make(chan int64, 10), make(chan error, 10)
	handler := func(ctx context.Context, run *job.Run) error {
		begun <- run.Job().Fence
		if run.Job().Fence > 1 {
			return nil
		}
		<-ctx.Done()
		causes <- context.Cause(ctx)
		return context.Cause(ctx)
	}
	both := []*process{w.process(handler, nil).start(), w.process(handler, nil).start()}
	made := both[0].submit(&job.Job{MaxAttempts: 1})
	require.EqualValues(w, 1, wait(w, begun, "the job begins"))
	for _, p := range both {
		p.store.down.Store(true)
	}
	require.ErrorIs(w, wait(w, causes, "the handler hears of it"), job.ErrLeaseLost)
	pass(w, begun, lease/2, "work begins without a store")
	for _, p := range both {
		p.store.down.Store(false)
	}
	require.EqualValues(w, 2, wait(w, begun, "the job begins again"))
	got := both[0].finished(made)
	require.Equal(w, job.Completed, got.State)
	require.Equal(w, 1, got.Attempt)
}
