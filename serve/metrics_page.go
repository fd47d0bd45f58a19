package serve

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	runmetrics "runtime/metrics"
	"strings"

	"quern/serve/live"
)

// label quotes the value of a label, as the text format wants it.
func label(value string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(value) + `"`
}

// serveMetrics answers /metrics.
func (s *Server) serveMetrics(w *work, _ *http.Request) {
	g := s.pin()
	defer g.Release()
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	s.writeMetrics(w, g.Generation)
}

// writeMetrics writes all that /metrics shows.
func (s *Server) writeMetrics(out io.Writer, g *live.Generation) {
	p := page{out}
	s.metrics.write(out, g, s.gate.Running(), s.c.Generations.Reloads(), s.c.Generations.Failures())
	s.metrics.features.write(p)
	p.one("quern_requests_waiting", "gauge", "Requests that wait for a slot.", int64(s.gate.Waiting()))
	p.one("quern_connections_refused_total", "counter", "Connections closed because there were too many, in total or of one address.", s.metrics.connections.Load())
	p.one("quern_views", "gauge", "Views that are served.", int64(len(g.Views())))
	s.writeObservers(p)
	p.head("quern_build_info", "gauge", "1, with what the server is.")
	fmt.Fprintf(p, "quern_build_info{program=%s,go=%s} 1\n", label(s.c.Program), label(runtime.Version()))
	p.head("process_start_time_seconds", "gauge", "When the server was started, in seconds since 1970.")
	fmt.Fprintf(p, "process_start_time_seconds %.3f\n", float64(s.started.UnixMilli())/1000)
	writeRuntime(p)
}

// writeObservers writes how the log of served features and the traces fare. Without them it
// is zeros, so that alerts have something to look at.
func (s *Server) writeObservers(p page) {
	var logged, dropped, failed, files, bytes, sent, unsent int64
	if s.c.Audit != nil {
		c := s.c.Audit.Counts()
		logged, dropped, failed = c.Logged.Load(), c.Dropped.Load(), c.Failed.Load()
		files, bytes = c.Files.Load(), c.Bytes.Load()
	}
	if s.c.Tracer != nil {
		sent, unsent = s.c.Tracer.Sent()
	}
	p.head("quern_audit_rows_total", "counter", "Sampled rows of served features: in the log, dropped because its queue was full, failed to be written.")
	fmt.Fprintf(p, "quern_audit_rows_total{result=\"logged\"} %d\nquern_audit_rows_total{result=\"dropped\"} %d\nquern_audit_rows_total{result=\"failed\"} %d\n", logged, dropped, failed)
	p.one("quern_audit_files", "gauge", "Files of the log of served features.", files)
	p.one("quern_audit_bytes", "gauge", "Size of the log of served features.", bytes)
	p.head("quern_spans_total", "counter", "Spans of requests: sent to the collector, failed to be sent.")
	fmt.Fprintf(p, "quern_spans_total{result=\"sent\"} %d\nquern_spans_total{result=\"failed\"} %d\n", sent, unsent)
}

// writeRuntime writes what the Go runtime says of itself, without stopping it.
func writeRuntime(p page) {
	for _, one := range []struct{ from, name, kind, help string }{
		{"/sched/goroutines:goroutines", "go_goroutines", "gauge", "Goroutines."},
		{"/memory/classes/heap/objects:bytes", "go_memstats_heap_alloc_bytes", "gauge", "Memory of objects on the heap."},
		{"/memory/classes/total:bytes", "go_memstats_sys_bytes", "gauge", "Memory that the Go runtime has from the system; mapped files of views are apart."},
		{"/gc/cycles/total:gc-cycles", "go_gc_cycles_total", "counter", "Garbage collections."},
		{"/sched/gomaxprocs:threads", "go_sched_gomaxprocs_threads", "gauge", "Threads that run Go code at one time."},
	} {
		sample := []runmetrics.Sample{{Name: one.from}}
		runmetrics.Read(sample)
		if sample[0].Value.Kind() == runmetrics.KindUint64 {
			p.one(one.name, one.kind, one.help, int64(sample[0].Value.Uint64()))
		}
	}
}
