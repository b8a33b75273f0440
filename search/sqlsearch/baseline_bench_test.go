//go:build unix

package sqlsearch_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/digit-health/dhr/bench/visits"
	"github.com/digit-health/dhr/search"
)

// BenchmarkBaseline asks the same SQLite the obvious way, beside the driver: the
// documents as JSON, their fields taken out by json_extract, or by encoding/json into maps. It
// reports the processor's time of both, and how many times the driver's the baseline's is.
func BenchmarkBaseline(b *testing.B) {
	d, err := benchStore()
	require.NoError(b, err)
	s, err := visits.Schema("visits")
	require.NoError(b, err)
	columns, err := s.ProjectAll()
	require.NoError(b, err)
	db, err := sql.Open("sqlite", "file:"+benchFile+"?mode=ro")
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, db.Close()) })

	rows := func(query string) {
		r, err := db.QueryContext(b.Context(), query)
		require.NoError(b, err)
		defer r.Close()
		for r.Next() {
		}
		require.NoError(b, r.Err())
	}
	table := func(a *search.Aggregation) {
		_, err := d.Aggregate(b.Context(), []*search.Aggregation{a})
		require.NoError(b, err)
	}
	const from = ` FROM (SELECT CAST(doc AS TEXT) AS doc FROM i1_source) `
	all := planOf(b, s, "")
	for _, q := range []struct {
		name             string
		driver, baseline func()
	}{
		{
			"terms top 10 over all",
			func() {
				table(&search.Aggregation{Plan: all, Groups: []search.Group{{Field: s.Field("district")}}, Largest: true, Limit: 10})
			},
			func() { rows(`SELECT doc->>'$.district', count(*)` + from + `GROUP BY 1 ORDER BY 2 DESC LIMIT 10`) },
		},
		{
			"month over all",
			func() {
				table(&search.Aggregation{Plan: all, Groups: []search.Group{{Field: s.Field("visit_date"), Calendar: &search.Calendar{Unit: "month"}}}})
			},
			func() { rows(`SELECT substr(doc->>'$.visit_date', 1, 7), count(*)` + from + `GROUP BY 1`) },
		},
		{
			"three clauses",
			func() {
				for _, err := range d.Read(b.Context(), &search.Read{Plan: planOf(b, s, questions[0].query), Columns: columns, Limit: 50}) {
					require.NoError(b, err)
				}
			},
			func() {
				rows(`SELECT doc` + from + `WHERE doc->>'$.district' = 'Pune' AND doc->>'$.age' >= 40
					AND doc->>'$.medication' IN ('amoxicillin', 'amlodipine') ORDER BY doc->>'$.visit_date' DESC LIMIT 50`)
			},
		},
		{
			"scan of half",
			func() { scanHalf(b, d) },
			func() { decodeHalf(b, db) },
		},
	} {
		b.Run(q.name, func(b *testing.B) {
			var ours, theirs time.Duration
			for range b.N {
				ours += timed(q.driver)
				theirs += timed(q.baseline)
			}
			b.ReportMetric(float64(ours.Microseconds())/1000/float64(b.N), "cpu-ms/op")
			b.ReportMetric(float64(theirs.Microseconds())/1000/float64(b.N), "baseline-cpu-ms/op")
			b.ReportMetric(float64(theirs)/float64(ours), "times-faster")
		})
	}
}

func timed(do func()) time.Duration {
	before := cpu()
	do()
	return cpu() - before
}

func scanHalf(b *testing.B, d search.Driver) {
	s, err := visits.Schema("visits")
	require.NoError(b, err)
	columns, err := s.ProjectAll()
	require.NoError(b, err)
	snap, err := d.Snapshot(b.Context(), "visits", "")
	require.NoError(b, err)
	records, _ := snap.Scan(b.Context(), &search.Scan{Plan: planOf(b, s, "gender = female"), Columns: columns})
	for _, err := range records {
		require.NoError(b, err)
	}
	require.NoError(b, snap.Close())
}

func decodeHalf(b *testing.B, db *sql.DB) {
	r, err := db.QueryContext(b.Context(), `SELECT doc FROM i1_source`)
	require.NoError(b, err)
	defer r.Close()
	n := 0
	for r.Next() {
		var text []byte
		require.NoError(b, r.Scan(&text))
		var doc map[string]any
		require.NoError(b, json.Unmarshal(text, &doc))
		if doc["gender"] == "female" {
			n++
		}
	}
	require.NoError(b, r.Err())
	require.NotZero(b, n)
}

// loadPlainly stores visits through database/sql: each document decoded into a map, a column for each
// field, a table of several values, indexes of what is asked for often, and the words of the texts.
func loadPlainly(b *testing.B, file string, n int) {
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate")
	require.NoError(b, err)
	defer db.Close()
	columns := []string{"patient_id", "district", "gender", "age", "visit_date", "followup_date", "medication", "dosage", "diagnosis", "notes"}
	statement := func(text string, args ...any) {
		_, err := db.ExecContext(b.Context(), text, args...)
		require.NoError(b, err)
	}
	statement("CREATE TABLE visits (id TEXT PRIMARY KEY, doc BLOB, " + strings.Join(columns, ", ") + ")")
	statement("CREATE TABLE symptoms (id INTEGER, symptom TEXT)")
	statement("CREATE VIRTUAL TABLE words USING fts5(diagnosis, notes, content='')")
	for _, c := range []string{"patient_id", "district", "visit_date", "followup_date", "medication"} {
		statement("CREATE INDEX by_" + c + " ON visits (" + c + ")")
	}
	s, err := visits.Schema("visits")
	require.NoError(b, err)
	docs, failed := visits.Documents(s, n)
	var batch []map[string]any
	var sources [][]byte
	flush := func() {
		insertPlainly(b, db, columns, batch, sources)
		batch, sources = batch[:0], sources[:0]
	}
	for doc := range docs {
		var fields map[string]any
		require.NoError(b, json.Unmarshal(doc.Record.Source(), &fields))
		batch, sources = append(batch, fields), append(sources, bytes.Clone(doc.Record.Source()))
		if len(batch) == 4000 {
			flush()
		}
	}
	require.NoError(b, failed())
	flush()
}

func insertPlainly(b *testing.B, db *sql.DB, columns []string, batch []map[string]any, sources [][]byte) {
	tx, err := db.BeginTx(b.Context(), nil)
	require.NoError(b, err)
	record, err := tx.PrepareContext(b.Context(), "INSERT OR REPLACE INTO visits (id, doc, "+strings.Join(columns, ", ")+") VALUES (?, ?"+strings.Repeat(", ?", len(columns))+")")
	require.NoError(b, err)
	defer record.Close()
	symptom, err := tx.PrepareContext(b.Context(), "INSERT INTO symptoms VALUES (?, ?)")
	require.NoError(b, err)
	defer symptom.Close()
	words, err := tx.PrepareContext(b.Context(), "INSERT INTO words (rowid, diagnosis, notes) VALUES (?, ?, ?)")
	require.NoError(b, err)
	defer words.Close()
	for i, fields := range batch {
		args := []any{fields["visit_id"], sources[i]}
		for _, c := range columns {
			args = append(args, fields[c])
		}
		result, err := record.ExecContext(b.Context(), args...)
		require.NoError(b, err)
		row, err := result.LastInsertId()
		require.NoError(b, err)
		several, ok := fields["symptoms"].([]any)
		if one := fields["symptoms"]; !ok && one != nil {
			several = []any{one}
		}
		for _, v := range several {
			_, err := symptom.ExecContext(b.Context(), row, v)
			require.NoError(b, err)
		}
		_, err = words.ExecContext(b.Context(), row, fields["diagnosis"], fields["notes"])
		require.NoError(b, err)
	}
	require.NoError(b, tx.Commit())
}
