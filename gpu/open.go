package gpu

import (
	"cmp"
	"errors"

	"quern/features/backend"
	"quern/gpu/cuda"
)

// Options say which device to use, and how.
type Options struct {
	// Ordinal is the number of the device: 0 is the first.
	Ordinal int
	// Reference computes what the device cannot, and what it must agree with.
	Reference backend.Backend
	// Notice is told, once, when the run goes on without the device; nil: nobody is.
	Notice func(text string)
	// Slots is how many slices of batches are in flight; 0 means 3.
	Slots int
	// SlotBytes is how much of a slice goes up, and comes down, at most; 0 means 32 MiB.
	// The device has four times as much per slot, the host twice, page-locked.
	SlotBytes int
	// LeastRows is the length of the shortest batch that goes to the device; 0 means 1024.
	// A shorter one is done by the reference before the device has begun.
	LeastRows int
	// Timed has sessions say how long the device took for each stage.
	Timed bool
	// Resident leaves a batch that is one slice on the device until the next one, so that
	// it can be computed Again. Passes of a program, times sessions, must not be more than
	// Slots.
	Resident bool
}

// Open starts work with a device, takes its memory and checks it: a device that computes
// a single bit otherwise than the reference on a canned batch is refused. Where there is
// no device the error is *cuda.Unavailable.
func Open(o Options) (*Backend, error) {
	device, err := cuda.Open(o.Ordinal)
	if err != nil {
		return nil, err
	}
	b := &Backend{device: device, reference: o.Reference, timed: o.Timed, resident: o.Resident}
	err = b.start(cmp.Or(o.Slots, 3), cmp.Or(o.SlotBytes, 32<<20))
	if err == nil {
		err = b.check()
	}
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	b.notice, b.least = o.Notice, cmp.Or(o.LeastRows, 1024)
	return b, nil
}

// start takes what the device is to hold.
func (b *Backend) start(slots, bytes int) (err error) {
	if err = b.loadKernels(); err != nil {
		return err
	}
	if b.side, err = b.device.NewStream(); err != nil {
		return err
	}
	b.slots, err = openSlots(b.device, slots, bytes, 2*bytes, bytes)
	return err
}
