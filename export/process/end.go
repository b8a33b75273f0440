package process

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/export/failure"
	"github.com/digit-health/dhr/export/parts"
	"github.com/digit-health/dhr/export/shelf"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/search"
)

// cleanTimeout is how long clearing away may take after an attempt has ended.
const cleanTimeout = 30 * time.Second

// finish holds that what was written is what was counted, and says that the export is complete.
func (a *attempt) finish(ctx context.Context) error {
	a.report(phaseFinishing)
	w := a.work
	var rows int64
	sum := new(Report)
	for i := range w.Parts {
		rows += w.Parts[i].Rows
		sum.add(w.Parts[i].Report)
	}
	if rows != w.Want || w.Done != w.Want || len(w.Parts) == 0 {
		return errCount
	}
	w.Warnings = append(w.Warnings, sum.warnings()...)
	w.Complete, w.Token, w.Skip = true, "", 0
	detail := a.spec.detail()
	detail["files"], detail["truncated"] = fmt.Sprint(len(w.Parts)), w.Reason
	e := &Event{Action: "complete", Who: a.spec.who(), Process: a.run.Job().ID, Records: rows, SHA256: filesHash(w.Parts), Detail: detail}
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

// warnings says what a format could not show.
func (r *Report) warnings() (all []string) {
	for _, one := range []struct {
		n    int64
		text string
	}{
		{r.Cut, "%d cells are longer than the format can hold, and are cut"},
		{r.Repaired, "%d cells had bytes that are not UTF-8"},
		{int64(len(r.Replaced)), "%d kinds of characters cannot be shown in the format, and are replaced"},
	} {
		if one.n > 0 {
			all = append(all, fmt.Sprintf(one.text, one.n))
		}
	}
	return all
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
		if a.work != nil && (errors.Is(err, search.ErrSnapshotLost) || errors.Is(err, errCount)) {
			if lost := a.startOver(ctx); lost != nil {
				a.s.log.WarnContext(ctx, "an export could not be started over", "export", j.ID, "error", lost)
			}
		}
		a.goesOn = true
		return f
	}
	a.clean(ctx)
	if a.spec != nil {
		e := &Event{Action: "fail", Who: a.spec.who(), Process: j.ID, Detail: map[string]string{"code": f.Code}, Err: err}
		if noted := a.s.note(ctx, e); noted != nil {
			a.s.log.ErrorContext(ctx, "the failure of an export was not noted", "export", j.ID, "error", noted)
		}
	}
	return f
}

// clean deletes everything that is stored. What is left, a sweep deletes.
func (a *attempt) clean(ctx context.Context) {
	if a.work == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTimeout)
	defer cancel()
	j := a.run.Job()
	err := a.startOver(ctx)
	if err == nil { // nobody goes on: whatever bears one of the tags is to go
		err = a.s.shelf.DeleteUnknown(ctx, &shelf.Lease{Tenant: a.spec.Tenant, Work: j.ID, Fence: j.Fence}, 1, a.spec.Storage)
	}
	if err == nil && a.work.Sealed {
		err = a.s.shelf.DestroyKey(ctx, a.spec.Tenant, j.ID)
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

// failureOf says to people why an attempt failed, and whether it makes sense to try again.
func failureOf(err error) *job.Failure {
	var complaints jql.ErrorList
	if failure.Given(err) == nil && errors.As(err, &complaints) {
		return &job.Failure{Code: "QUERY_REFUSED", Message: complaints.Error(), Permanent: true, Err: err}
	}
	return failure.Of(err, failures...)
}

// failures are what can go wrong with an export alone, in words for who asked. Where the reason is added it names choices and headings.
var failures = []failure.Known{
	{Is: ErrForbidden, Code: "FORBIDDEN", Message: "The user may not export any more.", Permanent: true},
	{Is: errCount, Code: "COUNT_MISMATCH", Message: "Not as many records came as were counted."},
	{Is: parts.ErrTooLarge, Code: "RECORD_TOO_LARGE", Message: "A record, with what every file begins with, does not fit into one file: larger parts are needed.", Permanent: true},
	{Is: parts.ErrInvalid, Code: "INVALID_REQUEST", Message: "The choices about the file make no sense.", Permanent: true},
	{Is: export.ErrTooMany, Code: "TOO_MUCH_FOR_FORMAT", Message: "The format cannot hold as many records, columns or characters.", Permanent: true, Why: true},
	{Is: export.ErrInvalid, Code: "INVALID_REQUEST", Message: "The format cannot follow the choices.", Permanent: true, Why: true},
}
