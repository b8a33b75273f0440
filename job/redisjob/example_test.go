package redisjob_test

import (
	"context"
	"log"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/sqldoc"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/job/redisjob"
)

// Each worker is a process like this one. Processes that only submit open the same store and the
// same Redis, and leave out Handle and Run.
func Example() {
	ctx := context.Background()
	store, err := sqldoc.OpenPostgres(ctx, "postgres://dhr@localhost/dhr", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	runner, err := redisjob.Open("redis://localhost:6379/0", nil)
	if err != nil {
		log.Print(err)
		return
	}
	defer runner.Close()
	jobs := job.New(docstore.New(store), runner, &job.Options{Workers: 4})
	jobs.Handle("exports", func(context.Context, *job.Run) error { return nil })
	if err := jobs.Run(ctx); err != nil {
		log.Print(err)
	}
}
