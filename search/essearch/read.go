package essearch

import (
	"context"
	"fmt"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// maxSkip is how many records may be left out at first.
const maxSkip = 10_000

// Read returns records as they are now, in the order of the plan.
func (d *Driver) Read(ctx context.Context, r *search.Read) record.Stream {
	return func(yield func(*record.Record, error) bool) {
		err := d.afresh(r.Plan.Schema.Index, yield, func(yield func(*record.Record, error) bool) error { return d.read(ctx, r, yield) })
		if err != nil {
			yield(nil, err)
		}
	}
}

// read yields the records of r. After an error nothing more may be yielded but it.
func (d *Driver) read(ctx context.Context, r *search.Read, yield func(*record.Record, error) bool) error {
	if err := checkRead(r); err != nil {
		return err
	}
	q, err := d.question(ctx, r.Plan)
	if err != nil {
		return err
	}
	order := q.order()
	w := &walk{ties: d.opts.ties(), skip: r.Skip, limit: r.Limit, yield: yield, keys: r.Plan.Order, shared: order.shared, after: r.After}
	if w.zeros, err = q.zeroKeys(ctx, order, nil); err != nil {
		return err
	}
	grouped := len(w.zeros) > 0 || !q.total(order)
	if w.view, err = q.view(r.Columns, grouped); err != nil {
		return err
	}
	w.pager = &pager{c: d.client, size: firstPage, ids: q.idValue(order)}
	if r.After != nil && order.shared > 0 {
		after := beforeZero(r.Plan.Order, r.After, w.zeros)
		if w.pager.after, err = q.c.SearchAfter(r.Plan.Order[:order.keys], after[:order.keys]); err != nil {
			return err
		}
	}
	if q.total(order) {
		return w.current(ctx, q, order, grouped)
	}
	return w.tied(ctx, q, order)
}

func checkRead(r *search.Read) error {
	switch {
	case r.Skip < 0 || r.Limit < 0:
		return fmt.Errorf("%w: skip %d, limit %d", search.ErrInvalid, r.Skip, r.Limit)
	case r.Skip > maxSkip:
		return fmt.Errorf("%w: %d records cannot be left out, %d at most", search.ErrWindow, r.Skip, maxSkip)
	case r.After != nil && len(r.After) != len(r.Plan.Order):
		return fmt.Errorf("%w: %d sort keys for an order of %d", search.ErrInvalid, len(r.After), len(r.Plan.Order))
	}
	return nil
}

// current walks over the index as it is, in an order that is the engine's.
func (w *walk) current(ctx context.Context, q *question, o ordering, grouped bool) error {
	var err error
	if w.pager.path, err = indexPath(q.plan.Schema.Index, "/_search"); err != nil {
		return err
	}
	if q.exact && !grouped {
		// The engine does the counting.
		if done, err := w.leave(ctx, q, o); done || err != nil {
			return err
		}
		w.pager.left = w.limit
	}
	w.pager.head = q.head(o.sort, 0, 0)
	if grouped {
		return w.grouped(ctx)
	}
	return w.direct(ctx)
}

// leave has the engine leave out the records that are to be skipped. It returns true if
// there are no more.
func (w *walk) leave(ctx context.Context, q *question, o ordering) (done bool, err error) {
	size := w.pager.size
	if w.limit > 0 {
		size = min(size, w.limit)
	}
	skip := w.skip
	w.skip = 0
	if skip == 0 || skip+size <= maxPage && len(w.pager.after) == 0 { // from does not go with search_after
		w.pager.from = skip
		return false, nil
	}
	var p page
	w.pager.head = append(q.head(o.sort, 0, 0), `,"_source":false`...)
	w.pager.left, w.pager.size = skip, skip
	for w.pager.left > 0 {
		if err := w.pager.fetch(ctx, &p); err != nil {
			return false, err
		}
		if p.last && w.pager.left > 0 {
			return true, nil
		}
	}
	w.pager.size = firstPage
	return false, nil
}

// tied walks over a point in time of its own, in an order that is not all the
// engine's.
func (w *walk) tied(ctx context.Context, q *question, o ordering) (err error) {
	pt, err := q.d.openPoint(ctx, q.plan.Schema.Index, q.product)
	if err != nil {
		return err
	}
	defer func() {
		if closing := pt.close(); err == nil {
			err = closing
		}
	}()
	w.pager.at(pt)
	if len(w.pager.after) > 0 { // all that is equal in the order is looked at
		w.pager.after = appendElement(w.pager.after, "-1")
	}
	w.pager.head = q.head(q.untied(o), 0, 0)
	return w.grouped(ctx)
}

// at has the pager read a point in time.
func (g *pager) at(pt *point) {
	g.path, g.point, g.runs = "/_search", pt, pt.product.openSearch
}

// unordered is an exact.Reader: it returns the records that a plan matches in no
// certain order, all of one point in time.
func (d *Driver) unordered(ctx context.Context, r *search.Read) record.Stream {
	return func(yield func(*record.Record, error) bool) {
		s, err := d.snapshot(ctx, r.Plan.Schema.Index, "")
		if err != nil {
			yield(nil, err)
			return
		}
		defer func() { _ = s.Close() }()
		records, _ := s.Scan(ctx, &search.Scan{Plan: r.Plan, Columns: r.Columns, Source: r.Source})
		for rec, err := range records {
			if !yield(rec, err) || err != nil {
				return
			}
		}
	}
}

// Count returns how many records match p. If limit is positive, it may stop
// there.
func (d *Driver) Count(ctx context.Context, p *plan.Plan, limit int64) (int64, error) {
	q, err := d.question(ctx, p)
	if err != nil {
		return 0, err
	}
	if !q.exact {
		return countRecords(d.unordered(ctx, q.bare()), limit)
	}
	path, err := indexPath(p.Schema.Index, "/_search")
	if err != nil {
		return 0, err
	}
	return q.count(ctx, path, nil, limit)
}

// bare is a read of what a question matches without any column.
func (q *question) bare() *search.Read {
	columns, _ := q.plan.Schema.Project() // no field has no error
	return &search.Read{Plan: q.plan, Columns: columns}
}

func countRecords(records record.Stream, limit int64) (n int64, err error) {
	for _, err := range records {
		if err != nil {
			return 0, err
		}
		if n++; n == limit {
			break
		}
	}
	return n, nil
}
