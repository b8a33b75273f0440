package parts

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
)

const spoolPrefix, spoolSuffix = "dhr-part-", ".spool"

// A spool is a file of the local disk that nobody else sees.
type spool interface {
	io.Writer
	io.ReaderAt
	io.Closer
}

// spoolFile is a file that is gone once it is closed.
type spoolFile struct {
	*os.File
	name string // if it has one
}

func createSpool(folder string) (spool, error) {
	if folder == "" {
		folder = os.TempDir()
	}
	f, err := os.CreateTemp(folder, spoolPrefix+"*"+spoolSuffix)
	if err != nil {
		return nil, err
	}
	s := &spoolFile{File: f, name: f.Name()}
	if runtime.GOOS != "windows" && os.Remove(s.name) == nil {
		s.name = ""
	}
	return s, nil
}

func (s *spoolFile) Close() error {
	err := s.File.Close()
	if s.name != "" {
		if gone := os.Remove(s.name); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}
	return err
}

// spoolError adds the sentinel to an error of the file system.
func spoolError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), isFull(err):
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return fmt.Errorf("%w: %w", ErrSpool, err)
}

// isFull reports whether Windows says that a disk is full: the system's own numbers.
func isFull(err error) bool {
	const handleDiskFull, diskFull = 39, 112
	var number syscall.Errno
	return runtime.GOOS == "windows" && errors.As(err, &number) && (number == handleDiskFull || number == diskFull)
}

// kept is the spool of a file that is finished.
type kept struct {
	mu    sync.Mutex
	spool spool // nil once it is removed
}

// Open returns what is to be stored, from its start. It may be called several times, also at once. The
// reader is also an io.ReaderAt, and ends with Remove.
func (f *File) Open() (io.ReadSeekCloser, error) {
	f.kept.mu.Lock()
	defer f.kept.mu.Unlock()
	if f.kept.spool == nil {
		return nil, fmt.Errorf("parts: %s: %w", f.Name, ErrClosed)
	}
	return &spoolReader{SectionReader: io.NewSectionReader(f.kept.spool, 0, f.Stored.Size)}, nil
}

// Remove removes the spool file. Twice does nothing.
func (f *File) Remove() error {
	f.kept.mu.Lock()
	defer f.kept.mu.Unlock()
	if f.kept.spool == nil {
		return nil
	}
	err := f.kept.spool.Close()
	f.kept.spool = nil
	if err != nil {
		return fmt.Errorf("parts: %s: %w", f.Name, spoolError(err))
	}
	return nil
}

// A spoolReader reads a spool file. A file that is shorter than it was is no shorter file.
type spoolReader struct {
	*io.SectionReader
}

func (r *spoolReader) Read(b []byte) (int, error) {
	n, err := r.SectionReader.Read(b)
	if at, _ := r.Seek(0, io.SeekCurrent); err == io.EOF && at < r.Size() { //nolint:errorlint // a reader ends with io.EOF itself
		err = io.ErrUnexpectedEOF
	}
	if err != nil && err != io.EOF { //nolint:errorlint // as above
		err = spoolError(err)
	}
	return n, err
}

func (r *spoolReader) Close() error { return nil }

// Sweep removes what killed processes have left in a folder of spool files, and returns how many there were. Those in use, also by
// other processes, are not touched: they have no name, or the system does not let go of them.
func Sweep(folder string) (int, error) {
	if folder == "" {
		folder = os.TempDir()
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return 0, fmt.Errorf("parts: sweep: %w", spoolError(err))
	}
	n := 0
	for _, e := range entries {
		if ok, _ := filepath.Match(spoolPrefix+"*"+spoolSuffix, e.Name()); !ok || !e.Type().IsRegular() {
			continue
		}
		switch failed := os.Remove(filepath.Join(folder, e.Name())); {
		case failed == nil:
			n++
		case errors.Is(failed, fs.ErrNotExist), errors.Is(failed, fs.ErrPermission), runtime.GOOS == "windows":
			// It is gone, or another user's, or in use.
		default:
			err = errors.Join(err, failed)
		}
	}
	if err != nil {
		return n, fmt.Errorf("parts: sweep: %w", spoolError(err))
	}
	return n, nil
}
