package chart

import "math"

// A plot is where bars or lines are drawn, between axes.
type plot struct {
	box
	values span
	lying  bool // values go to the right
}

// at returns where a value is along the axis of values.
func (p *plot) at(v float64) float64 {
	if p.lying {
		return p.x + p.w*p.values.at(v)
	}
	return p.bottom() - p.h*p.values.at(v)
}

// spanOf returns the values that bars reach to, and zero.
func spanOf(m *matrix, stacked bool) span {
	s := span{}
	for k := range m.categories {
		up, down := 0.0, 0.0
		for _, st := range m.series {
			v := st.cells[k].v
			s = s.with(v)
			if v > 0 {
				up += v
			} else {
				down += v
			}
		}
		if stacked {
			s = s.with(up).with(down)
		}
	}
	return s
}

// least lengths of bars, with what is between them.
const (
	leastLying    = 16.0
	leastStanding = 26.0
	leastTimed    = 1.0
	leastPlot     = 64.0 // is how high a plot with its axis must be
)

// barsIn draws bars, lying ones if the names of the categories are long.
func (c *canvas) barsIn(b box) {
	m := c.matrixOf()
	c.fewerSeries(m)
	all := b
	if len(m.series) > 1 {
		b = c.seriesLegend(b, m)
	}
	if b.h < leastPlot {
		c.sentence(all, c.l.words.crowded)
		return
	}
	if m.timed {
		c.standing(b, m)
		return
	}
	slots := 1
	if !c.chart.Stacked {
		slots = len(m.series)
	}
	per := max(leastStanding, float64(slots)*7+6)
	lying := c.chart.Horizontal || float64(len(m.categories))*per > b.w-50 || !c.namesFit(m, (b.w-60)/float64(max(len(m.categories), 1)))
	above, across := max(int((b.h-smallSize*leading-4)/max(leastLying, float64(slots)*7+4)), 1), max(int((b.w-60)/per), 1)
	if n := len(m.categories); !lying || b.h < 60 || n > above && n <= across {
		c.fewer(m, across)
		c.standing(b, m)
		return
	}
	c.fewer(m, above)
	c.lying(b, m)
}

// namesFit reports whether each name fits below a bar in two lines.
func (c *canvas) namesFit(m *matrix, room float64) bool {
	for _, each := range m.categories {
		for _, line := range c.r.wrap(each.label, smallSize, room-6, 3) {
			if len(line) >= len(ellipsis) && line[len(line)-len(ellipsis):] == ellipsis {
				return false
			}
		}
		if len(c.r.wrap(each.label, smallSize, room-6, 3)) > 2 {
			return false
		}
	}
	return true
}

func (c *canvas) seriesLegend(b box, m *matrix) box {
	entries := make([]entry, len(m.series))
	for n, s := range m.series {
		entries[n] = entry{n, s.label, s.index < 0}
	}
	return c.legend(b, entries, func(n int, sign box) {
		c.rect(box{sign.x, sign.y - 1, 12, 10}, c.colourOf(m, n))
	})
}

// A bar is what is drawn of a value: from one value to another, in one of the slots of its category.
type bar struct {
	n, k     int
	from, to float64
	slot     int
}

// barsOf returns the bars of all series.
func (c *canvas) barsOf(m *matrix) []bar {
	var all []bar
	for k := range m.categories {
		up, down := 0.0, 0.0
		for n, s := range m.series {
			v := s.cells[k]
			switch {
			case v.missing:
			case !c.chart.Stacked:
				all = append(all, bar{n, k, 0, v.v, n})
			case v.v >= 0:
				all = append(all, bar{n, k, up, up + v.v, 0})
				up += v.v
			default:
				all = append(all, bar{n, k, down, down + v.v, 0})
				down += v.v
			}
		}
	}
	return all
}

func (c *canvas) barTitle(m *matrix, n, k int) string {
	v := m.series[n].cells[k]
	title := m.categories[k].label
	if len(m.series) > 1 && m.series[n].label != "" {
		title += ", " + m.series[n].label
	}
	return title + ": " + c.full(v.v, v.missing, c.chart.unitOf(0))
}

// barColour is the colour of a bar: that of its series, or of the rest.
func (c *canvas) barColour(m *matrix, n, k int) colour {
	if m.categories[k].rest && len(m.series) == 1 {
		return c.p.rest
	}
	return c.colourOf(m, n)
}

// draw draws the bars. Each is at least a hair's breadth, so that a small value is not taken for none.
func (c *canvas) draw(p *plot, m *matrix, thick, slot float64, start func(k int) float64) {
	for _, each := range c.barsOf(m) {
		v := m.series[each.n].cells[each.k]
		from, to := p.at(each.from), p.at(each.to)
		if v.v != 0 && math.Abs(to-from) < 0.75 {
			if (v.v > 0) == p.lying {
				to = from + 0.75
			} else {
				to = from - 0.75
			}
		}
		across := start(each.k) + float64(each.slot)*slot
		area := box{min(from, to), across, math.Abs(to - from), thick}
		if !p.lying {
			area = box{across, min(from, to), thick, math.Abs(to - from)}
		}
		c.group("point", v.key, c.barTitle(m, each.n, each.k), m.series[each.n].index, v.nth())
		c.rect(area, c.barColour(m, each.n, each.k))
		c.end()
	}
}

// slotsOf says how thick bars are that share a room: the room that is left free, a bar, and from one to the next.
func (c *canvas) slotsOf(m *matrix, room float64) (margin, thick, slot float64) {
	n := 1.0
	if !c.chart.Stacked {
		n = float64(len(m.series))
	}
	inner := min(room*0.78, n*46)
	if room < 4 {
		inner = room * 0.9
	}
	slot = inner / n
	thick = slot
	if n > 1 && slot > 4 {
		thick = slot - 1
	}
	return (room - inner) / 2, thick, slot
}
