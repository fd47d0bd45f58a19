package bench

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"quern/gpu/cuda"
)

// fakePrefix starts the names of the devices of the tests' driver (gpu/fake).
const fakePrefix = "Fake GPU"

// NewDeviceReport describes a device and measures its ceilings, moving size bytes a time
// (0: enough to tell). The error is *cuda.Unavailable where there is none.
func NewDeviceReport(ordinal, size int) (*DeviceReport, error) {
	if size == 0 {
		size = 128 << 20
	}
	d, err := cuda.Open(ordinal)
	if err != nil {
		return nil, err
	}
	info := d.Info()
	r := &DeviceReport{Device: fmt.Sprintf("gpu:%d %s", info.Ordinal, info.Name), Driver: info.Driver.String(), Bus: info.Bus,
		Compute: fmt.Sprintf("%d.%d", info.Compute.Major, info.Compute.Minor), MemoryGB: float64(info.Memory) / 1e9,
		Simulated: strings.HasPrefix(info.Name, fakePrefix)}
	r.Ceilings, err = measureCeilings(d, size)
	return r, errors.Join(err, d.Close())
}

// mover moves bytes to, from and on a device.
type mover struct {
	d        *cuda.Device
	size     int
	from, to *cuda.Pinned
	a, b     cuda.Buffer
	up, down *cuda.Stream
}

// measureCeilings moves bytes in every way and returns the best rates.
func measureCeilings(d *cuda.Device, size int) (c Ceilings, err error) {
	m, err := newMover(d, size)
	defer func() { err = errors.Join(err, m.close()) }()
	if err != nil {
		return c, err
	}
	upload := func(q *cuda.Queue) { q.Upload(m.up, m.a, 0, m.from, 0, size) }
	download := func(q *cuda.Queue) { q.Download(m.down, m.to, 0, m.b, 0, size) }
	for _, x := range []struct {
		rate    *float64
		bytes   int
		enqueue func(q *cuda.Queue)
	}{
		{&c.Up, size, upload},
		{&c.Down, size, download},
		{&c.Both, 2 * size, func(q *cuda.Queue) { upload(q); download(q) }},
		{&c.Memory, 2 * size, func(q *cuda.Queue) { q.Copy(m.up, m.b, 0, m.a, 0, size) }},
		{&c.Launch, 0, func(q *cuda.Queue) { q.Fill(m.up, m.a, 0, 16, 0) }},
	} {
		seconds, err := m.fastest(x.enqueue)
		if err != nil {
			return c, err
		}
		*x.rate = seconds
		if x.bytes > 0 {
			*x.rate = float64(x.bytes) / seconds
		}
	}
	return c, nil
}

func newMover(d *cuda.Device, size int) (m *mover, err error) {
	m = &mover{d: d, size: size}
	note := func(e error) { err = errors.Join(err, e) }
	var e error
	m.from, e = d.AllocHost(size)
	note(e)
	m.to, e = d.AllocHost(size)
	note(e)
	m.a, e = d.Alloc(size)
	note(e)
	m.b, e = d.Alloc(size)
	note(e)
	m.up, e = d.NewStream()
	note(e)
	m.down, e = d.NewStream()
	note(e)
	if err != nil {
		return m, err
	}
	for i := range m.from.Bytes() {
		m.from.Bytes()[i] = byte(i)
	}
	_, err = m.fastest(func(q *cuda.Queue) { q.Upload(m.up, m.b, 0, m.from, 0, size) }) // b has a value
	return m, err
}

// close gives back what there is.
func (m *mover) close() error {
	var errs []error
	for _, p := range []*cuda.Pinned{m.from, m.to} {
		if p != nil {
			errs = append(errs, p.Free())
		}
	}
	for _, b := range []cuda.Buffer{m.a, m.b} {
		if b.Size > 0 {
			errs = append(errs, m.d.Free(b))
		}
	}
	for _, s := range []*cuda.Stream{m.up, m.down} {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	return errors.Join(errs...)
}

// fastest returns the shortest time from enqueuing until both streams are done.
func (m *mover) fastest(enqueue func(q *cuda.Queue)) (float64, error) {
	least := 0.0
	for i := range 5 {
		start := time.Now()
		var up, down cuda.Mark
		err := m.d.Do(func(q *cuda.Queue) error {
			enqueue(q)
			up, down = q.Record(m.up), q.Record(m.down)
			return nil
		})
		if err == nil {
			err = errors.Join(m.d.Wait(up), m.d.Wait(down))
		}
		if err != nil {
			return 0, err
		}
		if t := time.Since(start).Seconds(); i == 0 || t < least {
			least = t
		}
	}
	return max(least, 1e-9), nil
}
