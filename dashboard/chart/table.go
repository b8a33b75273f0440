package chart

// tableIn draws as many lines and columns of the table as there is room for, and says how many there are besides.
func (c *canvas) tableIn(b box) {
	c.drawn, c.low = 0, c.height
	t, line := c.tabled(), textSize*leading+4
	if len(t.rows) == 0 || len(t.columns) == 0 {
		c.sentence(b, c.emptySentence())
		c.low = c.height - b.h + line*2
		return
	}
	measured := min(max(int((b.h-line)/line), 0), len(t.rows)-c.from)
	widths := c.columnWidths(b.w, measured)
	if left := len(t.columns) - len(widths); left > 0 {
		c.note(c.counted(c.l.words.moreColumns, int64(left)))
	}
	head, rest := b.below(line)
	if len(widths) > 0 && b.h >= line {
		c.headings(head, widths)
		c.drawn, c.low = c.body(rest, widths)
	}
	if left := len(t.rows) - c.from - c.drawn; left > 0 && !c.paged {
		c.note(c.counted(c.l.words.moreRows, int64(left)))
	}
}

func (c *canvas) headings(b box, widths []float64) {
	x := b.x
	for i, w := range widths {
		c.inCell([]string{c.r.fit(c.tabled().columns[i].label, textSize, w-cellPadding)}, box{x, b.y, w, b.h}, c.tabled().columns[i].number, c.p.muted)
		x += w
	}
	c.horizontal(b.x, x, b.bottom(), c.p.axis, 1)
}

// body draws as many lines of a table as fit, and returns how many these are, and how high the drawing must be for them.
func (c *canvas) body(b box, widths []float64) (n int, low float64) {
	y := b.y
	for ; c.from+n < len(c.tabled().rows); n++ {
		cells, height := c.cells(c.tabled().rows[c.from+n], widths, b.h)
		if y+height > b.bottom()+0.01 {
			break
		}
		x := b.x
		if n > 0 {
			c.horizontal(b.x, b.right(), y, c.p.grid, 1)
		}
		for i, w := range widths {
			c.group("cell", c.tabled().rows[c.from+n][i].key, c.cellTitle(c.from+n, i), i, c.from+n)
			c.inCell(cells[i], box{x, y, w, height}, c.tabled().columns[i].number, c.p.text)
			c.end()
			x += w
		}
		y += height
	}
	return n, c.height - (b.bottom() - y)
}

// cells returns the texts of a line of a table. On a screen a text that is too long is cut, on paper it is broken.
func (c *canvas) cells(row []cell, widths []float64, most float64) (texts [][]string, height float64) {
	lines := 1
	for i, w := range widths {
		text := []string{row[i].text}
		if !c.tabled().columns[i].number {
			n := 1
			if c.paged {
				n = max(int(most/(textSize*leading))-1, 1)
			}
			text = c.r.wrap(row[i].text, textSize, w-cellPadding, n)
		}
		texts = append(texts, text)
		lines = max(lines, len(text))
	}
	return texts, float64(lines)*textSize*leading + 4
}

func (c *canvas) cellTitle(n, i int) string {
	row := c.tabled().rows[n]
	if i == 0 {
		return row[0].text
	}
	return row[0].text + ", " + c.tabled().columns[i].label + ": " + row[i].text
}

const cellPadding = 8.0

// inCell writes lines of text into a cell, on the right if right.
func (c *canvas) inCell(lines []string, b box, right bool, ink colour) {
	y := b.y + 2 + textSize*ascent
	for _, text := range lines {
		if right {
			c.before(text, b.right()-cellPadding/2, y, textSize, ink)
		} else {
			c.write(text, b.x+cellPadding/2, y, textSize, ink)
		}
		y += textSize * leading
	}
}

// columnWidths returns how wide the columns are that fit. Those of numbers are as wide as their numbers; those of texts share what is left.
func (c *canvas) columnWidths(room float64, shown int) []float64 {
	t := c.tabled()
	natural := make([]float64, len(t.columns))
	least := make([]float64, len(t.columns))
	for i, col := range t.columns {
		natural[i] = c.r.width(c.r.fit(col.label, textSize, room), textSize)
		least[i] = min(natural[i], 40)
		if col.number {
			least[i] = min(natural[i], 120)
		}
		for _, row := range t.rows[c.from : c.from+shown] {
			if col.number {
				least[i] = max(least[i], c.r.width(row[i].text, textSize))
				natural[i] = max(natural[i], least[i])
			} else {
				natural[i] = max(natural[i], c.r.width(c.r.fit(row[i].text, textSize, room), textSize))
				least[i] = max(least[i], min(natural[i], 60))
			}
		}
		natural[i] += cellPadding + 1
		least[i] += cellPadding + 1
	}
	n, sum := 0, 0.0
	for n < len(least) && sum+least[n] <= room {
		sum += least[n]
		n++
	}
	widths := least[:n]
	wanted := 0.0
	for i := range widths {
		wanted += natural[i] - widths[i]
	}
	if wanted > 0 {
		share := min((room-sum)/wanted, 1)
		for i := range widths {
			widths[i] += (natural[i] - widths[i]) * share
		}
	}
	total := 0.0
	for _, w := range widths {
		total += w
	}
	for i := range widths { // the lines of a table go from side to side
		widths[i] += max(room-total, 0) / float64(n)
	}
	return widths
}
