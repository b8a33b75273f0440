package job

import (
	"errors"
	"fmt"
	"time"

	"github.com/digit-health/dhr/docstore"
)

// What can go wrong, to be found by errors.Is. Errors of the store, such as
// docstore.ErrUnavailable, are found beside them.
var (
	// ErrNotFound is a job that is not there. It is docstore.ErrNotFound.
	ErrNotFound = docstore.ErrNotFound
	// ErrExists is a job submitted under the ID of another one.
	ErrExists = errors.New("the job is there already")
	// ErrInvalid is a job, a change or a query that makes no sense.
	ErrInvalid = errors.New("invalid job")
	// ErrFinished is a job that cannot be cancelled any more.
	ErrFinished = errors.New("the job is finished")
	// ErrOpen is a job that cannot be deleted yet, since it is not finished.
	ErrOpen = errors.New("the job is not finished")
	// ErrNoRunner is Run of Jobs that were made to submit work alone.
	ErrNoRunner = errors.New("no runner")

	// ErrCancelled is why a handler's context ends when somebody cancels the job.
	ErrCancelled = errors.New("the job was cancelled")
	// ErrLeaseLost is why it ends when the worker no longer holds the job, and the error of
	// every write to the job from then on.
	ErrLeaseLost = errors.New("the lease of the job was lost")
	// ErrDraining is why it ends when the process stops working. The job is handed back,
	// and the attempt does not count.
	ErrDraining = errors.New("the worker is stopping")
)

// Codes that this package itself gives as a Job's Code.
const (
	// CodeInternal is that of an error that is no Failure.
	CodeInternal = "INTERNAL"
	// CodeWorkerLost is that of a job whose workers died again and again.
	CodeWorkerLost = "WORKER_LOST"
)

// A Failure is an error by which a handler says what becomes of its job. Any other error is
// one without a word to people, which is tried again.
type Failure struct {
	// Code and Message become those of the Job. They are shown to people, and so hold
	// nothing that the user may not see.
	Code, Message string
	// Permanent ends the job as Failed at once.
	Permanent bool
	// After is how long to wait before the next attempt. If zero, as the Options say.
	After time.Duration
	// Err is the cause, for operators. It may be nil.
	Err error
}

// Error returns the failure for operators.
func (f *Failure) Error() string {
	var inner *Failure
	switch {
	case f.Err == nil:
		return fmt.Sprintf("%s: %s", f.Code, f.Message)
	case f.Message == "" && (f.Code == "" || f.Code == CodeInternal):
		return f.Err.Error()
	case errors.As(f.Err, &inner) && inner.Code == f.Code && inner.Message == f.Message:
		return f.Err.Error() // it says the same
	}
	return fmt.Sprintf("%s: %s: %v", f.Code, f.Message, f.Err)
}

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// Permanent returns an error that ends the job as Failed at once, with the code and the
// message of err if that is a Failure.
func Permanent(err error) error {
	f := failureOf(err)
	f.Permanent = true
	return f
}

// RetryAfter returns an error after which the work is tried again no sooner than d from
// now, if there is an attempt left.
func RetryAfter(err error, d time.Duration) error {
	f := failureOf(err)
	f.After = d
	return f
}

// failureOf returns a Failure that says what err says.
func failureOf(err error) *Failure {
	f := &Failure{Code: CodeInternal}
	var inner *Failure
	if errors.As(err, &inner) {
		*f = *inner
	}
	f.Err = err
	return f
}
