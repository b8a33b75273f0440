package sqlsearch

import (
	"fmt"
	"unsafe"

	"modernc.org/libc"
	"modernc.org/libc/sys/types"
	sqlite3 "modernc.org/sqlite/lib"
)

// A stmt is a prepared statement. What is bound to it is copied into memory of
// its own, which is used again after every reset.
type stmt struct {
	c       *conn
	p       uintptr
	columns int
	keep    bool // by the connection
	busy    bool

	blocks []block
	used   int // of the last block
	at     int // the block in use
}

// A block is memory for what is bound.
type block struct {
	p    uintptr
	size int
}

const blockSize = 1 << 13

// reset ends the statement's work and forgets what is bound. One that is not
// kept is gone.
func (s *stmt) reset() {
	if !s.keep {
		s.finalize()
		return
	}
	s.again()
	s.busy = false
}

// again makes the statement ready for other values, all of which are NULL at first.
func (s *stmt) again() {
	sqlite3.Xsqlite3_reset(s.c.tls, s.p)
	sqlite3.Xsqlite3_clear_bindings(s.c.tls, s.p)
	s.used, s.at = 0, 0
	for len(s.blocks) > 1 {
		last := len(s.blocks) - 1
		libc.Xfree(s.c.tls, s.blocks[last].p)
		s.blocks = s.blocks[:last]
	}
}

func (s *stmt) finalize() {
	sqlite3.Xsqlite3_finalize(s.c.tls, s.p)
	for _, b := range s.blocks {
		libc.Xfree(s.c.tls, b.p)
	}
	s.blocks = nil
}

// step goes to the next row; more is false after the last.
func (s *stmt) step() (more bool, err error) {
	switch rc := sqlite3.Xsqlite3_step(s.c.tls, s.p); rc {
	case sqlite3.SQLITE_ROW:
		return true, nil
	case sqlite3.SQLITE_DONE:
		return false, nil
	default:
		return false, s.c.err(rc)
	}
}

// do runs the statement to its end and makes it ready for the next time.
func (s *stmt) do() error {
	var err error
	for more := true; more && err == nil; {
		more, err = s.step()
	}
	s.again()
	return err
}

// memory returns n bytes that live until the next reset.
func (s *stmt) memory(n int) uintptr {
	for ; s.at < len(s.blocks); s.at, s.used = s.at+1, 0 {
		if b := s.blocks[s.at]; b.size-s.used >= n {
			p := b.p + uintptr(s.used)
			s.used += n
			return p
		}
	}
	size := max(n, blockSize)
	p := libc.Xmalloc(s.c.tls, types.Size_t(size))
	if p == 0 {
		return 0
	}
	s.blocks = append(s.blocks, block{p, size})
	s.at, s.used = len(s.blocks)-1, n
	return p
}

// bindText binds a string to the parameter i, from 1, and bindBlob bytes.
func (s *stmt) bindText(i int, v string) error {
	p := s.copyIn(unsafe.StringData(v), len(v))
	if p == 0 {
		return errMemory
	}
	return s.bound(sqlite3.Xsqlite3_bind_text(s.c.tls, s.p, int32(i), p, int32(len(v)), 0))
}

func (s *stmt) bindBlob(i int, v []byte) error {
	p := s.copyIn(unsafe.SliceData(v), len(v))
	if p == 0 {
		return errMemory
	}
	return s.bound(sqlite3.Xsqlite3_bind_blob(s.c.tls, s.p, int32(i), p, int32(len(v)), 0))
}

func (s *stmt) copyIn(from *byte, n int) uintptr {
	p := s.memory(n + 1)
	if p != 0 && n > 0 {
		copy(unsafe.Slice((*byte)(pointer(p)), n), unsafe.Slice(from, n))
	}
	return p
}

func (s *stmt) bindInt(i int, v int64) error {
	return s.bound(sqlite3.Xsqlite3_bind_int64(s.c.tls, s.p, int32(i), v))
}

// bindInts binds the first parameters.
func (s *stmt) bindInts(list ...int64) error {
	for i, v := range list {
		if err := s.bindInt(i+1, v); err != nil {
			return err
		}
	}
	return nil
}

func (s *stmt) bindFloat(i int, v float64) error {
	return s.bound(sqlite3.Xsqlite3_bind_double(s.c.tls, s.p, int32(i), v))
}

func (s *stmt) bound(rc int32) error {
	if rc != sqlite3.SQLITE_OK {
		return s.c.err(rc)
	}
	return nil
}

func (s *stmt) bindAll(args []any) error {
	for i, a := range args {
		if err := s.bind(i+1, a); err != nil {
			return err
		}
	}
	return nil
}

func (s *stmt) bind(i int, v any) error {
	switch v := v.(type) {
	case nil:
		return nil
	case int64:
		return s.bindInt(i, v)
	case int:
		return s.bindInt(i, int64(v))
	case float64:
		return s.bindFloat(i, v)
	case string:
		return s.bindText(i, v)
	case []byte:
		return s.bindBlob(i, v)
	}
	return fmt.Errorf("sqlsearch: an argument of type %T", v)
}

// bytes returns a text or a blob in place: it is valid until the next step.
func (s *stmt) bytes(column int) []byte {
	p := sqlite3.Xsqlite3_column_blob(s.c.tls, s.p, int32(column))
	n := sqlite3.Xsqlite3_column_bytes(s.c.tls, s.p, int32(column))
	if p == 0 || n == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(pointer(p)), int(n))
}

func (s *stmt) int(column int) int64 {
	return sqlite3.Xsqlite3_column_int64(s.c.tls, s.p, int32(column))
}

func (s *stmt) float(column int) float64 {
	return sqlite3.Xsqlite3_column_double(s.c.tls, s.p, int32(column))
}

// value returns the value of a column of the row; bytes are lent.
func (s *stmt) value(column int) any {
	switch sqlite3.Xsqlite3_column_type(s.c.tls, s.p, int32(column)) {
	case sqlite3.SQLITE_INTEGER:
		return s.int(column)
	case sqlite3.SQLITE_FLOAT:
		return s.float(column)
	case sqlite3.SQLITE_TEXT:
		return string(s.bytes(column))
	case sqlite3.SQLITE_BLOB:
		return s.bytes(column)
	}
	return nil
}

func (s *stmt) bindTextBytes(i int, v []byte) error {
	return s.bindText(i, unsafe.String(unsafe.SliceData(v), len(v)))
}
