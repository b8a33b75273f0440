package parts

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/digit-health/dhr/export"
)

// What can go wrong, besides the errors of package export.
var (
	// ErrInvalid is a choice that makes no sense.
	ErrInvalid = errors.New("invalid parts")
	// ErrTooLarge is a record for which even an empty part has no room.
	ErrTooLarge = errors.New("a record is larger than a part may be")
	// ErrFull is a spool folder without room.
	ErrFull = errors.New("no room for spool files")
	// ErrSpool is a spool file that cannot be written or read.
	ErrSpool = errors.New("spool file")
	// ErrNotFinished is a record for a part that is full, and is to be finished first.
	ErrNotFinished = errors.New("the part is full, and not finished")
	// ErrClosed is a writer that was aborted or has returned an error, or a file that was removed.
	ErrClosed = errors.New("closed")
	// ErrKey is a sealed file that none of the keys opens.
	ErrKey = errors.New("no key opens the file")
	// ErrCorrupt is a sealed file that is damaged, or not whole, or none.
	ErrCorrupt = errors.New("the sealed file is damaged")
)

// Options say how records are cut into parts and what is made of them.
type Options struct {
	// Folder is where spool files lie; it must be there. If empty, that of the system for temporary files.
	Folder string
	// Name is what files are called, without number and extension. It is required.
	Name string
	// MaxRows is the most rows that a part has, headings not counted. If zero, any number will do, or what
	// the format can hold. Where lists are exploded, a record is several rows; they stay in one part.
	MaxRows int64
	// MaxBytes is the most bytes that a finished file has as it is stored. If zero, any number will do.
	MaxBytes int64
	// Compression is none, gzip or zip. If empty, none.
	Compression string
	// Recipients are age's public keys, such as that of [NewKey], for which files are sealed. If empty, they are not.
	Recipients []string
	// First is the number of the first part: 1 more than that of the last one when work goes on. If zero, 1.
	First int
}

// A File is a part that is finished. It belongs to who got it, and lasts until Remove.
type File struct {
	// Number is that of the part, from 1.
	Number int
	// Last says that no record is waiting for another part. If more records come, there is one all the same, and if this
	// one is the first, its name does not say that it is one of several: see [Writer.Finish].
	Last bool
	// Rows and Records are how many are in the file. Rows are more where lists were exploded.
	Rows, Records int64
	// Report says what became of the records of this part.
	Report export.Report

	// What people get is called Name, such as fever-1.csv.gz, and has this type, size and hash in hex.
	Name, MediaType string
	Size            int64
	SHA256          string
	// Stored is what Open yields, to be stored: the same, or sealed.
	Stored Stored

	kept kept
}

// Stored says what is stored of a file.
type Stored struct {
	// Name ends in .age if the file is sealed. It is then of the type application/octet-stream.
	Name, MediaType string
	Size            int64
	// SHA256 is in hex. That of a sealed file is another one each time.
	SHA256 string
}

const (
	gzipped = "gzip"
	zipped  = "zip"
	sealExt = ".age"
)

// Naming returns the extension and the media type of what people get: those of the format, or of the compression.
func Naming(f *export.Format, compression string) (extension, mediaType string, err error) {
	switch compression {
	case "", "none":
		return f.Extension, f.MediaType, nil
	case gzipped:
		return f.Extension + ".gz", "application/gzip", nil
	case zipped:
		return f.Extension + ".zip", "application/zip", nil
	}
	return "", "", fmt.Errorf("%w: compression %q, not none, gzip or zip", ErrInvalid, compression)
}

// check says what makes no sense.
func (o *Options) check() error {
	switch {
	case o.Name == "" || strings.HasPrefix(o.Name, ".") || len(o.Name) > maxName || !utf8.ValidString(o.Name) ||
		strings.ContainsFunc(o.Name, func(r rune) bool { return strings.ContainsRune(`/\<>:"|?*`, r) || unicode.IsControl(r) }):
		return fmt.Errorf("%w: %q is no name for files", ErrInvalid, o.Name)
	case o.MaxRows < 0 || o.MaxBytes < 0 || o.First < 0:
		return fmt.Errorf("%w: %d rows, %d bytes, first part %d", ErrInvalid, o.MaxRows, o.MaxBytes, o.First)
	}
	return nil
}

// maxName leaves room for a number and extensions in the 255 bytes that file systems take.
const maxName = 200
