package typeset

import (
	"bytes"
	"embed"
	"encoding/binary"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strings"
	"sync"

	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/font/opentype"
)

//go:embed fonts/*.ttf
var fontFiles embed.FS

// fontNames are tried in this order: Latin, Greek and Cyrillic, then the scripts of India, and Arabic last.
var fontNames = []string{"NotoSans", "NotoSansDevanagari", "NotoSansBengali", "NotoSansGurmukhi", "NotoSansGujarati", "NotoSansOriya",
	"NotoSansTamil", "NotoSansTelugu", "NotoSansKannada", "NotoSansMalayalam", "NotoSansOlChiki", "NotoSansMeeteiMayek", "NotoSansArabic"}

// A Typeface is one font. It never changes.
type Typeface struct {
	name   string
	font   *font.Font
	scale  float64 // from its units to 1/1000 em
	tables map[string][]byte
}

// Indian returns the fonts of Latin, Greek and Cyrillic and of the scripts of India.
func Indian() ([]*Typeface, error) {
	all, err := All()
	return all[:max(len(all)-1, 0)], err
}

// All returns the fonts that Indian returns, and one of Arabic and Urdu.
func All() ([]*Typeface, error) { return typefaces() }

// typefaces reads the fonts, once.
var typefaces = sync.OnceValues(func() ([]*Typeface, error) {
	var all []*Typeface
	for _, name := range fontNames {
		data, err := fontFiles.ReadFile("fonts/" + name + "-Regular.ttf")
		if err != nil {
			return nil, err
		}
		face, err := font.ParseTTF(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("font %s: %w", name, err)
		}
		loader, err := opentype.NewLoader(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("font %s: %w", name, err)
		}
		t := &Typeface{name: name, font: face.Font, scale: 1000 / float64(face.Upem()), tables: map[string][]byte{}}
		for _, tag := range loader.Tables() {
			if t.tables[tag.String()], err = loader.RawTable(tag); err != nil {
				return nil, fmt.Errorf("font %s: %w", name, err)
			}
		}
		all = append(all, t)
	}
	return all, nil
})

// outline returns where the outline of a glyph stands in the table glyf.
func (t *Typeface) outline(glyph int) (from, to uint32) {
	loca := t.tables["loca"]
	if binary.BigEndian.Uint16(t.tables["head"][50:]) == 0 {
		return 2 * uint32(binary.BigEndian.Uint16(loca[2*glyph:])), 2 * uint32(binary.BigEndian.Uint16(loca[2*glyph+2:]))
	}
	return binary.BigEndian.Uint32(loca[4*glyph:]), binary.BigEndian.Uint32(loca[4*glyph+4:])
}

// glyphs returns how many there are.
func (t *Typeface) glyphs() int { return int(binary.BigEndian.Uint16(t.tables["maxp"][4:])) }

// parts adds to used the glyphs that a glyph is composed of.
func (t *Typeface) parts(glyph int, used map[int]bool) {
	from, to := t.outline(glyph)
	data := t.tables["glyf"][from:to]
	if len(data) < 10 || int16(binary.BigEndian.Uint16(data)) >= 0 {
		return
	}
	const wordArgs, scaled, more, twoScales, matrix = 0x1, 0x8, 0x20, 0x40, 0x80
	for data = data[10:]; len(data) >= 4; {
		flags, part := binary.BigEndian.Uint16(data), int(binary.BigEndian.Uint16(data[2:]))
		if !used[part] {
			used[part] = true
			t.parts(part, used)
		}
		size := 6
		for flag, n := range map[uint16]int{wordArgs: 2, scaled: 2, twoScales: 4, matrix: 8} {
			if flags&flag != 0 {
				size += n
			}
		}
		if flags&more == 0 || size > len(data) {
			return
		}
		data = data[size:]
	}
}

// subset returns a font file with the outlines of the used glyphs alone, under their numbers.
func (t *Typeface) subset(used map[int]bool) []byte {
	all := maps.Clone(used)
	all[0] = true
	for _, glyph := range slices.Sorted(maps.Keys(all)) {
		t.parts(glyph, all)
	}
	var glyf, loca []byte
	for glyph := range t.glyphs() {
		loca = binary.BigEndian.AppendUint32(loca, uint32(len(glyf)))
		if all[glyph] {
			from, to := t.outline(glyph)
			glyf = append(glyf, t.tables["glyf"][from:to]...)
			for len(glyf)%4 > 0 {
				glyf = append(glyf, 0)
			}
		}
	}
	loca = binary.BigEndian.AppendUint32(loca, uint32(len(glyf)))
	head := slices.Clone(t.tables["head"])
	binary.BigEndian.PutUint32(head[8:], 0)
	binary.BigEndian.PutUint16(head[50:], 1) // long offsets
	tables := map[string][]byte{"glyf": glyf, "loca": loca, "head": head}
	for _, tag := range []string{"cvt ", "fpgm", "hhea", "hmtx", "maxp", "prep"} {
		if data := t.tables[tag]; len(data) > 0 {
			tables[tag] = data
		}
	}
	return sfnt(tables)
}

// sfnt returns a font file of these tables.
func sfnt(tables map[string][]byte) []byte {
	tags := slices.Sorted(maps.Keys(tables))
	selector := bits.Len(uint(len(tags))) - 1
	search := 1 << selector
	file := binary.BigEndian.AppendUint32(nil, 0x00010000)
	for _, n := range []int{len(tags), 16 * search, selector, 16 * (len(tags) - search)} {
		file = binary.BigEndian.AppendUint16(file, uint16(n))
	}
	offset := len(file) + 16*len(tags)
	var body []byte
	headAt := 0
	for _, tag := range tags {
		data := tables[tag]
		if tag == "head" {
			headAt = offset + len(body)
		}
		file = append(file, tag...)
		for _, n := range []uint32{sum(data), uint32(offset + len(body)), uint32(len(data))} {
			file = binary.BigEndian.AppendUint32(file, n)
		}
		body = append(body, data...)
		for len(body)%4 > 0 {
			body = append(body, 0)
		}
	}
	file = append(file, body...)
	binary.BigEndian.PutUint32(file[headAt+8:], 0xB1B0AFBA-sum(file))
	return file
}

// sum is the checksum of a table.
func sum(data []byte) (n uint32) {
	for i := 0; i < len(data); i += 4 {
		var word [4]byte
		copy(word[:], data[i:])
		n += binary.BigEndian.Uint32(word[:])
	}
	return n
}

// Embed writes those of the setter's fonts that it has used, and returns what the dictionary of a page's fonts says of them.
func (s *Setter) Embed(f *File) string {
	var fonts strings.Builder
	for i, t := range s.fonts {
		if len(s.used[i]) > 0 {
			id := f.Reserve()
			t.embed(f, id, s.used[i], s.texts[i])
			fmt.Fprintf(&fonts, "/F%d %d 0 R", i, id)
		}
	}
	return fonts.String()
}

// embed writes the font with the used glyphs, each with the text that it stands
// for, as the object id.
func (t *Typeface) embed(f *File, id int, used map[int]bool, texts map[int]rune) {
	cid, descriptor, data, unicode := f.Reserve(), f.Reserve(), f.Reserve(), f.Reserve()
	name := "DHRAAA+" + t.name
	glyphs := slices.Sorted(maps.Keys(used))
	var widths, characters strings.Builder
	face := font.NewFace(t.font)
	for _, glyph := range glyphs {
		fmt.Fprintf(&widths, "%d[%.0f]", glyph, float64(face.HorizontalAdvance(font.GID(glyph)))*t.scale)
		if r, ok := texts[glyph]; ok {
			fmt.Fprintf(&characters, "1 beginbfchar\n<%04X> <%s\nendbfchar\n", glyph, strings.TrimPrefix(Quoted(string(r)), "<FEFF"))
		}
	}
	f.Object(id, "<</Type/Font/Subtype/Type0/BaseFont/%s/Encoding/Identity-H/DescendantFonts[%d 0 R]/ToUnicode %d 0 R>>", name, cid, unicode)
	f.Object(cid, "<</Type/Font/Subtype/CIDFontType2/BaseFont/%s/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>"+
		"/FontDescriptor %d 0 R/CIDToGIDMap/Identity/DW 0/W[%s]>>", name, descriptor, widths.String())
	head, hhea := t.tables["head"], t.tables["hhea"]
	metric := func(table []byte, at int) float64 {
		return float64(int16(binary.BigEndian.Uint16(table[at:]))) * t.scale
	}
	f.Object(descriptor, "<</Type/FontDescriptor/FontName/%s/Flags 4/FontBBox[%.0f %.0f %.0f %.0f]/ItalicAngle 0/Ascent %.0f/Descent %.0f/CapHeight 714/StemV 80/FontFile2 %d 0 R>>",
		name, metric(head, 36), metric(head, 38), metric(head, 40), metric(head, 42), metric(hhea, 4), metric(hhea, 6), data)
	file := t.subset(used)
	f.Stream(data, fmt.Sprintf("/Length1 %d", len(file)), file)
	f.Stream(unicode, "", []byte("/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n"+
		"1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n"+characters.String()+"endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"))
}
