package storage

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A Store keeps files in one or more backends. It checks what every backend would have
// to check, and may be used from several goroutines at once.
type Store struct {
	first    Backend
	backends map[string]Backend
}

// New returns a store over backends. Files go into the first unless their options say another.
func New(backends ...Backend) (*Store, error) {
	s := &Store{backends: map[string]Backend{}}
	for _, b := range backends {
		scheme := b.Scheme()
		if !isScheme(scheme) {
			return nil, fmt.Errorf("storage: %q cannot be a scheme: %w", scheme, ErrInvalid)
		}
		if s.backends[scheme] != nil {
			return nil, fmt.Errorf("storage: two backends have the scheme %q: %w", scheme, ErrInvalid)
		}
		s.backends[scheme] = b
	}
	if len(backends) == 0 {
		return nil, fmt.Errorf("storage: no backend: %w", ErrInvalid)
	}
	s.first = backends[0]
	return s, nil
}

// Put stores everything r yields under a new reference and returns it. name is a file name
// without folders, at most 255 bytes long. If Put returns an error, nothing remains stored.
// It returns the error of r, and that of ctx, so that errors.Is finds them. Since Put reads r until the end, a reader that
// blocks holds it: who ends ctx makes r return too.
func (s *Store) Put(ctx context.Context, name string, r io.Reader, opts *PutOptions) (Ref, error) {
	o := PutOptions{}
	if opts != nil {
		o = *opts
	}
	b, err := s.named(o.Scheme)
	if err != nil {
		return "", err
	}
	if err := checkPut(name, &o); err != nil {
		return "", fmt.Errorf("storage: put %q: %w", shorten(name), err)
	}
	if max := maxBytes(b); max > 0 && o.Size > max {
		return "", fmt.Errorf("storage: put %q: %d bytes, at most %d are taken: %w", name, o.Size, max, ErrTooLarge)
	}
	o.Scheme = b.Scheme()
	ref, err := b.Put(ctx, name, newSource(ctx, r, o.Size), &o)
	if err != nil {
		return "", fmt.Errorf("storage: put %q: %w", name, err)
	}
	return ref, nil
}

func checkPut(name string, o *PutOptions) error {
	switch {
	case name == "" || name == "." || name == ".." || len(name) > 255 || strings.ContainsAny(name, `/\`) || !isLine(name):
		return fmt.Errorf("this is no file name: %w", ErrInvalid)
	case o.Tenant == "":
		return fmt.Errorf("no tenant: %w", ErrInvalid)
	case len(o.Tenant) > 200 || !isLine(o.Tenant):
		return fmt.Errorf("%q is no tenant: %w", shorten(o.Tenant), ErrInvalid)
	case len(o.ContentType) > 100 || !isLine(o.ContentType):
		return fmt.Errorf("%q is no content type: %w", shorten(o.ContentType), ErrInvalid)
	case len(o.Tag) > 200 || !isLine(o.Tag):
		return fmt.Errorf("%q is no tag: %w", shorten(o.Tag), ErrInvalid)
	case o.Size < 0:
		return fmt.Errorf("size %d: %w", o.Size, ErrInvalid)
	}
	return nil
}

// isLine reports whether a text can stand in a header and in a list of files.
func isLine(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// Open returns the file from an offset. It yields length bytes or as many as there
// are, and all if length is negative. The caller closes the reader.
func (s *Store) Open(ctx context.Context, ref Ref, offset, length int64) (io.ReadCloser, error) {
	b, err := s.backend(ref)
	if err != nil {
		return nil, err
	}
	if offset < 0 {
		return nil, fmt.Errorf("storage: open %q: offset %d: %w", ref, offset, ErrInvalid)
	}
	r, err := b.Open(ctx, ref, offset, length)
	if err != nil {
		return nil, fmt.Errorf("storage: open %q: %w", ref, err)
	}
	return r, nil
}

// Stat returns what is known of a file without reading it.
func (s *Store) Stat(ctx context.Context, ref Ref) (Info, error) {
	b, err := s.backend(ref)
	if err != nil {
		return Info{}, err
	}
	info, err := b.Stat(ctx, ref)
	if err != nil {
		return Info{}, fmt.Errorf("storage: stat %q: %w", ref, err)
	}
	return info, nil
}

// Delete removes a file. That it was not there is no error. Where the product
// has no deletion, it is ErrUnsupported.
func (s *Store) Delete(ctx context.Context, ref Ref) error {
	b, err := s.backend(ref)
	if err != nil {
		return err
	}
	if err := b.Delete(ctx, ref); err != nil {
		return fmt.Errorf("storage: delete %q: %w", ref, err)
	}
	return nil
}

// Link returns a URL for direct download that ends after expiry, or when the
// product lets it end. It is ErrUnsupported where files can only be had by Open.
func (s *Store) Link(ctx context.Context, ref Ref, expiry time.Duration) (Link, error) {
	b, err := s.backend(ref)
	if err != nil {
		return Link{}, err
	}
	l, ok := b.(Linker)
	if !ok {
		return Link{}, fmt.Errorf("storage: link %q: %w", ref, ErrUnsupported)
	}
	if expiry <= 0 {
		return Link{}, fmt.Errorf("storage: link %q: expiry %v: %w", ref, expiry, ErrInvalid)
	}
	link, err := l.Link(ctx, ref, expiry)
	if err != nil {
		return Link{}, fmt.Errorf("storage: link %q: %w", ref, err)
	}
	return link, nil
}

// Find returns the references of the files that a backend, by its scheme, has of a tenant under a tag; the scheme "" is the first. It is
// ErrUnsupported where files are found by their references alone.
func (s *Store) Find(ctx context.Context, scheme, tenant, tag string) ([]Ref, error) {
	b, err := s.named(scheme)
	if err != nil {
		return nil, err
	}
	f, ok := b.(Finder)
	if !ok {
		return nil, fmt.Errorf("storage: find %q: %w", shorten(tag), ErrUnsupported)
	}
	if tenant == "" || tag == "" {
		return nil, fmt.Errorf("storage: find %q of tenant %q: %w", shorten(tag), shorten(tenant), ErrInvalid)
	}
	found, err := f.Find(ctx, tenant, tag)
	if err != nil {
		return nil, fmt.Errorf("storage: find %q: %w", shorten(tag), err)
	}
	return found, nil
}

// Usage returns how much a backend holds, by its scheme; "" is the first. It is
// ErrUnsupported where the product does not tell.
func (s *Store) Usage(ctx context.Context, scheme string) (Usage, error) {
	b, err := s.named(scheme)
	if err != nil {
		return Usage{}, err
	}
	m, ok := b.(Meter)
	if !ok {
		return Usage{}, fmt.Errorf("storage: usage of %q: %w", b.Scheme(), ErrUnsupported)
	}
	u, err := m.Usage(ctx)
	if err != nil {
		return Usage{}, fmt.Errorf("storage: usage of %q: %w", b.Scheme(), err)
	}
	return u, nil
}

// MaxBytes returns the size of the largest file that a backend takes, by its scheme, and 0 if
// any size will do; "" is the first.
func (s *Store) MaxBytes(scheme string) (int64, error) {
	b, err := s.named(scheme)
	if err != nil {
		return 0, err
	}
	return maxBytes(b), nil
}

// Schemes returns the schemes of the backends: that of the first, and then the others in alphabetical order.
func (s *Store) Schemes() []string {
	schemes := slices.DeleteFunc(slices.Sorted(maps.Keys(s.backends)), func(scheme string) bool { return scheme == s.first.Scheme() })
	return append([]string{s.first.Scheme()}, schemes...)
}

func maxBytes(b Backend) int64 {
	if l, ok := b.(Limiter); ok {
		return l.MaxBytes()
	}
	return 0
}

func (s *Store) named(scheme string) (Backend, error) {
	if scheme == "" {
		return s.first, nil
	}
	if b := s.backends[scheme]; b != nil {
		return b, nil
	}
	return nil, fmt.Errorf("storage: no backend is called %q: %w", shorten(scheme), ErrInvalid)
}

func (s *Store) backend(ref Ref) (Backend, error) {
	if _, err := ParseRef(string(ref)); err != nil {
		return nil, err
	}
	if b := s.backends[ref.Scheme()]; b != nil {
		return b, nil
	}
	return nil, fmt.Errorf("storage: no backend for reference %q: %w", ref, ErrInvalid)
}

// A source is the reader of a Put. It ends with the context and with a wrong size, and remembers
// its end, so that a driver that asks again is told the same.
type source struct {
	ctx  context.Context
	r    io.Reader
	n    int64
	want int64 // if not zero
	end  error
}

func newSource(ctx context.Context, r io.Reader, want int64) io.Reader {
	s := &source{ctx: ctx, r: r, want: want}
	if seeker, ok := r.(io.Seeker); ok {
		if start, err := seeker.Seek(0, io.SeekCurrent); err == nil { // a pipe says that it can, and cannot
			return &seekable{source: s, seeker: seeker, start: start}
		}
	}
	return s
}

// A seekable is a source that can be read again.
type seekable struct {
	*source
	seeker io.Seeker
	start  int64
}

func (s *seekable) Seek(offset int64, whence int) (int64, error) {
	at, err := s.seeker.Seek(offset, whence)
	if err == nil {
		s.n, s.end = at-s.start, nil
	}
	return at, err
}

func (s *source) Read(p []byte) (int, error) {
	if s.end == nil {
		s.end = s.ctx.Err()
	}
	if s.end != nil {
		return 0, s.end
	}
	n, err := s.r.Read(p)
	s.n += int64(n)
	switch {
	case s.want > 0 && s.n > s.want:
		n, err = 0, fmt.Errorf("the reader yields more than its %d bytes: %w", s.want, ErrInvalid)
	case err == io.EOF && s.n < s.want: //nolint:errorlint // a reader ends with io.EOF itself
		err = fmt.Errorf("the reader yields %d of its %d bytes: %w", s.n, s.want, io.ErrUnexpectedEOF)
	}
	s.end = err
	return n, err
}
