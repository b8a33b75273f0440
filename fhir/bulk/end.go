package bulk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/export/parts"
	"github.com/digit-health/dhr/export/shelf"
	"github.com/digit-health/dhr/fhir/mapping"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/storage"
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
			j.Work, j.Labels = text, without(j.Labels, labelStored)
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
	if w.Sealed {
		if err := s.shelf.DestroyKey(ctx, j.Tenant, j.ID); err != nil {
			return nil, err
		}
	}
	items := append(itemsOf(w.Doomed), itemsOf(w.Parts)...)
	left, err := s.shelf.Delete(ctx, items...)
	kept := len(left) > 0 && shelf.Undeletable(err)
	if err != nil && !kept {
		return nil, err
	}
	stay := make([]shelf.Item, len(left))
	for i, at := range left {
		stay[i] = items[at]
	}
	if err := s.shelf.DeleteUnknown(ctx, &shelf.Lease{Tenant: j.Tenant, Work: j.ID, Fence: j.Fence}, 1, sp.Scheme, stay...); err != nil {
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
		j.Labels = without(j.Labels, labelStored)
		j.Work, err = encode(is)
		return err
	})
}

// failureOf says to people why an attempt failed, and whether it makes sense to try again.
func failureOf(err error) *job.Failure {
	var f *job.Failure
	if errors.As(err, &f) && f.Code != "" && f.Code != job.CodeInternal {
		return f
	}
	permanent := f != nil && f.Permanent
	var complaints jql.ErrorList
	if errors.As(err, &complaints) {
		return &job.Failure{Code: "QUERY_REFUSED", Message: "The condition of a mapping, or of a group, does not fit its index: " + complaints.Error(), Permanent: true, Err: err}
	}
	var refused *mapping.SearchError
	if errors.As(err, &refused) {
		return &job.Failure{Code: "QUERY_REFUSED", Message: refused.Error(), Permanent: true, Err: err}
	}
	for _, known := range failures {
		if errors.Is(err, known.is) {
			return &job.Failure{Code: known.code, Message: known.message, Permanent: known.permanent || permanent, Err: err}
		}
	}
	if class := storage.Class(err); class != "" {
		return &job.Failure{Code: class, Message: "The storage did not take a file.", Permanent: permanent || lasting(err), Err: err}
	}
	return &job.Failure{Code: job.CodeInternal, Message: "Something went wrong.", Permanent: permanent, Err: err}
}

// lasting reports whether a storage will say the same again.
func lasting(err error) bool {
	for _, one := range []error{storage.ErrTooLarge, storage.ErrInvalidFormat, storage.ErrInvalid, storage.ErrUnsupported} {
		if errors.Is(err, one) {
			return true
		}
	}
	return false
}

// failures are what can go wrong, in words for who asked.
var failures = []struct {
	is            error
	code, message string
	permanent     bool
}{
	{ErrForbidden, "FORBIDDEN", "The user may not export any more.", true},
	{access.ErrDenied, "FORBIDDEN", "The records may not be seen.", true},
	{errHidden, "FORBIDDEN", "Not all that a resource is made of may be seen any more.", true},
	{errGone, "UNKNOWN_TYPE", "A resource type is no longer offered as it was when it was asked for.", true},
	{errListed, "SNAPSHOT_LOST", "The engine has lost the snapshot of the records, and some of the files were listed already. Ask again.", true},
	{ErrNotFound, "UNKNOWN_GROUP", "The group is not there any more.", true},
	{search.ErrUnknownIndex, "UNKNOWN_INDEX", "An index is not there, or may not be seen any more.", true},
	{search.ErrUnknownField, "UNKNOWN_FIELD", "A field is not there, or may not be seen any more.", true},
	{search.ErrInvalid, "QUERY_REFUSED", "The index cannot be asked for what is exported, or not all of its documents may be seen.", true},
	{search.ErrUnsupported, "QUERY_REFUSED", "The engine cannot answer the question.", true},
	{search.ErrSnapshotLost, "SNAPSHOT_LOST", "The engine has lost the snapshot of the records.", false},
	{errCount, "COUNT_MISMATCH", "Not as many records came as were counted.", false},
	{search.ErrOverloaded, "ENGINE_OVERLOADED", "The engine has too much to do.", false},
	{search.ErrUnavailable, "ENGINE_UNAVAILABLE", "The engine does not answer.", false},
	{search.ErrPartial, "ENGINE_UNAVAILABLE", "A part of the engine does not answer.", false},
	{search.ErrBadAnswer, "ENGINE_UNAVAILABLE", "The engine does not answer sensibly.", false},
	{parts.ErrFull, "SPOOL_FULL", "There is no room for files that are being written.", false},
	{parts.ErrSpool, "SPOOL_FAILED", "Files that are being written cannot be kept.", false},
	{parts.ErrTooLarge, "RESOURCE_TOO_LARGE", "A resource does not fit into one file: larger files are needed.", true},
	{docstore.ErrUnavailable, "STORE_UNAVAILABLE", "The document store does not answer.", false},
	{docstore.ErrTooLarge, "TOO_MANY_FILES", "The export has too many files.", true},
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
