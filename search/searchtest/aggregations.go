package searchtest

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// aggregations checks every kind of group with every kind of field, every metric,
// the largest, limits and pages, one question at a time and several at once, against
// tabulate.
func (s *suite) aggregations(t tb) {
	v := s.judge(t)
	defer v.close()
	all := s.aggregationQuestions(t)
	var calls [][]*search.Aggregation
	for size := 0; len(all) > 0; size++ {
		n := min(1+size%6, len(all))
		calls, all = append(calls, all[:n]), all[n:]
	}
	side(tenth(calls), func(_ int, call []*search.Aggregation) { s.askTables(t, v, call) })
	s.bucketPages(t, v)
	tables, err := s.driver.Aggregate(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, tables)
}

// askTables asks several questions at once and compares every table.
func (s *suite) askTables(t tb, v *verdict, call []*search.Aggregation) {
	s.askTablesOf(t, v, s.corpus, call)
}

func (s *suite) askTablesOf(t tb, v *verdict, c *corpus, call []*search.Aggregation) {
	for _, a := range call {
		if err := a.Validate(); err != nil {
			v.wrong("the suite asks what makes no sense: %v", err)
			return
		}
	}
	got, err := s.driver.Aggregate(t.Context(), call)
	if err == nil && len(got) != len(call) {
		err = fmt.Errorf("%d tables for %d questions", len(got), len(call))
	}
	if err != nil {
		v.wrong("%s\n%v", describeAll(call), err)
		return
	}
	for i, a := range call {
		s.checks.aggregations.Add(1)
		s.checks.all.Add(1)
		if diff := c.differTable(a, got[i]); diff != "" {
			v.wrong("question %d of %d: %s\n%s", i+1, len(call), describeQuestion(a), diff)
		}
	}
}

// differTable describes how a table differs from the right one; "" if it does not.
func (c *corpus) differTable(a *search.Aggregation, got *search.Table) string {
	found, err := c.ask(&plan.Plan{Schema: c.schema, Where: a.Plan.Where, Order: c.all().Order})
	if err != nil {
		return err.Error()
	}
	want := tabulate(a, found.records)
	switch {
	case got == nil:
		return "no table"
	case got.Total != want.Total || got.More != want.More || got.Others != want.Others:
		return fmt.Sprintf("total %d more %v others %d, want %d %v %d", got.Total, got.More, got.Others, want.Total, want.More, want.Others)
	}
	for i := range max(len(got.Buckets), len(want.Buckets)) {
		g, w := "no bucket", "no bucket"
		if i < len(got.Buckets) {
			g = describeBucket(&got.Buckets[i])
		}
		if i < len(want.Buckets) {
			w = describeBucket(&want.Buckets[i])
		}
		if i >= min(len(got.Buckets), len(want.Buckets)) || !sameBucket(a, &got.Buckets[i], &want.Buckets[i], found.records) {
			return fmt.Sprintf("%d buckets, want %d; the first that differs is %d\ngot  %s\nwant %s", len(got.Buckets), len(want.Buckets), i, g, w)
		}
	}
	return ""
}

func sameBucket(a *search.Aggregation, got, want *search.Bucket, records []*record.Record) bool {
	if got.Count != want.Count || len(got.Values) != len(want.Values) || !slices.EqualFunc(got.Keys, want.Keys, record.Value.Equal) {
		return false
	}
	for i, m := range a.Metrics {
		g, w := got.Values[i], want.Values[i]
		if g.Equal(w) {
			continue
		}
		if m.Op != "sum" && m.Op != "avg" || g.Kind() != record.Float || w.Kind() != record.Float {
			return false
		}
		h := heap{records: slices.DeleteFunc(slices.Clone(records), func(r *record.Record) bool {
			return !slices.ContainsFunc(keysOf(a.Groups, r), func(keys []record.Value) bool { return compareKeys(keys, want.Keys) == 0 })
		})}
		if !(math.Abs(g.Float()-w.Float()) <= h.slack(&m)) {
			return false
		}
	}
	return true
}

func describeBucket(b *search.Bucket) string {
	return shorten(fmt.Sprintf("keys %v count %d values %v", b.Keys, b.Count, b.Values))
}

func describeAll(call []*search.Aggregation) string {
	var b strings.Builder
	for _, a := range call {
		b.WriteString(describeQuestion(a) + "\n")
	}
	return b.String()
}

func describeQuestion(a *search.Aggregation) string {
	var b strings.Builder
	for i := range a.Groups {
		g := &a.Groups[i]
		fmt.Fprintf(&b, "by %s (%s)", g.Field.Path, g.Field.Type)
		if g.Calendar != nil {
			fmt.Fprintf(&b, " %s in %v from %s", g.Calendar.Unit, g.Calendar.Zone, g.Calendar.WeekStart)
		}
		fmt.Fprintf(&b, " width %v prefix %q missing %v; ", g.Width, g.Prefix, g.Missing)
	}
	for _, m := range a.Metrics {
		b.WriteString(m.Op)
		if m.Field != nil {
			fmt.Fprintf(&b, " %s %v", m.Field.Path, m.Percent)
		}
		b.WriteString("; ")
	}
	fmt.Fprintf(&b, "largest %v limit %d after %v\n%s", a.Largest, a.Limit, a.After, indent(a.Plan))
	return b.String()
}

// An asker puts aggregations together.
type asker struct {
	c   *corpus
	all []*search.Aggregation
}

// filters are conditions of aggregations, by turns.
var filters = []string{"", "code IS NOT EMPTY", "age > 5", "seen >= 2024-01-01 AND status != closed", "sex = f OR notes ~ fever", "contacts.age > 0", "code = nosuch", "status WAS open"}

// ask adds a question with the nth filter.
func (k *asker) ask(t tb, n int, groups []search.Group, metrics ...search.Metric) *search.Aggregation {
	return k.askOf(t, filters[n%len(filters)], groups, metrics...)
}

func (k *asker) askOf(t tb, filter string, groups []search.Group, metrics ...search.Metric) *search.Aggregation {
	t.Helper()
	p, refused, err := query{text: filter, now: usualNow}.resolve(k.c.schema)
	require.NoError(t, err)
	require.Empty(t, refused)
	a := &search.Aggregation{Plan: p, Groups: groups, Metrics: metrics}
	k.all = append(k.all, a)
	return a
}

// fields returns the fields that group, with keys of flattened ones.
func (k *asker) fields(kinds ...record.Kind) (all []*record.Field) {
	for _, f := range k.c.projection.Fields() {
		if slices.Contains(kinds, f.Kind) && f.Searchable {
			all = append(all, f)
		}
	}
	return all
}

var (
	numbers  = []record.Kind{record.Int, record.Uint, record.Float}
	ordered  = append([]record.Kind{record.Time}, numbers...)
	grouping = append([]record.Kind{record.Bool, record.String, record.IP, record.Version}, ordered...)
)

// moderate leaves out numbers whose sum no float64 holds.
const moderate = "NOT (weight < -1e300 OR weight > 1e300) OR weight IS EMPTY"

func (s *suite) aggregationQuestions(t tb) []*search.Aggregation {
	k := &asker{c: s.corpus}
	k.measures(t)
	k.values(t)
	k.calendars(t)
	k.widths(t)
	k.pairs(t)
	return k.all
}

// measures asks every metric of every field, of all records and in groups.
func (k *asker) measures(t tb) {
	code := []search.Group{{Field: k.c.schema.Field("code"), Missing: true}}
	k.ask(t, 0, nil)
	k.ask(t, 6, nil, search.Metric{Op: "count"}, search.Metric{Op: "max", Field: k.c.schema.Field("age")})
	for i, f := range k.fields(grouping...) {
		metrics := []search.Metric{{Op: "count"}, {Op: "count", Field: f}, {Op: "cardinality", Field: f}}
		if slices.Contains(ordered, f.Kind) {
			for _, percent := range []float64{0, 1, 25, 50, 95, 99.9, 100} {
				metrics = append(metrics, search.Metric{Op: "percentile", Field: f, Percent: percent})
			}
			metrics = append(metrics, search.Metric{Op: "min", Field: f}, search.Metric{Op: "max", Field: f}, search.Metric{Op: "values", Field: f})
		}
		filter := filters[i%len(filters)]
		if slices.Contains(numbers, f.Kind) {
			metrics = append(metrics, search.Metric{Op: "sum", Field: f}, search.Metric{Op: "avg", Field: f})
			filter = moderate
		}
		k.askOf(t, "", nil, metrics[:3]...)
		k.askOf(t, filter, nil, metrics...)
		k.askOf(t, filter, code, metrics...)
	}
}

// values groups by the values of every field.
func (k *asker) values(t tb) {
	sum := search.Metric{Op: "sum", Field: k.c.schema.Field("age")}
	for i, f := range k.fields(grouping...) {
		k.ask(t, 0, []search.Group{{Field: f}})
		k.ask(t, i, []search.Group{{Field: f, Missing: true}}, sum)
		for j, limit := range []int{1, 3, 7, 1000} {
			a := k.ask(t, i+j, []search.Group{{Field: f, Missing: j%2 == 0}}, search.Metric{Op: "max", Field: k.c.schema.Field("age")})
			a.Limit, a.Largest = limit, true
			b := k.ask(t, i+j, []search.Group{{Field: f, Missing: j%2 == 1}})
			b.Limit = limit
		}
		k.ask(t, i, []search.Group{{Field: f}}).Largest = true
		if f.Kind == record.String {
			for j, prefix := range []string{"a", "A", "म", "É", "1", "%", "ope", "nosuch"} {
				k.ask(t, 0, []search.Group{{Field: f, Prefix: prefix, Missing: j%3 == 0}}, sum).Largest = j%2 == 0
			}
		}
	}
}

// zones are where days begin.
var zones = []string{"UTC", "Asia/Kolkata", "America/New_York", "Africa/Cairo", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kathmandu", "Pacific/Apia"}

func zone(t tb, name string) *time.Location {
	t.Helper()
	at, err := time.LoadLocation(name)
	require.NoError(t, err)
	return at
}

// calendars groups dates by every span in several zones.
func (k *asker) calendars(t tb) {
	n := 0
	for _, f := range k.fields(record.Time) {
		for _, unit := range []string{"hour", "day", "week", "month", "quarter", "year"} {
			for i, name := range zones {
				if f.Path != "seen" && (i+n)%4 != 0 {
					continue
				}
				n++
				c := &search.Calendar{Unit: unit, Zone: zone(t, name), WeekStart: time.Weekday(n % 7)}
				a := k.ask(t, []int{0, n}[n%2], []search.Group{{Field: f, Calendar: c, Missing: n%3 == 0}}, search.Metric{Op: "avg", Field: k.c.schema.Field("age")})
				if n%5 == 0 {
					a.Limit, a.Largest = n%9+1, n%2 == 0
				}
			}
		}
		k.ask(t, 0, []search.Group{{Field: f, Calendar: &search.Calendar{Unit: "month"}}})
	}
}

// widths groups numbers by intervals.
func (k *asker) widths(t tb) {
	for _, f := range k.fields(numbers...) {
		for i, width := range []float64{1, 10, 7.5, 0.1, 0.25, 1e6, 3} {
			filter := ""
			if f.Path == "weight" {
				filter = "weight > -1e300 AND weight < 1e300"
			}
			a := k.askOf(t, filter, []search.Group{{Field: f, Width: width, Missing: i%2 == 0}}, search.Metric{Op: "count", Field: k.c.schema.Field("code")})
			if i == 3 {
				a.Limit = 4
			}
		}
	}
}

// pairs groups by two fields.
func (k *asker) pairs(t tb) {
	field := k.c.schema.Field
	month := &search.Calendar{Unit: "month", Zone: zone(t, "Asia/Kolkata")}
	groups := []search.Group{
		{Field: field("code")}, {Field: field("sex"), Missing: true}, {Field: field("active")}, {Field: field("age"), Width: 10},
		{Field: field("seen"), Calendar: month, Missing: true}, {Field: field("contacts.kin")}, {Field: field("contacts.visits.amount"), Missing: true},
		{Field: field("address.city"), Prefix: "p"}, {Field: field("steps")}, {Field: field("day"), Calendar: month}, {Field: field("host"), Missing: true},
		{Field: field("diagnosis.keyword")}, {Field: field("weight"), Missing: true},
	}
	if f := field("labels.color"); f != nil {
		groups = append(groups, search.Group{Field: f})
	}
	n := 0
	for i := range groups {
		for j := range groups {
			if n++; (i*3+j)%4 != 0 && i != j {
				continue
			}
			a := k.ask(t, n, []search.Group{groups[i], groups[j]}, search.Metric{Op: "sum", Field: field("age")}, search.Metric{Op: "cardinality", Field: field("code")}, search.Metric{Op: "percentile", Field: field("contacts.age"), Percent: 50})
			a.Limit = []int{0, 0, 5}[n%3]
		}
	}
}

// bucketPages goes through all buckets in pages, behind the last keys of the page before.
func (s *suite) bucketPages(t tb, v *verdict) {
	field := s.corpus.schema.Field
	for i, groups := range [][]search.Group{
		{{Field: field("code"), Missing: true}}, {{Field: field("sex")}}, {{Field: field("age"), Missing: true}}, {{Field: field("weight")}},
		{{Field: field("seen"), Calendar: &search.Calendar{Unit: "day", Zone: zone(t, "Asia/Kolkata")}, Missing: true}},
		{{Field: field("steps"), Width: 1000}}, {{Field: field("host"), Missing: true}}, {{Field: field("contacts.kin"), Missing: true}},
		{{Field: field("code"), Missing: true}, {Field: field("sex"), Missing: true}}, {{Field: field("active"), Missing: true}, {Field: field("seen")}},
		{{Field: field("address.city"), Prefix: "p"}, {Field: field("contacts.age"), Missing: true}},
	} {
		a := &search.Aggregation{Plan: s.corpus.all(), Groups: groups, Limit: 3 + i, Metrics: []search.Metric{{Op: "sum", Field: field("age")}}}
		for page := 0; page < 12; page++ {
			s.askTables(t, v, []*search.Aggregation{a})
			table := tabulate(a, s.corpus.records)
			if !table.More {
				break
			}
			next := *a
			next.After = bare(table.Buckets[len(table.Buckets)-1].Keys)
			a = &next
		}
	}
}
