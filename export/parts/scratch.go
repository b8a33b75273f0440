package parts

import "io"

// A Scratch is a file of the local disk that nobody else sees, and that is gone once it is closed, or however the process ends: see
// the package on spool files. It is written from its start to its end, and read anywhere.
type Scratch struct{ spool spool }

// NewScratch returns an empty file in a folder; "" is that of the system for temporary files. Its errors, and those of the file, are ErrFull or ErrSpool.
func NewScratch(folder string) (*Scratch, error) {
	s, err := createSpool(folder)
	if err != nil {
		return nil, spoolError(err)
	}
	return &Scratch{s}, nil
}

// Write appends to the file.
func (s *Scratch) Write(b []byte) (int, error) {
	n, err := s.spool.Write(b)
	return n, spoolError(err)
}

// ReadAt reads as io.ReaderAt has it. The end of the file is io.EOF.
func (s *Scratch) ReadAt(b []byte, offset int64) (int, error) {
	n, err := s.spool.ReadAt(b, offset)
	if err == io.EOF { //nolint:errorlint // a reader ends with io.EOF itself
		return n, err
	}
	return n, spoolError(err)
}

// Close removes the file.
func (s *Scratch) Close() error { return spoolError(s.spool.Close()) }
