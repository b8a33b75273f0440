package bulk

import (
	"context"
	"errors"
	"fmt"

	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/export/parts"
	"github.com/digit-health/dhr/export/shelf"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/search"
)

// An attempt is one run of the work of an export.
type attempt struct {
	s    *Service
	run  *job.Run
	spec *spec
	work *work
	// patients are those to whom the export is restricted; nil is all.
	patients *patients
	// departed are those whose deletions are listed: they and the members that are deleted themselves.
	departed *patients

	scanner *search.Scanner
	slice   *search.Slice
	// data and faults are the files that are being written: of the step, and of OperationOutcomes.
	data, faults *lines
	// mark is where the scanner stood behind a number of records.
	mark mark
	// scrap holds a resource that is made to see whether it can be.
	scrap []byte
	// tally is what became of the records of the step so far.
	tally tally
	// goesOn says that another attempt may go on, on the same snapshot.
	goesOn bool
	// recipient is for whom files are sealed; empty if they are not.
	recipient string
}

// A mark is a checkpoint of the scanner behind a number of records.
type mark struct {
	token   string
	records int64
}

var (
	// errCount is a scan with another number of records than were counted.
	errCount = errors.New("the snapshot does not hold as many records as were counted")
	// errListed is a step that would have to begin anew, though some of its files were listed already.
	errListed = errors.New("files that were listed already are of a snapshot that is lost")
)

// handle does the work of a job.
func (s *Service) handle(ctx context.Context, run *job.Run) error {
	a := &attempt{s: s, run: run}
	err := a.do(ctx)
	a.data.abort()
	a.faults.abort()
	err = a.end(ctx, err)
	a.leave(ctx)
	return err
}

func (a *attempt) do(ctx context.Context) (err error) {
	if a.spec, a.work, err = decode(a.run.Job()); err != nil {
		return job.Permanent(err)
	}
	if a.work.Complete {
		return nil
	}
	own, err := a.s.allowed(a.spec.who(), a.spec.Level)
	if err != nil {
		return err
	}
	if own != nil && a.spec.Own == nil { // it may do less than when it asked
		a.spec.Own = own
	}
	a.report("opening")
	if err := a.drop(ctx); err != nil {
		return err
	}
	if err := a.restrict(ctx); err != nil {
		return err
	}
	if err := a.seal(ctx); err != nil {
		return err
	}
	for a.work.Step < len(a.spec.Steps) {
		if err := a.step(ctx, &a.spec.Steps[a.work.Step]); err != nil {
			return err
		}
	}
	return a.finish(ctx)
}

// restrict finds out to which patients the export is restricted. If they are not those of the attempt before, everything begins anew.
func (a *attempt) restrict(ctx context.Context) (err error) {
	if a.patients, err = a.s.patientSet(ctx, a.spec); err != nil || a.patients == nil {
		return err
	}
	if a.departed, err = a.s.departed(ctx, a.spec, a.patients); err != nil {
		return err
	}
	digest := a.departed.digest()
	if a.work.Patients != "" && a.work.Patients != digest {
		if err := a.startOver(ctx, 0); err != nil {
			return err
		}
	}
	a.work.Patients = digest
	return nil
}

// seal makes the key if there is to be one.
func (a *attempt) seal(ctx context.Context) (err error) {
	if !a.work.Sealed && (!a.s.sealed() || len(a.work.Parts) > 0) {
		return nil
	}
	a.work.Sealed = true
	if err := a.save(ctx); err != nil {
		return err
	}
	a.recipient, err = a.s.shelf.Recipient(ctx, a.spec.Tenant, a.run.Job().ID)
	return err
}

// step does a step, from where it stands.
func (a *attempt) step(ctx context.Context, st *step) error {
	a.tally, a.mark = tally{}, mark{}
	a.data = a.newLines(st)
	a.faults = a.newLines(&step{Does: doesNotes})
	switch {
	case st.Does == doesNotes:
		return a.notes(ctx)
	case st.Does == doesOrganized:
		return a.organized(ctx, st)
	case a.spec.sorts(st):
		return a.latest(ctx, st)
	}
	return a.records(ctx, st)
}

// newLines returns an empty file of a step.
func (a *attempt) newLines(st *step) *lines {
	limits := &a.s.config.Limits
	l := &lines{resourceType: st.Type, holds: holdsOutput, records: limits.FileRecords, bytes: limits.FileBytes, least: a.spec.MinBytes, open: a.openFile, compression: gzipped}
	if a.s.config.Uncompressed {
		l.compression = uncompressed
	}
	if most := a.spec.MaxBytes; most > 0 {
		l.bytes = min(l.bytes, most)
	}
	switch l.name = st.Type; st.Does {
	case doesOrganized:
		l.name = "blocks"
	case doesDeleted:
		l.name, l.resourceType, l.holds = "deleted", "Bundle", holdsDeleted
	case doesNotes:
		l.name, l.resourceType, l.holds, l.tallies = "errors", "OperationOutcome", holdsError, map[string]int64{}
	}
	return l
}

// openFile makes the writer of a file.
func (a *attempt) openFile(l *lines) (*parts.Writer, error) {
	o := &parts.Options{Folder: a.s.config.Spool, Name: l.name, Compression: l.compression, First: len(a.work.Parts) + 1}
	if l == a.faults {
		o.First++ // both are stored at once, the file of the step first
	}
	if a.recipient != "" {
		o.Recipients = []string{a.recipient}
	}
	return parts.NewWriter(l.format(), []export.Column{{Path: "line"}}, nil, o)
}

// notes writes what people should know of the whole.
func (a *attempt) notes(ctx context.Context) error {
	if err := a.begin(ctx); err != nil {
		return err
	}
	for i := range a.spec.Notes {
		if err := a.fault(ctx, &a.spec.Notes[i]); err != nil {
			return err
		}
	}
	for i := range a.work.States {
		for _, note := range []*issue{a.work.States[i].Note, elsewhereNote(a.work.States[i].Elsewhere, a.spec.Steps[i].Type)} {
			if note == nil {
				continue
			}
			if err := a.fault(ctx, note); err != nil {
				return err
			}
		}
	}
	return a.advance(ctx)
}

// begin begins a step that is not gone on with in its middle: what an earlier attempt has done of it is given up. That is so of steps that sort: what
// they have read lies in scratch files of the worker, and the snapshots that it is of are given back one after the other.
func (a *attempt) begin(ctx context.Context) error {
	if len(a.work.States) > a.work.Step {
		if err := a.startOver(ctx, a.work.Step); err != nil {
			return err
		}
	}
	a.state()
	return nil
}

// state returns the state of the step, which is made if there is none.
func (a *attempt) state() *state {
	for len(a.work.States) <= a.work.Step {
		a.work.States = append(a.work.States, state{})
	}
	return &a.work.States[a.work.Step]
}

// advance ends the step: what is not stored yet is, and the next step begins.
func (a *attempt) advance(ctx context.Context) error {
	if err := a.cut(ctx); err != nil {
		return err
	}
	w := *a.work
	w.Step, w.Token, w.Skip = w.Step+1, "", 0
	before := a.work
	a.work = &w
	if err := a.save(ctx); err != nil {
		a.work = before
		return err
	}
	a.leave(ctx)
	return nil
}

// leave gives the snapshot back, or leaves it to who goes on.
func (a *attempt) leave(ctx context.Context) {
	if a.scanner == nil {
		return
	}
	end := a.scanner.Close
	if a.goesOn {
		end = a.scanner.Leave
	}
	if err := end(); err != nil {
		a.s.log.WarnContext(ctx, "a snapshot was not given back", "export", a.run.Job().ID, "error", err)
	}
	a.scanner = nil
}

// report notes how far the work is.
func (a *attempt) report(phase string) {
	p := job.Progress{Phase: phase, Done: a.tally.sum(), Bytes: a.work.Bytes, Parts: len(a.work.Parts)}
	if a.work.Step < len(a.work.States) {
		p.Total = a.work.States[a.work.Step].Total
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

func (a *attempt) lease() *shelf.Lease {
	j := a.run.Job()
	return &shelf.Lease{Tenant: a.spec.Tenant, Work: j.ID, Fence: j.Fence}
}

// startOver gives up what is stored of a step and of those after it, which is of snapshots that are gone. It is written first, so that
// nobody goes on behind files that are deleted.
func (a *attempt) startOver(ctx context.Context, step int) error {
	a.goesOn = false
	a.leave(ctx)
	w := *a.work
	w.Parts = nil
	for i := range a.work.Parts {
		p := a.work.Parts[i]
		if p.Step < step {
			w.Parts = append(w.Parts, p)
			continue
		}
		if a.spec.Partial && i < a.s.listed(a.work, a.spec) {
			return job.Permanent(errListed)
		}
		w.Doomed = append(w.Doomed, p)
		w.Bytes -= p.stored()
	}
	w.States = w.States[:min(step, len(w.States))]
	w.Step, w.Token, w.Skip = min(step, w.Step), "", 0
	a.work = &w
	if err := a.save(ctx); err != nil {
		return err
	}
	return a.drop(ctx)
}

// drop deletes the files that were given up, and those that nobody knows of.
func (a *attempt) drop(ctx context.Context) error {
	if last := a.run.Job().Fence - 1; a.work.Looked < last {
		l := a.lease()
		l.Fence = last
		stay := append(itemsOf(a.work.Doomed), itemsOf(a.work.Parts)...)
		if err := a.s.shelf.DeleteUnknown(ctx, l, a.work.Looked+1, a.spec.Scheme, stay...); err != nil {
			return err
		}
		a.work.Looked = last
	}
	if len(a.work.Doomed) == 0 {
		return nil
	}
	left, err := a.s.shelf.Delete(ctx, itemsOf(a.work.Doomed)...)
	if err != nil && !shelf.Undeletable(err) {
		return err
	}
	if err != nil { // what cannot be deleted must not keep the export from being made
		a.s.log.WarnContext(ctx, "files that were given up stay in a storage without deletion", "export", a.run.Job().ID, "files", len(left), "error", err)
		a.work.Kept = true
	}
	a.work.Doomed = nil
	return a.save(ctx)
}

// resumable reports whether the step may go on, on the snapshot of the attempt before.
func (a *attempt) resumable() bool { return a.work.Token != "" }

// tooMany is the failure of an export with too many files.
func (a *attempt) tooMany() error {
	return job.Permanent(&job.Failure{
		Code: "TOO_MANY_FILES", Message: fmt.Sprintf("The export would have more than %d files. Ask for larger ones, or for fewer resources.", a.s.config.Limits.Files),
	})
}
