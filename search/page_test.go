package search_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/memsearch"
)

// The records of a question are the same, in the same order, whatever the size
// of the pages and however they are reached.
func TestPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for _, text := range []string{"", "age > 3", "district IN (Pune, Kano) ORDER BY age DESC", "ORDER BY role, age", "symptoms = cough ORDER BY symptoms DESC"} {
		for _, indexes := range [][]string{nil, {"visits"}, {"staff", "visits"}, {"*"}, {"v*", "visits"}} {
			if len(indexes) == 1 && strings.HasPrefix(indexes[0], "v") && strings.Contains(text, "role") {
				continue
			}
			if len(indexes) == 2 && indexes[0] == "v*" && strings.Contains(text, "role") {
				continue
			}
			q := ask(text, indexes...)
			whole, err := w.Page(t.Context(), admin, q, &search.PageOptions{MaxResults: 1000})
			require.NoError(t, err, text)
			require.Empty(t, whole.Next)
			require.Equal(t, int64(len(whole.Records)), whole.Total)
			require.True(t, whole.TotalIsExact)
			want := ids(whole.Records)
			for _, size := range []int{1, 3, 7, 40} {
				require.Equal(t, want, ids(pages(t, w.Index, admin, q, size)), "%s in %v by %d", text, indexes, size)
			}
			for start := 0; start <= len(whole.Records)+1; start += 5 {
				page, err := w.Page(t.Context(), admin, q, &search.PageOptions{StartAt: start, MaxResults: 6})
				require.NoError(t, err)
				end := min(start+6, len(whole.Records))
				require.Equal(t, ids(whole.Records[min(start, end):end]), ids(page.Records))
				require.Equal(t, end < len(whole.Records), page.Next != "")
				require.Equal(t, whole.Total, page.Total)
			}
		}
	}
}

func TestPageCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for _, c := range []struct {
		upTo, total int64
		exact       bool
	}{{0, 48, true}, {48, 48, true}, {47, 47, false}, {100, 48, true}, {-1, -1, false}, {8, 8, false}, {1, 1, false}} {
		page, err := w.Page(t.Context(), admin, ask(""), &search.PageOptions{CountUpTo: c.upTo})
		require.NoError(t, err)
		require.Equal(t, c.total, page.Total, "up to %d", c.upTo)
		require.Equal(t, c.exact, page.TotalIsExact, "up to %d", c.upTo)
	}
	total, exact, err := w.Count(t.Context(), admin, ask("district = Pune"), 5)
	require.NoError(t, err)
	require.Equal(t, int64(5), total)
	require.False(t, exact)
}

// A token holds the instant of now(), and is bound to the question and to who asks.
func TestPageTokens(t *testing.T) {
	t.Parallel()
	now := time.Date(2024, 6, 1, 0, 0, 0, 0, time.UTC)
	w := newWorld(t, &search.Options{Now: func() time.Time { return now }})
	q := &search.Query{JQL: "date < now()", Indexes: []string{"visits"}}
	page, err := w.Page(t.Context(), admin, q, &search.PageOptions{MaxResults: 5})
	require.NoError(t, err)
	total, next := page.Total, page.Next
	now = now.AddDate(1, 0, 0)
	page, err = w.Page(t.Context(), admin, q, &search.PageOptions{MaxResults: 5, Token: next})
	require.NoError(t, err)
	require.Equal(t, total, page.Total, "now() is what it was on the first page")

	for name, again := range map[string]func() error{
		"another question": func() error {
			_, err := w.Page(t.Context(), admin, &search.Query{JQL: "date <= now()", Indexes: []string{"visits"}}, &search.PageOptions{Token: next})
			return err
		},
		"another order": func() error {
			_, err := w.Page(t.Context(), admin, &search.Query{JQL: "date < now() ORDER BY age", Indexes: []string{"visits"}}, &search.PageOptions{Token: next})
			return err
		},
		"other indexes": func() error {
			_, err := w.Page(t.Context(), admin, &search.Query{JQL: "date < now()"}, &search.PageOptions{Token: next})
			return err
		},
		"another principal": func() error {
			_, err := w.Page(t.Context(), officer, q, &search.PageOptions{Token: next})
			return err
		},
		"another service": func() error {
			_, err := newWorld(t, nil).Page(t.Context(), admin, q, &search.PageOptions{Token: next})
			return err
		},
		"nonsense": func() error {
			_, err := w.Page(t.Context(), admin, q, &search.PageOptions{Token: "AAAA"})
			return err
		},
	} {
		require.ErrorIs(t, again(), search.ErrBadToken, name)
	}
}

func TestPageRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	page := func(who *access.Principal, q *search.Query, o search.PageOptions) error {
		got, err := w.Page(t.Context(), who, q, &o)
		require.Nil(t, got)
		return err
	}
	for _, c := range []struct {
		name string
		err  error
		want error
		text string
	}{
		{"negative offset", page(admin, ask(""), search.PageOptions{StartAt: -1}), search.ErrInvalid, ""},
		{"negative size", page(admin, ask(""), search.PageOptions{MaxResults: -5}), search.ErrInvalid, ""},
		{"a page too large", page(admin, ask(""), search.PageOptions{MaxResults: 1001}), search.ErrInvalid, "at most 1000"},
		{"beyond the window", page(admin, ask(""), search.PageOptions{StartAt: 9951}), search.ErrWindow, "record 10001, at most 10000"},
		{"far beyond", page(admin, ask(""), search.PageOptions{StartAt: 1<<63 - 1}), search.ErrWindow, ""},
		{"offset and token", page(admin, ask(""), search.PageOptions{StartAt: 1, Token: "x"}), search.ErrInvalid, ""},
		{"unknown index", page(admin, ask("", "vists"), search.PageOptions{}), search.ErrUnknownIndex, `unknown index "vists"; did you mean "visits"?`},
		{"index not allowed", page(officer, ask("", "staff"), search.PageOptions{}), search.ErrUnknownIndex, `unknown index "staff"`},
		{"pattern not allowed", page(officer, ask("", "st*"), search.PageOptions{}), search.ErrUnknownIndex, `unknown index "st*"`},
		{"nothing allowed", page(nobody, ask(""), search.PageOptions{}), search.ErrUnknownIndex, ""},
		{"nobody", page(nil, ask(""), search.PageOptions{}), search.ErrInvalid, ""},
		{"unknown column", page(admin, &search.Query{Fields: []string{"agee"}}, search.PageOptions{}), search.ErrUnknownField, `unknown field "agee"; did you mean "age"?`},
		{"hidden column", page(officer, &search.Query{Fields: []string{"age"}}, search.PageOptions{}), search.ErrUnknownField, `unknown field "age"`},
	} {
		require.ErrorIs(t, c.err, c.want, c.name)
		require.Contains(t, c.err.Error(), c.text, c.name)
	}
	for _, text := range []string{"age >", "agee = 5", "age = old"} {
		var complaints jql.ErrorList
		err := page(admin, ask(text), search.PageOptions{})
		require.ErrorAs(t, err, &complaints, text)
		require.Len(t, complaints, 1)
	}
}

// What an officer sees is of the own district, with names masked and without ages.
func TestPageOfAnOfficer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	page, err := w.Page(t.Context(), officer, ask("ORDER BY date DESC, district"), nil)
	require.NoError(t, err)
	require.Equal(t, int64(10), page.Total)
	for _, r := range page.Records {
		require.Equal(t, "Pune", r.Lookup("district")[0].Text())
		require.Equal(t, "A", r.Lookup("patient.name")[0].Text())
		require.Negative(t, r.Projection().Column("age"))
		require.Nil(t, r.Source())
	}
	unknown := func(who *access.Principal, text string) string {
		_, err := w.Page(t.Context(), who, ask(text, "visits"), nil)
		require.Error(t, err, text)
		return err.Error()
	}
	like := func(text, field string) string { return strings.ReplaceAll(text, "§", field) }
	for _, text := range []string{"§ = 5", "§ IS EMPTY", "ORDER BY §"} {
		require.Equal(t, like(unknown(officer, like(text, "xyz")), "§"), strings.ReplaceAll(unknown(officer, like(text, "age")), "age", "xyz"), text)
	}
	require.Contains(t, unknown(officer, `patient.name ~ asha`), "unknown field")

	got, err := w.Get(t.Context(), officer, "visits", "v00")
	require.NoError(t, err)
	require.Equal(t, "v00", got.ID)
	got, err = w.Get(t.Context(), officer, "visits", "v01")
	require.NoError(t, err)
	require.Nil(t, got, "of another district")
	got, err = w.Get(t.Context(), admin, "visits", "v01", "sex", "patient.*")
	require.NoError(t, err)
	require.Equal(t, "male", got.Value(0).Text())
	require.Equal(t, "p1", got.Value(1).Text())
	require.Contains(t, string(got.Source()), `"name": "Asha 1"`, "the document too")
	names, err := w.Indexes(t.Context(), officer)
	require.NoError(t, err)
	require.Equal(t, []string{"visits"}, names)
}

// slow never answers before its context ends.
type slow struct{ *memsearch.Driver }

func (slow) Read(ctx context.Context, _ *search.Read) record.Stream {
	return func(yield func(*record.Record, error) bool) {
		<-ctx.Done()
		yield(nil, ctx.Err())
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	x, err := search.New(slow{w.driver}, newPolicy(t), &search.Options{Timeout: 5 * time.Millisecond})
	require.NoError(t, err)
	_, err = x.Page(t.Context(), admin, ask(""), nil)
	require.ErrorIs(t, err, search.ErrUnavailable)
	require.Contains(t, err.Error(), "no answer within 5ms")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = x.Page(ctx, admin, ask(""), nil)
	require.ErrorIs(t, err, context.Canceled, "it was the caller who gave up")
}

var errDown = errors.New("connection refused")

// broken fails after some records.
type broken struct{ *memsearch.Driver }

func (b broken) Read(ctx context.Context, r *search.Read) record.Stream {
	return func(yield func(*record.Record, error) bool) {
		n := 0
		for rec, err := range b.Driver.Read(ctx, r) {
			if n++; n > 3 {
				yield(nil, errDown)
				return
			}
			if !yield(rec, err) {
				return
			}
		}
	}
}

func TestNoHalfPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	x, err := search.New(broken{w.driver}, newPolicy(t), nil)
	require.NoError(t, err)
	page, err := x.Page(t.Context(), admin, ask(""), nil)
	require.ErrorIs(t, err, errDown)
	require.Nil(t, page)
}

// uncounted counts nothing before its context ends.
type uncounted struct{ *memsearch.Driver }

func (uncounted) Count(ctx context.Context, _ *plan.Plan, _ int64) (int64, error) {
	<-ctx.Done()
	return 0, errDown
}

// The total of a page that has all of the records is known without counting.
func TestPageThatHasAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	x, err := search.New(uncounted{w.driver}, newPolicy(t), nil)
	require.NoError(t, err)
	for _, c := range []struct {
		start       int
		upTo, total int64
		exact       bool
	}{{0, 0, 48, true}, {0, 48, 48, true}, {0, 47, 47, false}, {0, -1, -1, false}, {40, 0, 48, true}} {
		page, err := x.Page(t.Context(), admin, ask(""), &search.PageOptions{StartAt: c.start, MaxResults: 48, CountUpTo: c.upTo})
		require.NoError(t, err, "%+v", c)
		require.Equal(t, c.total, page.Total, "%+v", c)
		require.Equal(t, c.exact, page.TotalIsExact, "%+v", c)
		require.Empty(t, page.Next)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = x.Page(ctx, admin, ask(""), &search.PageOptions{MaxResults: 47})
	require.ErrorIs(t, err, errDown, "there are more records")
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	d, p := memsearch.New(), newPolicy(t)
	for _, o := range []search.Options{{Secret: make([]byte, 31)}, {Window: 10001}, {Window: -1}, {PageSize: -1}, {MaxIndexes: -1}} {
		_, err := search.New(d, p, &o)
		require.ErrorIs(t, err, search.ErrInvalid, "%+v", o)
	}
	_, err := search.New(nil, p, nil)
	require.ErrorIs(t, err, search.ErrInvalid)
	_, err = search.New(d, nil, nil)
	require.ErrorIs(t, err, search.ErrInvalid)
}

// Records may be ordered by values that are too long for a token, as long as none is needed.
func TestPagesOrderedByLongValues(t *testing.T) {
	t.Parallel()
	d := memsearch.New()
	var docs []string
	for _, id := range []string{"b", "a"} {
		docs = append(docs, `{"_id":"`+id+`","_source":{"note":"`+strings.Repeat(id, 1<<20)+`"}}`)
	}
	fill(t, d, "notes", `{"mappings":{"properties":{"note":{"type":"keyword"}}}}`, docs)
	x, err := search.New(d, newPolicy(t), nil)
	require.NoError(t, err)
	page, err := x.Page(t.Context(), admin, ask("ORDER BY note"), &search.PageOptions{MaxResults: 2})
	require.NoError(t, err)
	require.Equal(t, "a b", ids(page.Records))
	page, err = x.Page(t.Context(), admin, ask("ORDER BY note"), &search.PageOptions{MaxResults: 1})
	require.Nil(t, page)
	require.ErrorIs(t, err, search.ErrInvalid)
	require.ErrorContains(t, err, "order by shorter ones")
	require.Less(t, len(err.Error()), 400)
	require.Equal(t, "b a", ids(pages(t, x, admin, ask("ORDER BY note DESC"), 5)))
}
