package searchtest

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// loading checks what a Loader promises: of documents with one ID the last counts, the
// same file twice is the same data once, what is refused is told, indexes grow and do
// not change otherwise.
func (s *suite) loading(t tb) {
	c := s.corpus.subset(t, s.Prefix+"loading", func(i int, _ *record.Record) bool { return i%9 == 0 })
	s.create(t, c.schema)
	empty := c.subset(t, c.schema.Index, func(int, *record.Record) bool { return false })
	s.holds(t, empty)
	v := s.judge(t)
	s.askTablesOf(t, v, empty, []*search.Aggregation{
		{Plan: c.all(), Metrics: []search.Metric{{Op: "count"}, {Op: "avg", Field: c.schema.Field("age")}}},
		{Plan: c.all(), Groups: []search.Group{{Field: c.schema.Field("code"), Missing: true}}, Largest: true, Limit: 3},
	})
	v.close()

	s.load(t, c.schema, slices.Values(c.records))
	s.holds(t, c)
	s.load(t, c.schema, slices.Values(c.records))
	s.holds(t, c)
	s.replacing(t, c)
	s.refusing(t, c)
	require.NoError(t, s.loader.Create(t.Context(), c.schema), "creating again")
	s.holds(t, c)
	s.conflicting(t, c)
	s.growing(t, c)
	s.interrupted(t, c)
	s.dropping(t, c)
}

// holds compares the whole index with c.
func (s *suite) holds(t tb, c *corpus) {
	t.Helper()
	s.checks.all.Add(1)
	want, n := c.answerAll(t), 0
	for r, err := range s.driver.Read(t.Context(), &search.Read{Plan: c.all(), Columns: c.projection, Source: true}) {
		require.NoError(t, err)
		require.Less(t, n, len(want), "a record too many: %q", r.ID)
		require.Equal(t, want[n].ID, r.ID)
		require.Equal(t, string(want[n].Source()), string(r.Source()), r.ID)
		require.Empty(t, differRecord(r, want[n], c.projection))
		n++
	}
	require.Equal(t, len(want), n)
	count, err := s.driver.Count(t.Context(), c.all(), 0)
	require.NoError(t, err)
	require.EqualValues(t, n, count)
	exists := c.plan(plan.Exists{Field: c.schema.Field("code")})
	count, err = s.driver.Count(t.Context(), exists, 0)
	require.NoError(t, err)
	require.EqualValues(t, len(c.answer(t, exists).records), count)
}

// replacing loads some documents anew, one of them several times in one load.
func (s *suite) replacing(t tb, c *corpus) {
	var given []*record.Record
	for i := range 12 {
		id := c.records[i*2%20].ID
		c.add(t, id, []byte(fmt.Sprintf(`{"code": ["v%d", "A"], "age": %d, "contacts": [{"age": %d}], "notes": "fever %d"}`, i, i, i, i)))
		given = append(given, c.records[slices.IndexFunc(c.records, func(r *record.Record) bool { return r.ID == id })])
	}
	s.load(t, c.schema, slices.Values(given))
	s.holds(t, c)
	v := s.judge(t)
	defer v.close()
	for _, text := range []string{"code = v3", "code = A", "notes ~ fever", "contacts.age = 11", "age IS EMPTY ORDER BY code"} {
		p, _, err := query{text: text, now: usualNow}.resolve(c.schema)
		require.NoError(t, err)
		if diff := s.differPlan(t, c, p, c.projection); diff != "" {
			v.wrong("after documents were replaced: %s\n%s", text, diff)
		}
	}
}

// given returns documents with these IDs and sources, as they are.
func given(t tb, c *corpus, idsAndSources ...string) iter.Seq[*search.Document] {
	columns, err := c.schema.ProjectAll()
	require.NoError(t, err)
	return func(yield func(*search.Document) bool) {
		decoder := record.NewDecoder(columns)
		for i := 0; i < len(idsAndSources); i += 2 {
			r := &record.Record{ID: idsAndSources[i], Index: c.schema.Index}
			if err := decoder.Decode([]byte(idsAndSources[i+1]), r); err != nil {
				t.Errorf("a document of the suite: %v", err)
				return
			}
			if !yield(&search.Document{Record: r, Place: int64(10 + i/2)}) {
				return
			}
		}
	}
}

// refusing gives a document without an ID among others.
func (s *suite) refusing(t tb, c *corpus) {
	var refused []search.Refusal
	_, err := s.loader.Load(t.Context(), c.schema, given(t, c, "ok-1", `{"age": 1}`, "", `{"age": 2}`, "ok-2", `{"age": 3}`),
		func(r search.Refusal) { refused = append(refused, r) })
	require.NoError(t, err)
	require.Len(t, refused, 1)
	require.EqualValues(t, 11, refused[0].Place)
	require.NotEmpty(t, refused[0].Reason)
	c.add(t, "ok-1", []byte(`{"age": 1}`))
	c.add(t, "ok-2", []byte(`{"age": 3}`))
	s.holds(t, c)
	stored, err := s.loader.Load(t.Context(), c.schema, given(t, c), func(search.Refusal) { t.Errorf("nothing was there to be refused") })
	require.NoError(t, err)
	require.Zero(t, stored)
	s.holds(t, c)
}

// changed returns the schema of c with another text in its mapping.
func changed(t tb, c *corpus, old, by string) *record.Schema {
	t.Helper()
	mapping, err := json.Marshal(c.schema)
	require.NoError(t, err)
	require.Contains(t, string(mapping), old)
	schema, err := record.ParseSchema(c.schema.Index, []byte(strings.Replace(string(mapping), old, by, 1)))
	require.NoError(t, err)
	return schema
}

// conflicting creates the index with fields that are of another type; nothing must change.
func (s *suite) conflicting(t tb, c *corpus) {
	before, err := s.driver.Schemas(t.Context(), c.schema.Index)
	require.NoError(t, err)
	for _, by := range []string{`"age":{"type":"keyword"}`, `"age":{"type":"date"}`, `"age":{"type":"integer"},"brandnew":{"type":"long"},"tiny":{"type":"text"}`} {
		old := `"age":{"type":"integer"}`
		other := changed(t, c, `"tiny":{"type":"byte"}`, `"tiny":{"type":"long"}`)
		if !strings.Contains(by, "tiny") {
			other = changed(t, c, old, by)
		}
		err := s.loader.Create(t.Context(), other)
		require.ErrorIs(t, err, search.ErrSchemaConflict, by)
		after, err := s.driver.Schemas(t.Context(), c.schema.Index)
		require.NoError(t, err)
		require.Len(t, after, 1)
		require.Equal(t, before[0].Field("age").Type, after[0].Field("age").Type)
		require.Nil(t, after[0].Field("brandnew"))
	}
	s.holds(t, c)
}

// growing adds fields, alone and in objects, and stores values in them.
func (s *suite) growing(t tb, c *corpus) {
	bigger := changed(t, c, `"tiny":{"type":"byte"}`, `"tiny":{"type":"byte"},"fresh":{"type":"keyword"},"fresher":{"properties":{"n":{"type":"long"},"at":{"type":"date"}}}`)
	require.NoError(t, s.loader.Create(t.Context(), bigger))
	found, err := s.driver.Schemas(t.Context(), c.schema.Index)
	require.NoError(t, err)
	require.NotNil(t, found[0].Field("fresh"))
	require.NotNil(t, found[0].Field("fresher.n"))
	s.holds(t, c)
	d := &corpus{schema: bigger, projection: everything(t, bigger, flattenedKeys...)}
	for _, r := range c.records {
		d.add(t, r.ID, r.Source())
	}
	for i, source := range []string{`{"fresh": "x", "age": 1}`, `{"fresh": ["y", "x"], "fresher": {"n": 5, "at": "2024-01-31"}}`, `{"fresh": ""}`} {
		id := fmt.Sprintf("fresh-%d", i)
		c.add(t, id, []byte(source))
		d.add(t, id, []byte(source))
	}
	s.load(t, bigger, slices.Values(d.records[len(d.records)-3:]))
	s.holds(t, d)
	v := s.judge(t)
	defer v.close()
	for _, text := range []string{"fresh = x", "fresh IS EMPTY", "fresher.n > 4 ORDER BY fresh DESC", "ORDER BY fresh, fresher.at DESC", "fresher IS NOT EMPTY"} {
		p, refused, err := query{text: text, now: usualNow}.resolve(bigger)
		require.NoError(t, err)
		require.Empty(t, refused)
		if diff := s.differPlan(t, d, p, d.projection); diff != "" {
			v.wrong("after fields were added: %s\n%s", text, diff)
		}
	}
	*c = *d
}

// interrupted ends the context of a load while it runs: what is there afterwards is
// what was, and whole documents of those that came first.
func (s *suite) interrupted(t tb, c *corpus) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	endless := func(yield func(*record.Record) bool) {
		for i := 0; i < 200_000; i++ {
			if i == 700 {
				cancel()
			}
			if !yield(c.records[i%5]) {
				return
			}
		}
	}
	_, err := s.loader.Load(ctx, c.schema, documents(t, c.schema, endless), func(search.Refusal) {})
	require.ErrorIs(t, err, context.Canceled)
	s.holds(t, c) // the same documents, perhaps stored again
}

// dropping removes the index, and asks it everything.
func (s *suite) dropping(t tb, c *corpus) {
	require.NoError(t, s.loader.Drop(t.Context(), c.schema.Index))
	require.NoError(t, s.loader.Drop(t.Context(), c.schema.Index), "dropping again")
	s.isUnknown(t, c)
	_, err := s.loader.Load(t.Context(), c.schema, given(t, c, "x", `{}`), func(search.Refusal) {})
	require.ErrorIs(t, err, search.ErrUnknownIndex)
	require.NoError(t, s.loader.Create(t.Context(), c.schema))
	s.holds(t, c.subset(t, c.schema.Index, func(int, *record.Record) bool { return false }))
}

// unknown checks that an index that is not there is ErrUnknownIndex to every question, whatever
// its name, and no schema.
func (s *suite) unknown(t tb) {
	for _, name := range []string{s.Prefix + "nowhere", "'; DROP TABLE x; --", "a/../b", "no\"such\x00index", "_all", "%", strings.Repeat("x", 300)} {
		found, err := s.driver.Schemas(t.Context(), name)
		require.NoError(t, err, "%q", name)
		require.Empty(t, found, "%q", name)
		s.isUnknown(t, s.corpus.subset(t, name, func(int, *record.Record) bool { return false }))
	}
}

func (s *suite) isUnknown(t tb, c *corpus) {
	t.Helper()
	s.checks.all.Add(1)
	_, err := ids(s.driver.Read(t.Context(), &search.Read{Plan: c.all(), Columns: c.projection}))
	require.ErrorIs(t, err, search.ErrUnknownIndex, "%q", c.schema.Index)
	_, err = s.driver.Count(t.Context(), c.all(), 0)
	require.ErrorIs(t, err, search.ErrUnknownIndex, "%q", c.schema.Index)
	_, err = s.driver.Aggregate(t.Context(), []*search.Aggregation{{Plan: c.all()}})
	require.ErrorIs(t, err, search.ErrUnknownIndex, "%q", c.schema.Index)
	_, err = s.driver.Snapshot(t.Context(), c.schema.Index, "")
	require.ErrorIs(t, err, search.ErrUnknownIndex, "%q", c.schema.Index)
	found, err := s.driver.Schemas(t.Context(), c.schema.Index)
	require.NoError(t, err)
	require.Empty(t, found)
}

// batches checks that readers see whole batches while documents are loaded: all
// records of one reading are of one load.
func (s *suite) batches(t tb) {
	c := s.corpus.subset(t, s.Prefix+"batches", func(int, *record.Record) bool { return false })
	s.create(t, c.schema)
	generation := func(n int) iter.Seq[*record.Record] {
		g := &corpus{schema: c.schema, projection: c.projection}
		for i := range 40 {
			g.add(t, fmt.Sprintf("b%02d", i), []byte(fmt.Sprintf(`{"age": %d, "contacts": [{"age": %d}]}`, n, n)))
		}
		return slices.Values(g.records)
	}
	s.load(t, c.schema, generation(0))
	columns, err := c.schema.Project("age", "contacts.age")
	require.NoError(t, err)
	done := make(chan struct{})
	var wait sync.WaitGroup
	v := s.judge(t)
	defer v.close()
	for range 2 {
		wait.Go(func() {
			for n := 0; ; n++ {
				s.readBatch(t, v, c, columns)
				select {
				case <-done:
					if n > 2 {
						return
					}
				default:
				}
			}
		})
	}
	for n := range 10 {
		s.load(t, c.schema, generation(n+1))
	}
	close(done)
	wait.Wait()
}

func (s *suite) readBatch(t tb, v *verdict, c *corpus, columns *record.Projection) {
	s.checks.all.Add(1)
	seen := map[int64]int{}
	for r, err := range s.driver.Read(t.Context(), &search.Read{Plan: c.all(), Columns: columns}) {
		if err != nil {
			v.wrong("reading during a load: %v", err)
			return
		}
		seen[r.Value(0).Int()]++
	}
	if len(seen) != 1 {
		v.wrong("a reader saw parts of several loads: records by load %v", seen)
		return
	}
	for load, n := range seen {
		if n != 40 {
			v.wrong("a reader saw %d of 40 records of load %d", n, load)
		}
	}
}
