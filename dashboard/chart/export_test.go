package chart

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Complaints returns what is wrong with the places of a drawing: what is not finite, outside, or over another text.
func (d *Drawing) Complaints() []string {
	var all []string
	var texts []mark
	depth := 0
	for i := range d.marks {
		m := &d.marks[i]
		numbers := []float64{m.x, m.y, m.w, m.h, m.thick}
		for _, s := range m.path {
			numbers = append(numbers, s.at[:]...)
		}
		for _, n := range numbers {
			if math.IsNaN(n) || math.IsInf(n, 0) || math.Abs(n) > 1e5 {
				all = append(all, fmt.Sprintf("mark %d (%q): %v", i, m.text, n))
			}
		}
		switch m.kind {
		case groupMark:
			depth++
		case endMark:
			depth--
		case rectMark:
			if m.w < 0 || m.h < 0 {
				all = append(all, fmt.Sprintf("mark %d: a rectangle of %g × %g", i, m.w, m.h))
			}
		case textMark:
			if strings.TrimSpace(m.text) == "" {
				all = append(all, fmt.Sprintf("mark %d: no text", i))
			}
			texts = append(texts, *m)
		}
		if depth < 0 {
			all = append(all, "a group ends that did not begin")
		}
	}
	if depth != 0 {
		all = append(all, "a group does not end")
	}
	return append(all, d.overlaps(texts)...)
}

// overlaps looks at boxes a little smaller than lines are.
func (d *Drawing) overlaps(texts []mark) []string {
	var all []string
	const up, down, slack = 0.85, 0.2, 0.05
	for i, t := range texts {
		if t.x < -slack || t.x+t.w > d.width+slack || t.y-up*t.h < -slack || t.y+down*t.h > d.height+slack {
			all = append(all, fmt.Sprintf("%q stands outside: %g to %g, %g", t.text, t.x, t.x+t.w, t.y))
		}
		for _, o := range texts[:i] {
			if t.x+slack < o.x+o.w && o.x+slack < t.x+t.w && t.y-up*t.h+slack < o.y+down*o.h && o.y-up*o.h+slack < t.y+down*t.h {
				all = append(all, fmt.Sprintf("%q stands over %q", t.text, o.text))
			}
		}
	}
	return all
}

// Texts returns the texts that are drawn.
func (d *Drawing) Texts() []string {
	var all []string
	for _, m := range d.marks {
		if m.kind == textMark {
			all = append(all, m.text)
		}
	}
	return all
}

// Titles returns the titles of points.
func (d *Drawing) Titles() []string {
	var all []string
	for _, m := range d.marks {
		if m.kind == groupMark && m.class == "point" {
			all = append(all, m.text)
		}
	}
	return all
}

// Written returns how a locale writes a number: exactly, in a label, and with a word for its power of ten.
func Written(tag string, v float64) (exact, label, scaled string) {
	l, err := localeOf(tag)
	if err != nil {
		return err.Error(), "", ""
	}
	return l.exact(v), l.rounded(v), l.scaled(v)
}

// Share returns how a part of a whole is written in English.
func Share(part, of float64) string { return locales["en"].share(part, of) }

// Change returns how a change is written in English.
func Change(from, to float64) string { return locales["en"].change(from, to) }

// Ticks returns the labels of an axis, and from where to where it goes.
func Ticks(tag string, from, to float64, n int, wholeOnly bool) (labels []string, values []float64) {
	ticks, _ := locales[tag].ticksOf(span{from, to}, n, wholeOnly, "")
	for _, t := range ticks {
		labels, values = append(labels, t.label), append(values, t.value)
	}
	return labels, values
}

// Moments returns the ticks between two times at each n of a unit: "day", "week", "month" and so on.
func Moments(tag string, from, to time.Time, unit string, n int) []string {
	units := map[string]clockUnit{"minute": minutes, "hour": hours, "day": days, "week": weeks, "month": months, "year": years}
	var all []string
	for _, m := range locales[tag].moments(from, to, calendarStep{unit: units[unit], n: n}, "", time.Monday) {
		all = append(all, m.label+" / "+m.context)
	}
	return all
}

// Palette returns the colours of a theme: its background, its texts and its series.
func Palette(t Theme) (background int32, texts, series []int32) {
	p := themes[t]
	for _, c := range p.series {
		series = append(series, int32(c))
	}
	return int32(p.background), []int32{int32(p.text), int32(p.muted)}, append(series, int32(p.rest))
}
