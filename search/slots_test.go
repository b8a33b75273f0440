package search_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/memsearch"
)

// A slotted driver has few connections: a question, a view and an unfinished scan hold one each.
// Who asks for one when there is none left is refused, where a real one would be kept waiting.
type slotted struct {
	*memsearch.Driver
	slots chan struct{}
	wait  bool // until one is given back

	mu   sync.Mutex
	most int // that were taken at once
}

func newSlotted(n int) *slotted {
	return &slotted{Driver: memsearch.New(), slots: make(chan struct{}, n)}
}

func (d *slotted) take(ctx context.Context) error {
	if !d.wait {
		select {
		case d.slots <- struct{}{}:
		default:
			return fmt.Errorf("%w: all %d are taken", search.ErrOverloaded, cap(d.slots))
		}
	} else {
		select {
		case d.slots <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.most = max(d.most, len(d.slots))
	return nil
}

func (d *slotted) give() { <-d.slots }

func (d *slotted) Read(ctx context.Context, r *search.Read) record.Stream {
	return func(yield func(*record.Record, error) bool) {
		if err := d.take(ctx); err != nil {
			yield(nil, err)
			return
		}
		defer d.give()
		d.Driver.Read(ctx, r)(yield)
	}
}

func (d *slotted) Snapshots(ctx context.Context, indexes, tokens []string) ([]search.Snapshot, error) {
	if err := d.take(ctx); err != nil {
		return nil, err
	}
	var all []search.Snapshot
	shared := &slottedView{d: d, left: len(indexes)}
	for i, index := range indexes {
		s, err := d.Snapshot(ctx, index, tokens[i])
		if err != nil {
			return nil, err
		}
		all = append(all, &slottedSnapshot{Snapshot: s, view: shared})
	}
	return all, nil
}

type slottedView struct {
	d    *slotted
	left int
}

type slottedSnapshot struct {
	search.Snapshot
	view *slottedView
}

func (s *slottedSnapshot) Close() error {
	if s.view.left--; s.view.left == 0 {
		s.view.d.give()
	}
	return s.Snapshot.Close()
}

func (s *slottedSnapshot) Scan(ctx context.Context, scan *search.Scan) (record.Stream, func() string) {
	records, position := s.Snapshot.Scan(ctx, scan)
	turns := scan.Turns
	if turns == nil {
		turns = new(any)
	}
	return func(yield func(*record.Record, error) bool) {
		n, _ := (*turns).(int)
		if n == 0 {
			if err := s.view.d.take(ctx); err != nil {
				yield(nil, err)
				return
			}
		}
		*turns = n + 1
		defer func() {
			n, _ := (*turns).(int)
			if *turns = n - 1; n == 1 {
				s.view.d.give()
			}
		}()
		records(yield)
	}, position
}

// manyIndexes fills 40 indexes with 60 records each.
func manyIndexes(t testing.TB, d search.Loader) {
	for i := range 40 {
		var docs []string
		for n := range 60 {
			docs = append(docs, fmt.Sprintf(`{"_id": "r%d-%d", "_source": {"district": %q, "age": %d, "role": "r%d"}}`, i, n, districts[n%4], (n*37+i)%101, n%5))
		}
		fill(t, d, fmt.Sprintf("ward%02d", i), staffMapping, docs)
	}
}

// Pages and scans of more indexes than the engine has connections end, with the same records
// in the same order as where there is no limit.
func TestMoreIndexesThanConnections(t *testing.T) {
	t.Parallel()
	d := newSlotted(4)
	d.wait = true
	manyIndexes(t, d)
	x, err := search.New(d, newPolicy(t), nil)
	require.NoError(t, err)
	free, err := search.New(d.Driver, newPolicy(t), &search.Options{PageSize: 5000})
	require.NoError(t, err)
	for _, text := range []string{"", "ORDER BY age DESC, role", "age < 50 ORDER BY role, district DESC"} {
		q := ask(text, "*")
		whole, err := free.Page(t.Context(), admin, q, &search.PageOptions{MaxResults: 5000})
		require.NoError(t, err)
		want := ids(whole.Records)
		require.Equal(t, want, ids(pages(t, x, admin, q, 700)))
		page, err := x.Page(t.Context(), admin, q, &search.PageOptions{StartAt: 500, MaxResults: 600})
		require.NoError(t, err)
		require.Equal(t, ids(whole.Records[500:1100]), ids(page.Records))
		require.Equal(t, int64(len(whole.Records)), page.Total)
		s := scan(t, x, admin, q, &search.ScanOptions{Ordered: true})
		require.Equal(t, want, strings.Join(read(t, s.Slice(0).Records(t.Context()), -1), " "))
		require.Len(t, read(t, s.Slice(0).Records(t.Context()), 7), 7)
		require.NoError(t, s.Close())
		require.Empty(t, d.slots, "all are given back")
	}
	require.LessOrEqual(t, d.most, 4)
}

// A page whose engine refuses one of the reads says so, and leaves nothing open.
func TestPageOfAnOverloadedEngine(t *testing.T) {
	t.Parallel()
	d := newSlotted(2)
	manyIndexes(t, d)
	require.NoError(t, d.take(t.Context()))
	require.NoError(t, d.take(t.Context()))
	x, err := search.New(d, newPolicy(t), nil)
	require.NoError(t, err)
	_, err = x.Page(t.Context(), admin, ask("", "*"), &search.PageOptions{CountUpTo: -1})
	require.ErrorIs(t, err, search.ErrOverloaded)
	_, err = x.Scan(t.Context(), admin, ask("", "*"), &search.ScanOptions{Ordered: true})
	require.ErrorIs(t, err, search.ErrOverloaded)
	d.give()
	s := scan(t, x, admin, ask("", "*"), &search.ScanOptions{Ordered: true})
	var failed error
	for r, err := range s.Slice(0).Records(t.Context()) {
		require.Nil(t, r)
		failed = err
	}
	require.ErrorIs(t, failed, search.ErrOverloaded)
	require.Len(t, d.slots, 2)
}
