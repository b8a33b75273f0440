package pdf_test

import (
	"bytes"
	"compress/zlib"
	"encoding/hex"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"
)

// A document is what a reader finds that follows the file's own table of objects.
type document struct {
	file    []byte
	offsets map[string]int
	pages   []page
	total   string // the number of pages, as drawn on each
}

// A page is what is drawn on it: texts, the background of the headings, and the lines below rows.
type page struct {
	texts []text
	head  [4]float64
	rules []float64
}

type text struct {
	x, y float64
	says string
}

func open(tb testing.TB, file []byte) *document {
	tb.Helper()
	d := &document{file: file, offsets: map[string]int{}}
	require.True(tb, bytes.HasPrefix(file, []byte("%PDF-1.7\n")))
	m := regexp.MustCompile(`trailer\n<</Size (\d+)/Root (\d+) 0 R/Info \d+ 0 R>>\nstartxref\n(\d+)\n%%EOF\n$`).FindSubmatch(file)
	require.NotNil(tb, m, "no trailer")
	start, err := strconv.Atoi(string(m[3]))
	require.NoError(tb, err)
	table := strings.Split(string(file[start:]), "\n")
	require.Equal(tb, "xref", table[0])
	require.Equal(tb, "0 "+string(m[1]), table[1])
	size, err := strconv.Atoi(string(m[1]))
	require.NoError(tb, err)
	for i := 1; i < size; i++ {
		require.Len(tb, table[2+i], 19)
		offset, err := strconv.Atoi(table[2+i][:10])
		require.NoError(tb, err)
		d.offsets[strconv.Itoa(i)] = offset
	}
	pages := d.find(tb, d.object(tb, string(m[2])), `/Pages (\d+) 0 R`)
	kids := d.find(tb, d.object(tb, pages), `/Kids\[(.*?) ?\]`)
	fonts := d.fonts(tb, kids)
	for _, kid := range regexp.MustCompile(`(\d+) 0 R`).FindAllStringSubmatch(kids, -1) {
		contents := d.find(tb, d.object(tb, kid[1]), `/Contents (\d+) 0 R`)
		d.pages = append(d.pages, read(tb, d.stream(tb, contents), fonts))
	}
	resources := d.find(tb, d.object(tb, d.find(tb, kids, `^(\d+)`)), `/Resources (\d+) 0 R`)
	count := d.find(tb, d.object(tb, resources), `/N (\d+) 0 R`)
	d.total = read(tb, d.stream(tb, count), fonts).texts[0].says
	return d
}

func (d *document) find(tb testing.TB, in, pattern string) string {
	tb.Helper()
	m := regexp.MustCompile("(?s)" + pattern).FindStringSubmatch(in)
	require.NotNil(tb, m, "no %q in %.200q", pattern, in)
	return m[1]
}

// object returns an object, up to its data.
func (d *document) object(tb testing.TB, id string) string {
	tb.Helper()
	require.Contains(tb, d.offsets, id)
	text := string(d.file[d.offsets[id]:])
	require.True(tb, strings.HasPrefix(text, id+" 0 obj\n"), "object %s is elsewhere", id)
	text, _, found := strings.Cut(text, "\nendobj\n")
	require.True(tb, found)
	text, _, _ = strings.Cut(text, ">>\nstream\n")
	return text
}

func (d *document) stream(tb testing.TB, id string) []byte {
	tb.Helper()
	head := d.object(tb, id)
	length, err := strconv.Atoi(d.find(tb, head, `/Length (\d+)$`))
	require.NoError(tb, err)
	data := d.file[d.offsets[id]+len(head)+len(">>\nstream\n"):][:length]
	z, err := zlib.NewReader(bytes.NewReader(data))
	require.NoError(tb, err)
	data, err = io.ReadAll(z)
	require.NoError(tb, err)
	return data
}

// fonts returns for each font what its glyphs stand for.
func (d *document) fonts(tb testing.TB, kids string) map[string]map[string]string {
	tb.Helper()
	resources := d.object(tb, d.find(tb, d.object(tb, d.find(tb, kids, `^(\d+)`)), `/Resources (\d+) 0 R`))
	fonts := map[string]map[string]string{}
	for _, m := range regexp.MustCompile(`/F(\d+) (\d+) 0 R`).FindAllStringSubmatch(resources, -1) {
		glyphs := map[string]string{}
		unicode := d.stream(tb, d.find(tb, d.object(tb, m[2]), `/ToUnicode (\d+) 0 R`))
		for _, g := range regexp.MustCompile(`<([0-9A-F]{4})> <([0-9A-F]+)>`).FindAllStringSubmatch(string(unicode), -1) {
			glyphs[g[1]] = decode(tb, g[2])
		}
		fonts[m[1]] = glyphs
	}
	return fonts
}

func decode(tb testing.TB, digits string) string {
	tb.Helper()
	b, err := hex.DecodeString(digits)
	require.NoError(tb, err)
	var units []uint16
	for i := 0; i < len(b); i += 2 {
		units = append(units, uint16(b[i])<<8|uint16(b[i+1]))
	}
	return string(utf16.Decode(units))
}

var (
	moved  = regexp.MustCompile(`^BT 1 0 0 1 (\S+) (\S+) Tm$`)
	font   = regexp.MustCompile(`^/F(\d+) \S+ Tf$`)
	actual = regexp.MustCompile(`^/Span<</ActualText<FEFF([0-9A-F]*)>>>BDC$`)
	filled = regexp.MustCompile(`^.* (?:rg|g) (\S+) (\S+) (\S+) (\S+) re f 0 g$`)
	glyphs = regexp.MustCompile(`<([0-9A-F]+)>`)
)

// read returns what the operators of a page draw.
func read(tb testing.TB, content []byte, fonts map[string]map[string]string) page {
	tb.Helper()
	var p page
	current, spoken := "", false
	for line := range strings.SplitSeq(strings.TrimSuffix(string(content), "\n"), "\n") {
		last := len(p.texts) - 1
		if m := moved.FindStringSubmatch(line); m != nil {
			p.texts = append(p.texts, text{x: number(tb, m[1]), y: number(tb, m[2])})
		} else if m := font.FindStringSubmatch(line); m != nil {
			current = m[1]
		} else if m := actual.FindStringSubmatch(line); m != nil {
			p.texts[last].says += decode(tb, m[1])
			spoken = true
		} else if m := filled.FindStringSubmatch(line); m != nil {
			if box := [4]float64{number(tb, m[1]), number(tb, m[2]), number(tb, m[3]), number(tb, m[4])}; box[3] > 1 {
				p.head = box
			} else {
				p.rules = append(p.rules, box[1])
			}
		} else if strings.HasSuffix(line, "]TJ") && !spoken {
			for _, m := range glyphs.FindAllStringSubmatch(line, -1) {
				for i := 0; i < len(m[1]); i += 4 {
					says, ok := fonts[current][m[1][i:i+4]]
					require.True(tb, ok, "glyph %s of font %s stands for nothing", m[1][i:i+4], current)
					p.texts[last].says += says
				}
			}
		} else if line == "EMC" {
			spoken = false
		}
	}
	return p
}

func number(tb testing.TB, s string) float64 {
	tb.Helper()
	f, err := strconv.ParseFloat(s, 64)
	require.NoError(tb, err)
	return f
}

// table returns the cells of a page: what stands below each heading, and between two lines.
func (p *page) table() [][]string {
	var columns []float64
	for _, t := range p.texts {
		if t.y > p.head[1] && t.y < p.head[1]+p.head[3] && !slices.Contains(columns, t.x) {
			columns = append(columns, t.x)
		}
	}
	bottoms := append([]float64{p.head[1]}, p.rules...)
	top := p.head[1] + p.head[3]
	var rows [][]string
	for _, bottom := range bottoms {
		row := make([]string, len(columns))
		for _, t := range p.texts {
			if t.y <= bottom || t.y >= top {
				continue
			}
			c := 0
			for c+1 < len(columns) && columns[c+1] <= t.x {
				c++
			}
			if row[c] != "" {
				row[c] += "|"
			}
			row[c] += t.says
		}
		rows = append(rows, row)
		top = bottom
	}
	return rows
}

// rows returns the rows of all pages, put together again of the columns that
// stand on pages of their own.
func (d *document) rows(tb testing.TB) [][]string {
	tb.Helper()
	var all, group [][]string
	for i := range d.pages {
		p := &d.pages[i]
		rows := p.table()
		first, last, of := 1, len(rows[0]), len(rows[0])
		for _, t := range p.texts {
			if m := regexp.MustCompile(`^Columns (\d+) to (\d+) of (\d+), and the first$`).FindStringSubmatch(t.says); m != nil {
				first, last, of = int(number(tb, m[1])), int(number(tb, m[2])), int(number(tb, m[3]))
			}
		}
		if first <= 2 {
			group = rows
		} else {
			for r := range group {
				require.Equal(tb, group[r][0], rows[r][0], "the first column is not repeated")
				group[r] = append(group[r], rows[r][1:]...)
			}
		}
		if last < of {
			continue
		}
		if len(all) == 0 {
			all = group[:1]
		}
		require.Equal(tb, all[0], group[0], "the headings are not repeated")
		all = append(all, group[1:]...)
	}
	return all
}

// says reports whether a page has a text.
func (p *page) says(s string) bool {
	return slices.ContainsFunc(p.texts, func(t text) bool { return t.says == s })
}

// drawn returns the glyphs by which a text is drawn in the first page that has it.
func (d *document) drawn(tb testing.TB, says string) string {
	tb.Helper()
	hex := ""
	for _, unit := range utf16.Encode([]rune(says)) {
		hex += strings.ToUpper(strconv.FormatUint(uint64(unit)+0x10000, 16)[1:])
	}
	for id, offset := range d.offsets {
		if !bytes.Contains(d.file[offset:min(offset+300, len(d.file))], []byte(" 0 obj\n<</Filter/FlateDecode")) {
			continue
		}
		_, rest, found := strings.Cut(string(d.stream(tb, id)), "ActualText<FEFF"+hex+">>>BDC\n")
		if !found {
			continue
		}
		rest, _, _ = strings.Cut(rest, "EMC")
		all := ""
		for _, m := range glyphs.FindAllStringSubmatch(rest, -1) {
			all += m[1]
		}
		return all
	}
	return ""
}

// inside holds that everything stands on its page.
func (d *document) inside(tb testing.TB) {
	tb.Helper()
	for i, p := range d.pages {
		for _, t := range p.texts {
			require.True(tb, t.x >= 36 && t.x < 842-36 && t.y >= 36 && t.y < 595-36, "%q of page %d stands at %g, %g", t.says, i+1, t.x, t.y)
		}
	}
}
