package sqlsearch_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite" // makes the files of others

	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/jql/eval"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/exact"
	"github.com/digit-health/dhr/search/sqlsearch"
)

const hospital = `
CREATE TYPE blood AS ENUM ('A', 'B', 'AB', '0');
CREATE TABLE patients (
	id bigint PRIMARY KEY, name text NOT NULL, village varchar(40), age int, weight numeric(5,2), exact_weight numeric,
	score double precision, small real, little smallint, count numeric(6,0), alive boolean, born date, seen timestamp, updated timestamptz, ref uuid,
	info jsonb, raw json, tags text[], visits int[], days date[], stamps timestamptz[], blood blood, addr inet, span interval, code char(5)
);
INSERT INTO patients
SELECT i, CASE WHEN i % 3 = 0 THEN 'Asha Devi' WHEN i % 3 = 1 THEN 'ravi kumar' ELSE E'O''Hara "मलेरिया" \\ \t x' END || ' ' || i,
	CASE WHEN i % 4 = 0 THEN NULL WHEN i % 4 = 1 THEN 'Wai' WHEN i % 4 = 2 THEN 'pune' ELSE 'Pune' END,
	CASE WHEN i % 7 = 0 THEN NULL ELSE i % 90 - 5 END, (i % 500) / 3.0, CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN 'NaN' ELSE i * 1.25 END,
	CASE i % 6 WHEN 0 THEN 'NaN' WHEN 1 THEN 'Infinity' WHEN 2 THEN NULL ELSE i / 7.0 END, i / 3.0, i % 100, i,
	CASE i % 3 WHEN 0 THEN true WHEN 1 THEN false END,
	CASE i % 9 WHEN 0 THEN 'infinity' WHEN 1 THEN NULL WHEN 2 THEN date '0044-03-15 BC' ELSE date '1950-01-30' + i * 41 END,
	timestamp '1969-12-31 23:59:59.123456' + i * interval '13 hours', timestamptz '2024-03-09 18:30:00.999999+05:30' + i * interval '7 hours',
	('00000000-0000-4000-8000-' || lpad(to_hex(i * 977), 12, '0'))::uuid,
	CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN '[1,{"x":2}]' WHEN 2 THEN 'null' WHEN 3 THEN '"word"' ELSE jsonb_build_object('city', 'Pune', 'n', i % 3, 'deep', jsonb_build_object('a', 1.50)) END,
	json_build_object('a', 1.50), CASE i % 3 WHEN 0 THEN NULL WHEN 1 THEN '{}' ELSE ARRAY['red', 'Blue ' || i % 2, NULL] END,
	ARRAY[i, i + 1], ARRAY[date '2024-02-29', date '2023-01-01' + i], ARRAY[timestamptz '2024-02-29 10:00+05:30'],
	(ARRAY['A', 'B', 'AB', '0']::blood[])[i % 4 + 1], (CASE i % 3 WHEN 0 THEN '10.0.0.1' WHEN 1 THEN '10.0.0.0/8' ELSE '2001:db8::1' END)::inet, interval '1 day', 'x' || i % 3
FROM generate_series(1, 300) AS i;
CREATE TABLE consents (patient bigint, kind text, given date, PRIMARY KEY (patient, kind));
CREATE VIEW adults AS SELECT id, name, age FROM patients WHERE age >= 18;
CREATE TABLE "odd ""table; --" ("the ""key" text PRIMARY KEY, "a.b" int, "O'Brien" text);
INSERT INTO "odd ""table; --" VALUES ('k1', 1, 'x'), ('K2''; DROP TABLE patients; --', NULL, 'y');
`

const adultsMapping = `{"_meta": {"dhr": {"key": "id", "label": "Adults", "labels": {"name": "Full name"},
	"aliases": {"years": "age"}, "personal": ["name"], "case_insensitive": ["name.keyword"]}}}`

func openHospital(t testing.TB, schema string) *sqlsearch.Tables {
	ctx := context.WithoutCancel(t.Context())
	dropSchema(t, schema)
	conn := connect(t)
	defer conn.Close(ctx)
	name := pgx.Identifier{schema}.Sanitize()
	_, err := conn.Exec(ctx, "CREATE SCHEMA "+name+"; SET search_path TO "+name+"; SET timezone TO 'Asia/Kolkata'; "+hospital, pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
	d, err := sqlsearch.OpenTables(t.Context(), postgresURL(t), &sqlsearch.TablesOptions{
		Schema: schema, Mappings: map[string][]byte{"adults": []byte(adultsMapping)}})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, d.Close())
		dropSchema(t, schema)
	})
	return d
}

// What a table answers is what package eval says of its records, one by one.
func TestTablesOfPostgres(t *testing.T) {
	t.Parallel()
	d := openHospital(t, "dhr_hospital")
	schemas, err := d.Schemas(t.Context(), "*")
	require.NoError(t, err)
	var names []string
	for _, s := range schemas {
		names = append(names, s.Index)
	}
	require.Equal(t, []string{"adults", `odd "table; --`, "patients"}, names)
	checkTable(t, d, schemas[2], patientQueries)
	checkTable(t, d, schemas[0], []string{`years >= 20 ORDER BY "Full name" DESC`, `name = "ASHA DEVI 30"`, `name ~ "asha" ORDER BY age`})
	checkTable(t, d, schemas[1], []string{`"a.b" IS EMPTY`, `"the \"key" = k1`, `"O'Brien" != x`, `_id = "K2'; DROP TABLE patients; --"`})
	require.True(t, schemas[0].Field("name").Personal)
	require.Equal(t, record.Unknown, schemas[2].Field("span").Kind)
}

var patientQueries = []string{
	``, `ORDER BY name`, `ORDER BY born DESC, age`, `ORDER BY seen DESC`, `ORDER BY village, weight DESC`, `ORDER BY score DESC`, `ORDER BY ref DESC`, `ORDER BY updated`,
	`ORDER BY exact_weight, alive`, `ORDER BY blood DESC, alive DESC`, `ORDER BY tags`, `id = 7`, `id in (1, 2, 99999)`, `_id = "10"`, `_id >= "10" AND _id < "2"`,
	`age > 20`, `age <= -1`, `age IS EMPTY`, `NOT age > 20`, `age != 20`, `little >= 90`, `count < 17`, `weight = 33.33`, `weight > 100.5`, `exact_weight > 100`, `exact_weight IS EMPTY`,
	`score > 10`, `score IS EMPTY`, `score IS NOT EMPTY`, `small < 3.4`, `small = 33.333332`, `alive = "true"`, `alive != "true"`, `alive IS EMPTY`,
	`born > "1960-05-01"`, `born = "1950-06-02"`, `born IS EMPTY`, `seen < "1970-01-01"`, `seen = "1970-01-01"`, `seen >= "1970-01-02 10:00"`, `updated = "2024-03-10"`, `updated < "2024-03-12 01:00"`,
	`ref = "00000000-0000-4000-8000-0000000003d1"`, `ref = "00000000-0000-4000-8000-0000000003D1"`, `village = Pune`, `village = pune`, `village != Pune`, `village in (Wai, Pune)`,
	`name ~ asha`, `name ~ "मलेरिया"`, `name ~ "\"ravi kumar\""`, `name ~ "dev*"`, `name ~ "asah~"`, `name = "Asha Devi 3"`, `code = x1`, `info.city = Pune`, `info.n = 1`, `info.value = word`, `info IS EMPTY`, `raw.a = "1.50"`,
	`tags = red`, `tags = "Blue 1"`, `tags IS EMPTY`, `tags ~ blue`, `visits = 12`, `visits > 299`, `days = "2024-02-29"`, `days < "2023-02-01"`, `stamps = "2024-02-29"`, `blood = AB`, `blood in (A, "0")`,
	`addr = "10.0.0.1"`, `addr IS EMPTY`, `addr = "2001:db8::1"`, `addr > "10.0.0.0"`, `age > 20 AND name ~ asha AND village = Pune`, `NOT (village = Pune OR age > 30)`, `age > 99999999999 OR id < 3`,
}

// checkTable compares the answers of d to queries with those of package eval on all the records.
func checkTable(t *testing.T, d search.Driver, s *record.Schema, queries []string) {
	columns, err := s.ProjectAll()
	require.NoError(t, err)
	var all []*record.Record
	everything := planOf(t, s, "")
	for r, err := range d.Read(t.Context(), &search.Read{Plan: everything, Columns: columns, Source: true}) {
		require.NoError(t, err)
		require.NotEmpty(t, r.Source())
		all = append(all, r.Clone())
	}
	require.NotEmpty(t, all)
	snap, err := d.Snapshot(t.Context(), s.Index, "")
	require.NoError(t, err)
	defer func() { require.NoError(t, snap.Close()) }()
	for _, query := range queries {
		p := planOf(t, s, query)
		want := answerOf(t, p, all)
		require.Equal(t, want, idsOf(t, d.Read(t.Context(), &search.Read{Plan: p, Columns: columns})), "%s\n%s", query, p)
		n, err := d.Count(t.Context(), p, 0)
		require.NoError(t, err)
		require.EqualValues(t, len(want), n, query)
		n, err = snap.Count(t.Context(), p)
		require.NoError(t, err)
		require.EqualValues(t, len(want), n, query)
		records, _ := snap.Scan(t.Context(), &search.Scan{Plan: p, Columns: columns, Ordered: true})
		require.Equal(t, want, idsOf(t, records), query)
		checkPages(t, d, p, columns, want)
	}
	checkSlices(t, snap, everything, columns, len(all))
	checkTables(t, d, everything, all)
}

// checkTables compares a table for each field with what package exact makes of the records.
func checkTables(t *testing.T, d search.Driver, p *plan.Plan, all []*record.Record) {
	var questions []*search.Aggregation
	for f := range p.Schema.All() {
		switch f.Kind {
		case record.Int, record.Float:
			questions = append(questions, &search.Aggregation{Plan: p, Groups: []search.Group{{Field: f, Width: 7, Missing: true}}, Metrics: []search.Metric{
				{Op: "count", Field: f}, {Op: "min", Field: f}, {Op: "max", Field: f}, {Op: "cardinality", Field: f}, {Op: "percentile", Field: f, Percent: 50}}})
		case record.Time:
			questions = append(questions, &search.Aggregation{Plan: p, Groups: []search.Group{{Field: f, Calendar: &search.Calendar{Unit: "month"}}}})
		case record.String, record.Bool, record.IP:
			questions = append(questions, &search.Aggregation{Plan: p, Groups: []search.Group{{Field: f}}, Largest: true, Limit: 4})
		}
	}
	tables, err := d.Aggregate(t.Context(), questions)
	require.NoError(t, err)
	for i, q := range questions {
		want := exact.NewAggregator(q)
		for _, r := range all {
			require.NoError(t, want.Add(r))
		}
		require.Equal(t, shown(want.Table()), shown(tables[i]), q.Groups[0].Field.Path)
	}
}

// shown writes a table by the values, however they were written.
func shown(t *search.Table) (lines []string) {
	for _, b := range t.Buckets {
		line := fmt.Sprint(b.Count)
		for _, v := range append(slices.Clone(b.Keys), b.Values...) {
			line += " " + v.String()
		}
		lines = append(lines, line)
	}
	return append(lines, fmt.Sprint(t.More, t.Others, t.Total))
}

func TestTablesOfSQLite(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "clinic.db")
	db, err := sql.Open("sqlite", file)
	require.NoError(t, err)
	defer db.Close()
	_, err = db.Exec(`CREATE TABLE visits (no INTEGER PRIMARY KEY, name VARCHAR(20), age INT, weight REAL, seen DATETIME, day DATE, urgent BOOLEAN, info JSON, photo BLOB);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50)
INSERT INTO visits SELECT i, CASE WHEN i % 3 THEN 'Asha ' || i ELSE 'ravi' END, CASE i % 4 WHEN 0 THEN NULL WHEN 1 THEN 'old' ELSE i END, i / 4.0,
	'2024-01-02 10:0' || i % 10 || ':00', '2024-01-' || (10 + i % 20), i % 2, CASE i % 3 WHEN 0 THEN '{"a": "x"}' WHEN 1 THEN 'no json' END, x'00ff' FROM n;
CREATE VIEW old AS SELECT no AS id, age FROM visits;
CREATE TABLE pairs (a INT, b INT, PRIMARY KEY (a, b))`)
	require.NoError(t, err)
	d, err := sqlsearch.OpenTables(t.Context(), file, nil)
	require.NoError(t, err)
	defer d.Close()
	schemas, err := d.Schemas(t.Context(), "*")
	require.NoError(t, err)
	require.Len(t, schemas, 1)
	checkTable(t, d, schemas[0], []string{``, `no = 7`, `name ~ asha ORDER BY age DESC`, `age > 10`, `age IS EMPTY`, `weight < 3`,
		`seen > "2024-01-02 10:04" ORDER BY seen DESC, day`, `day = "2024-01-12"`, `urgent = "true"`, `info.a = x`, `info.value = "no json"`})
	_, err = d.Snapshot(t.Context(), "visits", "token")
	require.ErrorIs(t, err, search.ErrSnapshotLost)
	_, err = d.Count(t.Context(), planOf(t, schemas[0], ""), 3)
	require.NoError(t, err)
}

func TestTablesThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := sqlsearch.OpenTables(t.Context(), filepath.Join(dir, "none.db"), nil)
	require.ErrorIs(t, err, search.ErrUnavailable)
	_, err = sqlsearch.OpenTables(t.Context(), "postgres://nobody@127.0.0.1:1/none", nil)
	require.ErrorIs(t, err, search.ErrUnavailable)
	file := filepath.Join(dir, "t.db")
	db, err := sql.Open("sqlite", file)
	require.NoError(t, err)
	defer db.Close()
	_, err = db.Exec("CREATE TABLE t (a INT, b TEXT); CREATE TABLE u (a INT PRIMARY KEY)")
	require.NoError(t, err)
	for name, c := range map[string]struct {
		opts *sqlsearch.TablesOptions
		want error
	}{
		"no such table":   {&sqlsearch.TablesOptions{Only: []string{"x"}}, search.ErrUnknownIndex},
		"mapping of none": {&sqlsearch.TablesOptions{Mappings: map[string][]byte{"x": []byte(`{}`)}}, search.ErrUnknownIndex},
		"no such column":  {&sqlsearch.TablesOptions{Mappings: map[string][]byte{"t": []byte(`{"properties": {"z": {"type": "keyword"}}}`)}}, search.ErrInvalid},
		"no key":          {&sqlsearch.TablesOptions{Only: []string{"t"}}, search.ErrInvalid},
		"key of none":     {&sqlsearch.TablesOptions{Mappings: map[string][]byte{"t": []byte(`{"_meta": {"dhr": {"key": "z"}}}`)}}, search.ErrInvalid},
		"no JSON":         {&sqlsearch.TablesOptions{Mappings: map[string][]byte{"t": []byte(`{`)}}, search.ErrInvalid},
	} {
		_, err := sqlsearch.OpenTables(t.Context(), file, c.opts)
		require.ErrorIs(t, err, c.want, name)
	}
}

// checkPages reads some records after one, and the next by a position.
func checkPages(t *testing.T, d search.Driver, p *plan.Plan, columns *record.Projection, want []string) {
	order, err := eval.CompileOrder(p, columns)
	require.NoError(t, err)
	var after []record.Value
	var got []string
	for r, err := range d.Read(t.Context(), &search.Read{Plan: p, Columns: columns, Skip: 1, Limit: 3}) {
		require.NoError(t, err)
		got = append(got, r.ID)
		after = order.Keys(nil, r.Clone())
	}
	require.Equal(t, slices.Clone(want[min(1, len(want)):min(4, len(want))]), append([]string{}, got...))
	if after != nil {
		rest := idsOf(t, d.Read(t.Context(), &search.Read{Plan: p, Columns: columns, After: after, Limit: 5}))
		require.Equal(t, slices.Clone(want[min(4, len(want)):min(9, len(want))]), rest, "%s", p)
	}
}

func checkSlices(t *testing.T, snap search.Snapshot, p *plan.Plan, columns *record.Projection, n int) {
	seen := map[string]int{}
	for i := range 3 {
		scan := search.Scan{Plan: p, Columns: columns, Slice: i, Slices: 3}
		records, position := snap.Scan(t.Context(), &scan)
		for r, err := range records {
			require.NoError(t, err)
			seen[r.ID]++
			if len(seen)%5 == 0 {
				break
			}
		}
		scan.From = position()
		rest, _ := snap.Scan(t.Context(), &scan)
		for _, id := range idsOf(t, rest) {
			seen[id]++
		}
	}
	require.Len(t, seen, n)
	for id, times := range seen {
		require.Equal(t, 1, times, id)
	}
}

func planOf(t testing.TB, s *record.Schema, query string) *plan.Plan {
	q, err := jql.Parse(query, nil)
	require.NoError(t, err, query)
	now := time.Date(2024, 3, 10, 12, 0, 0, 0, time.UTC)
	found, err := jql.Resolve(t.Context(), q, []*record.Schema{s}, &jql.ResolveOptions{Now: now, Zone: time.UTC})
	require.NoError(t, err, query)
	return found.Plans[0]
}

// answerOf returns the ids of the records that match, in order.
func answerOf(t testing.TB, p *plan.Plan, all []*record.Record) []string {
	var paths []string
	for _, f := range plan.Fields(p) {
		paths = append(paths, f.Path)
	}
	columns, err := p.Schema.Project(paths...)
	require.NoError(t, err)
	m, err := eval.Compile(p, columns)
	require.NoError(t, err)
	order, err := eval.CompileOrder(p, columns)
	require.NoError(t, err)
	var found []*record.Record
	for _, r := range all {
		got := &record.Record{ID: r.ID, Index: r.Index}
		require.NoError(t, record.NewDecoder(columns).Decode(r.Source(), got), "%s", r.Source())
		if m.Match(got) {
			found = append(found, got)
		}
	}
	slices.SortFunc(found, order.Compare)
	ids := []string{}
	for _, r := range found {
		ids = append(ids, r.ID)
	}
	return ids
}

func idsOf(t testing.TB, records record.Stream) []string {
	ids := []string{}
	for r, err := range records {
		require.NoError(t, err)
		ids = append(ids, r.ID)
	}
	return ids
}
