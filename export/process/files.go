package process

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/export/parts"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/storage"
	"github.com/digit-health/dhr/storage/pins"
)

// kindKeys is the kind of the documents that hold what opens sealed files. Who destroys one, destroys the files.
const kindKeys = "export-keys"

// A keyDocument is what opens the files of one export.
type keyDocument struct {
	Identity  string    `json:"identity"`
	Recipient string    `json:"recipient"`
	Created   time.Time `json:"created"`
}

func keyOf(tenant, id string) docstore.Key {
	return docstore.Key{Tenant: tenant, Kind: kindKeys, ID: id}
}

// newKey returns the key of an export, which is made if there is none.
func (s *Service) newKey(ctx context.Context, tenant, id string) (*keyDocument, error) {
	k := new(keyDocument)
	doc, err := s.host.Store.Get(ctx, keyOf(tenant, id))
	if errors.Is(err, docstore.ErrNotFound) {
		var made *parts.Key
		if made, err = parts.NewKey(); err != nil {
			return nil, err
		}
		doc = &docstore.Document{Key: keyOf(tenant, id)}
		if doc.Body, err = encode(keyDocument{Identity: made.Identity, Recipient: made.Recipient, Created: s.now().UTC()}); err != nil {
			return nil, err
		}
		if doc, err = s.host.Store.Put(ctx, doc, 0); errors.Is(err, docstore.ErrConflict) { // another worker's, whose lease has ended
			doc, err = s.host.Store.Get(ctx, keyOf(tenant, id))
		}
	}
	if err != nil {
		return nil, err
	}
	return k, readKey(doc, k)
}

func readKey(doc *docstore.Document, into *keyDocument) error {
	if err := json.Unmarshal(doc.Body, into); err != nil || into.Identity == "" {
		return fmt.Errorf("%w: %v", docstore.ErrCorrupt, doc.Key)
	}
	return nil
}

// destroyKey destroys the key of an export. That there is none is no error.
func (s *Service) destroyKey(ctx context.Context, tenant, id string) error {
	for {
		doc, err := s.host.Store.Get(ctx, keyOf(tenant, id))
		if err == nil {
			err = s.host.Store.Delete(ctx, doc.Key, doc.Version)
		}
		switch {
		case errors.Is(err, docstore.ErrNotFound):
			return nil
		case !errors.Is(err, docstore.ErrConflict):
			return err
		}
	}
}

// shared reports whether equal files have one reference in a storage, so that it is counted who holds them.
func shared(scheme string) bool { return scheme == "ipfs" }

// delete removes stored files. It does what it can, and returns those that are left, with the reasons.
func (s *Service) delete(ctx context.Context, files []part) (left []part, err error) {
	var errs []error
	for i := range files {
		f := &files[i]
		var err error
		switch {
		case f.Holder != "":
			err = s.pins.Release(ctx, f.Holder, f.Stored, f.Scheme)
		case f.Ref != "":
			err = s.config.Files.Delete(ctx, f.Ref)
		}
		if err != nil {
			errs, left = append(errs, fmt.Errorf("file %d: %w", f.Number, err)), append(left, *f)
		}
	}
	return left, errors.Join(errs...)
}

// tag returns under which tag a worker that holds a lease stores the files of an export. Since each lease has another one, who
// looks for what others have left finds nothing of those who came after him.
func tag(id string, fence int64) string { return fmt.Sprintf("%s-%d", id, fence) }

// deleteUnknown deletes what a storage has of an export under the leases from one to another, besides the files that
// are to stay: what workers stored that were killed before they could say so.
func (s *Service) deleteUnknown(ctx context.Context, sp *spec, id string, from, to int64, stay []part) error {
	var errs []error
	for fence := from; fence <= to; fence++ {
		found, err := s.config.Files.Find(ctx, sp.Storage, sp.Tenant, tag(id, fence))
		if errors.Is(err, storage.ErrUnsupported) {
			return nil
		}
		errs = append(errs, err)
		for _, ref := range found {
			if !slices.ContainsFunc(stay, func(p part) bool { return p.Ref == ref }) {
				errs = append(errs, s.config.Files.Delete(ctx, ref))
			}
		}
	}
	return errors.Join(errs...)
}

// clear deletes all that an export has stored, with its key, and says so in its job.
// Where a storage cannot delete at all, the key is destroyed and the rest stays.
func (s *Service) clear(ctx context.Context, j *job.Job) (*job.Job, error) {
	sp, w, err := decode(j)
	if err != nil {
		return nil, err
	}
	if w.Sealed {
		if err := s.destroyKey(ctx, j.Tenant, j.ID); err != nil {
			return nil, err
		}
	}
	left, err := s.delete(ctx, append(w.Doomed, w.Parts...))
	kept := len(left) > 0 && allUnsupported(err)
	if err != nil && !kept {
		return nil, err
	}
	if err := s.deleteUnknown(ctx, sp, j.ID, 1, j.Fence, left); err != nil {
		return nil, err
	}
	return s.config.Jobs.Update(ctx, sp.Tenant, kind, j.ID, func(j *job.Job) error {
		is, err := decodeWork(j)
		if err != nil {
			return err
		}
		is.Doomed = nil
		for i := range is.Parts {
			is.Parts[i].Ref, is.Parts[i].Holder, is.Parts[i].Stored = "", "", ""
		}
		if kept {
			is.Warnings = append(is.Warnings, warnKept)
		}
		j.Labels = without(j.Labels, labelStored)
		j.Work, err = encode(is)
		return err
	})
}

// warnKept is the warning about files that a storage does not delete.
const warnKept = "the storage has no deletion: files of this export are still there"

// allUnsupported reports whether every one of joined errors says that a storage has no deletion.
func allUnsupported(err error) bool {
	var all interface{ Unwrap() []error }
	if !errors.As(err, &all) {
		return errors.Is(err, storage.ErrUnsupported)
	}
	for _, one := range all.Unwrap() {
		if !errors.Is(one, storage.ErrUnsupported) {
			return false
		}
	}
	return true
}

func without(labels []string, label string) []string {
	var rest []string
	for _, l := range labels {
		if l != label {
			rest = append(rest, l)
		}
	}
	return rest
}

// filesHash returns the hash of the hashes of files, one a line, or "" if there are none.
func filesHash(files []part) string {
	if len(files) == 0 {
		return ""
	}
	h := sha256.New()
	for i := range files {
		_, _ = fmt.Fprintln(h, files[i].SHA256) // a hash takes everything
	}
	return hex.EncodeToString(h.Sum(nil))
}

// put stores a finished part, again if the storage does not answer, since the spool file is still there.
func (s *Service) put(ctx context.Context, a *attempt, f *parts.File) (*part, error) {
	p := &part{
		File: File{
			Number: f.Number, Name: f.Name, Size: f.Size, SHA256: f.SHA256, Rows: f.Records, MediaType: f.MediaType, Sealed: a.work.Sealed,
		},
		Scheme: a.spec.Storage, Report: reportOf(&f.Report),
	}
	if f.Stored.Size == 0 { // some storages take no empty files, and there is nothing to take
		return p, nil
	}
	if shared(p.Scheme) { // it is written first that it is about to be stored: what is stored can be found by its hash alone
		p.Holder, p.Stored = fmt.Sprintf("exports/%s/%s/%d/%d", a.spec.Tenant, a.run.Job().ID, p.Number, a.run.Job().Fence), f.Stored.SHA256
		if len(p.Holder) > 200 {
			p.Holder = "exports/" + digest("%q", p.Holder)
		}
		a.work.Doomed = append(a.work.Doomed, *p)
		if err := a.save(ctx); err != nil {
			return p, err
		}
	}
	for try := 1; ; try++ {
		err := s.putOnce(ctx, a, f, p)
		if err == nil || try == putTries || !errors.Is(err, storage.ErrUnavailable) {
			return p, err
		}
		if err := wait(ctx, time.Duration(try)*s.pause); err != nil {
			return p, err
		}
	}
}

// putTries is how often a part is stored before the attempt fails.
const putTries = 4

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

func (s *Service) putOnce(ctx context.Context, a *attempt, f *parts.File, p *part) error {
	r, err := f.Open()
	if err != nil {
		return err
	}
	o := storage.PutOptions{
		Scheme: p.Scheme, Tenant: a.spec.Tenant, ContentType: f.Stored.MediaType, Tag: tag(a.run.Job().ID, a.run.Job().Fence), Size: f.Stored.Size,
	}
	if p.Holder != "" {
		p.Ref, err = s.pins.Put(ctx, p.Holder, r, &pins.Content{Name: f.Stored.Name, SHA256: f.Stored.SHA256, Options: o})
	} else {
		p.Ref, err = s.config.Files.Put(ctx, f.Stored.Name, r, &o)
	}
	if closed := r.Close(); err == nil {
		err = closed
	}
	switch p.Scheme {
	case "ipfs":
		p.CID = p.Ref.ID()
	case "filestore":
		_, p.FileStoreID, _ = strings.Cut(p.Ref.ID(), "/") // behind the tenant
	}
	return err
}
