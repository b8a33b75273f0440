package job

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"log/slog"
	randv2 "math/rand/v2"
	"os"
	"time"
)

// Options are the settings of [Jobs]. The zero value is all defaults.
type Options struct {
	// Workers is how many jobs this process works on at once. If zero, 2.
	Workers int
	// Limits bound how many are worked on at once by all processes together.
	Limits Limits
	// MaxAttempts is that of jobs that say nothing else. If zero, 5.
	MaxAttempts int
	// Backoff returns how long to wait after a number of failed attempts, from 1 on. If nil,
	// a second, doubled with each attempt up to five minutes, of which a random part
	// between a half and the whole.
	Backoff func(attempt int) time.Duration
	// Lease is how long a worker may be silent before others go on. If zero, 15 seconds. It is renewed
	// three times as often.
	Lease time.Duration
	// Poll is how often the store is asked what others have changed. If zero, 500 milliseconds.
	Poll time.Duration
	// Patience is how long a job that is due waits for the runner before this process, if it
	// has a worker free, begins it by itself. If zero, 5 seconds.
	Patience time.Duration
	// Progress is the shortest time between two writes of progress of a job. If zero, a second.
	Progress time.Duration
	// Worker is the name of this process in the documents, to which a random end is added: a process that
	// begins anew is another worker. If empty, it is the name of the host and the number of the process.
	Worker string
	// Now is the clock on the wall. If nil, time.Now. What must not go wrong when
	// somebody sets it, such as leases, does not ask it.
	Now func() time.Time
	// Log hears of what went wrong and was not returned to anybody. If nil, nobody does.
	Log *slog.Logger
}

// Limits bound how many jobs, of the kinds handled here, are worked on at once over all processes.
// A zero is no limit. All processes should have the same ones.
type Limits struct {
	Total     int
	PerTenant int
	PerUser   int // of one tenant; jobs without a user are not bounded
}

const (
	offerTimeout = time.Second           // of the runner, for one offer
	pollTimeout  = 10 * time.Second      // of the store, for one question
	firstWait    = 50 * time.Millisecond // before the second attempt at a write, doubled up to a second
)

func (o *Options) withDefaults() Options {
	var all Options
	if o != nil {
		all = *o
	}
	all.Workers = cmp.Or(max(all.Workers, 0), 2)
	all.MaxAttempts = cmp.Or(max(all.MaxAttempts, 0), 5)
	all.Lease = cmp.Or(max(all.Lease, 0), 15*time.Second)
	all.Poll = cmp.Or(max(all.Poll, 0), 500*time.Millisecond)
	all.Patience = cmp.Or(max(all.Patience, 0), 5*time.Second)
	all.Progress = cmp.Or(max(all.Progress, 0), time.Second)
	if all.Backoff == nil {
		all.Backoff = backoff
	}
	if all.Now == nil {
		all.Now = time.Now
	}
	if all.Log == nil {
		all.Log = slog.New(slog.DiscardHandler)
	}
	if all.Worker == "" {
		host, err := os.Hostname()
		if err != nil {
			host = "unknown"
		}
		all.Worker = fmt.Sprintf("%s/%d", host, os.Getpid())
	}
	all.Worker += "/" + rand.Text()[:8]
	return all
}

const longestBackoff = 5 * time.Minute

// backoff is the default of Options.Backoff.
func backoff(attempt int) time.Duration {
	whole := longestBackoff
	if attempt < 10 {
		whole = min(whole, time.Second<<max(attempt-1, 0))
	}
	return whole/2 + randv2.N(whole/2+1)
}

// now returns the time on the wall as it is written to documents.
func (j *Jobs) now() time.Time { return j.opts.Now().Round(0).UTC() }
