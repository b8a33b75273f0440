package parts

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync/atomic"

	"filippo.io/age"

	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/record"
)

// A Writer cuts a stream of records into files. It is used by one goroutine at a time.
type Writer struct {
	format     *export.Format
	columns    []export.Column
	eopts      *export.Options
	opts       Options
	recipients []age.Recipient
	extension  string
	mediaType  string
	explode    bool
	create     func(folder string) (spool, error)

	number  int   // of the part that is, or will be, written
	part    *part // or nil between two
	full    bool
	queue   []*record.Record // copies of records that wait for the next part
	err     error            // after which there are no more files
	written atomic.Int64
}

// NewWriter returns a writer of files. If opts make no sense, the error is ErrInvalid; if the choices
// of the encoder do not, it is that of [export.Format.NewEncoder].
func NewWriter(f *export.Format, columns []export.Column, eopts *export.Options, opts *Options) (*Writer, error) {
	w := &Writer{format: f, columns: slices.Clone(columns), create: createSpool}
	if opts != nil {
		w.opts = *opts
	}
	if eopts != nil {
		choices := *eopts
		w.eopts, w.explode = &choices, choices.Lists == "explode"
	}
	err := w.opts.check()
	if err == nil {
		w.extension, w.mediaType, err = Naming(f, w.opts.Compression)
	}
	if err == nil {
		w.recipients, err = parseRecipients(w.opts.Recipients)
	}
	if err == nil {
		_, err = f.NewEncoder(io.Discard, w.columns, w.eopts)
	}
	if err != nil {
		return nil, fmt.Errorf("parts: %w", err)
	}
	w.number = max(w.opts.First, 1)
	return w, nil
}

// Encode adds a record. It keeps nothing of it that is the caller's. If full is set, the part is to be
// finished before the next Encode; the record is in it, or waits for the next one.
func (w *Writer) Encode(r *record.Record) (full bool, err error) {
	switch {
	case w.err != nil:
		return false, w.err
	case w.full:
		return true, fmt.Errorf("parts: %w", ErrNotFinished)
	}
	added, err := w.add(r, false)
	if err != nil {
		return false, w.fail(err)
	}
	if !added {
		w.queue, w.full = append(w.queue, r.Clone()), true
	}
	return w.full, nil
}

// Full reports whether the part is to be finished before the next Encode. It may be so again
// after Finish, if what waited fills a part.
func (w *Writer) Full() bool { return w.full && w.err == nil }

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
// An export without records is one file with headings, unless First says that there were parts before. Who
// finishes a part that is not full, and goes on with more records, gets a first file whose name does not
// say that it is one of several.
func (w *Writer) Finish() (*File, error) {
	if w.err != nil {
		return nil, w.err
	}
	if w.part == nil {
		if w.number > 1 {
			return nil, io.EOF
		}
		if err := w.begin(); err != nil {
			return nil, w.fail(err)
		}
	}
	f, err := w.finish()
	if err != nil {
		return nil, w.fail(err)
	}
	w.number++
	w.full = false
	w.refill()
	return f, nil
}

// refill writes what waited into the next part, as far as it has room. What fails is told by the next call.
func (w *Writer) refill() {
	for i, r := range w.queue {
		added, err := w.add(r, true)
		if err != nil {
			_ = w.fail(err)
			return
		}
		if !added {
			w.queue, w.full = w.queue[i:], true
			return
		}
		if w.full { // of copies that are held there is too much
			w.queue = w.queue[i+1:]
			return
		}
	}
	w.queue = nil
}

// Files yields the parts of records, each when it is finished: it is all of Encode and Finish in one loop. An error, of records
// too, is the last pair. A file belongs to the loop. Who leaves it early calls Abort.
func (w *Writer) Files(records record.Stream) iter.Seq2[*File, error] {
	return func(yield func(*File, error) bool) {
		for r, err := range records {
			if err != nil {
				yield(nil, w.fail(err))
				return
			}
			if _, err := w.Encode(r); err != nil {
				yield(nil, err)
				return
			}
			for w.Full() {
				if f, err := w.Finish(); !yield(f, err) || err != nil {
					return
				}
			}
		}
		for {
			f, err := w.Finish()
			if err == io.EOF { //nolint:errorlint // Finish ends with io.EOF itself
				return
			}
			if !yield(f, err) || err != nil {
				return
			}
		}
	}
}

// Written returns how many bytes were written to spool files so far, for progress. It may be called while others work.
func (w *Writer) Written() int64 { return w.written.Load() }

// Abort throws away what is not finished, and ends the writer. After an error, or twice, it does nothing.
func (w *Writer) Abort() {
	if w.err == nil {
		_ = w.fail(fmt.Errorf("writer %w", ErrClosed))
	}
}

// fail ends the writer.
func (w *Writer) fail(err error) error {
	w.err = fmt.Errorf("parts: %w", err)
	if w.part != nil {
		w.part.pipe.abort()
		if gone := w.part.spool.Close(); gone != nil {
			w.err = errors.Join(w.err, fmt.Errorf("parts: %w", spoolError(gone)))
		}
		w.part = nil
	}
	w.queue, w.full = nil, false
	return w.err
}

// cuts reports whether there may be several parts.
func (w *Writer) cuts() bool {
	return w.number > 1 || w.opts.MaxRows > 0 || w.opts.MaxBytes > 0 || w.format.MaxRecords > 0
}

// entry is the name of the file in a zip.
func (w *Writer) entry() string { return w.name(w.cuts()) + w.format.Extension }

func (w *Writer) name(numbered bool) string {
	if numbered {
		return fmt.Sprintf("%s-%d", w.opts.Name, w.number)
	}
	return w.opts.Name
}

// rows returns how many rows the encoder makes of a record.
func (w *Writer) rows(r *record.Record) int64 {
	if !w.explode || r == nil || r.Projection() == nil {
		return 1
	}
	for _, c := range w.columns {
		if at := r.Projection().Column(c.Path); at >= 0 {
			if n := len(r.Values(at)); n > 1 {
				return int64(n)
			}
		}
	}
	return 1
}
