package chart

import "math"

// statOf returns the number, if there is one.
func (c *figures) statOf() (Point, bool) {
	for i := range c.chart.Series {
		for _, p := range c.chart.Series[i].Points {
			return p, !p.Missing
		}
	}
	return Point{}, false
}

// statIn draws a number, what it was before, and how it came to be so.
func (c *canvas) statIn(b box) {
	p, _ := c.statOf()
	unit := clean(c.chart.unitOf(0))
	if len(c.chart.Trend) > 1 && b.h > 110 {
		var low box
		b, low = b.above(min(b.h*0.35, 90))
		c.trend(low.inset(4))
	}
	label := clean(p.Label)
	if label == "" && len(c.chart.Series) > 0 {
		label = clean(c.chart.Series[0].Label)
	}
	if label != "" && b.h > 60 {
		var top box
		top, b = b.below(textSize * leading)
		c.write(c.r.fit(label, textSize, top.w), top.x, top.y+textSize*ascent, textSize, c.p.muted)
	}
	if c.chart.Previous != nil && b.h > 50 {
		_, change, before := c.compared(p.Value)
		lines := 1.0
		if 16+c.r.width(change, textSize)+10+c.r.width(before, textSize) > b.w && b.h > 90 {
			lines = 2
		}
		var low box
		b, low = b.above(textSize*leading*lines + 4)
		c.comparison(low, p.Value)
	}
	c.group("point", p.Key, c.statSentence(), 0, 0)
	c.big(b, p.Value, unit)
	c.end()
}

// big writes the number as large as it fits, and if even a small one does not, with a word for its power of ten.
func (c *canvas) big(b box, v float64, unit string) {
	const least = 11.0
	small := unit
	if unit == "%" {
		small = ""
	}
	number := c.l.rounded(v)
	if unit == "%" {
		number = c.l.with(number, unit)
	}
	fits := func(text string) float64 {
		wide := c.r.width(text, 1)
		if small != "" {
			wide += c.r.width(solid+small, 0.4)
		}
		return min(b.w/wide, b.h/leading, 72)
	}
	size := fits(number)
	if short := c.l.scaled(v); size < least && short != "" {
		number = short
		size = fits(number)
	}
	if size < least && small != "" { // the unit stands in the title
		small = ""
		size = fits(number)
	}
	if size < 4 {
		return
	}
	y := b.y + (b.h-size*leading)/2 + size*ascent
	c.write(number, b.x, y, size, c.p.text)
	if small != "" {
		c.write(small, b.x+c.r.width(number, size)+c.r.width(solid, size*0.4), y, size*0.4, c.p.muted)
	}
}

func (c *figures) beforeLabel() string {
	if label := clean(c.chart.Previous.Label); label != "" {
		return label
	}
	return c.l.words.before
}

// compared returns by how much the number has changed, as a direction and in words.
func (c *canvas) compared(v float64) (direction int, change, before string) {
	p := c.chart.Previous
	before = c.beforeLabel() + ": " + c.full(p.Value, p.Missing, c.chart.unitOf(0))
	switch {
	case p.Missing:
		return 0, "", before
	case v == p.Value:
		return 0, c.l.words.unchanged, before
	case v > p.Value:
		direction = 1
	default:
		direction = -1
	}
	if clean(c.chart.unitOf(0)) == "%" { // of percentages, the difference is what can be understood
		sign := ""
		if direction > 0 {
			sign = "+"
		}
		return direction, sign + c.l.rounded(roundedTo15(v-p.Value)) + solid + c.l.words.points, before
	}
	return direction, c.l.change(p.Value, v), before
}

func roundedTo15(v float64) float64 {
	d := decimalOf(v).rounded(14)
	sign := int64(1)
	if d.negative {
		sign = -1
	}
	if d.digits == "" {
		return 0
	}
	var m int64
	for _, r := range d.digits {
		m = m*10 + int64(r-'0')
	}
	return scientificFloat(sign*m, d.exp-len(d.digits))
}

// comparison draws an arrow, the change and what there was. An arrow is no judgement: more is better of some things and worse of others.
func (c *canvas) comparison(b box, v float64) {
	direction, change, before := c.compared(v)
	line := textSize * leading
	base := b.y + 4 + textSize*ascent
	x := b.x
	if direction != 0 && b.w > 14 {
		y, up := base-textSize*0.36, -4.0*float64(direction)
		c.shape([]segment{move(x, y-up), lineTo(x+10, y-up), lineTo(x+5, y+up), closed}, c.p.text, none, 0)
		x += 16
	}
	if w := c.r.width(change, textSize); change != "" && x+w <= b.right() {
		c.write(change, x, base, textSize, c.p.text)
		x += w + 10
	}
	w := c.r.width(before, textSize)
	if x+w > b.right() && b.h > 2*line {
		x, base = b.x, base+line
	}
	if x+w <= b.right() { // a number is shown as a whole or not at all
		c.write(before, x, base, textSize, c.p.muted)
	}
}

// trend draws a small line without axes, from the least to the greatest value.
func (c *canvas) trend(b box) {
	values := span{math.Inf(1), math.Inf(-1)}
	for _, p := range c.chart.Trend {
		if !p.Missing {
			values = values.with(p.Value)
		}
	}
	if values.from > values.to {
		return
	}
	values = c.lineSpan(values).nice()
	plot := &plot{box: b, values: values}
	s := stroke{series: 0}
	first, last := c.chart.Trend[0].Time, c.chart.Trend[len(c.chart.Trend)-1].Time
	for i := range c.chart.Trend {
		p := &c.chart.Trend[i]
		at := float64(i) / float64(len(c.chart.Trend)-1)
		if last.After(first) {
			at = min(max(float64(p.Time.Sub(first))/float64(last.Sub(first)), 0), 1)
		}
		s.spots = append(s.spots, spot{at, p})
	}
	c.stroke(b, plot, 0, s, maxSpots+1)
}

// statSentence says the number and what it was before.
func (c *canvas) statSentence() string {
	p, ok := c.statOf()
	text := c.full(p.Value, !ok, c.chart.unitOf(0))
	if label := c.label(&p); label != "" {
		text = label + ": " + text
	}
	if c.chart.Previous == nil {
		return text
	}
	_, change, before := c.compared(p.Value)
	if change != "" && ok {
		text += "; " + change
	}
	return text + "; " + before
}
