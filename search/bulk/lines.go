package bulk

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/digit-health/dhr/search"
)

const (
	maxLine   = 100 << 20 // unless the options say otherwise
	maxWindow = 128 << 20 // of zstd: that of its highest level
	chunk     = 256 << 10 // of a file that is read at once
)

// errTooLong is a line that is longer than may be. It was skipped.
var errTooLong = errors.New("the line is too long")

// lines cuts a text into lines.
type lines struct {
	r      *bufio.Reader
	max    int
	number int64  // of the line returned last, from 1
	indent int    // how many blanks were cut off in front of it
	long   []byte // a line that does not fit into the buffer of r
}

// next returns the next line without the blanks around it, valid until the next call. After
// errTooLong there may be more; other errors are the end of the text, io.EOF if
// nothing is missing.
func (l *lines) next() ([]byte, error) {
	line, err := l.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		line, err = l.rest(line)
	}
	switch {
	case errors.Is(err, io.EOF) && len(line) > 0: // no line feed at the end of the text
	case err != nil && !errors.Is(err, errTooLong):
		return nil, err
	case len(line) > l.max+1:
		err = errTooLong
	}
	l.number++
	if errors.Is(err, errTooLong) {
		return nil, err
	}
	line = bytes.TrimSuffix(line, []byte("\n"))
	if l.number == 1 {
		line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
	}
	line = bytes.TrimRight(line, " \t\r")
	l.indent = len(line)
	line = bytes.TrimLeft(line, " \t\r")
	l.indent -= len(line)
	return line, nil
}

// rest reads the rest of a line of which start is the beginning.
func (l *lines) rest(start []byte) ([]byte, error) {
	l.long = append(l.long[:0], start...)
	for tooLong := false; ; {
		more, err := l.r.ReadSlice('\n')
		if tooLong = tooLong || len(l.long)+len(more) > l.max+1; !tooLong {
			l.long = append(l.long, more...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case tooLong && (err == nil || errors.Is(err, io.EOF)):
			return nil, errTooLong
		default:
			return l.long, err
		}
	}
}

// A magic is how a kind of file begins.
type magic struct{ kind, begin string }

var refusedMagics = []magic{
	{"a zip archive", "PK\x03\x04"},
	{"compressed with bzip2", "BZh"},
	{"compressed with xz", "\xfd7zXZ\x00"},
	{"in UTF-16", "\xff\xfe"},
	{"in UTF-16", "\xfe\xff"},
}

// open returns a reader of the text in a file, and what gives its memory back.
func open(file io.Reader) (text *bufio.Reader, done func(), err error) {
	raw := bufio.NewReaderSize(file, chunk)
	head, err := raw.Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	for _, m := range refusedMagics {
		if bytes.HasPrefix(head, []byte(m.begin)) {
			return nil, nil, fmt.Errorf("%w: the file is %s", search.ErrInvalid, m.kind)
		}
	}
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		z, err := gzip.NewReader(raw)
		if err != nil {
			return nil, nil, unexpected(err)
		}
		return bufio.NewReaderSize(whole{z}, chunk), func() {}, nil
	case isZstd(head):
		z, err := zstd.NewReader(raw, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, nil, unexpected(err)
		}
		return bufio.NewReaderSize(whole{z}, chunk), z.Close, nil
	}
	return raw, func() {}, nil
}

// isZstd reports whether a file begins with a frame of zstd, or one to be skipped.
func isZstd(head []byte) bool {
	return bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")) ||
		len(head) >= 4 && head[0]&0xf0 == 0x50 && bytes.Equal(head[1:4], []byte("\x2a\x4d\x18"))
}

// whole reads a compressed text, whose end is where the compression says so.
type whole struct{ io.Reader }

func (w whole) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // a wrapped EOF is not the end
		err = unexpected(err)
	}
	return n, err
}

func unexpected(err error) error {
	return fmt.Errorf("the compressed file is damaged or cut off: %w", err)
}
