package gpu

import (
	"quern/features/backend"
	"quern/gpu/code"
	"quern/gpu/cuda"
)

// Threads of a block of the kernels over rows, and how many rows a thread has at least.
const (
	rowBlock      = 256
	rowsPerThread = 4
)

// enqueue has a slice go up, be computed and come down.
func (r *runner) enqueue(q *cuda.Queue, s *slice) {
	slot := s.slot
	s.timed(q, backend.StageUpload, func() {
		q.Upload(slot.stream, slot.in.device, 0, slot.in.host, 0, s.in.size)
	})
	s.timed(q, backend.StageKernel, func() { r.compute(q, s) })
	s.timed(q, backend.StageDownload, func() {
		q.Download(slot.stream, slot.out.host, 0, slot.out.device, 0, s.out.size)
	})
	s.mark = q.Record(slot.stream)
}

// compute launches the kernels of a slice that is on the device.
func (r *runner) compute(q *cuda.Queue, s *slice) {
	b, slot := r.s.b, s.slot
	q.Fill(slot.stream, slot.out.device, 0, s.out.size, 0)
	for _, c := range s.clears {
		q.Fill(slot.stream, slot.work, c.at, c.n, c.value)
	}
	fault := s.away(s.fault)
	if p := r.pass.loaded; p != nil {
		args := p.Args(p.constants.Addr, s.columns, uint64(s.n), s.scratch.in(slot.work), fault)
		q.Launch(slot.stream, b.kernels[code.Kernel], b.grid(s.n, code.Block), code.Block, args...)
	}
	for _, g := range s.groups {
		grid := b.grid(len(g.tasks)*s.n, rowBlock*rowsPerThread)
		q.Launch(slot.stream, b.kernels[g.kernel], grid, rowBlock, g.address, uint64(len(g.tasks)), fault)
	}
	for _, l := range s.then {
		q.Launch(slot.stream, b.kernels[l.kernel], b.grid(l.n, rowBlock*rowsPerThread), rowBlock, l.args...)
	}
	for _, f := range s.after {
		f(q)
	}
}

// grid returns how many blocks a launch over n rows has: enough to keep the device
// busy, and no more than there is work for.
func (b *Backend) grid(n, each int) int {
	return max(1, min((n+each-1)/each, 8*b.device.Info().Multiprocessors))
}
