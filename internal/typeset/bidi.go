package typeset

import (
	"slices"
	"strings"
	"unicode"

	"github.com/go-text/typesetting/bidi"
	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/font/opentype"
	"github.com/go-text/typesetting/harfbuzz"
)

// Single returns a text as one line, with what runs from right to left put in the order in which it is seen.
// Line breaks are blanks. It does not count in Missing.
func (s *Setter) Single(text string) Line {
	text = oneLine.Replace(text)
	if IsRightToLeft(text) || strings.ContainsFunc(text, runsLeft) {
		w := s.mixed(text)
		return Line{Words: []*Word{w}, Width: w.Width}
	}
	var l Line
	for part := range strings.SplitSeq(text, " ") {
		w := s.word(part)
		if len(l.Words) > 0 {
			l.Width += s.blank
		}
		l.Words = append(l.Words, w)
		l.Width += w.Width
	}
	return l
}

var oneLine = strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ", "\t", " ", "\u2028", " ", "\u2029", " ")

// IsRightToLeft reports whether a text is read from right to left, which its first letter says.
func IsRightToLeft(text string) bool {
	for _, r := range text {
		if runsLeft(r) {
			return true
		}
		if unicode.IsLetter(r) {
			return false
		}
	}
	return false
}

// runsLeft reports whether a character belongs to a script that is written from right to left.
func runsLeft(r rune) bool {
	return r >= 0x590 && r < 0x900 || r >= 0xFB1D && r < 0xFE00 || r >= 0xFE70 && r < 0xFEFF || r >= 0x10800 && r < 0x11000 || r >= 0x1E800 && r < 0x1F000
}

// mixed returns a text with parts in both directions, as it is seen from left to right.
func (s *Setter) mixed(text string) *Word {
	if w, ok := s.words[text]; ok {
		return w
	}
	var p bidi.Paragraph
	base := bidi.LeftToRight
	if IsRightToLeft(text) {
		base = bidi.RightToLeft
	}
	runes := []rune(text)
	found := p.Segment(runes, base)
	runs := make([]bidi.Run, found.NumRuns())
	for i := range runs {
		runs[i] = found.Run(i)
	}
	reorder(runs)
	all := &Word{}
	for _, r := range runs {
		w := s.shape(runes[r.Start:r.End], r.Level%2 == 1)
		all.Runs, all.Missing = append(all.Runs, w.Runs...), append(all.Missing, w.Missing...)
		all.Width += w.Width
	}
	s.remember(text, all)
	return all
}

// backwards shapes a text that is read from right to left. Its runs are those of single letters, in the order in which they are
// seen, so that who copies them from a page can put them back into the order in which they are read.
func (s *Setter) backwards(f int, text []rune) []Run {
	s.buffer.Clear()
	s.buffer.AddRunes(text, 0, -1)
	s.buffer.GuessSegmentProperties()
	s.buffer.Props.Direction = harfbuzz.RightToLeft
	s.buffer.Shape(s.shapers[f], nil)
	var runs []Run
	end := len(text) // of the letters of the cluster before, which is seen on the right
	ends := make([]int, len(s.buffer.Info))
	for i := range s.buffer.Info {
		if i > 0 && s.buffer.Info[i].Cluster != s.buffer.Info[i-1].Cluster {
			end = s.buffer.Info[i-1].Cluster
		}
		ends[i] = end
	}
	for i, info := range s.buffer.Info {
		if i > 0 && info.Cluster == s.buffer.Info[i-1].Cluster {
			last := &runs[len(runs)-1]
			last.Glyphs = append(last.Glyphs, s.shaped(f, i))
			continue
		}
		runs = append(runs, Run{Font: f, Text: string(text[info.Cluster:max(ends[i], info.Cluster)]), Glyphs: []Glyph{s.shaped(f, i)}})
	}
	for i := range runs {
		letter := []rune(runs[i].Text)
		if len(runs[i].Glyphs) == 1 && len(letter) == 1 && runsLeft(letter[0]) { // not a bracket, whose glyph is that of its counterpart
			s.texts[f][runs[i].Glyphs[0].ID] = letter[0]
			runs[i].Text = ""
		}
	}
	return runs
}

// reorder puts runs in the order in which they are seen (rule L2 of Unicode's algorithm).
func reorder(runs []bidi.Run) {
	highest := bidi.Level(0)
	for _, r := range runs {
		highest = max(highest, r.Level)
	}
	for level := highest; level > 0; level-- {
		for from := 0; from < len(runs); from++ {
			to := from
			for to < len(runs) && runs[to].Level >= level {
				to++
			}
			slices.Reverse(runs[from:to])
			from = to
		}
	}
}

// A Segment is a part of a glyph's outline: M moves to a place, L is a line to it, Q and C are curves of two and three places. x and y take turns.
type Segment struct {
	Op byte
	At [6]float64
}

// Outline returns the lines of a glyph, in 1/1000 of the size of the text, the way of y being up.
func (s *Setter) Outline(f, glyph int) []Segment {
	data, ok := s.faces[f].GlyphData(font.GID(glyph)).(font.GlyphOutline)
	if !ok {
		return nil
	}
	all := make([]Segment, len(data.Segments))
	for i, from := range data.Segments {
		all[i].Op = map[opentype.SegmentOp]byte{opentype.SegmentOpMoveTo: 'M', opentype.SegmentOpLineTo: 'L', opentype.SegmentOpQuadTo: 'Q', opentype.SegmentOpCubeTo: 'C'}[from.Op]
		for j, p := range from.Args {
			all[i].At[2*j], all[i].At[2*j+1] = float64(p.X)*s.scales[f], float64(p.Y)*s.scales[f]
		}
	}
	return all
}
