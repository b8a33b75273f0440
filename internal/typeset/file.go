package typeset

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
)

// maxOffset is the last place that the table of objects can name.
const maxOffset = 9_999_999_999

// ErrTooLong is of a file that its own table of objects cannot describe.
var ErrTooLong = errors.New("a PDF of more than 10 GB")

// A File writes the objects of a PDF one after another; what it holds is where they are.
type File struct {
	w       io.Writer
	written int64
	offsets []int64 // of each object, the first of which is 1
	packed  bytes.Buffer
	packer  *zlib.Writer

	Err error // the first that there was; nothing is written after it
}

// NewFile returns a file that is written to w.
func NewFile(w io.Writer) *File { return &File{w: w} }

func (f *File) write(b []byte) {
	if f.Err != nil {
		return
	}
	n, err := f.w.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	f.written += int64(n)
	f.Err = err
}

// Reserve returns the number of an object that is written later.
func (f *File) Reserve() int {
	f.offsets = append(f.offsets, 0)
	return len(f.offsets)
}

// Object writes an object.
func (f *File) Object(id int, format string, args ...any) {
	if f.written == 0 {
		f.write([]byte("%PDF-1.7\n%\xE2\xE3\xCF\xD3\n")) // bytes that say that it is not text
	}
	if f.written > maxOffset && f.Err == nil {
		f.Err = ErrTooLong
	}
	f.offsets[id-1] = f.written
	f.write(fmt.Appendf(nil, "%d 0 obj\n%s\nendobj\n", id, fmt.Sprintf(format, args...)))
}

// Stream writes an object with data, packed. dict is what its dictionary has besides.
func (f *File) Stream(id int, dict string, data []byte) {
	f.packed.Reset()
	if f.packer == nil {
		f.packer, _ = zlib.NewWriterLevel(nil, zlib.BestSpeed) // the level is one that there is
	}
	f.packer.Reset(&f.packed)
	_, err := f.packer.Write(data)
	if err == nil {
		err = f.packer.Close()
	}
	if err != nil && f.Err == nil {
		f.Err = err
	}
	f.Object(id, "<<%s/Filter/FlateDecode/Length %d>>\nstream\n%s\nendstream", dict, f.packed.Len(), f.packed.Bytes())
}

// Finish writes where the objects are. root and info are two of them. Whether all is well then, Err says.
func (f *File) Finish(root, info int) {
	table := f.written
	var b bytes.Buffer
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(f.offsets)+1)
	for _, offset := range f.offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer\n<</Size %d/Root %d 0 R/Info %d 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(f.offsets)+1, root, info, table)
	f.write(b.Bytes())
}

// Quoted returns a text as a string of PDF.
func Quoted(text string) string {
	var b strings.Builder
	b.WriteString("<FEFF")
	for _, unit := range utf16.Encode([]rune(text)) {
		fmt.Fprintf(&b, "%04X", unit)
	}
	b.WriteByte('>')
	return b.String()
}
