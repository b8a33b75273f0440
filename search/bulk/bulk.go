// Package bulk loads files of JSON documents into an index, whatever engine holds it.
//
// # Files
//
// A file has one JSON document on each line, in one of these forms:
//
//	{"name": "Asha", "age": 3}
//	{"_index": "visits", "_id": "v1", "_source": {"name": "Asha", "age": 3}}
//
// or it is written for the bulk API of Elasticsearch, which its first line shows:
//
//	{"index": {"_id": "v1"}}
//	{"name": "Asha", "age": 3}
//
// There the actions index and create both store the document, whatever was there
// before; update and delete are refused. The index that a line names does not
// count: everything goes into the one that is loaded.
//
// Files may be compressed with gzip or zstd, which their first bytes show. A
// byte-order mark, lines that end in CR LF, blank lines and a line feed missing at
// the end are fine.
//
// # IDs
//
// The ID of a document is the _id of its line, or else the value of the schema's
// Key. Without both it is made of the document's bytes and of how many documents
// with the same bytes stand before it in its file. So a file that is loaded twice
// is there once, two files that share documents do not double them, and
// documents that are equal for good reason, in one file, are each a record.
//
// # What is refused
//
// A line that is no document of the schema is refused, with its place and reason,
// and the rest goes on: see [Report]. A file that cannot be read to its end,
// such as a compressed one that is cut off, is a *[FileError]; what stands before
// is loaded, and so are the other files.
package bulk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"sync"

	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// Options say how files are read. Nil means the defaults.
type Options struct {
	// MaxLine is the longest line in bytes; longer ones are refused. If zero, 100 MB, as
	// much as Elasticsearch takes in one request by default.
	MaxLine int
	// Keep is how many refusals the report holds. If zero, 100; if negative, none.
	Keep int
	// Refused, if not nil, is called with each refusal, one at a time.
	Refused func(search.Refusal)
	// Open opens a file. If nil, os.Open.
	Open func(name string) (io.ReadCloser, error)
}

// A Report says what became of the documents.
type Report struct {
	// Files is how many files were read to their end.
	Files int `json:"files"`
	// Read is how many documents there were, sound or not. A line that is neither a
	// document nor belongs to one counts as one.
	Read int64 `json:"read"`
	// Stored is how many of them are stored; one that replaces another counts as well.
	Stored int64 `json:"stored"`
	// Refused is how many were refused. Read is Stored and Refused added up,
	// unless the engine failed.
	Refused int64 `json:"refused"`
	// Refusals are the first of those.
	Refusals []search.Refusal `json:"refusals,omitempty"`
}

// A FileError is a file that could not be read to its end.
type FileError struct {
	File string
	Line int64 // the last line that was read whole, or 0
	Err  error
}

// Error returns one line: the file, the line and what is wrong.
func (e *FileError) Error() string {
	return fmt.Sprintf("bulk: %s: after line %d: %v", e.File, e.Line, e.Err)
}

// Unwrap returns Err.
func (e *FileError) Unwrap() error { return e.Err }

// Load stores the documents of files in the index of s, which was created. Each
// document is checked under s before the loader sees it. The report is never nil:
// with an error it says how far the load came. An error of the engine ends the
// load; files that cannot be read are put together into one error at the end.
func Load(ctx context.Context, loader search.Loader, s *record.Schema, files []string, opts *Options) (*Report, error) {
	l := &load{loader: loader, schema: s, report: &Report{}}
	if opts != nil {
		l.opts = *opts
	}
	if l.opts.Open == nil {
		l.opts.Open = func(name string) (io.ReadCloser, error) { return os.Open(name) }
	}
	if l.opts.Keep == 0 {
		l.opts.Keep = 100
	}
	var unread []error
	for _, name := range files {
		err := l.file(ctx, name)
		var fault *FileError
		switch {
		case err == nil:
			l.report.Files++
		case errors.As(err, &fault):
			unread = append(unread, err)
		default:
			return l.report, err
		}
	}
	return l.report, errors.Join(unread...)
}

// A load is one call of Load.
type load struct {
	loader search.Loader
	schema *record.Schema
	opts   Options
	mu     sync.Mutex // guards report: a loader may read documents in a goroutine of its own
	report *Report
}

func (l *load) file(ctx context.Context, name string) error {
	f, err := l.opts.Open(name)
	if err != nil {
		return &FileError{name, 0, err}
	}
	defer f.Close() //nolint:errcheck // it was only read
	r, err := NewReader(f, l.schema, &l.opts)
	if err != nil {
		return &FileError{name, 0, err}
	}
	defer r.Close()
	refused := int64(0)
	refuse := func(refusal search.Refusal) {
		refusal.File = name
		l.refuse(refusal)
	}
	stored, err := l.loader.Load(ctx, l.schema, l.documents(ctx, r, refuse), func(refusal search.Refusal) {
		refused++
		refuse(refusal)
	})
	read := r.Documents()
	l.report.Read += read
	switch fault := r.Err(); {
	case err == nil && ctx.Err() != nil:
		err = ctx.Err()
		fallthrough
	case err != nil:
		l.report.Stored += stored
		return err
	case fault != nil:
		err = &FileError{name, r.Line(), fault}
	}
	l.report.Stored += read - r.Refused() - refused
	return err
}

// documents are those of r, until the context ends.
func (l *load) documents(ctx context.Context, r *Reader, refuse func(search.Refusal)) iter.Seq[*search.Document] {
	return func(yield func(*search.Document) bool) {
		for doc := range r.All(refuse) {
			if ctx.Err() != nil || !yield(doc) {
				return
			}
		}
	}
}

func (l *load) refuse(refusal search.Refusal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.report.Refused++
	if len(l.report.Refusals) < l.opts.Keep {
		l.report.Refusals = append(l.report.Refusals, refusal)
	}
	if l.opts.Refused != nil {
		l.opts.Refused(refusal)
	}
}
