package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// beside is the name of this measurement.
const beside = "beside"

// besideRate is how often pages are asked for while exports run: as often as some people do.
const besideRate = 20

// besides measures pages of records at a modest rate, alone and while two exports run, one after another in each of two loops.
func (p *plan) besides(ctx context.Context, s *server, k *kind) error {
	say("\n%-34s %9s %9s %9s %9s %9s %9s %8s %9s %s\n", "pages beside two exports", "per s", "p50 ms", "p90 ms", "p99 ms", "max ms", "answered", "failed", "CPU ms", "KB")
	for range 2 { // the first time warms up what is used
		if _, err := s.offer(ctx, k, besideRate, warm); err != nil {
			return err
		}
	}
	alone, err := s.offer(ctx, k, besideRate, 2*p.each)
	if err != nil {
		return err
	}
	alone.print(k.name + ", alone")
	running, stop := context.WithCancel(ctx)
	var exports sync.WaitGroup
	var done atomic.Int64
	failed := make(chan error, 2)
	for n := range 2 {
		exports.Go(func() {
			if err := s.exports(running, n, &done); err != nil && running.Err() == nil {
				failed <- err
			}
		})
	}
	with, err := s.offer(ctx, k, besideRate, 2*p.each)
	stop()
	exports.Wait()
	close(failed)
	if err := errors.Join(err, <-failed); err != nil {
		return err
	}
	with.print(k.name + ", beside two exports")
	line("p99 beside exports to alone", fmt.Sprintf("%.1fx", with.at(.99).Seconds()/alone.at(.99).Seconds()), "3x", fmt.Sprintf("%d exports were completed meanwhile", done.Load()))
	if n := alone.failed + with.failed; n > 0 {
		return fmt.Errorf("%d requests failed", n)
	}
	return nil
}

// exports exports all visits, again and again until ctx ends. Each time it is another question, so that none is taken for the one before.
func (s *server) exports(ctx context.Context, loop int, done *atomic.Int64) error {
	for n := 0; ctx.Err() == nil; n++ {
		var e struct{ ID, Status string }
		body := map[string]any{"jql": fmt.Sprintf("age >= 0 OR age < -%d", 1+2*n+loop), "allowed_indexes": []string{"health-data-visits"}, "format": []string{"csv", "excel"}[loop]}
		if err := s.json(ctx, http.MethodPost, "/v1/exports", body, &e); err != nil {
			return err
		}
		for e.Status != "completed" {
			if e.Status == "failed" {
				return fmt.Errorf("the export %s failed", e.ID)
			}
			if err := pause(ctx, 100*time.Millisecond); err != nil {
				return err
			}
			if err := s.json(ctx, http.MethodGet, "/v1/exports/"+e.ID, nil, &e); err != nil {
				return err
			}
		}
		done.Add(1)
		if err := s.json(ctx, http.MethodDelete, "/v1/exports/"+e.ID, nil, nil); err != nil {
			return err
		}
	}
	return nil
}

// json sends a request with a body, if there is one, and reads the answer.
func (s *server) json(ctx context.Context, method, path string, body, into any) error {
	var text bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&text).Encode(body); err != nil {
			return err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://"+s.address+path, &text)
	if err != nil {
		return err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close() //nolint:errcheck // it is read only
	got, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s: %s", method, path, answer.Status, got[:min(len(got), 300)])
	}
	if err != nil || into == nil {
		return err
	}
	return json.Unmarshal(got, into)
}
