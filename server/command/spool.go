package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/digit-health/dhr/search/bulk"
)

// standardInput is the operand that stands for it.
const standardInput = "-"

// A source is a file that is imported.
type source struct {
	name string // as it was given
	kept string // where a copy of it is, if it can be read only once
	size int64  // or -1
	once bool   // standard input, a pipe: what was read is gone
}

// shown is what the source is called in what is printed.
func (s *source) shown() string {
	if s.name == standardInput {
		return "standard input"
	}
	return s.name
}

// sources looks at the files of an import, none of which is read yet. Each must be there.
func sources(names []string) ([]*source, error) {
	var all []*source
	var missing []error
	for _, name := range names {
		s := &source{name: name, size: -1, once: true}
		if name != standardInput {
			info, err := os.Stat(name)
			switch {
			case err != nil:
				missing = append(missing, err)
				continue
			case info.IsDir():
				missing = append(missing, fmt.Errorf("%s is a directory, not a file", name))
				continue
			case info.Mode().IsRegular():
				s.size, s.once = info.Size(), false
			}
		}
		all = append(all, s)
	}
	return all, errors.Join(missing...)
}

// total returns how many bytes all the sources have, or 0 if nobody knows.
func total(all []*source) (bytes int64) {
	for _, s := range all {
		if s.size < 0 {
			return 0
		}
		bytes += s.size
	}
	return bytes
}

// openSource opens a source.
func (p *Program) openSource(ctx context.Context, s *source) (io.ReadCloser, error) {
	switch {
	case s.kept != "":
		return os.Open(s.kept)
	case s.name == standardInput:
		return interruptible(ctx, io.NopCloser(p.In)), nil
	}
	f, err := os.Open(s.name)
	if err != nil || !s.once {
		return f, err
	}
	return interruptible(ctx, f), nil
}

// keep copies those sources that can be read only once into files under a directory. Forget removes these.
func (p *Program) keep(ctx context.Context, all []*source, dir string, g *progress) (forget func(), err error) {
	var files []string
	forget = func() {
		for _, f := range files {
			_ = os.Remove(f) // it is a copy
		}
	}
	for _, s := range all {
		if !s.once {
			continue
		}
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return forget, err
		}
		f, err := os.CreateTemp(dir, "import-*.tmp")
		if err != nil {
			return forget, err
		}
		files = append(files, f.Name())
		if err := p.copySource(ctx, f, s, g); err != nil {
			return forget, errors.Join(err, f.Close())
		}
		if err := f.Close(); err != nil {
			return forget, err
		}
		s.kept = f.Name()
	}
	return forget, nil
}

func (p *Program) copySource(ctx context.Context, to *os.File, s *source, g *progress) error {
	in, err := p.openSource(ctx, s)
	if err != nil {
		return err
	}
	in = g.reading(in)
	defer in.Close() //nolint:errcheck // it was only read
	if s.size, err = io.Copy(to, in); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &bulk.FileError{File: s.shown(), Err: fmt.Errorf("a copy of it in %s: %w", filepath.Dir(to.Name()), err)}
	}
	return nil
}

// interruptible reads what r has, until ctx ends, also while r waits for somebody to write. It closes r in the end.
func interruptible(ctx context.Context, r io.ReadCloser) io.ReadCloser {
	out, in := io.Pipe()
	stop := context.AfterFunc(ctx, func() { in.CloseWithError(ctx.Err()) })
	go func() {
		defer stop()
		_, err := io.Copy(in, r)
		in.CloseWithError(errors.Join(err, r.Close()))
	}()
	return out
}
