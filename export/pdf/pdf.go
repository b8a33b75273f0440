// Package pdf writes records into printed tables.
//
//	e, err := pdf.Format().NewEncoder(w, columns, &export.Options{Title: "Visits", Question: `age < 5`, Labels: true})
//
// # Pages
//
// Pages are A4, landscape. The first begins with the title, the question, who asked it, when, and
// the zone of the times. The headings stand on every page, and below it "page 3
// of 12". Cells are as CSV has them, but that nothing needs an apostrophe, and nothing is cut: what is wider than
// its column is wrapped, what is higher than a page goes on on the next one. Columns that do not fit
// beside each other go to further pages, on each of which the first column is repeated. Behind the last record
// stand the number of records, and what was changed.
//
// Null and an empty text look alike.
//
// # Characters
//
// The fonts are Noto Sans, for Latin, Greek, Cyrillic and the scripts of India: Devanagari, Bengali,
// Gurmukhi, Gujarati, Odia, Tamil, Telugu, Kannada, Malayalam, Ol Chiki and Meetei Mayek; their letters are joined and
// ordered as these scripts want it. Only what is used of them is in the file. For a
// character that they lack, such as an emoji, � is drawn, the report counts it, and the last page says so.
//
// # Streams
//
// Pages are written as they are full. What is held are the first 200 rows, from
// which the widths of the columns come, one page, and 20 bytes or so for each page.
package pdf

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/internal/typeset"
	"github.com/digit-health/dhr/record"
)

// Format returns the format pdf.
func Format() *export.Format {
	return &export.Format{Name: "pdf", MediaType: "application/pdf", Extension: ".pdf", New: newEncoder}
}

// Lengths in points.
const (
	pageWidth, pageHeight = 841.89, 595.28
	margin                = 36.0
	textSize, lineHeight  = 8.0, 10.5
	titleSize             = 14.0
	padding               = 3.0
	footer                = 14.0
	minColumn, maxColumn  = 28.0, 170.0
	bottom                = margin + footer
	innerWidth            = pageWidth - 2*margin
	sampled               = 200 // rows that widths come from
	sampledBytes          = 1 << 20
)

// points returns a length of text in points.
func points(length float64) float64 { return length * textSize / 1000 }

type encoder struct {
	t      *export.Table
	f      *typeset.File
	set    *typeset.Setter
	sample []row // or nil once the widths are known
	size   int   // of the texts in the sample
	done   bool  // the widths are known
	table
	records          int64
	resources, total int // objects: the fonts, and the number of pages
	pagesID          int
	pages            []int
	text             []byte
}

// A row is its cells' texts.
type row struct {
	texts []string
	right []bool // numbers stand to the right
}

func newEncoder(w io.Writer, t *export.Table) (export.Encoder, error) {
	fonts, err := typeset.Indian()
	if err != nil {
		return nil, err
	}
	e := &encoder{t: t, f: typeset.NewFile(w), set: typeset.NewSetter(fonts)}
	e.resources, e.total, e.pagesID = e.f.Reserve(), e.f.Reserve(), e.f.Reserve()
	return e, nil
}

func (e *encoder) Encode(r *record.Record) error {
	e.records++
	for i := range e.t.Load(r) {
		cells := e.t.Row(i)
		next := row{texts: make([]string, len(cells)), right: make([]bool, len(cells))}
		for c := range cells {
			e.text = cells[c].AppendText(e.text[:0])
			next.texts[c] = string(e.text)
			switch cells[c].Kind() {
			case record.Int, record.Uint, record.Float:
				next.right[c] = true
			}
			e.size += len(e.text)
		}
		if e.done {
			e.place(next)
			continue
		}
		if e.sample = append(e.sample, next); len(e.sample) == sampled || e.size > sampledBytes {
			e.begin()
		}
	}
	return e.failure()
}

// begin lays out the columns, now that there is a sample of them.
func (e *encoder) begin() {
	e.done = true
	e.layOut()
	for _, r := range e.sample {
		e.place(r)
	}
	e.sample = nil
}

// above are the lines before the first table, each with its size.
func (e *encoder) above() (lines []typeset.Line, sizes []float64) {
	o := e.t.Options()
	say := func(text string, size float64) {
		for _, l := range e.set.Set(text, innerWidth*1000/size) {
			lines, sizes = append(lines, l), append(sizes, size)
		}
	}
	if o.Title != "" {
		say(o.Title, titleSize)
	}
	if o.Question != "" {
		say("Question: "+o.Question, textSize)
	}
	var by []string
	if o.User != "" {
		by = append(by, "Exported by "+o.User)
	}
	if !o.At.IsZero() {
		by = append(by, "Exported at "+o.At.In(o.Zone).Format(time.RFC3339))
	}
	by = append(by, "Times are in the zone "+o.Zone.String())
	say(strings.Join(by, " · "), textSize)
	return lines, sizes
}

// below are the lines behind the last record.
func (e *encoder) below() []typeset.Line {
	r := e.Report()
	texts := []string{fmt.Sprintf("Records: %d", e.records)}
	if found := e.t.Options().Found; found > 0 {
		texts = append(texts, fmt.Sprintf("Not all: the question finds %d records", found))
	}
	if r.Rows != e.records {
		texts = append(texts, fmt.Sprintf("Rows: %d", r.Rows))
	}
	for _, c := range []struct {
		name string
		n    int64
	}{{"Cells with bytes that are not UTF-8", r.Repaired}, {"Joined lists with the separator in a value", r.Ambiguous}} {
		if c.n > 0 {
			texts = append(texts, fmt.Sprintf("%s: %d", c.name, c.n))
		}
	}
	var n int64
	for _, of := range r.Replaced {
		n += of
	}
	if n > 0 {
		texts = append(texts, fmt.Sprintf("Characters that the fonts lack, shown as %c: %d", typeset.NoGlyph, n))
	}
	var lines []typeset.Line
	for _, text := range texts {
		lines = append(lines, e.set.Set(text, innerWidth*1000/textSize)...)
	}
	return lines
}

func (e *encoder) Report() export.Report {
	r := e.t.Report
	if len(e.set.Missing) > 0 {
		r.Replaced = e.set.Missing
	}
	return r
}

func (e *encoder) Close() error {
	if !e.done {
		e.begin()
	}
	e.end(e.below())
	if e.f.Err != nil {
		return e.failure()
	}
	root, info := e.f.Reserve(), e.f.Reserve()
	var kids strings.Builder
	for _, page := range e.pages {
		fmt.Fprintf(&kids, "%d 0 R ", page)
	}
	e.f.Object(e.pagesID, "<</Type/Pages/Count %d/MediaBox[0 0 %g %g]/Kids[%s]>>", len(e.pages), pageWidth, pageHeight, kids.String())
	count := e.set.AppendLine(nil, e.set.Set(fmt.Sprint(len(e.pages)), innerWidth*1000)[0], 0, 0, textSize)
	e.f.Stream(e.total, fmt.Sprintf("/Type/XObject/Subtype/Form/BBox[0 -4 100 12]/Resources %d 0 R", e.resources), count)
	fonts := e.set.Embed(e.f)
	e.f.Object(e.resources, "<</Font<<%s>>/XObject<</N %d 0 R>>>>", fonts, e.total)
	e.f.Object(root, "<</Type/Catalog/Pages %d 0 R>>", e.pagesID)
	o, created := e.t.Options(), ""
	if !o.At.IsZero() {
		created = "/CreationDate(D:" + o.At.UTC().Format("20060102150405") + "Z)"
	}
	e.f.Object(info, "<</Title%s/Producer(DHR)%s>>", typeset.Quoted(o.Title), created)
	e.f.Finish(root, info)
	return e.failure()
}

// failure is what went wrong so far.
func (e *encoder) failure() error {
	if errors.Is(e.f.Err, typeset.ErrTooLong) {
		return fmt.Errorf("%w: %w", export.ErrTooMany, e.f.Err)
	}
	return e.f.Err
}
