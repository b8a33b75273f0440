// Package exact answers in Go what an engine cannot, so that its driver need
// not refuse it: conditions that have no counterpart in the engine's language
// (WAS and CHANGED in most), and aggregations of the records that remain.
//
// # Use
//
// A driver asks [Narrow] for what its engine can answer of a plan's condition. If
// that is exact, the engine answers alone. If not, the engine finds the records
// that may match, and [Read], [Scan], [Count] or [Aggregate] look at each of them
// with package eval, which is right by definition:
//
//	where, exactly := exact.Narrow(r.Plan.Where, can, nil)
//	if !exactly {
//		return exact.Read(ctx, r, where, d.read)
//	}
//
// Nothing is answered from a part of the records: what does not fit into memory is
// an error, never a smaller answer.
package exact

import (
	"context"
	"fmt"

	"github.com/digit-health/dhr/jql/eval"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// A Reader reads records of an engine that answers plans whose leaves it can.
// It is asked without Skip and Limit; leaving the loop ends its work.
type Reader func(ctx context.Context, r *search.Read) record.Stream

// Read answers r by reading what the narrowed plan matches and leaving out
// what the plan does not match. The reader is asked for r's columns, those that
// the plan needs besides, and After.
func Read(ctx context.Context, r *search.Read, narrowed plan.Node, read Reader) record.Stream {
	if plan.Equal(narrowed, r.Plan.Where) {
		return read(ctx, r)
	}
	return func(yield func(*record.Record, error) bool) {
		f, err := newFilter(r.Plan, r.Columns)
		if err != nil {
			yield(nil, err)
			return
		}
		wider := *r
		wider.Plan, wider.Columns = withWhere(r.Plan, narrowed), f.columns
		wider.Skip, wider.Limit = 0, 0
		skip, left := r.Skip, r.Limit
		for rec, err := range f.pass(read(ctx, &wider)) {
			if err != nil {
				yield(nil, err)
				return
			}
			if skip > 0 {
				skip--
				continue
			}
			if !yield(rec.Project(r.Columns), nil) {
				return
			}
			if left--; left == 0 {
				return
			}
		}
	}
}

// Count counts the records that p matches, up to limit if that is positive.
// The order that the reader is asked for is that of p's last key alone.
func Count(ctx context.Context, p *plan.Plan, limit int64, narrowed plan.Node, read Reader) (int64, error) {
	n := int64(0)
	for _, err := range unordered(ctx, p, nil, narrowed, read) {
		if err != nil {
			return 0, err
		}
		if n++; n == limit {
			break
		}
	}
	return n, nil
}

// A Scanner scans a snapshot of an engine that answers plans whose leaves it can.
type Scanner func(ctx context.Context, s *search.Scan) (records record.Stream, position func() string)

// Scan answers s as [Read] does: by scanning what the narrowed plan matches. The
// positions are those of the scanner.
func Scan(ctx context.Context, s *search.Scan, narrowed plan.Node, scan Scanner) (records record.Stream, position func() string) {
	if plan.Equal(narrowed, s.Plan.Where) {
		return scan(ctx, s)
	}
	f, err := newFilter(s.Plan, s.Columns)
	if err != nil {
		from := s.From
		return func(yield func(*record.Record, error) bool) { yield(nil, err) }, func() string { return from }
	}
	wider := *s
	wider.Plan, wider.Columns = withWhere(s.Plan, narrowed), f.columns
	stream, position := scan(ctx, &wider)
	return func(yield func(*record.Record, error) bool) {
		for rec, err := range f.pass(stream) {
			if err == nil {
				rec = rec.Project(s.Columns)
			}
			if !yield(rec, err) || err != nil {
				return
			}
		}
	}, position
}

// ScanReader returns a reader for [Count] and [Aggregate] that reads a snapshot.
// It keeps to no order and knows no After, and so is not for [Read].
func ScanReader(scan Scanner) Reader {
	return func(ctx context.Context, r *search.Read) record.Stream {
		records, _ := scan(ctx, &search.Scan{Plan: r.Plan, Columns: r.Columns, Source: r.Source})
		return records
	}
}

// unordered reads the records that p matches, with the given fields at least.
func unordered(ctx context.Context, p *plan.Plan, fields []*record.Field, narrowed plan.Node, read Reader) record.Stream {
	simple := &plan.Plan{Schema: p.Schema, Where: p.Where, Order: p.Order[max(0, len(p.Order)-1):]}
	columns, err := project(simple, fields, p.Schema)
	if err != nil {
		return func(yield func(*record.Record, error) bool) { yield(nil, err) }
	}
	return Read(ctx, &search.Read{Plan: simple, Columns: columns}, narrowed, read)
}

// A filter leaves out records that a plan does not match.
type filter struct {
	columns *record.Projection // of the records that it takes
	matcher *eval.Matcher
}

// newFilter returns a filter that takes records with the given columns and
// those that the plan needs.
func newFilter(p *plan.Plan, columns *record.Projection) (*filter, error) {
	wide, err := project(p, columns.Fields(), columns.Schema())
	if err != nil {
		return nil, err
	}
	matcher, err := eval.Compile(p, wide)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", search.ErrUnknownField, err)
	}
	return &filter{wide, matcher}, nil
}

func (f *filter) pass(records record.Stream) record.Stream {
	return func(yield func(*record.Record, error) bool) {
		for r, err := range records {
			if err != nil {
				yield(nil, err)
				return
			}
			if f.matcher.Match(r) && !yield(r, nil) {
				return
			}
		}
	}
}

// project chooses the given fields and those that p needs besides, from s or, if
// that is of another day and lacks one, from p's own schema.
func project(p *plan.Plan, fields []*record.Field, s *record.Schema) (*record.Projection, error) {
	paths := make([]string, 0, len(fields)+4)
	seen := make(map[string]bool, cap(paths))
	for _, list := range [][]*record.Field{fields, plan.Fields(p)} {
		for _, f := range list {
			if !seen[f.Path] {
				seen[f.Path] = true
				paths = append(paths, f.Path)
			}
		}
	}
	columns, err := s.Project(paths...)
	if err != nil && s != p.Schema {
		columns, err = p.Schema.Project(paths...)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", search.ErrUnknownField, err)
	}
	return columns, nil
}

func withWhere(p *plan.Plan, where plan.Node) *plan.Plan {
	return &plan.Plan{Schema: p.Schema, Where: where, Order: p.Order}
}
