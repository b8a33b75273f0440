package parts

import (
	"fmt"

	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/record"
)

// A part is a file that is being written.
type part struct {
	spool   spool
	pipe    *pipe
	encoder export.Encoder
	rows    int64
	records int64

	limit   int64         // of what the compressor writes; 0 for none
	fitter  export.Fitter // if there is a limit, and the encoder is one
	most    int64         // of what the fitter writes
	settled bool          // it is not worth while to flush the compressor once more
	alone   bool          // there is room for one record and no more

	held  []*record.Record // if there is a limit, and the encoder is no fitter
	check int64            // bytes of the encoder after which it is asked whether the limit is reached
}

// checkEvery is how many bytes at least an encoder that is no fitter writes between two questions.
const checkEvery = 1 << 20

// begin begins a part.
func (w *Writer) begin() error {
	s, err := w.create(w.opts.Folder)
	if err != nil {
		return spoolError(err)
	}
	p, err := w.open(s)
	if err != nil {
		_ = s.Close() // of a file without use
		return err
	}
	p.spool, w.part = s, p
	return nil
}

// open begins a part in a file, or in none if it is nil.
func (w *Writer) open(s spool) (*part, error) {
	p := &part{}
	var err error
	if s == nil {
		p.pipe, err = newPipe(nil, w.opts.Compression, w.entry(), w.recipients, nil)
	} else {
		p.pipe, err = newPipe(s, w.opts.Compression, w.entry(), w.recipients, &w.written)
	}
	if err != nil {
		return nil, err
	}
	if p.encoder, err = w.format.NewEncoder(p.pipe, w.columns, w.eopts); err != nil {
		p.pipe.abort()
		return nil, err
	}
	if w.opts.MaxBytes == 0 {
		return p, nil
	}
	p.limit = w.opts.MaxBytes
	if len(w.recipients) > 0 {
		p.limit = sealable(p.limit, p.pipe.out.header)
	}
	p.fitter, _ = p.encoder.(export.Fitter)
	p.check = min(checkEvery, w.opts.MaxBytes)
	p.most = w.room(p, 0, 0)
	return p, nil
}

// room returns how many bytes the encoder may write, of which in went into the
// compressor and out came out.
func (w *Writer) room(p *part, in, out int64) int64 {
	if p.pipe.comp == nil {
		return p.limit
	}
	return in + fitting(p.limit-out-closing(w.opts.Compression, w.entry()))
}

// add adds a record to the part, or returns false if there is no room. own says that the record is ours to keep.
func (w *Writer) add(r *record.Record, own bool) (bool, error) {
	if w.part == nil {
		if err := w.begin(); err != nil {
			return false, err
		}
	}
	p, rows := w.part, w.rows(r)
	switch most := w.opts.MaxRows; {
	case most > 0 && rows > most:
		return false, fmt.Errorf("%w: record %q has %d rows, a part %d", ErrTooLarge, r.ID, rows, most)
	case p.alone, most > 0 && p.rows+rows > most, w.format.MaxRecords > 0 && p.records == w.format.MaxRecords:
		return false, nil
	}
	added, err := true, error(nil)
	switch {
	case w.opts.MaxBytes == 0:
		err = p.encoder.Encode(r)
	case p.fitter != nil:
		added, err = w.fit(p, r)
	default:
		err = w.hold(p, r, own)
	}
	if err != nil || !added || w.part != p {
		return added, err
	}
	p.rows += rows
	p.records++
	return true, nil
}

// fit adds a record if the file is then not too large. A compressor may have made less of what it was
// given than it might have: it is flushed to see, until that is no longer worth while.
func (w *Writer) fit(p *part, r *record.Record) (bool, error) {
	for {
		added, err := p.fitter.EncodeWithin(r, p.most)
		if err != nil || added {
			return added, err
		}
		if p.records == 0 && (p.settled || p.pipe.comp == nil) {
			return w.fitAlone(p, r)
		}
		if p.settled || p.pipe.comp == nil {
			return false, nil
		}
		if err := p.fitter.Flush(); err != nil {
			return false, err
		}
		in, out, err := p.pipe.settle()
		if err != nil {
			return false, err
		}
		most := w.room(p, in, out)
		p.settled = most-p.most <= p.limit/64
		p.most = max(p.most, most)
	}
}

// fitAlone adds a first record for which there may be room or not: it is tried out.
func (w *Writer) fitAlone(p *part, r *record.Record) (bool, error) {
	size, err := w.try([]*record.Record{r})
	if err != nil {
		return false, err
	}
	if size > w.opts.MaxBytes {
		return false, fmt.Errorf("%w: record %q makes a file of %d bytes, a part has %d", ErrTooLarge, r.ID, size, w.opts.MaxBytes)
	}
	// A compressor that was flushed writes more than one that was not.
	p.pipe.abort()
	if err := p.spool.Close(); err != nil {
		return false, spoolError(err)
	}
	w.part = nil
	if err := w.begin(); err != nil {
		return false, err
	}
	w.part.alone, w.part.records, w.part.rows = true, 1, w.rows(r)
	return true, w.part.encoder.Encode(r)
}

// try returns how large a file of some records would be.
func (w *Writer) try(records []*record.Record) (int64, error) {
	p, err := w.open(nil)
	if err != nil {
		return 0, err
	}
	if err := p.write(records); err != nil {
		p.pipe.abort()
		return 0, err
	}
	return p.pipe.out.stored.n, nil
}

// write writes the whole file.
func (p *part) write(records []*record.Record) error {
	for _, r := range records {
		if err := p.encoder.Encode(r); err != nil {
			return err
		}
	}
	return p.close()
}

func (p *part) close() error {
	if err := p.encoder.Close(); err != nil {
		return err
	}
	return p.pipe.close()
}

// hold adds a record, and keeps a copy. Now and then it looks whether the file is too large already.
func (w *Writer) hold(p *part, r *record.Record, own bool) error {
	if err := p.encoder.Encode(r); err != nil {
		return err
	}
	if !own {
		r = r.Clone()
	}
	p.held = append(p.held, r)
	if p.pipe.plain.n < p.check {
		return nil
	}
	out, err := p.pipe.emitted()
	w.full = err == nil && out > p.limit
	p.check = p.pipe.plain.n + max(checkEvery, p.limit-out)
	return err
}

// finish ends the part.
func (w *Writer) finish() (*File, error) {
	p := w.part
	if err := p.close(); err != nil {
		return nil, err
	}
	if w.opts.MaxBytes > 0 && p.pipe.out.stored.n > w.opts.MaxBytes {
		if p.held == nil {
			return nil, fmt.Errorf("%w: a file of %d records has %d bytes, a part %d", ErrTooLarge, p.records, p.pipe.out.stored.n, w.opts.MaxBytes)
		}
		return w.remake(p)
	}
	return w.file(p), nil
}

// remake makes a part anew, of as many of its records as there is room for. The others wait.
func (w *Writer) remake(p *part) (*File, error) {
	n, size := len(p.held), p.pipe.out.stored.n
	for size > w.opts.MaxBytes {
		if n == 1 {
			return nil, fmt.Errorf("%w: record %q makes a file of %d bytes, a part has %d", ErrTooLarge, p.held[0].ID, size, w.opts.MaxBytes)
		}
		const spare = 0.97 // since records are not all of a size
		n = min(max(int(float64(n)*float64(w.opts.MaxBytes)/float64(size)*spare), 1), n-1)
		var err error
		if size, err = w.try(p.held[:n]); err != nil {
			return nil, err
		}
	}
	if err := p.spool.Close(); err != nil {
		return nil, spoolError(err)
	}
	w.part = nil
	if err := w.begin(); err != nil {
		return nil, err
	}
	again := w.part
	for _, r := range p.held[:n] {
		again.rows += w.rows(r)
	}
	again.records = int64(n)
	if err := again.write(p.held[:n]); err != nil {
		return nil, err
	}
	w.queue = append(p.held[n:len(p.held):len(p.held)], w.queue...)
	return w.file(again), nil
}

// file makes a file of a part that is closed.
func (w *Writer) file(p *part) *File {
	last := len(w.queue) == 0
	out := p.pipe.out
	f := &File{
		Number: w.number, Last: last, Rows: p.rows, Records: p.records, Report: p.encoder.Report(),
		Name: w.name(w.number > 1 || !last) + w.extension, MediaType: w.mediaType, Size: out.plain.n, SHA256: out.plain.sum(),
	}
	f.Stored = Stored{Name: f.Name, MediaType: f.MediaType, Size: f.Size, SHA256: f.SHA256}
	if len(w.recipients) > 0 {
		f.Stored = Stored{Name: f.Name + sealExt, MediaType: "application/octet-stream", Size: out.stored.n, SHA256: out.stored.sum()}
	}
	f.kept.spool, w.part = p.spool, nil
	return f
}
