package sqlsearch

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/digit-health/dhr/jql/eval"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/jql/sqlgen"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/exact"
)

// A snapshot is a transaction that reads, and goes on for as long as the snapshot is open:
// until then the log of the file grows with what others write. Each scan has a connection of its
// own, which sees what the snapshot sees.
type snapshot struct {
	d          *SQLite
	x          *index
	generation int64
	token      string

	mu     sync.Mutex
	v      *view
	handle uintptr // of SQLite's own snapshot; 0 if it had none to give
	closed bool
}

var _ search.Snapshot = (*snapshot)(nil)

// Snapshot implements [search.Driver]. The token is good for as long as the snapshot is
// open in this process, and elsewhere for as long as nothing is loaded into the index.
func (d *SQLite) Snapshot(ctx context.Context, name, token string) (search.Snapshot, error) {
	s, err := d.snapshot(ctx, name, token)
	if err != nil {
		return nil, fmt.Errorf("sqlsearch: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open == nil {
		d.open = map[string]*snapshot{}
	}
	if d.open[s.token] == nil {
		d.open[s.token] = s
	}
	return s, nil
}

func (d *SQLite) snapshot(ctx context.Context, name, token string) (*snapshot, error) {
	if token != "" {
		d.mu.Lock()
		open := d.open[token]
		d.mu.Unlock()
		if open != nil && open.x.schema.Index == name {
			if v, err := open.view(ctx); err == nil {
				return newSnapshot(ctx, d, v, name)
			}
		}
	}
	s, err := d.openSnapshot(ctx, name)
	if err == nil && s.handle == 0 && !d.readOnly { // there is no log yet: begin one
		_ = s.Close()
		if err = d.writing(ctx, func(c *conn, _ *catalog) error { return c.run("UPDATE dhr_state SET file = file") }); err == nil {
			s, err = d.openSnapshot(ctx, name)
		}
	}
	switch {
	case token != "" && errors.Is(err, search.ErrUnknownIndex):
		return nil, fmt.Errorf("%w: there is no index %q", search.ErrSnapshotLost, name)
	case err != nil:
		return nil, err
	case token != "" && token != s.token:
		_ = s.Close()
		return nil, fmt.Errorf("%w: index %q has changed", search.ErrSnapshotLost, name)
	}
	return s, nil
}

func (d *SQLite) openSnapshot(ctx context.Context, name string) (*snapshot, error) {
	v, err := d.view(ctx)
	if err != nil {
		return nil, err
	}
	return newSnapshot(ctx, d, v, name)
}

// newSnapshot makes a snapshot of a view, which becomes its own.
func newSnapshot(ctx context.Context, d *SQLite, v *view, name string) (s *snapshot, err error) {
	s = &snapshot{d: d, v: v}
	if s.x, err = v.catalog.index(name); err == nil {
		s.generation, err = v.generation(ctx, s.x)
	}
	if err != nil {
		v.close()
		return nil, err
	}
	s.token = fmt.Sprintf("%s.%d.%d", v.catalog.file, s.x.n, s.generation)
	s.handle = v.snapshotHandle()
	return s, nil
}

// snapshotHandle returns SQLite's handle of what v sees, or 0.
func (c *conn) snapshotHandle() uintptr {
	main, err := libc.CString("main")
	if err != nil {
		return 0
	}
	defer libc.Xfree(c.tls, main)
	if sqlite3.Xsqlite3_snapshot_get(c.tls, c.db, main, c.out) != sqlite3.SQLITE_OK {
		return 0
	}
	return *(*uintptr)(pointer(c.out))
}

func (c *conn) openSnapshot(handle uintptr) error {
	main, err := libc.CString("main")
	if err != nil {
		return err
	}
	defer libc.Xfree(c.tls, main)
	if rc := sqlite3.Xsqlite3_snapshot_open(c.tls, c.db, main, handle); rc != sqlite3.SQLITE_OK {
		return c.err(rc)
	}
	return nil
}

// Token implements [search.Snapshot].
func (s *snapshot) Token() string { return s.token }

// Close implements [search.Snapshot].
func (s *snapshot) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	s.d.mu.Lock()
	if s.d.open[s.token] == s {
		delete(s.d.open, s.token)
	}
	s.d.mu.Unlock()
	if s.handle != 0 {
		sqlite3.Xsqlite3_snapshot_free(s.v.tls, s.handle)
	}
	s.v.close()
	return nil
}

// view returns another view of the same.
func (s *snapshot) view(ctx context.Context) (*view, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("%w: it is closed", search.ErrSnapshotLost)
	}
	c, err := s.d.reader()
	if err != nil {
		return nil, err
	}
	v := &view{d: s.d, conn: c}
	err = s.d.patiently(ctx, func() error {
		err := s.begin(ctx, c)
		if err == nil {
			v.catalog, err = s.d.readCatalog(ctx, c)
		}
		if err != nil {
			_ = c.exec("ROLLBACK")
		}
		return err
	})
	if err != nil {
		c.close()
		return nil, err
	}
	return v, nil
}

// begin makes c see what the snapshot sees.
func (s *snapshot) begin(ctx context.Context, c *conn) error {
	if s.handle != 0 {
		if _, err := c.number(ctx, "PRAGMA application_id"); err != nil { // lets SQLite learn that there is a log
			return err
		}
	}
	if err := c.exec("BEGIN"); err != nil {
		return err
	}
	if s.handle != 0 {
		if err := c.openSnapshot(s.handle); err != nil {
			return fmt.Errorf("%w: %w", search.ErrSnapshotLost, err)
		}
	}
	generation, err := c.generation(ctx, s.x)
	if err == nil && generation != s.generation {
		err = search.ErrSnapshotLost
	}
	return err
}

// Count implements [search.Snapshot].
func (s *snapshot) Count(ctx context.Context, p *plan.Plan) (int64, error) {
	v, err := s.view(ctx)
	if err != nil {
		return 0, fmt.Errorf("sqlsearch: %w", err)
	}
	defer v.close()
	n, err := v.count(ctx, p, 0)
	if err != nil {
		return 0, fmt.Errorf("sqlsearch: %w", err)
	}
	return n, nil
}

// Scan implements [search.Snapshot].
func (s *snapshot) Scan(ctx context.Context, q *search.Scan) (record.Stream, func() string) {
	l := s.x.layout(ctx, nil)
	where, exactly := narrow(l, q.Plan.Where)
	if exactly {
		return s.scan(ctx, q)
	}
	return exact.Scan(ctx, q, where, s.scan)
}

// scan scans what SQL can find. A position is the number of the last record, or the one that was given.
func (s *snapshot) scan(ctx context.Context, q *search.Scan) (record.Stream, func() string) {
	at := q.From
	stream := func(yield func(*record.Record, error) bool) {
		v, err := s.view(ctx)
		if err != nil {
			yield(nil, fmt.Errorf("sqlsearch: %w", err))
			return
		}
		defer v.close()
		rd, err := s.reading(ctx, v, q)
		if err != nil {
			yield(nil, fmt.Errorf("sqlsearch: %w", err))
			return
		}
		if rd == nil {
			return
		}
		for r, err := range rd.stream(ctx) {
			if err != nil {
				yield(nil, fmt.Errorf("sqlsearch: %w", err))
				return
			}
			at = strconv.FormatInt(rd.last, 10)
			if !yield(r, nil) {
				return
			}
		}
	}
	return stream, func() string { return at }
}

// reading prepares a scan; it is nil if there is nothing to read.
func (s *snapshot) reading(ctx context.Context, v *view, q *search.Scan) (*reading, error) {
	x, err := v.catalog.index(s.x.schema.Index)
	if err != nil {
		return nil, err
	}
	l := x.layout(ctx, v)
	sel := &sqlgen.Selection{Ordered: q.Ordered, List: "m.rid, m.id, s.doc", From: " JOIN " + x.table("source") + " AS s ON s.rid = m.rid"}
	if q.Ordered && !l.CanOrder(q.Plan.Order) {
		return nil, fmt.Errorf("%w: an order by what is not stored to be compared", search.ErrUnsupported)
	}
	if sel.Low, sel.High, err = v.slice(ctx, x, q.Slice, q.Slices); err != nil {
		return nil, err
	}
	if q.From != "" {
		last, err := strconv.ParseInt(q.From, 10, 64)
		if err != nil || last < 0 {
			return nil, fmt.Errorf("%w: no position of a scan: %q", search.ErrBadToken, q.From)
		}
		if !q.Ordered {
			sel.Low = max(sel.Low, last+1)
		} else if sel.After, err = v.keysOf(ctx, x, q.Plan, last); err != nil {
			return nil, err
		}
	}
	if sel.Low >= sel.High {
		return nil, nil
	}
	queries, err := selectOf(q.Plan, l, sel)
	if err != nil {
		return nil, err
	}
	return &reading{v: v, x: x, columns: q.Columns, index: q.Plan.Schema.Index, source: q.Source, queries: queries}, nil
}

// slice returns the numbers of the records of one of several parts.
func (v *view) slice(ctx context.Context, x *index, slice, slices int) (low, high int64, err error) {
	if slices < 0 || slice < 0 || slice >= max(slices, 1) {
		return 0, 0, fmt.Errorf("%w: slice %d of %d", search.ErrInvalid, slice, slices)
	}
	first, err := v.number(ctx, "SELECT min(rid) FROM "+x.table(""))
	if err != nil {
		return 0, 0, err
	}
	last, err := v.number(ctx, "SELECT max(rid) FROM "+x.table(""))
	if err != nil {
		return 0, 0, err
	}
	if last == 0 {
		return 0, 0, nil
	}
	n, k, size := int64(max(slices, 1)), int64(slice), last+1-first
	return first + size/n*k + min(k, size%n), first + size/n*(k+1) + min(k+1, size%n), nil
}

// keysOf returns the keys of a record in the order of p.
func (v *view) keysOf(ctx context.Context, x *index, p *plan.Plan, rid int64) ([]record.Value, error) {
	order := &plan.Plan{Schema: p.Schema, Where: plan.All{}, Order: p.Order}
	var paths []string
	for _, f := range plan.Fields(order) {
		paths = append(paths, f.Path)
	}
	columns, err := p.Schema.Project(paths...)
	if err != nil {
		return nil, err
	}
	o, err := eval.CompileOrder(order, columns)
	if err != nil {
		return nil, err
	}
	rd := &reading{v: v, x: x, columns: columns, index: p.Schema.Index, limit: 1, queries: []sqlgen.Query{
		{Text: "SELECT m.rid, m.id, s.doc FROM " + x.table("") + " AS m JOIN " + x.table("source") + " AS s ON s.rid = m.rid WHERE m.rid = ?", Args: []any{rid}}}}
	for r, err := range rd.stream(ctx) {
		if err != nil {
			return nil, err
		}
		return o.Keys(nil, r.Clone()), nil
	}
	return nil, fmt.Errorf("%w: no position of a scan of this snapshot: %d", search.ErrBadToken, rid)
}
