package main

import (
	"context"
	"fmt"
	"time"
)

// load measures each kind at the rate that the flags say, and finds the greatest rate for pages.
func (p *plan) load(ctx context.Context, s *server) error {
	kinds, err := p.kinds(ctx, s)
	if err != nil {
		return err
	}
	say("\n%-34s %9s %9s %9s %9s %9s %9s %8s %9s %s\n", "requests at a fixed rate", "per s", "p50 ms", "p90 ms", "p99 ms", "max ms", "answered", "failed", "CPU ms", "KB")
	failed := 0
	for _, k := range kinds {
		if p.only != "" && p.only != k.name {
			continue
		}
		if _, err := s.offer(ctx, k, p.rate, warm); err != nil {
			return err
		}
		r, err := s.offer(ctx, k, p.rate, p.each)
		if err != nil {
			return err
		}
		r.print(k.name + ", " + k.about)
		if k.p50 > 0 {
			say("%-34s %9s %9s %9s %9s\n", "  target", "", target(k.p50), "", target(k.p99))
		}
		failed += r.failed
	}
	if p.only == "" || p.only == beside {
		if err := p.besides(ctx, s, kinds[0]); err != nil {
			return err
		}
	}
	for _, k := range kinds[:1] {
		if p.steps <= 0 || p.only != "" && p.only != k.name {
			continue
		}
		if err := p.peak(ctx, s, k); err != nil {
			return err
		}
	}
	say("\n")
	if failed > 0 {
		return fmt.Errorf("%d requests failed", failed)
	}
	return nil
}

// warm is how long requests are put before they count.
const warm = 2 * time.Second

func target(ms float64) string {
	if ms == 0 {
		return ""
	}
	return fmt.Sprintf("%g", ms)
}

// peak raises the rate until the server cannot keep up: until less than 95 of 100 requests are answered
// within the time in which they are due, or any fails.
func (p *plan) peak(ctx context.Context, s *server, k *kind) error {
	say("\nhow much it can do: %s, %s\n", k.name, k.about)
	rate, best := p.rate, 0.0
	for range p.steps {
		r, err := s.offer(ctx, k, rate, 4*time.Second)
		if err != nil {
			return err
		}
		r.print(fmt.Sprintf("  offered %.0f/s", rate))
		best = max(best, r.achieved())
		if r.failed > 0 || r.achieved() < 0.95*rate {
			break
		}
		rate *= 1.3
	}
	line("greatest rate of answers", fmt.Sprintf("%.0f/s", best), "", "")
	return nil
}

func (r *result) print(name string) {
	ms := func(d time.Duration) float64 { return d.Seconds() * 1e3 }
	n := max(len(r.took), 1)
	say("%-34s %9.0f %9.2f %9.2f %9.2f %9.2f %9d %8d %9.2f %.1f\n", name, r.achieved(), ms(r.at(.5)), ms(r.at(.9)), ms(r.at(.99)), ms(r.at(1)),
		len(r.took), r.failed, ms(r.cpu)/float64(n), float64(r.received)/float64(n)/1e3)
	if r.why != nil {
		say("  the first failure: %v\n", r.why)
	}
}
