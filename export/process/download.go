package process

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/export/parts"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/storage"
)

// ready returns a completed export of which who may see all that it holds now.
func (s *Service) ready(ctx context.Context, who *access.Principal, id string) (*job.Job, *spec, *work, error) {
	j, err := s.mine(ctx, who, id)
	if err != nil {
		return nil, nil, nil, err
	}
	if err := s.may(who, access.MayExport); err != nil {
		return nil, nil, nil, err
	}
	sp, w, err := decode(j)
	switch {
	case err != nil:
		return nil, nil, nil, err
	case j.State == job.Expired, j.State == job.Completed && !j.Expires.IsZero() && !s.now().Before(j.Expires):
		return nil, nil, nil, ErrExpired
	case j.State != job.Completed:
		return nil, nil, nil, fmt.Errorf("%w: it is %s", ErrNotReady, j.State)
	}
	columns := make([]string, len(w.Columns))
	for i, c := range w.Columns {
		columns[i] = c.Path
	}
	rules := s.question(sp).Options
	rules.Now = j.Created.Truncate(time.Millisecond) // as the scan had them
	covers, err := s.host.Index.Covers(ctx, who, w.Sight, columns, &rules)
	if err == nil && !covers {
		err = ErrNarrowed
	}
	return j, sp, w, err
}

// Manifest returns that of a completed export, under the conditions of OpenFile.
func (s *Service) Manifest(ctx context.Context, who *access.Principal, id string) (*Manifest, error) {
	j, sp, w, err := s.ready(ctx, who, id)
	if err != nil {
		return nil, failed("manifest", err)
	}
	m := &Manifest{
		ID: j.ID, Tenant: j.Tenant, UserID: sp.User, FilterID: sp.FilterID, JQL: sp.JQL, AllowedIndexes: sp.AllowedIndexes, AsOf: sp.AsOf,
		Format: sp.Format, Options: sp.Options, TotalRecords: w.Total, Rows: w.Done, Truncated: w.Reason != "", TruncatedReason: w.Reason,
		Indexes: w.Indexes, Warnings: w.Warnings, CompletedAt: j.Finished.UTC(), SHA256: filesHash(w.Parts),
	}
	for _, c := range w.Columns {
		m.Columns = append(m.Columns, c.Path)
	}
	for i := range w.Parts {
		m.Files = append(m.Files, w.Parts[i].File)
		m.Report.add(w.Parts[i].Report)
	}
	return m, nil
}

// A Download is a file that may be downloaded.
type Download struct {
	File
	// Link is a URL under which the file can be had from its storage, if that is one of Config.Links; else its URL is empty.
	Link storage.Link
	// Modified is when the export was completed.
	Modified time.Time

	files    *storage.Store
	ref      storage.Ref
	identity string // if it is sealed
}

// linkLife is how long a link for download is good, where the storage lets us say.
const linkLife = 5 * time.Minute

// OpenFile returns the nth file of a completed export, from 1, for download. Whoever may Get the export and has
// [access.MayExport] may have it, unless it holds records or fields that he or she may not see now, which is ErrNarrowed.
func (s *Service) OpenFile(ctx context.Context, who *access.Principal, id string, n int) (*Download, error) {
	d, err := s.openFile(ctx, who, id, n)
	e := &Event{Action: "download", Who: who, Process: id, Detail: map[string]string{"file": fmt.Sprint(n)}, Err: err}
	if d != nil {
		e.Records, e.SHA256 = d.Rows, d.SHA256
	}
	if noted := s.note(ctx, e); err == nil {
		err = noted
	}
	if err != nil {
		return nil, failed("open file", err)
	}
	return d, nil
}

func (s *Service) openFile(ctx context.Context, who *access.Principal, id string, n int) (*Download, error) {
	j, _, w, err := s.ready(ctx, who, id)
	if err != nil {
		return nil, err
	}
	if n < 1 || n > len(w.Parts) {
		return nil, fmt.Errorf("%w: it has %d files, not a file %d", ErrNotFound, len(w.Parts), n)
	}
	p := &w.Parts[n-1]
	d := &Download{File: p.File, Modified: j.Finished.UTC(), files: s.config.Files, ref: p.Ref}
	if p.Sealed {
		doc, err := s.host.Store.Get(ctx, keyOf(j.Tenant, j.ID))
		if errors.Is(err, docstore.ErrNotFound) {
			return nil, fmt.Errorf("%w: its key is destroyed", ErrExpired)
		}
		if err != nil {
			return nil, err
		}
		var k keyDocument
		if err := readKey(doc, &k); err != nil {
			return nil, err
		}
		d.identity = k.Identity
		return d, nil
	}
	if p.Ref != "" && slices.Contains(s.config.Links, p.Scheme) {
		d.Link, err = s.config.Files.Link(ctx, p.Ref, linkLife)
		if err != nil && !errors.Is(err, storage.ErrUnsupported) {
			return nil, err
		}
	}
	return d, nil
}

// Open returns the file from an offset: length bytes or as many as there are, and all if length is negative. The
// caller closes the reader. An offset behind the end is storage.ErrInvalid. A file that is read from its start to its end and
// is not what was stored ends with ErrDamaged.
func (d *Download) Open(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	if offset < 0 || offset > d.Size {
		return nil, failed("open file", fmt.Errorf("offset %d of %d bytes: %w", offset, d.Size, storage.ErrInvalid))
	}
	if d.Size == 0 && d.ref == "" { // it was not stored
		return io.NopCloser(strings.NewReader("")), nil
	}
	var r io.ReadCloser
	var err error
	if d.identity == "" {
		r, err = d.files.Open(ctx, d.ref, offset, length)
	} else {
		r, err = d.unseal(ctx, offset, length)
	}
	if errors.Is(err, storage.ErrNotFound) { // whose text names the reference, which is for nobody
		err = fmt.Errorf("%w: %q", storage.ErrNotFound, d.Name)
	}
	if err != nil {
		return nil, failed("open file", err)
	}
	if offset == 0 && (length < 0 || length >= d.Size) {
		return &checked{ReadCloser: r, hash: sha256.New(), want: d.SHA256}, nil
	}
	return r, nil
}

func (d *Download) unseal(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	sealed, err := d.files.Open(ctx, d.ref, 0, -1)
	if err != nil {
		return nil, err
	}
	plain, err := parts.Unseal(sealed, d.identity, offset, length)
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
