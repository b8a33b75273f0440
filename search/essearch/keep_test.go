package essearch

import (
	"context"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// A ticker is a clock that goes on when told, and knows who waits for it.
type ticker struct {
	ticks   chan struct{}
	mu      sync.Mutex
	now     time.Time
	waiting int
	every   time.Duration
}

func newTicker() *ticker { return &ticker{ticks: make(chan struct{}), now: time.Unix(1000, 0)} }

func (k *ticker) clock() clock {
	return clock{now: func() time.Time {
		k.mu.Lock()
		defer k.mu.Unlock()
		return k.now
	}, tick: func(ctx context.Context, d time.Duration) error {
		k.wait(1, d)
		defer k.wait(-1, d)
		select {
		case <-k.ticks:
			return ctx.Err()
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
}

func (k *ticker) wait(n int, d time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.waiting += n
	k.every = d
}

// pass lets some time pass, and returns when what happens then has happened.
func (k *ticker) pass(d time.Duration) {
	k.mu.Lock()
	k.now = k.now.Add(d)
	k.mu.Unlock()
	k.ticks <- struct{}{} // one ends to wait, and does what it does
	k.mu.Lock()
	k.now = k.now.Add(-1)
	k.mu.Unlock()
	k.ticks <- struct{}{} // it waits again, and has nothing to do
}

func (k *ticker) watchers() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.waiting
}

// renewals returns the bodies of the searches that only keep a point in time alive.
func (f *fake) renewals() (bodies []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, body := range f.bodies {
		if strings.HasPrefix(body, `{"size":0,`) {
			bodies = append(bodies, body)
		}
	}
	return bodies
}

// TestKeptAlive holds that a snapshot is kept alive before it is read and while a page of it is held,
// under the latest id, and that nothing goes on once it is closed.
func TestKeptAlive(t *testing.T) {
	t.Parallel()
	f, k := &fake{docs: 3000}, newTicker()
	d := f.driver(t, Options{KeepAlive: time.Minute, clock: k.clock()})
	s, err := d.snapshot(t.Context(), "visits", "")
	require.NoError(t, err)
	k.pass(time.Minute)
	require.Len(t, f.renewals(), 1)
	require.Equal(t, 20*time.Second, k.every)
	require.Contains(t, f.renewals()[0], `"pit":{"id":"pit-0","keep_alive":"60s"}`)
	require.Equal(t, "pit-1", s.Token(), "the id that the renewal gave")

	records, _ := s.Scan(t.Context(), &search.Scan{Plan: f.all(t), Columns: f.columns(t)})
	n := 0
	for _, err := range records {
		require.NoError(t, err)
		if n++; n == 1500 {
			k.pass(time.Second)
			require.Len(t, f.renewals(), 1, "a page has just renewed it")
			k.pass(30 * time.Second)
			k.pass(30 * time.Second)
			require.Len(t, f.renewals(), 3)
		}
	}
	require.Equal(t, 3000, n)
	require.NoError(t, s.Close())
	require.Zero(t, k.watchers())
	require.NoError(t, s.Close())
	require.Equal(t, 1, len(f.closed))
	require.Contains(t, f.closed[0], s.Token())
}

// TestKeptAliveAgain holds that a snapshot which is opened again by its token is kept alive, too.
func TestKeptAliveAgain(t *testing.T) {
	t.Parallel()
	f, k := &fake{docs: 3}, newTicker()
	d := f.driver(t, Options{clock: k.clock()})
	s, err := d.snapshot(t.Context(), "visits", "a-token")
	require.NoError(t, err)
	k.pass(100 * time.Second)
	require.Len(t, f.renewals(), 2, "one to open it, one to keep it")
	require.NoError(t, s.Close())
	require.Zero(t, k.watchers())
}

// TestKeepingEnds holds that after every kind of end nobody keeps anything alive: of a snapshot that was
// lost, of one whose renewal hangs, of reads that are left, cancelled or fail.
func TestKeepingEnds(t *testing.T) {
	t.Parallel()
	f, k := &fake{docs: 3000}, newTicker()
	d := f.driver(t, Options{clock: k.clock()})
	f.fault = func(int, *http.Request) (*http.Response, error) { return reply(404, lost), nil }
	s, err := d.snapshot(t.Context(), "visits", "")
	require.NoError(t, err)
	k.mu.Lock()
	k.now = k.now.Add(time.Hour)
	k.mu.Unlock()
	k.ticks <- struct{}{}
	<-s.point.kept
	require.NoError(t, s.Close())

	hanging := make(chan struct{})
	free := &fake{docs: 3}
	d, err = Open(t.Context(), transportFunc(func(r *http.Request) (*http.Response, error) {
		if r.URL.Path == "/_search" {
			close(hanging)
			<-r.Context().Done()
			return nil, r.Context().Err()
		}
		return free.Perform(r)
	}), &Options{clock: k.clock()})
	require.NoError(t, err)
	s, err = d.snapshot(t.Context(), "visits", "")
	require.NoError(t, err)
	k.mu.Lock()
	k.now = k.now.Add(time.Hour)
	k.mu.Unlock()
	k.ticks <- struct{}{}
	<-hanging
	require.NoError(t, s.Close())
	require.Zero(t, k.watchers())

	// without a key that the engine orders by, a read has a point in time of its own
	f = &fake{docs: 3000, mapping: `{"properties":{"age":{"type":"integer"},"district":{"type":"keyword"}}}`}
	d = f.driver(t, Options{clock: k.clock()})
	read := &search.Read{Plan: f.all(t), Columns: f.columns(t)}
	for range d.Read(t.Context(), read) {
		break
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range d.Read(ctx, read) {
		cancel()
	}
	f.fault = func(int, *http.Request) (*http.Response, error) { return reply(404, lost), nil }
	_, err = drain(d.Read(t.Context(), read))
	require.Error(t, err)
	opened, closed := f.counts()
	require.Positive(t, opened)
	require.Equal(t, opened, closed)
	require.Zero(t, k.watchers())
}

// TestForgottenSnapshot holds that one which nobody has any more and nobody closed is not kept alive.
func TestForgottenSnapshot(t *testing.T) {
	t.Parallel()
	f, k := &fake{docs: 3}, newTicker()
	kept := func() chan struct{} {
		s, err := f.driver(t, Options{clock: k.clock()}).snapshot(t.Context(), "visits", "")
		require.NoError(t, err)
		var records record.Stream
		records, _ = s.Scan(t.Context(), &search.Scan{Plan: f.all(t), Columns: f.columns(t)})
		_, err = drain(records)
		require.NoError(t, err)
		return s.point.kept
	}()
	require.Eventually(t, func() bool {
		runtime.GC()
		select {
		case <-kept:
			return true
		default:
			return false
		}
	}, 10*time.Second, 10*time.Millisecond)
}
