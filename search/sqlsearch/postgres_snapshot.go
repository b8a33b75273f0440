package sqlsearch

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/digit-health/dhr/jql/eval"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/jql/sqlgen"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/exact"
)

// A pgSnapshot is an unchanging view of an index: what a hold holds.
type pgSnapshot struct {
	d          *Postgres
	index      string
	generation int64
	hold       *pgHold
	closed     atomic.Bool
}

// Snapshot implements [search.Driver]. The token opens the view again as long as this
// snapshot is open, in any process, and afterwards until the next load changes the index.
func (d *Postgres) Snapshot(ctx context.Context, index, token string) (search.Snapshot, error) {
	s, err := d.open(ctx, index, token)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Snapshots opens several, as [search.Driver] describes it. The views are of one moment.
func (d *Postgres) Snapshots(ctx context.Context, indexes, tokens []string) (all []search.Snapshot, err error) {
	defer func() {
		if err != nil {
			for _, s := range all {
				_ = s.Close()
			}
			all = nil
		}
	}()
	for i, index := range indexes {
		token := ""
		if len(tokens) > 0 {
			token = tokens[i]
		}
		var s *pgSnapshot
		if len(all) > 0 {
			first, _ := all[0].(*pgSnapshot)
			s, err = first.beside(index, token)
		}
		if s == nil && err == nil {
			s, err = d.open(ctx, index, token)
		}
		if err != nil {
			return all, err
		}
		all = append(all, s)
	}
	return all, nil
}

// beside opens the same view of another index; nil if the token is of another view.
func (s *pgSnapshot) beside(index, token string) (*pgSnapshot, error) {
	_, generation, err := parseToken(token)
	if err != nil {
		return nil, err
	}
	other, err := s.hold.snapshot(index)
	switch {
	case token == "":
		return other, err
	case err != nil:
		return nil, nil
	case other.generation != generation: // equal ones are equal views
		_ = other.Close()
		return nil, nil
	}
	return other, nil
}

// open opens a snapshot by its token, or without one of the present.
func (d *Postgres) open(ctx context.Context, index, token string) (*pgSnapshot, error) {
	name, generation, err := parseToken(token)
	if err != nil {
		return nil, err
	}
	h, err := d.newHold(ctx, name)
	if err != nil && token != "" && ctx.Err() == nil && !errors.Is(err, search.ErrOverloaded) {
		h, err = d.newHold(ctx, "")
	}
	if err != nil {
		return nil, err
	}
	defer h.leave()
	s, err := h.snapshot(index)
	switch {
	case err != nil && token != "":
		return nil, fmt.Errorf("sqlsearch: %w: there is no index %q", search.ErrSnapshotLost, index)
	case err != nil:
		return nil, err
	}
	if token != "" && s.generation != generation {
		_ = s.Close()
		return nil, fmt.Errorf("sqlsearch: %w: the index %q has changed", search.ErrSnapshotLost, index)
	}
	return s, nil
}

// parseToken takes a token apart into the name of an exported snapshot and the generation of the index.
func parseToken(token string) (name string, generation int64, err error) {
	if token == "" {
		return "", 0, nil
	}
	name, number, _ := strings.Cut(token, ":")
	generation, err = strconv.ParseInt(number, 10, 64)
	if err != nil || !exported(name) {
		return "", 0, fmt.Errorf("sqlsearch: %w: %q", search.ErrBadToken, token)
	}
	return name, generation, nil
}

// Token implements [search.Snapshot].
func (s *pgSnapshot) Token() string {
	return s.hold.name + ":" + strconv.FormatInt(s.generation, 10)
}

// Close implements [search.Snapshot].
func (s *pgSnapshot) Close() error {
	if !s.closed.Swap(true) {
		s.hold.leave()
	}
	return nil
}

// check reports ErrSnapshotLost if the snapshot is closed.
func (s *pgSnapshot) check() error {
	if s.closed.Load() || s.hold.over.Load() {
		return fmt.Errorf("sqlsearch: %w: it is closed", search.ErrSnapshotLost)
	}
	return nil
}

// Count implements [search.Snapshot].
func (s *pgSnapshot) Count(ctx context.Context, p *plan.Plan) (n int64, err error) {
	if err := s.check(); err != nil {
		return 0, err
	}
	err = s.d.ask(ctx, s.hold.name, s.index, func(ctx context.Context, v *pgView) error {
		n, err = v.count(ctx, p, 0)
		return err
	})
	return n, err
}

// Scan implements [search.Snapshot].
func (s *pgSnapshot) Scan(ctx context.Context, scan *search.Scan) (record.Stream, func() string) {
	at := &pgPosition{from: scan.From}
	if err := s.check(); err != nil {
		return failing(err), at.String
	}
	if scan.Turns != nil {
		return s.byTurns(ctx, scan, at), at.String
	}
	return s.d.stream(ctx, s.hold.name, s.index, func(ctx context.Context, v *pgView, yield func(*record.Record, error) bool) {
		v.scan(ctx, scan, at)(yield)
	}), at.String
}

// A pgPosition is where a scan stands: behind the record with a number.
type pgPosition struct {
	from string
	rid  int64
}

func (p *pgPosition) String() string {
	if p.rid == 0 {
		return p.from
	}
	return strconv.FormatInt(p.rid, 10)
}

// scan answers s, in Go where SQL cannot.
func (v *pgView) scan(ctx context.Context, s *search.Scan, at *pgPosition) record.Stream {
	l := v.layout(ctx)
	if s.Ordered && !l.CanOrder(s.Plan.Order) {
		return failing(fmt.Errorf("sqlsearch: %w: the order %v", search.ErrUnsupported, s.Plan.Order))
	}
	where, _ := exact.Narrow(s.Plan.Where, l.Can, instead)
	records, _ := exact.Scan(ctx, s, where, func(ctx context.Context, s *search.Scan) (record.Stream, func() string) {
		return v.scanned(ctx, s, at), at.String
	})
	return records
}

// scanner returns what scans the view.
func (v *pgView) scanner() exact.Scanner {
	return func(ctx context.Context, s *search.Scan) (record.Stream, func() string) {
		at := &pgPosition{from: s.From}
		return v.scanned(ctx, s, at), at.String
	}
}

// scanned answers a scan whose plan SQL can answer.
func (v *pgView) scanned(ctx context.Context, s *search.Scan, at *pgPosition) record.Stream {
	return func(yield func(*record.Record, error) bool) {
		selection, err := v.selection(ctx, s)
		if err != nil {
			yield(nil, err)
			return
		}
		for got, err := range v.selected(ctx, s.Plan, selection, s.Columns) {
			if err != nil {
				yield(nil, err)
				return
			}
			at.rid = got.rid
			if !yield(got.record, nil) {
				return
			}
		}
	}
}

// selection returns what a scan reads.
func (v *pgView) selection(ctx context.Context, s *search.Scan) (*sqlgen.Selection, error) {
	out := &sqlgen.Selection{Ordered: s.Ordered}
	last := v.x.state.Rows
	if s.Slices > 1 {
		if s.Slice < 0 || s.Slice >= s.Slices {
			return nil, fmt.Errorf("sqlsearch: %w: slice %d of %d", search.ErrInvalid, s.Slice, s.Slices)
		}
		// each slice has the numbers from low to high
		n := int64(s.Slices)
		size, rest := last/n, last%n
		i := int64(s.Slice)
		out.Low = 1 + i*size + min(i, rest)
		out.High = 1 + (i+1)*size + min(i+1, rest)
	}
	if s.From == "" {
		return out, nil
	}
	rid, err := strconv.ParseInt(s.From, 10, 64)
	if err != nil || rid < 1 || rid > last {
		return nil, fmt.Errorf("sqlsearch: %w: the position %q", search.ErrBadToken, s.From)
	}
	if !s.Ordered {
		if out.High == 0 {
			out.High = last + 1
		}
		out.Low = rid + 1
		return out, nil
	}
	out.After, err = v.keysOf(ctx, s.Plan, rid)
	return out, err
}

// keysOf returns by what the record with a number is ordered.
func (v *pgView) keysOf(ctx context.Context, p *plan.Plan, rid int64) ([]record.Value, error) {
	var paths []string
	for _, s := range p.Order {
		if s.Field != nil && s.Field.Path != "_id" && s.Field.Path != "_index" {
			paths = append(paths, s.Field.Path)
		}
	}
	columns, err := p.Schema.Project(paths...)
	if err != nil {
		return nil, err
	}
	order, err := eval.CompileOrder(p, columns)
	if err != nil {
		return nil, err
	}
	q := sqlgen.Query{
		Text: "SELECT m.rid, m.id, o.doc FROM " + v.x.tables.main + " AS m JOIN " + v.x.tables.source + " AS o ON o.rid = m.rid WHERE m.rid = $1",
		Args: []any{rid},
	}
	var keys []record.Value
	_, _, err = v.run(ctx, q, columns, 0, func(got pgFound, err error) bool {
		for _, k := range order.Keys(nil, got.record) {
			keys = append(keys, k.Clone())
		}
		return true
	})
	if err == nil && keys == nil {
		err = fmt.Errorf("sqlsearch: %w: the position %d", search.ErrBadToken, rid)
	}
	return keys, err
}
