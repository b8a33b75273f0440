package sqlsearch_test

import (
	"context"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/sqlsearch"
)

func schema(t require.TestingT, index, mapping string) *record.Schema {
	s, err := record.ParseSchema(index, []byte(mapping))
	require.NoError(t, err)
	return s
}

// documents yields a document for each line, all of which are sound JSON.
func documents(t require.TestingT, s *record.Schema, lines ...string) iter.Seq[*search.Document] {
	columns, err := s.ProjectAll()
	require.NoError(t, err)
	return func(yield func(*search.Document) bool) {
		n := int64(0)
		for r, err := range record.ReadNDJSON(strings.NewReader(strings.Join(lines, "\n")), "", columns) {
			require.NoError(t, err)
			if n++; !yield(&search.Document{Record: r, Place: n}) {
				return
			}
		}
	}
}

func load(t testing.TB, d *sqlsearch.SQLite, s *record.Schema, lines ...string) {
	_, err := d.Load(t.Context(), s, documents(t, s, lines...), func(r search.Refusal) { require.Fail(t, r.Reason) })
	require.NoError(t, err)
}

// found returns the ids that a query gives, in their order.
func found(t *testing.T, d *sqlsearch.SQLite, s *record.Schema, query string) string {
	columns, err := s.Project("_id")
	require.NoError(t, err)
	var ids []string
	p := parsed(t, s, query)
	for r, err := range d.Read(t.Context(), &search.Read{Plan: p, Columns: columns}) {
		require.NoError(t, err, query)
		ids = append(ids, strings.Clone(r.ID))
	}
	n, err := d.Count(t.Context(), p, 0)
	require.NoError(t, err)
	require.EqualValues(t, len(ids), n)
	return strings.Join(ids, " ")
}

const people = `{"properties": {"name": {"type": "keyword"}, "no": {"type": "keyword"}, "age": {"type": "integer"},
	"notes": {"type": "text"}, "labels": {"type": "flattened"}}, "_meta": {"dhr": {"key": "no", "ordered": ["name", "no"]}}}`

// A record that comes again replaces the one before, in every table.
func TestReplace(t *testing.T) {
	t.Parallel()
	d, s := open(t, filepath.Join(t.TempDir(), "f"), nil), schema(t, "people", people)
	require.NoError(t, d.Create(t.Context(), s))
	load(t, d, s, `{"no":"a","name":["x","y"],"age":3,"notes":"old fever","labels":{"k":"v"}}`, `{"no":"b","name":"z","age":4,"notes":"fever"}`)
	for query, want := range map[string]string{"name = x": "a", "notes ~ fever": "a b", "labels.k = v": "a", "ORDER BY name DESC": "b a"} {
		require.Equal(t, want, found(t, d, s, query), query)
	}
	load(t, d, s, `{"no":"a","name":"w","age":[9,5],"notes":"new"}`, `{"no":"c","age":1}`, `{"no":"c","age":2}`)
	for query, want := range map[string]string{
		"name = x": "", "name = y": "", "notes ~ fever": "b", "notes ~ old": "", "labels.k IS NOT EMPTY": "", "age = 9": "a", "age = 3": "", "age = 1": "",
		"ORDER BY age": "c b a", "ORDER BY age DESC": "a b c", "ORDER BY name": "a b c", "no = c": "c", "": "a b c",
	} {
		require.Equal(t, want, found(t, d, s, query), query)
	}
}

// A key that is the ID is not stored twice, until some record has another.
func TestKeyBesideID(t *testing.T) {
	t.Parallel()
	for _, second := range []string{
		`{"_id":"2","_source":{"no":"z"}}`, `{"_id":"2","_source":{"name":"only"}}`, `{"_id":"2","_source":{"no":["2","z"]}}`,
	} {
		d, s := open(t, filepath.Join(t.TempDir(), "f"), nil), schema(t, "people", people)
		require.NoError(t, d.Create(t.Context(), s))
		load(t, d, s, `{"_id":"1","_source":{"no":"1"}}`, `{"_id":"3","_source":{"no":"3"}}`)
		require.Equal(t, "1 3", found(t, d, s, "no IS NOT EMPTY"))
		require.Equal(t, "3", found(t, d, s, "no > 1"))
		load(t, d, s, second)
		require.Equal(t, "3", found(t, d, s, "no = 3"), second)
		has := "1 2 3"
		if !strings.Contains(second, `"no"`) {
			has = "1 3"
		}
		require.ElementsMatch(t, strings.Fields(has), strings.Fields(found(t, d, s, "no IS NOT EMPTY")), second)
		z := ""
		if strings.Contains(second, "z") {
			z = "2"
		}
		require.Equal(t, z, found(t, d, s, "no = z"), second)
	}
}

// A field with ever new values loses its dictionary on the way, and nothing else.
func TestDictionaryGivenUp(t *testing.T) {
	t.Parallel()
	d, s := open(t, filepath.Join(t.TempDir(), "f"), &sqlsearch.Options{Batch: 300}), schema(t, "people", people)
	require.NoError(t, d.Create(t.Context(), s))
	var lines []string
	for i := range 3000 {
		lines = append(lines, fmt.Sprintf(`{"no":"n%04d","name":["x%04d","y%d"],"age":%d}`, i, i, i%3, i))
	}
	load(t, d, s, lines[:700]...)
	require.Equal(t, "n0123", found(t, d, s, "name = x0123"))
	load(t, d, s, lines[600:]...)
	require.Equal(t, "n0123", found(t, d, s, "name = x0123"))
	require.Equal(t, "n2999", found(t, d, s, "name = x2999"))
	require.Equal(t, "n0003 n0006", found(t, d, s, "name = y0 AND age > 0 AND age < 9"))
	require.Equal(t, "n0002 n0001 n0000", found(t, d, s, "age < 3 ORDER BY name DESC"))
}

// Fields that come later are read out of the documents that are there.
func TestCreateAgain(t *testing.T) {
	t.Parallel()
	d := open(t, filepath.Join(t.TempDir(), "f"), nil)
	s := schema(t, "people", `{"properties": {"name": {"type": "keyword"}, "no": {"type": "keyword"}}, "_meta": {"dhr": {"personal": ["name"], "key": "no"}}}`)
	require.NoError(t, d.Create(t.Context(), s))
	load(t, d, s, `{"_id":"1","_source":{"name":"x","age":7,"notes":"high fever","ward":"A"}}`, `{"_id":"2","_source":{"name":"y"}}`)
	before, err := d.Schemas(t.Context(), "*")
	require.NoError(t, err)
	require.NoError(t, d.Create(t.Context(), s))
	after, err := d.Schemas(t.Context(), "people")
	require.NoError(t, err)
	require.Same(t, before[0], after[0])

	require.NoError(t, d.Create(t.Context(), schema(t, "people", people)))
	after, err = d.Schemas(t.Context(), "pe*le")
	require.NoError(t, err)
	grown := after[0]
	require.True(t, grown.Field("name").Personal)
	require.Equal(t, "1", found(t, d, grown, "age = 7"))
	require.Equal(t, "1", found(t, d, grown, "notes ~ fever"))
	require.Equal(t, "1 2", found(t, d, grown, "ORDER BY name"))
	load(t, d, s, `{"_id":"3","_source":{"name":"z","age":9}}`) // whose records lack the new fields
	require.Equal(t, "3", found(t, d, grown, "age > 8"))

	require.ErrorIs(t, d.Create(t.Context(), schema(t, "people", `{"properties": {"name": {"type": "integer"}, "new": {"type": "keyword"}}}`)), search.ErrSchemaConflict)
	require.ErrorIs(t, d.Create(t.Context(), schema(t, "people", `{"properties": {"ward": {"type": "integer"}}}`)), search.ErrSchemaConflict)
	after, err = d.Schemas(t.Context(), "people")
	require.NoError(t, err)
	require.Nil(t, after[0].Field("new"))
	require.Nil(t, after[0].Field("ward"))
	require.Equal(t, "1 2 3", found(t, d, grown, ""))
	for _, name := range []string{"", "a*"} {
		require.ErrorIs(t, d.Create(t.Context(), schema(t, name, people)), search.ErrInvalid)
	}
}

// Documents that cannot be stored are refused, the others are all there.
func TestRefused(t *testing.T) {
	t.Parallel()
	d := open(t, filepath.Join(t.TempDir(), "f"), nil)
	s, loose := schema(t, "people", people), schema(t, "people", `{"properties": {"name": {"type": "keyword"}}}`)
	require.NoError(t, d.Create(t.Context(), s))
	var refused []search.Refusal
	docs := func(yield func(*search.Document) bool) {
		for doc := range documents(t, loose, `{"_id":"1","_source":{"age":3}}`, `{"_id":"2","_source":{"age":"old"}}`, `{"_id":"3","_source":{"name":"x"}}`) {
			if !yield(doc) {
				return
			}
		}
		_ = yield(&search.Document{Record: &record.Record{}, Place: 4}) && yield(&search.Document{Record: &record.Record{ID: "5"}, Place: 5})
	}
	n, err := d.Load(t.Context(), loose, docs, func(r search.Refusal) { refused = append(refused, r) })
	require.NoError(t, err)
	require.EqualValues(t, 2, n)
	require.Len(t, refused, 3)
	require.EqualValues(t, 2, refused[0].Place)
	require.Contains(t, refused[0].Reason, `"old" is not`)
	require.Equal(t, "the document has no ID", refused[1].Reason)
	require.Equal(t, "5", refused[2].ID)
	require.Equal(t, "1 3", found(t, d, s, ""))
	_, err = d.Load(t.Context(), schema(t, "nowhere", people), documents(t, s), nil)
	require.ErrorIs(t, err, search.ErrUnknownIndex)
}

// A token is good in another process while nothing has changed, and scans in slices go on beside a
// load as if there were none.
func TestSnapshotTokens(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "f")
	d, s := open(t, file, nil), schema(t, "people", people)
	require.NoError(t, d.Create(t.Context(), s))
	var lines []string
	for i := range 2000 {
		lines = append(lines, fmt.Sprintf(`{"no":"n%04d","age":%d}`, i, i))
	}
	load(t, d, s, lines...)
	snap, err := d.Snapshot(t.Context(), "people", "")
	require.NoError(t, err)
	other := open(t, file, nil)
	again, err := other.Snapshot(t.Context(), "people", snap.Token())
	require.NoError(t, err)
	require.Equal(t, snap.Token(), again.Token())

	columns, err := s.Project("no")
	require.NoError(t, err)
	var wait sync.WaitGroup
	counts := make([]int, 4)
	for slice := range counts {
		wait.Go(func() {
			records, _ := again.Scan(t.Context(), &search.Scan{Plan: everything(s), Columns: columns, Slice: slice, Slices: len(counts)})
			for _, err := range records {
				if err != nil {
					return
				}
				counts[slice]++
				if counts[slice] == 1 && slice == 0 {
					load(t, d, s, lines[:10]...)
				}
			}
		})
	}
	wait.Wait()
	require.Equal(t, []int{500, 500, 500, 500}, counts)
	_, err = other.Snapshot(t.Context(), "people", "x")
	require.ErrorIs(t, err, search.ErrSnapshotLost)
	require.NoError(t, again.Close())
	_, err = other.Snapshot(t.Context(), "people", snap.Token())
	require.ErrorIs(t, err, search.ErrSnapshotLost)
	same, err := d.Snapshot(t.Context(), "people", snap.Token()) // which is still open here
	require.NoError(t, err)
	n, err := same.Count(t.Context(), parsed(t, s, "age >= 0"))
	require.NoError(t, err)
	require.EqualValues(t, 2000, n)
	require.NoError(t, same.Close())
	require.NoError(t, snap.Close())
	_, err = d.Snapshot(t.Context(), "people", snap.Token())
	require.ErrorIs(t, err, search.ErrSnapshotLost)
}

// Wildcards and words with errors find what the vocabulary has, however much that is.
func TestManyTerms(t *testing.T) {
	t.Parallel()
	d, s := open(t, filepath.Join(t.TempDir(), "f"), nil), schema(t, "people", people)
	require.NoError(t, d.Create(t.Context(), s))
	var lines, want []string
	for i := range 5000 {
		lines = append(lines, fmt.Sprintf(`{"no":"n%04d","notes":"word%04dx"}`, i, i))
		if i%10 == 7 {
			want = append(want, fmt.Sprintf("n%04d", i))
		}
	}
	load(t, d, s, lines...)
	require.Equal(t, want, strings.Fields(found(t, d, s, `notes ~ "wo*7x"`)))
	require.Len(t, strings.Fields(found(t, d, s, `notes ~ "word*"`)), 5000)
	require.Empty(t, found(t, d, s, `notes ~ "wor?????"`))
	require.Len(t, strings.Fields(found(t, d, s, `notes ~ "word?????"`)), 5000)
	near := strings.Fields(found(t, d, s, `notes ~ "word1234x~1"`))
	require.Len(t, near, 1+3*9+4+3) // itself, a digit changed, and two swapped
	require.True(t, slices.Contains(near, "n1934"))
}

// A closed store says so: it neither waits for ever nor is it closed twice.
func TestUseAfterClose(t *testing.T) {
	t.Parallel()
	d, err := sqlsearch.Open(t.Context(), t.TempDir(), nil)
	require.NoError(t, err)
	require.NoError(t, d.Close())
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.ErrorIs(t, d.Drop(ctx, "visits"), search.ErrUnavailable)
	closed := make(chan error, 1)
	go func() { closed <- d.Close() }()
	select {
	case err := <-closed:
		require.NoError(t, err)
	case <-ctx.Done():
		require.Fail(t, "Close waits for ever")
	}
}

// A directory is that of a store or of a server.
func TestFolders(t *testing.T) {
	t.Parallel()
	s := schema(t, "clinic", `{"properties": {"age": {"type": "integer"}}}`)
	dir := t.TempDir()
	server := open(t, filepath.Join(dir, "records.db"), nil)
	require.NoError(t, server.Create(t.Context(), s))
	schemas, err := open(t, dir, nil).Schemas(t.Context(), "*")
	require.NoError(t, err)
	require.Len(t, schemas, 1)
	require.NoFileExists(t, filepath.Join(dir, "records.sqlite"))
	open(t, filepath.Join(dir, "records.sqlite"), nil)
	schemas, err = open(t, dir, nil).Schemas(t.Context(), "*")
	require.NoError(t, err)
	require.Empty(t, schemas, "its own comes first")
}

// Schemas are those of now, also when another process has made one a moment ago; many who ask at once need one connection.
func TestSchemasAreThoseOfNow(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "records.sqlite")
	mine, others := open(t, file, nil), open(t, file, nil)
	for i := range 5 {
		name := fmt.Sprintf("clinic%d", i)
		require.NoError(t, others.Create(t.Context(), schema(t, name, `{"properties": {"age": {"type": "integer"}}}`)))
		var asking sync.WaitGroup
		for range 40 {
			asking.Go(func() {
				found, err := mine.Schemas(t.Context(), "clinic*")
				if err != nil || len(found) != i+1 {
					t.Errorf("%d schemas after %d were made: %v", len(found), i+1, err)
				}
			})
		}
		asking.Wait()
	}
	require.NoError(t, others.Drop(t.Context(), "clinic2"))
	found, err := mine.Schemas(t.Context(), "clinic2")
	require.NoError(t, err)
	require.Empty(t, found)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = mine.Schemas(ended, "clinic1")
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, mine.Close())
	_, err = mine.Schemas(t.Context(), "clinic1")
	require.ErrorIs(t, err, search.ErrUnavailable)
}

func BenchmarkSchemas(b *testing.B) {
	d := open(b, filepath.Join(b.TempDir(), "records.sqlite"), nil)
	require.NoError(b, d.Create(b.Context(), schema(b, "clinic", `{"properties": {"age": {"type": "integer"}}}`)))
	b.ReportAllocs()
	for b.Loop() {
		found, err := d.Schemas(b.Context(), "clinic")
		require.NoError(b, err)
		require.Len(b, found, 1)
	}
}
