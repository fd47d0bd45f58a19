//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"time"

	"quern/bench"
)

// report is bench/results/serving.json.
type report struct {
	Date      string        `json:"date"`
	Machine   bench.Machine `json:"machine"`
	Seconds   float64       `json:"seconds"` // of a round
	Checked   []checked     `json:"checked"`
	Loaded    loaded        `json:"quern"`
	Anchor    anchor        `json:"feast"`
	Cells     []*measured   `json:"cells"`
	Swap      *swapped      `json:"swap,omitempty"`
	Transform *measured     `json:"transform,omitempty"`
	Missing   []string      `json:"missing,omitempty"` // what was not measured, and why
}

// checked says how many answers were compared with the data, bit for bit, before the
// timing.
type checked struct {
	Server   string `json:"server"`
	Protocol string `json:"protocol"`
	Answers  int    `json:"answers"`
	Entities int    `json:"entities"`
}

// measured is one server under one load: medians of rounds, and the rounds.
type measured struct {
	Server   string `json:"server"`
	Protocol string `json:"protocol"`
	load
	Median round    `json:"median"`
	Rounds []*round `json:"rounds"`

	target *target
	pool   *pool
}

// settle computes the medians.
func (m *measured) settle() {
	median := func(of func(r *round) float64) float64 {
		all := make([]float64, len(m.Rounds))
		for i, r := range m.Rounds {
			all[i] = of(r)
		}
		slices.Sort(all)
		if n := len(all); n%2 == 0 {
			return (all[n/2-1] + all[n/2]) / 2
		}
		return all[len(all)/2]
	}
	if len(m.Rounds) == 0 {
		return
	}
	m.Median = round{
		Refused:  int(median(func(r *round) float64 { return float64(r.Refused) })),
		Requests: int(median(func(r *round) float64 { return float64(r.Requests) })),
		Bytes:    int(median(func(r *round) float64 { return float64(r.Bytes) })),
		P50:      median(func(r *round) float64 { return r.P50 }), P99: median(func(r *round) float64 { return r.P99 }),
		P999: median(func(r *round) float64 { return r.P999 }), Late: median(func(r *round) float64 { return r.Late }),
		Rate: median(func(r *round) float64 { return r.Rate }), CPU: median(func(r *round) float64 { return r.CPU }),
		StoreCPU: median(func(r *round) float64 { return r.StoreCPU }), ClientCPU: median(func(r *round) float64 { return r.ClientCPU }),
		Elsewhere: median(func(r *round) float64 { return r.Elsewhere }),
	}
}

// newReport describes the machine.
func newReport(seconds float64) *report {
	return &report{Date: time.Now().UTC().Format(time.DateOnly), Machine: bench.NewReport().Machine, Seconds: seconds}
}

// write writes the report.
func (r *report) write(path string) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", " ")
	e.SetEscapeHTML(false)
	if err := e.Encode(r); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

// readReport reads a report.
func readReport(path string) (*report, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := &report{}
	return r, json.Unmarshal(text, r)
}
