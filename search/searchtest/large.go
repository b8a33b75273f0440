package searchtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// largeDocuments is more than engines give in one page.
const largeDocuments = 12_000

// large checks what only many records show: answers of several pages, many slices,
// thousands of buckets, conditions beyond what engines take in one piece.
func (s *suite) large(t tb) {
	c := s.corpus.subset(t, s.Prefix+"large", func(int, *record.Record) bool { return false })
	for i := range largeDocuments {
		r := &record.Record{ID: fmt.Sprintf("L%05d", i), Index: c.schema.Index}
		source := []byte(fmt.Sprintf(`{"code": "c%05d", "age": %d, "steps": %d, "status": "%s", "contacts": [{"age": %d}, {"age": %d}]}`,
			(i*7919)%largeDocuments, i%97, i*3, []string{"open", "closed", ""}[i%3], i%5, i%7))
		require.NoError(t, record.NewDecoder(c.projection).Decode(source, r))
		c.records = append(c.records, r)
	}
	s.create(t, c.schema)
	s.load(t, c.schema, slices.Values(c.records))
	v := s.judge(t)
	defer v.close()
	l := larger{s, c, v}
	l.reads(t)
	l.conditions(t)
	l.scans(t)
	l.buckets(t)
	l.cancels(t)
}

type larger struct {
	s *suite
	c *corpus
	v *verdict
}

func (l larger) plan(t tb, text string) *plan.Plan {
	t.Helper()
	p, refused, err := query{text: text, now: usualNow}.resolve(l.c.schema)
	require.NoError(t, err)
	require.Empty(t, refused)
	return p
}

func (l larger) expect(what string, want, got []string, err error) {
	l.s.checks.all.Add(1)
	if err != nil {
		l.v.wrong("%s: %v", what, err)
	} else if diff := l.c.differ(want, got); diff != "" {
		l.v.wrong("%s: %s", what, diff)
	}
}

// reads reads more than a page, from the start, behind a record and behind the window.
func (l larger) reads(t tb) {
	columns, err := l.c.schema.Project("age")
	require.NoError(t, err)
	for _, text := range []string{"ORDER BY code", "age > 3 ORDER BY age DESC, code", "status IS NOT EMPTY ORDER BY status, contacts.age DESC"} {
		p := l.plan(t, text)
		want := l.c.answer(t, p)
		all := want.ids()
		got, err := ids(l.s.driver.Read(t.Context(), &search.Read{Plan: p, Columns: columns}))
		l.expect(text, all, got, err)
		at := len(all) / 3
		got, err = ids(l.s.driver.Read(t.Context(), &search.Read{Plan: p, Columns: columns, After: want.after(want.records[at]), Limit: 7000}))
		l.expect(text+" after a third", all[at+1:min(at+7001, len(all))], got, err)
		skip := min(10_000, len(all)-5)
		got, err = ids(l.s.driver.Read(t.Context(), &search.Read{Plan: p, Columns: columns, Skip: skip, Limit: 50}))
		l.expect(text+" behind 10,000", all[skip:min(skip+50, len(all))], got, err)
		got, err = ids(l.s.driver.Read(t.Context(), &search.Read{Plan: p, Columns: columns, Skip: skip}))
		l.expect(text+" all behind 10,000", all[skip:], got, err)
	}
}

// conditions asks for more values, deeper and wider than engines take at once.
func (l larger) conditions(t tb) {
	code, age, steps := l.c.schema.Field("code"), l.c.schema.Field("age"), l.c.schema.Field("steps")
	var values, numbers []record.Value
	for i := range 70_000 {
		values = append(values, record.StringValue(fmt.Sprintf("c%05d", i*2)))
		numbers = append(numbers, record.IntValue(int64(i*2)))
	}
	deep := plan.NewTerms(code, values[:50]...)
	for i := range 60 {
		below := plan.Range{Field: steps, Upper: plan.Bound{Value: record.IntValue(int64(i * 400))}}
		if i%2 == 0 {
			deep = plan.Or{deep, plan.Terms{Field: age, Values: []record.Value{record.IntValue(int64(i))}}}
		} else {
			deep = plan.And{deep, plan.NewNot(below)}
		}
	}
	var wide []plan.Node
	for i := range 3000 {
		wide = append(wide, plan.Range{Field: steps,
			Lower: plan.Bound{Value: record.IntValue(int64(i * 20)), Inclusive: true}, Upper: plan.Bound{Value: record.IntValue(int64(i*20 + 4))}})
	}
	columns, err := l.c.schema.Project("_id")
	require.NoError(t, err)
	for name, n := range map[string]plan.Node{
		"70,000 strings": plan.NewTerms(code, values...), "70,000 numbers": plan.NewTerms(steps, numbers...),
		"none of 70,000 strings": plan.NewAnd(plan.Exists{Field: code}, plan.NewNot(plan.NewTerms(code, values...))),
		"60 levels":              deep, "3,000 ranges": plan.Or(wide),
	} {
		p := l.c.plan(n)
		want, err := l.c.ask(p)
		require.NoError(t, err)
		got, err := ids(l.s.driver.Read(t.Context(), &search.Read{Plan: p, Columns: columns, Limit: 500}))
		l.expect(name, want.ids()[:min(500, len(want.records))], got, err)
		if count, err := l.s.driver.Count(t.Context(), p, 0); err != nil || count != int64(len(want.records)) {
			l.v.wrong("%s: count is %d, want %d: %v", name, count, len(want.records), err)
		}
	}
}

// scans scans pages on end, in slices and from positions.
func (l larger) scans(t tb) {
	before := l.s.open0(t)
	snap, err := l.s.driver.Snapshot(t.Context(), l.c.schema.Index, "")
	require.NoError(t, err)
	defer func() { require.NoError(t, snap.Close()) }()
	columns, err := l.c.schema.Project("age")
	require.NoError(t, err)
	p := l.plan(t, "age != 5 ORDER BY age DESC, code")
	own := *l.s
	own.corpus = l.c
	k := scanner{&own, snap, question{query{text: "age != 5 ORDER BY age DESC, code"}, p}, l.c.answer(t, p), columns, rand.New(rand.NewPCG(5, 5))}
	k.check(t)
	k.q.plan, k.want = l.c.all(), l.c.answer(t, l.c.all())
	k.sideBySide(t)
	require.NoError(t, snap.Close())
	l.s.settled(t, before)
}

// buckets asks for thousands of buckets, whole and in pages.
func (l larger) buckets(t tb) {
	field := l.c.schema.Field
	a := &search.Aggregation{Plan: l.c.all(), Groups: []search.Group{{Field: field("code")}}, Metrics: []search.Metric{{Op: "sum", Field: field("steps")}}}
	tables, err := l.s.driver.Aggregate(t.Context(), []*search.Aggregation{a})
	if err != nil {
		require.ErrorIs(t, err, search.ErrTooManyBuckets)
	} else {
		require.Len(t, tables[0].Buckets, largeDocuments)
	}
	page := *a
	page.Limit = 2500
	var codes []string
	for more := true; more; {
		tables, err := l.s.driver.Aggregate(t.Context(), []*search.Aggregation{&page})
		require.NoError(t, err)
		require.NotEmpty(t, tables[0].Buckets)
		require.EqualValues(t, largeDocuments, tables[0].Total)
		for _, b := range tables[0].Buckets {
			require.EqualValues(t, 1, b.Count)
			codes = append(codes, b.Keys[0].Text())
		}
		more = tables[0].More
		page.After = tables[0].Buckets[len(tables[0].Buckets)-1].Keys
	}
	require.Len(t, codes, largeDocuments)
	require.True(t, slices.IsSorted(codes))
	two := &search.Aggregation{Plan: l.c.all(), Groups: []search.Group{{Field: field("age")}, {Field: field("contacts.age")}}, Limit: 300,
		Metrics: []search.Metric{{Op: "cardinality", Field: field("code")}, {Op: "percentile", Field: field("steps"), Percent: 95}}}
	largest := &search.Aggregation{Plan: l.c.all(), Groups: []search.Group{{Field: field("age")}}, Largest: true, Limit: 5}
	tied := &search.Aggregation{Plan: l.c.all(), Groups: []search.Group{{Field: field("code")}}, Largest: true, Limit: 5}
	l.s.askTablesOf(t, l.v, l.c, []*search.Aggregation{two, largest})
	got, err := l.s.driver.Aggregate(t.Context(), []*search.Aggregation{tied})
	require.NoError(t, err)
	require.Len(t, got[0].Buckets, 5)
	require.Equal(t, "c00000", got[0].Buckets[0].Keys[0].Text(), "of equal buckets those with the lesser key")
	require.EqualValues(t, largeDocuments-5, got[0].Others)
}

// cancels ends contexts before and in the middle of every question: it ends within a
// second, with the context's error, and leaves nothing open.
func (l larger) cancels(t tb) {
	before := l.s.open0(t)
	columns := l.c.projection
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := ids(l.s.driver.Read(ended, &search.Read{Plan: l.c.all(), Columns: columns}))
	require.ErrorIs(t, err, context.Canceled)
	_, err = l.s.driver.Count(ended, l.plan(t, "age > 3"), 0)
	require.ErrorIs(t, err, context.Canceled)
	heavy := &search.Aggregation{Plan: l.plan(t, "age >= 0"), Groups: []search.Group{{Field: l.c.schema.Field("age")}, {Field: l.c.schema.Field("contacts.age")}},
		Metrics: []search.Metric{{Op: "percentile", Field: l.c.schema.Field("steps"), Percent: 50}, {Op: "cardinality", Field: l.c.schema.Field("code")}}}
	_, err = l.s.driver.Aggregate(ended, []*search.Aggregation{heavy})
	require.ErrorIs(t, err, context.Canceled)

	for _, after := range []time.Duration{time.Millisecond, 10 * time.Millisecond} {
		short, cancel := context.WithTimeout(t.Context(), after)
		start := time.Now()
		_, err = l.s.driver.Aggregate(short, slices.Repeat([]*search.Aggregation{heavy}, 20))
		require.Less(t, time.Since(start), after+time.Second)
		if err != nil {
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
		cancel()
	}
	for _, ordered := range []bool{true, false} {
		l.cancelScan(t, ordered)
	}
	l.s.settled(t, before)
	n, err := l.s.driver.Count(t.Context(), l.c.all(), 0)
	require.NoError(t, err)
	require.EqualValues(t, largeDocuments, n)
}

func (l larger) cancelScan(t tb, ordered bool) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	snap, err := l.s.driver.Snapshot(ctx, l.c.schema.Index, "")
	require.NoError(t, err)
	records, _ := snap.Scan(ctx, &search.Scan{Plan: l.c.all(), Columns: l.c.projection, Ordered: ordered})
	n, start := 0, time.Time{}
	for _, err = range records {
		if n++; n == 10 {
			cancel()
			start = time.Now()
		}
	}
	require.ErrorIs(t, err, context.Canceled, "after %d records", n)
	require.Less(t, time.Since(start), time.Second)
	require.NoError(t, snap.Close())
	l.s.checks.all.Add(1)

	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	n = 0
	for _, err = range l.s.driver.Read(ctx, &search.Read{Plan: l.c.all(), Columns: l.c.projection}) {
		if n++; n == 10 {
			cancel()
		}
	}
	require.ErrorIs(t, err, context.Canceled, "after %d records", n)
}
