package tracing

import (
	"cmp"
	"context"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"quern/features/diag"
)

// Options say where spans go, and how many. Zero fields are the defaults.
type Options struct {
	URL     string        // of the collector: http://HOST:4318, or with a path other than /v1/traces
	Share   float64       // of the requests that do not fail, 0 to 1; negative: 0.01
	Version string        // of the server
	Every   time.Duration // how often spans are sent; 0: 5 s
	// Log is told when spans cannot be sent, at most once a minute. nil: nobody.
	Log func(format string, args ...any)
}

// Tracer makes spans. It is safe for concurrent use.
type Tracer struct {
	share    float64
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	exporter *exporter
}

// New returns a tracer. It opens no connection: a collector may come later. It fails with
// Q689 where the options make no sense.
func New(ctx context.Context, o Options) (*Tracer, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, diag.New("Q689", "%q is no address of a collector: write http://HOST:4318", o.URL)
	}
	if o.Share > 1 {
		return nil, diag.New("Q689", "a share of %v of the requests: give 0 to 1", o.Share)
	}
	if o.Share < 0 {
		o.Share = 0.01
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/v1/traces"
	}
	to, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(u.String()), otlptracehttp.WithTimeout(10*time.Second))
	if err != nil {
		return nil, diag.New("Q689", "spans cannot be sent to %s", o.URL).Because(err)
	}
	// The environment (OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES) wins, as elsewhere.
	about, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "quern"),
		attribute.String("service.version", o.Version)), resource.WithFromEnv())
	if err != nil {
		return nil, diag.New("Q689", "OTEL_RESOURCE_ATTRIBUTES cannot be read").Because(err)
	}
	e := &exporter{SpanExporter: to, log: o.Log}
	p := sdk.NewTracerProvider(sdk.WithSampler(sdk.AlwaysSample()), sdk.WithResource(about),
		sdk.WithBatcher(e, sdk.WithBatchTimeout(cmp.Or(o.Every, 5*time.Second))))
	return &Tracer{share: o.Share, provider: p, tracer: p.Tracer("quern/serve"), exporter: e}, nil
}

// Request is what is known of a request when it is over.
type Request struct {
	Start    time.Time
	Header   http.Header // for traceparent and tracestate
	Method   string
	Route    string // as in the server's table; "": none
	Endpoint string // what the metrics call it
	GRPC     bool
	Status   int      // of HTTP; of a gRPC reply, the nearest
	Views    []string // VIEW@VERSION that were looked up
	Rows     int      // keys that were asked for
	Features int
}

// failed reports whether the server failed r.
func (r *Request) failed() bool { return r.Status >= 500 || r.Status == http.StatusTooManyRequests }

// Trace makes the span of a request that ends now, if it is sampled.
func (t *Tracer) Trace(r *Request) {
	ctx := context.Background()
	parent := trace.SpanContext{}
	if r.Header.Get("Traceparent") != "" {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
		parent = trace.SpanContextFromContext(ctx)
	}
	if !r.failed() && !parent.IsSampled() && (parent.IsValid() || rand.Float64() >= t.share) {
		return
	}
	name := r.Method + " " + r.Route
	if r.GRPC {
		name = strings.TrimPrefix(r.Route, "/")
	}
	_, span := t.tracer.Start(ctx, name, trace.WithTimestamp(r.Start), trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(r.attributes()...))
	if r.failed() {
		span.SetStatus(codes.Error, http.StatusText(r.Status))
	}
	span.End()
}

// attributes describes r in OpenTelemetry's names where there are some. None holds what a
// client sent: no keys, no values, no path that is not the server's own.
func (r *Request) attributes() []attribute.KeyValue {
	all := []attribute.KeyValue{
		attribute.String("http.request.method", r.Method), attribute.String("http.route", r.Route),
		attribute.Int("http.response.status_code", r.Status), attribute.String("quern.endpoint", r.Endpoint),
	}
	if r.GRPC {
		all = append(all, attribute.String("rpc.system.name", "grpc"), attribute.String("rpc.method", strings.TrimPrefix(r.Route, "/")))
	}
	if len(r.Views) > 0 {
		all = append(all, attribute.StringSlice("quern.views", r.Views), attribute.Int("quern.rows", r.Rows),
			attribute.Int("quern.features", r.Features))
	}
	if r.failed() {
		all = append(all, attribute.String("error.type", strconv.Itoa(r.Status)))
	}
	return all
}

// Sent returns how many spans were sent, and how many could not be.
func (t *Tracer) Sent() (sent, failed int64) { return t.exporter.sent.Load(), t.exporter.failed.Load() }

// Close sends what is left, within the time of ctx.
func (t *Tracer) Close(ctx context.Context) error { return t.provider.Shutdown(ctx) }

// exporter counts, and tells what goes wrong itself: the SDK would tell it to stderr.
type exporter struct {
	sdk.SpanExporter
	log          func(format string, args ...any)
	sent, failed atomic.Int64
	told         atomic.Int64
}

// ExportSpans is sdk.SpanExporter's.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	if err == nil {
		e.sent.Add(int64(len(spans)))
		return nil
	}
	e.failed.Add(int64(len(spans)))
	now, last := time.Now().Unix(), e.told.Load()
	if e.log != nil && now-last >= 60 && e.told.CompareAndSwap(last, now) {
		e.log("%d spans could not be sent: %v", len(spans), err)
	}
	return nil
}
