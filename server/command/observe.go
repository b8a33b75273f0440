package command

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// observed is a driver whose calls are counted and timed.
type observed struct {
	search.Driver

	took *prometheus.HistogramVec
}

// covering and gathering are what some drivers can do besides: see [search.Driver].
type covering interface {
	Covers(ctx context.Context, name string) ([]string, error)
}

type gathering interface {
	Snapshots(ctx context.Context, indexes, tokens []string) ([]search.Snapshot, error)
}

// observe returns d with its calls counted in to.
func observe(d search.Driver, to *prometheus.Registry) search.Driver {
	o := &observed{d, prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "dhr_engine_call_seconds", Help: "How long the engine took, by call and how it ended.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
	}, []string{"call", "outcome"})}
	to.MustRegister(o.took)
	c, covers := d.(covering)
	g, gathers := d.(gathering)
	switch {
	case covers && gathers:
		return &struct {
			*observed
			covering
			gathering
		}{o, c, g}
	case covers:
		return &struct {
			*observed
			covering
		}{o, c}
	case gathers:
		return &struct {
			*observed
			gathering
		}{o, g}
	}
	return o
}

func (o *observed) note(call string, begun time.Time, err error) {
	outcome := "ok"
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		outcome = "given up"
	case err != nil:
		outcome = "failed"
	}
	o.took.WithLabelValues(call, outcome).Observe(time.Since(begun).Seconds())
}

// Read implements [search.Driver].
func (o *observed) Read(ctx context.Context, r *search.Read) record.Stream {
	return func(yield func(*record.Record, error) bool) {
		begun, last := time.Now(), error(nil)
		defer func() { o.note("read", begun, last) }()
		for r, err := range o.Driver.Read(ctx, r) {
			last = err
			if !yield(r, err) {
				return
			}
		}
	}
}

// Count implements [search.Driver].
func (o *observed) Count(ctx context.Context, p *plan.Plan, limit int64) (n int64, err error) {
	begun := time.Now()
	n, err = o.Driver.Count(ctx, p, limit)
	o.note("count", begun, err)
	return n, err
}

// Aggregate implements [search.Driver].
func (o *observed) Aggregate(ctx context.Context, questions []*search.Aggregation) (tables []*search.Table, err error) {
	begun := time.Now()
	tables, err = o.Driver.Aggregate(ctx, questions)
	o.note("aggregate", begun, err)
	return tables, err
}

// Snapshot implements [search.Driver].
func (o *observed) Snapshot(ctx context.Context, index, token string) (s search.Snapshot, err error) {
	begun := time.Now()
	s, err = o.Driver.Snapshot(ctx, index, token)
	o.note("snapshot", begun, err)
	return s, err
}
