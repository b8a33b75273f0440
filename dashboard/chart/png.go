package chart

import (
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"math"
	"strconv"

	"golang.org/x/image/vector"

	"github.com/digit-health/dhr/internal/typeset"
)

// maxPixels is how many a picture may have.
const maxPixels = 64 << 20

// PNG writes the drawing as an image of scale pixels for each of its own, 2 for screens that are twice as fine. A picture of more than 67 million
// pixels is refused.
func (d *Drawing) PNG(w io.Writer, scale float64) error {
	if !(scale > 0 && scale <= 16 && d.width*d.height*scale*scale <= maxPixels) {
		return refuse(ErrShape, strconv.FormatFloat(scale, 'g', -1, 64), "scale")
	}
	r, err := borrowRuler()
	if err != nil {
		return err
	}
	defer r.giveBack()
	c := &colourist{r: r, scale: float32(scale), image: image.NewNRGBA(image.Rect(0, 0, int(math.Ceil(d.width*scale)), int(math.Ceil(d.height*scale))))}
	if d.background != none {
		draw.Draw(c.image, c.image.Bounds(), image.NewUniform(rgb(d.background)), image.Point{}, draw.Src)
	}
	for i := range d.marks {
		c.mark(&d.marks[i])
	}
	return png.Encode(w, c.image)
}

// A colourist puts marks onto an image.
type colourist struct {
	r     *ruler
	scale float32
	image *image.NRGBA
	pen   vector.Rasterizer
	at    image.Point // of the pen's first pixel
}

func rgb(c colour) color.NRGBA {
	return color.NRGBA{uint8(c >> 16), uint8(c >> 8), uint8(c), 255}
}

// An outline is a path of straight lines and curves that is filled.
type outline []segment

// fill fills paths, each of which stands for itself, so that one does not make a hole in another.
func (c *colourist) fill(paths []outline, ink colour) {
	low, high := [2]float64{math.Inf(1), math.Inf(1)}, [2]float64{math.Inf(-1), math.Inf(-1)}
	for _, path := range paths {
		for _, s := range path {
			for i := 0; i < points(s.op); i += 2 {
				for j := range 2 {
					low[j], high[j] = min(low[j], s.at[i+j]), max(high[j], s.at[i+j])
				}
			}
		}
	}
	k := float64(c.scale)
	area := image.Rect(int(math.Floor(low[0]*k))-1, int(math.Floor(low[1]*k))-1, int(math.Ceil(high[0]*k))+1, int(math.Ceil(high[1]*k))+1).Intersect(c.image.Bounds())
	if area.Empty() {
		return
	}
	c.at = area.Min
	c.pen.Reset(area.Dx(), area.Dy())
	for _, path := range paths {
		c.trace(path)
	}
	c.pen.Draw(c.image, area, image.NewUniform(rgb(ink)), image.Point{})
}

// points says how many numbers a segment has.
func points(op byte) int {
	switch op {
	case 'M', 'L':
		return 2
	case 'C':
		return 6
	}
	return 0
}

func (c *colourist) trace(path outline) {
	p := func(x, y float64) (float32, float32) {
		return float32(x)*c.scale - float32(c.at.X), float32(y)*c.scale - float32(c.at.Y)
	}
	for _, s := range path {
		x, y := p(s.at[0], s.at[1])
		switch s.op {
		case 'M':
			c.pen.MoveTo(x, y)
		case 'L':
			c.pen.LineTo(x, y)
		case 'C':
			x2, y2 := p(s.at[2], s.at[3])
			x3, y3 := p(s.at[4], s.at[5])
			c.pen.CubeTo(x, y, x2, y2, x3, y3)
		default:
			c.pen.ClosePath()
		}
	}
}

func (c *colourist) mark(m *mark) {
	var path outline
	switch m.kind {
	case rectMark:
		path = outline{move(m.x, m.y), lineTo(m.x+m.w, m.y), lineTo(m.x+m.w, m.y+m.h), lineTo(m.x, m.y+m.h), closed}
	case circleMark:
		path = append(arc(outline{move(m.x, m.y-m.w)}, m.x, m.y, m.w, 0, 2*math.Pi), closed)
	case pathMark:
		path = m.path
	case textMark:
		c.text(m)
		return
	default:
		return
	}
	if m.fill != none {
		c.fill([]outline{path}, m.fill)
	}
	if m.line != none {
		c.fill(stroked(dashed(flat(path), m.dash), m.thick), m.line)
	}
}

// text draws the outlines of a text's glyphs.
func (c *colourist) text(m *mark) {
	l := c.r.set.Single(m.text)
	k := m.h / 1000
	x := m.x
	var paths []outline
	for i, w := range l.Words {
		if i > 0 {
			x += c.r.latin[' '] * k
		}
		for _, run := range w.Runs {
			for _, g := range run.Glyphs {
				paths = append(paths, glyphAt(c.r.set.Outline(run.Font, g.ID), x+g.DX*k, m.y-g.DY*k, k))
				x += g.Advance * k
			}
		}
	}
	for _, path := range paths { // one by one, since letters that touch must not be twice as dark
		if len(path) > 0 {
			c.fill([]outline{path}, m.fill)
		}
	}
}

// glyphAt returns the outline of a glyph at a place.
func glyphAt(segments []typeset.Segment, x, y, k float64) outline {
	var path outline
	var px, py float64
	at := func(s typeset.Segment, i int) (float64, float64) { return x + s.At[2*i]*k, y - s.At[2*i+1]*k }
	for _, s := range segments {
		x1, y1 := at(s, 0)
		switch s.Op {
		case 'M':
			if len(path) > 0 {
				path = append(path, closed)
			}
			path = append(path, move(x1, y1))
			px, py = x1, y1
		case 'L':
			path = append(path, lineTo(x1, y1))
			px, py = x1, y1
		case 'Q':
			x2, y2 := at(s, 1)
			path = append(path, segment{'C', [6]float64{px + (x1-px)*2/3, py + (y1-py)*2/3, x2 + (x1-x2)*2/3, y2 + (y1-y2)*2/3, x2, y2}})
			px, py = x2, y2
		default:
			x2, y2 := at(s, 1)
			x3, y3 := at(s, 2)
			path = append(path, segment{'C', [6]float64{x1, y1, x2, y2, x3, y3}})
			px, py = x3, y3
		}
	}
	if len(path) > 0 {
		path = append(path, closed)
	}
	return path
}
