package ipfs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/digit-health/dhr/internal/upload"
	"github.com/digit-health/dhr/storage"
)

// PinataOptions are the choices that Pinata has.
type PinataOptions struct {
	// Gateway is the address of the account's gateway, through which files are read, such as
	// https://example.mypinata.cloud. It is required.
	Gateway string
	// GatewayToken is sent to the gateway. If empty, nothing is.
	GatewayToken string
	// UploadURL and APIURL are the addresses of the API. If empty, https://uploads.pinata.cloud/v3 and https://api.pinata.cloud/v3.
	UploadURL string
	APIURL    string
	// MaxBytes is the size of the largest file. If zero, 90 MiB: what is larger, Pinata takes in pieces alone, which this
	// package does not do.
	MaxBytes int64
	// Retries, Pause, Timeout and Transport are those of Options.
	Retries   int
	Pause     time.Duration
	Timeout   time.Duration
	Transport http.RoundTripper
}

// Pinata keeps files on the public network of Pinata, with its API v3 and without a node of one's own. Like
// Backend, it gives equal files one reference, and Delete deletes the file of the account whoever stored it.
type Pinata struct {
	uploads, api, gateway client
	address, token        string // of the gateway
	max                   int64
}

var (
	_ storage.Backend = (*Pinata)(nil)
	_ storage.Linker  = (*Pinata)(nil)
	_ storage.Limiter = (*Pinata)(nil)
)

// NewPinata returns a backend for the account of a token (a JWT). It sends nothing.
func NewPinata(token string, opts *PinataOptions) (*Pinata, error) {
	p := PinataOptions{}
	if opts != nil {
		p = *opts
	}
	if token == "" {
		return nil, fmt.Errorf("ipfs: no token for Pinata: %w", storage.ErrInvalid)
	}
	if p.UploadURL == "" {
		p.UploadURL = "https://uploads.pinata.cloud/v3"
	}
	if p.APIURL == "" {
		p.APIURL = "https://api.pinata.cloud/v3"
	}
	o := Options{Retries: p.Retries, Pause: p.Pause, Timeout: p.Timeout, Transport: p.Transport}
	o.setDefaults()
	if p.MaxBytes < 0 || p.MaxBytes > 90<<20 {
		return nil, fmt.Errorf("ipfs: at most %d bytes: %w", p.MaxBytes, storage.ErrInvalid)
	}
	if p.MaxBytes == 0 {
		p.MaxBytes = 90 << 20
	}
	b := &Pinata{max: p.MaxBytes, address: strings.TrimSuffix(p.Gateway, "/"), token: p.GatewayToken}
	for _, c := range []struct {
		client  *client
		address string
		auth    *Auth
	}{{&b.uploads, p.UploadURL, &Auth{Token: token}}, {&b.api, p.APIURL, &Auth{Token: token}}, {&b.gateway, p.Gateway, nil}} {
		made, err := newClient(c.address, c.auth, &o)
		if err != nil {
			return nil, err
		}
		*c.client = *made
	}
	return b, nil
}

// Scheme returns "ipfs".
func (p *Pinata) Scheme() string { return scheme }

// MaxBytes returns the size of the largest file.
func (p *Pinata) MaxBytes() int64 { return p.max }

// Put uploads everything r yields.
func (p *Pinata) Put(ctx context.Context, name string, r io.Reader, _ *storage.PutOptions) (storage.Ref, error) {
	h := &Hasher{}
	u, err := upload.New(hashed(r, h), &upload.File{
		Field: "file", Name: "file", ContentType: "application/octet-stream", Limit: p.MaxBytes(), TooLarge: storage.ErrTooLarge,
		Before: []upload.Field{{Name: "network", Value: "public"}, {Name: "name", Value: name}},
	})
	if err != nil {
		return "", err
	}
	got, err := sendUpload(ctx, &p.uploads, u, func(body io.ReadCloser) (pinataFile, bool, error) { return p.putOnce(ctx, u, body) })
	if err != nil {
		return "", err
	}
	if want := h.CID(); got.CID != want {
		err := fmt.Errorf("%w: Pinata calls the file %q, which is %s", storage.ErrUnavailable, got.CID, want)
		return "", errors.Join(err, p.remove(context.WithoutCancel(ctx), got))
	}
	return storage.MakeRef(scheme, got.CID), nil
}

// A pinataFile is what Pinata says of one file.
type pinataFile struct {
	ID      string    `json:"id"`
	CID     string    `json:"cid"`
	Size    int64     `json:"size"`
	Created time.Time `json:"created_at"`
}

func (p *Pinata) putOnce(ctx context.Context, u *upload.Upload, body io.ReadCloser) (pinataFile, bool, error) {
	res, again, err := p.uploads.send(ctx, request{method: http.MethodPost, path: "/files", body: body, contentType: u.ContentType})
	if err != nil {
		return pinataFile{}, again, err
	}
	defer func() { _ = res.Body.Close() }() // it was only read
	text, err := readAnswer(ctx, res)
	if err != nil {
		return pinataFile{}, true, err
	}
	var answer struct{ Data pinataFile }
	if err := json.Unmarshal(text, &answer); err != nil || answer.Data.ID == "" {
		return pinataFile{}, false, fmt.Errorf("%w: it answered %s", storage.ErrUnavailable, excerpt(text))
	}
	return answer.Data, false, nil
}

// Open reads the file through the gateway.
func (p *Pinata) Open(ctx context.Context, ref storage.Ref, offset, length int64) (io.ReadCloser, error) {
	info, err := p.Stat(ctx, ref)
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
	header := http.Header{"Range": {fmt.Sprintf("bytes=%d-%d", offset, offset+left-1)}}
	if p.token != "" {
		header.Set("X-Pinata-Gateway-Token", p.token)
	}
	res, err := p.gateway.call(ctx, request{method: http.MethodGet, path: "/ipfs/" + ref.ID(), header: header})
	if err != nil {
		return nil, err
	}
	r := newReader(ctx, res, left)
	switch want := fmt.Sprintf("bytes %d-%d/%d", offset, offset+left-1, info.Size); {
	case res.StatusCode == http.StatusPartialContent && res.Header.Get("Content-Range") == want:
	case res.StatusCode == http.StatusOK && offset == 0: // the whole file, of which the reader takes what was asked for
	default:
		return nil, errors.Join(fmt.Errorf("%w: asked for %q, it answered %d %q", storage.ErrUnavailable, want, res.StatusCode, res.Header.Get("Content-Range")), r.Close())
	}
	return r, nil
}

// Stat looks for the file in the account.
func (p *Pinata) Stat(ctx context.Context, ref storage.Ref) (storage.Info, error) {
	files, err := p.list(ctx, ref)
	if err != nil {
		return storage.Info{}, err
	}
	if len(files) == 0 {
		return storage.Info{}, storage.ErrNotFound
	}
	return storage.Info{Size: files[0].Size, Modified: files[0].Created}, nil
}

// Delete deletes the file from the account.
func (p *Pinata) Delete(ctx context.Context, ref storage.Ref) error {
	files, err := p.list(ctx, ref)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := p.remove(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

// Link returns the gateway's URL of the file, which does not end. Where the gateway wants a token, it is storage.ErrUnsupported.
func (p *Pinata) Link(ctx context.Context, ref storage.Ref, _ time.Duration) (storage.Link, error) {
	if p.token != "" {
		return storage.Link{}, storage.ErrUnsupported
	}
	if _, err := p.Stat(ctx, ref); err != nil {
		return storage.Link{}, err
	}
	return storage.Link{URL: p.address + "/ipfs/" + ref.ID()}, nil
}

func (p *Pinata) list(ctx context.Context, ref storage.Ref) ([]pinataFile, error) {
	id, err := parseRef(ref)
	if err != nil {
		return nil, err
	}
	res, err := p.api.call(ctx, request{method: http.MethodGet, path: "/files/public", query: url.Values{"cid": {id}, "limit": {"100"}}})
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }() // it was only read
	text, err := readAnswer(ctx, res)
	if err != nil {
		return nil, err
	}
	var answer struct{ Data struct{ Files []pinataFile } }
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, fmt.Errorf("%w: it answered %s", storage.ErrUnavailable, excerpt(text))
	}
	for _, f := range answer.Data.Files {
		if f.CID != id || f.ID == "" || f.Size < 0 {
			return nil, fmt.Errorf("%w: asked for %s, it lists %q", storage.ErrUnavailable, id, f.CID)
		}
	}
	return answer.Data.Files, nil
}

func (p *Pinata) remove(ctx context.Context, f pinataFile) error {
	res, err := p.api.call(ctx, request{method: http.MethodDelete, path: "/files/public/" + url.PathEscape(f.ID)})
	if errors.Is(err, storage.ErrUnsupported) { // 404: another was faster
		return nil
	}
	if err != nil {
		return err
	}
	return res.Body.Close()
}
