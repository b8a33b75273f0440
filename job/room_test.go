package job_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/memdoc"
	"github.com/digit-health/dhr/docstore/sqldoc"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/job/localjob"
)

// A gate is a store whose listings wait until so many jobs are there: those who submit see all others, or the order in which they came would not count.
type gate struct {
	docstore.Driver
	missing atomic.Int64
	opened  chan struct{}
	fail    error // of listings
}

func newGate(n int64) *gate {
	g := &gate{Driver: memdoc.New(), opened: make(chan struct{})}
	g.missing.Store(n)
	return g
}

func (g *gate) Put(ctx context.Context, d *docstore.Document, expect int64) (*docstore.Document, error) {
	made, err := g.Driver.Put(ctx, d, expect)
	if g.missing.Add(-1) == 0 {
		close(g.opened)
	}
	return made, err
}

func (g *gate) List(ctx context.Context, q *docstore.Query) ([]*docstore.Document, error) {
	if g.fail != nil {
		return nil, g.fail
	}
	select {
	case <-g.opened:
		return g.Driver.List(ctx, q)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// rush has n submit at once, in turn by three processes, and returns how many were let in; the others were told that there is no room.
func rush(t *testing.T, n int, l *job.Limits, of string, processes ...*job.Jobs) (in int64) {
	t.Helper()
	var all sync.WaitGroup
	var admitted atomic.Int64
	for i := range n {
		all.Go(func() {
			_, err := processes[i%len(processes)].SubmitWithin(t.Context(), &job.Job{Tenant: "pb", Kind: "k", User: fmt.Sprint("u", i%2)}, l)
			var full *job.RoomError
			switch {
			case err == nil:
				admitted.Add(1)
			case errors.As(err, &full) && full.Of == of:
			default:
				t.Errorf("%v", err)
			}
		})
	}
	all.Wait()
	return admitted.Load()
}

// However many submit at once, as many are let in as there is room for: neither more nor fewer.
func TestSubmitWithin(t *testing.T) {
	t.Parallel()
	const n = 30
	for name, x := range map[string]struct {
		limits job.Limits
		of     string
		want   int64
	}{
		"one of a user":      {job.Limits{PerUser: 1}, "user", 2}, // of whom there are two
		"three of a user":    {job.Limits{PerUser: 3}, "user", 6},
		"one of a tenant":    {job.Limits{PerTenant: 1}, "tenant", 1},
		"four of a tenant":   {job.Limits{PerTenant: 4, PerUser: 4}, "tenant", 4},
		"two of all":         {job.Limits{Total: 2}, "all", 2},
		"room for all":       {job.Limits{Total: n, PerTenant: n, PerUser: n / 2}, "", n},
		"without any limits": {job.Limits{}, "", n},
	} {
		for _, together := range []bool{true, false} {
			t.Run(fmt.Sprint(name, " together ", together), func(t *testing.T) {
				t.Parallel()
				g := newGate(1)
				if together {
					g = newGate(n)
				}
				store := docstore.New(g)
				processes := []*job.Jobs{job.New(store, nil, nil), job.New(store, nil, nil), job.New(store, nil, nil)}
				require.Equal(t, x.want, rush(t, n, &x.limits, x.of, processes...))
				found, err := processes[0].List(t.Context(), &job.Query{Tenant: "pb", Kind: "k"})
				require.NoError(t, err)
				require.Len(t, found, int(x.want), "those that were too many are gone")
				full := processes[0].Room(t.Context(), &job.Job{Tenant: "pb", Kind: "k", User: "u0"}, &x.limits)
				require.Equal(t, x.limits != (job.Limits{}), full != nil)
				for _, one := range found { // there is room as soon as one is cancelled
					_, err := processes[1].Cancel(t.Context(), "pb", "k", one.ID)
					require.NoError(t, err)
				}
				require.NoError(t, processes[0].Room(t.Context(), &job.Job{Tenant: "pb", Kind: "k", User: "u0"}, &x.limits))
			})
		}
	}
}

// So it is of processes that have each opened the store for themselves.
func TestSubmitWithinOnDisk(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	var processes []*job.Jobs
	for range 3 {
		driver, err := sqldoc.Open(t.Context(), filepath.Join(folder, "docs"), nil)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, driver.Close()) })
		processes = append(processes, job.New(docstore.New(driver), nil, nil))
	}
	require.EqualValues(t, 2, rush(t, 24, &job.Limits{PerUser: 1}, "user", processes...))
	found, err := processes[0].List(t.Context(), &job.Query{Tenant: "pb", Kind: "k"})
	require.NoError(t, err)
	require.Len(t, found, 2)
}

// So it is where workers begin what is submitted, and so change it, before it is counted.
func TestSubmitWithinAndWork(t *testing.T) {
	t.Parallel()
	const n, most = 24, 3
	store := docstore.New(memdoc.New())
	var processes []*job.Jobs
	release := make(chan struct{})
	for range 3 {
		p := job.New(store, localjob.New(), &job.Options{Workers: n, Poll: time.Millisecond})
		p.Handle("k", func(ctx context.Context, _ *job.Run) error {
			select {
			case <-release:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		processes = append(processes, p)
		t.Cleanup(run(t, p))
	}
	require.EqualValues(t, most, rush(t, n, &job.Limits{PerTenant: most}, "tenant", processes...))
	close(release)
	completed := 0
	for completed < most {
		all, err := processes[0].List(t.Context(), &job.Query{Tenant: "pb", Kind: "k"})
		require.NoError(t, err)
		completed = 0
		for _, one := range all {
			if one.State == job.Completed && !one.CancelRequested { // one that was taken back may be done before its worker hears of it
				completed++
			}
		}
	}
	require.Equal(t, most, completed)
}

// A job that cannot be counted is not left behind, and of one that is there already nothing is taken back.
func TestSubmitWithinFails(t *testing.T) {
	t.Parallel()
	g := newGate(1)
	g.fail = docstore.ErrUnavailable
	jobs := job.New(docstore.New(g), nil, nil)
	limits := &job.Limits{PerTenant: 1}
	_, err := jobs.SubmitWithin(t.Context(), &job.Job{Tenant: "pb", Kind: "k", ID: "a"}, limits)
	require.ErrorIs(t, err, docstore.ErrUnavailable)
	_, err = jobs.Get(t.Context(), "pb", "k", "a")
	require.ErrorIs(t, err, job.ErrNotFound)
	g.fail = nil
	_, err = jobs.SubmitWithin(t.Context(), &job.Job{Tenant: "pb", Kind: "k", ID: "a"}, limits)
	require.NoError(t, err)
	there, err := jobs.SubmitWithin(t.Context(), &job.Job{Tenant: "pb", Kind: "k", ID: "a"}, limits)
	require.ErrorIs(t, err, job.ErrExists)
	require.Equal(t, "a", there.ID)
	_, err = jobs.SubmitWithin(t.Context(), &job.Job{Tenant: "pb", Kind: "K"}, limits)
	require.ErrorIs(t, err, job.ErrInvalid)

	// One that is there, and is about to be taken back, is no answer.
	_, err = jobs.Submit(t.Context(), &job.Job{Tenant: "pb", Kind: "k", ID: "b"})
	require.NoError(t, err)
	_, err = jobs.SubmitWithin(t.Context(), &job.Job{Tenant: "pb", Kind: "k", ID: "b"}, limits)
	var full *job.RoomError
	require.ErrorAs(t, err, &full)
	require.Equal(t, &job.RoomError{Of: "tenant", Most: 1}, full)
	require.Contains(t, full.Error(), "tenant")
	_, err = jobs.Get(t.Context(), "pb", "k", "b")
	require.NoError(t, err)
}
