package gpu

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"quern/features/backend"
	"quern/features/program"
	"quern/gpu/code"
	"quern/gpu/cuda"
	"quern/gpu/kernels"
)

// Backend computes on a device. It is safe for concurrent use.
type Backend struct {
	device    *cuda.Device
	reference backend.Backend
	notice    func(text string)
	kernels   map[string]cuda.Kernel
	modules   []*cuda.Module
	side      *cuda.Stream // for what is no slice
	slots     *slots
	least     int
	most      int // rows of a slice, for tests; 0: what fits
	timed     bool
	resident  bool
	said      sync.Once
	lost      atomic.Bool
	cause     atomic.Pointer[error] // why the device was given up first
	done      counts

	mu        sync.Mutex
	constants []cuda.Buffer // of programs
}

// counts is what has come of slices.
type counts struct{ device, reference, tuples atomic.Int64 }

// Counts says who has computed how much so far.
type Counts struct {
	Device    int64 // slices of batches that the device computed
	Reference int64 // slices that the reference had to compute, because of a fault or for want of room
	Tuples    int64 // observations of slices that the reference had to make
}

// Counts returns what has come of slices since Open.
func (b *Backend) Counts() Counts {
	return Counts{b.done.device.Load(), b.done.reference.Load(), b.done.tuples.Load()}
}

// Name returns "gpu:0" and the name of the device.
func (b *Backend) Name() string {
	info := b.device.Info()
	return fmt.Sprintf("gpu:%d %s", info.Ordinal, info.Name)
}

// Info describes the device.
func (b *Backend) Info() cuda.Info { return b.device.Info() }

// Compile verifies p. The error is that of program.Verify.
func (b *Backend) Compile(p *program.Program) (backend.Executable, error) {
	whole, err := b.reference.Compile(p)
	if err != nil {
		return nil, err
	}
	return newExecutable(b, p, whole), nil
}

// Wholesale says that a call costs more than a row: see backend.Wholesale.
func (b *Backend) Wholesale() bool { return !b.lost.Load() }

// Close gives the device back. No session is in use any more.
func (b *Backend) Close() error {
	var errs []error
	if b.slots != nil {
		errs = append(errs, b.slots.close(b.device))
	}
	for _, c := range b.constants {
		errs = append(errs, b.device.Free(c))
	}
	if b.side != nil {
		errs = append(errs, b.side.Close())
	}
	for _, m := range b.modules {
		errs = append(errs, m.Unload())
	}
	return errors.Join(append(errs, b.device.Close())...)
}

// loadKernels brings all kernels to the device.
func (b *Backend) loadKernels() error {
	b.kernels = map[string]cuda.Kernel{}
	for _, k := range kernels.ReadManifest().Kernels {
		m, err := b.device.Load(kernels.PTX(k.Name))
		if err != nil {
			return err
		}
		b.modules = append(b.modules, m)
		for _, entry := range k.Entries {
			if b.kernels[entry], err = m.Kernel(entry); err != nil {
				return err
			}
		}
	}
	return nil
}

// loaded is a program whose code is on the device.
type loaded struct {
	*code.Code
	constants cuda.Buffer
}

// load writes p, whose results are its outputs, in the device's form and brings it there.
func (b *Backend) load(p *program.Program) (*loaded, error) {
	c, err := code.Encode(p, resultsOf(p))
	if err != nil {
		return nil, err
	}
	at, err := b.keep(c.Constants)
	return &loaded{c, at}, err
}

// resultsOf returns the outputs of p, which leave the device in storage form.
func resultsOf(p *program.Program) []code.Result {
	results := make([]code.Result, len(p.Outputs))
	for i, o := range p.Outputs {
		t, _ := code.StorageType(p.Code[o.Register].Type)
		results[i] = code.Result{Register: o.Register, Type: t}
	}
	return results
}

// keep returns a copy of data on the device, which stays until Close. It takes no slot:
// those who hold them may be waiting for the caller.
func (b *Backend) keep(data []byte) (at cuda.Buffer, err error) {
	host, err := b.device.AllocHost(len(data))
	if err != nil {
		return at, err
	}
	defer func() { err = errors.Join(err, host.Free()) }()
	copy(host.Bytes(), data)
	if at, err = b.device.Alloc(len(data)); err != nil {
		return at, err
	}
	b.mu.Lock()
	b.constants = append(b.constants, at)
	b.mu.Unlock()
	return at, b.run(func(q *cuda.Queue) { q.Upload(b.side, at, 0, host, 0, len(data)) }, b.side)
}

// run enqueues and waits until it is done.
func (b *Backend) run(enqueue func(q *cuda.Queue), s *cuda.Stream) error {
	var m cuda.Mark
	err := b.device.Do(func(q *cuda.Queue) error {
		enqueue(q)
		m = q.Record(s)
		return nil
	})
	if err != nil {
		return err
	}
	return b.device.Wait(m)
}

// gone notes that the device failed: from now on the reference computes everything. It
// says so once.
func (b *Backend) gone(err error) {
	var first *cuda.Error
	if errors.As(err, &first) { // of several of the same kind
		err = first
	}
	b.cause.CompareAndSwap(nil, &err)
	if !errors.Is(err, cuda.ErrOutOfMemory) {
		b.lost.Store(true)
	}
	b.said.Do(func() {
		if b.notice != nil {
			b.notice(fmt.Sprintf("%s: %v; going on with %s", b.Name(), err, b.reference.Name()))
		}
	})
}
