package sqlsearch_test

import (
	"context"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/bench/visits"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/sqlsearch"
)

// with returns the URL of the server under test with more parameters.
func with(t testing.TB, name, value string) string {
	u, err := url.Parse(postgresURL(t))
	require.NoError(t, err)
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
	return u.String()
}

// filled returns a driver with some visits, and the plan of all of them.
func filled(t testing.TB, schema string, n int) (*sqlsearch.Postgres, *plan.Plan) {
	d := openPostgres(t, schema)
	require.NoError(t, visits.Store(t.Context(), d, "visits", n))
	schemas, err := d.Schemas(t.Context(), "visits")
	require.NoError(t, err)
	return d, planOf(t, schemas[0], "")
}

func TestPostgresCodes(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]error{
		"08006": search.ErrUnavailable, "57P01": search.ErrUnavailable, "57P03": search.ErrUnavailable, "28P01": search.ErrUnavailable,
		"57014": search.ErrUnavailable, "53100": search.ErrFull, "53200": search.ErrOverloaded, "53300": search.ErrOverloaded,
		"55P03": search.ErrUnavailable, "40P01": search.ErrUnavailable, "25006": search.ErrReadOnly, "42501": search.ErrReadOnly,
		"XX001": search.ErrCorrupt, "XX002": search.ErrCorrupt, "72000": search.ErrSnapshotLost,
	} {
		vendor := &pgconn.PgError{Code: code}
		err := sqlsearch.PgError(t.Context(), vendor)
		require.ErrorIs(t, err, want, code)
		require.ErrorIs(t, err, vendor, code)
	}
	require.Equal(t, &pgconn.PgError{Code: "42601"}, sqlsearch.PgError(t.Context(), &pgconn.PgError{Code: "42601"}))
	for _, err := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, &net.OpError{Op: "read", Err: io.EOF}} {
		require.ErrorIs(t, sqlsearch.PgError(t.Context(), err), search.ErrUnavailable)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.Equal(t, context.Canceled, sqlsearch.PgError(ended, io.EOF))
	require.NoError(t, sqlsearch.PgError(ended, nil))
}

func TestPostgresEscape(t *testing.T) {
	t.Parallel()
	texts := []string{"", "\x00", "\x00\x00", "\x00\x01", "\x00a", "\x01", "\x01\x00", "\x01\x01", "\x01\x02", "\x01a", "\x02", "a", "a\x00", "a\x00b", "a\x01", "ab", "\u0905"}
	for i, s := range texts {
		require.Equal(t, s, sqlsearch.Unescape(sqlsearch.Escape(s)))
		require.NotContains(t, sqlsearch.Escape(s), "\x00")
		if i > 0 {
			require.Less(t, sqlsearch.Escape(texts[i-1]), sqlsearch.Escape(s), "%q %q", texts[i-1], s)
		}
		for _, other := range texts {
			require.Equal(t, strings.HasPrefix(s, other), strings.HasPrefix(sqlsearch.Escape(s), sqlsearch.Escape(other)), "%q %q", s, other)
		}
	}
}

// What a load remembers is bounded, however many strings there are, and what it has
// forgotten it finds again.
func TestPostgresLoadForgets(t *testing.T) {
	t.Parallel()
	d := openPostgres(t, "m_pg_forgets")
	s, err := visits.Schema("visits")
	require.NoError(t, err)
	require.NoError(t, d.Create(t.Context(), s))
	for range 2 {
		docs, failed := visits.Documents(s, 13000)
		codes, terms, length, err := sqlsearch.LoadKnowing(t.Context(), d, "visits", docs, 20000, 2000)
		require.NoError(t, err)
		require.NoError(t, failed())
		require.LessOrEqual(t, codes, 20000)
		require.LessOrEqual(t, terms, 20000)
		require.LessOrEqual(t, length, 2000)
		require.Positive(t, codes, "something is remembered")
	}
	schemas, err := d.Schemas(t.Context(), "visits")
	require.NoError(t, err)
	n, err := d.Count(t.Context(), planOf(t, schemas[0], "patient_id IS NOT EMPTY"), 0)
	require.NoError(t, err)
	require.EqualValues(t, 13000, n)
	doubled := 0
	conn := connect(t)
	defer conn.Close(context.WithoutCancel(t.Context()))
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT count(*) - count(DISTINCT (field, value)) FROM m_pg_forgets.i1_codes").Scan(&doubled))
	require.Zero(t, doubled)
}

func TestPostgresThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	_, err := sqlsearch.OpenPostgres(t.Context(), "postgres://nobody@127.0.0.1:1/none", nil)
	require.ErrorIs(t, err, search.ErrUnavailable)
	_, err = sqlsearch.OpenPostgres(t.Context(), "postgres://%zz", nil)
	require.ErrorIs(t, err, search.ErrInvalid)
	_, err = sqlsearch.OpenPostgres(t.Context(), with(t, "dbname", "dhr_no_such_database"), nil)
	require.Error(t, err)
}

// A server that takes no writes has no indexes, and says why it makes none.
func TestPostgresReadOnly(t *testing.T) {
	t.Parallel()
	const schema = "dhr_readonly"
	dropSchema(t, schema)
	d, err := sqlsearch.OpenPostgres(t.Context(), with(t, "default_transaction_read_only", "on"), &sqlsearch.PostgresOptions{Schema: schema})
	require.NoError(t, err)
	defer d.Close()
	s, err := visits.Schema("visits")
	require.NoError(t, err)
	found, err := d.Schemas(t.Context(), "*")
	require.NoError(t, err)
	require.Empty(t, found)
	require.Error(t, d.Create(t.Context(), s))

	writer, p := filled(t, schema, 10)
	found, err = d.Schemas(t.Context(), "visits")
	require.NoError(t, err)
	require.Len(t, found, 1)
	docs, _ := visits.Documents(s, 20)
	stored, err := d.Load(t.Context(), s, docs, func(search.Refusal) {})
	require.ErrorIs(t, err, search.ErrReadOnly)
	require.Zero(t, stored)
	require.ErrorIs(t, d.Create(t.Context(), parsedSchema(t, "other", `{"properties": {"a": {"type": "keyword"}}}`)), search.ErrReadOnly)
	n, err := writer.Count(t.Context(), p, 0)
	require.NoError(t, err)
	require.EqualValues(t, 10, n)
}

func parsedSchema(t testing.TB, index, mapping string) *record.Schema {
	s, err := record.ParseSchema(index, []byte(mapping))
	require.NoError(t, err)
	return s
}

// blocked returns a driver over the tables of another, all of which are locked until the test ends.
func blocked(t *testing.T, schema, param, value string) (*sqlsearch.Postgres, *plan.Plan) {
	_, p := filled(t, schema, 10)
	d, err := sqlsearch.OpenPostgres(t.Context(), with(t, param, value), &sqlsearch.PostgresOptions{Schema: schema})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	conn := connect(t)
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	_, err = tx.Exec(t.Context(), "LOCK TABLE "+schema+".catalog, "+schema+".i1, "+schema+".i1_source IN ACCESS EXCLUSIVE MODE")
	require.NoError(t, err)
	return d, p
}

func TestPostgresTimeouts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		schema, param string
		want          error
	}{{"dhr_locked", "lock_timeout", search.ErrUnavailable}, {"dhr_slow", "statement_timeout", search.ErrUnavailable}} {
		d, p := blocked(t, c.schema, c.param, "50")
		_, err := d.Count(t.Context(), p, 0)
		require.ErrorIs(t, err, c.want)
		docs, _ := visits.Documents(p.Schema, 5)
		_, err = d.Load(t.Context(), p.Schema, docs, func(search.Refusal) {})
		require.ErrorIs(t, err, c.want)
		_, err = d.Snapshot(t.Context(), "visits", "")
		require.ErrorIs(t, err, c.want)
		columns, err := p.Schema.ProjectAll()
		require.NoError(t, err)
		for _, err := range d.Read(t.Context(), &search.Read{Plan: p, Columns: columns}) {
			require.ErrorIs(t, err, c.want)
		}
	}
}

// When the context ends the work ends on the server, as the server itself says.
func TestPostgresCancel(t *testing.T) {
	t.Parallel()
	d, p := blocked(t, "dhr_cancel", "application_name", "dhr_cancel_test")
	watch := connect(t)
	defer watch.Close(context.WithoutCancel(t.Context()))
	running := func() (n int) {
		require.NoError(t, watch.QueryRow(context.WithoutCancel(t.Context()),
			"SELECT count(*) FROM pg_stat_activity WHERE application_name = 'dhr_cancel_test' AND state <> 'idle'").Scan(&n))
		return n
	}
	columns, err := p.Schema.ProjectAll()
	require.NoError(t, err)
	for name, ask := range map[string]func(ctx context.Context) error{
		"count": func(ctx context.Context) error { _, err := d.Count(ctx, p, 0); return err },
		"read": func(ctx context.Context) (failed error) {
			for _, err := range d.Read(ctx, &search.Read{Plan: p, Columns: columns}) {
				failed = err
			}
			return failed
		},
		"aggregate": func(ctx context.Context) error {
			_, err := d.Aggregate(ctx, []*search.Aggregation{{Plan: p}})
			return err
		},
		"load": func(ctx context.Context) error {
			docs, _ := visits.Documents(p.Schema, 5)
			_, err := d.Load(ctx, p.Schema, docs, func(search.Refusal) {})
			return err
		},
		"snapshot": func(ctx context.Context) error { _, err := d.Snapshot(ctx, "visits", ""); return err },
		"create":   func(ctx context.Context) error { return d.Create(ctx, p.Schema) },
		"drop":     func(ctx context.Context) error { return d.Drop(ctx, "visits") },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- ask(ctx) }()
		require.Eventually(t, func() bool { return running() == 1 }, 20*time.Second, 10*time.Millisecond, name)
		cancel()
		require.ErrorIs(t, <-done, context.Canceled, name)
		require.Eventually(t, func() bool { return running() == 0 }, time.Second, 10*time.Millisecond, "%s is still at work", name)
	}
}

// Names and values cannot be taken for SQL.
func TestPostgresInjection(t *testing.T) {
	t.Parallel()
	const nasty = `x"; DROP SCHEMA public CASCADE; --' \`
	d := openPostgres(t, "dhr_"+nasty)
	mapping := `{"properties": {"a'; DROP TABLE catalog; --\"": {"type": "keyword"}, "flat": {"type": "flattened"}, "t": {"type": "text"}}}`
	s := parsedSchema(t, nasty, mapping)
	require.NoError(t, d.Create(t.Context(), s))
	columns, err := s.ProjectAll()
	require.NoError(t, err)
	doc := &search.Document{Record: &record.Record{ID: nasty, Index: nasty}, Place: 1}
	source := `{"a'; DROP TABLE catalog; --\"": "` + `'); DROP TABLE catalog; --\u0000` + `", "flat": {"k'\u0000\"; --": "v'"}, "t": "it's; DROP TABLE"}`
	require.NoError(t, record.NewDecoder(columns).Decode([]byte(source), doc.Record))
	_, err = d.Load(t.Context(), s, func(yield func(*search.Document) bool) { yield(doc) }, func(r search.Refusal) { t.Error(r) })
	require.NoError(t, err)
	for _, where := range []plan.Node{
		plan.NewTerms(s.Field(`a'; DROP TABLE catalog; --"`), record.StringValue("'); DROP TABLE catalog; --\x00")),
		plan.NewTerms(s.Field("flat.k'\x00\"; --"), record.StringValue("v'")),
		plan.NewTerms(s.Field("_id"), record.StringValue(nasty)),
		plan.Match{Field: s.Field("t"), Mode: plan.Prefix, Text: "it's dro"},
		plan.Match{Field: s.Field("t"), Mode: plan.Wildcard, Text: "*'*"},
	} {
		p := &plan.Plan{Schema: s, Where: where, Order: []plan.Sort{{Field: s.Field("_id")}}}
		for r, err := range d.Read(t.Context(), &search.Read{Plan: p, Columns: columns}) {
			require.NoError(t, err, "%s", where)
			require.Equal(t, nasty, r.ID)
			require.Equal(t, source, string(r.Source()))
		}
		n, err := d.Count(t.Context(), p, 0)
		require.NoError(t, err)
		require.EqualValues(t, 1, n, "%s", where)
	}
	for _, token := range []string{"'; DROP TABLE x; --:1", "00000003-0000001B-1", "00000003-0000001B-1:x", "FFFFFFFF-0000001B-1:1"} {
		_, err := d.Snapshot(t.Context(), nasty, token)
		require.Error(t, err, token)
		require.NotContains(t, err.Error(), "syntax")
	}
}
