package command

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// calls are those of an engine or a store, which are timed, and have a span each: of what is
// asked it says the kind of call and the index, and nothing else.
type calls struct {
	system string // as the span says
	took   *prometheus.HistogramVec
	tracer trace.Tracer
}

// newCalls counts calls under a name: engine or store.
func newCalls(name, system string, to *prometheus.Registry, traces trace.TracerProvider) *calls {
	c := &calls{system, prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "dhr_" + name + "_call_seconds", Help: "How long the " + name + " took, by call and how it ended.",
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
	}, []string{"call", "outcome"}), traces.Tracer("github.com/digit-health/dhr/server/command")}
	to.MustRegister(c.took)
	return c
}

// begin begins a call. The function that it returns ends it; records is how many were read, or -1.
func (c *calls) begin(ctx context.Context, call, index string) (context.Context, func(err error, records int64)) {
	begun := time.Now()
	ctx, span := c.tracer.Start(ctx, strings.TrimSpace(call+" "+index), trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("db.system.name", c.system), attribute.String("db.operation.name", call), attribute.String("db.collection.name", index)))
	return ctx, func(err error, records int64) {
		outcome := outcomeOf(err)
		c.took.WithLabelValues(call, outcome).Observe(time.Since(begun).Seconds())
		if records >= 0 {
			span.SetAttributes(attribute.Int64("db.response.returned_rows", records))
		}
		if outcome == "failed" {
			span.SetStatus(codes.Error, "") // the text may hold what was asked for
		}
		span.SetAttributes(attribute.String("dhr.outcome", outcome))
		span.End()
	}
}

func outcomeOf(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return "given up"
	case errors.Is(err, docstore.ErrNotFound), errors.Is(err, docstore.ErrConflict):
		return "refused"
	}
	return "failed"
}

// observed is a driver whose calls are counted, timed and traced.
type observed struct {
	search.Driver

	calls *calls
}

// covering and gathering are what some drivers can do besides: see [search.Driver].
type covering interface {
	Covers(ctx context.Context, name string) ([]string, error)
}

type gathering interface {
	Snapshots(ctx context.Context, indexes, tokens []string) ([]search.Snapshot, error)
}

// observe returns d with its calls observed.
func observe(d search.Driver, by *calls) search.Driver {
	o := &observed{d, by}
	c, covers := d.(covering)
	g, gathers := d.(gathering)
	switch {
	case covers && gathers:
		return &struct {
			*observed
			covering
			gathering
		}{o, c, &gathered{g, by}}
	case covers:
		return &struct {
			*observed
			covering
		}{o, c}
	case gathers:
		return &struct {
			*observed
			gathering
		}{o, &gathered{g, by}}
	}
	return o
}

// Read implements [search.Driver].
func (o *observed) Read(ctx context.Context, r *search.Read) record.Stream {
	return o.calls.stream(ctx, "read", r.Plan.Schema.Index, func(ctx context.Context) record.Stream { return o.Driver.Read(ctx, r) })
}

// stream observes a stream, from when it is ranged until it ends.
func (c *calls) stream(ctx context.Context, call, index string, open func(context.Context) record.Stream) record.Stream {
	return func(yield func(*record.Record, error) bool) {
		ctx, end := c.begin(ctx, call, index)
		var last error
		var n int64
		defer func() { end(last, n) }()
		for r, err := range open(ctx) {
			if last = err; err == nil {
				n++
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// Count implements [search.Driver].
func (o *observed) Count(ctx context.Context, p *plan.Plan, limit int64) (n int64, err error) {
	ctx, end := o.calls.begin(ctx, "count", p.Schema.Index)
	n, err = o.Driver.Count(ctx, p, limit)
	end(err, -1)
	return n, err
}

// Aggregate implements [search.Driver].
func (o *observed) Aggregate(ctx context.Context, questions []*search.Aggregation) (tables []*search.Table, err error) {
	index := ""
	if len(questions) > 0 {
		index = questions[0].Plan.Schema.Index
	}
	ctx, end := o.calls.begin(ctx, "aggregate", index)
	tables, err = o.Driver.Aggregate(ctx, questions)
	end(err, -1)
	return tables, err
}

// Snapshot implements [search.Driver].
func (o *observed) Snapshot(ctx context.Context, index, token string) (search.Snapshot, error) {
	inner, end := o.calls.begin(ctx, "snapshot", index)
	s, err := o.Driver.Snapshot(inner, index, token)
	end(err, -1)
	if err != nil {
		return nil, err
	}
	return &observedSnapshot{s, index, o.calls}, nil
}

// gathered opens several snapshots that are observed.
type gathered struct {
	gathering

	calls *calls
}

func (g *gathered) Snapshots(ctx context.Context, indexes, tokens []string) ([]search.Snapshot, error) {
	inner, end := g.calls.begin(ctx, "snapshot", "")
	all, err := g.gathering.Snapshots(inner, indexes, tokens)
	end(err, -1)
	if err != nil {
		return nil, err
	}
	for i, s := range all {
		all[i] = &observedSnapshot{s, indexes[i], g.calls}
	}
	return all, nil
}

// observedSnapshot is a snapshot whose calls are observed.
type observedSnapshot struct {
	search.Snapshot

	index string
	calls *calls
}

func (s *observedSnapshot) Count(ctx context.Context, p *plan.Plan) (int64, error) {
	ctx, end := s.calls.begin(ctx, "count", s.index)
	n, err := s.Snapshot.Count(ctx, p)
	end(err, -1)
	return n, err
}

func (s *observedSnapshot) Scan(ctx context.Context, scan *search.Scan) (record.Stream, func() string) {
	records, position := s.Snapshot.Scan(ctx, scan)
	return s.calls.stream(ctx, "scan", s.index, func(context.Context) record.Stream { return records }), position
}

// observeStore has the calls of the document store observed, if there is one.
func (o *parts) observeStore(to *prometheus.Registry) {
	if o.store != nil {
		o.store = docstore.New(&observedStore{o.documents, newCalls("store", o.config.DocstoreKind(), to, o.tracer())})
	}
}

// tracer returns the traces of the server, or some that make nothing.
func (o *parts) tracer() trace.TracerProvider {
	if o.traces == nil {
		return noop.NewTracerProvider()
	}
	return o.traces
}

// observedStore is a document store whose calls are observed.
type observedStore struct {
	driver docstore.Driver
	calls  *calls
}

var _ docstore.Driver = (*observedStore)(nil)

func (o *observedStore) Get(ctx context.Context, k docstore.Key) (*docstore.Document, error) {
	ctx, end := o.calls.begin(ctx, "get", k.Kind)
	d, err := o.driver.Get(ctx, k)
	end(err, -1)
	return d, err
}

func (o *observedStore) Put(ctx context.Context, d *docstore.Document, expect int64) (*docstore.Document, error) {
	ctx, end := o.calls.begin(ctx, "put", d.Kind)
	d, err := o.driver.Put(ctx, d, expect)
	end(err, -1)
	return d, err
}

func (o *observedStore) Delete(ctx context.Context, k docstore.Key, expect int64) error {
	ctx, end := o.calls.begin(ctx, "delete", k.Kind)
	err := o.driver.Delete(ctx, k, expect)
	end(err, -1)
	return err
}

func (o *observedStore) List(ctx context.Context, q *docstore.Query) ([]*docstore.Document, error) {
	ctx, end := o.calls.begin(ctx, "list", q.Kind)
	list, err := o.driver.List(ctx, q)
	end(err, int64(len(list)))
	return list, err
}
