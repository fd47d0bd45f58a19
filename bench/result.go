package bench

import (
	"os"
	"runtime"
	"strings"
	"time"
)

// SchemaVersion is the version of the report's JSON: it grows when a field changes
// its meaning or goes away.
const SchemaVersion = 1

// Report is what one invocation measured.
type Report struct {
	Schema   int           `json:"schema"`
	Date     string        `json:"date"`
	Device   string        `json:"device"`
	Machine  Machine       `json:"machine"`
	Roofline Roofline      `json:"roofline"`
	Results  []*Result     `json:"results"`
	GPU      *DeviceReport `json:"gpu,omitempty"` // if devices were compared
}

// Machine is what the figures were measured on.
type Machine struct {
	OS        string `json:"os"`
	Arch      string `json:"arch"`
	Processor string `json:"processor"`
	Cores     int    `json:"cores"`
	Go        string `json:"go"`
}

// Result is one workload's figures: medians over its runs.
type Result struct {
	Workload  string     `json:"workload"`
	Device    string     `json:"device,omitempty"` // "gpu:0"; "": the CPU
	Doc       string     `json:"doc"`
	Rows      int64      `json:"rows"`
	Files     int        `json:"files"`
	BytesIn   int64      `json:"bytes_in"`
	BytesOut  int64      `json:"bytes_out"`
	Scans     int        `json:"scans"` // of fitting; one more transforms
	Runs      int        `json:"runs"`
	Walls     []float64  `json:"walls_s"` // of each run
	Wall      float64    `json:"wall_s"`
	CPU       float64    `json:"cpu_s"`
	Fit       float64    `json:"fit_s"`
	Model     float64    `json:"model_s"`
	Transform float64    `json:"transform_s"`
	Peak      int64      `json:"peak_bytes"`
	RowsRate  float64    `json:"rows_per_s"`
	BytesRate float64    `json:"bytes_per_s"` // read and written
	Stages    []Stage    `json:"stages"`
	Functions []Function `json:"functions"`
	Calls     []Call     `json:"calls,omitempty"`
	Baseline  *Baseline  `json:"baseline,omitempty"`
	Digest    string     `json:"model"`
}

// Baseline is what another library takes for the statistics alone.
type Baseline struct {
	Name    string  `json:"name"`
	Wall    float64 `json:"wall_s"`
	Compute float64 `json:"compute_s"` // without reading
	CPU     float64 `json:"cpu_s"`
	Peak    int64   `json:"peak_bytes"`
	Check   string  `json:"check"`
}

// NewReport returns a report without results.
func NewReport() *Report {
	return &Report{Schema: SchemaVersion, Date: time.Now().UTC().Format(time.DateOnly), Device: "cpu", Machine: thisMachine()}
}

// newResult computes medians.
func newResult(w Workload, d Data, samples []Sample) *Result {
	first := samples[0]
	r := &Result{Workload: w.Name, Doc: w.Doc, Rows: first.Rows, Files: len(d.Files), BytesIn: first.BytesIn, BytesOut: first.BytesOut,
		Scans: first.Scans, Runs: len(samples), Calls: first.Calls, Digest: first.Digest}
	for _, s := range samples {
		r.Walls = append(r.Walls, s.Wall)
	}
	r.Wall = medianOf(samples, func(s Sample) float64 { return s.Wall })
	r.CPU = medianOf(samples, func(s Sample) float64 { return s.CPU })
	r.Fit = medianOf(samples, func(s Sample) float64 { return s.Fit })
	r.Model = medianOf(samples, func(s Sample) float64 { return s.Model })
	r.Transform = medianOf(samples, func(s Sample) float64 { return s.Write })
	r.Peak = int64(medianOf(samples, func(s Sample) float64 { return float64(s.Peak) }))
	for i := range r.Calls {
		r.Calls[i].P50 = medianOf(samples, func(s Sample) float64 { return s.Calls[i].P50 })
		r.Calls[i].P99 = medianOf(samples, func(s Sample) float64 { return s.Calls[i].P99 })
	}
	if r.Wall > 0 && !w.online {
		r.RowsRate = float64(r.Rows) / r.Wall
		r.BytesRate = float64(r.moved()) / r.Wall
	}
	return r
}

// moved is how many bytes of files a run reads and writes: the source once per scan
// and once to transform, and the outputs.
func (r *Result) moved() int64 { return r.BytesIn*int64(r.Scans+1) + r.BytesOut }

// thisMachine describes the machine.
func thisMachine() Machine {
	return Machine{OS: runtime.GOOS, Arch: runtime.GOARCH, Processor: processor(), Cores: runtime.GOMAXPROCS(0), Go: runtime.Version()}
}

// processor returns the name of the processor, where the system says it.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}
