package parts

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"sync/atomic"
	"time"

	"filippo.io/age"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
)

// A pipe is what stands behind an encoder: compression, hash, seal, hash and file. Compressing and
// what follows run beside the encoder, each in a goroutine of its own.
type pipe struct {
	io.Writer // of the encoder
	plain     *counter
	comp      compressor // or nil
	packed    *counter   // what the compressor has written
	stages    []*stage   // from the encoder on
	out       *sink
}

// newPipe returns a pipe into a file, or into nothing if it is nil.
func newPipe(f io.Writer, compression, entry string, recipients []age.Recipient, written *atomic.Int64) (*pipe, error) {
	out, err := newSink(f, recipients, written)
	if err != nil {
		return nil, err
	}
	p := &pipe{out: out}
	last := newStage(out)
	p.stages = []*stage{last}
	p.packed = &counter{w: last}
	if p.comp, err = newCompressor(p.packed, compression, entry); err != nil {
		p.abort()
		return nil, err
	}
	p.plain = p.packed
	if p.comp != nil {
		first := newStage(p.comp)
		p.stages = []*stage{first, last}
		p.plain = &counter{w: first}
	}
	p.Writer = p.plain
	return p, nil
}

// settle makes the compressor write what it holds, and returns how many bytes went
// into it and came out.
func (p *pipe) settle() (in, out int64, err error) {
	if p.comp != nil {
		err = p.stages[0].sync(p.comp.Flush)
	}
	return p.plain.n, p.packed.n, err
}

// emitted returns how many bytes the compressor has written of what it was given.
func (p *pipe) emitted() (int64, error) {
	var err error
	if p.comp != nil {
		err = p.stages[0].sync(func() error { return nil })
	}
	return p.packed.n, err
}

// close ends the file. After an error there is none, but everything has ended as well.
func (p *pipe) close() error {
	var err error
	for i, s := range p.stages {
		if failed := s.close(); err == nil {
			err = failed
		}
		if i == 0 && p.comp != nil && err == nil {
			err = p.comp.Close()
		}
	}
	if err == nil {
		err = p.out.close()
	}
	return err
}

func (p *pipe) abort() {
	for _, s := range p.stages {
		s.abort()
	}
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// A compressor's Flush writes all that it was given.
type compressor interface {
	io.WriteCloser
	Flush() error
}

// newCompressor returns a compressor, or nil if there is to be none.
func newCompressor(w io.Writer, compression, entry string) (compressor, error) {
	switch compression {
	case gzipped:
		return gzip.NewWriterLevel(w, gzip.BestSpeed)
	case zipped:
		return newZip(w, entry)
	}
	return nil, nil //nolint:nilnil // none is a kind of compression
}

// zipFile is a zip of one file.
type zipFile struct {
	io.Writer
	zip   *zip.Writer
	flate *flate.Writer
}

func newZip(w io.Writer, entry string) (*zipFile, error) {
	z := &zipFile{zip: zip.NewWriter(w)}
	z.zip.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		var err error
		z.flate, err = flate.NewWriter(w, flate.BestSpeed)
		return z.flate, err
	})
	// The time is none, so that the bytes are the same whenever they are written.
	var err error
	z.Writer, err = z.zip.CreateHeader(&zip.FileHeader{Name: entry, Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)})
	return z, err
}

func (z *zipFile) Flush() error {
	if err := z.flate.Flush(); err != nil {
		return err
	}
	return z.zip.Flush()
}

func (z *zipFile) Close() error { return z.zip.Close() }

// closing returns how many bytes a compressor writes at most when it is closed, beyond what it was given.
func closing(compression, entry string) int64 {
	switch compression {
	case gzipped:
		return 32
	case zipped:
		return 256 + int64(len(entry))
	}
	return 0
}

// fitting returns how many bytes a compressor may be given that shall not write more than room.
// Deflate makes at most a stored block of a block of up to 65,535 bytes, with five bytes before it.
func fitting(room int64) int64 {
	const fixed, part = 64, 1024
	return max(0, (room-fixed)*part/(part+1))
}

// A sink hashes and seals what it is given, and writes it to a file.
type sink struct {
	w      io.Writer      // plain
	seal   io.WriteCloser // or nil
	plain  *hashed
	stored *hashed
	buf    *buffered
	header int64 // bytes of the seal before what is sealed
}

func newSink(f io.Writer, recipients []age.Recipient, written *atomic.Int64) (*sink, error) {
	s := &sink{plain: newHashed(), stored: newHashed()}
	s.w, s.stored.w = s.plain, &spooled{w: f, written: written}
	if len(recipients) == 0 {
		s.plain = s.stored
		s.w = s.plain
		return s, nil
	}
	s.buf = &buffered{w: s.stored}
	var err error
	if s.seal, err = age.Encrypt(s.buf, recipients...); err != nil {
		return nil, err
	}
	s.header = s.buf.n
	s.plain.w = s.seal
	return s, nil
}

func (s *sink) Write(b []byte) (int, error) { return s.w.Write(b) }

func (s *sink) close() error {
	if s.seal == nil {
		return nil
	}
	if err := s.seal.Close(); err != nil {
		return err
	}
	return s.buf.flush()
}

// hashed counts and hashes what goes through it.
type hashed struct {
	w    io.Writer
	hash hash.Hash
	n    int64
}

func newHashed() *hashed { return &hashed{hash: sha256.New()} }

func (h *hashed) Write(b []byte) (int, error) {
	n, err := h.w.Write(b)
	h.hash.Write(b[:n])
	h.n += int64(n)
	return n, err
}

func (h *hashed) sum() string { return hex.EncodeToString(h.hash.Sum(nil)) }

// buffered puts the small pieces of a seal together.
type buffered struct {
	w   io.Writer
	buf []byte
	n   int64
}

func (b *buffered) Write(p []byte) (int, error) {
	b.buf = append(b.buf, p...)
	b.n += int64(len(p))
	if len(b.buf) < pieceSize {
		return len(p), nil
	}
	return len(p), b.flush()
}

func (b *buffered) flush() error {
	_, err := b.w.Write(b.buf)
	b.buf = b.buf[:0]
	return err
}

// spooled writes to a spool file, if there is one, and says in its own words why it cannot.
type spooled struct {
	w       io.Writer
	written *atomic.Int64
}

func (s *spooled) Write(b []byte) (int, error) {
	n := len(b)
	if s.w != nil {
		var err error
		if n, err = s.w.Write(b); err != nil {
			return n, spoolError(err)
		}
	}
	if s.written != nil {
		s.written.Add(int64(n))
	}
	return n, nil
}
