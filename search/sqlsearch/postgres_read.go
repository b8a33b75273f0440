package sqlsearch

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/jql/sqlgen"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/exact"
)

// Read implements [search.Driver].
func (d *Postgres) Read(ctx context.Context, r *search.Read) record.Stream {
	return d.stream(ctx, "", r.Plan.Schema.Index, func(ctx context.Context, v *pgView, yield func(*record.Record, error) bool) {
		v.answer(ctx, r)(yield)
	})
}

// Count implements [search.Driver].
func (d *Postgres) Count(ctx context.Context, p *plan.Plan, limit int64) (n int64, err error) {
	err = d.ask(ctx, "", p.Schema.Index, func(ctx context.Context, v *pgView) error {
		n, err = v.count(ctx, p, limit)
		return err
	})
	return n, err
}

// Aggregate implements [search.Driver].
func (d *Postgres) Aggregate(ctx context.Context, questions []*search.Aggregation) (tables []*search.Table, err error) {
	err = d.view(ctx, "", func(ctx context.Context, tx pgx.Tx) error {
		for _, a := range questions {
			x, err := d.index(ctx, tx, a.Plan.Schema.Index)
			if err != nil {
				return err
			}
			v := &pgView{x: x, tx: tx}
			t, err := aggregate(ctx, v.layout(ctx), a, pgQuerier{tx}, exact.ScanReader(v.scanner()))
			if err != nil {
				return dropped(err, false, a.Plan.Schema.Index)
			}
			tables = append(tables, t)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return tables, nil
}

// A pgView is an index in one transaction.
type pgView struct {
	x       *pgIndex
	tx      pgx.Tx
	session *pgSession // if other views are read in the same transaction meanwhile
}

func (v *pgView) layout(ctx context.Context) *sqlgen.Layout {
	return v.x.layout(ctx, pgQuerier{v.tx})
}

// ask opens a view of an index for a question.
func (d *Postgres) ask(ctx context.Context, snapshot, index string, do func(ctx context.Context, v *pgView) error) error {
	err := d.view(ctx, snapshot, func(ctx context.Context, tx pgx.Tx) error {
		x, err := d.index(ctx, tx, index)
		if err != nil {
			return err
		}
		return do(ctx, &pgView{x: x, tx: tx})
	})
	return dropped(err, snapshot != "", index)
}

// dropped says of an error, if that is a table which has gone since the catalog
// was read, what it means.
func dropped(err error, snapshot bool, index string) error {
	switch {
	case !noTable(err):
		return err
	case snapshot:
		return fmt.Errorf("sqlsearch: %w: the index %q was dropped", search.ErrSnapshotLost, index)
	}
	return fmt.Errorf("sqlsearch: %w %q", search.ErrUnknownIndex, index)
}

// stream opens a view of an index for as long as a stream is ranged over.
func (d *Postgres) stream(ctx context.Context, snapshot, index string, do func(context.Context, *pgView, func(*record.Record, error) bool)) record.Stream {
	return func(yield func(*record.Record, error) bool) {
		left := false
		err := d.ask(ctx, snapshot, index, func(inner context.Context, v *pgView) (failed error) {
			do(inner, v, func(r *record.Record, err error) bool {
				if err != nil { // told once the view is closed
					failed = err
					return false
				}
				left = !yield(r, nil)
				return !left
			})
			return failed
		})
		if err != nil && !left {
			yield(nil, err)
		}
	}
}

// answer answers r, in Go where SQL cannot.
func (v *pgView) answer(ctx context.Context, r *search.Read) record.Stream {
	l := v.layout(ctx)
	if !l.CanOrder(r.Plan.Order) {
		return failing(fmt.Errorf("sqlsearch: %w: the order %v", search.ErrUnsupported, r.Plan.Order))
	}
	where, _ := exact.Narrow(r.Plan.Where, l.Can, instead)
	return exact.Read(ctx, r, where, v.read)
}

func failing(err error) record.Stream {
	return func(yield func(*record.Record, error) bool) { yield(nil, err) }
}

// read answers a Read whose plan SQL can answer.
func (v *pgView) read(ctx context.Context, r *search.Read) record.Stream {
	s := &sqlgen.Selection{Ordered: true, After: r.After}
	if r.Limit > 0 {
		s.Limit = r.Skip + r.Limit
	}
	return func(yield func(*record.Record, error) bool) {
		skip := r.Skip
		for got, err := range v.selected(ctx, r.Plan, s, r.Columns) {
			if skip > 0 && err == nil {
				skip--
				continue
			}
			if !yield(got.record, err) || err != nil {
				return
			}
		}
	}
}

// A pgFound is a record and its number.
type pgFound struct {
	rid    int64
	record *record.Record
}

// selected reads the records of p that s selects.
func (v *pgView) selected(ctx context.Context, p *plan.Plan, s *sqlgen.Selection, columns *record.Projection) func(func(pgFound, error) bool) {
	s.List = "m.rid, m.id, o.doc"
	s.From = " JOIN " + v.x.tables.source + " AS o ON o.rid = m.rid"
	return func(yield func(pgFound, error) bool) {
		queries, err := selectOf(p, v.layout(ctx), s)
		if err != nil {
			yield(pgFound{}, err)
			return
		}
		left := s.Limit
		for i, q := range queries {
			n, more, err := v.run(ctx, q, columns, left, yield)
			if err != nil {
				yield(pgFound{}, err)
				return
			}
			if !more {
				return
			}
			if left -= n; s.Limit > 0 && left <= 0 || i == len(queries)-1 {
				return
			}
		}
	}
}

// run yields the records of one statement, up to limit if that is positive. What is
// beyond it is read to the end, since a question that is broken off breaks the
// transaction.
func (v *pgView) run(ctx context.Context, q sqlgen.Query, columns *record.Projection, limit int, yield func(pgFound, error) bool) (n int, more bool, err error) {
	if v.session != nil && limit == 0 {
		return v.runByTurns(ctx, q, columns, yield)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	rows, err := v.tx.Query(ctx, q.Text, q.Args...)
	if err != nil {
		return 0, false, pgError(ctx, err)
	}
	defer rows.Close()
	defer cancel() // before rows.Close, which would read to the end
	decoder := record.NewDecoder(columns)
	var doc []byte
	got := pgFound{record: &record.Record{Index: v.x.schema.Index}}
	for rows.Next() {
		if ctx.Err() != nil { // what has arrived already is not given out any more
			return n, false, ctx.Err()
		}
		if limit > 0 && n == limit {
			continue
		}
		var id string
		if err := rows.Scan(&got.rid, &id, (*lentBytes)(&doc)); err != nil {
			return n, false, pgError(ctx, err)
		}
		got.record.ID = unescape(id)
		if err := decoder.Decode(doc, got.record); err != nil {
			return n, false, fmt.Errorf("%w: the document %q: %w", search.ErrCorrupt, got.record.ID, err)
		}
		n++
		if !yield(got, nil) {
			return n, false, nil
		}
	}
	return n, true, pgError(ctx, rows.Err())
}

// lentBytes scans bytes into a buffer that is used again.
type lentBytes []byte

// ScanBytes implements [github.com/jackc/pgx/v5/pgtype.BytesScanner].
func (b *lentBytes) ScanBytes(v []byte) error {
	*b = append((*b)[:0], v...)
	return nil
}

// count counts what p matches.
func (v *pgView) count(ctx context.Context, p *plan.Plan, limit int64) (n int64, err error) {
	l := v.layout(ctx)
	where, exactly := exact.Narrow(p.Where, l.Can, instead)
	if !exactly {
		return exact.Count(ctx, p, limit, where, exact.ScanReader(v.scanner()))
	}
	q, err := countOf(&plan.Plan{Schema: p.Schema, Where: where, Order: p.Order}, l, limit)
	if err != nil {
		return 0, err
	}
	err = pgQuerier{v.tx}.query(ctx, q, func(row []any) error {
		n, _ = row[0].(int64)
		return nil
	})
	return n, err
}

// expander returns what finds the terms of the index that a term of a question fits.
func (x *pgIndex) expander(ctx context.Context, v querier) func(*record.Field, plan.Mode, string, int) ([]string, error) {
	return func(f *record.Field, mode plan.Mode, term string, edits int) ([]string, error) {
		field := -1
		for i, st := range x.state.Fields {
			if st.Path == f.Path {
				field = i
			}
		}
		if field < 0 || !utf8.ValidString(term) || strings.ContainsRune(term, 0) {
			return nil, nil
		}
		prefix, fits := sqlgen.Fits(mode, term, edits)
		q := sqlgen.Query{Text: "SELECT term FROM " + x.tables.terms + " WHERE field = $1", Args: []any{int64(field)}}
		if prefix != "" {
			q.Text += " AND term >= $2 AND starts_with(term, $2)"
			q.Args = append(q.Args, prefix)
		}
		var found []string
		err := v.query(ctx, q, func(row []any) error {
			if t, _ := row[0].(string); fits([]byte(t)) {
				found = append(found, t)
			}
			return nil
		})
		return found, err
	}
}
