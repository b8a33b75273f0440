package bulk_test

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/fhir/bulk"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/memsearch"
	"github.com/digit-health/dhr/storage"
	"github.com/digit-health/dhr/storage/disk"
)

// A counter tells a hook what is done, and the how many'th it is.
type counter struct {
	hook func(ctx context.Context, what string, n int) error
	mu   sync.Mutex
	done map[string]int
}

func (c *counter) meet(ctx context.Context, what string) error {
	c.mu.Lock()
	if c.done == nil {
		c.done = map[string]int{}
	}
	c.done[what]++
	n := c.done[what]
	c.mu.Unlock()
	if c.hook == nil {
		return nil
	}
	return c.hook(ctx, what, n)
}

func (c *counter) count(what string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.done[what]
}

// A faulty engine does what its hook says, before it opens, counts or hands out a record.
type faulty struct {
	*memsearch.Driver
	counter
	leaves bool // it keeps a snapshot that was left
}

func (f *faulty) Snapshot(ctx context.Context, index, token string) (search.Snapshot, error) {
	if err := f.meet(ctx, "open "+index); err != nil {
		return nil, err
	}
	s, err := f.Driver.Snapshot(ctx, index, token)
	if err != nil {
		return nil, err
	}
	return &faultySnapshot{s, f, index}, nil
}

type faultySnapshot struct {
	search.Snapshot
	f     *faulty
	index string
}

func (s *faultySnapshot) Count(ctx context.Context, p *plan.Plan) (int64, error) {
	if err := s.f.meet(ctx, "count "+s.index); err != nil {
		if errors.Is(err, errMiscounts) {
			n, err := s.Snapshot.Count(ctx, p)
			return n + 1, err
		}
		return 0, err
	}
	return s.Snapshot.Count(ctx, p)
}

// errMiscounts has an engine count one more than there is.
var errMiscounts = errors.New("miscounts")

func (s *faultySnapshot) Scan(ctx context.Context, scan *search.Scan) (record.Stream, func() string) {
	records, position := s.Snapshot.Scan(ctx, scan)
	return func(yield func(*record.Record, error) bool) {
		for r, err := range records {
			if err == nil {
				err = s.f.meet(ctx, "record "+s.index)
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}, position
}

func (s *faultySnapshot) Leave() error {
	if s.f.leaves {
		return nil
	}
	return s.Close()
}

// A faultyBackend does what its hook says before it stores a file, or deletes it.
type faultyBackend struct {
	storage.Backend
	counter
}

func (f *faultyBackend) Put(ctx context.Context, name string, r io.Reader, o *storage.PutOptions) (storage.Ref, error) {
	if err := f.meet(ctx, "put"); err != nil {
		return "", err
	}
	return f.Backend.Put(ctx, name, r, o)
}

func (f *faultyBackend) Delete(ctx context.Context, ref storage.Ref) error {
	if err := f.meet(ctx, "delete"); err != nil {
		return err
	}
	return f.Backend.Delete(ctx, ref)
}

type hook = func(ctx context.Context, what string, n int) error

// at fails at the nth of something.
func at1(what string, n int, err error) hook {
	return func(_ context.Context, is string, at int) error {
		if is == what && at == n {
			return err
		}
		return nil
	}
}

// always fails at each of something.
func always(what string, err error) hook {
	return func(_ context.Context, is string, _ int) error {
		if is == what {
			return err
		}
		return nil
	}
}

// disturbed opens a house whose engine and storage do what hooks say.
func disturbed(t *testing.T, n int, leaves bool, engine, store hook) (*house, *faulty) {
	t.Helper()
	f := &faulty{Driver: memory(t, n), counter: counter{hook: engine}, leaves: leaves}
	return open(t, f, func(h *house) {
		backend, err := disk.Open(h.folder, nil)
		require.NoError(t, err)
		t.Cleanup(func() { _ = backend.Close() })
		h.backend = &faultyBackend{Backend: backend, counter: counter{hook: store}}
		h.config.Limits.FileRecords = 50
	}), f
}

// Whatever engine and storage do, what comes in the end is right, or nothing.
func TestFaults(t *testing.T) {
	t.Parallel()
	const n = 210
	undisturbed, _ := disturbed(t, n, false, nil, nil)
	r := ask(bulk.SystemLevel, "_type", "Patient,Observation,Location")
	want := undisturbed.export(t, asha(), r)
	require.Len(t, want.Output, 5+13+5)
	for name, c := range map[string]struct {
		engine, store hook
		code, issue   string // of the failure; empty if it is completed
	}{
		"engine gone at first":       {at1("open patients", 1, search.ErrUnavailable), nil, "", ""},
		"engine gone while counting": {at1("count visits", 1, search.ErrUnavailable), nil, "", ""},
		"engine gone in the middle":  {at1("record visits", 333, search.ErrUnavailable), nil, "", ""},
		"engine overloaded":          {at1("record patients", 77, search.ErrOverloaded), nil, "", ""},
		"snapshot lost":              {at1("record visits", 333, search.ErrSnapshotLost), nil, "", ""},
		"miscounted once":            {at1("count visits", 1, errMiscounts), nil, "", ""},
		"storage gone for a moment":  {nil, at1("put", 4, storage.ErrUnavailable), "", ""},
		"storage full for a moment":  {nil, at1("put", 7, storage.ErrFull), "", ""},
		"an unknown error":           {nil, at1("put", 7, errors.New("boom")), "", ""},
		"engine gone":                {always("record places", search.ErrUnavailable), nil, "ENGINE_UNAVAILABLE", "no-store"},
		"engine partial":             {always("open visits", search.ErrPartial), nil, "ENGINE_UNAVAILABLE", "no-store"},
		"snapshots always lost":      {always("record visits", search.ErrSnapshotLost), nil, "SNAPSHOT_LOST", "incomplete"},
		"always miscounted":          {always("count visits", errMiscounts), nil, "COUNT_MISMATCH", "incomplete"},
		"storage full":               {nil, always("put", storage.ErrFull), "STORAGE_FULL", "no-store"},
		"storage refuses":            {nil, always("put", storage.ErrInvalidFormat), "INVALID_FORMAT", "exception"},
		"boom":                       {always("record visits", errors.New("boom")), nil, "INTERNAL", "exception"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, _ := disturbed(t, n, false, c.engine, c.store)
			if c.code == "" {
				m := h.export(t, asha(), r)
				require.Equal(t, want.Output, m.Output)
				require.Equal(t, want.Errors, m.Errors)
				require.Equal(t, len(m.Output)+len(m.Errors), h.stored(t), "nothing else is stored")
				return
			}
			e, err := h.Start(t.Context(), asha(), r)
			require.NoError(t, err)
			e = h.wait(t, asha(), e.ID)
			require.Equal(t, job.Failed, e.Status)
			require.Equal(t, c.code, e.Error.Code)
			require.Equal(t, c.issue, e.Error.Issue)
			require.NotEmpty(t, e.Error.Message)
			require.Zero(t, h.stored(t))
			_, err = h.Manifest(t.Context(), asha(), e.ID, 0)
			require.ErrorIs(t, err, bulk.ErrNotReady)
			require.Contains(t, h.noted(), "fail asha refused 0")
		})
	}
}

// A failure that may pass costs what was not stored, and no more, where the engine keeps the snapshot; where it does not, it costs the step.
func TestGoesOn(t *testing.T) {
	t.Parallel()
	r := ask(bulk.SystemLevel, "_type", "Patient,Observation")
	for name, c := range map[string]struct {
		leaves bool
		record int // of visits
		most   int // records of visits that are read in all
	}{
		"kept":  {true, 444, 630 + 450},
		"lost":  {false, 444, 630 + 444},
		"first": {true, 1, 631},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, engine := disturbed(t, 210, c.leaves, at1("record visits", c.record, search.ErrUnavailable), nil)
			m := h.export(t, asha(), r)
			require.Equal(t, map[string]int64{"Patient": 208, "Observation": 630 - 6 - 2}, counts(m.Output))
			require.Equal(t, 208, engine.count("record patients"), "a step that is done is done")
			require.LessOrEqual(t, engine.count("record visits"), c.most)
			if c.leaves {
				require.Equal(t, 1, engine.count("count visits"))
			}
		})
	}
}

// A worker that drains hands over, and another goes on where it stopped.
func TestDrain(t *testing.T) {
	t.Parallel()
	there := make(chan struct{}, 1)
	h, engine := disturbed(t, 210, true, func(ctx context.Context, what string, n int) error {
		if what != "record visits" || n != 333 {
			return nil
		}
		there <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}, nil)
	e, err := h.Start(t.Context(), asha(), ask(bulk.SystemLevel, "_type", "Patient,Observation"))
	require.NoError(t, err)
	<-there
	running, err := h.Get(t.Context(), asha(), e.ID)
	require.NoError(t, err)
	require.Regexp(t, `^[0-9]+% Observation: [0-9]+ of 624$`, running.Progress)
	require.Less(t, len(running.Progress), 100) // S1
	require.NotZero(t, running.RetryAfter)
	_, err = h.Manifest(t.Context(), asha(), e.ID, 0)
	require.ErrorIs(t, err, bulk.ErrNotReady)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, h.jobs.Drain(ctx))
	handed, err := h.Get(t.Context(), asha(), e.ID)
	require.NoError(t, err)
	require.Equal(t, job.Initiated, handed.Status)

	next := open(t, engine, func(n *house) {
		n.docs, n.backend, n.folder, n.config.Limits = h.docs, h.backend, h.folder, h.config.Limits
	})
	require.Equal(t, job.Completed, next.wait(t, asha(), e.ID).Status)
	m, err := next.Manifest(t.Context(), asha(), e.ID, 0)
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"Patient": 208, "Observation": 622}, counts(m.Output))
	require.Equal(t, 1, engine.count("count visits"))
	require.Equal(t, len(m.Output)+len(m.Errors), h.stored(t))
	_ = next.lines(t, asha(), m, m.Output)
}
