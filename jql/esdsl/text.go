package esdsl

import (
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/digit-health/dhr/jql/analyzer"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// match writes a condition on the words of a text. The terms are those of
// package analyzer, so that the engine's own has no say.
func (w *writer) match(n plan.Match) {
	if n.Mode == plan.Wildcard {
		w.wildcard(n)
		return
	}
	terms := analyzer.Append(make([]string, 0, 8), n.Text)
	if len(terms) == 0 {
		w.text(`{"match_none":{}}`)
		return
	}
	switch n.Mode {
	case plan.Phrase:
		if len(terms) > 1 {
			w.phrase(n.Field, terms)
			return
		}
	case plan.Prefix:
		last := len(terms) - 1
		w.each(n.Field, sorted(terms[:last]), plan.Words, 0, terms[last])
		return
	}
	w.each(n.Field, sorted(terms), n.Mode, n.Edits, "")
}

func sorted(terms []string) []string {
	slices.Sort(terms)
	return slices.Compact(terms)
}

// each writes that every one of terms is found, and a term that begins with
// prefix unless that is empty.
func (w *writer) each(f *record.Field, terms []string, mode plan.Mode, edits int, prefix string) {
	count := len(terms)
	if prefix != "" {
		count++
	}
	if count > 1 {
		w.open()
		w.text(`{"bool":{"filter":[`)
	}
	for i, t := range terms {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.enter(f)
		if distance := editsFor(t, edits); mode == plan.Fuzzy && distance > 0 {
			w.fuzzy(f, t, distance)
		} else {
			w.pair(`{"term":{`, f.Path, t)
		}
		w.leave(f)
	}
	if prefix != "" {
		if len(terms) > 0 {
			w.b = append(w.b, ',')
		}
		w.enter(f)
		w.pair(`{"prefix":{`, f.Path, prefix)
		w.leave(f)
	}
	if count > 1 {
		w.text(`]}}`)
		w.close()
	}
}

func (w *writer) pair(begin, path, text string) {
	w.text(begin)
	w.string(path)
	w.b = append(w.b, ':')
	w.string(text)
	w.text(`}}`)
}

// editsFor is how far a term may be away from t.
func editsFor(t string, edits int) int {
	if edits >= 0 {
		return edits
	}
	switch length := utf8.RuneCountInString(t); {
	case length <= 2:
		return 0
	case length <= 5:
		return 1
	}
	return 2
}

// fuzzy asks for all terms near t. The rewrite is what makes them all: the usual one
// stops at the max_expansions best.
func (w *writer) fuzzy(f *record.Field, t string, edits int) {
	w.text(`{"fuzzy":{`)
	w.string(f.Path)
	w.text(`:{"value":`)
	w.string(t)
	w.text(`,"fuzziness":`)
	w.int(int64(edits))
	w.text(`,"prefix_length":0,"transpositions":true,"rewrite":"constant_score"}}}`)
}

// phrase writes that terms stand one after the other. The whitespace analyzer gives
// them back as they are.
func (w *writer) phrase(f *record.Field, terms []string) {
	w.enter(f)
	w.text(`{"match_phrase":{`)
	w.string(f.Path)
	w.text(`:{"analyzer":"whitespace","query":`)
	joined := make([]byte, 0, 64)
	for i, t := range terms {
		if i > 0 {
			joined = append(joined, ' ')
		}
		joined = append(joined, t...)
	}
	w.string(string(joined))
	w.text(`}}}`)
	w.leave(f)
}

func (w *writer) wildcard(n plan.Match) {
	if n.Text == "" {
		w.text(`{"match_none":{}}`)
		return
	}
	w.enter(n.Field)
	w.text(`{"wildcard":{`)
	w.string(n.Field.Path)
	w.text(`:{"value":`)
	w.string(n.Text)
	w.text(`}}}`)
	w.leave(n.Field)
}

// longestWildcard is how many characters a pattern may have; a term has up to 255.
const longestWildcard = 1000

// simple reports whether a pattern is one that the engine can take without
// running into its limits: after a star, each ? doubles the work.
func simple(pattern string) bool {
	star, ones, all := false, 0, 0
	escaped := false
	for _, r := range pattern {
		all++
		switch {
		case escaped:
			escaped = false
		case r == '\\':
			escaped = true
		case r == '*':
			star = true
		case r == '?' && star:
			ones++
		}
	}
	return ones <= 6 && all <= longestWildcard
}

// upper holds for each character those others whose lower case it is.
var upper = makeUpper()

func makeUpper() map[rune][]rune {
	m := make(map[rune][]rune, 1500)
	for _, span := range unicode.CaseRanges {
		for r := rune(span.Lo); r <= rune(span.Hi); r++ {
			if lower := unicode.ToLower(r); lower != r {
				m[lower] = append(m[lower], r)
			}
		}
	}
	return m
}

// appendLower appends text as a JSON string in lower case, character by character.
func appendLower(b []byte, text string) []byte {
	return appendString(b, string(analyzer.AppendLower(nil, text)))
}

// maxPattern is how many UTF-16 units a regexp may have.
const maxPattern = 1000

// foldable reports whether each of values can be a regexp.
func foldable(values []record.Value) bool {
	for _, v := range values {
		if len(v.Text()) > maxPattern/5 && units(foldedPattern(nil, v.Text())) > maxPattern {
			return false
		}
	}
	return true
}

func units(pattern []byte) (n int) {
	for _, r := range string(pattern) {
		n++
		if r > 0xFFFF {
			n++
		}
	}
	return n
}

// foldedPattern appends a regexp for text in any case.
func foldedPattern(b []byte, text string) []byte {
	for _, r := range text {
		r = unicode.ToLower(r)
		if others := upper[r]; len(others) > 0 {
			b = append(b, '[')
			b = utf8.AppendRune(b, r)
			for _, o := range others {
				b = utf8.AppendRune(b, o)
			}
			b = append(b, ']')
			continue
		}
		if r < utf8.RuneSelf && !isDigitOrLower(r) {
			b = append(b, '\\')
		}
		b = utf8.AppendRune(b, r)
	}
	return b
}

func isDigitOrLower(r rune) bool { return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' }

// regexps writes that one of the values is among those of n in any case, for an
// index that keeps no values in lower case.
func (w *writer) regexps(n plan.Terms) {
	w.open()
	w.text(`{"bool":{"minimum_should_match":1,`)
	var l list
	var pattern, one []byte
	flush := func() {
		if len(pattern) == 0 {
			return
		}
		w.item(&l, `"should":[`)
		w.enter(n.Field)
		w.text(`{"regexp":{`)
		w.string(n.Field.Path)
		w.text(`:{"flags":"NONE","value":`)
		w.string(string(pattern))
		w.text(`}}}`)
		w.leave(n.Field)
		pattern = pattern[:0]
	}
	empty := false
	for _, v := range possible(n.Values) {
		if v.Text() == "" {
			empty = true
			continue
		}
		one = foldedPattern(one[:0], v.Text())
		if len(pattern) > 0 && units(pattern)+1+units(one) > maxPattern {
			flush()
		}
		if len(pattern) > 0 {
			pattern = append(pattern, '|')
		}
		pattern = append(pattern, one...)
	}
	flush()
	if empty {
		w.item(&l, `"should":[`)
		w.enter(n.Field)
		w.pair(`{"term":{`, n.Field.Path, "")
		w.leave(n.Field)
	}
	if !l.any {
		w.text(`"should":[{"match_none":{}}`)
		l.any = true
	}
	w.end(&l)
	w.text(`}}`)
	w.close()
}
