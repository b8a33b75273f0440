package xlsx_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/export/exporttest"
	"github.com/digit-health/dhr/export/xlsx"
	"github.com/digit-health/dhr/record"
)

func TestFormat(t *testing.T) {
	t.Parallel()
	exporttest.Run(t, xlsx.Format(), &exporttest.Options{Read: func(tb testing.TB, file []byte) [][]string {
		tb.Helper()
		w := open(tb, file)
		require.Equal(tb, []string{"Data", "About"}, w.titles)
		return w.sheets[0].rows(tb, false)
	}})
}

func project(tb testing.TB, fields string, paths ...string) *record.Projection {
	tb.Helper()
	schema, err := record.ParseSchema("test", []byte(`{"properties":`+fields+`}`))
	require.NoError(tb, err)
	p, err := schema.Project(paths...)
	require.NoError(tb, err)
	return p
}

func write(tb testing.TB, f *export.Format, p *record.Projection, opts *export.Options, docs ...string) ([]byte, export.Report) {
	tb.Helper()
	var file bytes.Buffer
	e, err := f.NewEncoder(&file, export.Columns(nil, p), opts)
	require.NoError(tb, err)
	d := record.NewDecoder(p)
	var r record.Record
	for _, doc := range docs {
		require.NoError(tb, d.Decode([]byte(doc), &r))
		require.NoError(tb, e.Encode(&r))
	}
	require.NoError(tb, e.Close())
	return file.Bytes(), e.Report()
}

func TestCells(t *testing.T) {
	t.Parallel()
	kolkata, err := time.LoadLocation("Asia/Kolkata")
	require.NoError(t, err)
	for _, c := range []struct{ name, field, value, want string }{
		{"identifier", `{"type":"keyword"}`, `"007"`, "s007"},
		{"formula is text", `{"type":"keyword"}`, `"=1+1"`, "s=1+1"},
		{"outer blanks", `{"type":"keyword"}`, `"  x\n"`, "s  x\n"},
		{"markup", `{"type":"keyword"}`, `"<a>&lt;\"'"`, `s<a>&lt;"'`},
		{"what looks escaped", `{"type":"keyword"}`, `"_x0041__x0042_x0043_"`, "s_x0041__x0042_x0043_"},
		{"line breaks", `{"type":"keyword"}`, `"a\r\nb\rc\n"`, "sa\r\nb\rc\n"},
		{"control characters", `{"type":"keyword"}`, `"\u0000\u001b\ufffe\uffff"`, "s\x00\x1b\ufffe\uffff"},
		{"empty text", `{"type":"keyword"}`, `""`, "s"},
		{"null", `{"type":"keyword"}`, `null`, ""},
		{"whole number", `{"type":"long"}`, `42`, "n42"},
		{"2^53", `{"type":"long"}`, `9007199254740992`, "n9007199254740992"},
		{"beyond 2^53", `{"type":"long"}`, `9007199254740993`, "s9007199254740993"},
		{"beyond -2^53", `{"type":"long"}`, `-9007199254740993`, "s-9007199254740993"},
		{"unsigned", `{"type":"unsigned_long"}`, `18446744073709551615`, "s18446744073709551615"},
		{"digits as written", `{"type":"double"}`, `36.50`, "n36.50"},
		{"whole double beyond 2^53", `{"type":"double"}`, `9007199254740994`, "s9007199254740994"},
		{"great double", `{"type":"double"}`, `1.5e300`, "n1.5e300"},
		{"greater than a spreadsheet has", `{"type":"double"}`, `1.5e308`, "s1.5e308"},
		{"less than a spreadsheet has", `{"type":"double"}`, `1e-310`, "s1e-310"},
		{"boolean", `{"type":"boolean"}`, `true`, "bTRUE"},
		{"address", `{"type":"ip"}`, `"10.0.0.1"`, "s10.0.0.1"},
		{"list", `{"type":"long"}`, `[1,2]`, "s1; 2"},
		{"point", `{"type":"geo_point"}`, `[1,2]`, "s[1,2]"},

		{"instant", `{"type":"date"}`, `"2026-03-28T20:30:15Z"`, "d2026-03-29 02:00:15"},
		{"milliseconds", `{"type":"date"}`, `"2026-03-28T20:30:15.007Z"`, "d2026-03-29 02:00:15.007"},
		{"nanoseconds", `{"type":"date_nanos"}`, `"2026-03-28T20:30:15.007000001Z"`, "s2026-03-29T02:00:15.007000001+05:30"},
		{"microseconds of nothing", `{"type":"date_nanos"}`, `"2026-03-28T20:30:15.007000+00:00"`, "d2026-03-29 02:00:15.007"},
		{"last millisecond", `{"type":"date"}`, `"2026-03-28T18:29:59.999Z"`, "d2026-03-28 23:59:59.999"},
		{"midnight", `{"type":"date"}`, `"2026-03-28T18:30:00Z"`, "d2026-03-29 00:00:00"},
		{"day", `{"type":"date","format":"yyyy-MM-dd"}`, `"2026-03-29"`, "d2026-03-29"},
		{"day of another form", `{"type":"date","format":"dd/MM/yyyy"}`, `"29/03/2026"`, "d2026-03-29"},
		{"a day in a date of instants", `{"type":"date"}`, `"2026-03-29"`, "d2026-03-29"},
		{"month", `{"type":"date"}`, `"2026-03"`, "s2026-03"},
		{"the first day", `{"type":"date"}`, `"1900-03-01"`, "d1900-03-01"},
		{"the day before it", `{"type":"date"}`, `"1900-02-28"`, "s1900-02-28"},
		{"the last day", `{"type":"date"}`, `"9999-12-31"`, "d9999-12-31"},
		{"the instant after it", `{"type":"date","format":"epoch_millis"}`, `253402300800000`, "s+10000-01-01T05:30:00+05:30"},
		{"an old instant", `{"type":"date"}`, `"1890-01-01T00:00:00Z"`, "s1890-01-01T00:00:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := project(t, `{"f":`+c.field+`,"g":{"type":"keyword"}}`, "f", "g")
			file, _ := write(t, xlsx.Format(), p, &export.Options{Zone: kolkata}, `{"f":`+c.value+`,"g":"end"}`)
			require.Equal(t, [][]string{{"sf", "sg"}, {c.want, "send"}}, open(t, file).sheets[0].rows(t, true))
		})
	}
}

// What does not fit into a cell is cut, marked, counted and told.
func TestLongText(t *testing.T) {
	t.Parallel()
	p := project(t, `{"id":{"type":"keyword"},"f":{"type":"keyword"}}`, "id", "f")
	fits, long := strings.Repeat("🩺", 16_383)+"x", strings.Repeat("🩺", 16_383)+"xy"
	file, report := write(t, xlsx.Format(), p, &export.Options{Question: strings.Repeat("q", 40_000)}, `{"id":"a","f":"`+fits+`"}`, `{"f":"`+long+`"}`)
	w := open(t, file)
	rows := w.sheets[0].rows(t, false)
	require.Equal(t, fits, rows[1][1])
	require.Equal(t, strings.Repeat("🩺", 16_383)+"…", rows[2][1])
	require.Equal(t, int64(1), report.Cut)
	about := w.sheets[1].rows(t, false)
	require.Contains(t, about, []string{"Cells cut to 32,767 characters", "1, the first in Data!B3"})
	require.Equal(t, strings.Repeat("q", 40_000), about[0][1]+about[1][1]+about[2][1])
	for _, row := range about {
		require.LessOrEqual(t, len(row[1]), 32_767)
	}
}

// Records beyond the last row of a sheet go to the next one, under the same headings.
func TestSheets(t *testing.T) {
	t.Parallel()
	p := project(t, `{"id":{"type":"integer"},"g":{"type":"keyword"}}`, "id", "g")
	for _, height := range []int{2, 3, 250, 1000} {
		for _, n := range []int{0, 1, height - 1, height, 2 * (height - 1), 3*height + 1} {
			var docs []string
			for i := range n {
				docs = append(docs, fmt.Sprintf(`{"id":%d}`, i))
			}
			file, report := write(t, xlsx.FormatOfHeight(height), p, nil, docs...)
			require.Equal(t, int64(n), report.Rows)
			w := open(t, file)
			sheets := max(1, (n+height-2)/(height-1))
			require.Len(t, w.sheets, sheets+1)
			found := 0
			for i, s := range w.sheets[:sheets] {
				rows := s.rows(t, false)
				require.Equal(t, []string{"id", "g"}, rows[0])
				require.LessOrEqual(t, len(rows), height)
				for _, row := range rows[1:] {
					require.Equal(t, fmt.Sprint(found), row[0])
					found++
				}
				require.Equal(t, fmt.Sprintf("A1:B%d", len(rows)), s.Filter.Ref)
				require.Equal(t, fmt.Sprintf("'%s'!$A$1:$B$%d", w.titles[i], len(rows)), w.names[i])
				require.Equal(t, 1, s.Pane.YSplit)
				require.Equal(t, "frozen", s.Pane.State)
				require.Len(t, s.Columns, 2)
			}
			require.Equal(t, n, found)
			require.Equal(t, "About", w.titles[sheets])
			require.Equal(t, "Data", w.titles[0])
			if sheets > 1 {
				require.Equal(t, "Data (2)", w.titles[1])
			}
		}
	}
	require.Equal(t, 1_048_576, xlsx.MaxRows)
}

// The last sheet says what the file is, and what its data must be.
func TestAbout(t *testing.T) {
	t.Parallel()
	kolkata, err := time.LoadLocation("Asia/Kolkata")
	require.NoError(t, err)
	p := project(t, `{"id":{"type":"long"}}`, "id")
	file, report := write(t, xlsx.FormatOfHeight(3), p, &export.Options{Zone: kolkata, Title: "Visits <2026>", Question: `id > 1 AND name = "x"`,
		User: "asha", At: time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC), Lists: "explode", Found: 7}, `{"id":1}`, `{"id":[2,3]}`, `{"id":9007199254740993}`)
	require.Equal(t, export.Report{Records: 3, Rows: 4, AsText: 1}, report)
	w := open(t, file)
	data := sha256.New()
	data.Write(w.parts["xl/worksheets/sheet1.xml"])
	data.Write(w.parts["xl/worksheets/sheet2.xml"])
	require.Equal(t, [][]string{
		{"Title", "Visits <2026>"},
		{"Question", `id > 1 AND name = "x"`},
		{"Exported by", "asha"},
		{"Exported at", "2026-07-01T17:30:00+05:30"},
		{"Times are in the zone", "Asia/Kolkata"},
		{"Records", "3"},
		{"Not all: records that the question finds", "7"},
		{"Rows", "4"},
		{"Sheets of data", "2"},
		{"SHA-256 of the data", hex.EncodeToString(data.Sum(nil))},
		{"Numbers and dates written as text", "1"},
	}, w.sheets[2].rows(t, false))
	require.Equal(t, "[Content_Types].xml", w.order[0])
	require.True(t, bytes.HasPrefix(file[30:], []byte("[Content_Types].xml")))
}

// Columns are as wide as what stands in their first rows, within reason.
func TestWidths(t *testing.T) {
	t.Parallel()
	p := project(t, `{"a":{"type":"keyword"},"bcdefghijklmnop":{"type":"date"},"c":{"type":"keyword"}}`, "a", "bcdefghijklmnop", "c")
	file, _ := write(t, xlsx.Format(), p, nil, `{"a":"twelve chars","bcdefghijklmnop":"2026-01-01T00:00:00.001Z","c":"`+strings.Repeat("x", 100)+`"}`)
	var widths []float64
	for _, c := range open(t, file).sheets[0].Columns {
		widths = append(widths, c.Width)
	}
	require.Equal(t, []float64{14, 25, 60}, widths)
}

func TestTooManyColumns(t *testing.T) {
	t.Parallel()
	columns := make([]export.Column, 16_385)
	for i := range columns {
		columns[i].Path = fmt.Sprintf("c%d", i)
	}
	_, err := xlsx.Format().NewEncoder(io.Discard, columns, nil)
	require.ErrorIs(t, err, export.ErrTooMany)
	var file bytes.Buffer
	e, err := xlsx.Format().NewEncoder(&file, columns[:16_384], nil)
	require.NoError(t, err)
	require.NoError(t, e.Close())
	cells := open(t, file.Bytes()).sheets[0].Cells
	require.Equal(t, "XFD1", cells[len(cells)-1].Ref)
}

// sample is a workbook with a bit of everything.
func sample(t *testing.T) []byte {
	p := project(t, `{"id":{"type":"keyword"},"n":{"type":"double"},"at":{"type":"date"},"ok":{"type":"boolean"}}`, "id", "n", "at", "ok")
	file, _ := write(t, xlsx.FormatOfHeight(3), p, &export.Options{Title: "Sample"}, `{"id":"007","n":36.5,"at":"2026-03-28T20:30:15Z","ok":true}`,
		`{"id":" आशा & \r\n_x0041_"}`, `{"id":"","n":-1,"at":"2026-01-31"}`)
	return file
}

// A second reader, of another make, finds the same.
func TestExcelize(t *testing.T) {
	t.Parallel()
	f, err := excelize.OpenReader(bytes.NewReader(sample(t)))
	require.NoError(t, err)
	defer f.Close()
	require.Equal(t, []string{"Data", "Data (2)", "About"}, f.GetSheetList())
	rows, err := f.GetRows("Data")
	require.NoError(t, err)
	require.Equal(t, [][]string{{"id", "n", "at", "ok"}, {"007", "36.5", "2026-03-28 20:30:15", "TRUE"}, {" आशा & \r\n_x0041_"}}, rows)
	rows, err = f.GetRows("Data (2)")
	require.NoError(t, err)
	require.Equal(t, [][]string{{"id", "n", "at", "ok"}, {"", "-1", "2026-01-31"}}, rows)
	typ, err := f.GetCellType("Data", "D2")
	require.NoError(t, err)
	require.Equal(t, excelize.CellTypeBool, typ)
}

// The zip is sound to the last byte: checksums, sizes, names.
func TestZip(t *testing.T) {
	t.Parallel()
	file := sample(t)
	z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	require.NoError(t, err)
	require.Equal(t, file, sample(t))
	for _, f := range z.File {
		require.Equal(t, 1980, f.Modified.UTC().Year())
	}
}
