package filestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/digit-health/dhr/internal/fetch"
	"github.com/digit-health/dhr/internal/upload"
	"github.com/digit-health/dhr/storage"
)

const scheme = "filestore"

// Options are the choices that a backend has.
type Options struct {
	// Dialect is what the service speaks. If empty, V2.
	Dialect Dialect
	// Paths names other paths than those of the dialect; empty ones stay.
	Paths Paths
	// Module is the service's name for a group of files. If empty, "dhr".
	Module string
	// ContentTypes are the content types of file extensions, such as "csv": "text/plain". An extension that is not
	// there has that of the dialect's own list, and after that the one that Put was called with.
	ContentTypes map[string]string
	// Extensions are the extensions under which files are stored that have another, such as "ndjson": "txt".
	Extensions map[string]string
	// MaxBytes is the size of the largest file. If zero, 5 MiB for V2 and any for others. If negative, any.
	MaxBytes int64

	// Token says where tokens come from. If nil, requests have none, as inside of a cluster.
	Token *Token
	// TokenHeader is the header that a token is sent in. If empty, "auth-token" for V2, and for others "Authorization",
	// which says Bearer.
	TokenHeader string
	// TenantHeader is a header that the tenant is sent in. If empty, none for V2, and "X-Tenant-ID" for others.
	TenantHeader string

	// Proxied says that users cannot reach the object store, so that Link is storage.ErrUnsupported and
	// files go through Open.
	Proxied bool
	// Retries is how often a request is sent again. If zero, 4. If negative, never.
	Retries int
	// Pause is the pause before the first repetition; each is twice as long as the one before. If zero, 500 ms. Where the service
	// says how long, that counts, up to a minute.
	Pause time.Duration
	// Timeout is how long the service may take to answer after it has been sent a request. If zero, 2 minutes.
	Timeout time.Duration
	// Transport sends requests. If nil, it is one that uses no proxy and keeps connections for a minute.
	Transport http.RoundTripper
}

// A Backend keeps files in Filestore.
type Backend struct {
	client
	opts  Options
	paths Paths
}

var (
	_ storage.Backend = (*Backend)(nil)
	_ storage.Linker  = (*Backend)(nil)
	_ storage.Limiter = (*Backend)(nil)
)

// New returns a backend for the service at an address with its context path, such as
// http://egov-filestore.egov:8080/filestore. It sends nothing. A nil opts means the defaults.
func New(address string, opts *Options) (*Backend, error) {
	b := &Backend{}
	if opts != nil {
		b.opts = *opts
	}
	o := &b.opts
	o.setDefaults()
	d, ok := dialects[o.Dialect]
	if !ok {
		return nil, fmt.Errorf("filestore: unknown dialect %q: %w", o.Dialect, storage.ErrInvalid)
	}
	if err := checkAddress(address); err != nil {
		return nil, err
	}
	b.paths = o.Paths.or(d.paths)
	b.client = client{
		base: strings.TrimSuffix(address, "/"), retries: o.Retries, pause: o.Pause, tokenHeader: o.TokenHeader, tenantHeader: o.TenantHeader,
		http: fetch.Client(&http.Client{Transport: o.Transport}, 0), answers: d.answers,
	}
	if o.Token != nil {
		if err := checkAddress(o.Token.URL); err != nil {
			return nil, err
		}
		b.tokens = &tokens{Token: *o.Token, http: b.http, lock: make(chan struct{}, 1)}
	}
	return b, nil
}

func checkAddress(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return fmt.Errorf("filestore: an address is like http://host:8080/filestore, without query, fragment or password: %w", storage.ErrInvalid)
	}
	return nil
}

func (o *Options) setDefaults() {
	set(&o.Dialect, V2)
	set(&o.Module, "dhr")
	set(&o.Retries, 4)
	set(&o.Pause, 500*time.Millisecond)
	set(&o.Timeout, 2*time.Minute)
	if o.Dialect == V2 {
		set(&o.MaxBytes, 5<<20)
		set(&o.TokenHeader, "auth-token")
	} else {
		set(&o.TokenHeader, "Authorization")
		set(&o.TenantHeader, "X-Tenant-ID")
	}
	if o.Transport == nil {
		o.Transport = &http.Transport{
			ExpectContinueTimeout: time.Second, ResponseHeaderTimeout: o.Timeout, TLSHandshakeTimeout: 10 * time.Second,
			MaxIdleConnsPerHost: 8, IdleConnTimeout: time.Minute, DisableCompression: true,
		}
	}
}

func set[T comparable](value *T, to T) {
	var zero T
	if *value == zero {
		*value = to
	}
}

// Scheme returns "filestore".
func (b *Backend) Scheme() string { return scheme }

// MaxBytes returns the size of the largest file, and 0 if any will do.
func (b *Backend) MaxBytes() int64 { return max(0, b.opts.MaxBytes) }

// tenants are those that make a folder's name; the service itself takes an empty one, and ".." is an error of its object store.
var tenants = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9][A-Za-z0-9_-]*)*$`)

// Put stores everything r yields in a new file, and checks that the service has it.
func (b *Backend) Put(ctx context.Context, name string, r io.Reader, opts *storage.PutOptions) (storage.Ref, error) {
	if !tenants.MatchString(opts.Tenant) {
		return "", fmt.Errorf("%q is no tenant of DIGIT: %w", opts.Tenant, storage.ErrInvalid)
	}
	name, contentType := b.naming(name, opts.ContentType)
	u, err := upload.New(r, &upload.File{
		Field: "file", Name: name, ContentType: contentType, Limit: b.MaxBytes(), TooLarge: storage.ErrTooLarge,
		Before: []upload.Field{{Name: "tenantId", Value: opts.Tenant}, {Name: "module", Value: b.opts.Module}, {Name: "tag", Value: opts.Tag}},
	})
	if err != nil {
		return "", err
	}
	id, err := b.upload(ctx, opts.Tenant, u)
	if err != nil {
		return "", err
	}
	f := fileID{opts.Tenant, id}
	if err := b.verify(ctx, f, u.Size()); err != nil {
		if b.paths.Delete != "" {
			err = errors.Join(err, b.Delete(context.WithoutCancel(ctx), f.ref()))
		}
		return "", err
	}
	return f.ref(), nil
}

// verify asks for the metadata of a file that was sent. Of an upload to Azure that failed, the answer to
// the upload says nothing.
func (b *Backend) verify(ctx context.Context, f fileID, size int64) error {
	info, err := b.stat(ctx, f)
	if err != nil {
		return fmt.Errorf("what was uploaded cannot be looked at: %w", err)
	}
	if info.Size != size {
		return fmt.Errorf("%d bytes were sent, and the service keeps %d: %w", size, info.Size, storage.ErrUnavailable)
	}
	return nil
}

// naming returns under which name and as what a file is sent. Of its name the service keeps the extension.
func (b *Backend) naming(name, contentType string) (string, string) {
	safe := []byte(name)
	for i, c := range safe {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '-' && c != '_' {
			safe[i] = '_'
		}
	}
	name = string(safe[max(0, len(safe)-80):])
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		extension := strings.ToLower(name[dot+1:])
		if other := b.opts.Extensions[extension]; other != "" {
			extension = other
			name = name[:dot+1] + other
		}
		for _, list := range []map[string]string{b.opts.ContentTypes, dialects[b.opts.Dialect].types} {
			if t := list[extension]; t != "" {
				return name, t
			}
		}
	}
	if contentType == "" {
		contentType = "application/octet-stream"
	}
	return name, contentType
}

// Open returns the file from an offset.
func (b *Backend) Open(ctx context.Context, ref storage.Ref, offset, length int64) (io.ReadCloser, error) {
	f, err := parseRef(ref)
	if err != nil {
		return nil, err
	}
	if length == 0 {
		return b.empty(ctx, f, offset)
	}
	header := http.Header{}
	if offset > 0 || length > 0 {
		header.Set("Range", rangeOf(offset, length))
	}
	res, err := b.call(ctx, request{method: http.MethodGet, path: b.paths.Read, file: f, header: header})
	if err != nil {
		if offset > 0 && ctx.Err() == nil { // perhaps there is nothing behind the offset
			if r, e := b.empty(ctx, f, offset); e == nil || errors.Is(e, storage.ErrInvalid) {
				return r, e
			}
		}
		return nil, err
	}
	return body(res, offset, length)
}

// empty returns a reader of nothing, if the offset is one of the file.
func (b *Backend) empty(ctx context.Context, f fileID, offset int64) (io.ReadCloser, error) {
	info, err := b.stat(ctx, f)
	switch {
	case err != nil:
		return nil, err
	case offset > info.Size:
		return nil, fmt.Errorf("offset %d of %d bytes: %w", offset, info.Size, storage.ErrInvalid)
	}
	return http.NoBody, nil
}

// Stat asks for the file's metadata; V2 reads the whole file to give it.
func (b *Backend) Stat(ctx context.Context, ref storage.Ref) (storage.Info, error) {
	f, err := parseRef(ref)
	if err != nil {
		return storage.Info{}, err
	}
	return b.stat(ctx, f)
}

func (b *Backend) stat(ctx context.Context, f fileID) (storage.Info, error) {
	method := http.MethodGet
	if b.opts.Dialect == V1Go {
		method = http.MethodPost
	}
	res, err := b.call(ctx, request{method: method, path: b.paths.Metadata, file: f})
	if err != nil {
		return storage.Info{}, err
	}
	defer func() { _ = res.Body.Close() }() // it was only read
	return readMetadata(ctx, res.Body)
}

// Delete removes a file where the dialect has a path for it, and is storage.ErrUnsupported elsewhere.
func (b *Backend) Delete(ctx context.Context, ref storage.Ref) error {
	f, err := parseRef(ref)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return err
	}
	if b.paths.Delete == "" {
		return fmt.Errorf("%w: Filestore %s has no deletion", storage.ErrUnsupported, b.opts.Dialect)
	}
	res, err := b.call(ctx, request{method: http.MethodDelete, path: b.paths.Delete, file: f})
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// Link returns the URL of the object store that the service signs. When it ends, the service says: after 24 hours, or one.
// That it gives a URL does not prove that the file is there.
func (b *Backend) Link(ctx context.Context, ref storage.Ref, _ time.Duration) (storage.Link, error) {
	f, err := parseRef(ref)
	if err != nil {
		return storage.Link{}, err
	}
	if b.opts.Proxied {
		return storage.Link{}, storage.ErrUnsupported
	}
	res, err := b.call(ctx, request{method: http.MethodGet, path: b.paths.Links, file: f})
	if err != nil {
		return storage.Link{}, err
	}
	defer func() { _ = res.Body.Close() }() // it was only read
	return readLink(ctx, res.Body, f.id)
}

// A fileID is what the service needs to know to find a file.
type fileID struct{ tenant, id string }

var ids = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

func (f fileID) ref() storage.Ref { return storage.MakeRef(scheme, f.tenant+"/"+f.id) }

func parseRef(ref storage.Ref) (fileID, error) {
	tenant, id, found := strings.Cut(ref.ID(), "/")
	if !found || !tenants.MatchString(tenant) || !ids.MatchString(id) {
		return fileID{}, fmt.Errorf("%q is no file of this backend: %w", ref, storage.ErrInvalid)
	}
	return fileID{tenant, id}, nil
}
