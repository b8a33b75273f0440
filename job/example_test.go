package job_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/memdoc"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/job/localjob"
)

// A job is submitted, worked on in the background, and watched until it is finished. The store is the truth:
// with one that lasts, such as sqldoc's, the job survives the process.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	jobs := job.New(docstore.New(memdoc.New()), localjob.New(), nil)
	jobs.Handle("exports", func(ctx context.Context, run *job.Run) error {
		next := struct{ Part int }{Part: 1}
		if work := run.Job().Work; work != nil { // an earlier attempt has come so far
			if err := json.Unmarshal(work, &next); err != nil {
				return job.Permanent(err)
			}
		}
		for ; next.Part <= 3; next.Part++ {
			run.Progress(job.Progress{Phase: "writing", Done: int64(next.Part), Total: 3})
			if err := run.Checkpoint(ctx, next); err != nil {
				return err
			}
		}
		return nil
	})
	done := make(chan error)
	go func() { done <- jobs.Run(ctx) }()

	made, err := jobs.Submit(ctx, &job.Job{Tenant: "pb", Kind: "exports", User: "amara", Spec: json.RawMessage(`{"jql": "fever = true"}`)})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(made.State)
	var last *job.Job
	for j, err := range jobs.Watch(ctx, made.Tenant, made.Kind, made.ID) {
		if err != nil {
			log.Fatal(err)
		}
		last = j
	}
	fmt.Println(last.State, last.Progress.Done, "of", last.Progress.Total, string(last.Work))
	stop()
	if err := <-done; err != nil {
		log.Fatal(err)
	}
	// Output:
	// initiated
	// completed 3 of 3 {"Part":3}
}
