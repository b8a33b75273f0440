package chart

import (
	"fmt"
	"io"
	"math"
	"time"

	"github.com/digit-health/dhr/internal/typeset"
)

// A press writes pages of PDF.
type press struct {
	f       *typeset.File
	set     *typeset.Setter
	lacking int64 // characters that no font has
	pages   [][]byte
}

func newPress(w io.Writer) (*press, error) {
	fonts, err := typeset.All()
	if err != nil {
		return nil, err
	}
	return &press{f: typeset.NewFile(w), set: typeset.NewSetter(fonts)}, nil
}

// PDF writes the drawing as a page of its own size, a pixel being a point. Its text can be searched and copied.
func (d *Drawing) PDF(w io.Writer) error {
	p, err := newPress(w)
	if err != nil {
		return err
	}
	p.pages = append(p.pages, p.appendDrawing(nil, d, 0, d.height, 1))
	return p.finish(d.width, d.height, d.name(), d.locale.language(), time.Time{})
}

// finish writes the pages, which are of one size.
func (p *press) finish(width, height float64, title, language string, at time.Time) error {
	f := p.f
	parent, resources, root, info := f.Reserve(), f.Reserve(), f.Reserve(), f.Reserve()
	var kids []byte
	for _, content := range p.pages {
		data, page := f.Reserve(), f.Reserve()
		f.Stream(data, "", content)
		f.Object(page, "<</Type/Page/Parent %d 0 R/Resources %d 0 R/Contents %d 0 R>>", parent, resources, data)
		kids = fmt.Appendf(kids, "%d 0 R ", page)
	}
	f.Object(parent, "<</Type/Pages/Count %d/MediaBox[0 0 %.2f %.2f]/Kids[%s]>>", len(p.pages), width, height, kids)
	f.Object(resources, "<</Font<<%s>>>>", p.set.Embed(f))
	f.Object(root, "<</Type/Catalog/Pages %d 0 R/Lang%s/ViewerPreferences<</DisplayDocTitle true>>>>", parent, typeset.Quoted(language))
	created := ""
	if !at.IsZero() {
		created = "/CreationDate(D:" + at.UTC().Format("20060102150405") + "Z)"
	}
	f.Object(info, "<</Title%s/Producer(DHR)%s>>", typeset.Quoted(title), created)
	f.Finish(root, info)
	return f.Err
}

// appendDrawing draws with its upper left corner at x and y, the way of y being up.
func (p *press) appendDrawing(b []byte, d *Drawing, x, y, scale float64) []byte {
	if d.background != none {
		b = appendFill(b, d.background)
		b = fmt.Appendf(b, "%.2f %.2f %.2f %.2f re f\n", x, y-d.height*scale, d.width*scale, d.height*scale)
	}
	b = fmt.Appendf(b, "q %.4f 0 0 %.4f %.2f %.2f cm\n", scale, -scale, x, y)
	for i := range d.marks {
		if d.marks[i].kind != textMark {
			b = appendInk(b, &d.marks[i])
		}
	}
	b = append(b, "Q\n"...)
	for i := range d.marks {
		if m := &d.marks[i]; m.kind == textMark {
			b = p.appendText(b, m.text, x+m.x*scale, y-m.y*scale, m.h*scale, m.fill)
		}
	}
	return b
}

// appendText draws a text from x on.
func (p *press) appendText(b []byte, text string, x, y, size float64, ink colour) []byte {
	l := p.set.Single(text)
	for _, w := range l.Words {
		p.lacking += int64(len(w.Missing))
	}
	return p.set.AppendLine(appendFill(b, ink), l, x, y, size)
}

func appendFill(b []byte, c colour) []byte {
	return fmt.Appendf(b, "%.3f %.3f %.3f rg\n", float64(c>>16&255)/255, float64(c>>8&255)/255, float64(c&255)/255)
}

// appendInk draws a mark that is no text.
func appendInk(b []byte, m *mark) []byte {
	switch m.kind {
	case rectMark, circleMark, pathMark:
	default:
		return b
	}
	if m.fill == none && m.line == none {
		return b
	}
	if m.fill != none {
		b = appendFill(b, m.fill)
	}
	how := "f\n"
	if m.line != none {
		b = fmt.Appendf(b, "%.3f %.3f %.3f RG %.2f w 1 j\n", float64(m.line>>16&255)/255, float64(m.line>>8&255)/255, float64(m.line&255)/255, m.thick)
		b = append(b, '[')
		for _, n := range m.dash {
			b = fmt.Appendf(b, "%.2f ", n)
		}
		b = append(b, "] 0 d\n"...)
		if how = "S\n"; m.fill != none {
			how = "B\n"
		}
	}
	if m.kind == rectMark {
		b = fmt.Appendf(b, "%.2f %.2f %.2f %.2f re ", m.x, m.y, m.w, m.h)
		return append(b, how...)
	}
	path := m.path
	if m.kind == circleMark {
		path = append(arc([]segment{move(m.x, m.y-m.w)}, m.x, m.y, m.w, 0, 2*math.Pi), closed)
	}
	for _, s := range path {
		switch s.op {
		case 'M':
			b = fmt.Appendf(b, "%.2f %.2f m ", s.at[0], s.at[1])
		case 'L':
			b = fmt.Appendf(b, "%.2f %.2f l ", s.at[0], s.at[1])
		case 'C':
			b = fmt.Appendf(b, "%.2f %.2f %.2f %.2f %.2f %.2f c ", s.at[0], s.at[1], s.at[2], s.at[3], s.at[4], s.at[5])
		default:
			b = append(b, "h "...)
		}
	}
	return append(b, how...)
}
