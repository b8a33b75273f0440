package chart

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// What is drawn at most, and what numbers.
const (
	maxPoints           = 100_000
	largest, smallest   = 1e300, 1e-300
	minWidth, minHeight = 120.0, 80.0
	maxLength           = 10_000.0
)

// check refuses what cannot be drawn, or would say something untrue.
func check(c *Chart) error {
	switch c.Type {
	case Pie, Bar, Line, Stat, Table:
	default:
		return refuse(ErrShape, strconv.Quote(string(c.Type)), "type")
	}
	switch c.Interval {
	case "", Hour, Day, Week, Month, Quarter, Year:
	default:
		return refuse(ErrShape, strconv.Quote(string(c.Interval)), "interval")
	}
	for _, next := range []func(*Chart) error{checkPoints, checkRest, checkUnits, checkType, checkTable} {
		if err := next(c); err != nil {
			return err
		}
	}
	return nil
}

func checkPoints(c *Chart) error {
	n, timed := 0, 0
	for i := range c.Series {
		s := &c.Series[i]
		n += len(s.Points)
		seen := make(map[place]bool, len(s.Points))
		for j := range s.Points {
			p := &s.Points[j]
			if err := checkNumber(p.Value, p.Missing, "series[%d].points[%d].value", i, j); err != nil {
				return err
			}
			if !p.Time.IsZero() {
				timed++
			}
			if seen[placeOf(p)] {
				return refuse(ErrDuplicate, strconv.Quote(p.Label), "series[%d].points[%d]", i, j)
			}
			seen[placeOf(p)] = true
		}
	}
	if n > maxPoints {
		return refuse(ErrTooMany, fmt.Sprintf("%d, more than %d", n, maxPoints), "series")
	}
	if timed > 0 && timed < n {
		return refuse(ErrShape, fmt.Sprintf("%d of %d points have a time", timed, n), "series")
	}
	return nil
}

func checkNumber(v float64, missing bool, where string, args ...any) error {
	switch {
	case missing:
		return nil
	case math.IsNaN(v) || math.IsInf(v, 0):
		return refuse(ErrNotFinite, fmt.Sprint(v), where, args...)
	case math.Abs(v) > largest || v != 0 && math.Abs(v) < smallest:
		return refuse(ErrRange, fmt.Sprint(v), where, args...)
	}
	return nil
}

func checkRest(c *Chart) error {
	if o := c.Others; o != nil {
		if err := checkNumber(o.Value, o.Missing, "others.value"); err != nil {
			return err
		}
		if o.Categories < 0 {
			return refuse(ErrRange, fmt.Sprint(o.Categories), "others.categories")
		}
	}
	if p := c.Previous; p != nil {
		if err := checkNumber(p.Value, p.Missing, "previous.value"); err != nil {
			return err
		}
	}
	if len(c.Trend) > maxPoints {
		return refuse(ErrTooMany, fmt.Sprintf("%d, more than %d", len(c.Trend), maxPoints), "trend")
	}
	for i, p := range c.Trend {
		if err := checkNumber(p.Value, p.Missing, "trend[%d].value", i); err != nil {
			return err
		}
	}
	return nil
}

// checkUnits refuses two units on one axis. A table may have as many as it wants.
func checkUnits(c *Chart) error {
	if c.Type == Table || len(c.Series) == 0 {
		return nil
	}
	first := c.unitOf(0)
	for i := range c.Series {
		if unit := c.unitOf(i); unit != first {
			return refuse(ErrUnits, fmt.Sprintf("%q beside %q", unit, first), "series[%d].unit", i)
		}
	}
	return nil
}

func (c *Chart) unitOf(series int) string {
	if series < len(c.Series) && c.Series[series].Unit != "" {
		return c.Series[series].Unit
	}
	return c.Unit
}

func checkType(c *Chart) error {
	switch {
	case c.Type == Pie && len(c.Series) > 1, c.Type == Stat && len(c.Series) > 1:
		return refuse(ErrShape, fmt.Sprintf("%d series, not one", len(c.Series)), "series")
	case c.Type == Stat && len(c.Series) == 1 && len(c.Series[0].Points) > 1:
		return refuse(ErrShape, fmt.Sprintf("%d points, not one", len(c.Series[0].Points)), "series[0].points")
	case c.Type == Pie && c.NoSum:
		return refuse(ErrNoSum, "a pie is a sum", "no_sum")
	case c.Type == Bar && c.Stacked && c.NoSum:
		return refuse(ErrNoSum, "a stack is a sum", "no_sum")
	case c.Type != Pie:
		return nil
	}
	if o := c.Others; o != nil && !o.Missing && o.Value < 0 {
		return refuse(ErrNegative, fmt.Sprint(o.Value), "others.value")
	}
	for i := range c.Series {
		for j, p := range c.Series[i].Points {
			if !p.Missing && p.Value < 0 {
				return refuse(ErrNegative, fmt.Sprint(p.Value), "series[%d].points[%d].value", i, j)
			}
		}
	}
	return nil
}

func checkTable(c *Chart) error {
	if n := len(c.Rows) * max(len(c.Columns), 1); n > maxPoints {
		return refuse(ErrTooMany, fmt.Sprintf("%d cells, more than %d", n, maxPoints), "rows")
	}
	for i := range c.Rows {
		if len(c.Rows[i].Cells) != len(c.Columns) {
			return refuse(ErrShape, fmt.Sprintf("%d cells for %d columns", len(c.Rows[i].Cells), len(c.Columns)), "rows[%d]", i)
		}
		for j, cell := range c.Rows[i].Cells {
			if c.Columns[j].Number {
				if err := checkNumber(cell.Value, cell.Missing, "rows[%d].cells[%d].value", i, j); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// complete returns options with their defaults, or what is wrong with them.
func complete(o *Options) (*Options, error) {
	all := Options{}
	if o != nil {
		all = *o
	}
	if all.Width == 0 && all.Height == 0 {
		all.Width, all.Height = 640, 360
	}
	if !(all.Width >= minWidth && all.Height >= minHeight && all.Width <= maxLength && all.Height <= maxLength) {
		return nil, refuse(ErrShape, fmt.Sprintf("%g × %g, where %g × %g to %g × %g is drawn",
			all.Width, all.Height, minWidth, minHeight, maxLength, maxLength), "options")
	}
	if all.Theme == "" {
		all.Theme = Light
	}
	if _, ok := themes[all.Theme]; !ok {
		return nil, refuse(ErrShape, strconv.Quote(string(all.Theme)), "options.theme")
	}
	if all.ID == "" {
		all.ID = "chart"
	}
	all.ID = strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r == '_' {
			return r
		}
		return '-'
	}, all.ID)
	return &all, nil
}
