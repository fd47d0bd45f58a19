//go:build linux && cuda && cgo

package gpu

import (
	"testing"

	"quern/cpu"
	"quern/gpu/cuda"
)

// Sessions go to the devices in turns, and all of them compute the same.
func TestSeveral(t *testing.T) {
	if len(cuda.Status().Devices) < 2 {
		t.Skip("there are not two devices")
	}
	o := Options{Reference: cpu.New(), SlotBytes: 8 << 20}
	if _, err := OpenSeveral([]int{0, 99}, o); err == nil {
		t.Error("device 99 is open")
	}
	b, err := OpenSeveral([]int{0, 1}, o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	if !b.Wholesale() || b.Name() == "" {
		t.Errorf("%q, wholesale %v", b.Name(), b.Wholesale())
	}
	p, specs := cannedProgram()
	x, err := b.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	before := []Counts{b.devices[0].Counts(), b.devices[1].Counts()}
	first := newStatistics(specs)
	for i := range 4 {
		s, into := x.NewSession(), newStatistics(specs)
		if i == 0 {
			into = first
		}
		if _, err := s.Run(cannedBatch(), into); err != nil {
			t.Fatal(err)
		}
		if err := sameStatistics(into, first); err != nil {
			t.Error(err)
		}
		s.Close()
	}
	for i, d := range b.devices {
		if c := d.Counts(); c.Device <= before[i].Device {
			t.Errorf("device %d took no part: %+v", i, c)
		}
	}
}
