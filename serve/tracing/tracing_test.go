package tracing

import (
	"compress/gzip"
	"context"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sink is a collector: what it was sent, decoded.
type sink struct {
	*httptest.Server
	mu      sync.Mutex
	spans   []*otlp.Span
	service string
	path    string
	refuse  bool
}

func newSink(t *testing.T) *sink {
	s := &sink{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := io.Reader(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			body, _ = gzip.NewReader(r.Body)
		}
		text, err := io.ReadAll(body)
		in := &collector.ExportTraceServiceRequest{}
		if err == nil {
			err = proto.Unmarshal(text, in)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if err != nil || s.refuse {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		s.path = r.URL.Path
		for _, about := range in.ResourceSpans {
			s.service = valueOf(about.Resource.Attributes, "service.name") + " " + valueOf(about.Resource.Attributes, "service.version")
			for _, scope := range about.ScopeSpans {
				s.spans = append(s.spans, scope.Spans...)
			}
		}
		out, _ := proto.Marshal(&collector.ExportTraceServiceResponse{})
		w.Header().Set("Content-Type", "application/x-protobuf")
		w.Write(out)
	}))
	t.Cleanup(s.Server.Close)
	return s
}

func valueOf(all []*common.KeyValue, key string) string {
	for _, one := range all {
		if one.Key == key {
			if list := one.Value.GetArrayValue(); list != nil {
				var words []string
				for _, v := range list.Values {
					words = append(words, v.GetStringValue())
				}
				return strings.Join(words, ",")
			}
			if s := one.Value.GetStringValue(); s != "" {
				return s
			}
			return strings.TrimPrefix(one.Value.String(), "int_value:")
		}
	}
	return ""
}

func tracerFor(t *testing.T, url string, share float64, log func(string, ...any)) *Tracer {
	tracer, err := New(context.Background(), Options{URL: url, Share: share, Version: "1.2", Every: time.Hour, Log: log})
	check(t, err)
	return tracer
}

const (
	sampled   = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	unsampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
)

// TestSpans sends requests of every kind to a collector and reads what arrived.
func TestSpans(t *testing.T) {
	s := newSink(t)
	tracer := tracerFor(t, s.URL, 0, t.Logf)
	start := time.Now().Add(-3 * time.Millisecond)
	for _, c := range []struct {
		status int
		parent string
	}{{200, ""}, {404, ""}, {200, unsampled}, {200, "00-nonsense"}, {500, ""}, {429, unsampled}, {200, sampled}} {
		r := Request{Start: start, Header: http.Header{}, Method: "POST", Route: "/v1/lookup", Endpoint: "v1_lookup",
			Status: c.status, Views: []string{"a@1", "b@2"}, Rows: 7, Features: 3}
		if c.parent != "" {
			r.Header.Set("traceparent", c.parent)
		}
		tracer.Trace(&r)
	}
	tracer.Trace(&Request{Start: start, Header: http.Header{}, Method: "POST", Route: "/q.v1.S/Call", GRPC: true, Status: 503})
	check(t, tracer.Close(context.Background()))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.service != "quern 1.2" || s.path != "/v1/traces" || len(s.spans) != 4 {
		t.Fatalf("%s %s: %d spans, want 4: %v", s.service, s.path, len(s.spans), s.spans)
	}
	for i, want := range []struct {
		name, status, trace string
		code                otlp.Status_StatusCode
	}{
		{"POST /v1/lookup", "500", "", otlp.Status_STATUS_CODE_ERROR},
		{"POST /v1/lookup", "429", "0af7651916cd43dd8448eb211c80319c", otlp.Status_STATUS_CODE_ERROR},
		{"POST /v1/lookup", "200", "0af7651916cd43dd8448eb211c80319c", otlp.Status_STATUS_CODE_UNSET},
		{"q.v1.S/Call", "503", "", otlp.Status_STATUS_CODE_ERROR},
	} {
		got := s.spans[i]
		trace := hex.EncodeToString(got.TraceId)
		if got.Name != want.name || valueOf(got.Attributes, "http.response.status_code") != want.status || got.Status.GetCode() != want.code ||
			want.trace != "" && (trace != want.trace || hex.EncodeToString(got.ParentSpanId) != "b7ad6b7169203331") ||
			got.Kind != otlp.Span_SPAN_KIND_SERVER || got.StartTimeUnixNano != uint64(start.UnixNano()) || got.EndTimeUnixNano <= got.StartTimeUnixNano {
			t.Errorf("span %d: %v, want %+v", i, got, want)
		}
		if i == 0 && (valueOf(got.Attributes, "quern.views") != "a@1,b@2" || valueOf(got.Attributes, "quern.rows") != "7" || valueOf(got.Attributes, "http.route") != "/v1/lookup") {
			t.Errorf("attributes %v", got.Attributes)
		}
	}
	if sent, failed := tracer.Sent(); sent != 4 || failed != 0 {
		t.Errorf("%d sent, %d failed", sent, failed)
	}
}

// TestShare samples about the share that is asked for.
func TestShare(t *testing.T) {
	s := newSink(t)
	tracer := tracerFor(t, s.URL+"/custom", 0.25, t.Logf)
	for range 1000 {
		tracer.Trace(&Request{Start: time.Now(), Header: http.Header{}, Method: "GET", Route: "/x", Status: 200})
	}
	check(t, tracer.Close(context.Background()))
	if n := len(s.spans); n < 150 || n > 350 || s.path != "/custom" {
		t.Errorf("%d of 1000 at %s, want about 250", n, s.path)
	}
}

// TestNobodyListens: what cannot be sent is counted and told, and nothing waits.
func TestNobodyListens(t *testing.T) {
	s := newSink(t)
	s.refuse = true
	told := 0
	tracer := tracerFor(t, s.URL, 1, func(string, ...any) { told++ })
	for range 10 {
		tracer.Trace(&Request{Start: time.Now(), Header: http.Header{}, Method: "GET", Route: "/x", Status: 200})
	}
	tracer.Close(context.Background())
	if sent, failed := tracer.Sent(); sent != 0 || failed != 10 || told != 1 {
		t.Errorf("%d sent, %d failed, told %d times", sent, failed, told)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, o := range []Options{{URL: "localhost:4318"}, {URL: "ftp://x"}, {URL: "http://"}, {URL: "http://x", Share: 2}} {
		if _, err := New(context.Background(), o); err == nil || !strings.Contains(err.Error(), "Q689") {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// BenchmarkTraceNot is what a request costs that is not sampled.
func BenchmarkTraceNot(b *testing.B) {
	tracer, err := New(context.Background(), Options{URL: "http://127.0.0.1:1", Share: 0})
	check(b, err)
	r := &Request{Start: time.Now(), Header: http.Header{}, Method: "GET", Route: "/x", Status: 200}
	b.ReportAllocs()
	for b.Loop() {
		tracer.Trace(r)
	}
}
