package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"time"
)

// callers is how many requests may be under way at once; what is due beyond waits, and that time counts.
const callers = 64

// A result is what became of the requests of one measurement.
type result struct {
	offered  float64         // a second
	took     []time.Duration // of those that were answered well, in order
	failed   int
	why      error // the first failure
	lasted   time.Duration
	cpu      time.Duration // of the server
	received int64
}

// achieved returns how many requests a second were answered well.
func (r *result) achieved() float64 { return float64(len(r.took)) / r.lasted.Seconds() }

// at returns the latency below which the share q of requests lies.
func (r *result) at(q float64) time.Duration {
	if len(r.took) == 0 {
		return 0
	}
	return r.took[min(int(q*float64(len(r.took))), len(r.took)-1)]
}

// A due request is one with its time.
type due struct {
	at time.Time
	*request
}

// offer puts requests to the server at a rate, each at its time, until as many are
// done as are due in that time.
func (s *server) offer(outer context.Context, k *kind, rate float64, length time.Duration) (*result, error) {
	ctx, cancel := context.WithTimeout(outer, 2*length+20*time.Second) // behind it what waits counts as failed
	defer cancel()
	n := int(rate * length.Seconds())
	queue := make(chan due, n)
	r := &result{offered: rate, took: make([]time.Duration, 0, n)}
	var mu sync.Mutex
	var all sync.WaitGroup
	before := s.used().cpu
	for range callers {
		c, err := s.call(ctx)
		if err != nil {
			return nil, err
		}
		all.Go(func() {
			defer c.close()
			for d := range queue {
				size, err := c.ask(ctx, d.request)
				took := time.Since(d.at)
				mu.Lock()
				if err == nil {
					r.took, r.received = append(r.took, took), r.received+size
				} else if r.failed++; r.why == nil {
					r.why = fmt.Errorf("%s: %w", d.text, err)
				}
				mu.Unlock()
			}
		})
	}
	begun := time.Now()
	schedule(ctx, k, rate, n, begun, queue)
	close(queue)
	all.Wait()
	r.lasted = max(time.Since(begun), length)
	r.cpu = s.used().cpu - before
	r.failed += n - len(r.took) - r.failed // those that were never sent
	slices.Sort(r.took)
	return r, outer.Err()
}

// schedule puts n requests into the queue, each when it is due.
func schedule(ctx context.Context, k *kind, rate float64, n int, begun time.Time, queue chan<- due) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	random, at := rand.New(rand.NewPCG(1, uint64(n))), begun //nolint:gosec // a fixed seed is wanted
	for range n {
		at = at.Add(time.Duration(random.ExpFloat64() / rate * float64(time.Second)))
		sleepUntil(at)
		if ctx.Err() != nil {
			return
		}
		queue <- due{at, k.next()}
	}
}

// A caller is a connection to the server.
type caller struct {
	s    *server
	conn net.Conn
	in   *bufio.Reader
	body bytes.Buffer
}

func (s *server) call(ctx context.Context) (*caller, error) {
	conn, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	return &caller{s: s, conn: conn, in: bufio.NewReaderSize(conn, 64<<10)}, nil
}

func (c *caller) close() { _ = c.conn.Close() }

// ask sends a request, reads the answer to its end, checks it, and returns its size.
func (c *caller) ask(ctx context.Context, r *request) (int64, error) {
	if end, ok := ctx.Deadline(); ok {
		if err := c.conn.SetDeadline(end); err != nil {
			return 0, err
		}
	}
	if _, err := c.conn.Write(r.wire); err != nil {
		return 0, err
	}
	answer, err := http.ReadResponse(c.in, nil) //nolint:bodyclose // it is read to its end, and the connection is the caller's
	if err != nil {
		return 0, err
	}
	c.body.Reset()
	size, err := io.Copy(&c.body, answer.Body)
	if err != nil {
		return size, err
	}
	if answer.StatusCode != http.StatusOK {
		return size, fmt.Errorf("answered with %s: %s", answer.Status, c.body.Bytes()[:min(c.body.Len(), 300)])
	}
	if answer.Header.Get("Content-Encoding") == "" && !bytes.Contains(c.body.Bytes()[:min(c.body.Len(), 4096)], []byte(r.expect)) {
		return size, fmt.Errorf("the answer is without %s: %s", r.expect, c.body.Bytes()[:min(c.body.Len(), 300)])
	}
	if answer.Close {
		return size, errors.New("the server closed the connection")
	}
	return size, nil
}
