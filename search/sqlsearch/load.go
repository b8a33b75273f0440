package sqlsearch

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

var _ search.Loader = (*SQLite)(nil)

// maxBatch is how many bytes of documents are stored in one transaction, roughly.
const maxBatch = 8 << 20

// Load implements [search.Loader]. While one batch is stored, the next is made.
func (d *SQLite) Load(ctx context.Context, s *record.Schema, docs iter.Seq[*search.Document], refuse func(search.Refusal)) (int64, error) {
	x, err := d.loading(ctx, s.Index)
	if err != nil {
		return 0, err
	}
	e, err := newEncoder(x)
	if err != nil {
		return 0, fmt.Errorf("sqlsearch: %w", err)
	}
	l := &loading{d: d, ctx: ctx, in: newInserter(x), full: make(chan *batch), free: make(chan *batch, 2), done: make(chan struct{}), failed: make(chan struct{})}
	l.free <- &batch{}
	l.free <- &batch{}
	go l.store()
	l.fill(e, docs, refuse)
	close(l.full)
	<-l.done
	if l.err == nil {
		l.err = d.finish(ctx, s.Index)
	}
	if l.err != nil {
		return l.stored, fmt.Errorf("sqlsearch: loading %q: %w", s.Index, l.err)
	}
	return l.stored, nil
}

// loading returns an index that can be loaded.
func (d *SQLite) loading(ctx context.Context, name string) (*index, error) {
	if d.readOnly {
		return nil, fmt.Errorf("sqlsearch: %q: %w", d.file, search.ErrReadOnly)
	}
	v, err := d.view(ctx)
	if err != nil {
		return nil, err
	}
	defer v.close()
	return v.catalog.index(name)
}

// A loading is a load that goes on: one goroutine fills batches, another stores them.
type loading struct {
	d          *SQLite
	ctx        context.Context
	in         *inserter
	full, free chan *batch
	done       chan struct{} // closed when all is stored
	failed     chan struct{} // closed after an error
	stored     int64
	err        error
}

// fill makes batches of docs until there are no more, or storing them has failed.
func (l *loading) fill(e *encoder, docs iter.Seq[*search.Document], refuse func(search.Refusal)) {
	b := <-l.free
	for doc := range docs {
		if reason := e.take(b, doc); reason != "" {
			refuse(search.Refusal{Place: doc.Place, ID: doc.Record.ID, Reason: reason})
		}
		if len(b.rows) < l.d.options.Batch && b.sources < maxBatch {
			continue
		}
		if b = l.pass(b); b == nil {
			return
		}
	}
	if len(b.rows) > 0 {
		l.pass(b)
	}
}

// pass hands a batch on and returns an empty one, or nil after an error.
func (l *loading) pass(b *batch) *batch {
	select {
	case l.full <- b:
	case <-l.failed:
		return nil
	}
	select {
	case b = <-l.free:
		b.reset()
		return b
	case <-l.failed:
		return nil
	}
}

// take adds a document to b, or says why not.
func (e *encoder) take(b *batch, doc *search.Document) (reason string) {
	switch {
	case doc.Record.ID == "":
		return "the document has no ID"
	case doc.Record.Source() == nil:
		return "the record has no document"
	}
	if err := e.add(b, doc.Record); err != nil {
		return err.Error()
	}
	return ""
}

func (l *loading) store() {
	defer close(l.done)
	for b := range l.full {
		err := l.d.writing(l.ctx, func(c *conn, cat *catalog) error {
			x := cat.indexes[l.in.x.schema.Index]
			if x == nil || x.n != l.in.x.n {
				return fmt.Errorf("%w: the index was made anew while it was loaded", search.ErrSchemaConflict)
			}
			l.in.follow(x)
			return l.in.store(l.ctx, c, b)
		})
		if err != nil {
			l.err = err
			close(l.failed)
			return
		}
		l.stored += int64(len(b.rows))
		l.free <- b
	}
}

// atOnce is how many records are indexed in one transaction, each counted as often as it
// is in an index, so that other writers need not wait for long.
const atOnce = 1_000_000

// finish makes the indexes of the columns, if they are not there yet: those of a large
// table each in a transaction of its own, those of a small one together.
func (d *SQLite) finish(ctx context.Context, name string) error {
	var todo []string
	var rows int64
	err := d.onIndex(ctx, name, func(c *conn, x *index) (err error) {
		if x.state.Indexed {
			return nil
		}
		todo = x.secondary()
		rows, err = c.number(ctx, "SELECT max(rid) FROM "+x.table("source"))
		return err
	})
	if err != nil || todo == nil {
		return err
	}
	for some := range slices.Chunk(todo, int(max(atOnce/max(rows, 1), 1))) {
		if err := d.onIndex(ctx, name, func(c *conn, _ *index) error { return c.exec(strings.Join(some, ";\n")) }); err != nil {
			return err
		}
	}
	if err := d.onIndex(ctx, name, func(c *conn, x *index) error { return x.setIndexed(c) }); err != nil {
		return err
	}
	return d.shrink(ctx)
}

// shrink gives the room of the log back, if nobody reads from it now, and the memory of the writer.
func (d *SQLite) shrink(ctx context.Context) error {
	select {
	case d.write <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-d.write }()
	if d.writer == nil {
		return nil
	}
	err := d.writer.exec("PRAGMA wal_checkpoint(TRUNCATE)")
	if isLocked(err) {
		err = nil
	}
	if err == nil {
		err = d.writer.exec("PRAGMA shrink_memory")
	}
	return err
}

// setIndexed notes that the indexes are there, and lets SQLite see what is in them.
func (x *index) setIndexed(c *conn) error {
	err := c.exec("PRAGMA analysis_limit=0; ANALYZE " + x.table("") + "; PRAGMA analysis_limit=1000; ANALYZE " + x.table("values"))
	if err != nil {
		return err
	}
	state := x.state
	state.Indexed = true
	return x.save(c, state)
}

func (d *SQLite) onIndex(ctx context.Context, name string, work func(c *conn, x *index) error) error {
	return d.writing(ctx, func(c *conn, cat *catalog) error {
		x, err := cat.index(name)
		if err != nil {
			return err
		}
		return work(c, x)
	})
}

// remake makes an index anew under a schema with more fields, out of its documents.
func (d *SQLite) remake(ctx context.Context, c *conn, old *index, s *record.Schema, mapping []byte) error {
	if err := c.run("DELETE FROM dhr_index WHERE n = ?", old.n); err != nil {
		return err
	}
	x, err := d.make(ctx, c, s, mapping)
	if err != nil {
		return err
	}
	if err := d.copyInto(ctx, c, old, x); err != nil {
		return err
	}
	if err := drop(c, old); err != nil || !old.state.Indexed {
		return err
	}
	for _, text := range x.secondary() {
		if err := c.exec(text); err != nil {
			return err
		}
	}
	cat, err := d.readCatalog(ctx, c)
	if err != nil {
		return err
	}
	return cat.indexes[s.Index].setIndexed(c)
}

// copyInto stores the documents of one index in another.
func (d *SQLite) copyInto(ctx context.Context, c *conn, old, x *index) error {
	e, err := newEncoder(x)
	if err != nil {
		return err
	}
	in, b := newInserter(x), &batch{}
	read, err := c.prepare("SELECT m.id, s.doc FROM " + old.table("") + " AS m JOIN " + old.table("source") + " AS s ON s.rid = m.rid ORDER BY m.rid")
	if err != nil {
		return err
	}
	defer read.reset()
	store := func() error {
		if err := in.store(ctx, c, b); err != nil {
			return err
		}
		b.reset()
		cat, err := d.readCatalog(ctx, c)
		if err != nil {
			return err
		}
		in.follow(cat.indexes[x.schema.Index])
		return nil
	}
	for {
		more, err := read.step()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		r := &record.Record{ID: string(read.bytes(0)), Index: x.schema.Index}
		if err := e.own.Decode(read.bytes(1), r); err != nil {
			return fmt.Errorf("%w: record %q: %w", search.ErrSchemaConflict, r.ID, err)
		}
		if err := e.add(b, r); err != nil {
			return err
		}
		if len(b.rows) >= d.options.Batch || b.sources >= maxBatch {
			if err := store(); err != nil {
				return err
			}
		}
	}
	if len(b.rows) == 0 {
		return nil
	}
	return store()
}
