package search

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/record"
)

// PageOptions say which page. The zero value is the first 50 records with their exact total.
type PageOptions struct {
	// StartAt is how many records come before the page. StartAt and MaxResults
	// together are at most [Options.Window]; what lies beyond is reached by tokens.
	StartAt int
	// MaxResults is the greatest number of records. If zero, 50.
	MaxResults int
	// Token is the Next of the page before; the query is the same again. It does not go with StartAt.
	Token string
	// CountUpTo says how far to count: if zero, to the end; if positive, up to
	// there; if negative, not at all.
	CountUpTo int64
}

// A Page is some of the records that a query finds, in its order.
type Page struct {
	// Records may be kept.
	Records []*record.Record
	// Total is how many records match in all. If it is not exact, there are at
	// least so many; if nothing was counted, it is -1.
	Total        int64
	TotalIsExact bool
	// Next is the token of the next page; empty on the last one.
	Next string
	// Warnings are complaints that did not keep the query from running.
	Warnings jql.ErrorList
	// AsOf is the instant that now() stood for.
	AsOf time.Time
}

// Page returns one page of what a query finds, in the query's order; records of several indexes
// that compare equal in all of it stand in the order of the names of their indexes. The last thing that
// decides is the id, or where it is masked a keyed order that tells nothing of it: see package access.
//
// Complaints about the query are a jql.ErrorList. Other errors wrap ErrUnknownIndex, ErrUnknownField,
// ErrWindow, ErrBadToken, ErrInvalid or what the driver says.
func (x *Index) Page(ctx context.Context, who *access.Principal, q *Query, opts *PageOptions) (*Page, error) {
	ctx, cancel := x.limit(ctx)
	defer cancel()
	page, err := x.page(ctx, who, q, opts)
	if err != nil {
		return nil, x.wrap(ctx, "page", err)
	}
	return page, nil
}

func (x *Index) page(ctx context.Context, who *access.Principal, q *Query, opts *PageOptions) (*Page, error) {
	o, err := x.pageOptions(opts)
	if err != nil {
		return nil, err
	}
	if q == nil {
		q = &Query{}
	}
	var token pageToken
	if o.Token != "" && who != nil {
		if err := x.open(o.Token, principalBound("page", who), &token); err != nil {
			return nil, err
		}
		again := *q
		again.Seen = time.UnixMilli(token.Seen)
		if q.Options.Now.IsZero() {
			again.Options.Now = token.now()
		}
		q = &again
	}
	r, err := x.resolve(ctx, who, q)
	if err != nil {
		return nil, err
	}
	if o.Token != "" && !token.matches(r) {
		return nil, fmt.Errorf("%w: it is of another question", ErrBadToken)
	}
	counted := x.countBeside(ctx, r, o.CountUpTo)
	page := &Page{Warnings: r.warnings, AsOf: r.options.Now}
	if err = x.fill(ctx, who, page, r, &token, o); err != nil {
		counted.end()
		return nil, err
	}
	if all := page.Next == "" && o.Token == "" && (len(page.Records) > 0 || o.StartAt == 0); all {
		page.Total, page.TotalIsExact, err = counted.known(int64(o.StartAt + len(page.Records)))
	} else {
		page.Total, page.TotalIsExact, err = counted.wait()
	}
	return page, err
}

// pageOptions checks what is asked for and fills in the defaults.
func (x *Index) pageOptions(opts *PageOptions) (PageOptions, error) {
	var o PageOptions
	if opts != nil {
		o = *opts
	}
	setDefault(&o.MaxResults, min(50, x.opts.PageSize))
	switch {
	case o.StartAt < 0 || o.MaxResults < 0:
		return o, fmt.Errorf("%w: a page cannot begin at %d and have %d records", ErrInvalid, o.StartAt, o.MaxResults)
	case o.MaxResults > x.opts.PageSize:
		return o, fmt.Errorf("%w: a page of %d records, at most %d are allowed", ErrInvalid, o.MaxResults, x.opts.PageSize)
	case o.Token != "" && o.StartAt > 0:
		return o, fmt.Errorf("%w: a token says where the page begins, and so does the offset %d", ErrInvalid, o.StartAt)
	case o.StartAt > x.opts.Window-o.MaxResults && o.Token == "":
		return o, fmt.Errorf("%w: record %d, at most %d can be reached by an offset; go on with the token of a page",
			ErrWindow, int64(o.StartAt)+int64(o.MaxResults), x.opts.Window)
	}
	return o, nil
}

// fill reads the records of a page, and its token if there are more.
func (x *Index) fill(ctx context.Context, who *access.Principal, page *Page, r *resolved, token *pageToken, o PageOptions) error {
	merged, err := x.merge(ctx, r, token, o)
	if err != nil {
		return err
	}
	for {
		t, rec, err := merged.next(ctx)
		if err != nil {
			return err
		}
		if t == nil {
			return nil
		}
		if len(page.Records) == o.MaxResults {
			next := pageToken{Now: r.options.Now.UnixMilli(), Seen: r.seen.UnixMilli(), Question: r.question(), After: merged.after}
			page.Next, err = x.sealed(next, principalBound("page", who))
			return err
		}
		page.Records = append(page.Records, t.show(rec, new(record.Record)))
		merged.shown()
	}
}

// A counting is a count that runs beside the reading of a page.
type counting struct {
	// upTo is how far to count, as PageOptions have it.
	upTo  int64
	now   chan struct{} // closed when there is nothing to wait for any more
	done  chan struct{}
	stop  context.CancelFunc
	total int64
	exact bool
	err   error
}

// patience is how long the reading of a page is waited for before the counting begins: if the page turns out to have
// all of the records, nothing has to be counted.
const patience = time.Millisecond

// countBeside counts the records of every index, in a goroutine of its own.
func (x *Index) countBeside(ctx context.Context, r *resolved, upTo int64) *counting {
	ctx, cancel := context.WithCancel(ctx)
	c := &counting{upTo: upTo, now: make(chan struct{}), done: make(chan struct{}), stop: cancel, total: -1}
	if upTo < 0 {
		close(c.done)
		return c
	}
	go func() {
		defer close(c.done)
		begin := time.NewTimer(patience)
		defer begin.Stop()
		select {
		case <-begin.C:
		case <-c.now:
		case <-ctx.Done():
			c.err = ctx.Err()
			return
		}
		c.total, c.exact, c.err = x.count(ctx, r, upTo)
	}()
	return c
}

// wait returns what is counted.
func (c *counting) wait() (int64, bool, error) {
	close(c.now)
	<-c.done
	c.stop()
	return c.total, c.exact, c.err
}

// end ends the counting, whose result nobody wants.
func (c *counting) end() {
	c.stop()
	<-c.done
}

// known is wait if the total is known otherwise.
func (c *counting) known(total int64) (int64, bool, error) {
	c.end()
	switch {
	case c.upTo < 0:
		return -1, false, nil
	case c.upTo > 0 && total > c.upTo:
		return c.upTo, false, nil
	default:
		return total, true, nil
	}
}

// count adds up what the indexes hold, up to upTo if that is positive.
func (x *Index) count(ctx context.Context, r *resolved, upTo int64) (total int64, exact bool, err error) {
	for _, t := range r.targets {
		limit := int64(0)
		if upTo > 0 && upTo < math.MaxInt64 {
			// One more than wanted tells "so many" from "so many or more".
			limit = upTo - total + 1
		}
		n, err := x.driver.Count(ctx, t.plan, limit)
		if err != nil {
			return -1, false, err
		}
		if total += n; upTo > 0 && total > upTo {
			return upTo, false, nil
		}
	}
	return total, true, nil
}

// Count returns how many records a query finds: if upTo is positive, it may stop there, and says whether it did.
func (x *Index) Count(ctx context.Context, who *access.Principal, q *Query, upTo int64) (total int64, exact bool, err error) {
	ctx, cancel := x.limit(ctx)
	defer cancel()
	r, err := x.resolve(ctx, who, q)
	if err == nil {
		total, exact, err = x.count(ctx, r, max(upTo, 0))
	}
	return total, exact, x.wrap(ctx, "count", err)
}
