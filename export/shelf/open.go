package shelf

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"time"

	"github.com/digit-health/dhr/export/parts"
	"github.com/digit-health/dhr/storage"
)

// A Content is what was stored, as people get it.
type Content struct {
	Item
	// Name is what the file is called, Size how many bytes it has, and SHA256 their hash in hex: unsealed.
	Name   string
	Size   int64
	SHA256 string
	// Identity opens it if it is sealed.
	Identity string
}

// Open returns the file from an offset: length bytes or as many as there are, and all if length is negative. The
// caller closes the reader. An offset behind the end is storage.ErrInvalid. A file that is read from its start to its end and
// is not what was stored ends with ErrDamaged.
func (s *Shelf) Open(ctx context.Context, c *Content, offset, length int64) (io.ReadCloser, error) {
	if offset < 0 || offset > c.Size {
		return nil, fmt.Errorf("offset %d of %d bytes: %w", offset, c.Size, storage.ErrInvalid)
	}
	if c.Size == 0 && c.Ref == "" { // it was not stored
		return io.NopCloser(strings.NewReader("")), nil
	}
	var r io.ReadCloser
	var err error
	if c.Identity == "" {
		r, err = s.files.Open(ctx, c.Ref, offset, length)
	} else {
		r, err = s.unseal(ctx, c, offset, length)
	}
	if errors.Is(err, storage.ErrNotFound) { // whose text names the reference, which is for nobody
		err = fmt.Errorf("%w: %q", storage.ErrNotFound, c.Name)
	}
	if err != nil {
		return nil, err
	}
	if offset == 0 && (length < 0 || length >= c.Size) {
		return &checked{ReadCloser: r, hash: sha256.New(), want: c.SHA256}, nil
	}
	return r, nil
}

// Link returns a URL for direct download, or an empty one where there is none.
func (s *Shelf) Link(ctx context.Context, item *Item, life time.Duration) (storage.Link, error) {
	link, err := s.files.Link(ctx, item.Ref, life)
	if errors.Is(err, storage.ErrUnsupported) {
		return storage.Link{}, nil
	}
	return link, err
}

func (s *Shelf) unseal(ctx context.Context, c *Content, offset, length int64) (io.ReadCloser, error) {
	sealed, err := s.files.Open(ctx, c.Ref, 0, -1)
	if err != nil {
		return nil, err
	}
	plain, err := parts.Unseal(sealed, c.Identity, offset, length)
	if err != nil {
		_ = sealed.Close() // the error of opening says more
		if errors.Is(err, parts.ErrCorrupt) || errors.Is(err, parts.ErrKey) {
			err = fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		return nil, err
	}
	return &unsealed{plain, sealed}, nil
}

type unsealed struct {
	io.Reader
	io.Closer
}

func (u *unsealed) Read(p []byte) (int, error) {
	n, err := u.Reader.Read(p)
	if errors.Is(err, parts.ErrCorrupt) {
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return n, err
}

// A checked reader ends with ErrDamaged, and not with io.EOF, if it was not what it should be.
type checked struct {
	io.ReadCloser
	hash hash.Hash
	want string
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	_, _ = c.hash.Write(p[:n]) // a hash takes everything
	if err == io.EOF && hex.EncodeToString(c.hash.Sum(nil)) != c.want {
		return n, ErrDamaged
	}
	return n, err
}
