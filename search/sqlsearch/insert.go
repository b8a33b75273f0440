package sqlsearch

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/digit-health/dhr/jql/sqlgen"
)

// An inserter stores batches in the tables of one index, in a transaction of its caller.
type inserter struct {
	x     *index
	texts int
	// codes are the codes of each coded field that were met lately, and count how many
	// each has in all.
	codes []map[string]int64
	count []int64
	next  int64 // the next rid
}

const (
	// maxCodes is how many codes of one field are remembered.
	maxCodes = 50_000
	// A field stays coded while it has fewer different values than minCodes, or
	// fewer than one for every codedShare records.
	minCodes   = 1000
	codedShare = 4
)

func newInserter(x *index) *inserter {
	in := &inserter{}
	in.follow(x)
	for _, st := range x.state.Fields {
		in.texts = max(in.texts, st.Text)
	}
	return in
}

// follow takes notice of the index as it is now.
func (in *inserter) follow(x *index) {
	if in.x == x {
		return
	}
	in.x = x
	in.codes = make([]map[string]int64, len(x.state.Fields))
	in.count = make([]int64, len(x.state.Fields))
}

// statements are the prepared statements of an inserter.
type statements struct {
	row, source, value, key, text, term *stmt
	list                                []*stmt
}

func (st *statements) close() {
	for _, s := range st.list {
		s.reset()
	}
}

func (in *inserter) prepare(c *conn) (st *statements, err error) {
	st = &statements{}
	x := in.x
	get := func(text string) (s *stmt) {
		if err != nil {
			return nil
		}
		if s, err = c.prepare(text); err == nil {
			st.list = append(st.list, s)
		}
		return s
	}
	st.row = get("INSERT INTO " + x.table("") + " VALUES (?, ?" + strings.Repeat(", ?", len(x.state.Fields)) + ") ON CONFLICT (id) DO NOTHING")
	st.source = get("INSERT INTO " + x.table("source") + " VALUES (?, ?)")
	st.value = get("INSERT INTO " + x.table("values") + " VALUES (?, ?, ?, ?)")
	st.key = get("INSERT INTO " + x.table("keys") + " VALUES (?, ?, ?, ?, ?)")
	if in.texts > 0 {
		names := make([]string, in.texts)
		for i := range names {
			names[i] = fmt.Sprintf("t%d", i+1)
		}
		st.text = get("INSERT INTO " + x.table("text") + " (rowid, " + strings.Join(names, ", ") + ") VALUES (?" + strings.Repeat(", ?", in.texts) + ")")
		st.term = get("INSERT OR IGNORE INTO " + x.table("terms") + " VALUES (?)")
	}
	if err != nil {
		st.close()
		return nil, err
	}
	return st, nil
}

// store stores a batch.
func (in *inserter) store(ctx context.Context, c *conn, b *batch) error {
	st, err := in.prepare(c)
	if err != nil {
		return err
	}
	defer st.close()
	if b.keyed && in.x.state.Key > 0 {
		if err := in.unkey(c); err != nil {
			return err
		}
	}
	last, err := c.number(ctx, "SELECT max(rid) FROM "+in.x.table("source"))
	if err != nil {
		return err
	}
	in.next = last + 1
	if err := in.countCodes(ctx, c); err != nil {
		return err
	}
	for n := range b.rows {
		if err := in.row(ctx, c, st, b, n); err != nil {
			return err
		}
	}
	for _, t := range b.terms {
		if err := st.term.bindCell(1, b, t); err != nil {
			return err
		}
		if err := st.term.do(); err != nil {
			return err
		}
	}
	return in.note(c, b)
}

func (in *inserter) countCodes(ctx context.Context, c *conn) error {
	clear(in.count)
	q := sqlgen.Query{Text: "SELECT field, count(*) FROM " + in.x.table("codes") + " GROUP BY field"}
	return c.query(ctx, q, func(row []any) error {
		field, _ := row[0].(int64)
		if n, _ := row[1].(int64); field < int64(len(in.count)) {
			in.count[field] = n
		}
		return nil
	})
}

// row stores the nth document of b.
func (in *inserter) row(ctx context.Context, c *conn, st *statements, b *batch, n int) error {
	r := &b.rows[n]
	rid := in.next
	in.next++
	fields := len(in.x.state.Fields)
	for {
		if err := in.bindRow(c, st.row, b, n, rid, fields); err != nil {
			return err
		}
		if err := st.row.do(); err != nil {
			return err
		}
		if sqlite3.Xsqlite3_changes(c.tls, c.db) > 0 {
			break
		}
		if err := in.remove(ctx, c, string(b.bytes(r.id))); err != nil {
			return err
		}
	}
	if err := st.source.bindInt(1, rid); err != nil {
		return err
	}
	if err := st.source.bindCell(2, b, r.source); err != nil {
		return err
	}
	if err := st.source.do(); err != nil {
		return err
	}
	several, keys := len(b.several), len(b.keys)
	if n+1 < len(b.rows) {
		several, keys = b.rows[n+1].several, b.rows[n+1].keys
	}
	for _, v := range b.several[r.several:several] {
		if err := in.several(c, st.value, b, rid, v); err != nil {
			return err
		}
	}
	for _, k := range b.keys[r.keys:keys] {
		if err := in.key(st.key, b, rid, k); err != nil {
			return err
		}
	}
	return in.texted(st.text, b, n, rid)
}

func (in *inserter) bindRow(c *conn, s *stmt, b *batch, n int, rid int64, fields int) error {
	if err := s.bindInt(1, rid); err != nil {
		return err
	}
	if err := s.bindCell(2, b, b.rows[n].id); err != nil {
		return err
	}
	for i, v := range b.cells[n*fields : (n+1)*fields] {
		if v.form == idCell {
			if in.x.state.Key == i+1 {
				continue
			}
			v = b.rows[n].id
		}
		if err := in.bindValue(c, s, i+3, i, b, v); err != nil {
			return err
		}
	}
	return nil
}

// bindValue binds a value of a field, or its code.
func (in *inserter) bindValue(c *conn, s *stmt, at, field int, b *batch, v cell) error {
	if v.form != textCell || !in.x.state.Fields[field].Coded {
		return s.bindCell(at, b, v)
	}
	code, err := in.code(c, field, b.bytes(v))
	if err != nil {
		return err
	}
	return s.bindInt(at, code)
}

func (in *inserter) several(c *conn, s *stmt, b *batch, rid int64, v severalValue) error {
	if err := s.bindInts(rid, int64(v.field), int64(v.ord)); err != nil {
		return err
	}
	if err := in.bindValue(c, s, 4, v.field, b, v.value); err != nil {
		return err
	}
	return s.do()
}

func (in *inserter) key(s *stmt, b *batch, rid int64, k keyValue) error {
	if err := s.bindInts(rid, int64(k.field)); err != nil {
		return err
	}
	if err := s.bindCell(3, b, k.key); err != nil {
		return err
	}
	if err := s.bindInt(4, int64(k.ord)); err != nil {
		return err
	}
	if err := s.bindCell(5, b, k.value); err != nil {
		return err
	}
	return s.do()
}

// unkey gives the key a column of its own, since some record has another value there than its ID.
func (in *inserter) unkey(c *conn) error {
	state := in.x.state
	field := state.Key - 1
	state.Key = 0
	if err := c.run(fmt.Sprintf("UPDATE %s SET %s = id", in.x.table(""), columnName(field))); err != nil {
		return err
	}
	if state.Indexed {
		if err := c.exec(in.x.indexOf(field)); err != nil {
			return err
		}
	}
	x := *in.x
	x.state = state
	in.x = &x
	return x.save(c, state)
}

// texted stores the texts of the nth document.
func (in *inserter) texted(s *stmt, b *batch, n int, rid int64) error {
	some := false
	for i, t := range b.texts[n*in.texts : (n+1)*in.texts] {
		if t.form == nullCell {
			continue
		}
		some = true
		if err := s.bindCell(i+2, b, t); err != nil {
			return err
		}
	}
	if !some {
		return nil
	}
	if err := s.bindInt(1, rid); err != nil {
		return err
	}
	return s.do()
}

func (s *stmt) bindCell(i int, b *batch, v cell) error {
	switch v.form {
	case intCell:
		return s.bindInt(i, int64(v.num))
	case floatCell:
		return s.bindFloat(i, math.Float64frombits(v.num))
	case textCell:
		return s.bindTextBytes(i, b.bytes(v))
	case blobCell:
		return s.bindBlob(i, b.bytes(v))
	}
	return nil
}

// code returns the code of a string, which it gets if it has none.
func (in *inserter) code(c *conn, field int, text []byte) (int64, error) {
	m := in.codes[field]
	if code, ok := m[string(text)]; ok {
		return code, nil
	}
	if m == nil || len(m) >= maxCodes {
		m = map[string]int64{}
		in.codes[field] = m
	}
	ctx, table := context.Background(), in.x.table("codes")
	code, err := c.number(ctx, "SELECT code FROM "+table+" WHERE field = ? AND value = ?", field, string(text))
	if err != nil {
		return 0, err
	}
	if code == 0 {
		if err := c.run("INSERT INTO "+table+" (field, value) VALUES (?, ?)", field, string(text)); err != nil {
			return 0, err
		}
		code = sqlite3.Xsqlite3_last_insert_rowid(c.tls, c.db)
		in.count[field]++
	}
	m[string(text)] = code
	return code, nil
}

// remove removes the record with an ID.
func (in *inserter) remove(ctx context.Context, c *conn, id string) error {
	x := in.x
	rid, err := c.number(ctx, "SELECT rid FROM "+x.table("")+" WHERE id = ?", id)
	if err != nil {
		return err
	}
	for _, suffix := range []string{"", "source", "values", "keys"} {
		if err := c.run("DELETE FROM "+x.table(suffix)+" WHERE rid = ?", rid); err != nil {
			return err
		}
	}
	if in.texts == 0 {
		return nil
	}
	return c.run("DELETE FROM "+x.table("text")+" WHERE rowid = ?", rid)
}

// note notes what has become of the index: fields that have several values now, or too many
// different ones for a dictionary, and that it has changed.
func (in *inserter) note(c *conn, b *batch) error {
	state := in.x.state
	state.Fields = slices.Clone(state.Fields)
	changed := false
	for i := range state.Fields {
		st := &state.Fields[i]
		if b.many[i] && !st.Several {
			st.Several, changed = true, true
		}
		if st.Coded && in.count[i] > minCodes && in.count[i]*codedShare > in.next {
			if err := in.decode(c, i); err != nil {
				return err
			}
			st.Coded, changed = false, true
		}
	}
	if changed {
		if err := in.x.save(c, state); err != nil {
			return err
		}
	}
	// The clock keeps generations of files apart that were copied, restored or made anew.
	return c.run("UPDATE dhr_index SET generation = max(generation + 1, ?) WHERE n = ?", time.Now().UnixMicro(), in.x.n)
}

// save stores the state of an index.
func (x *index) save(c *conn, state indexState) error {
	text, err := json.Marshal(state)
	if err != nil {
		return err
	}
	if err := c.run("UPDATE dhr_index SET fields = ? WHERE n = ?", text, x.n); err != nil {
		return err
	}
	return nextVersion(c)
}

// decode replaces the codes of a field by what they stand for.
func (in *inserter) decode(c *conn, field int) error {
	column, codes, values := columnName(field), in.x.table("codes"), in.x.table("values")
	if err := c.run(fmt.Sprintf("UPDATE %s SET %s = (SELECT value FROM %s WHERE code = %s) WHERE %s IS NOT NULL", in.x.table(""), column, codes, column, column)); err != nil {
		return err
	}
	if err := c.run(fmt.Sprintf("UPDATE %s SET value = (SELECT c.value FROM %s AS c WHERE c.code = %s.value) WHERE field = ?", values, codes, values), field); err != nil {
		return err
	}
	return c.run("DELETE FROM "+codes+" WHERE field = ?", field)
}
