package eval

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"github.com/digit-health/dhr/jql/analyzer"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// text compiles a Match node.
func (c *compiler) text(n plan.Match) node {
	column := c.column(n.Field)
	if n.Field == nil || n.Text == "" {
		return constant(false)
	}
	switch n.Mode {
	case plan.Words:
		terms := analyzer.Append(nil, n.Text)
		slices.Sort(terms)
		return newWords(column, slices.Compact(terms))
	case plan.Phrase:
		return newPhrase(column, analyzer.Append(nil, n.Text))
	case plan.Prefix:
		return newPrefix(column, analyzer.Append(nil, n.Text))
	case plan.Wildcard:
		return oneTerm{column, newWildcard(n.Text)}
	case plan.Fuzzy:
		return newFuzzyWords(column, analyzer.Append(nil, n.Text), n.Edits)
	}
	return c.fail("no such mode: %s", n.Mode)
}

// words matches records that have all of the terms in a column.
type words struct {
	column int
	terms  []string
	places map[string]int // of the terms, if there are many
}

func newWords(column int, terms []string) node {
	if len(terms) == 0 {
		return constant(false)
	}
	n := words{column: column, terms: terms}
	if len(terms) > few {
		n.places = make(map[string]int, len(terms))
		for i, t := range terms {
			n.places[t] = i
		}
	}
	return n
}

func (n words) match(r *record.Record, s *scratch) bool {
	if len(s.found) < len(n.terms) {
		s.found = make([]bool, len(n.terms))
	}
	clear(s.found)
	missing := len(n.terms)
	for _, v := range s.values(r, n.column) {
		s.terms.Reset(v.Text())
		for term := s.terms.Next(); term != nil; term = s.terms.Next() {
			i := n.place(term)
			if i < 0 || s.found[i] {
				continue
			}
			s.found[i] = true
			if missing--; missing == 0 {
				return true
			}
		}
	}
	return false
}

// place returns the place of term among n.terms, or -1.
func (n words) place(term []byte) int {
	if n.places != nil {
		if i, ok := n.places[string(term)]; ok {
			return i
		}
		return -1
	}
	for i, t := range n.terms {
		if t == string(term) {
			return i
		}
	}
	return -1
}

// phrase matches records that have the terms one after the other in one value.
type phrase struct {
	column int
	terms  []string
	// back[i] is how many of the first terms are known to stand just before,
	// when the i+1st does not follow the first i.
	back []int
}

func newPhrase(column int, terms []string) node {
	if len(terms) == 0 {
		return constant(false)
	}
	n := phrase{column, terms, make([]int, len(terms)+1)}
	k := 0
	for i := 1; i < len(terms); i++ {
		for k > 0 && terms[i] != terms[k] {
			k = n.back[k]
		}
		if terms[i] == terms[k] {
			k++
		}
		n.back[i+1] = k
	}
	return n
}

func (n phrase) match(r *record.Record, s *scratch) bool {
	for _, v := range s.values(r, n.column) {
		s.terms.Reset(v.Text())
		have := 0
		for term := s.terms.Next(); term != nil; term = s.terms.Next() {
			for have > 0 && n.terms[have] != string(term) {
				have = n.back[have]
			}
			if n.terms[have] == string(term) {
				have++
			}
			if have == len(n.terms) {
				return true
			}
		}
	}
	return false
}

// oneTerm matches records that have a term in a column which fits.
type oneTerm struct {
	column int
	test   termTest
}

// A termTest says whether a term fits.
type termTest interface {
	fits(term []byte, s *scratch) bool
}

func (n oneTerm) match(r *record.Record, s *scratch) bool {
	for _, v := range s.values(r, n.column) {
		s.terms.Reset(v.Text())
		for term := s.terms.Next(); term != nil; term = s.terms.Next() {
			if n.test.fits(term, s) {
				return true
			}
		}
	}
	return false
}

// newPrefix matches records that have all of the terms, of the last of which the beginning.
func newPrefix(column int, terms []string) node {
	if len(terms) == 0 {
		return constant(false)
	}
	last := len(terms) - 1
	begun := oneTerm{column, prefix(terms[last])}
	if last == 0 {
		return begun
	}
	return every{newWords(column, slices.Compact(slices.Sorted(slices.Values(terms[:last])))), begun}
}

// newFuzzyWords matches records that have a term near each of the terms.
func newFuzzyWords(column int, terms []string, edits int) node {
	near := make(every, len(terms))
	for i, t := range terms {
		near[i] = oneTerm{column, newFuzzy(t, edits)}
	}
	switch len(near) {
	case 0:
		return constant(false)
	case 1:
		return near[0]
	}
	return near
}

// prefix fits terms that begin with it.
type prefix string

func (n prefix) fits(term []byte, _ *scratch) bool {
	return len(term) >= len(n) && string(term[:len(n)]) == string(n)
}

// A wildcard is the runs of a pattern between its stars. Within a run anyOne
// stands for any character.
type wildcard [][]rune

const anyOne = -1

func newWildcard(pattern string) wildcard {
	w := wildcard{nil}
	escaped := false
	add := func(r rune) { w[len(w)-1] = append(w[len(w)-1], r) }
	for _, r := range pattern {
		switch {
		case escaped:
			escaped = false
			add(r)
		case r == '\\':
			escaped = true
		case r == '*':
			w = append(w, nil)
		case r == '?':
			add(anyOne)
		default:
			add(r)
		}
	}
	if escaped {
		add('\\')
	}
	return w
}

func (w wildcard) fits(term []byte, _ *scratch) bool {
	first, last := w[0], w[len(w)-1]
	size := begins(term, first)
	if size < 0 {
		return false
	}
	term = term[size:]
	if len(w) == 1 {
		return len(term) == 0
	}
	// each run in turn takes the first place it finds
	for _, run := range w[1 : len(w)-1] {
		for size = begins(term, run); size < 0; size = begins(term, run) {
			if len(term) == 0 {
				return false
			}
			_, one := utf8.DecodeRune(term)
			term = term[one:]
		}
		term = term[size:]
	}
	for spare := utf8.RuneCount(term) - len(last); spare > 0; spare-- {
		_, one := utf8.DecodeRune(term)
		term = term[one:]
	}
	return begins(term, last) == len(term)
}

// begins returns how many bytes at the beginning of term fit run, or -1.
func begins(term []byte, run []rune) (size int) {
	for _, want := range run {
		r, one := utf8.DecodeRune(term[size:])
		if one == 0 || want != anyOne && want != r {
			return -1
		}
		size += one
	}
	return size
}

// fuzzy fits terms that are not far from it.
type fuzzy struct {
	text  []byte
	runes []rune
	edits int
}

func newFuzzy(text string, edits int) fuzzy {
	n := fuzzy{[]byte(text), []rune(text), edits}
	if edits < 0 {
		switch length := len(n.runes); {
		case length <= 2:
			n.edits = 0
		case length <= 5:
			n.edits = 1
		default:
			n.edits = 2
		}
	}
	return n
}

func (n fuzzy) fits(term []byte, s *scratch) bool {
	if n.edits == 0 || bytes.Equal(term, n.text) {
		return bytes.Equal(term, n.text)
	}
	if len(term) > utf8.UTFMax*(len(n.runes)+n.edits) {
		return false
	}
	s.runes = s.runes[:0]
	for i := 0; i < len(term); {
		r, size := utf8.DecodeRune(term[i:])
		s.runes = append(s.runes, r)
		i += size
	}
	return within(n.edits, n.runes, s.runes, &s.rows)
}

// within reports whether a becomes b by at most limit insertions, deletions,
// changes and swaps of neighbours, no character being touched twice.
func within(limit int, a, b []rune, rows *[3][]int) bool {
	if d := len(a) - len(b); d > limit || -d > limit {
		return false
	}
	for i := range rows {
		if len(rows[i]) <= len(b) {
			rows[i] = make([]int, len(b)+1)
		}
	}
	before, last, row := rows[0], rows[1], rows[2]
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
		if least > limit {
			return false
		}
		before, last, row = last, row, before
	}
	return last[len(b)] <= limit
}
