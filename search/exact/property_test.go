package exact_test

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/big"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/exact"
)

// This file holds aggregations against the most obvious way to answer them: for
// each bucket there may be, go over all records and look.

// visit is a record that is drawn: what each field holds.
type visit map[string][]record.Value

// samples are the values that are drawn for each field: few, so that they meet.
func samples(s *record.Schema) map[string][]record.Value {
	out := map[string][]record.Value{}
	for path, texts := range map[string]string{
		"name": "Asha asha ASHA é É İ ß Σ ς 日本 a b ab",
		"ward": "North NORTH north nOrth Nord É é Σ σ İ i x",
		"age":  "-3 0 3 7 9 10 12 99 2147483647 -2147483648",
		"temp": "-0.5 0 0.1 0.2 0.7 36.50 36.5 1e300 -1e300 1e-300 7 10",
		"at":   "2024-01-31T18:29:59.999Z 2024-01-31T18:30:00Z 2024-02-29T12:00:00Z 2024-03-31T00:59:59Z 2024-03-31T01:00:00Z 2024-10-27T00:30:00Z 2024-10-27T01:30:00Z 1969-12-31T23:59:59.999Z 2024-12-30T00:00:00Z",
		"day":  "2024-01-31 2024-02-29 2024-03-01 2023-12-31 2024-12-31",
		"ok":   "true false",
		"from": "10.0.0.1 ::ffff:10.0.0.1 10.0.0.2 2001:db8::1",
		"app":  "1.0.0 1.0.0-rc1 1.10.0 1.9.0 x",
		"big":  "0 1 9223372036854775807 9223372036854775808 18446744073709551615",
	} {
		for _, text := range strings.Fields(texts) {
			v, err := s.Field(path).Parse(text)
			if err != nil {
				panic(err)
			}
			out[path] = append(out[path], v)
		}
	}
	return out
}

func drawVisits(t *rapid.T, pool map[string][]record.Value) []visit {
	paths := sortedKeys(pool)
	visits := make([]visit, rapid.IntRange(0, 25).Draw(t, "visits"))
	for i := range visits {
		visits[i] = visit{}
		for _, path := range paths {
			n := rapid.SampledFrom([]int{0, 1, 1, 1, 2, 4}).Draw(t, "values of "+path)
			for range n {
				visits[i][path] = append(visits[i][path], rapid.SampledFrom(pool[path]).Draw(t, path))
			}
		}
	}
	return visits
}

func sortedKeys[V any](m map[string]V) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// reading returns a reader of drawn records.
func reading(visits []visit) exact.Reader {
	return func(_ context.Context, r *search.Read) record.Stream {
		return func(yield func(*record.Record, error) bool) {
			var rec record.Record
			for i, v := range visits {
				rec.ID = fmt.Sprint(i)
				rec.Reset(r.Columns)
				for column, f := range r.Columns.Fields() {
					for _, value := range v[f.Path] {
						rec.Append(column, value)
					}
				}
				if !yield(&rec, nil) {
					return
				}
			}
		}
	}
}

var zones = []string{"UTC", "Asia/Kolkata", "Europe/Berlin", "America/St_Johns"}

func drawGroup(t *rapid.T, s *record.Schema, path string) search.Group {
	g := search.Group{Field: s.Field(path), Missing: rapid.Bool().Draw(t, "missing")}
	switch g.Field.Kind {
	case record.Time:
		if rapid.Bool().Draw(t, "calendar") {
			zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
			if err != nil {
				t.Fatal(err)
			}
			g.Calendar = &search.Calendar{
				Unit: rapid.SampledFrom([]string{"hour", "day", "week", "month", "quarter", "year"}).Draw(t, "unit"),
				Zone: zone, WeekStart: rapid.SampledFrom([]time.Weekday{time.Sunday, time.Monday}).Draw(t, "week"),
			}
		}
	case record.Int, record.Uint, record.Float:
		g.Width = rapid.SampledFrom([]float64{0, 0, 1, 3, 0.1, 10, 1e9}).Draw(t, "width")
	case record.String:
		g.Prefix = rapid.SampledFrom([]string{"", "", "n", "NO", "a", "É", "σ"}).Draw(t, "prefix")
	}
	return g
}

func drawMetric(t *rapid.T, s *record.Schema, paths []string) search.Metric {
	numbers := []string{"age", "big", "temp"}
	switch op := rapid.SampledFrom([]string{"count", "count of all", "sum", "avg", "min", "max", "cardinality", "percentile"}).Draw(t, "op"); op {
	case "count of all":
		return search.Metric{Op: "count"}
	case "sum", "avg":
		return search.Metric{Op: op, Field: s.Field(rapid.SampledFrom(numbers).Draw(t, "of"))}
	case "min", "max":
		return search.Metric{Op: op, Field: s.Field(rapid.SampledFrom(append(numbers, "at", "day")).Draw(t, "of"))}
	case "percentile":
		return search.Metric{Op: op, Field: s.Field(rapid.SampledFrom(append(numbers, "at")).Draw(t, "of")), Percent: rapid.SampledFrom([]float64{0, 1, 7, 25, 29, 50, 99.9, 100}).Draw(t, "percent")}
	default:
		return search.Metric{Op: op, Field: s.Field(rapid.SampledFrom(paths).Draw(t, "of"))}
	}
}

func TestAggregateProperty(t *testing.T) {
	t.Parallel()
	s := newSchema(t)
	pool := samples(s)
	paths := sortedKeys(pool)
	rapid.Check(t, func(t *rapid.T) {
		visits := drawVisits(t, pool)
		a := &search.Aggregation{Plan: allOf(s)}
		for range rapid.IntRange(0, 2).Draw(t, "groups") {
			a.Groups = append(a.Groups, drawGroup(t, s, rapid.SampledFrom(paths).Draw(t, "group")))
		}
		for range rapid.IntRange(0, 3).Draw(t, "metrics") {
			a.Metrics = append(a.Metrics, drawMetric(t, s, paths))
		}
		a.Largest = len(a.Groups) == 1 && rapid.Bool().Draw(t, "largest")
		a.Limit = rapid.IntRange(0, 4).Draw(t, "limit")
		want := naive(a, visits)
		got := aggregate(t, a, visits)
		require.Equal(t, print(want), print(got))
		require.Equal(t, want.More, got.More)
		require.Equal(t, want.Others, got.Others)
		require.Equal(t, want.Total, got.Total)
		if len(a.Groups) == 0 || a.Largest || a.Limit == 0 {
			return
		}
		whole := *a
		whole.Limit = 0
		all := []string{}
		for page := got; ; page = aggregate(t, a, visits) { // page by page nothing is lost
			all = append(all, print(page)...)
			if !page.More {
				break
			}
			a.After = page.Buckets[len(page.Buckets)-1].Keys
		}
		require.Equal(t, print(naive(&whole, visits)), append([]string(nil), all...))
	})
}

func aggregate(t require.TestingT, a *search.Aggregation, visits []visit) *search.Table {
	require.NoError(t, a.Validate())
	table, err := exact.Aggregate(context.Background(), a, plan.All{}, reading(visits))
	require.NoError(t, err)
	return table
}

// naive answers a, which has no After.
func naive(a *search.Aggregation, visits []visit) *search.Table {
	keys := [][]record.Value{{}}
	for i := range a.Groups {
		var more [][]record.Value
		for _, k := range keys {
			for _, l := range keysOf(&a.Groups[i], visits) {
				more = append(more, append(slices.Clone(k), l))
			}
		}
		keys = more
	}
	var buckets []search.Bucket
	for _, k := range keys {
		var members []visit
		for _, v := range visits {
			in := true
			for i := range a.Groups {
				in = in && slices.ContainsFunc(keysOf(&a.Groups[i], []visit{v}), k[i].Equal)
			}
			if in {
				members = append(members, v)
			}
		}
		if len(members) == 0 && len(a.Groups) > 0 {
			continue
		}
		b := search.Bucket{Keys: k, Count: int64(len(members))}
		for i := range a.Metrics {
			b.Values = append(b.Values, metric(&a.Metrics[i], members))
		}
		buckets = append(buckets, b)
	}
	if a.Largest {
		slices.SortStableFunc(buckets, func(a, b search.Bucket) int { return cmp.Compare(b.Count, a.Count) })
	}
	t := &search.Table{Buckets: buckets, Total: int64(len(visits))}
	if a.Limit > 0 && len(buckets) > a.Limit {
		t.Buckets, t.More = buckets[:a.Limit], true
		for _, b := range buckets[a.Limit:] {
			if a.Largest {
				t.Others += b.Count
			}
		}
	}
	return t
}

// keysOf returns the keys of a group that some of the records have, in their order.
func keysOf(g *search.Group, visits []visit) []record.Value {
	var keys []record.Value
	null := false
	for _, v := range visits {
		values := v[g.Field.Path]
		null = null || g.Missing && len(values) == 0
		for _, v := range values {
			switch {
			case g.Prefix != "" && !strings.HasPrefix(fold(v.Text()), fold(g.Prefix)):
				continue
			case g.Calendar != nil:
				v = record.TimeValue(g.Calendar.On(g.Field).Floor(v.Time()))
			case g.Width != 0:
				v = record.FloatValue(math.Floor(number(v)/g.Width) * g.Width)
			case g.Field.FoldCase:
				v = record.StringValue(fold(v.Text()))
			}
			if !slices.ContainsFunc(keys, v.Equal) {
				keys = append(keys, v)
			}
		}
	}
	slices.SortFunc(keys, record.Value.Compare)
	if null {
		keys = append(keys, record.Value{})
	}
	return keys
}

// fold puts each character into lower case, as package analyzer does.
func fold(text string) string {
	return strings.Map(func(r rune) rune {
		if r == 'İ' {
			return 'i'
		}
		return []rune(strings.ToLower(string(r)))[0]
	}, text)
}

func number(v record.Value) float64 {
	switch v.Kind() {
	case record.Int:
		return float64(v.Int())
	case record.Uint:
		return float64(v.Uint())
	}
	return v.Float()
}

func metric(m *search.Metric, members []visit) record.Value {
	if m.Field == nil {
		return record.IntValue(int64(len(members)))
	}
	var values, distinct []record.Value
	having := int64(0)
	sum := new(big.Float).SetPrec(4000)
	for _, v := range members {
		if len(v[m.Field.Path]) > 0 {
			having++
		}
		for _, v := range v[m.Field.Path] {
			values = append(values, v)
			sum.Add(sum, new(big.Float).SetFloat64(number(v)))
			if m.Field.FoldCase {
				v = record.StringValue(fold(v.Text()))
			}
			if !slices.ContainsFunc(distinct, v.Equal) {
				distinct = append(distinct, v)
			}
		}
	}
	slices.SortFunc(values, record.Value.Compare)
	switch {
	case m.Op == "count":
		return record.IntValue(having)
	case m.Op == "cardinality":
		return record.IntValue(int64(len(distinct)))
	case len(values) == 0:
		return record.Value{}
	case m.Op == "min":
		return values[0]
	case m.Op == "max":
		return values[len(values)-1]
	case m.Op == "percentile":
		for i, v := range values { // the least that so many do not exceed
			if float64(i+1)*1000 >= math.Round(m.Percent*10)*float64(len(values)) {
				return v
			}
		}
	}
	total, _ := sum.Float64()
	if m.Op == "avg" {
		total /= float64(len(values))
	}
	return record.FloatValue(total)
}
