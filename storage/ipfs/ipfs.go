package ipfs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ipfs/go-cid"

	"github.com/digit-health/dhr/internal/upload"
	"github.com/digit-health/dhr/storage"
)

const scheme = "ipfs"

// Options are the choices that a backend has.
type Options struct {
	// Auth is how the node knows us. If nil, it does not ask.
	Auth *Auth
	// Gateway is the address of a gateway for users, such as https://files.example.org, for Link. If empty, files go through Open.
	Gateway string
	// Pinning are services that shall pin each file too, and from which Delete unpins it. They fetch from the node, which
	// they must be able to reach.
	Pinning []Pinning
	// Retries is how often a request is sent again that was not answered, or with 429, or 502 and more. If zero, 3. If negative, never.
	Retries int
	// Pause is the pause before the first repetition; each is twice as long as the one before. If zero, 500 ms.
	Pause time.Duration
	// Timeout is how long the node may take to begin its answer after it has been sent a request. If zero, 5 minutes.
	Timeout time.Duration
	// Transport sends requests. If nil, it is one that uses no proxy and keeps connections for a minute.
	Transport http.RoundTripper
}

// Auth is how a service knows us: a token, or a name and a password.
type Auth struct {
	Token    string
	Username string
	Password string
}

// A Backend keeps files on IPFS.
type Backend struct {
	client
	gateway string
	pinning []*pinner
}

var (
	_ storage.Backend = (*Backend)(nil)
	_ storage.Linker  = (*Backend)(nil)
)

// New returns a backend for the node whose RPC is at an address such as http://127.0.0.1:5001. It sends
// nothing. A nil opts means the defaults.
func New(address string, opts *Options) (*Backend, error) {
	o := Options{}
	if opts != nil {
		o = *opts
	}
	o.setDefaults()
	c, err := newClient(address, o.Auth, &o)
	if err != nil {
		return nil, err
	}
	b := &Backend{client: *c, gateway: strings.TrimSuffix(o.Gateway, "/")}
	if o.Gateway != "" {
		if err := checkAddress(o.Gateway); err != nil {
			return nil, err
		}
	}
	for _, p := range o.Pinning {
		pin, err := newPinner(p, &o)
		if err != nil {
			return nil, err
		}
		b.pinning = append(b.pinning, pin)
	}
	return b, nil
}

func (o *Options) setDefaults() {
	if o.Retries == 0 {
		o.Retries = 3
	}
	if o.Pause == 0 {
		o.Pause = 500 * time.Millisecond
	}
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Minute
	}
	if o.Transport == nil {
		o.Transport = &http.Transport{
			ExpectContinueTimeout: time.Second, ResponseHeaderTimeout: o.Timeout, TLSHandshakeTimeout: 10 * time.Second,
			MaxIdleConnsPerHost: 8, IdleConnTimeout: time.Minute, DisableCompression: true,
		}
	}
}

// Scheme returns "ipfs".
func (b *Backend) Scheme() string { return scheme }

// Put adds everything r yields to the node, pins it there, and at the pinning services.
func (b *Backend) Put(ctx context.Context, name string, r io.Reader, _ *storage.PutOptions) (storage.Ref, error) {
	h := &Hasher{}
	u, err := upload.New(hashed(r, h), &upload.File{Field: "file", Name: "file", ContentType: "application/octet-stream"})
	if err != nil {
		return "", err
	}
	got, err := b.add(ctx, u)
	if err != nil {
		return "", err
	}
	want := h.CID()
	if got != want {
		return "", fmt.Errorf("%w: the node calls the file %q, which is %s", storage.ErrUnavailable, got, want)
	}
	was, err := b.pinned(ctx, want)
	if err == nil && !was {
		err = b.pin(ctx, want)
	}
	for i := 0; err == nil && i < len(b.pinning); i++ {
		if err = b.pinning[i].pin(ctx, want, name); err != nil {
			err = errors.Join(err, b.undo(context.WithoutCancel(ctx), want, was, i))
		}
	}
	if err != nil {
		return "", err
	}
	return storage.MakeRef(scheme, want), nil
}

// undo takes back a Put whose pinning service i failed. What was pinned before it stays everywhere.
func (b *Backend) undo(ctx context.Context, id string, was bool, i int) error {
	if was {
		return nil
	}
	err := b.unpin(ctx, id)
	for _, p := range b.pinning[:i+1] {
		err = errors.Join(err, p.unpin(ctx, id))
	}
	return err
}

// add sends a file without pinning it. Since it is the same file each time, it may be sent again.
func (b *Backend) add(ctx context.Context, u *upload.Upload) (string, error) {
	query := url.Values{
		"cid-version": {"1"}, "raw-leaves": {"true"}, "chunker": {"size-" + strconv.Itoa(chunkSize)}, "quieter": {"true"}, "progress": {"false"}, "pin": {"false"},
	}
	return sendUpload(ctx, &b.client, u, func(body io.ReadCloser) (string, bool, error) { return b.addOnce(ctx, query, u, body) })
}

// sendUpload sends a file, again if that may help and the file can be read again.
func sendUpload[T any](ctx context.Context, c *client, u *upload.Upload, once func(body io.ReadCloser) (T, bool, error)) (T, error) {
	var none T
	for try := 0; ; try++ {
		body, err := u.Begin()
		if err != nil {
			return none, err
		}
		got, again, err := once(body)
		body.End()
		switch {
		case u.Err() != nil:
			return none, u.Err()
		case err == nil && !u.Done():
			return none, fmt.Errorf("%w: it answered before it had the whole file", storage.ErrUnavailable)
		case err == nil:
			return got, nil
		case !again || !u.Again() || try >= c.retries:
			return none, err
		}
		if err := c.wait(ctx, try); err != nil {
			return none, err
		}
	}
}

func (b *Backend) addOnce(ctx context.Context, query url.Values, u *upload.Upload, body io.ReadCloser) (id string, again bool, err error) {
	res, again, err := b.send(ctx, request{method: http.MethodPost, path: "/api/v0/add", query: query, body: body, contentType: u.ContentType})
	if err != nil {
		return "", again, err
	}
	defer func() { _ = res.Body.Close() }() // it was only read
	text, err := readAnswer(ctx, res)
	if err != nil {
		return "", true, err
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	var answer struct{ Hash string }
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &answer); err != nil || len(lines) != 1 {
		return "", false, fmt.Errorf("%w: it answered %s", storage.ErrUnavailable, excerpt(text))
	}
	return answer.Hash, false, nil
}

// Open returns the file from an offset.
func (b *Backend) Open(ctx context.Context, ref storage.Ref, offset, length int64) (io.ReadCloser, error) {
	info, err := b.Stat(ctx, ref)
	if err != nil {
		return nil, err
	}
	left := info.Size - offset
	if left < 0 {
		return nil, fmt.Errorf("offset %d of %d bytes: %w", offset, info.Size, storage.ErrInvalid)
	}
	if length >= 0 && length < left {
		left = length
	}
	if left == 0 {
		return http.NoBody, nil
	}
	res, err := b.call(ctx, request{method: http.MethodPost, path: "/api/v0/cat", query: url.Values{
		"arg": {ref.ID()}, "offset": {strconv.FormatInt(offset, 10)}, "length": {strconv.FormatInt(left, 10)},
	}})
	if err != nil {
		return nil, err
	}
	return newReader(ctx, res, left), nil
}

// A reader reads a known number of bytes from the node.
type reader struct {
	ctx  context.Context
	res  *http.Response
	left int64
}

func newReader(ctx context.Context, res *http.Response, left int64) io.ReadCloser {
	return &reader{ctx: ctx, res: res, left: left}
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	if r.left == 0 {
		return 0, io.EOF
	}
	n, err := r.res.Body.Read(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	switch {
	case err == io.EOF && r.left > 0:
		return n, fmt.Errorf("%w: %d bytes are missing %s: %w", storage.ErrUnavailable, r.left, r.res.Trailer.Get("X-Stream-Error"), io.ErrUnexpectedEOF)
	case err != nil && err != io.EOF:
		return n, broken(r.ctx, err)
	}
	return n, err
}

func (r *reader) Close() error { return r.res.Body.Close() }

// Stat asks the node for the file's size. A file that is not pinned there is storage.ErrNotFound.
func (b *Backend) Stat(ctx context.Context, ref storage.Ref) (storage.Info, error) {
	id, err := parseRef(ref)
	if err != nil {
		return storage.Info{}, err
	}
	pinned, err := b.pinned(ctx, id)
	if err == nil && !pinned {
		err = storage.ErrNotFound
	}
	if err != nil {
		return storage.Info{}, err
	}
	var answer struct {
		Size int64
		Type string
	}
	if err := b.ask(ctx, "/api/v0/files/stat", "/ipfs/"+id, &answer); err != nil {
		return storage.Info{}, err
	}
	if answer.Type != "file" || answer.Size < 0 {
		return storage.Info{}, storage.ErrNotFound
	}
	return storage.Info{Size: answer.Size}, nil
}

// Delete unpins a file everywhere.
func (b *Backend) Delete(ctx context.Context, ref storage.Ref) error {
	id, err := parseRef(ref)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return err
	}
	for _, p := range b.pinning {
		if err := p.unpin(ctx, id); err != nil {
			return err
		}
	}
	return b.unpin(ctx, id)
}

// Link returns the gateway's URL of the file, which does not end.
func (b *Backend) Link(ctx context.Context, ref storage.Ref, _ time.Duration) (storage.Link, error) {
	if b.gateway == "" {
		return storage.Link{}, storage.ErrUnsupported
	}
	if _, err := b.Stat(ctx, ref); err != nil {
		return storage.Link{}, err
	}
	return storage.Link{URL: b.gateway + "/ipfs/" + ref.ID()}, nil
}

func (b *Backend) pin(ctx context.Context, id string) error {
	return b.ask(ctx, "/api/v0/pin/add", id, nil)
}

// unpin removes the node's pin. That there is none is no error.
func (b *Backend) unpin(ctx context.Context, id string) error {
	err := b.ask(ctx, "/api/v0/pin/rm", id, nil)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	return err
}

func (b *Backend) pinned(ctx context.Context, id string) (bool, error) {
	res, err := b.call(ctx, request{method: http.MethodPost, path: "/api/v0/pin/ls", query: url.Values{"arg": {id}, "type": {"recursive"}}})
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { _ = res.Body.Close() }() // it was only read
	text, err := readAnswer(ctx, res)
	if err != nil {
		return false, err
	}
	var answer struct{ Keys map[string]any }
	if err := json.Unmarshal(text, &answer); err != nil || answer.Keys[id] == nil {
		return false, fmt.Errorf("%w: it answered %s", storage.ErrUnavailable, excerpt(text))
	}
	return true, nil
}

// ask calls a command with one argument, and reads its JSON answer.
func (b *Backend) ask(ctx context.Context, path, arg string, into any) error {
	res, err := b.call(ctx, request{method: http.MethodPost, path: path, query: url.Values{"arg": {arg}}})
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }() // it was only read
	text, err := readAnswer(ctx, res)
	if err != nil || into == nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%w: it answered %s", storage.ErrUnavailable, excerpt(text))
	}
	return nil
}

// parseRef takes what a Hasher makes, and no other spelling of it.
func parseRef(ref storage.Ref) (string, error) {
	c, err := cid.Decode(ref.ID())
	if err != nil || c.String() != ref.ID() || c.Version() != 1 || c.Type() != cid.Raw && c.Type() != cid.DagProtobuf {
		return "", fmt.Errorf("%q is no file of this backend: %w", ref, storage.ErrInvalid)
	}
	return ref.ID(), nil
}

// hashed returns a reader like r that also writes to h. If r can be read again, so can it be.
func hashed(r io.Reader, h *Hasher) io.Reader {
	t := tee{r: r, h: h}
	if s, ok := r.(io.Seeker); ok {
		return &seekingTee{tee: t, seeker: s}
	}
	return &t
}

type tee struct {
	r io.Reader
	h *Hasher
}

func (t *tee) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	_, _ = t.h.Write(p[:n]) // never fails
	return n, err
}

type seekingTee struct {
	tee
	seeker io.Seeker
}

// Seek begins the file anew when it goes back to the start, as an upload does.
func (t *seekingTee) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekStart {
		t.h.Reset()
	}
	return t.seeker.Seek(offset, whence)
}
