//go:build linux && cuda && cgo

package gpu

import (
	"os"
	"testing"

	"quern/cpu"
	"quern/features/backend"
	"quern/features/featurestest"
	"quern/gpu/fake"
)

// TestMain runs the tests on the fake driver, unless there must be a GPU.
func TestMain(m *testing.M) { os.Exit(fake.Main(m, "trace=1,devices=2")) }

// open returns a back end on the device that there is.
func open(t *testing.T, o Options) *Backend {
	t.Helper()
	o.Reference = cpu.New()
	b, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func TestOpenChecksTheDevice(t *testing.T) {
	b := open(t, Options{SlotBytes: 8 << 20})
	if b.Name() == "" {
		t.Error("a device has no name")
	}
	if r, err := b.Rates(); err != nil || r.Up <= 0 || r.Down <= 0 || r.Launch <= 0 {
		t.Errorf("rates %+v, %v", r, err)
	}
}

// Every operator on the device, in slices so small that there are several.
func TestOperators(t *testing.T) {
	b := open(t, Options{SlotBytes: 8 << 20, LeastRows: 2})
	featurestest.Run(t, b)
	if c := b.Counts(); c.Device < 1000 {
		t.Errorf("the device took little part: %+v", c)
	} else {
		t.Logf("%+v", c)
	}
}

// A batch that stays on the device is computed again from there, and stages are told.
func TestResident(t *testing.T) {
	b := open(t, Options{SlotBytes: 8 << 20, Timed: true, Resident: true})
	p, specs := cannedProgram()
	x, err := b.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	s := x.NewSession().(*session)
	defer s.Close()
	if _, ok, err := s.Again(); ok || err != nil {
		t.Errorf("again before the first batch: %v, %v", ok, err)
	}
	for range 2 {
		if _, err := s.Run(cannedBatch(), newStatistics(specs)); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if took, ok, err := s.Again(); !ok || err != nil || took < 0 {
				t.Errorf("again: %v, %v, %v", took, ok, err)
			}
		}
	}
	for _, stage := range []string{backend.StageHost, backend.StageFill, backend.StageFinish} {
		if s.Stages()[stage] <= 0 {
			t.Errorf("no time in stage %s: %v", stage, s.Stages())
		}
	}
	for _, stage := range []string{backend.StageUpload, backend.StageKernel, backend.StageDownload} {
		if _, ok := s.Stages()[stage]; !ok {
			t.Errorf("no stage %s: %v", stage, s.Stages())
		}
	}
}
