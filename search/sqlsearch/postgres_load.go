package sqlsearch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

const (
	// pgBatch and pgBatchBytes bound what is stored in one transaction.
	pgBatch      = 4000
	pgBatchBytes = 16 << 20
	// maxKeyBytes is the greatest length of what has an index with whole strings in it.
	maxKeyBytes = 2000
)

// Load implements [search.Loader].
func (d *Postgres) Load(ctx context.Context, s *record.Schema, docs iter.Seq[*search.Document], refuse func(search.Refusal)) (int64, error) {
	return d.newLoad(s.Index, refuse).load(ctx, docs)
}

func (d *Postgres) newLoad(index string, refuse func(search.Refusal)) *pgLoad {
	return &pgLoad{d: d, name: index, refuse: refuse, known: map[[32]byte]int64{}, terms: map[string]bool{}, most: maxKnown, mostBytes: maxKnownBytes}
}

func (l *pgLoad) load(ctx context.Context, docs iter.Seq[*search.Document]) (int64, error) {
	if err := l.open(ctx); err != nil {
		return 0, err
	}
	batch := newPgBatch()
	for doc := range docs {
		if ctx.Err() != nil {
			return l.stored, ctx.Err()
		}
		if err := l.rows.read(batch, doc); err != nil {
			l.refuse(search.Refusal{Place: doc.Place, ID: doc.Record.ID, Reason: err.Error()})
			continue
		}
		if len(batch.docs) >= pgBatch || batch.bytes >= pgBatchBytes {
			if err := l.store(ctx, batch); err != nil {
				return l.stored, err
			}
			batch = newPgBatch()
		}
	}
	if len(batch.docs) > 0 {
		if err := l.store(ctx, batch); err != nil {
			return l.stored, err
		}
	}
	if l.stored >= pgBatch {
		l.analyze(ctx)
	}
	return l.stored, ctx.Err()
}

// analyze tells the planner what the tables now hold. It would find that out by itself, later.
func (l *pgLoad) analyze(ctx context.Context) {
	t := l.d.tables(l.id)
	_ = l.d.with(ctx, func(conn *pgxpool.Conn) error {
		_, err := conn.Exec(ctx, "ANALYZE "+t.main+", "+t.values+", "+t.codes, pgx.QueryExecModeSimpleProtocol)
		return err
	})
}

// A pgLoad is one call of Load.
type pgLoad struct {
	d      *Postgres
	name   string
	refuse func(search.Refusal)
	id     int64 // of the index
	rows   *rowReader
	stored int64
	// known are codes of the dictionary, by the hash of what they stand for, and
	// terms those that are in the table of terms, with termBytes in all. Between two batches they are
	// at most so many, and so many bytes.
	known     map[[32]byte]int64
	terms     map[string]bool
	termBytes int
	most      int
	mostBytes int
}

func (l *pgLoad) open(ctx context.Context) error {
	return l.d.view(ctx, "", func(ctx context.Context, tx pgx.Tx) error {
		x, err := l.d.index(ctx, tx, l.name)
		if err != nil {
			return err
		}
		l.id = x.id
		l.rows, err = newRowReader(x)
		return err
	})
}

// store stores a batch in one transaction. Where the database refuses something,
// the batch is taken apart until the documents are found.
func (l *pgLoad) store(ctx context.Context, b *pgBatchData) error {
	err := l.commit(ctx, b)
	var known *pgconn.PgError
	if err == nil || ctx.Err() != nil || !errors.As(err, &known) || !refusal(known.Code) {
		return err
	}
	clear(l.known) // what was added has been taken back
	l.forgetTerms()
	if len(b.docs) == 1 {
		l.refuse(search.Refusal{Place: b.docs[0].place, ID: b.docs[0].id, Reason: known.Message})
		return nil
	}
	half := len(b.docs) / 2
	if err := l.store(ctx, &pgBatchData{docs: b.docs[:half]}); err != nil {
		return err
	}
	return l.store(ctx, &pgBatchData{docs: b.docs[half:]})
}

// refusal reports whether a code of PostgreSQL is about the data and not about
// the database: values that are not right, or beyond a limit.
func refusal(code string) bool { return len(code) == 5 && (code[:2] == "22" || code[:2] == "54") }

func (l *pgLoad) commit(ctx context.Context, b *pgBatchData) error {
	docs := b.latest()
	err := l.d.write(ctx, func(tx pgx.Tx) error {
		x, err := l.d.lookup(ctx, tx, l.name, " FOR UPDATE")
		switch {
		case err != nil:
			return err
		case x == nil || x.id != l.id:
			return fmt.Errorf("sqlsearch: %w %q: it was dropped", search.ErrUnknownIndex, l.name)
		}
		w := &pgWrite{pgLoad: l, tx: tx, x: x, state: x.state}
		w.state.Fields = append([]pgField(nil), x.state.Fields...)
		return w.write(ctx, docs)
	})
	if len(l.known) > l.most {
		clear(l.known)
	}
	if len(l.terms) > l.most || l.termBytes > l.mostBytes {
		l.forgetTerms()
	}
	if err == nil {
		l.stored += int64(len(b.docs))
	}
	return err
}

// forgetTerms makes the load add the terms again that it has added.
func (l *pgLoad) forgetTerms() {
	clear(l.terms)
	l.termBytes = 0
}

// A pgWrite is the transaction of one batch.
type pgWrite struct {
	*pgLoad
	tx    pgx.Tx
	x     *pgIndex
	state pgState
}

func (w *pgWrite) write(ctx context.Context, docs []*pgDoc) error {
	if err := w.remove(ctx, docs); err != nil {
		return err
	}
	if err := w.encode(ctx, docs); err != nil {
		return err
	}
	if err := w.addTerms(ctx, docs); err != nil {
		return err
	}
	if err := w.copy(ctx, docs); err != nil {
		return err
	}
	state, err := json.Marshal(w.state)
	if err != nil {
		return err
	}
	_, err = w.tx.Exec(ctx, "UPDATE "+w.d.table("catalog")+" SET generation = nextval($2::text::regclass), state = $3 WHERE name = $1",
		w.name, w.d.table("numbers"), state)
	return err
}

// remove removes the records that the documents replace.
func (w *pgWrite) remove(ctx context.Context, docs []*pgDoc) error {
	if w.state.Rows == 0 {
		return nil
	}
	ids := make([]string, len(docs))
	for i, doc := range docs {
		ids[i] = escape(doc.id)
	}
	rows, err := w.tx.Query(ctx, "DELETE FROM "+w.x.tables.main+" WHERE id = ANY($1) RETURNING rid", ids)
	if err != nil {
		return err
	}
	gone, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil || len(gone) == 0 {
		return err
	}
	for _, table := range []string{w.x.tables.source, w.x.tables.values} {
		if _, err := w.tx.Exec(ctx, "DELETE FROM "+table+" WHERE rid = ANY($1)", gone); err != nil {
			return err
		}
	}
	return nil
}

// copy stores the rows of the documents, which have all their codes.
func (w *pgWrite) copy(ctx context.Context, docs []*pgDoc) error {
	first := w.state.Rows
	w.state.Rows += int64(len(docs))
	columns := []string{"rid", "id"}
	for i, st := range w.state.Fields {
		n := strconv.Itoa(i)
		columns = append(columns, "c"+n)
		if st.Store == asTerms {
			columns = append(columns, "t"+n, "j"+n)
		}
	}
	if err := w.copyTo(ctx, "", columns, pgx.CopyFromSlice(len(docs), func(i int) ([]any, error) {
		return docs[i].row(w.state.Fields, first+int64(i)+1), nil
	})); err != nil {
		return err
	}
	if err := w.copyTo(ctx, "_source", []string{"rid", "doc"}, pgx.CopyFromSlice(len(docs), func(i int) ([]any, error) {
		return []any{first + int64(i) + 1, docs[i].source}, nil
	})); err != nil {
		return err
	}
	var several [][]any
	for i, doc := range docs {
		for _, v := range doc.several {
			st := &w.state.Fields[v.field]
			st.Several = true
			several = append(several, v.row(first+int64(i)+1, st.Store))
		}
	}
	if len(several) == 0 {
		return nil
	}
	return w.copyTo(ctx, "_values", []string{"rid", "field", "ord", "key", "n", "f", "s", "b"}, pgx.CopyFromRows(several))
}

func (w *pgWrite) copyTo(ctx context.Context, suffix string, columns []string, rows pgx.CopyFromSource) error {
	table := pgx.Identifier{w.d.name, "i" + strconv.FormatInt(w.x.id, 10) + suffix}
	_, err := w.tx.CopyFrom(ctx, table, columns, rows)
	return err
}
