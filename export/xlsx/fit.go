package xlsx

import (
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/flate"

	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/record"
)

var _ export.Fitter = (*encoder)(nil)

// A fit knows how large the workbook may become that has one sheet of data.
type fit struct {
	known   bool
	base    int64 // most bytes of the file before unsure
	unsure  int64 // bytes of the sheet that were given to deflate since
	closing int64 // most bytes that come behind the sheet
	widths  []int // of the columns without the last record
}

// counter counts the bytes of the file.
type counter struct{ n int64 }

func (c *counter) Write(b []byte) (int, error) {
	c.n += int64(len(b))
	return len(b), nil
}

// A counted writer counts what w has taken.
type counted struct {
	w io.Writer
	n *counter
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n.n += int64(n)
	return n, err
}

// deflated returns how many bytes n bytes are at most once they are deflated, whatever was flushed: blocks of up
// to 65,535 bytes, with five bytes before each.
func deflated(n int64) int64 { return n + n/1024 + 64 }

// Of each part there are, beside its name twice, two headers, times and a size.
const partOverhead = 30 + 46 + 2*9 + 24

// tail is more than ends a sheet.
const tail = 128

// prepare measures what stands before and behind the sheet.
func (e *encoder) prepare() error {
	if e.fit.known {
		return nil
	}
	before := int64(partOverhead + 2*len(sheetName(1)))
	for _, p := range firstParts {
		n, err := packed(p)
		if err != nil {
			return err
		}
		before += n
	}
	const end, numbers = 22, 512 // numbers pack worse than those that stand for them here, but not by so much
	closing := int64(end + numbers)
	for _, p := range append(e.lastPartsOf(1, e.maxRows), part{sheetName(2), e.fullAbout()}) {
		n, err := packed(p)
		if err != nil {
			return err
		}
		closing += n + n/16
	}
	e.fit = fit{known: true, base: before, unsure: e.fit.unsure, closing: closing, widths: e.fit.widths}
	return nil
}

// packed returns how many bytes a part takes.
func packed(p part) (int64, error) {
	var c counter
	w, err := flate.NewWriter(&c, flate.BestSpeed)
	if err == nil {
		_, err = w.Write(p.xml)
	}
	if err == nil {
		err = w.Close()
	}
	return c.n + partOverhead + 2*int64(len(p.name)), err
}

// fullAbout is the last sheet as if there was something to be said of everything.
func (e *encoder) fullAbout() []byte {
	saved, records, first := e.t.Report, e.records, e.firstCut
	const many = math.MaxInt64
	e.t.Report = export.Report{Rows: many, Cut: many, AsText: many, Repaired: many, Ambiguous: many}
	e.records, e.firstCut = many, sheetTitle(1)+"!"+strings.Repeat("X", 12)
	b := e.about()
	e.t.Report, e.records, e.firstCut = saved, records, first
	return b
}

// bound returns how many bytes the file has at most, were it closed now.
func (e *encoder) bound() int64 {
	n := e.fit.unsure + int64(len(e.buf)) + tail
	if e.sample { // what comes before the rows is still to be written
		n += int64(len(sheetHead)) + int64(len(e.widths))*64
	}
	return e.fit.base + deflated(n) + e.fit.closing
}

// EncodeWithin fills one sheet of data, and no second one.
func (e *encoder) EncodeWithin(r *record.Record, most int64) (bool, error) {
	if err := e.prepare(); err != nil {
		return false, err
	}
	if e.sheets == 0 {
		if err := e.startSheet(); err != nil {
			return false, err
		}
	}
	report, firstCut, row, start := e.t.Report, e.firstCut, e.row, len(e.buf)
	if e.sample {
		e.fit.widths = append(e.fit.widths[:0], e.widths...)
	}
	undo := func() (bool, error) {
		if e.sample {
			copy(e.widths, e.fit.widths)
		}
		e.buf, e.t.Report, e.firstCut, e.row = e.buf[:start], report, firstCut, row
		return false, nil
	}
	rows := e.t.Load(r)
	if e.sheets > 1 || rows > e.maxRows-e.row {
		return undo()
	}
	for i := range rows {
		e.appendRow(i)
	}
	if e.bound() > most {
		if e.fit.unsure+int64(start) <= most/64 || e.row == 1+rows {
			return undo()
		}
		added := slices.Clone(e.buf[start:])
		if e.buf = e.buf[:start]; e.sample {
			copy(e.widths, e.fit.widths)
		}
		if err := e.Flush(); err != nil {
			return false, err
		}
		start = 0
		if e.buf = append(e.buf, added...); e.bound() > most {
			return undo()
		}
	}
	e.records++
	return true, e.flush()
}

// Flush writes all rows so far, and sees how large they have become. The widths of columns come from those before it.
func (e *encoder) Flush() error {
	if e.sheets == 0 || e.row == 0 {
		return nil
	}
	if e.sample {
		e.sample = false
		if err := e.openSheet(); err != nil {
			return err
		}
	}
	if err := e.write(e.buf); err != nil {
		return err
	}
	e.buf = e.buf[:0]
	if err := e.deflate.Flush(); err != nil {
		return err
	}
	if err := e.zip.Flush(); err != nil {
		return err
	}
	e.fit.base, e.fit.unsure = e.written.n, 0
	return nil
}

// never is the time of all parts: it is the same whenever they are written.
var never = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)
