package chart_test

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/digit-health/dhr/dashboard/chart"
)

// A picture is one of testdata.
type picture struct {
	name string
	c    *chart.Chart
	o    *chart.Options
}

func points(values ...any) []chart.Point {
	var all []chart.Point
	for i := 0; i < len(values); i += 2 {
		p := chart.Point{Label: fmt.Sprint(values[i]), Key: fmt.Sprint(values[i])}
		switch v := values[i+1].(type) {
		case int:
			p.Value = float64(v)
		case float64:
			p.Value = v
		default:
			p.Missing = true
		}
		all = append(all, p)
	}
	return all
}

// monthly returns points of months from January 2026 on; nil is a gap.
func monthly(values ...any) []chart.Point {
	all := make([]chart.Point, len(values))
	for i, v := range values {
		all[i] = chart.Point{Time: time.Date(2025, time.Month(9+i), 1, 0, 0, 0, 0, time.UTC)}
		all[i].Key = all[i].Time.Format("2006-01")
		switch v := v.(type) {
		case int:
			all[i].Value = float64(v)
		case float64:
			all[i].Value = v
		default:
			all[i].Missing = true
		}
	}
	return all
}

func one(label string, p []chart.Point) []chart.Series {
	return []chart.Series{{Key: "s", Label: label, Points: p}}
}

var districts = points("Patna", 1234567, "Gaya", 345678, "Muzaffarpur", 98765, "Bhagalpur", 87654, "Darbhanga", 45321, "Purnia", 4321, "Araria", 12)

func sums() []picture {
	many := make([]chart.Point, 10_000)
	for i := range many {
		many[i] = chart.Point{Key: fmt.Sprint(i), Label: fmt.Sprintf("Facility %05d", i), Value: float64(1 + (i*7919)%1000)}
	}
	return []picture{
		{"pie", &chart.Chart{Type: chart.Pie, Title: "Malaria cases by district", Locale: "en-IN", Series: one("", districts)}, nil},
		{"pie-dark", &chart.Chart{Type: chart.Pie, Title: "Malaria cases by district", Locale: "hi", Series: one("", districts)}, &chart.Options{Theme: chart.Dark}},
		{"pie-tall", &chart.Chart{Type: chart.Pie, Title: "Malaria cases by district", Series: one("", districts), Others: &chart.Others{Value: 4000, Categories: 31}}, &chart.Options{Width: 300, Height: 480}},
		{"pie-one", &chart.Chart{Type: chart.Pie, Title: "Only one", Series: one("", points("Patna", 17))}, nil},
		{"pie-zero", &chart.Chart{Type: chart.Pie, Title: "All zero", Series: one("", points("Patna", 0, "Gaya", 0))}, nil},
		{"pie-tiny", &chart.Chart{Type: chart.Pie, Title: "Tiny parts", Locale: "de", Series: one("", points("Alle", 1_000_000, "Wenige", 3, "Einer", 1, "Keiner", 0, "Unbekannt", nil))}, nil},
		{"pie-10000", &chart.Chart{Type: chart.Pie, Title: "Ten thousand facilities", Series: one("", many)}, nil},
		{"bar-10000", &chart.Chart{Type: chart.Bar, Title: "Ten thousand facilities", Series: one("", many), Others: &chart.Others{Value: 123456, Categories: 5}}, nil},
		{"bar-10000-averages", &chart.Chart{Type: chart.Bar, Title: "Average age at ten thousand facilities", Unit: "years", NoSum: true, Series: one("", many), Others: &chart.Others{Missing: true, Categories: 77}}, nil},
	}
}

func bars() []picture {
	long := points("Primary Health Centre Rampur Kalan, Block Sadar", 120, "Community Health Centre Mohanpur", 98, "District Hospital", 455, "Sub-Centre Number 17 beside the old bridge over the river, which nobody calls by its name", 3)
	return []picture{
		{"bar", &chart.Chart{Type: chart.Bar, Title: "Children treated", Unit: "children", Series: one("", points("Cycle 1", 1200, "Cycle 2", 1850, "Cycle 3", 1420, "Cycle 4", 0))}, nil},
		{"bar-grouped", &chart.Chart{Type: chart.Bar, Title: "Cases by month and sex", Interval: chart.Month, Series: []chart.Series{
			{Key: "f", Label: "Female", Points: monthly(120, 130, 180, 220, 310, 290, 250, 190, 160, 130, 110, 105)},
			{Key: "m", Label: "Male", Points: monthly(110, 125, 150, nil, 280, 300, 260, 170, 140, 120, 100, 95)}}}, nil},
		{"bar-stacked-dark", &chart.Chart{Type: chart.Bar, Stacked: true, Title: "Stock by facility", Unit: "packs", Series: []chart.Series{
			{Key: "a", Label: "ACT", Points: points("PHC Rampur", 400, "CHC Mohanpur", 1250, "DH Patna", 5000)},
			{Key: "b", Label: "RDT", Points: points("PHC Rampur", 100, "CHC Mohanpur", 950, "DH Patna", 7200)},
			{Key: "c", Label: "LLIN", Points: points("PHC Rampur", 40, "CHC Mohanpur", 0, "DH Patna", 300)}}}, &chart.Options{Theme: chart.Dark}},
		{"bar-long", &chart.Chart{Type: chart.Bar, Title: "Visits by facility", Series: one("", long)}, nil},
		{"bar-negative", &chart.Chart{Type: chart.Bar, Title: "Change of stock", Series: one("", points("Jan", -1200, "Feb", 300, "Mar", -50, "Apr", 900))}, nil},
		{"bar-negative-lying", &chart.Chart{Type: chart.Bar, Horizontal: true, Title: "Change of stock", Series: one("", points("January", -1200, "February", 300, "March", -50, "April", 900))}, nil},
		{"bar-one", &chart.Chart{Type: chart.Bar, Title: "One category", Series: one("", points("Patna", 7))}, nil},
		{"bar-zero", &chart.Chart{Type: chart.Bar, Title: "All zero", Series: one("", points("Patna", 0, "Gaya", 0))}, nil},
		{"bar-huge", &chart.Chart{Type: chart.Bar, Title: "Huge and tiny", NoSum: true, Series: one("", points("a", 1.5e30, "b", 2e29, "c", 1e-12))}, nil},
		{"bar-lakh", &chart.Chart{Type: chart.Bar, Title: "जिले के अनुसार मलेरिया के मामले", Locale: "hi", Unit: "मामले", Series: one("", points("पटना", 1234567, "गया", 845678, "मुज़फ़्फ़रपुर", 398765))}, nil},
		{"bar-averages", &chart.Chart{Type: chart.Bar, Title: "Average temperature", Unit: "°C", NoSum: true, Locale: "fr", Series: one("", points("Paris", 12.345678, "Lyon", 13.0, "Nice", 15.9999999, "Brest", 1.0/3))}, nil},
		{"bar-rtl", &chart.Chart{Type: chart.Bar, Title: "حالات الملاريا حسب المنطقة", Series: one("", points("الخرطوم (العاصمة)", 120, "شمال كردفان 2026", 98, "البحر الأحمر", 45, "mixed عربي text", 60))}, nil},
		{"bar-tamil", &chart.Chart{Type: chart.Bar, Title: "மாவட்ட வாரியாக மலேரியா / ਜ਼ਿਲ੍ਹੇ ਅਨੁਸਾਰ", Series: one("", points("கிருஷ்ணகிரி", 120, "காஞ்சிபுரம் மாவட்டம்", 98, "ਫ਼ਤਿਹਗੜ੍ਹ ਸਾਹਿਬ", 45, "ਅੰਮ੍ਰਿਤਸਰ", 60))}, nil},
		{"bar-markup", &chart.Chart{Type: chart.Bar, Title: `<script>alert("x")</script> & 'co' ]]> </title>`, Description: "</desc><b>", Unit: "<u>", Notes: []string{"<i>a note</i>\u202E reversed"},
			Series: []chart.Series{{Key: `"><x`, Label: "<b>", Points: points("<img src=x onerror=alert(1)>", 5, "&amp;", 3, "\x00\x1b[31m\ufffe", 2, "a\xffb", 1, "🩺 漢字", 4)}}}, &chart.Options{ID: `"><script>`}},
		{"bar-small", &chart.Chart{Type: chart.Bar, Title: "A title that is far too long for it", Series: one("", points("Cycle 1", 1200, "Cycle 2", 1850, "Cycle 3", 1420))}, &chart.Options{Width: 160, Height: 100}},
	}
}

func lines() []picture {
	kolkata := time.FixedZone("IST", 19800)
	var daily, hourly []chart.Point
	for i := range 365 {
		daily = append(daily, chart.Point{Time: time.Date(2025, 11, 20+i, 0, 0, 0, 0, kolkata), Value: 100 + math.Round(60*math.Sin(float64(i)/40)+20*math.Cos(float64(i)*1.7))})
	}
	for i := range 72 {
		hourly = append(hourly, chart.Point{Time: time.Date(2026, 3, 28, i, 0, 0, 0, kolkata), Value: 36.5 + float64(i%24)/20})
	}
	var many []chart.Series
	for i := range 12 {
		many = append(many, chart.Series{Key: fmt.Sprint(i), Label: fmt.Sprintf("District %d with a name", i), Points: monthly(10*i, 12*i+3, 9*i, 11*i, 14*i+1, 15*i)})
	}
	return []picture{
		{"line", &chart.Chart{Type: chart.Line, Title: "Malaria cases by month", Unit: "cases", Interval: chart.Month, Series: []chart.Series{
			{Key: "p", Label: "Patna", Points: monthly(120, 130, 180, 220, 310, 290, 250, 190, 160, 130, 110, 105)},
			{Key: "g", Label: "Gaya", Points: monthly(80, 85, nil, nil, 150, 160, 120, nil, 90, nil, 60, 55)},
			{Key: "a", Label: "Araria", Points: monthly(20, 25, 30, 28, 35, 40, 38, 30, 22, 20, 18, 15)}}}, nil},
		{"line-dark", &chart.Chart{Type: chart.Line, Title: "Doses by month", Locale: "hi", Interval: chart.Month, Series: []chart.Series{
			{Key: "p", Label: "पटना", Points: monthly(120000, 130000, 180000, 220000, 310000, 290000)},
			{Key: "g", Label: "गया", Points: monthly(80000, 85000, nil, 70000, 150000, 160000)}}}, &chart.Options{Theme: chart.Dark}},
		{"line-days", &chart.Chart{Type: chart.Line, Title: "Visits by day", Locale: "de", Zone: kolkata, Interval: chart.Day, Series: one("", daily)}, nil},
		{"line-hours", &chart.Chart{Type: chart.Line, Title: "Temperature", Unit: "°C", Zone: kolkata, Interval: chart.Hour, Series: one("", hourly)}, nil},
		{"line-one", &chart.Chart{Type: chart.Line, Title: "One point", Interval: chart.Month, Series: one("", monthly(17))}, nil},
		{"line-gaps", &chart.Chart{Type: chart.Line, Title: "Nothing but gaps between", Interval: chart.Month, Series: one("", monthly(17, nil, 20, nil, 3, nil, 9))}, nil},
		{"line-zero", &chart.Chart{Type: chart.Line, Title: "All zero", Interval: chart.Month, Series: one("", monthly(0, 0, 0, 0))}, nil},
		{"line-many", &chart.Chart{Type: chart.Line, Title: "Twelve series", Interval: chart.Month, Series: many}, nil},
		{"line-names", &chart.Chart{Type: chart.Line, Title: "By age", Series: one("", points("0–4", 120, "5–9", 98, "10–14", 45, "15–24", 60, "25–44", 30, "45–64", 22, "65+", 12))}, nil},
		{"line-negative", &chart.Chart{Type: chart.Line, Title: "Difference to the year before", Unit: "%", Interval: chart.Month, Series: one("", monthly(-12.5, -3.25, 0, 4.75, 8, -1.5))}, nil},
	}
}

func others() []picture {
	stat := func(v float64, p *chart.Previous) *chart.Chart {
		return &chart.Chart{Type: chart.Stat, Title: "Cases this month", Locale: "en-IN", Series: one("", []chart.Point{{Key: "now", Label: "July 2026", Value: v}}), Previous: p, Trend: monthly(120, 130, 180, nil, 310, 290, 250)}
	}
	small := &chart.Options{Width: 280, Height: 180}
	rows := []chart.Row{}
	for i := range 40 {
		rows = append(rows, chart.Row{Key: fmt.Sprint(i), Cells: []chart.Cell{{Text: fmt.Sprintf("Facility %d", i)}, {Text: strings.Repeat("long ", i)}, {Value: float64(i * 123457)}, {Missing: i%3 == 0, Value: 12.5}}})
	}
	columns := []chart.Column{{Label: "Facility"}, {Label: "Remark"}, {Label: "Records", Number: true}, {Label: "Coverage", Unit: "%", Number: true}}
	units := []chart.Series{{Label: "Weight", Unit: "kg", Points: points("A", 10.5, "B", 3)}, {Label: "Height", Unit: "cm", Points: points("A", 80, "C", 70)}}
	return []picture{
		{"stat", stat(1234567, &chart.Previous{Value: 1100000, Label: "June 2026"}), small},
		{"stat-dark", stat(1234, &chart.Previous{Value: 1500, Label: "June 2026"}), &chart.Options{Width: 280, Height: 180, Theme: chart.Dark}},
		{"stat-huge", stat(9007199254740991, &chart.Previous{Value: 0}), &chart.Options{Width: 140, Height: 90}},
		{"stat-same", &chart.Chart{Type: chart.Stat, Title: "Coverage", Unit: "%", Series: one("", points("", 99.97)), Previous: &chart.Previous{Value: 99.97}}, small},
		{"stat-points", &chart.Chart{Type: chart.Stat, Title: "Coverage", Unit: "%", NoSum: true, Series: one("", points("", 83.4)), Previous: &chart.Previous{Value: 79.9}}, small},
		{"stat-none", &chart.Chart{Type: chart.Stat, Title: "Cases", Series: one("", points("", nil))}, small},
		{"table", &chart.Chart{Type: chart.Table, Title: "Facilities without reports", Columns: columns, Rows: rows}, nil},
		{"table-dark", &chart.Chart{Type: chart.Table, Title: "Facilities", Locale: "de", Columns: columns, Rows: rows[:5]}, &chart.Options{Theme: chart.Dark}},
		{"table-units", &chart.Chart{Type: chart.Table, Title: "Mixed units", Series: units}, nil},
		{"table-narrow", &chart.Chart{Type: chart.Table, Title: "Too narrow", Columns: columns, Rows: rows}, &chart.Options{Width: 200, Height: 200}},
		{"none", &chart.Chart{Type: chart.Line, Title: "Nothing found", Empty: "No record fits the question."}, nil},
		{"none-hi", &chart.Chart{Type: chart.Bar, Title: "कुछ नहीं", Locale: "hi", Series: one("", nil)}, nil},
	}
}

func pictures() []picture {
	all := append(sums(), bars()...)
	return append(append(all, lines()...), others()...)
}
