package job

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/digit-health/dhr/docstore"
)

// A RoomError is a job for which there is no room: as many as there may be wait or are worked on.
type RoomError struct {
	// Of is whose they are: all, tenant or user. Most is how many there may be.
	Of   string
	Most int
}

// Error returns the limit.
func (e *RoomError) Error() string {
	return fmt.Sprintf("job: no room: %d jobs wait or are worked on (%s), and no more may", e.Most, e.Of)
}

// Room returns a [RoomError] if as many jobs of the kind of in as l allows wait or are worked on: in all, of its tenant, of its user. Those that
// somebody has asked to cancel do not count; if in is kept already, those that came after it neither. It says what is so now; who needs to be sure submits by SubmitWithin.
func (j *Jobs) Room(ctx context.Context, in *Job, l *Limits) error {
	u, err := j.open(ctx, in, l)
	if err != nil {
		return fmt.Errorf("job: room: %w", invalid(err))
	}
	return u.full(l, in)
}

// SubmitWithin is [Jobs.Submit], but there are never more jobs that wait or are worked on than l allows, however many are submitted at once by however
// many processes: of those that are too many the last ones to come are taken back, and the error is a [RoomError]. Where a worker of
// another process has begun such a job in that moment, it is cancelled as by [Jobs.Cancel], and remains to be found.
func (j *Jobs) SubmitWithin(ctx context.Context, in *Job, l *Limits) (*Job, error) {
	made, err := j.put(ctx, in)
	exists := errors.Is(err, ErrExists)
	if err != nil && !exists {
		return nil, err
	}
	if made.State.Finished() {
		return made, err
	}
	// Since every submitter counts after it has submitted, and in the order in which the store has taken the jobs, of several at once the first see
	// none of the others, and the last see all.
	full := j.Room(ctx, made, l)
	switch {
	case full == nil && exists:
		return made, err
	case full == nil:
		j.submitted(ctx, made)
		return made, nil
	case exists: // whoever has submitted it takes it back
		return nil, full
	}
	if err := j.withdraw(ctx, made); err != nil {
		return nil, errors.Join(full, err)
	}
	return nil, full
}

// withdraw takes back a job that was just submitted.
func (j *Jobs) withdraw(ctx context.Context, made *Job) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), withdrawTimeout)
	defer cancel()
	err := j.store.Delete(ctx, made.Key(), made.Version)
	switch {
	case err == nil, errors.Is(err, docstore.ErrNotFound):
		j.forget(made)
		return nil
	case !errors.Is(err, docstore.ErrConflict):
		return fmt.Errorf("job: withdraw: %w", err)
	}
	if _, err := j.Cancel(ctx, made.Tenant, made.Kind, made.ID); err != nil && !errors.Is(err, ErrFinished) && !errors.Is(err, ErrNotFound) {
		return err
	}
	return nil
}

// withdrawTimeout is how long it may take to take back a job.
const withdrawTimeout = 5 * time.Second

// open counts the jobs of the kind of one that wait or are worked on; if it is in the store, those that came before it. The listing is in the order of
// changes, so that once it has shown a job, none comes into being any more that was before it.
func (j *Jobs) open(ctx context.Context, of *Job, l *Limits) (*usage, error) {
	u := newUsage()
	user := l.PerUser > 0 && of.User != ""
	if l.Total <= 0 && l.PerTenant <= 0 && !user {
		return u, nil
	}
	q := &Query{Tenant: of.Tenant, Kind: of.Kind, States: []State{Initiated, Processing}}
	switch {
	case l.Total > 0:
		q.Tenant, q.AllTenants = "", true
	case l.PerTenant <= 0:
		q.User = of.User
	}
	ask := &docstore.Query{Tenant: q.Tenant, AllTenants: q.AllTenants, Kind: q.Kind, Any: q.labels(), Order: docstore.ByChange, Limit: docstore.MaxPage}
	seen := map[docstore.Key]bool{} // who is changed meanwhile is on two pages
	for {
		page, err := j.store.List(ctx, ask)
		if err != nil {
			return nil, err
		}
		for _, d := range page {
			ask.After = d.Cursor()
			one, err := decode(d)
			if err != nil {
				return nil, err
			}
			if q.matches(one) && !one.CancelRequested && !seen[d.Key] && (of.First == 0 || one.First < of.First) {
				seen[d.Key] = true
				u.add(one, 1)
			}
		}
		if len(page) < ask.Limit {
			return u, nil
		}
	}
}

// full returns a RoomError if there may not be one more.
func (u *usage) full(l *Limits, job *Job) error {
	switch {
	case l.Total > 0 && u.total >= l.Total:
		return &RoomError{Of: "all", Most: l.Total}
	case l.PerTenant > 0 && u.tenants[job.Tenant] >= l.PerTenant:
		return &RoomError{Of: "tenant", Most: l.PerTenant}
	case l.PerUser > 0 && job.User != "" && u.users[[2]string{job.Tenant, job.User}] >= l.PerUser:
		return &RoomError{Of: "user", Most: l.PerUser}
	}
	return nil
}
