package essearch

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// A Transport carries requests to a cluster: an *elasticsearch.Client, an
// *elastictransport.Client, or anything else that is an esapi.Transport. The URL
// of a request has a path and a query only; which host gets it is the transport's
// business, as are passwords and keys.
type Transport interface {
	Perform(*http.Request) (*http.Response, error)
}

// Options are settings of a Driver. The zero value is good.
type Options struct {
	// Timeout is how long the cluster may take for one answer. If zero, two
	// minutes. A context that ends sooner ends it sooner.
	Timeout time.Duration
	// Retries is how often a request is sent again that the cluster could not
	// take. If zero, 5; if negative, never.
	Retries int
	// KeepAlive is how long the cluster keeps a snapshot once it is not heard of:
	// when this process has ended, so that another may go on with it. Until it is closed
	// it is kept alive, whether it is read from or not. If zero, five minutes.
	KeepAlive time.Duration
	// Ties is the greatest number of records that are held to put them in order
	// here, where the cluster cannot: see the package comment. If zero, 100,000.
	Ties int

	// Declared are schemas whose _meta.dhr (labels, aliases, history and so on) counts
	// in place of what the cluster's mapping of the same index says. An Index with *
	// stands for all that fit. Their fields that the mapping lacks are added.
	Declared []*record.Schema

	clock   clock
	buckets int64 // how many buckets are asked for at once; if zero, onlyBuckets
}

func (o *Options) timeout() time.Duration   { return orElse(o.Timeout, 2*time.Minute) }
func (o *Options) keepAlive() time.Duration { return orElse(o.KeepAlive, 5*time.Minute) }
func (o *Options) ties() int                { return orElse(o.Ties, 100_000) }
func (o *Options) retries() int             { return max(0, orElse(o.Retries, 5)) }

func orElse[T int | int64 | time.Duration](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}

// A Driver is a search.Driver, and a search.Loader, on a cluster. It holds nothing that
// must be closed.
type Driver struct {
	client  *client
	opts    Options
	layouts layouts
}

var _ search.Loader = (*Driver)(nil)

// Open returns the driver of the cluster behind a transport. It asks the cluster nothing.
func Open(_ context.Context, t Transport, opts *Options) (*Driver, error) {
	if t == nil {
		return nil, fmt.Errorf("%w: no transport", search.ErrInvalid)
	}
	if opts == nil {
		opts = &Options{}
	}
	return &Driver{client: newClient(t, opts), opts: *opts}, nil
}

// orReal returns the clock with what is nil in it replaced by the real thing.
func (c clock) orReal() clock {
	if c.now == nil {
		c.now = time.Now
	}
	if c.random == nil {
		c.random = rand.Float64
	}
	if c.sleep == nil {
		c.sleep = sleep
	}
	if c.tick == nil {
		c.tick = sleep
	}
	return c
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
