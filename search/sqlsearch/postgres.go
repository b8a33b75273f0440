package sqlsearch

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/digit-health/dhr/jql/sqlgen"
	"github.com/digit-health/dhr/search"
)

// PostgresOptions are choices for [OpenPostgres].
type PostgresOptions struct {
	// Schema is the schema of PostgreSQL that holds the tables, of which DHR
	// takes every one for its own. If empty, dhr.
	Schema string
	// Connections is the greatest number of connections. Snapshots that were opened together hold one as
	// long as they are open, and every question one more while it is answered. Snapshots hold at most
	// half of the connections; more are refused at once. If zero, 16, or what
	// pool_max_conns in the URL says.
	Connections int
	// Wait is how long a question waits for a connection when all are in use, before it is
	// refused as ErrOverloaded. If zero, 10 seconds.
	Wait time.Duration
}

// A Postgres keeps records in a PostgreSQL database, version 14 or later. It is
// safe for use by several goroutines, and several processes may load and read at once.
//
// Its tables are those of SQLite, described in the package comment, in a schema of
// their own, with these differences: the dictionary has every string but those of the
// schema's key; a text has its terms in the main table, as an array under a GIN index and
// joined in their order, for phrases; values of several types have a column each. No
// text search configuration of PostgreSQL takes part, and documents are stored byte for
// byte. PostgreSQL's text has no U+0000: it is written as two U+0001, and U+0001 as U+0001 U+0002,
// which keeps the order of strings.
type Postgres struct {
	*pgPool
	schema string // as it is written in SQL
	name   string // as it is

	mu      sync.Mutex
	indexes map[string]*pgIndex // as they were last seen, by name
	holds   map[string]*pgHold  // by the names of their snapshots
}

var _ interface {
	search.Loader
	Snapshots(ctx context.Context, indexes, tokens []string) ([]search.Snapshot, error)
} = (*Postgres)(nil)

// OpenPostgres connects to a database by its URL, such as
// postgres://user:secret@host:5432/name, or by a connection string of libpq. It
// makes the schema if it is not there and may be made. The caller closes what it returns.
func OpenPostgres(ctx context.Context, url string, opts *PostgresOptions) (*Postgres, error) {
	if opts == nil {
		opts = &PostgresOptions{}
	}
	pool, err := openPool(ctx, url, opts.Connections, opts.Wait)
	if err != nil {
		return nil, err
	}
	name := opts.Schema
	if name == "" {
		name = "dhr"
	}
	d := &Postgres{pgPool: pool, name: name, schema: sqlgen.Quote(name), indexes: map[string]*pgIndex{}, holds: map[string]*pgHold{}}
	if err := d.prepare(ctx); err != nil {
		pool.close()
		return nil, err
	}
	return d, nil
}

// Close closes every connection. Snapshots that are open are lost.
func (d *Postgres) Close() error {
	d.mu.Lock()
	open := slices.Collect(maps.Values(d.holds))
	d.mu.Unlock()
	for _, h := range open {
		h.end()
	}
	d.close()
	return nil
}

// table returns the name of a table as it is written in SQL.
func (d *Postgres) table(name string) string { return d.schema + "." + sqlgen.Quote(name) }

// prepare makes the catalog. Where it is not there and may not be made, there are no indexes.
func (d *Postgres) prepare(ctx context.Context) error {
	var there bool
	err := d.with(ctx, func(conn *pgxpool.Conn) error {
		return conn.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", d.table("catalog")).Scan(&there)
	})
	if err != nil || there {
		return err
	}
	err = d.write(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtext($1))", "dhr "+d.name)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+d.schema+`;
CREATE SEQUENCE IF NOT EXISTS `+d.table("numbers")+`;
CREATE TABLE IF NOT EXISTS `+d.table("catalog")+` (
	name text COLLATE "C" PRIMARY KEY,
	id bigint NOT NULL,         -- of its tables: i and this number
	version bigint NOT NULL,    -- of mapping
	generation bigint NOT NULL, -- of the records
	mapping bytea NOT NULL,
	state bytea NOT NULL
)`, pgx.QueryExecModeSimpleProtocol)
		return err
	})
	if errors.Is(err, search.ErrReadOnly) {
		return nil
	}
	return err
}

// write runs a transaction, whole or not at all.
func (d *Postgres) write(ctx context.Context, do func(tx pgx.Tx) error) error {
	return d.with(ctx, func(conn *pgxpool.Conn) error { return pgx.BeginFunc(ctx, conn, do) })
}

// view runs questions on one unchanging view of the database: that of an exported
// snapshot, or the present one. Names of tables, not of indexes, mean the same within.
func (d *Postgres) view(ctx context.Context, snapshot string, do func(ctx context.Context, tx pgx.Tx) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	tx, err := d.begin(ctx, snapshot)
	if err != nil {
		return err
	}
	err = do(ctx, tx)
	cancel() // what was not read to its end is ended on the server
	end(ctx, tx)
	return err
}
