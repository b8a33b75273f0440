package essearch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// Snapshot opens an unchanging view of an index, which the caller closes.
func (d *Driver) Snapshot(ctx context.Context, index, token string) (search.Snapshot, error) {
	s, err := d.snapshot(ctx, index, token)
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (d *Driver) snapshot(ctx context.Context, index, token string) (*snapshot, error) {
	product, err := d.client.product(ctx)
	if err != nil {
		return nil, err
	}
	s := &snapshot{d: d, index: index}
	if token == "" {
		if s.point, err = d.openPoint(ctx, index, product); err != nil {
			return nil, err
		}
	} else {
		s.point = d.newPoint(ctx, product)
		s.point.id = token
		if err := s.point.check(ctx); err != nil {
			return nil, err
		}
		s.point.keep()
	}
	// One that is forgotten, not closed, is not kept for ever.
	runtime.AddCleanup(s, func(stop context.CancelFunc) { stop() }, s.point.stop)
	return s, nil
}

// check asks whether the cluster still has the point, and keeps it alive.
func (pt *point) check(ctx context.Context) error {
	body := append(pt.append([]byte(`{"size":0,"track_total_hits":false,"query":{"match_all":{}},"pit":`)), '}')
	r := &request{method: http.MethodPost, path: "/_search", query: url.Values{"allow_partial_search_results": {"false"}}, body: body, snapshot: true}
	var answer struct {
		ID string `json:"pit_id"`
	}
	err := pt.c.ask(ctx, r, &answer)
	var refused *Error
	switch {
	case err == nil:
		pt.renew(answer.ID)
	case errors.As(err, &refused) && refused.Status == http.StatusBadRequest && !errors.Is(err, search.ErrSnapshotLost):
		return fmt.Errorf("%w: %w", search.ErrBadToken, err)
	}
	return err
}

// A snapshot is a point in time of one index.
type snapshot struct {
	d     *Driver
	index string
	point *point
}

var _ search.Snapshot = (*snapshot)(nil)

// Token is the latest id of the point in time.
func (s *snapshot) Token() string { return s.point.latest() }

// Close gives the point in time back.
func (s *snapshot) Close() error { return s.point.close() }

// Leave leaves the point in time to whoever opens it again before it ends.
func (s *snapshot) Leave() error {
	s.point.leave()
	return nil
}

// Count returns how many records of the snapshot match p.
func (s *snapshot) Count(ctx context.Context, p *plan.Plan) (int64, error) {
	q, err := s.question(ctx, p)
	if err != nil {
		return 0, err
	}
	if q.exact {
		return q.count(ctx, "/_search", s.point, 0)
	}
	bare := q.bare()
	records, _ := s.Scan(ctx, &search.Scan{Plan: p, Columns: bare.Columns})
	return countRecords(records, 0)
}

func (s *snapshot) question(ctx context.Context, p *plan.Plan) (*question, error) {
	if p.Schema.Index != s.index {
		return nil, fmt.Errorf("%w: a plan of %q for a snapshot of %q", search.ErrInvalid, p.Schema.Index, s.index)
	}
	return s.d.question(ctx, p)
}

// Scan returns every matching record once.
func (s *snapshot) Scan(ctx context.Context, scan *search.Scan) (records record.Stream, position func() string) {
	w := &walk{}
	records = func(yield func(*record.Record, error) bool) {
		defer runtime.KeepAlive(s)
		err := s.d.afresh(s.index, yield, func(yield func(*record.Record, error) bool) error {
			*w = walk{ties: s.d.opts.ties(), yield: yield}
			return s.scan(ctx, scan, w)
		})
		if err != nil {
			yield(nil, err)
		}
	}
	return records, func() string {
		if at := w.place.String(); at != "" {
			return at
		}
		return scan.From
	}
}

// maxSlices is index.max_slices_per_pit.
const maxSlices = 1024

func (s *snapshot) scan(ctx context.Context, scan *search.Scan, w *walk) error {
	if scan.Slice < 0 || scan.Slices < 0 || scan.Slice > 0 && scan.Slice >= scan.Slices {
		return fmt.Errorf("%w: slice %d of %d", search.ErrInvalid, scan.Slice, scan.Slices)
	}
	if scan.Slices > maxSlices {
		return fmt.Errorf("%w: %d slices, more than %d", search.ErrUnsupported, scan.Slices, maxSlices)
	}
	w.pager = &pager{c: s.d.client, size: firstPage}
	w.pager.at(s.point)
	if err := w.from(scan.From); err != nil {
		return err
	}
	q, err := s.question(ctx, scan.Plan)
	if err != nil {
		return err
	}
	var order ordering
	if scan.Ordered {
		order = q.order()
	}
	if w.zeros, err = q.zeroKeys(ctx, order, s.point); err != nil {
		return err
	}
	group := scan.Ordered && (len(w.zeros) > 0 || !q.total(order))
	if w.view, err = q.view(scan.Columns, group); err != nil {
		return err
	}
	sort := order.sort
	if !scan.Ordered || !q.total(order) {
		sort = q.untied(order)
	}
	if scan.Ordered {
		w.pager.ids = q.idValue(order)
	}
	w.pager.head = q.head(sort, scan.Slice, scan.Slices)
	if w.writes {
		w.pager.head = append(w.pager.head, `,"seq_no_primary_term":true`...)
	}
	if group {
		w.keys, w.shared = scan.Plan.Order, order.shared
		return w.grouped(ctx)
	}
	return w.direct(ctx)
}
