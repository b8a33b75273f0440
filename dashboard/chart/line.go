package chart

import (
	"math"
	"slices"
	"time"
)

// maxSpots is how many points of lines a page can show a title for.
const maxSpots = 2000

// A stroke is a line of one series.
type stroke struct {
	series int
	label  string
	spots  []spot
}

// A spot is one point of a line: where it is, from 0 to 1 from left to right.
type spot struct {
	at float64
	p  *Point
}

// linesIn draws lines over an axis of time, or of categories in their order.
func (c *canvas) linesIn(b box) {
	strokes, values := c.strokes()
	all := b
	if len(strokes) > 1 {
		b = c.lineLegend(b, strokes)
	}
	if b.h < leastPlot {
		c.sentence(all, c.l.words.crowded)
		return
	}
	if o := c.chart.Others; o != nil {
		c.untold(o.Categories, o)
	}
	first, last := c.times()
	timed := !first.IsZero()
	height := smallSize*leading + 4
	if timed {
		height += smallSize * leading
	}
	p := c.valueAxis(b, c.lineSpan(values), c.allWhole(), height)
	y := b.bottom() - height + 4
	inset := min(12, p.w/10)
	area := box{p.x + inset, p.y, max(p.w-2*inset, 1), p.h}
	switch {
	case timed:
		c.timeAxis(area, p, y, first, last)
	default:
		c.nameAxis(area, y)
	}
	spots := 0
	for _, s := range strokes {
		spots += len(s.spots)
	}
	for n, s := range strokes {
		c.stroke(area, p, n, s, spots)
	}
}

// strokes returns the lines, and between which values they are.
func (c *canvas) strokes() ([]stroke, span) {
	first, last := c.times()
	width := float64(last.Sub(first))
	values := span{math.Inf(1), math.Inf(-1)}
	var order map[place]int
	n := 0
	if first.IsZero() {
		order, n = c.order()
	}
	var all []stroke
	weights := make([]float64, len(c.chart.Series))
	for i := range c.chart.Series {
		s := &c.chart.Series[i]
		st := stroke{series: i, label: clean(s.Label), spots: make([]spot, 0, len(s.Points))}
		for j := range s.Points {
			p := &s.Points[j]
			at := 0.5
			if !first.IsZero() && width > 0 {
				at = float64(p.Time.Sub(first)) / width
			} else if first.IsZero() && n > 1 {
				at = float64(order[placeOf(p)]) / float64(n-1)
			}
			st.spots = append(st.spots, spot{at, p})
			if !p.Missing {
				weights[i] += math.Abs(p.Value)
			}
		}
		slices.SortStableFunc(st.spots, func(a, b spot) int {
			switch {
			case a.at < b.at:
				return -1
			case a.at > b.at:
				return 1
			}
			return 0
		})
		all = append(all, st)
	}
	if len(all) > maxSeries {
		kept := largestOf(weights, maxSeries)
		c.note(c.counted(c.l.words.moreSeries, int64(len(all)-len(kept))))
		var fewer []stroke
		for _, i := range kept {
			fewer = append(fewer, all[i])
		}
		all = fewer
	}
	for _, s := range all {
		for _, each := range s.spots {
			if !each.p.Missing {
				values = values.with(each.p.Value)
			}
		}
	}
	return all, values
}

// order says which place each category has, and how many there are.
func (c *canvas) order() (map[place]int, int) {
	order := map[place]int{}
	for i := range c.chart.Series {
		for j := range c.chart.Series[i].Points {
			at := placeOf(&c.chart.Series[i].Points[j])
			if _, ok := order[at]; !ok {
				order[at] = len(order)
			}
		}
	}
	return order, len(order)
}

// times returns the first and the last time, or none.
func (c *canvas) times() (first, last time.Time) {
	for i := range c.chart.Series {
		for j := range c.chart.Series[i].Points {
			t := c.chart.Series[i].Points[j].Time
			if first.IsZero() || t.Before(first) {
				first = t
			}
			if last.IsZero() || t.After(last) {
				last = t
			}
		}
	}
	return first.In(c.zone), last.In(c.zone)
}

func (c *canvas) allWhole() bool {
	for i := range c.chart.Series {
		for _, p := range c.chart.Series[i].Points {
			if !p.Missing && p.Value != math.Trunc(p.Value) {
				return false
			}
		}
	}
	return true
}

// lineSpan begins at zero, unless the values are all far from it and close to each other, such as temperatures.
func (c *canvas) lineSpan(s span) span {
	if s.from > s.to {
		return span{0, 1}
	}
	if far := max(math.Abs(s.from), math.Abs(s.to)); s.to/2-s.from/2 >= far*0.15 || s.to == s.from {
		return s.with(0)
	}
	return s
}

func (c *canvas) lineLegend(b box, strokes []stroke) box {
	entries := make([]entry, len(strokes))
	for n, s := range strokes {
		entries[n] = entry{n, s.label, false}
	}
	return c.legend(b, entries, func(n int, sign box) {
		c.lines([]segment{move(sign.x, sign.y+4), lineTo(sign.right(), sign.y+4)}, c.p.of(n), 2, dashes[n])
	})
}

// timeAxis writes times at the boundaries of the calendar.
func (c *canvas) timeAxis(area box, p *plot, y float64, first, last time.Time) {
	length := last.Sub(first)
	at := func(t time.Time) float64 {
		if length <= 0 {
			return area.x + area.w/2
		}
		return area.x + area.w*float64(t.Sub(first))/float64(length)
	}
	if length <= 0 {
		c.timeLabels([]moment{c.bucket(category{time: first})}, y, func(int) float64 { return at(first) }, area.w)
		return
	}
	marks := c.timeMarks(first, last, area.w)
	for _, m := range marks {
		c.vertical(at(m.at), p.bottom(), p.bottom()+4, c.p.axis, 1)
	}
	c.timeLabels(marks, y, func(k int) float64 { return at(marks[k].at) }, area.w)
}

// timeMarks returns the ticks of the finest step of the calendar whose labels fit beside each other, or else the ends.
func (c *canvas) timeMarks(first, last time.Time, width float64) []moment {
	start, i := time.Monday, c.chart.Interval
	if i == Week {
		start = first.Weekday()
	}
	for _, step := range calendarSteps {
		n := float64(last.Sub(first)) / float64(step.about)
		if n > width/20 || step.unit < finest(i) || i == Quarter && step.unit == months && step.n < 3 {
			continue
		}
		marks := c.l.moments(first, last, step, i, start)
		if len(marks) == 0 {
			break
		}
		wide, closest := 0.0, width
		for k, m := range marks {
			wide = max(wide, c.r.width(m.label, smallSize))
			if k > 0 {
				closest = min(closest, width*float64(m.at.Sub(marks[k-1].at))/float64(last.Sub(first)))
			}
		}
		if closest >= wide+8 {
			return marks
		}
	}
	return []moment{{at: first, label: c.l.moment(first, i)}, {at: last, label: c.l.moment(last, i)}}
}

// nameAxis writes as many names of categories as fit.
func (c *canvas) nameAxis(area box, y float64) {
	_, n := c.order()
	seen := map[place]bool{}
	var labels []string
	for i := range c.chart.Series {
		for j := range c.chart.Series[i].Points {
			if p := &c.chart.Series[i].Points[j]; !seen[placeOf(p)] {
				seen[placeOf(p)] = true
				labels = append(labels, c.label(p))
			}
		}
	}
	room := area.w / float64(max(n-1, 1))
	stride := max(int(math.Ceil(48/room)), 1)
	for k := 0; k < n; k += stride {
		x := area.x + area.w/2
		if n > 1 {
			x = area.x + room*float64(k)
		}
		c.center(c.r.fit(labels[k], smallSize, min(room*float64(stride), area.w)-8), x, y+smallSize*ascent, smallSize, c.p.muted)
	}
}

// stroke draws a line, which is broken where a value is missing, and its points.
func (c *canvas) stroke(area box, p *plot, n int, s stroke, spots int) {
	ink := c.p.of(n)
	var path []segment
	pen := false
	for j, each := range s.spots {
		if each.p.Missing {
			pen = false
			continue
		}
		x, y := area.x+area.w*each.at, p.at(each.p.Value)
		if pen && !c.gapBefore(s, j) {
			path = append(path, lineTo(x, y))
		} else {
			path = append(path, move(x, y))
		}
		pen = true
	}
	if len(path) > 0 {
		c.lines(path, ink, 2, dashes[n])
	}
	dense := len(s.spots) > 1 && area.w/float64(len(s.spots)-1) < 9
	for j, each := range s.spots {
		if each.p.Missing {
			continue
		}
		alone := c.gapBefore(s, j) && (j+1 == len(s.spots) || s.spots[j+1].p.Missing || c.gapBefore(s, j+1))
		if spots > maxSpots && !alone {
			continue
		}
		x, y := area.x+area.w*each.at, p.at(each.p.Value)
		c.group("point", each.p.Key, c.spotTitle(s, each), s.series, j)
		switch {
		case alone || !dense:
			c.circle(x, y, 3, ink, c.p.background, 1)
			c.add(mark{kind: targetMark, x: x, y: y, w: 8, fill: none, line: none})
		default:
			c.circle(x, y, 1.2, ink, none, 0)
		}
		c.end()
	}
}

// gapBefore reports whether no line leads to a point.
func (c *canvas) gapBefore(s stroke, j int) bool {
	if j == 0 || s.spots[j-1].p.Missing {
		return true
	}
	from, to := s.spots[j-1].p.Time, s.spots[j].p.Time
	return !from.IsZero() && c.chart.Interval.gap(from.In(c.zone), to)
}

func (c *canvas) spotTitle(s stroke, each spot) string {
	title := c.label(each.p)
	if s.label != "" && len(c.chart.Series) > 1 {
		title += ", " + s.label
	}
	return title + ": " + c.full(each.p.Value, false, c.chart.unitOf(0))
}
