package sqlsearch

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"iter"
	"slices"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/jql/sqlgen"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// records reads how many records there are and which numbers they have.
func (f *finding) records() (*vectorRecords, error) {
	n, err := f.v.number(f.ctx, fmt.Sprintf("SELECT count(*) FROM (SELECT 1 FROM %s LIMIT %d)", f.x.table(""), mostRecords+1))
	if err != nil || n == 0 {
		return &vectorRecords{}, err
	}
	if n > min(mostRecords, f.v.d.vectors.room) { // each has a byte in a column at least
		return nil, errBySQL
	}
	var ends [2]int64
	for i, of := range []string{"min", "max"} {
		if ends[i], err = f.v.number(f.ctx, "SELECT "+of+"(rid) FROM "+f.x.table("")); err != nil {
			return nil, err
		}
	}
	got := &vectorRecords{n: int(n), first: ends[0]}
	if ends[1]-ends[0] == n-1 {
		return got, nil
	}
	got.rids = make([]int64, 0, n)
	err = f.rows("SELECT rid FROM "+f.x.table("")+" ORDER BY rid", func(s *stmt) bool {
		got.rids = append(got.rids, s.int(0))
		return true
	})
	if err == nil && len(got.rids) != got.n {
		err = fmt.Errorf("%w: %d records of index %q where there were %d", search.ErrCorrupt, len(got.rids), f.x.schema.Index, n)
	}
	return got, err
}

// otherwise says that there is not what was there a moment ago.
func (f *finding) otherwise(n int) error {
	return fmt.Errorf("%w: %d records of index %q where there were %d", search.ErrCorrupt, n, f.x.schema.Index, f.t.n)
}

// ids returns the IDs of the records.
func (f *finding) ids() (*texts, error) {
	p, err := f.v.d.vectors.part(f.ctx, f.t, partIDs, func() (*vectorPart, error) {
		ids, left := &texts{ends: make([]uint32, 0, f.t.n)}, f.v.d.vectors.left(f.t)
		err := f.rows("SELECT id FROM "+f.x.table("")+" ORDER BY rid", func(s *stmt) bool {
			ids.add(s.bytes(0))
			return ids.size() <= left
		})
		switch {
		case err != nil:
		case ids.size() > left:
			err = errBySQL
		case len(ids.ends) != f.t.n:
			err = f.otherwise(len(ids.ends))
		}
		return &vectorPart{ids: ids, bytes: ids.size()}, err
	})
	if err != nil {
		return nil, err
	}
	return p.ids, nil
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
	p, err := f.v.d.vectors.part(f.ctx, f.t, c.Value, func() (*vectorPart, error) {
		v, err := f.read(field, c)
		if err != nil {
			return nil, err
		}
		return &vectorPart{col: v, bytes: v.size()}, nil
	})
	if err != nil {
		return nil, c, err
	}
	return p.col, c, nil
}

// A columnReading reads one column.
type columnReading struct {
	*finding
	*vector
	c      *sqlgen.Column
	float  bool
	places map[int64]int64 // of the strings of a dictionary among each other, by their codes
	values []int64         // of each record; nil if there is only missing
}

// read reads a column.
func (f *finding) read(field *record.Field, c *sqlgen.Column) (*vector, error) {
	r := &columnReading{finding: f, vector: &vector{}, c: c, float: field.Kind == record.Float}
	if left := f.v.d.vectors.left(f.t); int64(f.t.n/8) > left || numbered(field, c) && int64(f.t.n) > left {
		return nil, errBySQL
	}
	if numbered(field, c) {
		r.values = make([]int64, f.t.n)
		if err := r.dictionary(); err != nil {
			return nil, err
		}
	}
	if err := r.firsts(); err != nil {
		return nil, err
	}
	several, err := r.pairs()
	if err != nil {
		return nil, err
	}
	if r.broken {
		return nil, fmt.Errorf("%w: a field of index %q has codes that stand for nothing", search.ErrCorrupt, f.x.schema.Index)
	}
	r.combined(several)
	return r.vector, nil
}

// dictionary reads where the strings of a dictionary stand among each other.
func (r *columnReading) dictionary() error {
	if r.c.Codes == nil {
		return nil
	}
	r.places = map[int64]int64{}
	var codes []int64
	left := r.v.d.vectors.left(r.t)
	err := r.rows("SELECT code FROM "+r.c.Codes.Table+" WHERE "+r.c.Codes.Only+" ORDER BY value", func(s *stmt) bool {
		r.places[s.int(0)] = int64(len(codes))
		codes = append(codes, s.int(0))
		return int64(len(codes)) <= left
	})
	if err == nil && int64(len(codes)) > left {
		err = errBySQL
	}
	numbers := newPacked(codes, nil)
	r.codes = &numbers
	return err
}

// firsts reads the value of each record, of several the least.
func (r *columnReading) firsts() error {
	missing, some, i := newVectorSet(r.t.n), false, 0
	var filler int64
	err := r.rows("SELECT "+r.c.Value+" FROM "+r.x.table("")+" AS m ORDER BY m.rid", func(s *stmt) bool {
		value, is := r.stored(s)
		switch {
		case i >= r.t.n:
			i++
			return false
		case !is:
			missing.add(i)
			some = true
		case r.values != nil:
			r.values[i], filler = value, value
		}
		i++
		return true
	})
	if err == nil && i != r.t.n {
		err = r.otherwise(i)
	}
	if !some || err != nil {
		return err
	}
	r.missing = missing
	if r.values != nil { // a value that makes none of the others wider
		for i := range missing.all() {
			r.values[i] = filler
		}
	}
	return nil
}

// stored returns the number of the value in the first column of s, if there is one.
func (r *columnReading) stored(s *stmt) (n int64, is bool) {
	switch value := s.value(0); {
	case value == nil:
		return 0, false
	case r.values == nil:
		return 0, true
	case r.places != nil:
		n, is = r.places[s.int(0)]
		r.broken = r.broken || !is
		return n, is
	case r.float:
		n, _ = vectorNumber(s.float(0)) // a whole number may be stored as one
		return n, true
	}
	return s.int(0), true
}

// A severalReading is of the values of the records that have more than one.
type severalReading struct {
	distinct []int64
	index    map[int64]uint32 // of each distinct value
	at       []uint32         // places of records, and
	of       []uint32         // what value each has
}

// pairs reads the values of the records that have more than one.
func (r *columnReading) pairs() (*severalReading, error) {
	got := &severalReading{index: map[int64]uint32{}}
	if r.c.Several == nil || r.values == nil {
		return got, nil
	}
	side := r.c.Several
	room := r.v.d.vectors.room
	err := r.rows("SELECT "+side.Value+", "+side.Row+" FROM "+side.Table+" WHERE "+side.Only, func(s *stmt) bool {
		value, is := r.stored(s)
		if at, found := r.t.find(s.int(1)); is && found {
			got.add(at, value)
		}
		return got.size() <= room
	})
	if err == nil && got.size() > room {
		err = errBySQL
	}
	return got, err
}

// size returns about how many bytes it takes.
func (p *severalReading) size() int64 { return int64(len(p.at))*12 + int64(len(p.distinct))*64 }

func (p *severalReading) add(at int, value int64) {
	i, known := p.index[value]
	if !known {
		i = uint32(len(p.distinct)) //nolint:gosec // there are no more of them than of at
		p.index[value], p.distinct = i, append(p.distinct, value)
	}
	p.at, p.of = append(p.at, uint32(at)), append(p.of, i) //nolint:gosec // there are at most mostRecords
}

// byRecord yields, for each of n records that has several values, what they are; the list is lent.
func (p *severalReading) byRecord(n int) iter.Seq2[int, []int64] {
	return func(yield func(int, []int64) bool) {
		ends := make([]uint32, n+1)
		for _, at := range p.at {
			ends[at+1]++
		}
		for i := range n {
			ends[i+1] += ends[i]
		}
		sorted := make([]uint32, len(p.of))
		for i, at := range p.at { // ends[at] goes from where its values begin to where they end
			sorted[ends[at]] = p.of[i]
			ends[at]++
		}
		var list []int64
		begin := uint32(0)
		for at := range n {
			if ends[at] == begin {
				continue
			}
			list = list[:0]
			for _, i := range sorted[begin:ends[at]] {
				list = append(list, p.distinct[i])
			}
			begin = ends[at]
			slices.Sort(list)
			if !yield(at, list) {
				return
			}
		}
	}
}

// combined makes the vector of the values, with the sets of those that are several.
func (r *columnReading) combined(p *severalReading) {
	if len(p.at) > 0 {
		numbers, known := make([]int64, r.t.n), map[string]int64{}
		var key []byte
		for at, list := range p.byRecord(r.t.n) {
			key = key[:0]
			for _, v := range list {
				key = binary.AppendVarint(key, v)
			}
			set, ok := known[string(key)]
			if !ok {
				r.sets = append(r.sets, slices.Clone(list))
				set = int64(len(r.sets))
				known[string(key)] = set
			}
			numbers[at] = set
		}
		r.several = newPacked(numbers, []int64{0})
	}
	r.vector.first = newPacked(r.values, p.distinct)
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
	set := newVectorSet(f.t.n)
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
func (t *vectorRecords) find(rid int64) (at int, found bool) {
	if t.rids != nil {
		return slices.BinarySearch(t.rids, rid)
	}
	at = int(rid - t.first)
	return at, at >= 0 && at < t.n
}

// rid returns the number of the record at a place.
func (t *vectorRecords) rid(at int) int64 {
	if t.rids != nil {
		return t.rids[at]
	}
	return t.first + int64(at)
}

// stream returns the records at some places.
func (f *finding) stream(r *search.Read, ids *texts, places []int32) record.Stream {
	rd := &reading{v: f.v, x: f.x, columns: r.Columns, index: f.p.Schema.Index, source: r.Source}
	return func(yield func(*record.Record, error) bool) {
		dec := rd.newDecoding(yield)
		dec.end(f.documents(ids, places, func(found *found) bool { return dec.decode(found) }))
	}
}

// documents reads the documents at some places, some at a time, and passes them on until it is told to stop.
func (f *finding) documents(ids *texts, places []int32, pass func(*found) bool) error {
	docs, err := f.v.prepare("SELECT s.doc, m.id FROM " + f.x.table("source") + " AS s JOIN " + f.x.table("") + " AS m ON m.rid = s.rid WHERE s.rid = ?")
	if err != nil {
		return err
	}
	defer docs.reset()
	defer f.v.watch(f.ctx)()
	var some found
	for i, at := range places {
		if err := f.document(docs, &some, ids.at(int(at)), f.t.rid(int(at))); err != nil {
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

func (f *finding) document(docs *stmt, some *found, id []byte, rid int64) error {
	more, err := docs.of(rid)
	if err != nil {
		return err
	}
	if !more || !bytes.Equal(docs.bytes(1), id) {
		return fmt.Errorf("%w: record %q has no document", search.ErrCorrupt, id)
	}
	some.add(rid, id, docs.bytes(0))
	return nil
}
