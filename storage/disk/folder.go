package disk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"runtime"
	"strings"
	"time"

	"github.com/digit-health/dhr/storage"
)

// locate returns where a reference's file lies.
func locate(ref storage.Ref) (string, error) {
	tenant, file, found := strings.Cut(ref.ID(), "/")
	if !found || !isName(tenant) || !isName(file) {
		return "", fmt.Errorf("%q is no file of this backend: %w", ref, storage.ErrInvalid)
	}
	return path.Join(files, tenant, file), nil
}

// isName reports whether a text is a name that we could have given.
func isName(s string) bool {
	for _, c := range []byte(s) {
		if !plain(c) && c != '%' && c != '~' {
			return false
		}
	}
	return s != "" && s[0] != '.' && len(s) <= 255
}

func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-' || c == '.'
}

// folderOf returns the folder's name of a tenant, another for each.
func folderOf(tenant string) string {
	var sb strings.Builder
	for i, c := range []byte(tenant) {
		if !plain(c) || c == '.' && i == 0 {
			fmt.Fprintf(&sb, "%%%02x", c)
		} else {
			sb.WriteByte(c)
		}
	}
	name := sb.String()
	if len(name) > 200 { // the file system takes 255
		sum := sha256.Sum256([]byte(tenant))
		name = name[:100] + "~" + hex.EncodeToString(sum[:])
	}
	return name
}

// tagged returns what the names of files with a tag begin with; nothing without one.
func tagged(tag string) string {
	if tag == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(tag))
	return hex.EncodeToString(sum[:10]) + "."
}

// hint returns of a name what can stand in any file system. The end stays, which says the kind of file.
func hint(name string) string {
	safe := []byte(name)
	for i, c := range safe {
		if !plain(c) {
			safe[i] = '_'
		}
	}
	return string(safe[max(0, len(safe)-100):])
}

// mkdir makes a folder that survives a crash, if it is not there.
func (b *Backend) mkdir(dir string) error {
	err := b.root.Mkdir(dir, 0o700)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil
	case err != nil:
		return err
	}
	return b.syncDir(path.Dir(dir))
}

// syncDir writes a folder's names through to the disk.
func (b *Backend) syncDir(dir string) error {
	if runtime.GOOS == "windows" { // folders cannot be synced there; NTFS keeps a journal of names
		return nil
	}
	d, err := b.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// sweep removes what a crash left, and nothing that is still written to.
func (b *Backend) sweep() error {
	return b.walk(context.Background(), partial, func(name string, info fs.FileInfo) error {
		if time.Since(info.ModTime()) < b.opts.Leftover {
			return nil
		}
		return ignore(b.root.Remove(name))
	})
}

// walk visits the regular files below a folder.
func (b *Backend) walk(ctx context.Context, dir string, visit func(name string, info fs.FileInfo) error) error {
	return fs.WalkDir(b.root.FS(), dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || !d.Type().IsRegular() {
			return ignore(err)
		}
		info, err := d.Info()
		if err != nil {
			return ignore(err) // it has gone meanwhile
		}
		return visit(name, info)
	})
}

// Usage looks through the folder. What is being written counts only when it is there.
func (b *Backend) Usage(ctx context.Context) (storage.Usage, error) {
	u := storage.Usage{Quota: b.opts.Quota}
	err := b.walk(ctx, files, func(_ string, info fs.FileInfo) error {
		u.Files++
		u.Bytes += info.Size()
		return nil
	})
	if err != nil {
		if ctx.Err() == nil {
			err = class(err)
		}
		return storage.Usage{}, err
	}
	return u, nil
}

// begin begins a write. Where nobody else writes here, it looks anew what the folder
// holds, since other processes may have written and deleted.
func (b *Backend) begin(size int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.writing == 0 {
		if err := b.measure(); err != nil {
			return class(err)
		}
	}
	if b.opts.Quota > 0 && b.used+size > b.opts.Quota {
		return b.full(size)
	}
	b.writing++
	return nil
}

func (b *Backend) measure() error {
	if err := b.sweep(); err != nil || b.opts.Quota == 0 {
		return err
	}
	b.used = 0
	for _, dir := range []string{files, partial} {
		if err := b.walk(context.Background(), dir, func(_ string, info fs.FileInfo) error {
			b.used += info.Size()
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// reserve takes n bytes of the quota.
func (b *Backend) reserve(n int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.opts.Quota > 0 && b.used+n > b.opts.Quota {
		return b.full(n)
	}
	b.used += n
	return nil
}

func (b *Backend) full(n int64) error {
	return fmt.Errorf("%d bytes are in use and %d more are wanted, of a quota of %d: %w", b.used, n, b.opts.Quota, storage.ErrFull)
}

func (b *Backend) release(n int64) {
	b.mu.Lock()
	b.used -= n
	b.mu.Unlock()
}

// end ends a write that reserved n bytes, and gives them back if it failed.
func (b *Backend) end(n int64, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.writing--
	if err != nil {
		b.used -= n
	}
}
