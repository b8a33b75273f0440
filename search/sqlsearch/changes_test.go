package sqlsearch_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/sqlsearch"
)

const changesMapping = `{"_meta": {"dhr": {"history": [{"path": "log", "fields": ["status", "ward", "dose"]}]}}, "properties": {
	"age": {"type": "integer"}, "status": {"type": "keyword"}, "ward": {"type": "keyword"}, "dose": {"type": "double"}, "notes": {"type": "text"},
	"log": {"type": "nested", "properties": {"field": {"type": "keyword"}, "from": {"type": "keyword"}, "to": {"type": "keyword"},
		"at": {"type": "date"}, "author": {"type": "keyword"}}}}}`

// changesDocument is a document whose status, ward and dose have changed some times.
func changesDocument(random *rand.Rand, id string) string {
	states := map[string][]string{"status": {`"active"`, `"done"`, `"stopped"`, `["active", "done"]`}, "ward": {`"W1"`, `"W2"`, `"w1"`}, "dose": {`"1.0"`, `"2.5"`, `"much"`}}
	var log []string
	for range random.IntN(4) {
		field := []string{"status", "ward", "dose"}[random.IntN(3)]
		state := func() string {
			if random.IntN(5) == 0 {
				return "null"
			}
			return states[field][random.IntN(len(states[field]))]
		}
		log = append(log, fmt.Sprintf(`{"field": %q, "from": %s, "to": %s, "at": "2024-0%d-01T00:00:00Z", "author": %q}`,
			field, state(), state(), 1+random.IntN(9), []string{"ana", "raj"}[random.IntN(2)]))
	}
	more := ""
	if random.IntN(6) > 0 {
		more += fmt.Sprintf(`, "status": %s`, states["status"][random.IntN(4)])
	}
	if random.IntN(6) > 0 {
		more += fmt.Sprintf(`, "ward": %s, "dose": %s`, states["ward"][random.IntN(3)], states["dose"][random.IntN(2)])
	}
	return fmt.Sprintf(`{"_id": %q, "_source": {"age": %d, "notes": "%s of the child", "log": [%s]%s}}`,
		id, random.IntN(9), []string{"fever", "cough"}[random.IntN(2)], strings.Join(log, ", "), more)
}

var changesQueries = []string{
	"status WAS active", "status WAS active BEFORE 2024-05-01 AND status = done ORDER BY age", "status WAS NOT active AND age > 3 ORDER BY age DESC",
	"status WAS IN (done, stopped) AFTER 2024-03-01 OR age = 2 ORDER BY status", "NOT (status CHANGED BY ana) AND notes ~ fever", "status CHANGED FROM active TO done",
	"ward WAS W1 DURING (2024-02-01, 2024-04-01) BY raj", "dose WAS 2.5 AND status CHANGED AFTER 2024-06-01 ORDER BY dose DESC", "status WAS EMPTY OR ward CHANGED TO EMPTY",
}

// What is kept of histories answers as the records do, whatever has changed in between.
func TestKeptHistoriesAnswerAsRecords(t *testing.T) {
	t.Parallel()
	s := schema(t, "treatments", changesMapping)
	random := rand.New(rand.NewPCG(7, 8)) //nolint:gosec // a fixed seed is wanted
	file := filepath.Join(t.TempDir(), "records.sqlite")
	d, sql := open(t, file, nil), open(t, file, &sqlsearch.Options{Columns: -1})
	require.NoError(t, d.Create(t.Context(), s))
	for round := range 3 {
		var lines []string
		for i := range 120 {
			lines = append(lines, changesDocument(random, fmt.Sprintf("r%d", random.IntN(80)+60*round*(i%2))))
		}
		load(t, d, s, lines...)
		for _, query := range changesQueries {
			p := parsed(t, s, query)
			want := asked(t, sql, p)
			require.NotContains(t, want, "\n\n0 0", "%s finds something", query)
			for range 4 {
				require.Equal(t, want, asked(t, d, p), "%d: %s", round, query)
			}
		}
		require.Equal(t, 3, d.Histories(), "of status, ward and dose")
	}
	d.Forget()
	require.Zero(t, d.InMemory(), "nobody has asked for a while")
	require.Zero(t, d.Histories())
}

// Histories for which there is no room are read from the records, and drive out nothing.
func TestKeptHistoriesHaveRoom(t *testing.T) {
	t.Parallel()
	s := schema(t, "treatments", changesMapping)
	random := rand.New(rand.NewPCG(9, 10)) //nolint:gosec // a fixed seed is wanted
	file := filepath.Join(t.TempDir(), "records.sqlite")
	const room = 9_000
	d, sql := open(t, file, &sqlsearch.Options{Columns: room}), open(t, file, &sqlsearch.Options{Columns: -1})
	require.NoError(t, d.Create(t.Context(), s))
	var lines []string
	for i := range 600 {
		lines = append(lines, changesDocument(random, fmt.Sprintf("r%d", i)))
	}
	load(t, d, s, lines...)
	for range 4 {
		for _, query := range changesQueries {
			p := parsed(t, s, query)
			require.Equal(t, asked(t, sql, p), asked(t, d, p), query)
			require.LessOrEqual(t, d.InMemory(), int64(room))
		}
	}
	require.Zero(t, d.Histories())
}

// BenchmarkHistories asks for a page of records and their number by what they were on another day each time, of 20,000.
func BenchmarkHistories(b *testing.B) {
	s := schema(b, "treatments", changesMapping)
	random := rand.New(rand.NewPCG(11, 12)) //nolint:gosec // a fixed seed is wanted
	file := filepath.Join(b.TempDir(), "records.sqlite")
	d := open(b, file, nil)
	require.NoError(b, d.Create(b.Context(), s))
	var lines []string
	for i := range 20_000 {
		lines = append(lines, changesDocument(random, fmt.Sprintf("r%d", i)))
	}
	load(b, d, s, lines...)
	columns, err := s.Project("age", "status")
	require.NoError(b, err)
	for name, d := range map[string]*sqlsearch.SQLite{"kept": d, "records": open(b, file, &sqlsearch.Options{Columns: -1})} {
		b.Run(name, func(b *testing.B) {
			day := 0
			ask := func() {
				day++
				p := parsed(b, s, fmt.Sprintf("status WAS active BEFORE 2024-0%d-%02d AND status = done", 1+day%9, 1+day/9%28))
				var last *record.Record
				for r, err := range d.Read(b.Context(), &search.Read{Plan: p, Columns: columns, Limit: 50}) {
					require.NoError(b, err)
					last = r
				}
				require.NotNil(b, last)
				_, err = d.Count(b.Context(), p, 0)
				require.NoError(b, err)
			}
			for range 20 {
				ask()
			}
			b.ReportAllocs()
			for b.Loop() {
				ask()
			}
		})
	}
}
