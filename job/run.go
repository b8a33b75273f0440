package job

import "context"

// A Run is one attempt at a job, given to its Handler and valid until that returns. It
// is safe for concurrent use.
type Run struct {
	jobs *Jobs
}

// Job returns the job as it was last read or written by this run. Its Work is where to begin.
func (r *Run) Job() *Job { panic("face") }

// Progress notes how far the work is. It never waits: the store hears of the latest
// at most as often as the Options say, and with every checkpoint.
func (r *Run) Progress(p Progress) { panic("face") }

// Checkpoint stores work, as JSON, as the place to go on from, with the latest progress. It is stored
// when Checkpoint has returned nil. While the store does not answer it tries again, until ctx or the run ends.
// The error is ErrLeaseLost if somebody else works on the job by now: then nothing was stored.
func (r *Run) Checkpoint(ctx context.Context, work any) error { panic("face") }

// Update stores a change of the job's Work, Labels, Expires, Code or Message, all of it or nothing, as
// Checkpoint does. Any other change is ErrInvalid. change may be called several times.
func (r *Run) Update(ctx context.Context, change func(*Job) error) error { panic("face") }
