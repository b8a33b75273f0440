package chart_test

import (
	"bytes"
	"compress/zlib"
	"encoding/hex"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"
)

// A said is a text of a page and where it begins.
type said struct {
	x, y float64
	text string
}

// A document is a PDF as a reader sees it that follows the file's own table of objects.
type document struct {
	file    []byte
	objects map[string]string // without their streams
	streams map[string]string
	pages   [][]said
}

func read(tb testing.TB, file []byte) *document {
	tb.Helper()
	d := &document{file: file, objects: map[string]string{}, streams: map[string]string{}}
	m := regexp.MustCompile(`trailer\n<</Size (\d+)/Root (\d+) 0 R/Info \d+ 0 R>>\nstartxref\n(\d+)\n%%EOF\n$`).FindSubmatch(file)
	require.NotNil(tb, m, "no trailer")
	start, err := strconv.Atoi(string(m[3]))
	require.NoError(tb, err)
	for i, line := range strings.Split(string(file[start:]), "\n")[3:] {
		if !strings.HasSuffix(line, " n ") {
			break
		}
		d.object(tb, strconv.Itoa(i+1), line[:10])
	}
	pages := d.objects[found(tb, d.objects[string(m[2])], `/Pages (\d+) 0 R`)]
	kids := regexp.MustCompile(`(\d+) 0 R`).FindAllStringSubmatch(found(tb, pages, `/Kids\[(.*?)\]`), -1)
	for _, kid := range kids {
		page := d.objects[kid[1]]
		fonts := d.fonts(tb, d.objects[found(tb, page, `/Resources (\d+) 0 R`)])
		d.pages = append(d.pages, texts(tb, d.streams[found(tb, page, `/Contents (\d+) 0 R`)], fonts))
	}
	return d
}

func found(tb testing.TB, in, pattern string) string {
	tb.Helper()
	m := regexp.MustCompile("(?s)" + pattern).FindStringSubmatch(in)
	require.NotNil(tb, m, "no %q in %.200q", pattern, in)
	return m[1]
}

func (d *document) object(tb testing.TB, id, at string) {
	tb.Helper()
	offset, err := strconv.Atoi(at)
	require.NoError(tb, err)
	text := string(d.file[offset:])
	require.True(tb, strings.HasPrefix(text, id+" 0 obj\n"), "object %s is elsewhere", id)
	head, _, _ := strings.Cut(text, "\nendobj\n")
	head, _, streamed := strings.Cut(head, ">>\nstream\n")
	d.objects[id] = head
	if !streamed {
		return
	}
	length, err := strconv.Atoi(found(tb, head, `/Length (\d+)$`))
	require.NoError(tb, err)
	z, err := zlib.NewReader(bytes.NewReader(d.file[offset+len(head)+len(">>\nstream\n"):][:length]))
	require.NoError(tb, err)
	data, err := io.ReadAll(z)
	require.NoError(tb, err)
	d.streams[id] = string(data)
}

// fonts returns for each font what its glyphs stand for.
func (d *document) fonts(tb testing.TB, resources string) map[string]map[string]string {
	tb.Helper()
	fonts := map[string]map[string]string{}
	for _, m := range regexp.MustCompile(`/F(\d+) (\d+) 0 R`).FindAllStringSubmatch(resources, -1) {
		fonts[m[1]] = map[string]string{}
		for _, g := range regexp.MustCompile(`<([0-9A-F]{4})> <([0-9A-F]+)>`).FindAllStringSubmatch(d.streams[found(tb, d.objects[m[2]], `/ToUnicode (\d+) 0 R`)], -1) {
			fonts[m[1]][g[1]] = utf16Text(tb, g[2])
		}
	}
	return fonts
}

func utf16Text(tb testing.TB, digits string) string {
	tb.Helper()
	b, err := hex.DecodeString(digits)
	require.NoError(tb, err)
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = uint16(b[2*i])<<8 | uint16(b[2*i+1])
	}
	return string(utf16.Decode(units))
}

// texts returns what the operators of a page write.
func texts(tb testing.TB, content string, fonts map[string]map[string]string) []said {
	tb.Helper()
	var all []said
	font, spoken := "", false
	for line := range strings.SplitSeq(content, "\n") {
		fields := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "BT "):
			x, err := strconv.ParseFloat(fields[5], 64)
			require.NoError(tb, err)
			y, err := strconv.ParseFloat(fields[6], 64)
			require.NoError(tb, err)
			all = append(all, said{x: x, y: y})
		case strings.HasSuffix(line, " Tf"):
			font = strings.TrimPrefix(fields[0], "/F")
		case strings.HasPrefix(line, "/Span"):
			all[len(all)-1].text += utf16Text(tb, found(tb, line, `ActualText<FEFF([0-9A-F]*)>`))
			spoken = true
		case line == "EMC":
			spoken = false
		case strings.HasSuffix(line, "]TJ") && !spoken:
			for _, m := range regexp.MustCompile(`<([0-9A-F]+)>`).FindAllStringSubmatch(line, -1) {
				for i := 0; i < len(m[1]); i += 4 {
					text, ok := fonts[font][m[1][i:i+4]]
					require.True(tb, ok, "glyph %s of font %s stands for nothing", m[1][i:i+4], font)
					all[len(all)-1].text += text
				}
			}
		}
	}
	return all
}
