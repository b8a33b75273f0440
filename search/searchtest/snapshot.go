package searchtest

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// snapshots checks that a scan yields every matching record once, in order or
// not, whole or in slices, and goes on from any position.
func (s *suite) snapshots(t tb) {
	before := s.open0(t)
	snap, err := s.driver.Snapshot(t.Context(), s.corpus.schema.Index, "")
	require.NoError(t, err)
	defer func() { require.NoError(t, snap.Close()) }()
	columns := s.projections(t)
	n := 0
	for i, q := range s.questions(t) {
		if i%83 != 0 {
			continue
		}
		n++
		c := scanner{s, snap, q, s.corpus.answer(t, q.plan), columns[i%len(columns)], rand.New(rand.NewPCG(uint64(i), 3))}
		c.check(t)
	}
	require.Positive(t, n)
	c := scanner{s, snap, question{query{text: "ORDER BY _id"}, s.corpus.all()}, s.corpus.answer(t, s.corpus.all()), s.corpus.projection, rand.New(rand.NewPCG(1, 1))}
	c.contents(t)
	c.sideBySide(t)
	require.NoError(t, snap.Close())
	s.settled(t, before)
}

// open0 returns how many snapshots the engine holds.
func (s *suite) open0(t tb) int {
	if s.OpenContexts == nil {
		return 0
	}
	n, err := s.OpenContexts()
	require.NoError(t, err)
	return n
}

// A scanner scans one snapshot for one question.
type scanner struct {
	s       *suite
	snap    search.Snapshot
	q       question
	want    *answer
	columns *record.Projection
	*rand.Rand
}

// scan yields up to most records (0 for all), and where it then stands.
func (c *scanner) scan(t tb, scan search.Scan, most int) (got []string, position string) {
	t.Helper()
	scan.Plan, scan.Columns = c.q.plan, c.columns
	records, at := c.snap.Scan(t.Context(), &scan)
	c.s.checks.all.Add(1)
	for r, err := range records {
		require.NoError(t, err, "%s\n%s", c.q, c.q.plan)
		got = append(got, string([]byte(r.ID)))
		if len(got) == most {
			break
		}
	}
	return got, at()
}

func (c *scanner) check(t tb) {
	t.Helper()
	want := c.want.ids()
	n, err := c.snap.Count(t.Context(), c.q.plan)
	require.NoError(t, err)
	require.EqualValues(t, len(want), n, "%s\n%s", c.q, c.q.plan)

	ordered, _ := c.scan(t, search.Scan{Ordered: true}, 0)
	require.Empty(t, c.s.corpus.differ(want, ordered), "%s\n%s", c.q, c.q.plan)
	unordered, _ := c.scan(t, search.Scan{}, 0)
	c.same(t, want, unordered)
	again, _ := c.scan(t, search.Scan{}, 0)
	require.Equal(t, unordered, again, "the order of a second scan")

	c.resume(t, search.Scan{Ordered: true}, ordered)
	c.resume(t, search.Scan{}, unordered)
	slices := 2 + c.IntN(4)
	var together []string
	for i := range slices {
		scan := search.Scan{Slice: i, Slices: slices, Ordered: c.IntN(2) == 0}
		part, _ := c.scan(t, scan, 0)
		if scan.Ordered {
			require.True(t, inOrder(want, part), "slice %d of %d is not in order\n%s", i, slices, c.q)
		}
		c.resume(t, scan, part)
		together = append(together, part...)
	}
	c.same(t, want, together)
}

// resume stops a scan after some records and goes on from there, more than once.
func (c *scanner) resume(t tb, scan search.Scan, whole []string) {
	t.Helper()
	if len(whole) == 0 {
		return
	}
	for _, stop := range []int{1 + c.IntN(len(whole)), len(whole)} {
		first, position := c.scan(t, scan, stop)
		require.Equal(t, whole[:stop], first)
		for range 2 {
			next := scan
			next.From = position
			rest, _ := c.scan(t, next, 0)
			require.Equal(t, nonNil(whole[stop:]), nonNil(rest), "%s: from the position after %d of %d, %+v", c.q, stop, len(whole), scan)
		}
	}
}

func nonNil(list []string) []string { return append([]string{}, list...) }

// same holds that the records are the wanted ones, each once.
func (c *scanner) same(t tb, want, got []string) {
	t.Helper()
	sort := func(list []string) []string { list = slices.Clone(list); slices.Sort(list); return list }
	require.Empty(t, c.s.corpus.differ(sort(want), sort(got)), "%s\n%s", c.q, c.q.plan)
}

// inOrder reports whether part is a subsequence of whole.
func inOrder(whole, part []string) bool {
	for _, id := range whole {
		if len(part) > 0 && part[0] == id {
			part = part[1:]
		}
	}
	return len(part) == 0
}

// contents holds that scanned records are those that were stored.
func (c *scanner) contents(t tb) {
	v := c.s.judge(t)
	defer v.close()
	byID := c.s.corpus.byID()
	for _, ordered := range []bool{false, true} {
		for _, source := range []bool{false, true} {
			records, _ := c.snap.Scan(t.Context(), &search.Scan{Plan: c.q.plan, Columns: c.columns, Ordered: ordered, Source: source})
			for r, err := range records {
				require.NoError(t, err)
				c.s.checkRecord(v, r, byID[r.ID], c.columns, source)
			}
		}
	}
}

// sideBySide scans the slices of one snapshot at the same time.
func (c *scanner) sideBySide(t tb) {
	parts := make([][]string, 4)
	errs := make([]error, 4)
	side(parts, func(i int, _ []string) {
		records, _ := c.snap.Scan(t.Context(), &search.Scan{Plan: c.q.plan, Columns: c.columns, Slice: i, Slices: 4})
		parts[i], errs[i] = ids(records)
	})
	for _, err := range errs {
		require.NoError(t, err)
	}
	c.same(t, c.want.ids(), slices.Concat(parts...))
}

// views checks that a snapshot does not change when its index does, that its token
// opens the very same view again, and that what is closed or lost is ErrSnapshotLost.
func (s *suite) views(t tb) {
	before := s.open0(t)
	c := s.corpus.subset(t, s.Prefix+"views", func(i int, _ *record.Record) bool { return i%7 == 0 })
	s.create(t, c.schema)
	s.load(t, c.schema, slices.Values(c.records))
	snap, err := s.driver.Snapshot(t.Context(), c.schema.Index, "")
	require.NoError(t, err)
	defer func() { require.NoError(t, snap.Close()) }()
	old := c.subset(t, c.schema.Index, func(int, *record.Record) bool { return true })
	half, position := s.some(t, snap, old, len(old.records)/2, "")

	for i, r := range c.records {
		if i%2 == 0 {
			c.add(t, r.ID, []byte(fmt.Sprintf(`{"code": "changed", "age": %d}`, i)))
		}
	}
	c.add(t, "new-1", []byte(`{"code": "new"}`))
	c.add(t, "0-new", []byte(`{"code": "new"}`))
	s.load(t, c.schema, slices.Values(c.records))

	s.sees(t, snap, old)
	rest, _ := s.some(t, snap, old, 0, position)
	require.Equal(t, idsOf(old.answerAll(t)), append(half, rest...), "a scan over a load")
	s.reopened(t, snap, old, position, rest)
	newer, err := s.driver.Snapshot(t.Context(), c.schema.Index, "")
	require.NoError(t, err)
	s.sees(t, newer, c)
	for _, ordered := range []bool{false, true} {
		records, _ := newer.Scan(t.Context(), &search.Scan{Plan: c.all(), Columns: c.projection, Ordered: ordered, From: "no position of ours"})
		_, err = ids(records)
		require.Error(t, err, "a scan from a position that is none")
	}
	require.NoError(t, newer.Close())
	s.gone(t, snap, old)
	s.settled(t, before)
}

func (c *corpus) answerAll(t tb) []*record.Record { return c.answer(t, c.all()).records }

// some scans in order, up to most records.
func (s *suite) some(t tb, snap search.Snapshot, c *corpus, most int, from string) (got []string, position string) {
	k := scanner{s: s, snap: snap, q: question{plan: c.all()}, columns: c.projection}
	return k.scan(t, search.Scan{Ordered: true, From: from}, most)
}

// sees holds that a snapshot shows the documents of c.
func (s *suite) sees(t tb, snap search.Snapshot, c *corpus) {
	t.Helper()
	byID, n := c.byID(), 0
	records, _ := snap.Scan(t.Context(), &search.Scan{Plan: c.all(), Columns: c.projection, Source: true})
	for r, err := range records {
		require.NoError(t, err)
		require.Contains(t, byID, r.ID)
		require.True(t, bytes.Equal(byID[r.ID].Source(), r.Source()), "document %q of a snapshot is %s, want %s", r.ID, r.Source(), byID[r.ID].Source())
		n++
	}
	require.Equal(t, len(byID), n)
	count, err := snap.Count(t.Context(), c.all())
	require.NoError(t, err)
	require.EqualValues(t, len(byID), count)
	s.checks.all.Add(1)
}

// reopened opens a snapshot again by its token and goes on from a position.
func (s *suite) reopened(t tb, snap search.Snapshot, c *corpus, position string, rest []string) {
	token := snap.Token()
	if token == "" {
		t.Logf("%s: snapshots have no token", s.Engine)
		return
	}
	d := s.driver
	if s.Again != nil {
		d = s.Again(t, d)
	}
	again, err := d.Snapshot(t.Context(), c.schema.Index, token)
	require.NoError(t, err)
	s.sees(t, again, c)
	got, _ := s.some(t, again, c, 0, position)
	require.Equal(t, rest, got, "from a position, in the snapshot opened again")
}

// gone closes a snapshot, more than once and after its context has ended, and holds
// that nothing goes on with it.
func (s *suite) gone(t tb, snap search.Snapshot, c *corpus) {
	token := snap.Token()
	if s.Lose != nil {
		lost, err := s.driver.Snapshot(t.Context(), c.schema.Index, "")
		require.NoError(t, err)
		require.NoError(t, s.Lose(s.driver))
		s.isLost(t, lost, c)
		require.NoError(t, lost.Close())
	}
	require.NoError(t, snap.Close())
	require.NoError(t, snap.Close(), "closing again")
	s.isLost(t, snap, c)
	if token != "" {
		_, err := s.driver.Snapshot(t.Context(), c.schema.Index, token)
		if err == nil { // an engine that opens nothing until it is asked
			again, _ := s.driver.Snapshot(t.Context(), c.schema.Index, token)
			s.isLost(t, again, c)
		} else {
			require.ErrorIs(t, err, search.ErrSnapshotLost)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	short, err := s.driver.Snapshot(ctx, c.schema.Index, "")
	require.NoError(t, err)
	cancel()
	require.NoError(t, short.Close(), "closing after the context has ended")

	_, err = s.driver.Snapshot(t.Context(), c.schema.Index, "no token of ours")
	if err != nil {
		require.True(t, isOneOf(err, search.ErrSnapshotLost, search.ErrBadToken), "%v", err)
	}
	_, err = s.driver.Snapshot(t.Context(), s.Prefix+"nowhere", "")
	require.ErrorIs(t, err, search.ErrUnknownIndex)
}

// isLost holds that scans of a snapshot end with ErrSnapshotLost and no record.
func (s *suite) isLost(t tb, snap search.Snapshot, c *corpus) {
	t.Helper()
	s.checks.all.Add(1)
	records, _ := snap.Scan(t.Context(), &search.Scan{Plan: c.all(), Columns: c.projection})
	got, err := ids(records)
	require.ErrorIs(t, err, search.ErrSnapshotLost)
	require.Empty(t, got)
	_, err = snap.Count(t.Context(), c.plan(plan.Exists{Field: c.schema.Field("code")}))
	require.ErrorIs(t, err, search.ErrSnapshotLost)
}
