package searchtest

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// counters count what was checked.
type counters struct {
	queries, random, aggregations, all atomic.Int64
	wrong                              atomic.Int64
}

// sumUp logs the line of the closing table. A suite that checked nothing fails.
func (s *suite) sumUp(t tb) {
	c := s.checks
	verdict := "all equal"
	if n := c.wrong.Load(); n > 0 || t.Failed() {
		verdict = fmt.Sprintf("%d WRONG", n)
	}
	t.Logf("%s: queries %d, random %d, aggregations %d: %s (%d checks)",
		s.Engine, c.queries.Load(), c.random.Load(), c.aggregations.Load(), verdict, c.all.Load())
	if c.all.Load() == 0 {
		t.Errorf("%s: nothing was checked", s.Engine)
	}
}

// most is how many faults of one part are told in full.
const most = 12

// A verdict gathers the faults of a part that goes on after one of them.
type verdict struct {
	s     *suite
	t     tb
	mu    sync.Mutex
	total int
}

func (s *suite) judge(t tb) *verdict { return &verdict{s: s, t: t} }

// wrong tells of a fault.
func (v *verdict) wrong(format string, args ...any) {
	v.t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.s.checks.wrong.Add(1)
	if v.total++; v.total <= most {
		v.t.Errorf(format, args...)
	}
}

// close says how many faults there were besides.
func (v *verdict) close() {
	v.t.Helper()
	if v.total > most {
		v.t.Errorf("%d faults in all, of which %d are told", v.total, most)
	}
}

// tenth returns every tenth element under go test -short, and otherwise all: for the
// race detector, which is slow and does not care for the number of questions.
func tenth[T any](all []T) []T {
	if !testing.Short() {
		return all
	}
	var some []T
	for i := 0; i < len(all); i += 10 {
		some = append(some, all[i])
	}
	return some
}

// side calls do for every element, several at once, since a driver may be used so.
func side[T any](all []T, do func(i int, x T)) {
	var next atomic.Int64
	var wait sync.WaitGroup
	for range max(2, min(4, runtime.GOMAXPROCS(0))) {
		wait.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(all) {
					return
				}
				do(i, all[i])
			}
		})
	}
	wait.Wait()
}

// create makes an index and drops it when the test has ended.
func (s *suite) create(t tb, schema *record.Schema) {
	t.Helper()
	require.NoError(t, s.loader.Drop(t.Context(), schema.Index))
	require.NoError(t, s.loader.Create(t.Context(), schema))
	t.Cleanup(func() {
		if err := s.loader.Drop(context.WithoutCancel(t.Context()), schema.Index); err != nil {
			t.Errorf("dropping %q: %v", schema.Index, err)
		}
	})
}

// documents returns records as a loader takes them: with every field of their
// schema as columns, lent each until the next.
func documents(t tb, schema *record.Schema, records iter.Seq[*record.Record]) iter.Seq[*search.Document] {
	columns, err := schema.ProjectAll()
	require.NoError(t, err)
	return func(yield func(*search.Document) bool) {
		decoder, r, doc := record.NewDecoder(columns), &record.Record{}, &search.Document{}
		var source []byte
		for given := range records {
			source = append(source[:0], given.Source()...)
			r.ID, r.Index = given.ID, schema.Index
			if err := decoder.Decode(source, r); err != nil {
				t.Errorf("document %q of the suite: %v", given.ID, err)
				return
			}
			doc.Record = r
			doc.Place++
			if !yield(doc) {
				return
			}
			clear(source) // whoever kept it holds no use
		}
	}
}

// load stores records, none of which may be refused.
func (s *suite) load(t tb, schema *record.Schema, records iter.Seq[*record.Record]) {
	t.Helper()
	n := int64(0)
	count := func(yield func(*record.Record) bool) {
		for r := range records {
			n++
			if !yield(r) {
				return
			}
		}
	}
	stored, err := s.loader.Load(t.Context(), schema, documents(t, schema, count), func(r search.Refusal) {
		t.Errorf("%s: document %q at %d was refused: %s", schema.Index, r.ID, r.Place, r.Reason)
	})
	require.NoError(t, err)
	require.Equal(t, n, stored, "documents stored")
}

// ids reads a stream to its end.
func ids(stream record.Stream) (got []string, err error) {
	for r, err := range stream {
		if err != nil {
			return got, err
		}
		got = append(got, strings.Clone(r.ID))
	}
	return got, nil
}
