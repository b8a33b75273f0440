package search_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	s, err := record.ParseSchema("visits", []byte(`{"properties": {"name": {"type": "keyword"}, "note": {"type": "text"}, "age": {"type": "integer"}, "temp": {"type": "double"},
		"at": {"type": "date"}, "ok": {"type": "boolean"}, "place": {"type": "geo_point"}, "who": {"properties": {"x": {"type": "keyword"}}}, "big": {"type": "unsigned_long"},
		"secret": {"type": "keyword", "index": false, "doc_values": false}, "drugs": {"type": "nested", "properties": {"code": {"type": "keyword"}}}}}`))
	require.NoError(t, err)
	p := &plan.Plan{Schema: s, Where: plan.All{}}
	group := func(path string, change func(*search.Group)) *search.Aggregation {
		g := search.Group{Field: s.Field(path)}
		if change != nil {
			change(&g)
		}
		return &search.Aggregation{Plan: p, Groups: []search.Group{g}}
	}
	metric := func(op, path string, percent float64) *search.Aggregation {
		return &search.Aggregation{Plan: p, Metrics: []search.Metric{{Op: op, Field: s.Field(path), Percent: percent}}}
	}
	after := func(a *search.Aggregation, keys ...record.Value) *search.Aggregation {
		a.After = keys
		return a
	}
	width := func(w float64) func(*search.Group) { return func(g *search.Group) { g.Width = w } }
	unit := func(u string) func(*search.Group) {
		return func(g *search.Group) { g.Calendar = &search.Calendar{Unit: u} }
	}
	prefix := func(g *search.Group) { g.Prefix = "x" }
	for name, a := range map[string]*search.Aggregation{
		"nothing": {Plan: p}, "a limit": {Plan: p, Limit: 3}, "a key": after(group("age", nil), record.IntValue(3)), "a missing key": after(group("age", nil), record.Value{}),
		"the key of an interval": after(group("age", width(2)), record.FloatValue(4)), "the key of a span": after(group("at", unit("quarter")), record.TimeValue(time.Now())),
		"a prefix": group("name", prefix), "nested": group("drugs.code", nil), "all percent": metric("percentile", "at", 100), "no percent": metric("percentile", "big", 0),
		"count": metric("count", "name", 0), "count of all": {Plan: p, Metrics: []search.Metric{{Op: "count"}}}, "cardinality": metric("cardinality", "ok", 0), "max": metric("max", "at", 0),
	} {
		require.NoError(t, a.Validate(), name)
	}
	for want, a := range map[string]*search.Aggregation{
		"an aggregation without a plan":                                       {},
		"3 groups; there may be two":                                          {Plan: p, Groups: make([]search.Group, 3)},
		"a limit of -1 buckets":                                               {Plan: p, Limit: -1},
		"the largest buckets of 0 groups; there must be one":                  {Plan: p, Largest: true},
		"1 keys to begin after, for 0 groups":                                 after(&search.Aggregation{Plan: p}, record.Value{}),
		`the key "3" to begin after is of kind string; those of "age" are of`: after(group("age", nil), record.StringValue("3")),
		"a group without a field":                                             group("none", nil),
		`a group of "note", which is of kind text`:                            group("note", nil),
		`a group of "place", which is of kind json`:                           group("place", nil),
		`a group of "who", which is of kind object`:                           group("who", nil),
		`a group of "secret", which is not indexed`:                           group("secret", nil),
		`spans of the calendar of "age", which is of kind int`:                group("age", unit("day")),
		`spans of a "decade"`:                                                 group("at", unit("decade")),
		"a week that begins on day 7":                                         group("at", func(g *search.Group) { g.Calendar = &search.Calendar{Unit: "week", WeekStart: 7} }),
		`intervals of "at", which is of kind time`:                            group("at", width(5)),
		`intervals of width -1 of "age"`:                                      group("age", width(-1)),
		`intervals of width NaN of "age"`:                                     group("age", width(math.NaN())),
		`intervals of width +Inf of "age"`:                                    group("age", width(math.Inf(1))),
		`the prefix "x" of "age", which is of kind int`:                       group("age", prefix),
		`the metric "sum" without a field`:                                    metric("sum", "none", 0),
		`the metric "median"; there are`:                                      metric("median", "age", 0),
		`the metric "sum" of "at", which is of kind time`:                     metric("sum", "at", 0),
		`the metric "min" of "name", which is of kind string`:                 metric("min", "name", 0),
		`the metric "cardinality" of "note", which is of kind text`:           metric("cardinality", "note", 0),
		`the metric "count" of "secret", which is not indexed`:                metric("count", "secret", 0),
		`the percentile 100.1 of "age"; it goes from 0 to 100`:                metric("percentile", "age", 100.1),
		`the percentile NaN of "age"`:                                         metric("percentile", "age", math.NaN()),
	} {
		err := a.Validate()
		require.ErrorIs(t, err, search.ErrInvalid, want)
		require.ErrorContains(t, err, "invalid request: "+want)
	}
	largest := group("age", nil)
	largest.Largest, largest.After = true, []record.Value{record.IntValue(1)}
	require.ErrorContains(t, largest.Validate(), "the largest buckets after a key")
}

// The rank is reckoned in decimal: 7 percent of 100 is 7, though 0.07*100 is more.
func TestRank(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		percent float64
		n, want int64
	}{
		{0, 10, 1}, {100, 10, 10}, {50, 10, 5}, {50, 11, 6}, {7, 100, 7}, {29, 100, 29}, {57, 100, 57}, {99.9, 1000, 999}, {99.9, 1001, 1000}, {0.1, 1000, 1}, {0.1, 1001, 2},
		{33.3, 3, 1}, {33.4, 3, 2}, {100, math.MaxInt64, math.MaxInt64}, {1e-300, 5, 1}, {50, 0, 0},
	} {
		m := search.Metric{Percent: c.percent}
		require.Equal(t, c.want, m.Rank(c.n), "%v of %d", c.percent, c.n)
	}
}
