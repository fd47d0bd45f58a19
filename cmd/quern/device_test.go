package main

import (
	"errors"
	"strings"
	"testing"

	"quern/cpu"
	"quern/features/column"
	"quern/gpu"
	"quern/pipeline"
)

func TestParseDevice(t *testing.T) {
	for text, want := range map[string]device{
		"auto": {kind: onAuto}, "cpu": {kind: onCPU}, "gpu": {kind: onGPU, all: true}, "gpu:0": {kind: onGPU}, "gpu:12": {kind: onGPU, ordinal: 12},
	} {
		if got, err := parseDevice(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "GPU", "gpu:", "gpu:-1", "gpu:+1", "gpu:999", "gpu:1:2", "cpu:0", "auto:1", "gpu 1"} {
		if got, err := parseDevice(text); err == nil || exitCode(err) != 2 {
			t.Errorf("%q is %+v, %v", text, got, err)
		}
	}
}

// TestTransformWork: numbers travel both ways, what starts with a text does not.
func TestTransformWork(t *testing.T) {
	f32 := column.Schema{{Name: "y", Type: column.Float32}}
	d := &pipeline.Description{Rows: 10, Columns: column.Schema{{Name: "x", Type: column.Float64}, {Name: "s", Type: column.String}}, Chains: []pipeline.ChainDescription{
		{From: "x", Steps: make([]pipeline.StepDescription, 3), Outputs: f32},
		{From: "s", Steps: make([]pipeline.StepDescription, 1), Outputs: f32},
		{From: "x, s", Steps: make([]pipeline.StepDescription, 2), Outputs: f32},
	}}
	if got, want := transformWork(d), (gpu.Work{Rows: 10, Up: gpu.BytesOf(column.Float64), Down: gpu.BytesOf(column.Float32), Values: 3 * stepValues}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestDeviceChoicesAsText(t *testing.T) {
	if got := deviceChoices(cpu.New(), "cpu", &pipeline.Description{}); len(got) != 1 || got[0].Device != "cpu" || got[0].Reason != "--device cpu" {
		t.Errorf("%+v", got)
	}
	p := &page{}
	p.device([]deviceChoice{{Phase: "scan 1", Device: "gpu:0 X", Reason: "it is faster"}, {Phase: "write", Device: "cpu", Reason: "it is not"}})
	if got := p.text.String(); got != "device scan 1: gpu:0 X (it is faster)\n       write: cpu (it is not)\n" {
		t.Errorf("%q", got)
	}
}

// TestDevicesAreClosed: whatever the command opened is closed when it ends, last first,
// and a failure to do so is told.
func TestDevicesAreClosed(t *testing.T) {
	var order strings.Builder
	a := &app{}
	for _, name := range []string{"a", "b"} {
		a.atEnd = append(a.atEnd, func() error { order.WriteString(name); return errors.New(name) })
	}
	if err := a.closeAll(); err == nil || order.String() != "ba" || a.closeAll() != nil {
		t.Errorf("%v, %q", err, order.String())
	}
}
