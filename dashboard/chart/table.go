package chart

// tableIn draws as many lines and columns of the table as there is room for, and says how many there are besides.
func (c *canvas) tableIn(b box) {
	t, line := &c.table, textSize*leading+4
	if len(t.rows) == 0 || len(t.columns) == 0 {
		c.sentence(b, c.emptySentence())
		c.low = c.height - b.h + line*2
		return
	}
	shown := min(max(int((b.h-line)/line), 0), len(t.rows)-c.from)
	c.drawn, c.low = shown, c.height-b.h+line*float64(shown+1)
	if left := len(t.rows) - c.from - shown; left > 0 && !c.paged {
		c.note(c.counted(c.l.words.moreRows, int64(left)))
	}
	widths := c.columnWidths(b.w, shown)
	if left := len(t.columns) - len(widths); left > 0 {
		c.note(c.counted(c.l.words.moreColumns, int64(left)))
	}
	if len(widths) == 0 || b.h < line {
		return
	}
	head, rest := b.below(line)
	x := head.x
	for i, w := range widths {
		c.inCell(t.columns[i].label, box{x, head.y, w, line}, t.columns[i].number, false, c.p.muted)
		x += w
	}
	c.horizontal(b.x, x, head.bottom(), c.p.axis, 1)
	for n := range shown {
		y := rest.y + float64(n)*line
		x = rest.x
		for i, w := range widths {
			each := t.rows[c.from+n][i]
			at := box{x, y, w, line}
			c.group("cell", each.key, c.cellTitle(c.from+n, i), i, c.from+n)
			c.inCell(each.text, at, t.columns[i].number, t.columns[i].number, c.p.text)
			c.end()
			x += w
		}
		if n+1 < shown {
			c.horizontal(b.x, x, y+line, c.p.grid, 1)
		}
	}
}

func (c *canvas) cellTitle(n, i int) string {
	row := c.table.rows[n]
	if i == 0 {
		return row[0].text
	}
	return row[0].text + ", " + c.table.columns[i].label + ": " + row[i].text
}

const cellPadding = 8.0

// inCell writes a text into a cell, on the right if right. A number is there as a whole, since its column is as wide.
func (c *canvas) inCell(text string, b box, right, number bool, ink colour) {
	room := b.w - cellPadding
	if !number {
		text = c.r.fit(text, textSize, room)
	}
	y := middle(b.y+b.h/2, textSize)
	if right {
		c.before(text, b.right()-cellPadding/2, y, textSize, ink)
		return
	}
	c.write(text, b.x+cellPadding/2, y, textSize, ink)
}

// columnWidths returns how wide the columns are that fit. Those of numbers are as wide as their numbers; those of texts share what is left.
func (c *canvas) columnWidths(room float64, shown int) []float64 {
	t := &c.table
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
