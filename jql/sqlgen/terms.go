package sqlgen

import (
	"unicode/utf8"

	"github.com/digit-health/dhr/jql/plan"
)

// Fits returns what Layout.Expand asks of each term of an index: fits reports whether a
// term is one that Prefix, Wildcard or Fuzzy finds by term, as package eval does. All
// that fit begin with prefix, which may be empty. It may be used by one goroutine.
func Fits(mode plan.Mode, term string, edits int) (prefix string, fits func(term []byte) bool) {
	switch mode {
	case plan.Prefix:
		return term, func(t []byte) bool { return len(t) >= len(term) && string(t[:len(term)]) == term }
	case plan.Fuzzy:
		want := []rune(term)
		if edits < 0 {
			edits = automatic(len(want))
		}
		if edits == 0 {
			return term, func(t []byte) bool { return string(t) == term }
		}
		f := &fuzzy{text: term, want: want, edits: edits}
		return "", f.fits
	}
	pattern := parsePattern(term)
	for _, r := range pattern {
		if r < 0 {
			break
		}
		prefix += string(r)
	}
	var runes []rune
	return prefix, func(t []byte) bool {
		runes = appendRunes(runes[:0], t)
		return pattern.fits(runes)
	}
}

// automatic is the distance that is allowed for a term of so many characters.
func automatic(length int) int {
	switch {
	case length <= 2:
		return 0
	case length <= 5:
		return 1
	}
	return 2
}

func appendRunes(dst []rune, b []byte) []rune {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		dst = append(dst, r)
		b = b[n:]
	}
	return dst
}

// A pattern is the characters of a Wildcard, with anyOne and anyRun among them.
type pattern []rune

const (
	anyOne = -1
	anyRun = -2
)

func parsePattern(text string) pattern {
	var p pattern
	escaped := false
	for _, r := range text {
		switch {
		case escaped:
			escaped = false
			p = append(p, r)
		case r == '\\':
			escaped = true
		case r == '*':
			p = append(p, anyRun)
		case r == '?':
			p = append(p, anyOne)
		default:
			p = append(p, r)
		}
	}
	if escaped {
		p = append(p, '\\')
	}
	return p
}

// fits lets each star take as little as it can, and more when what follows does not fit.
func (p pattern) fits(t []rune) bool {
	at, star, from := 0, -1, 0
	for i := 0; i < len(t); {
		switch {
		case at < len(p) && p[at] == anyRun:
			star, from = at, i
			at++
		case at < len(p) && (p[at] == anyOne || p[at] == t[i]):
			at++
			i++
		case star >= 0:
			from++
			at, i = star+1, from
		default:
			return false
		}
	}
	for at < len(p) && p[at] == anyRun {
		at++
	}
	return at == len(p)
}

// A fuzzy fits terms that are not far from its text.
type fuzzy struct {
	text  string
	want  []rune
	edits int
	got   []rune
	rows  [3][]int
}

func (f *fuzzy) fits(t []byte) bool {
	if string(t) == f.text {
		return true
	}
	if len(t) > utf8.UTFMax*(len(f.want)+f.edits) {
		return false
	}
	f.got = appendRunes(f.got[:0], t)
	return f.within()
}

// within reports whether want becomes got by at most so many insertions,
// deletions, changes and swaps of neighbours, no character being touched twice.
func (f *fuzzy) within() bool {
	a, b := f.want, f.got
	if d := len(a) - len(b); d > f.edits || -d > f.edits {
		return false
	}
	for i := range f.rows {
		for len(f.rows[i]) <= len(b) {
			f.rows[i] = append(f.rows[i], 0)
		}
	}
	before, last, row := f.rows[0], f.rows[1], f.rows[2]
	for j := range len(b) + 1 {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			d := last[j-1]
			if a[i-1] != b[j-1] {
				d = 1 + min(d, last[j], row[j-1])
				if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
					d = min(d, 1+before[j-2])
				}
			}
			row[j] = d
			least = min(least, d)
		}
		if least > f.edits {
			return false
		}
		before, last, row = last, row, before
	}
	return last[len(b)] <= f.edits
}
