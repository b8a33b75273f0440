package chart_test

import (
	"bytes"
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/dashboard/chart"
)

func draw(tb testing.TB, c *chart.Chart, o *chart.Options) *chart.Drawing {
	tb.Helper()
	d, err := chart.Layout(c, o)
	require.NoError(tb, err)
	require.Empty(tb, d.Complaints())
	return d
}

func svg(tb testing.TB, d *chart.Drawing) string {
	tb.Helper()
	var b bytes.Buffer
	require.NoError(tb, d.SVG(&b))
	return b.String()
}

func html(tb testing.TB, d *chart.Drawing) string {
	tb.Helper()
	var b bytes.Buffer
	require.NoError(tb, d.HTML(&b))
	return b.String()
}

func TestRefused(t *testing.T) {
	t.Parallel()
	value := func(v float64) []chart.Series { return one("", []chart.Point{{Label: "a", Value: v}}) }
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	huge := make([]chart.Point, 100_001)
	for i := range huge {
		huge[i].Key = fmt.Sprint(i)
	}
	for _, c := range []struct {
		place  string
		reason error
		c      chart.Chart
		o      *chart.Options
	}{
		{"type", chart.ErrShape, chart.Chart{Type: "radar"}, nil},
		{"interval", chart.ErrShape, chart.Chart{Type: chart.Bar, Interval: "fortnight"}, nil},
		{"locale", chart.ErrLocale, chart.Chart{Type: chart.Bar, Locale: "xx"}, nil},
		{"options", chart.ErrShape, chart.Chart{Type: chart.Bar}, &chart.Options{Width: 10, Height: 10}},
		{"options", chart.ErrShape, chart.Chart{Type: chart.Bar}, &chart.Options{Width: math.NaN(), Height: 100}},
		{"options.theme", chart.ErrShape, chart.Chart{Type: chart.Bar}, &chart.Options{Theme: "sepia"}},
		{"series[0].points[0].value", chart.ErrNotFinite, chart.Chart{Type: chart.Bar, Series: value(math.NaN())}, nil},
		{"series[0].points[0].value", chart.ErrNotFinite, chart.Chart{Type: chart.Line, Series: value(math.Inf(-1))}, nil},
		{"series[0].points[0].value", chart.ErrRange, chart.Chart{Type: chart.Bar, Series: value(1.1e300)}, nil},
		{"series[0].points[0].value", chart.ErrRange, chart.Chart{Type: chart.Bar, Series: value(math.SmallestNonzeroFloat64)}, nil},
		{"series[0].points[0].value", chart.ErrNegative, chart.Chart{Type: chart.Pie, Series: value(-1)}, nil},
		{"others.value", chart.ErrNegative, chart.Chart{Type: chart.Pie, Series: value(1), Others: &chart.Others{Value: -1}}, nil},
		{"others.value", chart.ErrNotFinite, chart.Chart{Type: chart.Bar, Series: value(1), Others: &chart.Others{Value: math.NaN()}}, nil},
		{"others.categories", chart.ErrRange, chart.Chart{Type: chart.Bar, Series: value(1), Others: &chart.Others{Categories: -1}}, nil},
		{"previous.value", chart.ErrNotFinite, chart.Chart{Type: chart.Stat, Series: value(1), Previous: &chart.Previous{Value: math.NaN()}}, nil},
		{"trend[1].value", chart.ErrNotFinite, chart.Chart{Type: chart.Stat, Series: value(1), Trend: []chart.Point{{}, {Value: math.NaN()}}}, nil},
		{"rows[0].cells[0].value", chart.ErrNotFinite, chart.Chart{Type: chart.Table, Columns: []chart.Column{{Number: true}}, Rows: []chart.Row{{Cells: []chart.Cell{{Value: math.NaN()}}}}}, nil},
		{"rows[0]", chart.ErrShape, chart.Chart{Type: chart.Table, Columns: []chart.Column{{}}, Rows: []chart.Row{{}}}, nil},
		{"no_sum", chart.ErrNoSum, chart.Chart{Type: chart.Pie, NoSum: true, Series: value(1)}, nil},
		{"no_sum", chart.ErrNoSum, chart.Chart{Type: chart.Bar, NoSum: true, Stacked: true, Series: value(1)}, nil},
		{"series[1].unit", chart.ErrUnits, chart.Chart{Type: chart.Line, Unit: "kg", Series: append(value(1), chart.Series{Unit: "cm", Points: points("a", 1)})}, nil},
		{"series", chart.ErrShape, chart.Chart{Type: chart.Pie, Series: append(value(1), value(2)...)}, nil},
		{"series[0].points", chart.ErrShape, chart.Chart{Type: chart.Stat, Series: one("", points("a", 1, "b", 2))}, nil},
		{"series[0].points[1]", chart.ErrDuplicate, chart.Chart{Type: chart.Bar, Series: one("", points("a", 1, "a", 2))}, nil},
		{"series", chart.ErrShape, chart.Chart{Type: chart.Line, Series: one("", []chart.Point{{Label: "a"}, {Time: now}})}, nil},
		{"series", chart.ErrTooMany, chart.Chart{Type: chart.Line, Series: one("", huge)}, nil},
	} {
		d, err := chart.Layout(&c.c, c.o)
		require.Nil(t, d)
		require.ErrorIs(t, err, c.reason)
		var e *chart.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, c.place, e.Place)
		require.Contains(t, err.Error(), "chart: "+c.place+": ")
	}
}

// What is missing is no zero, and what is NaN but said to be missing does not matter.
func TestMissing(t *testing.T) {
	t.Parallel()
	d := draw(t, &chart.Chart{Type: chart.Bar, Series: one("", []chart.Point{{Label: "a", Value: 3}, {Label: "b", Value: math.NaN(), Missing: true}})}, nil)
	require.Equal(t, []string{"a: 3"}, d.Titles())
	require.Contains(t, html(t, d), `<td class="number" dir="auto">–</td>`)
	d = draw(t, &chart.Chart{Type: chart.Pie, Series: one("", points("a", 3, "b", nil))}, nil)
	require.Equal(t, []string{"a: 3 (100.0%)", "a: 3 (100.0%)", "b: no value"}, d.Titles())
}

// Nothing disappears: what is drawn and what "other" stands for is the sum of all.
func TestOther(t *testing.T) {
	t.Parallel()
	many := make([]chart.Point, 10_000)
	sum := 0
	for i := range many {
		many[i] = chart.Point{Label: fmt.Sprint("f", i), Value: float64(i % 97)}
		sum += i % 97
	}
	d := draw(t, &chart.Chart{Type: chart.Pie, Series: one("", many), Others: &chart.Others{Value: 1000, Categories: 3}}, nil)
	require.Contains(t, d.Texts(), "Other (categories: 9,996)")
	require.Contains(t, d.Texts(), "480,604")
	require.Equal(t, 480_604, sum+1000)
	d = draw(t, &chart.Chart{Type: chart.Bar, NoSum: true, Series: one("", many)}, nil)
	require.Contains(t, d.Texts(), "Categories not shown: 9,982")
	require.Contains(t, d.Description(), "Categories not shown: 9,982")
	require.Equal(t, 10_001, strings.Count(html(t, d), "<tr>"), "the table has them all")

	two := []chart.Series{{Label: "x", Points: many}, {Label: "y", Points: many[:50]}}
	d = draw(t, &chart.Chart{Type: chart.Bar, Series: two, Others: &chart.Others{Value: 5, Categories: 2}}, nil)
	require.Contains(t, d.Description(), "Not drawn: Other (categories: ")
	require.Contains(t, d.Description(), "Categories not shown: 2 (sum: 5)")
	d = draw(t, &chart.Chart{Type: chart.Bar, Series: one("", points("a", 5)), Others: &chart.Others{Missing: true}}, nil)
	require.Contains(t, d.Texts(), "Categories not shown", "how many is not known")
}

// Series are kept apart by colour and dash, of which there are eight.
func TestManySeries(t *testing.T) {
	t.Parallel()
	var all []chart.Series
	for i := range 11 {
		all = append(all, chart.Series{Label: fmt.Sprint("s", i), Points: points("a", 10+i, "b", 5)})
	}
	d := draw(t, &chart.Chart{Type: chart.Bar, Stacked: true, Series: all}, nil)
	require.Contains(t, d.Texts(), "Other (series: 3)")
	require.Contains(t, d.Titles(), "a, Other (series: 3): 33")
	d = draw(t, &chart.Chart{Type: chart.Bar, NoSum: true, Series: all}, nil)
	require.Contains(t, d.Texts(), "Series not shown: 3")
	d = draw(t, &chart.Chart{Type: chart.Line, Series: all}, nil)
	require.Contains(t, d.Texts(), "Series not shown: 3")
	require.NotContains(t, strings.Join(d.Titles(), "\n"), "s0")
}

// No data is a sentence, of the caller or in the language of the chart.
func TestNoData(t *testing.T) {
	t.Parallel()
	for _, typ := range []chart.Type{chart.Pie, chart.Bar, chart.Line, chart.Stat, chart.Table} {
		for locale, want := range map[string]string{"en": "No data", "hi": "कोई डेटा नहीं", "de": "Keine Daten", "fr": "Aucune donnée"} {
			d := draw(t, &chart.Chart{Type: typ, Locale: locale}, nil)
			require.Equal(t, []string{want}, d.Texts())
			d = draw(t, &chart.Chart{Type: typ, Locale: locale, Empty: "No record fits."}, nil)
			require.Equal(t, []string{"No record fits."}, d.Texts())
			require.Contains(t, d.Description(), "No record fits.")
		}
	}
}

// Where nothing is listed, what is not listed is told all the same.
func TestNothingButOthers(t *testing.T) {
	t.Parallel()
	for _, typ := range []chart.Type{chart.Pie, chart.Bar, chart.Line, chart.Stat} {
		for _, series := range [][]chart.Series{nil, one("", nil), one("", points("a", nil))} {
			d := draw(t, &chart.Chart{Type: typ, Series: series, Others: &chart.Others{Value: 12, Categories: 3}}, nil)
			require.Equal(t, []string{"Categories not shown: 3 (sum: 12)", "No data"}, d.Texts())
		}
	}
}

// What users write stays text, in elements and attributes.
func TestEscaped(t *testing.T) {
	t.Parallel()
	evil := `"><script>alert('x')</script>&amp;<!--` + "\x00\x0b\ufffe\xff"
	for _, typ := range []chart.Type{chart.Pie, chart.Bar, chart.Line, chart.Stat, chart.Table} {
		c := &chart.Chart{Type: typ, Title: evil, Description: evil, Unit: evil, Notes: []string{evil}, Empty: evil, Series: []chart.Series{{Key: evil, Label: evil, Points: []chart.Point{{Key: evil, Label: evil, Value: 1}}}}}
		d := draw(t, c, &chart.Options{ID: evil})
		text := svg(t, d)
		wellFormed(t, []byte(text))
		require.NotContains(t, text+html(t, d), "<script")
		require.NotContains(t, text+html(t, d), "\x00")
		require.Contains(t, text, `data-key="&#34;&gt;&lt;script&gt;`)
	}
}

// A point can be found again by its key, series and place.
func TestKeys(t *testing.T) {
	t.Parallel()
	text := svg(t, draw(t, &chart.Chart{Type: chart.Line, Interval: chart.Month, Series: []chart.Series{{Label: "x", Points: monthly(1, nil, 3)}, {Label: "y", Points: monthly(4, 5, 6)}}}, nil))
	require.Contains(t, text, `<g class="point" data-series="0" data-point="2" data-key="2025-11"><title>Nov`+"\u00A0"+`2025, x: 3</title>`)
	require.Contains(t, text, `<g class="point" data-series="1" data-point="1" data-key="2025-10"><title>Oct`+"\u00A0"+`2025, y: 5</title>`)
	require.Equal(t, 5, strings.Count(text, `class="point"`), "a gap is no point")
}

// The place of a point is that in the data, also where there is no room for all of them; what is left out together has none.
func TestPlaces(t *testing.T) {
	t.Parallel()
	var all []chart.Point
	for i := range 60 {
		all = append(all, chart.Point{Key: fmt.Sprint("k", i), Label: fmt.Sprint("District ", i), Value: float64(1 + i*37%60)})
	}
	place := regexp.MustCompile(`<g class="point" data-series="0"(?: data-point="(\d+)")?(?: data-key="(\w+)")?>`)
	for _, typ := range []chart.Type{chart.Pie, chart.Bar, chart.Line} {
		found := place.FindAllStringSubmatch(svg(t, draw(t, &chart.Chart{Type: typ, Series: []chart.Series{{Points: all}}}, nil)), -1)
		require.NotEmpty(t, found)
		for _, f := range found {
			if f[2] == "" {
				require.Empty(t, f[1], "the rest is no point: %s", typ)
				continue
			}
			require.Equal(t, "k"+f[1], f[2], typ)
		}
	}
}

// Screen readers are told what there is: a title, a description, the language.
func TestAccessible(t *testing.T) {
	t.Parallel()
	d := draw(t, &chart.Chart{Type: chart.Bar, Title: "Visits", Description: "Of children", Locale: "de", Series: one("", points("Patna", 12, "Gaya", 1234))}, &chart.Options{ID: "g7", NoTitle: true})
	text := svg(t, d)
	require.Contains(t, text, `role="img"`)
	require.Contains(t, text, `lang="de"`)
	require.Contains(t, text, `aria-labelledby="g7-title" aria-describedby="g7-desc"><title id="g7-title">Visits</title><desc id="g7-desc">Of children. Balkendiagramm: kleinster Wert: 12 (Patna); größter Wert: 1.234 (Gaya).</desc>`)
	require.NotContains(t, d.Texts(), "Visits")
	require.Equal(t, "Visits", d.Title())
	width, height := d.Size()
	require.Equal(t, [2]float64{640, 360}, [2]float64{width, height})
	d = draw(t, &chart.Chart{Type: chart.Bar, Series: one("", points("Patna", 12))}, &chart.Options{Transparent: true, Width: 300, Height: 200})
	require.Contains(t, svg(t, d), `<title id="chart-title">Bar chart</title>`)
	require.NotContains(t, svg(t, d), `class="background"`)
}

// The same chart has the same bytes, also while others are drawn.
func TestDeterministic(t *testing.T) {
	t.Parallel()
	want := map[string]string{}
	for _, p := range pictures() {
		want[p.name] = svg(t, draw(t, p.c, p.o))
	}
	done := make(chan string)
	for range 4 {
		go func() {
			for _, p := range pictures() {
				var b bytes.Buffer
				if d, err := chart.Layout(p.c, p.o); err != nil || d.SVG(&b) != nil || b.String() != want[p.name] {
					done <- p.name
					return
				}
			}
			done <- ""
		}()
	}
	for range 4 {
		require.Empty(t, <-done)
	}
}

// In any size nothing stands outside or over something else.
func TestSizes(t *testing.T) {
	t.Parallel()
	for _, p := range pictures() {
		if strings.Contains(p.name, "10000") {
			continue
		}
		for _, size := range [][2]float64{{120, 80}, {200, 120}, {130, 600}, {1200, 90}, {300, 300}, {1600, 900}} {
			d, err := chart.Layout(p.c, &chart.Options{Width: size[0], Height: size[1]})
			require.NoError(t, err)
			require.Empty(t, d.Complaints(), "%s at %v", p.name, size)
			keep(t, fmt.Sprintf("%s-%gx%g.svg", p.name, size[0], size[1]), []byte(svg(t, d)))
		}
	}
}
