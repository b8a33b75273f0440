package chart

import (
	"sort"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/digit-health/dhr/internal/typeset"
)

// Sizes of text, and the room that a line takes above and below the line that letters stand on. Scripts of India need more of it than Latin.
const (
	titleSize, textSize, smallSize = 15.0, 12.0, 11.0
	leading                        = 1.45
	ascent, descent                = 1.07, 0.38
	ellipsis                       = "…"
	maxText                        = 300 // characters of a text that are looked at; no box is wider
)

// A ruler measures text.
type ruler struct {
	set    *typeset.Setter
	widths map[string]float64 // of texts of size 1000
	latin  [latinEnd]float64  // of single letters
	dots   float64            // of …
}

// latinEnd is behind the letters that are as wide beside each other as each alone.
const latinEnd = 0x250

var rulers sync.Pool

func borrowRuler() (*ruler, error) {
	if r, ok := rulers.Get().(*ruler); ok {
		return r, nil
	}
	fonts, err := typeset.All()
	if err != nil {
		return nil, err
	}
	r := &ruler{set: typeset.NewSetter(fonts), widths: map[string]float64{}}
	for c := range r.latin {
		r.latin[c] = r.set.Single(string(rune(c))).Width
	}
	r.dots = r.set.Single(ellipsis).Width
	return r, nil
}

func (r *ruler) giveBack() {
	if len(r.widths) > 1<<14 {
		clear(r.widths)
	}
	rulers.Put(r)
}

// width returns how wide a text is.
func (r *ruler) width(text string, size float64) float64 {
	sum := 0.0
	for _, c := range text {
		switch {
		case c < latinEnd:
			sum += r.latin[c]
		case c == '…':
			sum += r.dots
		default:
			return r.measured(text) * size / 1000
		}
	}
	return sum * size / 1000
}

func (r *ruler) measured(text string) float64 {
	w, ok := r.widths[text]
	if !ok {
		w = r.set.Single(text).Width
		if len(text) <= maxText {
			r.widths[text] = w
		}
	}
	return w
}

// fit returns as much of a text as is no wider than room, with … for the rest, or "" if that is too wide itself. It never ends in
// digits, which would look like a number that was not meant.
func (r *ruler) fit(text string, size, room float64) string {
	whole := len(text) <= maxText || utf8.RuneCountInString(text) <= maxText
	if whole && r.width(text, size) <= room {
		return text
	}
	runes := []rune(text)
	runes = runes[:min(len(runes), maxText)]
	low := r.reach(runes, size, room-r.dots*size/1000)
	for low > 0 && low < len(runes) && !typeset.MayBreak(runes[low-1], runes[low]) {
		low--
	}
	for ; low > 0; low-- { // a shorter text is wider now and then, since letters join
		cut := strings.TrimRightFunc(string(runes[:low]), isFigure) + ellipsis
		if r.width(cut, size) <= room {
			return cut
		}
	}
	if r.dots*size/1000 <= room && len(runes) > 0 {
		return ellipsis
	}
	return ""
}

// isFigure reports whether a character may be part of a number, or stands between one and its unit.
func isFigure(r rune) bool {
	return unicode.IsDigit(r) || unicode.IsSpace(r) || strings.ContainsRune(".,~<>", r)
}

// reach returns about how many characters of a text fit.
func (r *ruler) reach(runes []rune, size, room float64) int {
	sum := 0.0
	for i, c := range runes {
		if c >= latinEnd {
			return sort.Search(len(runes), func(n int) bool {
				return n >= i && r.set.Single(string(runes[:n+1])).Width*size/1000 > room
			})
		}
		if sum += r.latin[c] * size / 1000; sum > room {
			return i
		}
	}
	return len(runes)
}

// wrap returns a text in at most so many lines no wider than room, the last of which may end in ….
func (r *ruler) wrap(text string, size, room float64, most int) []string {
	if most == 1 || r.width(text[:min(len(text), 4*maxText)], size) <= room {
		return []string{r.fit(text, size, room)}
	}
	var lines []string
	rest := strings.FieldsFunc(text, func(c rune) bool { return c == ' ' })
	for i, word := range rest {
		rest[i] = word[:min(len(word), 4*maxText)] // the rest of which is never seen
	}
	for len(rest) > 0 {
		if len(lines) == most-1 {
			return append(lines, r.fit(strings.Join(rest, " "), size, room))
		}
		n := 1
		for n < len(rest) && n < maxText && r.width(strings.Join(rest[:n+1], " "), size) <= room {
			n++
		}
		lines = append(lines, r.fit(strings.Join(rest[:n], " "), size, room))
		rest = rest[n:]
	}
	return lines
}

// clean returns a text in one line, with nothing that XML or a terminal takes for more than text.
func clean(text string) string {
	plain := true
	for i := range len(text) {
		if text[i] <= ' ' && text[i] != ' ' || text[i] >= 0x7F {
			plain = false
			break
		}
	}
	if plain && !strings.Contains(text, "  ") && strings.Trim(text, " ") == text {
		return text
	}
	return strings.Join(strings.FieldsFunc(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) && r != '\u00A0' && r != '\u202F', r == '\u2028', r == '\u2029':
			return ' '
		case r >= 0x200E && r <= 0x200F, r >= 0x202A && r <= 0x202E, r >= 0x2060 && r <= 0x206F, r == 0xFEFF, r == 0xAD, r == 0x200B:
			return -1 // what turns the direction of others, or is not seen
		case unicode.IsControl(r), r == 0xFFFE, r == 0xFFFF, r == utf8.RuneError:
			return typeset.NoGlyph
		}
		return r
	}, text), func(r rune) bool { return r == ' ' }), " ")
}
