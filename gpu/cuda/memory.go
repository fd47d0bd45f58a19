package cuda

// granule is what device memory is counted in: every buffer starts at a multiple of it,
// and owns its last one whole, so that kernels may read past the end up to there.
const granule = 256

// Buffer is memory of the device. Its bytes are garbage at first. The value is a name:
// copies name the same bytes.
type Buffer struct {
	Addr uint64 // on the device
	Size int    // bytes
}

// At returns n bytes of b from byte at.
func (b Buffer) At(at, n int) Buffer {
	within("Buffer.At", at, n, b.Size)
	return Buffer{b.Addr + uint64(at), n}
}

// within panics unless n items from at lie within size.
func within(what string, at, n, size int) {
	if at < 0 || n < 0 || n > size-at {
		bug("%s: %d bytes at %d of %d", what, n, at, size)
	}
}

// Alloc takes memory of the device, which the caller frees. It waits for the device:
// take what a run needs when it starts.
func (d *Device) Alloc(bytes int) (b Buffer, err error) {
	if bytes < 0 {
		bug("Alloc(%d)", bytes)
	}
	maker := caller()
	err = d.call(func() error {
		whole := max((bytes+granule-1)/granule, 1) * granule
		addr, err := d.driver.alloc(whole)
		if err == nil {
			b = Buffer{addr, bytes}
			d.loans.add(addr, loan{what: "device buffer", bytes: whole, maker: maker, free: func() error { return d.driver.free(addr) }})
		}
		return err
	})
	return b, err
}

// Free gives memory back that Alloc returned. It waits for the device.
func (d *Device) Free(b Buffer) error { return d.giveBack(b.Addr) }

// giveBack frees what was lent under a key. On a dead device there is nothing to free.
func (d *Device) giveBack(key any) error {
	l, ok := d.loans.remove(key)
	if !ok {
		bug("free of %v, which is not in use", key)
	}
	if d.dead() != nil {
		return nil
	}
	return d.call(l.free)
}

// Available returns how many bytes of the device's memory nobody uses.
func (d *Device) Available() (bytes int64, err error) {
	err = d.call(func() error { bytes, err = d.driver.available(); return err })
	return bytes, err
}

// Pinned is page-locked memory of the host, from which the device copies by itself.
type Pinned struct {
	device *Device
	bytes  []byte
}

// AllocHost takes page-locked memory, which the caller frees. It is expensive, like Alloc.
func (d *Device) AllocHost(bytes int) (p *Pinned, err error) {
	if bytes < 0 {
		bug("AllocHost(%d)", bytes)
	}
	maker := caller()
	err = d.call(func() error {
		b, err := d.driver.allocHost(max(bytes, 1))
		if err == nil {
			p = &Pinned{d, b[:bytes:bytes]}
			d.loans.add(p, loan{what: "page-locked memory", bytes: bytes, maker: maker, free: func() error { return d.driver.freeHost(b) }})
		}
		return err
	})
	return p, err
}

// Bytes returns the memory. It is not Go's: it must not be used after Free or Close,
// nor written while a copy from it, or touched while a copy to it, is in flight.
func (p *Pinned) Bytes() []byte { return p.bytes }

// Free gives the memory back.
func (p *Pinned) Free() error { return p.device.giveBack(p) }
