package pdf

import (
	"fmt"
	"sort"
	"strings"
	"unicode"

	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/harfbuzz"
)

// A glyph is drawn at dx and dy from where the pen is, which then moves by
// advance. Lengths are in 1/1000 of the size of the text.
type glyph struct {
	id                     int
	width, advance, dx, dy float64
}

// A run is glyphs of one font.
type run struct {
	font   int
	glyphs []glyph
	text   string // what they say together, if not one character each
}

// A word is a text that was shaped.
type word struct {
	runs    []run
	width   float64
	missing []rune // characters that no font has
}

// A line is words with a blank between each two.
type line struct {
	words []*word
	width float64
}

// A setter makes lines of text.
type setter struct {
	faces   []*font.Face
	shapers []*harfbuzz.Font
	buffer  *harfbuzz.Buffer
	words   map[string]*word
	scales  []float64
	space   run
	blank   float64        // its width
	missing map[rune]int64 // what was counted
	used    []map[int]bool // glyphs of each font
	texts   []map[int]rune // what they stand for
}

const maxWords = 1 << 14 // that are remembered

func newSetter(fonts []*typeface) *setter {
	s := &setter{buffer: harfbuzz.NewBuffer(), words: map[string]*word{}, missing: map[rune]int64{}}
	for _, t := range fonts {
		face := font.NewFace(t.font)
		s.faces, s.shapers, s.scales = append(s.faces, face), append(s.shapers, harfbuzz.NewFont(face)), append(s.scales, t.scale)
		s.used, s.texts = append(s.used, map[int]bool{}), append(s.texts, map[int]rune{})
	}
	s.space = s.simple(0, []rune{' '})
	s.blank = s.space.glyphs[0].advance
	s.used[0][s.space.glyphs[0].id] = true
	return s
}

// set breaks a text into lines that are no wider than width, at blanks if
// there are any, and counts the characters that no font has.
func (s *setter) set(text string, width float64) []line {
	var lines []line
	text = lineBreaks.Replace(text)
	for paragraph := range strings.SplitSeq(text, "\n") {
		var current line
		for i, part := range strings.Split(paragraph, " ") {
			w := s.word(part)
			for _, r := range w.missing {
				s.missing[r]++
			}
			if i > 0 && current.width+s.blank+w.width > width {
				lines = append(lines, current)
				current = line{}
			} else if i > 0 {
				current.width += s.blank
			}
			if w.width > width {
				pieces := s.broken(part, width)
				for _, piece := range pieces[:len(pieces)-1] {
					lines = append(lines, line{words: []*word{piece}, width: piece.width})
				}
				w = pieces[len(pieces)-1]
			}
			current.words = append(current.words, w)
			current.width += w.width
		}
		lines = append(lines, current)
	}
	return lines
}

var lineBreaks = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\t", "    ")

// natural returns how wide a text is that is not broken.
func (s *setter) natural(text string) float64 {
	widest := 0.0
	for paragraph := range strings.SplitSeq(lineBreaks.Replace(text), "\n") {
		width := -s.blank
		for part := range strings.SplitSeq(paragraph, " ") {
			width += s.blank + s.word(part).width
		}
		widest = max(widest, width)
	}
	return widest
}

// word returns a text without blanks, shaped.
func (s *setter) word(text string) *word {
	if w, ok := s.words[text]; ok {
		return w
	}
	w := s.shape([]rune(text))
	if len(s.words) >= maxWords {
		clear(s.words)
	}
	s.words[strings.Clone(text)] = w
	return w
}

// broken cuts a word into pieces that are no wider than width, never within a
// cluster that is drawn as one.
func (s *setter) broken(text string, width float64) []*word {
	runes := []rune(text)
	var pieces []*word
	for len(runes) > 0 {
		const most = 256
		var ends []int // of the clusters
		for i := 1; i <= len(runes) && len(ends) < most; i++ {
			if i == len(runes) || mayBreak(runes[i-1], runes[i]) {
				ends = append(ends, i)
			}
		}
		n := sort.Search(len(ends), func(i int) bool { return s.shape(runes[:ends[i]]).width > width })
		end := ends[max(n-1, 0)]
		pieces = append(pieces, s.shape(runes[:end]))
		runes = runes[end:]
	}
	return pieces
}

const (
	nonJoiner = '\u200C'
	joiner    = '\u200D'
	noGlyph   = '\uFFFD'
)

// viramas join the letters beside them.
const viramas = "\u094D\u09CD\u0A4D\u0ACD\u0B4D\u0BCD\u0C4D\u0CCD\u0D4D\uABED"

func mayBreak(before, after rune) bool {
	return !unicode.Is(unicode.M, after) && after != joiner && after != nonJoiner && before != joiner && !strings.ContainsRune(viramas, before)
}

// shape returns the glyphs of a text.
func (s *setter) shape(text []rune) *word {
	w := &word{}
	shown := make([]rune, 0, len(text))
	fonts := make([]int, 0, len(text))
	for _, r := range text {
		if isInvisible(r) && r != joiner && r != nonJoiner {
			continue
		}
		last := 0
		if len(fonts) > 0 {
			last = fonts[len(fonts)-1]
		}
		f, ok := s.fontOf(r, last)
		if !ok {
			w.missing = append(w.missing, r)
			f, r = 0, noGlyph
		}
		shown, fonts = append(shown, r), append(fonts, f)
	}
	for from := 0; from < len(shown); {
		to := from + 1
		for to < len(shown) && fonts[to] == fonts[from] {
			to++
		}
		var r run
		if isSimple(shown[from:to]) {
			r = s.simple(fonts[from], shown[from:to])
		} else {
			r = s.complex(fonts[from], shown[from:to])
		}
		for _, g := range r.glyphs {
			w.width += g.advance
			s.used[r.font][g.id] = true
		}
		w.runs = append(w.runs, r)
		from = to
	}
	return w
}

// fontOf returns the first font that has a character, but for what belongs to
// the character before it that one's.
func (s *setter) fontOf(r rune, last int) (int, bool) {
	if r == joiner || r == nonJoiner {
		return last, true
	}
	if _, ok := s.faces[last].NominalGlyph(r); ok && (unicode.Is(unicode.M, r) || unicode.IsPunct(r)) {
		return last, true
	}
	for i, f := range s.faces {
		if _, ok := f.NominalGlyph(r); ok && r >= ' ' {
			return i, true
		}
	}
	return 0, false
}

// isInvisible reports whether a character is not to be seen anyway.
func isInvisible(r rune) bool {
	return r >= 0x200B && r <= 0x200F || r >= 0x202A && r <= 0x202E || r == 0x2060 || r == 0xFEFF || r >= 0xFE00 && r <= 0xFE0F || r == 0xAD
}

// isSimple reports whether a text is its characters one beside the other.
func isSimple(text []rune) bool {
	for _, r := range text {
		if r >= 0x300 && r < 0x370 || r >= 0x483 && r < 0x48A || r >= 0x590 && r < 0x1E00 || r == joiner || r == nonJoiner || r >= 0x20D0 && r < 0x2100 ||
			r >= 0xA600 && r != noGlyph {
			return false
		}
	}
	return true
}

func (s *setter) simple(f int, text []rune) run {
	r := run{font: f, glyphs: make([]glyph, 0, len(text))}
	for _, c := range text {
		id, _ := s.faces[f].NominalGlyph(c)
		width := float64(s.faces[f].HorizontalAdvance(id)) * s.scales[f]
		r.glyphs = append(r.glyphs, glyph{id: int(id), width: width, advance: width})
		s.texts[f][int(id)] = c
	}
	return r
}

// complex shapes a text: letters are joined, put before and below each other.
func (s *setter) complex(f int, text []rune) run {
	s.buffer.Clear()
	s.buffer.AddRunes(text, 0, -1)
	s.buffer.GuessSegmentProperties()
	s.buffer.Shape(s.shapers[f], nil)
	r := run{font: f, text: string(text)}
	scale := s.scales[f]
	for i, info := range s.buffer.Info {
		p := s.buffer.Pos[i]
		r.glyphs = append(r.glyphs, glyph{id: int(info.Glyph), width: float64(s.faces[f].HorizontalAdvance(info.Glyph)) * scale,
			advance: float64(p.XAdvance) * scale, dx: float64(p.XOffset) * scale, dy: float64(p.YOffset) * scale})
	}
	return r
}

// appendLine appends the operators that draw a line at a place.
func (s *setter) appendLine(b []byte, l line, x, y, size float64) []byte {
	b = fmt.Appendf(b, "BT 1 0 0 1 %.2f %.2f Tm\n", x, y)
	current := -1
	draw := func(r *run) {
		if r.font != current {
			b = fmt.Appendf(b, "/F%d %g Tf\n", r.font, size)
			current = r.font
		}
		b = appendRun(b, r, size)
	}
	for i, w := range l.words {
		if i > 0 {
			draw(&s.space)
		}
		for j := range w.runs {
			draw(&w.runs[j])
		}
	}
	return append(b, "ET\n"...)
}

// appendRun appends the operators that draw a run.
func appendRun(b []byte, r *run, size float64) []byte {
	if r.text != "" {
		b = fmt.Appendf(b, "/Span<</ActualText%s>>BDC\n", quoted(r.text))
	}
	b = append(b, '[')
	hex := false
	shift := func(by float64) {
		if by > -0.005 && by < 0.005 {
			return
		}
		if hex {
			b = append(b, '>')
			hex = false
		}
		b = fmt.Appendf(b, "%.2f ", -by)
	}
	rise := 0.0
	for _, g := range r.glyphs {
		shift(g.dx)
		if g.dy != rise {
			if hex {
				b = append(b, '>')
				hex = false
			}
			rise = g.dy
			b = fmt.Appendf(b, "]TJ %.2f Ts [", rise*size/1000)
		}
		if !hex {
			b = append(b, '<')
			hex = true
		}
		b = fmt.Appendf(b, "%04X", g.id)
		shift(g.advance - g.dx - g.width)
	}
	if hex {
		b = append(b, '>')
	}
	b = append(b, "]TJ\n"...)
	if rise != 0 {
		b = append(b, "0 Ts\n"...)
	}
	if r.text != "" {
		b = append(b, "EMC\n"...)
	}
	return b
}
