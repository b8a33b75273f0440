package chart

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// A Report is several charts on pages of A4, such as a dashboard. The first page begins with the title, the question, who asks, when, and the
// zone of the times; each says which page it is of how many.
type Report struct {
	Title    string
	Question string // what all charts ask, if they do
	User     string
	At       time.Time      // when the figures were found. If zero, it is not said
	Zone     *time.Location // of At. If nil, UTC
	Locale   string         // of the words of the report. If empty, "en"
	Items    []Item
}

// An Item is one chart of a report. Items stand beside each other as long as there is room. A table goes on over
// as many pages as it needs, so that no line of it is missing.
type Item struct {
	Chart    *Chart
	Question string  // stands below the chart
	Error    string  // the sentence that stands there instead of the chart, because it could not be had
	Columns  int     // of the twelve of a page. If zero, twelve
	Height   float64 // in points. If zero, what suits the width
	Figures  bool    // below the chart stands a table of its figures, with all names in full
}

// Lengths of a page in points.
const (
	paperWidth, paperHeight = 595.28, 841.89
	paperMargin, paperGap   = 36.0, 14.0
	paperText, paperTitle   = 8.5, 15.0
	paperScale              = 0.75 // of charts, whose letters are those of a screen
	paperInner              = paperWidth - 2*paperMargin
	paperFloor              = paperMargin + 18
)

// A printer lays a report out.
type printer struct {
	*press
	r     *Report
	l     *locale
	b     []byte
	y     float64 // the upper edge of what is free
	fresh bool    // nothing stands on the page yet
}

// PDF writes the report. Its bytes are the same whenever the report is the same. If a chart is refused, the error says which, and what has
// been written is of no use.
func (r *Report) PDF(w io.Writer) error {
	l, err := localeOf(r.Locale)
	if err != nil {
		return err
	}
	pr, err := newPress(w)
	if err != nil {
		return err
	}
	p := &printer{press: pr, r: r, l: l, y: paperHeight - paperMargin}
	p.head()
	for from := 0; from < len(r.Items); {
		n, err := p.row(from)
		if err != nil {
			return err
		}
		from += n
	}
	if p.lacking > 0 {
		p.say(fmt.Sprintf("%s: %d", l.words.lacking, p.lacking), paperMargin, paperInner, paperText)
	}
	p.turn()
	for i := range p.pages {
		text := fmt.Sprintf(l.words.page, i+1, len(p.pages))
		p.pages[i] = p.appendText(p.pages[i], text, paperMargin, paperMargin, paperText, themes[Light].muted)
	}
	return p.finish(paperWidth, paperHeight, clean(r.Title), l.language(), r.At)
}

// head writes what the report is about.
func (p *printer) head() {
	w, zone := &p.l.words, p.r.Zone
	if zone == nil {
		zone = time.UTC
	}
	p.say(clean(p.r.Title), paperMargin, paperInner, paperTitle)
	if q := clean(p.r.Question); q != "" {
		p.say(w.question+": "+q, paperMargin, paperInner, paperText)
	}
	line := w.zone + ": " + zone.String()
	if !p.r.At.IsZero() {
		at := p.r.At.In(zone)
		line = w.at + ": " + p.l.date(at) + ", " + clock(at.Truncate(time.Second)) + " · " + line
	}
	if user := clean(p.r.User); user != "" {
		line = w.by + ": " + user + " · " + line
	}
	p.say(line, paperMargin, paperInner, paperText)
	p.y -= paperGap
}

// say writes a text as it is broken into lines, on further pages if it must.
func (p *printer) say(text string, x, room, size float64) {
	if text == "" {
		return
	}
	for _, line := range p.set.Set(text, room*1000/size) {
		if p.y-size*leading < paperFloor {
			p.turn()
		}
		p.b = appendFill(p.b, themes[Light].text)
		p.b = p.set.AppendLine(p.b, line, x, p.y-size*ascent, size)
		p.y -= size * leading
		p.fresh = false
	}
}

// turn begins a page.
func (p *printer) turn() {
	p.pages = append(p.pages, p.b)
	p.b, p.y, p.fresh = nil, paperHeight-paperMargin, true
}

func (i *Item) columns() int {
	if i.Columns < 1 || i.Columns > 12 {
		return 12
	}
	return i.Columns
}

func (i *Item) width() float64 {
	return (paperInner+paperGap)/12*float64(i.columns()) - paperGap
}

func (i *Item) height() float64 {
	h := i.Height
	if h <= 0 {
		h = min(max(i.width()*0.5, 130), 212)
	}
	return min(max(h, minHeight*paperScale), paperHeight-2*paperMargin-120)
}

// row prints the items that stand beside each other from one on, and returns how many.
func (p *printer) row(from int) (int, error) {
	first := &p.r.Items[from]
	if first.Chart != nil && first.Chart.Type == Table && first.Error == "" {
		return 1, p.table(first.Chart, clean(first.Question), from)
	}
	n, used, height := 0, 0, 0.0
	for _, item := range p.r.Items[from:] {
		if used += item.columns(); used > 12 || n > 0 && item.Chart != nil && item.Chart.Type == Table {
			break
		}
		n++
		height = max(height, item.height())
	}
	if p.y-height-26 < paperFloor && !p.fresh {
		p.turn()
	}
	x, top, low := paperMargin, p.y, p.y-height
	var captions []string
	var lefts, widths []float64
	for i := range n {
		item := &p.r.Items[from+i]
		if err := p.draw(item, x, top, from+i); err != nil {
			return 0, err
		}
		captions, lefts, widths = append(captions, clean(item.Question)), append(lefts, x), append(widths, item.width())
		x += item.width() + paperGap
	}
	p.y, p.fresh = low, false
	p.captions(captions, lefts, widths)
	p.y -= paperGap
	return n, p.figures(p.r.Items[from:from+n], from)
}

// captions writes what charts that stand beside each other ask: if it is short, below each, and else one after the other.
func (p *printer) captions(texts []string, lefts, widths []float64) {
	low := p.y
	for i, text := range texts {
		if text == "" {
			continue
		}
		lines := p.set.Set(text, widths[i]*1000/paperText)
		if float64(len(lines))*paperText*leading > p.y-paperFloor {
			p.y = low
			p.say(text, paperMargin, paperInner, paperText)
			low = p.y
			continue
		}
		y := p.y
		for _, line := range lines {
			p.b = appendFill(p.b, themes[Light].muted)
			p.b = p.set.AppendLine(p.b, line, lefts[i], y-paperText*ascent, paperText)
			y -= paperText * leading
		}
		low = min(low, y)
	}
	p.y = low
}

// draw draws one chart.
func (p *printer) draw(item *Item, x, y float64, nth int) error {
	c := item.Chart
	if c == nil {
		c = &Chart{Type: Stat, Locale: p.r.Locale}
	}
	if item.Error != "" {
		c = &Chart{Type: c.Type, Title: c.Title, Locale: c.Locale, Empty: item.Error}
	}
	d, err := Layout(c, &Options{Width: item.width() / paperScale, Height: item.height() / paperScale})
	if err != nil {
		return inItem(err, nth)
	}
	p.b = p.appendDrawing(p.b, d, x, y, paperScale)
	return nil
}

func inItem(err error, nth int) error {
	var e *Error
	if errors.As(err, &e) {
		return &Error{Place: fmt.Sprintf("items[%d].%s", nth, e.Place), Found: e.Found, Reason: e.Reason}
	}
	return err
}

// figures prints the tables below charts.
func (p *printer) figures(items []Item, from int) error {
	for i, item := range items {
		if !item.Figures || item.Chart == nil || item.Error != "" {
			continue
		}
		c := *item.Chart
		c.Type, c.Notes = Table, nil
		if err := p.table(&c, "", from+i); err != nil {
			return err
		}
	}
	return nil
}

// table prints all of a table.
func (p *printer) table(c *Chart, caption string, nth int) error {
	for from := 0; ; {
		room := (p.y - paperFloor) / paperScale
		if room < 6*textSize*leading && !p.fresh {
			p.turn()
			continue
		}
		d, err := p.part(c, room, from)
		if err != nil {
			return inItem(err, nth)
		}
		left := len(d.tabled().rows) - from - d.drawn
		if d.drawn == 0 && left > 0 && !p.fresh {
			p.turn()
			continue
		}
		p.b = p.appendDrawing(p.b, d, paperMargin, p.y, paperScale)
		p.y -= d.low * paperScale
		p.fresh = false
		if from += d.drawn; left == 0 || d.drawn == 0 {
			break
		}
		p.turn()
	}
	p.captions([]string{caption}, []float64{paperMargin}, []float64{paperInner})
	p.y -= paperGap
	return nil
}

// part lays out as much of a table as there is room for, and no higher than it must be.
func (p *printer) part(c *Chart, room float64, from int) (*Drawing, error) {
	opts := &Options{Width: paperInner / paperScale, Height: max(room, minHeight)}
	d, err := layout(c, opts, from, true)
	if err != nil || from+d.drawn < len(d.tabled().rows) {
		return d, err
	}
	opts.Height = min(max(d.low+12, minHeight), opts.Height)
	lower, err := layout(c, opts, from, true)
	if err != nil || lower.drawn < d.drawn {
		return d, err
	}
	lower.low = lower.height
	return lower, nil
}
