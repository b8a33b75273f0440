package sqldoc

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/digit-health/dhr/docstore"
)

// Options are choices for [Open].
type Options struct {
	// Busy is how long to wait for another process that writes. If zero, 10 s.
	Busy time.Duration
	// MaxPages bounds the file, in pages of 4,096 bytes. If zero, it has no bound.
	MaxPages int
}

const (
	fileName = "config.sqlite" // in a directory
	// application is SQLite's application_id of our files of documents.
	application = 0x44485244
	// busySlice is how long SQLite waits for a lock before it lets us see whether the
	// context has ended.
	busySlice = 100 * time.Millisecond
	// busyPause is for locks that SQLite does not wait for.
	busyPause = 5 * time.Millisecond
	readers   = 4
	cache     = 16 << 20 // bytes, of each connection, if the file is as large
)

// Open opens a store in a file of SQLite, and makes it if it is not there. The
// path is that of the file, or of a directory that holds it under the name config.sqlite.
// The caller closes what it returns.
//
// A file that cannot be written is opened, and every write is docstore.ErrReadOnly. Other errors are
// docstore.ErrCorrupt for a file that is damaged or none of ours, ErrUnavailable
// for one that cannot be opened or that another process holds, ErrNewer, and ErrFull.
func Open(ctx context.Context, path string, opts *Options) (*Driver, error) {
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		path = filepath.Join(path, fileName)
	}
	o := Options{}
	if opts != nil {
		o = *opts
	}
	if o.Busy == 0 {
		o.Busy = 10 * time.Second
	}
	d := &Driver{dialect: sqliteDialect(o.Busy)}
	var err error
	if d.write, err = openSQLite(path, o.MaxPages, "_txlock=immediate"); err != nil {
		return nil, fmt.Errorf("sqldoc: %q: %w", path, err)
	}
	d.write.SetMaxOpenConns(1)
	if d.read, err = openSQLite(path, 0, "_pragma=query_only(true)"); err != nil {
		_ = d.write.Close()
		return nil, fmt.Errorf("sqldoc: %q: %w", path, err)
	}
	d.read.SetMaxOpenConns(readers)
	d.read.SetMaxIdleConns(readers)
	err = d.prepareFile(ctx)
	if err == nil {
		d.prepared = map[string]*sql.Stmt{}
		err = d.wrap(ctx, d.patiently(ctx, func() error { return d.prepare(ctx) }))
	}
	if err != nil {
		_ = d.Close()
		return nil, fmt.Errorf("sqldoc: %q: %w", path, err)
	}
	return d, nil
}

func sqliteDialect(busy time.Duration) dialect {
	return dialect{
		replace:   strings.NewReplacer("{s}", "", "{text}", "text", "{bytes}", "blob"),
		errorOf:   sqliteErrorOf,
		patiently: patience(busy).wait,
		there:     sqliteThere,
		mark:      fmt.Sprintf("PRAGMA application_id=%d", application),
	}
}

// openSQLite returns a pool of connections, of which none is open yet.
func openSQLite(path string, maxPages int, more string) (*sql.DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", docstore.ErrUnavailable, err)
	}
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/…
	}
	query := fmt.Sprintf("_pragma=busy_timeout(%d)&_pragma=synchronous(FULL)&_pragma=trusted_schema(OFF)&_pragma=cache_size(-%d)&", busySlice.Milliseconds(), cache>>10) + more
	if maxPages > 0 {
		query += fmt.Sprintf("&_pragma=max_page_count(%d)", maxPages)
	}
	u := url.URL{Scheme: "file", Path: path, RawQuery: query}
	return sql.Open("sqlite", u.String())
}

// prepareFile brings the file to the present version, unless it is none of ours.
func (d *Driver) prepareFile(ctx context.Context) error {
	version, err := d.look(ctx)
	if err != nil {
		return err
	}
	err = d.wrap(ctx, d.patiently(ctx, func() error {
		_, err := d.write.ExecContext(ctx, "PRAGMA journal_mode=WAL")
		return err
	}))
	switch {
	case version < len(migrations) && err != nil:
		return err
	case version < len(migrations):
		return d.migrate(ctx)
	case errors.Is(err, docstore.ErrReadOnly):
		return nil
	}
	return err
}

// sqliteThere tells a new file from one of ours; any other is an error.
func sqliteThere(ctx context.Context, tx *sql.Tx) (bool, error) {
	var id, tables, ours int64
	if err := tx.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return false, err
	}
	err := tx.QueryRowContext(ctx, "SELECT count(*), count(*) FILTER (WHERE name = 'format') FROM sqlite_schema").Scan(&tables, &ours)
	switch {
	case err != nil:
		return false, err
	case id == 0 && tables == 0:
		return false, nil
	case id != application || ours == 0:
		return false, fmt.Errorf("%w: a SQLite file, but not one of DHR's documents", docstore.ErrCorrupt)
	}
	return true, nil
}

// A patience is how long to wait for another process.
type patience time.Duration

// wait calls do until it does not find the file locked.
func (p patience) wait(ctx context.Context, do func() error) error {
	end := time.Now().Add(time.Duration(p))
	for {
		err := do()
		if err == nil || !isCode(err, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) || ctx.Err() != nil || time.Now().After(end) {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(busyPause):
		}
	}
}

// isCode reports whether err is SQLite's error with one of some primary result codes.
func isCode(err error, codes ...int) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && slices.Contains(codes, e.Code()&0xff)
}

func sqliteErrorOf(err error) error {
	switch {
	case isCode(err, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
		return docstore.ErrReadOnly
	case isCode(err, sqlite3.SQLITE_FULL):
		return docstore.ErrFull
	case isCode(err, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
		return docstore.ErrCorrupt
	case isCode(err, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PROTOCOL):
		return docstore.ErrUnavailable
	}
	return nil
}
