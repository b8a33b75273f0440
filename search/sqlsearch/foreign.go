package sqlsearch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/jql/sqlgen"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/exact"
)

// TablesOptions are choices for [OpenTables].
type TablesOptions struct {
	// Schema is the schema of PostgreSQL whose tables and views are served. If empty, public.
	Schema string
	// Only are the tables and views that are served, each of which must be there. If
	// empty, all that have a primary key of one column, or a key in their mapping file.
	Only []string
	// Mappings are mapping files by the names of tables. What one says of a
	// column counts instead of what the database says; a column it does not name stays as it
	// is. Its _meta.dhr adds labels, aliases, what is personal, and the key.
	Mappings map[string][]byte
	// Connections and Wait are as in [PostgresOptions].
	Connections int
	Wait        time.Duration
}

// Tables serves tables and views that exist already, each as an index of its
// name, and never writes. It is safe for use by several goroutines.
//
// A column is a field. NULL is no value; an array is several. The id of a record is its
// key as text. Which type a column's field has:
//
//	smallint, integer, bigint, numeric(p,0)   short, integer, long
//	real, double precision, other numeric     float, double; NaN and infinity are no value
//	boolean                                   boolean
//	text, varchar, char                       text with the sub-field keyword; of a key, keyword
//	uuid, citext                              keyword, equal in any case
//	enums                                     keyword
//	date, timestamp, timestamptz              date; of the years 1 to 9999
//	json, jsonb                               flattened; what is no object stands under value
//	inet                                      ip
//	others                                    shown as text, but not searched
//
// There is no index of words: text is searched by reading the records that the rest
// of the question leaves, and so is all that SQL would answer otherwise than DHR.
type Tables struct {
	db     tableDB
	tables map[string]*foreignTable
}

var _ interface {
	search.Driver
	Snapshots(ctx context.Context, indexes, tokens []string) ([]search.Snapshot, error)
} = (*Tables)(nil)

// A tableDB is a database of tables that exist already.
type tableDB interface {
	// discover returns the tables and views.
	discover(ctx context.Context) ([]*foreignTable, error)
	// view runs questions on one unchanging view.
	view(ctx context.Context, do func(ctx context.Context, q querier) error) error
	// open opens such a view until it is closed; one goroutine at a time may ask it.
	open(ctx context.Context) (q querier, done func(), err error)
	close()
}

// OpenTables connects to a database: by a URL such as postgres://host/name to
// PostgreSQL, or by the path of a file to SQLite. Which tables there are, and their columns, is
// asked once. The caller closes what it returns.
func OpenTables(ctx context.Context, url string, opts *TablesOptions) (*Tables, error) {
	if opts == nil {
		opts = &TablesOptions{}
	}
	db, err := openTableDB(ctx, url, opts)
	if err != nil {
		return nil, err
	}
	d := &Tables{db: db, tables: map[string]*foreignTable{}}
	if err := d.discover(ctx, opts); err != nil {
		db.close()
		return nil, err
	}
	return d, nil
}

func openTableDB(ctx context.Context, url string, opts *TablesOptions) (tableDB, error) {
	if strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://") || strings.Contains(url, "host=") {
		pool, err := openPool(ctx, url, opts.Connections, opts.Wait)
		if err != nil {
			return nil, err
		}
		schema := opts.Schema
		if schema == "" {
			schema = "public"
		}
		return &pgTableDB{Postgres{pgPool: pool, name: schema, schema: sqlgen.Quote(schema)}}, nil
	}
	return openSQLiteTables(url)
}

// discover reads which tables there are.
func (d *Tables) discover(ctx context.Context, opts *TablesOptions) error {
	found, err := d.db.discover(ctx)
	if err != nil {
		return err
	}
	for _, t := range found {
		mapping, named := opts.Mappings[t.name]
		named = named || slices.Contains(opts.Only, t.name)
		if len(opts.Only) > 0 && !slices.Contains(opts.Only, t.name) {
			continue
		}
		err := t.prepare(mapping)
		if errors.Is(err, errNoKey) && !named {
			continue
		}
		if err != nil {
			return fmt.Errorf("sqlsearch: the table %q: %w", t.name, err)
		}
		d.tables[t.name] = t
	}
	for _, name := range opts.Only {
		if d.tables[name] == nil {
			return fmt.Errorf("sqlsearch: %w: there is no table %q", search.ErrUnknownIndex, name)
		}
	}
	for name := range opts.Mappings {
		if d.tables[name] == nil && len(opts.Only) == 0 {
			return fmt.Errorf("sqlsearch: %w: there is no table %q", search.ErrUnknownIndex, name)
		}
	}
	return nil
}

// Close closes the connections.
func (d *Tables) Close() error {
	d.db.close()
	return nil
}

// Schemas implements [search.Driver].
func (d *Tables) Schemas(ctx context.Context, name string) ([]*record.Schema, error) {
	var out []*record.Schema
	for index, t := range d.tables {
		if fits(name, index) {
			out = append(out, t.schema)
		}
	}
	slices.SortFunc(out, func(a, b *record.Schema) int { return cmp.Compare(a.Index, b.Index) })
	return out, ctx.Err()
}

// table returns the table of a plan's schema.
func (d *Tables) table(index string) (*foreignTable, error) {
	if t := d.tables[index]; t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("sqlsearch: %w %q", search.ErrUnknownIndex, index)
}

// Read implements [search.Driver].
func (d *Tables) Read(ctx context.Context, r *search.Read) record.Stream {
	return func(yield func(*record.Record, error) bool) {
		t, err := d.table(r.Plan.Schema.Index)
		if err != nil {
			yield(nil, err)
			return
		}
		left := false
		err = d.db.view(ctx, func(ctx context.Context, q querier) error {
			for rec, err := range (&tableView{t, q}).answer(ctx, r) {
				if err != nil {
					return err
				}
				if left = !yield(rec, nil); left {
					return nil
				}
			}
			return nil
		})
		if err != nil && !left {
			yield(nil, err)
		}
	}
}

// Count implements [search.Driver].
func (d *Tables) Count(ctx context.Context, p *plan.Plan, limit int64) (n int64, err error) {
	t, err := d.table(p.Schema.Index)
	if err != nil {
		return 0, err
	}
	err = d.db.view(ctx, func(ctx context.Context, q querier) error {
		n, err = (&tableView{t, q}).count(ctx, p, limit)
		return err
	})
	return n, err
}

// Aggregate implements [search.Driver].
func (d *Tables) Aggregate(ctx context.Context, questions []*search.Aggregation) (tables []*search.Table, err error) {
	err = d.db.view(ctx, func(ctx context.Context, q querier) error {
		for _, a := range questions {
			t, err := d.table(a.Plan.Schema.Index)
			if err != nil {
				return err
			}
			v := &tableView{t, q}
			table, err := aggregate(ctx, t.layout, a, q, v.read)
			if err != nil {
				return err
			}
			tables = append(tables, table)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return tables, nil
}

// A tableView is a table in one view of its database.
type tableView struct {
	t *foreignTable
	q querier
}

// answer answers r, in Go where SQL cannot.
func (v *tableView) answer(ctx context.Context, r *search.Read) record.Stream {
	where, _ := exact.Narrow(r.Plan.Where, v.t.layout.Can, nil)
	return exact.Read(ctx, r, where, v.ordered)
}

func (v *tableView) count(ctx context.Context, p *plan.Plan, limit int64) (n int64, err error) {
	where, exactly := exact.Narrow(p.Where, v.t.layout.Can, nil)
	if !exactly {
		return exact.Count(ctx, p, limit, where, v.read)
	}
	q, err := countOf(p, v.t.layout, limit)
	if err != nil {
		return 0, err
	}
	err = v.q.query(ctx, q, func(row []any) error {
		n, _ = row[0].(int64)
		return nil
	})
	return n, err
}
