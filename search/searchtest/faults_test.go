package searchtest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// faulty is the simple driver with one fault.
type faulty struct {
	*simple
	read   func(r *search.Read)                                // changes what is asked
	where  func(n plan.Node) plan.Node                         // changes a condition
	stream func(r *search.Read, s record.Stream) record.Stream // changes what is answered
	count  func(n int64) int64
	table  func(a *search.Aggregation, t *search.Table)
	load   func(docs iter.Seq[*search.Document]) iter.Seq[*search.Document]
	scan   func(s *search.Scan)
	token  func(token string) string
	close  func(s *shot) error
}

func (d *faulty) plan(p *plan.Plan) *plan.Plan {
	if d.where == nil {
		return p
	}
	return &plan.Plan{Schema: p.Schema, Where: everywhere(p.Where, d.where), Order: p.Order}
}

// everywhere changes a condition from the bottom up.
func everywhere(n plan.Node, change func(plan.Node) plan.Node) plan.Node {
	switch n := n.(type) {
	case plan.And:
		var all plan.And
		for _, c := range n {
			all = append(all, everywhere(c, change))
		}
		return change(all)
	case plan.Or:
		var all plan.Or
		for _, c := range n {
			all = append(all, everywhere(c, change))
		}
		return change(all)
	case plan.Not:
		return change(plan.Not{Node: everywhere(n.Node, change)})
	}
	return change(n)
}

func (d *faulty) Read(ctx context.Context, r *search.Read) record.Stream {
	q := *r
	q.Plan = d.plan(r.Plan)
	if d.read != nil {
		d.read(&q)
	}
	stream := d.simple.Read(ctx, &q)
	if d.stream != nil {
		stream = d.stream(r, stream)
	}
	return stream
}

func (d *faulty) Count(ctx context.Context, p *plan.Plan, limit int64) (int64, error) {
	n, err := d.simple.Count(ctx, d.plan(p), limit)
	if d.count != nil {
		n = d.count(n)
	}
	return n, err
}

func (d *faulty) Aggregate(ctx context.Context, questions []*search.Aggregation) ([]*search.Table, error) {
	tables, err := d.simple.Aggregate(ctx, questions)
	for i, t := range tables {
		if d.table != nil {
			d.table(questions[i], t)
		}
	}
	return tables, err
}

func (d *faulty) Load(ctx context.Context, s *record.Schema, docs iter.Seq[*search.Document], refuse func(search.Refusal)) (int64, error) {
	if d.load != nil {
		docs = d.load(docs)
	}
	return d.simple.Load(ctx, s, docs, refuse)
}

func (d *faulty) Snapshot(ctx context.Context, index, token string) (search.Snapshot, error) {
	if d.token != nil {
		token = d.token(token)
	}
	s, err := d.simple.Snapshot(ctx, index, token)
	if err != nil {
		return nil, err
	}
	return &faultyShot{s.(*shot), d}, nil
}

type faultyShot struct {
	*shot
	fault *faulty
}

func (s *faultyShot) Scan(ctx context.Context, scan *search.Scan) (record.Stream, func() string) {
	q := *scan
	if s.fault.scan != nil {
		s.fault.scan(&q)
	}
	return s.shot.Scan(ctx, &q)
}

func (s *faultyShot) Close() error {
	if s.fault.close != nil {
		return s.fault.close(s.shot)
	}
	return s.shot.Close()
}

// A watcher takes the complaints of a suite that ought to complain.
type watcher struct {
	testing.TB
	ctx      context.Context
	cancel   func() // the first complaint is enough
	mu       sync.Mutex
	said     []string
	cleanups []func()
}

func (w *watcher) Helper()                      {}
func (w *watcher) Logf(string, ...any)          {}
func (w *watcher) Context() context.Context     { return w.ctx }
func (w *watcher) Cleanup(f func())             { w.cleanups = append(w.cleanups, f) }
func (w *watcher) Failed() bool                 { return len(w.said) > 0 }
func (w *watcher) FailNow()                     { runtime.Goexit() }
func (w *watcher) Error(args ...any)            { w.Errorf("%v", args) }
func (w *watcher) Fatalf(f string, args ...any) { w.Errorf(f, args...); w.FailNow() }
func (w *watcher) Errorf(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said = append(w.said, fmt.Sprintf(format, args...))
	w.cancel()
}

// complaints runs one part of the suite over a driver.
func complaints(t *testing.T, d search.Driver, name string) []string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w := &watcher{TB: t, ctx: ctx, cancel: cancel}
	s := &suite{Harness: Harness{Engine: "faulty", Prefix: "searchtest-", Seed: 1}, checks: &counters{}}
	s.Open = func(testing.TB) search.Driver { return d }
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.runFew(w, name) //nolint:testifylint // what fails here is the watcher, not the test
	}()
	<-done
	for _, f := range slices.Backward(w.cleanups) {
		f()
	}
	return w.said
}

// runFew runs one part with fewer questions.
func (s *suite) runFew(t tb, name string) {
	s.open(t)
	var some []question
	for i, q := range s.questions(t) {
		if i < 330 || i%13 == 0 {
			some = append(some, q)
		}
	}
	s.asked = some
	parts[slices.IndexFunc(parts, func(p part) bool { return p.name == name })].run(s, t)
}

// without leaves every nth record out.
func without(n int) func(*search.Read, record.Stream) record.Stream {
	return func(_ *search.Read, s record.Stream) record.Stream {
		return func(yield func(*record.Record, error) bool) {
			i := 0
			for r, err := range s {
				if i++; i%n == 0 {
					continue
				}
				if !yield(r, err) {
					return
				}
			}
		}
	}
}

// values changes the values of records.
func values(change func(f *record.Field, vv []record.Value) []record.Value) func(*search.Read, record.Stream) record.Stream {
	return func(r *search.Read, s record.Stream) record.Stream {
		return func(yield func(*record.Record, error) bool) {
			for got, err := range s {
				if err != nil {
					yield(nil, err)
					return
				}
				out := &record.Record{ID: got.ID, Index: got.Index}
				out.Reset(r.Columns)
				for i, f := range r.Columns.Fields() {
					for _, v := range change(f, got.Values(i)) {
						out.Append(i, v)
					}
				}
				if !yield(out, nil) {
					return
				}
			}
		}
	}
}

// faults are what drivers get wrong, and the part of the suite that must see it.
var faults = []struct {
	name, part string
	driver     faulty
}{
	{"a record is missing", "queries", faulty{stream: without(700)}},
	{"one too many is counted", "queries", faulty{count: func(n int64) int64 { return n + n/200 }}},
	{"a negative matches empty fields", "queries", faulty{where: func(n plan.Node) plan.Node {
		if and, ok := n.(plan.And); ok && len(and) == 2 {
			if _, ok := and[1].(plan.Not); ok {
				return and[1]
			}
		}
		return n
	}}},
	{"bounds are inclusive", "queries", faulty{where: func(n plan.Node) plan.Node {
		if r, ok := n.(plan.Range); ok {
			r.Lower.Inclusive = true
			return r
		}
		return n
	}}},
	{"whole numbers are floats", "queries", faulty{where: func(n plan.Node) plan.Node {
		if r, ok := n.(plan.Range); ok && r.Field.Kind == record.Int {
			r.Upper.Inclusive = r.Upper.Inclusive || r.Upper.Value.Int() > 1<<53
			return r
		}
		return n
	}}},
	{"the empty string is missing", "queries", faulty{where: func(n plan.Node) plan.Node {
		if e, ok := n.(plan.Exists); ok && e.Field.Path == "status" {
			return plan.And{e, plan.Not{Node: plan.NewTerms(e.Field, record.StringValue(""))}}
		}
		return n
	}}},
	{"a phrase is its words", "queries", faulty{where: func(n plan.Node) plan.Node {
		if m, ok := n.(plan.Match); ok && m.Mode == plan.Phrase {
			m.Mode = plan.Words
			return m
		}
		return n
	}}},
	{"a window of a history is left out", "random", faulty{where: func(n plan.Node) plan.Node {
		if w, ok := n.(plan.Was); ok {
			w.Window = plan.Window{}
			return w
		}
		return n
	}}},
	{"the position counts again", "paging", faulty{read: func(r *search.Read) {
		if r.After != nil && r.Limit > 1 {
			r.After[len(r.After)-1] = record.StringValue(strings.TrimRight(r.After[len(r.After)-1].Text(), "0123456789"))
		}
	}}},
	{"nothing is skipped", "paging", faulty{read: func(r *search.Read) { r.Skip = 0 }}},
	{"the limit is not held", "paging", faulty{read: func(r *search.Read) { r.Limit *= 2 }}},
	{"repeats are lost", "records", faulty{stream: values(func(_ *record.Field, vv []record.Value) []record.Value {
		return slices.CompactFunc(slices.Clone(vv), record.Value.Equal)
	})}},
	{"numbers are written anew", "records", faulty{stream: values(func(_ *record.Field, vv []record.Value) []record.Value { return bare(vv) })}},
	{"the document is lost", "records", faulty{stream: values(func(_ *record.Field, vv []record.Value) []record.Value { return vv })}},
	{"a scan begins again", "snapshots", faulty{scan: func(s *search.Scan) { s.From = "" }}},
	{"slices overlap", "snapshots", faulty{scan: func(s *search.Scan) { s.Slice /= 2 }}},
	{"a token opens another view", "views", faulty{token: func(string) string { return "" }}},
	{"a closed snapshot goes on", "views", faulty{close: func(*shot) error { return nil }}},
	{"closing twice is an error", "views", faulty{close: func(s *shot) error { return errors.Join(s.lost(), s.Close()) }}},
	{"a bucket is cut in silence", "aggregations", faulty{table: func(_ *search.Aggregation, t *search.Table) { t.Buckets = t.Buckets[:min(len(t.Buckets), 20)] }}},
	{"more buckets are not told", "aggregations", faulty{table: func(_ *search.Aggregation, t *search.Table) { t.More = false }}},
	{"values are counted for records", "aggregations", faulty{table: func(_ *search.Aggregation, t *search.Table) {
		for i := range t.Buckets {
			t.Buckets[i].Count += t.Buckets[i].Count / 50
		}
	}}},
	{"an average is of records", "aggregations", faulty{table: func(a *search.Aggregation, t *search.Table) {
		for i, m := range a.Metrics {
			for _, b := range t.Buckets {
				if m.Op == "avg" && !b.Values[i].IsNull() {
					b.Values[i] = record.FloatValue(b.Values[i].Float() * 1.0001)
				}
			}
		}
	}}},
	{"a document of a load is lost", "loading", faulty{load: func(docs iter.Seq[*search.Document]) iter.Seq[*search.Document] {
		return func(yield func(*search.Document) bool) {
			n := 0
			for d := range docs {
				if n++; n != 5 && !yield(d) {
					return
				}
			}
		}
	}}},
	{"documents of a load are kept", "loading", faulty{load: func(docs iter.Seq[*search.Document]) iter.Seq[*search.Document] {
		return func(yield func(*search.Document) bool) {
			var kept []*search.Document
			for d := range docs {
				kept = append(kept, &search.Document{Record: d.Record, Place: d.Place})
			}
			for _, d := range kept {
				if !yield(d) {
					return
				}
			}
		}
	}}},
}

// TestFaultsAreFound holds that the suite complains of each fault, and of none in the simple driver.
func TestFaultsAreFound(t *testing.T) {
	t.Parallel()
	sound := map[string]bool{}
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			d := f.driver
			d.simple = newSimple()
			require.NotEmpty(t, complaints(t, &d, f.part))
			if !sound[f.part] {
				sound[f.part] = true
				require.Empty(t, complaints(t, newSimple(), f.part))
			}
		})
	}
}
