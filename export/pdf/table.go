package pdf

import (
	"fmt"

	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/internal/typeset"
)

// A table is how records are laid out on pages.
type table struct {
	widths   []float64 // of the columns, with their padding
	bands    [][]int   // the columns that stand beside each other, on pages of their own
	headings [][]typeset.Line
	head     float64        // height of the headings
	top      []typeset.Line // above the first table
	topSizes []float64
	topLeft  float64 // height of top

	rows []piece // of the page
	used float64 // height of these
	page int     // how many pages are full, each with all its bands
}

// A piece is a row, or as much of it as fits on a page.
type piece struct {
	cells  [][]typeset.Line
	right  []bool
	height float64
}

// layOut makes the columns as wide as what stands in the sample of them, within reason.
func (e *encoder) layOut() {
	headings := e.t.Headings()
	natural := make([]float64, len(headings))
	for c, heading := range headings {
		natural[c] = points(e.set.Natural(heading))
		for _, r := range e.sample {
			natural[c] = max(natural[c], points(e.set.Natural(r.texts[c])))
		}
		natural[c] += 2*padding + 0.1
		e.widths = append(e.widths, min(max(natural[c], minColumn), maxColumn))
	}
	e.bands = bands(e.widths)
	if len(e.bands) == 1 {
		widen(e.widths, natural)
	}
	for c, heading := range headings {
		lines := e.set.Set(heading, e.inside(c))
		e.headings = append(e.headings, lines)
		e.head = max(e.head, height(len(lines)))
	}
	e.top, e.topSizes = e.above()
	for _, size := range e.topSizes {
		e.topLeft += size * lineHeight / textSize
	}
	e.topLeft += lineHeight
	if e.topLeft > pageHeight/2 || e.topLeft+e.head > pageHeight-margin-bottom-height(3) {
		e.writeTop()
	}
	if e.head > pageHeight/2 && e.f.Err == nil {
		e.f.Err = fmt.Errorf("%w: a heading is higher than half a page", export.ErrTooMany)
	}
}

// writeTop writes what stands above the table on pages of its own.
func (e *encoder) writeTop() {
	for len(e.top) > 0 {
		y := pageHeight - margin
		var b []byte
		for len(e.top) > 0 && y > bottom+2*titleSize {
			y -= e.topSizes[0] * lineHeight / textSize
			b = e.set.AppendLine(b, e.top[0], margin, y, e.topSizes[0])
			e.top, e.topSizes = e.top[1:], e.topSizes[1:]
		}
		e.write(e.appendFooter(b, nil))
	}
	e.topLeft = 0
}

// bands divides columns into those that fit beside each other, with the first in each.
func bands(widths []float64) [][]int {
	var all [][]int
	band, width := []int{0}, widths[0]
	for c := 1; c < len(widths); c++ {
		if width+widths[c] > innerWidth && len(band) > 1 {
			all = append(all, band)
			band, width = []int{0}, widths[0]
		}
		band, width = append(band, c), width+widths[c]
	}
	return append(all, band)
}

// widen gives the room that is left to columns that could do with it.
func widen(widths, natural []float64) {
	left := innerWidth
	wanted := 0.0
	for c := range widths {
		left -= widths[c]
		wanted += max(natural[c]-widths[c], 0)
	}
	if wanted == 0 || left <= 0 {
		return
	}
	share := min(left/wanted, 1)
	for c := range widths {
		widths[c] += max(natural[c]-widths[c], 0) * share
	}
}

// inside is how wide the text of a column may be, in 1/1000 of its size.
func (e *encoder) inside(column int) float64 {
	return (e.widths[column] - 2*padding) * 1000 / textSize
}

func height(lines int) float64 { return float64(lines)*lineHeight + padding }

// room is how high the rows of the current page may be.
func (e *encoder) room() float64 {
	room := pageHeight - margin - bottom - e.head
	if e.page == 0 {
		room -= e.topLeft
	}
	return room
}

// place puts a row onto the page, or what does not fit onto the next ones.
func (e *encoder) place(r row) {
	cells := make([][]typeset.Line, len(r.texts))
	most := 1
	for c, text := range r.texts {
		cells[c] = e.set.Set(text, e.inside(c))
		most = max(most, len(cells[c]))
	}
	full := pageHeight - margin - bottom - e.head
	for from := 0; from < most; {
		left := e.room() - e.used
		n := most - from
		if height(n) > left && (height(n) <= full || left < height(3)) && len(e.rows) > 0 {
			e.endPage(nil)
			continue
		}
		if height(n) > left {
			n = max(int((left-padding)/lineHeight), 1)
		}
		p := piece{right: r.right, height: height(n)}
		for _, lines := range cells {
			p.cells = append(p.cells, lines[min(from, len(lines)):min(from+n, len(lines))])
		}
		e.rows = append(e.rows, p)
		e.used += p.height
		from += n
	}
}

// end ends the table with some lines.
func (e *encoder) end(below []typeset.Line) {
	if height(len(below))+lineHeight > e.room()-e.used && len(e.rows) > 0 {
		e.endPage(nil)
	}
	e.endPage(below)
}

// endPage writes the page: one for each band of columns.
func (e *encoder) endPage(below []typeset.Line) {
	for i, band := range e.bands {
		y := pageHeight - margin
		var b []byte
		if e.page == 0 && e.topLeft > 0 {
			for j, l := range e.top {
				y -= e.topSizes[j] * lineHeight / textSize
				if i == 0 {
					b = e.set.AppendLine(b, l, margin, y, e.topSizes[j])
				}
			}
			y -= lineHeight
		}
		b, y = e.appendTable(b, band, y)
		if i == len(e.bands)-1 {
			for _, l := range below {
				y -= lineHeight
				b = e.set.AppendLine(b, l, margin, y-padding, textSize)
			}
		}
		e.write(e.appendFooter(b, band))
	}
	e.rows, e.used = e.rows[:0], 0
	e.page++
}

// appendTable draws the columns of a band.
func (e *encoder) appendTable(b []byte, band []int, y float64) ([]byte, float64) {
	width := 0.0
	for _, c := range band {
		width += e.widths[c]
	}
	b = fmt.Appendf(b, "0.87 0.9 0.93 rg %.2f %.2f %.2f %.2f re f 0 g\n", margin, y-e.head, width, e.head)
	x := margin
	for _, c := range band {
		b = e.appendCell(b, e.headings[c], x, y, e.widths[c], false)
		x += e.widths[c]
	}
	y -= e.head
	for i := range e.rows {
		p := &e.rows[i]
		x = margin
		for _, c := range band {
			b = e.appendCell(b, p.cells[c], x, y, e.widths[c], p.right[c])
			x += e.widths[c]
		}
		y -= p.height
		b = fmt.Appendf(b, "0.8 g %.2f %.2f %.2f 0.4 re f 0 g\n", margin, y, width)
	}
	return b, y
}

func (e *encoder) appendCell(b []byte, lines []typeset.Line, x, y, width float64, right bool) []byte {
	for _, l := range lines {
		y -= lineHeight
		at := x + padding
		if right {
			at = x + width - padding - points(l.Width)
		}
		if len(l.Words) > 1 || l.Width > 0 {
			b = e.set.AppendLine(b, l, at, y+padding/2, textSize)
		}
	}
	return b
}

// appendFooter says which page it is. How many there are is drawn once the last is done.
func (e *encoder) appendFooter(b []byte, band []int) []byte {
	say := func(text string, x float64) float64 {
		l := e.set.Set(text, innerWidth*1000)[0]
		b = e.set.AppendLine(b, l, x, margin, textSize)
		return x + points(l.Width)
	}
	x := say(fmt.Sprintf("Page %d of ", len(e.pages)+1), margin)
	b = fmt.Appendf(b, "q 1 0 0 1 %.2f %.2f cm /N Do Q\n", x, margin)
	if len(e.bands) > 1 && len(band) > 1 {
		say(fmt.Sprintf("Columns %d to %d of %d, and the first", band[1]+1, band[len(band)-1]+1, len(e.widths)), margin+120)
	}
	return b
}

// write writes a page.
func (e *encoder) write(content []byte) {
	data, page := e.f.Reserve(), e.f.Reserve()
	e.f.Stream(data, "", content)
	e.f.Object(page, "<</Type/Page/Parent %d 0 R/Resources %d 0 R/Contents %d 0 R>>", e.pagesID, e.resources, data)
	e.pages = append(e.pages, page)
}
