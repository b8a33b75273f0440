package command

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/digit-health/dhr/server/config"
	"github.com/digit-health/dhr/server/otlp"
)

// exportTimeout is how long the collector may take to take spans, also when the server ends.
const exportTimeout = 5 * time.Second

// tracing are the traces of a server, as its configuration says. Its end sends what has not been sent.
type tracing struct {
	trace.TracerProvider // that makes nothing if there are no traces
	enabled              bool
	end                  func() error
}

// openTracing makes the traces of a server. Spans that do not reach the collector are logged and counted.
func openTracing(c *config.Config, version string, roles []string, registry *prometheus.Registry, log *slog.Logger) (*tracing, error) {
	if c.Tracing.Endpoint == "" {
		return &tracing{TracerProvider: noop.NewTracerProvider(), end: func() error { return nil }}, nil
	}
	exporter, err := otlp.New(c.Tracing.Endpoint, nil)
	if err != nil {
		return nil, err
	}
	spans := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "dhr_trace_spans_total", Help: "Spans that ended, and what became of them: sent to the collector, or failed to be. Those that are neither wait, or found the queue full.",
	}, []string{"outcome"})
	registry.MustRegister(spans)
	for _, outcome := range []string{"ended", "sent", "failed"} {
		spans.WithLabelValues(outcome)
	}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithSpanProcessor(counting{spans.WithLabelValues("ended")}),
		sdktrace.WithBatcher(&reporting{exporter, spans, log}, sdktrace.WithExportTimeout(exportTimeout), sdktrace.WithBatchTimeout(2*time.Second)),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(c.Tracing.Sample))),
		sdktrace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", "dhr"), attribute.String("service.version", version), attribute.StringSlice("dhr.roles", roles),
		)),
	)
	return &tracing{TracerProvider: provider, enabled: true, end: func() error {
		ctx, cancel := context.WithTimeout(context.Background(), exportTimeout)
		defer cancel()
		err := provider.Shutdown(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			log.WarnContext(ctx, "spans that had not been sent are lost", "error", err)
			return nil
		}
		return err
	}}, nil
}

// reporting is an exporter whose errors are told to the log, and to nobody else.
type reporting struct {
	sdktrace.SpanExporter

	spans *prometheus.CounterVec
	log   *slog.Logger
}

func (r *reporting) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	outcome := "sent"
	if err := r.SpanExporter.ExportSpans(ctx, spans); err != nil {
		outcome = "failed"
		r.log.WarnContext(ctx, "spans did not reach the collector", "spans", len(spans), "error", err)
	}
	r.spans.WithLabelValues(outcome).Add(float64(len(spans)))
	return nil
}

// counting counts the spans that end and are to be sent.
type counting struct{ ended prometheus.Counter }

func (counting) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (c counting) OnEnd(s sdktrace.ReadOnlySpan) {
	if s.SpanContext().IsSampled() {
		c.ended.Inc()
	}
}
func (counting) Shutdown(context.Context) error   { return nil }
func (counting) ForceFlush(context.Context) error { return nil }
