package otlp

import (
	"math"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// The types are the messages of the protocol in JSON: ids in hexadecimal, integers of 64 bits
// as texts, enumerations as numbers.
type (
	request struct {
		ResourceSpans []*resourceSpans `json:"resourceSpans"`
	}
	resourceSpans struct {
		Resource   resourceInfo  `json:"resource"`
		ScopeSpans []*scopeSpans `json:"scopeSpans"`
		SchemaURL  string        `json:"schemaUrl,omitempty"`

		of *resource.Resource
	}
	resourceInfo struct {
		Attributes []keyValue `json:"attributes,omitempty"`
	}
	scopeSpans struct {
		Scope     scopeInfo `json:"scope"`
		Spans     []span    `json:"spans"`
		SchemaURL string    `json:"schemaUrl,omitempty"`

		of instrumentation.Scope
	}
	scopeInfo struct {
		Name       string     `json:"name,omitempty"`
		Version    string     `json:"version,omitempty"`
		Attributes []keyValue `json:"attributes,omitempty"`
	}
	span struct {
		TraceID                string     `json:"traceId"`
		SpanID                 string     `json:"spanId"`
		TraceState             string     `json:"traceState,omitempty"`
		ParentSpanID           string     `json:"parentSpanId,omitempty"`
		Flags                  uint32     `json:"flags,omitempty"`
		Name                   string     `json:"name"`
		Kind                   int        `json:"kind"`
		StartTimeUnixNano      string     `json:"startTimeUnixNano"`
		EndTimeUnixNano        string     `json:"endTimeUnixNano"`
		Attributes             []keyValue `json:"attributes,omitempty"`
		DroppedAttributesCount int        `json:"droppedAttributesCount,omitempty"`
		Events                 []event    `json:"events,omitempty"`
		DroppedEventsCount     int        `json:"droppedEventsCount,omitempty"`
		Links                  []link     `json:"links,omitempty"`
		DroppedLinksCount      int        `json:"droppedLinksCount,omitempty"`
		Status                 *status    `json:"status,omitempty"`
	}
	event struct {
		TimeUnixNano           string     `json:"timeUnixNano"`
		Name                   string     `json:"name"`
		Attributes             []keyValue `json:"attributes,omitempty"`
		DroppedAttributesCount int        `json:"droppedAttributesCount,omitempty"`
	}
	link struct {
		TraceID                string     `json:"traceId"`
		SpanID                 string     `json:"spanId"`
		TraceState             string     `json:"traceState,omitempty"`
		Attributes             []keyValue `json:"attributes,omitempty"`
		DroppedAttributesCount int        `json:"droppedAttributesCount,omitempty"`
	}
	status struct {
		Message string `json:"message,omitempty"`
		Code    int    `json:"code,omitempty"`
	}
	keyValue struct {
		Key   string         `json:"key"`
		Value map[string]any `json:"value"`
	}
	values struct {
		Values []map[string]any `json:"values"`
	}
)

// flagRemote says that a parent is of another process, and flagKnown that this is known.
const flagKnown, flagRemote = 0x100, 0x200

// requestOf groups spans by the resource and the scope that they are of.
func requestOf(spans []sdktrace.ReadOnlySpan) *request {
	out := &request{}
	for _, s := range spans {
		in := out.scope(s.Resource(), s.InstrumentationScope())
		in.Spans = append(in.Spans, spanOf(s))
	}
	return out
}

func (r *request) scope(of *resource.Resource, scope instrumentation.Scope) *scopeSpans {
	var in *resourceSpans
	for _, known := range r.ResourceSpans {
		if known.of == of || known.of.Equal(of) && known.SchemaURL == of.SchemaURL() {
			in = known
		}
	}
	if in == nil {
		in = &resourceSpans{of: of, SchemaURL: of.SchemaURL(), Resource: resourceInfo{attributes(of.Attributes())}}
		r.ResourceSpans = append(r.ResourceSpans, in)
	}
	for _, known := range in.ScopeSpans {
		if known.of == scope {
			return known
		}
	}
	s := &scopeSpans{of: scope, SchemaURL: scope.SchemaURL, Scope: scopeInfo{scope.Name, scope.Version, attributes(scope.Attributes.ToSlice())}}
	in.ScopeSpans = append(in.ScopeSpans, s)
	return s
}

func spanOf(s sdktrace.ReadOnlySpan) span {
	c, parent := s.SpanContext(), s.Parent()
	out := span{
		TraceID: c.TraceID().String(), SpanID: c.SpanID().String(), TraceState: c.TraceState().String(),
		Flags: uint32(c.TraceFlags()) | flagKnown, Name: s.Name(), Kind: int(s.SpanKind()),
		StartTimeUnixNano: nanos(s.StartTime()), EndTimeUnixNano: nanos(s.EndTime()),
		Attributes: attributes(s.Attributes()), DroppedAttributesCount: s.DroppedAttributes(),
		DroppedEventsCount: s.DroppedEvents(), DroppedLinksCount: s.DroppedLinks(),
	}
	if parent.HasSpanID() {
		out.ParentSpanID = parent.SpanID().String()
	}
	if parent.IsRemote() {
		out.Flags |= flagRemote
	}
	for _, e := range s.Events() {
		out.Events = append(out.Events, event{nanos(e.Time), e.Name, attributes(e.Attributes), e.DroppedAttributeCount})
	}
	for _, l := range s.Links() {
		c := l.SpanContext
		out.Links = append(out.Links, link{c.TraceID().String(), c.SpanID().String(), c.TraceState().String(), attributes(l.Attributes), l.DroppedAttributeCount})
	}
	switch was := s.Status(); was.Code {
	case codes.Ok:
		out.Status = &status{Code: 1}
	case codes.Error:
		out.Status = &status{Code: 2, Message: was.Description}
	}
	return out
}

func nanos(t time.Time) string {
	if t.IsZero() {
		return "0"
	}
	return strconv.FormatInt(t.UnixNano(), 10)
}

func attributes(list []attribute.KeyValue) []keyValue {
	all := make([]keyValue, len(list))
	for i, a := range list {
		all[i] = keyValue{string(a.Key), valueOf(a.Value)}
	}
	return all
}

func valueOf(v attribute.Value) map[string]any {
	switch v.Type() {
	case attribute.BOOL:
		return boolean(v.AsBool())
	case attribute.INT64:
		return integer(v.AsInt64())
	case attribute.FLOAT64:
		return double(v.AsFloat64())
	case attribute.BOOLSLICE:
		return array(v.AsBoolSlice(), boolean)
	case attribute.INT64SLICE:
		return array(v.AsInt64Slice(), integer)
	case attribute.FLOAT64SLICE:
		return array(v.AsFloat64Slice(), double)
	case attribute.STRINGSLICE:
		return array(v.AsStringSlice(), text)
	}
	return text(v.Emit())
}

func array[T any](list []T, one func(T) map[string]any) map[string]any {
	all := values{Values: make([]map[string]any, len(list))}
	for i, v := range list {
		all.Values[i] = one(v)
	}
	return map[string]any{"arrayValue": all}
}

func boolean(b bool) map[string]any { return map[string]any{"boolValue": b} }

func integer(n int64) map[string]any {
	return map[string]any{"intValue": strconv.FormatInt(n, 10)}
}

// double returns a number, of which JSON cannot write all.
func double(f float64) map[string]any {
	switch {
	case math.IsNaN(f):
		return map[string]any{"doubleValue": "NaN"}
	case math.IsInf(f, 1):
		return map[string]any{"doubleValue": "Infinity"}
	case math.IsInf(f, -1):
		return map[string]any{"doubleValue": "-Infinity"}
	}
	return map[string]any{"doubleValue": f}
}

func text(s string) map[string]any { return map[string]any{"stringValue": s} }
