package bulk

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/export/shelf"
	"github.com/digit-health/dhr/storage"
)

// A Download is a file that may be downloaded.
type Download struct {
	File
	// Modified is when it was finished, or later.
	Modified time.Time

	shelf   *shelf.Shelf
	content shelf.Content
	reading *reading
	tenant  string
	id      string
}

// OpenFile returns a file of an export for download, by its name. Whoever may Get the export may have it, unless it holds what he
// or she may not see now, which is ErrNarrowed.
func (s *Service) OpenFile(ctx context.Context, who *access.Principal, id, name string) (*Download, error) {
	d, err := s.openFile(ctx, who, id, name)
	e := &Event{Action: "download", Who: who, Export: id, Detail: map[string]string{"file": name}, Err: err}
	if d != nil {
		e.Records, e.SHA256 = d.Count, d.SHA256
	}
	if noted := s.note(ctx, e); err == nil {
		err = noted
	}
	if err != nil {
		return nil, failed("open file", err)
	}
	return d, nil
}

func (s *Service) openFile(ctx context.Context, who *access.Principal, id, name string) (*Download, error) {
	j, sp, w, err := s.ready(ctx, who, id)
	if err != nil {
		return nil, err
	}
	files := w.Parts
	if !w.Complete {
		files = files[:s.listed(w, sp)]
	}
	var p *part
	for i := range files {
		if files[i].Name == name {
			p = &files[i]
		}
	}
	if p == nil {
		return nil, fmt.Errorf("%w: the export has no file %q", ErrNotFound, name)
	}
	if err := s.covers(ctx, who, j, sp, w, p.Step); err != nil {
		return nil, err
	}
	d := &Download{
		File: p.File, Modified: j.Created.UTC(), shelf: s.shelf, reading: &s.reading, tenant: j.Tenant, id: j.ID,
		content: shelf.Content{Item: p.Item, Name: p.Name, Size: p.Size, SHA256: p.SHA256},
	}
	if p.Gzip != nil {
		d.content.Size, d.content.SHA256 = p.Gzip.Size, p.Gzip.SHA256
	}
	if !j.Finished.IsZero() {
		d.Modified = j.Finished.UTC()
	}
	if p.Sealed {
		d.content.Identity, err = s.shelf.Identity(ctx, j.Tenant, j.ID)
		if errors.Is(err, shelf.ErrNoKey) {
			err = fmt.Errorf("%w: %w", ErrExpired, err)
		}
		if err != nil {
			return nil, err
		}
	}
	return d, nil
}

// Open returns the file, compressed as it is stored or plain, from an offset: length bytes or as many as there are, and all if length
// is negative. One that is not stored compressed is storage.ErrUnsupported if it is asked for so. The caller closes the reader; until then the file is not thrown away by this process. An offset behind the end is storage.ErrInvalid. A file that
// is read from its start to its end and is not what was stored ends with ErrDamaged.
func (d *Download) Open(ctx context.Context, packed bool, offset, length int64) (io.ReadCloser, error) {
	done := d.reading.begin(d.tenant, d.id)
	r, err := d.open(ctx, packed, offset, length)
	if errors.Is(err, shelf.ErrDamaged) {
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err != nil {
		done()
		return nil, failed("open file", err)
	}
	return &guarded{ReadCloser: r, done: done}, nil
}

func (d *Download) open(ctx context.Context, packed bool, offset, length int64) (io.ReadCloser, error) {
	if packed && d.Gzip == nil {
		return nil, fmt.Errorf("a file that is not compressed: %w", storage.ErrUnsupported)
	}
	if packed || d.Gzip == nil {
		return d.shelf.Open(ctx, &d.content, offset, length)
	}
	if offset < 0 || offset > d.Size {
		return nil, fmt.Errorf("offset %d of %d bytes: %w", offset, d.Size, storage.ErrInvalid)
	}
	stored, err := d.shelf.Open(ctx, &d.content, 0, -1)
	if err != nil {
		return nil, err
	}
	p := &plain{stored: stored, left: d.Size - offset}
	if length >= 0 {
		p.left = min(p.left, length)
	}
	if p.unzip, err = gzip.NewReader(stored); err == nil {
		_, err = io.CopyN(io.Discard, p.unzip, offset)
	}
	if err != nil {
		_ = stored.Close() // the error of reading says more
		return nil, damaged(err)
	}
	if p.left == d.Size {
		p.hash, p.want = sha256.New(), d.SHA256
	}
	return p, nil
}

// damaged returns what is wrong with a compressed file that cannot be read.
func damaged(err error) error {
	if errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// A plain reader reads a compressed file.
type plain struct {
	stored io.ReadCloser
	unzip  *gzip.Reader
	left   int64
	hash   hash.Hash // if the whole is read
	want   string
}

func (p *plain) Read(b []byte) (int, error) {
	if p.left == 0 {
		return 0, p.end()
	}
	n, err := p.unzip.Read(b[:min(int64(len(b)), p.left)])
	p.left -= int64(n)
	if p.hash != nil {
		_, _ = p.hash.Write(b[:n]) // a hash takes everything
	}
	switch {
	case err == io.EOF && p.left == 0: //nolint:errorlint // a reader ends with io.EOF itself
		return n, p.end()
	case err != nil:
		return n, damaged(err)
	}
	return n, nil
}

// end returns io.EOF, or ErrDamaged if what was read is not what was stored.
func (p *plain) end() error {
	if p.hash != nil && hex.EncodeToString(p.hash.Sum(nil)) != p.want {
		return ErrDamaged
	}
	return io.EOF
}

func (p *plain) Close() error { return p.stored.Close() }

// A guarded reader tells when it is closed.
type guarded struct {
	io.ReadCloser
	done func()
}

func (r *guarded) Read(b []byte) (int, error) {
	n, err := r.ReadCloser.Read(b)
	if errors.Is(err, shelf.ErrDamaged) {
		err = ErrDamaged
	}
	return n, err
}

func (r *guarded) Close() error {
	r.done()
	return r.ReadCloser.Close()
}

// Reading counts who reads files of an export in this process.
type reading struct {
	mu  sync.Mutex
	now map[[2]string]int
}

// begin notes that somebody begins to read, until the function is called.
func (r *reading) begin(tenant, id string) (end func()) {
	key := [2]string{tenant, id}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now == nil {
		r.now = map[[2]string]int{}
	}
	r.now[key]++
	return sync.OnceFunc(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.now[key]--; r.now[key] == 0 {
			delete(r.now, key)
		}
	})
}

// busy reports whether somebody reads files of an export.
func (r *reading) busy(tenant, id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now[[2]string{tenant, id}] > 0
}
