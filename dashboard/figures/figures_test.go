package figures_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/dashboard"
)

// TestPointsFindTheirRecords holds, for every kind of gadget, field and interval, that the query of each point finds exactly the records that it counts.
func TestPointsFindTheirRecords(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	filters := []string{"all", h.ask(`age < 60 AND severe = "true" ORDER BY age`), h.ask(`symptoms = fever OR cost > 100`), h.ask(`tests.test = hb AND tests.value = 1`), h.ask(`age = 1000`)}
	for i, filter := range filters {
		for _, field := range []string{"district", "age", "symptoms", "severe", "cost", "diagnosis", "tests.test", "temperature"} {
			h.right(boss, "bar-chart", filter, dashboard.GadgetConfig{GroupBy: field, Limit: 4})
			h.right(boss, "pie-chart", filter, dashboard.GadgetConfig{GroupBy: field, Metric: "sum", MetricField: "cost", Limit: 2})
			if i > 0 {
				continue
			}
			h.right(boss, "bar-chart", filter, dashboard.GadgetConfig{GroupBy: field, Limit: 3, Sort: "key"})
			h.right(boss, "table", filter, dashboard.GadgetConfig{GroupBy: field, Metric: "avg", MetricField: "age", Sort: "value", Limit: 12})
			if field != "symptoms" {
				h.right(boss, "bar-chart", filter, dashboard.GadgetConfig{GroupBy: field, SplitBy: "symptoms", Limit: 4})
			}
		}
		for _, interval := range []string{"day", "week", "month", "quarter", "year"} {
			if interval == "day" && i < 4 {
				continue // there are many
			}
			for _, field := range []string{"at", "day"} {
				h.right(boss, "line-chart", filter, dashboard.GadgetConfig{GroupBy: field, Interval: interval, TimeZone: "America/New_York"})
				h.right(boss, "bar-chart", filter, dashboard.GadgetConfig{GroupBy: field, Interval: interval, SplitBy: "severe"})
			}
		}
		h.right(boss, "stat", filter, dashboard.GadgetConfig{})
		h.right(boss, "stat", filter, dashboard.GadgetConfig{Metric: "cardinality", MetricField: "district"})
	}
	h.right(boss, "line-chart", h.ask(`at >= 2026-05-01 AND at < 2026-05-21`), dashboard.GadgetConfig{GroupBy: "at", Interval: "day", TimeZone: "Asia/Kolkata"})
	h.right(boss, "line-chart", h.ask(`day >= 2026-05-01 AND day < 2026-05-21`), dashboard.GadgetConfig{GroupBy: "day", Interval: "day", TimeZone: "Asia/Kolkata"})
	h.right(boss, "line-chart", h.ask(`at >= 2026-03-01 AND at < 2026-03-05`), dashboard.GadgetConfig{GroupBy: "at", Interval: "hour", TimeZone: "Asia/Kolkata"})
}

func TestFigures(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	d := h.right(boss, "stat", "all", dashboard.GadgetConfig{Metric: "avg", MetricField: "temperature"})
	require.Equal(t, "Average of Temperature (°C)=37.25", line(d.Series[0].Points))
	require.Equal(t, "°C", d.Unit)
	require.EqualValues(t, 240, d.Total)

	d = h.right(boss, "pie-chart", "all", dashboard.GadgetConfig{GroupBy: "severe"})
	require.Equal(t, "false=160 true=80", line(d.Series[0].Points))
	require.InDelta(t, 100.0/3, *d.Series[0].Points[1].Percent, 1e-9)
	require.Equal(t, true, d.Series[0].Points[1].Key)

	d = h.right(boss, "pie-chart", "all", dashboard.GadgetConfig{GroupBy: "symptoms"})
	require.Equal(t, "fever=180 cough=120 rash=60 (no value)=60", line(d.Series[0].Points))
	require.Nil(t, d.Series[0].Points[0].Percent, "records with several values are no shares of a whole")
	require.Len(t, d.Warnings, 1)

	d = h.right(boss, "pie-chart", "all", dashboard.GadgetConfig{GroupBy: "severe", Metric: "sum", MetricField: "cost", Limit: 1})
	require.Equal(t, "false=19280", line(d.Series[0].Points))
	require.EqualValues(t, 80, d.Others.Count)
	require.Equal(t, 1, d.Others.Buckets)
	require.Equal(t, "9520", fmt.Sprint(d.Others.Value))
	require.InDelta(t, 100*9520.0/28800, *d.Others.Percent, 1e-9)

	d = h.right(boss, "line-chart", h.ask(`at >= 2026-09-15 AND severe = "true"`), dashboard.GadgetConfig{GroupBy: "at", Interval: "month"})
	require.Equal(t, "2026-09=4 2026-10=7 2026-11=0", line(d.Series[0].Points), "up to now, with the months that have none")
	require.True(t, d.Series[0].Points[2].Open)
	require.False(t, d.Series[0].Points[1].Open)
	d = h.right(boss, "line-chart", h.ask(`at >= 2026-09-15 AND severe = "true"`), dashboard.GadgetConfig{GroupBy: "at", Interval: "month", Metric: "sum", MetricField: "age"})
	require.Nil(t, d.Series[0].Points[2].Value, "what was not measured is not zero")

	d = h.right(boss, "table", h.ask(`ORDER BY visit_id`), dashboard.GadgetConfig{Columns: []string{"visit_id", "age", "at"}, Limit: 2})
	require.Len(t, d.Records, 2)
	require.EqualValues(t, 240, d.Total)
	require.JSONEq(t, `{"visit_id": "V001", "age": 1, "at": "2026-02-02T01:01:00+05:30"}`, string(d.Records[1].Fields))
	require.Equal(t, "Age", d.Columns[1].Label)
	require.Equal(t, "time", d.Columns[2].Kind)
}

// TestSharesOfFractions holds that parts that add up to a hair more than the whole, as fractions do, are no part below zero.
func TestSharesOfFractions(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	load(t, h.engine.Driver, "parts", `{"properties": {"k": {"type": "keyword"}, "v": {"type": "double"}}}`,
		[]string{`{"k": "a", "v": 0.1}`, `{"k": "b", "v": 0.8}`, `{"k": "b", "v": 0.4}`, `{"k": "c", "v": 0}`})
	d := h.right(boss, "pie-chart", h.ask("", "parts"), dashboard.GadgetConfig{GroupBy: "k", Metric: "sum", MetricField: "v", Limit: 2, Sort: "value"})
	require.Empty(t, d.Warnings)
	require.Equal(t, "0", fmt.Sprint(d.Others.Value))
	require.InDelta(t, 100*1.2/1.3, *d.Series[0].Points[0].Percent, 1e-9)
}

// TestMissingCountsOnce holds that a record without a date is one, in however many series it is.
func TestMissingCountsOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	for _, split := range []string{"symptoms", "tests.test", "severe"} {
		for _, filter := range []string{"all", h.ask("age < 60 ORDER BY age")} {
			d := h.right(boss, "line-chart", filter, dashboard.GadgetConfig{GroupBy: "at", Interval: "month", SplitBy: split, Limit: 2})
			h.finds(boss, d, d.Missing.JQL, d.Missing.Count)
		}
	}
}

// TestTodayIsOpen holds that the day of today is not over, of instants as of days, and that the day before is.
func TestTodayIsOpen(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	for _, field := range []string{"at", "day"} {
		d := h.right(boss, "line-chart", h.ask(field+" >= -2d AND "+field+" <= now()"), dashboard.GadgetConfig{GroupBy: field, Interval: "day"})
		open := map[string]bool{}
		for _, p := range d.Series[0].Points {
			open[p.Label] = p.Open
		}
		require.Equal(t, []bool{false, true}, []bool{open["2026-11-26"], open["2026-11-27"]}, field)
	}
}

func TestPeriods(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	d := h.right(boss, "stat", "all", dashboard.GadgetConfig{GroupBy: "at", Interval: "month", Compare: "previous_period", TimeZone: "Asia/Kolkata"})
	require.Equal(t, "2026-11-01T00:00:00+05:30", d.Period.From)
	require.Equal(t, "2026-11-27T15:30:00.001+05:30", d.Period.To)
	require.Equal(t, "2026-10-01T00:00:00+05:30", d.Previous.From)
	require.Equal(t, "2026-10-27T15:30:00.001+05:30", d.Previous.To, "as much of the month before")
	require.Equal(t, "0", fmt.Sprint(d.Series[0].Points[0].Value))
	require.NotEqual(t, "0", fmt.Sprint(d.Previous.Points[0].Value))
	require.InDelta(t, -100, *d.Previous.ChangePercent, 1e-9)

	for _, c := range []struct{ jql, interval, from, to string }{
		{`at >= 2026-09-01 AND at <= 2026-09-30`, "month", "2026-08-01T00:00:00Z", "2026-09-01T00:00:00Z"},
		{`at >= 2026-03-01 AND at < 2026-04-01`, "month", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"},
		{`at >= 2026-03-01 AND at <= 2026-03-30`, "month", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"},
		{`at >= 2026-07-01`, "quarter", "2026-01-01T00:00:00Z", "2026-05-28T10:00:00.001Z"},
		{`at >= 2026-02-10 AND at < 2026-02-20`, "month", "2026-01-10T00:00:00Z", "2026-01-20T00:00:00Z"},
		{`day >= 2026-02-01 AND day < 2026-03-01`, "month", "2026-01-01", "2026-02-01"},
		{`day >= startOfMonth()`, "month", "2026-10-01", "2026-10-28"},
		{`at >= startOfMonth() AND at <= endOfMonth()`, "month", "2026-10-01T00:00:00Z", "2026-10-27T10:00:00.001Z"},
		{`day >= startOfMonth() AND day <= endOfMonth()`, "month", "2026-10-01", "2026-10-28"},
		{`at >= 2026-01-01 AND at < 2027-01-01`, "month", "2025-01-01T00:00:00Z", "2025-11-27T10:00:00.001Z"},
		{`at >= 2026-12-01 AND at < 2027-01-01`, "month", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"},
	} {
		field, _, _ := strings.Cut(c.jql, " ")
		d = h.right(boss, "stat", h.ask(c.jql), dashboard.GadgetConfig{GroupBy: field, Interval: c.interval, Compare: "previous_period"})
		require.Equal(t, c.from+" "+c.to, d.Previous.From+" "+d.Previous.To, c.jql)
	}

	d = h.right(boss, "stat", h.ask(`at >= 2026-03-01 AND at < 2026-03-11 AND age > 3`), dashboard.GadgetConfig{GroupBy: "date", Compare: "previous_period"})
	require.Equal(t, "2026-02-19T00:00:00Z", d.Previous.From)
	require.Equal(t, "2026-03-01T00:00:00Z", d.Previous.To)

	d = h.right(boss, "line-chart", h.ask(`at >= startOfMonth(-1)`), dashboard.GadgetConfig{GroupBy: "at", Interval: "month", Compare: "previous_period"})
	require.Len(t, d.Series[0].Points, 2)
	require.Len(t, d.Previous.Points, 2)
	require.Equal(t, "2026-08", d.Previous.Points[0].Label)
	d = h.right(boss, "bar-chart", h.ask(`day >= 2026-07-01 AND day <= 2026-09-30`), dashboard.GadgetConfig{GroupBy: "day", Interval: "month", Compare: "previous_period"})
	require.Equal(t, "2026-04 2026-05 2026-06", d.Previous.Points[0].Label+" "+d.Previous.Points[1].Label+" "+d.Previous.Points[2].Label)
	require.Equal(t, "2026-04-01", d.Previous.From)

	for _, jql := range []string{`age > 3`, `at >= 2026-03-01 OR age > 3`, `at < 2026-03-01`, `at >= 2026-03-01 AND NOT at = 2026-03-03`, `at > 2026-03-01 AND at < 2026-02-01`} {
		d := h.show(boss, "bar-chart", h.ask(jql), dashboard.GadgetConfig{GroupBy: "at", Interval: "month", Compare: "previous_period"})
		require.NotNil(t, d.Error, jql)
		require.Equal(t, "config.compare", d.Error.Field, jql)
	}
}
