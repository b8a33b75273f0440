package chart

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
)

// A place is what points of several series share that stand beside each other.
type place struct {
	time int64
	name string
}

func placeOf(p *Point) place {
	switch {
	case !p.Time.IsZero():
		return place{time: p.Time.UnixNano()}
	case p.Key != "":
		return place{name: "k" + p.Key}
	}
	return place{name: "l" + p.Label}
}

// A matrix is the values of series, category by category.
type matrix struct {
	categories []category
	series     []stripe
	timed      bool
}

type category struct {
	label string
	time  time.Time
	rest  bool // all that is left
}

// A stripe is the values of one series, with a value for each category.
type stripe struct {
	index int // of the series in the chart, or -1 for all that are left
	label string
	cells []value
}

type value struct {
	v       float64
	missing bool
	key     string
	from    int // which point of its series it is, from 1; 0 if it is none of them, or made of several
}

// nth is the place of the point in its series, or -1 if there is none.
func (v value) nth() int { return v.from - 1 }

// matrixOf puts the points of the series beside each other. What is returned may be made smaller.
func (c *figures) matrixOf() *matrix {
	if c.points == nil {
		c.points = c.gather()
	}
	m := *c.points
	m.categories, m.series = slices.Clip(m.categories), slices.Clone(m.series)
	return &m
}

func (c *figures) gather() *matrix {
	m := &matrix{}
	at := map[place]int{}
	for i := range c.chart.Series {
		s := &c.chart.Series[i]
		for j := range s.Points {
			p := &s.Points[j]
			if _, ok := at[placeOf(p)]; !ok {
				at[placeOf(p)] = len(m.categories)
				m.categories = append(m.categories, category{label: c.label(p), time: p.Time})
				m.timed = m.timed || !p.Time.IsZero()
			}
		}
	}
	if m.timed {
		slices.SortStableFunc(m.categories, func(a, b category) int { return a.time.Compare(b.time) })
		if c.chart.Type == Bar {
			m.categories = c.filled(m.categories)
		}
		for i := range m.categories {
			at[place{time: m.categories[i].time.UnixNano()}] = i
		}
	}
	for i := range c.chart.Series {
		s := &c.chart.Series[i]
		st := stripe{index: i, label: clean(s.Label), cells: make([]value, len(m.categories))}
		for k := range st.cells {
			st.cells[k].missing = true
		}
		for j := range s.Points {
			p := &s.Points[j]
			st.cells[at[placeOf(p)]] = value{v: p.Value, missing: p.Missing, key: p.Key, from: j + 1}
			if p.Missing {
				st.cells[at[placeOf(p)]].v = 0
			}
		}
		m.series = append(m.series, st)
	}
	return m
}

// filled returns times with those between them that are buckets, too, so that bars stand where they belong.
func (c *figures) filled(times []category) []category {
	i := c.chart.Interval
	var all []category
	for k, each := range times {
		for k > 0 && len(all) < maxPoints {
			last := all[len(all)-1].time.In(c.zone)
			if !i.gap(last, each.time) {
				break
			}
			t := i.after(last)
			all = append(all, category{label: c.l.moment(t, i), time: t})
		}
		all = append(all, each)
	}
	return all
}

// largestOf returns the places of the n largest weights, in their order.
func largestOf(weights []float64, n int) []int {
	order := make([]int, len(weights))
	for i := range order {
		order[i] = i
	}
	if n >= len(order) {
		return order
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case weights[a] > weights[b]:
			return -1
		case weights[a] < weights[b]:
			return 1
		}
		return 0
	})
	order = order[:max(n, 0)]
	slices.Sort(order)
	return order
}

// fewer leaves the n most important categories, and says in words and, where values can be added up, by one more
// category what became of the others and of what the engine did not list.
func (c *canvas) fewer(m *matrix, n int) {
	o, sum := c.chart.Others, !c.chart.NoSum
	add := o != nil && !o.Missing && len(m.series) == 1 && !m.timed && sum
	needed, left := len(m.categories), int64(0)
	if add {
		needed++
	}
	if needed > n {
		keep := n
		if sum {
			keep = n - 1
		}
		left = c.drop(m, keep, sum)
	}
	switch {
	case add:
		m.addOthers(o)
		c.name(m, left+o.Categories, o.Categories > 0)
	case left > 0 && sum:
		c.name(m, left, true)
	}
	if c.chart.Type == Bar {
		c.outgrown(m)
	}
	hidden := int64(0)
	if !sum {
		hidden = left
	}
	if o != nil && !add {
		c.untold(hidden+o.Categories, o)
	} else if hidden > 0 {
		c.note(c.counted(c.l.words.notSummed, hidden))
	}
}

// untold says in words what an engine did not list and no picture shows, with other categories that are not shown either.
func (c *canvas) untold(hidden int64, o *Others) {
	text := c.l.words.notSummed
	if o.Categories > 0 {
		text = c.counted(text, hidden)
	}
	if !o.Missing {
		text += " (" + c.l.words.sum + ": " + c.full(o.Value, false, c.chart.unitOf(0)) + ")"
	}
	c.note(text)
}

func (c *canvas) counted(what string, n int64) string {
	return what + ": " + c.l.grouped(strconv.FormatInt(n, 10))
}

// drop leaves the categories with the largest values, with the sum of the others as one more if it makes sense.
func (c *canvas) drop(m *matrix, keep int, sum bool) int64 {
	weights := make([]float64, len(m.categories))
	for _, s := range m.series {
		for k, v := range s.cells {
			if !v.missing {
				weights[k] += math.Abs(v.v)
			}
		}
	}
	kept := largestOf(weights, keep)
	left := len(m.categories) - len(kept)
	categories := make([]category, 0, len(kept)+1)
	for _, k := range kept {
		categories = append(categories, m.categories[k])
	}
	if sum {
		categories = append(categories, category{rest: true})
	}
	for i := range m.series {
		s := &m.series[i]
		cells := make([]value, 0, len(kept)+1)
		rest, next := value{missing: true}, 0
		for k, v := range s.cells {
			if next < len(kept) && kept[next] == k {
				cells = append(cells, v)
				next++
			} else if !v.missing {
				rest = value{v: rest.v + v.v}
			}
		}
		if sum {
			cells = append(cells, rest)
		}
		s.cells = cells
	}
	m.categories = categories
	return int64(left)
}

// addOthers adds what the engine did not list to the rest of the only series.
func (m *matrix) addOthers(o *Others) {
	s := &m.series[0]
	if n := len(m.categories); n == 0 || !m.categories[n-1].rest {
		m.categories = append(m.categories, category{rest: true})
		s.cells = append(s.cells, value{missing: true})
	}
	last := &s.cells[len(s.cells)-1]
	*last = value{v: last.v + o.Value}
}

// outgrown says in words what the rest is if a bar of it would leave nothing to see of the others.
func (c *canvas) outgrown(m *matrix) {
	last := len(m.categories) - 1
	if last < 1 || !m.categories[last].rest {
		return
	}
	most, rest, sum := 0.0, 0.0, 0.0
	for _, s := range m.series {
		for k, v := range s.cells {
			if k == last {
				rest, sum = max(rest, math.Abs(v.v)), sum+v.v
			} else {
				most = max(most, math.Abs(v.v))
			}
		}
	}
	if rest <= 5*most {
		return
	}
	c.note(c.l.words.notDrawn + ": " + m.categories[last].label + ": " + c.full(sum, false, c.chart.unitOf(0)))
	m.categories = m.categories[:last]
	for i := range m.series {
		m.series[i].cells = m.series[i].cells[:last]
	}
}

// name names the rest.
func (c *canvas) name(m *matrix, count int64, known bool) {
	for i := range m.categories {
		if m.categories[i].rest {
			m.categories[i].label = c.rest(count, known)
		}
	}
}

// rest is what the rest is called.
func (c *figures) rest(count int64, known bool) string {
	w := &c.l.words
	if !known || count == 0 {
		return w.other
	}
	return fmt.Sprintf("%s (%s: %s)", w.other, w.categories, c.l.grouped(strconv.FormatInt(count, 10)))
}

// fewerSeries leaves as many series as there are colours, with the sum of the others as one more if it makes sense.
func (c *canvas) fewerSeries(m *matrix) {
	if len(m.series) <= maxSeries {
		return
	}
	weights := make([]float64, len(m.series))
	for i, s := range m.series {
		for _, v := range s.cells {
			if !v.missing {
				weights[i] += math.Abs(v.v)
			}
		}
	}
	kept := largestOf(weights, maxSeries)
	rest := stripe{index: -1, cells: make([]value, len(m.categories))}
	for k := range rest.cells {
		rest.cells[k].missing = true
	}
	var series []stripe
	next := 0
	for i, s := range m.series {
		if next < len(kept) && kept[next] == i {
			series = append(series, s)
			next++
			continue
		}
		for k, v := range s.cells {
			if !v.missing {
				rest.cells[k] = value{v: rest.cells[k].v + v.v}
			}
		}
	}
	left := int64(len(m.series) - len(kept))
	if c.chart.NoSum {
		c.note(c.counted(c.l.words.moreSeries, left))
	} else {
		rest.label = fmt.Sprintf("%s (%s: %s)", c.l.words.other, c.l.words.series, c.l.grouped(strconv.FormatInt(left, 10)))
		series = append(series, rest)
	}
	m.series = series
}

// colourOf is the colour of the nth series that is drawn.
func (c *canvas) colourOf(m *matrix, n int) colour {
	if m.series[n].index < 0 {
		return c.p.rest
	}
	return c.p.of(n)
}

// wholeOnly reports whether all values are whole.
func (m *matrix) wholeOnly() bool {
	for _, s := range m.series {
		for _, v := range s.cells {
			if !v.missing && v.v != math.Trunc(v.v) {
				return false
			}
		}
	}
	return true
}
