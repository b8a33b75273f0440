package process

import (
	"context"

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

// clear deletes all that an export has stored, with its key, and says so in its job.
// Where a storage cannot delete at all, the key is destroyed and the rest stays.
func (s *Service) clear(ctx context.Context, j *job.Job) (*job.Job, error) {
	sp, w, err := decode(j)
	if err != nil {
		return nil, err
	}
	lease := &shelf.Lease{Tenant: j.Tenant, Work: j.ID, Fence: j.Fence}
	kept, err := s.shelf.Clear(ctx, lease, sp.Storage, w.Sealed, itemsOf(append(w.Doomed, w.Parts...))...)
	if err != nil {
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
		j.Label(labelStored, false)
		j.Work, err = encode(is)
		return err
	})
}

// warnKept is the warning about files that a storage does not delete.
const warnKept = "the storage has no deletion: files of this export are still there"

// filesHash returns the hash of all files.
func filesHash(files []part) string {
	hashes := make([]string, len(files))
	for i := range files {
		hashes[i] = files[i].SHA256
	}
	return shelf.Sum(hashes...)
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
