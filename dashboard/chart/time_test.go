package chart_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/dashboard/chart"
)

// Times are written as what they are the beginning of, in the words of the locale.
func TestTimes(t *testing.T) {
	t.Parallel()
	kolkata, err := time.LoadLocation("Asia/Kolkata")
	require.NoError(t, err)
	at := time.Date(2026, 3, 2, 18, 30, 0, 0, time.UTC) // midnight of the third in Kolkata
	for _, c := range []struct {
		locale   string
		interval chart.Interval
		want     string
	}{
		{"en", "", "3 Mar 2026, 00:00"},
		{"en", chart.Hour, "3 Mar 2026, 00:00"},
		{"en", chart.Day, "3 Mar 2026"},
		{"de", chart.Day, "3. März 2026"},
		{"en", chart.Week, "Week of 3 Mar 2026"},
		{"fr", chart.Week, "Semaine du 3 mars 2026"},
		{"hi", chart.Month, "मार्च 2026"},
		{"en", chart.Quarter, "Q1 2026"},
		{"fr", chart.Quarter, "T1 2026"},
		{"en", chart.Year, "2026"},
	} {
		d := draw(t, &chart.Chart{Type: chart.Line, Locale: c.locale, Zone: kolkata, Interval: c.interval, Series: one("", []chart.Point{{Time: at, Value: 1}})}, nil)
		require.Equal(t, []string{c.want + ": 1"}, normal(d.Titles()))
	}
}

// normal returns texts with common blanks.
func normal(texts []string) []string {
	var all []string
	for _, text := range texts {
		all = append(all, strings.NewReplacer("\u00A0", " ", "\u202F", " ").Replace(text))
	}
	return all
}

// A month without a point is a gap: no line leads over it, and bars stand as far from each other as months do.
func TestAbsentBuckets(t *testing.T) {
	t.Parallel()
	absent := append(monthly(1, 2, 3), monthly(0, 0, 0, 0, 0, 6, 7)[5:]...) // neither December nor January
	c := &chart.Chart{Type: chart.Line, Interval: chart.Month, Series: one("", absent)}
	path := func(d *chart.Drawing) string {
		_, rest, _ := strings.Cut(svg(t, d), `<path d="`)
		for strings.Contains(rest, `<path d="`) && !strings.Contains(rest[:strings.IndexByte(rest, '>')], `stroke-width="2"`) {
			_, rest, _ = strings.Cut(rest, `<path d="`)
		}
		rest, _, _ = strings.Cut(rest, `"`)
		return rest
	}
	require.Equal(t, 2, strings.Count(path(draw(t, c, nil)), "M"))
	c.Interval = ""
	require.Equal(t, 1, strings.Count(path(draw(t, c, nil)), "M"), "moments are joined")

	c.Type, c.Interval = chart.Bar, chart.Month
	d := draw(t, c, nil)
	require.Len(t, d.Titles(), 5)
	require.Equal(t, []string{"Sep", "2025", "Oct", "Nov", "Dec", "Jan", "2026", "Feb", "Mar"}, inOrder(d.Texts(), "Sep", "2025", "Oct", "Nov", "Dec", "Jan", "2026", "Feb", "Mar"))
	require.Equal(t, 7+1, strings.Count(html(t, d), "<tr>"))
	require.Contains(t, d.Texts(), "7")
}

// inOrder returns those of the wanted texts that there are.
func inOrder(texts []string, wanted ...string) []string {
	var all []string
	for _, w := range wanted {
		for _, text := range texts {
			if text == w {
				all = append(all, w)
				break
			}
		}
	}
	return all
}

// In half a year of days there is a label for each month, at its first day; the year stands below the first and where it changes.
func TestTimeAxis(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	var p []chart.Point
	for i := range 180 {
		p = append(p, chart.Point{Time: time.Date(2026, 9, 15+i, 0, 0, 0, 0, berlin), Value: float64(i)})
	}
	d := draw(t, &chart.Chart{Type: chart.Line, Zone: berlin, Interval: chart.Day, Series: one("", p)}, &chart.Options{Width: 500, Height: 300})
	require.Equal(t, []string{"Oct", "Nov", "Dec", "Jan", "Feb", "Mar"}, inOrder(d.Texts(), "Sep", "Oct", "Nov", "Dec", "Jan", "Feb", "Mar", "Apr"))
	require.Equal(t, []string{"2026", "2027"}, inOrder(d.Texts(), "2026", "2027"))
	d = draw(t, &chart.Chart{Type: chart.Line, Zone: berlin, Interval: chart.Day, Series: one("", p[:3])}, &chart.Options{Width: 300, Height: 200})
	require.Equal(t, []string{"15 Sep", "16 Sep", "17 Sep"}, inOrder(normal(d.Texts()), "15 Sep", "16 Sep", "17 Sep"))
	d = draw(t, &chart.Chart{Type: chart.Line, Zone: berlin, Interval: chart.Quarter, Series: one("", []chart.Point{{Time: p[0].Time.AddDate(0, 0, 16), Value: 1}, {Time: p[0].Time.AddDate(0, 3, 17), Value: 2}})}, nil)
	require.Equal(t, []string{"Q4", "Q1"}, inOrder(d.Texts(), "Q4", "Q1"))
}

// A name that is cut does not end in digits, and what stands for the rest is never cut within its number.
func TestCut(t *testing.T) {
	t.Parallel()
	for width := 130.0; width < 420; width += 7 {
		d := draw(t, &chart.Chart{Type: chart.Bar, Horizontal: true, Title: "Cases in 1234567 villages of 76543210 people", Notes: []string{"Not all: 9876543"}, Series: one("", points("Facility 1234567890123456", 3, "98765432109876543210987654321098765432109876543210", 2, "क्षेत्र 1234567 12345", 1))}, &chart.Options{Width: width, Height: 200})
		for _, text := range d.Texts() {
			require.NotRegexp(t, `[0-9.,]…$`, text)
		}
	}
}

// A stat whose number is too long for a small box is never cut: it is smaller, or has a word for its power of ten.
func TestStatFits(t *testing.T) {
	t.Parallel()
	c := &chart.Chart{Type: chart.Stat, Locale: "en-IN", Unit: "children", Series: one("", points("", 123456789012345)), Previous: &chart.Previous{Value: 123456789012344}}
	require.Contains(t, draw(t, c, nil).Texts(), "12,34,56,78,90,12,345")
	small := draw(t, c, &chart.Options{Width: 120, Height: 80})
	require.NotContains(t, strings.Join(small.Texts(), "\n"), "…")
	require.Contains(t, small.Titles()[0], "12,34,56,78,90,12,345"+"\u00A0"+"children; +<0.1%; Before: 12,34,56,78,90,12,344"+"\u00A0"+"children")
}
