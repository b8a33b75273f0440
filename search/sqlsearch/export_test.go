package sqlsearch

import (
	"context"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/digit-health/dhr/jql/sqlgen"
)

// Lock locks a file for writing, as another process would.
func Lock(file string) (unlock func(), err error) {
	c, err := openConn(file, sqlite3.SQLITE_OPEN_READWRITE)
	if err != nil {
		return nil, err
	}
	return c.close, c.exec("BEGIN IMMEDIATE")
}

// OpenLocked opens a store whose file is locked, without the check that it can be written.
func OpenLocked(ctx context.Context, file string) (*SQLite, error) {
	d := &SQLite{file: file, options: (&Options{Busy: time.Hour}).withDefaults(), write: make(chan struct{}, 1)}
	c, err := openConn(file, sqlite3.SQLITE_OPEN_READWRITE)
	if err != nil {
		return nil, err
	}
	d.writer = c
	return d, d.setUp(c, d.options.Cache)
}

// Script runs statements on a file of SQLite.
func Script(file, script string) error {
	c, err := openConn(file, sqlite3.SQLITE_OPEN_READWRITE|sqlite3.SQLITE_OPEN_CREATE)
	if err != nil {
		return err
	}
	defer c.close()
	return c.exec(script)
}

// Endless asks a question that SQLite would work on for ever.
func (d *SQLite) Endless(ctx context.Context) error {
	v, err := d.view(ctx)
	if err != nil {
		return err
	}
	defer v.close()
	return v.query(ctx, sqlgen.Query{Text: "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"},
		func([]any) error { return nil })
}

// InMemory returns how many bytes of columns are in memory.
func (d *SQLite) InMemory() int64 {
	d.vectors.mu.Lock()
	defer d.vectors.mu.Unlock()
	return d.vectors.bytes
}

// Forget does what is done when nobody has asked for a while.
func (d *SQLite) Forget() {
	d.vectors.mu.Lock()
	for _, t := range d.vectors.indexes {
		t.used = t.used.Add(-forgetAfter)
	}
	d.vectors.mu.Unlock()
	d.vectors.rest()
}
