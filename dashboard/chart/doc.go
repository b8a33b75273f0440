// Package chart draws figures. It knows nothing of where they come from.
//
//	d, err := chart.Layout(&chart.Chart{Type: chart.Bar, Title: "Visits", Series: series}, nil)
//	err = d.SVG(w)
//
// Layout finds a place for everything, once; the Drawing that it returns writes itself as SVG for a page, as PDF for paper
// and as PNG for everything else, and its figures as an HTML table. A Report is several charts on pages of paper.
//
// # What is said is right
//
// Bars begin at zero, and a value that is missing is a gap and no zero. The numbers at axes are exact, and so are those in
// titles and in the table. A number in a label is rounded to four digits or so, never so that it looks whole or like all or
// none of something when it is not; a number that does not fit is left out or written with a
// word for its power of ten, never cut. Above 2^53, where a float64 does not know its last digits, numbers begin with ~.
//
// Categories beyond what can be told apart are added up as "other", which says how many they are; values that cannot be added up (NoSum) are counted
// in a sentence instead. Whatever is not drawn is told in a note below the picture and in its description.
//
// What would be untrue is refused with an *Error: NaN, parts of a whole that are negative, a stack of averages, two units on
// one axis.
//
// # Text
//
// Text is measured in the fonts that PDF embeds, Noto Sans, with the scripts of India and Arabic. In SVG each text says how wide it is, so that it
// stays in its place in any font. Names that do not fit end in …; the whole of them is in the title of their point and
// in the table. No text stands over another or outside the drawing.
//
// # Locales
//
// Numbers, dates and the few words around figures are those of a locale: see Locales. Titles and names are
// the caller's.
//
// # Pages
//
// SVG holds no script, style, link or address. Each point is
//
//	<g class="point" data-series="0" data-point="3" data-key="…"><title>Patna: 12,34,567</title>…</g>
//
// so that a page can open what it is made of. Colours are attributes, which the rules of a page override. Bytes are the
// same whenever the chart is the same.
package chart
