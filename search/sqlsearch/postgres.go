package sqlsearch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/digit-health/dhr/jql/sqlgen"
	"github.com/digit-health/dhr/search"
)

// PostgresOptions are choices for [OpenPostgres].
type PostgresOptions struct {
	// Schema is the schema of PostgreSQL that holds the tables, of which DHR
	// takes every one for its own. If empty, dhr.
	Schema string
	// Connections is the greatest number of connections. A snapshot holds one as
	// long as it is open, and every question one more while it is answered. If zero, 16, or what
	// pool_max_conns in the URL says.
	Connections int
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
	pool   *pgxpool.Pool
	schema string // as it is written in SQL
	name   string // as it is

	mu        sync.Mutex
	indexes   map[string]*pgIndex // as they were last seen, by name
	snapshots map[*pgSnapshot]bool
}

var _ search.Loader = (*Postgres)(nil)

// OpenPostgres connects to a database by its URL, such as
// postgres://user:secret@host:5432/name, or by a connection string of libpq. It
// makes the schema if it is not there and may be made. The caller closes what it returns.
func OpenPostgres(ctx context.Context, url string, opts *PostgresOptions) (*Postgres, error) {
	if opts == nil {
		opts = &PostgresOptions{}
	}
	pool, err := openPool(ctx, url, opts.Connections)
	if err != nil {
		return nil, err
	}
	name := opts.Schema
	if name == "" {
		name = "dhr"
	}
	d := &Postgres{pool: pool, name: name, schema: sqlgen.Quote(name), indexes: map[string]*pgIndex{}, snapshots: map[*pgSnapshot]bool{}}
	if err := d.prepare(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	return d, nil
}

// Close closes every connection. Snapshots that are open are lost.
func (d *Postgres) Close() error {
	d.mu.Lock()
	open := slices.Collect(maps.Keys(d.snapshots))
	d.mu.Unlock()
	for _, s := range open {
		_ = s.Close()
	}
	d.pool.Close()
	return nil
}

// openPool connects to a database. When a context ends, the server is asked to
// end the work at once, and the connection is given up if it does not.
func openPool(ctx context.Context, url string, connections int) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", search.ErrInvalid, err)
	}
	switch {
	case connections > 0:
		config.MaxConns = int32(connections)
	case config.MaxConns < 16:
		config.MaxConns = 16
	}
	params := config.ConnConfig.RuntimeParams
	for name, value := range map[string]string{
		"timezone": "UTC", "datestyle": "ISO", "intervalstyle": "iso_8601", "extra_float_digits": "3",
		"client_encoding": "UTF8", "standard_conforming_strings": "on",
	} {
		params[name] = value
	}
	if params["application_name"] == "" {
		params["application_name"] = "dhr"
	}
	config.ConnConfig.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: time.Second}
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, pgError(ctx, err)
	}
	if err := checkServer(ctx, pool); err != nil {
		pool.Close()
		return nil, err
	}
	return pool, nil
}

// checkServer holds that the server is one whose strings are ours.
func checkServer(ctx context.Context, pool *pgxpool.Pool) error {
	var encoding string
	if err := pool.QueryRow(ctx, "SHOW server_encoding").Scan(&encoding); err != nil {
		return pgError(ctx, err)
	}
	if encoding != "UTF8" {
		return fmt.Errorf("%w: the database has the encoding %q, and not UTF8", search.ErrUnsupported, encoding)
	}
	return nil
}

// table returns the name of a table as it is written in SQL.
func (d *Postgres) table(name string) string { return d.schema + "." + sqlgen.Quote(name) }

// prepare makes the catalog. Where it is not there and may not be made, there are no indexes.
func (d *Postgres) prepare(ctx context.Context) error {
	var there bool
	err := d.pool.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", d.table("catalog")).Scan(&there)
	if err != nil || there {
		return pgError(ctx, err)
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
	return pgError(ctx, pgx.BeginFunc(ctx, d.pool, do))
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
	end, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer stop()
	_ = tx.Rollback(end) // nothing was written
	return err
}

// begin begins a transaction that reads. The caller rolls it back.
func (d *Postgres) begin(ctx context.Context, snapshot string) (pgx.Tx, error) {
	tx, err := d.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, pgError(ctx, err)
	}
	if snapshot == "" {
		return tx, nil
	}
	if !exported(snapshot) { // it cannot be an argument
		_ = tx.Rollback(ctx)
		return nil, search.ErrBadToken
	}
	if _, err := tx.Exec(ctx, "SET TRANSACTION SNAPSHOT '"+snapshot+"'"); err != nil {
		_ = tx.Rollback(ctx)
		var known *pgconn.PgError
		if ctx.Err() == nil && errors.As(err, &known) && (known.Code == "22023" || known.Code == "42704" || known.Code == "55000") {
			return nil, fmt.Errorf("%w: %w", search.ErrSnapshotLost, err)
		}
		return nil, pgError(ctx, err)
	}
	return tx, nil
}

// exported reports whether s may be the name of a snapshot that PostgreSQL exported.
func exported(s string) bool {
	for i := range len(s) {
		if c := s[i]; c != '-' && (c < '0' || c > '9') && (c < 'A' || c > 'F') {
			return false
		}
	}
	return s != ""
}
