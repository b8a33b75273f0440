package command

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
)

// standardOutput is the file that stands for it.
const standardOutput = "-"

// A target is a file that is written. Unless it is standard output, a device or a pipe, it appears under its
// name when it is whole, and not at all otherwise.
type target struct {
	name  string // as it was given
	file  string // that appears; "" if out is written as it comes
	out   io.Writer
	part  *os.File // what is written, or nil
	mode  os.FileMode
	bytes int64
	sum   hash.Hash
}

// target looks at the file that is to be written, without making one.
func (e *exporting) target() (*target, error) {
	t := &target{name: e.file, mode: 0o600, sum: sha256.New()}
	if e.file == standardOutput {
		t.name, t.out = "standard output", e.p.Out
		return t, nil
	}
	file, err := filepath.EvalSymlinks(e.file) // a link stays one
	if errors.Is(err, os.ErrNotExist) {
		file, err = e.file, nil
	}
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, os.ErrNotExist):
		if folder, err := os.Stat(filepath.Dir(file)); err != nil || !folder.IsDir() {
			return nil, fmt.Errorf("there is no folder %s to write into", filepath.Dir(file))
		}
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fmt.Errorf("%s is a folder, not a file", e.file)
	case !info.Mode().IsRegular():
		return t, nil // a device or a pipe, which is opened to be written as it comes
	default:
		t.mode = info.Mode().Perm()
	}
	t.file = file
	return t, nil
}

// open begins to write.
func (t *target) open() (err error) {
	switch {
	case t.out != nil:
		return nil
	case t.file == "":
		t.part, err = os.OpenFile(t.name, os.O_WRONLY, 0)
	default:
		t.part, err = os.CreateTemp(filepath.Dir(t.file), "."+filepath.Base(t.file)+"-*.part")
	}
	if err == nil {
		t.out = t.part
	}
	return err
}

// Write writes, and counts what was written.
func (t *target) Write(b []byte) (int, error) {
	n, err := t.out.Write(b)
	t.sum.Write(b[:n])
	t.bytes += int64(n)
	return n, err
}

// settle brings everything to the disk, still under another name.
func (t *target) settle() error {
	if t.file == "" {
		return nil
	}
	return errors.Join(t.part.Chmod(t.mode), t.part.Sync())
}

// publish gives the file its name, in place of one that has it.
func (t *target) publish() error {
	if t.part == nil {
		return nil
	}
	err := t.part.Close()
	if err != nil || t.file == "" {
		t.part = nil
		return err
	}
	if err := os.Rename(t.part.Name(), t.file); err != nil {
		return err
	}
	t.part = nil
	folder, err := os.Open(filepath.Dir(t.file))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// discard removes what was written and not published.
func (t *target) discard() error {
	if t.part == nil {
		return nil
	}
	_ = t.part.Close() // it is not wanted, and may be closed
	if t.file == "" {
		return nil
	}
	return os.Remove(t.part.Name())
}

// left says what is there after it went wrong.
func (t *target) left() string {
	if t.file != "" {
		return "there is no new file"
	}
	return "what was written is not whole"
}

func (t *target) hash() string { return hex.EncodeToString(t.sum.Sum(nil)) }
