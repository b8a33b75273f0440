package chart_test

import (
	"bytes"
	"errors"
	"fmt"
	"image/png"
	"math"
	"strings"
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

func printed(tb testing.TB, r *chart.Report) *document {
	tb.Helper()
	var b bytes.Buffer
	require.NoError(tb, r.PDF(&b))
	keep(tb, "report.pdf", b.Bytes())
	return read(tb, b.Bytes())
}

// all returns the texts of all pages.
func (d *document) all() []string {
	var all []string
	for _, page := range d.pages {
		for _, s := range page {
			all = append(all, s.text)
		}
	}
	return all
}

// A report says what it is about, has every chart and every line of every table, and each page says which it is.
func TestReport(t *testing.T) {
	t.Parallel()
	d := printed(t, report())
	require.Greater(t, len(d.pages), 10)
	all := d.all()
	for _, want := range []string{"Malaria in Bihar — बिहार में मलेरिया", `Question: disease = "malaria" AND date >= startOfYear()`,
		"By: asha · At: 31\u00A0Jul\u00A02026, 12:00 · Time zone: Asia/Kolkata", `district = "Patna"`, "The engine did not answer.",
		"जिले के अनुसार मलेरिया के मामले", "காஞ்சிபுரம் மாவட்டம்", "12,34,567", "Characters that the fonts lack, shown as \uFFFD: 3"} {
		require.Contains(t, all, want)
	}
	for i, page := range d.pages {
		last := page[len(page)-1]
		require.Equal(t, fmt.Sprintf("Page %d of %d", i+1, len(d.pages)), last.text)
		for _, s := range page {
			require.True(t, s.x >= 30 && s.x < 595-30 && s.y >= 30 && s.y < 842-30, "%q of page %d stands at %g, %g", s.text, i+1, s.x, s.y)
			require.True(t, s == last || s.y > last.y+10, "%q of page %d stands in the footer", s.text, i+1)
		}
	}
	lines := 0
	for _, text := range all {
		if strings.HasPrefix(text, "Facility ") && len(text) < 12 {
			lines++
		}
	}
	require.Equal(t, 40+5+40, lines, "lines of three tables")
	require.Contains(t, all, "Sub-Centre Number 17 beside the old bridge over the river, which nobody calls by its name", "the name is whole in the table of figures")
	var first, second bytes.Buffer
	require.NoError(t, report().PDF(&first))
	require.NoError(t, report().PDF(&second))
	require.Equal(t, first.Bytes(), second.Bytes())
	require.Contains(t, first.String(), "/CreationDate(D:20260731063000Z)")
}

// A question without an end, and cells higher than lines, go on on further pages.
func TestLongReport(t *testing.T) {
	t.Parallel()
	var rows []chart.Row
	for i := range 300 {
		rows = append(rows, chart.Row{Cells: []chart.Cell{{Text: fmt.Sprintf("name %d.", i)}, {Text: strings.Repeat("word ", i%40)}}})
	}
	d := printed(t, &chart.Report{Title: "T", Question: strings.Repeat("a question without an end ", 900), Items: []chart.Item{
		{Chart: &chart.Chart{Type: chart.Table, Title: "Long", Columns: []chart.Column{{Label: "a"}, {Label: "b"}}, Rows: rows}, Question: strings.Repeat("another ", 2000)}}})
	names, words, questions := 0, 0, 0
	for _, text := range d.all() {
		names += strings.Count(text, "name ")
		words += strings.Count(text, "word")
		questions += strings.Count(text, "question")
	}
	require.Equal(t, 300, names)
	want := 0
	for i := range 300 {
		want += i % 40
	}
	require.Equal(t, want, words)
	require.Equal(t, 900, questions)
}

func TestReportRefused(t *testing.T) {
	t.Parallel()
	bad := &chart.Chart{Type: chart.Bar, Series: one("", []chart.Point{{Value: math.NaN()}})}
	err := (&chart.Report{Items: []chart.Item{{Chart: pictures()[0].c}, {Chart: bad}}}).PDF(&bytes.Buffer{})
	require.ErrorIs(t, err, chart.ErrNotFinite)
	require.EqualError(t, err, "chart: items[1].series[0].points[0].value: not a finite number: NaN")
	require.ErrorIs(t, (&chart.Report{Locale: "xx"}).PDF(&bytes.Buffer{}), chart.ErrLocale)
	require.NoError(t, (&chart.Report{Items: []chart.Item{{}, {Chart: bad, Error: "It is not known."}}}).PDF(&bytes.Buffer{}))
	require.Len(t, printed(t, &chart.Report{}).pages, 1)
}

// A drawing has the same texts on paper as on the screen.
func TestPDF(t *testing.T) {
	t.Parallel()
	for _, p := range pictures() {
		d := draw(t, p.c, p.o)
		var b bytes.Buffer
		require.NoError(t, d.PDF(&b))
		doc := read(t, b.Bytes())
		require.Len(t, doc.pages, 1)
		if p.name == "bar-markup" || p.name == "bar-rtl" {
			continue // emoji are shown as �, and Arabic in the order in which it is seen
		}
		require.Equal(t, d.Texts(), doc.all(), p.name)
	}
}

type full struct{}

var errFull = errors.New("the disk is full")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestWriteFails(t *testing.T) {
	t.Parallel()
	d := draw(t, pictures()[0].c, nil)
	require.ErrorIs(t, d.SVG(full{}), errFull)
	require.ErrorIs(t, d.HTML(full{}), errFull)
	require.ErrorIs(t, d.PDF(full{}), errFull)
	require.ErrorIs(t, d.PNG(full{}, 1), errFull)
	require.ErrorIs(t, report().PDF(full{}), errFull)
}

// An image has the size that was asked for, and where text stands it is not empty.
func TestPNG(t *testing.T) {
	t.Parallel()
	for _, p := range pictures() {
		d := draw(t, p.c, p.o)
		var b bytes.Buffer
		require.NoError(t, d.PNG(&b, 1))
		keep(t, p.name+".png", b.Bytes())
		img, err := png.Decode(&b)
		require.NoError(t, err)
		width, height := d.Size()
		require.Equal(t, [2]int{int(width), int(height)}, [2]int{img.Bounds().Dx(), img.Bounds().Dy()})
		ink := 0
		for x := range img.Bounds().Dx() {
			for y := range 40 { // the title
				if img.At(x, y) != img.At(0, 0) {
					ink++
				}
			}
		}
		require.Greater(t, ink, 50, p.name)
	}
	d := draw(t, pictures()[0].c, nil)
	for _, scale := range []float64{0, -1, 17, math.NaN(), math.Inf(1)} {
		require.ErrorIs(t, d.PNG(&bytes.Buffer{}, scale), chart.ErrShape)
	}
	d = draw(t, pictures()[0].c, &chart.Options{Width: 10_000, Height: 10_000})
	require.ErrorIs(t, d.PNG(&bytes.Buffer{}, 1), chart.ErrShape, "too many pixels")
}
