// Package xlsx writes records into workbooks that spreadsheets open.
//
//	e, err := xlsx.Format().NewEncoder(w, columns, &export.Options{Title: "Visits", Labels: true})
//
// # Cells
//
// Cells have real types. Numbers are numbers, but for whole numbers beyond 2^53 and floats
// that a spreadsheet does not have, which are text. Instants are dates with a
// time, as the clocks of the zone show it; days are dates. A date before 1 March 1900,
// of which spreadsheets do not agree, or after 9999 is text as in a CSV, and so is an instant
// with more than milliseconds, a month or a year. Text is text, whatever it looks like: identifiers keep
// their zeros, and nothing is ever a formula. Nothing stands for Null, and an empty
// text is an empty text.
//
// A text of more than 32,767 characters, the most that a cell can hold, loses its end, of which
// an ellipsis is the mark; the report counts it. More than 16,384 columns are ErrTooMany.
//
// # Sheets
//
// A sheet holds 1,048,575 rows below its headings. What is more goes to
// further sheets with the same headings: Data, Data (2) and so on. Headings stay in sight,
// and filter. The last sheet, About, says what was asked, by whom and when, in which zone the
// times are, how many records there are, what was changed, and the SHA-256 of
// the data: of the XML of the sheets before it, one after another.
//
// # Streams
//
// A workbook is written in one pass as it is made: what is held in memory are the first
// rows, from which the widths of the columns come, and one row after that.
package xlsx

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/klauspost/compress/flate"

	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/record"
)

const (
	maxColumns = 16_384
	maxRows    = 1_048_576 // of a sheet, with its headings
	maxUnits   = 32_767    // of a cell, in UTF-16
	sampled    = 200       // rows that widths come from
)

// Format returns the format excel.
func Format() *export.Format { return format(maxRows) }

// format returns the format with sheets of other heights.
func format(rows int) *export.Format {
	return &export.Format{
		Name: "excel", MediaType: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", Extension: ".xlsx",
		New: func(w io.Writer, t *export.Table) (export.Encoder, error) { return newEncoder(w, t, rows) },
	}
}

type encoder struct {
	t       *export.Table
	zip     *zip.Writer
	maxRows int

	records  int64
	sheets   int       // begun so far
	sheet    io.Writer // the part that is being written, or nil
	data     hash.Hash // of all sheets with data
	row      int       // the last one of the sheet, from 1
	sample   bool      // the sheet has not begun: buf collects its first rows
	buf      []byte
	letters  [][]byte // of the columns: A, B …
	digits   []byte   // of the row
	widths   []int
	text     []byte // of a cell
	firstCut string

	written counter       // what the zip has written
	deflate *flate.Writer // of the part that is being written
	fit     fit
}

func newEncoder(w io.Writer, t *export.Table, rows int) (export.Encoder, error) {
	n := len(t.Headings())
	if n > maxColumns {
		return nil, fmt.Errorf("%w: %d columns, more than %d", export.ErrTooMany, n, maxColumns)
	}
	e := &encoder{t: t, maxRows: rows, data: sha256.New(), widths: make([]int, n)}
	e.zip = zip.NewWriter(&counted{w, &e.written})
	e.zip.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		var err error
		e.deflate, err = flate.NewWriter(w, flate.BestSpeed)
		return e.deflate, err
	})
	for i := range n {
		e.letters = append(e.letters, letters(i))
	}
	return e, nil
}

// letters returns the name of a column, counted from 0.
func letters(column int) []byte {
	var b []byte
	for n := column + 1; n > 0; n = (n - 1) / 26 {
		b = append([]byte{byte('A' + (n-1)%26)}, b...)
	}
	return b
}

func (e *encoder) Encode(r *record.Record) error {
	for i := range e.t.Load(r) {
		if e.row == e.maxRows {
			if err := e.endSheet(); err != nil {
				return err
			}
		}
		if e.row == 0 {
			if err := e.startSheet(); err != nil {
				return err
			}
		}
		e.appendRow(i)
		if err := e.flush(); err != nil {
			return err
		}
	}
	e.records++
	return nil
}

// appendRow appends the ith row of the record.
func (e *encoder) appendRow(i int) {
	e.startRow()
	cells := e.t.Row(i)
	for c := range cells {
		e.cell(c, &cells[c])
	}
	e.buf = append(e.buf, "</row>"...)
}

// startSheet begins a sheet with its headings. The first bytes of the file are those of
// [Content_Types].xml: by these some services know what a file is.
func (e *encoder) startSheet() error {
	if e.sheets == 0 {
		if err := e.writeParts(firstParts); err != nil {
			return err
		}
	}
	e.sheets++
	e.sample = e.sheets == 1
	if !e.sample {
		if err := e.openSheet(); err != nil {
			return err
		}
	}
	e.startRow()
	for i, heading := range e.t.Headings() {
		e.text = append(e.text[:0], heading...)
		e.appendText(i, styleHeading)
	}
	e.buf = append(e.buf, "</row>"...)
	return nil
}

// openSheet writes what comes before the rows of a sheet: with the widths of the
// columns, which are the same in all sheets.
func (e *encoder) openSheet() error {
	var err error
	if e.sheet, err = e.create(sheetName(e.sheets)); err != nil {
		return err
	}
	selected := ""
	if e.sheets == 1 {
		selected = ` tabSelected="1"`
	}
	head := fmt.Appendf(nil, sheetHead, selected)
	for i, width := range e.widths {
		head = fmt.Appendf(head, `<col min="%d" max="%d" width="%d" customWidth="1"/>`, i+1, i+1, min(max(width+2, 8), 60))
	}
	return e.write(append(head, "</cols><sheetData>"...))
}

// write writes to the sheet, and to the hash of the data.
func (e *encoder) write(b []byte) error {
	e.data.Write(b)
	e.fit.unsure += int64(len(b))
	_, err := e.sheet.Write(b)
	return err
}

func (e *encoder) startRow() {
	e.row++
	e.digits = strconv.AppendInt(e.digits[:0], int64(e.row), 10)
	e.buf = append(append(append(e.buf, `<row r="`...), e.digits...), `">`...)
}

// flush writes the rows that there are, if they are enough.
func (e *encoder) flush() error {
	switch {
	case e.sample && e.row <= sampled && len(e.buf) < 1<<20, !e.sample && len(e.buf) < 32<<10:
		return nil
	case e.sample:
		e.sample = false
		if err := e.openSheet(); err != nil {
			return err
		}
	}
	err := e.write(e.buf)
	e.buf = e.buf[:0]
	return err
}

func (e *encoder) endSheet() error {
	if e.sample {
		e.sample = false
		if err := e.openSheet(); err != nil {
			return err
		}
	}
	e.buf = fmt.Appendf(e.buf, `</sheetData><autoFilter ref="A1:%s%d"/></worksheet>`, e.letters[len(e.letters)-1], e.row)
	err := e.write(e.buf)
	e.buf, e.row = e.buf[:0], 0
	return err
}

func (e *encoder) Close() error {
	last := e.row
	if e.sheets == 0 {
		if err := e.startSheet(); err != nil {
			return err
		}
		last = 1
	}
	if err := e.endSheet(); err != nil {
		return err
	}
	parts := []part{{sheetName(e.sheets + 1), e.about()}}
	if err := e.writeParts(append(parts, e.lastParts(last)...)); err != nil {
		return err
	}
	return e.zip.Close()
}

func (e *encoder) Report() export.Report { return e.t.Report }

// create begins a part.
func (e *encoder) create(name string) (io.Writer, error) {
	return e.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: never})
}

func (e *encoder) writeParts(parts []part) error {
	for _, p := range parts {
		w, err := e.create(p.name)
		if err != nil {
			return err
		}
		if _, err := w.Write(p.xml); err != nil {
			return err
		}
	}
	return nil
}

// cut takes the end off a text that is longer than a cell can hold.
func (e *encoder) cut(column int) {
	if len(e.text) <= maxUnits {
		return
	}
	units, at := 0, 0 // at is where maxUnits-1 end, so that the mark has room
	for i := 0; i < len(e.text); {
		r, size := utf8.DecodeRune(e.text[i:])
		units++
		if r > 0xFFFF {
			units++
		}
		if i += size; units < maxUnits {
			at = i
		}
	}
	if units <= maxUnits {
		return
	}
	e.text = append(e.text[:at], "…"...)
	e.t.Report.Cut++
	if e.firstCut == "" {
		e.firstCut = fmt.Sprintf("%s!%s%d", sheetTitle(e.sheets), e.letters[column], e.row)
	}
}

// measure makes a column as wide as what stands in it.
func (e *encoder) measure(column, width int) {
	if e.sample {
		e.widths[column] = max(e.widths[column], width)
	}
}

func (e *encoder) measureText(column int) {
	if e.sample {
		line := e.text
		if i := bytes.IndexByte(line, '\n'); i >= 0 {
			line = line[:i]
		}
		e.measure(column, utf8.RuneCount(line))
	}
}
