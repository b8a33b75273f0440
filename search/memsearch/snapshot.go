package memsearch

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/exact"
)

// Snapshot implements [search.Driver]. A snapshot can be opened again in this
// process, as long as nobody has closed it. One that is never closed keeps its
// documents in memory.
func (d *Driver) Snapshot(_ context.Context, name, token string) (search.Snapshot, error) {
	if token != "" {
		d.mu.Lock()
		defer d.mu.Unlock()
		v := d.snapshots[token]
		if v == nil || v.schema.Index != name {
			return nil, fmt.Errorf("%w: of index %q", search.ErrSnapshotLost, name)
		}
		return &snapshot{driver: d, view: v, token: token}, nil
	}
	v, err := d.now(name)
	if err != nil {
		return nil, err
	}
	s := &snapshot{driver: d, view: v, token: rand.Text()}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.snapshots == nil {
		d.snapshots = make(map[string]*view)
	}
	d.snapshots[s.token] = v
	return s, nil
}

// A snapshot is a view that can be found again by its token.
type snapshot struct {
	driver *Driver
	view   *view
	token  string
	closed atomic.Bool
}

var _ search.Snapshot = (*snapshot)(nil)

func (s *snapshot) Token() string { return s.token }

func (s *snapshot) Close() error {
	s.closed.Store(true)
	s.driver.mu.Lock()
	defer s.driver.mu.Unlock()
	delete(s.driver.snapshots, s.token)
	return nil
}

func (s *snapshot) Count(ctx context.Context, p *plan.Plan) (int64, error) {
	if err := s.lost(); err != nil {
		return 0, err
	}
	return exact.Count(ctx, p, 0, p.Where, s.view.reader())
}

func (s *snapshot) lost() error {
	if s.closed.Load() {
		return fmt.Errorf("%w: it was closed", search.ErrSnapshotLost)
	}
	return nil
}

// Scan implements [search.Snapshot]. A position is the place behind a document in the
// list of documents, or of the sorted ones.
func (s *snapshot) Scan(ctx context.Context, scan *search.Scan) (records record.Stream, position func() string) {
	next := 0
	err := s.lost()
	if err == nil && scan.From != "" {
		if next, err = strconv.Atoi(scan.From); err != nil || next < 0 {
			err = fmt.Errorf("%w: the position %q of a scan", search.ErrBadToken, scan.From)
		}
	}
	position = func() string {
		if next <= 0 {
			return scan.From
		}
		return strconv.Itoa(next)
	}
	switch {
	case err != nil:
		records = func(yield func(*record.Record, error) bool) { yield(nil, err) }
	case scan.Ordered:
		records = s.scanOrdered(ctx, scan, &next)
	default:
		records = s.view.scan(ctx, scan.Plan, scan.Columns, part{scan.Slice, scan.Slices, next}, &next)
	}
	return records, position
}

func (s *snapshot) scanOrdered(ctx context.Context, scan *search.Scan, next *int) record.Stream {
	return func(yield func(*record.Record, error) bool) {
		found, err := s.view.ordered(ctx, scan.Plan, part{slice: scan.Slice, slices: scan.Slices})
		if err != nil {
			yield(nil, err)
			return
		}
		lens := newLens(s.view, scan.Columns)
		for i := *next; i < len(found); i++ {
			r, err := lens.read(ctx, &s.view.docs[found[i].at])
			if err == nil {
				*next = i + 1
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}
