package job_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/memdoc"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/job/localjob"
)

// A faulty driver fails before or after it has done what it was asked to.
type faulty struct {
	docstore.Driver
	fault func(write bool) (before, after bool)
	puts  atomic.Int64
}

func (f *faulty) Get(ctx context.Context, k docstore.Key) (*docstore.Document, error) {
	if before, _ := f.fault(false); before {
		return nil, docstore.ErrUnavailable
	}
	return f.Driver.Get(ctx, k)
}

func (f *faulty) List(ctx context.Context, q *docstore.Query) ([]*docstore.Document, error) {
	if before, _ := f.fault(false); before {
		return nil, docstore.ErrUnavailable
	}
	return f.Driver.List(ctx, q)
}

func (f *faulty) Put(ctx context.Context, d *docstore.Document, expect int64) (*docstore.Document, error) {
	before, after := f.fault(true)
	if before {
		return nil, docstore.ErrUnavailable
	}
	f.puts.Add(1)
	stored, err := f.Driver.Put(ctx, d, expect)
	if after && err == nil {
		return nil, docstore.ErrUnavailable
	}
	return stored, err
}

// count is a handler that counts to n in its checkpoint, with a pause before each step.
func count(n int, pause time.Duration) job.Handler {
	return func(ctx context.Context, run *job.Run) error {
		var done []int
		if work := run.Job().Work; work != nil {
			if err := json.Unmarshal(work, &done); err != nil {
				return job.Permanent(err)
			}
		}
		for len(done) < n {
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			done = append(done, len(done))
			if err := run.Checkpoint(ctx, done); err != nil {
				return err
			}
		}
		return nil
	}
}

func checkCount(t *testing.T, j *job.Job, n int) {
	t.Helper()
	require.Equal(t, job.Completed, j.State, "%+v", j)
	want := make([]int, n)
	for i := range want {
		want[i] = i
	}
	text, err := json.Marshal(want)
	require.NoError(t, err)
	require.Equal(t, string(text), string(j.Work))
}

// run has jobs worked on until the function that it returns is called.
func run(t *testing.T, jobs *job.Jobs) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- jobs.Run(ctx) }()
	return func() {
		cancel()
		require.NoError(t, <-done)
	}
}

func finish(t *testing.T, jobs *job.Jobs, j *job.Job) *job.Job {
	t.Helper()
	for {
		got, err := jobs.Get(t.Context(), j.Tenant, j.Kind, j.ID)
		require.NoError(t, err)
		if got.State.Finished() {
			return got
		}
		<-time.After(time.Second)
	}
}

// Each write of a job's life fails once, or succeeds and is reported as failed: the job is completed all the same, in
// one attempt that counts.
func TestEachWriteFails(t *testing.T) {
	t.Parallel()
	for write := 2; write <= 8; write++ { // the first is Submit's
		for _, after := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				n := 0
				store := &faulty{Driver: memdoc.New(), fault: func(put bool) (bool, bool) {
					if put {
						n++
					}
					hit := put && n == write
					return hit && !after, hit && after
				}}
				jobs := job.New(docstore.New(store), localjob.New(), nil)
				jobs.Handle("k", count(4, time.Second))
				stop := run(t, jobs)
				begun := time.Now()
				made := submit(t, jobs, &job.Job{MaxAttempts: 1})
				got := finish(t, jobs, made)
				stop()
				require.Less(t, time.Since(begun), 7*time.Second, "nobody has to wait for the end of a lease: write %d, after %t", write, after)
				checkCount(t, got, 4)
				require.Equal(t, 1, got.Attempt, "write %d, after %t", write, after)
			})
		}
	}
}

// Three processes work over a store that fails at random, before and after it has written, and is gone for a while now and
// then: every job is completed and right, and no two handlers ever work on one job.
func TestChaos(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		synctest.Test(t, func(t *testing.T) { chaos(t, seed) })
	}
}

func chaos(t *testing.T, seed uint64) {
	memory := memdoc.New()
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 1))
	working := map[string]context.Context{}
	var calm atomic.Bool
	handler := func(ctx context.Context, run *job.Run) error {
		id := run.Job().ID
		mu.Lock()
		if other := working[id]; other != nil && other.Err() == nil {
			t.Errorf("two handlers work on %s", id)
		}
		working[id] = ctx
		flop := random.IntN(10) == 0
		mu.Unlock()
		defer func() {
			mu.Lock()
			defer mu.Unlock()
			if working[id] == ctx {
				delete(working, id)
			}
		}()
		if flop {
			return fmt.Errorf("of the test")
		}
		return count(5, time.Second)(ctx, run)
	}
	var stops []func()
	for range 3 {
		down := false
		store := &faulty{Driver: memory, fault: func(bool) (bool, bool) {
			mu.Lock()
			defer mu.Unlock()
			if calm.Load() {
				return false, false
			}
			if random.IntN(200) == 0 {
				down = !down
			}
			if down && random.IntN(40) == 0 {
				down = false
			}
			return down || random.IntN(10) == 0, random.IntN(10) == 0
		}}
		jobs := job.New(docstore.New(store), localjob.New(), nil)
		jobs.Handle("k", handler)
		stops = append(stops, run(t, jobs))
	}
	client := job.New(docstore.New(memory), nil, nil)
	var all []*job.Job
	for i := range 30 {
		all = append(all, submit(t, client, &job.Job{ID: fmt.Sprint("j", i), MaxAttempts: 10_000}))
	}
	fences := int64(0)
	for _, j := range all {
		got := finish(t, client, j)
		checkCount(t, got, 5)
		fences += got.Fence
	}
	calm.Store(true)
	for _, stop := range stops {
		stop()
	}
	t.Logf("seed %d: %d jobs with %d leases", seed, len(all), fences)
}

// Progress is written once a second at most, and a lease is renewed three times in its length: an hour
// of work is cheap.
func TestWritesAreFew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &faulty{Driver: memdoc.New(), fault: func(bool) (bool, bool) { return false, false }}
		jobs := job.New(docstore.New(store), localjob.New(), nil)
		quiet := make(chan struct{})
		jobs.Handle("k", func(_ context.Context, run *job.Run) error {
			for i := range int64(6000) { // a minute, a hundred times a second
				run.Progress(job.Progress{Done: i})
				<-time.After(10 * time.Millisecond)
			}
			quiet <- struct{}{}
			<-time.After(time.Hour)
			return nil
		})
		defer run(t, jobs)()
		made := submit(t, jobs, &job.Job{})
		before := store.puts.Load()
		<-quiet
		busy := store.puts.Load() - before
		require.InDelta(t, 60, busy, 2)
		got := finish(t, jobs, made)
		require.InDelta(t, 3600/5, store.puts.Load()-before-busy, 5)
		require.EqualValues(t, 5999, got.Progress.Done)
	})
}

// A worker that is gone is missed after the length of a lease, and a job whose workers die again and again is Failed.
func TestWorkerLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		memory := memdoc.New()
		dead := func() { // works on the job until it is cut off
			var down atomic.Bool
			store := &faulty{Driver: memory, fault: func(bool) (bool, bool) { return down.Load(), false }}
			jobs := job.New(docstore.New(store), localjob.New(), nil)
			begun := make(chan struct{}, 1)
			jobs.Handle("k", func(ctx context.Context, _ *job.Run) error {
				begun <- struct{}{}
				<-ctx.Done()
				return context.Cause(ctx)
			})
			stop := run(t, jobs)
			<-begun
			down.Store(true)
			stop()
		}
		client := job.New(docstore.New(memory), localjob.New(), nil)
		made := submit(t, client, &job.Job{MaxAttempts: 3})
		for range 3 {
			dead()
		}
		client.Handle("k", count(1, 0))
		begun := time.Now()
		stop := run(t, client)
		got := finish(t, client, made)
		stop()
		require.Equal(t, job.Failed, got.State)
		require.Equal(t, job.CodeWorkerLost, got.Code)
		require.Equal(t, 3, got.Attempt)
		require.InDelta(t, 15, time.Since(begun).Seconds(), 1.5)
	})
}

// A handler that was told to end keeps its lease until it has returned, so that it can tidy up.
func TestTidyingUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		memory := memdoc.New()
		var calls atomic.Int64
		begun, tidied := make(chan struct{}, 1), make(chan error, 1)
		handler := func(ctx context.Context, run *job.Run) error {
			calls.Add(1)
			begun <- struct{}{}
			<-ctx.Done()
			<-time.After(time.Minute)
			tidied <- run.Checkpoint(context.WithoutCancel(ctx), "tidy")
			return context.Cause(ctx)
		}
		var both []*job.Jobs
		for range 2 {
			jobs := job.New(docstore.New(memory), localjob.New(), nil)
			jobs.Handle("k", handler)
			both = append(both, jobs)
		}
		defer run(t, both[0])()
		defer run(t, both[1])()
		made := submit(t, both[0], &job.Job{})
		<-begun
		_, err := both[0].Cancel(t.Context(), made.Tenant, made.Kind, made.ID)
		require.NoError(t, err)
		got := finish(t, both[1], made)
		require.NoError(t, <-tidied)
		require.Equal(t, job.Cancelled, got.State)
		require.Equal(t, `"tidy"`, string(got.Work))
		require.EqualValues(t, 1, calls.Load())
	})
}

// Work that is done when the lease had ended, but nobody else had it, is done.
func TestLateSuccess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		var calls atomic.Int64
		store := &faulty{Driver: memdoc.New(), fault: func(bool) (bool, bool) { return down.Load(), false }}
		jobs := job.New(docstore.New(store), localjob.New(), nil)
		jobs.Handle("k", func(ctx context.Context, run *job.Run) error {
			calls.Add(1)
			down.Store(true)
			<-ctx.Done()
			down.Store(false)
			if err := run.Checkpoint(context.WithoutCancel(ctx), "late"); !errors.Is(err, job.ErrLeaseLost) {
				t.Errorf("a write without a lease: %v", err)
			}
			return nil
		})
		defer run(t, jobs)()
		begun := time.Now()
		made := submit(t, jobs, &job.Job{})
		<-time.After(20 * time.Second)
		got := finish(t, jobs, made)
		require.Equal(t, job.Completed, got.State)
		require.EqualValues(t, 1, got.Fence)
		require.EqualValues(t, 1, calls.Load())
		require.Empty(t, got.Work)
		require.WithinDuration(t, begun.Add(15*time.Second), got.Finished, time.Second)
	})
}

// However much a handler has to say, there is room to say how its job ended.
func TestRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		jobs := newJobs(nil)
		largest := strings.Repeat("w", docstore.MaxBody-128<<10-2-100)
		jobs.Handle("k", func(ctx context.Context, run *job.Run) error {
			err := run.Checkpoint(ctx, largest+strings.Repeat("w", 100))
			require.ErrorIs(t, err, job.ErrInvalid)
			require.ErrorIs(t, err, docstore.ErrTooLarge)
			require.ErrorIs(t, run.Checkpoint(ctx, make(chan int)), job.ErrInvalid)
			require.ErrorIs(t, run.Update(ctx, func(j *job.Job) error { j.Attempt = 0; return nil }), job.ErrInvalid)
			require.NoError(t, run.Checkpoint(ctx, largest))
			long := strings.Repeat("\x01é", 1<<20)
			return job.Permanent(&job.Failure{Code: long, Message: long, Err: fmt.Errorf("%s", long)})
		})
		defer run(t, jobs)()
		got := finish(t, jobs, submit(t, jobs, &job.Job{Spec: json.RawMessage(`1`)}))
		require.Equal(t, job.Failed, got.State)
		require.Equal(t, 1, got.Attempt)
		require.Len(t, string(got.Work), len(largest)+2)
		for _, text := range []string{got.Code, got.Message, got.Cause} {
			require.True(t, strings.HasSuffix(text, "…"))
			require.True(t, strings.HasPrefix(text, "\x01é"))
		}
	})
}

// Attempts are further and further apart, and never in step.
func TestBackoff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		begun := map[string][]time.Time{}
		jobs := newJobs(&job.Options{Workers: 50})
		jobs.Handle("k", func(_ context.Context, run *job.Run) error {
			mu.Lock()
			defer mu.Unlock()
			begun[run.Job().ID] = append(begun[run.Job().ID], time.Now())
			return fmt.Errorf("of the test")
		})
		defer run(t, jobs)()
		var all []*job.Job
		for range 20 {
			all = append(all, submit(t, jobs, &job.Job{MaxAttempts: 12}))
		}
		seen := map[time.Duration]bool{}
		for _, j := range all {
			got := finish(t, jobs, j)
			require.Equal(t, job.Failed, got.State)
			require.Equal(t, 12, got.Attempt)
			mu.Lock()
			times := begun[j.ID]
			mu.Unlock()
			require.Len(t, times, 12)
			for i := range 11 {
				whole := min(time.Second<<i, 5*time.Minute)
				wait := times[i+1].Sub(times[i])
				require.GreaterOrEqual(t, wait, whole/2)
				require.LessOrEqual(t, wait, whole+10*time.Millisecond)
				seen[wait] = true
			}
		}
		require.Greater(t, len(seen), 150)
	})
}
