package sqlsearch

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/jql/sqlgen"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// records reads the numbers and the IDs of the records, unless there are too many, or it was not asked often enough for so many.
func (f *finding) records(asked int) (*readRecords, error) {
	got := &readRecords{}
	n, err := f.v.number(f.ctx, fmt.Sprintf("SELECT count(*) FROM (SELECT 1 FROM %s LIMIT %d)", f.x.table(""), mostRecords+1))
	if err != nil || n > mostRecords {
		return got, err
	}
	if got.least = askedBefore + int(n/recordsForOne); got.least > asked {
		return got, nil
	}
	room := f.v.d.vectors.room
	got.rids, got.ids.ends = make([]int64, 0, n), make([]uint32, 0, n)
	err = f.rows("SELECT rid, id FROM "+f.x.table("")+" ORDER BY rid", func(s *stmt) bool {
		got.rids = append(got.rids, s.int(0))
		got.ids.add(s.bytes(1))
		return got.size() <= room
	})
	if got.size() > room {
		got.rids = nil
	}
	return got, err
}

// rows runs a statement and calls each with every row, until it does not want more.
func (f *finding) rows(text string, each func(s *stmt) bool) error {
	s, err := f.v.prepare(text)
	if err != nil {
		return err
	}
	defer s.reset()
	defer f.v.watch(f.ctx)()
	for {
		more, err := s.step()
		if err != nil || !more {
			return ended(f.ctx, err)
		}
		if !each(s) {
			return nil
		}
	}
}

// numbered reports whether the values of a column are numbers here.
func numbered(f *record.Field, c *sqlgen.Column) bool {
	switch f.Kind {
	case record.Bool, record.Int, record.Uint, record.Float, record.Time:
		return true
	case record.String:
		return c.Codes != nil
	}
	return false
}

// column returns the vector of a field, or nil if it can have none.
func (f *finding) column(field *record.Field) (*vector, *sqlgen.Column, error) {
	if field == nil {
		return nil, nil, nil
	}
	c := f.l.Column(field)
	if c == nil || c.Value == "" || c.Required {
		return nil, c, nil
	}
	v, err := f.v.d.vectors.column(f.t, c.Value, func() (*vector, error) { return f.read(field, c) })
	return v, c, err
}

// read reads a column.
func (f *finding) read(field *record.Field, c *sqlgen.Column) (*vector, error) {
	n := len(f.t.rids)
	v, missing, some := &vector{float: field.Kind == record.Float}, newVectorSet(n), false
	if numbered(field, c) {
		v.values = make([]int64, n)
	}
	if err := f.places(v, c); err != nil {
		return nil, err
	}
	i, bad := 0, false
	err := f.rows("SELECT "+c.Value+" FROM "+f.x.table("")+" AS m ORDER BY m.rid", func(s *stmt) bool {
		value, is := v.stored(s)
		switch {
		case i >= n:
			bad = true
		case !is:
			missing.add(i)
			some = true
		case v.values != nil:
			v.values[i] = value
		}
		i++
		return !bad
	})
	if err != nil {
		return nil, err
	}
	if bad || i != n {
		return nil, fmt.Errorf("%w: %d records of index %q where there were %d", search.ErrCorrupt, i, f.x.schema.Index, n)
	}
	if some {
		v.missing = missing
	}
	if err := f.several(v, c); err != nil {
		return nil, err
	}
	if v.broken {
		return nil, fmt.Errorf("%w: a field of index %q has codes that stand for nothing", search.ErrCorrupt, f.x.schema.Index)
	}
	return v, nil
}

// places reads where the strings of a dictionary stand among each other.
func (f *finding) places(v *vector, c *sqlgen.Column) error {
	if c.Codes == nil || v.values == nil {
		return nil
	}
	v.place = map[int64]int64{}
	return f.within(v, "SELECT code FROM "+c.Codes.Table+" WHERE "+c.Codes.Only+" ORDER BY value", func(s *stmt) {
		v.place[s.int(0)] = int64(len(v.place))
	})
}

// stored returns the number of the value in the first column of s, if there is one.
func (c *vector) stored(s *stmt) (n int64, is bool) {
	switch value := s.value(0); {
	case value == nil:
		return 0, false
	case c.values == nil:
		return 0, true
	case c.place != nil:
		n, is = c.place[s.int(0)]
		c.broken = c.broken || !is
		return n, is
	case c.float:
		n, _ = vectorNumber(s.float(0)) // a whole number may be stored as one
		return n, true
	}
	return s.int(0), true
}

// several reads the values of the records that have more than one.
func (f *finding) several(v *vector, c *sqlgen.Column) error {
	if c.Several == nil || v.values == nil {
		return nil
	}
	side := c.Several
	return f.within(v, "SELECT "+side.Value+", "+side.Row+" FROM "+side.Table+" WHERE "+side.Only, func(s *stmt) {
		value, is := v.stored(s)
		if at, found := f.t.find(s.int(1)); is && found {
			v.more = append(v.more, vectorValue{at, value})
		}
	})
}

// within is rows for what becomes part of a vector, as long as there is room for it.
func (f *finding) within(c *vector, text string, each func(s *stmt)) error {
	left := f.v.d.vectors.left(f.t)
	err := f.rows(text, func(s *stmt) bool {
		each(s)
		return c.size() <= left
	})
	if err == nil && c.size() > left {
		err = errBySQL
	}
	return err
}

// bySQL returns the records for which a condition holds, as SQL says.
func (f *finding) bySQL(n plan.Node) (vectorSet, error) {
	key := n.String()
	if set := f.v.d.vectors.leaf(f.t, key); set != nil {
		return set, nil
	}
	queries, err := selectOf(&plan.Plan{Schema: f.p.Schema, Where: n, Order: f.p.Order}, f.l, &sqlgen.Selection{List: "m.rid"})
	if err != nil {
		return nil, err
	}
	set := newVectorSet(len(f.t.rids))
	for _, q := range queries {
		err := f.v.query(f.ctx, q, func(row []any) error {
			rid, _ := row[0].(int64)
			if at, found := f.t.find(rid); found {
				set.add(at)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	f.v.d.vectors.keep(f.t, key, set)
	return set, nil
}

// find returns the place of a record.
func (t *vectorIndex) find(rid int64) (at int, found bool) {
	if n := len(t.rids); n > 0 && rid >= t.rids[0] && t.rids[n-1]-t.rids[0] == int64(n-1) { // there are no gaps
		return int(rid - t.rids[0]), rid <= t.rids[n-1]
	}
	return slices.BinarySearch(t.rids, rid)
}

// stream returns the records at some places.
func (f *finding) stream(r *search.Read, places []int32) record.Stream {
	rd := &reading{v: f.v, x: f.x, columns: r.Columns, index: f.p.Schema.Index, source: r.Source}
	return func(yield func(*record.Record, error) bool) {
		dec := rd.newDecoding(yield)
		dec.end(f.documents(places, func(found *found) bool { return dec.decode(found) }))
	}
}

// documents reads the documents at some places, some at a time, and passes them on until it is told to stop.
func (f *finding) documents(places []int32, pass func(*found) bool) error {
	docs, err := f.v.prepare("SELECT s.doc, m.id FROM " + f.x.table("source") + " AS s JOIN " + f.x.table("") + " AS m ON m.rid = s.rid WHERE s.rid = ?")
	if err != nil {
		return err
	}
	defer docs.reset()
	defer f.v.watch(f.ctx)()
	var some found
	for i, at := range places {
		if err := f.document(docs, &some, int(at)); err != nil {
			return ended(f.ctx, err)
		}
		if len(some.rows) < foundRows && len(some.arena) < foundBytes && i < len(places)-1 {
			continue
		}
		if !pass(&some) {
			return nil
		}
		some.arena, some.rows = some.arena[:0], some.rows[:0]
		if err := f.ctx.Err(); err != nil && i < len(places)-1 {
			return err
		}
	}
	return nil
}

func (f *finding) document(docs *stmt, some *found, at int) error {
	id := f.t.ids.at(at)
	more, err := docs.of(f.t.rids[at])
	if err != nil {
		return err
	}
	if !more || !bytes.Equal(docs.bytes(1), id) {
		return fmt.Errorf("%w: record %q has no document", search.ErrCorrupt, id)
	}
	some.add(f.t.rids[at], id, docs.bytes(0))
	return nil
}
