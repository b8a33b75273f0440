package memsearch_test

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/memsearch"
)

const mapping = `{"properties": {"name": {"type": "keyword"}, "age": {"type": "integer"}}}`

func parse(t require.TestingT, index, mapping string) *record.Schema {
	s, err := record.ParseSchema(index, []byte(mapping))
	require.NoError(t, err)
	return s
}

// documents yields a document for each line, all of which are sound JSON.
func documents(t require.TestingT, s *record.Schema, lines string) iter.Seq[*search.Document] {
	columns, err := s.ProjectAll()
	require.NoError(t, err)
	return func(yield func(*search.Document) bool) {
		n := int64(0)
		for r, err := range record.ReadNDJSON(strings.NewReader(lines), "", columns) {
			require.NoError(t, err)
			if n++; !yield(&search.Document{Record: r, Place: n}) {
				return
			}
		}
	}
}

func load(t require.TestingT, d *memsearch.Driver, s *record.Schema, lines string) {
	_, err := d.Load(context.Background(), s, documents(t, s, lines), func(r search.Refusal) { require.Fail(t, r.Reason) })
	require.NoError(t, err)
}

func query(t require.TestingT, s *record.Schema, text string) *plan.Plan {
	q, err := jql.Parse(text, nil)
	require.NoError(t, err)
	resolved, err := jql.Resolve(context.Background(), q, []*record.Schema{s}, nil)
	require.NoError(t, err)
	require.Len(t, resolved.Plans, 1)
	return resolved.Plans[0]
}

func columns(t require.TestingT, s *record.Schema, paths ...string) *record.Projection {
	p, err := s.Project(paths...)
	require.NoError(t, err)
	return p
}

func ids(t require.TestingT, records record.Stream) string {
	var ids []string
	for r, err := range records {
		require.NoError(t, err)
		ids = append(ids, r.ID)
	}
	return strings.Join(ids, " ")
}

func TestSchemas(t *testing.T) {
	t.Parallel()
	d := memsearch.New()
	for _, name := range []string{"visits-b", "visits-a", "staff"} {
		require.NoError(t, d.Create(t.Context(), parse(t, name, mapping)))
	}
	for pattern, want := range map[string]string{
		"staff": "staff", "st": "", "*": "staff visits-a visits-b", "visits-*": "visits-a visits-b",
		"*a": "visits-a", "v*s*b": "visits-b", "*ff*": "staff", "s*aff*f": "", "": "", "s?aff": "",
	} {
		schemas, err := d.Schemas(t.Context(), pattern)
		require.NoError(t, err)
		var names []string
		for _, s := range schemas {
			names = append(names, s.Index)
		}
		require.Equal(t, want, strings.Join(names, " "), pattern)
	}
	require.NoError(t, d.Drop(t.Context(), "staff"))
	require.NoError(t, d.Drop(t.Context(), "staff"))
	schemas, err := d.Schemas(t.Context(), "staff")
	require.NoError(t, err)
	require.Empty(t, schemas)
	for _, name := range []string{"", "visits-*"} {
		require.ErrorIs(t, d.Create(t.Context(), parse(t, name, mapping)), search.ErrInvalid)
	}
}

func TestUnknownIndex(t *testing.T) {
	t.Parallel()
	d, s := memsearch.New(), parse(t, "visits", mapping)
	p := query(t, s, "age > 3")
	for _, err := range d.Read(t.Context(), &search.Read{Plan: p, Columns: columns(t, s)}) {
		require.ErrorIs(t, err, search.ErrUnknownIndex)
	}
	_, err := d.Count(t.Context(), p, 0)
	require.ErrorIs(t, err, search.ErrUnknownIndex)
	_, err = d.Aggregate(t.Context(), []*search.Aggregation{{Plan: p}})
	require.ErrorIs(t, err, search.ErrUnknownIndex)
	_, err = d.Snapshot(t.Context(), "visits", "")
	require.ErrorIs(t, err, search.ErrUnknownIndex)
	_, err = d.Load(t.Context(), s, documents(t, s, `{}`), nil)
	require.ErrorIs(t, err, search.ErrUnknownIndex)
}

const visits = `{"_id":"a","_source":{"name":"Asha","age":3}}
{"_id":"b","_source":{"name":"Ravi","age":[7,1]}}
{"_id":"c","_source":{"name":"Meena"}}
{"_id":"d","_source":{"name":"Anil","age":3}}
`

func TestRead(t *testing.T) {
	t.Parallel()
	d, s := memsearch.New(), parse(t, "visits", mapping)
	require.NoError(t, d.Create(t.Context(), s))
	load(t, d, s, visits)
	read := func(text string, after []record.Value, skip, limit int) string {
		return ids(t, d.Read(t.Context(), &search.Read{Plan: query(t, s, text), Columns: columns(t, s, "name"), After: after, Skip: skip, Limit: limit}))
	}
	require.Equal(t, "b a d c", read("ORDER BY age, name DESC", nil, 0, 0))
	require.Equal(t, "b a d c", read("ORDER BY age DESC, name DESC", nil, 0, 0))
	require.Equal(t, "a d", read("age = 3 ORDER BY name DESC", nil, 0, 0))
	require.Equal(t, "d c", read("ORDER BY age DESC", nil, 2, 5))
	require.Equal(t, "a", read("ORDER BY age DESC", nil, 1, 1))
	require.Empty(t, read("ORDER BY age DESC", nil, 5, 1))
	require.Equal(t, "d c", read("ORDER BY age DESC", []record.Value{record.IntValue(3), record.StringValue("a")}, 0, 0))
	require.Equal(t, "d", read("ORDER BY age DESC", []record.Value{record.IntValue(3), record.StringValue("az")}, 0, 1))
	require.Empty(t, read("ORDER BY age DESC", []record.Value{{}, record.StringValue("c")}, 0, 0))

	n, err := d.Count(t.Context(), query(t, s, "age = 3"), 0)
	require.NoError(t, err)
	require.EqualValues(t, 2, n)
	n, err = d.Count(t.Context(), query(t, s, "age = 3"), 1)
	require.NoError(t, err)
	require.EqualValues(t, 1, n)

	for r, err := range d.Read(t.Context(), &search.Read{Plan: query(t, s, "name = Ravi"), Columns: columns(t, s, "age", "_index"), Source: true}) {
		require.NoError(t, err)
		require.Equal(t, []record.Value{record.IntValue(7).WithText("7"), record.IntValue(1).WithText("1")}, r.Values(0))
		require.Equal(t, "visits", r.Value(1).Text())
		require.JSONEq(t, `{"name":"Ravi","age":[7,1]}`, string(r.Source()))
	}
}

func TestLoadAgain(t *testing.T) {
	t.Parallel()
	d, s := memsearch.New(), parse(t, "visits", mapping)
	require.NoError(t, d.Create(t.Context(), s))
	load(t, d, s, visits)
	before, err := d.Snapshot(t.Context(), "visits", "")
	require.NoError(t, err)
	load(t, d, s, visits)
	load(t, d, s, `{"_id":"e","_source":{"age":9}}`+"\n"+`{"_id":"a","_source":{"age":5}}`+"\n"+`{"_id":"e","_source":{"age":5}}`)
	all := query(t, s, "ORDER BY age DESC")
	require.Equal(t, "b a e d c", ids(t, d.Read(t.Context(), &search.Read{Plan: all, Columns: columns(t, s)})))

	records, _ := before.Scan(t.Context(), &search.Scan{Plan: all, Columns: columns(t, s), Ordered: true})
	require.Equal(t, "b a d c", ids(t, records))
	n, err := before.Count(t.Context(), query(t, s, "age = 3"))
	require.NoError(t, err)
	require.EqualValues(t, 2, n)
	require.NoError(t, before.Close())
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	d, s := memsearch.New(), parse(t, "visits", mapping)
	require.NoError(t, d.Create(t.Context(), s))
	loose := parse(t, "visits", `{"properties": {"name": {"type": "keyword"}}}`)
	var refused []search.Refusal
	docs := func(yield func(*search.Document) bool) {
		for doc := range documents(t, loose, visits+`{"_id":"f","_source":{"age":"old"}}`) {
			if !yield(doc) {
				return
			}
		}
		yield(&search.Document{Record: &record.Record{}, Place: 6})
		yield(&search.Document{Record: &record.Record{ID: "g"}, Place: 7})
	}
	n, err := d.Load(t.Context(), loose, docs, func(r search.Refusal) { refused = append(refused, r) })
	require.NoError(t, err)
	require.EqualValues(t, 4, n)
	require.Len(t, refused, 3)
	require.Equal(t, search.Refusal{Place: 5, ID: "f", Reason: refused[0].Reason}, refused[0])
	require.Contains(t, refused[0].Reason, `"old" is not`)
	require.Equal(t, "the document has no ID", refused[1].Reason)
	require.EqualValues(t, 7, refused[2].Place)

	ctx, cancel := context.WithCancel(t.Context())
	cancelled := func(yield func(*search.Document) bool) {
		for doc := range documents(t, s, `{"_id":"h"}`+"\n"+`{"_id":"i"}`) {
			if !yield(doc) {
				return
			}
			cancel()
		}
	}
	n, err = d.Load(ctx, s, cancelled, nil)
	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, n)
	n, err = d.Count(t.Context(), query(t, s, ""), 0)
	require.NoError(t, err)
	require.EqualValues(t, 4, n)
}

func TestCreateAgain(t *testing.T) {
	t.Parallel()
	d, s := memsearch.New(), parse(t, "visits", mapping)
	require.NoError(t, d.Create(t.Context(), s))
	load(t, d, s, `{"_id":"a","_source":{"name":"Asha","ward":7}}`)
	require.ErrorIs(t, d.Create(t.Context(), parse(t, "visits", `{"properties": {"age": {"type": "keyword"}, "x": {"type": "keyword"}}}`)), search.ErrSchemaConflict)
	require.NoError(t, d.Create(t.Context(), parse(t, "visits", `{"properties": {"ward": {"type": "date", "format": "yyyy-MM-dd"}}}`)))
	schemas, err := d.Schemas(t.Context(), "visits")
	require.NoError(t, err)
	require.Len(t, schemas, 1)
	grown := schemas[0]
	require.NotNil(t, grown.Field("ward"))
	require.NotNil(t, grown.Field("age"))
	require.Nil(t, grown.Field("x"))
	load(t, d, grown, `{"_id":"b","_source":{"name":"Ravi","ward":"2024-01-31"}}`)
	for text, want := range map[string]string{"ward IS EMPTY": "a", "ward IS NOT EMPTY": "b", "ward = 2024-01-31": "b", "": "a b"} {
		require.Equal(t, want, ids(t, d.Read(t.Context(), &search.Read{Plan: query(t, grown, text), Columns: columns(t, grown, "ward", "name")})), text)
		again := parse(t, "visits", `{"properties": {"name": {"type": "keyword"}, "ward": {"type": "date", "format": "yyyy-MM-dd"}}}`)
		require.Equal(t, want, ids(t, d.Read(t.Context(), &search.Read{Plan: query(t, again, text), Columns: columns(t, again, "ward", "name")})), text)
	}
}

func TestSnapshot(t *testing.T) {
	t.Parallel()
	d, s := memsearch.New(), parse(t, "visits", mapping)
	require.NoError(t, d.Create(t.Context(), s))
	var lines strings.Builder
	for i := range 100 {
		fmt.Fprintf(&lines, `{"_id":"%03d","_source":{"age":%d}}`+"\n", i, i%7)
	}
	load(t, d, s, lines.String())
	snap, err := d.Snapshot(t.Context(), "visits", "")
	require.NoError(t, err)
	require.NoError(t, d.Drop(t.Context(), "visits"))
	again, err := d.Snapshot(t.Context(), "visits", snap.Token())
	require.NoError(t, err)
	_, err = d.Snapshot(t.Context(), "staff", snap.Token())
	require.ErrorIs(t, err, search.ErrSnapshotLost)

	for _, ordered := range []bool{false, true} {
		whole := 0
		for slice := range 3 {
			scan := &search.Scan{Plan: query(t, s, "age IN (1, 2, 5) ORDER BY age DESC"), Columns: columns(t, s, "age"), Ordered: ordered, Slice: slice, Slices: 3}
			records, _ := snap.Scan(t.Context(), scan)
			want := ids(t, records)
			n := len(strings.Fields(want))
			whole += n
			for stop := range n { // leave it after so many, and go on
				records, position := snap.Scan(t.Context(), scan)
				require.Empty(t, position())
				var got []string
				for r, err := range records {
					require.NoError(t, err)
					if got = append(got, r.ID); len(got) == stop+1 {
						break
					}
				}
				rest := *scan
				rest.From = position()
				records, position = again.Scan(t.Context(), &rest)
				require.Equal(t, rest.From, position())
				require.Equal(t, want, strings.TrimSpace(strings.Join(got, " ")+" "+ids(t, records)))
			}
		}
		require.Equal(t, 43, whole)
	}
	records, _ := snap.Scan(t.Context(), &search.Scan{Plan: query(t, s, ""), Columns: columns(t, s), From: "x"})
	for _, err := range records {
		require.ErrorIs(t, err, search.ErrBadToken)
	}
	require.NoError(t, snap.Close())
	require.NoError(t, snap.Close())
	_, err = d.Snapshot(t.Context(), "visits", snap.Token())
	require.ErrorIs(t, err, search.ErrSnapshotLost)
	_, err = snap.Count(t.Context(), query(t, s, ""))
	require.ErrorIs(t, err, search.ErrSnapshotLost)
	records, _ = snap.Scan(t.Context(), &search.Scan{Plan: query(t, s, ""), Columns: columns(t, s)})
	for _, err := range records {
		require.ErrorIs(t, err, search.ErrSnapshotLost)
	}
}

func TestContext(t *testing.T) {
	t.Parallel()
	d, s := memsearch.New(), parse(t, "visits", mapping)
	require.NoError(t, d.Create(t.Context(), s))
	load(t, d, s, visits)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := query(t, s, "")
	_, err := d.Count(ctx, p, 0)
	require.ErrorIs(t, err, context.Canceled)
	_, err = d.Aggregate(ctx, []*search.Aggregation{{Plan: p}})
	require.ErrorIs(t, err, context.Canceled)
	for _, err := range d.Read(ctx, &search.Read{Plan: p, Columns: columns(t, s)}) {
		require.ErrorIs(t, err, context.Canceled)
	}
}

// Readers see whole batches while loads run, and a snapshot does not change.
func TestWholeBatches(t *testing.T) {
	t.Parallel()
	d, s := memsearch.New(), parse(t, "visits", mapping)
	require.NoError(t, d.Create(t.Context(), s))
	const batch, rounds = 20, 30
	batchOf := func(round int) string {
		var lines strings.Builder
		for i := range batch { // half of them replace those of the round before
			fmt.Fprintf(&lines, `{"_id":"%d","_source":{"age":%d}}`+"\n", round*batch/2+i, round)
		}
		return lines.String()
	}
	load(t, d, s, batchOf(0))
	var wait sync.WaitGroup
	done := make(chan struct{})
	for range 3 {
		wait.Go(func() {
			for {
				tables, err := d.Aggregate(t.Context(), []*search.Aggregation{{Plan: query(t, s, ""), Groups: []search.Group{{Field: s.Field("age")}}}})
				require.NoError(t, err)
				buckets := tables[0].Buckets
				for i, b := range buckets {
					want := int64(batch / 2)
					if i == len(buckets)-1 {
						want = batch
					}
					require.Equal(t, want, b.Count)
				}
				snap, err := d.Snapshot(t.Context(), "visits", "")
				require.NoError(t, err)
				n, err := snap.Count(t.Context(), query(t, s, ""))
				require.NoError(t, err)
				require.Zero(t, n%(batch/2))
				again, err := snap.Count(t.Context(), query(t, s, ""))
				require.NoError(t, err)
				require.Equal(t, n, again)
				require.NoError(t, snap.Close())
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for round := 1; round < rounds; round++ {
		load(t, d, s, batchOf(round))
	}
	close(done)
	wait.Wait()
}
