package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/export/shelf"
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

	shelf   *shelf.Shelf
	content shelf.Content
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
	d := &Download{
		File: p.File, Modified: j.Finished.UTC(), shelf: s.shelf,
		content: shelf.Content{Item: p.Item, Name: p.Name, Size: p.Size, SHA256: p.SHA256},
	}
	if p.Sealed {
		d.content.Identity, err = s.shelf.Identity(ctx, j.Tenant, j.ID)
		if errors.Is(err, shelf.ErrNoKey) {
			err = fmt.Errorf("%w: %w", ErrExpired, err)
		}
	} else if p.Ref != "" && slices.Contains(s.config.Links, p.Scheme) {
		d.Link, err = s.shelf.Link(ctx, &p.Item, linkLife)
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

// Open returns the file from an offset: length bytes or as many as there are, and all if length is negative. The
// caller closes the reader. An offset behind the end is storage.ErrInvalid. A file that is read from its start to its end and
// is not what was stored ends with ErrDamaged.
func (d *Download) Open(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	r, err := d.shelf.Open(ctx, &d.content, offset, length)
	if err != nil {
		return nil, failed("open file", err)
	}
	return r, nil
}
