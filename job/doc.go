// Package job does long work in the background, so that it survives its worker.
// A [Jobs] is what users hold: it keeps every [Job] as one document of a
// docstore, which is the truth. A [Runner] is the driver behind it, in this process
// (localjob) or on Redis (redisjob): it only says which job is looked at next, and may
// forget all it was told.
//
//	jobs := job.New(docstore.New(store), localjob.New(), nil)
//	jobs.Handle("exports", func(ctx context.Context, run *job.Run) error {
//		for i := 1; i <= 3; i++ {
//			run.Progress(job.Progress{Phase: "writing", Done: int64(i), Total: 3})
//			if err := run.Checkpoint(ctx, map[string]int{"part": i}); err != nil {
//				return err
//			}
//		}
//		return nil
//	})
//	go jobs.Run(ctx)
//	made, err := jobs.Submit(ctx, &job.Job{Tenant: "pb", Kind: "exports", Spec: spec})
//
// # Life
//
// A job is [Initiated] when Submit returns, [Processing] while somebody works on it, and in
// the end [Completed], [Failed] or [Cancelled]. Its owner may make a finished one [Expired]. Work
// that failed, and work that was handed back, is Initiated again.
//
// # Leases
//
// Who works on a job holds a lease, and renews it while the handler runs. If the worker dies, the
// lease ends and another worker goes on from the last checkpoint. Every lease has a
// number, the fence, one more than the one before: a worker whose lease was lost
// cannot write to the job any more, and its handler's context ends with
// [ErrLeaseLost]. What a handler writes elsewhere bears the fence in its name if two of them
// must not meet.
//
// No clock of another machine is believed. A lease has ended when whoever looks has seen the job
// unchanged for the whole length of a lease, by his own clock, which no one sets; and the
// worker gives up before that. While the store does not answer no lease ends for others.
//
// # Handlers
//
// A handler runs at least once, and again after each failure: it begins where
// its checkpoint says. Its context ends when the job is cancelled ([ErrCancelled]), when the lease is lost
// and when the process drains ([ErrDraining]); context.Cause says which. It
// then returns soon, with an error: a nil says that the work is done, also when somebody
// had asked to cancel it. An error is tried again later, up to MaxAttempts attempts; a
// [Failure] steers what happens and says why to people.
//
// # Priorities and limits
//
// Of the jobs that are due, the one of the greatest priority is begun first, the
// oldest first among equals. Runners may know fewer levels; theirs says which. [Limits] bound how many run at once
// over all processes, for a tenant and for a user. They are never exceeded by workers that hold leases: a
// worker looks again after it has got the lease and before the handler begins.
package job
