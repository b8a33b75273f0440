package search

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/record"
)

// An Index answers the questions of principals from one engine. It checks, once
// for every engine, what a principal may see, the limits, and the form of
// every request, and wraps every error. It is safe for concurrent use.
type Index struct {
	driver Driver
	policy *access.Policy
	opts   Options
	seal   cipher.AEAD
}

// Options are the limits of an [Index] and what it needs from outside.
type Options struct {
	// Secret is what page tokens and checkpoints are sealed with: at least 32 bytes,
	// the same in all processes that share them. If nil, a random one, so that
	// tokens end with the process.
	Secret []byte
	// Now is the clock. If nil, time.Now.
	Now func() time.Time
	// Random gives the nonces of tokens. If nil, crypto/rand.
	Random io.Reader
	// Timeout is how long the engine may take to answer a page, a count, an
	// aggregation or a suggestion. If zero, 30 s; if negative, without end. Scans have none.
	Timeout time.Duration
	// Window is up to where StartAt + MaxResults may reach. If zero, 10,000,
	// which is also the most.
	Window int
	// Denied is told of the errors of access rules that cannot be resolved. Their texts
	// may name hidden fields; who asked gets ErrDenied alone. If nil, nobody is told.
	Denied func(ctx context.Context, who *access.Principal, err error)
	// PageSize is the greatest number of records on a page. If zero, 1,000.
	PageSize int
	// Indexes are the names of the indexes, aliases and data streams that there are for anybody, with * for any run of
	// characters. If empty, all that the driver has.
	Indexes []string
	// MaxIndexes is the greatest number of indexes in one question. If zero, 100.
	MaxIndexes int
}

// New returns an Index over a driver, of which principals see what the policy grants.
// The driver stays the caller's, to be closed after the last question.
func New(d Driver, policy *access.Policy, opts *Options) (*Index, error) {
	x := &Index{driver: d, policy: policy}
	if opts != nil {
		x.opts = *opts
	}
	o := &x.opts
	setDefault(&o.Timeout, 30*time.Second)
	setDefault(&o.Window, maxWindow)
	setDefault(&o.PageSize, 1000)
	setDefault(&o.MaxIndexes, 100)
	if o.Now == nil {
		o.Now = time.Now
	}
	switch {
	case d == nil || policy == nil:
		return nil, fmt.Errorf("search: %w: an index needs a driver and a policy", ErrInvalid)
	case o.Secret != nil && len(o.Secret) < 32:
		return nil, fmt.Errorf("search: %w: the secret has %d bytes, at least 32 are needed", ErrInvalid, len(o.Secret))
	case o.Window < 1 || o.Window > maxWindow || o.PageSize < 1 || o.MaxIndexes < 1:
		return nil, fmt.Errorf("search: %w: a limit is out of range", ErrInvalid)
	}
	var err error
	x.seal, err = newSeal(o.Secret, o.Random)
	return x, err
}

const maxWindow = 10000

func setDefault[T comparable](p *T, value T) {
	var zero T
	if *p == zero {
		*p = value
	}
}

// Schemas returns what a principal may ask about: the schemas of the indexes
// that names stand for, without the fields that are hidden from it or masked.
// Names are those of indexes, aliases and data streams, or patterns with *; without names, it is
// every index that the principal may see, as in [Query.Indexes]. A name that stands for none of these is ErrUnknownIndex.
func (x *Index) Schemas(ctx context.Context, who *access.Principal, names ...string) ([]*record.Schema, error) {
	ctx, cancel := x.limit(ctx)
	defer cancel()
	views, err := x.views(ctx, who, names)
	if err != nil {
		return nil, x.wrap(ctx, "schemas", err)
	}
	schemas := make([]*record.Schema, len(views))
	for i, v := range views {
		schemas[i] = v.Schema()
	}
	return schemas, nil
}

// Check returns the warnings about a query, or the error with which Page would refuse it, without asking the engine for
// records.
func (x *Index) Check(ctx context.Context, who *access.Principal, q *Query) (jql.ErrorList, error) {
	ctx, cancel := x.limit(ctx)
	defer cancel()
	r, err := x.resolve(ctx, who, q)
	if err != nil {
		return nil, x.wrap(ctx, "check", err)
	}
	return r.warnings, nil
}

// Indexes returns the names of the indexes, aliases and data streams that a
// principal may see, in their order, also of one whose schema cannot be read. There may be none.
func (x *Index) Indexes(ctx context.Context, who *access.Principal) ([]string, error) {
	ctx, cancel := x.limit(ctx)
	defer cancel()
	names, err := x.indexes(ctx, who)
	return names, x.wrap(ctx, "indexes", err)
}

func (x *Index) indexes(ctx context.Context, who *access.Principal) ([]string, error) {
	all, err := x.driver.Schemas(ctx, "*")
	broken, ok := unreadables(err)
	if !ok {
		return nil, err
	}
	var names []string
	for _, e := range broken {
		if x.allows(who, e.Unreadable()) {
			names = append(names, e.Unreadable())
		}
	}
	for _, s := range all {
		switch v, err := x.view(ctx, who, s, nil); {
		case errors.Is(err, access.ErrUnfit):
		case err != nil:
			return nil, err
		case v != nil:
			names = append(names, s.Index)
		}
	}
	slices.Sort(names)
	return names, nil
}

// serves reports whether there is an index with this name for anybody.
func (x *Index) serves(name string) bool {
	return len(x.opts.Indexes) == 0 || slices.ContainsFunc(x.opts.Indexes, func(pattern string) bool { return fits(pattern, name) })
}

// allows reports whether who may see anything of the index with this name.
func (x *Index) allows(who *access.Principal, name string) bool {
	return x.serves(name) && x.policy.Allows(who, name)
}

// fits reports whether a name is one that a pattern with * stands for.
func fits(pattern, name string) bool {
	first, rest, star := strings.Cut(pattern, "*")
	name, ok := strings.CutPrefix(name, first)
	if !ok || !star {
		return ok && name == ""
	}
	parts := strings.Split(rest, "*")
	last := parts[len(parts)-1]
	for _, part := range parts[:len(parts)-1] {
		if _, name, ok = strings.Cut(name, part); !ok {
			return false
		}
	}
	return strings.HasSuffix(name, last)
}

// errTimeout is the cause of a context that ended since the engine took too long.
var errTimeout = errors.New("search: the engine took too long")

// limit bounds the time of one interactive question.
func (x *Index) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if x.opts.Timeout < 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, x.opts.Timeout, errTimeout)
}

// wrap says of an error what was done. A question that took longer than
// the limit is an engine that is not available; complaints about the question stay what they are.
func (x *Index) wrap(ctx context.Context, doing string, err error) error {
	var complaint jql.ErrorList
	switch {
	case err == nil:
		return nil
	case errors.As(err, &complaint):
		return err
	case errors.Is(context.Cause(ctx), errTimeout) && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)):
		return fmt.Errorf("search: %s: %w: no answer within %s", doing, ErrUnavailable, x.opts.Timeout)
	}
	return fmt.Errorf("search: %s: %w", doing, err)
}
