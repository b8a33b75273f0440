// Package analyzer breaks text into terms, the words by which text is found.
//
// There is one analyzer for every engine of DHR: it gives the terms that
// Elasticsearch's standard analyzer gives (measured against 8.11.3, Lucene
// 9.8.0), so that a search in memory, in SQLite and in Elasticsearch finds the
// same records.
//
// # Terms
//
// A term is a word as Unicode Standard Annex #29 breaks text into words, in
// lower case. Vowel signs and other marks belong to their letter, so that words
// of the Indian languages stay whole; an apostrophe, a full stop or a colon
// between letters and a full stop or a comma between digits belong to the word
// (patient's, b.p, 3,000.50mg), and so does an underscore (type_2). Han and
// Hiragana characters are terms each for itself, a run of Katakana is one term,
// and so is a run of Thai, Lao, Khmer or Myanmar, which are written without
// blanks. An emoji, with all that modifies or joins it, is a term. Everything
// else separates terms. Nothing is left out as too common.
//
// A term has no more than 255 UTF-16 units; a longer word is cut into several.
//
// Lower case is per character, whatever stands around it and whatever the
// language: İ becomes i, a final Σ becomes σ, ẞ becomes ß. Accents stay, and µ
// stays the micro sign.
//
// # Terms again
//
// Terms joined by blanks have the same terms again, with one exception that is
// Lucene's own: Ⓜ is an emoji, but its lower case ⓜ is a letter, so that a
// sequence of emoji joined to an Ⓜ comes apart the second time.
//
// Bytes that are not UTF-8 separate terms, as U+FFFD does.
package analyzer

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Append appends the terms of text to dst, in their order, and returns it.
// A term that stands in text as it is shares its memory.
func Append(dst []string, text string) []string {
	f := finder{text: text}
	for at := 0; ; {
		start, end := f.next(at)
		if start == end {
			return dst
		}
		dst = append(dst, strings.ToLower(text[start:end]))
		at = end
	}
}

// A Scanner reads the terms of one text after the other without allocation.
// The zero Scanner is one without text.
type Scanner struct {
	words finder
	at    int
	term  []byte
}

// Reset makes s begin with text, of which it keeps a reference.
func (s *Scanner) Reset(text string) {
	s.words, s.at = finder{text: text}, 0
}

// Next returns the next term, or nil after the last one. The term is valid
// until the next call.
func (s *Scanner) Next() []byte {
	start, end := s.words.next(s.at)
	if start == end {
		s.Reset("")
		return nil
	}
	s.at = end
	s.term = AppendLower(s.term[:0], s.words.text[start:end])
	return s.term
}

// AppendLower appends term to b in the letters that terms are written in, and
// returns it: lower case, nothing else changed.
func AppendLower(b []byte, term string) []byte {
	for i := 0; i < len(term); {
		c := term[i]
		if c < utf8.RuneSelf {
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			b = append(b, c)
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(term[i:])
		b = utf8.AppendRune(b, lower(r))
		i += n
	}
	return b
}

// lower is unicode.ToLower, faster for the scripts between Hebrew and Myanmar,
// which have no case.
func lower(r rune) rune {
	if 0x0590 <= r && r < 0x10A0 {
		return r
	}
	return unicode.ToLower(r)
}
