package chart_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/dashboard/chart"
)

func report() *chart.Report {
	r := &chart.Report{Title: "Malaria in Bihar — बिहार में मलेरिया", Question: `disease = "malaria" AND date >= startOfYear()`, User: "asha",
		At: time.Date(2026, 7, 31, 6, 30, 0, 0, time.UTC), Zone: time.FixedZone("Asia/Kolkata", 19800), Locale: "en-IN"}
	for _, p := range pictures() {
		item := chart.Item{Chart: p.c, Question: `district = "Patna"`}
		switch p.name {
		case "pie", "bar", "bar-rtl", "bar-tamil":
			item.Columns = 6
		case "bar-long", "pie-tiny", "bar-averages":
			item.Figures = true
		case "stat", "stat-points", "stat-none":
			item.Columns = 4
		}
		r.Items = append(r.Items, item)
	}
	r.Items = append(r.Items, chart.Item{Chart: pictures()[0].c, Error: "The engine did not answer."})
	return r
}

func TestReport(t *testing.T) {
	t.Parallel()
	var first, second bytes.Buffer
	require.NoError(t, report().PDF(&first))
	require.NoError(t, report().PDF(&second))
	require.Equal(t, first.Bytes(), second.Bytes())
	keep(t, "report.pdf", first.Bytes())
}

func TestPNG(t *testing.T) {
	t.Parallel()
	for _, p := range pictures() {
		d, err := chart.Layout(p.c, p.o)
		require.NoError(t, err)
		var b bytes.Buffer
		require.NoError(t, d.PNG(&b, 1))
		keep(t, p.name+".png", b.Bytes())
	}
}
