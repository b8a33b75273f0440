package job

import (
	"context"
	"time"
)

// A Runner says which job is looked at next. Authors of drivers implement it; users
// hold a [Jobs], which decides by the job's document whether anything is done. A runner may lose tickets,
// hand one out twice, late or to several workers: nothing is lost and nothing done twice
// by that. What it is for is order and speed.
//
// It may be used by several goroutines at once.
type Runner interface {
	// Offer says that a job is due. It returns soon: at the latest when ctx ends. An
	// offer of a ticket that waits already changes nothing.
	Offer(ctx context.Context, t Ticket) error

	// Run hands out tickets, those of the greatest priority first and among these the
	// oldest first, until ctx ends and every call of w.Do has returned; then it returns
	// nil. It returns an error earlier only if it cannot work at all; troubles that
	// may pass it bears.
	Run(ctx context.Context, w *Worker) error
}

// A Worker is what a [Runner] runs.
type Worker struct {
	// Concurrency is how many calls of Do may be running.
	Concurrency int
	// Do looks at a job and does it if it is due and free. It returns when nothing
	// remains to be done with the ticket; it does not fail. Its context is made from that of Run.
	Do func(ctx context.Context, t Ticket)
}

// A Ticket names a job that is due. Two are the same if all of their fields are.
type Ticket struct {
	Tenant   string    `json:"tenant"`
	Kind     string    `json:"kind"`
	ID       string    `json:"id"`
	Priority int       `json:"priority,omitempty"`
	Created  time.Time `json:"created"` // when the job was submitted
	// Turn is the fence of the lease before: each time that a job is due anew, it has another turn.
	Turn int64 `json:"turn,omitempty"`
}

// ticket returns the ticket of a job that is due.
func (j *Job) ticket() Ticket {
	return Ticket{Tenant: j.Tenant, Kind: j.Kind, ID: j.ID, Priority: j.Priority, Created: j.Created, Turn: j.Fence}
}
