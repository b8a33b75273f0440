package xlsx

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A part is a file inside of the workbook.
type part struct {
	name string
	xml  []byte
}

const (
	header    = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
	namespace = `xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"`

	// contentTypes says that parts are sheets unless it says otherwise: how many there will be is not known yet.
	contentTypes = header + `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">` +
		`<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
		`<Default Extension="xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>` +
		`<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>` +
		`<Override PartName="/xl/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/></Types>`

	relationships = header + `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">`
	relationship  = `<Relationship Id="rId%d" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/%s" Target="%s"/>`

	styles = header + `<styleSheet ` + namespace + `><numFmts count="3"><numFmt numFmtId="164" formatCode="yyyy\-mm\-dd\ hh:mm:ss"/>` +
		`<numFmt numFmtId="165" formatCode="yyyy\-mm\-dd\ hh:mm:ss.000"/><numFmt numFmtId="166" formatCode="yyyy\-mm\-dd"/></numFmts>` +
		`<fonts count="2"><font><sz val="11"/><name val="Calibri"/><family val="2"/></font><font><b/><sz val="11"/><name val="Calibri"/><family val="2"/></font></fonts>` +
		`<fills count="3"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>` +
		`<fill><patternFill patternType="solid"><fgColor rgb="FFDDE6EE"/><bgColor indexed="64"/></patternFill></fill></fills>` +
		`<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>` +
		`<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="8">` +
		`<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>` +
		`<xf numFmtId="49" fontId="1" fillId="2" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1" applyFill="1"/>` +
		`<xf numFmtId="166" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>` +
		`<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>` +
		`<xf numFmtId="165" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>` +
		`<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>` +
		`<xf numFmtId="1" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>` +
		`<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyAlignment="1"><alignment vertical="top" wrapText="1"/></xf>` +
		`</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>`

	// sheetHead keeps the headings in sight; %s selects the first sheet.
	sheetHead = header + `<worksheet ` + namespace + `><sheetViews><sheetView%s workbookViewId="0">` +
		`<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetFormatPr defaultRowHeight="15"/><cols>`
	aboutHead = header + `<worksheet ` + namespace + `><sheetViews><sheetView workbookViewId="0"/></sheetViews><sheetFormatPr defaultRowHeight="15"/>` +
		`<cols><col min="1" max="1" width="36" customWidth="1"/><col min="2" max="2" width="80" customWidth="1"/></cols><sheetData>`
)

var firstParts = []part{
	{"[Content_Types].xml", []byte(contentTypes)},
	{"_rels/.rels", []byte(relationships + fmt.Sprintf(relationship, 1, "officeDocument", "xl/workbook.xml") + `</Relationships>`)},
	{"xl/styles.xml", []byte(styles)},
}

func sheetName(n int) string { return fmt.Sprintf("xl/worksheets/sheet%d.xml", n) }

func sheetTitle(n int) string {
	if n == 1 {
		return "Data"
	}
	return fmt.Sprintf("Data (%d)", n)
}

// lastParts are the workbook, which knows its sheets, and their relationships.
// last is the last row of the last sheet of data.
func (e *encoder) lastParts(last int) []part { return e.lastPartsOf(e.sheets, last) }

func (e *encoder) lastPartsOf(count, last int) []part {
	var sheets, names, rels strings.Builder
	for n := 1; n <= count+1; n++ {
		title := sheetTitle(n)
		if n > count {
			title = "About"
		} else {
			row := e.maxRows
			if n == count {
				row = last
			}
			fmt.Fprintf(&names, `<definedName name="_xlnm._FilterDatabase" localSheetId="%d" hidden="1">'%s'!$A$1:$%s$%d</definedName>`,
				n-1, title, e.letters[len(e.letters)-1], row)
		}
		fmt.Fprintf(&sheets, `<sheet name="%s" sheetId="%d" r:id="rId%d"/>`, title, n, n)
		fmt.Fprintf(&rels, relationship, n, "worksheet", strings.TrimPrefix(sheetName(n), "xl/"))
	}
	fmt.Fprintf(&rels, relationship, count+2, "styles", "styles.xml")
	return []part{
		{"xl/workbook.xml", []byte(header + `<workbook ` + namespace + ` xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">` +
			`<bookViews><workbookView/></bookViews><sheets>` + sheets.String() + `</sheets><definedNames>` + names.String() + `</definedNames></workbook>`)},
		{"xl/_rels/workbook.xml.rels", []byte(relationships + rels.String() + `</Relationships>`)},
	}
}

// about returns the last sheet.
func (e *encoder) about() []byte {
	o, r := e.t.Options(), &e.t.Report
	var lines [][2]string
	say := func(name, value string) {
		const most = maxUnits / 2 // characters, of one or two units each
		for len(value) > most && utf8.RuneCountInString(value) > most {
			at := 0
			for range most {
				_, size := utf8.DecodeRuneInString(value[at:])
				at += size
			}
			lines = append(lines, [2]string{name, value[:at]})
			name, value = "", value[at:]
		}
		lines = append(lines, [2]string{name, value})
	}
	count := func(name string, n int64) {
		if n > 0 {
			say(name, strconv.FormatInt(n, 10))
		}
	}
	for _, c := range [][2]string{{"Title", o.Title}, {"Question", o.Question}, {"Exported by", o.User}} {
		if c[1] != "" {
			say(c[0], c[1])
		}
	}
	if !o.At.IsZero() {
		say("Exported at", o.At.In(o.Zone).Format(time.RFC3339))
	}
	say("Times are in the zone", o.Zone.String())
	say("Records", strconv.FormatInt(e.records, 10))
	if o.Found > 0 {
		say("Not all: records that the question finds", strconv.FormatInt(o.Found, 10))
	}
	say("Rows", strconv.FormatInt(r.Rows, 10))
	say("Sheets of data", strconv.Itoa(e.sheets))
	say("SHA-256 of the data", hex.EncodeToString(e.data.Sum(nil)))
	if r.Cut > 0 {
		say("Cells cut to 32,767 characters", fmt.Sprintf("%d, the first in %s", r.Cut, e.firstCut))
	}
	count("Numbers and dates written as text", r.AsText)
	count("Cells with bytes that are not UTF-8", r.Repaired)
	count("Joined lists with the separator in a value", r.Ambiguous)
	return aboutSheet(lines)
}

func aboutSheet(lines [][2]string) []byte {
	b := []byte(aboutHead)
	for i, line := range lines {
		b = fmt.Appendf(b, `<row r="%d">`, i+1)
		for c, text := range line {
			style := styleHeading
			if c == 1 {
				style = styleWrap
			}
			b = fmt.Appendf(b, `<c r="%s%d" s="%d" t="inlineStr"><is><t xml:space="preserve">`, letters(c), i+1, style)
			b = append(appendXML(b, []byte(text)), `</t></is></c>`...)
		}
		b = append(b, `</row>`...)
	}
	return append(b, `</sheetData></worksheet>`...)
}
