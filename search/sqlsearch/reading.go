package sqlsearch

import (
	"context"
	"fmt"
	"unsafe"

	"github.com/digit-health/dhr/jql/sqlgen"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// A reading runs statements that select rid, id and perhaps doc, one after the
// other, and makes records of what they give.
type reading struct {
	v       *view
	x       *index
	columns *record.Projection
	index   string
	source  bool
	queries []sqlgen.Query
	skip    int
	limit   int // of rows, with those that are skipped; 0 for all
	// last is the rid of the last record that was yielded.
	last int64
}

// A found is rows on their way from SQLite to the decoder.
type found struct {
	arena []byte
	rows  []foundRow
	err   error
}

// A foundRow has its id and its document in the arena, one behind the other.
type foundRow struct {
	rid            int64
	start, id, end int
}

const (
	foundRows  = 512
	foundBytes = 256 << 10
	// overlapped is the number of records from which they are decoded while the next
	// are read.
	overlapped = 200
)

// stream yields the records.
func (rd *reading) stream(ctx context.Context) record.Stream {
	return func(yield func(*record.Record, error) bool) {
		if rd.limit > 0 && rd.limit <= overlapped {
			rd.alone(ctx, yield)
			return
		}
		rd.together(ctx, yield)
	}
}

// alone reads and decodes by turns.
func (rd *reading) alone(ctx context.Context, yield func(*record.Record, error) bool) {
	dec := rd.newDecoding(yield)
	err := rd.fetch(ctx, &found{}, func(f *found) (*found, bool) {
		goOn := dec.decode(f)
		f.arena, f.rows = f.arena[:0], f.rows[:0]
		return f, goOn
	})
	dec.end(err)
}

// together reads in a goroutine of its own.
func (rd *reading) together(ctx context.Context, yield func(*record.Record, error) bool) {
	full, free, leave := make(chan *found, 2), make(chan *found, 4), make(chan struct{})
	for range cap(free) {
		free <- &found{}
	}
	inner, cancel := context.WithCancel(ctx)
	go func() {
		defer close(full)
		first := <-free
		err := rd.fetch(inner, first, func(f *found) (*found, bool) {
			select {
			case full <- f:
			case <-leave:
				return nil, false
			}
			select {
			case f = <-free:
				f.arena, f.rows = f.arena[:0], f.rows[:0]
				return f, true
			case <-leave:
				return nil, false
			}
		})
		if err != nil {
			select {
			case full <- &found{err: err}:
			case <-leave:
			}
		}
	}()
	defer func() { // the connection is free when the goroutine has ended
		cancel()
		close(leave)
		for range full {
		}
	}()
	dec := rd.newDecoding(yield)
	for f := range full {
		if f.err != nil {
			dec.end(ended(ctx, f.err))
			return
		}
		if !dec.decode(f) {
			return
		}
		free <- f
	}
}

// fetch runs the statements and passes on what they give; pass returns what to fill next,
// and whether to go on.
func (rd *reading) fetch(ctx context.Context, f *found, pass func(*found) (*found, bool)) error {
	left := rd.limit
	for i := range rd.queries {
		goOn, err := rd.fetchOne(ctx, &rd.queries[i], &f, &left, pass)
		if err != nil || !goOn {
			return err
		}
		if rd.limit > 0 && left <= 0 {
			break
		}
	}
	if len(f.rows) > 0 {
		pass(f)
	}
	return nil
}

func (rd *reading) fetchOne(ctx context.Context, q *sqlgen.Query, f **found, left *int, pass func(*found) (*found, bool)) (goOn bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	c := rd.v.conn
	s, err := c.prepare(q.Text)
	if err != nil {
		return false, err
	}
	defer s.reset()
	var docs *stmt
	if s.columns < 3 {
		if docs, err = c.prepare("SELECT doc FROM " + rd.x.table("source") + " WHERE rid = ?"); err != nil {
			return false, err
		}
		defer docs.reset()
	}
	if err := s.bindAll(q.Args); err != nil {
		return false, err
	}
	defer c.watch(ctx)()
	for {
		more, err := s.step()
		if err != nil || !more {
			return true, ended(ctx, err)
		}
		if rd.limit > 0 {
			if *left--; *left < 0 {
				return true, nil
			}
		}
		if rd.skip > 0 {
			rd.skip--
			continue
		}
		if err := rd.keep(*f, s, docs); err != nil {
			return false, ended(ctx, err)
		}
		if len((*f).rows) >= foundRows || len((*f).arena) >= foundBytes {
			if *f, goOn = pass(*f); !goOn {
				return false, nil
			}
			if err := ctx.Err(); err != nil { // though nobody has had the time to interrupt the statement
				return false, err
			}
		}
	}
}

// keep copies a row. If the statement does not have its document, docs finds it.
func (rd *reading) keep(f *found, s, docs *stmt) error {
	rid, id := s.int(0), s.bytes(1)
	if docs == nil {
		f.add(rid, id, s.bytes(2))
		return nil
	}
	more, err := docs.of(rid)
	if err != nil {
		return err
	}
	if !more {
		return fmt.Errorf("%w: record %q has no document", search.ErrCorrupt, id)
	}
	f.add(rid, id, docs.bytes(0))
	return nil
}

// add copies a row.
func (f *found) add(rid int64, id, doc []byte) {
	r := foundRow{rid: rid, start: len(f.arena)}
	f.arena = append(f.arena, id...)
	r.id = len(f.arena)
	f.arena = append(f.arena, doc...)
	r.end = len(f.arena)
	f.rows = append(f.rows, r)
}

// of runs a statement again for a number, of which there is one row at most.
func (s *stmt) of(n int64) (more bool, err error) {
	s.again()
	if err := s.bindInt(1, n); err != nil {
		return false, err
	}
	return s.step()
}

// A decoding makes records of rows.
type decoding struct {
	rd      *reading
	yield   func(*record.Record, error) bool
	decoder *record.Decoder
	record  record.Record
	over    bool
}

func (rd *reading) newDecoding(yield func(*record.Record, error) bool) *decoding {
	return &decoding{rd: rd, yield: yield, decoder: record.NewDecoder(rd.columns)}
}

// decode yields the records of f and reports whether to go on.
func (d *decoding) decode(f *found) bool {
	for _, row := range f.rows {
		d.record.ID = lent(f.arena[row.start:row.id])
		d.record.Index = d.rd.index
		if err := d.decoder.Decode(f.arena[row.id:row.end], &d.record); err != nil {
			d.over = true
			d.yield(nil, fmt.Errorf("%w: record %q: %w", search.ErrCorrupt, d.record.ID, err))
			return false
		}
		d.rd.last = row.rid
		if !d.yield(&d.record, nil) {
			d.over = true
			return false
		}
	}
	return true
}

func (d *decoding) end(err error) {
	if err != nil && !d.over {
		d.yield(nil, err)
	}
}

// lent returns bytes as a string that lives as long as they do not change.
func lent(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
