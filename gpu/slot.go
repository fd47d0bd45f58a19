package gpu

import (
	"errors"

	"quern/gpu/cuda"
)

// slot is what one slice of a batch is computed in: memory of both sides and a stream.
// What goes up lies in one region and is one copy; so is what comes down. All is taken
// when the back end is opened, because taking memory makes a device wait.
type slot struct {
	stream *cuda.Stream
	in     region      // goes up
	out    region      // comes down
	work   cuda.Buffer // stays
}

// region is memory of the host and as much of the device.
type region struct {
	host   *cuda.Pinned
	device cuda.Buffer
}

// slots hands slots out: whoever wants one while none is free waits. That is the only
// limit to how much is in flight.
type slots struct {
	free chan *slot
	all  []*slot
}

// openSlots takes the memory of n slots.
func openSlots(d *cuda.Device, n, inBytes, workBytes, outBytes int) (*slots, error) {
	s := &slots{free: make(chan *slot, n)}
	for range n {
		one, err := openSlot(d, inBytes, workBytes, outBytes)
		s.all = append(s.all, one)
		if err != nil {
			return nil, errors.Join(err, s.close(d))
		}
		s.free <- one
	}
	return s, nil
}

// openSlot takes the memory of a slot. It returns what it got, also if it fails.
func openSlot(d *cuda.Device, inBytes, workBytes, outBytes int) (*slot, error) {
	s := &slot{}
	var err error
	if s.stream, err = d.NewStream(); err != nil {
		return s, err
	}
	if s.in, err = openRegion(d, inBytes); err != nil {
		return s, err
	}
	if s.out, err = openRegion(d, outBytes); err != nil {
		return s, err
	}
	s.work, err = d.Alloc(workBytes)
	return s, err
}

func openRegion(d *cuda.Device, bytes int) (r region, err error) {
	if r.host, err = d.AllocHost(bytes); err != nil {
		return r, err
	}
	r.device, err = d.Alloc(bytes)
	return r, err
}

func (r *region) close(d *cuda.Device) error {
	var errs []error
	if r.device.Addr != 0 {
		errs = append(errs, d.Free(r.device))
	}
	if r.host != nil {
		errs = append(errs, r.host.Free())
	}
	return errors.Join(errs...)
}

// close gives the memory back. All slots are free again.
func (s *slots) close(d *cuda.Device) error {
	var errs []error
	for _, one := range s.all {
		errs = append(errs, one.in.close(d), one.out.close(d))
		if one.work.Addr != 0 {
			errs = append(errs, d.Free(one.work))
		}
		if one.stream != nil {
			errs = append(errs, one.stream.Close())
		}
	}
	return errors.Join(errs...)
}

// get returns a free slot, or nil if there is none and the caller does not want to wait.
func (s *slots) get(wait bool) *slot {
	if wait {
		return <-s.free
	}
	select {
	case one := <-s.free:
		return one
	default:
		return nil
	}
}

// put makes a slot free.
func (s *slots) put(one *slot) { s.free <- one }
