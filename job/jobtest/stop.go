package jobtest

import (
	"context"
	"encoding/json"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/job"
)

// A job on which nobody works is cancelled at once, also while it waits for another attempt.
func testCancelWaiting(w *world) {
	begun := make(chan string, 10)
	p := w.process(func(_ context.Context, run *job.Run) error {
		begun <- run.Job().ID
		return job.RetryAfter(errSuite, time.Hour)
	}, nil).start()
	delayed := p.submit(&job.Job{ID: "delayed", NotBefore: time.Now().Add(time.Hour)})
	failed := p.submit(&job.Job{ID: "failed"})
	require.Equal(w, "failed", wait(w, begun, "the other job begins"))
	p.until(failed, func(j *job.Job) bool { return j.State == job.Initiated && j.Attempt == 1 })
	for _, j := range []*job.Job{delayed, failed} {
		got, err := p.Cancel(w.Context(), j.Tenant, j.Kind, j.ID)
		require.NoError(w, err)
		require.Equal(w, job.Cancelled, got.State)
		require.NotZero(w, got.Finished)
		got, err = p.Cancel(w.Context(), j.Tenant, j.Kind, j.ID)
		require.ErrorIs(w, err, job.ErrFinished)
		require.Equal(w, job.Cancelled, got.State)
	}
	pass(w, begun, 600*time.Millisecond, "a cancelled job is begun")
}

// A handler of the same process hears at once.
func testCancelHere(w *world) {
	w.cancelled(func(p *process) *process { return p }, time.Hour)
}

// A handler of another process hears within its next poll.
func testCancelThere(w *world) {
	w.cancelled(func(*process) *process { return w.process(nil, nil) }, 0)
}

func (w *world) cancelled(by func(*process) *process, poll time.Duration) {
	begun, heard := make(chan struct{}, 1), make(chan error, 1)
	p := w.process(func(ctx context.Context, _ *job.Run) error {
		begun <- struct{}{}
		<-ctx.Done()
		heard <- context.Cause(ctx)
		return context.Cause(ctx)
	}, func(o *job.Options) { o.Poll, o.Lease = poll, time.Hour }).start()
	made := p.submit(&job.Job{})
	wait(w, begun, "the job begins")
	asked := time.Now()
	got, err := by(p).Cancel(w.Context(), made.Tenant, made.Kind, made.ID)
	require.NoError(w, err)
	require.True(w, got.CancelRequested)
	require.ErrorIs(w, wait(w, heard, "the handler hears of it"), job.ErrCancelled)
	w.Logf("the handler heard after %v", time.Since(asked))
	got = p.finished(made)
	require.Equal(w, job.Cancelled, got.State)
	require.Equal(w, 1, got.Attempt)
}

// A job whose worker is gone is cancelled when the lease has ended, and no handler is called for it.
func testCancelDead(w *world) {
	begun, again := make(chan struct{}, 1), make(chan struct{}, 1)
	a := w.process(func(ctx context.Context, _ *job.Run) error {
		begun <- struct{}{}
		<-ctx.Done()
		return context.Cause(ctx)
	}, nil).start()
	made := a.submit(&job.Job{})
	wait(w, begun, "the job begins")
	a.store.down.Store(true)
	b := w.process(func(context.Context, *job.Run) error {
		again <- struct{}{}
		return nil
	}, nil).start()
	_, err := b.Cancel(w.Context(), made.Tenant, made.Kind, made.ID)
	require.NoError(w, err)
	require.Equal(w, job.Cancelled, b.finished(made).State)
	require.Empty(w, again)
}

// While a process pauses it begins nothing; what runs goes on, and afterwards all goes on.
func testPause(w *world) {
	begun, release := make(chan string, 10), make(chan struct{})
	p := w.process(func(_ context.Context, run *job.Run) error {
		begun <- run.Job().ID
		<-release
		return nil
	}, nil).start()
	first := p.submit(&job.Job{ID: "first"})
	require.Equal(w, "first", wait(w, begun, "the first job begins"))
	p.Pause()
	p.Pause()
	second := p.submit(&job.Job{ID: "second"})
	close(release)
	require.Equal(w, job.Completed, p.finished(first).State)
	pass(w, begun, time.Second, "a job begins though the process pauses")
	require.Equal(w, job.Initiated, p.get(second).State)
	p.Resume()
	require.Equal(w, "second", wait(w, begun, "the second job begins"))
	require.Equal(w, job.Completed, p.finished(second).State)
}

// A process that drains finishes what it has begun, and leaves the rest to others.
func testDrain(w *world) {
	begun, release := make(chan string, 10), make(chan struct{})
	handler := func(_ context.Context, run *job.Run) error {
		begun <- run.Job().ID
		<-release
		return nil
	}
	a := w.process(handler, func(o *job.Options) { o.Workers = 1 }).start()
	first, second := a.submit(&job.Job{ID: "first"}), a.submit(&job.Job{ID: "second"})
	require.Equal(w, "first", wait(w, begun, "the first job begins"))
	drained := make(chan error, 1)
	go func() { drained <- a.Drain(context.WithoutCancel(w.Context())) }()
	pass(w, drained, 100*time.Millisecond, "it is drained while a job runs")
	close(release)
	require.NoError(w, wait(w, drained, "it is drained"))
	require.Equal(w, job.Completed, a.get(first).State)
	require.Equal(w, job.Initiated, a.get(second).State)
	b := w.process(handler, nil).start()
	require.Equal(w, job.Completed, b.finished(second).State)
}

// When there is no time to finish, jobs are handed back: others go on at once from the checkpoint, and the
// attempt does not count.
func testHandBack(w *world) {
	begun := make(chan struct{}, 1)
	long := func(o *job.Options) { o.Lease = time.Hour }
	a := w.process(func(ctx context.Context, run *job.Run) error {
		if err := run.Checkpoint(ctx, 41); err != nil {
			return err
		}
		begun <- struct{}{}
		<-ctx.Done()
		if err := run.Checkpoint(context.WithoutCancel(ctx), 42); err != nil {
			return err
		}
		return context.Cause(ctx)
	}, long).start()
	made := a.submit(&job.Job{MaxAttempts: 1})
	wait(w, begun, "the job begins")
	b := w.process(func(ctx context.Context, run *job.Run) error {
		var n int
		if err := json.Unmarshal(run.Job().Work, &n); err != nil {
			return err
		}
		return run.Checkpoint(ctx, n+1)
	}, long).start()
	ended, cancel := context.WithCancel(w.Context())
	cancel()
	require.NoError(w, a.Drain(ended))
	got := b.finished(made)
	require.Equal(w, job.Completed, got.State)
	require.Equal(w, "43", string(got.Work))
	require.Equal(w, 1, got.Attempt)
	require.EqualValues(w, 2, got.Fence)
}

var _ docstore.Driver = (*line)(nil)
