package bulk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/digit-health/dhr/export/parts"
	"github.com/digit-health/dhr/export/shelf"
	"github.com/digit-health/dhr/job"
)

// add takes what stands in the buffer from an offset on as a line of the step. If there is no room, the files so far are stored first.
func (a *attempt) add(ctx context.Context, from int) error {
	added, err := a.data.add(from)
	if err == nil && !added {
		if err = a.cutAt(ctx, from, len(a.faults.buf)); err == nil {
			_, err = a.data.add(0)
		}
	}
	return err
}

// fault adds an OperationOutcome.
func (a *attempt) fault(ctx context.Context, i *issue) (err error) {
	l := a.faults
	from := len(l.buf)
	if l.buf, err = appendOutcome(l.buf, i); err != nil {
		return err
	}
	added, err := l.add(from)
	if err == nil && !added {
		if err = a.cutAt(ctx, len(a.data.buf), from); err == nil {
			_, err = l.add(0)
		}
	}
	if l.tallies == nil {
		l.tallies = map[string]int64{}
	}
	l.tallies[i.Severity]++
	return err
}

// cut stores what was written, and then where the work stands.
func (a *attempt) cut(ctx context.Context) error {
	return a.cutAt(ctx, len(a.data.buf), len(a.faults.buf))
}

// cutAt is cut; what stands in the buffers from two offsets on goes to the next files.
func (a *attempt) cutAt(ctx context.Context, data, faults int) error {
	var kept []part
	for _, one := range []struct {
		lines *lines
		from  int
	}{{a.data, data}, {a.faults, faults}} {
		f, of, err := one.lines.finish(one.from)
		if err == nil && f != nil {
			var p *part
			if p, err = a.store(ctx, one.lines, f, of, kept); p != nil {
				kept = append(kept, *p)
			}
		}
		if err != nil {
			a.unsaved(ctx, kept)
			return err
		}
	}
	if len(kept) == 0 && a.tally.sum() == a.state().sum() {
		return nil
	}
	w := *a.work
	w.Parts, w.Doomed = append(w.Parts[:len(w.Parts):len(w.Parts)], kept...), nil
	w.States = append([]state(nil), w.States...)
	w.States[w.Step].tally = a.tally
	for i := range kept {
		w.Bytes += kept[i].stored()
	}
	if a.mark.token != "" {
		w.Token, w.Skip = a.mark.token, a.tally.sum()-a.mark.records
	}
	before := a.work
	a.work = &w
	if err := a.save(ctx); err != nil {
		a.work = before
		a.unsaved(ctx, kept)
		return err
	}
	return nil
}

// store puts a finished file into the storage, behind others that are not yet told of.
func (a *attempt) store(ctx context.Context, l *lines, f *parts.File, of *File, others []part) (*part, error) {
	a.report("storing")
	p, err := a.keep(ctx, l, f, of, others)
	if removed := f.Remove(); err == nil && removed != nil {
		a.s.log.WarnContext(ctx, "a spool file was not removed", "error", removed)
	}
	return p, err
}

func (a *attempt) keep(ctx context.Context, l *lines, f *parts.File, of *File, others []part) (*part, error) {
	limits := &a.s.config.Limits
	bytes := a.work.Bytes + f.Size
	for i := range others {
		bytes += others[i].stored()
	}
	if limits.Bytes > 0 && bytes > limits.Bytes {
		return nil, job.Permanent(&job.Failure{Code: "EXPORT_TOO_LARGE", Message: fmt.Sprintf("The export is larger than %d bytes. Ask for fewer resources.", limits.Bytes)})
	}
	if len(a.work.Parts)+len(others) >= limits.Files {
		return nil, a.tooMany()
	}
	of.Name = a.nameOf(l, 1)
	of.Sealed = a.recipient != ""
	p := &part{File: *of, Holds: l.holds, Step: a.work.Step}
	var err error
	p.Item, err = a.s.shelf.Put(ctx, a.lease(), f, a.spec.Scheme, func(item shelf.Item) error {
		doomed := *p
		doomed.Item = item
		a.work.Doomed = append(a.work.Doomed, doomed)
		return a.save(ctx)
	})
	p.File.CID = p.Item.CID()
	return p, err
}

// nameOf returns what the nth next file is called.
func (a *attempt) nameOf(l *lines, n int) string {
	for i := range a.work.Parts {
		if p := &a.work.Parts[i]; p.Holds == l.holds && p.Type == l.resourceType {
			n++
		}
	}
	return fmt.Sprintf("%s-%d.ndjson", l.name, n)
}

// unsaved deletes stored files that the job does not tell of, after an error that may not say so. As long as nobody else holds the
// job, a write that nobody waits for any more may still come to it: then the files are left to whoever follows, who finds them by their tag.
func (a *attempt) unsaved(ctx context.Context, files []part) {
	if len(files) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTimeout)
	defer cancel()
	mine := a.run.Job()
	j, err := a.s.config.Jobs.Get(ctx, a.spec.Tenant, kind, mine.ID)
	var w *work
	if err == nil {
		w, err = decodeWork(j)
	}
	gone := errors.Is(err, job.ErrNotFound)
	switch {
	case err == nil && holds(w, &files[0]):
		return
	case gone, err == nil && (j.Fence > mine.Fence || j.State.Finished()):
		_, err = a.s.shelf.Delete(ctx, itemsOf(files)...)
	}
	if err != nil {
		a.s.log.WarnContext(ctx, "stored files are left to whoever follows", "export", mine.ID, "files", len(files), "error", err)
	}
}

func holds(w *work, p *part) bool {
	for i := range w.Parts {
		if w.Parts[i].Ref == p.Ref {
			return true
		}
	}
	return false
}

// cleanTimeout is how long clearing away may take after an attempt has ended.
const cleanTimeout = 30 * time.Second
