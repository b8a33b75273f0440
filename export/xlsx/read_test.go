package xlsx_test

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A workbook is what a reader that knows nothing of the writer finds.
type workbook struct {
	titles []string
	sheets []sheet
	parts  map[string][]byte
	order  []string
	names  []string // defined names, with what they stand for
}

type sheet struct {
	Cells []struct {
		Ref   string `xml:"r,attr"`
		Type  string `xml:"t,attr"`
		Style int    `xml:"s,attr"`
		Value string `xml:"v"`
		Text  string `xml:"is>t"`
	} `xml:"sheetData>row>c"`
	Columns []struct {
		Width float64 `xml:"width,attr"`
	} `xml:"cols>col"`
	Filter struct {
		Ref string `xml:"ref,attr"`
	} `xml:"autoFilter"`
	Pane struct {
		YSplit int    `xml:"ySplit,attr"`
		State  string `xml:"state,attr"`
	} `xml:"sheetViews>sheetView>pane"`
	formats []string
}

func open(tb testing.TB, file []byte) *workbook {
	tb.Helper()
	z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	require.NoError(tb, err)
	w := &workbook{parts: map[string][]byte{}}
	for _, f := range z.File {
		r, err := f.Open()
		require.NoError(tb, err)
		w.parts[f.Name], err = io.ReadAll(r)
		require.NoError(tb, err)
		w.order = append(w.order, f.Name)
	}
	var book struct {
		Sheets []struct {
			Name string `xml:"name,attr"`
			ID   string `xml:"http://schemas.openxmlformats.org/officeDocument/2006/relationships id,attr"`
		} `xml:"sheets>sheet"`
		Names []struct {
			Text string `xml:",chardata"`
		} `xml:"definedNames>definedName"`
	}
	w.unmarshal(tb, "xl/workbook.xml", &book)
	var rels struct {
		Relationship []struct {
			ID     string `xml:"Id,attr"`
			Target string `xml:"Target,attr"`
		}
	}
	w.unmarshal(tb, "xl/_rels/workbook.xml.rels", &rels)
	var styles struct {
		Formats []struct {
			ID   int    `xml:"numFmtId,attr"`
			Code string `xml:"formatCode,attr"`
		} `xml:"numFmts>numFmt"`
		Cells []struct {
			ID int `xml:"numFmtId,attr"`
		} `xml:"cellXfs>xf"`
	}
	w.unmarshal(tb, "xl/styles.xml", &styles)
	formats := make([]string, len(styles.Cells))
	for i, c := range styles.Cells {
		formats[i] = strconv.Itoa(c.ID)
		for _, f := range styles.Formats {
			if f.ID == c.ID {
				formats[i] = strings.ReplaceAll(f.Code, `\`, "")
			}
		}
	}
	for _, n := range book.Names {
		w.names = append(w.names, n.Text)
	}
	for _, s := range book.Sheets {
		for _, r := range rels.Relationship {
			if r.ID == s.ID {
				var read sheet
				w.unmarshal(tb, "xl/"+r.Target, &read)
				read.formats = formats
				w.sheets, w.titles = append(w.sheets, read), append(w.titles, s.Name)
			}
		}
	}
	require.Len(tb, w.sheets, len(book.Sheets))
	return w
}

func (w *workbook) unmarshal(tb testing.TB, name string, to any) {
	tb.Helper()
	require.Contains(tb, w.parts, name)
	require.NoError(tb, xml.Unmarshal(w.parts[name], to), name)
}

var (
	reference = regexp.MustCompile(`^([A-Z]+)([0-9]+)$`)
	escape    = regexp.MustCompile(`_x[0-9A-Fa-f]{4}_`)
)

// rows returns the cells of a sheet, each as what a person sees; with a letter before it for its
// type, if typed: n, b, d or s.
func (s *sheet) rows(tb testing.TB, typed bool) [][]string {
	tb.Helper()
	var rows [][]string
	width := 0
	for _, c := range s.Cells {
		m := reference.FindStringSubmatch(c.Ref)
		require.NotNil(tb, m, "%q", c.Ref)
		column := 0
		for _, letter := range m[1] {
			column = column*26 + int(letter-'A') + 1
		}
		row, err := strconv.Atoi(m[2])
		require.NoError(tb, err)
		width = max(width, column)
		for len(rows) < row {
			rows = append(rows, nil)
		}
		require.Less(tb, len(rows[row-1]), column, "%q comes too late", c.Ref)
		for len(rows[row-1]) < column-1 {
			rows[row-1] = append(rows[row-1], "")
		}
		kind, text := s.text(tb, c.Type, c.Style, c.Value, c.Text)
		if typed {
			text = kind + text
		}
		rows[row-1] = append(rows[row-1], text)
	}
	for i := range rows {
		for len(rows[i]) < width {
			rows[i] = append(rows[i], "")
		}
	}
	return rows
}

func (s *sheet) text(tb testing.TB, typ string, style int, value, inline string) (kind, text string) {
	tb.Helper()
	switch format := s.formats[style]; {
	case typ == "inlineStr":
		return "s", escape.ReplaceAllStringFunc(inline, func(e string) string {
			code, err := strconv.ParseUint(e[2:6], 16, 32)
			require.NoError(tb, err)
			return string(rune(code))
		})
	case typ == "b":
		return "b", map[string]string{"0": "FALSE", "1": "TRUE"}[value]
	case typ == "" && strings.HasPrefix(format, "yyyy"):
		serial, err := strconv.ParseFloat(value, 64)
		require.NoError(tb, err)
		at := time.UnixMilli(int64(math.Round((serial - 25569) * 86_400_000))).UTC()
		layout := strings.NewReplacer("yyyy", "2006", "mm-", "01-", "dd", "02", "hh", "15", "mm:", "04:", "ss", "05").Replace(format)
		return "d", at.Format(layout)
	case typ == "":
		_, err := strconv.ParseFloat(value, 64)
		require.NoError(tb, err)
		return "n", value
	}
	require.Fail(tb, "a cell of another type", "%q", typ)
	return "", ""
}
