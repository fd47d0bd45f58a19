package serve

import (
	"fmt"
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"quern/serve/fieldstatus"
	"quern/serve/live"
	"quern/serve/lookup"
)

// rejection is why a request was turned away before it was looked at.
type rejection int

const (
	noToken rejection = iota
	bodyTooLarge
	bodiesFull
	queueFull
	overRate // of the caller
	noRight
	rejections
)

// String returns the label.
func (r rejection) String() string {
	return [...]string{"token", "body", "memory", "overload", "rate", "right"}[r]
}

// buckets are the upper bounds of the latency histograms: 50 us to about 13 s, by two.
const buckets = 19

func bucketOf(d time.Duration) int {
	b := 0
	for bound := 50 * time.Microsecond; b < buckets && d > bound; bound *= 2 {
		b++
	}
	return b
}

// histogram counts latencies. The last bucket has no bound.
type histogram struct {
	counts [buckets + 1]atomic.Int64
	nanos  atomic.Int64
}

func (h *histogram) add(d time.Duration) {
	h.counts[bucketOf(d)].Add(1)
	h.nanos.Add(int64(d))
}

// viewCounts count what was asked of one view, by what came out.
type viewCounts struct{ found, missing, stale atomic.Int64 }

// metrics are what /metrics shows. Labels come from configuration and views, never from
// what a client sent.
type metrics struct {
	meters   []*meter // by endpoint; complete before the first request
	rejected [rejections]atomic.Int64

	connections atomic.Int64 // that were closed because there are too many
	panics      atomic.Int64

	mu    sync.RWMutex
	views map[string]*viewCounts

	features featuresSeen
}

// meter counts the requests to one endpoint.
type meter struct {
	label   string
	latency histograms      // by view
	codes   [6]atomic.Int64 // by the first digit of the status
}

func (m *meter) add(view string, code int, took time.Duration) {
	m.codes[min(max(code/100, 2), 5)].Add(1)
	m.latency.of(view).add(took)
}

// meter returns the meter of an endpoint, which it makes.
func (m *metrics) meter(label string) *meter {
	for _, one := range m.meters {
		if one.label == label {
			return one
		}
	}
	one := &meter{label: label}
	m.meters = append(m.meters, one)
	return one
}

func (m *metrics) view(name string) *viewCounts {
	m.mu.RLock()
	c := m.views[name]
	m.mu.RUnlock()
	if c != nil {
		return c
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if c = m.views[name]; c == nil {
		c = &viewCounts{}
		m.views[name] = c
	}
	return c
}

// answered counts the rows of an answer: see Server.served.
func (m *metrics) answered(b *lookup.Block) {
	m.features.add(b)
	for p := range b.Parts {
		var by [fieldstatus.OutsideMaxAge + 1]int64
		for _, s := range b.Parts[p].Status {
			by[s]++
		}
		c := m.view(b.Query.Parts[p].View.Name)
		c.found.Add(by[fieldstatus.Present])
		c.missing.Add(by[fieldstatus.NotFound])
		c.stale.Add(by[fieldstatus.OutsideMaxAge])
	}
}

// page writes metrics in the text format of Prometheus, version 0.0.4.
type page struct{ io.Writer }

func (p page) head(name, kind, help string) {
	fmt.Fprintf(p, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

func (p page) one(name, kind, help string, v int64) {
	p.head(name, kind, help)
	fmt.Fprintf(p, "%s %d\n", name, v)
}

func (m *metrics) write(out io.Writer, g *live.Generation, running int, reloads, failures int64) {
	p := page{out}
	p.head("quern_lookup_seconds", "histogram", "Time from the request's header to its reply, by endpoint and view (several views: several).")
	for _, e := range m.meters {
		e.latency.write(p, e.label)
	}
	p.head("quern_requests_total", "counter", "Requests by endpoint and class of status.")
	for _, e := range m.meters {
		for class := 2; class < 6; class++ {
			fmt.Fprintf(p, "quern_requests_total{endpoint=%q,status=\"%dxx\"} %d\n", e.label, class, e.codes[class].Load())
		}
	}
	p.head("quern_rejected_total", "counter", "Requests turned away before they were looked at, by reason.")
	for r := range rejections {
		fmt.Fprintf(p, "quern_rejected_total{reason=%q} %d\n", r, m.rejected[r].Load())
	}
	p.one("quern_panics_total", "counter", "Requests that ended in a fault of the server.", m.panics.Load())
	p.one("quern_requests_running", "gauge", "Requests that are worked on.", int64(running))
	p.one("quern_generation", "gauge", "Number of the generation that is served.", g.Number())
	p.one("quern_reloads_total", "counter", "Generations that took another's place.", reloads)
	p.one("quern_reload_failures_total", "counter", "Versions refused, and failures to see what is current.", failures)
	p.head("quern_generation_age_seconds", "gauge", "Time since the generation began to be served.")
	fmt.Fprintf(p, "quern_generation_age_seconds %.3f\n", time.Since(g.Since()).Seconds())
	m.writeViews(p, g)
	writePushes(p, g)
}

func (h *histogram) write(p page, labels string) {
	sum := int64(0)
	bound := 50 * time.Microsecond
	for b := range h.counts {
		sum += h.counts[b].Load()
		le := "+Inf"
		if b < buckets {
			le = strconv.FormatFloat(bound.Seconds(), 'g', -1, 64)
		}
		fmt.Fprintf(p, "quern_lookup_seconds_bucket{%s,le=%q} %d\n", labels, le, sum)
		bound *= 2
	}
	fmt.Fprintf(p, "quern_lookup_seconds_sum{%s} %g\n", labels, time.Duration(h.nanos.Load()).Seconds())
	fmt.Fprintf(p, "quern_lookup_seconds_count{%s} %d\n", labels, sum)
}

func (m *metrics) writeViews(p page, g *live.Generation) {
	each := func(name, kind, help string, value func(*live.Layers, *viewCounts) float64) {
		p.head(name, kind, help)
		for _, l := range g.Views() {
			view := l.View().Name
			fmt.Fprintf(p, "%s{view=%q} %s\n", name, view, strconv.FormatFloat(value(l, m.view(view)), 'g', -1, 64))
		}
	}
	count := func(pick func(*viewCounts) *atomic.Int64) func(*live.Layers, *viewCounts) float64 {
		return func(_ *live.Layers, c *viewCounts) float64 { return float64(pick(c).Load()) }
	}
	each("quern_lookup_found_total", "counter", "Keys that were found.", count(func(c *viewCounts) *atomic.Int64 { return &c.found }))
	each("quern_lookup_missing_total", "counter", "Keys that were not found.", count(func(c *viewCounts) *atomic.Int64 { return &c.missing }))
	each("quern_lookup_stale_total", "counter", "Keys whose row was older than the view's time to live.", count(func(c *viewCounts) *atomic.Int64 { return &c.stale }))
	each("quern_view_rows", "gauge", "Rows of the version that is served.", func(l *live.Layers, _ *viewCounts) float64 { return float64(l.Rows()) })
	each("quern_view_resident_ratio", "gauge", "How much of the version's files is in memory, 0 to 1.", func(l *live.Layers, _ *viewCounts) float64 { return l.Resident() })
	p.head("quern_feature_age_seconds", "gauge", "Time since the latest event of the version that is served.")
	p.head("quern_view_info", "gauge", "1 for the version that is served.")
	for _, l := range g.Views() {
		view := l.View().Name
		if newest := l.Latest(); newest != lookup.NoTime {
			fmt.Fprintf(p, "quern_feature_age_seconds{view=%q} %.3f\n", view, time.Since(time.UnixMicro(newest)).Seconds())
		}
		fmt.Fprintf(p, "quern_view_info{view=%q,version=%q} 1\n", view, l.View().Version)
	}
}
