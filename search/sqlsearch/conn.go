package sqlsearch

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
	"unsafe"

	"modernc.org/libc"
	"modernc.org/libc/sys/types"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/digit-health/dhr/jql/sqlgen"
)

// A conn is a connection to a SQLite database, below database/sql, whose copies and
// goroutines cost as much as the work itself. One goroutine at a time may use it.
type conn struct {
	tls *libc.TLS
	db  uintptr
	out uintptr // where functions put a pointer
	// kept are prepared statements by their text, to be used again.
	kept map[string]*stmt
	// layouts are the layouts of indexes as this connection last saw them.
	catalog *catalog
	// used is when it became idle, and rested whether it has given its memory back since.
	used   time.Time
	rested bool
	// among counts the open connections of which this is one; or nil.
	among *atomic.Int64
}

// maxKept is how many statements a connection keeps.
const maxKept = 64

// openConn opens a database file.
func openConn(file string, flags int32) (*conn, error) {
	c := &conn{tls: libc.NewTLS(), kept: map[string]*stmt{}}
	name, err := libc.CString(file)
	if err != nil {
		c.tls.Close()
		return nil, err
	}
	defer libc.Xfree(c.tls, name)
	c.out = libc.Xmalloc(c.tls, types.Size_t(unsafe.Sizeof(uintptr(0))))
	if c.out == 0 {
		c.tls.Close()
		return nil, errMemory
	}
	rc := sqlite3.Xsqlite3_open_v2(c.tls, name, c.out, flags|sqlite3.SQLITE_OPEN_NOMUTEX, 0)
	c.db = *(*uintptr)(pointer(c.out))
	if rc != sqlite3.SQLITE_OK {
		err := c.err(rc)
		c.close()
		return nil, err
	}
	sqlite3.Xsqlite3_extended_result_codes(c.tls, c.db, 1)
	return c, nil
}

var errMemory = &engineError{sqlite3.SQLITE_NOMEM, "out of memory"}

// pointer is for addresses of SQLite's memory, which the collector of Go does not know.
func pointer(p uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&p)) }

// close closes the connection, with its statements; a transaction that is open is rolled back.
func (c *conn) close() {
	if c.among != nil {
		c.among.Add(-1)
	}
	for _, s := range c.kept {
		s.finalize()
	}
	c.kept = nil
	if c.db != 0 {
		sqlite3.Xsqlite3_close_v2(c.tls, c.db)
		c.db = 0
	}
	libc.Xfree(c.tls, c.out)
	c.tls.Close()
}

func (c *conn) err(rc int32) error {
	e := &engineError{code: rc}
	if c.db != 0 {
		e.message = libc.GoString(sqlite3.Xsqlite3_errmsg(c.tls, c.db))
	}
	if e.message == "" || e.message == "not an error" {
		e.message = libc.GoString(sqlite3.Xsqlite3_errstr(c.tls, rc))
	}
	return e
}

// watch makes the end of ctx interrupt what c is doing, until stop is called, after
// which nothing will.
func (c *conn) watch(ctx context.Context) (stop func()) {
	if ctx.Done() == nil {
		return func() {}
	}
	db, over, done := c.db, make(chan struct{}), make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(done)
		tls := libc.NewTLS()
		defer tls.Close()
		for { // an interruption between two statements is none
			sqlite3.Xsqlite3_interrupt(tls, db)
			select {
			case <-over:
				return
			case <-time.After(interruptAgain):
			}
		}
	})
	return func() {
		close(over)
		if !cancel() {
			<-done
		}
	}
}

const interruptAgain = 20 * time.Millisecond

// exec runs statements that take no arguments and give nothing.
func (c *conn) exec(script string) error {
	text, err := libc.CString(script)
	if err != nil {
		return err
	}
	defer libc.Xfree(c.tls, text)
	if rc := sqlite3.Xsqlite3_exec(c.tls, c.db, text, 0, 0, 0); rc != sqlite3.SQLITE_OK {
		return c.err(rc)
	}
	return nil
}

// run runs one statement to its end.
func (c *conn) run(text string, args ...any) error {
	return c.query(context.Background(), sqlgen.Query{Text: text, Args: args}, func([]any) error { return nil })
}

// number returns the number that a query gives, or 0 if it gives none.
func (c *conn) number(ctx context.Context, text string, args ...any) (n int64, err error) {
	err = c.query(ctx, sqlgen.Query{Text: text, Args: args}, func(row []any) error {
		n, _ = row[0].(int64)
		return nil
	})
	return n, err
}

// query implements querier.
func (c *conn) query(ctx context.Context, q sqlgen.Query, each func(row []any) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s, err := c.prepare(q.Text)
	if err != nil {
		return err
	}
	defer s.reset()
	if err := s.bindAll(q.Args); err != nil {
		return err
	}
	defer c.watch(ctx)()
	row := make([]any, s.columns)
	for {
		more, err := s.step()
		if err != nil {
			return ended(ctx, err)
		}
		if !more {
			return nil
		}
		for i := range row {
			row[i] = s.value(i)
		}
		if err := each(row); err != nil {
			return err
		}
	}
}

// ended returns the error of ctx in place of that of the interruption it caused.
func ended(ctx context.Context, err error) error {
	if isCode(err, sqlite3.SQLITE_INTERRUPT) && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// prepare returns a statement that is kept for the next time, reset by who uses it.
func (c *conn) prepare(text string) (*stmt, error) {
	if s := c.kept[text]; s != nil && !s.busy {
		s.busy = true
		return s, nil
	}
	s, err := c.newStmt(text)
	if err != nil {
		return nil, err
	}
	s.busy = true
	if c.kept[text] == nil {
		for old, o := range c.kept {
			if len(c.kept) < maxKept {
				break
			}
			if !o.busy {
				o.finalize()
				delete(c.kept, old)
			}
		}
		c.kept[text] = s
		s.keep = true
	}
	return s, nil
}

func (c *conn) newStmt(text string) (*stmt, error) {
	p, err := libc.CString(text)
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(c.tls, p)
	if rc := sqlite3.Xsqlite3_prepare_v3(c.tls, c.db, p, int32(len(text)+1), 0, c.out, 0); rc != sqlite3.SQLITE_OK {
		return nil, c.err(rc)
	}
	s := &stmt{c: c, p: *(*uintptr)(pointer(c.out))}
	if s.p == 0 {
		return nil, fmt.Errorf("sqlsearch: an empty statement")
	}
	s.columns = int(sqlite3.Xsqlite3_column_count(c.tls, s.p))
	return s, nil
}
