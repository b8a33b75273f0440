package filestoretest

import (
	"bytes"
	"encoding/xml"
	"unicode/utf8"
)

// detect says what Tika makes of a file's first bytes, as far as it was seen to.
func detect(b []byte) string {
	const binary = "application/octet-stream"
	switch {
	case len(b) == 0:
		return binary
	case bytes.HasPrefix(b, []byte("PK\x03\x04")):
		if len(b) > 30 && (bytes.HasPrefix(b[30:], []byte("[Content_Types].xml")) || bytes.HasPrefix(b[30:], []byte("_rels/.rels"))) {
			return "application/x-tika-ooxml"
		}
		return "application/zip"
	case bytes.HasPrefix(b, []byte("%PDF-")):
		return "application/pdf"
	case bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")):
		return "image/png"
	case bytes.HasPrefix(b, []byte("\xff\xd8\xff")):
		return "image/jpeg"
	case bytes.HasPrefix(b, []byte("\x1f\x8b")):
		return "application/gzip"
	case bytes.HasPrefix(b, []byte("MZ")):
		return "application/x-msdownload"
	case bytes.HasPrefix(b, []byte("#!")):
		return "application/x-sh"
	case bytes.HasPrefix(b, []byte("<html")):
		return "text/html"
	case bytes.HasPrefix(b, []byte("<svg")):
		return "image/svg+xml"
	case bytes.HasPrefix(b, []byte("<?xml")) && hasRoot(b):
		return "application/xml"
	case bytes.HasPrefix(b, []byte("\xff\xfe")), bytes.HasPrefix(b, []byte("\xfe\xff")):
		return "text/plain"
	}
	if text(b[:min(len(b), 512)]) {
		return "text/plain"
	}
	return binary
}

func hasRoot(b []byte) bool {
	d := xml.NewDecoder(bytes.NewReader(b))
	for {
		token, err := d.Token()
		if err != nil {
			return false
		}
		if _, ok := token.(xml.StartElement); ok {
			return true
		}
	}
}

// text reports whether bytes are UTF-8 without control characters; the last character may be cut.
func text(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != 0x1b {
			return false
		}
	}
	for cut := 0; cut < utf8.UTFMax && cut < len(b); cut++ {
		if utf8.Valid(b[:len(b)-cut]) {
			return true
		}
	}
	return false
}
