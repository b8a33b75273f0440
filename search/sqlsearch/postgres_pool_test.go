package sqlsearch_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/bench/visits"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/memsearch"
	"github.com/digit-health/dhr/search/sqlsearch"
)

// wards loads 40 indexes of visits.
func wards(t testing.TB, drivers ...search.Loader) {
	for _, d := range drivers {
		for i := range 40 {
			require.NoError(t, visits.Store(t.Context(), d, fmt.Sprintf("ward%02d", i), 20+i))
		}
	}
}

// asAdmin returns an index whose principal sees everything.
func asAdmin(t testing.TB, d search.Driver, opts *search.Options) (*search.Index, *access.Principal) {
	policy, err := access.NewPolicy(map[string]access.Role{
		"admin": {Grants: []access.Grant{{Indexes: []string{"*"}, Others: access.Treatment{As: access.Visible}}}}}, nil)
	require.NoError(t, err)
	x, err := search.New(d, policy, opts)
	require.NoError(t, err)
	return x, &access.Principal{User: "asha", Roles: []string{"admin"}}
}

// names returns the indexes and ids of a stream.
func names(t testing.TB, records record.Stream) string {
	var all []string
	for r, err := range records {
		require.NoError(t, err)
		all = append(all, r.Index+"/"+r.ID)
	}
	return strings.Join(all, " ")
}

// Pages and scans of 40 indexes over four connections are those of the reference.
func TestPostgresFewConnections(t *testing.T) {
	t.Parallel()
	const schema = "m_pg_few"
	reference := memsearch.New()
	wards(t, openPostgres(t, schema), reference)
	d, err := sqlsearch.OpenPostgres(t.Context(), postgresURL(t), &sqlsearch.PostgresOptions{Schema: schema, Connections: 4})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	x, who := asAdmin(t, d, nil)
	free, _ := asAdmin(t, reference, nil)
	for _, text := range []string{"", "ORDER BY visited DESC, district", "age > 20 ORDER BY dosage, diagnosis DESC", "ORDER BY symptoms"} {
		q := &search.Query{JQL: text}
		for _, o := range []search.PageOptions{{MaxResults: 1000}, {StartAt: 600, MaxResults: 300}} {
			want, err := free.Page(t.Context(), who, q, &o)
			require.NoError(t, err)
			got, err := x.Page(t.Context(), who, q, &o)
			require.NoError(t, err, text)
			require.Equal(t, want.Total, got.Total)
			require.Equal(t, names(t, stream(want.Records)), names(t, stream(got.Records)))
		}
		want := scanned(t, free, who, q, nil)
		require.Equal(t, want, scanned(t, x, who, q, nil), text)
		require.Equal(t, want, scanned(t, x, who, q, []int{0, 3, 500}), text)
	}
	require.Empty(t, sqlsearch.Busy(d), "every connection is given back")
}

// scanned returns the names of an ordered scan, which is left and resumed after so many records.
func scanned(t testing.TB, x *search.Index, who *access.Principal, q *search.Query, stops []int) string {
	var all []string
	o := &search.ScanOptions{Ordered: true}
	var open []*search.Scanner
	for i := 0; i <= len(stops); i++ {
		s, err := x.Scan(t.Context(), who, q, o)
		require.NoError(t, err)
		open = append(open, s)
		slice, n := s.Slice(0), 0
		for r, err := range slice.Records(t.Context()) {
			require.NoError(t, err)
			all = append(all, r.Index+"/"+r.ID)
			if n++; i < len(stops) && n >= stops[i] {
				break
			}
		}
		checkpoint, err := slice.Checkpoint()
		require.NoError(t, err)
		o.Resume = []string{checkpoint}
	}
	for _, s := range open {
		require.NoError(t, s.Close())
	}
	return strings.Join(all, " ")
}

// What cannot be had is refused: a snapshot at once, a connection after a while; and when
// others give back what they have, it is there.
func TestPostgresOverloaded(t *testing.T) {
	t.Parallel()
	const schema = "m_pg_overloaded"
	require.NoError(t, visits.Store(t.Context(), openPostgres(t, schema), "visits", 300))
	d, err := sqlsearch.OpenPostgres(t.Context(), postgresURL(t), &sqlsearch.PostgresOptions{Schema: schema, Connections: 4, Wait: 2 * time.Second})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	schemas, err := d.Schemas(t.Context(), "*")
	require.NoError(t, err)
	p := planOf(t, schemas[0], "")
	var open []search.Snapshot
	for range 2 {
		s, err := d.Snapshot(t.Context(), "visits", "")
		require.NoError(t, err)
		open = append(open, s)
	}
	_, err = d.Snapshot(t.Context(), "visits", "")
	require.ErrorIs(t, err, search.ErrOverloaded)
	again, err := d.Snapshot(t.Context(), "visits", open[1].Token())
	require.NoError(t, err, "what is held already is shared")
	columns, err := p.Schema.ProjectAll()
	require.NoError(t, err)
	scan := func(do func()) (failed error) {
		records, _ := again.Scan(t.Context(), &search.Scan{Plan: p, Columns: columns})
		for _, err := range records {
			if do(); err != nil {
				return err
			}
			break
		}
		return nil
	}
	var count error
	require.NoError(t, scan(func() {
		require.NoError(t, scan(func() {
			_, count = d.Count(t.Context(), p, 0)
		}))
	}))
	require.ErrorIs(t, count, search.ErrOverloaded)
	n, err := d.Count(t.Context(), p, 0)
	require.NoError(t, err)
	require.EqualValues(t, 300, n)
	require.NoError(t, open[1].Close())
	n, err = again.Count(t.Context(), p)
	require.NoError(t, err, "the other user of the view is still there")
	require.EqualValues(t, 300, n)
	require.NoError(t, again.Close())
	_, err = again.Count(t.Context(), p)
	require.ErrorIs(t, err, search.ErrSnapshotLost)
	s, err := d.Snapshot(t.Context(), "visits", "")
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.NoError(t, open[0].Close())
	require.Empty(t, sqlsearch.Busy(d))
}

// The views of one Snapshots are of one moment, and their tokens open them again.
func TestPostgresSnapshotsOfOneMoment(t *testing.T) {
	t.Parallel()
	const schema = "m_pg_moment"
	d := openPostgres(t, schema)
	for _, index := range []string{"a", "b"} {
		require.NoError(t, visits.Store(t.Context(), d, index, 10))
	}
	all, err := d.Snapshots(t.Context(), []string{"a", "b"}, nil)
	require.NoError(t, err)
	tokens := []string{all[0].Token(), all[1].Token()}
	require.NoError(t, visits.Store(t.Context(), d, "b", 20))
	again, err := d.Snapshots(t.Context(), []string{"a", "b"}, tokens)
	require.NoError(t, err)
	for i, index := range []string{"a", "b"} {
		schemas, err := d.Schemas(t.Context(), index)
		require.NoError(t, err)
		n, err := again[i].Count(t.Context(), planOf(t, schemas[0], ""))
		require.NoError(t, err)
		require.EqualValues(t, 10, n)
	}
	for _, s := range append(all, again...) {
		require.NoError(t, s.Close())
		require.NoError(t, s.Close())
	}
	_, err = d.Snapshots(t.Context(), []string{"a", "b"}, tokens)
	require.ErrorIs(t, err, search.ErrSnapshotLost, "b has changed")
	_, err = d.Snapshots(t.Context(), []string{"a", "none"}, nil)
	require.ErrorIs(t, err, search.ErrUnknownIndex)
	_, err = d.Snapshots(t.Context(), []string{"a", "b"}, []string{"", "x"})
	require.ErrorIs(t, err, search.ErrBadToken)
	require.Empty(t, sqlsearch.Busy(d))
}

// Scans of tables that exist already need one connection for all of them.
func TestTablesFewConnections(t *testing.T) {
	t.Parallel()
	const schema = "m_pg_tables"
	dropSchema(t, schema)
	conn := connect(t)
	ctx := context.WithoutCancel(t.Context())
	defer conn.Close(ctx)
	_, err := conn.Exec(ctx, "CREATE SCHEMA "+schema)
	require.NoError(t, err)
	for i := range 20 {
		_, err := conn.Exec(ctx, fmt.Sprintf("CREATE TABLE %s.t%d AS SELECT i AS id, i * 7 %% 11 AS n FROM generate_series(1, 700) AS i; ALTER TABLE %s.t%d ADD PRIMARY KEY (id)", schema, i, schema, i))
		require.NoError(t, err)
	}
	d, err := sqlsearch.OpenTables(t.Context(), postgresURL(t), &sqlsearch.TablesOptions{Schema: schema, Connections: 2})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, d.Close())
		dropSchema(t, schema)
	})
	x, who := asAdmin(t, d, nil)
	s, err := x.Scan(t.Context(), who, &search.Query{JQL: "ORDER BY n"}, &search.ScanOptions{Ordered: true})
	require.NoError(t, err)
	last, n := int64(0), 0
	for r, err := range s.Slice(0).Records(t.Context()) {
		require.NoError(t, err)
		require.GreaterOrEqual(t, r.Lookup("n")[0].Int(), last)
		last, n = r.Lookup("n")[0].Int(), n+1
	}
	require.Equal(t, 14000, n)
	require.NoError(t, s.Close())
	one, err := d.Snapshot(t.Context(), "t1", "")
	require.NoError(t, err)
	_, err = d.Snapshot(t.Context(), "t2", "")
	require.ErrorIs(t, err, search.ErrOverloaded)
	require.NoError(t, one.Close())
}

func stream(records []*record.Record) record.Stream {
	return func(yield func(*record.Record, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// A connection of which a question was cancelled serves no other, which the cancellation might
// reach as well.
func TestPostgresCancelledConnection(t *testing.T) {
	t.Parallel()
	const schema = "m_pg_cancelled"
	require.NoError(t, visits.Store(t.Context(), openPostgres(t, schema), "visits", 5000))
	d, err := sqlsearch.OpenPostgres(t.Context(), postgresURL(t), &sqlsearch.PostgresOptions{Schema: schema, Connections: 1})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	schemas, err := d.Schemas(t.Context(), "*")
	require.NoError(t, err)
	p := planOf(t, schemas[0], "")
	columns, err := p.Schema.ProjectAll()
	require.NoError(t, err)
	before := sqlsearch.Made(d)
	for range 3 {
		n := 0
		for _, err := range d.Read(t.Context(), &search.Read{Plan: p, Columns: columns}) {
			require.NoError(t, err)
			if n++; n == 10 {
				break
			}
		}
		require.Equal(t, 10, n)
		total, err := d.Count(t.Context(), p, 0)
		require.NoError(t, err)
		require.EqualValues(t, 5000, total)
	}
	require.Equal(t, before+3, sqlsearch.Made(d))
	_, err = d.Count(t.Context(), p, 0)
	require.NoError(t, err)
	require.Equal(t, before+3, sqlsearch.Made(d), "what was not cancelled is used again")
}
