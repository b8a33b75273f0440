package parts

import (
	"fmt"
	"io"
	"slices"
)

// Pack returns a writer whose bytes a goroutine compresses, as a [Writer] does, and writes to w, which stays the caller's
// to close; entry is the name inside of a zip. An error of w is returned by a later Write or by Close, which waits until everything
// is written, and says the same when it is called again. Who does not want the rest closes it all the same.
func Pack(w io.Writer, compression, entry string) (io.WriteCloser, error) {
	if compression != "" && !slices.Contains([]string{"none", gzipped, zipped}, compression) {
		return nil, fmt.Errorf("parts: %w: the compression %q", ErrInvalid, compression)
	}
	c, err := newCompressor(w, compression, entry)
	if err != nil {
		return nil, fmt.Errorf("parts: %w", err)
	}
	p := &packer{comp: c}
	if c != nil {
		w = c
	}
	p.stage = newStage(w)
	return p, nil
}

type packer struct {
	*stage
	comp   compressor
	closed bool
	err    error
}

// Close implements [io.Closer].
func (p *packer) Close() error {
	if !p.closed {
		p.closed = true
		if p.err = p.close(); p.err == nil && p.comp != nil {
			p.err = p.comp.Close()
		}
	}
	return p.err
}
