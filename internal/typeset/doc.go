// Package typeset sets text in the fonts that it brings along, Noto Sans, and writes PDF with it.
//
// A Setter makes words and lines of glyphs, with the letters of the scripts of India and of Arabic joined and ordered
// as these want it, and knows how wide they are. A File is the objects of a PDF; Setter.Embed puts into it
// as much of the fonts as was used.
package typeset
