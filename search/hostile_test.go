package search_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/memsearch"
)

// newOdd has one index of odd numbers and dates.
func newOdd(t *testing.T) *search.Index {
	t.Helper()
	d := memsearch.New()
	mapping := `{"mappings":{"properties":{"x":{"type":"double"},"n":{"type":"long"},"at":{"type":"date"}}}}`
	fill(t, d, "odd", mapping, []string{`{"_id":"1","_source":{"x":1.7e308,"n":9007199254740993,"at":"0000-01-01T00:00:00Z"}}`,
		`{"_id":"2","_source":{"x":1.7e308,"n":-9007199254740993,"at":"9999-12-31T23:59:59.999Z"}}`, `{"_id":"3","_source":{"x":-0.0,"n":0}}`, `{"_id":"4","_source":{"x":0}}`})
	fill(t, d, "odd2", mapping, []string{`{"_id":"5","_source":{"x":1.7e308}}`})
	x, err := search.New(d, newPolicy(t), nil)
	require.NoError(t, err)
	return x
}

// What is no number is not shown as one.
func TestFiguresAreNumbers(t *testing.T) {
	t.Parallel()
	x := newOdd(t)
	one := func(q search.Question, names ...string) (string, error) {
		q.Query = *ask(q.JQL, names...)
		got, err := x.Aggregate(t.Context(), admin, &q)
		if err != nil {
			return "", err
		}
		return shown(got[0]), nil
	}
	sum := []search.Metric{{Op: "sum", Name: "x"}}
	for name, c := range map[string]struct {
		q     search.Question
		index string
		want  error
	}{
		"a sum beyond all numbers":                    {search.Question{Metrics: sum}, "odd", search.ErrUnsupported},
		"the same in a bucket":                        {search.Question{Groups: []search.Group{{Name: "n", Missing: true}}, Metrics: sum}, "odd*", nil},
		"of two indexes":                              {search.Question{Query: search.Query{}, Metrics: sum}, "*", search.ErrUnsupported},
		"intervals that are too narrow":               {search.Question{Groups: []search.Group{{Name: "x", Width: 5e-324}}}, "odd", search.ErrInvalid},
		"a negative width":                            {search.Question{Groups: []search.Group{{Name: "x", Width: -1}}}, "odd", search.ErrInvalid},
		"a width that is no number":                   {search.Question{Groups: []search.Group{{Name: "x", Width: math.NaN()}}}, "odd", search.ErrInvalid},
		"a width without end":                         {search.Question{Groups: []search.Group{{Name: "x", Width: math.Inf(1)}}}, "odd", search.ErrInvalid},
		"a percentile that is no number":              {search.Question{Metrics: []search.Metric{{Op: "percentile", Name: "x", Percent: math.NaN()}}}, "odd", search.ErrInvalid},
		"an unknown span":                             {search.Question{Groups: []search.Group{{Name: "at", Calendar: &search.Calendar{Unit: "decade"}}}}, "odd", search.ErrInvalid},
		"more metrics than anybody needs":             {search.Question{Metrics: make([]search.Metric, 65)}, "odd", search.ErrInvalid},
		"sorted by a metric beyond those that are":    {search.Question{Groups: []search.Group{{Name: "n"}}, Metrics: sum, SortBy: "99999999999999999999"}, "odd", search.ErrInvalid},
		"the greatest and the least of whole numbers": {search.Question{Metrics: []search.Metric{{Op: "max", Name: "n"}, {Op: "min", Name: "n"}}}, "odd", nil},
	} {
		_, err := one(c.q, c.index)
		if c.want != nil {
			require.ErrorIs(t, err, c.want, name)
		} else {
			require.NoError(t, err, name)
		}
	}
	got, err := one(search.Question{Metrics: []search.Metric{{Op: "max", Name: "n"}, {Op: "min", Name: "n"}, {Op: "avg", Name: "x"}}}, "odd")
	require.NoError(t, err)
	require.Equal(t, `4 9007199254740993 -9007199254740993 8.5e+307; of 4`, got)
	got, err = one(search.Question{Groups: []search.Group{{Name: "x"}}, Metrics: []search.Metric{{Op: "count"}}}, "odd")
	require.NoError(t, err)
	require.Equal(t, `0 2 2; 1.7e+308 2 2; of 4`, got, "there is one zero")
	for _, unit := range []string{"hour", "day", "week", "month", "quarter", "year"} {
		for _, zone := range []*time.Location{time.UTC, time.FixedZone("east", 14*3600), time.FixedZone("west", -12*3600)} {
			got, err = one(search.Question{Groups: []search.Group{{Name: "at", Calendar: &search.Calendar{Unit: unit, Zone: zone}}}}, "odd")
			require.NoError(t, err)
			require.Regexp(t, `^\S+ 1; \S+ 1; of 4$`, got, "%s in %s", unit, zone)
		}
	}
	_, err = x.Aggregate(t.Context(), admin, make([]*search.Question, 257)...)
	require.ErrorIs(t, err, search.ErrInvalid)
	n, exact, err := x.Count(t.Context(), admin, ask(""), math.MaxInt64)
	require.NoError(t, err)
	require.True(t, exact)
	require.Equal(t, int64(5), n)
}

// A crooked driver answers what its function makes of the tables.
type crooked struct {
	*memsearch.Driver
	change func([]*search.Table)
}

func (d crooked) Aggregate(ctx context.Context, questions []*search.Aggregation) ([]*search.Table, error) {
	tables, err := d.Driver.Aggregate(ctx, questions)
	d.change(tables)
	return tables, err
}

func TestTablesAreChecked(t *testing.T) {
	t.Parallel()
	d := newWorld(t, nil).driver
	for name, change := range map[string]func([]*search.Table){
		"no table":     func(tt []*search.Table) { tt[0] = nil },
		"no keys":      func(tt []*search.Table) { tt[0].Buckets[0].Keys = nil },
		"more keys":    func(tt []*search.Table) { tt[0].Buckets[1].Keys = make([]record.Value, 2) },
		"no figures":   func(tt []*search.Table) { tt[0].Buckets[0].Values = nil },
		"more figures": func(tt []*search.Table) { tt[0].Buckets[0].Values = make([]record.Value, 2) },
	} {
		x, err := search.New(crooked{d, change}, newPolicy(t), nil)
		require.NoError(t, err)
		_, err = x.Aggregate(t.Context(), admin, &search.Question{Query: *ask("", "visits"), Groups: []search.Group{{Name: "district"}}, Metrics: []search.Metric{{Op: "count"}}})
		require.ErrorIs(t, err, search.ErrBadAnswer, name)
	}
}

// A token is of one principal, also where two differ in what is no text.
func TestTokensOfOddPrincipals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	who := func(user, group string) *access.Principal {
		return &access.Principal{User: user, Roles: []string{"admin"}, Groups: []string{group}}
	}
	page, err := w.Page(t.Context(), who("a\xff", "x"), ask("", "visits"), &search.PageOptions{MaxResults: 3})
	require.NoError(t, err)
	for _, other := range []*access.Principal{who("a\xfe", "x"), who("a\ufffd", "x"), who(`a\xff`, "x"), who("a\xff", `x" "`)} {
		_, err = w.Page(t.Context(), other, ask("", "visits"), &search.PageOptions{Token: page.Next})
		require.ErrorIs(t, err, search.ErrBadToken, "%q", other.User)
	}
	_, err = w.Page(t.Context(), who("a\xff", "x"), ask("", "visits"), &search.PageOptions{Token: page.Next})
	require.NoError(t, err)
}
