package audit_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/audit"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/memdoc"
	"github.com/digit-health/dhr/docstore/sqldoc"
)

var start = time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)

// ticking returns a clock that goes on by a minute whenever it is asked.
func ticking() func() time.Time {
	var n atomic.Int64
	return func() time.Time { return start.Add(time.Duration(n.Add(1)-1) * time.Minute) }
}

func open(t testing.TB, d docstore.Driver) *audit.Log {
	l := audit.Open(docstore.New(d), &audit.Options{Now: ticking()})
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func appendTo(t testing.TB, l *audit.Log, e audit.Entry) audit.Entry {
	t.Helper()
	stored, err := l.Append(t.Context(), e)
	require.NoError(t, err)
	return stored
}

// The chain is the same whenever the same happens at the same times.
func TestChain(t *testing.T) {
	t.Parallel()
	l := open(t, memdoc.New())
	first := appendTo(t, l, audit.Entry{Tenant: "pb", User: "amara", Action: "query.run", Object: "visits", Address: "10.0.0.1", Count: 5, Detail: map[string]string{"b": "2", "a": "<1>"}})
	require.Equal(t, audit.Entry{
		Seq: 1, Time: start, Tenant: "pb", User: "amara", Action: "query.run", Object: "visits", Address: "10.0.0.1", Count: 5, Detail: map[string]string{"b": "2", "a": "<1>"},
		Prev: strings.Repeat("0", 64), Hash: "3d23e517e02fbbe0b169249d68176159b7ad858de0302b187426204c058d6766",
	}, first)
	second := appendTo(t, l, audit.Entry{Tenant: "ka", Action: "auth.failure"})
	require.Equal(t, audit.Entry{Seq: 2, Time: start.Add(time.Minute), Tenant: "ka", Action: "auth.failure", Prev: first.Hash, Hash: "c02a66e80f43ee49ac888883db6d07d5cf89afe24b91c3e9235464565518ed9b"}, second)

	found, err := l.List(t.Context(), &audit.Query{Tenant: "pb"})
	require.NoError(t, err)
	require.Equal(t, []audit.Entry{first}, found)
	head, err := l.Head(t.Context())
	require.NoError(t, err)
	require.Equal(t, audit.Head{Seq: 2, Hash: second.Hash}, head)
	require.NoError(t, l.Close())
	report, err := l.Verify(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, &audit.Report{Entries: 2, Last: head, Noted: head}, report)
}

func TestEmptyChain(t *testing.T) {
	t.Parallel()
	l := open(t, memdoc.New())
	report, err := l.Verify(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, &audit.Report{Last: audit.Head{Hash: strings.Repeat("0", 64)}}, report)
	found, err := l.List(t.Context(), &audit.Query{Tenant: "pb"})
	require.NoError(t, err)
	require.Empty(t, found)
	head, err := l.Head(t.Context())
	require.NoError(t, err)
	require.Zero(t, head.Seq)
	require.NoError(t, l.Close())
}

// Many who append to several logs of one store make one chain, with every entry once.
func TestOneChain(t *testing.T) {
	t.Parallel()
	for name, opened := range map[string]func(t *testing.T) func() docstore.Driver{
		"memory": func(*testing.T) func() docstore.Driver {
			d := memdoc.New()
			return func() docstore.Driver { return d }
		},
		"sqlite": func(t *testing.T) func() docstore.Driver {
			dir := t.TempDir()
			return func() docstore.Driver {
				d, err := sqldoc.Open(t.Context(), filepath.Join(dir, "config.sqlite"), nil)
				require.NoError(t, err)
				t.Cleanup(func() { require.NoError(t, d.Close()) })
				return d
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			another := opened(t)
			logs := []*audit.Log{open(t, another()), open(t, another()), open(t, another())}
			const workers, each = 24, 20
			var group sync.WaitGroup
			var mu sync.Mutex
			bySeq := map[int64]audit.Entry{}
			for w := range workers {
				group.Go(func() {
					for i := range each {
						e, err := logs[w%3].Append(t.Context(), audit.Entry{Tenant: fmt.Sprint("t", w%2), User: fmt.Sprint("u", w), Action: "query.run", Count: int64(i)})
						if err != nil {
							t.Errorf("worker %d: %v", w, err)
							return
						}
						mu.Lock()
						bySeq[e.Seq] = e
						mu.Unlock()
					}
				})
			}
			group.Wait()
			require.Len(t, bySeq, workers*each)
			for _, l := range logs {
				require.NoError(t, l.Close())
			}
			report, err := open(t, another()).Verify(t.Context(), nil)
			require.NoError(t, err)
			require.Nil(t, report.Break)
			require.EqualValues(t, workers*each, report.Entries)
			require.Equal(t, report.Last, report.Noted)
			for w := range workers {
				found, err := logs[0].List(t.Context(), &audit.Query{Tenant: fmt.Sprint("t", w%2), User: fmt.Sprint("u", w)})
				require.NoError(t, err)
				require.Len(t, found, each)
				for i, e := range found {
					require.EqualValues(t, each-1-i, e.Count, "one's own entries are in the order of their appending")
					require.Equal(t, bySeq[e.Seq], e)
				}
			}
		})
	}
}

// A listing gives what a naive reading of the chain gives.
func TestList(t *testing.T) {
	t.Parallel()
	d := memdoc.New()
	var n atomic.Int64
	l := audit.Open(docstore.New(d), &audit.Options{Now: func() time.Time {
		i := n.Add(1) - 1
		return start.Add(time.Duration(i)*5*time.Hour - time.Duration(i%3)*7*time.Hour) // clocks differ
	}})
	var chain []audit.Entry
	for i := range 150 {
		chain = append(chain, appendTo(t, l, audit.Entry{
			Tenant: []string{"pb", "ka", "pb"}[i%3], User: []string{"amara", "ravi", "", "mei"}[i%4], Action: []string{"query.run", "export.run"}[i%5/4],
		}))
	}
	require.NoError(t, l.Close())
	times := []time.Time{{}, start.Add(-time.Hour), start.Add(99 * time.Hour), start.Add(101 * time.Hour).In(time.FixedZone("", 5*3600+1800)), start.AddDate(0, 0, 20), start.AddDate(2, 0, 0)}
	asked := 0
	for _, tenant := range []string{"pb", "ka", "p"} {
		for _, user := range []string{"", "amara", "nobody"} {
			for _, action := range []string{"", "export.run"} {
				for _, from := range times {
					for _, to := range times {
						for _, limit := range []int{3, 1000} {
							q := &audit.Query{Tenant: tenant, User: user, Action: action, From: from, To: to, Limit: limit}
							require.Equal(t, naive(chain, q), pages(t, l, q), "%+v", q)
							asked++
						}
					}
				}
			}
		}
	}
	require.Greater(t, asked, 1000)
}

// pages returns all entries of a query, page by page.
func pages(t *testing.T, l *audit.Log, q *audit.Query) []audit.Entry {
	all := []audit.Entry{}
	for q.After = 0; ; {
		page, err := l.List(t.Context(), q)
		require.NoError(t, err)
		all = append(all, page...)
		if len(page) < q.Limit {
			return all
		}
		q.After = page[len(page)-1].Seq
	}
}

func naive(chain []audit.Entry, q *audit.Query) []audit.Entry {
	found := []audit.Entry{}
	for i := len(chain) - 1; i >= 0; i-- {
		e := chain[i]
		if e.Tenant == q.Tenant && (q.User == "" || q.User == e.User) && (q.Action == "" || q.Action == e.Action) &&
			(q.From.IsZero() || !e.Time.Before(q.From)) && (q.To.IsZero() || e.Time.Before(q.To)) {
			found = append(found, e)
		}
	}
	return found
}

func TestBadInputIsRefused(t *testing.T) {
	t.Parallel()
	l := open(t, memdoc.New())
	many := map[string]string{}
	for i := range 17 {
		many[fmt.Sprint(i)] = ""
	}
	good := audit.Entry{Tenant: "pb", Action: "query.run"}
	for name, spoil := range map[string]func(e *audit.Entry){
		"no tenant":       func(e *audit.Entry) { e.Tenant = "" },
		"no action":       func(e *audit.Entry) { e.Action = "" },
		"capitals":        func(e *audit.Entry) { e.Action = "Query" },
		"a dot last":      func(e *audit.Entry) { e.Action = "query." },
		"a dot first":     func(e *audit.Entry) { e.Action = ".query" },
		"two dots":        func(e *audit.Entry) { e.Action = "a..b" },
		"a blank":         func(e *audit.Entry) { e.Action = "query run" },
		"a long action":   func(e *audit.Entry) { e.Action = strings.Repeat("a", 65) },
		"a long tenant":   func(e *audit.Entry) { e.Tenant = strings.Repeat("a", 101) },
		"a long user":     func(e *audit.Entry) { e.User = strings.Repeat("a", 201) },
		"a long object":   func(e *audit.Entry) { e.Object = strings.Repeat("a", 301) },
		"a long address":  func(e *audit.Entry) { e.Address = strings.Repeat("a", 101) },
		"not UTF-8":       func(e *audit.Entry) { e.User = "\xff" },
		"a line":          func(e *audit.Entry) { e.Object = "a\nb" },
		"a bad count":     func(e *audit.Entry) { e.Count = -1 },
		"many details":    func(e *audit.Entry) { e.Detail = many },
		"a nameless":      func(e *audit.Entry) { e.Detail = map[string]string{"": "x"} },
		"a long detail":   func(e *audit.Entry) { e.Detail = map[string]string{"x": strings.Repeat("a", 501)} },
		"a detail of NUL": func(e *audit.Entry) { e.Detail = map[string]string{"x": "\x00"} },
	} {
		e := good
		spoil(&e)
		_, err := l.Append(t.Context(), e)
		require.ErrorIs(t, err, audit.ErrInvalid, name)
	}
	for name, q := range map[string]*audit.Query{
		"nil":              nil,
		"no tenant":        {},
		"a bad action":     {Tenant: "pb", Action: "*"},
		"a bad user":       {Tenant: "pb", User: "\x00"},
		"a negative after": {Tenant: "pb", After: -1},
		"a negative limit": {Tenant: "pb", Limit: -1},
		"a great limit":    {Tenant: "pb", Limit: 1001},
	} {
		_, err := l.List(t.Context(), q)
		require.ErrorIs(t, err, audit.ErrInvalid, name)
	}
	report, err := l.Verify(t.Context(), nil)
	require.NoError(t, err)
	require.Zero(t, report.Entries)
}

// The largest entries, of characters that JSON writes as two, are stored, in as many blocks as that takes.
func TestLargestEntries(t *testing.T) {
	t.Parallel()
	l := open(t, memdoc.New())
	e := audit.Entry{
		Tenant: strings.Repeat(`"`, 100), User: strings.Repeat(`\`, 200), Action: strings.Repeat("a", 64), Object: strings.Repeat("\u2028", 100),
		Address: strings.Repeat(`"`, 100), Count: math.MaxInt64, Detail: map[string]string{},
	}
	for i := range 16 {
		e.Detail[fmt.Sprintf("%02d", i)+strings.Repeat(`"`, 62)] = strings.Repeat(`"`, 500)
	}
	var group sync.WaitGroup
	for range 90 {
		group.Go(func() {
			if _, err := l.Append(t.Context(), e); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	require.NoError(t, l.Close())
	report, err := l.Verify(t.Context(), nil)
	require.NoError(t, err)
	require.Nil(t, report.Break)
	require.EqualValues(t, 90, report.Entries)
	found, err := l.List(t.Context(), &audit.Query{Tenant: e.Tenant, User: e.User, Limit: 1000})
	require.NoError(t, err)
	require.Len(t, found, 90)
}

// Close waits for what was begun, and refuses what comes later.
func TestClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &slow{Driver: memdoc.New(), gate: make(chan struct{})}
		l := audit.Open(docstore.New(s), nil)
		appended, closed := make(chan error, 1), make(chan error, 1)
		go func() {
			_, err := l.Append(t.Context(), audit.Entry{Tenant: "pb", Action: "a"})
			appended <- err
		}()
		synctest.Wait()
		go func() { closed <- l.Close() }()
		synctest.Wait()
		_, err := l.Append(t.Context(), audit.Entry{Tenant: "pb", Action: "a"})
		require.ErrorIs(t, err, audit.ErrClosed)
		require.Empty(t, closed, "the block is not yet stored")
		close(s.gate)
		require.NoError(t, <-closed)
		require.NoError(t, <-appended)
		require.NoError(t, l.Close(), "twice")
		report, err := l.Verify(t.Context(), nil)
		require.NoError(t, err)
		require.EqualValues(t, 1, report.Entries)
		require.Equal(t, report.Last, report.Noted)
	})
}

// slow is a store that takes documents once its gate is open.
type slow struct {
	docstore.Driver
	gate chan struct{}
}

func (s *slow) Put(ctx context.Context, d *docstore.Document, expect int64) (*docstore.Document, error) {
	select {
	case <-s.gate:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return s.Driver.Put(ctx, d, expect)
}

// Who does not wait any longer is told so, and the others' entries are stored.
func TestContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &slow{Driver: memdoc.New(), gate: make(chan struct{})}
		l := audit.Open(docstore.New(s), nil)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := l.Append(ended, audit.Entry{Tenant: "pb", Action: "ended"})
		require.ErrorIs(t, err, context.Canceled)

		first := make(chan error, 1)
		go func() {
			_, err := l.Append(t.Context(), audit.Entry{Tenant: "pb", Action: "first"})
			first <- err
		}()
		synctest.Wait()
		hasty, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		_, err = l.Append(hasty, audit.Entry{Tenant: "pb", Action: "hasty"})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		close(s.gate)
		require.NoError(t, <-first)
		require.EqualValues(t, 2, appendTo(t, l, audit.Entry{Tenant: "pb", Action: "last"}).Seq)
		require.NoError(t, l.Close())
		report, err := l.Verify(t.Context(), nil)
		require.NoError(t, err)
		require.Nil(t, report.Break)
		require.EqualValues(t, 2, report.Entries)
	})
}

// A store that never answers fails those who wait, and the log goes on.
func TestTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &slow{Driver: memdoc.New(), gate: make(chan struct{})}
		l := audit.Open(docstore.New(s), &audit.Options{Timeout: time.Minute})
		_, err := l.Append(t.Context(), audit.Entry{Tenant: "pb", Action: "a"})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		close(s.gate)
		require.EqualValues(t, 1, appendTo(t, l, audit.Entry{Tenant: "pb", Action: "b"}).Seq)
		require.NoError(t, l.Close())
	})
}

// failing is a store that fails as it is told.
type failing struct {
	docstore.Driver
	mu            sync.Mutex
	before, after error // of putting
}

func (f *failing) fail(before, after error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before, f.after = before, after
}

func (f *failing) Put(ctx context.Context, d *docstore.Document, expect int64) (*docstore.Document, error) {
	f.mu.Lock()
	before, after := f.before, f.after
	f.mu.Unlock()
	if before != nil {
		return nil, before
	}
	stored, err := f.Driver.Put(ctx, d, expect)
	return stored, errors.Join(err, after)
}

// A store that fails, having stored or not, breaks no chain.
func TestFaults(t *testing.T) {
	t.Parallel()
	f := &failing{Driver: memdoc.New()}
	l := open(t, f)
	appendTo(t, l, audit.Entry{Tenant: "pb", Action: "a"})
	f.fail(docstore.ErrUnavailable, nil)
	_, err := l.Append(t.Context(), audit.Entry{Tenant: "pb", Action: "b"})
	require.ErrorIs(t, err, docstore.ErrUnavailable)
	f.fail(nil, docstore.ErrUnavailable)
	_, err = l.Append(t.Context(), audit.Entry{Tenant: "pb", Action: "c"})
	require.ErrorIs(t, err, docstore.ErrUnavailable)
	f.fail(nil, nil)
	e := appendTo(t, l, audit.Entry{Tenant: "pb", Action: "d"})
	require.EqualValues(t, 3, e.Seq, "c is stored, though nobody was told")
	require.NoError(t, l.Close())
	report, err := l.Verify(t.Context(), nil)
	require.NoError(t, err)
	require.Nil(t, report.Break)
	require.Equal(t, report.Last, report.Noted)
}

// counting is a store that counts what is written, by kind.
type counting struct {
	docstore.Driver
	mu  sync.Mutex
	put map[string]int
}

func (c *counting) Put(ctx context.Context, d *docstore.Document, expect int64) (*docstore.Document, error) {
	c.mu.Lock()
	c.put[d.Kind]++
	c.mu.Unlock()
	return c.Driver.Put(ctx, d, expect)
}

// Many blocks that follow each other at once share the notes of their end, of which the last is there in the end.
func TestEndIsNotedNowAndThen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &counting{Driver: memdoc.New(), put: map[string]int{}}
		l := audit.Open(docstore.New(s), nil)
		const blocks = 50
		begun := time.Now()
		for range blocks {
			appendTo(t, l, audit.Entry{Tenant: "pb", Action: "query.run"})
			synctest.Wait()
		}
		require.Zero(t, time.Since(begun), "no entry waits for a note")
		report, err := l.Verify(t.Context(), nil)
		require.NoError(t, err)
		require.EqualValues(t, blocks, report.Entries)
		require.EqualValues(t, 1, report.Noted.Seq, "the first at once")

		<-time.After(time.Second)
		synctest.Wait()
		report, err = l.Verify(t.Context(), nil)
		require.NoError(t, err)
		require.Nil(t, report.Break)
		require.Equal(t, report.Last, report.Noted)
		require.Equal(t, map[string]int{"audit": blocks, "audit-head": 2}, s.put)

		appendTo(t, l, audit.Entry{Tenant: "pb", Action: "query.run"})
		appendTo(t, l, audit.Entry{Tenant: "pb", Action: "query.run"})
		require.NoError(t, l.Close())
		require.Less(t, time.Since(begun), 1200*time.Millisecond, "closing does not wait for the pause")
		report, err = l.Verify(t.Context(), nil)
		require.NoError(t, err)
		require.EqualValues(t, blocks+2, report.Entries)
		require.Equal(t, report.Last, report.Noted)
	})
}
