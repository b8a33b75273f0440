package sqlsearch

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/jql/sqlgen"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// A catalog is what the file says of its indexes, at one version. It never changes.
type catalog struct {
	file    string
	version int64
	indexes map[string]*index
}

// An index is one index of a catalog. It never changes.
type index struct {
	n        int64
	revision int64 // of the mapping
	schema   *record.Schema
	state    indexState
	columns  map[string]*sqlgen.Column
}

// An indexState is what is remembered of an index beside its mapping.
type indexState struct {
	Fields []fieldState `json:"fields"`
	// Indexed says that the indexes of the columns are there.
	Indexed bool `json:"indexed"`
	// Key is, from 1, the field whose only value is the ID in every record so far, if
	// there is one: its column is that of the ID, and its own is empty.
	Key int `json:"key,omitempty"`
}

// A fieldState is what is remembered of a field. Its number is its place.
type fieldState struct {
	Path string `json:"path"`
	// Coded says that the values are codes of the dictionary.
	Coded bool `json:"coded,omitempty"`
	// Several says that some record has, or had, several values.
	Several bool `json:"several,omitempty"`
	// Text is the number of the field among the texts, from 1.
	Text int `json:"text,omitempty"`
}

// readCatalog returns the catalog as c sees it. What only c sees, since it is writing, is
// nobody else's.
func (d *SQLite) readCatalog(ctx context.Context, c *conn) (*catalog, error) {
	file, version, err := state(ctx, c)
	if err != nil {
		return nil, err
	}
	if c.catalog != nil && c.catalog.is(file, version) {
		return c.catalog, nil
	}
	d.mu.Lock()
	before := d.catalog
	d.mu.Unlock()
	if before != nil && before.is(file, version) {
		c.catalog = before
		return before, nil
	}
	cat := &catalog{file: file, version: version, indexes: map[string]*index{}}
	err = c.query(ctx, sqlgen.Query{Text: "SELECT n, name, revision, fields, mapping FROM dhr_index"}, func(row []any) error {
		x, err := readIndex(row, before)
		if err == nil {
			cat.indexes[x.schema.Index] = x
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	c.catalog = cat
	if c == d.writer {
		return cat, nil
	}
	d.mu.Lock()
	if d.catalog == nil || d.catalog.file != file || d.catalog.version < version {
		d.catalog = cat
	}
	d.mu.Unlock()
	return cat, nil
}

// current returns the catalog as it is now: that which is known, if the file still is at its version. That costs less to learn than a
// view does, and takes none of the connections that others wait for.
func (d *SQLite) current(ctx context.Context) (*catalog, error) {
	if known := d.unchanged(ctx); known != nil {
		return known, nil
	}
	v, err := d.view(ctx)
	if err != nil {
		return nil, err
	}
	defer v.close()
	return v.catalog, nil
}

// unchanged returns the catalog that is known, or nil if it is not that of the file, or if that cannot be told.
func (d *SQLite) unchanged(ctx context.Context) *catalog {
	d.asking.Lock()
	defer d.asking.Unlock()
	d.mu.Lock()
	known, closed := d.catalog, d.closed
	d.mu.Unlock()
	if known == nil || closed {
		return nil
	}
	if d.asks == nil {
		c, err := d.newReader()
		if err != nil {
			return nil
		}
		d.asks = c
	}
	file, version, err := state(ctx, d.asks)
	if err != nil && ctx.Err() == nil {
		d.asks.close()
		d.asks = nil
	}
	if err != nil || !known.is(file, version) {
		return nil
	}
	return known
}

// is reports whether c is what a file says at a version. Another file may stand where one was.
func (c *catalog) is(file string, version int64) bool { return c.file == file && c.version == version }

// readIndex reads a row of the catalog. A mapping that has not changed is the schema it was before.
func readIndex(row []any, before *catalog) (*index, error) {
	n, _ := row[0].(int64)
	name, _ := row[1].(string)
	revision, _ := row[2].(int64)
	fields, _ := row[3].([]byte)
	mapping, _ := row[4].([]byte)
	x := &index{n: n, revision: revision}
	if before != nil {
		if old := before.indexes[name]; old != nil && old.n == n && old.revision == revision {
			x.schema = old.schema
		}
	}
	if x.schema == nil {
		s, err := record.ParseSchema(name, mapping)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", search.ErrCorrupt, err)
		}
		x.schema = s
	}
	if err := json.Unmarshal(fields, &x.state); err != nil {
		return nil, fmt.Errorf("%w: %w", search.ErrCorrupt, err)
	}
	x.columns = make(map[string]*sqlgen.Column, len(x.state.Fields))
	for i := range x.state.Fields {
		if f := x.schema.Field(x.state.Fields[i].Path); f != nil {
			x.columns[f.Path] = x.column(i, f)
		}
	}
	return x, nil
}

// index returns the index of a plan's schema.
func (c *catalog) index(name string) (*index, error) {
	x := c.indexes[name]
	if x == nil {
		return nil, fmt.Errorf("sqlsearch: %w %q", search.ErrUnknownIndex, name)
	}
	return x, nil
}

// table returns the name of one of the index's tables; the main one without a suffix.
func (x *index) table(suffix string) string {
	name := "i" + strconv.FormatInt(x.n, 10)
	if suffix != "" {
		name += "_" + suffix
	}
	return name
}

func columnName(field int) string { return "c" + strconv.Itoa(field) }

// kept reports whether a field has a column.
func kept(f *record.Field) bool {
	return f.Searchable && f.Kind != record.Unknown && f.Kind != record.Null
}

// plain reports whether the column of a field has its values, which can be compared.
func plain(f *record.Field) bool {
	switch f.Kind {
	case record.Bool, record.Int, record.Uint, record.Float, record.String, record.Time, record.IP, record.Version:
		return true
	}
	return false
}

// column says where the field with a number is stored.
func (x *index) column(i int, f *record.Field) *sqlgen.Column {
	st := &x.state.Fields[i]
	if x.state.Key == i+1 {
		return idColumn()
	}
	c := &sqlgen.Column{Value: "m." + columnName(i), Fold: f.FoldCase, Indexed: x.state.Indexed && indexed(f) && !st.Coded}
	if st.Coded {
		codes := x.table("codes")
		c.Codes = &sqlgen.Codes{Table: codes, Code: "code", Value: "value", Only: codes + ".field = " + strconv.Itoa(i)}
	}
	if st.Several {
		values := x.table("values")
		c.Several = &sqlgen.Side{Table: values, Row: "rid", Value: "value", Only: values + ".field = " + strconv.Itoa(i)}
	}
	if st.Text > 0 {
		c.Text = &sqlgen.Text{Table: x.table("text"), Name: "t" + strconv.Itoa(st.Text)}
	}
	return c
}

// idColumn says where the IDs are stored.
func idColumn() *sqlgen.Column { return &sqlgen.Column{Value: "m.id", Required: true, Indexed: true} }

// indexed reports whether the column of a field has an index, from which SQLite also
// knows how many records a condition finds.
func indexed(f *record.Field) bool { return plain(f) && f.Kind != record.Bool }

// layout returns where the index is stored, for questions of v.
func (x *index) layout(ctx context.Context, v querier) *sqlgen.Layout {
	find := func(f *record.Field) *sqlgen.Column {
		c := x.find(f)
		if c == nil || c.Codes == nil {
			return c
		}
		mine, codes := *c, *c.Codes
		codes.Find = func(values []any) ([]any, error) { return findCodes(ctx, v, &codes, values) }
		mine.Codes = &codes
		return &mine
	}
	return &sqlgen.Layout{
		Dialect: sqlgen.SQLite, Table: x.table(""), Row: "rid",
		ID:     idColumn(),
		Column: find,
		Expand: func(_ *record.Field, mode plan.Mode, term string, edits int) ([]string, error) {
			return x.expand(ctx, v, mode, term, edits)
		},
	}
}

// findCodes returns the codes of values, those that have one.
func findCodes(ctx context.Context, v querier, d *sqlgen.Codes, values []any) ([]any, error) {
	codes := make([]any, 0, len(values))
	for _, value := range values {
		q := sqlgen.Query{Text: "SELECT code FROM " + d.Table + " WHERE " + d.Only + " AND value = ?", Args: []any{value}}
		err := v.query(ctx, q, func(row []any) error {
			codes = append(codes, row[0])
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return codes, nil
}

// find returns the column of a field, known by its path; the keys of flattened
// fields are all in a table of their own.
func (x *index) find(f *record.Field) *sqlgen.Column {
	if c := x.columns[f.Path]; c != nil {
		if kind := x.schema.Field(f.Path).Kind; kind != f.Kind {
			return nil
		}
		return c
	}
	if f.Kind != record.String {
		return nil
	}
	for i := range x.state.Fields {
		key, below := strings.CutPrefix(f.Path, x.state.Fields[i].Path+".")
		if !below {
			continue
		}
		if flat := x.schema.Field(x.state.Fields[i].Path); flat == nil || flat.Kind != record.Flattened {
			continue
		}
		keys := x.table("keys")
		return &sqlgen.Column{Fold: f.FoldCase, Several: &sqlgen.Side{
			Table: keys, Row: "rid", Value: "value", Only: keys + ".field = " + strconv.Itoa(i), Key: "key", KeyIs: key}}
	}
	return nil
}

// Schemas implements [search.Driver].
func (d *SQLite) Schemas(ctx context.Context, name string) ([]*record.Schema, error) {
	cat, err := d.current(ctx)
	if err != nil {
		return nil, err
	}
	var out []*record.Schema
	for index, x := range cat.indexes {
		if index == name || fits(name, index) {
			out = append(out, x.schema)
		}
	}
	slices.SortFunc(out, func(a, b *record.Schema) int { return cmp.Compare(a.Index, b.Index) })
	return out, nil
}

// fits reports whether a name fits a pattern, in which * is any run of characters.
func fits(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == name
	}
	name, ok := strings.CutPrefix(name, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(name, part)
		if i < 0 {
			return false
		}
		name = name[i+len(part):]
	}
	return strings.HasSuffix(name, parts[len(parts)-1])
}
