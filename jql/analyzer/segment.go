package analyzer

import (
	"math/bits"
	"slices"
	"sort"
	"unicode/utf8"
)

// maxUnits is the greatest length of a term in UTF-16 units.
const maxUnits = 255

// A class holds the characters that break words alike.
type class uint8

const (
	other         class = iota // separates words
	letter                     // any letter that is of no other class
	hebrew                     // a Hebrew letter, which may hold quotes
	numeric                    // a digit
	katakana                   // runs of these are words
	single                     // a word for itself: Han, Hiragana
	complex                    // runs of these are words: Thai, Lao, Khmer, Myanmar
	complexExtend              // a mark of those scripts, which may begin a run
	extend                     // a mark or a format character, which belongs to what is before it
	midLetter                  // : · between letters
	midNumLet                  // . ’ between letters or digits
	midNum                     // , ; between digits
	singleQuote                // ' as midNumLet, and after a Hebrew letter
	doubleQuote                // " between Hebrew letters
	joinLow                    // _ joins whatever makes words
	keycapSign                 // # * make an emoji with a keycap
	keycap                     // U+20E3, an extend
	emoji                      // a pictograph
	emojiLetter                // a pictograph that is a letter, too
	modifier                   // a skin tone: an emoji, an extend after one
	flag                       // a regional indicator, of which two make an emoji
	tag                        // a letter in the name of a flag, an extend
	tagEnd                     // the end of such a name, an extend
	joiner                     // U+200D joins emoji, an extend
	textStyle                  // U+FE0E, an extend that ends an emoji
	emojiStyle                 // U+FE0F, an extend
	classes
)

// A span is a range of characters of one class.
type span struct {
	first, last rune
	class       class
}

// low holds the classes of the characters before the Han ones, where most texts
// stand, one by one.
var low = func() (low [0x3100]class) {
	for _, s := range ranges {
		for r := s.first; r <= s.last && int(r) < len(low); r++ {
			low[r] = s.class
		}
	}
	return low
}()

func classOf(r rune) class {
	if uint(r) < uint(len(low)) {
		return low[r]
	}
	i := sort.Search(len(ranges), func(i int) bool { return ranges[i].last >= r })
	if i < len(ranges) && ranges[i].first <= r {
		return ranges[i].class
	}
	return other
}

// A finder finds the words of one text, from its beginning to its end.
type finder struct {
	text     string
	low, zwj run
}

// next finds the first word at or after at, which is not before the end of the
// word that was found last. There is none if start is end.
//
// At each place the longest word wins. Without one, the place is passed over.
func (f *finder) next(at int) (start, end int) {
	text := f.text
	for start = at; start < len(text); {
		c, size := classOf(rune(text[start])), 1
		if text[start] >= utf8.RuneSelf {
			var r rune
			r, size = utf8.DecodeRuneInString(text[start:])
			c = classOf(r)
		}
		var idle bool
		switch c {
		case other:
			idle = true
		case joinLow:
			idle = f.low.idle(text, start, c)
		case joiner:
			idle = f.zwj.idle(text, start, c)
		}
		if !idle {
			if end = longest(text, start); end > start {
				return start, end
			}
		}
		start += size
	}
	return start, start
}

// A run is a stretch of text over which the automaton stays in the state to
// which a character leads from the beginning, and in which nothing is a word:
// after a _ or a joiner. To look for a word from each of its characters would
// mean to read the same ones up to 255 times; a run is read once.
type run struct {
	start, end int
	units      int  // from start to end
	over       bool // what stands at end ends it without a word
	open       bool // what stands at end goes on from it
}

// idle reports whether no word begins at the place start of text, of class c.
// It is asked about one text, and for ascending places.
func (n *run) idle(text string, start int, c class) bool {
	if start >= n.end {
		*n = run{start: start, end: start}
	}
	for n.start < start {
		r, size := utf8.DecodeRuneInString(text[n.start:])
		n.start += size
		n.units -= unitsOf(r)
	}
	state := words.next[0][c]
	for !n.over && !n.open && n.units < maxUnits {
		if n.end == len(text) {
			n.over = true
			break
		}
		r, size := utf8.DecodeRuneInString(text[n.end:])
		switch words.next[state][classOf(r)] {
		case state:
			n.end += size
			n.units += unitsOf(r)
		case dead:
			n.over = true
		default:
			n.open = true
		}
	}
	return n.over || n.units >= maxUnits
}

// unitsOf is the length of r in UTF-16 units.
func unitsOf(r rune) int {
	if r > 0xFFFF {
		return 2
	}
	return 1
}

// longest returns the end of the longest word that begins at start, or start.
func longest(text string, start int) (end int) {
	end = start
	state := uint8(0)
	for i, units := start, 0; i < len(text); {
		var c class
		if b := text[i]; b < utf8.RuneSelf {
			c = low[b]
			i++
			units++
		} else {
			r, size := utf8.DecodeRuneInString(text[i:])
			c = classOf(r)
			i += size
			units += unitsOf(r)
		}
		if units > maxUnits {
			break
		}
		s := words.next[state][c]
		if s == dead {
			break
		}
		state = s
		if words.accept[state] {
			end = i
		}
	}
	return end
}

// A set is a set of classes.
type set uint32

func of(cc ...class) (s set) {
	for _, c := range cc {
		s |= 1 << c
	}
	return s
}

var (
	letters  = of(letter, emojiLetter)
	pictures = of(emoji, emojiLetter)
	inWord   = of(midLetter, midNumLet, singleQuote)
	inNumber = of(midNum, midNumLet, singleQuote)
	marks    = of(extend, complexExtend, keycap, modifier, tag, tagEnd, joiner)
	allMarks = marks | of(textStyle, emojiStyle)
)

// place is a place in the grammar of words.
type place uint8

const (
	begin place = iota

	lead       // _ before a word
	inLetters  // after a letter
	inHebrew   // after a Hebrew letter
	inClosed   // after quotes in Hebrew
	inNumbers  // after a digit
	inKatakana // after a Katakana
	afterLow   // _ after the beginning
	midWord    // after what may stand between letters
	midNumber  // after what may stand between digits
	midHebrew  // after " in Hebrew

	inComplex
	inSingle

	zwjLead    // joiners before a pictograph
	picture    // after the first pictograph and its marks
	styled     // after the first pictograph and its style
	inTags     // in the tags after that
	tagged     // after the end of them
	zwj        // after the joiner of two pictographs
	zwjMore    // after further ones
	picture2   // after another pictograph and its marks
	styled2    // after another pictograph and its style
	inModifier // after a skin tone for itself

	sign       // after # or *
	signStyled // after its style
	capped     // after its keycap
	capped2    // after its style and its keycap

	flag1 // after half a flag
	flag2 // after a whole one
	places
)

// An edge leads from some places, over a character of some classes, to a place.
type edge struct {
	from []place
	over set
	to   place
}

// grammar is what a word may be, in the terms of Lucene's StandardTokenizer.
var grammar = []edge{
	{[]place{begin, lead}, of(joinLow), lead},
	{[]place{begin, lead, inLetters, inHebrew, inClosed, inNumbers, afterLow}, letters, inLetters},
	{[]place{begin, lead, inLetters, inHebrew, inClosed, inNumbers, afterLow}, of(hebrew), inHebrew},
	{[]place{begin, lead, inLetters, inHebrew, inClosed, inNumbers, afterLow}, of(numeric), inNumbers},
	{[]place{begin, lead, inKatakana, afterLow}, of(katakana), inKatakana},
	{[]place{inLetters, inHebrew, inClosed, inNumbers, inKatakana, afterLow}, of(joinLow), afterLow},
	{[]place{inLetters, inHebrew}, inWord, midWord},
	{[]place{midWord}, letters | of(hebrew), inLetters},
	{[]place{inNumbers}, inNumber, midNumber},
	{[]place{midNumber}, of(numeric), inNumbers},
	{[]place{inHebrew}, of(singleQuote), inClosed},
	{[]place{inHebrew}, of(doubleQuote), midHebrew},
	{[]place{midHebrew}, of(hebrew), inClosed},

	{[]place{begin, inComplex}, of(complex, complexExtend), inComplex},
	{[]place{begin}, of(single), inSingle},

	{[]place{begin, zwjLead}, of(joiner), zwjLead},
	{[]place{begin, zwjLead}, pictures, picture},
	{[]place{picture}, marks, picture},
	{[]place{picture}, of(emojiStyle), styled},
	{[]place{styled, inTags}, of(tag), inTags},
	{[]place{inTags}, of(tagEnd), tagged},
	{[]place{picture, styled, picture2, styled2, inModifier}, of(joiner), zwj},
	{[]place{zwj, zwjMore}, of(joiner), zwjMore},
	{[]place{zwj, zwjMore}, pictures, picture2},
	{[]place{picture2}, marks, picture2},
	{[]place{picture2}, of(emojiStyle), styled2},
	{[]place{begin, zwj}, of(modifier), inModifier},
	{[]place{inModifier}, marks, inModifier},

	{[]place{begin}, of(keycapSign), sign},
	{[]place{sign}, marks, sign},
	{[]place{sign}, of(keycap), capped},
	{[]place{sign}, of(emojiStyle), signStyled},
	{[]place{signStyled}, of(keycap), capped2},
	{[]place{capped}, marks, capped},
	{[]place{capped2}, marks, capped2},

	{[]place{begin}, of(flag), flag1},
	{[]place{flag1}, of(flag), flag2},
}

// marked are the places where marks of all kinds may follow without effect.
var marked = []place{lead, inLetters, inHebrew, inClosed, inNumbers, inKatakana, afterLow, midWord, midNumber, midHebrew,
	inComplex, inSingle, flag1, flag2}

// complete are the places where a word may end.
var complete = []place{inLetters, inHebrew, inClosed, inNumbers, inKatakana, afterLow, inComplex, inSingle,
	picture, styled, tagged, picture2, styled2, inModifier, capped, capped2, flag2}

// An automaton reads words. Its states are sets of places; it begins at state 0.
type automaton struct {
	next   [][32]uint8
	accept []bool
}

// dead is the state from which nothing is a word.
const dead = 0xFF

var words = compile()

// compile makes of the grammar an automaton that is in one state at a time.
func compile() (a automaton) {
	var over [places][classes]uint32 // the places that follow
	join := func(from place, through set, to place) {
		for c := range classes {
			if through&(1<<c) != 0 {
				over[from][c] |= 1 << to
			}
		}
	}
	for _, e := range grammar {
		for _, p := range e.from {
			join(p, e.over, e.to)
		}
	}
	for _, p := range marked {
		join(p, allMarks, p)
	}
	var ends uint32
	for _, p := range complete {
		ends |= 1 << p
	}
	states := []uint32{1 << begin}
	for i := 0; i < len(states); i++ {
		row := [32]uint8{}
		for c := range row {
			row[c] = dead
		}
		for c := range classes {
			var to uint32
			for in := states[i]; in != 0; in &= in - 1 {
				to |= over[bits.TrailingZeros32(in)][c]
			}
			if to == 0 {
				continue
			}
			s := slices.Index(states, to)
			if s < 0 {
				s = len(states)
				states = append(states, to)
			}
			row[c] = uint8(s)
		}
		a.next = append(a.next, row)
		a.accept = append(a.accept, states[i]&ends != 0)
	}
	return a
}
