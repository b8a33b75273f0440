package esdoc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/digit-health/dhr/docstore"
)

// refreshed is the answer to a refresh.
type refreshed struct{}

const (
	firstLook = 2 * time.Millisecond
	lastLook  = 200 * time.Millisecond
	// looking is how long to wait for operations that are under way.
	looking = 30 * time.Second
)

// settled returns the number of an operation on an index up to which all are done, and which is
// not before any that was done when it was called. Operations get their numbers
// before they are carried out, side by side: one with a smaller number may be found later
// than one with a greater. It waits, for a moment, for those that are under way, and for a
// primary shard that starts.
func (d *Driver) settled(ctx context.Context, kind string) (int64, error) {
	last, done, err := d.sequence(ctx, kind)
	end, known := time.Now().Add(looking), err == nil
	for wait := firstLook; ; wait = min(2*wait, lastLook) {
		switch {
		case err == nil && done >= last:
			return last, nil
		case err != nil && !errors.Is(err, errStarting), time.Now().After(end) && err != nil:
			return 0, err
		case time.Now().After(end):
			return 0, fmt.Errorf("%w: operation %d of %q is not done after %v", docstore.ErrUnavailable, done+1, d.prefix+kind, looking)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return 0, ctx.Err()
		}
		var newer int64
		if newer, done, err = d.sequence(ctx, kind); !known && err == nil {
			last, known = newer, true
		}
	}
}

// errStarting is an index whose primary shard does not answer yet.
var errStarting = fmt.Errorf("%w: the index has no single primary shard that answers", docstore.ErrUnavailable)

// sequence returns the number of the last operation on an index, and that up to which all are done.
func (d *Driver) sequence(ctx context.Context, kind string) (last, done int64, err error) {
	var answer struct {
		Indices map[string]struct {
			Shards map[string][]struct {
				Routing struct {
					Primary bool `json:"primary"`
				} `json:"routing"`
				SeqNo *struct {
					Max        int64 `json:"max_seq_no"`
					Checkpoint int64 `json:"global_checkpoint"`
				} `json:"seq_no"`
			} `json:"shards"`
		} `json:"indices"`
	}
	path := d.index(kind) + "/_stats/docs?level=shards&filter_path=indices.*.shards.*.routing.primary,indices.*.shards.*.seq_no"
	if err := d.do(ctx, &call{method: http.MethodGet, path: path}, &answer); err != nil {
		return 0, 0, err
	}
	for _, index := range answer.Indices {
		if len(index.Shards) != 1 || len(answer.Indices) != 1 {
			break
		}
		for _, copies := range index.Shards {
			for _, c := range copies {
				if c.Routing.Primary && c.SeqNo != nil {
					return c.SeqNo.Max, c.SeqNo.Checkpoint, nil
				}
			}
		}
	}
	return 0, 0, errStarting
}
