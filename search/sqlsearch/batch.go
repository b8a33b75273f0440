package sqlsearch

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/digit-health/dhr/jql/analyzer"
	"github.com/digit-health/dhr/jql/sqlgen"
	"github.com/digit-health/dhr/record"
)

// A batch is documents as they are to be stored, in memory of their own.
type batch struct {
	arena   []byte
	rows    []batchRow
	cells   []cell // for each row the fields in their order
	several []severalValue
	keys    []keyValue
	texts   []cell // for each row the texts in their order
	terms   []cell // that were not seen before
	many    []bool // the fields that have several values in some row
	keyed   bool   // some row has another value in the key than its ID
	sources int    // bytes
}

// A batchRow is one document; its lists end where those of the next begin.
type batchRow struct {
	id, source    cell
	several, keys int // where they begin
}

type severalValue struct {
	field, ord int
	value      cell
}

type keyValue struct {
	field, ord int
	key, value cell
}

// A cell is a value as SQLite stores it.
type cell struct {
	form cellForm
	num  uint64 // the number, or where the bytes begin in the arena
	size int
}

type cellForm uint8

const (
	nullCell cellForm = iota
	intCell
	floatCell
	textCell
	blobCell
	idCell // the ID of the row
)

func (b *batch) reset() {
	*b = batch{arena: b.arena[:0], rows: b.rows[:0], cells: b.cells[:0], several: b.several[:0],
		keys: b.keys[:0], texts: b.texts[:0], terms: b.terms[:0], many: b.many}
	clear(b.many)
}

func (b *batch) text(s string) cell {
	c := cell{textCell, uint64(len(b.arena)), len(s)}
	b.arena = append(b.arena, s...)
	return c
}

func (b *batch) blob(s []byte) cell {
	c := cell{blobCell, uint64(len(b.arena)), len(s)}
	b.arena = append(b.arena, s...)
	return c
}

func (b *batch) bytes(c cell) []byte { return b.arena[c.num : c.num+uint64(c.size)] }

// value adds v, which is of a kind that can be compared.
func (b *batch) value(v record.Value, fold bool) cell {
	switch v.Kind() {
	case record.Bool:
		if v.Bool() {
			return cell{form: intCell, num: 1}
		}
		return cell{form: intCell}
	case record.Int:
		return cell{form: intCell, num: uint64(v.Int())}
	case record.Uint:
		return cell{form: intCell, num: v.Uint() ^ 1<<63}
	case record.Time:
		return cell{form: intCell, num: uint64(v.Millis())}
	case record.Float:
		return cell{form: floatCell, num: math.Float64bits(v.Float())}
	case record.String:
		if !fold {
			return b.text(v.Text())
		}
		at := len(b.arena)
		b.arena = analyzer.AppendLower(b.arena, v.Text())
		return cell{textCell, uint64(at), len(b.arena) - at}
	case record.IP:
		a := v.Addr().As16()
		return b.blob(a[:])
	case record.Version:
		at := len(b.arena)
		b.arena = sqlgen.VersionKey(b.arena, v.Text())
		return cell{blobCell, uint64(at), len(b.arena) - at}
	}
	return cell{}
}

// compare compares cells of one form.
func (b *batch) compare(x, y cell) int {
	switch x.form {
	case intCell:
		return cmp.Compare(int64(x.num), int64(y.num))
	case floatCell:
		return cmp.Compare(math.Float64frombits(x.num), math.Float64frombits(y.num))
	}
	return slices.Compare(b.bytes(x), b.bytes(y))
}

// An encoder turns records into batches for one index.
type encoder struct {
	x      *index
	fields []*record.Field // of the index's schema, as they are numbered
	texts  int
	// own decodes documents whose records lack a field of the index.
	own    *record.Decoder
	record record.Record
	// columns are those of the fields in a projection, the last one that was met.
	projection *record.Projection
	columns    []int
	scanner    analyzer.Scanner
	seen       map[string]struct{}
	flat       *flattener
}

// maxSeen is how many terms are remembered as stored.
const maxSeen = 400_000

func newEncoder(x *index) (*encoder, error) {
	e := &encoder{x: x, seen: map[string]struct{}{}}
	paths := make([]string, len(x.state.Fields))
	for i, st := range x.state.Fields {
		f := x.schema.Field(st.Path)
		paths[i] = st.Path
		e.fields = append(e.fields, f)
		e.texts = max(e.texts, st.Text)
		if f.Kind == record.Flattened {
			e.flat = &flattener{schema: x.schema}
		}
	}
	p, err := x.schema.Project(paths...)
	if err != nil {
		return nil, err
	}
	e.own = record.NewDecoder(p)
	return e, nil
}

// add adds a document to a batch. An error is a refusal.
func (e *encoder) add(b *batch, r *record.Record) error {
	source := r.Source()
	if !e.suits(r.Projection()) {
		e.record.ID, e.record.Index = r.ID, r.Index
		if err := e.own.Decode(source, &e.record); err != nil {
			return err
		}
		r = &e.record
		e.suits(r.Projection())
	}
	if len(b.many) != len(e.fields) {
		b.many = make([]bool, len(e.fields))
	}
	row := batchRow{id: b.text(r.ID), source: b.blob(source), several: len(b.several), keys: len(b.keys)}
	texts := len(b.texts)
	for range e.texts {
		b.texts = append(b.texts, cell{})
	}
	for i, f := range e.fields {
		values := r.Values(e.columns[i])
		switch {
		case e.x.schema.Key == f && len(values) == 1 && values[0].Kind() == record.String && !f.FoldCase && values[0].Text() == r.ID:
			b.cells = append(b.cells, cell{form: idCell})
		case plain(f):
			b.keyed = b.keyed || e.x.schema.Key == f
			b.cells = append(b.cells, e.plainCell(b, i, f, values))
		case f.Kind == record.Text:
			b.cells = append(b.cells, presence(len(values) > 0))
			b.texts[texts+e.x.state.Fields[i].Text-1] = e.textCell(b, values)
		case f.Kind == record.JSON:
			b.cells = append(b.cells, presence(len(values) > 0))
		default:
			b.cells = append(b.cells, presence(slices.ContainsFunc(values, func(v record.Value) bool { return holdsSomething(v.Text()) })))
		}
	}
	if e.flat != nil {
		e.flat.add(b, e, r, source)
	}
	b.rows = append(b.rows, row)
	b.sources += len(source)
	return nil
}

// suits reports whether records of a projection have all fields of the index, and
// notes their columns.
func (e *encoder) suits(p *record.Projection) bool {
	if p == e.projection {
		return e.columns != nil
	}
	e.projection, e.columns = p, make([]int, 0, len(e.fields))
	for _, f := range e.fields {
		n := -1
		if p != nil {
			n = p.Column(f.Path)
		}
		if n < 0 || p.Fields()[n].Kind != f.Kind {
			e.columns = nil
			return false
		}
		e.columns = append(e.columns, n)
	}
	return true
}

func presence(is bool) cell {
	if is {
		return cell{form: intCell, num: 1}
	}
	return cell{}
}

// plainCell returns the least of the values; several are added to the batch.
func (e *encoder) plainCell(b *batch, i int, f *record.Field, values []record.Value) cell {
	switch len(values) {
	case 0:
		return cell{}
	case 1:
		return b.value(values[0], f.FoldCase)
	}
	b.many[i] = true
	var least cell
	for ord, v := range values {
		c := b.value(v, f.FoldCase)
		b.several = append(b.several, severalValue{i, ord, c})
		if ord == 0 || b.compare(c, least) < 0 {
			least = c
		}
	}
	return least
}

// textCell returns the terms of the values for FTS5.
func (e *encoder) textCell(b *batch, values []record.Value) cell {
	at, any := len(b.arena), false
	for _, v := range values {
		e.scanner.Reset(v.Text())
		first := true
		for term := e.scanner.Next(); term != nil; term = e.scanner.Next() {
			if first && any {
				b.arena = append(b.arena, sqlgen.ValueGap+" "...)
			}
			first, any = false, true
			if _, ok := e.seen[string(term)]; !ok {
				e.see(b, term)
			}
			b.arena = append(b.arena, term...)
			b.arena = append(b.arena, ' ')
		}
	}
	if !any {
		return cell{}
	}
	return cell{textCell, uint64(at), len(b.arena) - at}
}

// see notes a term, which will stand in the arena at its end.
func (e *encoder) see(b *batch, term []byte) {
	if len(e.seen) >= maxSeen {
		clear(e.seen)
	}
	e.seen[string(term)] = struct{}{}
	b.terms = append(b.terms, cell{textCell, uint64(len(b.arena)), len(term)})
}

// holdsSomething reports whether there is a value other than null in a JSON
// text, however deep in objects and lists.
func holdsSomething(text string) bool {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == 'n':
			i += len("ull")
		case c == '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
			if rest := strings.TrimLeft(text[min(i+1, len(text)):], " \t\r\n"); !strings.HasPrefix(rest, ":") {
				return true
			}
		case !strings.ContainsRune("{}[],: \t\r\n", rune(c)):
			return true
		}
	}
	return false
}
