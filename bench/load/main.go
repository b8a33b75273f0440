// Load measures the reference server on loopback, from the outside: it builds it, starts it with the sample
// records in a directory of its own, asks it at a fixed rate, and prints the figures beside their targets.
//
//	go run ./bench/load          # a minute and a half
//	go run ./bench/load -cold    # with a build whose cache is empty
//
// # How it is measured
//
// The load is open: requests have times at which they are due, at random intervals of a fixed seed, whether or not the
// answers before have come, and a request has taken from the time it was due until the last byte of its answer was read.
// A server that cannot keep up is therefore seen in the latency, not in a lower rate. Server and load share
// the machine. Each request is another question; every answer is checked.
//
// What others do on the machine at that time is in the figures: the CPU time of the server for one request is less
// disturbed, and is printed beside them, as is the time that a query takes to be parsed here.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"time"

	"github.com/digit-health/dhr/jql"
)

// A plan is what the flags say.
type plan struct {
	dir, server string
	rate        float64
	each        time.Duration
	steps       int
	cold        bool
	gzip        bool
	only        string
}

func main() {
	var p plan
	flag.StringVar(&p.server, "server", "", "measure this `program` instead of building one from ./server")
	flag.Float64Var(&p.rate, "rate", 200, "offer so many requests a second")
	flag.DurationVar(&p.each, "for", 10*time.Second, "measure each kind of request for so long, at most a minute")
	flag.IntVar(&p.steps, "steps", 8, "raise the rate at most so many times to find the greatest; 0 does not look for it")
	flag.BoolVar(&p.cold, "cold", false, "build with an empty cache, and print how long that takes")
	flag.BoolVar(&p.gzip, "gzip", false, "ask for compressed answers")
	flag.StringVar(&p.only, "only", "", "measure this `kind` of request alone; "+beside+" is for pages beside exports")
	flag.Parse()
	p.each = min(max(p.each, time.Second), time.Minute)
	p.steps = min(p.steps, 12)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := p.run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func (p *plan) run(ctx context.Context) (err error) {
	if p.dir, err = os.MkdirTemp("", "dhr-load-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(p.dir)) }()
	say("%s/%s, %d CPUs, %s\n\n%-34s %12s %12s\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), "", "measured", "target")
	line("machine: parse of a query", fmt.Sprintf("%.0f ns", thermometer()), "350 ns", "on a quiet machine of 2026; how much slower this is now explains the rest")
	if err := p.build(ctx); err != nil {
		return err
	}
	s, err := p.starts(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := p.load(ctx, s); err != nil {
		return err
	}
	line("machine: parse of a query", fmt.Sprintf("%.0f ns", thermometer()), "350 ns", "at the end")
	return idleAfter(ctx, s)
}

// thermometer returns how long it takes to parse a typical query, in ns: something that depends on nothing but the
// machine, and on how busy it is.
func thermometer() float64 {
	const n = 200_000
	begun := time.Now()
	for range n {
		if _, err := jql.Parse(`status = open AND diagnosis ~ malaria`, nil); err != nil {
			return 0
		}
	}
	return float64(time.Since(begun).Nanoseconds()) / n
}

// build builds the server, and prints its size.
func (p *plan) build(ctx context.Context) error {
	if p.server == "" {
		p.server = filepath.Join(p.dir, "server")
		took, cpu, err := build(ctx, p.server, p.dir, p.cold)
		if err != nil {
			return err
		}
		if p.cold {
			line("build, cache empty", fmt.Sprintf("%.0f s", took.Seconds()), "180 s", fmt.Sprintf("%.0f s CPU", cpu.Seconds()))
		}
	}
	st, err := os.Stat(p.server)
	if err != nil {
		return err
	}
	line("binary", fmt.Sprintf("%.1f MB", float64(st.Size())/1e6), "45 MB", "")
	return nil
}

// starts starts the server twice, the first time without data, and leaves the second one running.
func (p *plan) starts(ctx context.Context) (*server, error) {
	data := filepath.Join(p.dir, "data")
	s, err := start(ctx, p.server, data, 2*time.Minute)
	if err != nil {
		return nil, err
	}
	u := s.used()
	line("first start, with the sample", fmt.Sprintf("%.1f s", s.took.Seconds()), "10 s", fmt.Sprintf("%.1f s CPU, peak %s", u.cpu.Seconds(), megabytes(u.peak)))
	if err := pause(ctx, settle); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	line("memory after it", megabytes(s.used().resident), "60 MB", "")
	if err := s.stop(); err != nil {
		return nil, err
	}
	if s, err = start(ctx, p.server, data, time.Minute); err != nil {
		return nil, err
	}
	line("start with data", fmt.Sprintf("%.0f ms", s.took.Seconds()*1e3), "1000 ms", fmt.Sprintf("%.2f s CPU", s.used().cpu.Seconds()))
	if err := pause(ctx, settle); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	line("memory, idle", megabytes(s.used().resident), "60 MB", "")
	return s, nil
}

// settle is how long a server is left alone before its memory is looked at.
const settle = 15 * time.Second

func idleAfter(ctx context.Context, s *server) error {
	if err := pause(ctx, settle); err != nil {
		return err
	}
	u := s.used()
	line("memory after the load, idle", megabytes(u.resident), "60 MB", "peak "+megabytes(u.peak))
	return nil
}

// say prints to the standard output.
func say(format string, args ...any) {
	_, _ = fmt.Fprintf(os.Stdout, format, args...) // nobody could be told
}

// line prints one figure.
func line(what, measured, target, more string) {
	say("%-34s %12s %12s  %s\n", what, measured, target, more)
}

func megabytes(n int64) string {
	if n < 0 {
		return "unknown"
	}
	return fmt.Sprintf("%.0f MB", float64(n)/1e6)
}

// pause waits, unless ctx ends before.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
