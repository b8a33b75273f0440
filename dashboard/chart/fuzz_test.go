package chart_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/dashboard/chart"
)

// FuzzLayout draws whatever the bytes make up: nothing panics, all text is inside and over no other, and the SVG is well formed. What is refused has a reason.
func FuzzLayout(f *testing.F) {
	for i := range byte(20) {
		f.Add([]byte{i, i * 7, i * 13, 3, 200, 90, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, "Patna", "मलेरिया के मामले", "%", 640.0, 360.0, 12.5)
		f.Add([]byte{i, 4, 40, i * 3, 7}, "<b>&", "حالات 12", "kg", 130.0, 90.0, 1e12)
	}
	f.Add([]byte{1, 0, 255, 3}, "long long name of a facility that has no end", "", "", 300.0, 200.0, math.MaxFloat64)
	f.Add([]byte{2, 255, 255}, "\x00\xff", "a\u202Eb", "\n", 121.0, 81.0, -1e-300)
	reasons := []error{chart.ErrLocale, chart.ErrNotFinite, chart.ErrRange, chart.ErrNegative, chart.ErrNoSum, chart.ErrUnits, chart.ErrDuplicate, chart.ErrTooMany, chart.ErrShape}
	f.Fuzz(func(t *testing.T, shape []byte, label, title, unit string, width, height, scale float64) {
		c := made(shape, label, title, unit, scale)
		d, err := chart.Layout(c, &chart.Options{Width: width, Height: height})
		if err != nil {
			var e *chart.Error
			require.ErrorAs(t, err, &e)
			known := false
			for _, r := range reasons {
				known = known || errors.Is(err, r)
			}
			require.True(t, known, err)
			return
		}
		require.Empty(t, d.Complaints())
		var b bytes.Buffer
		require.NoError(t, d.SVG(&b))
		wellFormed(t, b.Bytes())
		require.NoError(t, d.HTML(io.Discard))
	})
}

// made returns a chart that is made up of bytes.
func made(shape []byte, label, title, unit string, scale float64) *chart.Chart {
	at := 0
	next := func(n int) int {
		if len(shape) == 0 {
			return 0
		}
		at++
		return int(shape[(at-1)%len(shape)]) % n
	}
	types := []chart.Type{chart.Pie, chart.Bar, chart.Line, chart.Stat, chart.Table}
	intervals := []chart.Interval{"", chart.Hour, chart.Day, chart.Week, chart.Month, chart.Quarter, chart.Year}
	c := &chart.Chart{Type: types[next(5)], Title: title, Unit: unit, Locale: chart.Locales()[next(len(chart.Locales()))], Interval: intervals[next(7)],
		NoSum: next(3) == 1, Stacked: next(3) == 1, Horizontal: next(5) == 1}
	if next(4) == 1 {
		c.Others = &chart.Others{Value: float64(next(100)), Missing: next(2) == 1, Categories: int64(next(200))}
	}
	if next(3) == 1 {
		c.Previous = &chart.Previous{Value: float64(next(9)) * scale, Label: label}
	}
	if next(4) == 1 {
		c.Notes = []string{title, label}
	}
	timed, series, n := next(2) == 1, next(4), next(60)
	if c.Type == chart.Pie || c.Type == chart.Stat {
		series = min(series, 1)
	}
	if c.Type == chart.Stat {
		n = min(n, 1)
	}
	for i := range series {
		s := chart.Series{Key: fmt.Sprint(i), Label: label}
		for j := range n {
			p := chart.Point{Key: fmt.Sprint(j), Label: fmt.Sprint(label, j), Value: float64(next(256)-20) * scale, Missing: next(9) == 1}
			if timed {
				p.Label, p.Time = "", time.Date(2026, 1, 1+j*(1+next(2)), 0, 0, 0, 0, time.UTC)
				p.Time = p.Time.Add(time.Duration(j) * time.Second)
			}
			s.Points = append(s.Points, p)
		}
		c.Series = append(c.Series, s)
	}
	for i := range next(4) {
		c.Columns = append(c.Columns, chart.Column{Label: title, Unit: unit, Number: i%2 == 1})
	}
	for i := range next(30) * len(c.Columns) {
		r := chart.Row{Key: label}
		for range c.Columns {
			r.Cells = append(r.Cells, chart.Cell{Text: label, Value: float64(i) * scale, Missing: next(5) == 1})
		}
		c.Rows = append(c.Rows, r)
	}
	return c
}
