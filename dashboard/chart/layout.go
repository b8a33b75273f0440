package chart

import (
	"fmt"
	"slices"
	"strings"
)

// A canvas is a chart on its way to a drawing.
type canvas struct {
	*Drawing
	*figures
	opts  *Options
	p     *palette
	r     *ruler
	notes []string // that are drawn
	found []string // that are due
	from  int      // the first row of a table to draw
	paged bool     // what does not fit goes to a further page
}

// Layout finds a place for everything that a chart says. opts may be nil. It keeps nothing of the chart. What it refuses, it
// refuses with an *Error.
func Layout(c *Chart, opts *Options) (*Drawing, error) { return layout(c, opts, 0, false) }

func layout(c *Chart, opts *Options, from int, paged bool) (*Drawing, error) {
	o, err := complete(opts)
	if err != nil {
		return nil, err
	}
	l, err := localeOf(c.Locale)
	if err != nil {
		return nil, err
	}
	if err := check(c); err != nil {
		return nil, err
	}
	r, err := borrowRuler()
	if err != nil {
		return nil, err
	}
	defer r.giveBack()
	f := figuresOf(c, l)
	cv := &canvas{figures: f, opts: o, p: themes[o.Theme], r: r, from: from, paged: paged}
	cv.Drawing = &Drawing{figures: f, width: o.Width, height: o.Height, id: o.ID, locale: l, title: clean(c.Title), background: cv.p.background}
	if o.Transparent {
		cv.background = none
	}
	n := 0
	for i := range c.Series {
		n += len(c.Series[i].Points)
	}
	cv.marks = make([]mark, 0, 64+4*min(n, maxSpots))
	if c.Type == Table { // whose rows are the caller's
		cv.tabled()
	}
	cv.compose()
	cv.describe()
	return cv.Drawing, nil
}

// note adds a sentence that stands below the picture.
func (c *canvas) note(text string) {
	if text = clean(text); text != "" && !slices.Contains(c.found, text) {
		c.found = append(c.found, text)
	}
}

// compose draws title, picture and notes. What the picture leaves out becomes a note, for which there must be room,
// so that it is drawn until nothing more is left out.
func (c *canvas) compose() {
	for range 5 {
		c.marks, c.found = c.marks[:0], nil
		for _, note := range c.chart.Notes {
			c.note(note)
		}
		inside := box{0, 0, c.width, c.height}.inset(min(12, c.width/20, c.height/20))
		inside = c.heading(inside)
		inside = c.footnotes(inside)
		c.picture(inside)
		if slices.Equal(c.found, c.notes) {
			return
		}
		c.notes = c.found
	}
}

func (c *canvas) heading(b box) box {
	if c.opts.NoTitle || c.title == "" {
		return b
	}
	most := 2
	if c.height < 200 {
		most = 1
	}
	for _, line := range c.r.wrap(c.title, titleSize, b.w, most) {
		var top box
		top, b = b.below(titleSize * leading)
		c.write(line, top.x, top.y+titleSize*ascent, titleSize, c.p.text)
	}
	_, b = b.below(6)
	return b
}

func (c *canvas) footnotes(b box) box {
	var lines []string
	for _, note := range c.notes {
		lines = append(lines, c.r.wrap(note, smallSize, b.w, 3)...)
	}
	line := smallSize * leading
	if most := int(b.h * 0.4 / line); len(lines) > most {
		lines = lines[:max(most, 1)]
		lines[len(lines)-1] = c.r.fit(lines[len(lines)-1]+" "+ellipsis, smallSize, b.w)
	}
	if len(lines) == 0 {
		return b
	}
	b, strip := b.above(float64(len(lines))*line + 4)
	for i, text := range lines {
		c.write(text, strip.x, strip.y+4+float64(i)*line+smallSize*ascent, smallSize, c.p.muted)
	}
	return b
}

func (c *canvas) picture(b box) {
	switch {
	case c.chart.Type == Table:
		c.tableIn(b)
	case c.isEmpty():
		if o := c.chart.Others; o != nil {
			c.untold(o.Categories, o)
		}
		c.sentence(b, c.emptySentence())
	case c.chart.Type == Pie:
		c.pieIn(b)
	case c.chart.Type == Bar:
		c.barsIn(b)
	case c.chart.Type == Line:
		c.linesIn(b)
	default:
		c.statIn(b)
	}
}

// isEmpty reports whether there is no value at all.
func (c *canvas) isEmpty() bool {
	for i := range c.chart.Series {
		for _, p := range c.chart.Series[i].Points {
			if !p.Missing {
				return false
			}
		}
	}
	return true
}

func (c *canvas) emptySentence() string {
	if text := clean(c.chart.Empty); text != "" {
		return text
	}
	return c.l.words.empty
}

// sentence stands in the middle of a box, instead of a picture.
func (c *canvas) sentence(b box, text string) {
	line := textSize * leading
	if b.h < line {
		return
	}
	lines := c.r.wrap(text, textSize, b.w, int(b.h/line))
	y := b.y + max((b.h-float64(len(lines))*line)/2, 0)
	for i, text := range lines {
		c.center(text, b.x+b.w/2, y+float64(i)*line+textSize*ascent, textSize, c.p.muted)
	}
}

// write writes a text from x on, on the line y.
func (c *canvas) write(text string, x, y, size float64, fill colour) {
	if text == "" {
		return
	}
	c.add(mark{kind: textMark, x: x, y: y, w: c.r.width(text, size), h: size, text: text, fill: fill, line: none})
}

// center writes a text around x, within the drawing.
func (c *canvas) center(text string, x, y, size float64, fill colour) {
	w := c.r.width(text, size)
	c.write(text, min(max(x-w/2, 0), max(c.width-w, 0)), y, size, fill)
}

// end writes a text that ends at x.
func (c *canvas) before(text string, x, y, size float64, fill colour) {
	c.write(text, x-c.r.width(text, size), y, size, fill)
}

// shorter returns a name that fits. That of the rest has a number in it, which is never cut; it is then told in a note.
func (c *canvas) shorter(name string, rest bool, size, room float64) string {
	if !rest || c.r.width(name, size) <= room {
		return c.r.fit(name, size, room)
	}
	c.note(name)
	return c.r.fit(c.l.words.other, size, room)
}

// middle is the line on which a text stands whose middle is y.
func middle(y, size float64) float64 { return y + size*0.36 }

// An entry is one of a legend.
type entry struct {
	series int
	label  string
	rest   bool
}

// legend takes a strip off the top for what the colours mean. draw draws the sign of a series in a box of 16 × 8.
func (c *canvas) legend(b box, entries []entry, draw func(series int, b box)) box {
	const sign, gap = 22.0, 14.0
	line := smallSize * leading
	most := max(int(b.h*0.35/line), 1)
	room := max(b.w/2, 60)
	texts := make([]string, len(entries))
	for ; ; room *= 0.8 {
		x, rows := 0.0, 1
		for i, e := range entries {
			texts[i] = c.shorter(e.label, e.rest, smallSize, room-sign)
			w := sign + c.r.width(texts[i], smallSize)
			if x > 0 && x+w > b.w {
				x, rows = 0, rows+1
			}
			x += w + gap
		}
		if rows <= most || room < sign+20 {
			most = rows
			break
		}
	}
	strip, rest := b.below(float64(most)*line + 6)
	if rest.h < leastPlot { // colours that nothing explains say nothing
		return box{b.x, b.y, b.w, 0}
	}
	x, y := 0.0, strip.y
	for i, e := range entries {
		w := sign + c.r.width(texts[i], smallSize)
		if x > 0 && x+w > b.w {
			x, y = 0, y+line
		}
		c.group("legend", "", e.label, e.series, -1)
		draw(e.series, box{strip.x + x, y + line/2 - 4, 16, 8})
		c.write(texts[i], strip.x+x+sign, y+smallSize*ascent, smallSize, c.p.muted)
		c.end()
		x += w + gap
	}
	return rest
}

// figure writes a value for a label.
func (c *figures) figure(v float64, unit string) string { return c.l.with(c.l.rounded(v), clean(unit)) }

// full writes a value for those who want to know it exactly.
func (c *figures) full(v float64, missing bool, unit string) string {
	if missing {
		return c.l.words.missing
	}
	return c.l.with(c.l.exact(v), clean(unit))
}

// label is what a point is called.
func (c *figures) label(p *Point) string {
	if text := clean(p.Label); text != "" {
		return text
	}
	if !p.Time.IsZero() {
		return c.l.moment(p.Time.In(c.zone), c.chart.Interval)
	}
	return clean(p.Key)
}

// describe says in words what is drawn.
func (c *canvas) describe() {
	parts := []string{clean(c.chart.Description)}
	parts = append(parts, c.l.name(c.chart.Type)+": "+c.summary())
	parts = append(parts, c.notes...)
	if c.chart.Type == Table && len(c.tabled().rows) == 0 || c.chart.Type != Table && c.isEmpty() {
		parts[1] = c.l.name(c.chart.Type) + ": " + c.emptySentence()
	}
	var all []string
	for _, part := range parts {
		if part != "" {
			all = append(all, strings.TrimSuffix(part, "."))
		}
	}
	c.desc = strings.Join(all, ". ") + "."
}

// summary says how much there is, and between which values.
func (c *canvas) summary() string {
	w := &c.l.words
	if c.chart.Type == Stat {
		return c.statSentence()
	}
	if c.chart.Type == Table {
		return fmt.Sprintf("%d × %d", len(c.tabled().rows), len(c.tabled().columns))
	}
	var least, greatest *Point
	var low, high int
	for i := range c.chart.Series {
		for j := range c.chart.Series[i].Points {
			p := &c.chart.Series[i].Points[j]
			if p.Missing {
				continue
			}
			if least == nil || p.Value < least.Value {
				least, low = p, i
			}
			if greatest == nil || p.Value > greatest.Value {
				greatest, high = p, i
			}
		}
	}
	say := func(word string, p *Point, series int) string {
		name := c.label(p)
		if label := clean(c.chart.Series[series].Label); label != "" && len(c.chart.Series) > 1 {
			name = label + ", " + name
		}
		return word + ": " + c.full(p.Value, false, c.chart.unitOf(0)) + " (" + name + ")"
	}
	var parts []string
	if len(c.chart.Series) > 1 {
		parts = append(parts, fmt.Sprintf("%s: %d", w.series, len(c.chart.Series)))
	}
	if least != nil {
		parts = append(parts, say(w.from, least, low), say(w.to, greatest, high))
	}
	return strings.Join(parts, "; ")
}
