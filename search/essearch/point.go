package essearch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/digit-health/dhr/search"
)

// A point is a point in time that the cluster keeps open. It is safe for concurrent
// use.
type point struct {
	c         *client
	product   *product
	base      context.Context // with the values of the one it was made in, without its end
	keepAlive string
	lifetime  time.Duration // what keepAlive says

	stop context.CancelFunc // ends what keep began, or nil
	kept chan struct{}      // closed when that has ended

	mu     sync.Mutex
	id     string    // the latest that the cluster gave
	used   time.Time // when it last gave one
	closed bool
}

// patience is how long opening and closing may take when nobody waits for them.
const patience = 15 * time.Second

func (d *Driver) newPoint(ctx context.Context, p *product) *point {
	lifetime := max(time.Second, d.opts.keepAlive().Truncate(time.Second))
	return &point{
		c: d.client, product: p, base: context.WithoutCancel(ctx), used: d.client.clock.now(),
		lifetime: lifetime, keepAlive: strconv.FormatInt(int64(lifetime/time.Second), 10) + "s",
	}
}

// openPoint opens a point in time of an index. If ctx ends meanwhile, what the
// cluster opens nevertheless is closed again.
func (d *Driver) openPoint(ctx context.Context, index string, p *product) (*point, error) {
	pt := d.newPoint(ctx, p)
	what, query := "/_pit", url.Values{"keep_alive": {pt.keepAlive}}
	if p.openSearch {
		what = "/_search/point_in_time"
		query.Set("allow_partial_pit_creation", "false")
	}
	path, err := indexPath(index, what)
	if err != nil {
		return nil, err
	}
	ctx, abandon := context.WithCancel(ctx)
	opened := make(chan error, 1)
	go func() {
		defer abandon()
		opened <- pt.open(&request{method: http.MethodPost, path: path, query: query})
	}()
	select {
	case err = <-opened:
	case <-ctx.Done():
		select {
		case err = <-opened:
		default:
			go func() {
				if <-opened == nil {
					_ = pt.close()
				}
			}()
			return nil, ctx.Err()
		}
	}
	if err != nil {
		return nil, err
	}
	pt.keep()
	return pt, nil
}

// keep keeps the point alive until it is closed or lost, also while nothing is read from
// it: somebody may be busy with a page for long, or not have begun to read.
func (pt *point) keep() {
	ctx, stop := context.WithCancel(pt.base)
	pt.stop, pt.kept = stop, make(chan struct{})
	every := pt.lifetime / 3
	go func() {
		defer close(pt.kept)
		for pt.c.clock.tick(ctx, every) == nil {
			if pt.idle() < every {
				continue
			}
			if err := pt.check(ctx); errors.Is(err, search.ErrSnapshotLost) {
				return
			} // after any other error there is time for another try
		}
	}()
}

// idle returns for how long the cluster has not been asked.
func (pt *point) idle() time.Duration {
	pt.mu.Lock()
	defer pt.mu.Unlock()
	return pt.c.clock.now().Sub(pt.used)
}

func (pt *point) open(r *request) error {
	ctx, cancel := context.WithTimeout(pt.base, pt.c.timeout)
	defer cancel()
	var answer struct {
		ID     string `json:"id"`
		PIT    string `json:"pit_id"`
		Shards struct {
			Total, Failed int64
		} `json:"_shards"`
	}
	if err := pt.c.ask(ctx, r, &answer); err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("%w: no snapshot within %v", search.ErrUnavailable, pt.c.timeout)
		}
		return err
	}
	pt.id = answer.ID + answer.PIT
	switch {
	case pt.id == "":
		return fmt.Errorf("%w: a snapshot without an id", search.ErrBadAnswer)
	case answer.Shards.Failed > 0:
		_ = pt.close()
		return fmt.Errorf("%w: %d of %d shards failed", search.ErrPartial, answer.Shards.Failed, answer.Shards.Total)
	}
	return nil
}

// renew notes that there was an answer, and the id that it gave.
func (pt *point) renew(id string) {
	pt.mu.Lock()
	defer pt.mu.Unlock()
	pt.used = pt.c.clock.now()
	if id != "" {
		pt.id = id
	}
}

func (pt *point) latest() string {
	pt.mu.Lock()
	defer pt.mu.Unlock()
	return pt.id
}

// append appends what a search says of the point, which keeps it alive.
func (pt *point) append(b []byte) []byte {
	id, _ := json.Marshal(pt.latest()) // a string has no error
	b = append(append(b, `{"id":`...), id...)
	return append(append(append(b, `,"keep_alive":"`...), pt.keepAlive...), `"}`...)
}

// close gives the point back. One that the cluster no longer has is no error.
func (pt *point) close() error {
	id := pt.leave()
	if id == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(pt.base, patience)
	defer cancel()
	path, body := "/_pit", any(map[string]string{"id": id})
	if pt.product.openSearch {
		path, body = "/_search/point_in_time", map[string][]string{"pit_id": {id}}
	}
	text, _ := json.Marshal(body) // strings have no error
	var answer json.RawMessage
	err := pt.c.ask(ctx, &request{method: http.MethodDelete, path: path, body: text, snapshot: true}, &answer)
	if errors.Is(err, search.ErrSnapshotLost) {
		return nil
	}
	return err
}

// leave no longer keeps the point alive, so that it ends by itself. It returns the id, empty if
// the point was closed or left before.
func (pt *point) leave() string {
	pt.mu.Lock()
	id, closed := pt.id, pt.closed
	pt.closed = true
	pt.mu.Unlock()
	if closed {
		return ""
	}
	if pt.stop != nil {
		pt.stop()
		<-pt.kept
		id = pt.latest()
	}
	return id
}
