package cuda

// Stream is a queue on the device: what is enqueued on it runs in order. What is on
// different streams may run at the same time.
type Stream struct {
	device *Device
	h      handle
}

// NewStream makes a stream, which the caller closes.
func (d *Device) NewStream() (s *Stream, err error) {
	maker := caller()
	err = d.call(func() error {
		h, err := d.driver.newStream()
		if err == nil {
			s = &Stream{d, h}
			d.loans.add(s, loan{what: "stream", maker: maker, free: func() error { return d.driver.destroyStream(h) }})
		}
		return err
	})
	return s, err
}

// Close gives the stream back. What is on it still runs.
func (s *Stream) Close() error { return s.device.giveBack(s) }

// Queue enqueues work, inside of Do. It remembers the first error, which Do returns;
// after it, and on a dead device, its methods do nothing.
type Queue struct {
	device *Device
	err    error
	marks  []Mark
}

// on begins a step on streams; it reports whether there is anything to do.
func (q *Queue) on(streams ...*Stream) bool {
	if q.device == nil {
		bug("a queue is used after its Do")
	}
	for _, s := range streams {
		if s == nil || s.device != q.device {
			bug("a stream of another device")
		}
	}
	return q.err == nil
}

// did ends a step.
func (q *Queue) did(err error) {
	if err != nil {
		q.err = err
	}
}

// Upload copies n bytes of src, from byte from, to byte at of dst.
func (q *Queue) Upload(s *Stream, dst Buffer, at int, src *Pinned, from, n int) {
	within("Upload to a buffer", at, n, dst.Size)
	within("Upload from the host", from, n, len(src.bytes))
	if q.on(s) && n > 0 {
		q.did(q.device.driver.upload(s.h, dst.Addr+uint64(at), src.bytes[from:from+n]))
	}
}

// Download copies n bytes of src, from byte from, to byte at of dst.
func (q *Queue) Download(s *Stream, dst *Pinned, at int, src Buffer, from, n int) {
	within("Download to the host", at, n, len(dst.bytes))
	within("Download from a buffer", from, n, src.Size)
	if q.on(s) && n > 0 {
		q.did(q.device.driver.download(s.h, dst.bytes[at:at+n], src.Addr+uint64(from)))
	}
}

// Copy copies n bytes of src, from byte from, to byte at of dst, on the device. They must not overlap.
func (q *Queue) Copy(s *Stream, dst Buffer, at int, src Buffer, from, n int) {
	within("Copy to a buffer", at, n, dst.Size)
	within("Copy from a buffer", from, n, src.Size)
	if q.on(s) && n > 0 {
		q.did(q.device.driver.copy(s.h, dst.Addr+uint64(at), src.Addr+uint64(from), n))
	}
}

// Fill sets n bytes of b, from byte at, to a value.
func (q *Queue) Fill(s *Stream, b Buffer, at, n int, value byte) {
	within("Fill", at, n, b.Size)
	if q.on(s) && n > 0 {
		q.did(q.device.driver.fill(s.h, b.Addr+uint64(at), n, value))
	}
}

// Launch runs a kernel with grid blocks of block threads. Every argument of the kernel
// has eight bytes, whatever its type: addresses, int64, or the bits of a float64; of
// smaller types the low bytes count.
func (q *Queue) Launch(s *Stream, k Kernel, grid, block int, args ...uint64) {
	if grid <= 0 || block <= 0 || k.device != q.device {
		bug("Launch of %s on %d blocks of %d threads", k, grid, block)
	}
	if q.on(s) {
		q.did(q.device.driver.launch(s.h, k.h, k.name, grid, block, args))
	}
}

// Follow makes what is enqueued on s from now on wait for everything that is on leader now.
func (q *Queue) Follow(s, leader *Stream) {
	if !q.on(s, leader) {
		return
	}
	e, err := q.event(false)
	if err == nil {
		err = q.device.driver.record(e.h, leader.h)
		if err == nil {
			err = q.device.driver.follow(s.h, e.h)
		}
		q.device.events.put(e) // s waits for what e was when it was told to
	}
	q.did(err)
}

// Record marks the place that s has come to. Exactly one Wait, or Elapsed, must follow
// if Do succeeds.
func (q *Queue) Record(s *Stream) Mark { return q.record(s, false) }

// Time is Record for marks that Elapsed can compare. They cost the device a little more.
func (q *Queue) Time(s *Stream) Mark { return q.record(s, true) }

func (q *Queue) record(s *Stream, timed bool) Mark {
	if !q.on(s) {
		return Mark{}
	}
	e, err := q.event(timed)
	if err != nil {
		q.did(err)
		return Mark{}
	}
	m := q.device.events.mark(e)
	q.marks = append(q.marks, m)
	q.did(q.device.driver.record(e.h, s.h))
	return m
}

// event returns an event that is not in use.
func (q *Queue) event(timed bool) (*event, error) {
	if e := q.device.events.take(timed); e != nil {
		return e, nil
	}
	h, err := q.device.driver.newEvent(timed)
	if err != nil {
		return nil, err
	}
	return q.device.events.made(h, timed), nil
}
