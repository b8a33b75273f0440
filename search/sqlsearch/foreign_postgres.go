package sqlsearch

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/digit-health/dhr/jql/sqlgen"
)

// A pgTableDB is a schema of PostgreSQL that belongs to others.
type pgTableDB struct{ Postgres }

var _ tableDB = (*pgTableDB)(nil)

func (d *pgTableDB) view(ctx context.Context, do func(ctx context.Context, q querier) error) error {
	return d.Postgres.view(ctx, "", func(ctx context.Context, tx pgx.Tx) error { return do(ctx, pgQuerier{tx}) })
}

func (d *pgTableDB) open(ctx context.Context) (querier, func(), error) {
	tx, done, err := d.hold(ctx, "")
	if err != nil {
		return nil, nil, err
	}
	if _, err := tx.Exec(ctx, "SELECT 1"); err != nil { // the view is of the first question
		done()
		return nil, nil, pgError(ctx, err)
	}
	return pgSavepoints{tx}, done, nil
}

// pgSavepoints is a querier that can be asked again after a question was broken off.
type pgSavepoints struct{ tx pgx.Tx }

func (v pgSavepoints) query(ctx context.Context, q sqlgen.Query, each func(row []any) error) error {
	point, err := v.tx.Begin(ctx)
	if err != nil {
		return pgError(ctx, err)
	}
	err = pgQuerier{point}.query(ctx, q, each)
	end(ctx, point)
	return err
}

// discover implements tableDB. It sees what the user of the database may see.
func (d *pgTableDB) discover(ctx context.Context) (tables []*foreignTable, err error) {
	err = d.view(ctx, func(ctx context.Context, q querier) error {
		byName := map[string]*foreignTable{}
		err := q.query(ctx, sqlgen.Query{Text: `SELECT c.table_name::text, c.column_name::text, c.data_type::text, c.udt_name::text,
	coalesce(c.numeric_precision, 0)::bigint, coalesce(c.numeric_scale, -1)::bigint, c.is_nullable = 'NO',
	coalesce((SELECT t.typtype::text FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
		WHERE t.typname = c.udt_name AND n.nspname = c.udt_schema), '')
FROM information_schema.columns c WHERE c.table_schema = $1 ORDER BY c.table_name, c.ordinal_position`, Args: []any{d.name}},
			func(row []any) error {
				name, _ := row[0].(string)
				t := byName[name]
				if t == nil {
					t = &foreignTable{name: name, from: d.table(name), dialect: sqlgen.Postgres, idOf: pgKey}
					byName[name] = t
					tables = append(tables, t)
				}
				t.columns = append(t.columns, pgColumnOf(row[1:]))
				return nil
			})
		if err != nil {
			return err
		}
		return q.query(ctx, sqlgen.Query{Text: `SELECT c.relname::text, a.attname::text FROM pg_index i
	JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
	JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
WHERE i.indisprimary AND i.indnkeyatts = 1 AND n.nspname = $1`, Args: []any{d.name}}, func(row []any) error {
			name, _ := row[0].(string)
			column, _ := row[1].(string)
			if t := byName[name]; t != nil {
				if c := t.column(column); c != nil {
					c.becomeKey(t)
				}
			}
			return nil
		})
	})
	return tables, err
}

// becomeKey makes c the primary key of t, whose values are whole.
func (c *foreignColumn) becomeKey(t *foreignTable) {
	t.primary = c.name
	if c.sub != "" {
		c.sub, c.property = "", keywordType
	}
}

// pgKey returns the key as the id of a record.
func pgKey(c *foreignColumn) string {
	return "(" + c.shown + `)::text COLLATE "C"`
}

const (
	keywordType = `{"type": "keyword"}`
	textType    = `{"type": "text", "fields": {"keyword": {"type": "keyword"}}}`
)

// pgColumnOf returns a column as information_schema describes it: its name, data_type,
// udt_name, precision, scale, whether it is NOT NULL, and what sort of type it is.
func pgColumnOf(row []any) *foreignColumn {
	c := &foreignColumn{}
	c.name, _ = row[0].(string)
	dataType, _ := row[1].(string)
	udt, _ := row[2].(string)
	precision, _ := row[3].(int64)
	scale, _ := row[4].(int64)
	notNull, _ := row[5].(int64)
	sort, _ := row[6].(string)
	c.notNull = notNull != 0
	m := "m." + sqlgen.Quote(c.name)
	switch {
	case dataType == "ARRAY":
		c.array(m, udt)
	case sort == "e":
		c.property, c.shown, c.value = keywordType, m+"::text", m+`::text COLLATE "C"`
	default:
		c.scalar(m, dataType, udt, precision, scale)
	}
	return c
}

// scalar says what c is by its type.
func (c *foreignColumn) scalar(m, dataType, udt string, precision, scale int64) {
	switch dataType {
	case "smallint", "integer", "bigint":
		c.property = map[string]string{"smallint": `{"type": "short"}`, "integer": `{"type": "integer"}`, "bigint": `{"type": "long"}`}[dataType]
		c.shown, c.form, c.value = m+"::text", jsonRaw, m+"::bigint"
		if dataType == "bigint" {
			c.value = m
		}
	case "numeric":
		c.numeric(m, precision, scale)
	case "real", "double precision":
		c.property = map[string]string{"real": `{"type": "float"}`, "double precision": `{"type": "double"}`}[dataType]
		finite := "nullif(nullif(nullif(" + m + "::float8, 'NaN'), 'Infinity'), '-Infinity')"
		c.shown, c.form, c.value, c.notNull = "CASE WHEN "+finite+" IS NOT NULL THEN "+m+"::text END", jsonRaw, finite, false
	case "boolean":
		c.property, c.shown, c.form, c.value = `{"type": "boolean"}`, m+"::int::text", jsonBool, m+"::int::bigint"
	case "text", "character varying", "character":
		c.property, c.shown, c.value, c.sub = textType, m+"::text", m+`::text COLLATE "C"`, "keyword"
	case "uuid":
		c.property, c.shown, c.value, c.fold = keywordType, m+"::text", m+`::text COLLATE "C"`, true
	case "date":
		c.property = `{"type": "date", "format": "strict_date"}`
		c.time(m, "::text", "("+m+" - date '1970-01-01')::bigint * 86400000")
	case "timestamp without time zone":
		c.property = `{"type": "date"}`
		c.time(m, "", "floor(extract(epoch FROM "+m+") * 1000)::bigint")
	case "timestamp with time zone":
		c.property = `{"type": "date"}`
		c.time(m, " AT TIME ZONE 'UTC'", "floor(extract(epoch FROM "+m+") * 1000)::bigint")
	case "json", "jsonb":
		c.property, c.form = `{"type": "flattened"}`, jsonRaw
		c.shown = "CASE " + dataType + "_typeof(" + m + ") WHEN 'object' THEN " + m + "::text WHEN 'null' THEN NULL ELSE '{\"value\":' || " + m + "::text || '}' END"
	case "inet":
		c.property = `{"type": "ip", "ignore_malformed": true}`
		c.shown = "CASE WHEN masklen(" + m + ") = CASE family(" + m + ") WHEN 4 THEN 32 ELSE 128 END THEN host(" + m + ") ELSE " + m + "::text END"
	case "USER-DEFINED":
		c.property, c.shown = `{"type": `+string(appendJSON(nil, udt))+`}`, m+"::text"
		if udt == "citext" {
			c.property, c.fold = keywordType, true
		}
	default:
		c.property, c.shown = `{"type": `+string(appendJSON(nil, "sql "+dataType))+`}`, m+"::text"
	}
}

// numeric says what c is: a whole number if it is surely one that fits.
func (c *foreignColumn) numeric(m string, precision, scale int64) {
	c.form, c.notNull = jsonRaw, false
	c.shown = "nullif(nullif(nullif(" + m + ", 'NaN'), 'Infinity'), '-Infinity')::text"
	switch {
	case precision > 0 && precision <= 18 && scale == 0:
		c.property, c.value = `{"type": "long"}`, "nullif("+m+", 'NaN')::bigint"
	case precision > 0 && precision-scale < 300: // without a precision it may be beyond a float8
		c.property, c.value = `{"type": "double"}`, "nullif("+m+", 'NaN')::float8"
	default:
		c.property = `{"type": "double"}`
	}
}

// time says what a date or an instant is, of the years that have four digits.
func (c *foreignColumn) time(m, as, millis string) {
	c.notNull = false
	within := "CASE WHEN " + m + " >= '0001-01-01' AND " + m + " < '10000-01-01' THEN "
	c.value = within + millis + " END"
	c.shown = within + m + "::text END"
	if as != "::text" {
		c.shown = within + "to_char(" + m + as + `, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') END`
	}
}

// array says what the elements of an array are, whose type is udt without its _.
func (c *foreignColumn) array(m, udt string) {
	types := map[string]string{
		"_int2": "short", "_int4": "integer", "_int8": "long", "_numeric": "double", "_float4": "float", "_float8": "double",
		"_bool": "boolean", "_uuid": "keyword", "_date": "date", "_timestamp": "date", "_timestamptz": "date",
		"_text": "text", "_varchar": "text", "_bpchar": "text",
	}
	c.shown, c.form = "array_to_json("+m+")::text", jsonRaw
	switch typ := types[udt]; typ {
	case "":
		c.property, c.shown, c.form = `{"type": `+string(appendJSON(nil, "sql "+udt))+`}`, m+"::text", jsonString
	case "text":
		c.property = textType
	case "keyword", "boolean":
		c.property = fmt.Sprintf(`{"type": %q}`, typ)
	default: // NaN and infinity are no value
		c.property = fmt.Sprintf(`{"type": %q, "ignore_malformed": true}`, typ)
	}
}
