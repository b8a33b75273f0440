package sqlsearch

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/jql/sqlgen"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// Vectors are columns of indexes in memory, for pages and counts: looking at a value there costs
// a nanosecond, and in SQLite fifty times as much. They are read when an index has been asked a few times
// since it was changed last, column by column as they are needed, and belong to one generation of it: to whoever sees another
// one, they do not exist. What they cannot answer, SQL answers, a condition or a question at a time.
//
// A vector and a set are never changed once they are here, so that the lock is held for moments only.
type vectors struct {
	room int64 // bytes; 0 for no vectors

	mu      sync.Mutex
	indexes map[int64]*vectorIndex // by their numbers
	bytes   int64
	resting *time.Timer
	closed  bool
}

// A vectorIndex has vectors of one index at one generation. Its fields are guarded by vectors.mu, but for
// those that never change once it is ready.
type vectorIndex struct {
	file       string
	generation int64
	asked      int
	least      int // how often it must have been asked
	used       time.Time
	state      vectorState
	gone       bool // given up: what is added is not kept
	bytes      int64

	rids []int64 // in ascending order; a record is known by its place here
	ids  texts

	columns map[string]*vector   // by what they are in SQL; nil while one is read
	leaves  map[string]vectorSet // conditions that SQL has answered
}

type vectorState uint8

const (
	unread vectorState = iota
	beingRead
	ready
	tooLarge
)

const (
	// askedBefore is how many pages and counts of an index are answered by SQL after it was changed, and one more for each
	// recordsForOne of its records, since reading these costs more the more they are.
	askedBefore   = 4
	recordsForOne = 10_000
	// mostRecords is the number of records up to which an index has vectors.
	mostRecords = 250_000
	// mostLeaves is how many answers of SQL are kept for an index.
	mostLeaves = 256
	// forgetAfter is how long vectors are kept that nobody asks.
	forgetAfter = 30 * time.Second
)

// errBySQL says that a question is better put to SQL.
var errBySQL = errors.New("sqlsearch: a question for SQL")

// of returns the vectors of an index at a generation of a file, or nil if there are none now. It calls read to learn of the
// records, which says that it is to be asked more often first, or has no numbers of records if there are too many of them.
func (s *vectors) of(n int64, file string, generation int64, read func(asked int) (*readRecords, error)) (*vectorIndex, error) {
	s.mu.Lock()
	t := s.indexes[n]
	if t == nil || t.file != file || t.generation < generation {
		s.forget(n)
		t = &vectorIndex{file: file, generation: generation, least: askedBefore, columns: map[string]*vector{}, leaves: map[string]vectorSet{}}
		s.indexes[n] = t
	}
	if t.generation != generation {
		s.mu.Unlock()
		return nil, nil // what was there before
	}
	t.asked++
	t.used = time.Now()
	asked, state := t.asked, t.state
	if asked <= t.least {
		state = tooLarge
	}
	if state == unread {
		t.state = beingRead
	}
	s.mu.Unlock()
	switch state {
	case ready:
		return t, nil
	case beingRead, tooLarge:
		return nil, nil
	}
	got, err := read(asked)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err != nil:
		t.state = unread
		return nil, err
	case got.least > asked:
		t.state, t.least = unread, got.least
		return nil, nil
	case got.rids == nil || !s.reserve(t, got.size()):
		t.state = tooLarge
		return nil, nil
	}
	t.rids, t.ids, t.state = got.rids, got.ids, ready
	return t, nil
}

// ReadRecords are the records of an index.
type readRecords struct {
	least int // how often the index must be asked before it is worth the reading
	rids  []int64
	ids   texts
}

func (r *readRecords) size() int64 { return int64(len(r.rids))*8 + r.ids.size() }

// left returns how many bytes more an index may have.
func (s *vectors) left(t *vectorIndex) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.room - t.bytes
}

// reserve makes room for so many bytes more of an index, at the cost of those that were used before it.
func (s *vectors) reserve(t *vectorIndex, bytes int64) bool {
	switch {
	case t.gone:
		return true
	case t.bytes+bytes > s.room:
		return false
	}
	for s.bytes+bytes > s.room {
		oldest := int64(-1)
		for n, o := range s.indexes {
			if o != t && o.bytes > 0 && (oldest < 0 || o.used.Before(s.indexes[oldest].used)) {
				oldest = n
			}
		}
		if oldest < 0 {
			return false
		}
		s.forget(oldest)
	}
	s.bytes += bytes
	t.bytes += bytes
	if s.resting == nil && !s.closed {
		s.resting = time.AfterFunc(forgetAfter, s.rest)
	}
	return true
}

// forget gives up what is kept of an index.
func (s *vectors) forget(n int64) {
	if t := s.indexes[n]; t != nil {
		s.bytes -= t.bytes
		t.gone = true
		delete(s.indexes, n)
	}
}

// rest forgets the indexes that were not asked for a while.
func (s *vectors) rest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resting = nil
	now := time.Now()
	for n, t := range s.indexes {
		if now.Sub(t.used) >= forgetAfter {
			s.forget(n)
		}
	}
	if len(s.indexes) > 0 && !s.closed {
		s.resting = time.AfterFunc(forgetAfter, s.rest)
	}
}

func (s *vectors) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.resting != nil {
		s.resting.Stop()
	}
	clear(s.indexes)
}

// column returns a column of t, which read makes if it is not there. It returns errBySQL if somebody else reads it now, or if there
// is no room.
func (s *vectors) column(t *vectorIndex, name string, read func() (*vector, error)) (*vector, error) {
	s.mu.Lock()
	c, known := t.columns[name]
	if !known {
		t.columns[name] = nil
	}
	s.mu.Unlock()
	switch {
	case c != nil:
		return c, nil
	case known:
		return nil, errBySQL
	}
	c, err := read()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case errors.Is(err, errBySQL): // and so for all who come later
		return nil, err
	case err != nil:
		delete(t.columns, name)
		return nil, err
	case !s.reserve(t, c.size()):
		return nil, errBySQL
	}
	t.columns[name] = c
	return c, nil
}

// leaf returns the answer of SQL to a condition, or nil.
func (s *vectors) leaf(t *vectorIndex, key string) vectorSet {
	s.mu.Lock()
	defer s.mu.Unlock()
	return t.leaves[key]
}

// keep keeps an answer of SQL, if there is room.
func (s *vectors) keep(t *vectorIndex, key string, set vectorSet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for old, o := range t.leaves {
		if len(t.leaves) < mostLeaves {
			break
		}
		delete(t.leaves, old)
		if bytes := o.size() + int64(len(old)); !t.gone {
			s.bytes -= bytes
			t.bytes -= bytes
		}
	}
	if t.leaves[key] == nil && s.reserve(t, set.size()+int64(len(key))) {
		t.leaves[key] = set
	}
}

// A vector has the values of a column in the order of the records.
type vector struct {
	// values are numbers whose order is that of the values: for strings, their places among all strings of the field. It is nil
	// if there is only missing.
	values  []int64
	missing vectorSet // nil if every record has a value
	// more are the values of the records that have several, in no order.
	more []vectorValue
	// place returns the place of a string from its code.
	place  map[int64]int64
	float  bool
	broken bool // a code stands for nothing
}

type vectorValue struct {
	at    int
	value int64
}

func (c *vector) size() int64 {
	return int64(len(c.values))*8 + c.missing.size() + int64(len(c.more))*16 + int64(len(c.place))*40
}

// vectorNumber returns the number for a value as SQLite stores it.
func vectorNumber(v any) (n int64, ok bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case float64:
		if v == 0 {
			v = 0 // there is one 0 only
		}
		bits := int64(math.Float64bits(v))
		return bits ^ (bits>>63)&math.MaxInt64, !math.IsNaN(v)
	}
	return 0, false
}

// Texts are strings, one behind the other.
type texts struct {
	all  []byte
	ends []uint32
}

func (t *texts) size() int64 { return int64(len(t.all)) + int64(len(t.ends))*4 }

func (t *texts) add(b []byte) {
	t.all = append(t.all, b...)
	t.ends = append(t.ends, uint32(len(t.all))) //nolint:gosec // the IDs of some records have less than 4 GB
}

func (t *texts) at(i int) []byte {
	from := uint32(0)
	if i > 0 {
		from = t.ends[i-1]
	}
	return t.all[from:t.ends[i]]
}

// A finding answers one question from vectors.
type finding struct {
	ctx context.Context //nolint:containedctx // of one call
	v   *view
	x   *index
	l   *sqlgen.Layout
	p   *plan.Plan
	t   *vectorIndex
}

// finding returns what answers questions about an index from memory, or nil.
func (v *view) finding(ctx context.Context, x *index, l *sqlgen.Layout, p *plan.Plan) (*finding, error) {
	if v.d.vectors.room == 0 {
		return nil, nil
	}
	generation, err := v.generation(ctx, x)
	if err != nil {
		return nil, err
	}
	f := &finding{ctx: ctx, v: v, x: x, l: l, p: p}
	f.t, err = v.d.vectors.of(x.n, v.catalog.file, generation, f.records)
	if f.t == nil {
		return nil, err
	}
	return f, nil
}

// counted returns how many records match, if vectors can tell.
func (v *view) counted(ctx context.Context, x *index, l *sqlgen.Layout, p *plan.Plan, limit int64) (n int64, ok bool, err error) {
	f, err := v.finding(ctx, x, l, p)
	if f == nil {
		return 0, false, err
	}
	set, err := f.find(p.Where)
	if err != nil {
		return 0, false, notBySQL(err)
	}
	if n = int64(set.count()); limit > 0 {
		n = min(n, limit)
	}
	return n, true, nil
}

// page returns the records of a page, if vectors can tell which they are.
func (v *view) page(ctx context.Context, x *index, l *sqlgen.Layout, r *search.Read) (record.Stream, error) {
	f, err := v.finding(ctx, x, l, r.Plan)
	if f == nil {
		return nil, err
	}
	keys, err := f.keys(r.Plan.Order)
	if err != nil {
		return nil, notBySQL(err)
	}
	set, err := f.find(r.Plan.Where)
	if err != nil {
		return nil, notBySQL(err)
	}
	if f.scanned(set, r.Skip+r.Limit) {
		return nil, nil
	}
	places := f.first(set, keys, r.Skip+r.Limit)
	return f.stream(r, places[min(r.Skip, len(places)):]), nil
}

func notBySQL(err error) error {
	if errors.Is(err, errBySQL) {
		return nil
	}
	return err
}
