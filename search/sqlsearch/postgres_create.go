package sqlsearch

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/digit-health/dhr/jql/sqlgen"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

const (
	// pgMaxColumns is how many fields with columns an index may have: each row must fit
	// into a page of PostgreSQL.
	pgMaxColumns = 700
	// pgMaxIndexes is how many columns get an index.
	pgMaxIndexes = 60
)

// Create implements [search.Loader]. Fields that are added to an index are read out of the
// documents that it has.
func (d *Postgres) Create(ctx context.Context, s *record.Schema) error {
	if s.Index == "" || strings.ContainsAny(s.Index, "*\x00") {
		return fmt.Errorf("sqlsearch: %w: no index can be named %q", search.ErrInvalid, s.Index)
	}
	return d.write(ctx, func(tx pgx.Tx) error {
		// one at a time makes indexes
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtext($1))", "dhr "+d.name); err != nil {
			return err
		}
		x, err := d.lookup(ctx, tx, s.Index, " FOR UPDATE")
		if err != nil {
			return err
		}
		if x == nil {
			return d.createNew(ctx, tx, s)
		}
		merged, err := x.schema.Merge(s)
		if err != nil {
			return fmt.Errorf("%w: %w", search.ErrSchemaConflict, err)
		}
		if merged == x.schema {
			return nil
		}
		return d.extend(ctx, tx, x, merged)
	})
}

func (d *Postgres) createNew(ctx context.Context, tx pgx.Tx, s *record.Schema) error {
	x := &pgIndex{schema: s}
	if err := d.number(ctx, tx, &x.id, &x.version, &x.generation); err != nil {
		return err
	}
	x.tables = d.tables(x.id)
	_, err := tx.Exec(ctx, `CREATE TABLE `+x.tables.main+` (rid bigint PRIMARY KEY, id text COLLATE "C" NOT NULL UNIQUE);
CREATE TABLE `+x.tables.source+` (rid bigint PRIMARY KEY, doc bytea NOT NULL);
CREATE TABLE `+x.tables.values+` (rid bigint NOT NULL, field int NOT NULL, ord int NOT NULL, key text COLLATE "C",
	n bigint, f double precision, s text COLLATE "C", b bytea);
CREATE INDEX ON `+x.tables.values+` (field, rid);
CREATE INDEX ON `+x.tables.values+` (rid);
CREATE INDEX ON `+x.tables.values+` (field, n) WHERE n IS NOT NULL;
CREATE TABLE `+x.tables.codes+` (code bigint PRIMARY KEY, field int NOT NULL, hash bytea NOT NULL UNIQUE, value text COLLATE "C" NOT NULL);
CREATE INDEX ON `+x.tables.codes+` USING hash (value);
CREATE INDEX ON `+x.tables.codes+` (field);
CREATE TABLE `+x.tables.terms+` (field int NOT NULL, term text COLLATE "C" NOT NULL, PRIMARY KEY (field, term))`,
		pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		return err
	}
	if err := x.addColumns(ctx, tx); err != nil {
		return err
	}
	mapping, state, err := x.encode()
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "INSERT INTO "+d.table("catalog")+" (name, id, version, generation, mapping, state) VALUES ($1, $2, $3, $4, $5, $6)",
		s.Index, x.id, x.version, x.generation, mapping, state)
	return err
}

// extend adds the fields that an index lacks.
func (d *Postgres) extend(ctx context.Context, tx pgx.Tx, x *pgIndex, s *record.Schema) error {
	y := &pgIndex{id: x.id, schema: s, tables: x.tables, state: x.state}
	if err := y.addColumns(ctx, tx); err != nil {
		return err
	}
	if len(y.state.Fields) > len(x.state.Fields) {
		if err := d.storeAgain(ctx, tx, y); err != nil {
			return err
		}
	}
	if err := d.number(ctx, tx, &y.version, &y.generation); err != nil {
		return err
	}
	mapping, state, err := y.encode()
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "UPDATE "+d.table("catalog")+" SET version = $2, generation = $3, mapping = $4, state = $5 WHERE name = $1",
		s.Index, y.version, y.generation, mapping, state)
	return err
}

// storeAgain stores every document of an index once more, with the fields it now has.
func (d *Postgres) storeAgain(ctx context.Context, tx pgx.Tx, x *pgIndex) error {
	columns, err := x.schema.ProjectAll()
	if err != nil {
		return err
	}
	l := &pgLoad{d: d, name: x.schema.Index, id: x.id, known: map[[32]byte]int64{}, terms: map[string]bool{}}
	if l.rows, err = newRowReader(x); err != nil {
		return err
	}
	decoder := record.NewDecoder(columns)
	last := x.state.Rows
	for from := int64(0); ; {
		rows, err := tx.Query(ctx, "SELECT m.rid, m.id, o.doc FROM "+x.tables.main+" AS m JOIN "+x.tables.source+
			" AS o ON o.rid = m.rid WHERE m.rid > $1 AND m.rid <= $2 ORDER BY m.rid LIMIT $3", from, last, pgBatch)
		if err != nil {
			return err
		}
		batch := newPgBatch()
		doc := search.Document{Record: &record.Record{Index: l.name}}
		var source []byte
		for rows.Next() {
			if err := rows.Scan(&from, &doc.Record.ID, &source); err != nil {
				return err
			}
			doc.Record.ID = unescape(doc.Record.ID)
			err := decoder.Decode(source, doc.Record)
			if err == nil {
				err = l.rows.read(batch, &doc)
			}
			if err != nil {
				rows.Close()
				return fmt.Errorf("sqlsearch: %w: the document %q: %w", search.ErrSchemaConflict, doc.Record.ID, err)
			}
		}
		if rows.Close(); rows.Err() != nil {
			return rows.Err()
		}
		if len(batch.docs) == 0 {
			return nil
		}
		w := &pgWrite{pgLoad: l, tx: tx, x: x, state: x.state}
		if err := w.write(ctx, batch.docs); err != nil {
			return err
		}
		x.state = w.state
	}
}

// number gives each of the numbers one that was never given before.
func (d *Postgres) number(ctx context.Context, tx pgx.Tx, numbers ...*int64) error {
	for _, n := range numbers {
		if err := tx.QueryRow(ctx, "SELECT nextval($1::text::regclass)", d.table("numbers")).Scan(n); err != nil {
			return err
		}
	}
	return nil
}

func (x *pgIndex) encode() (mapping, state []byte, err error) {
	if mapping, err = json.Marshal(x.schema); err != nil {
		return nil, nil, err
	}
	state, err = json.Marshal(x.state)
	return mapping, state, err
}

// addColumns adds columns for the fields of the schema that have none.
func (x *pgIndex) addColumns(ctx context.Context, tx pgx.Tx) error {
	known := map[string]bool{}
	indexes := 0
	for _, st := range x.state.Fields {
		known[st.Path] = true
		indexes++
	}
	fields := append([]pgField(nil), x.state.Fields...)
	var sql strings.Builder
	for f := range x.schema.All() {
		if known[f.Path] || !kept(f) {
			continue
		}
		st := pgField{Path: f.Path, Store: storeOf(x.schema, f)}
		i := len(fields)
		fields = append(fields, st)
		sql.WriteString("ALTER TABLE " + x.tables.main + st.Store.columns(strconv.Itoa(i)) + ";\n")
		if indexes++; indexes <= pgMaxIndexes || st.Store == asTerms {
			sql.WriteString(st.Store.index(x.tables.main, strconv.Itoa(i)))
		}
	}
	if len(fields) > pgMaxColumns {
		return fmt.Errorf("sqlsearch: %w: more than %d fields in the index %q", search.ErrUnsupported, pgMaxColumns, x.schema.Index)
	}
	x.state.Fields = fields
	if sql.Len() == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, sql.String(), pgx.QueryExecModeSimpleProtocol)
	return err
}

// columns returns what adds the columns of field i to a table.
func (s pgStore) columns(i string) string {
	switch s {
	case asInt, asCode:
		return " ADD COLUMN c" + i + " bigint"
	case asFloat:
		return " ADD COLUMN c" + i + " double precision"
	case asBytes:
		return " ADD COLUMN c" + i + " bytea"
	case asText:
		return " ADD COLUMN c" + i + ` text COLLATE "C"`
	case asTerms:
		return " ADD COLUMN c" + i + " smallint, ADD COLUMN t" + i + " text[] COLLATE \"C\", ADD COLUMN j" + i + ` text COLLATE "C"`
	}
	return " ADD COLUMN c" + i + " smallint"
}

// index returns what makes the index of field i, or nothing.
func (s pgStore) index(table, i string) string {
	switch s {
	case asInt, asFloat, asCode, asText:
		return "CREATE INDEX ON " + table + " (c" + i + ");\n"
	case asTerms:
		return "CREATE INDEX ON " + table + " USING gin (t" + i + ");\n"
	}
	return ""
}

// Drop implements [search.Loader].
func (d *Postgres) Drop(ctx context.Context, index string) error {
	return d.write(ctx, func(tx pgx.Tx) error {
		x, err := d.lookup(ctx, tx, index, " FOR UPDATE")
		if err != nil || x == nil {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM "+d.table("catalog")+" WHERE name = $1", index); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "DROP TABLE IF EXISTS "+strings.Join(x.tables.all(), ", "), pgx.QueryExecModeSimpleProtocol)
		return err
	})
}

// layout returns where the index is stored, for questions of one view.
func (x *pgIndex) layout(ctx context.Context, v querier) *sqlgen.Layout {
	return &sqlgen.Layout{
		Dialect: sqlgen.Postgres, Table: x.tables.main, Row: "rid",
		ID:     &sqlgen.Column{Value: "m.id", Required: true, Indexed: true, Argument: pgArgument},
		Column: x.find,
		Expand: x.expander(ctx, v),
	}
}
