package chart

import (
	"math"
	"sync"
)

// A colour is 0xRRGGBB.
type colour int32

// none is no colour.
const none colour = -1

// A kind is what a mark draws.
type kind uint8

const (
	rectMark kind = iota
	circleMark
	pathMark
	textMark
	targetMark // a circle that is not seen but can be pointed at
	groupMark  // what follows until endMark belongs together
	endMark
)

// A mark is one thing of a drawing.
type mark struct {
	kind        kind
	x, y, w, h  float64 // of a rectangle; x, y and w of a circle, its radius; x and y of a text's left end on its line, and its width w and size h
	path        []segment
	fill, line  colour
	thick       float64   // of the line
	dash        []float64 // of the line
	text        string    // of a text; of a group, its title
	class       string
	key         string // of a group
	series, nth int    // of a group that is a point, or -1
}

// A segment of a path: M and L go to the last of its points, C is a curve, Z closes.
type segment struct {
	op byte
	at [6]float64
}

// A Drawing is a chart that has its places: what to draw, in order. It never changes, and is for any number of goroutines.
type Drawing struct {
	width, height float64
	id            string
	locale        *locale
	title, desc   string
	background    colour
	marks         []mark
	figures       *figures
	tabulated     sync.Once
	table         table
	drawn         int     // how many rows of the table are drawn, of a Table
	low           float64 // how high the drawing must be for these
}

// Size returns how large the drawing is.
func (d *Drawing) Size() (width, height float64) { return d.width, d.height }

// Title returns the title of the chart, whether it is drawn or not.
func (d *Drawing) Title() string { return d.title }

// Description says in words what is drawn.
func (d *Drawing) Description() string { return d.desc }

func (d *Drawing) add(m mark) { d.marks = append(d.marks, m) }

func (d *Drawing) rect(b box, fill colour) {
	d.add(mark{kind: rectMark, x: b.x, y: b.y, w: b.w, h: b.h, fill: fill, line: none})
}

func (d *Drawing) circle(x, y, r float64, fill, line colour, thick float64) {
	d.add(mark{kind: circleMark, x: x, y: y, w: r, fill: fill, line: line, thick: thick})
}

func (d *Drawing) lines(path []segment, line colour, thick float64, dash []float64) {
	d.add(mark{kind: pathMark, path: path, fill: none, line: line, thick: thick, dash: dash})
}

func (d *Drawing) shape(path []segment, fill, line colour, thick float64) {
	d.add(mark{kind: pathMark, path: path, fill: fill, line: line, thick: thick})
}

func (d *Drawing) horizontal(x, to, y float64, line colour, thick float64) {
	d.lines([]segment{move(x, y), lineTo(to, y)}, line, thick, nil)
}

func (d *Drawing) vertical(x, y, to float64, line colour, thick float64) {
	d.lines([]segment{move(x, y), lineTo(x, to)}, line, thick, nil)
}

// group begins what belongs to one point.
func (d *Drawing) group(class, key, title string, series, nth int) {
	d.add(mark{kind: groupMark, class: class, key: key, text: title, series: series, nth: nth})
}

func (d *Drawing) end() { d.add(mark{kind: endMark}) }

func move(x, y float64) segment   { return segment{'M', [6]float64{x, y}} }
func lineTo(x, y float64) segment { return segment{'L', [6]float64{x, y}} }

// closed is the end of a closed path.
var closed = segment{op: 'Z'}

// arc appends an arc of a circle from one angle to another, clockwise from the top, as curves of a right angle at most.
func arc(path []segment, x, y, r, from, to float64) []segment {
	n := max(math.Ceil(math.Abs(to-from)/(math.Pi/2)-1e-9), 1)
	by := (to - from) / n
	k := 4.0 / 3 * math.Tan(by/4) * r
	for range int(n) {
		end := from + by
		path = append(path, segment{'C', [6]float64{
			x + r*math.Sin(from) + k*math.Cos(from), y - r*math.Cos(from) + k*math.Sin(from),
			x + r*math.Sin(end) - k*math.Cos(end), y - r*math.Cos(end) - k*math.Sin(end),
			x + r*math.Sin(end), y - r*math.Cos(end),
		}})
		from = end
	}
	return path
}

// A box is a part of a drawing.
type box struct{ x, y, w, h float64 }

func (b box) right() float64  { return b.x + b.w }
func (b box) bottom() float64 { return b.y + b.h }

// inset returns the box without a margin.
func (b box) inset(by float64) box {
	return box{b.x + by, b.y + by, max(b.w-2*by, 0), max(b.h-2*by, 0)}
}

// below takes a strip off the top, and returns it and the rest.
func (b box) below(height float64) (top, rest box) {
	height = min(height, b.h)
	return box{b.x, b.y, b.w, height}, box{b.x, b.y + height, b.w, b.h - height}
}

// above takes a strip off the bottom.
func (b box) above(height float64) (rest, bottom box) {
	height = min(height, b.h)
	return box{b.x, b.y, b.w, b.h - height}, box{b.x, b.bottom() - height, b.w, height}
}
