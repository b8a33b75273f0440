package chart

import (
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/digit-health/dhr/internal/typeset"
)

// fontFamily is what texts are measured in, and what is near to it where it is not installed. Each text says how wide it
// is, so that another font does not make it leave its place.
const fontFamily = "'Noto Sans', 'Noto Sans Devanagari', 'Noto Sans Arabic', system-ui, sans-serif"

// SVG writes the drawing as one svg element. It has the same bytes whenever the chart and the options are the same. It has no script, no style and
// nothing from elsewhere, so that it can stand in a page with a strict policy; colours are attributes, which a page's own
// rules override by the classes. Each point is a g element with the class point, data-series and data-point, and data-key if the
// point has a Key.
func (d *Drawing) SVG(w io.Writer) error {
	b := make([]byte, 0, 512+160*len(d.marks))
	b = append(b, `<svg xmlns="http://www.w3.org/2000/svg" class="dhr-chart" role="img" width="`...)
	b = appendNumber(b, d.width)
	b = append(b, `" height="`...)
	b = appendNumber(b, d.height)
	b = append(b, `" viewBox="0 0 `...)
	b = appendNumber(b, d.width)
	b = append(b, ' ')
	b = appendNumber(b, d.height)
	b = append(b, `" lang="`...)
	b = append(b, d.locale.language()...)
	b = append(b, `" font-family="`...)
	b = append(b, fontFamily...)
	b = append(b, `" aria-labelledby="`...)
	b = appendEscaped(b, d.id)
	b = append(b, `-title" aria-describedby="`...)
	b = appendEscaped(b, d.id)
	b = append(b, `-desc"><title id="`...)
	b = appendEscaped(b, d.id)
	b = append(b, `-title">`...)
	b = appendEscaped(b, d.name())
	b = append(b, `</title><desc id="`...)
	b = appendEscaped(b, d.id)
	b = append(b, `-desc">`...)
	b = appendEscaped(b, d.desc)
	b = append(b, "</desc>\n"...)
	if d.background != none {
		b = append(b, `<rect class="background"`...)
		b = appendAttribute(b, "width", d.width)
		b = appendAttribute(b, "height", d.height)
		b = appendColour(b, "fill", d.background)
		b = append(b, "/>\n"...)
	}
	for i := range d.marks {
		b = appendMark(b, &d.marks[i])
	}
	b = append(b, "</svg>\n"...)
	_, err := w.Write(b)
	return err
}

// name is the title, or where there is none what kind of picture it is.
func (d *Drawing) name() string {
	if d.title != "" {
		return d.title
	}
	before, _, _ := strings.Cut(d.desc, ":")
	return before
}

func appendMark(b []byte, m *mark) []byte {
	switch m.kind {
	case rectMark:
		b = append(b, "<rect"...)
		b = appendAttribute(b, "x", m.x)
		b = appendAttribute(b, "y", m.y)
		b = appendAttribute(b, "width", m.w)
		b = appendAttribute(b, "height", m.h)
	case circleMark:
		b = append(b, "<circle"...)
		b = appendAttribute(b, "cx", m.x)
		b = appendAttribute(b, "cy", m.y)
		b = appendAttribute(b, "r", m.w)
	case targetMark:
		b = append(b, `<circle pointer-events="all"`...)
		b = appendAttribute(b, "cx", m.x)
		b = appendAttribute(b, "cy", m.y)
		b = appendAttribute(b, "r", m.w)
	case pathMark:
		b = append(b, `<path d="`...)
		b = appendPath(b, m.path)
		b = append(b, '"')
	case textMark:
		return appendText(b, m)
	case groupMark:
		return appendGroup(b, m)
	default:
		return append(b, "</g>\n"...)
	}
	b = appendColour(b, "fill", m.fill)
	if m.line != none {
		b = appendColour(b, "stroke", m.line)
		b = appendAttribute(b, "stroke-width", m.thick)
		if m.kind == pathMark {
			b = append(b, ` stroke-linejoin="round"`...)
		}
		if len(m.dash) > 0 {
			b = append(b, ` stroke-dasharray="`...)
			for i, n := range m.dash {
				if i > 0 {
					b = append(b, ' ')
				}
				b = appendNumber(b, n)
			}
			b = append(b, '"')
		}
	}
	return append(b, "/>\n"...)
}

// appendText appends a text. textLength makes it as wide as it was measured, in whatever font it is shown.
func appendText(b []byte, m *mark) []byte {
	b = append(b, "<text"...)
	if typeset.IsRightToLeft(m.text) {
		b = append(b, ` direction="rtl"`...)
		b = appendAttribute(b, "x", m.x+m.w)
	} else {
		b = appendAttribute(b, "x", m.x)
	}
	b = appendAttribute(b, "y", m.y)
	b = appendAttribute(b, "font-size", m.h)
	if m.w >= 0.01 && utf8.RuneCountInString(m.text) > 1 {
		b = appendAttribute(b, "textLength", m.w)
		b = append(b, ` lengthAdjust="spacingAndGlyphs"`...)
	}
	b = appendColour(b, "fill", m.fill)
	b = append(b, '>')
	b = appendEscaped(b, m.text)
	return append(b, "</text>\n"...)
}

func appendGroup(b []byte, m *mark) []byte {
	b = append(b, `<g class="`...)
	b = append(b, m.class...)
	b = append(b, '"')
	if m.series >= 0 {
		b = append(b, ` data-series="`...)
		b = strconv.AppendInt(b, int64(m.series), 10)
		b = append(b, '"')
	}
	if m.nth >= 0 {
		b = append(b, ` data-point="`...)
		b = strconv.AppendInt(b, int64(m.nth), 10)
		b = append(b, '"')
	}
	if m.key != "" {
		b = append(b, ` data-key="`...)
		b = appendEscaped(b, m.key)
		b = append(b, '"')
	}
	b = append(b, "><title>"...)
	b = appendEscaped(b, m.text)
	return append(b, "</title>\n"...)
}

func appendPath(b []byte, path []segment) []byte {
	for _, s := range path {
		b = append(b, s.op)
		n := points(s.op)
		for i, v := range s.at[:n] {
			if i > 0 {
				b = append(b, ' ')
			}
			b = appendNumber(b, v)
		}
	}
	return b
}

func appendAttribute(b []byte, name string, v float64) []byte {
	b = append(b, ' ')
	b = append(b, name...)
	b = append(b, '=', '"')
	b = appendNumber(b, v)
	return append(b, '"')
}

// appendNumber appends a length with two decimals at most.
func appendNumber(b []byte, v float64) []byte {
	n := int64(math.Round(v * 100))
	if n < 0 {
		b, n = append(b, '-'), -n
	}
	b = strconv.AppendInt(b, n/100, 10)
	switch rest := n % 100; {
	case rest == 0:
	case rest%10 == 0:
		b = append(b, '.', byte('0'+rest/10))
	default:
		b = append(b, '.', byte('0'+rest/10), byte('0'+rest%10))
	}
	return b
}

func appendColour(b []byte, name string, c colour) []byte {
	b = append(b, ' ')
	b = append(b, name...)
	if c == none {
		return append(b, `="none"`...)
	}
	b = append(b, '=', '"', '#')
	const digits = "0123456789abcdef"
	for shift := 20; shift >= 0; shift -= 4 {
		b = append(b, digits[c>>shift&15])
	}
	return append(b, '"')
}

// appendEscaped appends a text so that it is nothing but text, in an element as in an attribute.
func appendEscaped(b []byte, text string) []byte {
	for _, r := range text {
		switch {
		case r == '&':
			b = append(b, "&amp;"...)
		case r == '<':
			b = append(b, "&lt;"...)
		case r == '>':
			b = append(b, "&gt;"...)
		case r == '"':
			b = append(b, "&#34;"...)
		case r == '\'':
			b = append(b, "&#39;"...)
		case r < ' ' || r == 0x7F || r == 0xFFFE || r == 0xFFFF:
			b = utf8.AppendRune(b, typeset.NoGlyph) // what XML has no way to write
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return b
}
