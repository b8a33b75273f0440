package sqlsearch

import (
	"context"
	"fmt"
	"os"
	"strings"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/digit-health/dhr/jql/sqlgen"
	"github.com/digit-health/dhr/search"
)

// A sqliteTableDB is a file of SQLite that belongs to others. A value of SQLite
// may be of another type than its column, so that SQL only finds rows by
// their key here, and all else is compared as records.
type sqliteTableDB struct{ file string }

var _ tableDB = (*sqliteTableDB)(nil)

func openSQLiteTables(file string) (tableDB, error) {
	if _, err := os.Stat(file); err != nil {
		return nil, fmt.Errorf("sqlsearch: %w: %w", search.ErrUnavailable, err)
	}
	return &sqliteTableDB{file}, nil
}

func (d *sqliteTableDB) close() {}

func (d *sqliteTableDB) open(context.Context) (querier, func(), error) {
	c, err := openConn(d.file, sqlite3.SQLITE_OPEN_READONLY)
	if err != nil {
		return nil, nil, fmt.Errorf("sqlsearch: %w", err)
	}
	if err := c.exec("PRAGMA busy_timeout = 5000; BEGIN; SELECT count(*) FROM sqlite_schema"); err != nil {
		c.close()
		return nil, nil, fmt.Errorf("sqlsearch: %w", err)
	}
	return c, c.close, nil
}

func (d *sqliteTableDB) view(ctx context.Context, do func(ctx context.Context, q querier) error) error {
	q, done, err := d.open(ctx)
	if err != nil {
		return err
	}
	defer done()
	return do(ctx, q)
}

// discover implements tableDB.
func (d *sqliteTableDB) discover(ctx context.Context) (tables []*foreignTable, err error) {
	err = d.view(ctx, func(ctx context.Context, q querier) error {
		byName := map[string]*foreignTable{}
		return q.query(ctx, sqlgen.Query{Text: `SELECT t.name, c.name, c.type, c."notnull", c.pk,
	(SELECT count(*) FROM pragma_table_info(t.name) AS k WHERE k.pk > 0)
FROM sqlite_schema AS t JOIN pragma_table_info(t.name) AS c
WHERE t.type IN ('table', 'view') AND t.name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY t.name, c.cid`}, func(row []any) error {
			name, _ := text(row[0])
			t := byName[name]
			if t == nil {
				t = &foreignTable{name: strings.Clone(name), from: sqlgen.Quote(name), dialect: sqlgen.SQLite, idOf: sqliteKey}
				byName[t.name] = t
				tables = append(tables, t)
			}
			column, _ := text(row[1])
			declared, _ := text(row[2])
			c := sqliteColumnOf(strings.Clone(column), strings.ToUpper(declared))
			t.columns = append(t.columns, c)
			if place, _ := row[4].(int64); place > 0 && row[5] == int64(1) {
				t.primary = c.name
				if c.property == textType {
					c.property = keywordType
				}
			}
			return nil
		})
	})
	return tables, err
}

// sqliteKey returns the key as the id of a record.
func sqliteKey(c *foreignColumn) string { return "CAST(" + c.shown + " AS TEXT)" }

// sqliteColumnOf returns a column by its declared type, read as SQLite reads it (its
// manual, section 3.1 of Datatypes), and for dates, booleans and JSON by their usual names.
func sqliteColumnOf(name, declared string) *foreignColumn {
	c := &foreignColumn{name: name, shown: "m." + sqlgen.Quote(name)}
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(declared, p) {
				return true
			}
		}
		return false
	}
	switch {
	case has("BOOL"):
		c.property, c.form = `{"type": "boolean"}`, jsonBool
	case has("DATETIME", "TIMESTAMP"):
		c.property = `{"type": "date", "format": "yyyy-MM-dd HH:mm:ss||yyyy-MM-dd HH:mm:ss.SSS||strict_date_optional_time", "ignore_malformed": true}`
	case has("DATE"):
		c.property = `{"type": "date", "format": "strict_date", "ignore_malformed": true}`
	case has("INT"):
		c.property, c.form = `{"type": "long", "ignore_malformed": true}`, jsonRaw
	case has("UUID"):
		c.property = keywordType
	case has("CHAR", "CLOB", "TEXT"):
		c.property = textType
	case has("REAL", "FLOA", "DOUBLE", "NUMERIC", "DECIMAL"):
		c.property, c.form = `{"type": "double", "ignore_malformed": true}`, jsonRaw
	case has("JSON"):
		c.property, c.form = `{"type": "flattened"}`, jsonRaw
		m := c.shown
		c.shown = "CASE WHEN json_valid(" + m + ") THEN CASE json_type(" + m + ") WHEN 'object' THEN " + m +
			" WHEN 'null' THEN NULL ELSE '{\"value\":' || " + m + " || '}' END ELSE json_object('value', " + m + ") END"
	default:
		c.property = `{"type": "sql blob"}`
		c.shown = "CASE typeof(" + c.shown + ") WHEN 'blob' THEN hex(" + c.shown + ") ELSE " + c.shown + " END"
	}
	return c
}
