package main

import (
	"reflect"
	"testing"

	"quern/gpu/cuda"
)

// TestDoctorOnGPUs: a machine without a GPU is as good; one whose GPU lies idle needs a hand.
func TestDoctorOnGPUs(t *testing.T) {
	for name, c := range map[string]struct {
		report cuda.Report
		want   []finding
	}{
		"nothing there": {cuda.Report{Missing: "no driver", Fix: "install one"}, []finding{{"gpu", "no driver: runs use the CPU; install one", ""}}},
		"broken":        {cuda.Report{Missing: "no driver", Fix: "install one", Broken: true}, []finding{{"gpu", "no driver: runs use the CPU", "install one"}}},
		"two": {cuda.Report{Built: true, Library: "/lib/libcuda.so.1", Driver: 12080, Devices: []cuda.Info{
			{Name: "A", Compute: cuda.Compute{Major: 9}, Memory: 3 << 30, Multiprocessors: 132},
			{Ordinal: 1, Name: "B", Compute: cuda.Compute{Major: 7, Minor: 5}, Memory: 1 << 29, Multiprocessors: 1},
		}}, []finding{
			{"cuda", "/lib/libcuda.so.1, CUDA 12.8", ""},
			{"gpu 0", "A, compute 9.0, 132 multiprocessors, 3.0 GiB", ""},
			{"gpu 1", "B, compute 7.5, 1 multiprocessor, 0.5 GiB", ""},
		}},
	} {
		if got := examineGPU(c.report); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
