package command

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/digit-health/dhr/export/process"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/job/localjob"
	"github.com/digit-health/dhr/job/redisjob"
)

// worker is the role of a process that works on exports. It answers no requests for it.
const worker = "worker"

// openExports opens what exports, and those of FHIR, are made with, if the process takes them or works on them.
func (o *parts) openExports(ctx context.Context, roles []string, log *slog.Logger) error {
	works := slices.Contains(roles, worker)
	if !works && !slices.Contains(roles, "export") && !slices.Contains(roles, "fhir") {
		return nil
	}
	c := o.config
	files, err := o.openFiles()
	if err != nil {
		return err
	}
	spool := c.Exports.Spool
	if spool == "" {
		spool = filepath.Join(c.Server.Data, "spool")
	}
	if err := os.MkdirAll(spool, 0o700); err != nil {
		return err
	}
	runner, err := o.openRunner(works, log)
	if err != nil {
		return err
	}
	o.jobs = job.New(o.store, runner, &job.Options{
		Workers: c.Jobs.Workers, MaxAttempts: c.Jobs.Attempts, Lease: c.Jobs.Lease, Log: log,
		Limits: job.Limits{Total: c.Jobs.Total, PerTenant: c.Jobs.PerTenant, PerUser: c.Jobs.PerUser},
	})
	if works || slices.Contains(roles, "fhir") {
		if err := o.openFHIR(ctx, files, spool+"-fhir", log); err != nil {
			return err
		}
	}
	if !works && !slices.Contains(roles, "export") {
		return nil
	}
	o.exports = &process.Config{
		Formats: exportFormats(c), Files: files, Scheme: c.Storage.Default, Plain: c.Exports.Plain, Links: c.Exports.Links, Jobs: o.jobs,
		Spool: spool, Retention: c.Exports.Retention, Sweep: c.Exports.Sweep,
		PartRows: int64(c.Exports.PartRows), PartBytes: int64(c.Exports.PartBytes),
		Limits: process.Limits{
			Records: int64(c.Exports.MaxRecords), Bytes: int64(c.Exports.MaxBytes), Parts: c.Exports.MaxFiles,
			PerUser: c.Exports.PerUser, PerTenant: c.Exports.PerTenant,
		},
	}
	return nil
}

// openRunner opens what tells workers who works next; nil if this process has none of them, and no way to tell others.
func (o *parts) openRunner(works bool, log *slog.Logger) (job.Runner, error) {
	address := o.config.Jobs.RedisURL.Reveal()
	switch {
	case address == "" && works:
		return localjob.New(), nil
	case address == "":
		return nil, nil //nolint:nilnil // workers find in the store what there is
	}
	r, err := redisjob.Open(address, &redisjob.Options{Log: log})
	if err != nil {
		return nil, err
	}
	o.closers = append(o.closers, r.Close)
	if works {
		return r, nil
	}
	return offering{r}, nil
}

// offering tells others who works next, and has no workers itself.
type offering struct{ job.Runner }

// Run implements [job.Runner].
func (offering) Run(context.Context, *job.Worker) error { return job.ErrNoRunner }

// drainTimeout is how long exports that are being written may go on when the server ends. Then they are handed
// back, and go on where they stopped when somebody works again.
const drainTimeout = 10 * time.Second

// drain has no export begin any more, and waits for those that are being written.
func (o *parts) drain(ctx context.Context, within time.Duration) error {
	if o.jobs == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, min(within, drainTimeout))
	defer cancel()
	return o.jobs.Drain(ctx)
}
