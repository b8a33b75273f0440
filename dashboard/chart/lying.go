package chart

// lying draws bars that lie, with the names of their categories on the left.
func (c *canvas) lying(b box, m *matrix) {
	n := float64(len(m.categories))
	unit := clean(c.chart.unitOf(0))
	axis := smallSize*leading + 4
	inner, below := b.above(axis)
	room := inner.h / n
	wide := 0.0
	for _, each := range m.categories {
		wide = max(wide, c.r.width(c.r.fit(each.label, smallSize, b.w*0.4), smallSize))
	}
	numbers := c.totals(m)
	left, right := c.numberRoom(numbers, b.w*0.3)
	if left+right == 0 {
		numbers = nil
	}
	p := &plot{box: box{inner.x + wide + 8 + left, inner.y, max(inner.w-wide-8-left-right, 1), inner.h}, lying: true}
	var ticks []tick
	ticks, p.values = c.l.ticksOf(spanOf(m, c.chart.Stacked), min(max(int(p.w/80), 1), 8), m.wholeOnly(), unit)
	end := b.x - 6
	if w := c.r.width(unit, smallSize); unit != "" && unit != "%" && w <= wide {
		c.write(unit, b.x, below.y+4+smallSize*ascent, smallSize, c.p.muted)
		end = b.x + w
	}
	for _, t := range ticks {
		x := p.at(t.value)
		c.vertical(x, p.y, p.bottom(), c.p.grid, 1)
		w := c.r.width(t.label, smallSize)
		if at := min(x-w/2, b.right()-w); at >= end+6 {
			c.write(t.label, at, below.y+4+smallSize*ascent, smallSize, c.p.muted)
			end = at + w
		}
	}
	margin, thick, slot := c.slotsOf(m, room)
	c.draw(p, m, thick, slot, func(k int) float64 { return p.y + room*float64(k) + margin })
	c.vertical(p.at(0), p.y, p.bottom(), c.p.axis, 1)
	for k, each := range m.categories {
		y := middle(p.y+room*(float64(k)+0.5), smallSize)
		c.before(c.shorter(each.label, each.rest, smallSize, wide), b.x+wide, y, smallSize, c.p.text)
		if len(numbers) == 0 || !numbers[k].show {
			continue
		}
		if numbers[k].v < 0 {
			c.before(numbers[k].text, p.at(numbers[k].v)-4, y, smallSize, c.p.text)
		} else {
			c.write(numbers[k].text, p.at(numbers[k].v)+4, y, smallSize, c.p.text)
		}
	}
}

// numberRoom is how much the numbers at the ends of bars need on both sides, or nothing if that is more than most.
func (c *canvas) numberRoom(numbers []total, most float64) (left, right float64) {
	for _, n := range numbers {
		w := c.r.width(n.text, smallSize) + 6
		if n.v < 0 {
			left = max(left, w)
		} else {
			right = max(right, w)
		}
	}
	if left+right > most {
		return 0, 0
	}
	return left, right
}
