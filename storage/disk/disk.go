// Package disk keeps files in a folder of this machine, or of a network's file system.
//
//	backend, err := disk.Open("exports", &disk.Options{Quota: 50 << 30})
//	defer backend.Close()
//	files, err := storage.New(backend)
//
// # What lies where
//
// A file lies in files/TENANT/ID-NAME below the folder, where a person can find it; an ID begins with what is made of the file's tag, if it has one. It
// gets there by renaming, when it is whole and has been written through to the disk, so that
// a file that is there is right whatever crashed. Until then it lies in partial/. What a crash left
// there is removed by the next [Open] or Put, once nobody has written to it for
// Options.Leftover.
//
// No name leads out of the folder, whatever tenants are called and whatever links somebody
// puts there. Folders have the rights 0700 and files 0600.
//
// Several processes may use one folder.
package disk

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/digit-health/dhr/storage"
)

const (
	scheme  = "disk"
	files   = "files"
	partial = "partial"
)

// Options are the choices that a backend has.
type Options struct {
	// Quota is how many bytes the folder may hold. If zero, as many as the disk has. What
	// one process writes never exceeds it; several may by what they write at the same time.
	Quota int64
	// Leftover is how long a half-written file is left alone before it counts as
	// what a crash left. If zero, 24 hours.
	Leftover time.Duration
}

// A Backend keeps files in a folder.
type Backend struct {
	root *os.Root
	opts Options

	mu      sync.Mutex
	used    int64 // bytes of files and of what is being written; kept if there is a quota
	writing int   // how many write
}

var (
	_ storage.Backend = (*Backend)(nil)
	_ storage.Meter   = (*Backend)(nil)
	_ storage.Finder  = (*Backend)(nil)
	_ io.Closer       = (*Backend)(nil)
)

// Open opens a folder, and makes it if it is not there. A nil opts means the defaults.
func Open(folder string, opts *Options) (*Backend, error) {
	b := &Backend{}
	if opts != nil {
		b.opts = *opts
	}
	if folder == "" || b.opts.Quota < 0 || b.opts.Leftover < 0 {
		return nil, fmt.Errorf("disk: folder %q, quota %d, leftover %v: %w", folder, b.opts.Quota, b.opts.Leftover, storage.ErrInvalid)
	}
	if b.opts.Leftover == 0 {
		b.opts.Leftover = 24 * time.Hour
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("disk: %w", class(err))
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("disk: %w", class(err))
	}
	b.root = root
	if err := b.prepare(folder); err != nil {
		return nil, fmt.Errorf("disk: folder %q: %w", folder, errors.Join(class(err), root.Close()))
	}
	return b, nil
}

func (b *Backend) prepare(folder string) error {
	for _, dir := range []string{files, partial} {
		if err := b.mkdir(dir); err != nil {
			return err
		}
	}
	if err := b.syncAbove(folder); err != nil {
		return err
	}
	return b.sweep()
}

// syncAbove makes the folder's own name survive a crash.
func (b *Backend) syncAbove(folder string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	above, err := os.Open(filepath.Dir(filepath.Clean(folder)))
	if err != nil {
		return nil //nolint:nilerr // a folder whose parent we may not read was not made by us
	}
	return errors.Join(above.Sync(), above.Close())
}

// Close lets the folder go. Files being read or written are finished.
func (b *Backend) Close() error { return b.root.Close() }

// Scheme returns "disk".
func (b *Backend) Scheme() string { return scheme }

// Put stores everything r yields in a new file.
func (b *Backend) Put(ctx context.Context, name string, r io.Reader, opts *storage.PutOptions) (storage.Ref, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if err := b.begin(opts.Size); err != nil {
		return "", err
	}
	id := rand.Text()
	final := path.Join(files, folderOf(opts.Tenant), tagged(opts.Tag)+id+"-"+hint(name))
	n, err := b.write(ctx, path.Join(partial, id), final, r)
	b.end(n, err)
	if err != nil {
		return "", err
	}
	return storage.MakeRef(scheme, strings.TrimPrefix(final, files+"/")), nil
}

// write writes r to a partial file and moves it to its place. It returns how many bytes were reserved.
func (b *Backend) write(ctx context.Context, temporary, final string, r io.Reader) (int64, error) {
	if err := b.mkdir(path.Dir(final)); err != nil {
		return 0, class(err)
	}
	f, err := b.root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, class(err)
	}
	w := &writer{backend: b, file: f}
	_, err = io.CopyBuffer(w, r, make([]byte, 256<<10))
	if err == nil {
		err = class(f.Sync())
	}
	if closed := f.Close(); err == nil {
		err = class(closed)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return w.n, errors.Join(err, ignore(b.root.Remove(temporary)))
	}
	if err := b.root.Rename(temporary, final); err != nil {
		return w.n, errors.Join(class(err), ignore(b.root.Remove(temporary)))
	}
	if err := b.syncDir(path.Dir(final)); err != nil {
		return w.n, errors.Join(class(err), ignore(b.root.Remove(final)))
	}
	return w.n, nil
}

// Find returns the files of a tenant with a tag. It reads the names of all of the tenant's files.
func (b *Backend) Find(ctx context.Context, tenant, tag string) ([]storage.Ref, error) {
	dir, err := b.root.Open(path.Join(files, folderOf(tenant)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, class(err)
	}
	defer dir.Close() //nolint:errcheck // it was only read
	var found []storage.Ref
	for {
		names, err := dir.Readdirnames(1000)
		for _, name := range names {
			if strings.HasPrefix(name, tagged(tag)) && isName(name) {
				found = append(found, storage.MakeRef(scheme, folderOf(tenant)+"/"+name))
			}
		}
		if err == io.EOF { //nolint:errorlint // it is what Readdirnames returns at the end
			return found, nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, class(err)
		}
	}
}

// A writer writes to a partial file as much as the quota leaves.
type writer struct {
	backend *Backend
	file    *os.File
	n       int64
}

func (w *writer) Write(p []byte) (int, error) {
	if err := w.backend.reserve(int64(len(p))); err != nil {
		return 0, err
	}
	w.n += int64(len(p))
	n, err := w.file.Write(p)
	return n, class(err)
}

// Open returns the file from an offset.
func (b *Backend) Open(ctx context.Context, ref storage.Ref, offset, length int64) (io.ReadCloser, error) {
	name, info, err := b.find(ctx, ref)
	if err != nil {
		return nil, err
	}
	left := info.Size() - offset
	if left < 0 {
		return nil, fmt.Errorf("offset %d of %d bytes: %w", offset, info.Size(), storage.ErrInvalid)
	}
	if length >= 0 && length < left {
		left = length
	}
	f, err := b.root.Open(name)
	if err != nil {
		return nil, class(err)
	}
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		return nil, errors.Join(class(err), f.Close())
	}
	return &reader{ctx: ctx, file: f, left: left}, nil
}

// A reader reads what is left of a file or of a part of it.
type reader struct {
	ctx  context.Context
	file *os.File
	left int64
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	if r.left == 0 {
		return 0, io.EOF
	}
	n, err := r.file.Read(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	if err == io.EOF {
		return n, fmt.Errorf("%d bytes are missing: %w", r.left, io.ErrUnexpectedEOF)
	}
	return n, class(err)
}

func (r *reader) Close() error { return r.file.Close() }

// Stat returns what the file system knows of a file.
func (b *Backend) Stat(ctx context.Context, ref storage.Ref) (storage.Info, error) {
	_, info, err := b.find(ctx, ref)
	if err != nil {
		return storage.Info{}, err
	}
	return storage.Info{Size: info.Size(), Modified: info.ModTime()}, nil
}

// find looks for a regular file; a link, a pipe or a folder is none of ours.
func (b *Backend) find(ctx context.Context, ref storage.Ref) (string, fs.FileInfo, error) {
	if err := ctx.Err(); err != nil {
		return "", nil, err
	}
	name, err := locate(ref)
	if err != nil {
		return "", nil, err
	}
	info, err := b.root.Lstat(name)
	if err != nil {
		return "", nil, class(err)
	}
	if !info.Mode().IsRegular() {
		return "", nil, storage.ErrNotFound
	}
	return name, info, nil
}

// Delete removes a file, so that a crash does not bring it back.
func (b *Backend) Delete(ctx context.Context, ref storage.Ref) error {
	name, info, err := b.find(ctx, ref)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	err = b.root.Remove(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // another was faster
	}
	if err == nil {
		b.release(info.Size())
		err = b.syncDir(path.Dir(name))
	}
	return class(err)
}

// class adds the sentinel to an error of the file system.
func class(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ENAMETOOLONG):
		return fmt.Errorf("%w: %w", storage.ErrNotFound, err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: %w", storage.ErrFull, err)
	case errors.Is(err, syscall.EFBIG):
		return fmt.Errorf("%w: %w", storage.ErrTooLarge, err)
	}
	return fmt.Errorf("%w: %w", storage.ErrUnavailable, err)
}

// ignore drops that a file to be removed is not there.
func ignore(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
