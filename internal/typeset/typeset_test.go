package typeset_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/internal/typeset"
)

func setter(tb testing.TB) *typeset.Setter {
	tb.Helper()
	fonts, err := typeset.All()
	require.NoError(tb, err)
	return typeset.NewSetter(fonts)
}

// ids returns the glyphs of a text in the order in which they are seen.
func ids(l typeset.Line) (all []int, width float64) {
	for _, w := range l.Words {
		for _, r := range w.Runs {
			for _, g := range r.Glyphs {
				all, width = append(all, g.ID), width+g.Advance
			}
		}
	}
	return all, width
}

// A line is as wide in one piece as it is when it might have been broken.
func TestSingle(t *testing.T) {
	t.Parallel()
	s := setter(t)
	for _, text := range []string{"", " ", "Patna", "Malaria cases by district, 2026", "श्री राजेन्द्र किशोर", "காஞ்சிபுரம் மாவட்டம்", "🩺 漢"} {
		lines := s.Set(text, 1e9)
		require.Len(t, lines, 1)
		require.InDelta(t, lines[0].Width, s.Single(text).Width, 1e-6, text)
	}
	require.Equal(t, s.Single("a b c d"), s.Single("a\nb\tc\u2028d"))
	require.Equal(t, []rune{'漢'}, s.Single("漢").Words[0].Missing)
}

// Letters of Arabic are joined: each has another form at the beginning, within and at the end of a word. The numbers are HarfBuzz's own.
func TestArabicIsJoined(t *testing.T) {
	t.Parallel()
	s := setter(t)
	alone, _ := ids(s.Single("ن"))
	word, _ := ids(s.Single("المنطقة"))
	require.Len(t, word, 7)
	require.NotContains(t, word, alone[0])
	twice, width := ids(s.Single("نن"))
	require.Len(t, twice, 2)
	require.NotEqual(t, twice[0], twice[1])
	require.InDelta(t, s.Single("نن").Width, width, 1e-6)
}

// What is read from right to left is seen so, and what is read from left to right within it as well.
func TestOrder(t *testing.T) {
	t.Parallel()
	s := setter(t)
	seen := func(text string) []int {
		all, _ := ids(s.Single(text))
		return all
	}
	number, latin := seen("12"), seen("ab")
	require.Equal(t, append(append([]int{}, number...), seen("سلام ")...), seen("سلام 12"), "the number follows, so it stands on the left")
	mixed := seen("ab سلام")
	require.Equal(t, latin, mixed[:2], "the first letter says that it is read from left to right")
	open, shut := seen("("), seen(")")
	bracket := seen("(س)")
	require.Equal(t, open[0], bracket[0], "a bracket opens to where the text is")
	require.Equal(t, shut[0], bracket[len(bracket)-1])
	for text, want := range map[string]bool{"سلام ab": true, "12 سلام": true, "ab سلام": false, "": false, "12": false, "שלום": true} {
		require.Equal(t, want, typeset.IsRightToLeft(text), text)
	}
}

func TestOutline(t *testing.T) {
	t.Parallel()
	s := setter(t)
	r := s.Single("I").Words[0].Runs[0]
	outline := s.Outline(r.Font, r.Glyphs[0].ID)
	require.NotEmpty(t, outline)
	require.Equal(t, byte('M'), outline[0].Op)
	high := 0.0
	for _, seg := range outline {
		high = max(high, seg.At[1])
	}
	require.InDelta(t, 714, high, 1, "the height of capital letters")
	blank := s.Single("\u00A0").Words[0].Runs[0]
	require.Empty(t, s.Outline(blank.Font, blank.Glyphs[0].ID))
}

// Only fonts that were used are in the file.
func TestEmbed(t *testing.T) {
	t.Parallel()
	s := setter(t)
	s.Single("पटना and سلام")
	var b bytes.Buffer
	f := typeset.NewFile(&b)
	fonts := s.Embed(f)
	f.Finish(f.Reserve(), f.Reserve())
	require.NoError(t, f.Err)
	require.Equal(t, 3, strings.Count(fonts, "/F"))
	for _, name := range []string{"NotoSans", "NotoSansDevanagari", "NotoSansArabic"} {
		require.Contains(t, b.String(), "/BaseFont/DHRAAA+"+name+"/")
	}
	require.NotContains(t, b.String(), "NotoSansTamil")
}

// FuzzSingle finds no text that cannot be set, or whose width is not that of its glyphs.
func FuzzSingle(f *testing.F) {
	for _, text := range []string{"Patna 12", "حالات (الملاريا) 2026", "mixed عربي text", "मुज़फ़्फ़रपुर", "\xff\u202Eabc\u200D", "שלום\u0301"} {
		f.Add(text)
	}
	s := setter(f)
	f.Fuzz(func(t *testing.T, text string) {
		l := s.Single(text)
		_, width := ids(l)
		require.InDelta(t, l.Width, width+float64(len(l.Words)-1)*s.Single(" ").Width, 0.01)
	})
}
