package command

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/digit-health/dhr/record"
)

// A table is records as people read them: a row for each, a column for each field that one of them has. Nothing is cut off.
type table struct {
	columns []string
	right   []bool // of a column: all its values are numbers
	rows    [][]string
}

func printTable(to io.Writer, records []*record.Record, total int64) error {
	t := newTable(records)
	var b strings.Builder
	if len(t.rows) > 0 {
		t.append(&b)
	}
	fmt.Fprintf(&b, "%s of %s records\n", thousands(int64(len(records))), thousands(total))
	_, err := io.WriteString(to, b.String())
	return err
}

func newTable(records []*record.Record) *table {
	t := &table{}
	several := false
	for _, r := range records {
		several = several || r.Index != records[0].Index
		for _, f := range r.Projection().Fields() {
			if !slices.Contains(t.columns, f.Path) {
				t.columns = append(t.columns, f.Path)
			}
		}
	}
	fields := t.columns
	t.columns = append([]string{"id"}, fields...)
	if several {
		t.columns = append([]string{"index"}, t.columns...)
	}
	t.right = make([]bool, len(t.columns))
	for i := range fields {
		t.right[len(t.columns)-len(fields)+i] = true
	}
	for _, r := range records {
		t.add(r, fields, several)
	}
	return t
}

func (t *table) add(r *record.Record, fields []string, several bool) {
	var row []string
	if several {
		row = append(row, visible(r.Index))
	}
	row = append(row, visible(r.ID))
	for _, path := range fields {
		var texts []string
		for _, v := range r.Lookup(path) {
			texts = append(texts, visible(v.Text()))
			switch v.Kind() {
			case record.Int, record.Uint, record.Float:
			default:
				t.right[len(row)] = false
			}
		}
		row = append(row, strings.Join(texts, ", "))
	}
	t.rows = append(t.rows, row)
}

// append writes the table.
func (t *table) append(b *strings.Builder) {
	widths := make([]int, len(t.columns))
	heads := make([]string, len(t.columns))
	for i, c := range t.columns {
		heads[i] = visible(c)
	}
	for _, row := range append([][]string{heads}, t.rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], width(cell))
		}
	}
	line := make([]string, len(widths))
	for i, w := range widths {
		line[i] = strings.Repeat("-", w)
	}
	for _, row := range append([][]string{heads, line}, t.rows...) {
		var text strings.Builder
		for i, cell := range row {
			if i > 0 {
				text.WriteString("  ")
			}
			blanks := strings.Repeat(" ", widths[i]-width(cell))
			if t.right[i] {
				text.WriteString(blanks + cell)
			} else {
				text.WriteString(cell + blanks)
			}
		}
		b.WriteString(strings.TrimRight(text.String(), " ") + "\n")
	}
}

// width is how many columns of a screen a text takes, as good as can be said: marks that are put over or under
// a letter take none, and Chinese, Japanese and Korean characters take two.
func width(text string) (n int) {
	for _, r := range text {
		switch {
		case r < utf8.RuneSelf:
			n++
		case unicode.In(r, unicode.Mn, unicode.Me) || joiner(r):
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul):
			n += 2
		default:
			n++
		}
	}
	return n
}
