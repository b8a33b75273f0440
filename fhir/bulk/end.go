package bulk

import (
	"context"
	"errors"
	"fmt"

	"github.com/digit-health/dhr/export/failure"
	"github.com/digit-health/dhr/export/parts"
	"github.com/digit-health/dhr/export/shelf"
	"github.com/digit-health/dhr/fhir/mapping"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/search"
)

// finish holds that what was written is what was counted, and says that the export is complete.
func (a *attempt) finish(ctx context.Context) error {
	a.report("finishing")
	w := a.work
	var counted int64
	for i := range w.States {
		if s := &w.States[i]; s.sum() != s.Total {
			return fmt.Errorf("%w: %d of %d in step %d", errCount, s.sum(), s.Total, i)
		}
		counted += w.States[i].Written + w.States[i].Unmappable
	}
	w.Complete = true
	detail := a.spec.detail()
	detail["files"] = fmt.Sprint(len(w.Parts))
	e := &Event{Action: "complete", Who: a.spec.who(), Export: a.run.Job().ID, Records: counted, SHA256: filesHash(w.Parts), Detail: detail}
	if err := a.s.note(ctx, e); err != nil {
		return err
	}
	text, err := encode(w)
	if err != nil {
		return err
	}
	expires := a.s.now().Add(a.s.config.Retention).UTC()
	return a.run.Update(ctx, func(j *job.Job) error {
		j.Work, j.Expires = text, expires
		return nil
	})
}

// filesHash returns the hash of all files.
func filesHash(files []part) string {
	hashes := make([]string, len(files))
	for i := range files {
		hashes[i] = files[i].SHA256
	}
	return shelf.Sum(hashes...)
}

// end says what becomes of the job after an attempt, and clears away what nobody will go on with.
func (a *attempt) end(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, job.ErrLeaseLost), errors.Is(cause, job.ErrLeaseLost), errors.Is(cause, job.ErrDraining):
		a.goesOn = true // by somebody else
		return err
	case errors.Is(cause, job.ErrCancelled):
		a.clean(ctx)
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTimeout)
	defer cancel()
	f := failureOf(err)
	j := a.run.Job()
	if !f.Permanent && j.Attempt < j.MaxAttempts {
		if lost := a.lost(ctx, err); lost == nil {
			a.goesOn = true
			return f
		} else if failed := failureOf(lost); failed.Permanent {
			f = failed
		} else {
			a.s.log.WarnContext(ctx, "an export could not be started over", "export", j.ID, "error", lost)
			a.goesOn = true
			return f
		}
	}
	a.clean(ctx)
	if a.spec != nil {
		e := &Event{Action: "fail", Who: a.spec.who(), Export: j.ID, Detail: map[string]string{"code": f.Code}, Err: err}
		if noted := a.s.note(ctx, e); noted != nil {
			a.s.log.ErrorContext(ctx, "the failure of an export was not noted", "export", j.ID, "error", noted)
		}
	}
	return f
}

// lost has the step begin anew, if its snapshot is lost or does not hold what it should.
func (a *attempt) lost(ctx context.Context, err error) error {
	if a.work == nil || !errors.Is(err, search.ErrSnapshotLost) && !errors.Is(err, errCount) {
		return nil
	}
	return a.startOver(ctx, a.work.Step)
}

// clean deletes everything that is stored. What is left, a sweep deletes.
func (a *attempt) clean(ctx context.Context) {
	if a.work == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTimeout)
	defer cancel()
	a.spec.Partial = false // nobody will see any of it
	err := a.startOver(ctx, 0)
	if err == nil { // nobody goes on: whatever bears one of the tags is to go
		err = a.s.shelf.DeleteUnknown(ctx, a.lease(), 1, a.spec.Scheme)
	}
	if err == nil && a.work.Sealed {
		err = a.s.shelf.DestroyKey(ctx, a.spec.Tenant, a.run.Job().ID)
	}
	if err == nil {
		a.work.Sealed = false
		text, failed := encode(a.work)
		err = errors.Join(failed, a.run.Update(ctx, func(j *job.Job) error {
			j.Work = text
			j.Label(labelStored, false)
			return nil
		}))
	}
	if err != nil {
		a.s.log.WarnContext(ctx, "what an export has stored is left for the sweep", "export", a.run.Job().ID, "error", err)
	}
}

// clear deletes all that an export has stored, with its key, and says so in its job.
// Where a storage cannot delete at all, the key is destroyed and the rest stays.
func (s *Service) clear(ctx context.Context, j *job.Job) (*job.Job, error) {
	sp, w, err := decode(j)
	if err != nil {
		return nil, err
	}
	lease := &shelf.Lease{Tenant: j.Tenant, Work: j.ID, Fence: j.Fence}
	kept, err := s.shelf.Clear(ctx, lease, sp.Scheme, w.Sealed, append(itemsOf(w.Doomed), itemsOf(w.Parts)...)...)
	if err != nil {
		return nil, err
	}
	return s.config.Jobs.Update(ctx, j.Tenant, kind, j.ID, func(j *job.Job) error {
		is, err := decodeWork(j)
		if err != nil {
			return err
		}
		is.Doomed, is.Kept = nil, is.Kept || kept
		for i := range is.Parts {
			is.Parts[i].Item = shelf.Item{Scheme: is.Parts[i].Scheme}
		}
		j.Label(labelStored, false)
		j.Work, err = encode(is)
		return err
	})
}

// failureOf says to people why an attempt failed, and whether it makes sense to try again.
func failureOf(err error) *job.Failure {
	var complaints jql.ErrorList
	var refused *mapping.SearchError
	switch {
	case failure.Given(err) != nil:
	case errors.As(err, &complaints):
		return &job.Failure{Code: "QUERY_REFUSED", Message: "The condition of a mapping, or of a group, does not fit its index: " + complaints.Error(), Permanent: true, Err: err}
	case errors.As(err, &refused):
		return &job.Failure{Code: "QUERY_REFUSED", Message: refused.Error(), Permanent: true, Err: err}
	}
	return failure.Of(err, failures...)
}

// failures are what can go wrong with these exports alone, in words for who asked.
var failures = []failure.Known{
	{Is: ErrForbidden, Code: "FORBIDDEN", Message: "The user may not export any more.", Permanent: true},
	{Is: errHidden, Code: "FORBIDDEN", Message: "Not all that a resource is made of may be seen any more.", Permanent: true},
	{Is: errGone, Code: "UNKNOWN_TYPE", Message: "A resource type is no longer offered as it was when it was asked for.", Permanent: true},
	{Is: errListed, Code: "SNAPSHOT_LOST", Message: "The engine has lost the snapshot of the records, and some of the files were listed already. Ask again.", Permanent: true},
	{Is: ErrNotFound, Code: "UNKNOWN_GROUP", Message: "The group is not there any more.", Permanent: true},
	{Is: search.ErrInvalid, Code: "QUERY_REFUSED", Message: "The index cannot be asked for what is exported, or not all of its documents may be seen.", Permanent: true},
	{Is: errCount, Code: "COUNT_MISMATCH", Message: "Not as many records came as were counted."},
	{Is: parts.ErrTooLarge, Code: "RESOURCE_TOO_LARGE", Message: "A resource does not fit into one file: larger files are needed.", Permanent: true},
}

// issueTypes are the FHIR issue types of codes, and whether the trouble may pass.
var issueTypes = map[string]struct {
	code      string
	transient bool
}{
	"FORBIDDEN": {"forbidden", false}, "UNKNOWN_TYPE": {"not-found", false}, "UNKNOWN_GROUP": {"not-found", false},
	"UNKNOWN_INDEX": {"not-found", false}, "UNKNOWN_FIELD": {"not-found", false}, "QUERY_REFUSED": {"processing", false},
	"SNAPSHOT_LOST": {"incomplete", true}, "COUNT_MISMATCH": {"incomplete", true}, "ENGINE_OVERLOADED": {"throttled", true},
	"ENGINE_UNAVAILABLE": {"no-store", true}, "SPOOL_FULL": {"no-store", true}, "SPOOL_FAILED": {"no-store", true},
	"RESOURCE_TOO_LARGE": {"too-long", false}, "EXPORT_TOO_LARGE": {"too-costly", false}, "TOO_MANY_FILES": {"too-costly", false},
	"STORE_UNAVAILABLE": {"no-store", true}, "STORAGE_UNAVAILABLE": {"no-store", true}, "STORAGE_FULL": {"no-store", true},
	"FILE_TOO_LARGE": {"too-long", false}, "AUTH_FAILED": {"exception", false}, job.CodeWorkerLost: {"exception", true},
}

// problemOf says to people why an export failed; nil if it did not.
func problemOf(j *job.Job) *Problem {
	if j.Code == "" || j.State == job.Completed || j.State == job.Expired {
		return nil
	}
	p := &Problem{Code: j.Code, Issue: "exception", Message: j.Message}
	if known, ok := issueTypes[j.Code]; ok {
		p.Issue, p.Transient = known.code, known.transient
	}
	return p
}
