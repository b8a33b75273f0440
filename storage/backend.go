package storage

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
)

// A Backend keeps finished files. Its methods may be called from several
// goroutines at once. It may also be a [Linker], a [Meter], a [Limiter], or a
// [Finder].
type Backend interface {
	// Scheme returns what the backend's references begin with, such as "disk":
	// lower-case letters and digits. It is always the same.
	Scheme() string

	// Put stores everything r yields under a new reference and returns it.
	// If reading r fails, or ctx ends first, Put returns that error and
	// nothing remains stored. name is a hint: a file name without folders, whose
	// extension says the kind of file. opts is never nil, and has a tenant.
	// Put does not return before it has read its last of r. If r is an io.Seeker, Put may
	// go back to where it began, and read again.
	Put(ctx context.Context, name string, r io.Reader, opts *PutOptions) (Ref, error)

	// Open returns the file from an offset, which is not negative. It yields length
	// bytes or as many as there are, and all if length is negative. An offset behind the
	// end is ErrInvalid. ctx also ends the reading.
	Open(ctx context.Context, ref Ref, offset, length int64) (io.ReadCloser, error)

	// Stat returns what is known of a file without reading it.
	Stat(ctx context.Context, ref Ref) (Info, error)

	// Delete removes a file. That it was not there is no error.
	Delete(ctx context.Context, ref Ref) error
}

// A Linker is a Backend that can hand out a URL for direct download.
type Linker interface {
	// Link returns a URL under which the file can be had without asking us, by
	// anybody, for as long as expiry if the product lets us choose.
	Link(ctx context.Context, ref Ref, expiry time.Duration) (Link, error)
}

// A Meter is a Backend that knows how much it holds.
type Meter interface {
	Usage(ctx context.Context) (Usage, error)
}

// A Limiter is a Backend that takes no file beyond a size. Who has more to
// store makes several files of it.
type Limiter interface {
	// MaxBytes returns the size of the largest file, and 0 if any size will do.
	MaxBytes() int64
}

// A Finder is a Backend that finds again what it has stored.
type Finder interface {
	// Find returns the references of the files of a tenant that were stored with a tag, also of one whose Put was cut off by a
	// crash when it was there already. There may be none.
	Find(ctx context.Context, tenant, tag string) ([]Ref, error)
}

// PutOptions say more of a file.
type PutOptions struct {
	// Scheme chooses the backend. If empty, it is the store's first.
	Scheme string
	// Tenant says whose the file is. It is required.
	Tenant string
	// ContentType is a media type such as text/csv. Backends whose product wants
	// another one for this kind of file send that.
	ContentType string
	// Tag is a word of the caller's under which a product may find the file again.
	Tag string
	// Size is how many bytes the reader will yield. If it yields another number, Put fails with
	// io.ErrUnexpectedEOF or ErrInvalid. If zero, any number will do.
	Size int64
}

// Info says what is known of a file.
type Info struct {
	Size int64
	// Modified is when it was stored, and zero if the product does not tell.
	Modified time.Time
}

// A Link is a URL for direct download.
type Link struct {
	URL string
	// Expires is when the URL ends, and zero if it does not or the product does not tell.
	Expires time.Time
}

// Usage says how much a backend holds.
type Usage struct {
	Files int64
	Bytes int64
	// Quota is how many bytes it may hold, and 0 if nothing says.
	Quota int64
}

// A Ref says where a file is. It is a text of printable ASCII without blanks, to be kept and given back as it is.
type Ref string

// maxRef is far beyond what drivers make.
const maxRef = 2048

// MakeRef returns the reference that a backend has for an id. It is for drivers.
func MakeRef(scheme, id string) Ref { return Ref(scheme + ":" + id) }

// ParseRef reads a reference that was kept as text; what is none is ErrInvalid.
func ParseRef(text string) (Ref, error) {
	scheme, id, found := strings.Cut(text, ":")
	if !found || !isScheme(scheme) || id == "" || len(text) > maxRef {
		return "", fmt.Errorf("storage: %q is no reference to a file: %w", shorten(text), ErrInvalid)
	}
	for _, c := range []byte(id) {
		if c <= ' ' || c >= 0x7f {
			return "", fmt.Errorf("storage: %q is no reference to a file: %w", shorten(text), ErrInvalid)
		}
	}
	return Ref(text), nil
}

// Scheme returns which backend made the reference.
func (r Ref) Scheme() string {
	scheme, _, _ := strings.Cut(string(r), ":")
	return scheme
}

// ID returns what the backend calls the file.
func (r Ref) ID() string {
	_, id, _ := strings.Cut(string(r), ":")
	return id
}

func isScheme(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return s != "" && len(s) <= 32
}

func shorten(s string) string {
	if len(s) > 100 {
		return s[:100] + "…"
	}
	return s
}
