package process

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/digit-health/dhr/export/parts"
	"github.com/digit-health/dhr/export/shelf"
	"github.com/digit-health/dhr/job"
)

// kindKeys is the kind of the documents that hold what opens sealed files. Who destroys one, destroys the files.
const kindKeys = "export-keys"

// itemsOf returns where files are.
func itemsOf(files []part) []shelf.Item {
	items := make([]shelf.Item, len(files))
	for i := range files {
		items[i] = files[i].Item
	}
	return items
}

// delete removes stored files. It does what it can, and returns those that are left, with the reasons.
func (s *Service) delete(ctx context.Context, files []part) (left []part, err error) {
	places, err := s.shelf.Delete(ctx, itemsOf(files)...)
	for _, i := range places {
		left = append(left, files[i])
	}
	return left, err
}

// deleteUnknown deletes what a storage has of an export under the leases from one to another, besides the files that
// are to stay: what workers stored that were killed before they could say so.
func (s *Service) deleteUnknown(ctx context.Context, sp *spec, id string, from, to int64, stay []part) error {
	return s.shelf.DeleteUnknown(ctx, &shelf.Lease{Tenant: sp.Tenant, Work: id, Fence: to}, from, sp.Storage, itemsOf(stay)...)
}

// clear deletes all that an export has stored, with its key, and says so in its job.
// Where a storage cannot delete at all, the key is destroyed and the rest stays.
func (s *Service) clear(ctx context.Context, j *job.Job) (*job.Job, error) {
	sp, w, err := decode(j)
	if err != nil {
		return nil, err
	}
	if w.Sealed {
		if err := s.shelf.DestroyKey(ctx, j.Tenant, j.ID); err != nil {
			return nil, err
		}
	}
	left, err := s.delete(ctx, append(w.Doomed, w.Parts...))
	kept := len(left) > 0 && shelf.Undeletable(err)
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
			is.Parts[i].Item = shelf.Item{Scheme: is.Parts[i].Scheme}
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
		Report: reportOf(&f.Report),
	}
	j := a.run.Job()
	var err error
	p.Item, err = s.shelf.Put(ctx, &shelf.Lease{Tenant: a.spec.Tenant, Work: j.ID, Fence: j.Fence}, f, a.spec.Storage, func(item shelf.Item) error {
		doomed := *p
		doomed.Item = item
		a.work.Doomed = append(a.work.Doomed, doomed)
		return a.save(ctx)
	})
	p.File.CID, p.File.FileStoreID = p.Item.CID(), p.Item.FileStoreID()
	return p, err
}
