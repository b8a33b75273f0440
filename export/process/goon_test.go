package process_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/export/process"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/storage"
	"github.com/digit-health/dhr/storage/disk"
)

// inHalves asks for parts of 500 records.
func inHalves(format string) *process.Request {
	r := inParts(format)
	r.Options.PartRows = 500
	return r
}

// A failure that may pass costs what was not stored, and no more, where the engine keeps the snapshot.
func TestGoesOn(t *testing.T) {
	t.Parallel()
	want := undisturbed(t, 5000, inHalves("csv"))
	for name, c := range map[string]struct {
		engine, storage func(context.Context, string, int) error
	}{
		"the storage is full for a moment": {nil, at("put", 6, storage.ErrFull)},
		"the engine is gone for a moment":  {at("record", 3555, search.ErrUnavailable), nil},
		"an unknown error":                 {nil, at("put", 8, errors.New("boom"))},
		"twice":                            {at("record", 3777, search.ErrOverloaded), at("put", 3, storage.ErrFull)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nothing := func(context.Context, string, int) error { return nil }
			engine := &faulty{Driver: memory(t, 5000), hook: c.engine, leaves: true}
			if engine.hook == nil {
				engine.hook = nothing
			}
			h := open(t, engine, func(h *house) {
				backend, err := disk.Open(h.folder, nil)
				require.NoError(t, err)
				t.Cleanup(func() { _ = backend.Close() })
				h.backend = backend
				if c.storage != nil {
					h.backend = &faultyBackend{Backend: backend, hook: c.storage}
				}
			})
			p := h.export(t, asha(), inHalves("csv"))
			require.Equal(t, want, p.Files)
			require.Greater(t, p.Attempt, 1)
			require.Equal(t, 1, engine.count("count"), "it has not begun anew")
			require.LessOrEqual(t, engine.count("record"), 5000+(p.Attempt-1)*1501, "no more is read again than a part, and what is skipped")
			require.Equal(t, 10, h.stored(t))
			require.Zero(t, engine.snapshots())
		})
	}
}

// A worker that drains hands over, and another goes on where it stopped.
func TestDrain(t *testing.T) {
	t.Parallel()
	want := undisturbed(t, 5000, inHalves("ndjson"))
	there := make(chan struct{}, 1)
	engine := &faulty{Driver: memory(t, 5000), leaves: true, hook: func(ctx context.Context, what string, n int) error {
		if what != "record" || n != 3555 {
			return nil
		}
		there <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}}
	h := open(t, engine, nil)
	p := h.begin(t, asha(), inHalves("ndjson"))
	<-there
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, h.jobs.Drain(ctx))
	handed, err := h.Get(t.Context(), asha(), p.ID)
	require.NoError(t, err)
	require.Equal(t, job.Initiated, handed.Status)
	require.EqualValues(t, 3500, handed.ProcessedRecords)

	next := h.beside(t, nil)
	p = next.wait(t, asha(), p.ID)
	require.Equal(t, job.Completed, p.Status)
	require.Equal(t, want, p.Files)
	require.Equal(t, 1, engine.count("count"))
	require.LessOrEqual(t, engine.count("record"), 6501)
	require.Zero(t, engine.snapshots())
	require.Equal(t, 10, next.stored(t))
}
