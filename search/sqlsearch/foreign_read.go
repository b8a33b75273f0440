package sqlsearch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/digit-health/dhr/jql/eval"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/jql/sqlgen"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/exact"
)

// errStop ends a question whose answer is not wanted any further.
var errStop = errors.New("stop")

// read reads the records of a plan in the order of their keys, whatever the plan's.
func (v *tableView) read(ctx context.Context, r *search.Read) record.Stream {
	return v.selected(ctx, r.Plan, &sqlgen.Selection{}, r)
}

// ordered reads the records of a plan in its order: by the database, or where
// that orders otherwise, by sorting them here.
func (v *tableView) ordered(ctx context.Context, r *search.Read) record.Stream {
	if !v.t.layout.CanOrder(r.Plan.Order) {
		return v.sorted(ctx, r)
	}
	s := &sqlgen.Selection{Ordered: true, After: r.After}
	if r.Limit > 0 {
		s.Limit = r.Skip + r.Limit
	}
	return skipping(v.selected(ctx, r.Plan, s, r), r.Skip)
}

func skipping(records record.Stream, skip int) record.Stream {
	return func(yield func(*record.Record, error) bool) {
		for rec, err := range records {
			if skip > 0 && err == nil {
				skip--
				continue
			}
			if !yield(rec, err) {
				return
			}
		}
	}
}

// sorted sorts in memory: as many records as are asked for twice over, or all.
func (v *tableView) sorted(ctx context.Context, r *search.Read) record.Stream {
	return func(yield func(*record.Record, error) bool) {
		wide, err := widened(r.Plan, r.Columns)
		if err != nil {
			yield(nil, err)
			return
		}
		order, err := eval.CompileOrder(r.Plan, wide)
		if err != nil {
			yield(nil, err)
			return
		}
		all, err := v.sort(ctx, r, wide, order)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, rec := range all[min(r.Skip, len(all)):] {
			if !yield(rec.Project(r.Columns), nil) {
				return
			}
		}
	}
}

func (v *tableView) sort(ctx context.Context, r *search.Read, wide *record.Projection, order *eval.Order) (all []*record.Record, err error) {
	want := *r
	want.Columns = wide
	limit := r.Skip + r.Limit
	var keys []record.Value
	for rec, err := range v.read(ctx, &want) {
		if err != nil {
			return nil, err
		}
		keys = order.Keys(keys[:0], rec)
		if r.After != nil && eval.CompareKeys(r.Plan.Order, keys, r.After) <= 0 {
			continue
		}
		all = append(all, rec.Clone())
		if r.Limit > 0 && len(all) >= 2*limit+100 {
			slices.SortFunc(all, order.Compare)
			clear(all[limit:])
			all = all[:limit]
		}
	}
	slices.SortFunc(all, order.Compare)
	if r.Limit > 0 && len(all) > limit {
		all = all[:limit]
	}
	return all, nil
}

// widened returns the columns and those by which p orders.
func widened(p *plan.Plan, columns *record.Projection) (*record.Projection, error) {
	var paths []string
	for _, f := range columns.Fields() {
		paths = append(paths, f.Path)
	}
	for _, s := range p.Order {
		if s.Field != nil && s.Field.Path != "_id" && s.Field.Path != "_index" && !slices.Contains(paths, s.Field.Path) {
			paths = append(paths, s.Field.Path)
		}
	}
	return columns.Schema().Project(paths...)
}

// selected reads the records of p that s selects, made of their columns.
func (v *tableView) selected(ctx context.Context, p *plan.Plan, s *sqlgen.Selection, r *search.Read) record.Stream {
	return func(yield func(*record.Record, error) bool) {
		columns := v.t.needed(r)
		s.List = v.t.list(columns)
		queries, err := selectOf(p, v.t.layout, s)
		if err != nil {
			yield(nil, err)
			return
		}
		decoder := record.NewDecoder(r.Columns)
		rec := record.Record{Index: v.t.name}
		var doc []byte
		for _, q := range queries {
			err := v.q.query(ctx, q, func(row []any) error {
				id, ok := text(row[0])
				if !ok {
					return fmt.Errorf("sqlsearch: %w: the table %q has a row without a key", search.ErrCorrupt, v.t.name)
				}
				rec.ID = strings.Clone(id)
				doc = v.t.document(doc[:0], columns, row[1:])
				if err := decoder.Decode(doc, &rec); err != nil {
					return fmt.Errorf("sqlsearch: %w: the row %q of the table %q: %w", search.ErrCorrupt, id, v.t.name, err)
				}
				if !yield(&rec, nil) {
					return errStop
				}
				return nil
			})
			if errors.Is(err, errStop) {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
		}
	}
}

// A tableSnapshot is an unchanging view of a table. It is read a page at a time,
// so that scans may run side by side on the one connection of its hold.
type tableSnapshot struct {
	t      *foreignTable
	hold   *tableHold
	closed atomic.Bool
}

// A tableHold holds one view of the database for snapshots of several tables.
type tableHold struct {
	mu    sync.Mutex
	q     querier
	done  func()
	users int
}

// Snapshot implements [search.Driver]. It cannot be opened again.
func (d *Tables) Snapshot(ctx context.Context, index, token string) (search.Snapshot, error) {
	all, err := d.Snapshots(ctx, []string{index}, []string{token})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// Snapshots opens several, as [search.Driver] describes it. The views are of one moment.
func (d *Tables) Snapshots(ctx context.Context, indexes, tokens []string) ([]search.Snapshot, error) {
	h := &tableHold{users: len(indexes)}
	var all []search.Snapshot
	for i, index := range indexes {
		t, err := d.table(index)
		if err != nil {
			return nil, err
		}
		if len(tokens) > 0 && tokens[i] != "" {
			return nil, fmt.Errorf("sqlsearch: %w: that of the table %q", search.ErrSnapshotLost, index)
		}
		all = append(all, &tableSnapshot{t: t, hold: h})
	}
	if len(all) == 0 {
		return nil, nil
	}
	var err error
	h.q, h.done, err = d.db.open(ctx)
	if err != nil {
		return nil, err
	}
	return all, nil
}

// Token implements [search.Snapshot].
func (s *tableSnapshot) Token() string { return "" }

// Close implements [search.Snapshot].
func (s *tableSnapshot) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	s.hold.mu.Lock()
	defer s.hold.mu.Unlock()
	if s.hold.users--; s.hold.users == 0 {
		s.hold.done()
	}
	return nil
}

// ask asks the view, as the only one.
func (s *tableSnapshot) ask(do func(v *tableView) error) error {
	s.hold.mu.Lock()
	defer s.hold.mu.Unlock()
	if s.closed.Load() {
		return fmt.Errorf("sqlsearch: %w: it is closed", search.ErrSnapshotLost)
	}
	return do(&tableView{s.t, s.hold.q})
}

// Count implements [search.Snapshot].
func (s *tableSnapshot) Count(ctx context.Context, p *plan.Plan) (n int64, err error) {
	err = s.ask(func(v *tableView) error {
		n, err = v.count(ctx, p, 0)
		return err
	})
	return n, err
}

// page is how many records of a snapshot are read at once, and pageByTurns how many
// of each of several.
const page, pageByTurns = 5000, 500

// Scan implements [search.Snapshot].
func (s *tableSnapshot) Scan(ctx context.Context, scan *search.Scan) (record.Stream, func() string) {
	at := scan.From
	return func(yield func(*record.Record, error) bool) {
		if scan.Slices > 1 && (scan.Slice < 0 || scan.Slice >= scan.Slices) {
			yield(nil, fmt.Errorf("sqlsearch: %w: slice %d of %d", search.ErrInvalid, scan.Slice, scan.Slices))
			return
		}
		p := scan.Plan
		if !scan.Ordered { // in the order of the keys
			p = &plan.Plan{Schema: p.Schema, Where: p.Where, Order: []plan.Sort{{Field: p.Schema.Field("_id")}}}
		}
		columns, err := widened(p, scan.Columns)
		if err != nil {
			yield(nil, err)
			return
		}
		order, err := eval.CompileOrder(p, columns)
		if err != nil {
			yield(nil, err)
			return
		}
		r := &search.Read{Plan: p, Columns: columns, Source: scan.Source, Limit: page}
		if scan.Turns != nil {
			r.Limit = pageByTurns
		}
		if scan.From != "" {
			if r.After, err = s.keysOf(ctx, p, order, columns, scan.From); err != nil {
				yield(nil, err)
				return
			}
		}
		for {
			records, err := s.page(ctx, r)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, rec := range records {
				if scan.Slices > 1 && int(hashID(rec.ID)%uint32(scan.Slices)) != scan.Slice {
					continue
				}
				at = rec.ID
				if !yield(rec.Project(scan.Columns), nil) {
					return
				}
			}
			if len(records) < r.Limit {
				return
			}
			r.After = order.Keys(nil, records[len(records)-1])
		}
	}, func() string { return at }
}

// page reads one page of records, to keep.
func (s *tableSnapshot) page(ctx context.Context, r *search.Read) (records []*record.Record, err error) {
	err = s.ask(func(v *tableView) error {
		for rec, err := range v.answer(ctx, r) {
			if err != nil {
				return err
			}
			records = append(records, rec.Clone())
		}
		return nil
	})
	return records, err
}

// keysOf returns by what the record with an id is ordered, as a position has it.
func (s *tableSnapshot) keysOf(ctx context.Context, p *plan.Plan, order *eval.Order, columns *record.Projection, id string) (keys []record.Value, err error) {
	one := &plan.Plan{Schema: p.Schema, Where: plan.NewTerms(p.Schema.Field("_id"), record.StringValue(id)), Order: p.Order}
	records, err := s.page(ctx, &search.Read{Plan: one, Columns: columns, Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(records) == 0 {
		return nil, fmt.Errorf("sqlsearch: %w: the position %q", search.ErrBadToken, id)
	}
	return order.Keys(nil, records[0]), nil
}

// hashID divides ids into slices (FNV-1a).
func hashID(id string) uint32 {
	h := uint32(2166136261)
	for i := range len(id) {
		h = (h ^ uint32(id[i])) * 16777619
	}
	return h
}

var _ exact.Reader = (*tableView)(nil).read
