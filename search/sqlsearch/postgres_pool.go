package sqlsearch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/digit-health/dhr/search"
)

// A pgPool has the connections to a database. Nobody waits for one without end, and
// snapshots, which hold theirs for as long as their users like, do not get them all.
type pgPool struct {
	pool  *pgxpool.Pool
	wait  time.Duration
	slots chan struct{} // of transactions that are held; has one for each
}

// openPool connects to a database. When a context ends, the server is asked to
// end the work at once, and the connection is given up if it does not.
func openPool(ctx context.Context, url string, connections int, wait time.Duration) (*pgPool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", search.ErrInvalid, err)
	}
	switch {
	case connections > 0:
		config.MaxConns = int32(connections)
	case !strings.Contains(url, "pool_max_conns"):
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
		c := &canceller{}
		c.Conn, c.DeadlineDelay = conn, time.Second
		conn.CustomData()[cancellerKey] = c
		return c
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, pgError(ctx, err)
	}
	if err := checkServer(ctx, pool); err != nil {
		pool.Close()
		return nil, err
	}
	if wait == 0 {
		wait = 10 * time.Second
	}
	return &pgPool{pool: pool, wait: wait, slots: make(chan struct{}, config.MaxConns/2)}, nil
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

func (p *pgPool) close() { p.pool.Close() }

// connect returns a connection, which the caller releases.
func (p *pgPool) connect(ctx context.Context) (*pgxpool.Conn, error) {
	waiting, stop := context.WithTimeout(ctx, p.wait)
	defer stop()
	conn, err := p.pool.Acquire(waiting)
	if err == nil || ctx.Err() != nil || waiting.Err() == nil {
		return conn, pgError(ctx, err)
	}
	if p.pool.Stat().AcquiredConns() < p.pool.Config().MaxConns { // it is the server that keeps us waiting
		return nil, fmt.Errorf("%w: no connection to PostgreSQL within %s", search.ErrUnavailable, p.wait)
	}
	return nil, fmt.Errorf("%w: all %d connections to PostgreSQL are in use, for %s", search.ErrOverloaded, p.pool.Config().MaxConns, p.wait)
}

// with lends a connection to do.
func (p *pgPool) with(ctx context.Context, do func(conn *pgxpool.Conn) error) error {
	conn, err := p.connect(ctx)
	if err != nil {
		return err
	}
	defer release(conn)
	return pgError(ctx, do(conn))
}

// A canceller asks the server to end the work of a connection. It may come too late, and
// then ends what the connection is used for next.
type canceller struct {
	pgconn.CancelRequestContextWatcherHandler
	asked atomic.Bool
}

// cancellerKey is where a connection has its canceller.
const cancellerKey = "dhr"

func (c *canceller) HandleCancel(ctx context.Context) {
	c.asked.Store(true)
	c.CancelRequestContextWatcherHandler.HandleCancel(ctx)
}

// release gives a connection back, or ends one of which something was cancelled.
func release(conn *pgxpool.Conn) {
	if c, ok := conn.Conn().PgConn().CustomData()[cancellerKey].(*canceller); ok && c.asked.Load() {
		ctx, stop := context.WithTimeout(context.Background(), time.Second)
		defer stop()
		_ = conn.Conn().Close(ctx)
	}
	conn.Release()
}

// hold begins a transaction as begin does, for as long as the caller likes. It is
// ended by done.
func (p *pgPool) hold(ctx context.Context, snapshot string) (tx pgx.Tx, done func(), err error) {
	select {
	case p.slots <- struct{}{}:
	default:
		return nil, nil, fmt.Errorf("%w: snapshots hold %d of %d connections to PostgreSQL, and may hold no more",
			search.ErrOverloaded, cap(p.slots), p.pool.Config().MaxConns)
	}
	if tx, err = p.begin(ctx, snapshot); err != nil {
		<-p.slots
		return nil, nil, err
	}
	return tx, func() {
		end(context.Background(), tx)
		<-p.slots
	}, nil
}

// end ends a transaction that has written nothing, also when ctx has ended.
func end(ctx context.Context, tx pgx.Tx) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer stop()
	_ = tx.Rollback(ctx) // a connection that is gone has ended it as well
}

// A pgTx gives its connection back when it ends.
type pgTx struct {
	pgx.Tx
	conn *pgxpool.Conn
}

// Rollback is called once.
func (t *pgTx) Rollback(ctx context.Context) error {
	defer release(t.conn)
	return t.Tx.Rollback(ctx)
}

// begin begins a transaction that reads. The caller rolls it back.
func (p *pgPool) begin(ctx context.Context, snapshot string) (*pgTx, error) {
	conn, err := p.connect(ctx)
	if err != nil {
		return nil, err
	}
	begun, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		release(conn)
		return nil, pgError(ctx, err)
	}
	tx := &pgTx{Tx: begun, conn: conn}
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
