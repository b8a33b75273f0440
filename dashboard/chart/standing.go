package chart

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// valueAxis draws the lines and numbers of an axis of values on the left, and returns the plot to the right of it. Below it bottom is left free.
func (c *canvas) valueAxis(b box, values span, wholeOnly bool, bottom float64) *plot {
	unit := clean(c.chart.unitOf(0))
	if unit != "" && unit != "%" && b.h > 80 {
		top, rest := b.below(smallSize * leading)
		c.write(c.r.fit(unit, smallSize, top.w), top.x, top.y+smallSize*ascent, smallSize, c.p.muted)
		b = rest
	}
	inner, _ := b.above(bottom)
	half := smallSize * leading / 2
	inner = box{inner.x, inner.y + half, inner.w, max(inner.h-half, 0)}
	ticks, values := c.l.ticksOf(values, min(max(int(inner.h/36), 1), 8), wholeOnly, unit)
	wide := 0.0
	for _, t := range ticks {
		wide = max(wide, c.r.width(t.label, smallSize))
	}
	shown := wide <= b.w*0.4 && inner.h >= smallSize*leading
	if !shown {
		wide = 0
	}
	p := &plot{box: box{inner.x + wide + 8, inner.y, max(inner.w-wide-8, 1), inner.h}, values: values}
	last := math.Inf(1)
	for _, t := range ticks {
		y := p.at(t.value)
		line, thick := c.p.grid, 1.0
		if t.value == 0 {
			line = c.p.axis
		}
		c.horizontal(p.x, p.right(), y, line, thick)
		if shown && last-y >= smallSize*leading {
			c.before(t.label, inner.x+wide, middle(y, smallSize), smallSize, c.p.muted)
			last = y
		}
	}
	return p
}

// standing draws bars that stand.
func (c *canvas) standing(b box, m *matrix) {
	n := float64(len(m.categories))
	if b.w-60 < n*leastTimed {
		c.sentence(b, fmt.Sprintf("%s (%s: %s)", c.l.words.crowded, c.l.words.categories, c.l.grouped(strconv.Itoa(len(m.categories)))))
		return
	}
	values := spanOf(m, c.chart.Stacked)
	names := c.namesBelow(m, (b.w-60)/n)
	numbers := c.totals(m)
	numbered := numbers != nil && c.allFit(numbers, (b.w-60)/n) && b.h > 110
	strip := 0.0
	if numbered {
		strip = smallSize * leading
		_, b = b.below(strip)
		if values.from < 0 {
			names.height += strip
		}
	}
	p := c.valueAxis(b, values, m.wholeOnly(), names.height)
	room := p.w / n
	margin, thick, slot := c.slotsOf(m, room)
	c.draw(p, m, thick, slot, func(k int) float64 { return p.x + room*float64(k) + margin })
	c.horizontal(p.x, p.right(), p.at(0), c.p.axis, 1)
	if numbered && c.allFit(numbers, room) {
		c.numbersOn(p, m, numbers, room)
	}
	names.draw(p, room, b.bottom())
}

// A total is the number on a bar, or on a stack of them.
type total struct {
	text string
	v    float64
	show bool
}

// totals returns the numbers that stand on bars, or nil if bars stand too close for them.
func (c *canvas) totals(m *matrix) []total {
	if len(m.series) > 1 && !c.chart.Stacked {
		return nil
	}
	all := make([]total, len(m.categories))
	for k := range m.categories {
		for _, s := range m.series {
			if v := s.cells[k]; !v.missing {
				if len(m.series) > 1 && v.v < 0 {
					return nil // the sum is not where the bar ends
				}
				all[k].v += v.v
				all[k].show = true
			}
		}
		unit := ""
		if c.chart.unitOf(0) == "%" { // others stand beside the axis
			unit = "%"
		}
		all[k].text = c.figure(all[k].v, unit)
	}
	return all
}

func (c *canvas) allFit(numbers []total, room float64) bool {
	for _, n := range numbers {
		if n.show && c.r.width(n.text, smallSize) > room-4 {
			return false
		}
	}
	return true
}

func (c *canvas) numbersOn(p *plot, m *matrix, numbers []total, room float64) {
	for k, n := range numbers {
		if !n.show {
			continue
		}
		y := p.at(n.v) - 4
		if n.v < 0 {
			y = p.at(n.v) + smallSize*ascent
		}
		c.center(n.text, p.x+room*(float64(k)+0.5), y, smallSize, c.p.text)
	}
}

// names are what stands below bars.
type names struct {
	c      *canvas
	m      *matrix
	lines  int
	height float64
}

// namesBelow makes room for the names of categories, each of which has about so much of it.
func (c *canvas) namesBelow(m *matrix, room float64) *names {
	n := &names{c: c, m: m, lines: 1}
	if m.timed {
		n.lines = 2
	}
	for _, each := range m.categories {
		if !m.timed && len(c.r.wrap(each.label, smallSize, room-6, 2)) > 1 {
			n.lines = 2
		}
	}
	n.height = float64(n.lines)*smallSize*leading + 4
	return n
}

func (n *names) draw(p *plot, room, bottom float64) {
	c, line := n.c, smallSize*leading
	y := bottom - float64(n.lines)*line
	if n.m.timed {
		marks := make([]moment, len(n.m.categories))
		for k, each := range n.m.categories {
			marks[k] = c.bucket(each)
		}
		c.timeLabels(marks, y, func(k int) float64 { return p.x + room*(float64(k)+0.5) }, room)
		return
	}
	for k, each := range n.m.categories {
		lines := c.r.wrap(each.label, smallSize, room-6, n.lines)
		if each.rest && strings.HasSuffix(strings.Join(lines, ""), ellipsis) {
			lines = []string{c.shorter(each.label, true, smallSize, room-6)}
		}
		for i, text := range lines {
			c.center(text, p.x+room*(float64(k)+0.5), y+float64(i)*line+smallSize*ascent, smallSize, c.p.muted)
		}
	}
}

// bucket is what stands below the bar of a time.
func (c *canvas) bucket(each category) moment {
	units := map[Interval]clockUnit{Hour: hours, Day: days, Week: weeks, Month: months, Quarter: months, Year: years}
	unit, ok := units[c.chart.Interval]
	t := each.time.In(c.zone)
	if !ok {
		unit = minutes
	}
	m := moment{at: t}
	m.label, m.context = c.l.written(t, unit, c.chart.Interval)
	return m
}

// timeLabels writes below an axis as many of some times as fit beside each other, each the same number of times after the one before, and
// below them the year, say, where it changes.
func (c *canvas) timeLabels(marks []moment, y float64, at func(k int) float64, room float64) {
	wide := 0.0
	for _, m := range marks {
		wide = max(wide, c.r.width(m.label, smallSize))
	}
	stride := 1
	for _, stride = range strides(len(marks)) {
		if room*float64(stride) >= wide+8 {
			break
		}
	}
	first := 0
	if stride > 1 && stride <= 12 && 12%stride == 0 && c.chart.Interval == Month {
		first = (stride - (int(marks[0].at.Month())-1)%stride) % stride
	}
	type written struct {
		text string
		x, w float64
	}
	var contexts []written
	before, end := "", 0.0
	for k := first; k < len(marks); k += stride {
		w := c.r.width(marks[k].label, smallSize)
		x := min(max(at(k)-w/2, 0), c.width-w)
		if x < end {
			continue
		}
		c.write(marks[k].label, x, y+smallSize*ascent, smallSize, c.p.muted)
		end = x + w + 4
		if marks[k].context != before {
			before = marks[k].context
			w = c.r.width(before, smallSize)
			next := written{before, min(max(at(k)-w/2, 0), c.width-w), w}
			for len(contexts) > 0 && contexts[len(contexts)-1].x+contexts[len(contexts)-1].w+4 > next.x {
				contexts = contexts[:len(contexts)-1]
			}
			contexts = append(contexts, next)
		}
	}
	for _, each := range contexts {
		c.write(each.text, each.x, y+smallSize*(leading+ascent), smallSize, c.p.muted)
	}
}

// strides are distances between labels that people expect.
func strides(n int) []int {
	all := []int{1, 2, 3, 6, 12, 24}
	for s := 48; s <= n; s *= 2 {
		all = append(all, s)
	}
	return append(all, max(n, 1))
}
