package sqlsearch

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/digit-health/dhr/jql/sqlgen"
	"github.com/digit-health/dhr/search"
)

// A SQLite is a store of indexes in one file of SQLite. Several processes may
// have it open; one at a time writes.
type SQLite struct {
	file     string
	options  Options
	readOnly bool
	// immutable says that nobody can change the file.
	immutable bool

	write  chan struct{} // holds the right to use writer
	writer *conn

	readers atomic.Int64 // open connections that read

	mu      sync.Mutex
	idle    []*conn     // those that were used last at the end
	resting *time.Timer // runs while there are idle ones that may have memory to give back
	catalog *catalog    // the newest that was seen
	open    map[string]*snapshot
	closed  bool

	asking sync.Mutex
	asks   *conn // asks for the version of the catalog; guarded by asking, and nil at first

	vectors vectors
}

const (
	fileName   = "records.sqlite" // in a directory
	serverName = "records.db"     // likewise, in that of a server
	// application is SQLite's application_id of our files: DHR and a version of its own.
	application = 0x44485231
	// format is the version of the tables; a newer one is refused.
	format   = 1
	pageSize = 8192
)

// Open opens a store, and makes it if it is not there. The path is that of the file,
// or of a directory that holds it under the name records.sqlite, or records.db, which is how DHR's server calls it. A file that cannot be
// written is opened for reading.
//
// What Load and the others have stored survives a crash of the process and
// of the machine: the log is synchronised at the end of each transaction
// (journal_mode=WAL, synchronous=FULL). Sorting that does not fit into memory goes to
// files of SQLite, never into memory (temp_store=FILE).
//
// Errors are ErrCorrupt for a file that is damaged or none of ours, ErrUnavailable,
// and ErrUnsupported for a file of a later version of DHR.
func Open(ctx context.Context, path string, options *Options) (*SQLite, error) {
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		path = inFolder(path)
	}
	d := &SQLite{file: path, options: options.withDefaults(), write: make(chan struct{}, 1)}
	d.vectors.room, d.vectors.indexes = max(d.options.Columns, 0), map[int64]*vectorIndex{}
	d.readOnly = d.options.ReadOnly
	if !d.readOnly {
		err := d.openWriter(ctx)
		switch _, stat := os.Stat(path); {
		case err == nil:
		case stat == nil && (errors.Is(err, search.ErrReadOnly) || isCode(err, sqlite3.SQLITE_CANTOPEN)):
			d.readOnly = true
		default:
			return nil, fmt.Errorf("sqlsearch: %q: %w", path, err)
		}
	}
	if d.readOnly {
		if err := d.openForReading(ctx); err != nil {
			return nil, fmt.Errorf("sqlsearch: %q: %w", path, err)
		}
	}
	return d, nil
}

// inFolder returns the file in a directory. A new one is not made beside that of a server.
func inFolder(dir string) string {
	own, servers := filepath.Join(dir, fileName), filepath.Join(dir, serverName)
	if _, err := os.Stat(own); err == nil {
		return own
	}
	if _, err := os.Stat(servers); err == nil {
		return servers
	}
	return own
}

// Close closes the store. Scans and snapshots must have ended.
func (d *SQLite) Close() error {
	d.write <- struct{}{}
	defer func() { <-d.write }() // who comes later is told that the store is closed
	d.asking.Lock()
	defer d.asking.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	if d.resting != nil {
		d.resting.Stop()
	}
	d.vectors.close()
	for _, c := range d.idle {
		c.close()
	}
	d.idle = nil
	if d.asks != nil {
		d.asks.close()
		d.asks = nil
	}
	if d.writer != nil {
		d.writer.close()
		d.writer = nil
	}
	return nil
}

func (d *SQLite) openWriter(ctx context.Context) error {
	c, err := openConn(d.file, sqlite3.SQLITE_OPEN_READWRITE|sqlite3.SQLITE_OPEN_CREATE)
	if err != nil {
		return err
	}
	if err := d.prepareFile(ctx, c); err != nil {
		c.close()
		return err
	}
	d.writer = c
	return nil
}

// prepareFile sets up the writer's connection, and the file if it is new.
func (d *SQLite) prepareFile(ctx context.Context, c *conn) error {
	if err := d.setUp(c, d.options.Cache); err != nil {
		return err
	}
	err := d.patiently(ctx, func() error {
		fresh, err := checkFile(ctx, c)
		if err != nil || !fresh {
			return err
		}
		return makeFile(c)
	})
	if err != nil {
		return err
	}
	main, err := libc.CString("main")
	if err != nil {
		return err
	}
	defer libc.Xfree(c.tls, main)
	if sqlite3.Xsqlite3_db_readonly(c.tls, c.db, main) != 0 {
		return search.ErrReadOnly
	}
	if err := d.patiently(ctx, func() error { return c.exec("PRAGMA journal_mode=WAL") }); err != nil {
		return err
	}
	if d.options.MaxPages > 0 {
		return c.exec(fmt.Sprintf("PRAGMA max_page_count=%d", d.options.MaxPages))
	}
	return nil
}

// setUp gives a connection its settings.
func (d *SQLite) setUp(c *conn, cache int64) error {
	sqlite3.Xsqlite3_busy_timeout(c.tls, c.db, int32(busySlice.Milliseconds()))
	return c.exec(fmt.Sprintf("PRAGMA page_size=%d; PRAGMA cache_size=-%d; PRAGMA synchronous=FULL; PRAGMA temp_store=FILE; PRAGMA wal_autocheckpoint=2000; PRAGMA trusted_schema=OFF",
		pageSize, cache>>10))
}

// busySlice is how long SQLite waits for a lock before it lets us see whether the
// context has ended.
const busySlice = 100 * time.Millisecond

// busyPause is for locks that SQLite does not wait for.
const busyPause = 5 * time.Millisecond

// patiently calls do until it does not find the file locked, for as long as
// the options say.
func (d *SQLite) patiently(ctx context.Context, do func() error) error {
	end := time.Now().Add(d.options.Busy)
	for {
		err := do()
		if err == nil || !isLocked(err) {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Now().After(end) {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(busyPause):
		}
	}
}

// checkFile tells a new file from one of ours; any other is an error.
func checkFile(ctx context.Context, c *conn) (fresh bool, err error) {
	id, err := c.number(ctx, "PRAGMA application_id")
	if err != nil {
		return false, err
	}
	version, err := c.number(ctx, "PRAGMA user_version")
	if err != nil {
		return false, err
	}
	tables, err := c.number(ctx, "SELECT count(*) FROM sqlite_schema")
	if err != nil {
		return false, err
	}
	switch {
	case id == 0 && version == 0 && tables == 0:
		return true, nil
	case id != application:
		return false, fmt.Errorf("%w: a SQLite file, but not one of DHR's", search.ErrCorrupt)
	case version > format:
		return false, fmt.Errorf("%w: the file has version %d of the format, and this program knows versions up to %d: use the newer program",
			search.ErrUnsupported, version, format)
	}
	return false, nil
}

// makeFile makes the catalog.
func makeFile(c *conn) error {
	var id [8]byte
	_, _ = rand.Read(id[:])
	err := c.exec(fmt.Sprintf(`PRAGMA journal_mode=WAL;
BEGIN IMMEDIATE;
PRAGMA application_id=%d;
PRAGMA user_version=%d;
CREATE TABLE IF NOT EXISTS dhr_state (id INTEGER PRIMARY KEY CHECK (id = 1), file TEXT NOT NULL, version INTEGER NOT NULL, next INTEGER NOT NULL);
INSERT OR IGNORE INTO dhr_state VALUES (1, '%s', 1, 1);
CREATE TABLE IF NOT EXISTS dhr_index (n INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, mapping BLOB NOT NULL, revision INTEGER NOT NULL,
	fields BLOB NOT NULL, generation INTEGER NOT NULL);
COMMIT`, application, format, hex.EncodeToString(id[:])))
	if err != nil {
		_ = c.exec("ROLLBACK")
	}
	return err
}

// openForReading checks that the file can be read and is one of ours.
func (d *SQLite) openForReading(ctx context.Context) error {
	c, err := d.readable(ctx)
	if err != nil && d.alone(err) {
		d.immutable = true
		c, err = d.readable(ctx)
	}
	if err != nil {
		return err
	}
	d.idle = append(d.idle, c)
	return nil
}

// alone reports whether the file can be read only as one that nobody changes: its log cannot be
// made, and there is none with anything in it.
func (d *SQLite) alone(err error) bool {
	st, stat := os.Stat(d.file + "-wal")
	return (errors.Is(err, search.ErrReadOnly) || isCode(err, sqlite3.SQLITE_CANTOPEN)) && (stat != nil || st.Size() == 0)
}

func (d *SQLite) readable(ctx context.Context) (*conn, error) {
	c, err := d.newReader()
	if err != nil {
		return nil, err
	}
	err = d.patiently(ctx, func() error {
		fresh, err := checkFile(ctx, c)
		if err == nil && fresh {
			err = fmt.Errorf("%w: the file is empty", search.ErrCorrupt)
		}
		return err
	})
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (d *SQLite) newReader() (*conn, error) {
	if _, err := os.Stat(d.file); err != nil {
		return nil, fmt.Errorf("%w: %w", search.ErrUnavailable, err)
	}
	name, flags := d.file, int32(sqlite3.SQLITE_OPEN_READONLY)
	if d.immutable {
		path, err := filepath.Abs(d.file)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", search.ErrUnavailable, err)
		}
		u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: "immutable=1"}
		name, flags = u.String(), flags|sqlite3.SQLITE_OPEN_URI
	}
	c, err := openConn(name, flags)
	if err != nil {
		return nil, err
	}
	c.among = &d.readers
	d.readers.Add(1)
	if err := d.setUp(c, d.options.Cache/4); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// A view is a connection in a transaction that reads: what it sees does not change.
type view struct {
	d *SQLite
	*conn
	catalog *catalog
}

// view begins to read.
func (d *SQLite) view(ctx context.Context) (*view, error) {
	c, err := d.reader()
	if err != nil {
		return nil, err
	}
	v := &view{d: d, conn: c}
	err = d.patiently(ctx, func() error {
		if err := c.run("BEGIN"); err != nil {
			return err
		}
		v.catalog, err = d.readCatalog(ctx, c)
		if err != nil {
			_ = c.run("ROLLBACK")
		}
		return err
	})
	if err != nil {
		c.close()
		return nil, ended(ctx, err)
	}
	return v, nil
}

// reader returns a connection for reading.
func (d *SQLite) reader() (*conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, fmt.Errorf("%w: the store is closed", search.ErrUnavailable)
	}
	if n := len(d.idle); n > 0 {
		c := d.idle[n-1]
		d.idle = d.idle[:n-1]
		return c, nil
	}
	return d.newReader()
}

// close ends the reading and gives the connection back.
func (v *view) close() {
	if v.run("ROLLBACK") != nil {
		v.conn.close()
		return
	}
	v.d.idles(v.conn)
}

// idles keeps a connection that has been used, for who needs one next.
func (d *SQLite) idles(c *conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || len(d.idle) >= d.options.Readers {
		c.close()
		return
	}
	c.used, c.rested = time.Now(), false
	d.idle = append(d.idle, c)
	if d.resting == nil {
		d.resting = time.AfterFunc(restAfter, d.rest)
	}
}

const (
	// restAfter is how long a reader is idle before it gives its memory back.
	restAfter = 5 * time.Second
	// rested is how many idle readers stay open without it, which saves them reading the catalog again.
	rested = 4
)

// rest takes the memory from readers that have not been used for a while, and closes those of
// them that are too many.
func (d *SQLite) rest() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.resting = nil
	if d.closed {
		return
	}
	now, again := time.Now(), false
	var stay []*conn
	for i, c := range d.idle {
		switch {
		case now.Sub(c.used) < restAfter:
			again = true
		case len(d.idle)-i > rested || !c.rested && c.exec("PRAGMA shrink_memory") != nil:
			c.close()
			continue
		default:
			c.rested = true
		}
		stay = append(stay, c)
	}
	d.idle = stay
	if again {
		d.resting = time.AfterFunc(restAfter, d.rest)
	}
}

// writing calls do in a transaction of the writer, which is rolled back after an error.
func (d *SQLite) writing(ctx context.Context, do func(c *conn, cat *catalog) error) error {
	if d.readOnly {
		return fmt.Errorf("sqlsearch: %q: %w", d.file, search.ErrReadOnly)
	}
	select {
	case d.write <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-d.write }()
	return d.transaction(ctx, do)
}

// transaction is writing for who has the right to write.
func (d *SQLite) transaction(ctx context.Context, do func(c *conn, cat *catalog) error) error {
	c := d.writer
	if c == nil {
		return fmt.Errorf("%w: the store is closed", search.ErrUnavailable)
	}
	if err := d.patiently(ctx, func() error { return c.exec("BEGIN IMMEDIATE") }); err != nil {
		return err
	}
	stop := c.watch(ctx)
	err := func() error {
		cat, err := d.readCatalog(ctx, c)
		if err != nil {
			return err
		}
		return do(c, cat)
	}()
	if err == nil {
		err = ctx.Err()
	}
	stop()
	if err == nil {
		err = c.exec("COMMIT")
	}
	if err != nil {
		_ = c.exec("ROLLBACK") // SQLite may have rolled back by itself
		c.catalog = nil
		return ended(ctx, err)
	}
	return nil
}

// state returns the only row of dhr_state.
func state(ctx context.Context, c *conn) (file string, version int64, err error) {
	err = c.query(ctx, sqlgen.Query{Text: "SELECT file, version FROM dhr_state"}, func(row []any) error {
		file, _ = row[0].(string)
		version, _ = row[1].(int64)
		return nil
	})
	return file, version, err
}
