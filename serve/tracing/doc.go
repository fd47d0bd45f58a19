// Package tracing sends spans of requests to an OpenTelemetry collector, over OTLP/HTTP.
//
// A span is made when its request is over, with the times that it had: so what is not
// sampled costs a comparison, and a server without a Tracer nothing. Sampled are
//
//   - requests that failed for a fault of the server (5xx), or were shed by it (429),
//   - requests whose caller's span is sampled, as the W3C header traceparent says,
//   - a share of the others.
//
// A request whose caller said that it is not sampled is sampled only if it fails. Spans that the collector
// is too slow for are dropped: requests never wait.
package tracing
