package searchtest

import (
	"bytes"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// all returns the plan of every record of the corpus.
func (c *corpus) all() *plan.Plan { return c.plan(plan.All{}) }

// plan returns the plan of a condition, in the order of IDs, or of the key if there is one.
func (c *corpus) plan(where plan.Node) *plan.Plan {
	return &plan.Plan{Schema: c.schema, Where: where, Order: c.order()}
}

// byID returns the corpus' records.
func (c *corpus) byID() map[string]*record.Record {
	m := make(map[string]*record.Record, len(c.records))
	for _, r := range c.records {
		m[r.ID] = r
	}
	return m
}

// records checks that every record comes as its document says: under every column
// the values in their order, with repeats, written as they were; the document byte by byte.
func (s *suite) records(t tb) {
	v := s.judge(t)
	defer v.close()
	byID := s.corpus.byID()
	for _, columns := range append(s.projections(t), s.corpus.projection, everything(t, s.corpus.schema)) {
		for _, source := range []bool{false, true} {
			n := 0
			for r, err := range s.driver.Read(t.Context(), &search.Read{Plan: s.corpus.all(), Columns: columns, Source: source}) {
				require.NoError(t, err)
				n++
				s.checkRecord(v, r, byID[r.ID], columns, source)
			}
			require.Equal(t, len(s.corpus.records), n)
		}
	}
	s.ownSchema(t, v)
	s.leaving(t)
}

// checkRecord compares a record with the document it should be.
func (s *suite) checkRecord(v *verdict, got, want *record.Record, columns *record.Projection, source bool) {
	s.checks.all.Add(1)
	if want == nil {
		v.wrong("a record %q that was never stored", got.ID)
		return
	}
	if diff := differRecord(got, want, columns); diff != "" {
		v.wrong("record %q: %s\nof %s", got.ID, diff, shorten(string(want.Source())))
	}
	if source && !bytes.Equal(got.Source(), want.Source()) {
		v.wrong("record %q: the document is %q, want %q", got.ID, shorten(string(got.Source())), shorten(string(want.Source())))
	}
}

// ownSchema asks with fields of the driver's own schema, and columns of another.
func (s *suite) ownSchema(t tb, v *verdict) {
	own, err := s.driver.Schemas(t.Context(), s.corpus.schema.Index)
	require.NoError(t, err)
	require.Len(t, own, 1)
	byID := s.corpus.byID()
	for i, q := range s.questions(t) {
		if i%41 != 0 {
			continue
		}
		p, _, err := q.resolve(own[0])
		require.NoError(t, err)
		require.NotNil(t, p, q)
		want := s.corpus.answer(t, q.plan)
		s.checkRead(t, v, q, want, &search.Read{Plan: p, Columns: s.corpus.projection, Limit: 50}, 0)
	}
	var paths []string
	for _, f := range everything(t, s.corpus.schema).Fields() {
		paths = append(paths, f.Path)
	}
	columns, err := own[0].Project(paths...)
	require.NoError(t, err)
	for r, err := range s.driver.Read(t.Context(), &search.Read{Plan: s.corpus.all(), Columns: columns, Limit: 100, Source: true}) {
		require.NoError(t, err)
		s.checkRecord(v, r, byID[r.ID], columns, true)
	}
}

// leaving leaves streams before their end, and asks again.
func (s *suite) leaving(t tb) {
	for range 20 {
		for _, err := range s.driver.Read(t.Context(), &search.Read{Plan: s.corpus.all(), Columns: s.corpus.projection}) {
			require.NoError(t, err)
			break
		}
	}
	n, err := s.driver.Count(t.Context(), s.corpus.all(), 0)
	require.NoError(t, err)
	require.EqualValues(t, len(s.corpus.records), n)
}

// schemas checks that a schema is found by its index and by patterns, in order, that an
// unchanged one is the same pointer, and that it says of the fields what was declared.
func (s *suite) schemas(t tb) {
	ctx, index := t.Context(), s.corpus.schema.Index
	find := func(name string) (names []string) {
		found, err := s.driver.Schemas(ctx, name)
		require.NoError(t, err, name)
		for _, f := range found {
			names = append(names, f.Index)
		}
		s.checks.all.Add(1)
		return names
	}
	require.Equal(t, []string{index}, find(index))
	require.Empty(t, find(index+"-nowhere"))
	require.Empty(t, find(s.Prefix+"nowhere-*"))
	require.Equal(t, []string{index}, find(index+"*"))
	if s.loader != nil {
		for _, name := range []string{"many-b", "many-a", "many-a-1", "other-a"} {
			s.create(t, s.corpus.subset(t, s.Prefix+name, func(int, *record.Record) bool { return false }).schema)
		}
		p := s.Prefix
		require.Equal(t, []string{p + "many-a", p + "many-a-1", p + "many-b"}, find(p+"many-*"))
		require.Equal(t, []string{p + "many-a", p + "other-a"}, find(p+"*-a"))
		require.Equal(t, []string{p + "many-a-1"}, find(p+"*-a-*"))
		require.Empty(t, find(p+"many"))
	}
	first, err := s.driver.Schemas(ctx, index)
	require.NoError(t, err)
	second, err := s.driver.Schemas(ctx, index)
	require.NoError(t, err)
	require.Same(t, first[0], second[0])
	s.sameSchema(t, first[0])
}

// sameSchema compares what a schema says of its fields with what was declared. It may name
// objects that only the dots in the names of fields speak of.
func (s *suite) sameSchema(t tb, got *record.Schema) {
	type facts struct {
		path, source, typ, nested         string
		kind                              record.Kind
		ordered, fold, searchable, isDate bool
		ignoreAbove                       int
		scale                             float64
		aliases                           []string
	}
	of := func(s *record.Schema) (all []facts) {
		for f := range s.All() {
			all = append(all, facts{f.Path, f.Source, f.Type, f.Nested, f.Kind, f.Ordered, f.FoldCase, f.Searchable, f.DateOnly(), f.IgnoreAbove, f.Scale, f.Aliases})
		}
		slices.SortFunc(all, func(a, b facts) int { return bytes.Compare([]byte(a.path), []byte(b.path)) })
		return all
	}
	found := slices.DeleteFunc(of(got), func(f facts) bool { return f.kind == record.Object && s.corpus.schema.Field(f.path) == nil })
	require.Equal(t, of(s.corpus.schema), found)
	histories := func(s *record.Schema) (all []string) {
		for _, h := range s.Histories {
			all = append(all, h.Path)
			all = append(all, h.Fields...)
			all = append(all, h.Field.Path, h.From.Path, h.To.Path, h.At.Path)
			if h.Author != nil {
				all = append(all, h.Author.Path)
			}
		}
		return all
	}
	require.Equal(t, histories(s.corpus.schema), histories(got))
	s.checks.all.Add(1)
}
