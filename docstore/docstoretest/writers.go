package docstoretest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/docstore"
)

// inParallel runs do n times at once, and waits. do must not call t.FailNow.
func inParallel(t testing.TB, n int, do func(t testing.TB, worker int)) {
	t.Helper()
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { do(t, i) })
	}
	group.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// Of several who write the same version, one succeeds.
func testOneWinner(t *testing.T, s *suite) {
	stores := []*docstore.Store{s.open(t), s.open(t)}
	for round := range 20 {
		expect := int64(round % 4)
		id := fmt.Sprint("a", round/4)
		var won, removed atomic.Int64
		inParallel(t, 8, func(t testing.TB, worker int) {
			store := stores[worker%2]
			if expect == 3 && worker%4 == 3 {
				switch err := store.Delete(t.Context(), s.key(id), expect); {
				case err == nil:
					removed.Add(1)
				case !errors.Is(err, docstore.ErrConflict) && !errors.Is(err, docstore.ErrNotFound):
					t.Errorf("delete: %v", err)
				}
				return
			}
			d, err := store.Put(t.Context(), s.document(id, fmt.Sprint("by ", worker)), expect)
			switch {
			case err == nil:
				won.Add(1)
				if d.Version != expect+1 {
					t.Errorf("version %d after %d", d.Version, expect)
				}
			case !errors.Is(err, docstore.ErrConflict):
				t.Errorf("put: %v", err)
			}
		})
		require.EqualValues(t, 1, won.Load()+removed.Load(), "round %d", round)
		got, err := stores[0].Get(t.Context(), s.key(id))
		if removed.Load() == 1 {
			require.ErrorIs(t, err, docstore.ErrNotFound)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, expect+1, got.Version)
	}
}

// A counter that many writers of two stores increase is exact.
func testCounter(t *testing.T, s *suite) {
	const writers, times = 8, 20
	stores := []*docstore.Store{s.open(t), s.open(t)}
	inParallel(t, writers, func(t testing.TB, worker int) {
		for range times {
			_, err := stores[worker%2].Update(t.Context(), s.key("counter"), func(d *docstore.Document) error {
				var body struct {
					N int `json:"n"`
				}
				if d.Version > 0 {
					if err := json.Unmarshal(d.Body, &body); err != nil {
						return err
					}
				}
				d.Body = json.RawMessage(fmt.Sprintf(`{"n":%d}`, body.N+1))
				return nil
			})
			if err != nil {
				t.Errorf("worker %d: %v", worker, err)
				return
			}
		}
	})
	d, err := stores[1].Get(t.Context(), s.key("counter"))
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf(`{"n":%d}`, writers*times), string(d.Body))
	require.EqualValues(t, writers*times, d.Version)
}

// What one handle has written the other one reads, at once and everywhere.
func testReadYourOwnWrite(t *testing.T, s *suite) {
	a, b := s.open(t), s.open(t)
	ctx := t.Context()
	for i := range 15 {
		id, label := fmt.Sprint("x", i), fmt.Sprint("n:", i)
		want := s.make(t, a, s.document(id, "first", label))
		sees := func(store *docstore.Store, want ...*docstore.Document) {
			t.Helper()
			for _, order := range []docstore.Order{docstore.ByID, docstore.ByName, docstore.ByChange} {
				page, err := store.List(ctx, &docstore.Query{Tenant: "pb", Kind: s.kind, Any: []string{label}, Order: order})
				require.NoError(t, err)
				require.Equal(t, want, page)
			}
		}
		got, err := b.Get(ctx, want.Key)
		require.NoError(t, err)
		require.Equal(t, want, got)
		sees(b, want)
		want, err = b.Put(ctx, s.document(id, "second", label), 1)
		require.NoError(t, err)
		sees(a, want)
		sees(b, want)
		require.NoError(t, a.Delete(ctx, want.Key, 2))
		sees(b, []*docstore.Document(nil)...)
		_, err = b.Get(ctx, want.Key)
		require.ErrorIs(t, err, docstore.ErrNotFound)
	}
}

// Who polls the order of changes while others write misses nothing.
func testChanges(t *testing.T, s *suite) {
	const writers, each = 8, 40
	stores := []*docstore.Store{s.open(t), s.open(t)}
	reader := s.open(t)
	over := make(chan struct{})
	seen := map[string]*docstore.Document{}
	after := &docstore.Cursor{}
	poll := func() (int, error) {
		page, err := reader.List(t.Context(), &docstore.Query{AllTenants: true, Kind: s.kind, Order: docstore.ByChange, After: after})
		for _, d := range page {
			if d.Change <= after.Change {
				return 0, fmt.Errorf("change %d after %d", d.Change, after.Change)
			}
			after, seen[d.ID] = d.Cursor(), d
		}
		return len(page), err
	}
	polled := make(chan error, 1)
	go func() {
		for {
			if _, err := poll(); err != nil {
				polled <- err
				return
			}
			select {
			case <-over:
				polled <- nil
				return
			default:
			}
		}
	}()
	last := make([]map[string]int64, writers)
	inParallel(t, writers, func(t testing.TB, worker int) {
		random := rand.New(rand.NewPCG(uint64(worker), 7))
		last[worker] = map[string]int64{}
		for range each {
			d := s.document(fmt.Sprintf("w%d-%d", worker, random.IntN(5)), "")
			d.Tenant = fmt.Sprint("t", worker%3)
			stored, err := stores[worker%2].Put(t.Context(), d, last[worker][d.ID])
			if err != nil {
				t.Errorf("worker %d: %v", worker, err)
				return
			}
			last[worker][d.ID] = stored.Version
		}
	})
	close(over)
	require.NoError(t, <-polled)
	for more := 1; more > 0; {
		var err error
		more, err = poll()
		require.NoError(t, err)
	}
	for worker := range last {
		for id, version := range last[worker] {
			require.NotNil(t, seen[id], "%s was missed", id)
			require.Equal(t, version, seen[id].Version, "the last change of %s was missed", id)
		}
	}
}

// When the context has ended, so has the work, and nothing is written.
func testContext(t *testing.T, s *suite) {
	store := s.open(t)
	made := s.make(t, store, s.document("a", "a"))
	driver := s.Open(t, s.address)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	late, stop := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer stop()
	for want, ctx := range map[error]context.Context{context.Canceled: ctx, context.DeadlineExceeded: late} {
		_, err := driver.Get(ctx, made.Key)
		require.ErrorIs(t, err, want)
		_, err = driver.Put(ctx, s.document("b", "b"), 0)
		require.ErrorIs(t, err, want)
		_, err = driver.Put(ctx, s.document("a", "b"), 1)
		require.ErrorIs(t, err, want)
		require.ErrorIs(t, driver.Delete(ctx, made.Key, 1), want)
		_, err = driver.List(ctx, &docstore.Query{Tenant: "pb", Kind: s.kind, Limit: 10})
		require.ErrorIs(t, err, want)
	}
	require.Equal(t, []*docstore.Document{made}, all(t, store, &docstore.Query{Tenant: "pb", Kind: s.kind}))
}

// Writers whose time runs out leave the old or the new document, whole, and a store that works.
func testHastyWriters(t *testing.T, s *suite) {
	store := s.open(t)
	current := s.make(t, store, s.document("a", "1", "v:1"))
	kept := 0
	for i := range 100 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i*i)*time.Microsecond)
		next := fmt.Sprint(current.Version + 1)
		d := s.document("a", next, "v:"+next)
		stored, err := store.Put(ctx, d, current.Version)
		cancel()
		if err != nil {
			require.True(t, errors.Is(err, context.DeadlineExceeded) || errors.Is(err, docstore.ErrUnavailable), "%v", err)
		} else {
			kept++
		}
		// What was sent may arrive after its sender has gone.
		got, err := store.Get(t.Context(), d.Key)
		require.NoError(t, err)
		require.Contains(t, []int64{current.Version, current.Version + 1}, got.Version)
		if stored != nil {
			require.Equal(t, stored, got)
		}
		require.Equal(t, fmt.Sprint(got.Version), got.Name)
		require.Equal(t, []string{"v:" + got.Name}, got.Labels)
		if current, err = store.Update(t.Context(), d.Key, func(d *docstore.Document) error {
			next := fmt.Sprint(d.Version + 1)
			d.Name, d.Labels = next, []string{"v:" + next}
			return nil
		}); err != nil {
			require.NoError(t, err)
		}
	}
	t.Logf("%d of 100 hasty writers were in time", kept)
	found := all(t, store, &docstore.Query{Tenant: "pb", Kind: s.kind, Any: []string{"v:" + current.Name}})
	require.Equal(t, []*docstore.Document{current}, found)
}
