package typeset

import (
	"fmt"
	"sort"
	"strings"
	"unicode"

	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/harfbuzz"
)

// A Glyph is drawn at dx and dy from where the pen is, which then moves by
// advance. Lengths are in 1/1000 of the size of the text.
type Glyph struct {
	ID                     int
	Width, Advance, DX, DY float64
}

// A Run is glyphs of one font.
type Run struct {
	Font   int
	Glyphs []Glyph
	Text   string // what they say together, if not one character each
}

// A Word is a text that was shaped.
type Word struct {
	Runs    []Run
	Width   float64
	Missing []rune // characters that no font has
}

// A Line is words with a blank between each two.
type Line struct {
	Words []*Word
	Width float64
}

// A Setter makes lines of text.
// It is for one goroutine at a time.
type Setter struct {
	fonts   []*Typeface
	faces   []*font.Face
	shapers []*harfbuzz.Font
	buffer  *harfbuzz.Buffer
	words   map[string]*Word
	scales  []float64
	space   Run
	blank   float64        // its width
	used    []map[int]bool // glyphs of each font
	texts   []map[int]rune // what they stand for

	Missing map[rune]int64 // how often Set met characters that no font has
}

// maxWords are remembered, if they are no longer than maxWord.
const maxWords, maxWord = 1 << 14, 1 << 10

// NewSetter returns a setter of these fonts, of which the first is that of blanks.
func NewSetter(fonts []*Typeface) *Setter {
	s := &Setter{fonts: fonts, buffer: harfbuzz.NewBuffer(), words: map[string]*Word{}, Missing: map[rune]int64{}}
	for _, t := range fonts {
		face := font.NewFace(t.font)
		s.faces, s.shapers, s.scales = append(s.faces, face), append(s.shapers, harfbuzz.NewFont(face)), append(s.scales, t.scale)
		s.used, s.texts = append(s.used, map[int]bool{}), append(s.texts, map[int]rune{})
	}
	s.space = s.simple(0, []rune{' '})
	s.blank = s.space.Glyphs[0].Advance
	s.used[0][s.space.Glyphs[0].ID] = true
	return s
}

// Set breaks a text into lines that are no wider than width, at blanks if
// there are any, and counts the characters that no font has.
func (s *Setter) Set(text string, width float64) []Line {
	var lines []Line
	text = lineBreaks.Replace(text)
	for paragraph := range strings.SplitSeq(text, "\n") {
		var current Line
		for i, part := range strings.Split(paragraph, " ") {
			w := s.word(part)
			for _, r := range w.Missing {
				s.Missing[r]++
			}
			if i > 0 && current.Width+s.blank+w.Width > width {
				lines = append(lines, current)
				current = Line{}
			} else if i > 0 {
				current.Width += s.blank
			}
			if w.Width > width {
				pieces := s.broken(part, width)
				for _, piece := range pieces[:len(pieces)-1] {
					lines = append(lines, Line{Words: []*Word{piece}, Width: piece.Width})
				}
				w = pieces[len(pieces)-1]
			}
			current.Words = append(current.Words, w)
			current.Width += w.Width
		}
		lines = append(lines, current)
	}
	return lines
}

var lineBreaks = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\t", "    ")

// Natural returns how wide a text is that is not broken.
func (s *Setter) Natural(text string) float64 {
	widest := 0.0
	for paragraph := range strings.SplitSeq(lineBreaks.Replace(text), "\n") {
		width := -s.blank
		for part := range strings.SplitSeq(paragraph, " ") {
			width += s.blank + s.word(part).Width
		}
		widest = max(widest, width)
	}
	return widest
}

// word returns a text without blanks, shaped.
func (s *Setter) word(text string) *Word {
	if w, ok := s.words[text]; ok {
		return w
	}
	w := s.shape([]rune(text), false)
	s.remember(text, w)
	return w
}

func (s *Setter) remember(text string, w *Word) {
	if len(text) > maxWord {
		return
	}
	if len(s.words) >= maxWords {
		clear(s.words)
	}
	s.words[strings.Clone(text)] = w
}

// broken cuts a word into pieces that are no wider than width, never within a
// cluster that is drawn as one.
func (s *Setter) broken(text string, width float64) []*Word {
	runes := []rune(text)
	var pieces []*Word
	for len(runes) > 0 {
		const most = 256
		var ends []int // of the clusters
		for i := 1; i <= len(runes) && len(ends) < most; i++ {
			if i == len(runes) || MayBreak(runes[i-1], runes[i]) {
				ends = append(ends, i)
			}
		}
		n := sort.Search(len(ends), func(i int) bool { return s.shape(runes[:ends[i]], false).Width > width })
		end := ends[max(n-1, 0)]
		pieces = append(pieces, s.shape(runes[:end], false))
		runes = runes[end:]
	}
	return pieces
}

const (
	nonJoiner = '\u200C'
	joiner    = '\u200D'
)

// NoGlyph is drawn for what no font has.
const NoGlyph = '\uFFFD'

// viramas join the letters beside them.
const viramas = "\u094D\u09CD\u0A4D\u0ACD\u0B4D\u0BCD\u0C4D\u0CCD\u0D4D\uABED"

// MayBreak reports whether a text may be cut between two characters: not within what is drawn as one.
func MayBreak(before, after rune) bool {
	return !unicode.Is(unicode.M, after) && after != joiner && after != nonJoiner && before != joiner && !strings.ContainsRune(viramas, before)
}

// shape returns the glyphs of a text from left to right; backwards says that it is read the other way.
func (s *Setter) shape(text []rune, backwards bool) *Word {
	w := &Word{}
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
			w.Missing = append(w.Missing, r)
			f, r = 0, NoGlyph
		}
		shown, fonts = append(shown, r), append(fonts, f)
	}
	for from := 0; from < len(shown); {
		to := from + 1
		for to < len(shown) && fonts[to] == fonts[from] {
			to++
		}
		switch part := shown[from:to]; {
		case backwards: // seen before what was read before
			w.Runs = append(s.backwards(fonts[from], part), w.Runs...)
		case isSimple(part):
			w.Runs = append(w.Runs, s.simple(fonts[from], part))
		default:
			w.Runs = append(w.Runs, s.complex(fonts[from], part))
		}
		from = to
	}
	for _, r := range w.Runs {
		for _, g := range r.Glyphs {
			w.Width += g.Advance
			s.used[r.Font][g.ID] = true
		}
	}
	return w
}

// fontOf returns the first font that has a character, but for what belongs to
// the character before it that one's.
func (s *Setter) fontOf(r rune, last int) (int, bool) {
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
			r >= 0xA600 && r != NoGlyph {
			return false
		}
	}
	return true
}

func (s *Setter) simple(f int, text []rune) Run {
	r := Run{Font: f, Glyphs: make([]Glyph, 0, len(text))}
	for _, c := range text {
		id, _ := s.faces[f].NominalGlyph(c)
		width := float64(s.faces[f].HorizontalAdvance(id)) * s.scales[f]
		r.Glyphs = append(r.Glyphs, Glyph{ID: int(id), Width: width, Advance: width})
		s.texts[f][int(id)] = c
	}
	return r
}

// complex shapes a text: letters are joined, put before and below each other.
func (s *Setter) complex(f int, text []rune) Run {
	s.buffer.Clear()
	s.buffer.AddRunes(text, 0, -1)
	s.buffer.GuessSegmentProperties()
	s.buffer.Shape(s.shapers[f], nil)
	r := Run{Font: f, Text: string(text)}
	for i := range s.buffer.Info {
		r.Glyphs = append(r.Glyphs, s.shaped(f, i))
	}
	return r
}

// shaped returns a glyph of the buffer.
func (s *Setter) shaped(f, i int) Glyph {
	info, p, scale := s.buffer.Info[i], s.buffer.Pos[i], s.scales[f]
	return Glyph{ID: int(info.Glyph), Width: float64(s.faces[f].HorizontalAdvance(info.Glyph)) * scale,
		Advance: float64(p.XAdvance) * scale, DX: float64(p.XOffset) * scale, DY: float64(p.YOffset) * scale}
}

// AppendLine appends the operators that draw a line at a place.
func (s *Setter) AppendLine(b []byte, l Line, x, y, size float64) []byte {
	b = fmt.Appendf(b, "BT 1 0 0 1 %.2f %.2f Tm\n", x, y)
	current := -1
	draw := func(r *Run) {
		if r.Font != current {
			b = fmt.Appendf(b, "/F%d %g Tf\n", r.Font, size)
			current = r.Font
		}
		b = appendRun(b, r, size)
	}
	for i, w := range l.Words {
		if i > 0 {
			draw(&s.space)
		}
		for j := range w.Runs {
			draw(&w.Runs[j])
		}
	}
	return append(b, "ET\n"...)
}

// appendRun appends the operators that draw a run.
func appendRun(b []byte, r *Run, size float64) []byte {
	if r.Text != "" {
		b = fmt.Appendf(b, "/Span<</ActualText%s>>BDC\n", Quoted(r.Text))
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
	for _, g := range r.Glyphs {
		shift(g.DX)
		if g.DY != rise {
			if hex {
				b = append(b, '>')
				hex = false
			}
			rise = g.DY
			b = fmt.Appendf(b, "]TJ %.2f Ts [", rise*size/1000)
		}
		if !hex {
			b = append(b, '<')
			hex = true
		}
		b = fmt.Appendf(b, "%04X", g.ID)
		shift(g.Advance - g.DX - g.Width)
	}
	if hex {
		b = append(b, '>')
	}
	b = append(b, "]TJ\n"...)
	if rise != 0 {
		b = append(b, "0 Ts\n"...)
	}
	if r.Text != "" {
		b = append(b, "EMC\n"...)
	}
	return b
}
