package search

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/jql/eval"
	"github.com/digit-health/dhr/record"
)

// ScanOptions say how to scan. The zero value is one slice, in the engine's own order.
type ScanOptions struct {
	// Ordered asks for the query's order. Otherwise the order is the engine's own,
	// index by index, which is faster and the same each time a snapshot is scanned.
	Ordered bool
	// Slices is into how many disjoint parts the records are divided, which may be
	// read side by side. If zero, one.
	Slices int
	// Resume are the checkpoints at which the slices of an earlier scan of the
	// same query by the same principal ended, one for each slice. The scan goes on behind them over the very
	// same snapshot, or the error is ErrSnapshotLost.
	Resume []string
	// Source asks for whole documents in [record.Record.Source]. It is refused if the
	// principal may not see every field as it is.
	Source bool
}

// A Scanner reads every record that a query finds, once each, as they all
// stood at one moment for each index, and if the engine opens them together at one for all. It has no time limit. Close gives back what it holds.
type Scanner struct {
	x         *Index
	who       *access.Principal
	resolved  *resolved
	opts      ScanOptions
	snapshots []Snapshot
	from      []checkpoint // of each slice
	closed    atomic.Bool
}

// A checkpoint is where a slice stands.
type checkpoint struct {
	Now       int64    `json:"n"` // the instant of the question
	Question  []byte   `json:"q"`
	Ordered   bool     `json:"o,omitempty"`
	Slice     int      `json:"s"`
	Slices    int      `json:"m"`
	Snapshots []string `json:"t"` // their tokens, for each index
	Positions []string `json:"p"` // for each index; empty at the start
	Done      []bool   `json:"d"` // for each index: nothing is left
}

// Scan opens snapshots of the indexes that a query is put to. The context is for the opening alone.
func (x *Index) Scan(ctx context.Context, who *access.Principal, q *Query, opts *ScanOptions) (*Scanner, error) {
	limited, cancel := x.limit(ctx)
	defer cancel()
	s := &Scanner{x: x, who: who}
	if opts != nil {
		s.opts = *opts
	}
	setDefault(&s.opts.Slices, 1)
	err := s.open(limited, q)
	if err != nil {
		_ = s.Close() // the error of opening says more
		return nil, x.wrap(limited, "scan", err)
	}
	return s, nil
}

// maxSlices is far more than any machine reads side by side.
const maxSlices = 1024

func (s *Scanner) open(ctx context.Context, q *Query) (err error) {
	o := &s.opts
	switch {
	case s.who == nil:
		return fmt.Errorf("%w: nobody asks", ErrInvalid)
	case o.Slices < 1 || o.Slices > maxSlices:
		return fmt.Errorf("%w: %d slices", ErrInvalid, o.Slices)
	case len(o.Resume) > 0 && len(o.Resume) != o.Slices:
		return fmt.Errorf("%w: %d checkpoints for %d slices", ErrInvalid, len(o.Resume), o.Slices)
	}
	if q == nil {
		q = &Query{}
	}
	if q, err = s.readCheckpoints(q); err != nil {
		return err
	}
	if s.resolved, err = s.x.resolve(ctx, s.who, q); err != nil {
		return err
	}
	if err := s.checkResumed(); err != nil {
		return err
	}
	return s.openSnapshots(ctx)
}

func (s *Scanner) openSnapshots(ctx context.Context) (err error) {
	indexes, tokens := make([]string, len(s.resolved.targets)), make([]string, len(s.resolved.targets))
	for i, t := range s.resolved.targets {
		indexes[i] = t.plan.Schema.Index
		if s.opts.Source && !t.view.Plain() {
			return fmt.Errorf("%w: whole documents of %q, of which some fields may not be seen", ErrInvalid, indexes[i])
		}
		if len(s.from) == 0 {
			continue
		}
		if tokens[i] = s.from[0].Snapshots[i]; tokens[i] == "" {
			return fmt.Errorf("%w: the engine cannot open one of %q again", ErrSnapshotLost, indexes[i])
		}
	}
	if d, ok := s.x.driver.(snapshotter); ok {
		s.snapshots, err = d.Snapshots(ctx, indexes, tokens)
		return err
	}
	for i, index := range indexes {
		snapshot, err := s.x.driver.Snapshot(ctx, index, tokens[i])
		if err != nil {
			return err
		}
		s.snapshots = append(s.snapshots, snapshot)
	}
	return nil
}

// readCheckpoints opens the checkpoints, and returns the query as of their instant.
func (s *Scanner) readCheckpoints(q *Query) (*Query, error) {
	for _, text := range s.opts.Resume {
		var c checkpoint
		if err := s.x.open(text, principalBound("checkpoint", s.who), &c); err != nil {
			return nil, err
		}
		s.from = append(s.from, c)
	}
	if len(s.from) > 0 && q.Options.Now.IsZero() {
		again := *q
		again.Options.Now = time.UnixMilli(s.from[0].Now)
		q = &again
	}
	return q, nil
}

// checkResumed holds that the checkpoints are of this query, one for each slice.
func (s *Scanner) checkResumed() error {
	for i, c := range s.from {
		n := len(s.resolved.targets)
		switch {
		case !bytes.Equal(c.Question, s.resolved.question()), len(c.Snapshots) != n, len(c.Positions) != n, len(c.Done) != n:
			return fmt.Errorf("%w: it is of another question", ErrBadToken)
		case c.Slice != i, c.Slices != s.opts.Slices, c.Ordered != s.opts.Ordered:
			return fmt.Errorf("%w: it is slice %d of %d, not %d of %d, or of another order", ErrBadToken, c.Slice, c.Slices, i, s.opts.Slices)
		}
	}
	return nil
}

// Total returns how many records the scan finds: all slices, from the start.
func (s *Scanner) Total(ctx context.Context) (int64, error) {
	if err := s.check(); err != nil {
		return 0, s.x.wrap(ctx, "scan", err)
	}
	var total int64
	for i, t := range s.resolved.targets {
		n, err := s.snapshots[i].Count(ctx, t.plan)
		if err != nil {
			return 0, s.x.wrap(ctx, "scan", err)
		}
		total += n
	}
	return total, nil
}

// Warnings are complaints that did not keep the query from running.
func (s *Scanner) Warnings() jql.ErrorList { return s.resolved.warnings }

// AsOf is the instant that now() stands for.
func (s *Scanner) AsOf() time.Time { return s.resolved.options.Now }

// Columns are the fields of the records of each index, in the order of the
// names of the indexes.
func (s *Scanner) Columns() []*record.Projection {
	var all []*record.Projection
	for _, t := range s.resolved.targets {
		all = append(all, t.shown)
	}
	return all
}

// check reports ErrSnapshotLost if the scan is closed.
func (s *Scanner) check() error {
	if s.closed.Load() {
		return fmt.Errorf("%w: the scan is closed", ErrSnapshotLost)
	}
	return nil
}

// Close gives the snapshots back to the engine. Slices must not be read any more; what asks for
// records afterwards is told ErrSnapshotLost. Where a slice stands it says all the same.
func (s *Scanner) Close() error {
	return s.end(Snapshot.Close)
}

// Leave ends the scan as Close does, but where the engine can, it keeps the snapshots for some minutes, so that
// somebody goes on at a checkpoint. If nobody does, they end by themselves.
func (s *Scanner) Leave() error {
	return s.end(func(snapshot Snapshot) error {
		if l, ok := snapshot.(leaver); ok {
			return l.Leave()
		}
		return snapshot.Close()
	})
}

func (s *Scanner) end(one func(Snapshot) error) error {
	if s.closed.Swap(true) {
		return nil
	}
	var errs []error
	for _, snapshot := range s.snapshots {
		errs = append(errs, one(snapshot))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("search: close a scan: %w", err)
	}
	return nil
}

// Slice returns the nth slice, from 0. Slices may be read side by side, each by one goroutine.
// One that is not there has no records but the error ErrInvalid.
func (s *Scanner) Slice(n int) *Slice {
	if n < 0 || n >= s.opts.Slices {
		return &Slice{s: s, err: fmt.Errorf("%w: slice %d of %d", ErrInvalid, n, s.opts.Slices)}
	}
	at := checkpoint{
		Now: s.resolved.options.Now.UnixMilli(), Question: s.resolved.question(), Ordered: s.opts.Ordered, Slice: n, Slices: s.opts.Slices,
		Positions: make([]string, len(s.snapshots)), Done: make([]bool, len(s.snapshots)),
	}
	if len(s.from) > 0 {
		at.Positions, at.Done = append([]string(nil), s.from[n].Positions...), append([]bool(nil), s.from[n].Done...)
	}
	return &Slice{s: s, at: at}
}

// A Slice is a part of the records of a [Scanner], or all of them.
type Slice struct {
	s   *Scanner
	at  checkpoint
	err error // if it is not there
	// position is where the scan of the index being read stands, if it is read by itself.
	position func() string
	reading  int
}

// Records returns the records, to be ranged over once. When the context ends,
// so does the stream, with the context's error.
func (p *Slice) Records(ctx context.Context) record.Stream {
	return func(yield func(*record.Record, error) bool) {
		err := errors.Join(p.err, p.s.check())
		switch {
		case err != nil:
		case p.s.opts.Ordered && len(p.s.snapshots) > 1:
			err = p.merged(ctx, yield)
		default:
			err = p.inTurn(ctx, yield)
		}
		if err != nil && !errors.Is(err, errStopped) {
			yield(nil, p.s.x.wrap(ctx, "scan", err))
		}
	}
}

// errStopped ends a stream whose reader has left the loop.
var errStopped = errors.New("stopped")

// Checkpoint returns where the slice stands: behind the last record that
// Records yielded. It is called by the goroutine that ranges, also after the end or an error.
func (p *Slice) Checkpoint() (string, error) {
	if p.err != nil {
		return "", fmt.Errorf("search: checkpoint: %w", p.err)
	}
	if p.position != nil {
		p.at.Positions[p.reading] = p.position()
	}
	p.at.Snapshots = p.at.Snapshots[:0]
	for _, snapshot := range p.s.snapshots {
		p.at.Snapshots = append(p.at.Snapshots, snapshot.Token())
	}
	token, err := p.s.x.sealed(p.at, principalBound("checkpoint", p.s.who))
	if err != nil {
		return "", fmt.Errorf("search: checkpoint: %w", err)
	}
	return token, nil
}

// scan begins to read the ith index.
func (p *Slice) scan(ctx context.Context, i int, turns *any) (record.Stream, func() string) {
	t := p.s.resolved.targets[i]
	columns := t.shown
	if turns != nil {
		columns = t.read // the keys are needed to merge
	}
	return p.s.snapshots[i].Scan(ctx, &Scan{
		Plan: t.plan, Columns: columns, Source: p.s.opts.Source, Ordered: p.s.opts.Ordered,
		Slice: p.at.Slice, Slices: p.at.Slices, From: p.at.Positions[i],
		Turns: turns,
	})
}

// inTurn yields the records of one index after the other.
func (p *Slice) inTurn(ctx context.Context, yield func(*record.Record, error) bool) error {
	var out record.Record
	for i, t := range p.s.resolved.targets {
		if p.at.Done[i] {
			continue
		}
		var records record.Stream
		records, p.position = p.scan(ctx, i, nil)
		p.reading = i
		for r, err := range records {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return err
			}
			if !yield(p.show(t, r, &out), nil) {
				return errStopped
			}
		}
		p.at.Done[i] = true
	}
	return nil
}

// show returns what the principal sees of r.
func (p *Slice) show(t *target, r, out *record.Record) *record.Record {
	if p.s.opts.Source { // then every field is plain
		return r
	}
	return t.show(r, out)
}

// merged yields the records of several indexes in their common order.
func (p *Slice) merged(ctx context.Context, yield func(*record.Record, error) bool) error {
	heads, turns := make([]*scanHead, 0, len(p.s.snapshots)), new(any)
	defer func() {
		for _, h := range heads {
			h.halt()
		}
	}()
	for i, t := range p.s.resolved.targets {
		if p.at.Done[i] {
			continue
		}
		records, position := p.scan(ctx, i, turns)
		h := newScanHead(t, i, records, position)
		heads = append(heads, h)
		if h.advance(); h.err != nil {
			return h.err
		}
	}
	var out record.Record
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		var first *scanHead
		for _, h := range heads {
			if h.err != nil {
				return h.err
			}
			if h.record == nil {
				p.at.Done[h.index] = true
			} else if first == nil || eval.CompareKeys(p.s.resolved.order, h.keys, first.keys) < 0 {
				first = h
			}
		}
		if first == nil {
			return nil
		}
		p.at.Positions[first.index] = first.position()
		if !yield(p.show(first.target, first.record, &out), nil) {
			return errStopped
		}
		first.advance()
	}
}

// A scanHead is the next record of one of the indexes that are merged.
type scanHead struct {
	target   *target
	index    int
	pull     func() (*record.Record, error, bool)
	halt     func()
	position func() string
	record   *record.Record // nil at the end
	keys     []record.Value
	err      error
}

func newScanHead(t *target, index int, records record.Stream, position func() string) *scanHead {
	h := &scanHead{target: t, index: index, position: position}
	h.pull, h.halt = iter.Pull2(records)
	return h
}

// advance steps to the next record of the index.
func (h *scanHead) advance() {
	r, err, more := h.pull()
	switch {
	case !more:
		h.record = nil
	case err != nil:
		h.record, h.err = nil, err
	default:
		h.record = r
		h.keys = h.target.order.Order.Keys(h.keys[:0], r) // as the engine orders: a scan hides no ids
	}
}
