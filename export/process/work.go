package process

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/export/parts"
	"github.com/digit-health/dhr/export/shelf"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// An attempt is one run of the work of an export.
type attempt struct {
	s    *Service
	run  *job.Run
	spec *spec
	work *work

	scanner *search.Scanner
	slice   *search.Slice
	writer  *parts.Writer
	marks   marks
	// goesOn says that another attempt may go on, on the same snapshot.
	goesOn bool
	// encoded is how many records the writer was given, with those of the parts before.
	encoded int64
}

// errCount is a scan with another number of records than were counted.
var errCount = errors.New("the snapshot does not hold as many records as were counted")

// handle does the work of a job.
func (s *Service) handle(ctx context.Context, run *job.Run) error {
	a := &attempt{s: s, run: run}
	err := a.do(ctx)
	if a.writer != nil {
		a.writer.Abort()
	}
	err = a.end(ctx, err)
	if a.scanner != nil {
		closed := a.scanner.Close
		if a.goesOn {
			closed = a.scanner.Leave
		}
		if closed := closed(); closed != nil {
			s.log.WarnContext(ctx, "a snapshot was not given back", "export", run.Job().ID, "error", closed)
		}
	}
	return err
}

func (a *attempt) do(ctx context.Context) (err error) {
	if a.spec, a.work, err = decode(a.run.Job()); err != nil {
		return job.Permanent(err)
	}
	if a.work.Complete {
		return nil
	}
	if err := a.s.may(a.spec.who(), access.MayView, access.MayExport); err != nil {
		return err
	}
	a.report(phaseOpening)
	if err := a.drop(ctx); err != nil {
		return err
	}
	if err := a.open(ctx); err != nil {
		return err
	}
	if err := a.write(ctx); err != nil {
		return err
	}
	return a.finish(ctx)
}

// report notes how far the work is.
func (a *attempt) report(phase string) {
	p := job.Progress{Phase: phase, Done: max(a.encoded, a.work.Done), Total: a.work.Want, Bytes: a.work.Bytes, Parts: len(a.work.Parts)}
	if a.writer != nil {
		p.Bytes = max(p.Bytes, a.writer.Written())
	}
	a.run.Progress(p)
}

// save stores where the work stands.
func (a *attempt) save(ctx context.Context) error {
	text, err := encode(a.work)
	if err != nil {
		return err
	}
	return a.run.Update(ctx, func(j *job.Job) error {
		j.Work = text
		j.Label(labelStored, true)
		return nil
	})
}

// open opens the snapshot on which the work goes on, or a new one.
func (a *attempt) open(ctx context.Context) error {
	if a.work.Token != "" {
		err := a.scan(ctx, a.work.Token)
		if err == nil {
			var sight json.RawMessage
			if sight, err = a.scanner.Sight(); err != nil {
				return err
			}
			if bytes.Equal(sight, a.work.Sight) && slices.Equal(a.columns(), a.work.Columns) {
				a.encoded = a.work.Done
				return a.begin(ctx)
			}
		}
		if err != nil && !errors.Is(err, search.ErrSnapshotLost) && !errors.Is(err, search.ErrBadToken) {
			return err
		}
		// It is gone, or what may be seen of it has changed.
		if err := a.startOver(ctx); err != nil {
			return err
		}
	}
	if err := a.scan(ctx, ""); err != nil {
		return err
	}
	return a.count(ctx)
}

// scan opens a scanner, at a checkpoint if there is one.
func (a *attempt) scan(ctx context.Context, token string) error {
	o := &search.ScanOptions{Ordered: a.spec.Ordered}
	if token != "" {
		o.Resume = []string{token}
	}
	q := a.s.question(a.spec)
	q.Seen = a.run.Job().Created
	scanner, err := a.s.host.Index.Scan(ctx, a.spec.who(), q, o)
	if err != nil {
		return err
	}
	a.scanner, a.slice = scanner, scanner.Slice(0)
	return nil
}

func (a *attempt) columns() []export.Column {
	return export.Columns(a.spec.Fields, a.scanner.Columns()...)
}

// startOver gives up what is stored, which is of a snapshot that is gone. It is written first, so that
// nobody goes on behind files that are deleted.
func (a *attempt) startOver(ctx context.Context) error {
	if a.scanner != nil {
		if err := a.scanner.Close(); err != nil {
			a.s.log.WarnContext(ctx, "a snapshot was not given back", "export", a.run.Job().ID, "error", err)
		}
		a.scanner = nil
	}
	a.work = &work{Doomed: append(a.work.Doomed, a.work.Parts...), Sealed: a.work.Sealed, Looked: a.work.Looked}
	a.encoded = 0
	if err := a.save(ctx); err != nil {
		return err
	}
	return a.drop(ctx)
}

// drop deletes the files that were given up, and those that nobody knows of.
func (a *attempt) drop(ctx context.Context) error {
	if last := a.run.Job().Fence - 1; a.work.Looked < last {
		lease := &shelf.Lease{Tenant: a.spec.Tenant, Work: a.run.Job().ID, Fence: last}
		err := a.s.shelf.DeleteUnknown(ctx, lease, a.work.Looked+1, a.spec.Storage, itemsOf(append(a.work.Doomed, a.work.Parts...))...)
		if err != nil {
			return err
		}
		a.work.Looked = last
	}
	if len(a.work.Doomed) == 0 {
		return nil
	}
	left, err := a.s.shelf.Delete(ctx, itemsOf(a.work.Doomed)...)
	if err != nil && shelf.Undeletable(err) { // what cannot be deleted must not keep the export from being made
		a.s.log.WarnContext(ctx, "files that were given up stay in a storage without deletion", "export", a.run.Job().ID, "files", len(left), "error", err)
		a.work.Warnings = append(a.work.Warnings, warnKept)
		err = nil
	}
	if err != nil {
		return err
	}
	a.work.Doomed = nil
	return a.save(ctx)
}

// count counts the records of the snapshot, and decides what is exported of it.
func (a *attempt) count(ctx context.Context) (err error) {
	a.report(phaseCounting)
	w := a.work
	if w.Total, err = a.scanner.Total(ctx); err != nil {
		return err
	}
	w.Want = w.Total
	if limit := a.s.config.Limits.Records; limit > 0 && w.Want > limit {
		w.Want, w.Reason = limit, "limit"
	}
	if most := a.spec.MaxResults; most > 0 && w.Want > most {
		w.Want, w.Reason = most, "max_results"
	}
	w.Columns, w.Indexes = a.columns(), nil
	for _, p := range a.scanner.Columns() {
		w.Indexes = append(w.Indexes, p.Schema().Index)
	}
	if w.Sight, err = a.scanner.Sight(); err != nil {
		return err
	}
	for _, warning := range a.scanner.Warnings() {
		w.Warnings = append(w.Warnings, warning.Error())
	}
	if rows := a.spec.Options.PartRows; rows > 0 && (w.Want+rows-1)/rows > int64(a.s.config.Limits.Parts) {
		return a.tooMany()
	}
	if w.Token, err = a.slice.Checkpoint(); err != nil {
		return err
	}
	return a.begin(ctx)
}

func (a *attempt) tooMany() error {
	return job.Permanent(&job.Failure{
		Code: "TOO_MANY_FILES", Message: fmt.Sprintf("The export would have more than %d files. Ask for larger ones, or for fewer records.", a.s.config.Limits.Parts),
	})
}

// begin makes the writer, and stores that writing begins.
func (a *attempt) begin(ctx context.Context) error {
	w, f := a.work, a.s.format(a.spec.Format)
	if f == nil {
		return job.Permanent(&job.Failure{Code: "FORMAT_UNAVAILABLE", Message: fmt.Sprintf("The format %q is no longer there.", a.spec.Format)})
	}
	o := &parts.Options{
		Folder: a.s.config.Spool, Name: a.spec.fileName(), MaxRows: a.spec.Options.PartRows, MaxBytes: a.spec.Options.PartBytes,
		Compression: a.spec.Options.Compression, First: len(w.Parts) + 1,
	}
	most, err := a.s.config.Files.MaxBytes(a.spec.Storage)
	if err != nil {
		return err
	}
	if most > 0 && (o.MaxBytes == 0 || o.MaxBytes > most) {
		o.MaxBytes = most
	}
	w.Sealed = w.Sealed || a.s.sealed(a.spec.Storage) && len(w.Parts) == 0
	w.Since, w.Before = a.s.now().UTC(), w.Done
	if err := a.save(ctx); err != nil {
		return err
	}
	if w.Sealed {
		recipient, err := a.s.shelf.Recipient(ctx, a.spec.Tenant, a.run.Job().ID)
		if err != nil {
			return err
		}
		o.Recipients = []string{recipient}
	}
	a.marks.reset(mark{w.Token, w.Done - w.Skip})
	choices := a.s.exportOptions(a.spec)
	if w.Reason != "" {
		choices.Found = w.Total
	}
	a.writer, err = parts.NewWriter(f, w.Columns, choices, o)
	return err
}

// write writes the records, and stores each part when it is finished.
func (a *attempt) write(ctx context.Context) error {
	a.report(phaseWriting)
	more := false
	skip := a.work.Skip
	if a.work.Want > a.work.Done || a.work.Reason == "" {
		for r, err := range a.slice.Records(ctx) {
			if err != nil {
				return err
			}
			if skip > 0 {
				skip--
				continue
			}
			if a.encoded == a.work.Want {
				more = true
				break
			}
			if err := a.encode(ctx, r); err != nil {
				return err
			}
			if a.encoded == a.work.Want && a.work.Reason != "" {
				break
			}
		}
	}
	if more || a.encoded != a.work.Want || skip > 0 {
		return errCount
	}
	for {
		f, err := a.writer.Finish()
		if err == io.EOF { //nolint:errorlint // it is what Finish returns at the end
			return nil
		}
		if err != nil {
			return err
		}
		if err := a.store(ctx, f); err != nil {
			return err
		}
	}
}

// every is after how many records it is noted where the scan stands, and how far the work is.
const every = 1000

// encode gives a record to the writer, and stores the parts that are full before it.
func (a *attempt) encode(ctx context.Context, r *record.Record) error {
	full, err := a.writer.Encode(r)
	if err != nil {
		return err
	}
	a.encoded++
	for full {
		f, err := a.writer.Finish()
		if err != nil {
			return err
		}
		if err := a.store(ctx, f); err != nil {
			return err
		}
		if full = a.writer.Full(); !full {
			a.report(phaseWriting)
		}
	}
	if a.encoded%every == 0 {
		a.report(phaseWriting)
		token, err := a.slice.Checkpoint()
		if err != nil {
			return err
		}
		a.marks.add(mark{token, a.encoded})
	}
	return nil
}

// store stores a finished part, and then where the work stands.
func (a *attempt) store(ctx context.Context, f *parts.File) error {
	a.report(phaseStoring)
	p, err := a.kept(ctx, f)
	if removed := f.Remove(); err == nil && removed != nil {
		a.s.log.WarnContext(ctx, "a spool file was not removed", "error", removed)
	}
	if err != nil {
		return err
	}
	w := *a.work
	at := a.marks.before(w.Done + f.Records)
	w.Parts, w.Doomed = append(w.Parts[:len(w.Parts):len(w.Parts)], *p), nil
	w.Done, w.Bytes = w.Done+f.Records, w.Bytes+f.Size
	w.Token, w.Skip = at.token, w.Done-at.records
	before := a.work
	a.work = &w
	if err := a.save(ctx); err != nil {
		a.work = before
		a.unsaved(ctx, p)
		return err
	}
	return nil
}

// kept puts a finished part into the storage, if it may have that many files of that size.
func (a *attempt) kept(ctx context.Context, f *parts.File) (*part, error) {
	if limit := a.s.config.Limits.Bytes; limit > 0 && a.work.Bytes+f.Size > limit {
		return nil, job.Permanent(&job.Failure{Code: "EXPORT_TOO_LARGE", Message: fmt.Sprintf("The export is larger than %d bytes. Ask for fewer records or fields.", limit)})
	}
	if len(a.work.Parts) >= a.s.config.Limits.Parts {
		return nil, a.tooMany()
	}
	return a.s.put(ctx, a, f)
}

// unsaved deletes a stored file that the job does not tell of, after an error that may not say so. As long as nobody else holds the
// job, a write that nobody waits for any more may still come to it: then the file is left to whoever follows, who finds it by its tag.
func (a *attempt) unsaved(ctx context.Context, p *part) {
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
	case err == nil && holds(w, p):
		return
	case gone, err == nil && (j.Fence > mine.Fence || j.State.Finished()):
		_, err = a.s.shelf.Delete(ctx, p.Item)
	}
	if err != nil {
		a.s.log.WarnContext(ctx, "a stored file is left to whoever follows", "export", mine.ID, "file", string(p.Ref), "error", err)
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
