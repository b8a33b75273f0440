package chart

import "math"

// pieIn draws a ring, and beside or below it what each part is, how large, and how much of the whole.
func (c *canvas) pieIn(b box) {
	m := c.matrixOf()
	line := textSize * leading
	beside := b.w >= b.h*1.25
	diameter := min(b.h, b.w*0.45, 320)
	if !beside {
		diameter = min(b.w, b.h*0.55, 320)
	}
	list := box{b.x + diameter + 20, b.y, b.w - diameter - 20, b.h}
	if !beside {
		list = box{b.x, b.y + diameter + 10, b.w, b.h - diameter - 10}
	}
	most := min(int(list.h/line), maxSeries)
	if most < 2 && len(m.categories) > 1 || most < 1 {
		c.sentence(b, c.l.words.crowded)
		return
	}
	c.fewer(m, most)
	total := 0.0
	for _, v := range m.series[0].cells {
		total += v.v
	}
	ring := box{b.x, b.y + (b.h-diameter)/2, diameter, diameter}
	if !beside {
		ring = box{b.x + (b.w-diameter)/2, b.y, diameter, diameter}
	}
	c.ring(ring, m, total)
	c.parts(list, m, total)
}

// sliceColour is the colour of a part.
func (c *canvas) sliceColour(m *matrix, k int) colour {
	if m.categories[k].rest {
		return c.p.rest
	}
	return c.p.of(k)
}

func (c *canvas) sliceTitle(m *matrix, k int, total float64) string {
	v := m.series[0].cells[k]
	title := m.categories[k].label + ": " + c.full(v.v, v.missing, c.chart.unitOf(0))
	if share := c.l.share(v.v, total); share != "" && !v.missing {
		title += " (" + share + ")"
	}
	return title
}

func (c *canvas) ring(b box, m *matrix, total float64) {
	x, y, r := b.x+b.w/2, b.y+b.h/2, b.w/2
	hole := r * 0.58
	if total == 0 {
		c.circle(x, y, (r+hole)/2, none, c.p.grid, r-hole)
	}
	gap := min(1.5/r, 0.03) // of an angle, between parts
	several := 0
	for _, v := range m.series[0].cells {
		if v.v > 0 {
			several++
		}
	}
	angle := 0.0
	for k, v := range m.series[0].cells {
		if v.v == 0 || total == 0 {
			continue
		}
		turn := v.v / total * 2 * math.Pi
		from, to := angle, angle+turn
		angle = to
		if several > 1 && turn > 4*gap { // a part that is no wider than a gap is drawn whole
			from, to = from+gap/2, to-gap/2
		}
		c.group("point", v.key, c.sliceTitle(m, k, total), 0, v.nth())
		path := arc([]segment{move(x+r*math.Sin(from), y-r*math.Cos(from))}, x, y, r, from, to)
		if several == 1 {
			path = append(path, closed, move(x+hole*math.Sin(to), y-hole*math.Cos(to)))
		} else {
			path = append(path, lineTo(x+hole*math.Sin(to), y-hole*math.Cos(to)))
		}
		c.shape(append(arc(path, x, y, hole, to, from), closed), c.sliceColour(m, k), none, 0)
		c.end()
	}
	c.inHole(x, y, hole, total)
}

// inHole writes the sum, if there is room for it.
func (c *canvas) inHole(x, y, hole, total float64) {
	text := c.figure(total, c.chart.unitOf(0))
	size := min(hole*0.5, 22)
	if w := c.r.width(text, size); w > hole*1.7 {
		size *= hole * 1.7 / w
	}
	if size < 9 {
		return
	}
	c.center(text, x, middle(y, size), size, c.p.text)
	if word := c.l.words.total; size*0.6 >= 9 && c.r.width(word, smallSize) < hole*1.4 {
		c.center(word, x, y+size*0.5+smallSize*1.25, smallSize, c.p.muted)
	}
}

// parts lists the parts: colour, name, number and share. Names are cut where there is no room, numbers never are.
func (c *canvas) parts(b box, m *matrix, total float64) {
	line := textSize * leading
	n := len(m.categories)
	line = min(line*1.25, max(line, b.h/float64(max(n, 1))))
	y := b.y + max((b.h-line*float64(n))/2, 0)
	if total == 0 {
		c.note(c.l.words.zero)
	}
	var numbers, shares []string
	wide, share := 0.0, 0.0
	for k, v := range m.series[0].cells {
		numbers = append(numbers, c.figure(v.v, c.chart.unitOf(0)))
		shares = append(shares, c.l.share(v.v, total))
		if v.missing {
			numbers[k], shares[k] = c.l.words.missing, ""
		}
		wide, share = max(wide, c.r.width(numbers[k], textSize)), max(share, c.r.width(shares[k], textSize))
	}
	const sign, gap, least = 18.0, 10.0, 30.0
	right := b.right()
	if b.w-sign-gap-wide-gap-share < least { // shares can be read off the ring
		share = 0
		clear(shares)
	} else if longest := c.longest(m); sign+longest+gap+wide+gap+share < b.w {
		right = b.x + sign + longest + gap + wide + gap + share
	}
	if b.w-sign-gap-wide < least {
		wide = 0
		clear(numbers)
	}
	room := right - b.x - sign - wide - share - gap*2
	if share == 0 {
		room += gap
	}
	if wide == 0 {
		room += gap
	}
	for k := range m.categories {
		if y+line > b.bottom()+0.01 {
			break
		}
		base := middle(y+line/2, textSize)
		c.group("point", m.series[0].cells[k].key, c.sliceTitle(m, k, total), 0, m.series[0].cells[k].nth())
		c.rect(box{b.x, y + line/2 - 5, 10, 10}, c.sliceColour(m, k))
		c.write(c.shorter(m.categories[k].label, m.categories[k].rest, textSize, room), b.x+sign, base, textSize, c.p.text)
		c.before(shares[k], right, base, textSize, c.p.muted)
		at := right
		if share > 0 {
			at -= share + gap
		}
		c.before(numbers[k], at, base, textSize, c.p.text)
		c.end()
		y += line
	}
}

func (c *canvas) longest(m *matrix) float64 {
	longest := 0.0
	for _, each := range m.categories {
		longest = max(longest, c.r.width(c.r.fit(each.label, textSize, 400), textSize))
	}
	return longest
}
