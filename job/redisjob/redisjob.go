// Package redisjob runs the jobs of package job in several processes, which hear of them over Redis.
//
//	runner, err := redisjob.Open("redis://localhost:6379/0", nil)
//	if err != nil {
//		return err
//	}
//	defer runner.Close()
//	jobs := job.New(docstore.New(store), runner, nil)
//
// Redis holds nothing that matters: the jobs are in the store, and a Redis that is emptied, restarted or gone
// makes them begin later, not never. Processes that submit and processes that work may
// be different ones; they need the same store and the same Redis. All that work on one Options.Queue
// should handle the same kinds.
//
// # asynq
//
// Tickets are tasks of asynq, in three queues, of which the higher is always asked first: Queue-high
// for priorities above 0, Queue-normal for 0, Queue-low below. Among equals of a queue the one offered first
// comes first.
//
// A task is active in asynq as long as the job is worked on. What asynq does with the task decides
// nothing, though: it tries a cancelled task again whatever the handler says, and a
// worker then finds in the store that there is nothing to do. Who wants to cancel a job cancels it
// in Jobs. Package redismon shows the queues to administrators.
package redisjob

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/digit-health/dhr/job"
)

// Options are the settings of a [Runner]. The zero value is all defaults.
type Options struct {
	// Queue is with what the names of the three queues begin. If empty, "dhr".
	Queue string
	// Check is about how often an idle process asks Redis for work. If zero, 100 milliseconds.
	Check time.Duration
	// Log hears of troubles with Redis. If nil, nobody does.
	Log *slog.Logger
}

// A Runner offers tickets to, and takes them from, queues in Redis.
type Runner struct {
	opts   Options
	client *asynq.Client
	redis  redis.UniversalClient
	own    bool // redis is closed with the runner
}

var _ job.Runner = (*Runner)(nil)

// Open returns a Runner for the Redis at an address, such as
// "redis://user:password@host:6379/0", "rediss://…" or "unix:///path". It does not connect yet: a Redis that
// is not there is no error until Ping. The runner is to be closed after the last Run has returned.
func Open(address string, opts *Options) (*Runner, error) {
	parsed, err := redis.ParseURL(address)
	if err != nil {
		return nil, fmt.Errorf("redisjob: the address of Redis: %w", withoutAddress(err))
	}
	parsed.ContextTimeoutEnabled = true
	r := New(redis.NewClient(parsed), opts)
	r.own = true
	return r, nil
}

// withoutAddress returns an error that does not show a password.
func withoutAddress(err error) error {
	var bad *url.Error
	if errors.As(err, &bad) {
		return bad.Err
	}
	return err
}

// New returns a Runner over a client, of a cluster for example, which stays the caller's.
func New(client redis.UniversalClient, opts *Options) *Runner {
	r := &Runner{redis: client, client: asynq.NewClientFromRedisClient(client)}
	if opts != nil {
		r.opts = *opts
	}
	if r.opts.Queue == "" {
		r.opts.Queue = "dhr"
	}
	if r.opts.Check <= 0 {
		r.opts.Check = 100 * time.Millisecond
	}
	if r.opts.Log == nil {
		r.opts.Log = slog.New(slog.DiscardHandler)
	}
	return r
}

// Ping returns nil if Redis answers.
func (r *Runner) Ping(ctx context.Context) error {
	if err := r.redis.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("redisjob: %w", err)
	}
	return nil
}

// Close closes what Open has opened.
func (r *Runner) Close() error {
	if !r.own {
		return nil
	}
	return r.redis.Close()
}

const (
	high   = "-high"
	normal = "-normal"
	low    = "-low"
)

// queue returns the queue of a priority.
func (r *Runner) queue(priority int) string {
	switch {
	case priority > 0:
		return r.opts.Queue + high
	case priority < 0:
		return r.opts.Queue + low
	}
	return r.opts.Queue + normal
}

// longest is how long asynq lets a task run, which needs some limit: the job's lease is what counts.
const longest = 10 * 365 * 24 * time.Hour

// Offer implements [job.Runner].
func (r *Runner) Offer(ctx context.Context, t job.Ticket) error {
	payload, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("redisjob: offer: %w", err)
	}
	_, err = r.client.EnqueueContext(ctx, asynq.NewTask(t.Kind, payload),
		asynq.TaskID(taskID(&t)), asynq.Queue(r.queue(t.Priority)), asynq.Timeout(longest))
	if err != nil && !errors.Is(err, asynq.ErrTaskIDConflict) { // it waits already
		return fmt.Errorf("redisjob: offer: %w", err)
	}
	return nil
}

// taskID returns the name of a ticket's task, of which there is one at a time.
func taskID(t *job.Ticket) string {
	parts := []string{url.PathEscape(t.Kind), url.PathEscape(t.Tenant), url.PathEscape(t.ID), strconv.FormatInt(t.Turn, 10)}
	return strings.Join(parts, "/")
}

// Run implements [job.Runner].
func (r *Runner) Run(ctx context.Context, w *job.Worker) error {
	server := asynq.NewServerFromRedisClient(r.redis, asynq.Config{
		Concurrency:              w.Concurrency,
		Queues:                   map[string]int{r.opts.Queue + high: 3, r.opts.Queue + normal: 2, r.opts.Queue + low: 1},
		StrictPriority:           true,
		TaskCheckInterval:        r.opts.Check,
		DelayedTaskCheckInterval: time.Second,
		RetryDelayFunc:           func(int, error, *asynq.Task) time.Duration { return time.Second },
		Logger:                   logger{r.opts.Log},
		LogLevel:                 asynq.WarnLevel,
	})
	var working sync.WaitGroup
	var mu sync.Mutex
	stopped := false
	err := server.Start(asynq.HandlerFunc(func(_ context.Context, task *asynq.Task) error {
		var t job.Ticket
		if err := json.Unmarshal(task.Payload(), &t); err != nil {
			return fmt.Errorf("redisjob: task: %w: %w", err, asynq.SkipRetry)
		}
		mu.Lock()
		if stopped {
			mu.Unlock()
			return errStopping // asynq has it tried again
		}
		working.Add(1)
		mu.Unlock()
		defer working.Done()
		w.Do(ctx, t)
		return nil
	}))
	if err != nil {
		return fmt.Errorf("redisjob: run: %w", err)
	}
	<-ctx.Done()
	server.Stop()
	mu.Lock()
	stopped = true
	mu.Unlock()
	working.Wait() // also for those that asynq has given up
	server.Shutdown()
	return nil
}

var errStopping = errors.New("redisjob: the worker is stopping")

// A logger has asynq write to a slog.Logger.
type logger struct{ log *slog.Logger }

// Debug implements [asynq.Logger].
func (l logger) Debug(args ...any) { l.log.Debug("asynq: " + fmt.Sprint(args...)) }

// Info implements [asynq.Logger].
func (l logger) Info(args ...any) { l.log.Info("asynq: " + fmt.Sprint(args...)) }

// Warn implements [asynq.Logger].
func (l logger) Warn(args ...any) { l.log.Warn("asynq: " + fmt.Sprint(args...)) }

// Error implements [asynq.Logger].
func (l logger) Error(args ...any) { l.log.Error("asynq: " + fmt.Sprint(args...)) }

// Fatal implements [asynq.Logger]. It does not end the process.
func (l logger) Fatal(args ...any) { l.log.Error("asynq: " + fmt.Sprint(args...)) }
