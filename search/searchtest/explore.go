package searchtest

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/search"
)

// Explore checks a driver over an index that is there already and that the suite did not
// fill, such as a table that belongs to another program. It reads all records, and
// then asks for them with random conditions, orders, pages, scans and aggregations: the answers
// must be those of package eval over the records as they were read. What the
// records should be it cannot know. An index of some thousands of records is large enough. Only Engine
// and Seed of the harness count.
func Explore(t *testing.T, h Harness, d search.Driver, index string) {
	s := &suite{Harness: h, driver: d, checks: &counters{}}
	if s.Seed == 0 {
		s.Seed = uint64(time.Now().UnixNano())
	}
	t.Logf("%s: random questions to %q of Harness.Seed %d", s.Engine, index, s.Seed)
	found, err := d.Schemas(t.Context(), index)
	require.NoError(t, err)
	require.Len(t, found, 1)
	c := &corpus{schema: found[0], projection: everything(t, found[0])}
	p := &plan.Plan{Schema: c.schema, Where: plan.All{}, Order: c.order()}
	for r, err := range d.Read(t.Context(), &search.Read{Plan: p, Columns: c.projection, Source: true}) {
		require.NoError(t, err)
		c.records = append(c.records, r.Clone())
	}
	require.NotEmpty(t, c.records)
	s.corpus = c
	s.explore(t, rand.New(rand.NewPCG(s.Seed, 0)))
	s.sumUp(t)
}

// order returns the order that every plan of the index ends in.
func (c *corpus) order() []plan.Sort {
	if c.schema.Key != nil {
		return []plan.Sort{{Field: c.schema.Key}}
	}
	return []plan.Sort{{Field: c.schema.Field("_id")}}
}

func (s *suite) explore(t tb, draw *rand.Rand) {
	v := s.judge(t)
	defer v.close()
	s.randomRound(t, s.corpus, draw)
	plans := rapid.Custom(newDrawer(s.corpus).plan)
	snap, err := s.driver.Snapshot(t.Context(), s.corpus.schema.Index, "")
	require.NoError(t, err)
	defer func() { require.NoError(t, snap.Close()) }()
	for i := range 40 {
		p := plans.Example(draw.Int())
		q, want := question{query{text: "a random plan"}, p}, s.corpus.answer(t, p)
		pages := pager{s, v, q, want, s.corpus.projection, draw}
		pages.positions(t)
		pages.skips(t)
		pages.pages(t, max(1, len(want.records)/3))
		if i%4 == 0 {
			k := scanner{s, snap, q, want, s.corpus.projection, draw}
			k.check(t)
		}
	}
	k := scanner{s, snap, question{query{text: "all"}, s.corpus.all()}, s.corpus.answer(t, s.corpus.all()), s.corpus.projection, draw}
	k.contents(t)
	k.sideBySide(t)
}
