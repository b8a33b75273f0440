package job_test

// Example submits a job and waits for its end. It gets its body with the runner.
func Example() {}
