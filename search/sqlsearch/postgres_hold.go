package sqlsearch

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"github.com/digit-health/dhr/jql/sqlgen"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// A pgHold is a transaction that holds one view of the database for snapshots of several
// indexes. It has exported its own snapshot, so that others can see the same.
type pgHold struct {
	d           *Postgres
	names       []string         // in Postgres.holds
	name        string           // of the exported snapshot, the last of the names
	generations map[string]int64 // of the indexes
	users       int              // guarded by Postgres.mu
	done        func()
	over        atomic.Bool
}

// newHold holds the view of an exported snapshot, or without a name the present one. A view that
// is held already is shared. The caller leaves it.
func (d *Postgres) newHold(ctx context.Context, name string) (*pgHold, error) {
	d.mu.Lock()
	h := d.holds[name]
	if h != nil {
		h.users++
	}
	d.mu.Unlock()
	if h != nil {
		return h, nil
	}
	// the transaction outlives the context of its making
	tx, done, err := d.hold(ctx, name)
	if err != nil {
		return nil, err
	}
	h = &pgHold{d: d, users: 1, done: done, generations: map[string]int64{}}
	if err := h.look(ctx, tx); err != nil {
		done()
		return nil, err
	}
	if name != "" {
		h.names = append(h.names, name)
	}
	h.names = append(h.names, h.name)
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, name := range h.names {
		d.holds[name] = h // of two that are made at once each is known by its own name
	}
	return h, nil
}

// look finds out what there is to be seen, and exports it.
func (h *pgHold) look(ctx context.Context, tx pgx.Tx) error {
	if err := tx.QueryRow(ctx, "SELECT pg_export_snapshot()").Scan(&h.name); err != nil {
		return pgError(ctx, err)
	}
	rows, err := tx.Query(ctx, "SELECT name, generation FROM "+h.d.table("catalog"))
	if err != nil {
		return pgError(ctx, err)
	}
	var name string
	var generation int64
	_, err = pgx.ForEachRow(rows, []any{&name, &generation}, func() error {
		h.generations[name] = generation
		return nil
	})
	if noTable(err) { // a database without indexes
		return nil
	}
	return pgError(ctx, err)
}

// snapshot returns the view of an index.
func (h *pgHold) snapshot(index string) (*pgSnapshot, error) {
	generation, ok := h.generations[index]
	if !ok {
		return nil, fmt.Errorf("sqlsearch: %w %q", search.ErrUnknownIndex, index)
	}
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	h.users++
	return &pgSnapshot{d: h.d, index: index, generation: generation, hold: h}, nil
}

// leave ends the holding if nobody else wants it.
func (h *pgHold) leave() {
	h.d.mu.Lock()
	h.users--
	last := h.users == 0
	if last {
		h.forget()
	}
	h.d.mu.Unlock()
	if last {
		h.end()
	}
}

// forget makes sure that nobody joins.
func (h *pgHold) forget() {
	for _, name := range h.names {
		if h.d.holds[name] == h {
			delete(h.d.holds, name)
		}
	}
}

// end ends the transaction, whoever wants it.
func (h *pgHold) end() {
	if !h.over.Swap(true) {
		h.done()
	}
}

// A pgSession is one transaction in which all scans of the same turns read a view, with a
// cursor each.
type pgSession struct {
	tx      pgx.Tx
	users   int
	cursors int
}

// session joins the session of turns for a view.
func (d *Postgres) session(ctx context.Context, turns *any, view string) (*pgSession, error) {
	sessions, _ := (*turns).(map[string]*pgSession)
	if sessions == nil {
		sessions = map[string]*pgSession{}
		*turns = sessions
	}
	if s := sessions[view]; s != nil {
		s.users++
		return s, nil
	}
	tx, err := d.begin(ctx, view)
	if err != nil {
		return nil, err
	}
	if _, err := tx.Exec(ctx, "SET LOCAL cursor_tuple_fraction = 1"); err != nil { // they are read to the end
		end(ctx, tx)
		return nil, pgError(ctx, err)
	}
	s := &pgSession{tx: tx, users: 1}
	sessions[view] = s
	return s, nil
}

// byTurns scans the snapshot in the session of its turns.
func (s *pgSnapshot) byTurns(ctx context.Context, scan *search.Scan, at *pgPosition) record.Stream {
	return func(yield func(*record.Record, error) bool) {
		session, err := s.d.session(ctx, scan.Turns, s.hold.name)
		if err != nil {
			yield(nil, err)
			return
		}
		defer func() {
			if session.users--; session.users == 0 {
				sessions, _ := (*scan.Turns).(map[string]*pgSession)
				delete(sessions, s.hold.name)
				end(ctx, session.tx)
			}
		}()
		x, err := s.d.index(ctx, session.tx, s.index)
		if err != nil {
			yield(nil, dropped(err, true, s.index))
			return
		}
		for r, err := range (&pgView{x: x, tx: session.tx, session: session}).scan(ctx, scan, at) {
			if err != nil {
				yield(nil, dropped(err, true, s.index))
				return
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

const (
	// fetchFirst is how many records a cursor is asked for at first, fetchMost the
	// greatest number, and fetchBytes about how much is kept of each.
	fetchFirst, fetchMost, fetchBytes = 16, 1000, 128 << 10
)

// A fetched record is what a cursor has returned of one. The document is in an arena.
type fetched struct {
	rid        int64
	id         string
	start, end int
}

// runByTurns is run for one of several statements that are read in the same transaction.
func (v *pgView) runByTurns(ctx context.Context, q sqlgen.Query, columns *record.Projection, yield func(pgFound, error) bool) (n int, more bool, err error) {
	v.session.cursors++
	cursor := "dhr_" + strconv.Itoa(v.session.cursors)
	_, err = v.tx.Exec(ctx, "DECLARE "+cursor+" NO SCROLL CURSOR FOR "+q.Text, append([]any{pgx.QueryExecModeDescribeExec}, q.Args...)...)
	if err != nil {
		return 0, false, pgError(ctx, err)
	}
	defer func() {
		if err == nil { // after an error the transaction is of no use
			_, err = v.tx.Exec(ctx, "CLOSE "+cursor, pgx.QueryExecModeExec)
			err = pgError(ctx, err)
		}
	}()
	decoder := record.NewDecoder(columns)
	got := pgFound{record: &record.Record{Index: v.x.schema.Index}}
	var rows []fetched
	var arena []byte
	for size := fetchFirst; ; size = min(fetchMost, max(1, fetchBytes*len(rows)/max(1, len(arena)))) {
		if rows, arena, err = v.fetch(ctx, cursor, size, rows[:0], arena[:0]); err != nil {
			return n, false, err
		}
		for _, row := range rows {
			if ctx.Err() != nil {
				return n, false, ctx.Err()
			}
			got.rid, got.record.ID = row.rid, row.id
			if err := decoder.Decode(arena[row.start:row.end], got.record); err != nil {
				return n, false, fmt.Errorf("%w: the document %q: %w", search.ErrCorrupt, got.record.ID, err)
			}
			n++
			if !yield(got, nil) {
				return n, false, nil
			}
		}
		if len(rows) < size {
			return n, true, nil
		}
	}
}

// fetch reads up to so many rows of a cursor.
func (v *pgView) fetch(ctx context.Context, cursor string, size int, all []fetched, arena []byte) ([]fetched, []byte, error) {
	rows, err := v.tx.Query(ctx, "FETCH FORWARD "+strconv.Itoa(size)+" FROM "+cursor, pgx.QueryExecModeDescribeExec)
	if err != nil {
		return all, arena, pgError(ctx, err)
	}
	defer rows.Close()
	var doc []byte
	for rows.Next() {
		f := fetched{start: len(arena)}
		if err := rows.Scan(&f.rid, &f.id, (*lentBytes)(&doc)); err != nil {
			return all, arena, pgError(ctx, err)
		}
		arena = append(arena, doc...)
		f.id, f.end = unescape(f.id), len(arena)
		all = append(all, f)
	}
	return all, arena, pgError(ctx, rows.Err())
}
