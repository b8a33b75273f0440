// Package localjob runs the jobs of package job in this process, with nothing installed.
//
//	jobs := job.New(docstore.New(store), localjob.New(), nil)
//
// It keeps nothing: the jobs are in the store, and survive the process there. Several processes that
// share a store, each with a runner of its own, share the work; they hear of each other's
// jobs when they poll the store. Priorities are all kept apart.
package localjob

import (
	"cmp"
	"container/heap"
	"context"
	"sync"

	"github.com/digit-health/dhr/job"
)

// A Runner hands out tickets to the workers of this process.
type Runner struct {
	mu      sync.Mutex
	runs    int // how many calls of Run there are
	waiting queue
	known   map[name]bool // those that wait
	changed chan struct{} // closed, and replaced, when there is more
}

var _ job.Runner = (*Runner)(nil)

// New returns a Runner, for one Jobs. There is nothing to close.
func New() *Runner { return &Runner{known: map[name]bool{}, changed: make(chan struct{})} }

// A name says which ticket it is.
type name struct {
	tenant, kind, id string
	turn             int64
}

func nameOf(t *job.Ticket) name { return name{t.Tenant, t.Kind, t.ID, t.Turn} }

// kept is how many tickets are kept for a Run that has not begun.
const kept = 1024

// Offer implements [job.Runner]. While nothing runs it keeps what it is offered for a Run that is about to begin, but no more
// than some: who runs later finds the job in the store.
func (r *Runner) Offer(ctx context.Context, t job.Ticket) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known[nameOf(&t)] || r.runs == 0 && len(r.waiting) >= kept {
		return nil
	}
	r.known[nameOf(&t)] = true
	heap.Push(&r.waiting, t)
	close(r.changed)
	r.changed = make(chan struct{})
	return nil
}

// Run implements [job.Runner].
func (r *Runner) Run(ctx context.Context, w *job.Worker) error {
	r.enter()
	defer r.leave()
	var working sync.WaitGroup
	defer working.Wait()
	free := make(chan struct{}, w.Concurrency)
	for {
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		t, ok := r.next(ctx)
		if !ok {
			return nil
		}
		working.Go(func() {
			defer func() { <-free }()
			w.Do(ctx, t)
		})
	}
}

func (r *Runner) enter() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.runs++
}

func (r *Runner) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.runs--; r.runs == 0 {
		r.waiting = nil
		clear(r.known)
	}
}

// next returns the best ticket, as soon as there is one, unless ctx ends.
func (r *Runner) next(ctx context.Context) (job.Ticket, bool) {
	for {
		r.mu.Lock()
		if ctx.Err() == nil && len(r.waiting) > 0 {
			t := heap.Pop(&r.waiting).(job.Ticket)
			delete(r.known, nameOf(&t))
			r.mu.Unlock()
			return t, true
		}
		changed := r.changed
		r.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return job.Ticket{}, false
		}
	}
}

// A queue is a heap of tickets, the best first.
type queue []job.Ticket

// Len implements [heap.Interface].
func (q queue) Len() int { return len(q) }

// Less implements [heap.Interface].
func (q queue) Less(a, b int) bool {
	return cmp.Or(cmp.Compare(q[b].Priority, q[a].Priority), q[a].Created.Compare(q[b].Created), cmp.Compare(q[a].ID, q[b].ID)) < 0
}

// Swap implements [heap.Interface].
func (q queue) Swap(a, b int) { q[a], q[b] = q[b], q[a] }

// Push implements [heap.Interface].
func (q *queue) Push(x any) { *q = append(*q, x.(job.Ticket)) }

// Pop implements [heap.Interface].
func (q *queue) Pop() any {
	last := len(*q) - 1
	t := (*q)[last]
	*q = (*q)[:last]
	return t
}
