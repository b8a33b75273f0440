package sqlsearch

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/jql/sqlgen"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/exact"
)

// Read implements [search.Driver].
func (d *SQLite) Read(ctx context.Context, r *search.Read) record.Stream {
	return func(yield func(*record.Record, error) bool) {
		v, err := d.view(ctx)
		if err != nil {
			yield(nil, fmt.Errorf("sqlsearch: %w", err))
			return
		}
		defer v.close()
		for rec, err := range v.read(ctx, r) {
			if err != nil {
				yield(nil, fmt.Errorf("sqlsearch: %w", err))
				return
			}
			if !yield(rec, nil) {
				return
			}
		}
	}
}

// read reads records as v sees them.
func (v *view) read(ctx context.Context, r *search.Read) record.Stream {
	x, err := v.catalog.index(r.Plan.Schema.Index)
	if err != nil {
		return failed(err)
	}
	l := x.layout(ctx, v)
	where, exactly := narrow(l, r.Plan.Where)
	if !l.CanOrder(r.Plan.Order) {
		return failed(fmt.Errorf("%w: an order by what is not stored to be compared", search.ErrUnsupported))
	}
	if r.Limit > 0 && r.After == nil && r.Limit <= small-min(r.Skip, small) && (exactly || told(l, r.Plan.Where)) {
		page, err := v.page(ctx, x, l, r)
		if err != nil {
			return failed(err)
		}
		if page != nil {
			return page
		}
	}
	if !exactly {
		return exact.Read(ctx, r, where, func(ctx context.Context, r *search.Read) record.Stream { return v.selected(ctx, x, l, r) })
	}
	return v.selected(ctx, x, l, r)
}

// narrow returns what SQL can say of a condition, and whether that is all of it.
func narrow(l *sqlgen.Layout, n plan.Node) (where plan.Node, exactly bool) {
	return exact.Narrow(n, l.Can, func(leaf plan.Node) plan.Node {
		if n := instead(leaf); l.Can(n) {
			return n
		}
		return plan.All{}
	})
}

// instead returns what holds wherever a leaf about a history does: for Changed there must
// be an entry, which has an instant; a field that Was something has an entry as well,
// or is that now.
func instead(leaf plan.Node) plan.Node {
	switch n := leaf.(type) {
	case plan.Changed:
		if n.History != nil {
			return plan.Exists{Field: n.History.At}
		}
	case plan.Was:
		if n.History != nil && n.By != nil {
			return plan.Exists{Field: n.History.At}
		}
	}
	return plan.All{}
}

func failed(err error) record.Stream {
	return func(yield func(*record.Record, error) bool) { yield(nil, err) }
}

// small is the number of records up to which they are sorted before their documents are read.
const small = 10_000

// selected reads what SQL can find.
func (v *view) selected(ctx context.Context, x *index, l *sqlgen.Layout, r *search.Read) record.Stream {
	s := &sqlgen.Selection{Ordered: true, After: r.After, List: "m.rid, m.id"}
	skip, limit := r.Skip, 0
	if r.Limit > 0 {
		limit = min(r.Limit, math.MaxInt-r.Skip) + r.Skip
		s.Limit = limit
	}
	if limit == 0 || limit > small {
		s.List = "m.rid, m.id, s.doc"
		s.From = " JOIN " + x.table("source") + " AS s ON s.rid = m.rid"
	}
	queries, err := selectOf(r.Plan, l, s)
	if err != nil {
		return failed(err)
	}
	rd := &reading{v: v, x: x, columns: r.Columns, index: r.Plan.Schema.Index, source: r.Source, queries: queries, skip: skip, limit: limit}
	return rd.stream(ctx)
}

// Count implements [search.Driver].
func (d *SQLite) Count(ctx context.Context, p *plan.Plan, limit int64) (int64, error) {
	v, err := d.view(ctx)
	if err != nil {
		return 0, fmt.Errorf("sqlsearch: %w", err)
	}
	defer v.close()
	n, err := v.count(ctx, p, limit)
	if err != nil {
		return 0, fmt.Errorf("sqlsearch: %w", err)
	}
	return n, nil
}

func (v *view) count(ctx context.Context, p *plan.Plan, limit int64) (int64, error) {
	x, err := v.catalog.index(p.Schema.Index)
	if err != nil {
		return 0, err
	}
	l := x.layout(ctx, v)
	where, exactly := narrow(l, p.Where)
	if exactly || told(l, p.Where) {
		if n, ok, err := v.counted(ctx, x, l, p, limit); ok || err != nil {
			return n, err
		}
	}
	if !exactly {
		return exact.Count(ctx, p, limit, where, func(ctx context.Context, r *search.Read) record.Stream { return v.selected(ctx, x, l, r) })
	}
	q, err := countOf(p, l, limit)
	if err != nil {
		return 0, err
	}
	return v.number(ctx, q.Text, q.Args...)
}

// Aggregate implements [search.Driver].
func (d *SQLite) Aggregate(ctx context.Context, questions []*search.Aggregation) ([]*search.Table, error) {
	views, err := d.alike(ctx, questions)
	if err != nil {
		return nil, fmt.Errorf("sqlsearch: %w", err)
	}
	tables := make([]*search.Table, len(questions))
	var next atomic.Int64
	var reading sync.Mutex // one question at a time is answered from records, and holds as much as one may
	work, inner := errgroup.WithContext(ctx)
	for _, v := range views {
		work.Go(func() error {
			defer v.close()
			for i := next.Add(1) - 1; i < int64(len(questions)); i = next.Add(1) - 1 {
				t, err := v.aggregate(inner, questions[i], &reading)
				if err != nil {
					return err
				}
				tables[i] = t
			}
			return nil
		})
	}
	if err := work.Wait(); err != nil {
		return nil, fmt.Errorf("sqlsearch: %w", cmp.Or(ctx.Err(), err))
	}
	return tables, nil
}

// alike returns views that see the same of the indexes that questions ask, as many as can work at once.
func (d *SQLite) alike(ctx context.Context, questions []*search.Aggregation) ([]*view, error) {
	first, err := d.view(ctx)
	if err != nil {
		return nil, err
	}
	views := []*view{first}
	for len(views) < min(len(questions), runtime.GOMAXPROCS(0), mostAtOnce) {
		v, err := d.view(ctx)
		if err != nil {
			break // one is enough
		}
		if !first.same(ctx, v, questions) {
			v.close()
			break
		}
		views = append(views, v)
	}
	return views, nil
}

// mostAtOnce is how many questions of one call are worked on at once, each with buckets of its own.
const mostAtOnce = 4

// same reports whether v and o see the same of the indexes that questions ask.
func (v *view) same(ctx context.Context, o *view, questions []*search.Aggregation) bool {
	if v.catalog.version != o.catalog.version {
		return false
	}
	for _, a := range questions {
		x := v.catalog.indexes[a.Plan.Schema.Index]
		if x == nil {
			return false
		}
		mine, err := v.generation(ctx, x)
		others, err2 := o.generation(ctx, x)
		if err != nil || err2 != nil || mine != others {
			return false
		}
	}
	return true
}

// generation returns the generation of an index: as long as it is the same, nothing in the index has changed.
func (c *conn) generation(ctx context.Context, x *index) (int64, error) {
	return c.number(ctx, "SELECT generation FROM dhr_index WHERE n = ?", x.n)
}

func (v *view) aggregate(ctx context.Context, a *search.Aggregation, reading sync.Locker) (*search.Table, error) {
	x, err := v.catalog.index(a.Plan.Schema.Index)
	if err != nil {
		return nil, err
	}
	l := x.layout(ctx, v)
	if t, err := v.grouped(ctx, x, l, a); t != nil || err != nil {
		return t, err
	}
	return aggregate(ctx, l, a, v, func(ctx context.Context, r *search.Read) record.Stream {
		return func(yield func(*record.Record, error) bool) {
			reading.Lock()
			defer reading.Unlock()
			v.selected(ctx, x, l, r)(yield)
		}
	})
}
