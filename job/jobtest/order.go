package jobtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/job"
)

// An idle worker begins when it is offered a job, and does not wait until it looks for one; in another process too if
// runners hear of each other. How long that takes is in the log.
func testIdle(w *world) {
	const rounds = 21
	begun := make(chan time.Time, 1)
	client := w.process(func(context.Context, *job.Run) error {
		begun <- time.Now()
		return nil
	}, func(o *job.Options) { o.Poll, o.Patience = time.Hour, time.Hour }).start()
	if !w.h.Apart {
		client = w.process(nil, nil) // which polls more often, to see soon that the worker is idle again
	}
	first := client.submit(&job.Job{})
	wait(w, begun, "the first job begins")
	client.finished(first)
	var all []time.Duration
	for range rounds {
		asked := time.Now()
		made := client.submit(&job.Job{})
		all = append(all, wait(w, begun, "the job begins").Sub(asked))
		client.finished(made)
	}
	slices.Sort(all)
	w.Logf("work begins %v after Submit in the middle, %v at the latest", all[rounds/2], all[rounds-1])
}

// A job is initiated, processed and completed; its checkpoint and progress are there for all to see.
func testLife(w *world) {
	seen := make(chan *job.Job, 1)
	step := make(chan struct{})
	p := w.process(func(ctx context.Context, run *job.Run) error {
		seen <- run.Job()
		run.Progress(job.Progress{Phase: "writing", Done: 1, Total: 2, Bytes: 10})
		<-step
		if err := run.Checkpoint(ctx, map[string]int{"part": 1}); err != nil {
			return err
		}
		<-step
		return run.Update(ctx, func(j *job.Job) error {
			j.Labels = append(j.Labels, "stored")
			return nil
		})
	}, nil).start()
	made := p.submit(&job.Job{User: "amara", Spec: json.RawMessage(`{"jql":"a < 1 & b"}`), Labels: []string{"equal:1"}})
	begun := wait(w, seen, "the handler is called")
	require.Equal(w, job.Processing, begun.State)
	require.Equal(w, 1, begun.Attempt)
	require.EqualValues(w, 1, begun.Fence)
	require.JSONEq(w, `{"jql":"a < 1 & b"}`, string(begun.Spec))
	p.until(made, func(j *job.Job) bool { return j.Progress.Done == 1 && j.Progress.Phase == "writing" })
	step <- struct{}{}
	p.until(made, func(j *job.Job) bool { return string(j.Work) == `{"part":1}` && j.Progress.Bytes == 10 })
	step <- struct{}{}
	got := p.finished(made)
	require.Equal(w, job.Completed, got.State)
	require.Equal(w, []string{"equal:1", "stored"}, got.Labels)
	require.False(w, got.Finished.Before(got.Started))
	require.Zero(w, got.LeaseUntil)
}

// A handler that panics has failed, and is called again.
func testPanic(w *world) {
	p := w.process(func(_ context.Context, run *job.Run) error {
		if run.Job().Attempt == 1 {
			panic("of the suite")
		}
		return nil
	}, nil).start()
	got := p.finished(p.submit(&job.Job{}))
	require.Equal(w, job.Completed, got.State)
	require.Equal(w, 2, got.Attempt)
}

// Of what waits for the only worker, the greatest priority is begun first, the oldest among equals.
func testOrder(w *world) {
	begun := make(chan string, 100)
	release := make(chan struct{})
	p := w.process(func(_ context.Context, run *job.Run) error {
		begun <- run.Job().ID
		<-release
		return nil
	}, func(o *job.Options) { o.Workers, o.Patience = 1, time.Minute }).start()
	p.submit(&job.Job{ID: "first"})
	require.Equal(w, "first", wait(w, begun, "the first job begins"))
	var want []string
	for round := range 3 {
		for _, i := range []int{2, 0, 3, 1} {
			if i < len(w.h.Priorities) {
				p.submit(&job.Job{ID: fmt.Sprintf("p%d-%d", i, round), Priority: w.h.Priorities[i]})
			}
		}
	}
	for i := range w.h.Priorities {
		for round := range 3 {
			want = append(want, fmt.Sprintf("p%d-%d", i, round))
		}
	}
	close(release)
	var got []string
	for range want {
		got = append(got, wait(w, begun, "the next job begins"))
	}
	require.Equal(w, want, got)
}

// A job is not begun before it is due.
func testDelay(w *world) {
	begun := make(chan time.Time, 1)
	p := w.process(func(context.Context, *job.Run) error {
		begun <- time.Now()
		return nil
	}, nil).start()
	due := time.Now().Add(700 * time.Millisecond)
	p.submit(&job.Job{NotBefore: due})
	late := wait(w, begun, "the job begins").Sub(due)
	require.GreaterOrEqual(w, late, time.Duration(0))
	w.Logf("a job begins %v after it is due", late)
}

// What the runner loses, the sweep finds.
func testLostOffers(w *world) {
	w.sweptOn(forgetful{w.runner()})
}

// A runner that takes nothing holds nothing up.
func testDeafRunner(w *world) {
	w.sweptOn(deaf{w.runner()})
}

// sweptOn holds that jobs are worked on, in order, though the runner never hears of them.
func (w *world) sweptOn(runner job.Runner) {
	begun := make(chan string, 10)
	p := w.processOn(runner, func(_ context.Context, run *job.Run) error {
		begun <- run.Job().ID
		return nil
	}, func(o *job.Options) { o.Workers, o.Patience = 1, 300*time.Millisecond })
	p.submit(&job.Job{ID: "low", Priority: -1})
	p.submit(&job.Job{ID: "high", Priority: 1})
	p.start()
	require.Equal(w, "high", wait(w, begun, "the better job begins"))
	require.Equal(w, "low", wait(w, begun, "the other job begins"))
}

var errSuite = errors.New("the suite fails it")

// A failure is tried again after a while, from the checkpoint, as often as the job says, and then told.
func testAttempts(w *world) {
	waits := make(chan int, 10)
	p := w.process(func(ctx context.Context, run *job.Run) error {
		var done []int
		if work := run.Job().Work; work != nil {
			if err := json.Unmarshal(work, &done); err != nil {
				return job.Permanent(err)
			}
		}
		if err := run.Checkpoint(ctx, append(done, run.Job().Attempt)); err != nil {
			return err
		}
		return &job.Failure{Code: "STORAGE_FULL", Message: "There is no room.", Err: errSuite}
	}, func(o *job.Options) {
		o.Backoff = func(attempt int) time.Duration {
			waits <- attempt
			return 50 * time.Millisecond
		}
	}).start()
	made := p.submit(&job.Job{MaxAttempts: 3})
	got := p.finished(made)
	require.Equal(w, job.Failed, got.State)
	require.Equal(w, 3, got.Attempt)
	require.Equal(w, "[1,2,3]", string(got.Work))
	require.Equal(w, "STORAGE_FULL", got.Code)
	require.Equal(w, "There is no room.", got.Message)
	require.Contains(w, got.Cause, errSuite.Error())
	require.Equal(w, 1, wait(w, waits, "a first wait"))
	require.Equal(w, 2, wait(w, waits, "a second wait"))
	require.Empty(w, waits)
	require.GreaterOrEqual(w, got.Finished.Sub(got.Started), 100*time.Millisecond)
}

// Errors steer: a permanent one is not tried again, and another says when.
func testSteering(w *world) {
	p := w.process(func(_ context.Context, run *job.Run) error {
		switch run.Job().ID {
		case "permanent":
			return job.Permanent(errSuite)
		default:
			if run.Job().Attempt == 1 {
				return job.RetryAfter(errSuite, 400*time.Millisecond)
			}
			return nil
		}
	}, nil).start()
	permanent, later := p.submit(&job.Job{ID: "permanent"}), p.submit(&job.Job{ID: "later"})
	got := p.finished(permanent)
	require.Equal(w, job.Failed, got.State)
	require.Equal(w, 1, got.Attempt)
	require.Equal(w, job.CodeInternal, got.Code)
	require.Empty(w, got.Message, "an error that nobody has worded for people is not shown to them")
	got = p.finished(later)
	require.Equal(w, job.Completed, got.State)
	require.Empty(w, got.Cause)
	require.GreaterOrEqual(w, got.Finished.Sub(got.Started), 400*time.Millisecond)
}
