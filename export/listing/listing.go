// Package listing lists exports, of records and of FHIR alike, the newest first: a user's own, and for administrators those of their tenant.
package listing

import (
	"cmp"
	"context"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/job"
)

// A Query asks for exports of the principal's tenant, the newest first.
type Query struct {
	// Status are the states asked for. If empty, all.
	Status []job.State
	// UserID is whose exports are asked for: without [access.MayAdmin] only the principal's own. If empty, the principal's own;
	// if "*", everybody's.
	UserID string
	// After is the Next of the page before.
	After *docstore.Cursor
	// MaxResults is the greatest number to return, up to 1,000. If zero, 50.
	MaxResults int
}

// everybody is the UserID for all exports of the tenant.
const everybody = "*"

// An Asker says who asks, and how it is refused.
type Asker struct {
	Who *access.Principal
	// Others returns why Who may not ask for the exports of others, or nil.
	Others func() error
	// Wrong returns the error of a member of the query, named as in JSON, that makes no sense.
	Wrong func(member, format string, args ...any) error
}

// Jobs returns the query for the jobs of a kind that q means for who asks. A nil q asks for all of its own.
func (q *Query) Jobs(kind string, a *Asker) (*job.Query, error) {
	if q == nil {
		q = &Query{}
	}
	limit, user := cmp.Or(q.MaxResults, 50), cmp.Or(q.UserID, a.Who.User)
	all := q.UserID == everybody // though somebody may be called so
	if limit < 1 || limit > docstore.MaxPage {
		return nil, a.Wrong("max_results", "must be 1 to %d, got %d", docstore.MaxPage, q.MaxResults)
	}
	for _, state := range q.Status {
		switch state {
		case job.Initiated, job.Processing, job.Completed, job.Failed, job.Cancelled, job.Expired:
		default:
			return nil, a.Wrong("status", "no state is called %q", state)
		}
	}
	if all || user != a.Who.User {
		if err := a.Others(); err != nil {
			return nil, err
		}
	}
	if all {
		user = ""
	}
	return &job.Query{Tenant: a.Who.Tenant, Kind: kind, States: q.Status, User: user, After: q.After, Limit: limit}, nil
}

// Page returns at most q.Limit jobs as show has them, without those for which it returns false, and where the next page begins; nil if
// nothing that is shown follows.
func Page[E any](ctx context.Context, jobs *job.Jobs, q *job.Query, show func(*job.Job) (E, bool, error)) ([]E, *docstore.Cursor, error) {
	page, ask := make([]E, 0, q.Limit), *q
	ask.Limit = min(q.Limit+1, docstore.MaxPage)
	var last *docstore.Cursor
	for j, err := range jobs.All(ctx, &ask) {
		if err != nil {
			return nil, nil, err
		}
		e, shown, err := show(j)
		switch {
		case err != nil:
			return nil, nil, err
		case !shown:
			continue
		case len(page) == q.Limit:
			return page, last, nil
		}
		page, last = append(page, e), j.Cursor()
	}
	return page, nil, nil
}
