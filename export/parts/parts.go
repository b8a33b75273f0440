package parts

import (
	"errors"
	"io"

	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/record"
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

// A Writer cuts a stream of records into files. It is used by one goroutine at a time.
type Writer struct{}

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
}

// Stored says what is stored of a file.
type Stored struct {
	// Name ends in .age if the file is sealed. It is then of the type application/octet-stream.
	Name, MediaType string
	Size            int64
	// SHA256 is in hex. That of a sealed file is another one each time.
	SHA256 string
}

// NewWriter returns a writer of files. If opts is not complete, or makes no sense with the format, the error is
// ErrInvalid, or that of [export.Format.NewEncoder].
func NewWriter(f *export.Format, columns []export.Column, eopts *export.Options, opts *Options) (*Writer, error) {
	return nil, ErrInvalid
}

// Encode adds a record. It keeps nothing of it that is the caller's. If full is set, the record waits for the next
// part, and Finish comes first.
func (w *Writer) Encode(r *record.Record) (full bool, err error) { return false, ErrClosed }

// Full reports whether a record waits for the next part, so that Finish comes before the next Encode. It may be so again
// after Finish, if that record fills a part.
func (w *Writer) Full() bool { return false }

// Finish returns the part as it is, with the records so far. At the end of the records it is called until the error is io.EOF:
//
//	for {
//		file, err := w.Finish()
//		if err == io.EOF {
//			break
//		}
//		…
//	}
//
// An export without records is one file with headings, unless First says that there were parts before. A
// part that is finished while nothing waits, and followed by more records, is no error: who finishes
// early gives the first part a name of his own.
func (w *Writer) Finish() (*File, error) { return nil, io.EOF }

// Files yields the parts of records, each when it is finished. It is all of Encode and Finish in one loop. An error, of records
// too, is the last pair. Files belong to the loop. Who leaves it early calls Abort.
func (w *Writer) Files(records record.Stream) func(yield func(*File, error) bool) {
	return func(func(*File, error) bool) {}
}

// Written returns how many bytes were written to spool files so far, for progress. It may be called while others work.
func (w *Writer) Written() int64 { return 0 }

// Abort throws away what is not finished, and ends the writer. After an error, or twice, it does nothing.
func (w *Writer) Abort() {}

// Open returns what is to be stored, from its start. It may be called several times, also at once. The
// reader is also an io.ReaderAt, and ends with Remove.
func (f *File) Open() (io.ReadSeekCloser, error) { return nil, ErrClosed }

// Remove removes the spool file. Twice does nothing.
func (f *File) Remove() error { return nil }

// Sweep removes what killed processes have left in a folder of spool files, and returns how many there were. Those in use, also by
// other processes, are not touched.
func Sweep(folder string) (int, error) { return 0, ErrSpool }

// Naming returns the extension and the media type of what people get: those of the format, or of the compression.
func Naming(f *export.Format, compression string) (extension, mediaType string, err error) {
	return "", "", ErrInvalid
}

// A Key opens what was sealed for it. Who destroys every copy of Identity, destroys the files.
type Key struct {
	// Identity is secret: AGE-SECRET-KEY-1…
	Identity string
	// Recipient is public: age1…, for Options.
	Recipient string
}

// NewKey returns a new random key.
func NewKey() (*Key, error) { return nil, ErrKey }

// Unseal returns what was sealed, from an offset: length bytes or as many as there are, and all if length is negative. It reads sealed from its
// start, whatever the offset, and in pieces: each is checked before it is yielded. A file that is damaged or cut off is ErrCorrupt, from Unseal
// or from Read, and never io.EOF; one that identity does not open is ErrKey; an offset behind the end is ErrInvalid.
// Errors of sealed come out as they are.
func Unseal(sealed io.Reader, identity string, offset, length int64) (io.Reader, error) {
	return nil, ErrKey
}
