package sqldoc

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/digit-health/dhr/docstore"
)

// PostgresOptions are choices for [OpenPostgres].
type PostgresOptions struct {
	// Schema is the schema of PostgreSQL that holds the tables, of which DHR
	// takes every one for its own. If empty, dhr_config.
	Schema string
	// Connections is the greatest number of connections. If zero, 8.
	Connections int
}

// OpenPostgres connects to a database, of version 14 or later, by its URL, such as
// postgres://user:secret@host:5432/name, or by a connection string of libpq. It makes the
// schema if it is not there. The caller closes what it returns.
//
// Errors are docstore.ErrInvalid for a URL that makes no sense, ErrUnavailable for a server that does not
// answer or refuses, ErrReadOnly where the schema is not there and may not be made, ErrNewer, and ErrUnsupported.
func OpenPostgres(ctx context.Context, url string, opts *PostgresOptions) (*Driver, error) {
	o := PostgresOptions{}
	if opts != nil {
		o = *opts
	}
	if o.Schema == "" {
		o.Schema = "dhr_config"
	}
	if o.Connections == 0 {
		o.Connections = 8
	}
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("sqldoc: %w: %w", docstore.ErrInvalid, err)
	}
	for name, value := range map[string]string{
		"client_encoding": "UTF8", "standard_conforming_strings": "on",
		"synchronous_commit": "on",  // what was acknowledged is on the disk
		"jit":                "off", // which takes longer than every one of our questions
	} {
		config.RuntimeParams[name] = value
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "dhr"
	}
	config.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: time.Second}
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(o.Connections)
	db.SetMaxIdleConns(o.Connections)
	d := &Driver{dialect: postgresDialect(o.Schema), read: db, write: db}
	if err := d.prepareDatabase(ctx); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("sqldoc: %w", err)
	}
	return d, nil
}

func postgresDialect(schema string) dialect {
	quoted := pgx.Identifier{schema}.Sanitize()
	return dialect{
		replace:   strings.NewReplacer("{s}", quoted+".", "{text}", `text COLLATE "C"`, "{bytes}", "bytea"),
		options:   &sql.TxOptions{Isolation: sql.LevelReadCommitted},
		errorOf:   postgresErrorOf,
		patiently: func(_ context.Context, do func() error) error { return do() },
		there: func(ctx context.Context, tx *sql.Tx) (there bool, err error) {
			// to_regclass would answer from a cache of before the lock.
			err = tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relname = 'format')`, schema).Scan(&there)
			return there, err
		},
		lock: "SELECT pg_advisory_xact_lock(hashtext('dhr documents'), hashtext(" + literal(schema) + "))",
		mark: "CREATE SCHEMA IF NOT EXISTS " + quoted,
	}
}

// literal returns a text as it is written in SQL.
func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// prepareDatabase holds that the server is one whose strings are ours, and makes the tables.
func (d *Driver) prepareDatabase(ctx context.Context) error {
	var encoding string
	if err := d.read.QueryRowContext(ctx, "SHOW server_encoding").Scan(&encoding); err != nil {
		return d.wrap(ctx, err)
	}
	if encoding != "UTF8" {
		return fmt.Errorf("%w: the database has the encoding %q, and not UTF8", docstore.ErrUnsupported, encoding)
	}
	version, err := d.look(ctx)
	if err != nil || version == len(migrations) {
		return err
	}
	return d.migrate(ctx)
}

// postgresErrorOf returns the error of package docstore for one of PostgreSQL (its
// manual, appendix A, for the codes), or nil.
func postgresErrorOf(err error) error {
	var known *pgconn.PgError
	if errors.As(err, &known) {
		return errorOfCode(known.Code)
	}
	var connecting *pgconn.ConnectError
	var network net.Error
	switch {
	case errors.As(err, &connecting), errors.As(err, &network), pgconn.Timeout(err), errors.Is(err, net.ErrClosed),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return docstore.ErrUnavailable
	}
	return nil
}

func errorOfCode(code string) error {
	switch code {
	case "25006", "42501": // read_only_sql_transaction, insufficient_privilege
		return docstore.ErrReadOnly
	case "53100": // disk_full
		return docstore.ErrFull
	case "23505", "40001": // unique_violation, serialization_failure
		return docstore.ErrConflict
	case "55P03", "40P01", "55006", "57014", "25P03": // locks, and what ended by a limit of time
		return docstore.ErrUnavailable
	}
	switch {
	case strings.HasPrefix(code, "XX"):
		return docstore.ErrCorrupt
	case strings.HasPrefix(code, "08"), strings.HasPrefix(code, "28"), strings.HasPrefix(code, "3D"), strings.HasPrefix(code, "53"),
		strings.HasPrefix(code, "57P"), strings.HasPrefix(code, "58"):
		return docstore.ErrUnavailable // connections, log-in, no such database, resources, shutdown, the operating system
	}
	return nil
}
