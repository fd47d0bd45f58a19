package main

import (
	"context"
	"errors"
	"strings"

	"quern/bench"
	"quern/cpu"
	"quern/gpu"
)

// benchDevices reads the value of bench's --device: the number of the GPU to compare with
// the CPU, or nil.
func benchDevices(text string) (*int, error) {
	if text == onCPU {
		return nil, nil
	}
	rest, ok := strings.CutPrefix(text, onCPU+",")
	d, err := parseDevice(rest)
	if !ok || err != nil || d.kind != onGPU {
		return nil, usage("--device is cpu or cpu,gpu (or cpu,gpu:N), not %q", text)
	}
	return &d.ordinal, nil
}

// residentSlot is how much of a batch is left on the device when resident rates are
// measured: as much as a row group of the workloads may take.
const residentSlot = 256 << 20

// compareDevices measures the workloads on the GPU too, from file to file, and then
// compares the two.
func (a *app) compareDevices(ctx context.Context, r *bench.Report, workloads []bench.Workload, o bench.Options, ordinal int, f benchFlags) (err error) {
	o.GPU, o.Baseline = &ordinal, ""
	for _, w := range workloads {
		if w.Online() {
			continue
		}
		result, err := bench.Measure(ctx, w, o)
		if err != nil {
			return err
		}
		r.Results = append(r.Results, result)
	}
	how := bench.CompareOptions{Cores: o.Workers, Runs: f.runs, Rows: f.rows, Cache: f.cache, Say: o.Say}
	if f.rows > 0 {
		how.Operators, how.Crossover = f.rows, 16*f.rows
	}
	opened := []*gpu.Backend{}
	defer func() {
		for _, b := range opened {
			err = errors.Join(err, b.Close())
		}
	}()
	for _, x := range []gpu.Options{{}, {Timed: true}, {Resident: true, Slots: 1, SlotBytes: residentSlot}} {
		x.Ordinal, x.Reference = ordinal, cpu.New()
		if r.GPU.Simulated {
			x.SlotBytes = 0 // the tests' device is small
		}
		b, err := openGPU(x)
		if err != nil {
			return err
		}
		opened = append(opened, b)
	}
	how.GPU, how.Timed, how.Resident = opened[0], opened[1], opened[2]
	r.Device = "cpu, " + r.GPU.Device
	return r.GPU.Compare(ctx, workloads, how)
}
