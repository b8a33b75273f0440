package sqlsearch

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/digit-health/dhr/jql/sqlgen"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// A pgIndex is an index at one generation. It never changes.
type pgIndex struct {
	id, version, generation int64
	schema                  *record.Schema
	state                   pgState
	tables                  pgTables
	columns                 map[string]*sqlgen.Column // by the path of the field
}

// A pgState is what is remembered of an index beside its mapping.
type pgState struct {
	Fields []pgField `json:"fields"`
	Rows   int64     `json:"rows"`  // the number of the last record
	Codes  int64     `json:"codes"` // the last code of the dictionary
}

// A pgField is what is remembered of a field. Its number is its place.
type pgField struct {
	Path string `json:"path"`
	// Store is how the values are stored.
	Store pgStore `json:"store"`
	// Several says that some record has, or had, several values.
	Several bool `json:"several,omitempty"`
}

// A pgStore is how the values of a field are stored.
type pgStore string

const (
	asInt   pgStore = "int"
	asFloat pgStore = "float"
	asBytes pgStore = "bytes"
	asText  pgStore = "string" // the strings themselves
	asCode  pgStore = "code"   // codes of the dictionary
	asTerms pgStore = "terms"  // of a text, its terms
	asThere pgStore = "there"  // only that there is a value
)

// pgTables are the tables of an index, as they are written in SQL.
type pgTables struct{ main, source, values, codes, terms string }

func (d *Postgres) tables(id int64) pgTables {
	name := "i" + strconv.FormatInt(id, 10)
	return pgTables{d.table(name), d.table(name + "_source"), d.table(name + "_values"), d.table(name + "_codes"), d.table(name + "_terms")}
}

// all returns the tables with the main one first.
func (t pgTables) all() []string { return []string{t.main, t.source, t.values, t.codes, t.terms} }

// storeOf returns how the values of a field of s are stored.
func storeOf(s *record.Schema, f *record.Field) pgStore {
	switch f.Kind {
	case record.Bool, record.Int, record.Uint, record.Time:
		return asInt
	case record.Float:
		return asFloat
	case record.IP, record.Version:
		return asBytes
	case record.String:
		if s.Key != nil && s.Key.Path == f.Path {
			return asText
		}
		return asCode
	case record.Text:
		return asTerms
	}
	return asThere
}

// sideColumn returns the column of the table of values for those stored in a way.
func (s pgStore) sideColumn() string {
	switch s {
	case asFloat:
		return "f"
	case asBytes:
		return "b"
	case asText:
		return "s"
	}
	return "n"
}

// index returns an index as a transaction sees it.
func (d *Postgres) index(ctx context.Context, tx pgx.Tx, name string) (*pgIndex, error) {
	x, err := d.lookup(ctx, tx, name, "")
	if err == nil && x == nil {
		return nil, fmt.Errorf("sqlsearch: %w %q", search.ErrUnknownIndex, name)
	}
	return x, err
}

// lookup returns an index, or nil if it is not there. Behind the statement may stand a lock.
func (d *Postgres) lookup(ctx context.Context, tx pgx.Tx, name, lock string) (*pgIndex, error) {
	if strings.ContainsRune(name, 0) {
		return nil, nil
	}
	x := &pgIndex{}
	err := tx.QueryRow(ctx, "SELECT id, version, generation FROM "+d.table("catalog")+" WHERE name = $1"+lock, name).
		Scan(&x.id, &x.version, &x.generation)
	switch {
	case errors.Is(err, pgx.ErrNoRows) || noTable(err):
		return nil, nil
	case err != nil:
		return nil, pgError(ctx, err)
	}
	d.mu.Lock()
	known := d.indexes[name]
	d.mu.Unlock()
	if known != nil && known.id == x.id && known.generation == x.generation && known.version == x.version {
		return known, nil
	}
	var mapping, state []byte
	err = tx.QueryRow(ctx, "SELECT mapping, state FROM "+d.table("catalog")+" WHERE name = $1", name).Scan(&mapping, &state)
	if err != nil {
		return nil, pgError(ctx, err)
	}
	if known != nil && known.id == x.id && known.version == x.version {
		x.schema = known.schema
	}
	if err := d.read(x, name, mapping, state); err != nil {
		return nil, err
	}
	d.remember(name, x)
	return x, nil
}

// remember keeps an index for the next time, unless a later one is known.
func (d *Postgres) remember(name string, x *pgIndex) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if known := d.indexes[name]; known == nil || known.generation < x.generation {
		d.indexes[name] = x
	}
}

// noTable reports whether err says that a table or a schema is not there.
func noTable(err error) bool {
	var known *pgconn.PgError
	return errors.As(err, &known) && (known.Code == "42P01" || known.Code == "3F000")
}

// read fills x from what the catalog says.
func (d *Postgres) read(x *pgIndex, name string, mapping, state []byte) error {
	if x.schema == nil {
		s, err := record.ParseSchema(name, mapping)
		if err != nil {
			return fmt.Errorf("%w: %w", search.ErrCorrupt, err)
		}
		x.schema = s
	}
	if err := json.Unmarshal(state, &x.state); err != nil {
		return fmt.Errorf("%w: %w", search.ErrCorrupt, err)
	}
	x.tables = d.tables(x.id)
	x.columns = make(map[string]*sqlgen.Column, len(x.state.Fields))
	for i, st := range x.state.Fields {
		if f := x.schema.Field(st.Path); f != nil {
			x.columns[st.Path] = x.column(i, f)
		}
	}
	return nil
}

// column says where the field with a number is stored.
func (x *pgIndex) column(i int, f *record.Field) *sqlgen.Column {
	st := &x.state.Fields[i]
	c := &sqlgen.Column{Value: "m." + columnName(i), Fold: f.FoldCase, Argument: pgArgument}
	c.Indexed = pgIndexed(st.Store)
	if st.Store == asCode {
		c.Codes = &sqlgen.Codes{Table: x.tables.codes, Code: "code", Value: "value", Only: x.tables.codes + ".field = " + strconv.Itoa(i)}
	}
	if st.Several {
		c.Several = &sqlgen.Side{Table: x.tables.values, Row: "rid", Value: st.Store.sideColumn(),
			Only: x.tables.values + ".field = " + strconv.Itoa(i)}
	}
	if st.Store == asTerms {
		c.Text = &sqlgen.Text{Terms: "m.t" + strconv.Itoa(i), Joined: "m.j" + strconv.Itoa(i)}
	}
	return c
}

// pgIndexed reports whether the column of a field has an index in its order.
func pgIndexed(s pgStore) bool { return s == asInt || s == asFloat || s == asText }

// find returns the column of a field, known by its path; the values of the keys of
// flattened fields are all in the table of values.
func (x *pgIndex) find(f *record.Field) *sqlgen.Column {
	if c := x.columns[f.Path]; c != nil {
		if x.schema.Field(f.Path).Kind != f.Kind {
			return nil
		}
		return c
	}
	if f.Kind != record.String {
		return nil
	}
	for i, st := range x.state.Fields {
		key, below := strings.CutPrefix(f.Path, st.Path+".")
		if !below || strings.ContainsRune(key, 0) {
			continue
		}
		if flat := x.schema.Field(st.Path); flat == nil || flat.Kind != record.Flattened {
			continue
		}
		return &sqlgen.Column{Fold: f.FoldCase, Argument: pgArgument, Several: &sqlgen.Side{
			Table: x.tables.values, Row: "rid", Value: "s", Only: x.tables.values + ".field = " + strconv.Itoa(i),
			Key: "key", KeyIs: escape(key)}}
	}
	return nil
}

// Schemas implements [search.Driver].
func (d *Postgres) Schemas(ctx context.Context, name string) ([]*record.Schema, error) {
	var out []*record.Schema
	err := d.view(ctx, "", func(ctx context.Context, tx pgx.Tx) error {
		names, err := d.names(ctx, tx)
		if err != nil {
			return err
		}
		for _, n := range names {
			if !fits(name, n) {
				continue
			}
			x, err := d.index(ctx, tx, n)
			if err != nil {
				return err
			}
			out = append(out, x.schema)
		}
		return nil
	})
	slices.SortFunc(out, func(a, b *record.Schema) int { return cmp.Compare(a.Index, b.Index) })
	return out, err
}

func (d *Postgres) names(ctx context.Context, tx pgx.Tx) ([]string, error) {
	rows, err := tx.Query(ctx, "SELECT name FROM "+d.table("catalog"))
	if err == nil {
		var names []string
		if names, err = pgx.CollectRows(rows, pgx.RowTo[string]); err == nil {
			return names, nil
		}
	}
	if noTable(err) {
		return nil, nil
	}
	return nil, pgError(ctx, err)
}
