package process_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/export/process"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/memsearch"
	"github.com/digit-health/dhr/storage"
	"github.com/digit-health/dhr/storage/disk"
)

func checkRanges(t *testing.T, d *process.Download, want string) {
	t.Helper()
	n := int64(len(want))
	for _, c := range [][2]int64{{0, -1}, {0, 0}, {0, 1}, {1, 5}, {n / 2, -1}, {n - 1, 1}, {n - 1, 100}, {n, -1}, {0, n}, {0, n + 10}} {
		r, err := d.Open(t.Context(), c[0], c[1])
		require.NoError(t, err, "%v", c)
		got, err := io.ReadAll(r)
		require.NoError(t, err, "%v", c)
		require.NoError(t, r.Close())
		end := n
		if c[1] >= 0 {
			end = min(n, c[0]+c[1])
		}
		require.Equal(t, want[c[0]:end], string(got), "%v", c)
	}
	for _, offset := range []int64{-1, n + 1} {
		_, err := d.Open(t.Context(), offset, -1)
		require.ErrorIs(t, err, storage.ErrInvalid)
	}
}

// A faulty engine does what hook says, before it opens, counts or hands out a record. The hook is told what, and the how
// many'th it is of the engine's life.
type faulty struct {
	*memsearch.Driver
	hook func(ctx context.Context, what string, n int) error
	// leaves says that the engine keeps a snapshot that was left.
	leaves bool

	mu   sync.Mutex
	done map[string]int
	open int // snapshots
}

func (f *faulty) count(what string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.done[what]
}

func (f *faulty) meet(ctx context.Context, what string) error {
	f.mu.Lock()
	if f.done == nil {
		f.done = map[string]int{}
	}
	f.done[what]++
	n := f.done[what]
	f.mu.Unlock()
	return f.hook(ctx, what, n)
}

func (f *faulty) Snapshot(ctx context.Context, index, token string) (search.Snapshot, error) {
	if err := f.meet(ctx, "open"); err != nil {
		return nil, err
	}
	s, err := f.Driver.Snapshot(ctx, index, token)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open++
	return &faultySnapshot{s, f}, nil
}

type faultySnapshot struct {
	search.Snapshot
	f *faulty
}

func (s *faultySnapshot) Count(ctx context.Context, p *plan.Plan) (int64, error) {
	if err := s.f.meet(ctx, "count"); err != nil {
		return 0, err
	}
	return s.Snapshot.Count(ctx, p)
}

func (s *faultySnapshot) Scan(ctx context.Context, scan *search.Scan) (record.Stream, func() string) {
	records, position := s.Snapshot.Scan(ctx, scan)
	return func(yield func(*record.Record, error) bool) {
		for r, err := range records {
			if err == nil {
				err = s.f.meet(ctx, "record")
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}, position
}

func (s *faultySnapshot) Close() error {
	s.f.mu.Lock()
	s.f.open--
	s.f.mu.Unlock()
	return s.Snapshot.Close()
}

func (s *faultySnapshot) Leave() error {
	if !s.f.leaves {
		return s.Close()
	}
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	s.f.open--
	return nil
}

func (f *faulty) snapshots() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open
}

// A faultyBackend does what hook says before it stores the nth file, or deletes it.
type faultyBackend struct {
	storage.Backend
	hook func(ctx context.Context, what string, n int) error

	mu   sync.Mutex
	done map[string]int
}

func (f *faultyBackend) meet(ctx context.Context, what string) error {
	f.mu.Lock()
	if f.done == nil {
		f.done = map[string]int{}
	}
	f.done[what]++
	n := f.done[what]
	f.mu.Unlock()
	return f.hook(ctx, what, n)
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

// inParts asks for parts of 100 records.
func inParts(format string) *process.Request {
	return &process.Request{Format: format, AsOf: time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC), Options: process.Choices{PartRows: 100}}
}

// undisturbed returns the files of an export of n visits that nothing disturbs.
func undisturbed(t *testing.T, n int, r *process.Request) []process.File {
	t.Helper()
	h := open(t, memory(t, n), nil)
	return h.export(t, asha(), r).Files
}

// Whatever the engine does, what comes in the end is right, or nothing.
func TestEngineFaults(t *testing.T) {
	t.Parallel()
	want := undisturbed(t, 1000, inParts("csv"))
	require.Len(t, want, 10)
	for name, c := range map[string]struct {
		hook func(ctx context.Context, what string, n int) error
		code string // of the failure; empty if it is completed
	}{
		"gone at first":       {at("open", 1, search.ErrUnavailable), ""},
		"gone while counting": {at("count", 1, search.ErrUnavailable), ""},
		"gone at a record":    {at("record", 1, search.ErrUnavailable), ""},
		"gone in the middle":  {at("record", 555, search.ErrUnavailable), ""},
		"429":                 {at("record", 250, search.ErrOverloaded), ""},
		"lost":                {at("record", 777, search.ErrSnapshotLost), ""},
		"lost at the end":     {at("record", 1000, search.ErrSnapshotLost), ""},
		"lost twice": {func(ctx context.Context, what string, n int) error {
			return firstOf(at("record", 500, search.ErrSnapshotLost)(ctx, what, n), at("record", 1400, search.ErrSnapshotLost)(ctx, what, n))
		}, ""},
		"HTML":               {at("record", 400, search.ErrBadAnswer), ""},
		"half of the shards": {at("record", 400, search.ErrPartial), ""},
		"an unknown error":   {at("record", 400, errors.New("boom")), ""},
		"gone for ever":      {always("open", search.ErrUnavailable), "ENGINE_UNAVAILABLE"},
		"429 for ever":       {always("open", search.ErrOverloaded), "ENGINE_OVERLOADED"},
		"lost each time":     {every("record", 150, search.ErrSnapshotLost), "SNAPSHOT_LOST"},
		"refuses":            {always("count", search.ErrUnsupported), "QUERY_REFUSED"},
		"index dropped":      {always("open", search.ErrUnknownIndex), "UNKNOWN_INDEX"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine := &faulty{Driver: memory(t, 1000), hook: c.hook}
			h := open(t, engine, nil)
			p := h.wait(t, asha(), h.begin(t, asha(), inParts("csv")).ID)
			if c.code == "" {
				require.Equal(t, job.Completed, p.Status, "%+v", p.Error)
				require.Equal(t, want, p.Files)
				require.Equal(t, 10, h.stored(t))
				for i := range want {
					_ = h.read(t, asha(), p.ID, i+1)
				}
			} else {
				require.Equal(t, job.Failed, p.Status)
				require.Equal(t, c.code, p.Error.Code)
				require.NotEmpty(t, p.Error.Message)
				require.Empty(t, p.Files)
				require.Zero(t, h.stored(t))
				_, err := h.OpenFile(t.Context(), asha(), p.ID, 1)
				require.ErrorIs(t, err, process.ErrNotReady)
			}
			require.Zero(t, engine.snapshots(), "every snapshot is given back")
			require.Zero(t, h.spooled(t))
		})
	}
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func at(what string, n int, err error) func(context.Context, string, int) error {
	return func(_ context.Context, is string, i int) error {
		if is == what && i == n {
			return fmt.Errorf("faulty: %w", err)
		}
		return nil
	}
}

func every(what string, n int, err error) func(context.Context, string, int) error {
	return func(_ context.Context, is string, i int) error {
		if is == what && i%n == 0 {
			return fmt.Errorf("faulty: %w", err)
		}
		return nil
	}
}

func always(what string, err error) func(context.Context, string, int) error {
	return every(what, 1, err)
}

// Whatever the storage does, what comes in the end is right, or nothing remains.
func TestStorageFaults(t *testing.T) {
	t.Parallel()
	want := undisturbed(t, 1000, inParts("ndjson"))
	for name, c := range map[string]struct {
		hook func(ctx context.Context, what string, n int) error
		code string
	}{
		"gone for a moment":    {at("put", 3, storage.ErrUnavailable), ""},
		"full for a moment":    {at("put", 3, storage.ErrFull), ""},
		"refuses once":         {at("put", 3, storage.ErrAuth), ""},
		"an unknown error":     {at("put", 3, errors.New("boom")), ""},
		"gone for ever":        {always("put", storage.ErrUnavailable), "STORAGE_UNAVAILABLE"},
		"gone after some":      {after("put", 4, storage.ErrUnavailable), "STORAGE_UNAVAILABLE"},
		"full":                 {after("put", 4, storage.ErrFull), "STORAGE_FULL"},
		"400 for everything":   {after("put", 4, storage.ErrInvalid), "INVALID_REQUEST"},
		"another kind of file": {always("put", storage.ErrInvalidFormat), "INVALID_FORMAT"},
		"too large":            {after("put", 4, storage.ErrTooLarge), "FILE_TOO_LARGE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t, memory(t, 1000), func(h *house) {
				backend, err := disk.Open(h.folder, nil)
				require.NoError(t, err)
				t.Cleanup(func() { _ = backend.Close() })
				h.backend = &faultyBackend{Backend: backend, hook: c.hook}
			})
			p := h.wait(t, asha(), h.begin(t, asha(), inParts("ndjson")).ID)
			if c.code == "" {
				require.Equal(t, job.Completed, p.Status, "%+v", p.Error)
				require.Equal(t, want, p.Files)
				require.Equal(t, 10, h.stored(t))
			} else {
				require.Equal(t, job.Failed, p.Status)
				require.Equal(t, c.code, p.Error.Code)
				require.Zero(t, h.stored(t))
			}
			require.Zero(t, h.spooled(t))
		})
	}
}

func after(what string, n int, err error) func(context.Context, string, int) error {
	return func(_ context.Context, is string, i int) error {
		if is == what && i > n {
			return fmt.Errorf("faulty: %w", err)
		}
		return nil
	}
}

// What a storage does not delete now, a later sweep deletes; until then nobody gets it.
func TestDeletionFails(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	broken := true
	h := open(t, memory(t, 300), func(h *house) {
		backend, err := disk.Open(h.folder, nil)
		require.NoError(t, err)
		t.Cleanup(func() { _ = backend.Close() })
		h.backend = &faultyBackend{Backend: backend, hook: func(_ context.Context, what string, n int) error {
			mu.Lock()
			defer mu.Unlock()
			if broken && (what == "delete" || what == "put" && n > 2) {
				return storage.ErrUnavailable
			}
			return nil
		}}
	})
	p := h.wait(t, asha(), h.begin(t, asha(), inParts("csv")).ID)
	require.Equal(t, job.Failed, p.Status)
	require.Empty(t, p.Files)
	require.Equal(t, 2, h.stored(t))
	require.ErrorIs(t, h.Sweep(t.Context()), storage.ErrUnavailable)
	mu.Lock()
	broken = false
	mu.Unlock()
	require.NoError(t, h.Sweep(t.Context()))
	require.Zero(t, h.stored(t))
}

// A spool folder that cannot be written fails the export, and leaves nothing.
func TestSpoolFails(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 300), func(h *house) { h.spool = filepath.Join(h.spool, "missing") })
	p := h.wait(t, asha(), h.begin(t, asha(), inParts("csv")).ID)
	require.Equal(t, job.Failed, p.Status)
	require.Equal(t, "SPOOL_FAILED", p.Error.Code)
	require.Zero(t, h.stored(t))
	require.NoError(t, os.Mkdir(h.spool, 0o700))
	h.export(t, asha(), inParts("csv"))
}

// A cancel in each phase ends the export within two seconds, gives the snapshot back, and leaves nothing.
func TestCancel(t *testing.T) {
	t.Parallel()
	for _, phase := range []string{"waiting", "opening", "counting", "writing", "storing"} {
		t.Run(phase, func(t *testing.T) {
			t.Parallel()
			there := make(chan struct{}, 1)
			block := func(when string, n int) func(context.Context, string, int) error {
				return func(ctx context.Context, what string, i int) error {
					if what != when || i != n {
						return nil
					}
					there <- struct{}{}
					<-ctx.Done()
					return ctx.Err()
				}
			}
			engine := &faulty{Driver: memory(t, 1000), hook: block(map[string]string{"opening": "open", "counting": "count", "writing": "record"}[phase], map[string]int{"writing": 450}[phase]+map[string]int{"opening": 1, "counting": 1}[phase])}
			h := open(t, engine, func(h *house) {
				h.idle = phase == "waiting"
				backend, err := disk.Open(h.folder, nil)
				require.NoError(t, err)
				t.Cleanup(func() { _ = backend.Close() })
				h.backend = &faultyBackend{Backend: backend, hook: block(map[string]string{"storing": "put"}[phase], 3)}
			})
			p := h.begin(t, asha(), inParts("csv"))
			if phase != "waiting" {
				<-there
			}
			begun := time.Now()
			_, err := h.Delete(t.Context(), asha(), p.ID)
			require.NoError(t, err)
			p = h.wait(t, asha(), p.ID)
			require.Less(t, time.Since(begun), 2*time.Second)
			require.Equal(t, job.Cancelled, p.Status)
			require.Empty(t, p.Files)
			require.Zero(t, h.stored(t))
			require.Zero(t, h.spooled(t))
			require.Zero(t, engine.snapshots())
			_, err = h.Delete(t.Context(), asha(), p.ID)
			require.NoError(t, err)
			_, err = h.Get(t.Context(), asha(), p.ID)
			require.ErrorIs(t, err, process.ErrNotFound)
		})
	}
}

// An export beyond a limit fails, and says why.
func TestLimits(t *testing.T) {
	t.Parallel()
	for code, limits := range map[string]process.Limits{"EXPORT_TOO_LARGE": {Bytes: 20_000}, "TOO_MANY_FILES": {Parts: 9}} {
		h := open(t, memory(t, 1000), func(h *house) { h.config.Limits = limits })
		p := h.wait(t, asha(), h.begin(t, asha(), inParts("csv")).ID)
		require.Equal(t, job.Failed, p.Status)
		require.Equal(t, code, p.Error.Code)
		require.Equal(t, 1, p.Attempt)
		require.Zero(t, h.stored(t))
	}
}

// A file that was changed where it lies is not handed out as if it were right.
func TestDamaged(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 100), nil)
	p := h.export(t, asha(), &process.Request{Format: "csv"})
	require.NoError(t, filepath.WalkDir(h.folder, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			var text []byte
			text, err = os.ReadFile(path)
			if err == nil {
				err = os.WriteFile(path, []byte(strings.Replace(string(text), "V000007", "V000008", 1)), 0o600)
			}
		}
		return err
	}))
	d, err := h.OpenFile(t.Context(), asha(), p.ID, 1)
	require.NoError(t, err)
	r, err := d.Open(t.Context(), 0, -1)
	require.NoError(t, err)
	defer r.Close()
	_, err = io.ReadAll(r)
	require.ErrorIs(t, err, process.ErrDamaged)
}

// Who cannot have what was asked for hears which of the choices it is.
func TestChoicesOfAFormat(t *testing.T) {
	t.Parallel()
	f := process.FailureOf(fmt.Errorf("parts: %w: two columns are called %q", export.ErrInvalid, "Age"))
	require.Equal(t, "INVALID_REQUEST", f.Code)
	require.Equal(t, `The format cannot follow the choices: two columns are called "Age".`, f.Message)
}
