package sqlsearch

import (
	"context"
	"slices"
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
		t.used = t.used.Add(-t.keep())
	}
	d.vectors.mu.Unlock()
	d.vectors.rest()
}

// NewParts returns what reads one and the same part of an index.
func NewParts() func(ctx context.Context, read func() error) error {
	s, t := &vectors{room: 1 << 10}, &vectorIndex{parts: map[string]*vectorPart{}}
	return func(ctx context.Context, read func() error) error {
		_, err := s.part(ctx, t, "a", func() (*vectorPart, error) { return &vectorPart{bytes: 1}, read() })
		return err
	}
}

// Packed are numbers in few bytes.
type Packed struct{ packed }

// NewPacked packs numbers.
func NewPacked(numbers, also []int64) *Packed { return &Packed{newPacked(numbers, also)} }

// All returns the numbers, one by one.
func (p *Packed) All() (out []int64) {
	for i := range p.n {
		out = append(out, p.at(i))
	}
	return out
}

// Bytes returns how many bytes they take.
func (p *Packed) Bytes() int64 { return p.size() }

// Among returns the places of those that are some of list, which is in ascending order.
func (p *Packed) Among(list []int64) []int { return slices.Collect(p.among(list).all()) }

// Between returns the places of those from low to high.
func (p *Packed) Between(low, high int64) []int {
	least, greatest, ok := p.span(low, high)
	if !ok {
		return nil
	}
	return slices.Collect(p.within(least, greatest).all())
}

// Histories returns of how many fields is kept what histories say.
func (d *SQLite) Histories() (n int) {
	d.vectors.mu.Lock()
	defer d.vectors.mu.Unlock()
	for _, t := range d.vectors.indexes {
		for _, p := range t.parts {
			if p.changes != nil {
				n++
			}
		}
	}
	return n
}
