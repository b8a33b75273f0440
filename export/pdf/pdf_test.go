package pdf_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/export/exporttest"
	"github.com/digit-health/dhr/export/pdf"
	"github.com/digit-health/dhr/record"
)

func TestFormat(t *testing.T) {
	t.Parallel()
	exporttest.Run(t, pdf.Format(), &exporttest.Options{Lossy: true, Read: func(tb testing.TB, file []byte) [][]string {
		tb.Helper()
		return open(tb, file).rows(tb)
	}})
}

func BenchmarkEncode(b *testing.B) { exporttest.Benchmark(b, pdf.Format()) }

// write returns the document of rows of texts, with columns a, b and so on.
func write(tb testing.TB, opts *export.Options, rows ...[]string) (*document, export.Report) {
	tb.Helper()
	var fields, paths []string
	for i := range rows[0] {
		path := fmt.Sprintf("c%d", i)
		fields, paths = append(fields, fmt.Sprintf(`%q: {"type": "keyword"}`, path)), append(paths, path)
	}
	schema, err := record.ParseSchema("test", []byte(`{"properties": {`+strings.Join(fields, ",")+`}}`))
	require.NoError(tb, err)
	p, err := schema.Project(paths...)
	require.NoError(tb, err)
	var file bytes.Buffer
	e, err := pdf.Format().NewEncoder(&file, export.Columns(nil, p), opts)
	require.NoError(tb, err)
	for _, row := range rows {
		var r record.Record
		r.Reset(p)
		for c, text := range row {
			r.Append(c, record.StringValue(text))
		}
		require.NoError(tb, e.Encode(&r))
	}
	require.NoError(tb, e.Close())
	return open(tb, file.Bytes()), e.Report()
}

// The scripts of India are drawn by fonts of their own, and can be copied from the page.
func TestScripts(t *testing.T) {
	t.Parallel()
	var rows [][]string
	want := [][]string{{"c0"}}
	for _, text := range []string{"श्री राजेन्द्र किशोर", "বাংলা ক্ষুদ্র", "ਪੰਜਾਬੀ ਸ਼੍ਰੀ", "ગુજરાતી શ્રી", "ଓଡ଼ିଆ କ୍ଷ", "தமிழ் க்ஷ கொ", "తెలుగు క్షే",
		"ಕನ್ನಡ ಕ್ಷೇ", "മലയാളം ക്ഷേ", "ᱥᱟᱱᱛᱟᱲᱤ", "ꯃꯤꯇꯩ ꯂꯣꯟ", "Zoë Łukasz Ελλάς Россия", "cafe\u0301", "राम and श्याम, 36.5 °C"} {
		rows, want = append(rows, []string{text}), append(want, []string{text})
	}
	d, report := write(t, nil, rows...)
	require.Equal(t, want, d.rows(t))
	require.Nil(t, report.Replaced)
}

// A vowel that is written before its consonant is drawn before it, and letters that join are one glyph.
func TestShaped(t *testing.T) {
	t.Parallel()
	drawn := func(text string) string {
		d, _ := write(t, nil, []string{text})
		m := d.drawn(t, text)
		require.NotEmpty(t, m)
		return m
	}
	require.Less(t, len(drawn("क्ष")), len(drawn("क"))+len(drawn("ष")), "ka, virama and ssa are not joined")
	ki, ka := drawn("कि"), drawn("क")
	require.True(t, strings.HasSuffix(ki, ka), "the vowel of %s is not drawn before %s", ki, ka)
}

// What no font has is drawn as a sign that says so, counted and told.
func TestMissing(t *testing.T) {
	t.Parallel()
	d, report := write(t, nil, []string{"🩺 fine 🩺"}, []string{"漢\u0001"}, []string{"\u200bunseen\ufeff"})
	require.Equal(t, [][]string{{"c0"}, {"\uFFFD fine \uFFFD"}, {"\uFFFD\uFFFD"}, {"unseen"}}, d.rows(t))
	require.Equal(t, map[rune]int64{'🩺': 2, '漢': 1, '\u0001': 1}, report.Replaced)
	require.True(t, d.pages[0].says("Characters that the fonts lack, shown as \uFFFD: 4"))
}

// Nothing is cut: long texts are wrapped, and go on on the next page.
func TestWrapped(t *testing.T) {
	t.Parallel()
	words, letters := strings.TrimSpace(strings.Repeat("word ", 6000)), strings.Repeat("x", 30_000)
	for _, text := range []string{words, letters, strings.Repeat("क्षेत्र", 5000)} {
		d, _ := write(t, nil, []string{"1", "before"}, []string{"2", text}, []string{"3", "after"})
		require.Greater(t, len(d.pages), 1)
		got, ids := "", ""
		for _, row := range d.rows(t)[1:] {
			ids += row[0]
			got += strings.ReplaceAll(row[1], "|", "") + " "
		}
		require.Equal(t, "123", ids)
		require.Equal(t, strings.ReplaceAll("before"+text+"after", " ", ""), strings.ReplaceAll(got, " ", ""))
		d.inside(t)
	}
	d, _ := write(t, nil, []string{"one\ntwo\r\nthree\n\n  four"})
	require.Equal(t, []string{"one|two|three|  four"}, d.rows(t)[1])
}

// Columns that do not fit beside each other stand on further pages, with the first.
func TestBands(t *testing.T) {
	t.Parallel()
	want := [][]string{nil}
	for c := range 40 {
		want[0] = append(want[0], fmt.Sprintf("c%d", c))
	}
	for r := range 70 {
		var row []string
		for c := range 40 {
			row = append(row, fmt.Sprintf("row %d column %d", r, c))
		}
		want = append(want, row)
	}
	d, _ := write(t, nil, want[1:]...)
	require.Equal(t, want, d.rows(t))
	require.Greater(t, len(d.pages), 8)
	d.inside(t)
}

// The first page says what is asked, the last one how much was found, and each which it is.
func TestAround(t *testing.T) {
	t.Parallel()
	kolkata, err := time.LoadLocation("Asia/Kolkata")
	require.NoError(t, err)
	var rows [][]string
	for i := range 100 {
		rows = append(rows, []string{fmt.Sprint(i)})
	}
	opts := &export.Options{Zone: kolkata, Title: "Visits — भेंट", Question: `name = "(x\" AND age < 5`, User: "asha", At: time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC), Found: 345}
	d, _ := write(t, opts, rows...)
	for _, says := range []string{"Visits — भेंट", `Question: name = "(x\" AND age < 5`,
		"Exported by asha · Exported at 2026-07-01T17:30:00+05:30 · Times are in the zone Asia/Kolkata"} {
		require.True(t, d.pages[0].says(says), says)
	}
	require.True(t, d.pages[len(d.pages)-1].says("Records: 100"))
	require.True(t, d.pages[len(d.pages)-1].says("Not all: the question finds 345 records"))
	require.Equal(t, fmt.Sprint(len(d.pages)), d.total)
	for i := range d.pages {
		require.True(t, d.pages[i].says(fmt.Sprintf("Page %d of ", i+1)))
	}
	require.Contains(t, string(d.file), "/CreationDate(D:20260701120000Z)")

	opts.Question = strings.Repeat("a question without an end ", 1000)
	d, _ = write(t, opts, rows...)
	d.inside(t)
	var all strings.Builder
	for _, p := range d.pages {
		for _, text := range p.texts {
			if !strings.HasPrefix(text.says, "Page ") {
				all.WriteString(text.says + " ")
			}
		}
	}
	require.Equal(t, 1000, strings.Count(all.String(), "a question without an end"))
}

// A long question above high headings leaves room for the rows.
func TestHighHeadings(t *testing.T) {
	t.Parallel()
	schema, err := record.ParseSchema("test", []byte(`{"properties": {"a": {"type": "keyword"}}}`))
	require.NoError(t, err)
	p, err := schema.Project("a")
	require.NoError(t, err)
	columns := []export.Column{{Path: "a", Label: strings.Repeat("heading ", 130)}}
	for i := range 8 { // so that there is no room to make the first one wider
		columns = append(columns, export.Column{Path: fmt.Sprint("b", i), Label: strings.Repeat("heading ", 20)})
	}
	for words := 250; words <= 450; words += 20 {
		var file bytes.Buffer
		opts := &export.Options{Labels: true, Question: strings.Repeat("the question ", words)}
		e, err := pdf.Format().NewEncoder(&file, columns, opts)
		require.NoError(t, err)
		var r record.Record
		r.Reset(p)
		r.Append(0, record.StringValue(strings.Repeat("value ", 50)))
		require.NoError(t, e.Encode(&r))
		require.NoError(t, e.Close())
		d := open(t, file.Bytes())
		d.inside(t)
		said := 0
		for _, p := range d.pages {
			for _, text := range p.texts {
				said += strings.Count(text.says, "value")
			}
		}
		require.Equal(t, 50*3, said, "the first column stands in each band")
	}
}

func TestHeadingTooHigh(t *testing.T) {
	t.Parallel()
	var file bytes.Buffer
	e, err := pdf.Format().NewEncoder(&file, []export.Column{{Path: strings.Repeat("x", 50_000)}}, nil)
	require.NoError(t, err)
	require.ErrorIs(t, e.Close(), export.ErrTooMany)
}
