package sqlsearch

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/digit-health/dhr/jql/eval"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/jql/sqlgen"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// Vectors are columns of indexes in memory, for groups, pages and counts: looking at a value there costs
// a nanosecond, and in SQLite fifty times as much. They are read column by column as they are needed, and belong to one
// generation of an index: to whoever sees another one, they do not exist. What they cannot answer, SQL answers, a condition or
// a question at a time.
//
// Groups of many records are worth the reading at once, since SQL would read as much; pages and counts
// when the index has been asked a few times since it was changed last.
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
// those that never change once the records have been read.
type vectorIndex struct {
	file       string
	generation int64
	asked      int // for pages and counts
	used       time.Time
	gone       bool // given up: what is added is not kept
	bytes      int64

	vectorRecords

	parts  map[string]*vectorPart // what was read, by what it is in SQL
	leaves map[string]vectorSet   // conditions that SQL has answered, or a history
	// askedFor is how often parts were asked for that are not worth it at once.
	askedFor map[string]int
}

// VectorRecords are the records of an index. A record is known by its place among them.
type vectorRecords struct {
	n     int     // how many there are
	first int64   // the number of the first
	rids  []int64 // in ascending order; nil if there are no gaps
}

// A vectorPart is something that is read once for all who need it.
type vectorPart struct {
	read  chan struct{} // closed when it is
	bytes int64
	err   error // errBySQL if it is not to be had
	ids   *texts
	col   *vector

	changes *eval.Changes
}

// The names of the parts that are not columns.
const (
	partRecords = ""
	partIDs     = "\x00"
)

const (
	// askedBefore is how many pages and counts of an index are answered by SQL after it was changed, and one more for each
	// recordsForOne of its records, since reading these costs more the more they are.
	askedBefore   = 4
	recordsForOne = 10_000
	// mostRecords is the number of records up to which an index has vectors, and mostPaged up to which pages are made of them.
	mostRecords = 5_000_000
	mostPaged   = 250_000
	// mostLeaves is how many answers of SQL are kept for an index.
	mostLeaves = 256
	// forgetAfter is how long vectors are kept that nobody asks, and once more for each recordsForMore of the index.
	forgetAfter    = 30 * time.Second
	recordsForMore = 50_000
)

// errBySQL says that a question is better put to SQL.
var errBySQL = errors.New("sqlsearch: a question for SQL")

// of returns the vectors of an index at a generation of a file, or nil if it has another one now. The records are those of which
// read tells, which is called if they are not known. With paged it is for a page or a count, and nil as long as the index was not
// asked often enough.
func (s *vectors) of(ctx context.Context, n int64, file string, generation int64, paged bool, read func() (*vectorRecords, error)) (*vectorIndex, error) {
	s.mu.Lock()
	t := s.indexes[n]
	if t == nil || t.file != file || t.generation < generation {
		s.forget(n)
		t = &vectorIndex{file: file, generation: generation, parts: map[string]*vectorPart{}, leaves: map[string]vectorSet{}, askedFor: map[string]int{}}
		s.indexes[n] = t
	}
	if t.generation != generation {
		s.mu.Unlock()
		return nil, nil // what was there before
	}
	if paged {
		t.asked++
	}
	t.used = time.Now()
	asked := t.asked
	s.mu.Unlock()
	if paged && asked <= askedBefore {
		return nil, nil
	}
	_, err := s.part(ctx, t, partRecords, func() (*vectorPart, error) {
		r, err := read()
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		t.vectorRecords = *r
		return &vectorPart{bytes: int64(len(r.rids)) * 8}, nil
	})
	if err != nil || paged && asked <= askedBefore+t.n/recordsForOne {
		return nil, notBySQL(err)
	}
	return t, nil
}

// part returns a part of t, which read makes if it is not there. Who comes while it is read waits for it. The error is errBySQL if it
// is not to be had.
func (s *vectors) part(ctx context.Context, t *vectorIndex, name string, read func() (*vectorPart, error)) (*vectorPart, error) {
	for {
		s.mu.Lock()
		p := t.parts[name]
		mine := p == nil
		if mine {
			p = &vectorPart{read: make(chan struct{})}
			t.parts[name] = p
		}
		s.mu.Unlock()
		if mine {
			return p, s.make(t, name, p, read)
		}
		select {
		case <-p.read:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if p.err == nil || errors.Is(p.err, errBySQL) {
			return p, p.err
		} // else who read it could not; that is no reason for this one
	}
}

// make reads p, and keeps it unless that failed for another reason than itself.
func (s *vectors) make(t *vectorIndex, name string, p *vectorPart, read func() (*vectorPart, error)) error {
	err := errors.New("sqlsearch: the reading of a column was given up") // by a panic
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if p.err = err; err != nil && !errors.Is(err, errBySQL) {
			delete(t.parts, name)
		}
		close(p.read)
	}()
	got, readErr := read()
	if err = readErr; err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p.ids, p.col, p.changes, p.bytes = got.ids, got.col, got.changes, got.bytes
	if !s.reserve(t, p.bytes) {
		p.ids, p.col, p.changes, p.bytes, err = nil, nil, nil, 0, errBySQL
	}
	return err
}

// known reports whether a column has been read already.
func (s *vectors) known(t *vectorIndex, name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := t.parts[name]
	return p != nil && p.col != nil
}

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

// keep returns how long t is kept when nobody asks.
func (t *vectorIndex) keep() time.Duration { return forgetAfter * time.Duration(1+t.n/recordsForMore) }

// rest forgets the indexes that were not asked for a while.
func (s *vectors) rest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resting = nil
	now := time.Now()
	for n, t := range s.indexes {
		if now.Sub(t.used) >= t.keep() {
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

// finding returns what answers questions about an index from memory, or nil. With paged it is for a page or a count.
func (v *view) finding(ctx context.Context, x *index, l *sqlgen.Layout, p *plan.Plan, paged bool) (*finding, error) {
	if v.d.vectors.room == 0 {
		return nil, nil
	}
	generation, err := v.generation(ctx, x)
	if err != nil {
		return nil, err
	}
	f := &finding{ctx: ctx, v: v, x: x, l: l, p: p}
	f.t, err = v.d.vectors.of(ctx, x.n, v.catalog.file, generation, paged, f.records)
	if f.t == nil {
		return nil, err
	}
	return f, nil
}

// counted returns how many records match, if vectors can tell.
func (v *view) counted(ctx context.Context, x *index, l *sqlgen.Layout, p *plan.Plan, limit int64) (n int64, ok bool, err error) {
	f, err := v.finding(ctx, x, l, p, true)
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
	f, err := v.finding(ctx, x, l, r.Plan, true)
	if f == nil || f.t.n > mostPaged {
		return nil, err
	}
	stream, err := f.page(r)
	return stream, notBySQL(err)
}

// page returns the records of a page, or nil if SQL finds them sooner.
func (f *finding) page(r *search.Read) (record.Stream, error) {
	keys, err := f.keys(r.Plan.Order)
	if err != nil {
		return nil, err
	}
	set, err := f.find(r.Plan.Where)
	if err != nil || f.scanned(set, r.Skip+r.Limit) {
		return nil, err
	}
	ids, err := f.ids()
	if err != nil {
		return nil, err
	}
	places := f.first(set, ids, keys, r.Skip+r.Limit)
	return f.stream(r, ids, places[min(r.Skip, len(places)):]), nil
}

func notBySQL(err error) error {
	if errors.Is(err, errBySQL) {
		return nil
	}
	return err
}
