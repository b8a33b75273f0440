package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/digit-health/dhr/docstore"
)

// A Query asks for entries of one tenant.
type Query struct {
	Tenant string
	// User and Action, if not empty, must be those of the entry.
	User, Action string
	// From and To, if not zero, bound the time: From ≤ Time < To.
	From, To time.Time
	// After is the Seq of the entry behind which to begin, that is of the oldest that was seen. If zero, at the newest.
	After int64
	// Limit is the greatest number of entries, up to 1,000. If zero, 100.
	Limit int
}

const (
	defaultLimit = 100
	maxLimit     = 1000
	// pageBlocks is how many blocks are read at once.
	pageBlocks = 16
	// maxDays is up to how many days are asked for one by one.
	maxDays = 366
)

// List returns the first entries that match q, the newest, which has the greatest Seq, first. There
// being fewer than q.Limit means that no more follow. An entry that is not
// as its hash says is ErrBroken.
func (l *Log) List(ctx context.Context, q *Query) ([]Entry, error) {
	limit, err := q.check()
	if err != nil {
		return nil, fmt.Errorf("audit: list: %w", err)
	}
	found, err := l.list(ctx, q, limit)
	if err != nil {
		return nil, fmt.Errorf("audit: list: %w", err)
	}
	return found, nil
}

func (l *Log) list(ctx context.Context, q *Query, limit int) ([]Entry, error) {
	blocks := &docstore.Query{Tenant: tenant, Kind: kind, Any: q.labels(), Descending: true, Limit: pageBlocks}
	if q.After > 0 {
		blocks.After = &docstore.Cursor{ID: blockKey(q.After).ID}
	}
	var found []Entry
	for d, err := range l.store.All(ctx, blocks) {
		if err != nil {
			return nil, err
		}
		b, err := decodeBlock(d)
		if err != nil {
			return nil, err
		}
		if b.Latest.Before(q.From) {
			return found, nil // so is everything before it
		}
		for i := len(b.Entries) - 1; i >= 0; i-- {
			e := &b.Entries[i]
			if !q.matches(e) {
				continue
			}
			if e.Hash != e.hash() {
				return nil, fmt.Errorf("%w: entry %d was changed", ErrBroken, e.Seq)
			}
			if found = append(found, *e); len(found) == limit {
				return found, nil
			}
		}
	}
	return found, nil
}

// check returns what is wrong with q, or its limit.
func (q *Query) check() (limit int, err error) {
	if q == nil {
		return 0, fmt.Errorf("%w: no query", ErrInvalid)
	}
	if err := checkText("tenant", q.Tenant, 1, maxTenant); err != nil {
		return 0, err
	}
	if err := checkText("user", q.User, 0, maxUser); err != nil {
		return 0, err
	}
	if err := checkAction(q.Action, true); err != nil {
		return 0, err
	}
	switch {
	case q.After < 0:
		return 0, fmt.Errorf("%w: after entry %d", ErrInvalid, q.After)
	case q.Limit < 0 || q.Limit > maxLimit:
		return 0, fmt.Errorf("%w: a limit of %d, at most %d are allowed", ErrInvalid, q.Limit, maxLimit)
	case q.Limit == 0:
		return defaultLimit, nil
	}
	return q.Limit, nil
}

// labels returns labels of which every block has one that has a matching entry: the rarer, the better.
func (q *Query) labels() []string {
	switch {
	case q.User != "":
		return []string{userLabel(q.Tenant, q.User)}
	case q.Action != "":
		return []string{actionLabel(q.Tenant, q.Action)}
	case q.From.IsZero() || q.To.IsZero() || q.To.Sub(q.From) > (maxDays-1)*24*time.Hour:
		return []string{tenantLabel(q.Tenant)}
	}
	labels := []string{dayLabel(q.Tenant, q.To)}
	for day := q.From.UTC(); day.Before(q.To); day = day.AddDate(0, 0, 1) {
		labels = append(labels, dayLabel(q.Tenant, day))
	}
	return labels
}

func (q *Query) matches(e *Entry) bool {
	switch {
	case e.Tenant != q.Tenant,
		q.User != "" && e.User != q.User,
		q.Action != "" && e.Action != q.Action,
		q.After > 0 && e.Seq >= q.After,
		!q.From.IsZero() && e.Time.Before(q.From),
		!q.To.IsZero() && !e.Time.Before(q.To):
		return false
	}
	return true
}
