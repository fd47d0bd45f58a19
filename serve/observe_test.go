package serve

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"quern/features/column"
	"quern/serve/audit"
	"quern/serve/fieldstatus"
	"quern/serve/live/livetest"
	"quern/serve/lookup"
	"quern/serve/tracing"
)

// scrape reads /metrics with Prometheus' own parser.
func scrape(t testing.TB, url string, headers ...string) map[string]*dto.MetricFamily {
	t.Helper()
	status, text := call(t, http.DefaultClient, http.MethodGet, url+"/metrics", "", headers...)
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil || status != 200 {
		t.Fatalf("%d %v\n%s", status, err, text)
	}
	return families
}

// sample returns the sum of the series of a family that have the labels, given as
// name="value"; of a histogram the number of its observations. NaN is never one.
func sumOf(families map[string]*dto.MetricFamily, name string, labels ...string) (sum float64, series int) {
	f := families[name]
	if f == nil {
		return 0, 0
	}
next:
	for _, m := range f.Metric {
		for _, want := range labels {
			found := false
			for _, l := range m.Label {
				found = found || want == fmt.Sprintf("%s=%q", l.GetName(), l.GetValue())
			}
			if !found {
				continue next
			}
		}
		series++
		switch f.GetType() {
		case dto.MetricType_COUNTER:
			sum += m.Counter.GetValue()
		case dto.MetricType_GAUGE:
			sum += m.Gauge.GetValue()
		case dto.MetricType_HISTOGRAM:
			sum += float64(m.Histogram.GetSampleCount())
		}
	}
	return sum, series
}

// observed is a server of two views, one of them with features of odd names.
func observed(t *testing.T, change func(*Config)) *rig {
	s := livetest.NewShelf(t)
	odd := lookup.View{Name: "odd", Version: "v1", Keys: []column.Field{{Name: "id", Type: column.Int64}},
		Fields: []lookup.Field{{Name: "back\\slash \"quoted\"\nline", Type: column.Int64}}}
	d := livetest.Drivers("v1")
	s.Serve(s.Add(d, livetest.RandomRows(&d, 50, 1), 2), s.Add(odd, livetest.RandomRows(&odd, 50, 2), 1))
	r := newRig(t, s, change)
	_, err := r.generations.Reload(context.Background())
	check(t, err)
	return r.start(t)
}

const (
	askDrivers = `{"view":"drivers","rows":[{"driver_id":1},{"driver_id":1000}]}`
	askOdd     = `{"view":"odd","rows":[{"id":1}]}`
	askBoth    = `{"features":["drivers:f0","odd:back\\slash \"quoted\"\nline"],"rows":[{"driver_id":1,"id":2}]}`
)

// TestMetrics makes requests and finds them in what Prometheus' parser reads.
func TestMetrics(t *testing.T) {
	r := observed(t, nil)
	for range 20 {
		for _, body := range []string{askDrivers, askOdd, askBoth, `{"view":"none"}`} {
			call(t, http.DefaultClient, "POST", r.url+"/v1/lookup", body)
		}
	}
	families := scrape(t, r.url)
	for _, c := range []struct {
		name   string
		labels []string
		want   float64
	}{
		{"quern_lookup_seconds", []string{`endpoint="v1_lookup"`}, 80},
		{"quern_lookup_seconds", []string{`endpoint="v1_lookup"`, `view="drivers"`}, 20},
		{"quern_lookup_seconds", []string{`endpoint="v1_lookup"`, `view="odd"`}, 20},
		{"quern_lookup_seconds", []string{`endpoint="v1_lookup"`, `view="several"`}, 20},
		{"quern_lookup_seconds", []string{`endpoint="v1_lookup"`, `view=""`}, 20},
		{"quern_requests_total", []string{`endpoint="v1_lookup"`, `status="4xx"`}, 20},
		{"quern_lookup_missing_total", []string{`view="drivers"`}, 20},
		{"quern_view_rows", nil, 100},
		{"quern_views", nil, 2},
		{"quern_build_info", []string{`program="quern test"`}, 1},
	} {
		if got, _ := sumOf(families, c.name, c.labels...); got != c.want {
			t.Errorf("%s%v is %v, want %v", c.name, c.labels, got, c.want)
		}
	}
	// One answer of sixteen is counted by features: the 1st, 17th, 33rd and 49th of 60.
	if got, series := sumOf(families, "quern_feature_values_total"); series != 4*12 || got < 4 {
		t.Errorf("%v values in %d series", got, series)
	}
	for name, f := range families {
		if counter := f.GetType() == dto.MetricType_COUNTER; counter != strings.HasSuffix(name, "_total") || f.GetHelp() == "" {
			t.Errorf("%s is a %v, with the help %q", name, f.GetType(), f.GetHelp())
		}
	}
	for _, name := range []string{"go_goroutines", "go_memstats_heap_alloc_bytes", "process_start_time_seconds", "quern_feature_age_seconds"} {
		if got, _ := sumOf(families, name); got <= 0 {
			t.Errorf("%s is %v", name, got)
		}
	}
}

// TestSeriesAreBounded: whatever there is to count, the number of series has an end.
func TestSeriesAreBounded(t *testing.T) {
	var f featuresSeen
	var h histograms
	for i := range 3 * shownFeatures {
		f.of(featureName{"v", fmt.Sprint(i)})[fieldstatus.Present].Add(1)
		h.of(fmt.Sprint(i)).add(time.Millisecond)
	}
	if len(f.all) > shownFeatures+1 || len(h.all) > shownViews+1 {
		t.Errorf("%d features, %d histograms", len(f.all), len(h.all))
	}
	if n := f.all[featureName{}][fieldstatus.Present].Load(); n != 2*shownFeatures {
		t.Errorf("%d values of features without series, want %d", n, 2*shownFeatures)
	}
	if n := h.all["other"].counts[bucketOf(time.Millisecond)].Load(); n != 3*shownFeatures-shownViews {
		t.Errorf("%d requests to views without series", n)
	}
}

// TestServedIsLogged serves by three protocols, with tokens, and reads the log.
func TestServedIsLogged(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "log")
	l, err := audit.Open(audit.Options{Folder: folder, Share: 1, Log: t.Logf})
	check(t, err)
	r := observed(t, func(c *Config) { c.Audit = l })
	for range 3 {
		call(t, http.DefaultClient, "POST", r.url+"/v1/lookup", askBoth)                                                                   // two rows: one of each view
		call(t, http.DefaultClient, "POST", r.url+"/get-online-features", `{"features":["drivers:f1"],"entities":{"driver_id":[1,2,99]}}`) // three
		call(t, http.DefaultClient, "POST", r.url+"/v1/lookup", `{"view":"none","rows":[{}]}`)
	}
	l.Close()
	families := scrape(t, r.url)
	if got, _ := sumOf(families, "quern_audit_rows_total", `result="logged"`); got != 15 {
		t.Errorf("%v rows were logged, want 15", got)
	}
	if got, _ := sumOf(families, "quern_audit_files"); got != 2 {
		t.Errorf("%v files, want one for each view", got)
	}
}

// TestRequestsAreTraced sends requests of a traced caller, and failures, to a collector.
func TestRequestsAreTraced(t *testing.T) {
	var mu sync.Mutex
	var got []string
	sink := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		in := &collector.ExportTraceServiceRequest{}
		if err := proto.Unmarshal(text, in); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, about := range in.ResourceSpans {
			for _, scope := range about.ScopeSpans {
				for _, span := range scope.Spans {
					words := []string{span.Name, fmt.Sprintf("%x", span.TraceId)}
					for _, a := range span.Attributes {
						switch a.Key {
						case "http.response.status_code":
							words = append(words, fmt.Sprint(a.Value.GetIntValue()))
						case "quern.rows":
							words = append(words, fmt.Sprint(a.Value.GetIntValue(), " rows"))
						case "quern.views":
							for _, v := range a.Value.GetArrayValue().Values {
								words = append(words, v.GetStringValue())
							}
						}
					}
					got = append(got, strings.Join(words, " "))
				}
			}
		}
	}))
	defer sink.Close()
	tracer, err := tracing.New(context.Background(), tracing.Options{URL: sink.URL, Every: time.Hour, Log: t.Logf})
	check(t, err)
	r := observed(t, func(c *Config) { c.Tracer = tracer })
	const trace = "0af7651916cd43dd8448eb211c80319c"
	call(t, http.DefaultClient, "POST", r.url+"/v1/lookup", askBoth, "Traceparent", "00-"+trace+"-b7ad6b7169203331-01")
	call(t, http.DefaultClient, "POST", r.url+"/v1/lookup", askOdd)
	call(t, http.DefaultClient, "POST", r.url+"/a/path/of/the/client", "", "Traceparent", "00-"+trace+"-b7ad6b7169203331-01")
	check(t, tracer.Close(context.Background()))
	mu.Lock()
	defer mu.Unlock()
	want := []string{"POST /v1/lookup " + trace + " 200 drivers@v1 odd@v1 1 rows", "_OTHER " + " " + trace + " 404"}
	if len(got) != len(want) || got[0] != want[0] || !strings.Contains(got[1], "404") || strings.Contains(got[1], "client") {
		t.Errorf("%q, want %q", got, want)
	}
}
