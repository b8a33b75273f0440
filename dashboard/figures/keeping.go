package figures

import (
	"context"
	"sync"
	"time"
)

// keeping holds what was computed, for a while, and what is being computed.
type keeping struct {
	mu    sync.Mutex
	keep  time.Duration
	now   func() time.Time
	kept  map[string]*entry
	order []*entry // those that are there, the oldest first
	size  int
}

// mostKept bounds what is kept: the number of points and records, and a few more for each gadget.
const mostKept = 200_000

// An entry is one answer, there or to come.
type entry struct {
	key   string
	until time.Time
	size  int
	done  chan struct{} // closed when it is there
	data  *Data
	err   error
}

// other is work that somebody else does, or has done.
type other struct {
	work *work
	*entry
}

func newKeeping(keep time.Duration, now func() time.Time) *keeping {
	return &keeping{keep: keep, now: now, kept: map[string]*entry{}}
}

// claim divides works into those that the caller has to do, and to settle, and those of which the answer is there or is being computed.
func (k *keeping) claim(works []*work) (mine []*work, others []other) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.expire()
	for _, w := range works {
		if e := k.kept[w.key]; e != nil {
			others = append(others, other{w, e})
			continue
		}
		w.entry = &entry{key: w.key, done: make(chan struct{})}
		k.kept[w.key] = w.entry
		mine = append(mine, w)
	}
	return mine, others
}

// settle says what came of work that was claimed. Errors are for those who wait alone.
func (k *keeping) settle(w *work, data *Data, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	e := w.entry
	e.data, e.err = data, err
	close(e.done)
	if err != nil || k.keep <= 0 {
		delete(k.kept, e.key)
		return
	}
	e.size = 50 + len(data.Records)*10
	for _, s := range data.Series {
		e.size += len(s.Points)
	}
	e.until = k.now().Add(k.keep)
	k.order = append(k.order, e)
	k.size += e.size
	k.expire()
}

// expire lets go of what is old, and of the oldest of too much.
func (k *keeping) expire() {
	now := k.now()
	for len(k.order) > 0 && (k.size > mostKept || !now.Before(k.order[0].until)) {
		e := k.order[0]
		k.order = k.order[1:]
		k.size -= e.size
		delete(k.kept, e.key)
	}
}

// wait returns the answer when it is there.
func (e *entry) wait(ctx context.Context) (*Data, error) {
	select {
	case <-e.done:
		return e.data, e.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
